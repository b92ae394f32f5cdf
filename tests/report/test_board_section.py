# SPDX-License-Identifier: Apache-2.0
"""What the page says of a board and of the jobs that its driver ran in simulation; no number here was measured."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jsonschema
import numpy as np
import pytest
import report_example as example
from pages import SCHEMA, page

from rtl4ml.report import routes, verdicts

DRIVER = "By the driver, on the simulated board"


def with_board(**changes: Any) -> Any:
    found = example.report()
    found["board"] = example.on_board() | changes
    jsonschema.validate(found, SCHEMA)
    return found


def test_the_driver_s_jobs_are_told() -> None:
    text = page(with_board()).text
    assert DRIVER in text and "All channels of memory paused at random in 1 pattern." in text
    assert "ran 2 jobs (BIP, BIL) on the RTL of the whole shell under Verilator" in text
    assert "Pixels 27,816 Values that differ ✓ 0 of 27,816" in text
    assert "Cycles a pixel of a whole job, BIP 204.04 " in text
    assert "Throughput at 249.9975 MHz 1,225,233 pixels/s" in text
    assert "Bytes a pixel, read and written 408.4 and 1" in text
    assert "Traffic of memory 0.5 GB/s Port at work, reading and writing 12.5 % and 0.03 %" in text
    assert "Neither Vivado nor the board has run." in text


@pytest.mark.parametrize("dram", [None, example.on_board()["dram"]])
def test_jobs_under_pauses_alone_have_no_pace(dram: Any) -> None:
    assert ("of a whole job" in page(with_board(dram=dram)).text) == (dram is not None)


def test_of_no_job_nothing_is_said() -> None:
    older = with_board()
    del older["board"]["cosim"], older["board"]["dram"]  # as an earlier rtl4ml wrote it
    jsonschema.validate(older, SCHEMA)
    for report in (with_board(cosim=None, dram=None), older):
        text = page(report).text
        assert "On the board" in text and DRIVER not in text and "that the driver got" not in text
    assert "On the board" not in page(example.report()).text


def test_values_that_differ_are_the_first_thing_on_the_page() -> None:
    wrong = with_board(cosim=example.on_board()["cosim"] | {"mismatches": 3})
    first = verdicts.verdicts(wrong)[0]
    assert (first.kind, first.title, first.detail) == (
        "bad",
        "Not exact",
        "3 of 27,816 values that the driver got on the simulated board differ",
    )
    assert "Values that differ ✗ 3 of 27,816" in page(wrong).text
    assert verdicts.verdicts(with_board())[0].kind == "good"


def test_what_the_driver_got_is_shown() -> None:
    report = with_board()
    scene, _ = example.scene(np.random.default_rng(1))
    known = page(report, example.extras(on_board=scene))
    assert "Class map that the driver got" in known.text
    assert len(known.all("img")) == 6  # those of the accuracy, too
    alone = page(report, example.extras(class_map=None, on_board=replace(scene, truth=None, test=None)))
    assert [a["alt"] for a, _ in alone.all("img")] == ["Map of the predicted class of every pixel"]
    assert f"{example.CLASSES[0]} " in alone.text and "no label" not in alone.text
    frames = example.frames(np.random.default_rng(2), count=2)
    masks = page(report, example.extras(class_map=None, on_board=frames))
    assert "Masks that the driver got Orange: the hardware's mask; cyan: outline" in masks.text
    assert len(masks.all("img")) == 4
    assert page(example.report(), example.extras(class_map=None, on_board=frames)).all("img") == []


def test_a_route_stands_in_place_of_an_assumed_clock() -> None:
    found = with_board(name="ulx3s", cosim=None, dram=None)
    routes.put(found, example.route())
    jsonschema.validate(found, SCHEMA)
    text = page(found).text
    assert "for LFE5U-85F-6BG381C, speed grade 6, the router's own seed" in text
    assert "Clock 95.83 MHz, met: 97.25 MHz" in text
    assert "Routes 150 MHz: 96.03, 95.83 MHz: 97.25" in text
    assert "3,000,000 baud, off by -0.17 %" in text
    assert "TRELLIS_COMB 10,650 83,640 12.7 %" in text
    assert "shell u_taken 0.5 1.25 0" in text and "dense1 u_dense1 r4_mvu 3.66 4.87 11" in text
    assert "is what nextpnr-ecp5 met after routing" in text
    assert "no timing closure was attempted" not in text and "Neither Vivado nor" not in text
    assert found["throughput"]["samples_per_s"] == 95.833333e6 / found["cycles"]["interval"]["model"]
    said = verdicts.verdicts(found)[2].detail
    assert said.startswith("at 95.83 MHz, which nextpnr-ecp5 meets (97.25 MHz)"), said
    assert "no timing closure was attempted" in page(with_board()).text
