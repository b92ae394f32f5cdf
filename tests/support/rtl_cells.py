# SPDX-License-Identifier: Apache-2.0
"""Cells as operators make them, many in one build: values under stalls, and cycles against `Timing`.

case = rtl_cells.Case("name", cells, frames_in, frames_out)      # cells in a row, usually one
rtl_cells.check("pool", [case, ...], seed=seed)
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import rtl_runner

import rtl4ml.lowering.lower  # noqa: F401 -- registers all lowerings
from rtl4ml.cells.library import GeneratedCell
from rtl4ml.cells.streams import Fifo
from rtl4ml.device import ZCU102, Device
from rtl4ml.emit.systemverilog import instance
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.op import Op
from rtl4ml.ir.types import Ints
from rtl4ml.ir.window import Geometry
from rtl4ml.lowering.builder import NetlistBuilder
from rtl4ml.lowering.registry import lowering_of
from rtl4ml.netlist.netlist import CLOCK2X, Cell, Timing, Wire
from rtl4ml.netlist.plan import Folding

# Cases of a bench of cells that run freely that are tried as cells that wait, too: all differ in r4_gate alone.
WAITING = 8


def builder(device: Device = ZCU102) -> NetlistBuilder:
    """Collects cells of operators that belong to no graph."""
    return NetlistBuilder(Graph("cells", (), (), ()), device)


def foldings(op: Op) -> list[Folding]:
    """All legal foldings of an operator."""
    return list(lowering_of(op).foldings())


def folding(op: Op, *, pe: int, simd: int | None = None) -> Folding:
    """The legal folding of `pe` elements at the output and `simd`, by default as many, at the input."""
    lanes = pe, pe if simd is None else simd
    return next(f for f in foldings(op) if (f.pe, f.simd) == lanes)


def lower(n: NetlistBuilder, op: Op, f: Folding, *x: Wire) -> Wire:
    """Adds the cells of an operator with a folding."""
    return lowering_of(op).lower(n, f, *x)


def words(values: Ints, wire: Wire) -> list[int]:
    """Elements in stream order (any shape) to beats of the wire, lane 0 in the low bits."""
    lanes = np.asarray(values).reshape(-1, wire.lanes)
    mask = (1 << wire.bits) - 1
    out = []
    for row in lanes.tolist():
        beat = 0
        for v in reversed(row):
            beat = (beat << wire.bits) | (int(v) & mask)
        out.append(beat)
    return out


@dataclass(frozen=True, eq=False)
class Case:
    """Cells in a row (each reads the one before) and frames of elements (N, elements) at both ends."""

    name: str
    cells: Sequence[Cell]
    x: Ints
    y: Ints

    @property
    def frames(self) -> int:
        return len(self.x)

    @property
    def input(self) -> Wire:
        return self.cells[0].x

    @property
    def output(self) -> Wire:
        return self.cells[-1].y

    @cached_property
    def beats(self) -> tuple[list[int], list[int]]:
        """Beats of all frames, in and out."""
        x, y = words(self.x, self.input), words(self.y, self.output)
        assert len(x) == self.frames * self.input.beats, f"{self.name}: {len(x)} input beats"
        assert len(y) == self.frames * self.output.beats, f"{self.name}: {len(y)} output beats"
        return x, y

    @property
    def alone(self) -> Cell | None:
        """The only cell, where there is one beside the FIFO behind it."""
        inner = self.cells[:-1] if len(self.cells) > 1 and self.cells[-1].x.flight else self.cells
        return inner[0] if len(inner) == 1 else None

    def waiting(self) -> Case:
        """The same cells, none of which runs freely."""
        cells = [
            replace(
                c,
                inputs={p: _waits(w) for p, w in c.inputs.items()},
                outputs={p: _waits(w) for p, w in c.outputs.items()},
            )
            for c in self.cells
        ]
        return replace(self, name=f"{self.name}, waiting", cells=cells)

    def stored(self) -> Case:
        """The same cells, the last of which runs freely, and a FIFO of the least depth behind."""
        last = self.output
        fifo = Fifo(name="fifo", inputs={"x": last}, outputs={"y": _waits(replace(last, name="stored"))})
        return replace(self, cells=[*self.cells, replace(fifo, depth=fifo.slack + 2)])

    def renamed(self, prefix: str) -> Case:
        """The same with every name made unique."""
        cells = [
            replace(
                c,
                name=f"u_{prefix}_{k}",
                inputs={p: replace(w, name=f"{prefix}_{w.name}") for p, w in c.inputs.items()},
                outputs={p: replace(w, name=f"{prefix}_{w.name}") for p, w in c.outputs.items()},
            )
            for k, c in enumerate(self.cells)
        ]
        return replace(self, cells=cells)


def _waits(w: Wire) -> Wire:
    return replace(w, flight=0, gap=1, burst=1)


def op_case(op: Op, f: Folding, x: Ints, *, only: str | None = None) -> Case:
    """The cells of an operator on its golden values; `only`: without glue, the one cell of that module."""
    n = builder()
    n.layer = op.name
    y = lower(n, op, f, n.like(op.x, f"{op.name}_x", f.simd if only else f.pe))
    assert y.lanes == f.pe
    if only:
        assert [c.module for c in n.cells] == [only], f"{op.name}: {[c.module for c in n.cells]}"
    return Case(op.name, n.cells, x.reshape(len(x), -1), op.golden(x).reshape(len(x), -1))


def schedule(t: Timing, *, takes: Mapping[str, int], frames: int) -> tuple[dict[str, list[int]], list[int]]:
    """Cycles in which a cell takes beats and offers its first output's, never waiting for its neighbours.

    Walks cycle by cycle through what `Timing` says: an account of its own, apart from rtl4ml.timing.cycles.
    """
    ports, emits = list(takes), set(t.emit[0].tolist())
    need = {p: n.tolist() for p, n in zip(ports, t.need, strict=True)}
    taken: dict[str, list[int]] = {p: [] for p in ports}
    given: list[int] = []
    frame = k = freed = cycle = 0
    joined = False  # whether this frame's first slots stand for the last ones of the frame before

    def here(p: str, frame: int, k: int) -> bool:
        """Whether the beats that a slot needs are there: those of a buffer taken, long enough ago."""
        n = need[p][k] and need[p][k] + frame * takes[p]
        if not t.wait:
            return n <= len(taken[p]) + 1
        return n <= len(taken[p]) and (n == 0 or taken[p][n - 1] + t.wait <= cycle)

    while frame < frames or any(len(taken[p]) < takes[p] * frames for p in ports):
        ready = frame < frames and all(here(p, frame, k) for p in ports)
        joins = bool(t.behind) and k == t.slots - t.behind - 1 and here(ports[0], frame + 1, t.behind - 1)
        if t.wait:
            for p in ports:
                if len(taken[p]) < takes[p] * frames and (t.free is None or len(taken[p]) - freed < t.depth):
                    taken[p].append(cycle)
        elif ready:
            for p in ports:
                held_on = t.hold and k + 1 < t.slots and need[p][k + 1] == need[p][k]
                if need[p][k] + frame * takes[p] > len(taken[p]) and not held_on:
                    taken[p].append(cycle)
        if ready:
            if k in emits or (joined and k < t.behind and t.slots - t.behind + k in emits):
                given.append(cycle + t.latency)
            if t.free is not None:
                freed = int(t.free[k]) + frame * takes[ports[0]]
            k += 1
            if joins or k == t.slots:
                frame, k, joined = frame + 1, 0, joins
        cycle += 1
        assert cycle < 1_000_000, "the timing must come to an end"
    return taken, given


def truncated(t: Timing, beats: int) -> int:
    """Output beats of a first frame of which only so many input beats come."""
    most = np.maximum.accumulate(t.need[0] if t.peek is None else t.peek)
    return int((most[t.emit[0]] <= beats).sum())


def _module(cases: Sequence[Case]) -> tuple[str, dict[str, str], set[str]]:
    """The text of a module with all cells, the memory images that it reads, and the modules of the library in it."""
    lines: list[str] = []
    ports: list[str] = []
    images: dict[str, str] = {}
    modules: set[str] = set()
    made: list[str] = []
    for c in cases:
        inner = {w.name: w for cell in c.cells for w in cell.outputs.values()}
        for w in (c.input, c.output):
            inner.pop(w.name, None)
        for w in inner.values():
            lines += [f"  logic {w.name}_valid, {w.name}_ready;", f"  logic [{w.width - 1}:0] {w.name}_data;"]
        for cell in c.cells:
            text, memory = instance(cell)
            lines += text
            images |= {name: image.text() for name, image in memory.items()}
            if isinstance(cell, GeneratedCell):
                made.append(cell.text())
                modules |= set(re.findall(r"\b(r4_\w+)\s+#\(", made[-1]))
            else:
                modules.add(cell.module)
        for w, give, take in ((c.input, "input", "output"), (c.output, "output", "input")):
            ports += [
                f"  {give}  logic {w.name}_valid",
                f"  {take} logic {w.name}_ready",
                f"  {give}  logic [{w.width - 1}:0] {w.name}_data",
            ]
    header = ["  input logic aclk", "  input logic aresetn", *ports]
    if any(CLOCK2X in line for line in lines):
        header.insert(1, f"  input logic {CLOCK2X}")
    text = "\n".join(["module r4_bench (", ",\n".join(header), ");", *lines, "endmodule", "", *made])
    return text, images, modules


def check(
    bench: str,
    cases: Sequence[Case],
    *,
    seed: int,
    stalled: int = 3,
    timed: bool = True,
    intervals: Mapping[str, int] | None = None,
) -> None:
    """Runs sim/tb_cells.py on all cases: values, free and stalled, and after a reset in a frame's middle.

    Cells that run freely are tried with a FIFO behind them, and some cases once more as cells that wait.

    bench:     what the cases are called: in the file that is built, and where they fail
    timed:     every stamp of an unstalled run must be what the only cell's `Timing` says
    intervals: case name to the cycles between last output beats of frames, once steady
    """
    waiting = [c.waiting() for c in cases[:: -(-len(cases) // WAITING)] if c.output.flight]
    cases = [c.stored() if c.output.flight else c for c in cases] + waiting
    cases = [c.renamed(f"c{k}") for k, c in enumerate(cases)]
    text, images, modules = _module(cases)

    instances = []
    for k, c in enumerate(cases):
        x, y = c.beats
        runs = []
        if c.alone:
            # What a cell offers of a frame before its first beat, such as padding, must be the same in every frame.
            t = c.alone.timing()
            y = y + y[: truncated(t, 0)]
            # cut in the middle of the second frame; the next run starts with a reset
            cut = c.input.beats * 3 // 2
            n = c.output.beats + truncated(t, cut - c.input.beats)
            if n == 2 * c.output.beats:
                n += truncated(t, 0)
            runs.append(rtl_runner.run({"x": x[:cut]}, {"y": y[:n]}))
        runs.append(rtl_runner.run({"x": x}, {"y": y}))
        runs += [
            rtl_runner.run({"x": x}, {"y": y}, stalls=seed % 2**31 + 100 * k + s) for s in range(stalled)
        ]
        instances.append({"name": c.name, "ports": {"x": c.input.name, "y": c.output.name}, "runs": runs})
    result = rtl_runner.run_case(
        "rtl4ml.sim.tb_cells",
        top="r4_bench",
        case={"instances": instances},
        images=images or None,
        sources=[*sources(modules), wrapper(bench, text)],
    )
    failed = {name: text for name, text in result.failures.items() if text is not None}
    assert result.passed, f"{bench}: {failed}"
    for c in cases:
        free: Any = result.measured[c.name][1 if c.alone else 0]["cycles"]
        if timed and c.alone:
            taken, given = schedule(c.alone.timing(), takes={"x": c.input.beats}, frames=c.frames)
            if c.alone is not c.cells[-1]:
                given = [cycle + 1 for cycle in given]  # a FIFO offers a cycle later
            free["y"] = free["y"][: len(given)]
            assert free["y"] == given, f"{c.name}: {explain(free['y'], given)}"
            assert free["x"] == taken["x"], f"{c.name}: x {explain(free['x'], taken['x'])}"
        if intervals and c.name in intervals:
            last = free["y"][c.output.beats - 1 :: c.output.beats]
            steady = [b - a for a, b in pairwise(last[c.frames // 2 :])]
            assert steady and set(steady) == {intervals[c.name]}, (
                f"{c.name}: interval {steady}, {intervals[c.name]}"
            )


def wrapper(bench: str, text: str) -> Path:
    """A file with a module made for a bench."""
    path = rtl_runner.BUILD / f"bench-{bench}-{rtl_runner.digest(text)}.sv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="ascii")
    return path


def sources(modules: set[str]) -> list[Path]:
    """The library's files that these modules need."""
    from rtl4ml.emit.library import modules as closure

    return [rtl_runner.RTL / f"{m}.sv" for m in closure(modules)]


