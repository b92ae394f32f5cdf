# SPDX-License-Identifier: Apache-2.0
"""The comparison with nextpnr that is kept: of ten stages at least, and as the README says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_the_readme_says_how_far_the_estimate_is_off() -> None:
    kept = json.loads((ROOT / "tests" / "golden" / "ecp5_timing.json").read_text())
    stages = kept["stages"]
    assert len(stages) >= 10
    assert len({s["key"] for s in stages}) == len(stages)
    for s in stages:
        assert s["ratio"] == pytest.approx(s["estimated_ns"] / s["nextpnr_ns"], abs=0.001), s["cells"]
    least, most = (f(s["ratio"] for s in stages) for f in (min, max))
    said = f"came to {least:.2f} to {most:.2f} of the\n  period that nextpnr reports after routing"
    assert said in (ROOT / "README.md").read_text(encoding="utf-8")
