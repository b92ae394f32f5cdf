# SPDX-License-Identifier: Apache-2.0
"""Latency and interval of a netlist, predicted from the timing of its cells alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml.measurements import Cycles
from rtl4ml.netlist.netlist import Netlist
from rtl4ml.timing import sizing
from rtl4ml.timing.depths import stands_still
from rtl4ml.timing.first_frames import first_frames
from rtl4ml.timing.steady import steady, work
from rtl4ml.timing.stepper import Stepper, Steps


def predict(netlist: Netlist) -> Cycles:
    """Latency of the first frame after reset and the steady interval, without stalls at the edges.

    A netlist too large to be stepped through until its state repeats is extrapolated from two of narrower frames
    (`sizing.narrower`): its interval is that of its slowest cell, times what the interval of the wider one is to that
    one's slowest cell. Its first frames are stepped through if they are not too large, and come as those of the
    narrower one do, or the interval is what they show. Else the time to fill the pipeline is linear in the width.

    Raises UnsupportedLayer where no frame comes out.
    """
    cells = work(netlist)
    bottleneck = max(cells, key=lambda k: cells[k])
    if (pair := sizing.narrower(netlist)) is not None:
        return _extrapolated(netlist, pair, cells, bottleneck)
    first, steps = steady(netlist)
    return Cycles(
        first.ends[0],
        steps.interval,
        cells,
        bottleneck,
        gaps=steps.gaps if steps.period and len(steps.gaps) > 1 else (),
        observed=steps.observed,
        outputs=_each(first.firsts),
    )


def _extrapolated(
    netlist: Netlist, pair: tuple[Netlist, Netlist], cells: dict[str, int], bottleneck: str
) -> Cycles:
    """The cycles of a large netlist, from two of narrower frames and its own first ones."""
    example = sizing.example(netlist)
    interval = example.wider(cells[bottleneck])
    narrow = tuple(n.graph.inputs[0].hwc[:2] for n in pair)
    if (first := netlist.started or first_frames(netlist)) is not None:
        if len(first.ends) < 2:
            raise stands_still(netlist)
        known = Cycles(first.ends[0], interval, cells, bottleneck, outputs=_each(first.firsts))
        if not first.period and example.meets(first, cells[bottleneck]):
            return replace(known, observed=example.observed, narrower=narrow, stepped=len(first.ends))
        steps = Steps(first.ends, {}, period=first.period)
        repeated = steps.gaps if steps.period and len(steps.gaps) > 1 else ()
        return replace(known, interval=steps.interval, gaps=repeated, observed=steps.observed)
    w1, w2, w = (n.graph.inputs[0].hwc[1] for n in (*pair, netlist))
    a, b = map(predict, pair)

    def wider(latency1: int, latency2: int) -> int:
        fill1, fill2 = (n - max(of.cells.values()) for n, of in ((latency1, a), (latency2, b)))
        return interval + fill1 + (fill2 - fill1) * (w - w1) // (w2 - w1)

    return Cycles(
        wider(a.latency, b.latency), interval, cells, bottleneck, observed=example.observed, narrower=narrow,
        outputs=tuple(wider(c, d) for c, d in zip(a.outputs, b.outputs, strict=True)),
    )  # fmt: skip


def _each(latencies: tuple[int, ...]) -> tuple[int, ...]:
    """Of several outputs the latency of each."""
    return latencies if len(latencies) > 1 else ()


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
