# SPDX-License-Identifier: Apache-2.0
"""The registry of cost models, one a module of `rtl/`, and the coefficients of their terms."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from rtl4ml.netlist.memories import Terms

Params = Mapping[str, Any]


# Parameters that a cell may leave at the module's default.
DEFAULTS = {
    "Fields": 0,
    "Spacing": 1,
    "Chain": 1,
    "Overlap": 0,
    "Pumped": 0,
    "Late": 0,
    "Base": 0,
    "Step": 1,
    "Align": 0,
    "HasBias": 0,
    "ShiftWidth": 0,
    "LevelShared": 1,
    "LevelKind": 0,
    "Parallel": 0,
    "Block": 0,
}

# -- terms by module: (LUT, FF, RAMB36) ---------------------------------------------------------------------------

Model = Callable[[Params], tuple[Terms, Terms, float]]
MODELS: dict[str, Model] = {}


def models(module: str) -> Callable[[Model], Model]:
    """Registers the cost model of a module of `rtl/`. Raises ValueError where it has one already."""

    def add(f: Model) -> Model:
        if module in MODELS:
            raise ValueError(f"{module}: two models of one module")
        MODELS[module] = f
        return f

    return add


@cache
def coefficients() -> dict[str, dict[str, dict[str, float]]]:
    """Cost of each term: module to "lut" or "ff" to term to cost."""
    found: dict[str, dict[str, dict[str, float]]] = json.loads(
        (files("rtl4ml.cost") / "coefficients.json").read_text(encoding="utf-8")
    )
    return found
