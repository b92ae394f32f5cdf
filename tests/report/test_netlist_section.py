# SPDX-License-Identifier: Apache-2.0
"""The page's lines on the netlist after synthesis, its entry in report.json, and the verdict on it."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
import report_example as example
from pages import SCHEMA, page, table

from rtl4ml.report.verdicts import exact


def netlist(**changed: Any) -> dict[str, Any]:
    return {
        "family": "ECP5",
        "tool": "Yosys",
        "version": "0.70",
        "cells": {"LUT4": 1234, "TRELLIS_FF": 99},
        "samples": 256,
        "values": 512,
        "mismatches": 0,
        "stalls": {"patterns": 2, "frames": 300, "mismatches": 0},
        "cycles": {"compared": 556, "as_rtl": 556},
    } | changed


def test_the_netlist_stands_beside_the_other_proofs() -> None:
    report = example.report() | {"netlist": netlist()}
    jsonschema.validate(report, SCHEMA)
    shown = page(report)
    assert table(shown, "exactness")[-2:] == [
        [
            "Netlist after synthesis ECP5 primitives by Yosys 0.70, under Verilator",
            "256",
            "512",
            "0",
            "✓ yes",
        ],
        ["Netlist, random stalls", "300 frames", "2 patterns", "0", "✓ yes"],
    ]
    assert "The netlist has 1,234 LUT4, 99 TRELLIS_FF;" in shown.text
    assert "did: 556 of 556." in shown.text
    assert exact(report, "sample").kind == exact(example.report(), "sample").kind == "good"


def test_what_was_not_run_is_said() -> None:
    none = netlist(samples=0, values=0, stalls={"patterns": 0, "frames": 0, "mismatches": 0})
    assert [row[1] for row in table(page(example.report() | {"netlist": none}), "exactness")[-2:]] == [
        "not run"
    ] * 2


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"mismatches": 3}, "3 values differ in the netlist after synthesis"),
        (
            {"stalls": {"patterns": 1, "frames": 9, "mismatches": 4}},
            "4 values differ in the netlist after synthesis",
        ),
        (
            {"cycles": {"compared": 556, "as_rtl": 550}},
            "6 frames of the netlist come in other cycles than the RTL's",
        ),
    ],
)
def test_a_wrong_netlist_is_no_exact_design(changed: dict[str, Any], said: str) -> None:
    found = exact(example.report() | {"netlist": netlist(**changed)}, "sample")  # type: ignore[arg-type]  # a plain dictionary
    assert (found.kind, found.title, found.detail) == ("bad", "Not exact", said)
