# SPDX-License-Identifier: Apache-2.0
"""report.json and the text of report.html; what a browser makes of the page is in test_report_browser.py."""

from __future__ import annotations

import base64
import copy
import errno
import hashlib
import io
import json
import os
import re
from collections.abc import Iterator
from importlib.resources import files
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any, NotRequired, get_args, get_origin, get_type_hints, is_typeddict
from xml.etree import ElementTree

import jsonschema
import numpy as np
import pytest
import report_example as example
from hypothesis import given
from hypothesis import strategies as st
from pages import EVIL, SCHEMA, Page, corners, page, shapes, table
from PIL import Image

from rtl4ml.errors import EnvironmentProblem
from rtl4ml.report import numbers as report_numbers
from rtl4ml.report import page as report_page
from rtl4ml.report import schema as report_schema
from rtl4ml.report import verdicts as report_verdicts
from rtl4ml.report.extras import Data, Extras, Refusal
from rtl4ml.report.figures import canvas, maps, pipeline
from rtl4ml.report.figures.canvas import Edge, Stage
from rtl4ml.report.figures.maps import ClassMap


def changed(path: str, value: Any) -> dict[str, Any]:
    """The example with one value replaced; `path` is dotted."""
    r = example.report()
    *way, last = path.split(".")
    at = r
    for key in way:
        at = at[int(key)] if isinstance(at, list) else at[key]
    at[last] = value
    return r


def blank() -> Any:
    r = example.report()
    return report_schema.blank(model=r["model"], target=r["target"], available=r["resources"]["available"])


# report.json


def test_examples_keep_the_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    for r in (example.report(), example.complete(), blank()):
        jsonschema.validate(r, SCHEMA)


def test_schema_has_the_keys_of_the_types():
    def compare(kind: Any, schema: dict[str, Any], where: str) -> None:  # keys, and which may be null
        if "$ref" in schema:
            schema = {**SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]], **schema}
        if "items" in schema:
            compare(get_args(kind)[0], schema["items"], f"{where}[]")
            return
        for part in (kind, *get_args(kind)):
            if is_typeddict(part):
                hints = get_type_hints(part)
                assert set(schema["properties"]) == set(hints), where
                assert schema["additionalProperties"] is False, where
                if part is not report_schema.Accuracy:
                    whole = get_type_hints(part, include_extras=True)
                    optional = {key for key, hint in whole.items() if get_origin(hint) is NotRequired}
                    assert set(schema["required"]) == set(hints) - optional, where
                for key, hint in hints.items():
                    compare(hint, schema["properties"][key], f"{where}.{key}")
        assert ("null" in schema.get("type", ())) == (type(None) in get_args(kind)), where

    compare(report_schema.Report, SCHEMA, "report")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("cycles.latency.rtl", 203.5),
        ("cycles.interval.rtl", -203.5),
        ("cycles.target", 203.5),
        ("cycles.gaps", [13, 13, 11]),
        ("cycles.observed", {"first": 3}),
        ("cycles.narrower", None),
        ("cycles.stepped", None),
        ("accuracy.oa", 96.7),
        ("exactness.rtl.mismatches", None),
        ("model.name", None),
        ("resources.available", None),
        ("fifos.0.depth", -1),
        ("schema", 2),
        ("guess", 1),
    ],
)
def test_schema_refuses(path: str, value: Any):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(changed(path, value), SCHEMA)


def test_write_gives_all_files(tmp_path: Path):
    out = tmp_path / "new" / "folder"
    report_page.write(example.report(), out, extras=example.extras())
    assert sorted(p.name for p in out.iterdir()) == ["report.html", "report.json", "report_extras.json"]
    assert json.loads((out / "report.json").read_text(encoding="utf-8")) == example.report()
    html = (out / "report.html").read_text(encoding="utf-8")
    assert html == report_page.build(example.report(), example.extras())


def test_write_without_extras(tmp_path: Path):
    report_page.write(blank(), tmp_path)
    assert "Exactness not checked" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_numpy_scalars_become_json(tmp_path: Path):
    r = changed("cycles.interval.rtl", np.int64(204))
    r["seconds"]["csim"] = np.float32(1.5)
    report_page.write(r, tmp_path)
    read = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert (read["cycles"]["interval"]["rtl"], read["seconds"]["csim"]) == (204, 1.5)


def test_nan_is_refused_and_leaves_what_was_there(tmp_path: Path):
    report_page.write(blank(), tmp_path)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    with pytest.raises(ValueError, match=r"^Out of range float values are not JSON compliant"):
        report_page.write(changed("efficiency.mac_efficiency", float("nan")), tmp_path)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


@pytest.mark.parametrize("file", [1, 2, 3])
def test_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: int):
    report_page.write(blank(), tmp_path)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    calls = []

    def full(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == file:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        EnvironmentProblem,
        match=r"^.*: the disk must have room for it, not be full; free some space or choose another folder$",
    ):
        report_page.write(example.report(), tmp_path, extras=example.extras())
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_out_is_a_file(tmp_path: Path):
    (tmp_path / "out").write_text("")
    with pytest.raises(
        EnvironmentProblem,
        match=r"out: must be a folder that can be written, not 'file exists'; choose another folder$",
    ):
        report_page.write(blank(), tmp_path / "out")


def test_build_is_deterministic():
    assert report_page.build(example.report(), example.extras()) == report_page.build(
        example.report(), example.extras()
    )


# Verdicts

RUN = {"samples": 10, "values": 80, "mismatches": 0}
WRONG = {"samples": 10, "values": 80_000, "mismatches": 1_234}
STALLS = {"patterns": 2, "frames": 20, "mismatches": 0}


