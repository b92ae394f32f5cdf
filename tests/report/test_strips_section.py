# SPDX-License-Identifier: Apache-2.0
"""The page's section of strips, and its entry in report.json."""

from __future__ import annotations

import jsonschema
import report_example as example
from pages import SCHEMA, page

STRIPS = {
    "frame_columns": 10_000, "columns": 448, "number": 39, "align": 16, "step": 256, "halo": [94, 94],
    "computed": 1.7472,
}  # fmt: skip


def test_strips_are_on_the_page() -> None:
    report = example.report() | {"strips": STRIPS}
    jsonschema.validate(report, SCHEMA)
    shown = page(report)
    for said in (
        "The model's frames are 10,000 columns wide, those of the hardware 448.",
        "each of the model's is cut into 39 strips that overlap",
        "Halo, left and right 94 and 94 columns",
        "From one strip to the next 256 columns, a multiple of 16",
        "Columns computed for each of the frame's 1.75",
    ):
        assert said in shown.text, said


def test_frames_that_are_not_cut_have_no_such_section() -> None:
    assert "Halo" not in page(example.report()).text
