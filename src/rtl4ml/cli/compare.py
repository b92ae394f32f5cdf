# SPDX-License-Identifier: Apache-2.0
"""The command that puts two designs side by side."""

from __future__ import annotations

from pathlib import Path

from rtl4ml.cli.show import stdout, table
from rtl4ml.errors import BadInput, readable
from rtl4ml.host.identity import check_report
from rtl4ml.host.tools import absolute
from rtl4ml.report import compare_page, read
from rtl4ml.report.compare import Comparison
from rtl4ml.report.compare import compare as compared
from rtl4ml.report.schema import Report

LISTED = 12  # layers that the terminal names


def compare(a: Path, b: Path, out: Path) -> None:
    """Show the designs A and B side by side, on a page and in a table."""
    if out.is_dir():
        raise BadInput(f"--out: must be a file such as {out / 'compare.html'}, not the folder {out}")
    reports = _read(a), _read(b)
    found = compared(*reports, (absolute(a), absolute(b)))
    compare_page.write(found, absolute(out))
    _show(found)
    stdout().print(f"page     {readable(str(out))}", soft_wrap=True)


def _read(path: Path) -> Report:
    """A report that is whole, and of the design that lies beside it."""
    found = read.read(path)
    if path.is_dir():
        check_report(path, found)
    read.check(found, path)
    return found


def _show(found: Comparison) -> None:
    console = stdout()
    title = f"A: {found.names[0]}, B: {found.names[1]}"
    figures = table(title, "", "A", "B", "B against A")
    for f in found.figures:
        shown = f.difference or ("" if f.a == f.b else "–")
        mark = {"a": "A is better", "b": "B is better"}.get(f.better or "", "")
        name = f"{f.name}{', ' if f.what else ''}{f.what}"
        figures.add_row(*(readable(t) for t in (name, f.a, f.b, f"{shown}{'  ' if mark else ''}{mark}")))
    console.print(figures)
    for side, verdicts in zip("AB", found.heads, strict=True):
        console.print(readable(f"{side}: {verdicts[0].title}; {verdicts[1].title}"), soft_wrap=True)
    others = [layer.name for layer in found.layers if not layer.same]
    rest = f" and {len(others) - LISTED} more" if len(others) > LISTED else ""
    listed = f": {', '.join(others[:LISTED])}{rest}" if others else ""
    console.print(readable(f"{len(others)} of {len(found.layers)} layers differ{listed}"), soft_wrap=True)