@pytest.mark.parametrize(
    ("emulate", "csim", "rtl", "stalls", "kind", "title", "detail"),
    [
        (RUN, RUN, RUN, STALLS, "good", "Exact", "0 mismatches in 80 values of 10 pixels through the RTL"),
        (
            RUN,
            None,
            {**RUN, "samples": 1},
            None,
            "good",
            "Exact",
            "0 mismatches in 80 values of 1 pixel through the RTL; not run: C simulation, random stalls",
        ),
        (RUN, RUN, WRONG, STALLS, "bad", "Not exact", "1,234 of 80,000 values differ in RTL simulation"),
        (
            WRONG,
            WRONG,
            RUN,
            STALLS,
            "bad",
            "Not exact",
            "1,234 of 80,000 values differ in emulation; 1,234 of 80,000 values differ in C simulation",
        ),
        (
            RUN,
            RUN,
            RUN,
            {**STALLS, "mismatches": 7},
            "bad",
            "Not exact",
            "7 values differ under random stalls",
        ),
        (
            RUN,
            None,
            None,
            None,
            "open",
            "Exact so far",
            "0 mismatches in emulation; not run: C simulation, RTL simulation, random stalls",
        ),
        (
            RUN,
            RUN,
            {"samples": 0, "values": 0, "mismatches": 0},
            STALLS,
            "open",
            "Exact so far",
            "0 mismatches in emulation and C simulation; not run: RTL simulation",
        ),
        (
            None,
            None,
            None,
            None,
            "open",
            "Exactness not checked",
            "no comparison with the reference was run",
        ),
    ],
)
def test_exact(emulate, csim, rtl, stalls, kind, title, detail):
    r = changed("exactness", {"emulate": emulate, "csim": csim, "rtl": rtl})
    r["stalls"] = stalls
    v = report_verdicts.verdicts(r, sample="pixel")[0]
    assert (v.kind, v.title, v.detail) == (kind, title, detail)


SMALL = {"lut": 27_408, "ff": 1, "dsp": 0, "bram36": 0.5}
TOO_MUCH = "DSP48E2 2,646 of 2,520, 126 too many (105.0 %); RAMB36 912.5 of 912, 0.5 too many (100.1 %), by "
LARGE = {"lut": 1, "ff": 1, "dsp": 2_646, "bram36": 912.5}


@pytest.mark.parametrize(
    ("counts", "kind", "title", "detail"),
    [
        ({"yosys": SMALL, "model": LARGE}, "good", "Fits", "at most 10.0 % of the device (LUT), by Yosys"),
        ({"model": SMALL}, "good", "Fits", "at most 10.0 % of the device (LUT), by rtl4ml's model"),
        (
            {"yosys": LARGE, "model": SMALL},
            "bad",
            "Does not fit",
            TOO_MUCH + "Yosys",
        ),
        (
            {"vivado": LARGE, "yosys": SMALL},
            "bad",
            "Does not fit",
            TOO_MUCH + "Vivado report",
        ),
        (
            {"yosys": {**SMALL, "lut": 274_080}},
            "good",
            "Fits",
            "at most 100.0 % of the device (LUT), by Yosys",
        ),
        ({"yosys": {**SMALL, "dsp": None}}, "open", "Fit not known", "no count of DSP48E2 by Yosys"),
        (
            {"yosys": {**LARGE, "ff": None}},
            "bad",
            "Does not fit",
            TOO_MUCH + "Yosys",
        ),
        ({}, "open", "Fit not known", "resources were neither predicted nor synthesized"),
        ({"vitis": SMALL}, "open", "Fit not known", "resources were neither predicted nor synthesized"),
    ],
)
def test_fits(counts, kind, title, detail):
    r = example.report()
    r["resources"].update({"model": None, "yosys": None, **counts})
    v = report_verdicts.verdicts(r)[1]
    assert (v.kind, v.title, v.detail) == (kind, title, detail)


@pytest.mark.parametrize(
    ("interval", "throughput", "title", "detail"),
    [
        (
            (204, 204),
            250e6 / 204,
            "1.23 million pixels/s",
            "at an assumed 250 MHz clock: one pixel every 204 cycles, measured in RTL simulation",
        ),
        (
            (204, None),
            250e6 / 204,
            "1.23 million pixels/s",
            "at an assumed 250 MHz clock: one pixel every 204 cycles, predicted",
        ),
        (
            (262_144, 300_000),
            250e6 / 262_144,
            "954 pixels/s",
            "at an assumed 250 MHz clock: one pixel every 262,144 cycles, predicted",
        ),
        (
            (1, 1),
            250e6,
            "250 million pixels/s",
            "at an assumed 250 MHz clock: one pixel every 1 cycle, measured in RTL simulation",
        ),
        ((None, None), 1234.5, "1,234 pixels/s", "at an assumed 250 MHz clock"),
        ((None, None), None, "Throughput not known", "the interval was neither predicted nor measured"),
    ],
)
def test_speed(interval, throughput, title, detail):
    r = changed("cycles.interval", dict(zip(("model", "rtl"), interval, strict=True)))
    r["throughput"]["samples_per_s"] = throughput
    v = report_verdicts.verdicts(r, sample="pixel")[2]
    assert (v.title, v.detail) == (title, detail)


def test_speed_without_throughput():
    assert report_verdicts.verdicts(changed("throughput", None))[2].kind == "open"


