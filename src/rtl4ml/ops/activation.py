# SPDX-License-Identifier: Apache-2.0
"""Elementwise maps of integers to integers: what activations, quantizers and folded normalizations become."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from rtl4ml.ir.mappings import Mapping
from rtl4ml.ir.op import Op
from rtl4ml.ir.reads import Reads
from rtl4ml.ir.types import Fixed, Ints, Stream


@dataclass(frozen=True, kw_only=True, eq=False)
class Activation(Op):
    """An elementwise map onto the grid `out`, every result in [lo, hi]."""

    op: ClassVar[str] = "Activation"

    mapping: Mapping
    out: Fixed
    lo: int
    hi: int

    @cached_property
    def output(self) -> Stream:
        return Stream(self.name, self.x.shape, self.out, self.lo, self.hi)

    @property
    def bound(self) -> int:
        return max(abs(self.lo), abs(self.hi))

    def reads(self, axis: int) -> tuple[Reads, ...]:
        return (Reads.alike(self.x.hwc[axis]),)

    def golden(self, *x: Ints) -> Ints:
        return self.mapping(x[0])
