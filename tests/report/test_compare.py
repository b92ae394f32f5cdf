# SPDX-License-Identifier: Apache-2.0
"""Two designs side by side: figures, layers, which is better, and how a folder that is no design is refused."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
import report_example as example
from pages import EVIL, Page

from rtl4ml.cli import main
from rtl4ml.errors import BadInput
from rtl4ml.host import identity
from rtl4ml.report import compare_page, read
from rtl4ml.report import page as report_page
from rtl4ml.report.compare import COLUMNS, Comparison, compare


def other(**changes: Any) -> dict[str, Any]:
    """The example, changed by dotted keys."""
    r = copy.deepcopy(example.report())
    for path, value in changes.items():
        *way, last = path.split("__")
        at: Any = r
        for key in way:
            at = at[int(key)] if isinstance(at, list) else at[key]
        at[last] = value
    return r


def compared(b: dict[str, Any], a: dict[str, Any] | None = None) -> Comparison:
    return compare(a or example.report(), b, (Path("one/x"), Path("two/y")))  # type: ignore[arg-type]


def figure(found: Comparison, name: str) -> tuple[str, str, str, str, str | None]:
    (f,) = [f for f in found.figures if f.name == name]
    return f.what, f.a, f.b, f.difference, f.better


def test_less_and_more_are_better_where_they_are() -> None:
    found = compared(
        other(
            cycles__interval__rtl=408,
            cycles__latency__rtl=328,
            resources__yosys={"lut": 5_509, "ff": 14_820, "dsp": 400, "bram36": 0},
            throughput__samples_per_s=250e6 / 408,
            accuracy__oa=0.97,
        )
    )
    assert figure(found, "Interval") == ("cycles, simulated", "204", "408", "+100.0 %", "a")
    assert figure(found, "Latency") == ("cycles, simulated", "656", "328", "−50.0 %", "b")
    assert figure(found, "Throughput") == ("samples/s at its clock", "1,225,490", "612,745", "−50.0 %", "a")
    assert figure(found, "LUT") == ("by Yosys", "11,018", "5,509", "−50.0 %", "b")
    assert figure(found, "Flip-flops") == ("by Yosys", "14,820", "14,820", "", None)
    assert figure(found, "DSP48E2") == ("by Yosys", "316", "400", "+26.6 %", "a")
    assert figure(found, "RAMB36") == ("by Yosys", "8.5", "0", "−100.0 %", "b")
    data = "Salinas crop, the test blocks"
    assert figure(found, "Overall accuracy") == (data, "96.73 %", "97.00 %", "+0.3 %", "b")
    assert figure(found, "Cohen's kappa") == (data, "0.9602", "0.9602", "", None)
    assert figure(found, "Multipliers") == ("products at once", "632", "632", "", None)


def test_neither_is_better_by_its_multipliers_or_clock() -> None:
    found = compared(other(efficiency__multipliers=316, target__clock_mhz=125))
    assert figure(found, "Multipliers")[3:] == ("−50.0 %", None)
    assert figure(found, "Clock")[3:] == ("−50.0 %", None)


def test_like_is_compared_with_like() -> None:
    """What only one design has, another source's count or a simulation, is left aside."""
    found = compared(other(resources__yosys=None, cycles__interval__rtl=None))
    assert figure(found, "LUT")[:3] == ("by rtl4ml's model", "10,643", "10,643")
    assert figure(found, "Interval")[:3] == ("cycles, predicted", "204", "204")
    assert figure(found, "Latency")[0] == "cycles, simulated"
    found = compared(other(accuracy__dataset="Indian Pines", accuracy__oa=0.5))
    assert figure(found, "Data")[1:3] == ("Salinas crop, the test blocks", "Indian Pines, the test blocks")
    assert figure(found, "Overall accuracy") == ("of other data", "96.73 %", "50.00 %", "", None)
    none = compared(other(accuracy=None), a=other(accuracy=None))
    assert not any("ccuracy" in f.name for f in none.figures)
    assert "Device" not in [f.name for f in none.figures]
    assert figure(compared(other(target__part="xck26")), "Device")[1:3] == ("xczu9eg-ffvb1156-2-e", "xck26")