@pytest.mark.parametrize(
    ("latency", "interval", "kind", "title", "detail"),
    [
        (
            (6_600, 6_656),
            (204, 204),
            "good",
            "Cycles as predicted",
            "interval 204, latency 6,656 cycles in RTL simulation",
        ),
        (
            (12, 10),
            (204, 204),
            "good",
            "Cycles as predicted",
            "interval 204, latency 10 cycles in RTL simulation",
        ),
        (
            (13, 10),
            (204, 204),
            "bad",
            "Cycles not as predicted",
            "latency 10 measured, 13 predicted",
        ),
        (
            (6_600, 6_700),
            (204, 205),
            "bad",
            "Cycles not as predicted",
            "interval 205 measured, 204 predicted; latency 6,700 measured, 6,600 predicted",
        ),
        ((656, 656), (204, None), "open", "Cycles not compared", "interval not measured"),
        (
            (None, None),
            (204, None),
            "open",
            "Cycles not compared",
            "interval not measured; latency not predicted",
        ),
    ],
)
def test_predicted(latency, interval, kind, title, detail):
    r = example.report()
    r["cycles"] = {
        name: dict(zip(("model", "rtl"), pair, strict=True))
        for name, pair in (("latency", latency), ("interval", interval))
    } | {"frames": None}
    v = report_verdicts.verdicts(r)[3]
    assert (v.kind, v.title, v.detail) == (kind, title, detail)


@pytest.mark.parametrize(
    ("frames", "interval", "kind", "detail"),
    [
        (
            (12, 12),
            (204, None),
            "good",
            "latency 656 cycles in RTL simulation; interval not measured; each of 12 frames in the predicted cycle",
        ),
        (
            (1, 1),
            (204, None),
            "good",
            "latency 656 cycles in RTL simulation; interval not measured; "
            "its one frame in the predicted cycle",
        ),
        ((12, 11), (204, None), "open", "interval not measured; 11 of 12 frames in the predicted cycle"),
        ((12, 11), (204, 205), "bad", "interval 205 measured, 204 predicted"),
        (
            (12, 12),
            (204, 204),
            "good",
            "interval 204, latency 656 cycles in RTL simulation; each of 12 frames in the predicted cycle",
        ),
    ],
)
def test_predicted_frame_by_frame(frames, interval, kind, detail):
    """Frames too few for a steady pace prove the prediction too, where each came when predicted."""
    r = example.report()
    r["cycles"]["interval"] = dict(zip(("model", "rtl"), interval, strict=True))
    r["cycles"]["frames"] = dict(zip(("compared", "as_predicted"), frames, strict=True))
    v = report_verdicts.verdicts(r)[3]
    assert (v.kind, v.detail) == (kind, detail)
    text = page(r).text
    said = {(12, 12): "each of 12 frames", (1, 1): "its one frame", (12, 11): "11 of 12 frames"}[frames]
    assert f"In RTL simulation, {said} in the predicted cycle." in text


@pytest.mark.parametrize(
    ("cycles", "said", "missed"),
    [
        ({"target": 204}, [], ""),
        ({"target": None, "excess": None, "gaps": None, "observed": None, "narrower": []}, [], ""),
        (
            {"target": 100, "excess": "conv2 folded by hand needs 204"},
            ["✗ Slower than asked for: asked for 100; conv2 folded by hand needs 204."],
            "; asked for 100; conv2 folded by hand needs 204",
        ),
        (
            {"gaps": {"frames": 3, "least": 203, "most": 205, "first": [203, 205, 204]}},
            [
                "The predicted interval, 204, is a mean: frames come 203, 205 and 204 cycles apart, "
                "over and over again."
            ],
            "",
        ),
        (
            {"gaps": {"frames": 1_200, "least": 203, "most": 1_205, "first": [204] * 16}},
            [
                "The predicted interval, 204, is a mean: frames come 203 to 1,205 cycles apart, in an order that "
                "repeats after 1,200."
            ],
            "",
        ),
        (
            {"observed": {"first": 3_001, "last": 4_000}},
            [
                "No repetition was found in the first 4,000 frames: the predicted interval is the longest gap between "
                "frames 3,001 to 4,000, later ones may differ."
            ],
            "",
        ),
        (
            {"narrower": [{"rows": 128, "columns": 16}, {"rows": 128, "columns": 32}]},
            [
                "The frame is too large to be analysed whole: its interval is extrapolated from those of 128 x 16 and "
                "128 x 32."
            ],
            "",
        ),
        (
            {"narrower": [{"rows": 128, "columns": 16}, {"rows": 128, "columns": 32}], "stepped": 4},
            [
                "The frame is too large to be analysed whole: its interval is extrapolated from those of 128 x 16 and "
                "128 x 32; its own first 4 frames, stepped through, came as theirs."
            ],
            "",
        ),
    ],
)
def test_what_an_interval_is_and_why_it_is_not_the_one_asked_for(
    cycles: dict[str, Any], said: list[str], missed: str
):
    r = example.report()
    r["cycles"] |= cycles
    jsonschema.validate(r, SCHEMA)
    p = page(r)
    assert [text for a, text in p.all("p") if a.get("class") == "pace"] == said
    known = "at an assumed 250 MHz clock: one pixel every 204 cycles, measured in RTL simulation"
    assert report_verdicts.verdicts(r, sample="pixel")[2].detail == known + missed


@pytest.mark.parametrize(
    ("interval", "said"),
    [
        (204, "that it alone would need; the slowest sets the interval of the whole. Simd"),
        (207.5, "that it alone would need; the slowest needs 204, the whole with its edges 207.5. Simd"),
        (None, "that it alone would need. Simd"),
    ],
)
def test_the_page_does_not_contradict_the_interval(interval: float | None, said: str):
    assert said in page(changed("cycles.interval", {"model": interval, "rtl": None})).text


def test_an_interval_without_a_repetition_is_not_measured_by_more_samples():
    r = changed("cycles.interval", {"model": 204, "rtl": None})
    assert "too few pixels" in page(r).text
    r["cycles"]["observed"] = {"first": 3, "last": 4}
    text = page(r).text
    assert "too few pixels" not in text
    assert "no repetition" in text


