# SPDX-License-Identifier: Apache-2.0
"""r4_scale in simulation: columns, rows, both in a row; groups, one position, unsigned and signed sums."""

from __future__ import annotations

import numpy as np
import rtl_cells

from rtl4ml.ir.types import Stream
from rtl4ml.ops.scale import Scale

# shape, factors of rows and of columns, lanes, (least, greatest)
CASES: dict[str, tuple[tuple[int, ...], list[int], list[int], int, tuple[int, int]]] = {
    "columns": ((7, 4), [1], [3, 2, 2, 2, 2, 2, 3], 4, (-128, 127)),
    "columns_groups": ((5, 6), [1], [1, 2, 4, 2, 1], 2, (0, 255)),
    "one_column": ((3, 1, 2), [5, 7, 1], [9], 2, (0, 1)),
    "rows": ((3, 4, 2), [6, 4, 6], [1, 1, 1, 1], 1, (-8, 7)),
    "both": ((3, 5, 4), [3, 2, 3], [20, 15, 12, 15, 20], 4, (-128, 127)),
    "both_groups": ((4, 3, 6), [1, 1, 1, 2], [105, 60, 105], 1, (0, 63)),
    "wide": ((2, 40, 2), [2, 3], [*range(1, 41)], 1, (-(2**15), 2**15 - 1)),
}


def test_scale(rng: np.random.Generator, seed: int) -> None:
    cases, intervals = [], {}
    for name, (shape, rows, columns, lanes, (lo, hi)) in CASES.items():
        x = Stream.covering("x", shape, lo, hi, 0)
        most = max(rows) * max(columns)
        op = Scale(
            name=name, inputs=(x,), rows=np.array(rows), columns=np.array(columns), lo=lo * most, hi=hi * most,
        )  # fmt: skip
        folding = rtl_cells.folding(op, pe=lanes)
        frames = rng.integers(lo, hi + 1, (4, *shape))
        frames[0], frames[1] = rng.choice([lo, hi], shape), rng.choice([lo, hi], shape)
        cases.append(rtl_cells.op_case(op, folding, frames))
        intervals[name] = folding.interval
    assert {c.name: len(c.cells) for c in cases} == {
        "columns": 1, "columns_groups": 1, "one_column": 2, "rows": 1, "both": 2, "both_groups": 2, "wide": 2,
    }  # fmt: skip
    rtl_cells.check("scale", cases, seed=seed, intervals=intervals)
