# SPDX-License-Identifier: Apache-2.0
"""No cell by itself has more levels of logic than its budget."""

from __future__ import annotations

import pytest
from calibration.levels import budgets, registered, sample

from rtl4ml.sta.estimate import alone


def test_every_cell_has_a_budget() -> None:
    assert sorted(budgets()) == sorted(registered())


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_no_cell_is_over_its_budget() -> None:
    todo = [(module, u) for module in registered() for u in sample(module)]
    found = alone([u for _, u in todo])
    over = [
        f"{u.name}: {a.levels} levels"
        for (module, u), a in zip(todo, found, strict=True)
        if a.levels > budgets()[module]
    ]
    assert over == []
