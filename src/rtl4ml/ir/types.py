# SPDX-License-Identifier: Apache-2.0
"""Integers on fixed-point grids: their types, the streams that carry them, and what floats hold exactly."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

# An integer of at most this magnitude is exact in float32: 24 bits of significand (IEEE 754-2019, table 3.5).
FLOAT32_EXACT = 2**24
# ... and in float64.
FLOAT64_EXACT = 2**53


@dataclass(frozen=True, order=True)
class Fixed:
    """A fixed-point type: value = integer * 2**-fraction, `integer` bits left of the point without the sign.

    Fixed(signed=True, integer=2, fraction=3), written s6.3, has 6 bits: integers from -32 to 31, which stand for the
    multiples of 0.125 from -4 to 3.875.
    """

    signed: bool
    integer: int
    fraction: int

    def __post_init__(self) -> None:
        if self.width < 1:
            raise ValueError(f"Fixed: width must be at least 1 bit, not {self.width}")

    @classmethod
    def covering(cls, lo: int, hi: int, fraction: int) -> Fixed:
        """The narrowest type of this fraction that holds every integer in [lo, hi]."""
        if lo > hi:
            raise ValueError(f"Fixed: the range must not be empty, not [{lo}, {hi}]")
        signed = lo < 0
        bits = max(int(hi).bit_length(), int(-lo - 1).bit_length() if signed else 0)
        if bits == 0 and not signed:
            bits = 1
        return cls(signed, bits - fraction, fraction)

    @property
    def width(self) -> int:
        """Bits in all, the sign included."""
        return int(self.signed) + self.integer + self.fraction

    @property
    def lo(self) -> int:
        """Least integer."""
        return -(1 << (self.width - 1)) if self.signed else 0

    @property
    def hi(self) -> int:
        """Greatest integer."""
        return (1 << (self.width - int(self.signed))) - 1

    @property
    def step(self) -> float:
        """Real value of the integer 1."""
        return float(2.0**-self.fraction)

    def __str__(self) -> str:
        return f"{'s' if self.signed else 'u'}{self.width}.{self.fraction}"


@dataclass(frozen=True)
class Stream:
    """A named integer tensor of one sample: shape (C,), (W, C) or (H, W, C), every value in [lo, hi].

    Stream.covering("x", (8, 8, 3), -3, 12, fraction=2) has the type s5.2, 64 pixels and 192 elements; its integer 5
    stands for 1.25.
    """

    name: str
    shape: tuple[int, ...]
    type: Fixed
    lo: int
    hi: int

    def __post_init__(self) -> None:
        if not (self.type.lo <= self.lo <= self.hi <= self.type.hi):
            raise ValueError(f"{self.name}: range [{self.lo}, {self.hi}] must lie within {self.type}")

    @classmethod
    def covering(cls, name: str, shape: tuple[int, ...], lo: int, hi: int, fraction: int) -> Stream:
        """A stream of the narrowest type that holds [lo, hi]."""
        return cls(name, shape, Fixed.covering(lo, hi, fraction), int(lo), int(hi))

    @property
    def channels(self) -> int:
        return self.shape[-1]

    @property
    def hwc(self) -> tuple[int, int, int]:
        """Height, width, channels; a 1-D stream is one row, a flat one is one pixel."""
        h, w, c = (1,) * (3 - len(self.shape)) + self.shape
        return h, w, c

    @property
    def pixels(self) -> int:
        return prod(self.shape[:-1])

    @property
    def elements(self) -> int:
        return prod(self.shape)

    def real(self, x: Ints) -> NDArray[np.float64]:
        """The real values that integers of this stream stand for."""
        return np.asarray(x, dtype=np.float64) * self.type.step


Index = NDArray[np.int64]
