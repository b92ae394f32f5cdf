# SPDX-License-Identifier: Apache-2.0
"""What report.json says of its own making. The clock is asked nothing: the same making gives the same entry."""

from __future__ import annotations

from typing import Any, TypedDict


class ModelSource(TypedDict):
    """The model; file: its file's name without folders, None of a model that was in memory.

    file_sha256:    SHA-256 of that file
    weights_sha256: of type, shape and bytes of all weights in turn: the same from a .keras file, an .h5 file and memory
    """

    file: str | None
    file_sha256: str | None
    weights_sha256: str


class Seeds(TypedDict):
    """Seeds of random numbers; samples: None where none were drawn; stalls: of every pattern of stalls."""

    samples: int | None
    stalls: list[int]


class Provenance(TypedDict):
    """How the design was made.

    command:    the command line; None where a Python program called `convert`
    options:    arguments of `convert` that were not its defaults, folder and model aside
    rtl_sha256: SHA-256 of paths and SHA-256 of the RTL's files and memory images; `identity` names the whole project
    versions:   of what was used: rtl4ml, Python and the packages of the conversion; verilator and yosys where they ran
    date:       as the caller gave it
    """

    command: str | None
    options: dict[str, Any]
    model: ModelSource
    rtl_sha256: str
    versions: dict[str, str]
    seeds: Seeds
    date: str | None
