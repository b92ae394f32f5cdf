# SPDX-License-Identifier: Apache-2.0
"""`rtl4ml board --board ulx3s`: what it asks of a design, what it says, what it refuses; the tools are stand-ins."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import report_example

import rtl4ml
from rtl4ml.board.ecp5 import spec, tools
from rtl4ml.cli import main, open_board, show
from rtl4ml.errors import BuildFailed

GIVEN = ["m.keras", "--board", "ulx3s", "--scale-log2", "13"]


class Made:
    """What the command asked for. failure: what a build ends with."""

    def __init__(self) -> None:
        self.converted: dict[str, Any] = {}
        self.board: dict[str, Any] = {}
        self.built = 0
        self.recorded: list[Path] = []
        self.failure: Exception | None = None

    def project(self) -> Any:
        def build(progress: Any) -> None:
            self.built += 1
            progress("route 1: 97.25 MHz")
            if self.failure:
                raise self.failure

        return SimpleNamespace(folder=None, build=build, place_and_route=report_example.route(), interface={})


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Made:
    found = Made()

    def convert(model: Path, **options: Any) -> Any:
        found.converted = options

        def board(counts: Any, **options: Any) -> Any:
            found.board = {"counts": counts.entry(), **options}
            return found.project()

        parsed = SimpleNamespace(notice=lambda _: None)
        return SimpleNamespace(board=board, report=dict, parsed=parsed)

    def record(out: Path, *_: Any) -> dict[str, Any]:
        found.recorded.append(out)
        return {}

    monkeypatch.setattr(rtl4ml, "convert", convert)
    monkeypatch.setattr(show, "report", lambda *_: None)
    monkeypatch.setattr(open_board, "record_route", record)
    monkeypatch.chdir(tmp_path)
    Path("m.keras").touch()
    return found


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    status = main.run(["board", *argv])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_a_bitstream_is_made(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, *GIVEN)
    assert status == 0, err
    assert made.converted["device"] == spec.board("ulx3s").device
    assert made.converted["clock_mhz"] == made.board["asked_mhz"] == 150.0
    assert made.converted["output"] == "argmax" and made.board["counts"] == {
        "dtype": "uint16",
        "scale_log2": 13,
    }
    assert made.built == 1 and made.recorded == [Path("build/m")]
    assert out.splitlines() == [
        "board    build/m/board",
        "clock    95.8333 MHz; routed by nextpnr-ecp5 at 97.25 MHz, 2 route(s); serial line 3,000,000 baud, -0.17 %",
        "bits     build/m/board/build/r4.bit",
    ]
    assert "route 1: 97.25 MHz" in err


def test_another_clock_is_asked_for(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, *GIVEN, "--clock-mhz", "250")[0] == 0
    assert made.converted["clock_mhz"] == made.board["asked_mhz"] == 250.0


def test_without_a_build_the_folder_is_written(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, *GIVEN, "--no-build")
    assert (status, out.splitlines()) == (0, ["board    build/m/board"])
    assert made.built == 0 and made.recorded == []


def test_a_clock_that_is_not_met_is_status_1(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    made.failure = BuildFailed("board/build: the router must meet the clock")
    status, out, err = run(capsys, *GIVEN)
    assert (status, out) == (1, "") and err.endswith("rtl4ml: board/build: the router must meet the clock\n")
    assert made.recorded == []


@pytest.mark.parametrize(
    ("more", "name"),
    [
        (["--hls"], "hls"),
        (["--layout", "any"], "layout"),
        (["--until", "synth"], "until"),
        (["--jobs", "2"], "jobs"),
        (["--vivado", "v"], "vivado"),
        (["--data", "x.npy"], "data"),
    ],
)
def test_what_is_vivado_s_alone_is_refused(
    more: list[str], name: str, made: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    text = f"rtl4ml: --{name}: must go with a board of Vivado, not ulx3s; leave it out\n"
    assert run(capsys, *GIVEN, *more) == (2, "", text)
    assert made.converted == {}


def test_a_missing_tool_is_said_before_the_conversion(
    made: Made, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tools, "_PACKAGE", "no_such_package")
    status, _, err = run(capsys, *GIVEN)
    assert status == 2 and "no_such_package: the wheel must be installed beside rtl4ml, not missing" in err
    assert made.converted == {}


def test_a_project_is_not_gone_on_with(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    Path("old/board").mkdir(parents=True)
    Path("old/board/interface.json").write_text('{"hardware": {"board": "ulx3s"}}')
    assert run(capsys, "old") == (
        2,
        "",
        "rtl4ml: old: a project for the ulx3s must be built when it is made, not gone on with; give the model again\n",
    )
