# SPDX-License-Identifier: Apache-2.0
"""boards/host: r4.py and r4.c against a software model of the board."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import board_drivers
import numpy as np
import pytest
from board_model import REGS, Design
from board_scenarios import (
    BIP_ONLY,
    BYTES,
    IMAGES,
    LOGITS,
    PIXELS,
    PYTHON_SCENARIOS,
    SCENARIOS,
    Make,
    maker,
    refused,
    right,
)

NEEDS_CC = pytest.mark.skipif(shutil.which("cc") is None, reason="needs cc, a C compiler")


@pytest.fixture(scope="module", params=["python", pytest.param("c", marks=NEEDS_CC)])
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> board_drivers.Built:
    return board_drivers.build(request.param, tmp_path_factory.mktemp("driver"))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.__name__)
def test_driver(scenario: Callable[[Make], None], built: board_drivers.Built, tmp_path: Path) -> None:
    scenario(maker(built, tmp_path))


# -- the same accesses ------------------------------------------------------------------------------------------------


@NEEDS_CC
def test_both_drivers_make_the_same_accesses(tmp_path: Path) -> None:
    def accesses(language: str) -> list[list[tuple[str, str, int]]]:
        folder = tmp_path / language
        folder.mkdir()
        make = maker(board_drivers.build(language, folder), folder)
        traces = []
        for design in (PIXELS, BYTES, LOGITS, IMAGES):
            driver, model = make(design)
            for layout in ("bip", "bil", "bsq"):
                right(driver, model, 3, layout)
            model.spurious = 2
            right(driver, model)
            model.error = REGS["R4_STATUS_READ_ERROR"]
            refused("failed", functools.partial(right, driver, model))
            driver.start(design.cube(np.random.default_rng(0), 3))
            driver.abort()
            model.hang = True
            late = functools.partial(driver.run, design.cube(np.random.default_rng(0), 2), "bip", 0.01)
            refused("timeout", late)
            model.hang = False
            model.interrupt = False
            refused("interrupt", late)
            model.interrupt, model.hang, model.stuck = True, True, True
            refused("stuck", late)
            traces.append(model.trace)
        return traces

    for python, c in zip(accesses("python"), accesses("c"), strict=True):
        assert python == c


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> board_drivers.Built:
    return board_drivers.build("python", tmp_path_factory.mktemp("driver"))


@pytest.mark.parametrize("scenario", PYTHON_SCENARIOS, ids=lambda s: s.__name__)
def test_python_driver(scenario: Callable[[Make], None], python: board_drivers.Built, tmp_path: Path) -> None:
    scenario(maker(python, tmp_path))


def test_an_error_goes_to_the_job_that_had_it(python: board_drivers.Built, tmp_path: Path) -> None:
    driver, model = maker(python, tmp_path)()
    rng = np.random.default_rng(0)
    first, second = model.design.cube(rng, 3), model.design.cube(rng, 3)
    model.error = REGS["R4_STATUS_READ_ERROR"]
    driver.accelerator.run_async(first, "bip")
    driver.accelerator.run_async(second, "bip")
    with pytest.raises(driver.r4.JobFailed) as caught:
        driver.accelerator.wait()
    assert caught.value.counters.axi_errors == 3
    assert caught.value.status & REGS["R4_STATUS_READ_ERROR"]
    np.testing.assert_array_equal(driver.accelerator.wait(), model.design.results(second))


def test_selftest_and_speed(python: board_drivers.Built, tmp_path: Path) -> None:
    driver, model = maker(python, tmp_path)(size=1 << 20)
    assert driver.accelerator.selftest() == 3 * 2 * 7
    assert driver.accelerator.clock_mhz == pytest.approx(250, rel=1e-4)
    found = driver.accelerator.measure(0.01, frames=1000)
    assert found.jobs > 10
    assert found.frames == found.jobs * 72 * 14
    assert found.cycles_per_frame == pytest.approx(20 + 100 / 1008)
    assert found.frames_per_second == pytest.approx(250e6 / 20, rel=0.1)
    assert (found.latency_us, found.blocked) == (pytest.approx(99 / 250, rel=1e-4), 0)
    model.narrow = True
    with pytest.raises(
        driver.r4.R4Error, match=r"^selftest, layout bip: value \(0, \d\) must be \d+, not \d+"
    ):
        driver.accelerator.selftest()


TEXTS: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "layout": (lambda a, c: a.run(c, "bgr"), "layout must be one of bip, bil, bsq, not 'bgr'"),
    "dtype": (
        lambda a, c: a.run(c.astype(np.float32), "bip"),
        "counts must be an array of uint16, not float32; give the raw counts",
    ),
    "list": (
        lambda a, c: a.run(c.tolist(), "bip"),
        "counts must be an array of uint16, not list; give the raw counts",
    ),
    "axes": (
        lambda a, c: a.run(c[0], "bip"),
        "a cube of layout bip must be (rows, columns, bands), not of shape (7, 5)",
    ),
    "empty": (
        lambda a, c: a.run(c[:0], "bip"),
        "a cube of layout bip must be (rows, columns, bands), not of shape (0, 7, 5)",
    ),
    "bands": (
        lambda a, c: a.run(c, "bil"),
        "a cube of layout bil must be (rows, bands, columns) with 5 bands, not 7; see the layout and the bands that "
        "the model was trained on",
    ),
    "memory": (
        lambda a, c: a.run(np.zeros((100, 100, 5), np.uint16), "bip"),
        "a cube of 100 x 100 pixels needs 100000 + 10000 bytes of shared memory, not 65536 bytes that are left; give "
        "its rows in parts or reserve more",
    ),
    "4 GiB": (
        lambda a, c: a.run(np.broadcast_to(np.uint16(0), (30000, 30000, 5)), "bip"),
        "a cube must have less than 4 GiB, not 9000000000 bytes; give its rows in parts",
    ),
}


@pytest.mark.parametrize("name", TEXTS)
def test_texts(name: str, python: board_drivers.Built, tmp_path: Path) -> None:
    driver, model = maker(python, tmp_path)()
    call, text = TEXTS[name]
    cube = model.design.cube(np.random.default_rng(0), 3)
    with pytest.raises(driver.r4.BadCube) as caught:
        call(driver.accelerator, cube)
    assert str(caught.value) == text
    right(driver, model)


def test_texts_of_images_and_of_layouts(python: board_drivers.Built, tmp_path: Path) -> None:
    make = maker(python, tmp_path)
    driver, _ = make(IMAGES)
    with pytest.raises(driver.r4.BadCube) as caught:
        driver.accelerator.run(np.zeros((5, 8, 3), np.uint8), "bip")
    assert str(caught.value) == (
        "images must be 8 columns wide, in rows a multiple of 4, not 5 rows of 8 columns; cut the scene into tiles"
    )
    driver, model = make(BIP_ONLY)
    with pytest.raises(driver.r4.BadCube) as caught:
        driver.accelerator.run(model.design.cube(np.random.default_rng(0), 2), "bil")
    assert (
        str(caught.value) == "layout must be bip, which alone this design takes, not bil; transpose the cube"
    )


def test_texts_of_opening(python: board_drivers.Built, tmp_path: Path) -> None:
    make = maker(python, tmp_path)
    driver, model = make(opened=False)
    model.set("ID", 0)
    folder = driver.folder
    assert refused("device", driver.open) == (
        f"register ID must be 0x4C4D3452, not 0x00000000; load the bitstream of {folder}"
    )
    driver, _ = make(told=Design(signature=bytes(16)), opened=False)
    assert refused("device", driver.open) == (
        f"the bitstream must hold design {bytes(16).hex()}, not {bytes(range(16)).hex()}; "
        f"load the bitstream of {driver.folder}"
    )
    driver, _ = make(opened=False, clock_mhz=100.0)
    assert refused("clock", driver.open) == (
        "the clock must be 250.000 MHz, not 100.000 MHz; set PL0 by the overlay (load.sh)"
    )
    driver, _ = make(opened=False)
    (driver.folder / "interface.json").write_text("{}")
    assert refused("stuck", driver.open) == (
        f"{driver.folder}/interface.json: the interface of the design must be there, not KeyError: 'input'; "
        "copy the whole folder host/ again"
    )
    driver, _ = make(BYTES, opened=False)
    (driver.folder / "selftest_counts.npy").unlink()
    assert refused("stuck", lambda: driver.open(probe=True)) == (
        f"{driver.folder}/selftest_counts.npy: the vectors of the self-test must be there, not FileNotFoundError; "
        "copy the whole folder host/ again"
    )


@NEEDS_CC
def test_selftest_in_c(tmp_path: Path) -> None:
    driver, model = maker(board_drivers.build("c", tmp_path), tmp_path)()
    cube = model.design.cube(np.random.default_rng(0), 3)
    expected = model.design.packed(cube).copy()
    driver.selftest(cube, expected)
    expected[17] ^= 1
    text = refused("result", lambda: driver.selftest(cube, expected))
    assert text.startswith(f"selftest: byte 17 of the result must be {expected[17]}, not {expected[17] ^ 1}")
