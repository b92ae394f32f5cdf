# SPDX-License-Identifier: Apache-2.0
"""Runs samples through a compiled top of a netlist, and says at what pace they came out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Literal

from rtl4ml.cells.axis import container_type
from rtl4ml.cells.streams import spills
from rtl4ml.ir.types import Ints
from rtl4ml.measurements import Cycles
from rtl4ml.netlist.netlist import Netlist
from rtl4ml.simulation.bulk import Frames, RunResult, Simulator
from rtl4ml.timing.cycles import frame_ends, unsettled

Progress = Callable[[int, int], None]


def run(
    simulator: Simulator,
    netlist: Netlist,
    cycles: Cycles,
    ints: Sequence[Ints],
    *,
    stalls: Literal["none", "random"],
    seed: int,
    progress: Progress | None = None,
) -> RunResult:
    """Runs the integers (N, ...) of samples of every input through the RTL of a netlist, or through what synthesis made
    of it.

    cycles:   as predicted; a long run without stalls is shared between two processes
    progress: is told now and then how many of how many samples are done
    """
    count = len(ints[0])
    into, out = (
        [Frames(w.beats, w.lanes, container_type(w)) for w in wires]
        for wires in (netlist.inputs, netlist.outputs)
    )
    # Each half must run until its pace is steady.
    shared = stalls == "none" and count >= 64 and count * cycles.interval >= 200_000
    return simulator.run_all(
        [a.reshape(count, f.beats, f.lanes) for a, f in zip(ints, into, strict=True)],
        into,
        out,
        stalls=stalls,
        seed=seed,
        processes=2 if shared else 1,
        progress=None if progress is None else lambda done: progress(done, count),
    )


def settled(found: RunResult, netlist: Netlist, cycles: Cycles) -> int | Fraction | None:
    """The interval of a run; None where its frames were too few for a steady pace.

    Memory answers within the latency that is predicted with, now and then sooner: then a frame comes early and the next
    one in its own time, further behind it than the interval. Where no frame comes late that is no pace.
    """
    if found.interval in (None, cycles.interval) or found.intervals is None:
        return found.interval
    if spills(netlist) and found.interval > cycles.interval:
        late = any((ends > frame_ends(netlist, len(ends))).any() for ends in found.ends)
        return found.interval if late else None
    return None if unsettled(netlist, found.intervals) else found.interval
