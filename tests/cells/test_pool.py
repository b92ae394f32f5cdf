# SPDX-License-Identifier: Apache-2.0
"""r4_pool in simulation: both modes, remainders, gaps, global pools; registers, distributed and block memories."""

from __future__ import annotations

import numpy as np
import rtl_cells

from rtl4ml.ir.types import Stream
from rtl4ml.ops.pool import Pool

# name: (mode, shape, lo, hi, size, stride, lanes)
CASES: dict[str, tuple[str, tuple[int, ...], int, int, tuple[int, int], tuple[int, int], int]] = {
    "max_1d": ("max", (8, 4), -128, 127, (1, 2), (1, 2), 2),
    "max_1d_unsigned_remainder": ("max", (11, 6), 0, 255, (1, 3), (1, 3), 6),
    "sum_1d": ("sum", (9, 8), -8, 7, (1, 4), (1, 4), 2),  # remainder of one, groups in a memory
    "sum_1d_unsigned_gap": ("sum", (12, 3), 0, 15, (1, 2), (1, 5), 1),
    "subsample": ("max", (9, 2), -4, 3, (1, 1), (1, 2), 2),
    "global_1d": ("sum", (7, 4), -128, 127, (1, 7), (1, 7), 1),
    "global_short_stride": ("max", (6, 2), -128, 127, (1, 5), (1, 3), 1),
    "one": ("max", (1, 3), -2, 1, (1, 1), (1, 1), 1),
    "max_2d": ("max", (6, 8, 4), -128, 127, (2, 2), (2, 2), 2),
    "max_2d_odd": ("max", (5, 7, 3), -128, -100, (2, 3), (2, 3), 3),
    "sum_2d_unsigned": ("sum", (7, 9, 2), 0, 3, (3, 2), (3, 3), 1),
    "sum_2d_gap": ("sum", (8, 5, 2), -5, 3, (2, 1), (3, 2), 2),
    "global_2d": ("sum", (4, 5, 6), -128, 127, (4, 5), (4, 5), 2),
    "every_other_row": ("max", (5, 4, 2), -128, 127, (1, 2), (2, 2), 1),
    "column": ("sum", (6, 1, 2), -128, 127, (2, 1), (2, 1), 2),
    "max_2d_block": ("max", (4, 128, 16), -32768, 32767, (2, 2), (2, 2), 4),
}


def test_pool(rng: np.random.Generator, seed: int) -> None:
    cases, intervals = [], {}
    for name, (mode, shape, lo, hi, size, stride, lanes) in CASES.items():
        x = Stream.covering("x", shape, lo, hi, 3)
        op = Pool(name=name, inputs=(x,), mode=mode, size=size, stride=stride)  # type: ignore[arg-type]
        folding = rtl_cells.folding(op, pe=lanes)
        frames = rng.integers(lo, hi + 1, (4, *shape))
        frames[0], frames[1] = lo, hi
        cases.append(rtl_cells.op_case(op, folding, frames, only="r4_pool"))
        intervals[name] = folding.interval
    blocks = {c.name: c.cells[0].params()["Block"] for c in cases}
    assert [name for name, block in blocks.items() if block] == ["max_2d_block"]
    rtl_cells.check("pool", cases, seed=seed, intervals=intervals)
