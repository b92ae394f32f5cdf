# SPDX-License-Identifier: Apache-2.0
"""r4_upsample in simulation: rows, columns and both; rings of registers, distributed and block memory."""

from __future__ import annotations

import numpy as np
import rtl_cells

from rtl4ml.ir.types import Stream
from rtl4ml.ops.shape import UpSample

CASES: dict[str, tuple[tuple[int, ...], tuple[int, int], int]] = {
    "columns": ((7, 4), (1, 2), 4),
    "columns_two_groups": ((3, 4), (1, 3), 2),
    "columns_groups": ((3, 12), (1, 4), 2),
    "none": ((5, 2), (1, 1), 1),
    "rows": ((3, 4, 2), (2, 1), 1),
    "rows_of_one": ((3, 1, 2), (3, 1), 2),
    "both": ((3, 5, 4), (2, 2), 4),
    "both_groups": ((2, 3, 6), (3, 2), 1),
    "block": ((2, 128, 16), (2, 2), 8),
}


def test_upsample(rng: np.random.Generator, seed: int) -> None:
    cases, intervals = [], {}
    for name, (shape, factor, lanes) in CASES.items():
        x = Stream.covering("x", shape, -256, 255, 0)
        op = UpSample(name=name, inputs=(x,), factor=factor)
        folding = rtl_cells.folding(op, pe=lanes)
        cases.append(rtl_cells.op_case(op, folding, rng.integers(-256, 256, (4, *shape)), only="r4_upsample"))
        intervals[name] = folding.interval
    assert [c.name for c in cases if c.cells[0].params()["Block"]] == ["block"]
    rtl_cells.check("upsample", cases, seed=seed, intervals=intervals)