def test_verdicts_come_first_on_the_page():
    p = page(changed("exactness.rtl.mismatches", 12))
    verdicts = [text for a, text in p.all("li") if a.get("class", "").startswith("verdict")]
    assert verdicts == [
        "✗ Not exact12 of 111,264 values differ in RTL simulation.",
        "✓ Fitsat most 12.5 % of the device (DSP48E2), by Yosys.",
        "1.23 million pixels/sat an assumed 250 MHz clock: one pixel every 204 cycles, measured in RTL simulation.",
        "✓ Cycles as predictedinterval 204, latency 656 cycles in RTL simulation; "
        "13,907 of 13,908 frames in the predicted cycle.",
        "? Timing not knownno router has seen the design; rtl4ml synth estimates the longest path.",
    ]
    assert p.text.index("Not exact") < p.text.index("Resources against the device")
    assert p.all("title")[0][1] == "student_204: Not exact, fits · rtl4ml"


# What is null


def leaves(value: Any, way: str = "") -> Iterator[str]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield f"{way}{key}"
        yield from leaves(inner, f"{way}{key}.")


def nullable() -> list[str]:
    found = []
    for path in leaves(example.report()):
        r = changed(path, None) if not path.rpartition(".")[2].isdigit() else None
        if r is not None and jsonschema.Draft202012Validator(SCHEMA).is_valid(r):
            found.append(path)
    return found


@pytest.mark.parametrize("path", nullable())
def test_every_null_is_said_in_words(path: str):
    html = report_page.build(changed(path, None), example.extras())
    assert not re.search(r"\b(None|nan|inf|Undefined)\b", Page(html).text)


def test_blank_report_says_not_run():
    p = page(blank(), Extras())
    assert not re.search(r"\b(None|nan|inf|Undefined)\b", p.text)
    rows = {cells[0]: cells[1:] for cells in table(p, "exactness")}
    assert len(rows) == 4 and all("not run" in r for r in rows.values())
    assert [c[2] for c in table(p, "cycles")] == ["not run", "not run"]
    assert [c[1] for c in table(p, "seconds")] == ["not run"] * 6
    assert "Not run: no labelled data set was given." in p.text
    assert [v.kind for v in report_verdicts.verdicts(blank())] == ["open"] * 5


# Numbers and names


def test_numbers_on_the_page():
    p = page(example.report())
    for shown in (
        "13,908",
        "111,264",
        "274,080",
        "548,160",
        "1,225,490",
        "259,260",
        "78,336",
        "4,096 frames",
    ):
        assert shown in p.text, shown
    assert table(p, "cycles") == [
        ["Latency first input beat to last output beat of a frame", "655", "656", "−1", "2.624 µs", "✓ yes"],
        ["Interval between frames, once steady", "204", "204", "0", "0.816 µs", "✓ yes"],
    ]
    assert [row[1:] for row in table(p, "fifos")] == [
        ["96", "2", "1"],
        ["96", "16", "11"],
        ["144", "2", "2"],
        ["144", "1,024", "not run"],
    ]
    assert table(p, "layers")[3] == (
        ["conv2 bottleneck", "Conv", "78,336", "24", "16", "204", "5,230", "7,911", "192", "1.5"]
    )
    assert "Model against Yosys: −3.4 %" in p.text
    assert "Model against Yosys: equal" in p.text
    assert [r[1] for r in table(p, "seconds")] == [
        "not run",
        "4.2 s",
        "38.7 s",
        "1 min 05 s",
        "27.9 s",
        "0.42 s",
    ]


def test_no_long_number_lacks_separators():
    digits = re.findall(r"(?<![\w.,])\d{4,}(?![\w-])", page(example.report()).text)
    assert digits == []


def test_model_more_than_ten_percent_from_yosys():
    assert "more than 10 % apart" not in page(example.report()).text
    assert "more than 10 % apart" in page(changed("resources.model.dsp", 348)).text
    assert "more than 10 % apart" in page(changed("resources.model.dsp", 284)).text
    assert "more than 10 % apart" not in page(changed("resources.model.dsp", 285)).text
    assert "Yosys counts none ✗ more than 10 % apart" in page(changed("resources.yosys.dsp", 0)).text


def test_vendor_reports_are_shown_where_there_are_any():
    assert "No Vitis or Vivado report was read." in page(example.report()).text
    use = {"lut": 12_000, "ff": 15_000, "dsp": None, "bram36": 9.0}
    p = page(changed("resources.vivado", use))
    assert p.text.count("Vivado report") == 5  # four bars and the verdict
    assert "Vivado report not known" in p.text
    assert "No vendor tool was run." not in p.text


def test_bottleneck_is_the_flagged_stage_or_the_slowest():
    def marked(e: Extras) -> list[str]:
        return [r[0] for r in table(page(example.report(), e), "layers") if "bottleneck" in r[0]]

    assert marked(example.extras()) == ["conv2 bottleneck"]
    assert marked(Extras()) == [f"{n} bottleneck" for n in ("conv1", "conv1_act", "pool1", "conv2", "dense1")]


def test_names_are_escaped():
    r = example.report()
    r["model"]["name"] = r["target"]["board"] = r["target"]["part"] = EVIL
    r["accuracy"]["dataset"] = r["accuracy"]["split"] = EVIL
    for entry in (*r["layers"], *r["fifos"]):
        entry["name"] = EVIL
    r["layers"][0]["op"] = EVIL
    stages = [Stage(name=EVIL, op=EVIL, bottleneck=True)]
    edges = [Edge(source=EVIL + "in", target=EVIL), Edge(source=EVIL, target=EVIL + "out", width=8, depth=2)]
    e = example.extras(
        data=Data(name=EVIL, synthetic=True),
        sample=EVIL,
        reference=EVIL,
        stages=stages,
        edges=edges,
        class_names=[EVIL] * 8,
        refusals=[Refusal(layer=EVIL, reason=EVIL)],
        notes=[EVIL],
    )
    html = report_page.build(r, e)
    p = Page(html)
    assert "alert(1)" in p.text
    assert [n for n, _, _ in p.elements].count("script") == 1
    assert all(a["src"].startswith("data:image/png;base64,") for a, _ in p.all("img"))
    assert not any("onerror" in a for _, a, _ in p.elements)
    assert p.all("h1")[0][1] == f"{EVIL} synthetic data"  # shown as it is, not escaped twice


