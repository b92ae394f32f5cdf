# SPDX-License-Identifier: Apache-2.0
"""r4_bilinear in simulation: rows, columns, both in a row; one position, registers, distributed and block memory."""

from __future__ import annotations

import numpy as np
import rtl_cells

from rtl4ml.ir.types import Stream
from rtl4ml.ops.bilinear import Bilinear

# shape, factor, lanes, (least, greatest)
CASES: dict[str, tuple[tuple[int, ...], tuple[int, int], int, tuple[int, int]]] = {
    "columns": ((7, 4), (1, 2), 4, (-128, 127)),
    "columns_groups": ((3, 5, 6), (1, 4), 2, (0, 255)),
    "one_column": ((3, 1, 2), (1, 2), 2, (0, 1)),
    "rows": ((3, 4, 2), (2, 1), 1, (-8, 7)),
    "one_row": ((1, 3, 2), (8, 1), 2, (-16, 15)),
    "both": ((3, 5, 4), (2, 2), 4, (-128, 127)),
    "both_groups": ((2, 3, 6), (4, 2), 1, (0, 63)),
    "block": ((2, 64, 32), (2, 1), 8, (-128, 127)),
}


def test_bilinear(rng: np.random.Generator, seed: int) -> None:
    cases, intervals = [], {}
    for name, (shape, factor, lanes, (lo, hi)) in CASES.items():
        x = Stream.covering("x", shape, lo, hi, 0)
        op = Bilinear(name=name, inputs=(x,), factor=factor)
        folding = rtl_cells.folding(op, pe=lanes)
        frames = rng.integers(lo, hi + 1, (4, *shape))
        frames[0], frames[1] = rng.choice([lo, hi], shape), rng.choice([lo, hi], shape)
        cases.append(rtl_cells.op_case(op, folding, frames))
        intervals[name] = folding.interval
    assert [c.name for c in cases if c.cells[0].params()["Block"]] == ["block"]
    rtl_cells.check("bilinear", cases, seed=seed, intervals=intervals)
