# SPDX-License-Identifier: Apache-2.0
"""r4_requant in simulation: every value of the input type for many shifts, ends and types."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import rtl_cells

from rtl4ml.cells.activation import Requant
from rtl4ml.ir.mappings import Rounding
from rtl4ml.ir.types import Fixed
from rtl4ml.netlist.netlist import Wire

# name: (input type's width, signed, shift, lo, hi, lanes)
CASES: dict[str, tuple[int, bool, int, int, int, int]] = {
    "usual": (9, True, 3, -8, 7, 2),
    "relu": (9, True, 2, 0, 15, 1),
    "unsigned": (8, False, 4, 0, 7, 4),
    "unsigned_wide_out": (8, False, 1, 0, 127, 1),
    "exact": (8, True, 0, -128, 127, 2),
    "clip_only": (8, True, 0, -3, 5, 2),
    "left": (6, True, -2, -128, 127, 1),
    "left_clipped": (6, True, -3, -100, 90, 1),
    "left_unsigned": (6, False, -2, 0, 200, 3),
    "all_out": (8, True, 8, -1, 1, 2),
    "one_beyond": (8, True, 9, -1, 1, 1),
    "far_out": (8, True, 14, -2, 1, 1),
    "unsigned_all_out": (8, False, 8, 0, 1, 1),
    "unsigned_beyond": (8, False, 9, 0, 1, 1),
    "positive_only": (8, True, 1, 3, 60, 1),
    "negative_only": (8, True, 1, -60, -3, 1),
    "bit": (1, False, 0, 0, 1, 4),
    "wide": (40, True, 20, -(2**17), 2**17 - 1, 1),
    "very_wide": (53, True, 1, -(2**51), 2**51 - 1, 1),
}


def by_definition(x: int, shift: int, lo: int, hi: int) -> int:
    """Python rounds a fraction's half to even."""
    return min(max(round(Fraction(x) / Fraction(2) ** shift), lo), hi)


def test_requant(rng: np.random.Generator, seed: int) -> None:
    cases = []
    for name, (bits, signed, shift, lo, hi, lanes) in CASES.items():
        t = Fixed(signed, bits - int(signed), 0)
        if bits < 10:
            values = np.arange(t.lo, t.hi + 1)
        else:
            near = (np.arange(-32, 33)[:, None] << (shift - 1)) + np.arange(-1, 2)
            values = np.concatenate([rng.integers(t.lo, t.hi + 1, 500), near.reshape(-1), [t.lo, t.hi]])
        x = np.resize(values, (2, -(-len(values) // lanes) * lanes))
        y = np.array([[by_definition(int(v), shift, lo, hi) for v in row] for row in x])
        out = Fixed.covering(lo, hi, 0)
        cell = Requant(
            name="requant",
            inputs={"x": Wire("x", lanes, bits, signed, x.shape[1] // lanes)},
            outputs={"y": Wire("y", lanes, out.width, out.signed, x.shape[1] // lanes)},
            mapping=Rounding(shift, lo, hi),
        )
        cases.append(rtl_cells.Case(name, [cell], x, y))
        if shift > 0:
            cases.append(without_ties(cases[-1], shift))
    rtl_cells.check("requant", cases, seed=seed, stalled=1)


def without_ties(case: rtl_cells.Case, shift: int) -> rtl_cells.Case:
    """The same cell told that no element is a half, with the elements that are none."""
    (cell,) = case.cells
    assert isinstance(cell, Requant)
    x, lanes = case.x.reshape(-1), cell.x.lanes
    none = x % (1 << shift) != 1 << (shift - 1)
    n = 2 * lanes * (none.sum() // (2 * lanes))
    assert n > 0
    ends = {
        "inputs": {"x": replace(cell.x, beats=int(n) // 2 // lanes)},
        "outputs": {"y": replace(cell.y, beats=int(n) // 2 // lanes)},
    }
    cell = replace(cell, ties=False, **ends)
    y = case.y.reshape(-1)
    return rtl_cells.Case(
        f"{case.name}, no ties", [cell], x[none][:n].reshape(2, -1), y[none][:n].reshape(2, -1)
    )


def test_a_half_where_none_may_be_stops_the_simulation(seed: int, capfd: pytest.CaptureFixture[str]) -> None:
    x = np.array([[1, 3, 5, 7, 9]])
    cell = Requant(
        name="requant",
        inputs={"x": Wire("x", 1, 8, True, 5)},
        outputs={"y": Wire("y", 1, 4, True, 5)},
        mapping=Rounding(2, -8, 7),
        ties=False,
    )
    rtl_cells.check("requant_odd", [rtl_cells.Case("odd", [cell], x, np.array([[0, 1, 1, 2, 2]]))], seed=seed)
    with pytest.raises(AssertionError) as raised:
        case = rtl_cells.Case("half", [cell], np.array([[1, 3, 5, 7, 10]]), np.array([[0, 1, 1, 2, 2]]))
        rtl_cells.check("requant_half", [case], seed=seed)
    assert "NO_TIE" in str(raised.value) + "".join(capfd.readouterr())
