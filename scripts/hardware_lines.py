# SPDX-License-Identifier: Apache-2.0
"""What the students' pages say of a report's figures, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NOT_RUN = "not run"
UNITS = {"lut": "LUT", "ff": "FF", "dsp": "DSP48E2", "bram36": "RAMB36"}


def both(pair: Mapping[str, Any]) -> str:
    """Cycles by the model and in the RTL simulation."""
    return ", ".join(NOT_RUN if pair[k] is None else f"{pair[k]:,}" for k in ("model", "rtl"))


def proof(what: Mapping[str, Any] | None, unit: str) -> str:
    """How many of all compared values are not the reference's."""
    return f"{what['mismatches']:,} of {what['values']:,} {unit} differ" if what else NOT_RUN


def stalled(report: Mapping[str, Any], unit: str) -> str:
    """As `proof`, of frames under random stalls."""
    stalls = report["stalls"]
    if not stalls or not stalls["frames"]:
        return NOT_RUN
    return f"{stalls['mismatches']} of {stalls['frames']} {unit} differ"


def resources(report: Mapping[str, Any], kind: str) -> str:
    """Resources by "model" or "yosys", and their shares of the device."""
    some, available = report["resources"].get(kind), report["resources"]["available"]
    if not some:
        return NOT_RUN
    return ", ".join(
        f"{some[k]:,g} {unit} ({100 * some[k] / available[k]:.1f} %)" for k, unit in UNITS.items()
    )
