# SPDX-License-Identifier: Apache-2.0
"""Whole frames of 768 x 768, as the paper's U-Nets had them on the ZCU102, with skips in DRAM, also by the driver."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from unets import images, lively

import rtl4ml
from rtl4ml.board.accelerator import Board
from rtl4ml.frontends.qkeras.reference import expected, predict
from rtl4ml.models import unet

SIZE, INTERVAL = 768, 2_359_296  # four cycles a pixel: 106 frames/s at an assumed 250 MHz
WHOLE: dict[str, Any] = {  # how the fourth student fits the device, with at most 70 % of the block RAM
    "pumped": True,
    "budget": {"bram36": 0.7, "lut": 0.85, "dsp": 0.85},
    "skips": {"up1_concat": "dram", "up2_concat": "dram"},
}


def exact(widths: tuple[int, ...], frames: int, folder: Path, **options: Any) -> rtl4ml.Design:
    """Converts a student of these widths in 4 bits and compares frames of its RTL with QKeras's own predict."""
    rng = np.random.default_rng(7)
    made = unet.build(widths=widths, size=(SIZE, SIZE), weight_bits=4, activation_bits=4)
    model = lively(made, rng)
    design = rtl4ml.convert(model, out=folder, target_interval=INTERVAL, **options)
    assert design.cycles.interval == INTERVAL
    x = images(model, frames, rng)
    want = np.concatenate([expected(design.parsed, x[k : k + 1])[0] for k in range(frames)])  # 15 GB each
    assert len(np.unique(want)) > 10
    run = design.simulate(x)
    np.testing.assert_array_equal(run.y, want)
    assert run.latency == design.cycles.latency
    assert design.report()["cycles"]["frames"] == {"compared": frames, "as_predicted": frames}
    return design


@pytest.mark.gate
@pytest.mark.timeout(1800)
def test_a_quarter_of_the_fourth_student(tmp_path: Path) -> None:
    """Its blocks with a quarter of the channels, all skips in DRAM: two frames, both in the predicted cycle."""
    exact(tuple(w // 4 for w in unet.STUDENTS[4]), 2, tmp_path / "design", skips="dram")


@pytest.mark.slow
@pytest.mark.timeout(36_000)
def test_the_fourth_student(tmp_path: Path) -> None:
    """Two whole frames of the paper's network, each in the predicted cycle."""
    design = exact(unet.STUDENTS[4], 2, tmp_path / "design", **WHOLE)
    print(design.report()["seconds"])


def masked(widths: tuple[int, ...], folder: Path, **options: Any) -> Board:
    """A student's board gets an image of 8-bit counts by the C driver, and gives the mask that QKeras's predict has."""
    rng = np.random.default_rng(7)
    made = unet.build(widths=widths, size=(SIZE, SIZE), weight_bits=4, activation_bits=4)
    model = lively(made, rng)
    design = rtl4ml.convert(
        model, out=folder, target_interval=INTERVAL, output="mask", threshold=0.5, **options
    )
    board = design.board({"dtype": "uint8", "scale_log2": 8})
    cube = np.floor(images(model, 1, rng)[0] * 256).astype(np.uint8)
    (score,) = predict(model, cube[None].astype(np.float32) / 256, batch_size=1, cut=False, whole=False)
    want = score[0, ..., 0] >= 0.5
    assert 0.05 < want.mean() < 0.95
    run = board.simulate(cube, "bip")
    np.testing.assert_array_equal(run.result, want)
    assert run.mismatches == 0
    print(f"{run.outcome.cycles:,} cycles, latency {design.cycles.latency:,} predicted")
    assert run.outcome.cycles >= design.cycles.latency
    return board


@pytest.mark.slow
@pytest.mark.timeout(36_000)
def test_the_driver_of_the_fourth_student(tmp_path: Path) -> None:
    """The whole of it again, end to end: driver, shell, network, and both skips in the board's memory."""
    masked(unet.STUDENTS[4], tmp_path / "design", **WHOLE)
