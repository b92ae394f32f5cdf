# SPDX-License-Identifier: Apache-2.0
"""The output of the commands: progress, tables, a report."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rtl4ml.cli.options import RESOURCES
from rtl4ml.errors import readable
from rtl4ml.host import progress
from rtl4ml.report.pace import notes
from rtl4ml.report.verdicts import fits

Report = Mapping[str, Any]


def stdout() -> Console:
    """What results are printed on; paths may hold brackets."""
    return Console(highlight=False, markup=False)


@contextmanager
def step(what: str) -> Iterator[progress.Tell]:
    """Shows that `what` is going on, then how long it took. Gives a function to say how many of how many are done.

    Without a terminal, as in a log file, a line every few seconds says so.
    """
    console = Console(stderr=True, highlight=False)
    count = progress.Count(what)
    if not console.is_terminal:
        with progress.lines(count, log):
            yield count.tell
        return
    with console.status(Text(count.text)) as status:

        def tell(done: int, of: int) -> None:
            count.tell(done, of)
            status.update(Text(count.text))

        yield tell
    seconds = f"({count.seconds:.1f} s)"
    console.print(Text.assemble(("done", "green"), f" {count.text} ", (seconds, "dim")), soft_wrap=True)


def log(line: str) -> None:
    """Writes a line of a log file at once."""
    print(line, file=sys.stderr, flush=True)


def number(value: float | None) -> str:
    """A number as tables have it, such as 1,234 or 37.3; a dash for None."""
    if value is None:
        return "–"
    return f"{value:,.1f}" if isinstance(value, float) and value % 1 else f"{int(value):,}"


def table(title: str, *columns: str) -> Table:
    """A table without rows; its first column is to the left, the others to the right."""
    made = Table(title=readable(title), title_justify="left")
    for i, column in enumerate(columns):
        made.add_column(column, justify="right" if i else "left")
    return made


def report(report: Report, out: Path) -> None:
    """Prints a report: the verdict, exactness, cycles, resources."""
    console = stdout()
    proof = table("Against the QKeras model", "", "samples", "values", "mismatches")
    names = {"emulate": "emulation (integers)", "csim": "HLS C simulation", "rtl": "RTL simulation"}
    for key, name in names.items():  # what was not asked for has no line
        if row := report["exactness"].get(key):
            proof.add_row(name, *(number(row.get(k)) for k in ("samples", "values", "mismatches")))
    if stalls := report.get("stalls"):
        proof.add_row("RTL, random stalls", number(stalls["frames"]), "", number(stalls["mismatches"]))
    if mapped := report.get("netlist"):
        keys = ("samples", "values", "mismatches")
        proof.add_row("netlist after synthesis", *(number(mapped[k]) for k in keys))
        held = mapped["stalls"]
        proof.add_row("netlist, random stalls", number(held["frames"]), "", number(held["mismatches"]))
    if proof.row_count:
        console.print(proof)
    own = report["exactness"].get("predict") or {}
    if own.get("differ"):
        console.print(
            f"model.predict(x) itself differs in {own['differ']:,} of {own['values']:,} values, "
            f"{own['mismatches']:,} of them unexplained; the report says where and why",
            soft_wrap=True,
        )

    found = report["cycles"]
    known = {"model": "predicted", "rtl": "simulated"}
    kinds = [k for k in known if any(found[key].get(k) is not None for key in ("latency", "interval"))]
    cycles = table(
        f"Cycles at {report['target']['clock_mhz']:g} MHz (assumed)", "", *(known[k] for k in kinds)
    )
    for key in ("latency", "interval"):
        cycles.add_row(key, *(number(found[key].get(k)) for k in kinds))
    if frames := report["cycles"].get("frames"):
        cycles.add_row(
            "frames in the predicted cycle", number(frames["compared"]), number(frames["as_predicted"])
        )
    console.print(cycles)
    for note in notes(found):
        console.print(readable(f"interval: {note.text}"), soft_wrap=True)

    sources = [k for k in ("model", "yosys", "vitis", "vivado") if report["resources"].get(k)]
    resources = table(f"Resources of {report['target']['part']}", "", *sources, "available", "share")
    available = report["resources"]["available"]
    for key in RESOURCES:
        values = [report["resources"][s].get(key) for s in sources]
        counted = [v for v in values if v is not None]
        share = f"{100 * counted[-1] / available[key]:.1f} %" if counted else "–"
        resources.add_row(key, *(number(v) for v in values), number(available[key]), share)
    console.print(resources)
    if (fit := fits(cast("Any", report))).kind == "bad":
        console.print(readable(f"{fit.title}: {fit.detail}"), style="bold red", soft_wrap=True)
    console.print(f"project  {readable(str(out))}", soft_wrap=True)
    console.print(f"report   {readable(str(out / 'report.html'))}", soft_wrap=True)
