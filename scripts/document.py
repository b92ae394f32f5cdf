# SPDX-License-Identifier: Apache-2.0
"""Writes the parts of docs/ that follow from the code: layers, the objects of a tiny network, cells, timing, commands.

    python scripts/document.py             rewrites the generated parts; `make docs` does that
    python scripts/document.py --check     names the pages that are out of date, and fails if there are any

A generated part of a page stands between `<!-- generated: NAME -->` and `<!-- end -->`; all else is written by hand.
tests/test_documents.py holds pages and code equal.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import numpy as np

import rtl4ml
from rtl4ml.cells.streams import Fifo, ForkCell
from rtl4ml.cells.window import Window
from rtl4ml.cli.group import cli
from rtl4ml.host import frameworks
from rtl4ml.ir.window import Geometry
from rtl4ml.netlist.netlist import Cell, Timing, Wire

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
RTL = ROOT / "rtl"
SOURCES = ROOT / "src" / "rtl4ml"
LEVELS = ROOT / "tests" / "golden" / "levels.json"
PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


# -- docs/architecture.md: the layers ---------------------------------------------------------------------------


def layers() -> dict[str, str]:
    """The layers of the import contract, top to bottom, and the first sentence of every package in them."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = {c["name"]: c for c in config["tool"]["importlinter"]["contracts"]}
    lines = [[n.strip(" ()") for n in line.split("|")] for line in contracts["layers"]["layers"]]
    lines = [there for line in lines if (there := [n for n in line if home(n)])]
    rows = [f"| {k} | [{n}](../{home(n)}) | {summary(n)} |" for k, line in enumerate(lines, 1) for n in line]
    return {
        "layers": fenced([f"{k:2}  {' | '.join(line)}" for k, line in enumerate(lines, 1)]),
        "packages": "\n".join(
            ["| layer | package or module | what is in it |", "| --- | --- | --- |", *rows]
        ),
    }


def home(name: str) -> str | None:
    """The package or module of this name, as a path in the tree."""
    places = (SOURCES / name, SOURCES / f"{name}.py")
    return next((p.relative_to(ROOT).as_posix() for p in places if p.exists()), None)


def summary(name: str) -> str:
    """The first sentence of a module's docstring."""
    at = ROOT / str(home(name))
    text = ast.get_docstring(ast.parse((at / "__init__.py" if at.is_dir() else at).read_text()))
    assert text, name
    return sentence(text).replace("|", "\\|")


def sentence(text: str) -> str:
    """The first sentence of a text, on one line."""
    return re.split(r"(?<=[.])\s", " ".join(text.split("\n\n")[0].split()), maxsplit=1)[0]


# -- docs/architecture.md: the life of a model -----------------------------------------------------------------


def tiny() -> Any:
    """A QKeras network of two layers with weights: eight positions of two channels to three classes."""
    keras, q = frameworks.keras(), frameworks.qkeras()

    def grid(bits: int) -> Any:
        return q.quantized_bits(bits, 0, alpha=1)

    model = keras.Sequential(
        [
            keras.layers.Input((8, 2)),
            q.QActivation(grid(4), name="grid"),
            q.QConv1D(4, 3, kernel_quantizer=grid(3), bias_quantizer=grid(4), name="conv"),
            q.QActivation("quantized_relu(4,1)", name="relu"),
            keras.layers.Flatten(name="flat"),
            q.QDense(3, kernel_quantizer=grid(3), bias_quantizer=grid(4), name="dense"),
        ],
        name="tiny",
    )
    rng = np.random.default_rng(1)
    model.set_weights([rng.integers(-4, 4, w.shape) / 4 for w in model.get_weights()])
    return model


def life() -> dict[str, str]:
    """What the tiny network becomes at every station, by the station's name."""
    with tempfile.TemporaryDirectory() as folder:
        design = rtl4ml.convert(tiny(), out=Path(folder) / "design", target_interval=24)
        design.emulate(np.random.default_rng(2).uniform(-1, 1, (100, 8, 2)))
        report = design.report()
    graph, plan, netlist = design.graph, design.plan, design.netlist
    operators = [
        f"{type(op).__name__:10} {op.name:5} {tuple(op.x.shape)!s:7} -> {tuple(op.output.shape)!s:7} "
        f"{op.output.type}, {op.output.lo} to {op.output.hi}"
        for op in graph.ops
    ]
    foldings = [f"{op.name:5} {plan[op]}" for op in graph.ops]
    cells = [f"{c.module:10} {c.name:15} {wires(c.inputs)} -> {wires(c.outputs)}" for c in netlist.cells]
    times = [f"{c.name:15} {timed(c.timing())}" for c in netlist.cells]
    c = design.cycles
    ends = f"latency {c.latency}, interval {c.interval}, slowest cell {c.bottleneck}"
    said = {
        "exactness": {"emulate": report["exactness"]["emulate"]},
        "cycles": {k: report["cycles"][k] for k in ("latency", "interval", "target")},
    }
    return {
        "graph": fenced([repr(graph.inputs[0]), *operators]),
        "plan": fenced(foldings),
        "netlist": fenced(cells),
        "cycles": fenced([*times, "", ends]),
        "report": fenced([json.dumps({k: v}) for k, v in said.items()], "json"),
    }


