# SPDX-License-Identifier: Apache-2.0
"""Cells of two inputs: add, concatenate, multiply."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from rtl4ml.cells.library import LibraryCell
from rtl4ml.netlist.netlist import Param, Timing


@dataclass(frozen=True, kw_only=True, eq=False)
class Join(LibraryCell):
    """Base of cells of two inputs a and b, each of which is shifted left to the output's fraction."""

    shift_a: int
    shift_b: int

    def _aligned(self) -> dict[str, Param]:
        a, b = self.inputs["a"], self.inputs["b"]
        return {
            "WidthA": a.bits,
            "WidthB": b.bits,
            "SignedA": int(a.signed),
            "SignedB": int(b.signed),
            "ShiftA": self.shift_a,
            "ShiftB": self.shift_b,
            "YWidth": self.y.bits,
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class ConcatCell(Join):
    """Concatenates channels: those of a pixel of a, then those of the pixel of b; `pixels` a frame."""

    module: ClassVar[str] = "r4_concat"

    pixels: int

    @property
    def beats(self) -> tuple[int, int]:
        """Beats of a pixel of a and of b."""
        return self.inputs["a"].beats // self.pixels, self.inputs["b"].beats // self.pixels

    @property
    def whole(self) -> bool:
        """Whether a beat of every wire is a whole pixel."""
        return self.y.lanes == self.inputs["a"].lanes + self.inputs["b"].lanes

    def params(self) -> dict[str, Param]:
        return {
            "Whole": int(self.whole),
            "LanesA": self.inputs["a"].lanes,
            "LanesB": self.inputs["b"].lanes,
            "BeatsA": self.beats[0],
            "BeatsB": self.beats[1],
            **self._aligned(),
        }

    def timing(self) -> Timing:
        if self.whole:
            return Timing.passing(self.pixels, 1, inputs=2)
        a, b = self.beats
        pixel, k = np.divmod(np.arange(self.y.beats), a + b)
        need = (pixel * a + np.minimum(k + 1, a), pixel * b + np.maximum(k + 1 - a, 0))
        return Timing(self.y.beats, need, (np.arange(self.y.beats),), latency=1)


@dataclass(frozen=True, kw_only=True, eq=False)
class AddCell(Join):
    """The sum of a and b, element by element; `subtract`: a less b."""

    module: ClassVar[str] = "r4_add"

    subtract: bool = False

    def params(self) -> dict[str, Param]:
        return {"Lanes": self.y.lanes, **self._aligned(), "Subtract": int(self.subtract)}

    def timing(self) -> Timing:
        return Timing.passing(self.y.beats, 1, inputs=2)


@dataclass(frozen=True, kw_only=True, eq=False)
class MultiplyCell(LibraryCell):
    """The product of a and b, element by element."""

    module: ClassVar[str] = "r4_multiply"

    def params(self) -> dict[str, Param]:
        a, b = self.inputs["a"], self.inputs["b"]
        return {
            "Lanes": self.y.lanes,
            "WidthA": a.bits,
            "WidthB": b.bits,
            "SignedA": int(a.signed),
            "SignedB": int(b.signed),
            "YWidth": self.y.bits,
        }

    @property
    def multipliers(self) -> int:
        return self.y.lanes

    @property
    def sums(self) -> int:
        """Sums, a register behind each, of products of parts of the operand of fewer bits (`r4_mul_split`)."""
        a, b = self.inputs["a"], self.inputs["b"]
        signed = a.signed and b.signed and max(a.bits, b.bits) > 4
        split = min(a.bits, b.bits, self.y.bits) + signed
        return (-(-split // 4) - 1).bit_length()

    def timing(self) -> Timing:
        return Timing.passing(self.y.beats, 2 + self.sums, inputs=2)
