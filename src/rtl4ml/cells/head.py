# SPDX-License-Identifier: Apache-2.0
"""Cells at the output: argmax, mask, opening of the mask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from rtl4ml.cells.library import LibraryCell
from rtl4ml.netlist.netlist import FreeRunning, Param, Timing


@dataclass(frozen=True, kw_only=True, eq=False)
class ArgMaxCell(FreeRunning, LibraryCell):
    """The index of a pixel's greatest channel."""

    module: ClassVar[str] = "r4_argmax"

    groups: int

    def params(self) -> dict[str, Param]:
        return {
            "Lanes": self.x.lanes,
            "Groups": self.groups,
            "XWidth": self.x.bits,
            "XSigned": int(self.x.signed),
            "YWidth": self.y.bits,
            **self.flow_params(),
        }

    @property
    def latency(self) -> int:
        return 1 + (self.x.lanes - 1).bit_length()

    @property
    def ratio(self) -> int:
        return self.groups

    def timing(self) -> Timing:
        emit = np.arange(self.y.beats) * self.groups + self.groups - 1
        return Timing(self.x.beats, (np.arange(self.x.beats) + 1,), (emit,), self.latency)


@dataclass(frozen=True, kw_only=True, eq=False)
class MaskCell(FreeRunning, LibraryCell):
    """Whether an element reaches a threshold."""

    module: ClassVar[str] = "r4_mask"

    threshold: int

    def params(self) -> dict[str, Param]:
        return {
            "Lanes": self.x.lanes,
            "XWidth": self.x.bits,
            "XSigned": int(self.x.signed),
            "Threshold": self.threshold,
            **self.flow_params(),
        }

    @property
    def latency(self) -> int:
        return 1

    def timing(self) -> Timing:
        return Timing.passing(self.x.beats, self.latency)


@dataclass(frozen=True, kw_only=True, eq=False)
class Morph(FreeRunning, LibraryCell):
    """Erosion or dilation of a mask by a disk; reads windows."""

    module: ClassVar[str] = "r4_morph"

    radius: int
    erode: bool

    def params(self) -> dict[str, Param]:
        return {"Radius": self.radius, "Erode": int(self.erode), **self.flow_params()}

    @property
    def latency(self) -> int:
        return 1

    def timing(self) -> Timing:
        return Timing.passing(self.x.beats, self.latency)
