# SPDX-License-Identifier: Apache-2.0
"""Operators that stand for a softmax or sigmoid at the output: the winning class, or a mask."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from rtl4ml.ir.op import Folding, Op, divisors
from rtl4ml.ir.types import Fixed, Ints, Stream
from rtl4ml.lowering.builder import Lowering
from rtl4ml.netlist.netlist import Wire


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

    def golden(self, *x: Ints) -> Ints:
        y: Ints = np.argmax(x[0], axis=-1, keepdims=True).astype(np.int64)
        return y

    def foldings(self) -> Iterator[Folding]:
        """Lanes of the input; the output has one."""
        for lanes in divisors(self.x.channels):
            yield Folding(pe=1, simd=lanes, interval=self.x.elements // lanes, multipliers=0)

    def lower(self, n: Lowering, *x: Wire) -> Wire:
        from rtl4ml.lowering.head import lower_argmax

        return lower_argmax(n, self, x[0])


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

    def golden(self, *x: Ints) -> Ints:
        return (x[0] >= self.threshold).astype(np.int64)

    def lower(self, n: Lowering, *x: Wire) -> Wire:
        from rtl4ml.lowering.head import lower_mask

        return lower_mask(n, self, x[0])
