# SPDX-License-Identifier: Apache-2.0
"""r4_morph in simulation: disks of several radii, every pixel of the window alone, and whole openings."""

from __future__ import annotations

import numpy as np
import rtl_cells
from skimage.morphology import disk

from rtl4ml.cells.head import Morph
from rtl4ml.ir.types import Fixed, Stream
from rtl4ml.netlist.netlist import Wire
from rtl4ml.ops.opening import Opening


def windows(radius: int, erode: bool, rng: np.random.Generator) -> rtl_cells.Case:
    """Windows that differ from what decides nothing in one pixel, and random ones."""
    side = 2 * radius + 1
    alone = np.eye(side * side, dtype=np.int64) ^ int(erode)
    x = np.concatenate([alone, rng.random((side * side, side * side)) < 0.5]).astype(np.int64)
    inside = disk(radius).reshape(-1).astype(bool)
    y = x[:, inside].all(1) if erode else x[:, inside].any(1)
    wire = Wire("w", side * side, 1, False, len(x))
    cell = Morph(
        name="u",
        inputs={"x": wire},
        outputs={"y": Wire("y", 1, 1, False, len(x))},
        radius=radius,
        erode=erode,
    )
    return rtl_cells.Case(f"{'erode' if erode else 'dilate'}{radius}", [cell], np.stack([x.reshape(-1)] * 3),
                          np.stack([y] * 3).astype(np.int64))  # fmt: skip


def test_morph(rng: np.random.Generator, seed: int) -> None:
    cases = [windows(r, erode, rng) for r in (1, 2, 3) for erode in (False, True)]
    intervals = {}
    for name, shape, radius in (("two", (7, 9, 1), 2), ("one", (5, 4, 1), 1), ("low", (2, 8, 1), 3)):
        op = Opening(name=name, inputs=(Stream("x", shape, Fixed(False, 1, 0), 0, 1),), radius=radius)
        folding = rtl_cells.folding(op, pe=1)
        cases.append(rtl_cells.op_case(op, folding, (rng.random((4, *shape)) < 0.85).astype(np.int64)))
        assert rtl_cells.foldings(op) == [folding]
        intervals[name] = folding.interval
    rtl_cells.check("morph", cases, seed=seed, intervals=intervals)
