# SPDX-License-Identifier: Apache-2.0
"""Cells that pass a stream on unchanged: FIFO, width converters, fork."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from rtl4ml.cells.library import LibraryCell
from rtl4ml.netlist.memories import banks, is_block
from rtl4ml.netlist.netlist import FreeRunning, Param, Timing


@dataclass(frozen=True, kw_only=True, eq=False)
class Fifo(LibraryCell):
    """FIFO that cuts the ready path.

    Behind cells that run freely it is deeper. Behind a wire with flight=5 and gap=2, two beats may still come once it
    says that it is full, as a third would be 6 cycles behind the one that filled it. It has room for those, for as many
    that it gives until the next ones arrive, and for two as any other: 6 beats in all.
    """

    module: ClassVar[str] = "r4_fifo"
    cuts: ClassVar[bool] = True

    depth: int = 2

    @property
    def slack(self) -> int:
        """Beats that may still come once it says that it is full.

        In the cycle before, a beat came. The bursts behind that beat's own end whole gaps later, and before the flight
        of what was let in last is over.
        """
        return self.x.flight // self.x.gap * self.x.burst + self.x.burst - 1

    @property
    def flying(self) -> int:
        """Beats that are on their way to it at most."""
        return -(-self.x.flight // self.x.gap) * self.x.burst

    @property
    def least(self) -> int:
        """The least depth with which beats pass at the rate at which they come."""
        return 2 * self.slack + 2

    @property
    def block(self) -> bool:
        # A FIFO in block RAM needs three entries for a beat a cycle.
        return self.depth > 2 and is_block(self.depth, self.x.width, self.device)

    @property
    def wait(self) -> int:
        """Cycles from taking a beat to offering it; block RAM takes one more, as it is written before it is read."""
        return 1 + self.block

    def params(self) -> dict[str, Param]:
        p: dict[str, Param] = {
            "Width": self.x.width,
            "Depth": self.depth,
            "MemoryKind": int(self.block),
        }
        if self.slack:
            p["Slack"] = self.slack
        if self.block and (found := banks(self.x.width, self.depth - 1, self.device)) is not None:
            p |= {"Bank": found.bank, "Least": found.least}
        return p

    def timing(self) -> Timing:
        return Timing.fifo(self.x.beats, self.depth, self.wait)


class WidthConverter(FreeRunning, LibraryCell):
    """Base of the converters: the same elements in another number of lanes."""

    @property
    def latency(self) -> int:
        return 1

    def params(self) -> dict[str, Param]:
        return {
            "XLanes": self.x.lanes,
            "YLanes": self.y.lanes,
            "ElemWidth": self.x.bits,
            **self.flow_params(),
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class Narrow(WidthConverter):
    """Width converter to fewer lanes.

    It runs freely behind cells that run freely and leave it the time to hand on a beat before the next one comes.
    """

    module: ClassVar[str] = "r4_width"

    @property
    def bursts(self) -> int:
        return self.x.lanes // self.y.lanes

    @property
    def holds(self) -> bool:
        return not self.x.flight or self.x.burst > 1 or self.x.gap < self.bursts

    @property
    def runs(self) -> bool:
        return self.x.flight > 0

    def timing(self) -> Timing:
        beats = np.arange(self.y.beats)
        return Timing(self.y.beats, (beats // self.bursts + 1,), (beats,), self.latency)


@dataclass(frozen=True, kw_only=True, eq=False)
class Widen(WidthConverter):
    """Width converter to more lanes."""

    module: ClassVar[str] = "r4_width"

    @property
    def ratio(self) -> int:
        return self.y.lanes // self.x.lanes

    def timing(self) -> Timing:
        return Timing(
            self.x.beats,
            (np.arange(self.x.beats) + 1,),
            (np.arange(self.y.beats) * self.ratio + self.ratio - 1,),
            self.latency,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class ForkCell(FreeRunning, LibraryCell):
    """Hands every beat to both outputs, y0 and y1. It runs freely behind cells that do."""

    module: ClassVar[str] = "r4_fork"

    @property
    def latency(self) -> int:
        return 0

    @property
    def holds(self) -> bool:
        return not self.x.flight

    @property
    def runs(self) -> bool:
        return self.x.flight > 0

    def params(self) -> dict[str, Param]:
        return {"Width": self.x.width, **self.flow_params()}

    def timing(self) -> Timing:
        return Timing.fork(self.x.beats)
