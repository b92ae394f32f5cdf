# SPDX-License-Identifier: Apache-2.0
"""Where the windows of a convolution or pool lie."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rtl4ml.ir.types import Index


@dataclass(frozen=True)
class Geometry:
    """What a window cell walks over; all sizes in pixels of `groups` beats."""

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
        """Positions that a parallel window walks over: the frame and the padding that it reaches behind it."""
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
        """(OH * OW,) pixels that r4_window gives back when a position ends: all before the next origin, if that lies
        inside.
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
        """Pixels that a position needs at the most and that none before it has given back."""
        last = []  # the last row and column of every position that lie inside; -1: none does
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
        """The same with no more rows than show all that positions of any row span."""
        top, s = self.padding[0][0], self.stride[0]
        reach = (self.kernel[0] - 1) * self.dilation[0]
        few = (
            -(-(reach + top) // s) + 2
        )  # positions in rows that padding above or below touches, and one more
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
