# SPDX-License-Identifier: Apache-2.0
"""Wrong areas of masks can be found: rings over the frames, and a table of where they are."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
import report_example as example
from pages import page, table

from rtl4ml.report.figures.areas import LISTED, marked_frames
from rtl4ml.report.figures.maps import Frames


def frames(*wrong: tuple[int, int, int, bool], count: int = 1) -> Frames:
    """Frames of 40 rows and 66 columns; the first has vertical wrong lines: row, column, pixels, whether missed."""
    masks = np.zeros((count, 40, 66), bool)
    truth = masks.copy()
    for row, col, pixels, missed in wrong:
        (truth if missed else masks)[0, row : row + pixels, col] = True
    return Frames(images=np.full((count, 40, 66, 3), 0.25), masks=masks, truth=truth)


def test_the_largest_area_is_first_and_touching_pixels_are_one() -> None:
    wrong = frames((4, 10, 3, True), (20, 30, 7, False), (27, 31, 1, False))
    (found,) = marked_frames(wrong, ["a"])
    assert found is not None
    assert [(a.number, a.frame, a.row, a.col, a.pixels, a.missed) for a in found.areas] == [
        ("1", "a", 23, 30, 8, False),  # the pixel at a corner belongs to it
        ("2", "a", 5, 10, 3, True),
    ]
    assert found.count == 2


def test_missed_pixels_and_others_beside_them_are_two_areas() -> None:
    (found,) = marked_frames(frames((4, 10, 3, True), (4, 11, 3, False)), ["a"])
    assert found is not None
    assert [(a.col, a.missed) for a in found.areas] == [(10, True), (11, False)]


def test_a_ring_is_around_its_area_and_never_small_on_a_narrow_screen() -> None:
    (found,) = marked_frames(frames((2, 10, 30, True), (4, 40, 1, False)), ["a"])
    assert found is not None
    svg = ElementTree.fromstring(found.rings)
    assert svg.get("viewBox") == "0 0 66 40"
    rings = [c for c in svg.iter("circle") if c.get("class") == "ring"]
    # A pixel of the picture is 165 / 66 = 2.5 of the screen: a stroke of 2 there is 0.8 here, a radius of 9 is 3.6.
    assert [tuple(float(c.get(k, "")) for k in ("cx", "cy", "r")) for c in rings] == [
        (10.5, 17, pytest.approx(15.8)),
        (40.5, 4.5, pytest.approx(3.6)),
    ]
    titles = [t.text for t in svg.iter("title")]
    assert titles[0] == "1: 30 pixels missed, around row 16, column 10"
    assert titles[1] == "2: 1 pixel set wrongly, around row 4, column 40"
    assert svg.get("aria-label") == "Rings around 2 wrong areas; the table below lists them"


def test_a_number_at_an_edge_stays_within_the_picture() -> None:
    (found,) = marked_frames(frames((0, 33, 1, True), (39, 20, 1, True)), ["a"])
    assert found is not None
    heights = [float(t.get("y", "")) for t in ElementTree.fromstring(found.rings).iter("text")]
    # A letter is 13 / 2.5 = 5.2 pixels of the picture high; its foot is 0.35 of that below its middle.
    assert heights == [pytest.approx(2.6 + 1.82), pytest.approx(40 - 2.6 + 1.82)]


def test_no_more_than_a_few_of_a_frame_are_listed() -> None:
    (found,) = marked_frames(frames(*((4, 4 + 3 * k, 1 + k, True) for k in range(LISTED + 2))), ["a"])
    assert found is not None
    assert found.count == LISTED + 2
    assert [a.pixels for a in found.areas] == [LISTED + 2 - k for k in range(LISTED)]


def test_nothing_is_marked_where_nothing_is_wrong_or_known() -> None:
    wrong = frames((4, 10, 3, True), count=2)
    found = marked_frames(wrong, ["a", "b"])
    assert found[0] is not None and found[1] is None
    assert marked_frames(replace(wrong, truth=None), ["a", "b"]) == (None, None)


def test_the_page_lists_them_and_rings_go_on_in_the_next_frame() -> None:
    wrong = frames((4, 10, 3, True), count=2)
    wrong.masks[1, 30, 8:10] = True
    report, extras = example.ships()
    shown = page(report, replace(extras, frames=wrong))
    rows = [row for row in table(shown, "accuracy") if row[-1] in ("misses it", "is set, the truth is not")]
    assert rows == [
        ["1", "1", "5", "10", "3", "misses it"],
        ["2", "2", "30", "8", "2", "is set, the truth is not"],
    ]
    assert "the largest of each" in shown.text and ", 2 of 2, each with a ring on the mask." in shown.text
    assert [a["class"] for a, _ in shown.all("svg") if a.get("class") == "rings"] == ["rings", "rings"]
    right = replace(wrong, truth=wrong.masks)
    assert "Wrong areas" not in page(report, replace(extras, frames=right)).text
