# SPDX-License-Identifier: Apache-2.0
"""The steady state of a netlist that is small enough to be stepped through until its state repeats."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import NamedTuple

from rtl4ml.netlist.netlist import Netlist
from rtl4ml.timing.depths import stands_still
from rtl4ml.timing.stepper import FRAMES, Stepper, Steps

# Cell cycles within which a repetition is searched for, about a second; in larger netlists `stepper.FRAMES` frames.
_SEARCHED = 150_000_000
# Most frames of that search.
_MOST = 2**16


class Steady(NamedTuple):
    """The first frame after reset, and frames of the steady state."""

    first: Steps
    steps: Steps

    @property
    def interval(self) -> int | Fraction:
        return self.steps.interval


def work(netlist: Netlist) -> dict[str, int]:
    """Cycles a frame of every cell by its name, and of every input by its port."""
    found = {c.name: c.slots for c in netlist.cells}
    return found | {port: w.beats for port, w in zip(netlist.sources, netlist.inputs, strict=True)}


def searched(work: Mapping[str, int]) -> int:
    """Frames within which a repetition is searched for. work: slots a frame of the netlist's cells."""
    return max(FRAMES, min(_MOST, _SEARCHED // (max(work.values()) * len(work))))


def steady(netlist: Netlist) -> Steady:
    """Steps through frames until the state repeats itself, nothing stalls at the edges.

    Raises UnsupportedLayer where no second frame comes out.
    """
    cells = work(netlist)
    stepper = Stepper(netlist)
    steps = first = stepper.run(frames=1 if netlist.settled is not None else searched(cells))
    if netlist.settled is not None and first.ends:
        steps = stepper.run(start=netlist.settled)
        # The steady state may depend on the initial state. Unless it is as fast as the slowest cell, only the one that
        # follows a reset counts.
        if not steps.period or steps.interval > max(cells.values()):
            steps = stepper.run(frames=searched(cells))
    if len(steps.ends) < 2:
        raise stands_still(netlist)
    return Steady(first, steps)
