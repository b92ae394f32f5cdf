# SPDX-License-Identifier: Apache-2.0
"""r4_table in simulation: tables of the whole type and of a part of it, one for all channels or one each."""

from __future__ import annotations

import numpy as np
import rtl_cells

from rtl4ml.ir.mappings import Table
from rtl4ml.ir.types import Fixed, Stream
from rtl4ml.ops.activation import Activation

# shape, least and greatest of x, first, entries, own table a channel, output bits (signed), lanes
CASES: dict[str, tuple[tuple[int, ...], int, int, int, int, bool, int, int]] = {
    "whole": ((9, 2), -8, 7, -8, 16, False, 5, 2),
    "part": ((9, 2), -128, 127, -20, 33, False, 7, 1),
    "low-end": ((9, 2), -128, 127, -128, 20, False, 7, 1),
    "high-end": ((9, 2), -128, 127, 100, 28, False, 7, 2),
    "beyond": ((9, 2), -8, 7, -40, 100, False, 7, 2),
    "outside": ((9, 2), -8, 7, 40, 10, False, 7, 2),
    "two": ((9, 1), -8, 7, 3, 2, False, 3, 1),
    "one": ((9, 1), -8, 7, 7, 1, False, 3, 1),
    "unsigned": ((9, 3), 0, 255, 0, 256, False, 9, 3),
    "unsigned-part": ((9, 3), 0, 255, 17, 5, False, 9, 1),
    "rows": ((5, 6), -16, 15, -10, 21, True, 6, 2),
    "rows-serial": ((5, 3), -16, 15, -16, 32, True, 6, 1),
    "rows-whole": ((5, 3), -16, 15, -16, 17, True, 6, 3),
    "block": ((40, 1), 0, 2047, 3, 1000, False, 9, 1),
    "block-rows": ((20, 4), 0, 511, 0, 511, True, 12, 2),
}


def test_table(rng: np.random.Generator, seed: int) -> None:
    cases, blocks = [], set()
    for name, (shape, lo, hi, first, entries, own, bits, lanes) in CASES.items():
        table = rng.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), (shape[-1] if own else 1, entries))
        out = Fixed(True, bits - 1, 0)
        op = Activation(
            name="l",
            inputs=(Stream.covering("x", shape, lo, hi, 0),),
            mapping=Table(first, table),
            out=out,
            lo=out.lo,
            hi=out.hi,
        )
        x = rng.integers(lo, hi + 1, (6, *shape))
        want = np.empty_like(x)
        for at in np.ndindex(x.shape):
            want[at] = table[at[-1] if own else 0][min(max(int(x[at]) - first, 0), entries - 1)]
        n = rtl_cells.builder()
        rtl_cells.lower(n, op, rtl_cells.folding(op, pe=lanes), n.like(op.x, "x", lanes))
        cases.append(rtl_cells.Case(name, n.cells, x.reshape(6, -1), want.reshape(6, -1)))
        if n.cells[0].params()["Block"]:
            blocks.add(name)
    assert blocks == {"block", "block-rows"}
    rtl_cells.check("table", cases, seed=seed)
