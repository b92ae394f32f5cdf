# SPDX-License-Identifier: Apache-2.0
"""What every operator and every cell must have. A failure is the list of what is missing.

An operator: a lowering, a front-end handler (or a stated reason), an HLS writer (or a stated refusal), a row in
docs/operators.md. A cell: a Python face, a cost model, a calibration grid, a bench, a row in docs/cells.md.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

from rtl4ml.bridge import write  # noqa: F401 -- it imports every writer
from rtl4ml.bridge.registry import has_writer
from rtl4ml.cost.estimate import MODELS
from rtl4ml.ir.op import Op
from rtl4ml.lowering import lower  # noqa: F401 -- it imports every lowering
from rtl4ml.lowering.registry import has_lowering
from rtl4ml.netlist.netlist import Cell

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "src" / "rtl4ml"

# Operators that no front end makes, with the reason: they come from another operator's lowering, or from code alone.
INTERNAL: dict[str, str] = {}

# Operators that hls4ml cannot hold and that the bridge refuses by the layer's name, with the reason.
NO_HLS: dict[str, str] = {}


def concrete(base: type) -> Iterator[type]:
    """Every class of ours below a class that has no abstract method left."""
    for kind in base.__subclasses__():
        if kind.__module__.startswith("rtl4ml.") and not inspect.isabstract(kind):
            yield kind
        yield from concrete(kind)


for family in ("ops", "cells"):  # whatever else has been imported
    for path in (SOURCES / family).glob("[!_]*.py"):
        import_module(f"rtl4ml.{family}.{path.stem}")

OPERATORS = sorted({k.__name__: k for k in concrete(Op)}.items())
FACES = sorted(
    {k.module: k for k in concrete(Cell) if isinstance(k.__dict__.get("module"), str)}.items()
)  # module of rtl/ to the class that stands for it
MODULES = sorted(p.stem for p in (ROOT / "rtl").glob("r4_*.sv"))


# -- what there is ----------------------------------------------------------------------------------------------


@cache
def made_by_front_ends() -> frozenset[str]:
    """Names of all classes that the front ends call."""
    trees = [ast.parse(p.read_text()) for p in (SOURCES / "frontends").rglob("*.py")]
    calls = [node.func for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return frozenset(f.id for f in calls if isinstance(f, ast.Name))


def table_rows(page: str) -> set[str]:
    """The first cell of every table row of a page of docs/, a link's text where it is one."""
    return set(re.findall(r"^\| *\[?(\w+)\]?[^|]*\|", (ROOT / "docs" / page).read_text(), re.MULTILINE))


@cache
def calibrated() -> frozenset[str]:
    """Modules of which Yosys's counts over a grid are recorded; test_resources_cells.py holds grid and counts equal."""
    recorded = json.loads((ROOT / "tests" / "golden" / "resources.json").read_text())
    return frozenset(module for module, counts in recorded.items() if counts)


@cache
def benches() -> dict[str, str]:
    """Text of every test that runs cells, by its path."""
    texts = {p.as_posix(): p.read_text() for p in (ROOT / "tests").rglob("test_*.py")}
    return {k: t for k, t in texts.items() if re.search(r"\brtl_(cells|runner|join|board)\b", t)}


def has_bench(module: str) -> bool:
    """Whether a test is named after a cell, or runs it by its name."""
    own = f"/cells/test_{module[3:]}.py"
    return any(
        path.endswith(own) or (f'"{module}"' in text and re.search(r"\brun(_cell)?\(", text))
        for path, text in benches().items()
    )


@cache
def in_shell() -> frozenset[str]:
    """Modules that the shell of a board has instances of."""
    text = "".join((SOURCES / "board" / p).read_text() for p in ("shell.py", "ecp5/serial.py"))
    return frozenset(re.findall(r'"(r4_\w+)"', text)) & set(MODULES)


def instanced(module: str) -> bool:
    """Whether another module of rtl/ has an instance of this one, or a generated module has."""
    others = [p.read_text() for p in (ROOT / "rtl").glob("r4_*.sv") if p.stem != module]
    generators = [p.read_text() for p in (SOURCES / "cells").glob("*.py")]
    return any(re.search(rf"^\s*{module}\b", t, re.MULTILINE) for t in others) or any(
        re.search(rf"\b{module} (#\(|u_)", t) for t in generators
    )


# -- what must be -----------------------------------------------------------------------------------------------


# Cells of the shell that mean nothing alone: the whole shell is their bench.
WHOLE_SHELL = {
    "r4_job": "tests/support/board_jobs.py",
    "r4_serial": "tests/support/serial_boards.py",
    "r4_uart_rx": "tests/support/serial_boards.py",
    "r4_uart_tx": "tests/support/serial_boards.py",
}


def missing_of_operators() -> Iterator[str]:
    rows = table_rows("operators.md")
    for name, kind in OPERATORS:
        if not has_lowering(kind):
            yield f"{name}: a lowering, @lowers({name}) in src/rtl4ml/lowering"
        if name not in made_by_front_ends() and name not in INTERNAL:
            yield f"{name}: a handler in src/rtl4ml/frontends that makes it, or a reason in INTERNAL of this file"
        if name in made_by_front_ends() and name in INTERNAL:
            yield f"{name}: no entry in INTERNAL of this file, since a front end makes it"
        if has_writer(kind) == (name in NO_HLS):
            yield f"{name}: an HLS writer, @writes({name}) in src/rtl4ml/bridge, or a reason in NO_HLS, and not both"
        if name not in rows:
            yield f"{name}: a row in docs/operators.md"
    for name in [*INTERNAL, *NO_HLS]:
        if name not in dict(OPERATORS):
            yield f"{name}: an operator of this name, or no entry in this file"


def missing_of_cells() -> Iterator[str]:
    faces, rows = dict(FACES), table_rows("cells.md")
    operators = (ROOT / "docs" / "operators.md").read_text()
    for module in MODULES:
        if module not in rows:
            yield f"{module}: a row in docs/cells.md; run make docs"
        if module not in faces:
            if module in in_shell() and not has_bench(module) and module not in WHOLE_SHELL:
                yield f"{module}: a bench, tests/cells/test_{module[3:]}.py or one that runs it by its name"
            if not instanced(module) and module not in in_shell():
                yield f"{module}: a class in src/rtl4ml/cells, or another module that is built of it"
            continue
        if module not in MODELS:
            yield f"{module}: a cost model, @models({module!r}) in src/rtl4ml/cost"
        if module not in calibrated():
            yield f"{module}: a grid in scripts/calibration/grids; run scripts/calibrate_resources.py"
        if not has_bench(module):
            yield f"{module}: a bench, tests/cells/test_{module[3:]}.py"
        if f"[{module}]" not in operators:
            yield f"{module}: an operator in docs/operators.md that is made of it"
    for module in faces:
        if module not in MODULES:
            yield f"{module}: its source, rtl/{module}.sv"


def test_every_operator_is_complete() -> None:
    assert len(OPERATORS) > 15
    missing = list(missing_of_operators())
    assert not missing, "missing:\n  " + "\n  ".join(missing)


def test_every_cell_is_complete() -> None:
    assert len(FACES) > 20 and len(MODULES) > 40
    missing = list(missing_of_cells())
    assert not missing, "missing:\n  " + "\n  ".join(missing)


def test_the_tables_list_nothing_else() -> None:
    known = {"operators.md": {"operator", *dict(OPERATORS)}, "cells.md": {"cell", *MODULES}}
    unknown = {page: sorted(table_rows(page) - names) for page, names in known.items()}
    assert not any(unknown.values()), f"rows of no operator and of no cell: {unknown}"
