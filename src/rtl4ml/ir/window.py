# SPDX-License-Identifier: Apache-2.0
"""The windows of convolutions and pools, and the frames that they move over."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rtl4ml.ir.types import Index


@dataclass(frozen=True)
class Geometry:
    """The frame that a window moves over, and the window; all sizes in pixels.

    padding: ((above, below), (left, right)); out: rows and columns of output positions

    A 3 x 3 window over a 4 x 4 frame without padding: Geometry(4, 4, (3, 3), (1, 1), (1, 1), ((0, 0), (0, 0)), (2, 2)).
    It has 9 taps. A position spans 11 pixels: of three rows of 4 all but the last one, which is the next position's.
    """

    height: int
    width: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: tuple[tuple[int, int], tuple[int, int]]
    out: tuple[int, int]

    @property
    def taps(self) -> int:
        return self.kernel[0] * self.kernel[1]

    @property
    def extent(self) -> tuple[int, int]:
        """Rows and columns that r4_taps steps through: the frame, and the padding below and to the right as far as a
        window reaches.
        """
        size = []
        for n, k, s, d, (before, _), o in zip(
            (self.height, self.width),
            self.kernel,
            self.stride,
            self.dilation,
            self.padding,
            self.out,
            strict=True,
        ):
            size.append(max(n, (o - 1) * s - before + (k - 1) * d + 1))
        return size[0], size[1]

    @property
    def row_slots(self) -> int:
        """Columns that r4_taps_ring reads for a row of outputs: those of the frame, or more where outputs are more."""
        return max(self.width, (self.out[1] - 1) * self.stride[1] + 1, self._lag)

    @property
    def _lag(self) -> int:
        """Columns that a window reaches to the right of the column of its output."""
        return (self.kernel[1] - 1) * self.dilation[1] - self.padding[1][0]

    @property
    def behind(self) -> int:
        """Columns of a row of r4_taps_ring during which windows of the row before it are completed: where the last
        windows reach into the padding to the right.
        """
        return max(0, (self.out[1] - 1) * self.stride[1] + self._lag + 1 - self.row_slots)

    @property
    def overlaps(self) -> bool:
        """Whether r4_taps_ring has room for the beats of the next frame with whose columns it completes this one."""
        return 0 < self.behind < self.width and (self.out[0] - 1) * self.stride[0] + 1 >= self.height

    def parallel_slots(self, groups: int) -> int:
        """Slots that a parallel window of `groups` beats a pixel steps through a frame, once steady: r4_taps where the
        kernel has one row, else r4_taps_ring.

        A 3 x 3 window with padding on all sides of a 128 x 128 frame, an output a pixel, takes 128 * 128 of them a
        group. Where a row is a single beat, r4_taps_ring waits for every one of them: at most twice as many.
        """
        if self.kernel[0] == 1:
            return self.extent[0] * self.extent[1] * groups
        alone = 0 if self.overlaps else self.behind
        waits = 2 if self.width * groups == 1 else 1
        return waits * max(self.height * self.width, self.out[0] * self.row_slots + alone) * groups

    def tap_index(self) -> tuple[Index, NDArray[np.bool_]]:
        """Arrays (OH, OW, KH, KW): pixel number of every tap, clipped into the frame, and whether it lies inside."""
        rows = (
            np.arange(self.out[0])[:, None] * self.stride[0]
            - self.padding[0][0]
            + np.arange(self.kernel[0]) * self.dilation[0]
        )
        cols = (
            np.arange(self.out[1])[:, None] * self.stride[1]
            - self.padding[1][0]
            + np.arange(self.kernel[1]) * self.dilation[1]
        )
        inside = ((rows >= 0) & (rows < self.height))[:, None, :, None] & ((cols >= 0) & (cols < self.width))[
            None, :, None, :
        ]
        pixel = rows[:, None, :, None] * self.width + cols[None, :, None, :]
        return np.broadcast_to(pixel, inside.shape), inside

    def given_back(self) -> Index:
        """(OH * OW,) pixels that r4_window has freed when a position ends: all before the next position's first tap, if
        that lies inside the frame; at the end of a frame, all of it.
        """
        top = np.arange(self.out[0]) * self.stride[0] - self.padding[0][0]
        left = np.arange(self.out[1]) * self.stride[1] - self.padding[1][0]
        origin = (top[:, None] * self.width + left).reshape(-1)
        valid = ((top >= 0)[:, None] & (left >= 0)).reshape(-1)
        freed = np.zeros(len(origin), np.int64)
        freed[:-1] = np.where(valid[1:], origin[1:], 0)
        freed = np.maximum.accumulate(freed)
        freed[-1] = self.height * self.width
        return freed

    @property
    def span(self) -> int:
        """Most pixels that lie between what earlier positions have freed and what a position needs last."""
        last = []  # of every position, the last row and column inside the frame; -1: none is inside
        for n, k, s, d, (before, _), o in zip(
            (self.height, self.width),
            self.kernel,
            self.stride,
            self.dilation,
            self.padding,
            self.out,
            strict=True,
        ):
            at = np.arange(o)[:, None] * s - before + np.arange(k) * d
            last.append(np.where((at >= 0) & (at < n), at, -1).max(1))
        inside = (last[0] >= 0)[:, None] & (last[1] >= 0)
        need = np.where(inside, last[0][:, None] * self.width + last[1] + 1, 0).reshape(-1)
        held = np.concatenate([[0], self.given_back()[:-1]])
        return int((np.maximum.accumulate(need) - held).max())

    def shortened(self) -> Geometry:
        """The same with fewer rows, where these have the same `span`."""
        top, s = self.padding[0][0], self.stride[0]
        reach = (self.kernel[0] - 1) * self.dilation[0]
        # Rows of positions that padding above or below touches, and one more.
        few = -(-(reach + top) // s) + 2
        # A row in which no position begins inside the frame gives nothing back.
        gives_back = (self.out[1] - 1) * self.stride[1] >= self.padding[1][0]
        if self.out[0] <= 3 * few or not gives_back:
            return self
        return replace(self, height=self.height - (self.out[0] - 3 * few) * s, out=(3 * few, self.out[1]))

    def params(self) -> dict[str, int]:
        """Parameters that both window cells share."""
        return {
            "Height": self.height,
            "Width": self.width,
            "KernelH": self.kernel[0],
            "KernelW": self.kernel[1],
            "StrideH": self.stride[0],
            "StrideW": self.stride[1],
            "DilationH": self.dilation[0],
            "DilationW": self.dilation[1],
            "PadTop": self.padding[0][0],
            "PadLeft": self.padding[1][0],
            "OutHeight": self.out[0],
            "OutWidth": self.out[1],
        }
