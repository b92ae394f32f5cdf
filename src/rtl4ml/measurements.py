# SPDX-License-Identifier: Apache-2.0
"""What is predicted and measured of a design, as plain records."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Cycles:
    """Latency and interval in cycles (design contract), and the interval that each cell alone would have.

    interval:   the exact mean of the cycles between frames, a fraction where they are not the same and it is not whole
    bottleneck: the cell that needs most cycles a frame
    gaps:       where they are not the same: the cycles between frames, over and over again
    observed:   where no repetition was found: the first and last frame, from 1 up, of those that were stepped through
                to look at their pace; the interval is then the longest of the cycles between these. None: it is exact
    narrower:   where the netlist is too large for that: rows and columns of the two narrower frames that the interval
                is extrapolated from; gaps are then not known

    Frames that end in cycles 30, 33, 37, 40, 44, ... have latency 30, gaps (3, 4) and the interval 7/2.
    """

    latency: int
    interval: int | Fraction
    cells: dict[str, int]
    bottleneck: str
    gaps: tuple[int, ...] = ()
    observed: tuple[int, int] | None = None
    narrower: tuple[tuple[int, int], ...] = ()


@dataclass
class Tally:
    """How many samples and values were compared with the reference, and how many values differed."""

    samples: int = 0
    values: int = 0
    mismatches: int = 0

    def __repr__(self) -> str:
        if not self.samples:
            return "<nothing compared>"
        return f"<{self.mismatches:,} of {self.values:,} values differ, {self.samples:,} samples>"

    def add(self, got: NDArray[np.float64], want: NDArray[np.float64]) -> None:
        self.samples += len(got)
        self.values += got.size
        self.mismatches += int((got != want).sum())

    def entry(self) -> dict[str, int] | None:
        if not self.samples:
            return None
        return {"samples": self.samples, "values": self.values, "mismatches": self.mismatches}


@dataclass
class FrameTally:
    """How many simulated frames were compared with the prediction, and how many ended in the very cycle predicted."""

    compared: int = 0
    as_predicted: int = 0

    def __repr__(self) -> str:
        if not self.compared:
            return "<no frames compared>"
        return f"<{self.as_predicted:,} of {self.compared:,} frames ended in the predicted cycle>"

    def add(self, ends: NDArray[np.int64], predicted: NDArray[np.int64]) -> None:
        """ends, predicted: (N,) cycles of the last output beats of frames that followed one reset."""
        self.compared += len(ends)
        self.as_predicted += int((ends == predicted).sum())

    def entry(self) -> dict[str, int] | None:
        if not self.compared:
            return None
        return {"compared": self.compared, "as_predicted": self.as_predicted}
