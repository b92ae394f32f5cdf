# SPDX-License-Identifier: Apache-2.0
"""The page of a report: one HTML file that opens offline."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import uuid
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup

from rtl4ml._version import __version__
from rtl4ml.host.tools import disk_errors
from rtl4ml.report import kept, pace
from rtl4ml.report.extras import Extras
from rtl4ml.report.figures import areas, levels, maps, timeline
from rtl4ml.report.figures.canvas import MEMORY
from rtl4ml.report.figures.marks import Marked, marked
from rtl4ml.report.numbers import duration, magnitude, number, percent, plural, signed, signed_percent
from rtl4ml.report.schema import Report
from rtl4ml.report.tables import (
    bottleneck_rows,
    budget_text,
    confusion_rows,
    differing_rows,
    equal_layers,
    excess_rows,
    fifo_rows,
    layer_totals,
    nearly_full,
    packed_products,
    resource_bars,
)
from rtl4ml.report.verdicts import CHECK_NAMES, RESOURCE_NAMES, agrees, each_frame, verdicts


def write(report: Report, out: Path, *, extras: Extras | None = None) -> None:
    """Writes report.json, report.html and what the page is made of into the folder `out`, each whole or not at all.

    extras: default those that the folder's page was written with last

    Raises EnvironmentProblem where the folder cannot be written or the disk is full, ValueError where the report
    holds NaN or infinity.
    """
    shown = kept.read(out) if extras is None else extras
    texts = {
        "report.html": build(report, shown),
        kept.FILE: kept.text(shown),
        "report.json": json.dumps(report, indent=2, allow_nan=False, default=_plain) + "\n",
    }
    with disk_errors(out):
        out.mkdir(parents=True, exist_ok=True)
        fresh = {out / name: out / f".{name}.{uuid.uuid4().hex[:8]}.part" for name in texts}
        try:
            for target, part in fresh.items():
                with part.open("w", encoding="utf-8") as f:
                    f.write(texts[target.name])
                    f.flush()
                    os.fsync(f.fileno())
            for target, part in fresh.items():
                part.replace(target)
        finally:
            for part in fresh.values():
                with contextlib.suppress(OSError):
                    part.unlink(missing_ok=True)


def build(report: Report, extras: Extras) -> str:
    """The text of report.html. Raises ValueError where the extras contradict themselves."""
    if extras.confusion is not None:
        classes = len(extras.class_names)
        if extras.confusion.shape != (classes, classes):
            raise ValueError(
                f"confusion: must have a row and a column for each of {classes} class names, "
                f"not the shape {extras.confusion.shape}"
            )
    style, script = resource("report.css"), resource("report.js")
    synthetic = extras.data is not None and extras.data.synthetic
    said = verdicts(report, sample=extras.sample, synthetic=synthetic)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            extras=extras,
            verdicts=said,
            cards=sorted(said, key=lambda v: not (v is said[1] and v.kind == "bad")),
            agrees=agrees,
            bars=resource_bars(report),
            excess=excess_rows(report),
            budget=budget_text(report),
            full=nearly_full(report),
            wide=_pipeline(extras, narrow=False),
            narrow=_pipeline(extras, narrow=True),
            nested=bool(extras.stages) and levels.levels(extras.stages, extras.edges) is not None,
            frames=_frames(extras.frames),
            board_maps=_board_maps(extras),
            board_frames=_frames(extras.on_board),
            places=fifo_rows(report, extras),
            products={p.layer: p for p in extras.products},
            packed=packed_products(extras),
            confusion=confusion_rows(extras),
            maps=(
                maps.pictures(extras.class_map, extras.class_names) if extras.class_map is not None else ()
            ),
            differences=differing_rows,
            timeline=timeline.rows(report),
            marked=marked(extras.class_map, extras.class_names),
            board_marked=_board_marked(extras),
            totals=layer_totals(report),
            slowest=max((layer["interval"] or 0 for layer in report["layers"]), default=0),
            bottlenecks=bottleneck_rows(report, extras),
            each_frame=each_frame(report),
            pace=pace.notes(report["cycles"]),
            sets=pace.sets(report["cycles"], [s.interval for s in extras.stages]),
            equals=equal_layers(extras),
            check_names=CHECK_NAMES,
            memory_names=MEMORY,
            resource_names=RESOURCE_NAMES,
            version=__version__,
            style=Markup(style),
            script=Markup(script),
            script_hash=digest,
        )
    )


def _pipeline(extras: Extras, *, narrow: bool) -> Markup | None:
    return levels.picture(extras.stages, extras.edges, narrow=narrow) if extras.stages else None


def _board_maps(extras: Extras) -> tuple[maps.Picture, ...]:
    """The class map that a board gave, with its truth where there is one."""
    found = extras.on_board
    return maps.pictures(found, extras.class_names or found.names) if isinstance(found, maps.ClassMap) else ()


def _board_marked(extras: Extras) -> Marked | None:
    found = extras.on_board
    return marked(found, extras.class_names or found.names) if isinstance(found, maps.ClassMap) else None


def _frames(found: object) -> tuple[tuple[maps.FramePicture, areas.MarkedFrame | None], ...]:
    """The first frames, each with the marks of its wrong areas; none where there are no frames."""
    if not isinstance(found, maps.Frames):
        return ()
    shown = maps.frame_pictures(found)
    return tuple(zip(shown, areas.marked_frames(found, [f.name for f in shown]), strict=True))


def _plain(value: object) -> object:
    """NumPy scalars as what JSON knows."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"report: {type(value).__name__} is not a JSON value")


def resource(name: str) -> str:
    """The text of a file of `rtl4ml.templates`."""
    return (files("rtl4ml.templates") / name).read_text(encoding="utf-8")


@cache
def environment() -> jinja2.Environment:
    """Jinja2 for pages, with the filters of numbers."""
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(resource),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    filters: dict[str, Any] = {
        "number": number,
        "percent": percent,
        "magnitude": magnitude,
        "duration": duration,
        "tojson_plain": lambda value: json.dumps(value, sort_keys=True, ensure_ascii=False),
        "plural": plural,
        "signed": signed,
        "signed_percent": signed_percent,
    }
    environment.filters.update(filters)
    return environment
