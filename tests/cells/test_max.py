# SPDX-License-Identifier: Apache-2.0
"""r4_max in simulation: maxima and minima; grids and signs that differ, ties, ends of the range, narrow results."""

from __future__ import annotations

import numpy as np
import pytest
import rtl_cells
import rtl_join

from rtl4ml.cells.maximum import MaximumCell
from rtl4ml.ir.types import Stream
from rtl4ml.ops.maximum import Extremum, Maximum, Minimum

# shape, (least, greatest, fraction) of either input, lanes
Side = tuple[int, int, int]
CASES: dict[str, tuple[tuple[int, ...], Side, Side, int]] = {
    "signed": ((5, 2), (-8, 7, 0), (-8, 7, 0), 1),
    "unsigned": ((5, 2), (0, 255, 0), (0, 1, 0), 2),
    "mixed": ((4, 6), (0, 15, 0), (-16, 3, 0), 3),
    "mixed-turned": ((4, 6), (-128, 127, 0), (0, 255, 0), 2),
    "shift-a": ((6,), (-4, 3, 0), (-50, 40, 4), 6),
    "shift-b": ((6,), (-100, 90, 4), (0, 3, 1), 2),
    "negative": ((8, 1), (-110, -100, 0), (-8, -1, 2), 1),
    "narrow-maximum": ((5, 2), (-128, 5, 0), (0, 7, 0), 2),
    "narrow-minimum": ((5, 2), (-4, 3, 0), (0, 200, 1), 2),
}


@pytest.mark.parametrize("kind", [Maximum, Minimum])
def test_max(kind: type[Extremum], rng: np.random.Generator, seed: int) -> None:
    cases = []
    for name, (shape, a, b, lanes) in CASES.items():
        streams = Stream.covering("a", shape, *a), Stream.covering("b", shape, *b)
        op = kind(name="y", inputs=streams)
        n = rtl_cells.builder()
        wires = [n.like(s, s.name, lanes) for s in streams]
        rtl_cells.lower(n, op, rtl_cells.folding(op, pe=lanes), *wires)
        cell = n.cells[-1]
        assert isinstance(cell, MaximumCell)
        xa, xb = (rng.integers(s.lo, s.hi + 1, (6, *s.shape)) for s in streams)
        for frame, (p, q) in enumerate(((0, 0), (0, 1), (1, 0), (1, 1))):
            xa[frame], xb[frame] = a[p], b[q]
        up, more = op.shifts
        first = (xa << up > xb << more) == (kind is Maximum)
        want = np.where(first, xa << up, xb << more)
        cases.append(
            rtl_join.Case(
                name, cell, {"a": xa.reshape(6, -1), "b": xb.reshape(6, -1)}, {"y": want.reshape(6, -1)}
            )
        )
    rtl_join.check(kind.op.lower(), cases, seed=seed)