def explain(got: Sequence[int], want: Sequence[int]) -> str:
    """Where two lists of cycles part."""
    k = next(i for i, (a, b) in enumerate(zip(got, want, strict=True)) if a != b)
    return f"beat {k} must come in cycle {want[k]}, not {got[k]} ({got[: k + 3][-8:]} {want[: k + 3][-8:]})"


def gather(x: Ints, geo: Geometry, pad_value: int = 0) -> Ints:
    """(N, H, W, C) to every tap of every window, (N, OH, OW, KH, KW, C), out of a frame with real padding around it."""
    (top, _), (left, _) = geo.padding
    (sh, sw), (dh, dw), (oh, ow) = geo.stride, geo.dilation, geo.out
    reach_h = (oh - 1) * sh + (geo.kernel[0] - 1) * dh + 1
    reach_w = (ow - 1) * sw + (geo.kernel[1] - 1) * dw + 1
    n, h, w, c = x.shape
    whole = np.full((n, max(reach_h, top + h), max(reach_w, left + w), c), pad_value, np.int64)
    whole[:, top : top + h, left : left + w] = x
    y = np.empty((n, oh, ow, *geo.kernel, c), np.int64)
    for i in range(geo.kernel[0]):
        for j in range(geo.kernel[1]):
            y[:, :, :, i, j] = whole[
                :, i * dh : i * dh + (oh - 1) * sh + 1 : sh, j * dw : j * dw + (ow - 1) * sw + 1 : sw
            ]
    return y


def random_geometry(rng: np.random.Generator) -> Geometry:
    """A small window of any kind: strides, dilations, paddings on every side, 1-D as often as 2-D."""
    while True:
        two_d = bool(rng.integers(2))
        axes = []
        for many in (two_d, True):
            k = int(rng.integers(1, 4)) if many else 1
            d = int(rng.integers(1, 4)) if k > 1 else 1
            s = int(rng.integers(1, 4)) if many else 1
            reach = (k - 1) * d
            before, after = int(rng.integers(0, reach + 1)), int(rng.integers(0, reach + 1))
            n = int(rng.integers(1, 7 if two_d else 10)) if many else 1
            out = (n + before + after - reach - 1) // s + 1
            axes.append((n, k, s, d, (before, after), out))
        (h, kh, sh, dh, ph, oh), (w, kw, sw, dw, pw, ow) = axes
        if oh >= 1 and ow >= 1:
            geo = Geometry(h, w, (kh, kw), (sh, sw), (dh, dw), (ph, pw), (oh, ow))
            if geo.tap_index()[1].any():  # something of the frame is read at all
                return geo
