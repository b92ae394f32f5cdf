# SPDX-License-Identifier: Apache-2.0
"""What a driver of the board must do: scenarios that r4.py and r4.c pass, and of which every mutant fails one.

A scenario takes a `make`, which gives a driver and its model.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import board_drivers
import numpy as np
import pytest
from board_drivers import Refused
from board_model import REGS, Design, Model

Make = Callable[..., tuple[Any, Model]]
PIXELS = Design()
BYTES = Design(bands=3, count_bytes=1, kind="mask")
LOGITS = Design(bands=4, kind="raw", shape=(6,))
IMAGES = Design(bands=3, count_bytes=1, frame=(4, 8))
BIP_ONLY = Design(banded=False)


def maker(built: board_drivers.Built, tmp: Path) -> Make:
    """`make(design, **model)`: a driver that is open, unless `opened` is False, and its model.

    told: what the folder says that the design is. Drivers of the same share the folder.
    """
    folders: dict[Design, Path] = {}

    def make(
        design: Design = PIXELS, *, opened: bool = True, told: Design | None = None, **given: Any
    ) -> Any:
        folder = folders.setdefault(told or design, tmp / f"design-{len(folders)}")
        if not folder.is_dir():
            folder.mkdir()
            (told or design).write(folder, np.random.default_rng(1))
        model = Model(design, **given)
        driver = built(folder, model)
        if opened:
            driver.open()
        return driver, model

    return make


def refused(reason: str, call: Callable[[], Any]) -> str:
    """The text of a refusal for this reason."""
    with pytest.raises(Refused) as caught:
        call()
    assert caught.value.reason == reason, str(caught.value)
    return str(caught.value)


def right(driver: Any, model: Model, frames: int = 3, layout: str = "bip", **given: Any) -> None:
    """A job of new random counts gives the right result, and leaves nothing behind."""
    cube = model.design.cube(np.random.default_rng(model.jobs), frames, **given)
    found = driver.run(cube, layout)
    wanted = model.design.results(cube)
    assert found.dtype == wanted.dtype
    np.testing.assert_array_equal(found, wanted)
    assert not model.irq, "the interrupt must be quiet after a job"
    assert model.violations == []


SPILLED = Design(spill_bytes=20_000)

# -- scenarios --------------------------------------------------------------------------------------------------------


def memory_for_skips(make: Make) -> None:
    """It is given before the first job, to a network that keeps skips in memory and to no other."""
    driver, model = make(SPILLED)
    (spill,) = model.buffers
    assert len(spill.array) == 20_000 and spill.address % 4096 == 0
    for _ in range(2):
        right(driver, model)
        low, high = (model.registers[REGS[f"R4_SPILL_{half}"]] for half in ("LOW", "HIGH"))
        assert high << 32 | low == spill.address
    assert len(model.buffers) == 3
    driver, model = make(PIXELS)
    right(driver, model)
    assert model.registers.get(REGS["R4_SPILL_LOW"], 0) == 0 and len(model.buffers) == 2
    driver, model = make(Design(spill_bytes=4096), told=SPILLED, opened=False)
    assert "SPILL_BYTES of the bitstream must be 20000" in refused("device", driver.open)


def results_in_every_layout(make: Make) -> None:
    for design in (PIXELS, BYTES, LOGITS, IMAGES):
        driver, model = make(design)
        for layout in ("bip", "bil", "bsq"):
            for frames in (1, 3, 2):  # larger and smaller than what is there
                right(driver, model, frames, layout)
                right(driver, model, frames, layout, columns=9)


def other_shapes_one_after_another(make: Make) -> None:
    driver, model = make()
    for columns in (1, 9, 3, 40):
        right(driver, model, 2, "bil", columns=columns)
        right(driver, model, 1, "bsq", columns=columns)
        right(driver, model, 3, "bip", columns=columns)


def interrupts_without_an_end(make: Make) -> None:
    driver, model = make()
    for n in (1, 4):
        model.spurious = n
        right(driver, model)


def the_end_comes_by_interrupt(make: Make) -> None:
    driver, model = make(cycles=2000)
    begin = model.time
    right(driver, model)
    assert model.time - begin < 1_000_000, "a job's end must be seen when it comes, not at the time limit"
    driver, model = make(interrupt=False)
    assert "interrupt" in refused("interrupt", lambda: right(driver, model))


def hanging_job(make: Make) -> None:
    driver, model = make()
    model.hang = True
    cube = model.design.cube(np.random.default_rng(0), 3)
    begin = model.time
    text = refused("timeout", lambda: driver.run(cube, "bip", 0.01))
    assert "the next job may run" in text
    assert 10_000_000 <= model.time - begin < 20_000_000
    model.hang = False
    right(driver, model)


def hardware_that_is_stuck(make: Make) -> None:
    driver, model = make()
    model.hang = model.stuck = True
    cube = model.design.cube(np.random.default_rng(0), 3)
    begin = model.time
    assert "load the bitstream again" in refused("stuck", lambda: driver.run(cube, "bip", 0.01))
    assert model.time - begin < 1_100_000_000
    jobs = model.jobs
    refused("stuck", lambda: driver.run(cube))
    refused("stuck", driver.abort)
    assert model.jobs == jobs


def errors_of_memory(make: Make) -> None:
    driver, model = make()
    cube = model.design.cube(np.random.default_rng(0), 3)
    for name, text in (
        ("READ_ERROR", "an error of memory on a read"),
        ("WRITE_ERROR", "an error of memory on a write"),
        ("FRAME_ERROR", "a frame of a wrong length"),
        ("BAD_LENGTH", "lengths that do not agree"),
        ("ABORTED", "an abort"),
    ):
        model.error = REGS[f"R4_STATUS_{name}"]
        assert text in refused("failed", lambda: driver.run(cube))
        right(driver, model)


def aborted_job(make: Make) -> None:
    driver, model = make()
    driver.abort()  # without a job: nothing
    assert ("w", "CONTROL", REGS["R4_CONTROL_ABORT"]) not in model.trace
    for layout in ("bip", "bil"):
        driver.start(model.design.cube(np.random.default_rng(0), 30), layout)
        driver.abort()
        assert model.end is None
        right(driver, model, layout=layout)


def job_left_by_another(make: Make) -> None:
    driver, model = make(hang=True)
    driver.start(model.design.cube(np.random.default_rng(0), 3))
    model.hang = False
    model.end = model.time + 10**9
    driver.open()
    assert model.end is None
    right(driver, model)


def another_bitstream(make: Make) -> None:
    def case(told: Design) -> str:
        driver, model = make(PIXELS, told=told, opened=False)
        text = refused("device", driver.open)
        assert model.jobs == 0
        return text

    case(Design(signature=bytes(range(1, 17))))
    case(Design(signature=bytes([*range(15), 0])))
    assert "BANDS" in case(Design(bands=6))
    assert "count bytes" in case(Design(count_bytes=1))
    assert "banded layouts" in case(BIP_ONLY)
    assert "kind of result" in case(Design(kind="mask"))
    assert "FRAME_ROWS" in case(Design(frame=(2, 1)))
    assert "FRAME_COLUMNS" in case(Design(frame=(1, 2)))
    for name, value in (
        ("ID", 0xFFFFFFFF),
        ("VERSION", 0x20000),
        ("FRAME_BYTES", 2),
        ("CAPABILITIES", 0x40112),
    ):
        driver, model = make(opened=False)
        model.set(name, value)
        refused("device", driver.open)
    driver, model = make(opened=False)
    model.set("VERSION", 0x10007)  # the lower half may differ
    driver.open()


def another_clock(make: Make) -> None:
    for clock in (0.0, 100.0, 247.0, 252.6, 2500.0):
        driver, model = make(opened=False, clock_mhz=clock)
        assert "clock" in refused("clock", driver.open)
        assert model.jobs == 0
    for clock in (248.0, 252.0):
        right(*make(clock_mhz=clock))
    driver, _ = make(opened=False, busy_host=5_000_000)
    assert "too busy" in refused("clock", driver.open)


def clock_counter_that_wraps(make: Make) -> None:
    driver, model = make(opened=False)
    model.time = round((2**32 - 10**7) / 0.25)
    driver.open()
    assert sum(name == "FREE_CYCLES" for _, name, _ in model.trace) == 2, "it must be right at once"


def cubes_that_do_not_fit(make: Make) -> None:
    driver, model = make(IMAGES)
    rng = np.random.default_rng(0)
    for rows, columns in ((5, 8), (4, 9), (4, 4)):
        cube = rng.integers(0, 256, (rows, columns, 3)).astype(np.uint8)
        refused("cube", lambda cube=cube: driver.run(cube))
    driver, model = make(BIP_ONLY)
    for layout in ("bil", "bsq"):
        refused("cube", lambda layout=layout: driver.run(model.design.cube(rng, 2), layout))
    assert model.jobs == 0
    right(driver, model)


def second_start(make: Make) -> None:
    driver, model = make()
    cube = model.design.cube(np.random.default_rng(0), 3)
    driver.start(cube)
    refused("busy", lambda: driver.run(cube))
    model.sleep(1.0)
    assert model.end is None
    refused("busy", lambda: driver.run(cube))
    driver.abort()
    right(driver, model)


def busy_with_another_job(make: Make) -> None:
    driver, model = make()
    cube = model.design.cube(np.random.default_rng(0), 3)
    right(driver, model)
    model.write32(REGS["R4_CONTROL"], REGS["R4_CONTROL_START"])
    jobs = model.jobs
    text = refused("busy", lambda: driver.run(cube))
    assert text == "the hardware must be free, not busy with a job of another user; one program at a time"
    assert (model.jobs, model.violations) == (jobs, [])
    model.sleep(1.0)
    right(driver, model)


SCENARIOS = [
    results_in_every_layout,
    memory_for_skips,
    other_shapes_one_after_another,
    interrupts_without_an_end,
    the_end_comes_by_interrupt,
    hanging_job,
    hardware_that_is_stuck,
    errors_of_memory,
    aborted_job,
    job_left_by_another,
    another_bitstream,
    another_clock,
    clock_counter_that_wraps,
    cubes_that_do_not_fit,
    second_start,
    busy_with_another_job,
]


# -- of r4.py alone ---------------------------------------------------------------------------------------------------


def two_jobs(make: Make) -> None:
    driver, model = make()
    rng = np.random.default_rng(0)
    cubes = [model.design.cube(rng, 3, columns=n) for n in (4, 9, 2, 7, 7)]
    accelerator = driver.accelerator
    for i, found in enumerate(accelerator.map([c.transpose(0, 2, 1) for c in cubes])):
        np.testing.assert_array_equal(found, model.design.results(cubes[i]))
    assert i == 4
    accelerator.run_async(cubes[0], "bip")
    accelerator.run_async(cubes[1], "bip")
    with pytest.raises(driver.r4.Busy, match=r"at most 2 jobs may wait, not one more; call wait\(\) first"):
        accelerator.run_async(cubes[2], "bip")
    np.testing.assert_array_equal(accelerator.wait(), model.design.results(cubes[0]))
    np.testing.assert_array_equal(accelerator.wait(), model.design.results(cubes[1]))
    with pytest.raises(driver.r4.Busy, match="a job must have been started, not none"):
        accelerator.wait()
    assert model.violations == []


def probed(make: Make) -> None:
    driver, model = make(opened=False, narrow=True)
    text = refused("result", lambda: driver.open(probe=True))
    assert "see that the device tree sets the widths of the memory ports" in text
    driver, model = make(opened=False)
    driver.open(probe=True)
    assert model.jobs == 1


def interrupted_from_the_keyboard(make: Make) -> None:
    driver, model = make(cycles=2000)
    cube = model.design.cube(np.random.default_rng(0), 3)
    model.keyboard = True
    with pytest.raises(KeyboardInterrupt):
        driver.run(cube)
    refused("busy", lambda: driver.run(cube[:1]))
    np.testing.assert_array_equal(driver.accelerator.wait(), model.design.results(cube))
    right(driver, model)
    model.keyboard = True
    with pytest.raises(KeyboardInterrupt):
        driver.run(cube)
    driver.abort()
    right(driver, model)


PYTHON_SCENARIOS = [two_jobs, probed, interrupted_from_the_keyboard]
