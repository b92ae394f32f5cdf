# SPDX-License-Identifier: Apache-2.0
"""r4_stuff in simulation: rows, columns and both, with and without groups."""

from __future__ import annotations

import numpy as np
import rtl_cells

from rtl4ml.ir.types import Stream
from rtl4ml.ops.stuff import Stuff

CASES: dict[str, tuple[tuple[int, ...], tuple[int, int], int]] = {
    "columns": ((7, 4), (1, 2), 4),
    "columns_groups": ((3, 6), (1, 3), 2),
    "none": ((5, 2), (1, 1), 1),
    "rows": ((3, 4, 2), (2, 1), 1),
    "both": ((3, 5, 4), (2, 2), 4),
    "both_groups": ((2, 3, 6), (3, 2), 1),
}


def test_stuff(rng: np.random.Generator, seed: int) -> None:
    cases, intervals = [], {}
    for name, (shape, factor, lanes) in CASES.items():
        x = Stream.covering("x", shape, -256, 255, 0)
        op = Stuff(name=name, inputs=(x,), factor=factor)
        folding = rtl_cells.folding(op, pe=lanes)
        cases.append(rtl_cells.op_case(op, folding, rng.integers(-256, 256, (4, *shape)), only="r4_stuff"))
        intervals[name] = folding.interval
    rtl_cells.check("stuff", cases, seed=seed, intervals=intervals)