def test_layers_are_matched_by_name() -> None:
    b = other(layers__0__pe=8, layers__0__lut=700, layers__1__name="another")
    found = compared(b)
    by_name = {layer.name: layer for layer in found.layers}
    assert list(by_name)[-1] == "another"
    first = by_name["conv1"]
    assert first.a is not None and first.b is not None
    assert [(c, x, y) for c, x, y, d in zip(COLUMNS, first.a, first.b, first.differs, strict=True) if d] == [
        ("Pe", "16", "8"),
        ("LUT", "1,203", "700"),
    ]
    assert by_name["conv1_act"].b is None and by_name["another"].a is None
    assert by_name["pool1"].same
    assert found.differ == 3
    assert found.source == "rtl4ml's model"


def test_layers_are_those_of_yosys_where_both_have_them() -> None:
    a = example.report()
    for layer in a["layers"]:
        layer["yosys"] = {"lut": 11, "ff": 0, "dsp": 0, "bram36": 0}
    b = copy.deepcopy(a)
    b["layers"][0]["yosys"]["lut"] = 12
    found = compared(b, a)
    assert (found.source, found.differ) == ("Yosys", 1)
    assert found.layers[0].a is not None and found.layers[0].a[7] == "11"
    del b["layers"][3]["yosys"]
    assert compared(b, a).source == "rtl4ml's model"


def test_names_tell_the_two_apart(tmp_path: Path) -> None:
    assert compared(other(model__name="wide")).names == ("student_204", "wide")
    a, b = example.report(), example.report()
    assert compare(a, b, (tmp_path / "x/report.json", tmp_path / "y/report.json")).names == ("x", "y")  # type: ignore[arg-type]
    assert compare(a, b, (Path("1/x/r.json"), Path("2/x/r.json"))).names == ("1/x/r.json", "2/x/r.json")  # type: ignore[arg-type]


def test_the_page_shows_both() -> None:
    page = Page(
        compare_page.build(compared(other(model__name="wide", layers__0__pe=8, layers__2__name="pooling")))
    )
    for said in (
        "3 layers of 9 differ or are in one design alone.",
        "A student_204 xczu9eg-ffvb1156-2-e",
        "B wide xczu9eg-ffvb1156-2-e",
        "✓ Exact 0 mismatches in 111,264 values",
        "conv1 Conv – – A 16 B 8 3",
        "pool1 only in A",
        "pooling only in B",
        "Nothing here was run on a board.",
    ):
        assert said in page.text, said
    assert page.text.index("✓ Exact") < page.text.index("Interval")  # the verdicts come first
    assert page.all("script") == []


def test_names_cannot_write_the_page() -> None:
    text = compare_page.build(compared(other(model__name=EVIL, layers__0__name=EVIL)))
    assert "<script" not in text and "<img" not in text


# -- reading --------------------------------------------------------------------------------------------------------


def text_of(call: Any) -> str:
    with pytest.raises(BadInput) as error:
        call()
    return str(error.value)


def test_what_is_no_report_is_refused(tmp_path: Path) -> None:
    again = "run rtl4ml convert again"
    file = tmp_path / "report.json"
    assert text_of(lambda: read.read(tmp_path / "no")) == (
        f"{tmp_path}/no: must be a project's folder or its report.json, not missing; check the path"
    )
    assert text_of(lambda: read.read(tmp_path)) == (
        f"{tmp_path}: the folder must be a project with a report.json, not without; run rtl4ml convert first"
    )
    file.write_text("{")
    assert re.fullmatch(
        rf"{file}: the report must be readable JSON, not Expecting .*; {again}",
        text_of(lambda: read.read(file)),
    )
    for foreign in ("[]", "{}"):
        file.write_text(foreign)
        assert text_of(lambda: read.read(file)) == (
            f"{file}: the report must be of schema 1, not of another program; {again}"
        )
    file.write_text(json.dumps(example.report() | {"schema": 2}))
    assert text_of(lambda: read.read(file)) == (
        f"{file}: the report must be of schema 1, which this version reads, not 2; {again} with this version"
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"cycles": None}, "cycles as NoneType"),
        ({"cycles__latency": {"rtl": 3}}, "without cycles.latency.model"),
        ({"layers__0__lut": "many"}, "layers[0].lut as str"),
        ({"fifos__1__depth": True}, "fifos[1].depth as bool"),
        ({"target__clock_mhz": [250]}, "target.clock_mhz as list"),
        ({"accuracy__dataset": 3}, "accuracy.dataset as int"),
    ],
)
def test_an_entry_of_another_kind_is_refused(changes: dict[str, Any], said: str) -> None:
    assert text_of(lambda: read.check(other(**changes), Path("r.json"))) == (  # type: ignore[arg-type]
        f"r.json: the report must have the entries that rtl4ml writes, not {said}; run rtl4ml convert again"
    )
    read.check(example.report(), Path("r.json"))  # type: ignore[arg-type]


