# SPDX-License-Identifier: Apache-2.0
"""Elementwise functions of reals with the grids that their values lie on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml.ir.types import FLOAT32_EXACT, Fixed, Ints

Floats = NDArray[np.floating]

# Bits of an integer weight that float32 can hold beside its exponent.
SIGNIFICAND = 24


EVERYTHING = (-np.inf, np.inf)


@dataclass(frozen=True)
class Grid:
    """The values k * 2**-fraction with k from lo to hi, or only those of `sparse` (ascending).

    Grid(2, 0, 7): the 8 multiples of a quarter from 0 to 1.75, of type u3.2.
    Grid(2, -4, 4, (-4, -2, -1, 1, 2, 4)): of the multiples from -1 to 1 only powers of two and their negatives.
    """

    fraction: int
    lo: int
    hi: int
    sparse: tuple[int, ...] | None = None

    @cached_property
    def type(self) -> Fixed:
        return Fixed.covering(self.lo, self.hi, self.fraction)

    @property
    def count(self) -> int:
        return len(self.sparse) if self.sparse is not None else self.hi - self.lo + 1

    def levels(self, lo: int, hi: int) -> Ints:
        """Every k in [lo, hi], ascending."""
        if self.sparse is None:
            return np.arange(max(lo, self.lo), min(hi, self.hi) + 1, dtype=np.int64)
        k = np.asarray(self.sparse, np.int64)
        return k[(k >= lo) & (k <= hi)]


@dataclass(frozen=True)
class Line:
    """factor * x + offset, such as Line(0.5, 0.5)."""

    factor: float
    offset: float = 0.0


@dataclass(frozen=True, eq=False)
class Bend:
    """x where it is above zero, else slopes * x; (1,) or (channels,) slopes, such as [0.25]."""

    slopes: NDArray[np.float64]

    @property
    def per_channel(self) -> bool:
        return len(self.slopes) > 1

    @property
    def powers(self) -> bool:
        """Whether every slope is zero or a positive power of two, at most 1: no multiplier makes it."""
        mantissa, exponent = np.frexp(self.slopes)
        return bool((((mantissa == 0.5) & (exponent <= 1)) | (self.slopes == 0)).all())


@dataclass(frozen=True)
class Clip:
    """x clipped to [lo, hi], such as Clip(0.0, 1.0)."""

    lo: float = -np.inf
    hi: float = np.inf


Piece = Line | Bend | Clip


@dataclass(frozen=True, eq=False, kw_only=True)
class Function:
    """An elementwise function of a model.

    f32:        from (n, C or 1) to the same shape in float32, as the model computes it
    f64:        the formula in float64; None: it is not known
    monotone:   +1 where it never falls, -1 where it never rises, 0 where neither is proven; a number, or one a channel
    grid:       where its values lie (a quantizer), or None
    clip:       (a, b), where the function is x clipped to [a, b], then rounded if there is a grid; None otherwise
    rounding:   r, where that rounding is k = round(x * 2**r); the value of k is that of `grid` (an alpha scales it)
    scale:      s, where the function is x * 2**s
    pieces:     lines, bends and clips that one after the other are the function, exactly; None: it is none of that kind
    per_channel: whether each channel has a function of its own
    layer:      name of the layer of the model that it belongs to
    framework_object: the framework's own layer or function, where there is one; for the front end's evaluator
    rank:       axes of what that object reads, channels included, where it is a layer that minds
    leaves_residue: whether the model's float32 values may lie a residue off the grid; the nearest point is meant
    has_other_readers: whether the model reads what it reads elsewhere, too
    after_move: whether elements are moved between the function before it and itself

    quantized_relu(3,1), which rounds to the multiples of a quarter from 0 to 1.75:
    Function(name="quantized_relu(3,1)", f32=..., f64=..., monotone=1, grid=Grid(2, 0, 7), clip=EVERYTHING, rounding=2)
    """

    name: str
    f32: Callable[[Floats], Floats]
    f64: Callable[[Floats], Floats] | None
    monotone: int | Ints = 0
    grid: Grid | None = None
    clip: tuple[float, float] | None = None
    rounding: int = 0
    scale: int | None = None
    pieces: tuple[Piece, ...] | None = None
    per_channel: bool = False
    layer: str = ""
    framework_object: Any = None
    rank: int = 0
    leaves_residue: bool = False
    has_other_readers: bool = False
    after_move: bool = False

    @property
    def rises(self) -> bool:
        """Whether it never falls, in any channel."""
        return bool((np.asarray(self.monotone) > 0).all())

    def rounds_to(self, fraction: int) -> bool:
        """Whether the function only rounds and clips to a dense grid of this fraction, so that `steps` computes it."""
        g = self.grid
        return g is not None and g.sparse is None and g.fraction == fraction and self.clip == EVERYTHING

    def steps(self, x: NDArray[np.float32]) -> NDArray[np.floating]:
        """The integers k of the rounded values, in the narrowest float that holds them; see `rounds_to`.

        A product with a power of two, a rounding and a clip are as exact in float32 as in the quantizer's own code.
        """
        assert self.grid is not None
        lo, hi = self.grid.lo, self.grid.hi
        dtype = np.dtype(np.float32 if max(-lo, hi) <= FLOAT32_EXACT else np.float64)
        with np.errstate(over="ignore", under="ignore"):  # what lies far out is clipped, what is tiny is zero
            y = np.multiply(x, dtype.type(2.0**self.rounding), dtype=dtype)
        np.rint(y, out=y)
        return np.asarray(np.clip(y, dtype.type(lo), dtype.type(hi), out=y))


def linear(layer: str = "") -> Function:
    """Leaves everything as it is."""
    return Function(
        name="linear",
        f32=lambda x: x,
        f64=lambda x: x,
        monotone=1,
        clip=EVERYTHING,
        scale=0,
        pieces=(),
        layer=layer,
    )


# How a framework computes functions that stand in a row, which a front end hands to those who compile them. It takes
# the linear layer before them, as the front end's `Value.origin` has it, or None, and the functions; it gives one
# function of float32 arrays (n, channels), or None where the functions one by one give the same numbers.
Evaluator = Callable[[Any, Sequence[Function]], Callable[[Floats], Floats] | None]