# Real, synthetic, none


def test_synthetic_data_are_called_so_wherever_they_show():
    p = page(example.report(), example.extras(data=Data(name="fields", synthetic=True)))
    for heading in (
        "student_204",
        "Exactness",
        "Accuracy",
        "Confusion matrix",
        "Class map beside the ground truth",
    ):
        assert any(text == f"{heading} synthetic data" for n in ("h1", "h2", "h3") for _, text in p.all(n)), (
            heading
        )
    assert [text for _, text in p.all("figcaption")] == [
        "Ground truth synthetic data",
        "Predicted synthetic data",
        "Disagreement synthetic data",
    ]
    assert all("(synthetic data)" in a["alt"] for a, _ in p.all("img"))
    assert "(synthetic data)" in p.all("title")[0][1]
    assert "13,908 synthetic pixels through the RTL" in p.text
    assert "The data are synthetic. Accuracy, class maps" in p.text
    assert "The data set “fields” is synthetic, made by a generator." in p.text


def test_real_data_are_not_called_synthetic():
    html = report_page.build(example.report(), example.extras())
    assert "synthetic" not in Page(html).text
    assert "The data set Salinas crop is real." in Page(html).text


def test_no_data_set():
    r = changed("accuracy", None)
    p = page(r, Extras())
    assert "No data set was used: the samples were the caller's own." in p.text
    assert "Not run: no labelled data set was given." in p.text
    assert "synthetic" not in p.text
    assert p.all("img") == []


def test_segmentation_accuracy():
    r = changed("accuracy", {"dataset": "ships", "split": "test", "iou": 0.6543, "f2": None})
    jsonschema.validate(r, SCHEMA)
    text = page(r).text
    assert "Intersection over union 65.43 % F2 score not run" in text
    assert "Overall accuracy" not in text


def test_standing_notes():
    text = page(example.report()).text
    for words in (
        "Nothing here was run on a board.",
        "The clock of 250 MHz is assumed",
        "counted in simulation of the generated RTL under Verilator",
        "without placement or routing",
        "DSP48E2 counts are explicit instances in the RTL, not inferred.",
    ):
        assert words in text
    assert "RTL simulation was not run" in page(blank(), Extras()).text


def test_nothing_is_drawn_for_nothing():
    def bars(r: dict[str, Any]) -> int:
        return sum(n == "i" for n, _, _ in page(r).elements)

    assert bars(changed("resources.yosys.dsp", 0)) == bars(example.report()) - 1
    assert bars(changed("layers.0.interval", None)) == bars(example.report()) - 1
    assert "counted by Yosys" in page(example.report()).text
    assert "counted by Yosys" not in page(changed("resources.yosys", None)).text


def test_refusals():
    e = example.extras(refusals=[Refusal(layer="conv2", reason="hls4ml ignores dilation")])
    assert "conv2 hls4ml ignores dilation" in page(example.report(), e).text
    assert "What the HLS project cannot hold exactly" not in page(example.report()).text


# The page as a file


@pytest.mark.parametrize("synthetic", [False, True])
def test_page_needs_nothing_from_outside(synthetic: bool):
    stages, edges = example.unet(3)
    html = report_page.build(
        example.report(),
        example.extras(data=Data(name="x", synthetic=synthetic), stages=stages, edges=edges),
    )
    assert not re.search(r"https?:|//[a-z]", html.replace("// ", ""), re.IGNORECASE)
    for attribute, value in re.findall(r"\b(src|href|srcset|action|data|poster)=\"([^\"]*)\"", html):
        assert value.startswith(("data:image/png;base64,", "#")), (attribute, value[:60])
    for url in re.findall(r"url\(([^)]*)\)", html):
        assert url.startswith("#"), url
    assert "@import" not in html and "<link" not in html


def test_policy_allows_only_our_script():
    html = report_page.build(example.report(), example.extras())
    script = re.search(r"<script>(.*?)</script>", html, re.DOTALL)
    assert script is not None
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    policy = next(a["content"] for a, _ in Page(html).all("meta") if a.get("http-equiv"))
    assert (
        policy
        == f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    )


def test_every_cell_of_a_table_of_blocks_says_its_column():
    """On a narrow screen the heads are gone."""
    r = example.complete() | {"board": example.on_board(), "place_and_route": example.route()}
    found = 0
    inside = False
    for name, a, text in page(r).elements:
        inside = "cards" in a.get("class", "").split() if name == "table" else inside
        if name == "td" and inside and "".join(text).strip():
            plain = "colspan" in a or {"dash", "whole"} & set(a.get("class", "").split())
            assert plain or a.get("data-h"), "".join(text)
            found += not plain
    assert found > 150


@pytest.mark.parametrize("report", [example.report, example.complete])
def test_accessibility(report: Any):
    p = page(report())
    ids = [a["id"] for _, a, _ in p.elements if "id" in a]
    assert len(ids) == len(set(ids))
    for _, a, _ in p.elements:
        for name in ("aria-labelledby", "aria-describedby"):
            assert a.get(name) is None or a[name] in ids
        if a.get("href", "").startswith("#"):
            assert a["href"][1:] in ids
    assert all(a.get("scope") in ("row", "col") for a, _ in p.all("th"))
    assert all(a.get("alt") for a, _ in p.all("img"))
    assert all(a.get("role") == "img" and a.get("aria-label") for a, _ in p.all("svg"))
    levels = [int(n[1]) for n, _, _ in p.elements if re.fullmatch(r"h[1-6]", n)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))
    assert all(a.get("aria-labelledby") for a, _ in p.all("section"))
    html = next(a for n, a, _ in p.elements if n == "html")
    assert html["lang"] == "en"


