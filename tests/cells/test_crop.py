# SPDX-License-Identifier: Apache-2.0
"""r4_crop in simulation: every side alone and all at once, groups, one pixel left."""

from __future__ import annotations

import numpy as np
import rtl_cells

from rtl4ml.ir.types import Stream
from rtl4ml.ops.conv import Padding
from rtl4ml.ops.shape import Crop

CASES: dict[str, tuple[tuple[int, ...], Padding, int]] = {
    "both": ((9, 4), ((0, 0), (2, 3)), 2),
    "left": ((5, 3), ((0, 0), (1, 0)), 1),
    "right": ((5, 3), ((0, 0), (0, 4)), 3),
    "none": ((5, 2), ((0, 0), (0, 0)), 1),
    "pixel": ((3, 5, 2), ((1, 1), (3, 1)), 2),
    "frame": ((6, 7, 6), ((1, 2), (3, 1)), 2),
    "rows": ((5, 4, 2), ((2, 1), (0, 0)), 1),
}


def test_crop(rng: np.random.Generator, seed: int) -> None:
    cases, intervals = [], {}
    for name, (shape, cropping, lanes) in CASES.items():
        x = Stream.covering("x", shape, -16, 15, 0)
        op = Crop(name=name, inputs=(x,), cropping=cropping)
        folding = rtl_cells.folding(op, pe=lanes)
        cases.append(rtl_cells.op_case(op, folding, rng.integers(-16, 16, (4, *shape)), only="r4_crop"))
        intervals[name] = folding.interval
    rtl_cells.check("crop", cases, seed=seed, intervals=intervals)
