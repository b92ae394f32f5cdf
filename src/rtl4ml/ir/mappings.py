# SPDX-License-Identifier: Apache-2.0
"""Elementwise maps of integers to integers: rounding, thresholds, tables."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from rtl4ml.ir.types import Ints


class Mapping(ABC):
    """An elementwise map of arrays whose last axis is the channels."""

    @abstractmethod
    def __call__(self, x: Ints) -> Ints:
        """Integers (..., C) to integers (..., C)."""


@dataclass(frozen=True)
class Rounding(Mapping):
    """clip(round(x * 2**-shift), lo, hi), halves to even; a negative shift multiplies.

    Rounding(shift=2, lo=-8, hi=7) takes 5, 6, 7, 10 and 100 to 1, 2, 2, 2 and 7.
    """

    shift: int
    lo: int
    hi: int

    def __call__(self, x: Ints) -> Ints:
        if self.shift <= 0:
            y = x << -self.shift
        else:
            odd = (x >> self.shift) & 1
            y = (x + ((1 << (self.shift - 1)) - 1) + odd) >> self.shift
        return np.asarray(np.clip(y, self.lo, self.hi))


@dataclass(frozen=True, eq=False)
class Thresholds(Mapping):
    """levels[c, number of thresholds[c] that x reaches]; one row serves all channels or each has its own.

    thresholds: (C or 1, L) ascending; levels: (C or 1, L + 1).

    Thresholds([[0, 4, 9]], [[-1, 0, 1, 3]]) takes -5, 0, 3, 4 and 20 to -1, 0, 0, 1 and 3.
    """

    thresholds: Ints
    levels: Ints

    def __post_init__(self) -> None:
        t, v = self.thresholds, self.levels
        if t.ndim != 2 or v.ndim != 2 or v.shape[1] != t.shape[1] + 1:
            raise ValueError(
                f"Thresholds: levels must be one more than thresholds, not {v.shape} and {t.shape}"
            )
        if (np.diff(t, axis=1) < 0).any():
            raise ValueError("Thresholds: every row must ascend")

    def __call__(self, x: Ints) -> Ints:
        if len(self.thresholds) == 1:
            count = np.searchsorted(self.thresholds[0], x, side="right")
            return np.asarray(self.levels[0][count])
        out = np.empty_like(x)
        for c, t in enumerate(self.thresholds):
            row = self.levels[c if len(self.levels) > 1 else 0]
            out[..., c] = row[np.searchsorted(t, x[..., c], side="right")]
        return out


@dataclass(frozen=True, eq=False)
class Table(Mapping):
    """table[c, clip(x, first, first + T - 1) - first]; one row serves all channels or each has its own.

    table: (C or 1, T).

    Table(first=-2, table=[[0, 0, 1, 4, 9]]) takes -9, -2, 0, 1, 2 and 7 to 0, 0, 1, 4, 9 and 9.
    """

    first: int
    table: Ints

    def __call__(self, x: Ints) -> Ints:
        i = np.clip(x - self.first, 0, self.table.shape[1] - 1)
        if len(self.table) == 1:
            return np.asarray(self.table[0][i])
        return np.asarray(self.table[np.arange(len(self.table)), i])
