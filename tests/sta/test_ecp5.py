# SPDX-License-Identifier: Apache-2.0
"""The comparison with nextpnr that is kept: of ten stages and ten designs at least, and as the README says."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import mean
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def kept() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "tests" / "golden" / "ecp5_timing.json").read_text())
    return found


@pytest.fixture(scope="module")
def readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("kind", "name"), [("stages", "key"), ("designs", "design")])
def test_ratios_are_those_of_ten_at_least(kind: str, name: str, kept: dict[str, Any]) -> None:
    rows = kept[kind]
    assert len(rows) >= 10
    assert len({r[name] for r in rows}) == len(rows)
    for r in rows:
        assert r["ratio"] == pytest.approx(r["estimated_ns"] / r["nextpnr_ns"], abs=0.001), r


def test_the_readme_says_how_far_the_estimate_is_off(kept: dict[str, Any], readme: str) -> None:
    ratios = [r["ratio"] for r in kept["designs"]]
    said = (
        f"came to {min(ratios):.2f} to {max(ratios):.2f} of the\n  period that nextpnr reports after routing "
        f"of {len(ratios)} whole designs, {mean(ratios):.2f} in the mean,"
    )
    assert said in readme
    ratios = [r["ratio"] for r in kept["stages"]]
    assert f"and to {min(ratios):.2f} to {max(ratios):.2f} of {len(ratios)} stages" in readme
