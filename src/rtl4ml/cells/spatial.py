# SPDX-License-Identifier: Apache-2.0
"""Cells that depend on the position of an element: padding, cropping, upsampling, factors of rows and columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from rtl4ml.cells.library import LibraryCell
from rtl4ml.ir.types import Index, Ints
from rtl4ml.netlist.images import Image
from rtl4ml.netlist.memories import is_block
from rtl4ml.netlist.netlist import FreeRunning, Param, Timing


def beats_of(hwg: tuple[int, int, int]) -> tuple[Index, Index]:
    """(row, column) of every beat of a frame of (height, width, groups), in stream order."""
    h, w, g = hwg
    row, rest = np.divmod(np.arange(h * w * g), w * g)
    return row, rest // g


@dataclass(frozen=True, kw_only=True, eq=False)
class SpatialCell(LibraryCell):
    """A cell that counts the pixels of a frame. frame: rows and columns of its input; out: those of its output."""

    frame: tuple[int, int]
    out: tuple[int, int]

    @property
    def groups(self) -> int:
        """Beats a pixel."""
        return self.x.beats // (self.frame[0] * self.frame[1])

    def params(self) -> dict[str, Param]:
        return {"Lanes": self.x.lanes, "ElemWidth": self.x.bits, "Groups": self.groups}


@dataclass(frozen=True, kw_only=True, eq=False)
class PadCell(SpatialCell):
    """Adds zeros around the frame: padding ((top, bottom), (left, right))."""

    module: ClassVar[str] = "r4_pad"

    padding: tuple[tuple[int, int], tuple[int, int]]

    def params(self) -> dict[str, Param]:
        (top, bottom), (left, right) = self.padding
        h, w = self.frame
        return {
            **super().params(),
            "Height": h,
            "Width": w,
            "PadTop": top,
            "PadBottom": bottom,
            "PadLeft": left,
            "PadRight": right,
        }

    def timing(self) -> Timing:
        (top, _), (left, _) = self.padding
        h, w = self.frame
        y, x = beats_of((*self.out, self.groups))
        real = (y >= top) & (y < top + h) & (x >= left) & (x < left + w)
        need: Index = np.cumsum(real, dtype=np.int64)
        return Timing(self.y.beats, (need,), (np.arange(self.y.beats),), latency=1, peek=np.maximum(need, 1))


@dataclass(frozen=True, kw_only=True, eq=False)
class CropCell(FreeRunning, SpatialCell):
    """Removes margins of the frame. corner: rows above and columns to the left that are removed."""

    module: ClassVar[str] = "r4_crop"

    corner: tuple[int, int]

    def params(self) -> dict[str, Param]:
        top, left = self.corner
        h, w = self.frame
        oh, ow = self.out
        return {
            **super().params(),
            "Height": h,
            "Width": w,
            "CropTop": top,
            "CropLeft": left,
            "OutHeight": oh,
            "OutWidth": ow,
            **self.flow_params(),
        }

    @property
    def latency(self) -> int:
        return 1

    def timing(self) -> Timing:
        top, left = self.corner
        h, w = self.frame
        oh, ow = self.out
        y, x = beats_of((h, w, self.groups))
        kept = (y >= top) & (y < top + oh) & (x >= left) & (x < left + ow)
        return Timing(self.x.beats, (np.arange(self.x.beats) + 1,), (np.flatnonzero(kept),), self.latency)


@dataclass(frozen=True, kw_only=True, eq=False)
class UpSampleCell(SpatialCell):
    """Nearest-neighbour upsampling: repeats every pixel and every row."""

    module: ClassVar[str] = "r4_upsample"

    factor: tuple[int, int]

    @property
    def block(self) -> bool:
        """Whether the row memory is block RAM."""
        return self.factor[0] > 1 and is_block(self.frame[1] * self.groups, self.x.width, self.device)

    def params(self) -> dict[str, Param]:
        fh, fw = self.factor
        return {
            **super().params(),
            "Width": self.frame[1],
            "FactorH": fh,
            "FactorW": fw,
            "Block": int(self.block),
        }

    def timing(self) -> Timing:
        fh, fw = self.factor
        y, x = beats_of((*self.out, self.groups))
        fresh = (y % fh == 0) & (x % fw == 0)
        return Timing(self.y.beats, (np.cumsum(fresh),), (np.arange(self.y.beats),), latency=1)


@dataclass(frozen=True, kw_only=True, eq=False)
class StuffCell(SpatialCell):
    """Zero insertion: adds zeros behind every pixel and every row (a zero-stuffing upsampler)."""

    module: ClassVar[str] = "r4_stuff"

    factor: tuple[int, int]

    def params(self) -> dict[str, Param]:
        fh, fw = self.factor
        return {**super().params(), "Width": self.frame[1], "FactorH": fh, "FactorW": fw}

    def timing(self) -> Timing:
        fh, fw = self.factor
        y, x = beats_of((*self.out, self.groups))
        real = (y % fh == 0) & (x % fw == 0)
        return Timing(self.y.beats, (np.cumsum(real),), (np.arange(self.y.beats),), latency=1)


@dataclass(frozen=True, kw_only=True, eq=False)
class BilinearCell(LibraryCell):
    """Linear interpolation along one axis of `size` positions of `inner` beats each."""

    module: ClassVar[str] = "r4_bilinear"

    size: int
    inner: int
    factor: int

    @property
    def block(self) -> bool:
        """Whether the memory of two positions is block RAM."""
        return is_block(self.inner, 2 * self.x.width, self.device)

    def params(self) -> dict[str, Param]:
        return {
            "Lanes": self.x.lanes,
            "XWidth": self.x.bits,
            "XSigned": int(self.x.signed),
            "Size": self.size,
            "Inner": self.inner,
            "Factor": self.factor,
            "Block": int(self.block),
        }

    @property
    def sums(self) -> int:
        """Cycles of products that are made before the sum: none up to factor 4, one up to 16."""
        phase = (self.factor - 1).bit_length()
        return 0 if phase < 3 else 1 + (-(-phase // 4) - 1).bit_length()

    def timing(self) -> Timing:
        at = np.arange(self.y.beats) // self.inner % (self.size * self.factor)
        later = (at + self.factor // 2) % self.factor == 0
        fresh = (at == 0) | (later & (at < self.size * self.factor - self.factor // 2))
        need: Index = np.cumsum(fresh, dtype=np.int64)
        return Timing(self.y.beats, (need,), (np.arange(self.y.beats),), latency=2 + self.sums)


@dataclass(frozen=True, kw_only=True, eq=False)
class ScaleCell(FreeRunning, LibraryCell):
    """Multiplies every position of one axis, `inner` beats each, by a factor of its own."""

    module: ClassVar[str] = "r4_scale"

    factors: Ints
    inner: int

    @property
    def bits(self) -> int:
        """Bits of a factor."""
        return int(self.factors.max()).bit_length()

    def params(self) -> dict[str, Param]:
        return {
            "Lanes": self.x.lanes,
            "XWidth": self.x.bits,
            "XSigned": int(self.x.signed),
            "Size": len(self.factors),
            "Inner": self.inner,
            "FactorWidth": self.bits,
            "YWidth": self.y.bits,
            "FactorFile": Image.pack(self.factors[:, None], self.bits),
            **self.flow_params(),
        }

    @property
    def latency(self) -> int:
        return self.bits

    def timing(self) -> Timing:
        return Timing.passing(self.x.beats, self.latency)