# -- the command ----------------------------------------------------------------------------------------------------


def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, r in (("a", example.report()), ("b", other(model__name="wide", cycles__interval__rtl=408))):
        (tmp_path / f"{name}.json").write_text(json.dumps(r))
    assert main.run(["compare", "a.json", "b.json"]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert re.search(r"Interval, cycles, simulated +│ +204 │ +408 │ \+100.0 % +A is better", said.out)
    assert "A: Exact; Fits\nB: Exact; Fits\n0 of 8 layers differ\n" in said.out
    assert "page     build/compare.html" in said.out
    assert (tmp_path / "build/compare.html").read_text().startswith("<!doctype html>")


FOLDER = "the folder must be a project with a report.json, not without; run rtl4ml convert first"
REPORT, AGAIN = "the report must", "run rtl4ml convert again"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["a.json", "none"],
            "none: must be a project's folder or its report.json, not missing; check the path",
        ),
        (["empty", "a.json"], f"empty: {FOLDER}"),
        (
            ["a.json", "old.json"],
            f"old.json: {REPORT} be of schema 1, which this version reads, not 0; {AGAIN} with this version",
        ),
        (
            ["a.json", "part.json"],
            f"part.json: {REPORT} have the entries that rtl4ml writes, not without identity; {AGAIN}",
        ),
        (
            ["a.json", "a.json", "--out", "empty"],
            "--out: must be a file such as empty/compare.html, not the folder empty",
        ),
        (["a.json"], "Missing argument 'B'; see rtl4ml compare --help"),
    ],
)
def test_bad_input_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.json").write_text(json.dumps(example.report()))
    (tmp_path / "old.json").write_text(json.dumps(example.report() | {"schema": 0}))
    (tmp_path / "part.json").write_text('{"schema": 1}')
    (tmp_path / "empty").mkdir()
    assert main.run(["compare", *arguments]) == 2
    assert capsys.readouterr().err == f"rtl4ml: {said}\n"
    assert not (tmp_path / "build").exists()


def project(folder: Path, **changes: Any) -> Path:
    """A folder with a report that is signed, as a conversion leaves it."""
    (folder / "rtl").mkdir(parents=True)
    (folder / "rtl/r4_top.sv").write_text("module r4_top; endmodule")
    known = identity.write(folder, plan="0" * 64)
    r = other(**changes) | {"identity": {"design": known.design, "files": 1}}
    report_page.write(r, folder)  # type: ignore[arg-type]
    identity.sign_reports(folder)
    return folder


def test_a_report_of_other_files_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = project(tmp_path / "a"), project(tmp_path / "b", cycles__interval__rtl=408)
    out = tmp_path / "page.html"
    command = ["compare", str(a), str(b), "--out", str(out)]
    assert main.run(command) == 0
    assert "A: a, B: b" in capsys.readouterr().out
    (b / "rtl/r4_top.sv").write_text("module r4_top; wire x; endmodule")
    out.unlink()
    assert main.run(command) == 2
    said = capsys.readouterr().err
    assert said.startswith(
        f"rtl4ml: {b}: the report must be of the files that lie there, not of others than rtl/r4_top.sv"
    )
    assert not out.exists()
