# SPDX-License-Identifier: Apache-2.0
"""Constant weights: integers, and how their products are made."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

import numpy as np

from rtl4ml.ir.types import Fixed, Ints


class WeightKind(IntEnum):
    """The way in which products are made; the numbers are those of r4_mvu's parameter WeightKind."""

    INTEGER = 0  # a multiplier
    BINARY = 1  # x or -x
    TERNARY = 2  # x, -x or 0
    POWER_OF_TWO = 3  # +-(x << e) or 0


@dataclass(frozen=True, eq=False)
class ConstantWeights:
    """The constant matrix of a linear operator, and the elements that it is multiplied with.

    matrix: (products of an output, outputs) integers
    kind:   how products are made
    type:   the narrowest signed integer type that holds them
    shift:  (outputs,) left shift of each sum of products, before the bias
    bias:   (outputs,) integers that are added to the shifted sums, or None
    lo, hi: the least and the greatest element

    Two outputs, 3 * x0 - 2 * x1 and 4 * x1 - x0, of elements from 0 to 15: matrix [[3, -1], [-2, 4]], type s4.0,
    lo=0, hi=15. Their sums and partial sums lie in reach(2) = (-30, 60).
    """

    matrix: Ints
    kind: WeightKind
    type: Fixed
    shift: Ints
    bias: Ints | None
    lo: int
    hi: int

    @cached_property
    def _reaches(self) -> dict[int, tuple[int, int]]:
        return {}

    def reach(self, products: int) -> tuple[int, int]:
        """Least and greatest partial sum of `products` consecutive products of any output, 0 included."""
        if products not in self._reaches:
            w = self.matrix.reshape(len(self.matrix) // products, products, -1)
            a, b = w * self.lo, w * self.hi
            least = np.minimum(np.minimum(a, b), 0).sum(1).min()
            most = np.maximum(np.maximum(a, b), 0).sum(1).max()
            self._reaches[products] = int(least), int(most)
        return self._reaches[products]
