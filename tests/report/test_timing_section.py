# SPDX-License-Identifier: Apache-2.0
"""The page's section of the estimated timing, and its entry in report.json."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
import report_example as example
from pages import SCHEMA, page, table

from rtl4ml.report import verdicts

PATH = [
    {"cell": "u_a", "layer": "conv", "primitive": "FDRE", "ns": 0.077, "net_ns": 0.85, "fan_out": 9000},
    {"cell": "u_b", "layer": "dense", "primitive": "LUT3", "ns": 0.035, "net_ns": 0.05, "fan_out": 1},
    {"cell": "u_b", "layer": "dense", "primitive": "FDRE", "ns": -0.025, "net_ns": 0.0, "fan_out": 0},
]


def timing(**changed: Any) -> dict[str, Any]:
    return {
        "device": "UltraScale+",
        "clock_mhz_asked": 250,
        "period_ns": 4.25,
        "slack_ns": -0.25,
        "levels": 7,
        "crossed": 3,
        "worst": {"cells": ["u_a", "u_b"], "layer": "dense", "levels": 1, "path": PATH},
        "enable": {"fan_out": 9000, "cell": "u_a"},
        "cells": [{"name": "u_b", "layer": "dense", "period_ns": 4.25, "levels": 7}],
        "source": "a table",
        "assumed": ["nets", "pins"],
    } | changed


def test_what_was_estimated_is_shown_as_such() -> None:
    report = example.report() | {"timing": timing()}
    jsonschema.validate(report, SCHEMA)
    shown = page(report)
    assert table(shown, "timing") == [
        ["u_a", "conv", "FDRE", "0.077", "0.850", "9,000"],
        ["u_b", "dense", "LUT3", "0.035", "0.050", "1"],
        ["u_b", "dense", "FDRE", "-0.025", "", ""],
    ]
    for said in (
        "By a static analysis of Yosys's netlist; no router has seen it.",
        "Delays of UltraScale+ from a table. Assumed: nets; pins.",
        "Longest path 4.25 ns",
        "Slack at the 250 MHz asked ✗ -0.25 ns",
        "Most levels of logic 7",
        "Largest clock enable, in u_a 9,000 pins",
        "Timing: estimated 4.25 ns by a static analysis of Yosys's netlist; no router has seen it.",
    ):
        assert said in shown.text, said


def test_slack_that_is_left_is_no_failure() -> None:
    shown = page(example.report() | {"timing": timing(period_ns=3.5, slack_ns=0.5, worst=None)})
    assert "Slack at the 250 MHz asked 0.50 ns" in shown.text
    assert "The longest path" not in shown.text


def test_without_an_analysis_there_is_no_section() -> None:
    shown = page(example.report())
    assert "Timing, estimated" not in shown.text
    assert "#timing" not in [a.get("href") for a, _ in shown.all("a")]


@pytest.mark.parametrize("key", sorted(timing()))
def test_every_key_is_there(key: str) -> None:
    less = {k: v for k, v in timing().items() if k != key}
    with pytest.raises(jsonschema.ValidationError, match=f"^'{key}' is a required property"):
        jsonschema.validate(example.report() | {"timing": less}, SCHEMA)


# -- the verdict ----------------------------------------------------------------------------------------------------


def verdict(**entries: Any) -> tuple[str, str, str]:
    """Kind, title and text of what is said of the clock at the head of the page."""
    v = verdicts.timing({**example.report(), **entries})  # type: ignore[typeddict-item]  # a report and more of its keys
    return v.kind, v.title, v.detail


def test_the_head_says_what_is_known_of_the_clock() -> None:
    assert verdict() == (
        "open", "Timing not known", "no router has seen the design; rtl4ml synth estimates the longest path"
    )  # fmt: skip
    seen = "by a static analysis; no router has seen it"
    assert verdict(timing=timing(period_ns=3.5, slack_ns=0.5)) == (
        "fact", "Timing estimated", f"longest path 3.50 ns for 4.00 asked, {seen}"
    )  # fmt: skip
    assert verdict(timing=timing(period_ns=4.5, slack_ns=-0.5)) == (
        "bad", "Timing estimated: too slow", f"longest path 4.50 ns for 4.00 asked, {seen}"
    )  # fmt: skip


def test_a_router_comes_before_an_estimate() -> None:
    routed = {"fmax_mhz": 133.85, "clock_mhz": 125.0, "tool": "nextpnr-ecp5"}
    assert verdict(timing=timing(), place_and_route=routed) == (
        "good", "Timing met", "133.85 MHz after routing by nextpnr-ecp5, 125 asked"
    )  # fmt: skip
    vivado = {"timing": {"wns_ns": -0.21, "met": False}}
    assert verdict(board={"vivado": vivado}, place_and_route=routed) == (
        "bad", "Timing not met", "-0.21 ns of slack, by Vivado"
    )  # fmt: skip
    vivado = {"timing": {"wns_ns": 0.2, "met": True}}
    assert verdict(board={"vivado": vivado})[:2] == ("good", "Timing met")
