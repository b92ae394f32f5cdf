# SPDX-License-Identifier: Apache-2.0
"""Which model each module of `rtl/` has, and the coefficients of the models' terms."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from rtl4ml.netlist.memories import Terms

P = Mapping[str, Any]


# Parameters that a cell may leave at the module's default.
DEFAULTS = {
    "Fields": 0,
    "Spacing": 1,
    "Chain": 1,
    "Overlap": 0,
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

Model = Callable[[P], tuple[Terms, Terms, float]]
MODELS: dict[str, Model] = {}


def models(module: str) -> Callable[[Model], Model]:
    """Registers the terms of a module of `rtl/`."""

    def add(f: Model) -> Model:
        if module in MODELS:
            raise ValueError(f"{module}: two models of one module")
        MODELS[module] = f
        return f

    return add


@cache
def coefficients() -> dict[str, dict[str, dict[str, float]]]:
    """Module -> "lut" or "ff" -> term -> cost."""
    found: dict[str, dict[str, dict[str, float]]] = json.loads(
        (files("rtl4ml.cost") / "coefficients.json").read_text(encoding="utf-8")
    )
    return found
