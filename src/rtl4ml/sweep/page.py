# SPDX-License-Identifier: Apache-2.0
"""The page of a sweep: one file that opens offline, its plots by Plotly, whose JavaScript is in it."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import plotly.offline
from markupsafe import Markup

from rtl4ml._version import __version__
from rtl4ml.sweep.front import FIGURES, figure
from rtl4ml.sweep.points import Outcome, Point, folder_of
from rtl4ml.sweep.space import RESOURCES
from rtl4ml.sweep.study import Result
from rtl4ml.sweep.verify import Verified

PAGE = "sweep.html"
REFRESH = 5  # seconds between two looks at a sweep that goes on
UNITS = {
    "interval": "interval, cycles",
    "latency": "latency, cycles",
    "fps": "samples a second",
    "lut": "LUT",
    "ff": "flip-flops",
    "dsp": "DSP48E2",
    "bram36": "RAMB36",
    "cost": "cost",
}
LOG = ("interval", "latency", "fps")  # figures that spread over decades


def write(
    result: Result, folder: Path, *, number: int | None = None, verified: Verified | None = None
) -> None:
    """Writes sweep.html. number: points that the sweep will have, while it goes on; the page then renews itself."""
    text = render(result, number=number, verified=verified, reports=reports(result, folder))
    (folder / PAGE).write_text(text, encoding="utf-8")


def reports(result: Result, folder: Path) -> dict[str, str]:
    """The reports of points that were made into projects, by their number as the page has it, as links."""
    found = {str(p.number): f"{folder_of(p.number)}/report.html" for p in result.points}
    return {number: link for number, link in found.items() if (folder / link).is_file()}


def render(
    result: Result,
    *,
    number: int | None = None,
    verified: Verified | None = None,
    reports: Mapping[str, str] | None = None,
) -> str:
    """The text of the page. reports: links to those of points, by their numbers."""
    made = [p for p in result.points if p.outcome is not None and not p.outcome.refused]
    refused = Counter(p.outcome.refused for p in result.points if p.outcome is not None and p.outcome.refused)
    first = result.aims[0].name
    others = list(dict.fromkeys([a.name for a in result.aims[1:]] + ["lut"]))
    plots = [name for name in others if name != first]
    shown = [*FIGURES, *result.accuracies]
    templates = files("rtl4ml.templates")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    page = environment.from_string((templates / "sweep.html.j2").read_text(encoding="utf-8"))
    terms = [f"{result.price[k]:g} × the share of {UNITS[k]}" for k in RESOURCES if result.price[k]]
    return page.render(
        model=result.model,
        version=__version__,
        live=None if number is None else REFRESH,
        done=sum(p.outcome is not None for p in result.points),
        number=number,
        total=len(result.points),
        beaten=len(result.dominated),
        refused=sum(refused.values()),
        origin=f"Axes: {', '.join(a.name for a in result.space.axes)}.",
        aims=", ".join(title(a.name) for a in result.aims),
        cost=" + ".join(terms) or "nothing",
        plots=plots,
        y=title(first),
        columns=_columns(result),
        heads=[
            "point",
            *(f"{a.name} asked" for a in result.space.axes),
            *map(title, shown),
            *(f"test {name}" for name in result.accuracies if result.tested),
        ],
        front=[_row(result, p, shown) for p in result.front],
        reports=dict(reports or {}),
        reasons=refused.most_common(),
        verified=None if verified is None else verified.table(),
        csv=Markup("data:text/csv;base64," + base64.b64encode(result.csv().encode()).decode()),
        css=Markup((templates / "report.css").read_text(encoding="utf-8")),
        js=Markup((templates / "sweep.js").read_text(encoding="utf-8")),
        plotly=Markup(plotly.offline.get_plotlyjs()),
        data=Markup(_script(_data(result, made, first, plots))),
    )


def title(name: str) -> str:
    """A figure as axes and tables name it."""
    return UNITS.get(name, name)


def _script(value: Any) -> str:
    """JSON that may stand in a script element."""
    return json.dumps(value, allow_nan=False).replace("<", "\\u003c")


def _columns(result: Result) -> list[dict[str, Any]]:
    """The axes of the parallel coordinates: those of the space, then figures; texts by their places."""
    found: list[dict[str, Any]] = []
    for axis in result.space.axes:
        texts = [str(v) for v in axis.values] if isinstance(axis.values[0], str) else None
        found.append({"name": f"asked_{axis.name}", "title": f"{axis.name} asked", "texts": texts})
    found += [{"name": k, "title": title(k), "texts": None} for k in (*FIGURES, *result.accuracies)]
    return found


def _data(result: Result, made: list[Point], first: str, plots: list[str]) -> dict[str, Any]:
    figures = (*FIGURES, *result.accuracies)
    points: list[dict[str, Any]] = []
    for p in made:
        assert p.outcome is not None
        values = {k: round(figure(k, p.outcome, result.price), 6) for k in figures}
        asked = {f"asked_{k}": v for k, v in p.params.items()}
        points.append(
            {
                "number": p.number,
                "by": result.dominated.get(p.number),
                "figures": values,
                "values": {**asked, **values},
                "told": _told(result, p, p.outcome),
            }
        )
    return {
        "points": points,
        "plots": plots,
        "y": first,
        "titles": {k: title(k) for k in figures},
        "log": [k for k in LOG if all(q["figures"][k] > 0 for q in points)],
        "columns": _columns(result),
    }


def _told(result: Result, point: Point, outcome: Outcome) -> str:
    """What is said of a point that one points at."""
    asked = ", ".join(f"{k} {_asked(k, v)}" for k, v in point.params.items())
    lines = [
        f"point {point.number}: {asked}",
        f"{outcome.fps:,.0f} samples a second, interval {outcome.interval:,.6g}",
    ]
    lines.append(
        ", ".join(
            f"{figure(k, outcome, result.price):,.6g} {UNITS[k]} ({100 * outcome.share(k):.1f} %)"
            for k in RESOURCES
        )
    )
    lines += [f"{k} {figure(k, outcome, result.price):.4f}" for k in result.accuracies]
    if (by := result.dominated.get(point.number)) is not None:
        lines.append(f"beaten by point {by}")
    return "<br>".join(lines)


def _asked(name: str, value: Any) -> str:
    if name in RESOURCES:
        return f"{100 * value:.3g} %"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _row(result: Result, point: Point, shown: list[str]) -> list[str]:
    assert point.outcome is not None
    cells = [str(point.number), *(_asked(k, v) for k, v in point.params.items())]
    for name in shown:
        value = figure(name, point.outcome, result.price)
        small = name in ("cost", *result.accuracies)
        cells.append(f"{value:.4f}" if small else f"{value:,.0f}" if value >= 1000 else f"{value:,.4g}")
    if result.tested:
        cells.append(f"{result.tested[point.number]:.4f}")
    return cells
