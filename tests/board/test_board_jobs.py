# SPDX-License-Identifier: Apache-2.0
"""Jobs on the simulated shell by the C driver: layouts, sizes, stalls, errors of memory, aborts, wrong lengths."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import board_nets
import numpy as np
import pytest
from numpy.typing import NDArray

from rtl4ml.board import interface
from rtl4ml.board.bulk import BoardSimulator, Job, Outcome, strides
from rtl4ml.errors import SimulationFailed

LAYOUTS = tuple(interface.LAYOUTS)

pytestmark = pytest.mark.early
Cube = NDArray[np.unsignedinteger[Any]]


@pytest.fixture(scope="module")
def pixels(tmp_path_factory: pytest.TempPathFactory) -> BoardSimulator:
    """Single pixels of 10 bands of uint16, two a beat; 16 bits a pixel."""
    return board_nets.simulator(board_nets.stand_in(bands=10, lanes=2), tmp_path_factory.mktemp("pixels"))


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> BoardSimulator:
    """Images of 5 x 37 pixels of 3 bands of uint8; a bit a pixel."""
    shell = board_nets.stand_in(bands=3, lanes=1, count_bytes=1, frame=(5, 37), result="mask")
    return board_nets.simulator(shell, tmp_path_factory.mktemp("images"))


def draw(rng: np.random.Generator, simulator: BoardSimulator, rows: int, columns: int) -> Cube:
    dtype = np.uint8 if simulator.shell.count_bytes == 1 else np.uint16
    return rng.integers(0, 400 if dtype is np.uint16 else 256, (rows, columns, simulator.shell.bands)).astype(
        dtype
    )


def check(simulator: BoardSimulator, job: Job, found: Outcome) -> None:
    """The job went well."""
    assert (found.code, found.message, found.flags) == (0 if job.driver else -1, "", frozenset())
    np.testing.assert_array_equal(found.result, board_nets.expected(simulator.shell, job.cube))
    rows, columns, _ = job.cube.shape
    assert found.frames_done == rows * columns // (simulator.shell.frame_rows * simulator.shell.frame_columns)
    assert found.axi_errors == found.frame_errors == 0


@pytest.mark.parametrize("stalls", [False, True])
def test_cubes_of_every_layout_and_size_are_exact(
    pixels: BoardSimulator, rng: np.random.Generator, stalls: bool
) -> None:
    sizes = [(1, 1), (1, 2), (1, 7), (3, 1), (2, 31), (2, 32), (2, 33), (3, 64), (1, 100), (5, 65)]
    jobs = [
        Job(
            cube=draw(rng, pixels, *size),
            layout=layout,
            skew=2 * int(rng.integers(0, 2048)),
            driver=bool(rng.integers(2)),
        )
        for size in sizes
        for layout in LAYOUTS
    ]
    for job, found in zip(jobs, pixels.run(jobs, latency=60, jitter=440, stalls=stalls, seed=7), strict=True):
        check(pixels, job, found)


@pytest.mark.parametrize("stalls", [False, True])
def test_images_become_masks_of_packed_rows(
    images: BoardSimulator, rng: np.random.Generator, stalls: bool
) -> None:
    jobs = [
        Job(cube=draw(rng, images, 5 * n, 37), layout=layout, skew=int(rng.integers(0, 4096)))
        for n in (1, 3)
        for layout in LAYOUTS
    ]
    for job, found in zip(jobs, images.run(jobs, stalls=stalls, seed=3), strict=True):
        check(images, job, found)


def test_a_job_takes_no_longer_than_its_counts(pixels: BoardSimulator, rng: np.random.Generator) -> None:
    cube = draw(rng, pixels, 20, 96)
    for layout in LAYOUTS:
        (found,) = pixels.run([Job(cube=cube, layout=layout)], refresh=False)
        # A beat of two counts a cycle straight, a count a cycle where tiles are turned.
        interval = 5 if layout == "bip" else 10
        assert found.cycles <= 1.001 * 1920 * interval + 600, (layout, found.cycles)


def test_errors_of_memory_are_said_and_the_next_job_is_right(
    pixels: BoardSimulator, rng: np.random.Generator
) -> None:
    cube = draw(rng, pixels, 3, 40)
    jobs = []
    for k, layout in enumerate(LAYOUTS):
        jobs.append(Job(cube=cube, layout=layout, read_error=1 + int(rng.integers(100)), decode=bool(k % 2)))
        jobs.append(Job(cube=cube, layout=layout))
        jobs.append(Job(cube=cube, layout=layout, write_error=1, decode=not k % 2))
        jobs.append(Job(cube=cube, layout=layout))
        jobs.append(Job(cube=cube, layout=layout, outside=True))
        jobs.append(Job(cube=cube, layout=layout))
    outcomes = pixels.run(jobs, stalls=True, seed=5)
    for job, found in zip(jobs, outcomes, strict=True):
        if job.read_error:
            assert (found.flags, found.axi_errors) == ({"read_error"}, 1)
        elif job.write_error:
            assert (found.flags, found.axi_errors) == ({"write_error"}, 1)
        elif job.outside:
            assert found.flags == {"read_error"}
            assert found.axi_errors == found.words[0]
        else:
            check(pixels, job, found)
    assert outcomes[0].message == (
        "a job must end with its result, not with: an error of memory on a read (120 frames done, 1 AXI errors)"
    )


@pytest.mark.parametrize("seed", range(4))
def test_aborts_at_any_cycle_are_drained_and_the_next_job_is_right(
    pixels: BoardSimulator, rng: np.random.Generator, seed: int
) -> None:
    cube = draw(rng, pixels, 2, 40)
    jobs: list[Job] = []
    for _ in range(25):
        layout = LAYOUTS[int(rng.integers(3))]
        jobs.append(Job(cube=cube, layout=layout, driver=False, abort=1 + int(rng.integers(1200))))
        jobs.append(
            Job(
                cube=draw(rng, pixels, 1, 33),
                layout=LAYOUTS[int(rng.integers(3))],
                driver=bool(rng.integers(2)),
            )
        )
    aborted = 0
    for job, found in zip(
        jobs, pixels.run(jobs, latency=60, jitter=440, stalls=True, seed=seed), strict=True
    ):
        if not job.abort or not found.flags:  # it may have ended before
            check(pixels, job, found)
        else:
            assert found.flags == {"aborted"}
            aborted += 1
    assert aborted >= 10


def test_a_driver_that_waits_too_short_aborts(pixels: BoardSimulator, rng: np.random.Generator) -> None:
    job = Job(cube=draw(rng, pixels, 2, 40))
    late = Job(cube=job.cube, timeout=400)
    first, second = pixels.run([late, job])
    assert first.code == 6
    assert re.fullmatch(
        r"a job must end within 400 ns, not go on; it was aborted, the next job may run "
        r"\(\d+ frames done, 0 AXI errors\)",
        first.message,
    )
    check(pixels, job, second)


# Registers that do not agree; the job must end by itself and say so.
WRONG: list[dict[str, int]] = [
    {"FRAMES": 0},
    {"FRAMES": 79},
    {"FRAMES": 81},
    {"FRAMES": 4000},
    {"ROWS": 1},
    {"ROWS": 0},
]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_lengths_that_do_not_agree_end_the_job(
    pixels: BoardSimulator, rng: np.random.Generator, layout: Any
) -> None:
    cube = draw(rng, pixels, 2, 40)
    wrong = [
        *WRONG,
        *([{"ROW_BYTES": 798}, {"ROW_BYTES": 2}, {"ROW_BYTES": 0}] if layout == "bip" else [{"COLUMNS": 39}]),
    ]
    jobs: list[Job] = []
    for registers in wrong:
        jobs.append(Job(cube=cube, layout=layout, driver=False, registers=registers))
        jobs.append(Job(cube=cube, layout=layout))
    for job, found in zip(jobs, pixels.run(jobs, stalls=True, seed=9), strict=True):
        if job.registers:
            at_once = job.registers == {"FRAMES": 0}
            assert found.flags == ({"bad_length"} if at_once else {"bad_length", "aborted"}), job.registers
        else:
            check(pixels, job, found)


def test_a_part_of_a_beat_too_many_is_a_bad_length(pixels: BoardSimulator, rng: np.random.Generator) -> None:
    cube = draw(rng, pixels, 1, 40)
    right = strides(pixels.shell, "bip", 1, 40)["ROW_BYTES"]
    (found,) = pixels.run([Job(cube=cube, driver=False, registers={"FRAMES": 39, "ROW_BYTES": right - 18})])
    assert found.flags == {"bad_length", "aborted"}


def test_a_result_beside_its_alignment_is_refused_at_once(
    pixels: BoardSimulator, rng: np.random.Generator
) -> None:
    cube = draw(rng, pixels, 1, 4)
    job = Job(cube=cube)
    first, second = pixels.run([Job(cube=cube, driver=False, misplaced=8), job])
    assert (first.flags, first.words, first.cycles) == ({"bad_length"}, (0, 0), 0)
    check(pixels, job, second)


def test_a_partial_image_is_a_bad_length(images: BoardSimulator, rng: np.random.Generator) -> None:
    cube = draw(rng, images, 5, 37)
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
