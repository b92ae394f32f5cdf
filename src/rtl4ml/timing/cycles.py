# SPDX-License-Identifier: Apache-2.0
"""Latency and interval of a netlist, predicted from the timing of its cells alone."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml.measurements import Cycles
from rtl4ml.netlist.netlist import Netlist
from rtl4ml.timing import sizing
from rtl4ml.timing.depths import stands_still
from rtl4ml.timing.stepper import FRAMES, Stepper

# Times as large as what is analysed may be a netlist of which the first frame is stepped through.
STEPPED = 20


def predict(netlist: Netlist) -> Cycles:
    """Latency of the first frame after reset and the steady interval, no stalls outside, from the cells' timing.

    Those of a netlist too large to be stepped through follow from two of narrower frames (`sizing.narrower`): the
    interval is that of the slowest cell, if it is so there; the first frame is stepped through where it is not too
    large for that either, else the time to fill the pipeline is taken as linear in the width.

    Raises UnsupportedLayer where no frame comes out.
    """
    work = {c.name: c.slots for c in netlist.cells}
    work["s_axis"] = netlist.input.beats
    bottleneck = max(work, key=lambda k: work[k])
    if (pair := sizing.narrower(netlist)) is not None:
        with ThreadPoolExecutor(2) as pool:  # the stepper leaves the interpreter to others
            a, b = pool.map(predict, pair)
        w1, w2, w = (n.graph.inputs[0].hwc[1] for n in (*pair, netlist))
        narrow = tuple(n.graph.inputs[0].hwc[:2] for n in pair)
        interval = round(work[bottleneck] * Fraction(b.interval) / max(b.cells.values()))
        if work[bottleneck] * len(netlist.cells) <= STEPPED * sizing.ANALYSED:
            first = Stepper(netlist).run(frames=1)
            if first.ends:
                return Cycles(first.ends[0], interval, work, bottleneck, observed=b.observed, narrower=narrow)
        fill1, fill2 = (n.latency - max(n.cells.values()) for n in (a, b))
        latency = interval + fill1 + (fill2 - fill1) * (w - w1) // (w2 - w1)
        return Cycles(latency, interval, work, bottleneck, observed=b.observed, narrower=narrow)
    stepper = Stepper(netlist)
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
    ends = Stepper(netlist).run(frames=frames).until(frames)
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
    steps = Stepper(netlist).run(frames=count + 1)
    start = len(steps.ends) - 1 - steps.period if steps.period else count
    few = start > count // 2 or 2 * len(steps.gaps) > count - count // 2
    return few and np.array_equal(np.diff(steps.until(count + 1)), intervals)
