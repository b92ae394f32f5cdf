# SPDX-License-Identifier: Apache-2.0
"""The page of two designs side by side: one HTML file that opens offline and runs no script."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

from rtl4ml._version import __version__
from rtl4ml.host.tools import disk_errors
from rtl4ml.report.compare import COLUMNS, Comparison
from rtl4ml.report.page import environment, resource


def write(comparison: Comparison, file: Path) -> None:
    """Writes the page. Raises EnvironmentProblem where the file cannot be written."""
    text = build(comparison)
    with disk_errors(file.parent):
        file.parent.mkdir(parents=True, exist_ok=True)
    with disk_errors(file):
        file.write_text(text, encoding="utf-8")


def build(comparison: Comparison) -> str:
    """The text of the page."""
    template = environment().get_template("compare.html.j2")
    style = Markup(resource("report.css"))
    return template.render(c=comparison, columns=COLUMNS, version=__version__, style=style)
