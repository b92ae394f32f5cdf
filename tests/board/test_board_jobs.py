# SPDX-License-Identifier: Apache-2.0
"""Jobs on the simulated shell by the C driver: layouts, sizes, stalls, errors of memory, aborts, wrong lengths."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import board_jobs
import board_nets
import numpy as np
import pytest
from board_jobs import LAYOUTS, check, draw

from rtl4ml.board.bulk import BoardSimulator, Job
from rtl4ml.errors import SimulationFailed

pytestmark = pytest.mark.early


@pytest.fixture(scope="module")
def pixels(tmp_path_factory: pytest.TempPathFactory) -> BoardSimulator:
    """Single pixels, as board_jobs.py takes them."""
    return board_nets.simulator(board_nets.stand_in(**board_jobs.PIXELS), tmp_path_factory.mktemp("pixels"))


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> BoardSimulator:
    """Images of 5 x 61 pixels of 3 bands of uint8, a pixel a beat; a bit a pixel."""
    shell = board_nets.stand_in(bands=3, lanes=3, count_bytes=1, frame=(5, 61), result="mask")
    return board_nets.simulator(shell, tmp_path_factory.mktemp("images"))


def name(scenario: Callable[..., None] | partial[None]) -> str:
    return (scenario.func if isinstance(scenario, partial) else scenario).__name__


@pytest.mark.parametrize("scenario", board_jobs.CHECKS, ids=name)
def test_pixels(
    scenario: Callable[[BoardSimulator, np.random.Generator], None],
    pixels: BoardSimulator,
    rng: np.random.Generator,
) -> None:
    scenario(pixels, rng)


PART = 100
THOUSAND = [
    pytest.param(scenario, id=f"{scenario.__name__}-part{k}")
    for scenario in (
        board_jobs.jobs_under_pauses,
        board_jobs.aborts_at_any_cycle,
        board_jobs.errors_of_any_beat,
    )
    for k in range(1000 // PART)
]


@pytest.mark.slow
@pytest.mark.parametrize("scenario", THOUSAND)
def test_a_thousand_of_each(
    scenario: Callable[[BoardSimulator, np.random.Generator, int], None],
    pixels: BoardSimulator,
    rng: np.random.Generator,
) -> None:
    scenario(pixels, rng, PART)


@pytest.mark.parametrize("number", [6, pytest.param(PART, marks=pytest.mark.slow)])
def test_images_under_pauses(images: BoardSimulator, rng: np.random.Generator, number: int) -> None:
    board_jobs.jobs_under_pauses(images, rng, number)


@pytest.mark.parametrize("stalls", [False, True])
def test_images_become_masks_of_packed_rows(
    images: BoardSimulator, rng: np.random.Generator, stalls: bool
) -> None:
    jobs = [
        Job(cube=draw(rng, images, 5 * n, 61), layout=layout, skew=int(rng.integers(0, 4096)))
        for n in (1, 3)
        for layout in LAYOUTS
    ]
    for job, found in zip(jobs, images.run(jobs, stalls=stalls, seed=3), strict=True):
        check(images, job, found)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_bands_that_lie_apart_are_as_fast(
    images: BoardSimulator, rng: np.random.Generator, layout: str
) -> None:
    """Three counts a cycle, in whatever order they lie."""
    cube = draw(rng, images, 5 * 40, 61)
    (found,) = images.run([Job(cube=cube, layout=layout)], refresh=False)
    assert found.cycles <= 1.001 * cube[..., 0].size + 600, found.cycles


def test_a_partial_image_is_a_bad_length(images: BoardSimulator, rng: np.random.Generator) -> None:
    cube = draw(rng, images, 5, 61)
    job = Job(cube=cube, layout="bil")
    first, second = images.run([Job(cube=cube, layout="bil", driver=False, registers={"ROWS": 4}), job])
    assert first.flags == {"bad_length", "aborted"}
    check(images, job, second)


def test_a_broken_shell_is_found(tmp_path: Path, rng: np.random.Generator) -> None:
    """The harness sees a mover that breaks a rule."""
    shell = board_nets.stand_in(bands=4, lanes=4, result="map", banded=False)
    sources = board_nets.write(shell, tmp_path)
    top = tmp_path / "rtl" / "r4_board.sv"
    text = top.read_text()
    broken = text.replace(".m_axi_wlast,", ".m_axi_wlast(),", 1).replace(
        "  logic unused;", "  assign m_axi_wlast = 1'b1;\n  logic unused;", 1
    )
    assert broken != text
    top.write_text(broken)
    simulator = board_nets.build(tmp_path, sources, shell, images=tmp_path / "mem")
    with pytest.raises(SimulationFailed) as error:
        simulator.run([Job(cube=draw(rng, simulator, 8, 32))])
    assert re.fullmatch(
        r"r4_board: WLAST must come with the word that AWLEN announces \(cycle \d+\); "
        "the board's shell is wrong, report it with the model",
        str(error.value),
    )
