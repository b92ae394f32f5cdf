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

# The first frame is stepped through up to this many times `sizing.ANALYSED` cell cycles.
STEPPED = 20


def predict(netlist: Netlist) -> Cycles:
    """Latency of the first frame after reset and the steady interval, without stalls at the edges.

    A netlist too large to be stepped through is extrapolated from two of narrower frames (`sizing.narrower`): its
    interval is that of its slowest cell, times what the interval of the wider one is to that one's slowest cell. Its
    first frame is stepped through if it is not too large, else the time to fill the pipeline is linear in the width.

    Raises UnsupportedLayer where no frame comes out.
    """
    work = {c.name: c.slots for c in netlist.cells}
    work |= {port: w.beats for port, w in zip(netlist.sources, netlist.inputs, strict=True)}
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
                return Cycles(
                    first.ends[0], interval, work, bottleneck,
                    observed=b.observed, narrower=narrow, outputs=_each(first.firsts),
                )  # fmt: skip

        def wider(latency1: int, latency2: int) -> int:
            fill1, fill2 = (n - max(of.cells.values()) for n, of in ((latency1, a), (latency2, b)))
            return interval + fill1 + (fill2 - fill1) * (w - w1) // (w2 - w1)

        return Cycles(
            wider(a.latency, b.latency), interval, work, bottleneck, observed=b.observed, narrower=narrow,
            outputs=tuple(wider(c, d) for c, d in zip(a.outputs, b.outputs, strict=True)),
        )  # fmt: skip
    stepper = Stepper(netlist)
    steps = first = stepper.run(frames=1 if netlist.settled is not None else searched(work))
    if netlist.settled is not None and first.ends:
        steps = stepper.run(start=netlist.settled)
        # The steady state may depend on the initial state. Unless it is as fast as the slowest cell, only the one that
        # follows a reset counts.
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
        outputs=_each(first.firsts),
    )


def _each(latencies: tuple[int, ...]) -> tuple[int, ...]:
    """Of several outputs the latency of each."""
    return latencies if len(latencies) > 1 else ()


# Cell cycles within which a repetition is searched for, about a second; in larger netlists `stepper.FRAMES` frames.
_SEARCHED = 150_000_000
# Most frames of that search.
_MOST = 2**16


def searched(work: Mapping[str, int]) -> int:
    """Frames within which a repetition is searched for. work: slots a frame of the netlist's cells."""
    return max(FRAMES, min(_MOST, _SEARCHED // (max(work.values()) * len(work))))


def frame_ends(netlist: Netlist, frames: int) -> NDArray[np.int64]:
    """(frames,) cycles in which the last output beats of the first frames after reset are offered, exactly.

    The input always offers, the output always takes; cycle 0 takes the first input beat. Frames are stepped through up
    to the first repetition, or all of them where there is none.
    Raises UnsupportedLayer where fewer frames come out.
    """
    if frames < 1:
        return np.zeros(0, np.int64)
    ends = Stepper(netlist).run(frames=frames).until(frames)
    if len(ends) < frames:
        raise stands_still(netlist)
    return ends


def unsettled(netlist: Netlist, intervals: NDArray[np.integer[Any]]) -> bool:
    """Whether a simulation from reset had too few frames to measure the steady interval.

    intervals: (N,), cycles between the last output beats of consecutive frames of the RTL, its input always offered

    It had if every frame ended as predicted, and the predicted repetition begins in the second half of the frames, or
    occurs less than twice in it.
    """
    count = len(intervals)
    steps = Stepper(netlist).run(frames=count + 1)
    start = len(steps.ends) - 1 - steps.period if steps.period else count
    few = start > count // 2 or 2 * len(steps.gaps) > count - count // 2
    return few and np.array_equal(np.diff(steps.until(count + 1)), intervals)
