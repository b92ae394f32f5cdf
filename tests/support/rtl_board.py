# SPDX-License-Identifier: Apache-2.0
"""Cells of the board's shell, many in one build: values, free and stalled, and after clear_i on a cell full of beats.

case = rtl_board.Case("name", "r4_pack", {"InBytes": 3}, x=[("data", 24), ("last", 1)], y=[...], runs=[...])
measured = rtl_board.check("pack", [case, ...], seed=seed)

A beat of several signals is one integer, the first signal in the low bits: `join`.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest
import rtl_cells
import rtl_runner
from rtl_runner import Measured

from rtl4ml.errors import SimulationFailed
from rtl4ml.host.tools import verilator_env

Fields = Sequence[tuple[str, int]]
Change = tuple[str, str]  # a text that a cell has once, and what stands there instead


@dataclass(frozen=True, eq=False)
class Case:
    """A cell with one input and one output stream.

    x, y:      signals of a beat, name and bits: ("data", 8) is x_data_i and y_data_o
    runs:      (beats in, beats out or just their number); clear_i comes between two of them, on a cell that has taken
               the first beat of the first run as often as it would without giving anything
    constants: inputs that stand, name to value of 32 bits
    images:    memory images that the parameters name
    text:      the module, where it is not one of rtl/; `uses` are then the cells of rtl/ that it has
    """

    name: str
    module: str
    params: Mapping[str, int | str]
    x: Fields
    y: Fields
    runs: Sequence[tuple[Sequence[int], Sequence[int] | int]]
    constants: Mapping[str, int] = field(default_factory=dict)
    images: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    uses: frozenset[str] = frozenset()


def join(signals: Fields, values: Iterable[int]) -> int:
    """One beat out of the values of its signals."""
    beat = shift = 0
    for (name, bits), value in zip(signals, values, strict=True):
        assert 0 <= value < 1 << bits, f"{name} must have {bits} bits, not the value {value}"
        beat |= int(value) << shift
        shift += bits
    return beat


def constant(name: str, value: int | str) -> str:
    """A parameter's value as SystemVerilog has it; limits have 64 bits."""
    if isinstance(value, str):
        return f'"{value}"'
    return f"{'-' if value < 0 else ''}64'sd{abs(value)}" if name in {"Lo", "Hi"} else str(value)


def instance(case: Case, prefix: str) -> tuple[list[str], list[str]]:
    """Ports of the bench's module for a case, and lines that instantiate it."""
    ports, links, lines = [], [], list[str]()
    for side, fields, give, take, mark in (
        ("x", case.x, "input", "output", "i"),
        ("y", case.y, "output", "input", "o"),
    ):
        wire = f"{prefix}_{side}"
        width = sum(bits for _, bits in fields)
        ports += [
            f"  {give} logic {wire}_valid",
            f"  {take} logic {wire}_ready",
            f"  {give} logic [{width - 1}:0] {wire}_data",
        ]
        data = f"{wire}_data"
        if side == "x":
            data = f"{wire}_given"
            first = f"{width}'h{case.runs[0][0][0]:x}"
            lines.append(f"  logic [{width - 1}:0] {data};\n  assign {data} = soil ? {first} : {wire}_data;")
            links += [f".x_valid_i({wire}_valid || soil)", f".x_ready_o({wire}_ready)"]
        else:
            links += [f".y_valid_o({wire}_valid)", f".y_ready_i({wire}_ready && !soil)"]
        at = 0
        for name, bits in fields:
            links.append(f".{side}_{name}_{mark}({data}[{at}+:{bits}])")
            at += bits
    links += [f".{name}_i(32'd{value})" for name, value in case.constants.items()]
    values = [f".{k}({constant(k, v)})" for k, v in case.params.items()]
    parameters = f" #({', '.join(values)})" if values else ""
    links = [".clk_i(aclk)", ".rst_ni(rst_n)", ".clear_i(clear)", *links]
    line = f"  {case.module}{parameters} u_{prefix} ({', '.join(links)});"
    return ports, [*lines, line]


