# SPDX-License-Identifier: Apache-2.0
"""What is wrong can be found: rings and a table for the pixels of a map, a table of the values that differ."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import jsonschema
import numpy as np
import pytest
import report_example as example
from pages import SCHEMA, page, table

from rtl4ml.measurements import REMEMBERED, Difference, Tally
from rtl4ml.report.figures.maps import ClassMap
from rtl4ml.report.figures.marks import LISTED, marked

NAMES = ("soil", "water", "crop")


def scene(wrong: dict[tuple[int, int], int], **more: Any) -> ClassMap:
    """40 rows and 30 columns of water from row 100, column 7 on, but for the classes given by row and column."""
    row, col = np.divmod(np.arange(1200), 30)
    row, col = row + 100, col + 7
    predicted = np.array([wrong.get((r, c), 1) for r, c in zip(row.tolist(), col.tolist(), strict=True)])
    shuffled = np.random.default_rng(3).permutation(1200)
    return ClassMap(
        row=row[shuffled],
        col=col[shuffled],
        truth=np.ones(1200, np.int64),
        predicted=predicted[shuffled],
        **more,
    )


def test_a_single_pixel_is_found() -> None:
    found = marked(scene({(120, 17): 2}), NAMES)
    assert found is not None
    (pixel,) = found.pixels
    assert (pixel.row, pixel.col, pixel.truth, pixel.predicted, pixel.test) == (
        120,
        17,
        "water",
        "crop",
        None,
    )
    svg = ElementTree.fromstring(found.rings)
    assert svg.get("viewBox") == "0 0 30 40"
    ring = next(c for c in svg.iter("circle") if c.get("class") == "ring")
    assert (ring.get("cx"), ring.get("cy")) == ("10.5", "20.5")  # the middle of column 10, row 20 of the map
    # On a map 330 pixels wide, of 30 columns, a ring's radius is 9 pixels.
    assert float(ring.get("r", "")) * 330 / 30 == pytest.approx(9)


def test_a_ring_is_as_large_on_a_large_map() -> None:
    row, col = np.divmod(np.arange(512 * 217), 217)
    truth = np.zeros(len(row), np.int64)
    predicted = (np.arange(len(row)) == 5000).astype(np.int64)
    found = marked(ClassMap(row=row, col=col, truth=truth, predicted=predicted), NAMES)
    assert found is not None
    radius = float(next(ElementTree.fromstring(found.rings).iter("circle")).get("r", ""))
    assert radius * 560 / 512 == pytest.approx(9, rel=1e-4)  # 560 pixels is the greatest height


def test_the_first_are_listed_row_by_row() -> None:
    wrong = {(139 - k, 7 + k): 0 for k in range(12)}
    found = marked(scene(wrong), NAMES)
    assert found is not None
    assert found.count == 12
    assert [(p.number, p.row, p.col) for p in found.pixels] == [
        (str(k), 127 + k, 19 - k) for k in range(1, LISTED + 1)
    ]


def test_nothing_is_marked_where_nothing_is_wrong_or_known() -> None:
    assert marked(scene({}), NAMES) is None
    assert marked(None, NAMES) is None
    unknown = scene({(120, 17): 2})
    assert (
        marked(ClassMap(row=unknown.row, col=unknown.col, truth=None, predicted=unknown.predicted), NAMES)
        is None
    )


def test_a_number_at_the_right_edge_is_before_its_ring() -> None:
    found = marked(scene({(120, 36): 2, (125, 7): 2}), NAMES)
    assert found is not None
    texts = [(t.text, t.get("class")) for t in ElementTree.fromstring(found.rings).iter("text")]
    assert texts == [("1", "before"), ("2", "behind")]


def test_the_page_lists_them() -> None:
    test = np.arange(1200) % 2 == 0
    extras = example.extras(
        class_map=scene({(120, 17): 2, (101, 9): 0}, test=test), class_names=NAMES, confusion=None
    )
    shown = page(example.report(), extras)
    assert [a["class"] for a, _ in shown.all("svg") if a.get("class") == "rings"] == ["rings"]
    at = shown.text.index("Wrong pixels 2 pixels, row by row")
    assert "1 101 9 water soil" in shown.text[at:]
    assert "2 120 17 water crop" in shown.text[at:]
    assert "Wrong pixels" not in page(example.report(), example.extras(class_map=None)).text


# -- values that differ from the reference -----------------------------------------------------------------------------


def test_a_tally_remembers_the_first_that_differ() -> None:
    tally = Tally()
    want = np.zeros((3, 2, 4))
    tally.add([want], [want])
    assert tally.first == []
    got = want.copy()
    got[1, 0, 3], got[2, 1, 1] = 1.5, -0.25
    tally.add([got], [want])
    assert tally.first == [Difference(4, (0, 3), 1.5, 0.0), Difference(5, (1, 1), -0.25, 0.0)]
    tally.add([want + 1], [want])
    assert len(tally.first) == REMEMBERED
    assert tally.first[-1] == Difference(6, (1, 3), 1.0, 0.0)
    assert (tally.samples, tally.values, tally.mismatches) == (9, 72, 26)
    tally.add([np.zeros((0, 2, 4))], [np.zeros((0, 2, 4))])
    assert tally.samples == 9
    several = Tally()
    several.add([want, want[..., 0]], [want, want[..., 0] + 1])
    assert several.first[0] == Difference(
        0, (1, 0), 0.0, 1.0
    )  # of several outputs, the number of it comes first


def test_the_page_says_where_they_are() -> None:
    report = example.report()
    first = [
        {"sample": 1_300, "at": [7], "got": 0.1, "want": 0.25},
        {"sample": 1_301, "at": [2, 3, 4], "got": -1.0, "want": 1.0},
    ]
    report["exactness"]["rtl"] |= {"mismatches": 2, "first": first}
    jsonschema.validate(report, SCHEMA)
    shown = page(report)
    at = shown.text.index("The first values that differ")
    assert "RTL simulation 1,300 channel 7 0.10000000000000001 0.25" in shown.text[at:]
    assert "RTL simulation 1,301 row 2, column 3, channel 4 -1 1" in shown.text[at:]
    assert "values that differ At most" not in page(example.report()).text
    assert len(table(shown, "exactness")) == 4
