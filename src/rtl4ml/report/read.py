# SPDX-License-Identifier: Apache-2.0
"""Reads a report.json back, or refuses it in one line."""

from __future__ import annotations

import json
from pathlib import Path
from types import UnionType
from typing import Any, Literal, NotRequired, Union, cast, get_args, get_origin, get_type_hints, is_typeddict

from rtl4ml.errors import BadInput
from rtl4ml.report.schema import Report

FILE = "report.json"
SCHEMA = 1


def read(path: Path) -> Report:
    """The report of a project's folder, or in a file. Raises BadInput where there is none, or one of another schema."""
    if not path.exists():
        raise BadInput(f"{path}: must be a project's folder or its {FILE}, not missing; check the path")
    if path.is_dir() and not (path / FILE).exists():
        raise BadInput(
            f"{path}: the folder must be a project with a {FILE}, not without; run rtl4ml convert first"
        )
    file = path / FILE if path.is_dir() else path
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(
            f"{file}: the report must be readable JSON, not {error}; run rtl4ml convert again"
        ) from None
    if not isinstance(found, dict) or "schema" not in found:
        raise BadInput(
            f"{file}: the report must be of schema {SCHEMA}, not of another program; run rtl4ml convert again"
        )
    if found["schema"] != SCHEMA:
        raise BadInput(
            f"{file}: the report must be of schema {SCHEMA}, which this version reads, not {found['schema']!r}; "
            "run rtl4ml convert again with this version"
        )
    return cast("Report", found)


def check(report: Report, path: Path) -> None:
    """Raises BadInput where an entry that must be there is not, or is of another kind."""
    if (found := fault(Report, report, "")) is not None:
        raise BadInput(
            f"{path}: the report must have the entries that rtl4ml writes, not {found}; run rtl4ml convert again"
        )


def fault(kind: Any, value: Any, where: str) -> str | None:
    """The first thing at which a value of JSON is not of a type of `report.schema`, in words; None where it is.

    where: its place in the report, such as "cycles.latency"
    """
    origin, inner = get_origin(kind), get_args(kind)
    if origin is NotRequired:
        return fault(inner[0], value, where)
    if origin in (Union, UnionType):
        faults = [fault(k, value, where) for k in inner]
        return None if None in faults else faults[0]
    if is_typeddict(kind) and isinstance(value, dict):
        for key, hint in get_type_hints(kind, include_extras=True).items():
            place = f"{where}.{key}".lstrip(".")
            if key in value:
                found = fault(hint, value[key], place)
            else:
                found = f"without {place}" if kind.__total__ and get_origin(hint) is not NotRequired else None
            if found is not None:
                return found
        return None
    if (origin is list and isinstance(value, list)) or (origin is dict and isinstance(value, dict)):
        entries = enumerate(value) if isinstance(value, list) else value.items()
        faults = [fault(inner[-1], v, f"{where}[{k}]") for k, v in entries]
        return next((f for f in faults if f is not None), None)
    if kind is Any:
        return None
    sound = value in inner if origin is Literal else type(value) in _PLAIN.get(kind, ())
    return None if sound else f"{where} as {type(value).__name__}"


# How JSON has them.
_PLAIN = {
    float: (int, float),
    int: (int,),
    str: (str,),
    bool: (bool,),
    type(None): (type(None),),
}
