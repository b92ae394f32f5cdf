# SPDX-License-Identifier: Apache-2.0
"""Cells that carry a stream on: FIFO, width converter, fork."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from rtl4ml.cells.library import LibraryCell
from rtl4ml.netlist.memories import is_block
from rtl4ml.netlist.netlist import Param, Timing


@dataclass(frozen=True, kw_only=True, eq=False)
class Fifo(LibraryCell):
    """First in, first out; cuts the ready path."""

    module: ClassVar[str] = "r4_fifo"

    depth: int = 2

    @property
    def block(self) -> bool:
        # one of block RAM keeps a beat a cycle from three entries on
        return self.depth > 2 and is_block(self.depth, self.x.width, self.device)

    @property
    def wait(self) -> int:
        """Cycles from the taking of a beat to its being offered: block RAM is written first, then read."""
        return 1 + self.block

    def params(self) -> dict[str, Param]:
        return {"Width": self.x.width, "Depth": self.depth, "MemoryKind": int(self.block)}

    def timing(self) -> Timing:
        return Timing.fifo(self.x.beats, self.depth, self.wait)


@dataclass(frozen=True, kw_only=True, eq=False)
class Width(LibraryCell):
    """The same elements in another number of lanes."""

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
    """One stream for the two readers y0 and y1."""

    module: ClassVar[str] = "r4_fork"

    def params(self) -> dict[str, Param]:
        return {"Width": self.x.width}

    def timing(self) -> Timing:
        return Timing.fork(self.x.beats)
