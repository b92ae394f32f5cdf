"""Cycles of a netlist, predicted from the timing of its cells alone: latency, interval, what FIFOs must hold.

Every cell performs numbered work slots, at most one a cycle (`netlist.Timing`). A slot waits for the slot before
it and for the beats that it needs; a beat is taken by the slot that first needs it, or, where a cell buffers, as
soon as there is room. `predict` steps through the cycles of the netlist on these rules, without any data, until the
frames come at a steady pace; of netlists too large for that it solves the same rules as equations over maxima and
sums, where no cell waits for room behind it. `occupancy` always does the latter: what piles up if nobody waits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rtl4ml.netlist import Cell, Index, Netlist, Timing

# Registers at the AXI4-Stream edges, as the headers of r4_axis_in and r4_axis_out state.
EDGE_IN = 1
EDGE_OUT = 1


@dataclass(frozen=True)
class Cycles:
    """Latency and interval in cycles (design contract), and the interval that each cell alone would have."""

    latency: int
    interval: int
    cells: dict[str, int]
    bottleneck: str


def _running(at_least: Index, start: int) -> Index:
    """Times of slots that come at least one cycle apart, none before `at_least`, the first not before `start`."""
    k = np.arange(len(at_least))
    first = np.maximum.accumulate(np.maximum(at_least - k, start))
    return np.asarray(first + k)


@dataclass
class _State:
    """Where a cell stands between two frames."""

    slot: int = 0  # earliest cycle of the next slot
    take: int = 0  # earliest cycle in which the next beat can be taken
    room: Index | None = None  # times at which the last `depth` beats were given back


def _frame(
    cell: Cell, t: Timing, offered: dict[str, Index], state: _State, room: Index | None
) -> tuple[Index, dict[str, Index]]:
    """(times of the slots, times when each input's beats were taken) of one frame."""
    at_least = np.zeros(t.slots, np.int64)
    taken: dict[str, Index] = {}
    for (port, w), need in zip(cell.inputs.items(), t.need, strict=True):
        arrive = offered[w.name]
        if t.wait:  # a buffering cell takes beats by itself
            taken[port] = _running(arrive if room is None else np.maximum(arrive, room), state.take)
            arrive = taken[port] + t.wait
        seen = need if t.peek is None else np.maximum(need, t.peek)
        at_least = np.maximum(at_least, np.where(seen > 0, arrive[np.maximum(seen, 1) - 1], 0))
    slots = _running(at_least, state.slot)
    if not t.wait:
        for (port, w), need in zip(cell.inputs.items(), t.need, strict=True):
            beat = np.arange(1, w.beats + 1)
            by = np.searchsorted(need, beat, side="right") - 1 if t.hold else np.searchsorted(need, beat)
            taken[port] = slots[np.minimum(by, t.slots - 1)]
    return slots, taken


def _cell(
    cell: Cell, t: Timing, offered: dict[str, Index], state: _State, bounded: bool
) -> tuple[Index, dict[str, Index]]:
    """One frame through one cell; `bounded` rings take a beat only when there is room."""
    if t.free is None or not bounded:
        slots, taken = _frame(cell, t, offered, state, None)
    else:
        # Beat i finds room once beat i - depth was given back, of this frame or an earlier one. Solved by
        # repetition: every round can only move times up, and a round without change is the solution.
        beats = cell.x.beats
        past = np.zeros(t.depth, np.int64) if state.room is None else state.room
        gone = np.minimum(np.searchsorted(t.free, np.arange(1, beats + 1)), t.slots - 1)
        slots, taken = _frame(cell, t, offered, state, past[:beats] if beats <= t.depth else None)
        while True:
            given = np.concatenate([past, slots[gone] + 1])
            before = taken["x"]
            slots, taken = _frame(cell, t, offered, state, given[:beats])
            if np.array_equal(before, taken["x"]):
                break
        state.room = np.concatenate([past, slots[gone] + 1])[-t.depth :]
        state.take = int(taken["x"][-1]) + 1
    if not bounded and t.wait:
        state.take = int(taken["x"][-1]) + 1
    state.slot = int(slots[-1]) + 1
    return slots, taken


def _run(netlist: Netlist, frames: int, bounded: bool) -> tuple[list[int], dict[str, tuple[Index, Index]]]:
    """Times of the last output beat of every frame; per buffering cell the times of takes and gives."""
    timings = {c.name: c.timing() for c in netlist.cells}
    states = {c.name: _State() for c in netlist.cells}
    pace = max([netlist.input.beats, *(t.slots for t in timings.values())])
    last = []
    takes: dict[str, list[Index]] = {}
    gives: dict[str, list[Index]] = {}
    for f in range(frames):
        # The source offers a frame as early as it can be of use at the steady interval.
        offered = {netlist.input.name: np.arange(netlist.input.beats) + EDGE_IN + f * pace}
        consumed: dict[str, Index] = {}
        for cell in netlist.cells:
            slots, taken = _cell(cell, timings[cell.name], offered, states[cell.name], bounded)
            for port, w in cell.inputs.items():
                consumed[w.name] = taken[port]
            for (_, w), emit in zip(cell.outputs.items(), timings[cell.name].emit, strict=True):
                offered[w.name] = slots[emit] + timings[cell.name].latency
        last.append(int(offered[netlist.output.name][-1]) + EDGE_OUT)
        consumed.setdefault(netlist.output.name, offered[netlist.output.name])
        for cell in netlist.cells:
            if cell.module == "r4_fifo":
                takes.setdefault(cell.name, []).append(consumed[cell.x.name])
                gives.setdefault(cell.name, []).append(consumed[cell.y.name])
    return last, {k: (np.concatenate(takes[k]), np.concatenate(gives[k])) for k in takes}


# Cell cycles up to which the netlist is stepped through: some seconds.
STEPS = 4_000_000


def predict(netlist: Netlist) -> Cycles:
    """Latency of the first frame after reset and the steady interval, no stalls outside, from the cells' timing."""
    work = {c.name: c.timing().slots for c in netlist.cells}
    work["s_axis"] = netlist.input.beats
    bottleneck = max(work, key=lambda k: work[k])
    if 6 * work[bottleneck] * len(netlist.cells) <= STEPS:
        latency, interval = _step(netlist)
        return Cycles(latency, interval, work, bottleneck)
    last, _ = _run(netlist, 1, bounded=True)
    return Cycles(last[0], work[bottleneck], work, bottleneck)


class _Stepped:
    """A cell while the netlist is stepped through."""

    def __init__(self, inputs: list[str], outputs: list[str], t: Timing) -> None:
        self.inputs, self.outputs, self.t = inputs, outputs, t
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
        # Valid bits of the pipeline behind each output, the offered beat last.
        self.pipe = [[False] * max(1, t.latency) for _ in outputs]
        # Buffering cells: beats taken and given back of the present frame of the reader.
        self.taken = self.given = 0
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
            return [self.taken > self.k]
        return [p[-1] for p in self.pipe]


def _step(netlist: Netlist) -> tuple[int, int]:
    """(latency, interval) by stepping through the cycles; see `_Stepped`."""
    k_in = np.arange(netlist.input.beats)
    edge_in = Timing(netlist.input.beats, (k_in + 1,), (k_in,), latency=0, wait=1, free=k_in + 1, depth=2)
    edge_out = Timing.passing(netlist.output.beats, EDGE_OUT)
    cells = [_Stepped(["s_axis"], [netlist.input.name], edge_in)]
    for c in netlist.cells:
        cells.append(
            _Stepped([w.name for w in c.inputs.values()], [w.name for w in c.outputs.values()], c.timing())
        )
    cells.append(_Stepped([netlist.output.name], ["m_axis"], edge_out))
    backwards = cells[::-1]
    pace = max(c.slots for c in cells)
    valid: dict[str, bool] = {"s_axis": True}
    ready: dict[str, bool] = {"m_axis": True}
    ends: list[int] = []
    beats = 0
    limit = 40 * pace + 4 * sum(c.slots for c in cells)
    for cycle in range(limit):
        for cell in cells:
            for name, v in zip(cell.outputs, cell.offers(), strict=True):
                valid[name] = v
        if valid["m_axis"]:
            beats += 1
            if beats % netlist.output.beats == 0:
                ends.append(cycle)
                gaps = np.diff(ends)
                if len(gaps) >= 3 and gaps[-1] == gaps[-2] == gaps[-3]:
                    break
        for cell in backwards:
            _advance(cell, valid, ready)
    else:
        raise RuntimeError(f"{netlist.graph.name}: the netlist stands still after {len(ends)} frames")
    return ends[0], int(ends[-1] - ends[-2])


def _advance(c: _Stepped, valid: dict[str, bool], ready: dict[str, bool]) -> None:
    """One cycle of a cell: sets `ready` of its inputs, moves its slots and pipelines."""
    t = c.t
    if c.free is not None:
        x = c.inputs[0]
        ready[x] = c.taken - c.given < t.depth
        before = c.taken
        if ready[x] and valid[x]:
            c.taken += 1
        if c.fifo:
            if before > c.k and ready[c.outputs[0]]:
                c.k += 1
                c.given += 1
                if c.k == c.slots:
                    c.k, c.taken, c.given = 0, c.taken - c.beats, c.given - c.beats
            return
        en = ready[c.outputs[0]] or not c.pipe[0][-1]
        if not en:
            return
        go = before >= c.need[0][c.k]
        pipe = c.pipe[0]
        pipe.insert(0, go and c.emits[0][c.k])
        pipe.pop()
        if go:
            c.given = c.free[c.k]
            c.k += 1
            if c.k == c.slots:
                c.k, c.taken, c.given = 0, c.taken - c.beats, 0
        return
    k = c.k
    en = all(ready[o] or not p[-1] for o, p in zip(c.outputs, c.pipe, strict=True))
    here = all(valid[x] for x, need in zip(c.inputs, c.needs_offer(k), strict=True) if need)
    go = en and here
    for i, x in enumerate(c.inputs):
        ready[x] = go and c.takes[i][k]
    if en:
        for i, p in enumerate(c.pipe):
            p.insert(0, go and c.emits[i][k])
            p.pop()
    if go:
        c.k = (k + 1) % c.slots


def occupancy(netlist: Netlist, *, frames: int = 4) -> dict[str, int]:
    """Beats that each FIFO holds at most when nothing ever waits for room: FIFO name to depth."""
    _, times = _run(netlist, frames, bounded=False)
    out = {}
    for name, (take, give) in times.items():
        # A beat taken in cycle a and given in cycle b is held in cycles a + 1 .. b.
        given_before = np.searchsorted(give, take, side="left")
        out[name] = int((np.arange(1, len(take) + 1) - given_before).max())
    return out