def wires(ports: Mapping[str, Wire]) -> str:
    return ", ".join(f"{w.name}: {w.beats} beats of {w.lanes} x {w.bits} bits" for w in ports.values())


def timed(t: Timing) -> str:
    """Numbers of a timing, and what is not the default among them."""
    more = "".join(f", {k} {getattr(t, k)}" for k in ("wait", "depth") if getattr(t, k))
    return f"{t.slots:2} slots, latency {t.latency}{more}"


def fenced(lines: list[str], language: str = "text") -> str:
    return "\n".join([f"```{language}", *(line.rstrip() for line in lines), "```"])


# -- docs/cells.md ----------------------------------------------------------------------------------------------


def classes() -> dict[str, type[Cell]]:
    """Module of rtl/ to the class that stands for it."""
    for path in (SOURCES / "cells").glob("[!_]*.py"):  # whatever else has been imported
        import_module(f"rtl4ml.cells.{path.stem}")

    def below(base: type) -> Iterator[type]:
        for kind in base.__subclasses__():
            yield kind
            yield from below(kind)

    return {k.module: k for k in below(Cell) if isinstance(k.__dict__.get("module"), str)}


def first_sentence(module: str) -> str:
    """What the header of a module says first."""
    comment = re.match(r"// SPDX[^\n]*\n//\n((?://[^\n]*\n)+)", (RTL / f"{module}.sv").read_text())
    assert comment, f"{module}: the header must be an SPDX line, an empty comment and what the module does"
    text = "\n".join(line[2:].strip() for line in comment[1].splitlines())
    return sentence(text).replace("*", "\\*").replace("|", "\\|")


def readers(module: str) -> list[str]:
    """Modules of rtl/ that have an instance of this one."""
    files = sorted(RTL.glob("r4_*.sv"))
    found = [p.stem for p in files if p.stem != module and re.search(rf"^\s*{module}\b", p.read_text(), re.M)]
    generated = any(f"{module} #(" in p.read_text() for p in (SOURCES / "cells").glob("*.py"))
    return [*found, *(["generated modules"] if generated else [])]


def cells() -> dict[str, str]:
    """Two tables: the cells that a netlist is made of, and the parts that these are built of."""
    known, modules = classes(), sorted(p.stem for p in RTL.glob("r4_*.sv"))
    levels = json.loads(LEVELS.read_text())
    whole = ["| cell | what it does | levels of logic | class |", "| --- | --- | --- | --- |"]
    parts = ["| cell | what it does | built into |", "| --- | --- | --- |"]
    for module in modules:
        row = f"| [{module}](../rtl/{module}.sv) | {first_sentence(module)} | "
        inside = readers(module)
        if module in known or not inside:
            kind = known.get(module)
            path = "" if kind is None else Path(str(sys.modules[kind.__module__].__file__)).relative_to(ROOT)
            row += f"{levels.get(module, '')} | "
            whole.append(row + ("" if kind is None else f"[{kind.__name__}](../{path})") + " |")
        else:
            parts.append(row + ", ".join(inside) + " |")
    return {"cells": "\n".join(whole), "parts": "\n".join(parts)}


# -- docs/timing.md ---------------------------------------------------------------------------------------------


def drawn(cell: Cell, cycles: int, *, frames: int = 1, stopped: Mapping[str, range] | None = None) -> str:
    """Frames through one cell, cycle by cycle, its input offered as long as there is one.

    A number is a beat that is handed over in this cycle; the same number in brackets is offered and waits.
    stopped: cycles in which the reader of an output takes nothing
    """
    sys.path.insert(0, str(ROOT / "tests" / "support"))
    import steps_reference  # the rules of `Timing`, to which the tests hold the compiled stepper

    inputs, outputs = list(cell.inputs), list(cell.outputs)
    state = steps_reference._Stepped(inputs, outputs, cell.timing())
    total = {p: w.beats for p, w in (*cell.inputs.items(), *cell.outputs.items())}
    beats: dict[str, int] = dict.fromkeys(total, 0)
    rows: dict[str, list[str]] = {p: [] for p in total}
    slots: list[str] = []
    for cycle in range(cycles):
        valid = {p: beats[p] < frames * total[p] for p in inputs}
        if state.fork:
            valid |= {p: valid[inputs[0]] and not state.done[i] for i, p in enumerate(outputs)}
        else:
            valid |= dict(zip(outputs, state.offers(), strict=True))
        ready = {p: cycle not in (stopped or {}).get(p, ()) for p in outputs}
        slot = state.k
        steps_reference._advance(state, valid, ready)
        slots.append(str(slot) if state.k != slot else "")
        for p in total:
            number = str(beats[p] % total[p])
            rows[p].append("" if not valid[p] else number if ready[p] else f"({number})")
            beats[p] += valid[p] and ready[p]
    worked = {} if state.fifo or state.fork else {"slot": slots}
    return table(
        {
            "cycle": [str(c) for c in range(cycles)],
            **{p: rows[p] for p in inputs},
            **worked,
            **{p: rows[p] for p in outputs},
        }
    )


