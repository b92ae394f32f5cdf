# SPDX-License-Identifier: Apache-2.0
"""Operators that stand for a softmax or sigmoid at the output: the winning class, or a mask."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from rtl4ml.ir.op import Op
from rtl4ml.ir.reads import Reads
from rtl4ml.ir.types import Fixed, Ints, Stream


@dataclass(frozen=True, kw_only=True, eq=False)
class ArgMax(Op):
    """The channel that holds the greatest element of every pixel, the lowest among equals; the last axis becomes 1."""

    op: ClassVar[str] = "ArgMax"

    @cached_property
    def output(self) -> Stream:
        return Stream.covering(self.name, (*self.x.shape[:-1], 1), 0, self.x.channels - 1, 0)

    @property
    def bound(self) -> int:
        """Greatest magnitude of what is compared."""
        return max(abs(self.x.lo), abs(self.x.hi))

    def reads(self, axis: int) -> tuple[Reads, ...]:
        return (Reads.alike(self.x.hwc[axis]),)

    def golden(self, *x: Ints) -> Ints:
        y: Ints = np.argmax(x[0], axis=-1, keepdims=True).astype(np.int64)
        return y


@dataclass(frozen=True, kw_only=True, eq=False)
class Mask(Op):
    """1 where the element is at least `threshold`, 0 elsewhere."""

    op: ClassVar[str] = "Mask"

    threshold: int

    @cached_property
    def output(self) -> Stream:
        return Stream(
            self.name,
            self.x.shape,
            Fixed(False, 1, 0),
            int(self.x.lo >= self.threshold),
            int(self.x.hi >= self.threshold),
        )

    @property
    def bound(self) -> int:
        """Greatest magnitude of what is compared."""
        return max(abs(self.x.lo), abs(self.x.hi))

    def reads(self, axis: int) -> tuple[Reads, ...]:
        return (Reads.alike(self.x.hwc[axis]),)

    def golden(self, *x: Ints) -> Ints:
        return (x[0] >= self.threshold).astype(np.int64)
