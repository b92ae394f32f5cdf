# SPDX-License-Identifier: Apache-2.0
"""Compositions of elementwise functions compiled to maps of integers to integers.

A linear operator's accumulator takes finitely many values. The model's own functions (normalization, division,
activation, quantizer) are evaluated on them, and what they do becomes a rounding, thresholds or a table. The result
cannot differ from the model, whatever the functions are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtl4ml.errors import UnsupportedLayer
from rtl4ml.frontends.functions import Floats, Function, Grid
from rtl4ml.ir.mappings import Mapping, Rounding, Table, Thresholds
from rtl4ml.ir.types import FLOAT32_EXACT, Fixed, Ints

# Entries of a table that is taken before thresholds.
TABLE = 2**10
# Most thresholds of one channel.
THRESHOLDS = 2**12
# Most evaluations of a function that is not known to be monotone, all channels together.
_EVALUATIONS = 2**30
_CHUNK = 2**20


@dataclass(frozen=True, eq=False)
class Compiled:
    """A map of integers, the fraction of its results and their range; mapping None: the integers stay as they are.

    quantized_relu(3,1) on integers of fraction 4: Compiled(Rounding(shift=2, lo=0, hi=7), fraction=2, lo=0, hi=7).
    """

    mapping: Mapping | None
    fraction: int
    lo: int
    hi: int

    @property
    def type(self) -> Fixed:
        return Fixed.covering(self.lo, self.hi, self.fraction)


@dataclass(frozen=True, eq=False)
class Source:
    """The integers that functions are compiled for: value = integer * 2**-fraction, lo <= integer <= hi.

    Source(fraction=4, lo=-100, hi=100, channels=1): 201 integers, which stand for the multiples of 1/16 from -6.25 to
    6.25.
    """

    fraction: int
    lo: int
    hi: int
    channels: int

    @property
    def count(self) -> int:
        return self.hi - self.lo + 1


def compile_functions(
    name: str,
    source: Source,
    steps: Sequence[Function],
    *,
    float64: bool,
    rows: Ints | None = None,
    together: Callable[[Floats], Floats] | None = None,
) -> Compiled:
    """The map of every integer of `source` by `steps`; the last step has a grid, or keeps the one before it.

    name:     the layer for errors
    float64:  whether formulas are evaluated in float64, because a sum of the model exceeds what float32 holds
    rows:     (channels out,) the channel whose row each channel takes, where the stream was flattened in between
    together: the steps as one function of float32 arrays (n, channels), where the framework computes them so
    Raises UnsupportedLayer.
    """
    grid = steps[-1].grid
    simple = _symbolic(source, steps)
    if simple is not None:
        return simple
    if grid is None:
        grid = _natural_grid(name, source, steps, float64, together)
    chain = _Chain(name, source, tuple(steps), grid, float64, together)
    chain.check_range()
    rising = chain.monotone
    return _spread(_evaluated(chain) if rising is None else _thresholds(chain, rising), rows)


def is_identity(compiled: Compiled, source: Source) -> bool:
    """Whether the map leaves every integer and the grid as they are."""
    return compiled.mapping is None and compiled.fraction == source.fraction


def only_rounds(source: Source, steps: Sequence[Function]) -> bool:
    """Whether functions are a shift, a rounding and a clip, all together."""
    return _symbolic(source, steps) is not None


# -- functions that are shifts, roundings and clips ---------------------------------------------------------


def _symbolic(source: Source, steps: Sequence[Function]) -> Compiled | None:
    """The map where every step scales by a power of two or clips, and at most the last rounds; None otherwise."""
    fraction = source.fraction
    low, high = -np.inf, np.inf  # real bounds so far
    for k, step in enumerate(steps):
        last = k == len(steps) - 1
        if step.scale is not None:
            fraction -= step.scale
            low, high = np.ldexp(low, step.scale), np.ldexp(high, step.scale)
        elif step.clip is not None and (step.grid is None or last):
            low, high = (float(np.clip(v, *step.clip)) for v in (low, high))
        else:
            return None
    grid = steps[-1].grid
    if grid is None:
        at = out = fraction
        lo, hi = source.lo, source.hi
        for bound in (low, high):  # a bound off the grid, such as 0.1, makes a new value
            if np.isfinite(bound) and np.ldexp(bound, fraction) != np.rint(np.ldexp(bound, fraction)):
                return None
    else:
        if grid.sparse is not None:
            return None
        at, out, lo, hi = steps[-1].rounding, grid.fraction, grid.lo, grid.hi
    if np.isfinite(low):
        lo, hi = (max(v, int(np.rint(np.ldexp(low, at)))) for v in (lo, hi))
    if np.isfinite(high):
        lo, hi = (min(v, int(np.rint(np.ldexp(high, at)))) for v in (lo, hi))
    return _rounding(source, fraction - at, out, lo, hi)


def _rounding(source: Source, shift: int, fraction: int, lo: int, hi: int) -> Compiled:
    """Rounding with the range that it really has; the identity becomes no map at all."""
    free = Rounding(shift, -(2**62), 2**62)
    if shift < -40 or shift > 61:  # every value is far out or rounds to nothing; keep int64 whole
        ends = [float(np.clip(np.rint(np.ldexp(float(v), -shift)), lo, hi)) for v in (source.lo, source.hi)]
        first, last = (int(v) for v in ends)
        if first == last:
            return _constant(first, fraction)
        raise UnsupportedLayer(
            f"elementwise: a shift must be at most 40 bits, not {-shift}; use quantizers of like grids"
        )
    first, last = (int(np.clip(free(np.array([v]))[0], lo, hi)) for v in (source.lo, source.hi))
    if shift == 0 and first == source.lo and last == source.hi:
        return Compiled(None, fraction, first, last)
    if first == last:
        return _constant(first, fraction)
    # The bounds of the range are reached by the map itself; clip only where it must.
    return Compiled(Rounding(shift, first, last), fraction, first, last)


def _constant(value: int, fraction: int) -> Compiled:
    return Compiled(Rounding(0, value, value), fraction, value, value)


# -- functions that must be evaluated -----------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Chain:
    name: str
    source: Source
    steps: tuple[Function, ...]
    grid: Grid
    float64: bool
    together: Callable[[Floats], Floats] | None

    @property
    def rows(self) -> int:
        """Channels that differ."""
        return self.source.channels if any(s.per_channel for s in self.steps) else 1

    @property
    def monotone(self) -> NDArray[np.bool_] | None:
        """(rows,) whether each row ascends (False: descends); None where that is not proven."""
        sign = np.ones(self.rows, np.int64)
        for s in self.steps:
            proven = s.monotone
            if (
                isinstance(proven, int)
                and proven == 0
                and self.float64
                and s.grid is not None
                and _smooth_quantizer(s)
            ):
                proven = 1  # NumPy's float64 functions; their error lies far below the quantizer's step
            sign = sign * proven
        return None if (sign == 0).any() else sign > 0

    def check_range(self) -> None:
        reach = max(abs(self.source.lo), abs(self.source.hi))
        if not self.float64 and reach > FLOAT32_EXACT:
            raise AssertionError(f"{self.name}: float32 evaluation beyond 2^24 steps")
        if self.float64:
            missing = [s.name for s in self.steps if s.f64 is None]
            if missing:
                raise UnsupportedLayer(
                    f"{self.name}: where a sum exceeds 2^24 steps the activation must be known in float64, "
                    f"not {missing[0]}; "
                    f"use fewer bits or another activation"
                )

    def real(self, x: Ints) -> Floats:
        """Integers (n, rows or 1) to the values (n, rows) of the last step."""
        v: Floats = np.ldexp(x.astype(np.float64), -self.source.fraction)
        if not self.float64:
            v = v.astype(np.float32)
        if self.rows > 1 and v.shape[1] == 1:
            v = np.repeat(v, self.rows, axis=1)
        if not self.float64 and self.together is not None:
            return self.together(v)
        for s in self.steps:
            if self.float64:
                assert s.f64 is not None
                v = s.f64(v)
            else:
                v = s.f32(v)
        return v

    def __call__(self, x: Ints) -> Ints:
        """Integers (n, rows or 1) to integers (n, rows) of the grid. Raises UnsupportedLayer where one lies off it."""
        v = self.real(x)
        k = np.ldexp(v.astype(np.float64), self.grid.fraction)
        y = np.rint(k)
        if not np.isfinite(y).all():
            raise UnsupportedLayer(
                f"{self.name}: every value must be a finite number, not {v[~np.isfinite(y)].flat[0]}; "
                "check its weights"
            )
        if (y != k).any() or (y < self.grid.lo).any() or (y > self.grid.hi).any():
            bad = v[(y != k) | (y < self.grid.lo) | (y > self.grid.hi)].flat[0]
            raise UnsupportedLayer(
                f"{self.name}: every value must lie on the grid of "
                f"{self.steps[-1].name or 'its quantizer'}, not be {bad:.9g}; "
                f"use quantized_bits or quantized_relu"
            )
        out: Ints = y.astype(np.int64)
        return out


def _smooth_quantizer(s: Function) -> bool:
    return s.name.startswith(
        ("quantized_tanh", "quantized_sigmoid", "quantized_po2", "quantized_relu_po2", "step_activation")
    )


def _thresholds(chain: _Chain, ascending: NDArray[np.bool_]) -> Compiled:
    """Where every row rises or falls: each level's first integer, found by bisection on all rows at once."""
    src, rows = chain.source, len(ascending)
    ends = chain(np.array([[src.lo], [src.hi]]))
    first, last = int(ends.min()), int(ends.max())
    levels = chain.grid.levels(first, last)
    if len(levels) == 1:
        return _constant(first, chain.grid.fraction)
    if len(levels) - 1 > max(THRESHOLDS, TABLE) and src.count > TABLE:
        raise UnsupportedLayer(
            f"{chain.name}: an activation that is no shift must have at most {THRESHOLDS + 1} levels, "
            f"not {len(levels)}; "
            f"use at most 12 bits in its quantizer"
        )
    if src.count <= TABLE:
        return _evaluated(chain)
    # Row r, level k: the least x whose value reaches levels[k] (ascending) or falls below levels[k] (descending).
    lo = np.full((len(levels) - 1, rows), src.lo, np.int64)
    hi = np.full_like(lo, src.hi + 1)
    target = levels[1:, None]
    while (lo < hi).any():
        mid = (lo + hi) >> 1
        y = _apply(chain, np.minimum(mid, src.hi))
        reached = np.where(ascending, y >= target, y < target)
        reached |= mid > src.hi
        hi = np.where(reached, mid, hi)
        lo = np.where(reached, lo, np.minimum(mid + 1, hi))
    if ascending.all():
        simple = _as_rounding(chain, levels, hi)
        if simple is not None:
            return simple
    t = np.where(ascending, hi, hi[::-1]).T
    v = np.where(ascending[:, None], levels, levels[::-1])
    if (v == v[0]).all():
        v = v[:1]
    return tabulated(Compiled(Thresholds(np.ascontiguousarray(t), v), chain.grid.fraction, first, last), src)