def table(rows: Mapping[str, list[str]]) -> str:
    """Rows of texts below each other, in a block of fixed width."""
    return fenced([f"{name:6}" + "".join(f"{text or '.':>4}" for text in row) for name, row in rows.items()])


def wire(name: str, beats: int, lanes: int = 1) -> Wire:
    return Wire(name, lanes, 8, True, beats)


def numbers(cell: Cell) -> str:
    """The fields of a cell's timing."""
    t = cell.timing()
    ports = dict(zip(cell.inputs, t.need, strict=True)), dict(zip(cell.outputs, t.emit, strict=True))
    fields = {"slots": t.slots, **{f"need {p}": n.tolist() for p, n in ports[0].items()},
              **{f"emit {p}": e.tolist() for p, e in ports[1].items()}, "latency": t.latency}  # fmt: skip
    if t.free is not None:
        fields |= {"wait": t.wait, "free": t.free.tolist(), "depth": t.depth}
    return fenced([f"{k:8} {v}" for k, v in fields.items()])


def timing() -> dict[str, str]:
    """The examples: a FIFO whose reader stops, a window over five positions, a fork with one slow reader."""
    ends: dict[str, Any] = {"inputs": {"x": wire("x", 6)}, "outputs": {"y": wire("y", 6)}}
    fifo = Fifo(name="fifo", **ends, depth=2)
    geometry = Geometry(1, 5, (1, 3), (1, 1), (1, 1), ((0, 0), (0, 0)), (1, 3))
    window = Window(
        name="window", inputs={"x": wire("x", 5)}, outputs={"y": wire("y", 9)}, geo=geometry, groups=1
    )
    fork = ForkCell(name="fork", inputs={"x": wire("x", 4)}, outputs={"y0": wire("a", 4), "y1": wire("b", 4)})
    return {
        "fifo_numbers": numbers(fifo),
        "fifo": drawn(fifo, 11, stopped={"y": range(3, 6)}),
        "window_numbers": numbers(window),
        "window": drawn(window, 22, frames=2),
        "fork_numbers": numbers(fork),
        "fork": drawn(fork, 7, stopped={"y1": range(1, 3)}),
    }


# -- docs/commands.md -------------------------------------------------------------------------------------------


def commands() -> dict[str, str]:
    """The help of every command, as a terminal of 100 columns has it."""
    parts = []
    with click.Context(cli, info_name="rtl4ml", help_option_names=["-h", "--help"]) as above:
        for name, command in cli.commands.items():
            with click.Context(
                command, parent=above, info_name=name, terminal_width=100, max_content_width=100
            ) as c:
                parts.append(f"## rtl4ml {name}\n\n{fenced(command.get_help(c).splitlines())}")
    return {"commands": "\n\n".join(parts)}


# -- pages ------------------------------------------------------------------------------------------------------

PAGES: dict[str, Callable[[], dict[str, str]]] = {
    "architecture.md": lambda: {**layers(), **life()},
    "cells.md": cells,
    "commands.md": commands,
    "timing.md": timing,
}


def current(page: str) -> str:
    """A page as it must be: its text with every generated part made afresh."""
    parts, text = PAGES[page](), (DOCS / page).read_text()
    there = [name for _, name, _ in PART.findall(text)]
    assert sorted(there) == sorted(parts), f"{page}: parts must be {sorted(parts)}, not {sorted(there)}"
    return PART.sub(lambda m: f"{m[1]}\n{parts[m[2]]}\n\n{m[3]}", text)


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the generated parts of docs/.")
    parser.add_argument(
        "--check", action="store_true", help="write nothing, fail where a page is out of date"
    )
    check = parser.parse_args().check
    old = []
    for page in PAGES:
        text = current(page)
        if text != (DOCS / page).read_text():
            old.append(page)
            if not check:
                (DOCS / page).write_text(text)
    for page in old:
        print(f"docs/{page}: {'out of date' if check else 'written'}")
    if check and old:
        sys.exit(1)


if __name__ == "__main__":
    main()
