# SPDX-License-Identifier: Apache-2.0
"""What the device holds, and how much of it a design may take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

# XCZU9EG (DS891, table of Zynq UltraScale+ EG devices); no UltraRAM.
XCZU9EG = {"lut": 274_080, "ff": 548_160, "dsp": 2_520, "bram36": 912}

# The share of each that a design may take unless more is asked for. A device that is nearly full hardly closes timing:
# placement and routing need room. A rule of practice, no figure of the data sheet.
DEFAULT_BUDGET = {"lut": 0.75, "ff": 0.75, "dsp": 0.75, "bram36": 0.75}


def budget_shares(budget: Mapping[str, float] | None, target_interval: int | None) -> dict[str, float]:
    """The greatest share of every resource that a design may take.

    A resource that `budget` does not name has the share of `DEFAULT_BUDGET`. With an interval asked for it is all of
    the device: the foldings are then those that fill it least anyway, so a smaller share would only refuse a design.
    The report says where such a design takes more than the default.
    """
    default = DEFAULT_BUDGET if target_interval is None else dict.fromkeys(XCZU9EG, 1.0)
    return {**default, **(budget or {})}


@dataclass(frozen=True)
class Resources:
    """LUT, flip-flops, DSP48E2 and RAMB36 (an RAMB18 counts half)."""

    lut: float = 0
    ff: float = 0
    dsp: float = 0
    bram36: float = 0

    def __add__(self, o: Resources) -> Resources:
        return Resources(self.lut + o.lut, self.ff + o.ff, self.dsp + o.dsp, self.bram36 + o.bram36)

    def rounded(self) -> dict[str, float]:
        """For reports: whole LUT, FF and DSP, halves of RAMB36."""
        return {"lut": round(self.lut), "ff": round(self.ff), "dsp": round(self.dsp), "bram36": self.bram36}


def total(found: Iterable[Resources]) -> Resources:
    """The sum."""
    return sum(found, Resources())
