# SPDX-License-Identifier: Apache-2.0
"""r4_argmax in simulation: any lanes and groups, and equals everywhere, so that the lowest index must win."""

from __future__ import annotations

import numpy as np
import rtl_cells

from rtl4ml.ir.types import Stream
from rtl4ml.ops.head import ArgMax

# shape, least, greatest, lanes; narrow ranges make equals common
CASES: dict[str, tuple[tuple[int, ...], int, int, int]] = {
    "one-channel": ((5, 1), -8, 7, 1),
    "serial": ((4, 16), -8, 7, 1),
    "serial-equals": ((6, 5), -1, 0, 1),
    "pair": ((9, 2), -2, 1, 2),
    "flat": ((16,), -128, 127, 4),
    "odd-tree": ((7, 5), 0, 3, 5),
    "odd-tree-groups": ((5, 14), -2, 2, 7),
    "unsigned": ((5, 6), 0, 255, 3),
    "wide-tree": ((6, 17), -4, 3, 17),
    "all-equal": ((3, 12), 5, 5, 4),
    "image": ((2, 3, 8), -1, 1, 4),
}


def test_argmax(rng: np.random.Generator, seed: int) -> None:
    cases, intervals = [], {}
    for name, (shape, lo, hi, lanes) in CASES.items():
        op = ArgMax(name="l", inputs=(Stream.covering("x", shape, lo, hi, 0),))
        x = rng.integers(lo, hi + 1, (6, *shape))
        n, folding = rtl_cells.builder(), rtl_cells.folding(op, pe=1, simd=lanes)
        rtl_cells.lower(n, op, folding, n.like(op.x, "x", lanes))
        want = np.array(
            [min(i for i, v in enumerate(p) if v == max(p)) for p in x.reshape(-1, shape[-1]).tolist()]
        )
        cases.append(rtl_cells.Case(name, n.cells, x.reshape(6, -1), want.reshape(6, -1)))
        intervals[name] = folding.interval
    rtl_cells.check("argmax", cases, seed=seed, intervals=intervals)
