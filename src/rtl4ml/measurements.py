# SPDX-License-Identifier: Apache-2.0
"""Predictions and measurements of a design, as plain records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Cycles:
    """Latency and interval in cycles (design contract), and the interval that each cell alone would have.

    latency:    from the first beat that an input takes to the last output beat of that frame, the last of all outputs
    outputs:    of several outputs, the latency of each
    interval:   initiation interval: the exact mean of the cycles between frames, a Fraction where it is not whole
    bottleneck: the cell that needs most cycles a frame
    gaps:       the repeating cycles between frames, where they are not all the same
    observed:   where no repetition was found: the first and last frame, from 1 up, between which the interval is the
                longest of the cycles between frames. None: the interval is exact
    narrower:   where the netlist is too large to be stepped through: rows and columns of the two narrower frames from
                which the interval is extrapolated; gaps are then not known
    stepped:    of such a netlist, its own first frames that were stepped through and came as those of the narrower
                frames do: each after one interval, and while the pipeline settles a few cycles later, as theirs

    Frames that end in cycles 30, 33, 37, 40, 44, ... have latency 30, gaps (3, 4) and the interval 7/2.
    """

    latency: int
    interval: int | Fraction
    cells: dict[str, int]
    bottleneck: str
    gaps: tuple[int, ...] = ()
    observed: tuple[int, int] | None = None
    narrower: tuple[tuple[int, int], ...] = ()
    outputs: tuple[int, ...] = ()
    stepped: int = 0

    @property
    def frames_in_flight(self) -> int:
        """Frames whose ends a design must know at once: those on their way, one that begins and one that ends."""
        return int(-(-self.latency // self.interval)) + 2


@dataclass(frozen=True)
class LayerTimes:
    """Cycles of the first frame after reset: (first, last) beat that a layer takes, and that it gives.

    Cycle 0 takes the frame's first beat, nothing stalls at the edges.

    LayerTimes("conv", takes=(2, 65), gives=(14, 70)): a convolution that has its whole input in cycle 65 and makes its
    last output in cycle 70; at the input, takes[0] is 0, and at the output gives[1] is the latency.
    """

    name: str
    takes: tuple[int, int]
    gives: tuple[int, int]


@dataclass(frozen=True)
class Difference:
    """A value that is not the reference's: of which sample, where in it, what came and what should have come.

    Difference(sample=3, at=(0, 17, 2), got=1.5, want=1.25): of the fourth sample row 0, column 17, channel 2.
    """

    sample: int
    at: tuple[int, ...]
    got: float
    want: float


# Differences that a tally remembers.
REMEMBERED = 10


@dataclass
class Tally:
    """How many samples and values were compared with the reference, how many values differed, and the first of these.

    Two samples of 5 values, one of which differs: Tally(samples=2, values=10, mismatches=1).
    """

    samples: int = 0
    values: int = 0
    mismatches: int = 0
    first: list[Difference] = field(default_factory=list)

    def __repr__(self) -> str:
        if not self.samples:
            return "<nothing compared>"
        return f"<{self.mismatches:,} of {self.values:,} values differ, {self.samples:,} samples>"

    def add(self, got: Sequence[NDArray[np.float64]], want: Sequence[NDArray[np.float64]]) -> None:
        """got, want: values of every output, (N, ...) each."""
        for number, (a, b) in enumerate(zip(got, want, strict=True)):
            wrong = a != b
            samples = np.flatnonzero(wrong.reshape(len(wrong), -1).any(axis=1)) if wrong.size else ()
            for k in samples[: REMEMBERED - len(self.first)]:
                for at in np.argwhere(wrong[k])[: REMEMBERED - len(self.first)].tolist():
                    here = (k, *at)
                    place = tuple(at) if len(got) == 1 else (number, *at)
                    self.first.append(
                        Difference(self.samples + int(k), place, float(a[here]), float(b[here]))
                    )
            self.values += a.size
            self.mismatches += int(wrong.sum())
        self.samples += len(got[0])

    def entry(self) -> dict[str, int] | None:
        if not self.samples:
            return None
        return {"samples": self.samples, "values": self.values, "mismatches": self.mismatches}


@dataclass
class FrameTally:
    """How many simulated frames were compared with the prediction, and how many ended in the predicted cycle.

    Of frames that end in cycles 30, 33 and 38, predicted for 30, 33 and 37: FrameTally(compared=3, as_predicted=2).
    """

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


@dataclass(frozen=True, eq=False)
class Run:
    """An RTL simulation. y: real values shaped like model.predict(x), a list of several outputs; latency, interval and
    cycles in cycles; latencies: of several outputs, that of each, of which latency is the greatest.

    interval is the exact mean, a fraction where frames come in turn some cycles more and some less apart.
    latency and interval are None under stalls; interval too where the samples were too few for a steady pace: fewer
    than three, or each as predicted while FIFOs still fill; or a few early and none late, from memory behind a skip.
    """

    y: Any
    latency: int | None
    interval: int | Fraction | None
    cycles: int
    latencies: tuple[int, ...] = ()

    def __repr__(self) -> str:
        pace = f"interval {self.interval}, latency {self.latency}"
        samples = len(self.y[0] if isinstance(self.y, list) else self.y)
        return f"<Run of {samples:,} samples: {pace}, {self.cycles:,} cycles>"
