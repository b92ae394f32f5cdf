# SPDX-License-Identifier: Apache-2.0
"""r4_add in simulation: sums and differences, grids and signs that differ, ends of the range."""

from __future__ import annotations

import numpy as np
import pytest
import rtl_cells
import rtl_join

from rtl4ml.cells.join import AddCell
from rtl4ml.ir.types import Stream
from rtl4ml.ops.merge import Add, Subtract

# shape, (least, greatest, fraction) of either input, lanes
Side = tuple[int, int, int]
CASES: dict[str, tuple[tuple[int, ...], Side, Side, int]] = {
    "signed": ((5, 2), (-8, 7, 0), (-8, 7, 0), 1),
    "unsigned": ((5, 2), (0, 255, 0), (0, 1, 0), 2),
    "mixed": ((4, 6), (0, 15, 0), (-16, 0, 0), 3),
    "shift-a": ((6,), (-4, 3, 0), (-100, 90, 4), 6),
    "shift-b": ((6,), (-100, 90, 4), (0, 3, 1), 2),
    "narrow-sum": ((8, 1), (100, 110, 0), (-110, -100, 0), 1),
}


@pytest.mark.parametrize("kind", [Add, Subtract])
def test_add(kind: type[Add | Subtract], rng: np.random.Generator, seed: int) -> None:
    cases = []
    for name, (shape, a, b, lanes) in CASES.items():
        streams = Stream.covering("a", shape, *a), Stream.covering("b", shape, *b)
        op = kind(name="y", inputs=streams)
        n = rtl_cells.builder()
        wires = [n.like(s, s.name, lanes) for s in streams]
        rtl_cells.lower(n, op, rtl_cells.folding(op, pe=lanes), *wires)
        cell = n.cells[-1]
        assert isinstance(cell, AddCell)
        xa, xb = (rng.integers(s.lo, s.hi + 1, (6, *s.shape)) for s in streams)
        for frame, (p, q) in enumerate(((0, 0), (0, 1), (1, 0), (1, 1))):
            xa[frame], xb[frame] = a[p], b[q]
        b_of_y = (xb << op.shifts[1]) * (1 if kind is Add else -1)
        want = (xa << op.shifts[0]) + b_of_y
        cases.append(
            rtl_join.Case(
                name, cell, {"a": xa.reshape(6, -1), "b": xb.reshape(6, -1)}, {"y": want.reshape(6, -1)}
            )
        )
    rtl_join.check(kind.op.lower(), cases, seed=seed)
