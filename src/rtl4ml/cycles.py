# SPDX-License-Identifier: Apache-2.0
"""Cycles of a netlist, predicted from the timing of its cells alone: latency, interval, what FIFOs must hold.

Every cell performs numbered work slots, at most one a cycle (`netlist.Timing`). A slot waits for the slot before
it and for the beats that it needs; a beat is taken by the slot that first needs it, or, where a cell buffers, as
soon as there is room. The netlist is stepped through on these rules, without any data, until the frames come at a
steady pace.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rtl4ml.netlist import Netlist, Timing
from rtl4ml.stepper import Stepper, Steps

# Registers at the AXI4-Stream edges, as the headers of r4_axis_in and r4_axis_out state.
EDGE_IN = 2
EDGE_OUT = 1


@dataclass(frozen=True)
class Cycles:
    """Latency and interval in cycles (design contract), and the interval that each cell alone would have."""

    latency: int
    interval: int
    cells: dict[str, int]
    bottleneck: str


def edges(netlist: Netlist) -> tuple[Timing, Timing]:
    """Timing of r4_axis_in and r4_axis_out around a netlist."""
    k = np.arange(netlist.input.beats)
    into = Timing(netlist.input.beats, (k + 1,), (k,), latency=0, wait=1, free=k + 1, depth=EDGE_IN)
    return into, Timing.passing(netlist.output.beats, EDGE_OUT)


def predict(netlist: Netlist) -> Cycles:
    """Latency of the first frame after reset and the steady interval, no stalls outside, from the cells' timing."""
    work = {c.name: c.timing().slots for c in netlist.cells}
    work["s_axis"] = netlist.input.beats
    steps = Stepper(netlist, *edges(netlist)).run()
    if not steps.steady:
        raise RuntimeError(f"{netlist.graph.name}: the netlist stands still after {len(steps.ends)} frames")
    return Cycles(steps.ends[0], steps.interval, work, max(work, key=lambda k: work[k]))


# More than any FIFO ever holds.
_ENDLESS = 2**40


def depths(netlist: Netlist, fifos: list[str], least: int) -> dict[str, int]:
    """The least depths, `least` or more, at which the given FIFOs cost no cycle of the interval: FIFO name to depth.

    The FIFOs are made smaller one by one, in the order given, while all that follow are endless. So the last ones, of
    the paths that wait, get just what the first leave to them: one entry less and the netlist slows down or stands.
    """
    stepper = Stepper(netlist, *edges(netlist))
    now = dict.fromkeys(fifos, _ENDLESS)
    free = stepper.run(depths=now)
    if not free.steady:
        raise RuntimeError(f"{netlist.graph.name}: the netlist stands still, whatever its FIFOs hold")

    def holds(name: str, depth: int) -> Steps | None:
        steps = stepper.run(depths=now | {name: depth})
        return steps if steps.steady and steps.interval <= free.interval else None

    last = free
    for name in fifos:
        if (steps := holds(name, least)) is not None:
            now[name], last = least, steps
            continue
        # What it held at full pace and one more is enough; from there down in growing strides, then by halves.
        enough, short, stride = max(last.peaks[name], least) + 1, least, 1
        while enough - short > 1:
            probe = max(enough - stride, short + 1)
            if holds(name, probe) is not None:
                enough, stride = probe, 4 * stride
            else:
                short, stride = probe, max(1, (enough - probe) // 2)
        now[name] = enough
        last = stepper.run(depths=now)
    return now
