# SPDX-License-Identifier: Apache-2.0
"""r4_multiply in simulation: signs that differ, ends of the range, products narrower than their operands."""

from __future__ import annotations

import numpy as np
import rtl_cells
import rtl_join

from rtl4ml.cells.join import MultiplyCell
from rtl4ml.ir.types import Stream
from rtl4ml.ops.merge import Product

# shape, (least, greatest, fraction) of either input, lanes
Side = tuple[int, int, int]
CASES: dict[str, tuple[tuple[int, ...], Side, Side, int]] = {
    "signed": ((5, 2), (-8, 7, 0), (-8, 7, 3), 1),
    "unsigned": ((5, 2), (0, 255, 8), (0, 1, 0), 2),
    "mixed": ((4, 6), (0, 15, 0), (-16, 0, 0), 3),
    "mixed-turned": ((6,), (-100, 90, 4), (0, 3, 1), 6),
    "narrow-product": ((8, 1), (100, 110, 0), (0, 0, 0), 1),
    "two-parts": ((9, 2), (-128, 127, 0), (-100, 127, 2), 2),
    "two-parts-unsigned": ((9, 2), (0, 255, 0), (0, 1000, 2), 1),
    "two-parts-mixed": ((9, 2), (0, 63, 0), (-128, 1, 0), 1),
    "three-parts": ((9, 1), (-1024, 1023, 0), (0, 4000, 0), 1),
    "four-parts": ((9, 1), (-40000, 32767, 0), (-60000, 65535, 0), 1),
}


def test_multiply(rng: np.random.Generator, seed: int) -> None:
    cases = []
    for name, (shape, a, b, lanes) in CASES.items():
        streams = Stream.covering("a", shape, *a), Stream.covering("b", shape, *b)
        op = Product(name="y", inputs=streams)
        n = rtl_cells.builder()
        wires = [n.like(s, s.name, lanes) for s in streams]
        rtl_cells.lower(n, op, rtl_cells.folding(op, pe=lanes), *wires)
        cell = n.cells[-1]
        assert isinstance(cell, MultiplyCell)
        xa, xb = (rng.integers(s.lo, s.hi + 1, (6, *s.shape)) for s in streams)
        for frame, (p, q) in enumerate(((0, 0), (0, 1), (1, 0), (1, 1))):
            xa[frame], xb[frame] = a[p], b[q]
        want = {"y": (xa * xb).reshape(6, -1)}
        cases.append(rtl_join.Case(name, cell, {"a": xa.reshape(6, -1), "b": xb.reshape(6, -1)}, want))
    rtl_join.check("multiply", cases, seed=seed)
