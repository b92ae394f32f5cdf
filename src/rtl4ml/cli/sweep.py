# SPDX-License-Identifier: Apache-2.0
"""The command that converts a model for several intervals."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import ceil
from pathlib import Path
from typing import Any

from rtl4ml.cli import outcome
from rtl4ml.cli.design import check_conversion, design_of
from rtl4ml.cli.options import RESOURCES, option_of
from rtl4ml.cli.show import number, stdout, table
from rtl4ml.errors import BadInput, Rtl4mlError, Value, readable
from rtl4ml.host.folders import project_folder


def _option_of_sweep(argument: str, value: Value) -> str:
    return option_of("intervals" if argument == "target_interval" else argument, value)


def sweep(model: Path, out: Path | None, intervals: str | None, **options: Any) -> None:
    """Convert MODEL for several intervals and compare what they cost."""
    if options.pop("target_interval") is not None:
        raise BadInput(
            "sweep: targets must be in --intervals, not in --target-interval; write --intervals 204,408"
        )
    targets: list[int | None] = [None] if intervals is None else [*_intervals(intervals)]
    out = out if out is not None else Path("build") / f"{model.stem}-sweep"
    points: list[dict[str, Any]] = []
    refused: Rtl4mlError | None = None
    check_conversion(model, options)
    with project_folder(out) as folder:
        for target in targets:  # grows: the first point's interval gives the default's others
            name = "default" if target is None else f"interval-{target}"
            which = ", default" if target is None else f", interval {target:,}"
            try:
                design = design_of(model, folder / name, which, target_interval=target, **options)
            except Rtl4mlError as error:
                refused = error
                points.append({"target": target, "refused": error.worded(_option_of_sweep)})
                continue
            found = design.report()
            interval = found["cycles"]["interval"]["model"]
            if target is None:
                targets += [ceil(k * interval) for k in (2, 4, 8)]  # a mean may be a fraction
            point = {"target": target, "refused": None, "interval": interval}
            point["latency"] = found["cycles"]["latency"]["model"]
            point["mac_efficiency"] = found["efficiency"]["mac_efficiency"]
            points.append(point | {k: found["resources"]["model"][k] for k in RESOURCES})
        if refused is not None and all(point["refused"] for point in points):
            # a target that does not fit is a result, none that does is an error
            raise type(refused)(refused.worded(_option_of_sweep))
        text = json.dumps({"schema": 1, "model": model.name, "points": points}, indent=2)
        (folder / "sweep.json").write_text(text + "\n", encoding="utf-8")
    outcome.WRITTEN.append(out)
    _show_sweep(model.name, points)
    stdout().print(f"projects {readable(str(out))}", soft_wrap=True)


def _intervals(text: str) -> list[int]:
    try:
        found = [int(part) for part in text.split(",")]
    except ValueError:
        found = [0]
    if min(found) < 1:
        raise BadInput(
            f"sweep: --intervals must be whole numbers from 1 up with commas between, not {text!r}; "
            "write --intervals 204,408"
        )
    return found


def _show_sweep(name: str, points: Sequence[Mapping[str, Any]]) -> None:
    shown = table(f"{name} (predicted)", "target", "interval", "latency", *RESOURCES, "MAC efficiency")
    for point in points:
        if point["refused"]:
            shown.add_row(number(point["target"]), "refused")
            continue
        numbers = (number(point[k]) for k in ("interval", "latency", *RESOURCES))
        efficiency = point["mac_efficiency"]
        shown.add_row(number(point["target"]), *numbers, "–" if efficiency is None else f"{efficiency:.3f}")
    console = stdout()
    console.print(shown)
    for point in points:
        if point["refused"]:
            console.print(f"{number(point['target'])}: {point['refused']}", soft_wrap=True)
