# SPDX-License-Identifier: Apache-2.0
"""The cell that takes the greater or the lesser of two streams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rtl4ml.cells.join import Join
from rtl4ml.netlist.netlist import Param, Timing


@dataclass(frozen=True, kw_only=True, eq=False)
class MaximumCell(Join):
    """The greater of a and b, element by element; `least`: the lesser."""

    module: ClassVar[str] = "r4_max"

    least: bool = False

    def params(self) -> dict[str, Param]:
        return {"Lanes": self.y.lanes, **self._aligned(), "Least": int(self.least)}

    def timing(self) -> Timing:
        return Timing.passing(self.y.beats, 1, inputs=2)
