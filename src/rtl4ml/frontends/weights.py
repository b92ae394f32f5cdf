# SPDX-License-Identifier: Apache-2.0
"""Floats to integers on power-of-two grids."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtl4ml.frontends.functions import SIGNIFICAND, Floats
from rtl4ml.ir.types import Ints

# -- weights ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Weights:
    """Integers (..., C); integers[..., c] of channel c stand for integers[..., c] * 2**-fraction[c].

    [[0.75, -2], [0.5, 6]] has integers [[3, -1], [2, 3]] and fraction [2, -1].
    """

    integers: Ints
    fraction: Ints

    @property
    def real(self) -> NDArray[np.float64]:
        """The real values."""
        return np.ldexp(self.integers.astype(np.float64), -self.fraction)

    @property
    def width(self) -> int:
        """Bits of the greatest magnitude."""
        return int(np.abs(self.integers).max(initial=0)).bit_length()


def to_grid(q: Floats) -> Weights:
    """Float32 values (..., C) as exact integers; each channel's fraction is the coarsest that holds it."""
    v = np.asarray(q, np.float64)
    mantissa, exponent = np.frexp(v)
    m = (mantissa * 2.0**SIGNIFICAND).astype(np.int64)  # v = m * 2**(exponent - 24), exactly
    low = np.where(m != 0, m & -m, 1)
    trailing = np.log2(low).astype(np.int64)
    unit = np.where(m != 0, exponent.astype(np.int64) - SIGNIFICAND + trailing, np.iinfo(np.int32).max)
    fraction = -unit.reshape(-1, v.shape[-1]).min(axis=0, initial=np.iinfo(np.int32).max)
    fraction = np.where(fraction == -np.iinfo(np.int32).max, 0, fraction).astype(np.int64)
    span = exponent + fraction
    if (np.where(m != 0, span, 0) > 62).any():  # no int64 holds it; the caller sees a width over any limit
        return Weights(np.full(v.shape, np.iinfo(np.int64).max), fraction)
    integers = np.ldexp(v, fraction).astype(np.int64)
    if not np.array_equal(np.ldexp(integers.astype(np.float64), -fraction), v):
        raise AssertionError("integers and fractions must give the quantized weights back")
    return Weights(integers, fraction)