# The first reset of the simulation is rst_ni. In every later one, as long, beats are offered and none is taken;
# then comes clear_i for a cycle.
RESET_CYCLES, SOIL_CYCLES = 48, 44
HEAD = f"""  logic booted_q = 1'b0;
  logic [7:0] down_q = '0;
  logic rst_n, soil, clear;
  always_ff @(posedge aclk) begin
    down_q <= aresetn ? '0 : down_q + 8'd1;
    if (aresetn) booted_q <= 1'b1;
  end
  assign rst_n = aresetn || booted_q;
  assign soil  = booted_q && !aresetn && down_q < 8'd{SOIL_CYCLES};
  assign clear = booted_q && !aresetn && down_q == 8'd{SOIL_CYCLES};"""


def check(
    bench: str, cases: Sequence[Case], *, seed: int, stalled: int = 3
) -> dict[str, list[list[Measured]]]:
    """Runs sim/tb_board_cells.py: every run of every case without stalls and `stalled` times with.

    What was measured: name of the case to its runs, of each the one without stalls and then those with.
    """
    ports, lines, instances = [], [HEAD], []
    images: dict[str, str] = {}
    uses: set[str] = set()
    for k, c in enumerate(cases):
        p, text = instance(c, f"c{k}")
        ports += p
        lines += text
        images |= c.images
        uses |= c.uses or {c.module}
        runs = []
        for n, (x, y) in enumerate(c.runs):
            seeds = [None, *(seed % 2**31 + 1000 * k + 10 * n + s for s in range(stalled))]
            some = [rtl_runner.run({"x": x}, {"y": y}, stalls=s) for s in seeds]
            runs += [{**r, "reset_cycles": RESET_CYCLES} for r in some]
        instances.append({"name": c.name, "ports": {"x": f"c{k}_x", "y": f"c{k}_y"}, "runs": runs})
    header = ["  input logic aclk", "  input logic aresetn", *ports]
    own = "".join(dict.fromkeys(c.text for c in cases if c.text))
    module = "\n".join(["module r4_bench (", ",\n".join(header), ");", *lines, "endmodule", ""])
    result = rtl_runner.run_case(
        "rtl4ml.sim.tb_board_cells",
        top="r4_bench",
        case={"instances": instances},
        images=images or None,
        sources=[*rtl_cells.sources(uses), rtl_cells.wrapper(bench, own + module)],
    )
    failed = {name: text for name, text in result.failures.items() if text is not None}
    assert result.passed, f"{bench}: {failed}"
    of_run = 1 + stalled
    found = {}
    for c in cases:
        all_runs = [Measured(r["beats"], r["cycles"]) for r in result.measured[c.name]]
        found[c.name] = [all_runs[n * of_run : (n + 1) * of_run] for n in range(len(c.runs))]
    return found


def tiles(columns: int, tile: int) -> list[tuple[int, int]]:
    """First and behind last column of the tiles of a row, as the header of r4_gather says."""
    edges = [*range(0, columns, tile), columns]
    if len(edges) > 2 and columns - edges[-2] < tile // 2:
        edges[-2] -= tile // 2
    return list(pairwise(edges))


def changed(text: str, change: Change) -> str:
    """A cell's text with a change."""
    old, new = change
    assert text.count(old) == 1, f"{old!r} must stand in the cell once, not {text.count(old)} times"
    return text.replace(old, new)


def seen(module: str, change: Change, folder: Path, bench: Callable[[], object]) -> None:
    """A bench must fail where a cell is changed, and not because the cell does not compile."""
    rtl = shutil.copytree(rtl_runner.RTL, folder / "rtl")
    (rtl / f"{module}.sv").write_text(changed((rtl / f"{module}.sv").read_text(), change))
    with (
        pytest.MonkeyPatch.context() as patch,
        pytest.raises((AssertionError, SimulationFailed)) as caught,
    ):
        patch.setattr(rtl_runner, "RTL", rtl)
        patch.setattr(rtl_runner, "BUILD", folder / "build")
        bench()
    assert "must compile" not in str(caught.value), str(caught.value)


def refusal(module: str, parameters: Mapping[str, int]) -> str:
    """What Verilator says of a cell with illegal parameters."""
    verilator, env = verilator_env()
    command = [
        str(verilator),
        "--lint-only",
        "-y",
        str(rtl_runner.RTL),
        *(f"-G{k}={v}" for k, v in parameters.items()),
    ]
    run = subprocess.run(
        [*command, str(rtl_runner.RTL / f"{module}.sv")], env=env, capture_output=True, text=True
    )
    assert run.returncode != 0, f"{module}: these parameters must be refused"
    return run.stderr
