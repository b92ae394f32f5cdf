# SPDX-License-Identifier: Apache-2.0
"""How long the features of a skip wait, estimated from how fast each operator is, without any hardware."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from rtl4ml.ir.graph import Graph
from rtl4ml.ir.late import skips
from rtl4ml.ir.op import Op
from rtl4ml.ir.reads import COLUMNS, ROWS, Reads
from rtl4ml.ir.types import Index, Stream

Times = NDArray[np.float64]  # (pixels of several frames,) when each is there, as a part of a frame's time

# Frames in a row: the second begins while the operators are busy with the first.
_FRAMES = 2
# Rows of the frames for which lags are reckoned, in rows of the deepest level: they are as long for all more.
_ROWS = 16


def rows_lagging(graph: Graph, speeds: Mapping[str, float], *, pixels: bool = True) -> dict[str, float]:
    """Name of every join to the rows of its skip that wait for it, where a source spreads its pixels evenly.

    speeds: operator name to the part of a frame's time for which it works on a frame, 0 to 1
    pixels: whether an operator that multiplies needs its time for a pixel once it has all that the pixel depends on;
            False: only that it makes none sooner than this after the one before

    An operator with all that pixel n depends on at r(n) makes it at t(n) = max(r(n), t(n - 1) + s), with s its time for
    a pixel: the recursion of a queue with one server of constant speed (Lindley, The theory of queues with a single
    server, 1952). What waits is at most the largest difference between the pixels that have come and those that have
    been read: the backlog of network calculus (Le Boudec and Thiran, Network Calculus, 2001, chapter 1).

    An operator that takes nearly all of a frame's time makes its rows evenly: of a pool's rows, which come in half of
    the time, the last pixel waits for as long again. Of the fourth U-Net student on 128 x 128, whose operators take all
    of it, 7.2, 25.8, 62 and 135 rows wait, where FIFOs sized by steps have 7.3, 25.5, 64 and 136, and by what depends
    on what alone they would have 5, 19, 47 and 103 (`lag.rows_waiting`).
    """
    known = skips(graph)
    if not known or len(graph.inputs) != 1 or len(graph.inputs[0].shape) < 3:
        return dict.fromkeys(known, 0.0)
    graph = _lower(graph)
    known = skips(graph)
    x = graph.inputs[0]
    made: dict[str, Times] = {x.name: (np.arange(_FRAMES * x.pixels) + 1) / x.pixels}
    found: dict[str, float] = {}
    for op in graph.ops:
        made[op.output.name] = _made(op, made, speeds[op.name], pixels=pixels)
        if op.name in known:
            skip = known[op.name]
            there = made[skip.name] if len(skip.shape) == 3 else np.zeros(0)
            read = np.arange(len(made[op.output.name]))
            waits = np.searchsorted(there, made[op.output.name], side="right") - read
            found[op.name] = max(0.0, float(waits.max()) / skip.hwc[1]) if len(there) == len(read) else 0.0
    return found


def _lower(graph: Graph) -> Graph:
    """The graph on frames of fewer rows, if it works on such."""
    rows, columns, _ = graph.inputs[0].hwc
    step = max(-(-rows // op.output.hwc[0]) for op in graph.ops if len(op.output.shape) == 3)
    if rows <= _ROWS * step:
        return graph
    return graph.resized(_ROWS * step, columns) or graph


def _last(reads: Reads, given: int) -> Index:
    """(positions of the output,) the last of `given` positions that each and all before it need; -1: none."""
    last: Index = np.maximum.accumulate(np.where(reads.inside(given), reads.at, -1).max(axis=1))
    return last


def _made(op: Op, made: Mapping[str, Times], speed: float, *, pixels: bool) -> Times:
    """When an operator makes the pixels of its output. made: by name, those of the streams that it reads."""
    h, w, _ = op.output.hwc
    ready = np.full((_FRAMES, h, w), -np.inf)
    busy = False
    for s, of_rows, of_columns in zip(op.inputs, op.reads(ROWS), op.reads(COLUMNS), strict=True):
        height, width, _ = s.hwc
        times = made[s.name]
        if s.pixels > h * w:  # a pool is as slow as it takes its input
            times, busy = _paced(times, speed / s.pixels), True
        rows, columns = _last(of_rows, height), _last(of_columns, width)
        there = times.reshape(_FRAMES, height, width)[:, np.maximum(rows, 0)][:, :, np.maximum(columns, 0)]
        there[:, rows < 0] = there[:, :, columns < 0] = -np.inf
        ready = np.maximum(ready, there)
    done: Times = np.maximum(ready.reshape(-1), 0.0)
    if busy:
        return done
    slot = speed / (h * w)
    return _paced(done + slot if pixels and op.macs else done, slot)


def _paced(ready: Times, slot: float) -> Times:
    """Times no less than `slot` apart, each as soon as it can be."""
    steps = slot * np.arange(len(ready))
    paced: Times = np.maximum.accumulate(ready - steps) + steps
    return paced


def held(graph: Graph, join: str, skip: Stream) -> Stream:
    """The stream of which what waits for a join waits: its skip, or what is narrower on a way that computes it late."""
    makers = graph.makers

    def before(s: Stream) -> set[str]:
        """All operators that a stream depends on."""
        found: set[str] = set()
        todo = [s.name]
        for name in todo:  # grows meanwhile
            if (op := makers.get(name)) is not None and op.name not in found:
                found.add(op.name)
                todo += [i.name for i in op.inputs]
        return found

    at = next(op for op in graph.ops if op.name == join)
    others = set().union(*(before(s) for s in at.inputs if s.name != skip.name))
    alone = [s for op in graph.ops if op.name in before(skip) - others for s in op.inputs]
    return min([skip, *alone], key=lambda s: s.elements * s.type.width)
