# SPDX-License-Identifier: Apache-2.0
"""Cells of several inputs or outputs, many in one build: values under stalls, and cycles against `Timing`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import rtl_cells
import rtl_runner

from rtl4ml.emit.systemverilog import instance
from rtl4ml.ir.types import Ints
from rtl4ml.netlist.netlist import Cell


@dataclass(frozen=True, eq=False)
class Case:
    """A cell and the elements (frames, elements) of each of its ports."""

    name: str
    cell: Cell
    x: Mapping[str, Ints]
    y: Mapping[str, Ints]


def check(bench: str, cases: Sequence[Case], *, seed: int, stalled: int = 3) -> None:
    """Runs sim/tb_cells.py on all cases: values, free and stalled, and after a reset in a frame's middle; every
    stamp of the unstalled run must be what the cell's `Timing` says. `bench` as of
    `rtl_cells.check`.
    """
    pins = ["  input logic aclk", "  input logic aresetn"]
    body: list[str] = []
    images: dict[str, str] = {}
    instances = []
    for k, case in enumerate(cases):
        cell = replace(
            case.cell,
            name=f"u_c{k}",
            inputs={p: replace(w, name=f"c{k}_{p}") for p, w in case.cell.inputs.items()},
            outputs={p: replace(w, name=f"c{k}_{p}") for p, w in case.cell.outputs.items()},
        )
        lines, memory = instance(cell)
        body += lines
        images |= {name: image.text() for name, image in memory.items()}
        for wires, give, take in ((cell.inputs, "input", "output"), (cell.outputs, "output", "input")):
            for w in wires.values():
                pins += [f"  {give} logic {w.name}_valid", f"  {take} logic {w.name}_ready"]
                pins += [f"  {give} logic [{w.width - 1}:0] {w.name}_data"]
        x = {p: rtl_cells.words(case.x[p], w) for p, w in cell.inputs.items()}
        y = {p: rtl_cells.words(case.y[p], w) for p, w in cell.outputs.items()}
        # a first frame alone, then half of the second, and a reset with the next run
        cut = {p: beats[: cell.inputs[p].beats * 3 // 2] for p, beats in x.items()}
        least = cell.timing()
        some = {}
        for (p, beats), emit in zip(y.items(), least.emit, strict=True):
            enough = sum(
                all(n[e] <= len(cut[q]) - cell.inputs[q].beats for q, n in zip(x, least.need, strict=True))
                for e in emit
            )
            some[p] = beats[: cell.outputs[p].beats + enough]
        useful = {}
        for q, n in zip(x, least.need, strict=True):  # what the cell takes for those beats
            slot = max(
                (int(e) for e in least.emit[0][: len(next(iter(some.values()))) - cell.y.beats]), default=-1
            )
            useful[q] = cut[q][: cell.inputs[q].beats + (int(n[slot]) if slot >= 0 else 0)]
        runs = [rtl_runner.run(useful, some), rtl_runner.run(x, y)]
        runs += [rtl_runner.run(x, y, stalls=seed % 2**31 + 100 * k + s) for s in range(stalled)]
        ports = {p: w.name for p, w in (*cell.inputs.items(), *cell.outputs.items())}
        instances.append({"name": case.name, "ports": ports, "runs": runs})
    text = "\n".join(["module r4_bench (", ",\n".join(pins), ");", *body, "endmodule", ""])
    wrapper = rtl_runner.BUILD / f"bench-{bench}-{rtl_runner.digest(text)}.sv"
    wrapper.parent.mkdir(parents=True, exist_ok=True)
    wrapper.write_text(text, encoding="ascii")
    result = rtl_runner.run_case(
        "rtl4ml.sim.tb_cells",
        top="r4_bench",
        case={"instances": instances},
        images=images or None,
        sources=[*rtl_cells.sources({c.cell.module for c in cases}), wrapper],
    )
    assert result.passed, f"{bench}: { {n: t for n, t in result.failures.items() if t is not None} }"
    for case in cases:
        t = case.cell.timing()
        takes = {p: w.beats for p, w in case.cell.inputs.items()}
        frames = len(next(iter(case.x.values())))
        taken, given = rtl_cells.schedule(t, takes=takes, frames=frames)
        free = result.measured[case.name][1]["cycles"]
        for p in case.cell.inputs:
            assert free[p] == taken[p], f"{case.name}: {p} {rtl_cells.explain(free[p], taken[p])}"
        for p in case.cell.outputs:
            assert free[p] == given, f"{case.name}: {p} {rtl_cells.explain(free[p], given)}"
