# SPDX-License-Identifier: Apache-2.0
"""The levels of logic that a cell may have: its budget, and the points of its grid at which it is held."""

from __future__ import annotations

import json
from pathlib import Path

from calibration.counting import units
from calibration.points import GRIDS
from calibration.shell import SHELL, shell_units
from rtl4ml.synthesis.yosys import Unit

# The most levels that each cell may have from register to register, by itself: what was found when the table was
# written, at some points of most grids; other points may have more. `timing.py cells --points 0 --write` counts all, a
# test counts a sample again.
# The goal is GOAL for every cell; whoever mends one lowers its budget.
BUDGETS = Path(__file__).parents[2] / "tests" / "golden" / "levels.json"
GOAL = 5
SPREAD, POINTS = 4, 1


def budgets() -> dict[str, int]:
    """The budgets by module."""
    found: dict[str, int] = json.loads(BUDGETS.read_text())
    return found


def registered() -> list[str]:
    """The modules that have registers: those with a grid, the adder graphs, and the cells of the boards' shell."""
    return [*(m for m in GRIDS if m not in ("r4_mul", "r4_product")), "adders", *SHELL]


def sample(module: str, points: int = POINTS) -> list[Unit]:
    """The first of SPREAD points that are evenly spread over a module's grid; points=0: all of the grid."""
    todo = shell_units(module) if module in SHELL else units(module)
    return todo[:: max(1, len(todo) // SPREAD)][:points] if points else todo