def luminance(colour: str) -> float:
    channels = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_has_contrast(theme: int):
    # WCAG 2.2, success criterion 1.4.3: at least 4.5 : 1.
    css = (files("rtl4ml.templates") / "report.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    tokens = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", blocks[theme]))
    pairs = [
        (ink, ground)
        for ink in ("ink", "muted", "accent")
        for ground in ("page", "panel", "sunk", "hot-soft")
    ]
    pairs += [(tone, ground) for tone in ("good", "bad", "open") for ground in (f"{tone}-soft", "panel")]
    pairs += [("ink", f"{tone}-soft") for tone in ("good", "bad", "open")]
    pairs += [("hot", "hot-soft"), ("panel", "hot"), ("skip", "panel")]
    for ink, ground in pairs:
        a, b = sorted((luminance(tokens[ink]), luminance(tokens[ground])))
        assert (b + 0.05) / (a + 0.05) >= 4.5, (ink, ground, (b + 0.05) / (a + 0.05))


# Formats


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (report_numbers.number(None), "–"),
        (report_numbers.number(0), "0"),
        (report_numbers.number(1234567), "1,234,567"),
        (report_numbers.number(8.5), "8.5"),
        (report_numbers.number(1.0005), "1"),
        (report_numbers.number(625.254), "625.25"),
        (report_numbers.percent(None), "–"),
        (report_numbers.percent(0), "0 %"),
        (report_numbers.percent(0.00012), "0.01 %"),
        (report_numbers.percent(0.125), "12.5 %"),
        (report_numbers.percent(12.5), "1,250.0 %"),
        (report_numbers.magnitude(42.42), "42.4"),
        (report_numbers.magnitude(953.7), "954"),
        (report_numbers.magnitude(12_345), "12,345"),
        (report_numbers.magnitude(250e6), "250 million"),
        (report_numbers.magnitude(2.5e9), "2.5 billion"),
        (report_numbers.signed(-1234), "−1,234"),
        (report_numbers.signed(0), "0"),
        (report_numbers.signed(3), "+3"),
        (report_numbers.signed_percent(-0.034), "−3.4 %"),
        (report_numbers.signed_percent(0.02), "+2.0 %"),
        (report_numbers.plural(1, "pixel"), "1 pixel"),
        (report_numbers.plural(2000, "pixel"), "2,000 pixels"),
        (report_numbers.duration(None), "–"),
        (report_numbers.duration(0.123), "0.12 s"),
        (report_numbers.duration(59.4), "59.4 s"),
        (report_numbers.duration(59.6), "1 min 00 s"),
        (report_numbers.duration(125), "2 min 05 s"),
        (report_numbers.duration(3599.7), "1 h 00 min"),
        (report_numbers.duration(7325), "2 h 02 min"),
    ],
)
def test_formats(shown: str, expected: str):
    assert shown == expected


# Confusion matrix and maps


def test_confusion_matrix(rng: np.random.Generator):
    confusion = rng.integers(0, 2_000, (3, 3))
    confusion[2] = 0
    p = page(
        example.report(),
        Extras(class_names=["a", "b", "c"], confusion=confusion),
    )
    at = next(k for k, (_, a, _) in enumerate(p.elements) if a.get("class") == "confusion")
    cells = [" ".join(t) for n, _, t in p.elements[at:] if n == "td"][:15]
    expected = []
    for k in range(3):
        total = int(confusion[k].sum())
        expected += [f"{n:,}" for n in confusion[k]]
        expected += [f"{total:,}", f"{100 * confusion[k, k] / total:.1f} %" if total else "–"]
    assert cells == expected


def test_confusion_of_another_size_is_refused():
    with pytest.raises(
        ValueError,
        match=r"^confusion: must have a row and a column for each of 2 class names, not the shape \(3, 3\)$",
    ):
        report_page.build(
            example.report(), Extras(class_names=["a", "b"], confusion=np.zeros((3, 3), np.int64))
        )


def decoded(uri: str) -> np.ndarray:
    """RGBA by an independent reader."""
    prefix = "data:image/png;base64,"
    assert uri.startswith(prefix)
    image = Image.open(io.BytesIO(base64.b64decode(uri[len(prefix) :], validate=True)))
    return np.asarray(image.convert("RGBA"))


def test_class_maps_hold_every_pixel(rng: np.random.Generator):
    scene, _ = example.scene(rng, classes=11, size=24)
    moved = ClassMap(
        row=scene.row + 200,
        col=scene.col + 31,
        truth=scene.truth,
        predicted=scene.predicted,
        test=scene.test,
    )
    names = [f"class {k}" for k in range(11)]
    truth, predicted, disagreement = maps.pictures(moved, names)
    colours = [bytes.fromhex(c[1:]) for c in maps.palette(11)]
    for picture, labels in ((truth, scene.truth), (predicted, scene.predicted)):
        image = decoded(picture.uri)
        row, col = scene.row - scene.row.min(), scene.col - scene.col.min()
        assert image.shape == (picture.height, picture.width, 4) == (row.max() + 1, col.max() + 1, 4)
        assert all(tuple(image[r, c]) == (*colours[k], 255) for r, c, k in zip(row, col, labels, strict=True))
        assert int((image[..., 3] == 255).sum()) == len(row)  # the rest is transparent
        assert [k.count for k in picture.keys] == np.bincount(labels, minlength=11).tolist()
    wrong = scene.truth != scene.predicted
    assert scene.test is not None
    assert [k.count for k in disagreement.keys] == [
        int((~wrong & scene.test).sum()),
        int((wrong & scene.test).sum()),
        int((~wrong & ~scene.test).sum()),
        int((wrong & ~scene.test).sum()),
    ]
    assert f"{len(wrong) - wrong.sum():,} of {len(wrong):,} labelled pixels agree" in disagreement.alt


