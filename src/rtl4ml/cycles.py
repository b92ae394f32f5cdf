# SPDX-License-Identifier: Apache-2.0
"""Cycles of a netlist, predicted from the timing of its cells alone: latency, interval, what FIFOs must hold.

Every cell performs numbered work slots, at most one a cycle (`netlist.Timing`). A slot waits for the slot before
it and for the beats that it needs; a beat is taken by the slot that first needs it, or, where a cell buffers, as
soon as there is room. The netlist is stepped through on these rules, without any data, until the frames come at a
steady pace.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rtl4ml.errors import UnsupportedLayer
from rtl4ml.netlist import Netlist, Timing
from rtl4ml.stepper import ENDLESS, FRAMES, State, Stepper, Steps

# Registers at the AXI4-Stream edges, as the headers of r4_axis_in and r4_axis_out state.
EDGE_IN = 2
EDGE_OUT = 1
FLAG = 1


# Times as large as what is analysed may be a netlist of which the first frame is stepped through.
STEPPED = 20


@dataclass(frozen=True)
class Cycles:
    """Latency and interval in cycles (design contract), and the interval that each cell alone would have.

    interval: the exact mean of the cycles between frames, a fraction where they are not the same and it is not whole
    gaps:     where they are not the same: the cycles between frames, over and over again
    observed: where no repetition was found: the first and last frame, from 1 up, of those that were stepped through to
              look at their pace; the interval is then the longest of the cycles between these. None: it is exact
    narrower: where the netlist is too large for that: rows and columns of the two narrower frames that the interval is
              extrapolated from; gaps are then not known
    """

    latency: int
    interval: int | Fraction
    cells: dict[str, int]
    bottleneck: str
    gaps: tuple[int, ...] = ()
    observed: tuple[int, int] | None = None
    narrower: tuple[tuple[int, int], ...] = ()


def edges(netlist: Netlist) -> tuple[Timing, Timing]:
    """Timing of r4_axis_in and r4_axis_out around a netlist."""
    k = np.arange(netlist.input.beats)
    into = Timing(netlist.input.beats, (k + 1,), (k,), latency=0, wait=1, free=k + 1, depth=EDGE_IN)
    return into, Timing.passing(netlist.output.beats, EDGE_OUT)


def predict(netlist: Netlist) -> Cycles:
    """Latency of the first frame after reset and the steady interval, no stalls outside, from the cells' timing.

    Those of a netlist too large to be stepped through follow from two of narrower frames (`lower.narrower`): the
    interval is that of the slowest cell, if it is so there; the first frame is stepped through where it is not too
    large for that either, else the time to fill the pipeline is taken as linear in the width.

    Raises UnsupportedLayer where no frame comes out.
    """
    import rtl4ml.lower as lowering

    work = {c.name: c.slots for c in netlist.cells}
    work["s_axis"] = netlist.input.beats
    bottleneck = max(work, key=lambda k: work[k])
    if (pair := lowering.narrower(netlist)) is not None:
        with ThreadPoolExecutor(2) as pool:  # the stepper leaves the interpreter to others
            a, b = pool.map(predict, pair)
        w1, w2, w = (n.graph.inputs[0].hwc[1] for n in (*pair, netlist))
        narrow = tuple(n.graph.inputs[0].hwc[:2] for n in pair)
        interval = round(work[bottleneck] * Fraction(b.interval) / max(b.cells.values()))
        if work[bottleneck] * len(netlist.cells) <= STEPPED * lowering.ANALYSED:
            first = Stepper(netlist, *edges(netlist)).run(frames=1)
            if first.ends:
                return Cycles(first.ends[0], interval, work, bottleneck, observed=b.observed, narrower=narrow)
        fill1, fill2 = (n.latency - max(n.cells.values()) for n in (a, b))
        latency = interval + fill1 + (fill2 - fill1) * (w - w1) // (w2 - w1)
        return Cycles(latency, interval, work, bottleneck, observed=b.observed, narrower=narrow)
    stepper = Stepper(netlist, *edges(netlist))
    steps = first = stepper.run(frames=1 if netlist.settled is not None else searched(work))
    if netlist.settled is not None and first.ends:
        steps = stepper.run(start=netlist.settled)
        # Another state may lead to another pace: but for the fastest that there is, what counts is the one after reset.
        if not steps.period or steps.interval > work[bottleneck]:
            steps = stepper.run(frames=searched(work))
    if len(steps.ends) < 2:
        raise stands_still(netlist)
    last = len(steps.ends)
    return Cycles(
        first.ends[0],
        steps.interval,
        work,
        bottleneck,
        gaps=steps.gaps if steps.period and len(steps.gaps) > 1 else (),
        observed=None if steps.period else (last - len(steps.gaps), last),
    )


def stands_still(netlist: Netlist) -> UnsupportedLayer:
    """The error of a netlist of which no second frame comes out."""
    return UnsupportedLayer(
        f"{netlist.graph.name}: frames must come out one after the other, not stand still, whatever the FIFOs hold; "
        f"report it with the model"
    )


# Cell cycles within which a repetition is looked for, about a second; of larger netlists `stepper.FRAMES` frames.
_SEARCHED = 150_000_000
_MOST = 2**16


def searched(work: Mapping[str, int]) -> int:
    """Frames within which a netlist is looked at for a repetition. work: slots a frame of its cells."""
    return max(FRAMES, min(_MOST, _SEARCHED // (max(work.values()) * len(work))))


def frame_ends(netlist: Netlist, frames: int) -> NDArray[np.int64]:
    """(frames,) cycles in which the last output beats of the first frames after reset are offered, exactly, for any
    number of them: the input always offered, the output always taken. Cycle 0 takes the first input beat.

    Frames up to the first repetition are stepped through, so where none comes all are.
    Raises UnsupportedLayer where fewer come out.
    """
    if frames < 1:
        return np.zeros(0, np.int64)
    ends = Stepper(netlist, *edges(netlist)).run(frames=frames).until(frames)
    if len(ends) < frames:
        raise stands_still(netlist)
    return ends


def unsettled(netlist: Netlist, intervals: NDArray[np.integer[Any]]) -> bool:
    """Whether frames that followed a reset were too few to measure the steady interval by.

    intervals: (N,), cycles between the last output beats of consecutive frames of the RTL, its input always offered

    They were if each came when it is predicted, and the repetition is predicted to begin after half of them, or to come
    less than twice in the last half.
    """
    count = len(intervals)
    steps = Stepper(netlist, *edges(netlist)).run(frames=count + 1)
    start = len(steps.ends) - 1 - steps.period if steps.period else count
    few = start > count // 2 or 2 * len(steps.gaps) > count - count // 2
    return few and np.array_equal(np.diff(steps.until(count + 1)), intervals)


# Entries by which FIFOs of more than four times as many are sized: block memory comes in steps of 512 words at least.
GRAIN = 512

# Paces that are tried until a netlist keeps its source's.
_PACES = 8

# Cycles of all FIFOs together in a frame from which on runs do not start from reset.
_LONG = 1_000_000

# Frames within which a `roomy` probe comes to a repetition, or counts as too slow.
_SOON = 4


class Paced(NamedTuple):
    """A netlist whose FIFOs have no end: the interval that it keeps, and a run in which its source keeps it too."""

    stepper: Stepper
    interval: int | Fraction
    free: Steps


def unhindered(netlist: Netlist) -> Paced:
    """How fast a netlist is that no FIFO holds up."""
    stepper = Stepper(netlist, *edges(netlist))
    endless = dict.fromkeys((name for name in stepper.fifos if name != "s_axis"), ENDLESS)
    interval: int | Fraction = stepper.pace
    for _ in range(_PACES):  # a netlist may be slower than its slowest cell
        free = stepper.run(depths=endless, pace=interval)
        if len(free.ends) < 2:
            raise stands_still(netlist)
        if free.interval <= interval:
            break
        interval = free.interval
    return Paced(stepper, interval, free)


def depths(
    paced: Paced,
    rows: Mapping[str, int],
    skips: list[str],
    least: int,
    *,
    roomy: bool = False,
    known: Mapping[str, int] | None = None,
) -> tuple[dict[str, int], State | None]:
    """Depths, `least` or more, at which no FIFO costs a cycle of the interval: FIFO name to depth; and where the cells
    then stand once the pace is steady.

    paced: of the netlist, see `unhindered`; known: depths of FIFOs that are as small as they can be

    What a FIFO takes ahead of its reader, while the source spreads its beats evenly over the interval and no FIFO ever
    is full, is enough: no beat comes later where the source offers more, and earlier ones only wait. Much of that could
    wait in front of faster cells, so all FIFOs but the skips are then cut to the smallest share of a row (`rows`: beats
    a row) that keeps the interval; where `roomy`, to a row. `skips` are made smaller one by one, in this order: an
    entry less and the netlist slows down or stands still; deep ones (a multiple of GRAIN) GRAIN entries less, `roomy`
    ones as near as a twelfth. Where even those that are enough come to no repetition, they are left at that.
    """
    stepper, interval, free = paced
    inner = [name for name in stepper.fifos if name != "s_axis"]
    enough = {name: max(free.peaks[name], least) for name in inner}

    # Wherever a run starts, the pace in the end is nearly always the same: what a loop of cells and FIFOs holds, beats
    # and room for them together, never changes; but a pipeline that stalls as a whole keeps its gaps. A run goes on
    # from the last one that held where one from reset would take long.
    long = stepper.pace * len(stepper.fifos) > _LONG
    state = free.state if long else None

    def holds(now: Mapping[str, int]) -> bool:
        nonlocal state
        steps = stepper.run(depths=now, start=state, frames=_SOON if roomy else FRAMES)
        if (kept := steps.steady and steps.interval <= interval) and long:
            state = steps.state
        return kept

    def cut(eighths: int) -> dict[str, int]:
        few = {k: max(least, -(-rows[k] * eighths // 8)) for k in inner if k not in skips}
        few |= {k: depth * max(8, eighths) // 8 for k, depth in (known or {}).items()}
        return enough | {k: min(enough[k], v) for k, v in few.items()}

    eighths = 8
    while not (kept := holds(now := cut(eighths))) and now != enough:
        eighths *= 4
    if not kept:
        return enough, state
    while eighths and not roomy and ((less := cut(eighths // 2)) == now or holds(less)):
        eighths, now = eighths // 2, less
    for name in skips:
        if roomy:
            few, grain = least - 1, max(1, now[name] // 12)
            while now[name] - few > grain:
                probe = (now[name] + few) // 2
                if holds(now | {name: probe}):
                    now[name] = probe
                else:
                    few = probe
            continue
        if holds(now | {name: least}):
            now[name] = least
            continue
        grain = GRAIN if now[name] > 4 * GRAIN else 1
        few, stride = least, grain
        now[name] = -(-now[name] // grain) * grain
        while now[name] - few > grain:  # down in growing strides, then by halves
            probe = max(now[name] - stride, few // grain * grain + grain)
            if holds(now | {name: probe}):
                now[name], stride = probe, 4 * stride
            else:
                few, stride = probe, max(1, (now[name] - probe) // 2 // grain) * grain
    return now, state
