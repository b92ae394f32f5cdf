# SPDX-License-Identifier: Apache-2.0
"""Cells of pooling: streaming pools, and reductions of windows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from rtl4ml.cells.library import LibraryCell
from rtl4ml.cells.spatial import beats_of
from rtl4ml.ir.types import Index
from rtl4ml.ir.window import Geometry
from rtl4ml.netlist.memories import is_block
from rtl4ml.netlist.netlist import FreeRunning, Param, Timing


@dataclass(frozen=True, kw_only=True, eq=False)
class PoolCell(FreeRunning, LibraryCell):
    """Maximum or sum over windows that do not overlap, as the frame streams through.

    geo: its kernel is the pool; without padding or dilation
    """

    module: ClassVar[str] = "r4_pool"

    mode: Literal["max", "sum"]
    geo: Geometry

    @property
    def groups(self) -> int:
        return self.x.beats // (self.geo.height * self.geo.width)

    @property
    def stride(self) -> tuple[int, int]:
        """At least the size of the window: a stride that is smaller has no effect, as there is one window then."""
        h, w = (max(s, k) for s, k in zip(self.geo.stride, self.geo.kernel, strict=True))
        return h, w

    @property
    def block(self) -> bool:
        """Whether the row memory is block RAM."""
        return self.geo.kernel[0] > 1 and is_block(self.geo.out[1] * self.groups, self.y.width, self.device)

    def params(self) -> dict[str, Param]:
        return {
            "Lanes": self.x.lanes,
            "XWidth": self.x.bits,
            "XSigned": int(self.x.signed),
            "YWidth": self.y.bits,
            "Sum": int(self.mode == "sum"),
            "Groups": self.groups,
            "Height": self.geo.height,
            "Width": self.geo.width,
            "SizeH": self.geo.kernel[0],
            "SizeW": self.geo.kernel[1],
            "StrideH": self.stride[0],
            "StrideW": self.stride[1],
            "Block": int(self.block),
            **self.flow_params(),
        }

    @property
    def latency(self) -> int:
        return 2 if self.geo.kernel[0] > 1 else 1

    def timing(self) -> Timing:
        y, x = beats_of((self.geo.height, self.geo.width, self.groups))
        ends = np.ones(len(y), bool)
        for at, k, s, o in zip((y, x), self.geo.kernel, self.stride, self.geo.out, strict=True):
            ends &= (at % s == k - 1) & (at < o * s)
        need = np.arange(self.x.beats) + 1
        return Timing(self.x.beats, (need,), (np.flatnonzero(ends),), self.latency)


@dataclass(frozen=True, kw_only=True, eq=False)
class Reduce(FreeRunning, LibraryCell):
    """Maximum or sum over the taps of a window: `taps` in a beat, `folds` beats a window."""

    module: ClassVar[str] = "r4_reduce"

    mode: str
    taps: int
    folds: int

    def params(self) -> dict[str, Param]:
        return {
            "Lanes": self.y.lanes,
            "Taps": self.taps,
            "TapFolds": self.folds,
            "XWidth": self.x.bits,
            "XSigned": int(self.x.signed),
            "YWidth": self.y.bits,
            "Sum": int(self.mode == "sum"),
            **self.flow_params(),
        }

    @property
    def latency(self) -> int:
        return 1 + (self.taps - 1).bit_length()

    @property
    def ratio(self) -> int:
        return self.folds

    def timing(self) -> Timing:
        need: Index = np.arange(self.x.beats) + 1
        emit: Index = np.arange(self.y.beats) * self.folds + self.folds - 1
        return Timing(self.x.beats, (need,), (emit,), self.latency)