def test_maps_without_a_test_split(rng: np.random.Generator):
    scene, _ = example.scene(rng)
    whole = ClassMap(row=scene.row, col=scene.col, truth=scene.truth, predicted=scene.predicted)
    keys = maps.pictures(whole, example.CLASSES)[2].keys
    assert [k.label for k in keys] == ["right", "wrong"]
    assert sum(k.count for k in keys) == len(scene.row)


def test_a_map_without_a_truth_is_one_picture(rng: np.random.Generator):
    predicted = rng.integers(0, 3, 60)
    row, col = np.divmod(np.arange(60), 12)
    found = ClassMap(row=row, col=col, truth=None, predicted=predicted)
    (picture,) = maps.pictures(found, ["a", "b", "c"])
    colours = np.array([[*bytes.fromhex(c[1:]), 255] for c in maps.palette(3)])
    np.testing.assert_array_equal(decoded(picture.uri), colours[predicted.reshape(5, 12)])
    assert [(k.label, k.count) for k in picture.keys] == [
        (n, (predicted == k).sum()) for k, n in enumerate("abc")
    ]
    with pytest.raises(ValueError, match=r"^class map: labels must be 0 to 1, not 2$"):
        maps.pictures(found, ["a", "b"])


def test_empty_map_gives_no_picture():
    none = np.zeros(0, np.int64)
    assert maps.pictures(ClassMap(row=none, col=none, truth=none, predicted=none), ["a"]) == ()


@pytest.mark.parametrize("label", [-1, 3])
def test_labels_without_a_name_are_refused(label: int):
    k = np.array([0, label])
    with pytest.raises(ValueError, match=rf"^class map: labels must be 0 to 2, not {label}$"):
        maps.pictures(ClassMap(row=k, col=k, truth=np.zeros(2, int), predicted=k), ["a", "b", "c"])


def test_map_of_unequal_lengths_is_refused():
    k = np.zeros(4, np.int64)
    with pytest.raises(ValueError, match=r"^class map: all arrays must have one shape \(N,\), not \["):
        ClassMap(row=k, col=k, truth=k, predicted=k, test=np.zeros(3, bool))


# Machado, Oliveira and Fernandes, "A physiologically-based model for simulation of color vision deficiency" (2009),
# severity 1, on linear RGB.
BLINDNESS = {
    "none": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}


def lab(colour: str, blindness: np.ndarray) -> np.ndarray:
    """CIE L*a*b* (D65) of an sRGB colour as such an eye sees it."""
    srgb = np.array([int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)])
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(blindness @ linear, 0, 1)
    to_xyz = np.array(
        [
            [0.4124564, 0.3575761, 0.1804375],
            [0.2126729, 0.7151522, 0.0721750],
            [0.0193339, 0.1191920, 0.9503041],
        ]
    )
    t = (to_xyz @ linear) / np.array([0.95047, 1.0, 1.08883])
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("blindness", BLINDNESS)
@pytest.mark.parametrize("classes", [8, 9, 16])
def test_classes_look_different_to_colour_blind_eyes(classes: int, blindness: str):
    colours = maps.palette(classes)
    assert len(set(colours)) == classes
    seen = {c: lab(c, BLINDNESS[blindness]) for c in colours}
    distance = {(a, b): float(np.linalg.norm(seen[a] - seen[b])) for a, b in combinations(colours, 2)}
    closest = min(distance, key=lambda k: distance[k])
    assert distance[closest] > 15, (closest, distance[closest])  # a just noticeable difference is 2.3


# The pipeline


def check_layout(stages: list[Stage], edges: list[Edge], columns: int, skips: int) -> None:
    root, boxes = shapes(str(pipeline.draw(stages, edges, columns=columns)))
    width, height = (float(v) for v in root.get("viewBox", "").split()[2:])
    assert len(boxes) == len(stages) + 2
    for x, y, w, h in boxes:
        assert x >= 0 and y >= 0 and x + w <= width and y + h <= height
    for (x, y, w, h), (u, v, s, t) in combinations(boxes, 2):
        assert x + w <= u or u + s <= x or y + h <= v or v + t <= y
    paths = [(e.get("class"), corners(e.get("d", ""))) for e in root.iter("path") if e.get("marker-end")]
    assert [c for c, _ in paths].count("skip") == skips
    assert len(paths) == len(edges)
    for _, points in paths:
        assert all(0 <= x <= width and 0 <= y <= height for x, y in points)
        for (ax, ay), (bx, by) in pairwise(points):
            for x, y, w, h in boxes:  # no line runs through a stage
                across = min(ax, bx) < x + w and max(ax, bx) > x and min(ay, by) < y + h and max(ay, by) > y
                assert not across
    # No two lines share a piece of their way.
    for (_, p), (_, q) in combinations(paths, 2):
        for (ax, ay), (bx, by) in pairwise(p):
            for (cx, cy), (dx, dy) in pairwise(q):
                level = ay == by == cy == dy and min(ax, bx) < max(cx, dx) and min(cx, dx) < max(ax, bx)
                upright = ax == bx == cx == dx and min(ay, by) < max(cy, dy) and min(cy, dy) < max(ay, by)
                assert not level and not upright, (p, q)


@pytest.mark.parametrize("columns", [1, 2, 4, 5])
@pytest.mark.parametrize("depth", range(6))
def test_pipeline_lies_well(columns: int, depth: int):
    stages, edges = example.unet(depth) if depth else example.chain()
    check_layout(stages, edges, columns, depth)


