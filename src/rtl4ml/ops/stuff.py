# SPDX-License-Identifier: Apache-2.0
"""Transposed convolution: zeros between pixels, then a convolution."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np

from rtl4ml.errors import UnsupportedLayer
from rtl4ml.ir.reads import NOTHING, Reads
from rtl4ml.ir.types import Ints, Stream
from rtl4ml.ops.conv import Conv
from rtl4ml.ops.shape import Spatial


@dataclass(frozen=True, kw_only=True, eq=False)
class Stuff(Spatial):
    """Every pixel becomes a block of `factor` (height, width) pixels, all zero but the first.

    A transposed convolution of that stride is a convolution of such a frame with the kernel turned round.
    """

    op: ClassVar[str] = "Stuff"

    factor: tuple[int, int]

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.factor) < 1:
            raise UnsupportedLayer(f"{self.name}: the factor must be at least 1, not {self.factor}")
        self._require_row("stuffing", self.factor[:1], 1, self.factor)

    @cached_property
    def out_hw(self) -> tuple[int, int]:
        h, w, _ = self.x.hwc
        return h * self.factor[0], w * self.factor[1]

    @cached_property
    def output(self) -> Stream:
        zeros = self.factor != (1, 1)
        return self._shaped(
            min(self.x.lo, 0) if zeros else self.x.lo, max(self.x.hi, 0) if zeros else self.x.hi
        )

    def reads(self, axis: int) -> tuple[Reads, ...]:
        found = Reads.repeated(self.x.hwc[axis], self.factor[axis])
        return (replace(found, at=np.where(found.kinds[:, None] == 0, found.at, NOTHING)),)

    def golden(self, *x: Ints) -> Ints:
        y = np.zeros((len(x[0]), *self.out_hw, self.x.channels), np.int64)
        y[:, :: self.factor[0], :: self.factor[1]] = x[0].reshape(-1, *self.x.hwc)
        return y.reshape(len(y), *self.output.shape)


@dataclass(frozen=True, kw_only=True, eq=False)
class Transposed(Conv):
    """The convolution behind `Stuff` that makes a transposed one of the stride `stuffed` (height, width).

    Of its products only one in height * width of the stride is not with a stuffed zero, and only those count as work.
    Convolutions of the frame itself, one for each place in the block, would save the others (and their cycles), at the
    price of a window, a control and a share of the interleaving each. This is the plain way, for decoders whose cost
    lies elsewhere.
    """

    op: ClassVar[str] = "Transposed"

    stuffed: tuple[int, int]

    @property
    def macs(self) -> int:
        return self.x.pixels // (self.stuffed[0] * self.stuffed[1]) * self.matrix.size
