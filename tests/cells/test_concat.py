# SPDX-License-Identifier: Apache-2.0
"""r4_concat in simulation: lanes that divide both, whole pixels, grids and signs that differ, a chain."""

from __future__ import annotations

import numpy as np
import rtl_cells
import rtl_join

from rtl4ml.cells.join import ConcatCell
from rtl4ml.ir.types import Stream
from rtl4ml.ops.merge import Concat

# shapes without channels, (channels, least, greatest, fraction) of either input, lanes (0: whole pixels)
Side = tuple[int, int, int, int]
CASES: dict[str, tuple[tuple[int, ...], Side, Side, int]] = {
    "one-lane": ((5,), (2, -8, 7, 0), (3, -8, 7, 0), 1),
    "one-channel": ((4,), (1, 0, 1, 0), (1, 0, 1, 0), 1),
    "lanes": ((3,), (4, -8, 7, 0), (6, -8, 7, 0), 2),
    "all-of-a": ((2, 3), (2, -8, 7, 0), (6, -8, 7, 0), 2),
    "shift-a": ((5,), (2, -8, 7, 0), (4, -100, 100, 3), 2),
    "shift-b": ((5,), (2, 0, 255, 5), (2, -1, 1, 1), 2),
    "unsigned": ((5,), (3, 0, 9, 2), (3, 0, 200, 0), 3),
    "mixed-sign": ((5,), (1, 0, 15, 0), (2, -16, 2, 0), 1),
    "whole": ((7,), (3, -8, 7, 1), (2, 0, 31, 2), 0),
    "whole-flat": ((), (5, 0, 7, 0), (1, -2, 1, 0), 0),
    "flat": ((), (6, 0, 7, 0), (2, -2, 1, 0), 2),
}


def side(name: str, shape: tuple[int, ...], s: Side) -> Stream:
    return Stream.covering(name, (*shape, s[0]), *s[1:])


def test_concat(rng: np.random.Generator, seed: int) -> None:
    cases = []
    for name, (shape, a, b, lanes) in CASES.items():
        streams = side("a", shape, a), side("b", shape, b)
        op = Concat(name="y", inputs=streams)
        folding = rtl_cells.folding(op, pe=lanes or a[0] + b[0], simd=lanes or a[0])
        n = rtl_cells.builder()
        wires = [n.like(s, s.name, lanes or s.channels) for s in streams]
        rtl_cells.lower(n, op, folding, *wires)
        cell = n.cells[-1]
        assert isinstance(cell, ConcatCell)
        xa, xb = (rng.integers(s.lo, s.hi + 1, (4, *s.shape)) for s in streams)
        want = np.concatenate([xa << op.shifts[0], xb << op.shifts[1]], axis=-1)
        cases.append(
            rtl_join.Case(
                name, cell, {"a": xa.reshape(4, -1), "b": xb.reshape(4, -1)}, {"y": want.reshape(4, -1)}
            )
        )
    rtl_join.check("concat", cases, seed=seed)
