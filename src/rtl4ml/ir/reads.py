# SPDX-License-Identifier: Apache-2.0
"""Which positions of an input an operator's output depends on, along one axis of the frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rtl4ml.ir.types import Index

ROWS, COLUMNS = 0, 1  # axes of a frame, as in the first two places of `Stream.hwc`
AXES = {ROWS: "rows", COLUMNS: "columns"}

# In place of a position: none is read.
NOTHING = np.iinfo(np.int64).min


@dataclass(frozen=True, eq=False)
class Reads:
    """What the positions of an output read of one input, along rows or along columns.

    at:       (positions of the output, K) positions of the input; those outside of the frame are padding; NOTHING
    up, down: where a frame goes on `down` positions further, its output goes on `up` positions further
    kinds:    (positions of the output,) positions of one kind do the same with what they read, in frames of any size

    A convolution with 3 taps, stride 2 and a zero on the right, of 6 positions, has Reads(at=[[0, 1, 2], [2, 3, 4],
    [4, 5, 6]], up=1, down=2, kinds=[0, 0, 0]): its last position reads the padding at 6.
    """

    at: Index
    up: int
    down: int
    kinds: Index

    @classmethod
    def alike(cls, size: int) -> Reads:
        """Every position reads its own."""
        return cls.window(size, 1)

    @classmethod
    def window(cls, size: int, taps: int, *, stride: int = 1, dilation: int = 1, before: int = 0) -> Reads:
        """Windows of `taps` positions with gaps of `dilation`, the first of them `before` positions ahead of the frame.

        size: positions of the output
        """
        at = np.arange(size)[:, None] * stride - before + np.arange(taps) * dilation
        return cls(at, 1, stride, np.zeros(size, np.int64))

    @classmethod
    def repeated(cls, size: int, factor: int) -> Reads:
        """`factor` positions of the output read each of the `size` of the input."""
        n = size * factor
        return cls(np.arange(n)[:, None] // factor, factor, 1, np.arange(n) % factor)

    @classmethod
    def everything(cls, size: int, given: int) -> Reads:
        """Every one of `size` positions of the output reads all that are given."""
        return cls(np.broadcast_to(np.arange(given), (size, given)), 1, 1, np.zeros(size, np.int64))

    def inside(self, given: int) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
        """(positions of the output, K) whether a tap lies within a frame of `given` positions."""
        return (self.at >= 0) & (self.at < given)

    def overhang(self, given: int) -> int:
        """Positions by which a tap lies outside of a frame of `given` positions, at most."""
        at = self.at[self.at != NOTHING]
        return max(0, -int(at.min(initial=0)), int(at.max(initial=0)) - given + 1)