def _apply(chain: _Chain, x: Ints) -> Ints:
    step = max(1, _CHUNK // x.shape[1])
    return np.concatenate([chain(x[i : i + step]) for i in range(0, len(x), step)])


def _as_rounding(chain: _Chain, levels: Ints, thresholds: Ints) -> Compiled | None:
    """The rounding that has these very thresholds in every row, if there is one."""
    src = chain.source
    shift = src.fraction - chain.grid.fraction
    if not -40 <= shift <= 61 or (np.diff(levels) != 1).any() or (thresholds != thresholds[:, :1]).any():
        return None
    r = Rounding(shift, int(levels[0]), int(levels[-1]))
    t = thresholds[:, 0]
    inside = t <= src.hi
    same = (r(np.minimum(t, src.hi)) >= levels[1:])[inside].all()
    same &= (r(np.maximum(t - 1, src.lo)) < levels[1:])[t > src.lo].all()
    return _rounding(src, shift, chain.grid.fraction, r.lo, r.hi) if same else None


def _evaluated(chain: _Chain) -> Compiled:
    """Any function: all of its values, kept where they change."""
    src = chain.source
    if src.count > 2 * FLOAT32_EXACT or src.count * chain.rows > _EVALUATIONS:
        raise UnsupportedLayer(
            f"{chain.name}: a function that is not monotone must have at most 2^24 inputs, not {src.count}; "
            f"put a quantizer before it"
        )
    step = max(1, _CHUNK // chain.rows)
    at: list[Ints] = []  # integers where some row changes
    values: list[Ints] = []
    previous: Ints | None = None
    for a in range(src.lo, src.hi + 1, step):
        x = np.arange(a, min(a + step, src.hi + 1), dtype=np.int64)
        y = chain(x[:, None])
        before = y[:1] if previous is None else previous
        changed = (np.diff(np.concatenate([before, y]), axis=0) != 0).any(axis=1)
        if previous is None:
            values.append(y[:1])
        at.append(x[changed])
        values.append(y[changed])
        previous = y[-1:]
    cuts, v = np.concatenate(at), np.concatenate(values)
    first, last = int(v.min()), int(v.max())
    if len(cuts) == 0 and first == last:
        return _constant(first, chain.grid.fraction)
    if (v == v[:, :1]).all():
        v = v[:, :1]
    if v.shape[1] == 1:
        simple = _table_as_rounding(chain, cuts, v[:, 0], first, last)
        if simple is not None:
            return simple
    if len(cuts) > THRESHOLDS and int(cuts[-1] - cuts[0]) + 2 > TABLE:
        raise UnsupportedLayer(
            f"{chain.name}: an activation that is no shift must change its value at most {THRESHOLDS} "
            f"times, not {len(cuts)}; "
            f"use fewer bits in its quantizer"
        )
    t = np.repeat(cuts[None, :], v.shape[1], axis=0)
    return tabulated(
        Compiled(Thresholds(t, np.ascontiguousarray(v.T)), chain.grid.fraction, first, last), src
    )


def _table_as_rounding(chain: _Chain, cuts: Ints, v: Ints, first: int, last: int) -> Compiled | None:
    src = chain.source
    shift = src.fraction - chain.grid.fraction
    if not -40 <= shift <= 61:
        return None
    r = Rounding(shift, first, last)
    at = np.concatenate([[src.lo], cuts])
    after = np.concatenate([cuts - 1, [src.hi]])
    if np.array_equal(r(at), v) and np.array_equal(
        r(after), v
    ):  # constant between, as both are monotone there
        return _rounding(src, shift, chain.grid.fraction, first, last)
    return None


def tabulated(compiled: Compiled, src: Source) -> Compiled:
    """A table instead of thresholds where it is short; of one entry where no threshold lies within the source's range,
    as behind a layer whose weights are all zero.
    """
    m = compiled.mapping
    assert isinstance(m, Thresholds)
    inside = m.thresholds[(m.thresholds > src.lo) & (m.thresholds <= src.hi)]
    first, last = (int(inside.min()) - 1, int(inside.max())) if inside.size else (src.lo, src.lo)
    if last - first + 1 > TABLE:
        return compiled
    x = np.arange(first, last + 1, dtype=np.int64)
    rows = max(len(m.thresholds), len(m.levels))
    y = m(np.repeat(x[:, None], rows, axis=1))
    return Compiled(Table(first, np.ascontiguousarray(y.T)), compiled.fraction, compiled.lo, compiled.hi)


def _spread(compiled: Compiled, rows: Ints | None) -> Compiled:
    """Rows for the channels of a flattened stream."""
    m = compiled.mapping
    if rows is None or m is None or isinstance(m, Rounding):
        return compiled
    if isinstance(m, Table) and len(m.table) > 1:
        m = Table(m.first, m.table[rows])
    elif isinstance(m, Thresholds) and len(m.thresholds) > 1:
        m = Thresholds(m.thresholds[rows], m.levels if len(m.levels) == 1 else m.levels[rows])
    return Compiled(m, compiled.fraction, compiled.lo, compiled.hi)


def _natural_grid(
    name: str,
    source: Source,
    steps: Sequence[Function],
    float64: bool,
    together: Callable[[Floats], Floats] | None,
) -> Grid:
    """The grid on which functions without a quantizer happen to stay, as LeakyReLU with a slope of 1/4 does."""
    refusal = UnsupportedLayer(
        f"{name}: its values must lie on a fixed-point grid, not be floats; "
        "put a QActivation with quantized_bits behind it"
    )
    if source.count > TABLE:
        raise refusal
    probe = _Chain(name, source, tuple(steps), Grid(0, 0, 0), float64, together)
    probe.check_range()
    v = probe.real(np.arange(source.lo, source.hi + 1, dtype=np.int64)[:, None]).astype(np.float64)
    if not np.isfinite(v).all():
        raise refusal
    for fraction in range(source.fraction - 16, source.fraction + 17):
        k = np.ldexp(v, fraction)
        if (k == np.rint(k)).all() and np.abs(k).max() < FLOAT32_EXACT:
            return Grid(fraction, int(k.min()), int(k.max()))
    raise refusal
