# SPDX-License-Identifier: Apache-2.0
"""Bilinear upsampling by powers of two, exactly."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from rtl4ml.errors import UnsupportedLayer
from rtl4ml.ir.reads import Reads
from rtl4ml.ir.types import FLOAT64_EXACT, Ints, Stream
from rtl4ml.ops.shape import Spatial


def growth(factor: int) -> int:
    """Bits by which the fraction grows along an axis: weights are multiples of 1 / (2 * factor)."""
    return 0 if factor == 1 else factor.bit_length()


def neighbours(n: int, factor: int) -> tuple[Ints, Ints, Ints]:
    """(n * factor,) each: of n positions those before and behind every result, ends repeated, and its phase."""
    k, j = np.divmod(np.arange(n * factor) + factor // 2, factor)
    return np.maximum(k - 1, 0), np.minimum(k, n - 1), j


def blended(x: Ints, axis: int, factor: int) -> Ints:
    """Linear upsampling along an axis, half-pixel centres, ends repeated; times 2 * factor unless that is 1."""
    if factor == 1:
        return x
    before, behind, j = neighbours(x.shape[axis], factor)
    a, b = x.take(before, axis), x.take(behind, axis)
    weight = (2 * j + 1).reshape(-1, *(1,) * (x.ndim - 1 - axis))
    return np.asarray(a * (2 * factor - weight) + b * weight, np.int64)


@dataclass(frozen=True, kw_only=True, eq=False)
class Bilinear(Spatial):
    """Bilinear upsampling by `factor` (height, width), powers of two: half-pixel centres, edges repeated.

    A value is a sum of four neighbours with weights that are multiples of 1 / (2 * factor) along each axis, so the
    fraction grows by log2(2 * factor) of each axis whose factor is not 1, and nothing is rounded.
    """

    op: ClassVar[str] = "Bilinear"

    factor: tuple[int, int]

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.factor) < 1 or any(f & (f - 1) for f in self.factor) or self.factor == (1, 1):
            raise UnsupportedLayer(
                f"{self.name}: the factors of bilinear upsampling must be powers of two, not {self.factor}"
            )
        self._require_row("upsampling", self.factor[:1], 1, self.factor)
        if self.bound >= FLOAT64_EXACT:
            raise UnsupportedLayer(
                f"{self.name}: every sum must stay below 2^53 steps, not reach {self.bound}; use fewer bits"
            )

    @property
    def growth(self) -> int:
        """Bits by which the fraction grows."""
        return sum(growth(f) for f in self.factor)

    @cached_property
    def out_hw(self) -> tuple[int, int]:
        h, w, _ = self.x.hwc
        return h * self.factor[0], w * self.factor[1]

    @cached_property
    def output(self) -> Stream:
        s, g = self._shaped(self.x.lo, self.x.hi), self.growth
        return Stream.covering(s.name, s.shape, s.lo << g, s.hi << g, s.type.fraction + g)

    @property
    def bound(self) -> int:
        """Greatest magnitude of a sum or of a difference of two neighbours, in steps of the output."""
        return 2 * max(abs(self.x.lo), abs(self.x.hi)) << self.growth

    def reads(self, axis: int) -> tuple[Reads, ...]:
        n, factor = self.x.hwc[axis], self.factor[axis]
        if factor == 1:
            return (Reads.alike(n),)
        before, behind, phase = neighbours(n, factor)
        return (Reads(np.stack([before, behind], axis=1), factor, 1, phase),)

    def golden(self, *x: Ints) -> Ints:
        y = x[0].reshape(-1, *self.x.hwc)
        for axis, factor in enumerate(self.factor, start=1):
            y = blended(y, axis, factor)
        return y.reshape(len(y), *self.output.shape)
