# SPDX-License-Identifier: Apache-2.0
"""Cells that pass a stream on unchanged: FIFO, width converter, fork."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from rtl4ml.cells.library import LibraryCell
from rtl4ml.netlist.memories import is_block
from rtl4ml.netlist.netlist import Param, Timing


@dataclass(frozen=True, kw_only=True, eq=False)
class Fifo(LibraryCell):
    """FIFO that cuts the ready path."""

    module: ClassVar[str] = "r4_fifo"
    cuts: ClassVar[bool] = True

    depth: int = 2

    @property
    def block(self) -> bool:
        # A FIFO in block RAM needs three entries for a beat a cycle.
        return self.depth > 2 and is_block(self.depth, self.x.width, self.device)

    @property
    def wait(self) -> int:
        """Cycles from taking a beat to offering it; block RAM takes one more, as it is written before it is read."""
        return 1 + self.block

    def params(self) -> dict[str, Param]:
        return {"Width": self.x.width, "Depth": self.depth, "MemoryKind": int(self.block)}

    def timing(self) -> Timing:
        return Timing.fifo(self.x.beats, self.depth, self.wait)


@dataclass(frozen=True, kw_only=True, eq=False)
class Width(LibraryCell):
    """Width converter: the same elements in another number of lanes."""

    module: ClassVar[str] = "r4_width"

    def params(self) -> dict[str, Param]:
        return {"XLanes": self.x.lanes, "YLanes": self.y.lanes, "ElemWidth": self.x.bits}

    def timing(self) -> Timing:
        if self.x.lanes < self.y.lanes:
            ratio = self.y.lanes // self.x.lanes
            return Timing(
                self.x.beats,
                (np.arange(self.x.beats) + 1,),
                (np.arange(self.y.beats) * ratio + ratio - 1,),
                latency=1,
            )
        ratio = self.x.lanes // self.y.lanes
        return Timing(
            self.y.beats, (np.arange(self.y.beats) // ratio + 1,), (np.arange(self.y.beats),), latency=1
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class ForkCell(LibraryCell):
    """Hands every beat to both outputs, y0 and y1."""

    module: ClassVar[str] = "r4_fork"

    def params(self) -> dict[str, Param]:
        return {"Width": self.x.width}

    def timing(self) -> Timing:
        return Timing.fork(self.x.beats)
