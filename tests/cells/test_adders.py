# SPDX-License-Identifier: Apache-2.0
"""Generated graphs of adders in simulation: one stage and several, constants, negations."""

from __future__ import annotations

import numpy as np
import pytest
import rtl_cells

from rtl4ml.ir.types import Fixed, Stream
from rtl4ml.ops.conv import Conv

# inputs, outputs, bits of an input, of a weight
CASES = {"shallow": (2, 3, 4, 2), "deep": (20, 3, 6, 4), "wide": (3, 11, 9, 6)}


@pytest.mark.gate
def test_adders(rng: np.random.Generator, seed: int) -> None:
    cases = []
    for name, (i, o, bits, w) in CASES.items():
        op = Conv(
            name=name,
            inputs=(Stream("x", (12, i), Fixed(False, 0, bits), 0, 2**bits - 1),),
            weights=rng.integers(-(2 ** (w - 1)), 2 ** (w - 1), (1, 1, i, o)),
            weight_fraction=np.full(o, w - 1),
            bias=rng.integers(-99, 99, o),
            bias_fraction=w + bits - 3,
        )
        unrolled = next(f for f in rtl_cells.foldings(op) if f.style == "unrolled")
        n = rtl_cells.builder()
        rtl_cells.lower(n, op, unrolled, n.like(op.x, name, i))
        x = rng.integers(0, 2**bits, (4, 12, i))
        cases.append(rtl_cells.Case(name, n.cells, x.reshape(4, -1), op.golden(x).reshape(4, -1)))
    assert [c.cells[0].timing().latency for c in cases] == [1, 4, 3]
    rtl_cells.check("adders", cases, seed=seed)
