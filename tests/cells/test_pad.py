# SPDX-License-Identifier: Apache-2.0
"""r4_pad in simulation: every side alone and all at once, groups, one pixel."""

from __future__ import annotations

import numpy as np
import rtl_cells

from rtl4ml.ir.types import Stream
from rtl4ml.ops.conv import Padding
from rtl4ml.ops.shape import Pad

CASES: dict[str, tuple[tuple[int, ...], Padding, int]] = {
    "both": ((7, 4), ((0, 0), (2, 3)), 2),
    "left": ((5, 3), ((0, 0), (1, 0)), 1),
    "right": ((5, 3), ((0, 0), (0, 4)), 3),
    "none": ((5, 2), ((0, 0), (0, 0)), 1),
    "pixel": ((1, 1, 2), ((1, 1), (1, 1)), 2),
    "frame": ((3, 4, 6), ((1, 2), (3, 1)), 2),
    "rows": ((3, 4, 2), ((2, 1), (0, 0)), 1),
}


def test_pad(rng: np.random.Generator, seed: int) -> None:
    cases, intervals = [], {}
    for name, (shape, padding, lanes) in CASES.items():
        x = Stream.covering("x", shape, -16, 15, 0)
        op = Pad(name=name, inputs=(x,), padding=padding)
        folding = rtl_cells.folding(op, pe=lanes)
        cases.append(rtl_cells.op_case(op, folding, rng.integers(-16, 16, (4, *shape)), only="r4_pad"))
        intervals[name] = folding.interval
    rtl_cells.check("pad", cases, seed=seed, intervals=intervals)
