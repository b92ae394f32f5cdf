# SPDX-License-Identifier: Apache-2.0
"""Averages over windows that reach into the padding: each divides by the elements that it has within the frame.

A sum over c elements, times m / c, is m times the average, whatever c is. So every row and every column of the frame
gets a factor, and one row of thresholds serves all positions. The functions behind the average are compiled for every
number of elements, and the thresholds are chosen so that they agree with each on every sum; so factors need not be
exact, and m is the least that will do. Where none does, every element of the frame takes the row of its number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import lcm

import numpy as np

from rtl4ml.frontends.elementwise import Compiled, Source, tabulated
from rtl4ml.frontends.functions import Evaluator, Floats, Function
from rtl4ml.ir.mappings import Table, Thresholds
from rtl4ml.ir.types import FLOAT64_EXACT, Ints
from rtl4ml.ops.pool import Pool

# Elements of a frame that may each have a row of thresholds or of a table.
MOST = 2**14
# Greatest factor of an axis, in bits.
_BITS = 24


@dataclass(frozen=True, eq=False)
class Factors:
    """Integer factors of the rows (H,) and columns (W,) of a frame; lo and hi are the range of the products."""

    rows: Ints
    columns: Ints
    lo: int
    hi: int


def division(layer: str, count: int | Ints) -> Function:
    """The division of an average over `count` elements, a number or (channels,)."""
    single, double = np.asarray(count, np.float32), np.asarray(count, np.float64)
    return Function(
        name="average",
        f32=lambda x: np.asarray(x, np.float32) / single,
        f64=lambda x: np.asarray(x, np.float64) / double,
        monotone=1,
        per_channel=single.ndim > 0,
        layer=layer,
    )


@dataclass(frozen=True, eq=False)
class Borders:
    """Windows of the sum `pool`, whose numbers of elements within the frame differ."""

    layer: str
    pool: Pool

    @property
    def frame(self) -> tuple[int, ...]:
        """The shape of the sums."""
        return self.pool.output.shape

    @cached_property
    def numbers(self) -> Ints:
        """(K,) the numbers of elements that there are."""
        return np.unique(self.pool.counts)

    def rows(self, channels: int) -> Ints:
        """(elements,) the row of (K * channels) that each element of a frame takes."""
        at = np.searchsorted(self.numbers, self.pool.counts).reshape(-1, 1)
        return (at * channels + np.arange(self.frame[-1]) % channels).reshape(-1)

    @property
    def shift(self) -> int | None:
        """log2 of the greatest number where all are powers of two, else None: then factors make all averages exact."""
        exact = not (self.numbers & (self.numbers - 1)).any()
        return int(self.numbers[-1]).bit_length() - 1 if exact else None

    def factors(self, limit: int) -> Factors:
        """Multiples of 1 / count along each axis: exact ones where the least that there are reach no further than
        `limit`, else `limit` / count to the nearest.
        """
        rows, columns = (_factors(c, limit) for c in self.pool.spans)
        scaled = self.pool.counts * rows[:, None] * columns
        ends = [int(f(scaled)) * v for f in (np.min, np.max) for v in (self.pool.x.lo, self.pool.x.hi)]
        return Factors(rows, columns, min(ends), max(ends))

    @property
    def exact(self) -> Factors:
        """Factors that bring all sums to one divisor."""
        return self.factors(max(_multiple(c) for c in self.pool.spans))

    def shared(self, compiled: Compiled, channels: int) -> tuple[Factors, Compiled] | None:
        """Factors, and a map of the products, one row a channel, that agrees with `compiled`, which has K * channels
        rows; the least factors for which there is such a map. None where there are none.
        """
        m = compiled.mapping
        if isinstance(m, Table):
            first, count = m.first, m.table.shape[1]
            m = Thresholds(np.tile(np.arange(first + 1, first + count), (len(m.table), 1)), m.table)
        assert isinstance(m, Thresholds)
        exact = {_multiple(c) for c in self.pool.spans}
        for limit in sorted({*exact, *(2**k for k in range(2, _BITS))}):
            f = self.factors(limit)
            if limit > max(exact) or max(abs(f.lo), abs(f.hi)) >= FLOAT64_EXACT:
                break
            found = []
            for channel in range(channels):
                steps = self._together(m, f, channel, channels)
                if steps is None:
                    break
                found.append(steps)
            else:
                source = Source(self.pool.output.type.fraction, f.lo, f.hi, channels)
                return f, tabulated(replace(compiled, mapping=_rows(found, f)), source)
        return None

    def _together(self, m: Thresholds, f: Factors, channel: int, channels: int) -> tuple[Ints, Ints] | None:
        """(cuts, values) of one function of the products, of one value more than cuts: it agrees with the row of every
        number of elements on each of its sums. None where two rows want two values of one product.
        """
        first, last, value = [], [], []
        for number, factor in self._classes(f):
            row = int(np.searchsorted(self.numbers, number)) * channels + channel
            lo, hi = number * self.pool.x.lo, number * self.pool.x.hi
            t = np.clip(m.thresholds[row if len(m.thresholds) > 1 else 0], lo, hi + 1)
            a, b = np.concatenate([[lo], t]), np.concatenate([t - 1, [hi]])
            met = a <= b
            first.append(a[met] * factor)
            last.append(b[met] * factor)
            value.append(m.levels[row if len(m.levels) > 1 else 0][met])
        a, b, v = np.concatenate(first), np.concatenate(last), np.concatenate(value)
        order = np.argsort(a, kind="stable")
        a, v, before = a[order], v[order], np.maximum.accumulate(b[order])
        change = np.flatnonzero(np.diff(v)) + 1
        if (a[change] <= before[change - 1]).any():
            return None
        return _round_number(before[change - 1], a[change]), v[np.concatenate([[0], change])]

    def _classes(self, f: Factors) -> list[tuple[int, int]]:
        """(number of elements, factor) that windows have."""
        counts, factors = self.pool.counts.reshape(-1), (f.rows[:, None] * f.columns).reshape(-1)
        return sorted(set(zip(counts.tolist(), factors.tolist(), strict=True)))

    def steps(self, steps: Sequence[Function], channels: int) -> list[Function]:
        """The average and the functions behind it, on (n, K * channels)."""
        average = division(self.layer, np.repeat(self.numbers, channels))
        return [average, *(self._each(f, channels) for f in steps[1:])]

    def together(
        self, steps: Sequence[Function], channels: int, evaluator: Evaluator
    ) -> Callable[[Floats], Floats] | None:
        """What the evaluator makes of the same, number by number."""
        parts = [evaluator(None, (division(self.layer, int(n)), *steps[1:])) for n in self.numbers]
        if any(p is None for p in parts):
            return None

        def f32(x: Floats) -> Floats:
            full = np.broadcast_to(x, (len(x), len(parts) * channels))
            columns = np.split(full, len(parts), axis=1)
            made = [p(np.ascontiguousarray(c)) for p, c in zip(parts, columns, strict=True) if p is not None]
            return np.concatenate(made, axis=1)

        return f32

    def _each(self, f: Function, channels: int) -> Function:
        """A function of (n, channels) on (n, K * channels)."""
        if not f.per_channel:
            return f
        f64 = f.f64

        def on(g: Callable[[Floats], Floats]) -> Callable[[Floats], Floats]:
            return lambda x: np.asarray(g(np.reshape(x, (-1, channels)))).reshape(np.shape(x))

        monotone = f.monotone if isinstance(f.monotone, int) else np.tile(f.monotone, len(self.numbers))
        return replace(f, f32=on(f.f32), f64=None if f64 is None else on(f64), monotone=monotone)


def _multiple(counts: Ints) -> int:
    """The least common multiple."""
    return lcm(*np.unique(counts).tolist())


def _factors(counts: Ints, limit: int) -> Ints:
    """(positions,) `Borders.factors` of one axis; all 1 where all counts are alike."""
    multiple = _multiple(counts)
    if multiple == counts.max() == counts.min():
        return np.ones_like(counts)
    scale = min(multiple, limit)
    return np.asarray(np.maximum(1, (2 * scale + counts) // (2 * counts)), np.int64)


def _round_number(below: Ints, upto: Ints) -> Ints:
    """(cuts,) numbers above `below`, none above `upto`, with as many zeros at their end as there are: comparisons with
    them are cheaper.
    """
    zeros = np.array(
        [(a ^ b).bit_length() - 1 for a, b in zip(below.tolist(), upto.tolist(), strict=True)], np.int64
    )
    return np.asarray(np.where((below < 0) & (upto >= 0), 0, upto >> zeros << zeros), np.int64)


def _rows(found: list[tuple[Ints, Ints]], f: Factors) -> Thresholds:
    """One row for every (cuts, values): where all rise or fall, all have the same levels, or those from the last."""
    rising = [bool((np.diff(v) > 0).all()) for _, v in found]
    if all(up or (np.diff(v) < 0).all() for up, (_, v) in zip(rising, found, strict=True)):
        levels = np.unique(np.concatenate([v for _, v in found]))
        thresholds, values = [], []
        for up, (cuts, v) in zip(rising, found, strict=True):
            order = levels if up else levels[::-1]
            at = np.searchsorted(v, order[1:]) if up else np.searchsorted(-v, -order[1:])
            thresholds.append(np.concatenate([[f.lo], cuts, [f.hi + 1]])[at])
            values.append(order)
    else:
        most = max(len(cuts) for cuts, _ in found)
        thresholds = [np.pad(cuts, (0, most - len(cuts)), constant_values=f.hi + 1) for cuts, _ in found]
        values = [np.pad(v, (0, most + 1 - len(v)), mode="edge") for _, v in found]
    t, v = np.array(thresholds, np.int64), np.array(values, np.int64)
    return Thresholds(t, v[:1] if (v == v[0]).all() else v)
