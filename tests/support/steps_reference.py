# SPDX-License-Identifier: Apache-2.0
"""The rules of `netlist.Timing`, stepped through in plain Python: what the compiled stepper is held against."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rtl4ml.cells.axis import edges
from rtl4ml.cells.streams import Fifo
from rtl4ml.netlist.netlist import Cell, Netlist, Timing


class _Stepped:
    """A cell while the netlist is stepped through."""

    def __init__(self, inputs: list[str], outputs: list[str], t: Timing, cell: Cell | None = None) -> None:
        self.inputs, self.outputs, self.t = inputs, outputs, t
        # Whether it runs freely, and what it reads too; a FIFO: beats that may still come once it is not ready.
        self.runs = cell is not None and cell.y.flight > 0
        self.fed = cell is not None and cell.x.flight > 0
        self.slack = cell.slack if isinstance(cell, Fifo) else 0
        self.slots = t.slots
        self.need = [n.tolist() for n in t.need]
        self.emits: list[list[bool]] = []
        for e in t.emit:
            flags = np.zeros(t.slots, bool)
            flags[e] = True
            self.emits.append(flags.tolist())
        # Whether slot k takes a beat: at the first slot that needs it, or, where it is held, at the last.
        self.takes = []
        for n in t.need:
            edge = np.diff(n, append=n[-1] + 1) > 0 if t.hold else np.diff(n, prepend=0) > 0
            self.takes.append(edge.tolist())
        self.peeks = [(np.zeros(t.slots, bool) if t.peek is None else t.peek > n).tolist() for n in t.need]
        self.free = None if t.free is None else t.free.tolist()
        self.k = 0
        # Whether the first slots of a frame make the beats of the last ones of the frame before.
        self.joined = False
        # Valid bits of the pipeline behind each output, the offered beat last.
        self.pipe = [[False] * max(1, t.latency) for _ in outputs]
        # A fork: which output has had the beat that still stands at the input.
        self.fork = len(outputs) > 1
        self.done = [False] * len(outputs)
        # Buffering cells: beats taken and given back of the present frame of the reader.
        self.taken = self.given = 0
        # Beats that a FIFO took too short a time ago to offer them.
        self.young = 0
        self.beats = int(t.need[0][-1]) if t.free is None else int(t.free[-1])

    def needs_offer(self, k: int) -> list[bool]:
        """Per input, whether slot k needs a beat to be there."""
        if self.t.hold:
            return [True] * len(self.inputs)
        return [take[k] or peeks[k] for take, peeks in zip(self.takes, self.peeks, strict=True)]

    @property
    def fifo(self) -> bool:
        return self.free is not None and self.t.latency == 0

    def offers(self) -> list[bool]:
        if self.fifo:
            return [self.taken - self.young > self.k]
        return [p[-1] for p in self.pipe]


def step(netlist: Netlist, limit: int = 100_000) -> tuple[int, int]:
    """(latency, interval) by stepping through the cycles, `limit` at most; see `_Stepped`."""
    ends: list[int] = []
    for end in frame_ends(netlist, limit):
        ends.append(end)
        gaps = np.diff(ends)
        if len(gaps) >= 3 and gaps[-1] == gaps[-2] == gaps[-3]:
            return ends[0], int(gaps[-1])
    raise RuntimeError(f"{netlist.graph.name}: the netlist stands still after {len(ends)} frames")


def frame_ends(netlist: Netlist, limit: int, taken_from: dict[str, list[int]] | None = None) -> Iterator[int]:
    """Cycles in which the last beats of the frames come out, by stepping through `limit` cycles; see `_Stepped`.

    taken_from: gets the cycles in which a beat is taken from every wire, those of the ports' streams by their names
    """
    into, out = edges(netlist)
    cells = [_Stepped([c.port], [c.y.name], c.timing()) for c in into]
    for c in netlist.cells:
        cells.append(
            _Stepped([w.name for w in c.inputs.values()], [w.name for w in c.outputs.values()], c.timing(), c)
        )
    cells += [_Stepped([c.x.name], [c.port], c.timing()) for c in out]
    backwards = cells[::-1]
    valid: dict[str, bool] = {c.port: True for c in into}
    ready: dict[str, bool] = {c.port: True for c in out}
    beats = [0] * len(out)
    done = 0
    taken: list[list[int]] = [[] for _ in into]  # cycles in which each input took the last beats of frames
    count = [0] * len(into)
    for cycle in range(limit):
        for cell in cells:
            if cell.fork:
                for i, name in enumerate(cell.outputs):
                    valid[name] = valid[cell.inputs[0]] and not cell.done[i]
                continue
            for name, v in zip(cell.outputs, cell.offers(), strict=True):
                valid[name] = v
        # r4_axis_out holds a frame's last beat until its flags are there, two cycles after the frame's last input beat.
        for k, (sink, origins) in enumerate(zip(out, netlist.origins, strict=True)):
            frame, rest = divmod(beats[k], sink.x.beats)
            flagged = all(frame < len(taken[i]) and taken[i][frame] + 2 <= cycle for i in origins)
            ready[sink.port] = flagged or not valid[sink.port] or rest < sink.x.beats - 1
            left = valid[sink.port] and ready[sink.port]
            beats[k] += left
            if left and taken_from is not None:
                taken_from.setdefault(sink.port, []).append(cycle)
        if min(b // sink.x.beats for b, sink in zip(beats, out, strict=True)) > done:
            done += 1
            yield cycle
        for cell in backwards:
            _advance(cell, valid, ready)
        if taken_from is not None:
            for cell in cells:
                for x in cell.inputs:
                    if valid[x] and (ready[x] or cell.fed):
                        taken_from.setdefault(x, []).append(cycle)
        for k, source in enumerate(into):
            count[k] += ready[source.port] and valid[source.port]
            if count[k] == source.y.beats * (len(taken[k]) + 1):
                taken[k].append(cycle)


def _advance(c: _Stepped, valid: dict[str, bool], ready: dict[str, bool]) -> None:
    """One cycle of a cell: sets `ready` of its inputs, moves its slots and pipelines."""
    t = c.t
    if c.fork and c.runs:
        ready[c.inputs[0]] = all(ready[o] for o in c.outputs)
        return
    if c.fork:
        had = [d or ready[o] for d, o in zip(c.done, c.outputs, strict=True)]
        ready[c.inputs[0]] = all(had)
        if valid[c.inputs[0]]:
            c.done = [h and not all(had) for h in had]
        return
    if c.free is not None:
        x = c.inputs[0]
        ready[x] = c.taken - c.given < t.depth - c.slack
        before, old = c.taken, c.taken - c.young
        if valid[x] and (ready[x] or c.fed):
            assert c.taken - c.given < t.depth
            c.taken += 1
        if c.fifo:
            c.young = c.taken - before if t.wait == 2 else 0
            if old > c.k and ready[c.outputs[0]]:
                c.k += 1
                c.given += 1
                if c.k == c.slots:
                    c.k, c.taken, c.given = 0, c.taken - c.beats, c.given - c.beats
            return
        en = ready[c.outputs[0]] or not c.pipe[0][-1]
        if not en:
            return
        # A slot that needs none of its frame does not wait for the rest of the frame before, which no slot needed.
        go = c.need[0][c.k] == 0 or before >= c.need[0][c.k]
        pipe = c.pipe[0]
        pipe.insert(
            0, go and (c.emits[0][c.k] or (c.joined and c.k < t.behind and c.emits[0][c.k - t.behind]))
        )
        pipe.pop()
        if go:
            c.given = c.free[c.k]
            c.k += 1
            joins = t.behind and c.k == c.slots - t.behind and before - c.beats >= c.need[0][t.behind - 1]
            if joins or c.k == c.slots:
                c.k, c.taken, c.given, c.joined = 0, c.taken - c.beats, 0, bool(joins)
        return
    k = c.k
    en = c.runs or all(ready[o] or not p[-1] for o, p in zip(c.outputs, c.pipe, strict=True))
    here = all(valid[x] for x, need in zip(c.inputs, c.needs_offer(k), strict=True) if need)
    if c.fed and valid[c.inputs[0]]:
        assert c.takes[0][k], "a cell that runs freely takes what it is offered"
    go = en and here and (c.fed or not c.runs or ready[c.outputs[0]])
    for i, x in enumerate(c.inputs):
        ready[x] = ready[c.outputs[0]] if c.fed and c.runs else go and c.takes[i][k]
    if en:
        for i, p in enumerate(c.pipe):
            p.insert(0, go and c.emits[i][k])
            p.pop()
    if go:
        c.k = (k + 1) % c.slots
