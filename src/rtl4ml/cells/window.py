# SPDX-License-Identifier: Apache-2.0
"""Line-buffer windows: the taps of every kernel position in turn (r4_window) or in parallel (r4_taps, r4_taps_ring)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from rtl4ml.cells.library import LibraryCell
from rtl4ml.ir.types import Index
from rtl4ml.ir.window import Geometry
from rtl4ml.netlist.memories import is_block
from rtl4ml.netlist.netlist import Param, Timing


@dataclass(frozen=True, kw_only=True, eq=False)
class Window(LibraryCell):
    """Serial window (im2col stream): one tap of `lanes` channels a cycle out of a circular buffer of beats.

    groups:        beats a pixel
    replays:       times that the taps of a position are read
    channel_major: whether all taps of a group of channels come before those of the next group
    more:          beats that the buffer holds beyond those that it needs (`rtl4ml.timing.relief`)

    A 3 x 3 kernel over a 4 x 4 frame without padding, a beat a pixel: 4 positions of 9 taps, 36 slots a frame. Its
    buffer has room for the 11 beats that a position spans and two more.
    """

    module: ClassVar[str] = "r4_window"
    cuts: ClassVar[bool] = True

    geo: Geometry
    groups: int
    replays: int = 1
    channel_major: bool = False
    pad_value: int = 0
    more: int = 0

    def _order(self, geo: Geometry) -> tuple[Index, Index]:
        """Arrays (slots,): beats of a frame of this geometry that each slot needs, and that are freed behind it."""
        pixel, inside = geo.tap_index()
        oh, ow, kh, kw = pixel.shape
        g = np.arange(self.groups)
        beat = np.where(inside[..., None], pixel[..., None] * self.groups + g + 1, 0)  # (OH, OW, KH, KW, G)
        if self.channel_major:
            beat = beat.transpose(0, 1, 4, 2, 3)
        one_pass = beat.reshape(oh * ow, 1, kh * kw * self.groups)
        need: Index = np.repeat(one_pass, self.replays, axis=1).reshape(oh * ow, -1)

        freed = geo.given_back() * self.groups
        free = np.zeros_like(need)
        free[1:] = freed[:-1, None]
        free[:, -1] = freed
        return need.reshape(-1), free.reshape(-1)

    @cached_property
    def depth(self) -> int:
        """Beats of the buffer: those that a position spans, and those that arrive while it is processed."""
        span = self.groups * self.geo.shortened().span
        # So that the input never stalls: one stride in 1-D, stride - 1 further rows in 2-D.
        ahead = self.groups * self.geo.stride[1]
        if self.geo.out[0] > 1:
            ahead += self.groups * self.geo.width * (self.geo.stride[0] - 1)
        if self.geo.out == (1, 1):
            ahead = self.x.beats
        return max(2, min(span + ahead + self.groups + self.more, 2 * self.x.beats))

    @property
    def block(self) -> bool:
        return is_block(self.depth, self.x.width, self.device)

    def params(self) -> dict[str, Param]:
        return {
            "Lanes": self.x.lanes,
            "ElemWidth": self.x.bits,
            "Groups": self.groups,
            **self.geo.params(),
            "Replays": self.replays,
            "ChannelMajor": int(self.channel_major),
            "PadValue": self.pad_value,
            "Depth": self.depth,
            "Block": int(self.block),
        }

    @property
    def slots(self) -> int:
        return self.y.beats

    def timing(self) -> Timing:
        need, free = self._order(self.geo)
        return Timing.ring(np.maximum.accumulate(need), free, self.depth, latency=1 + self.block)


@dataclass(frozen=True, kw_only=True, eq=False)
class Taps(LibraryCell):
    """Parallel window of a kernel of one row: all taps of `lanes` channels in a cycle. groups: beats a pixel."""

    module: ClassVar[str] = "r4_taps"

    geo: Geometry
    groups: int
    pad_value: int = 0

    def params(self) -> dict[str, Param]:
        eh, ew = self.geo.extent
        return {
            "Lanes": self.x.lanes,
            "ElemWidth": self.x.bits,
            "Groups": self.groups,
            **self.geo.params(),
            "ExtHeight": eh,
            "ExtWidth": ew,
            "PadValue": self.pad_value,
        }

    @property
    def slots(self) -> int:
        eh, ew = self.geo.extent
        return eh * ew * self.groups

    def timing(self) -> Timing:
        eh, ew = self.geo.extent
        y, x = np.divmod(np.arange(eh * ew), ew)
        real = (y < self.geo.height) & (x < self.geo.width)
        need: Index = np.cumsum(np.repeat(real, self.groups), dtype=np.int64)
        hit = np.ones(eh * ew, bool)
        for at, k, s, d, (before, _), o in zip(
            (y, x),
            self.geo.kernel,
            self.geo.stride,
            self.geo.dilation,
            self.geo.padding,
            self.geo.out,
            strict=True,
        ):
            i = at + before - (k - 1) * d
            hit &= (i >= 0) & (i % s == 0) & (i < o * s)
        emit = np.flatnonzero(np.repeat(hit, self.groups))
        return Timing(eh * ew * self.groups, (need,), (emit,), latency=1)


@dataclass(frozen=True, kw_only=True, eq=False)
class TapsRing(LibraryCell):
    """Parallel window of a kernel of several rows: all taps of `lanes` channels in a cycle, from a ring of rows.

    groups: beats a pixel

    A 3 x 3 kernel over a 128 x 128 frame with padding on all sides, a beat a pixel, steps through 128 * 128 slots, and
    one more in a frame behind which the next one's first 130 beats are not there in time.
    """

    module: ClassVar[str] = "r4_taps_ring"
    cuts: ClassVar[bool] = True

    geo: Geometry
    groups: int
    pad_value: int = 0

    @property
    def block(self) -> bool:
        return is_block(self.geo.width * self.groups, self.x.width, self.device)

    def params(self) -> dict[str, Param]:
        return {
            "Lanes": self.x.lanes,
            "ElemWidth": self.x.bits,
            "Groups": self.groups,
            **self.geo.params(),
            "RowSlots": self.geo.row_slots,
            "Overlap": int(self.geo.overlaps),
            "PadValue": self.pad_value,
            "Block": int(self.block),
        }

    @property
    def slots(self) -> int:
        alone = 0 if self.geo.overlaps else self.geo.behind
        return (self.geo.out[0] * self.geo.row_slots + alone) * self.groups

    def timing(self) -> Timing:
        geo, row = self.geo, self.geo.width * self.groups
        reach, top = (geo.kernel[0] - 1) * geo.dilation[0], geo.padding[0][0]
        rows, columns = np.arange(geo.out[0])[:, None], np.arange(geo.row_slots * self.groups)
        read = np.minimum(columns + 1, row)  # beats of a row behind a slot
        last = np.minimum(rows * geo.stride[0] - top + reach, geo.height - 1)
        behind = geo.behind * self.groups
        need = np.maximum.accumulate(np.append(last * row + read, np.zeros(behind, np.int64)))
        free = rows * geo.stride[0] * row + read
        free[:, -1] = np.append(rows[1:, 0] * geo.stride[0] * row, self.x.beats)
        free = np.append(free, np.full(behind, self.x.beats))
        lag = (geo.kernel[1] - 1) * geo.dilation[1] - geo.padding[1][0]
        pixels = rows * geo.row_slots + np.arange(geo.out[1]) * geo.stride[1] + lag
        emit = (pixels.reshape(-1, 1) * self.groups + np.arange(self.groups)).reshape(-1)
        return Timing.ring(
            need,
            free,
            (reach + 1 - top) * row,
            emit=emit,
            latency=2,
            behind=behind if geo.overlaps else 0,
        )
