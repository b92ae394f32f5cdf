# SPDX-License-Identifier: Apache-2.0
"""Binary opening of a mask by a disk: what is thinner than the disk goes, the rest keeps its shape."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from rtl4ml.errors import UnsupportedLayer
from rtl4ml.ir.op import Op
from rtl4ml.ir.reads import Reads
from rtl4ml.ir.types import Ints, Stream

# r4_morph takes this radius at most.
MOST = 7


@dataclass(frozen=True, kw_only=True, eq=False)
class Opening(Op):
    """Erosion, then dilation, by a disk (dx**2 + dy**2 <= radius**2: 13 pixels for radius 2).

    Pixels outside the frame decide nothing: they count as 1 in the erosion and as 0 in the dilation, as in
    skimage.morphology.binary_opening.
    """

    op: ClassVar[str] = "Opening"

    radius: int

    def __post_init__(self) -> None:
        if not 1 <= self.radius <= MOST:
            raise UnsupportedLayer(f"{self.name}: the radius must be 1 to {MOST}, not {self.radius}")
        if len(self.x.shape) != 3 or self.x.channels != 1 or not 0 <= self.x.lo <= self.x.hi <= 1:
            raise UnsupportedLayer(
                f"{self.name}: an opening must read a mask of shape (height, width, 1), "
                f"not {self.x.shape} from {self.x.lo} to {self.x.hi}"
            )

    @cached_property
    def output(self) -> Stream:
        return Stream(self.name, self.x.shape, self.x.type, self.x.lo, self.x.hi)

    @property
    def side(self) -> int:
        """Rows and columns of the window."""
        return 2 * self.radius + 1

    def reads(self, axis: int) -> tuple[Reads, ...]:
        return (Reads.window(self.x.hwc[axis], 4 * self.radius + 1, before=2 * self.radius),)

    def _nearby(self, x: Ints, outside: int) -> Iterator[Ints]:
        """The frames (N, H, W, 1) moved to every pixel of the disk."""
        r, (h, w, _) = self.radius, self.x.hwc
        wide = np.pad(x, ((0, 0), (r, r), (r, r), (0, 0)), constant_values=outside)
        for dy in range(-r, r + 1):
            for dx in range(-r, r + 1):
                if dx * dx + dy * dy <= r * r:
                    yield wide[:, r + dy : r + dy + h, r + dx : r + dx + w]

    def golden(self, *x: Ints) -> Ints:
        eroded = np.ones_like(x[0])
        for a in self._nearby(x[0], 1):
            eroded &= a
        y = np.zeros_like(x[0])
        for a in self._nearby(eroded, 0):
            y |= a
        return y
