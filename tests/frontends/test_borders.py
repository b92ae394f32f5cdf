# SPDX-License-Identifier: Apache-2.0
"""Averages over windows of unlike numbers of elements: one row of thresholds for all, on every sum."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from rtl4ml.frontends.borders import Borders
from rtl4ml.frontends.elementwise import Compiled
from rtl4ml.ir.mappings import Thresholds
from rtl4ml.ir.types import Stream
from rtl4ml.ops.conv import Padding
from rtl4ml.ops.pool import Pool

Numbers = Callable[[Fraction], int]


def borders(
    shape: tuple[int, ...], size: tuple[int, int], padding: Padding, lo: int = -8, hi: int = 7
) -> Borders:
    x = Stream.covering("x", shape, lo, hi, 0)
    return Borders("l", Pool(name="p", inputs=(x,), mode="sum", size=size, stride=(1, 1), padding=padding))


def compiled(b: Borders, functions: list[Callable[[Fraction], int]]) -> Compiled:
    """What functions of the average, one a channel, do to every sum; one row for every number and channel."""
    s = b.pool.output
    x = np.arange(s.lo, s.hi + 1)
    values = np.array(
        [[f(Fraction(int(v), int(n))) for v in x] for n in b.numbers for f in functions], np.int64
    )
    thresholds = np.tile(x[1:], (len(values), 1))
    return Compiled(Thresholds(thresholds, values), 0, int(values.min()), int(values.max()))


def half_even(step: Fraction) -> Numbers:
    return lambda average: round(average / step)


SHAPES: dict[str, tuple[tuple[int, ...], tuple[int, int], Padding]] = {
    "three": ((9, 1), (1, 3), ((0, 0), (1, 1))),
    "plane": ((5, 6, 1), (3, 2), ((1, 1), (0, 1))),
    "seven": ((12, 1), (1, 7), ((0, 0), (3, 3))),
    "thirteen": ((30, 1), (1, 13), ((0, 0), (6, 6))),
    "short": ((3, 4, 1), (5, 3), ((2, 2), (1, 1))),
}
FUNCTIONS: dict[str, list[Numbers]] = {
    "rounding, ties to even": [half_even(Fraction(2))],
    "falling and rising": [half_even(Fraction(-3, 2)), half_even(Fraction(1)), lambda a: int(a > 3)],
    "neither": [lambda a: int(abs(a - 2) * 2), lambda a: int(a * a) % 5],
}


@pytest.mark.parametrize("functions", FUNCTIONS)
@pytest.mark.parametrize("shape", SHAPES)
def test_one_row_serves_all_positions(shape: str, functions: str) -> None:
    b = borders(*SHAPES[shape])
    wanted = FUNCTIONS[functions]
    found = b.shared(compiled(b, wanted), len(wanted))
    assert found is not None
    factors, c = found
    assert c.mapping is not None
    scale = factors.rows[:, None] * factors.columns
    met = 0
    for n, f in {(int(n), int(f)) for n, f in zip(b.pool.counts.flat, scale.flat, strict=True)}:
        sums = np.arange(n * b.pool.x.lo, n * b.pool.x.hi + 1)
        assert factors.lo <= f * sums[0] and f * sums[-1] <= factors.hi
        made = c.mapping(np.repeat(sums[:, None] * f, len(wanted), axis=1))
        np.testing.assert_array_equal(made, [[g(Fraction(int(v), n)) for g in wanted] for v in sums])
        met += len(sums)
    assert met > 60


def test_factors_are_no_greater_than_needed() -> None:
    """Of 13 elements the exact ones have 16 bits; twelve tell all sums of 4-bit elements apart that must be."""
    b = borders(*SHAPES["thirteen"])
    found = b.shared(compiled(b, FUNCTIONS["rounding, ties to even"]), 1)
    assert found is not None
    assert found[0].columns.max() < 2**12 < 2**15 < b.exact.columns.max()
    np.testing.assert_array_equal(b.exact.columns * b.pool.counts[0], 360360)


def test_rows_that_want_two_values_of_one_average_are_not_joined() -> None:
    b = borders((9, 1), (1, 3), ((0, 0), (1, 1)))
    c = compiled(b, FUNCTIONS["rounding, ties to even"])
    assert isinstance(c.mapping, Thresholds)
    assert b.shared(c, 1) is not None
    c.mapping.levels[0] += 1
    assert b.shared(c, 1) is None


def test_numbers_that_are_powers_of_two_move_the_point() -> None:
    assert borders((7, 1), (1, 2), ((0, 0), (0, 1))).shift == 1
    assert borders((7, 1), (1, 3), ((0, 0), (1, 1))).shift is None