@given(
    columns=st.sampled_from([1, 3, 4]),
    count=st.integers(3, 14),
    pairs=st.lists(st.tuples(st.integers(0, 13), st.integers(0, 13)), max_size=10),
)
def test_any_skips_lie_well(columns: int, count: int, pairs: list[tuple[int, int]]):
    names = [f"s{k}" for k in range(count)]
    ways = ["in", *names, "out"]
    edges = [Edge(source=a, target=b) for a, b in pairwise(ways)]
    skips = {(min(p) % count, max(p) % count) for p in pairs}
    skips = {(a, b) for a, b in skips if b > a + 1}
    edges += [Edge(source=names[a], target=names[b], width=8, depth=100) for a, b in sorted(skips)]
    check_layout([Stage(name=n, op="Conv", interval=9) for n in names], edges, columns, len(skips))


@pytest.mark.parametrize("columns", [1, 4])
def test_pipeline_ends_touch_their_stages(columns: int):
    stages, edges = example.unet(3)
    root, boxes = shapes(str(pipeline.draw(stages, edges, columns=columns)))
    named = dict(zip([n for n, _ in canvas.order(stages, edges)], boxes, strict=True))

    def touches(name: str, x: float, y: float) -> bool:
        left, top, w, h = named[name]
        return left - 2 <= x <= left + w + 2 and top - 2 <= y <= top + h + 2

    groups = {
        g.findtext("title", ""): corners(p.get("d", ""))
        for g in root.iter("g")
        if (p := g.find("path")) is not None
    }
    assert len(groups) == len(edges)
    for e in edges:
        points = groups[canvas.describe(e)]
        assert touches(e.source, *points[0]) and touches(e.target, *points[-1]), e


def test_pipeline_says_intervals_foldings_and_fifos():
    stages, edges = example.unet(2)
    svg = str(pipeline.draw(stages, edges, columns=4))
    root = ElementTree.fromstring(svg)
    texts = [t.text or "" for t in root.iter("text")]
    skip = "64 bit × 9,000 deep · block RAM · peak 8,991"
    for words in ("16,384", "Conv · Simd 16 · Pe 8", skip, "bottleneck", "s_axis", "m_axis"):
        assert words in texts, words
    titles = [t.text for t in root.iter("title")]
    assert "down0_pointwise to up0_concat, 64 bits wide, FIFO of 9,000, block RAM, peak 8,991" in titles
    assert "up0_conv to m_axis, 8 bits wide, FIFO of 2, peak not measured" in titles
    assert root.get("aria-label") == (
        "Pipeline of 13 stages, bottleneck bottom at 16,384 cycles, 2 skip connections"
    )


def test_pipeline_marks_only_the_bottleneck():
    stages, edges = example.chain()
    root = ElementTree.fromstring(str(pipeline.draw(stages, edges, columns=4)))
    marked = [g.findtext("title") for g in root.iter("g") if g.get("class") == "stage bottleneck"]
    assert marked == ["conv2"]


def test_pipeline_of_unknown_numbers_and_long_names():
    stages = [Stage(name="n" * 60, op="Conv"), Stage(name="b", op="Pool", interval=0)]
    edges = [Edge(source="in", target="n" * 60), Edge(source="n" * 60, target="b")]
    root = ElementTree.fromstring(str(pipeline.draw(stages, edges, columns=4)))
    texts = [t.text or "" for t in root.iter("text")]
    assert "interval not known" in texts and "wires only" in texts
    assert "n" * 23 + "…" in texts
    assert "n" * 60 in [t.text for t in root.iter("title")]


@pytest.mark.parametrize("columns", [1, 2, 4])
def test_ports_of_long_names_keep_their_arrows(columns: int):
    stages = [Stage(name="a", op="Conv")]
    edges = [Edge(source="i" * 60, target="a"), Edge(source="a", target="o" * 60)]
    check_layout(stages, edges, columns, 0)
    root, boxes = shapes(str(pipeline.draw(stages, edges, columns=columns)))
    assert max(w for _, _, w, _ in boxes) <= pipeline._Column.WIDTH
    for e in root.iter("path"):
        if e.get("marker-end"):
            (ax, ay), (bx, by) = corners(e.get("d", ""))
            assert abs(ax - bx) + abs(ay - by) > 30


def test_labels_shrink_to_their_room():
    assert canvas.shortest(589_824, "deep", 100) == "589,824 deep"
    assert canvas.shortest(589_824, "deep", 70) == "589,824"
    assert canvas.shortest(589_824, "deep", 40) == ""


def test_stages_of_one_name_are_refused():
    with pytest.raises(ValueError, match=r"^pipeline: stages must have different names$"):
        pipeline.draw([Stage(name="a", op="x"), Stage(name="a", op="y")], [], columns=4)


@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.integers(1, 30)).map(lambda t: (float(t[0]), float(t[0] + t[1]))),
        max_size=12,
    )
)
def test_lanes_keep_spans_apart(spans: list[tuple[float, float]]):
    lane = canvas.lanes(spans)
    for i, j in combinations(range(len(spans)), 2):
        (a, b), (c, d) = spans[i], spans[j]
        assert lane[i] != lane[j] or b <= c or d <= a
    assert set(lane) == set(range(len(set(lane))))


def test_example_is_not_shared_between_calls():
    r = example.report()
    before = copy.deepcopy(r)
    report_page.build(r, example.extras())
    assert r == before


# Layers


def test_layers_show_types_reuse_and_totals():
    r = example.report()
    r["layers"][0] |= {"reuse": 32, "types": {"inputs": ["u8.8", "u8.8"], "weights": "s5.3", "out": "s14.11"}}
    jsonschema.validate(r, SCHEMA)
    first, *_, last = table(page(r), "layers")
    assert first[5:8] == ["32", "u8.8 → s14.11", "s5.3"]
    keys = ("macs", "lut", "ff", "dsp", "bram36")
    whole = [f"{sum(layer[key] or 0 for layer in r['layers']):,.0f}" for key in keys]
    assert [text for text in last if text] == ["All", *whole]


def test_without_types_there_are_no_columns_of_them():
    first, *_ = table(page(example.report()), "layers")
    assert first[:6] == ["conv1", "Conv", "9,792", "16", "3", "204"]
