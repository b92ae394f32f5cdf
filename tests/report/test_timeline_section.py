# SPDX-License-Identifier: Apache-2.0
"""The page's timeline of the first frame, and its entry in report.json."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import jsonschema
import report_example as example
from pages import SCHEMA, page, table

from rtl4ml.report.figures import timeline


def times(name: str, *cycles: int) -> dict[str, Any]:
    a, b, c, d = cycles
    return {"name": name, "takes": {"first": a, "last": b}, "gives": {"first": c, "last": d}}


def report() -> dict[str, Any]:
    rows = [
        times("s_axis", 0, 203, 1, 204),
        times("conv1", 2, 205, 14, 1_218),
        times("m_axis", 1_219, 1_219, 1_249, 1_249),
    ]
    return example.report() | {"timeline": rows}


def test_the_table_has_every_layer_with_its_cycles() -> None:
    jsonschema.validate(report(), SCHEMA)
    shown = page(report())
    assert table(shown, "timeline") == [
        ["s_axis", "", "takes 0 – 203", "gives 1 – 204", "adds 1"],
        ["conv1", "", "takes 2 – 205", "gives 14 – 1,218", "adds 1,013"],
        ["m_axis", "", "takes 1,219", "gives 1,249", "adds 30"],
    ]
    assert "to cycle 1,249, which gives the last one, 4.996 µs at an assumed 250 MHz." in shown.text
    assert ("#timeline", "First frame") in [(a.get("href"), text) for a, text in shown.all("a")]
    labels = [a["aria-label"] for a, _ in shown.all("svg") if a.get("class") == "times"]
    assert labels[1] == "conv1: takes beats in cycles 2 to 205, gives beats in cycles 14 to 1,218"
    assert labels[2] == "m_axis: takes beats in cycle 1,219, gives beats in cycle 1,249"


def test_bars_are_where_the_cycles_are_and_never_too_short_to_see() -> None:
    bars = [ElementTree.fromstring(row.bars) for row in timeline.rows(report())]  # type: ignore[arg-type]
    assert {b.get("viewBox") for b in bars} == {"0 0 1250 16"}
    boxes = [[(float(r.get("x", "")), float(r.get("width", ""))) for r in b.iter("rect")] for b in bars]
    assert boxes[1] == [(2, 204), (14, 1_205)]
    assert boxes[2] == [(1_219, 7.5), (1_242.5, 7.5)]  # 0.6 % of 1,250, and within them


def test_a_report_of_before_it_has_no_section() -> None:
    jsonschema.validate(example.report(), SCHEMA)
    shown = page(example.report())
    assert "The first frame, layer by layer" not in shown.text
    assert "#timeline" not in [a.get("href") for a, _ in shown.all("a")]


def test_where_it_is_not_known_the_page_says_why() -> None:
    unknown = example.report() | {"timeline": None}
    jsonschema.validate(unknown, SCHEMA)
    shown = page(unknown)
    assert (
        "Not known: the frame is too large to be stepped through, no frame comes out, or g++, which compiles the "
        "stepper, is missing."
    ) in shown.text
    assert ("#timeline", "First frame") in [(a.get("href"), text) for a, text in shown.all("a")]
