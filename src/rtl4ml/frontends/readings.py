# SPDX-License-Identifier: Apache-2.0
"""How samples become integers, as data: what a saved design has in place of the model's own input quantizer.

A quantizer that rounds and clips is its grid. Any other is a step function of a float32, found by evaluating it: where
two neighbouring numbers become different integers, a step begins. Between the steps nothing is proven where a function
is not known to rise. There every float32 within `AROUND` of a step is evaluated, so that a function that goes up and
down where it turns over is read as it is; one that does so further away is not read at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rtl4ml.frontends import precision
from rtl4ml.frontends.functions import EVERYTHING, Floats, Function, Grid
from rtl4ml.frontends.precision import Modes

Floats32 = NDArray[np.float32]
Keys = NDArray[np.int64]

# Neighbouring float32 numbers on either side of a step that are all evaluated; no step may lie in the outer half.
AROUND = 4096
# The most steps of a function that is read: 2^12 of 2^13 numbers each take a few seconds.
MOST_STEPS = 4096
# Of the float32 numbers so many, in equal distances, are looked at first: no step is missed that is longer.
_FIRST = 2**16


def fixed_quantizer(grid: Grid, name: str, modes: Modes | None = None) -> Function:
    """Rounds to the grid and keeps to its range by `modes`; by default halves to even, saturating."""
    how = modes or Modes()

    def f(x: Floats) -> Floats:
        return np.ldexp(
            how.integers(np.ldexp(np.asarray(x, np.float64), grid.fraction), grid.lo, grid.hi), -grid.fraction
        )

    return Function(
        name=name, f32=f, f64=f, monotone=int(how.rises), grid=grid, clip=EVERYTHING if how.plain else None,
        rounding=grid.fraction,
    )  # fmt: skip


@dataclass(frozen=True)
class Rounded:
    """clip(round(x * 2**rounding), lo, hi) by rounding and overflow modes, in steps of 2**-fraction.

    Rounded(fraction=2, lo=0, hi=7, rounding=2) takes 0.3, 1.1 and 9.0 to 1, 4 and 7, which stand for 0.25, 1.0 and
    1.75.
    """

    fraction: int
    lo: int
    hi: int
    rounding: int
    modes: Modes = field(default_factory=Modes)

    def function(self, name: str) -> Function:
        """As a front end reads it from a model."""
        grid = Grid(self.fraction, self.lo, self.hi)
        if not self.modes.plain:
            return fixed_quantizer(grid, name, self.modes)

        def f(x: Floats) -> Floats:
            k = np.clip(np.rint(np.ldexp(np.asarray(x, np.float64), self.rounding)), self.lo, self.hi)
            return np.asarray(np.ldexp(k, -self.fraction))

        return Function(
            name=name, f32=f, f64=f, monotone=1, grid=grid, clip=EVERYTHING, rounding=self.rounding
        )


@dataclass(frozen=True, eq=False)
class Stepped:
    """levels[number of starts that x reaches], in steps of 2**-fraction.

    starts: (K,) float32 numbers, ascending, each the least that has a new level; levels: (K + 1,) integers

    The sign, Stepped(fraction=0, starts=[0.0], levels=[-1, 1]), takes -0.5, 0.0 and 3.0 to -1, 1 and 1.
    """

    fraction: int
    starts: Floats32
    levels: NDArray[np.int64]

    def function(self, name: str) -> Function:
        """As a front end reads it from a model."""

        def f(x: Floats) -> Floats:
            k = self.levels[np.searchsorted(self.starts, np.asarray(x, np.float32), side="right")]
            return np.asarray(np.ldexp(k.astype(np.float64), -self.fraction))

        lo, hi = int(self.levels.min()), int(self.levels.max())
        return Function(name=name, f32=f, f64=None, grid=Grid(self.fraction, lo, hi))


Reading = Rounded | Stepped


def reading(
    f: Function, fraction: int, integers: Callable[[Floats32], NDArray[np.floating]]
) -> Reading | None:
    """An input quantizer as data; None where its steps are too many or too uneven to be read.

    fraction: of the input stream; integers: the quantizer in steps of it, of float32 numbers (n,)
    """
    g = f.grid
    if g is not None and f.rounds_to(fraction):
        return Rounded(fraction, g.lo, g.hi, f.rounding)
    written = precision.read(f.name)
    if g is not None and g.sparse is None and g.fraction == fraction and written and written.modes:
        return Rounded(fraction, g.lo, g.hi, f.rounding, written.modes)
    return _stepped(integers, fraction)


def _floats(keys: Keys) -> Floats32:
    """The float32 numbers in ascending order: of key 0 zero, of 1 the least above it."""
    bits = np.where(keys >= 0, keys, -keys | 0x8000_0000)
    return bits.astype(np.uint32).view(np.float32)


# Key of the greatest number that is looked at, beyond which nothing steps: QKeras's own code comes to infinity less
# infinity there.
_LAST = int(np.float32(2.0**100).view(np.int32))


def _stepped(integers: Callable[[Floats32], NDArray[np.floating]], fraction: int) -> Stepped | None:
    def at(keys: Keys) -> NDArray[np.float64]:
        return np.asarray(integers(_floats(keys)), np.float64)

    ends = np.unique(np.linspace(-_LAST, _LAST, _FIRST, dtype=np.int64))
    steps = _between(at, ends, at(ends))
    if steps is None:
        return None
    if not len(steps):
        return Stepped(fraction, _floats(steps), at(ends[:1]).astype(np.int64))
    near = np.unique(np.clip(steps[:, None] + np.arange(-AROUND, AROUND + 1), -_LAST, _LAST))
    made = at(near)
    turns = np.flatnonzero((np.diff(near) == 1) & (np.diff(made) != 0)) + 1
    found = near[turns]
    first = np.searchsorted(steps, found)
    nearest = np.abs(found[:, None] - steps[np.clip([first - 1, first], 0, len(steps) - 1)].T).min(axis=1)
    known = np.concatenate([[-_LAST], found])
    levels = at(known)
    if (nearest > AROUND // 2).any() or not np.isfinite(levels).all():
        return None
    return Stepped(fraction, _floats(found), levels.astype(np.int64))


def _between(
    at: Callable[[Keys], NDArray[np.float64]], keys: Keys, values: NDArray[np.float64]
) -> Keys | None:
    """(K,) ascending keys at which the function differs from that of the key before; None where they are too many."""
    low, high = keys[:-1], keys[1:]
    a, b = values[:-1], values[1:]
    while True:
        kept = a != b
        low, high, a, b = low[kept], high[kept], a[kept], b[kept]
        if len(low) > MOST_STEPS or not np.isfinite(a).all() or not np.isfinite(b).all():
            return None
        if (high - low <= 1).all():
            return np.sort(high)
        middle = (low + high) // 2
        m = at(middle)
        low, high = np.concatenate([low, middle]), np.concatenate([middle, high])
        a, b = np.concatenate([a, m]), np.concatenate([m, b])
