# SPDX-License-Identifier: Apache-2.0
"""Steps through the cycles of a netlist in compiled code: `sim/cycles.cpp`, compiled once and kept in the cache."""

from __future__ import annotations

import ctypes
import hashlib
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml.cells.axis import edges
from rtl4ml.cells.streams import Fifo
from rtl4ml.errors import EnvironmentProblem, UnsupportedLayer
from rtl4ml.host import cache, processes
from rtl4ml.host.tools import require
from rtl4ml.netlist.netlist import Netlist, Timing, TimingKind
from rtl4ml.paces import mean, shortest

State = NDArray[np.int64]

# Frames whose final states are all kept to find a repetition; of later frames one state at a time is kept.
FRAMES = 48
# Depth of an endless FIFO: more beats than any ever holds.
ENDLESS = 2**40
# Greatest latency of a cell: the stepper keeps its pipeline in a word of as many bits.
_DEEPEST = 64
# The flag of a slot that makes a beat (kEmits in cycles.cpp); twice as much is kJoins.
_EMITS = 16
_FLAGS = ("-O3", "-std=gnu++17", "-shared", "-fPIC")


class _Cell(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int32) for name in ("kind", "inputs", "outputs", "latency")),
        ("source", ctypes.c_int32 * 2),
        ("sink", ctypes.c_int32 * 2),
        *((name, ctypes.c_int32) for name in ("free_in", "free_out")),
        *((name, ctypes.c_int64) for name in ("wait", "slack", "slots", "depth", "beats")),
        *((name, ctypes.c_int64) for name in ("runs", "behind", "ahead", "group", "pace")),
        *((name, ctypes.c_void_p) for name in ("end", "flags", "need", "free")),
    ]


@dataclass(frozen=True)
class Steps:
    """The result of a run.

    ends:   cycle of every frame's last output beat, of several outputs the last of them
    firsts: of every output, the cycle of the first frame's last beat; -1 where there was none
    peaks:  FIFO name to the depth with which it would have taken every beat when it did
    state:  state of all cells at the end of the last frame that was stepped through; None if no frame came out
    period: frames after which that state repeated an earlier one, or one that differs only in endless FIFOs that hold
            fewer beats; 0 if it did not

    Steps((30, 33, 37, 40, 44), peaks, state, period=2): frames come 3 and 4 cycles apart in turn, gaps (3, 4), so the
    interval is 7/2 and until(7) goes on with 47 and 51. Without a period the interval would be 4, the longest of the
    last quarter.
    """

    ends: tuple[int, ...]
    peaks: Mapping[str, int]
    state: State | None = None
    period: int = 0
    firsts: tuple[int, ...] = ()

    @property
    def steady(self) -> bool:
        """Whether the steady state is reached: a state was repeated, or the end of a long run has one interval.

        The latter is the case while a deep FIFO still fills.
        """
        return self.period > 0 or (len(self.ends) >= FRAMES and len(set(self.gaps)) == 1)

    @property
    def gaps(self) -> tuple[int, ...]:
        """Cycles between frames: the shortest repeating part; without a repetition those of the last quarter."""
        gaps = np.diff(self.ends)
        if not len(gaps):
            return ()
        if self.period:
            return shortest(gaps[-self.period :])
        return tuple(gaps[-max(1, len(gaps) // 4) :].tolist())

    @property
    def interval(self) -> int | Fraction:
        """The mean of the repeating gaps; without a repetition the longest of the last quarter."""
        return mean(self.gaps) if self.period else max(self.gaps)

    @property
    def observed(self) -> tuple[int, int] | None:
        """The frames between which the interval is the longest of the gaps; None: a state was repeated."""
        last = len(self.ends)
        return None if self.period else (last - len(self.gaps), last)

    def until(self, frames: int) -> NDArray[np.int64]:
        """(frames,) ends of that many frames, continued by the repetition; fewer where there is none."""
        ends = np.array(self.ends[:frames], np.int64)
        if not self.period or frames <= len(ends):
            return ends
        gaps = np.resize(np.diff(self.ends)[-self.period :], frames - len(ends))
        return np.concatenate([ends, ends[-1] + np.cumsum(gaps)])


class Stepper:
    """A netlist between its AXI4-Stream edges, ready to be stepped through.

    fifos: name to number of all cells that are FIFOs, those of the inputs too, whose names are those of their ports
    made:  name to cell of the netlist's own FIFOs
    """

    def __init__(self, netlist: Netlist) -> None:
        into, out = edges(netlist)
        self._keep: list[NDArray[Any]] = []
        # The streams outside the edges: no wire can have these names, which are no identifiers.
        self._wires = {f"{c.port}.": k for k, c in enumerate(into)}
        self._inputs, self._outputs = len(into), len(out)
        self._carried = {w.name: w for c in netlist.cells for w in (*c.inputs.values(), *c.outputs.values())}
        self._carried |= {w.name: w for w in (*netlist.inputs, *netlist.outputs)}
        self._edges = {f"{c.port}.": c.y.beats for c in into} | {f"{c.port}.": c.x.beats for c in out}
        # The timing of all cells of a large frame at once would take gigabytes: it is asked for cell by cell.
        slots: list[int] = []
        cells: list[_Cell] = []
        for source in into:
            slots.append(source.timing().slots)
            cells.append(self._cell(source.port, source.timing(), [f"{source.port}."], [source.y.name]))
        for c in netlist.cells:
            ins, outs = ([w.name for w in p.values()] for p in (c.inputs, c.outputs))
            timing = c.timing()
            slots.append(timing.slots - timing.behind)
            made = self._cell(c.name, timing, ins, outs)
            made.free_in, made.free_out = c.x.flight > 0, c.y.flight > 0
            made.slack = c.slack if isinstance(c, Fifo) else 0
            cells.append(made)
        sinks: list[int] = []
        for sink, of in zip(out, netlist.origins, strict=True):
            slots.append(sink.timing().slots)
            cells.append(self._cell(sink.port, sink.timing(), [sink.x.name], [f"{sink.port}."]))
            sinks += [self._wires[f"{sink.port}."], sink.x.beats, len(of), *of]
        self._sinks = np.array(sinks, np.int64)
        self._pairs = sum(len(of) for of in netlist.origins)
        self._cells = (_Cell * len(cells))(*cells)
        names = [*(c.port for c in into), *(c.name for c in netlist.cells), *(c.port for c in out)]
        self.made = {c.name: c for c in netlist.cells if isinstance(c, Fifo)}
        self.fifos = {name: i for i, name in enumerate(names) if self._cells[i].kind == TimingKind.FIFO}
        self.pace = max(slots)  # no netlist has a shorter interval
        # Cycles that a frame takes at most, in which it passes one cell after the other.
        self._longest = 2 * sum(slots) + _DEEPEST * len(slots) + sum(c.wait for c in cells)

    def _wire(self, name: str) -> int:
        return self._wires.setdefault(name, len(self._wires))

    def _array(self, a: NDArray[Any], dtype: type[np.generic]) -> int:
        made = np.ascontiguousarray(a, dtype)
        self._keep.append(made)
        return int(made.ctypes.data)

    def _cell(self, name: str, t: Timing, ins: list[str], outs: list[str]) -> _Cell:
        c = _Cell(inputs=len(ins), outputs=len(outs), latency=max(1, t.latency), slots=t.slots, depth=t.depth)
        c.wait, c.group, c.pace = t.wait, t.group, t.pace
        if t.latency > _DEEPEST:
            raise UnsupportedLayer(
                f"{name}: a cell must take at most {_DEEPEST} cycles from its input to its output, not {t.latency}; "
                f"fold the layer more: do fewer of its products at once"
            )
        for k, w in enumerate(ins):
            c.source[k] = self._wire(w)
        for k, w in enumerate(outs):
            c.sink[k] = self._wire(w)
        c.kind = t.kind
        if t.kind is TimingKind.RING:
            assert t.free is not None
            c.beats = int(t.free[-1])
            emits = np.zeros(t.slots, np.uint8)
            emits[t.emit[0]] = _EMITS
            emits[: t.behind] |= 2 * emits[t.slots - t.behind :][: t.behind]
            starts = self._runs(c, t.need[0], t.free, emits)
            c.flags = self._array(emits[starts], np.uint8)
            c.behind = t.behind
            c.ahead = c.beats + int(t.need[0][t.behind - 1]) if t.behind else 0
            c.need = self._array(t.need[0][starts], np.int32)
            c.free = self._array(t.free[starts], np.int32)
        elif t.kind is TimingKind.PLAIN:
            flags = np.zeros(t.slots, np.uint8)
            for k, n in enumerate(t.need):
                takes = np.diff(n, append=n[-1] + 1) > 0 if t.hold else np.diff(n, prepend=0) > 0
                waits = (
                    np.ones(t.slots, bool) if t.hold else takes if t.peek is None else takes | (t.peek > n)
                )
                flags |= (takes.astype(np.uint8) << k) | (waits.astype(np.uint8) << (2 + k))
            flags[t.emit[0]] |= _EMITS
            # The flags are all that the stepper needs of a slot of a plain cell, so repeated parts are left out.
            flags = flags[: _period(flags)]
            c.slots = len(flags)
            c.flags = self._array(flags[self._runs(c, flags)], np.uint8)
        return c

    def _runs(self, c: _Cell, *by_slot: NDArray[Any]) -> NDArray[np.intp]:
        """Run-length coding of slots: sets the ends of runs of equal slots, returns their starts."""
        change = np.zeros(len(by_slot[0]), bool)
        change[0] = True
        for a in by_slot:
            change[1:] |= a[1:] != a[:-1]
        starts = np.flatnonzero(change)
        c.runs = len(starts)
        c.end = self._array(np.append(starts[1:], len(change)), np.int32)
        return starts

    def run(
        self,
        *,
        frames: int = FRAMES,
        depths: Mapping[str, int] | None = None,
        pace: int | Fraction = 0,
        start: State | None = None,
    ) -> Steps:
        """Steps until a frame ends in a state that repeats an earlier one (`Steps.period`), `frames` are out, or the
        netlist deadlocks.

        depths: FIFO name to depth, where it differs from the netlist's
        pace:   cycles over which the source spreads a frame's beats; 0: it always offers
        start:  final state of a run of this netlist with other depths, to start from unless a FIFO is too small for it
        """
        pace = Fraction(pace).limit_denominator(_FINEST)
        cells = self._cells
        if depths:
            cells = (_Cell * len(self._cells)).from_buffer_copy(self._cells)
            for name, depth in depths.items():
                fifo = replace(self.made[name], depth=depth)
                cells[self.fifos[name]].depth, cells[self.fifos[name]].wait = fifo.capacity, fifo.wait
        ends = (ctypes.c_int64 * frames)()
        firsts = (ctypes.c_int64 * self._outputs)(*(-1,) * self._outputs)
        peaks = (ctypes.c_int64 * len(cells))()
        period = ctypes.c_int64()
        size = 5 * len(cells) + len(self._wires) + self._pairs + self._inputs + 2 * self._outputs
        state = np.zeros(size, np.int64) if start is None else start.copy()

        def step(resume: bool) -> int:
            return int(
                _library().rtl4ml_step(
                    len(cells), cells, len(self._wires), self._inputs, self._outputs, self._sinks.ctypes.data,
                    pace.numerator, pace.denominator, frames, FRAMES, (frames + 2) * (self._longest + int(pace)),
                    ends, firsts, peaks, state.ctypes.data, resume, ctypes.byref(period),
                )
            )  # fmt: skip

        done = step(start is not None)
        if done < 0:
            done = step(False)
        return Steps(
            tuple(ends[:done]),
            {name: int(peaks[i]) for name, i in self.fifos.items()},
            state if done else None,
            period.value,
            tuple(firsts),
        )

    def trace(self) -> dict[str, tuple[int, int]]:
        """Wire name to the cycles in which the first frame's first and last beat are taken from it.

        Streams outside the edges are there as "PORT.". Cycle 0 takes the first input beat. Empty: no frame comes out.
        """
        wires = len(self._wires)
        beats, freely = np.zeros(wires, np.int64), np.zeros(wires, np.uint8)
        for name, w in self._carried.items():
            beats[self._wires[name]], freely[self._wires[name]] = w.beats, w.flight > 0
        for name, number in self._edges.items():
            beats[self._wires[name]] = number
        first, last = np.zeros(wires, np.int64), np.zeros(wires, np.int64)
        end = _library().rtl4ml_trace(
            len(self._cells), self._cells, wires, self._inputs, self._outputs, self._sinks.ctypes.data,
            3 * self._longest, beats.ctypes.data, freely.ctypes.data, first.ctypes.data, last.ctypes.data,
        )  # fmt: skip
        if end < 0:
            return {}
        return {name: (int(first[i]), int(last[i])) for name, i in self._wires.items()}


_FINEST = 1000  # greatest denominator of a source's pace
_SHORT = 1024  # slots; shorter periods save nothing


def _period(a: NDArray[np.uint8]) -> int:
    """The least divisor of the length, from _SHORT on, after which `a` repeats itself."""
    n = len(a)
    small = [p for p in range(1, int(n**0.5) + 1) if n % p == 0]
    for p in sorted({*small, *(n // p for p in small)}):
        if p >= _SHORT and (a[p : p + _SHORT] == a[: min(_SHORT, n - p)]).all() and (a[p:] == a[:-p]).all():
            return p
    return n


def _library() -> ctypes.CDLL:
    """The compiled stepper. Raises EnvironmentProblem where g++ is missing or fails."""
    with _LOCK:  # `lru_cache` alone lets several threads compile
        return _compiled()


_LOCK = threading.Lock()


@lru_cache(maxsize=1)
def _compiled() -> ctypes.CDLL:
    source = files("rtl4ml.sim").joinpath("cycles.cpp").read_bytes()
    compiler = require("g++")
    told = subprocess.run([compiler, "-dumpfullversion", "-dumpmachine"], capture_output=True, check=False)
    digest = hashlib.sha256(source + told.stdout + repr(_FLAGS).encode()).hexdigest()[:16]
    kept = f"cycles-{digest}"
    with tempfile.TemporaryDirectory(prefix="rtl4ml-") as name:
        made = Path(name) / "cycles.so"
        if (known := cache.read(kept)) is not None:
            # What is loaded is what was checked: nobody else can write this folder.
            made.write_bytes(known)
            return _load(made)
        text = Path(name) / "cycles.cpp"
        text.write_bytes(source)
        run = processes.run([str(compiler), *_FLAGS, str(text), "-o", str(made)])
        if run.returncode != 0:
            last = run.stderr.strip().splitlines()[-1:] or ["no message"]
            raise EnvironmentProblem(
                f"g++: must compile cycles.cpp, not stop with {last[0]!r}; check the compiler's installation"
            )
        cache.write(kept, made.read_bytes())
        return _load(made)


def _load(path: Path) -> ctypes.CDLL:
    library = ctypes.CDLL(str(path))
    library.rtl4ml_step.restype = ctypes.c_int64
    library.rtl4ml_step.argtypes = [
        ctypes.c_int64, ctypes.c_void_p, *3 * (ctypes.c_int64,), ctypes.c_void_p, *5 * (ctypes.c_int64,),
        *4 * (ctypes.c_void_p,), ctypes.c_int64, ctypes.c_void_p,
    ]  # fmt: skip
    library.rtl4ml_trace.restype = ctypes.c_int64
    library.rtl4ml_trace.argtypes = [
        ctypes.c_int64, ctypes.c_void_p, *3 * (ctypes.c_int64,), ctypes.c_void_p, ctypes.c_int64,
        *4 * (ctypes.c_void_p,),
    ]  # fmt: skip
    return library
