# SPDX-License-Identifier: Apache-2.0
"""`rtl4ml board`: what it asks of a design, what it says, what it refuses in one line; Vivado is a stand-in."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.lib import format as npy

import rtl4ml
from rtl4ml.board import record, vivado, vivado_reports
from rtl4ml.board.vivado import Tool
from rtl4ml.board.vivado_reports import Results, Timing
from rtl4ml.cli import main, show
from rtl4ml.device import ZCU102
from rtl4ml.errors import BadModel, BuildFailed, named

RESULTS = Results(
    version="2023.2",
    board_part="xilinx.com:zcu102:part0:3.4",
    clock_mhz=249.9975,
    seconds={"synth": 700},
    tries=(),
    timing=Timing(0.1, 0.0, 0, 0.02, 0.0, 0, 0.5, 9000, 0),
    utilization=None,
    instances=(),
    power=None,
    unrouted=0,
    critical_warnings=(),
)
COUNTS = ["--scale-log2", "13"]
TOOL = Tool(Path("/opt/vivado"), "2023.2")


class Made:
    """What a command asked for: of convert, of the board, of Vivado."""

    def __init__(self) -> None:
        self.converted: dict[str, Any] = {}
        self.board: dict[str, Any] = {}
        self.runs: list[tuple[Path, str]] = []
        self.cubes: list[Any] = []
        self.differ = 0

    def design(self) -> Any:
        def board(counts: Any, **options: Any) -> Any:
            self.board = {"counts": counts.entry(), **options}
            return SimpleNamespace(
                shell=SimpleNamespace(
                    bands=4,
                    count_bytes=2,
                    result="map",
                    pixels=True,
                    frames=lambda rows, columns: rows * columns,
                ),
                meaning=SimpleNamespace(check=lambda cube: None),
                simulate=simulate,
                integers=SimpleNamespace(module="r4_requant"),
                interface={
                    "input": {"dtype": "uint16", "layouts": ["bip", "bil"]},
                    "s_axis": {"type": {"name": "u8.8"}},
                },
            )

        def simulate(cube: Any) -> Any:
            self.cubes.append(cube)
            return SimpleNamespace(
                mismatches=self.differ, result=cube[..., 0], outcome=SimpleNamespace(cycles=1234)
            )

        def report() -> dict[str, Any]:
            cosim = {"mismatches": self.differ} if self.cubes else None
            return {"exactness": {}, "board": {"cosim": cosim}}

        parsed = SimpleNamespace(notice=lambda _: "")
        return SimpleNamespace(parsed=parsed, board=board, report=report)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Made:
    """Stand-ins for all that is slow; no Vivado; a file m.keras lies in the current folder."""
    found = Made()

    def convert(model: Path, **options: Any) -> Any:
        found.converted = options
        return found.design()

    def run(tool: Tool, folder: Path, *, until: str, progress: Callable[[str], None]) -> None:
        found.runs.append((folder, until))

    monkeypatch.setattr(rtl4ml, "convert", convert)
    monkeypatch.setattr(show, "report", lambda *_: None)
    monkeypatch.setattr(vivado, "find", lambda *_: None)
    monkeypatch.setattr(vivado, "run", run)
    monkeypatch.setattr(vivado_reports, "results", lambda _: RESULTS)
    monkeypatch.chdir(tmp_path)
    Path("m.keras").touch()
    return found


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    status = main.run(["board", *argv])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_without_vivado_the_folder_is_written_and_the_next_step_is_said(
    made: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = run(capsys, "m.keras", *COUNTS)
    assert status == 0
    assert made.converted["output"] == "argmax" and made.converted["device"] == ZCU102
    assert not {"threshold", "opening"} & set(made.converted)
    assert made.board == {
        "counts": {"dtype": "uint16", "scale_log2": 13},
        "board": "zcu102",
        "layout": "any",
        "jobs": 2,
        "hls": False,
    }
    assert out.splitlines() == [
        "board    build/m/board",
        "counts   uint16, 4 bands, BIP, BIL; to u8.8 by r4_requant, equal to training on all 65,536 counts of every "
        "band; result map",
        "vivado   vivado is not in PATH; on a machine with Vivado: cd build/m/board/vivado && vivado -mode batch "
        "-source build.tcl",
    ]
    assert made.runs == []


def test_a_cube_runs_on_the_simulated_board(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    cube = np.arange(24, dtype=np.uint16).reshape(2, 3, 4)
    np.savez("cube.npz", x=cube)
    status, out, err = run(capsys, "m.keras", *COUNTS, "--data", "cube.npz")
    assert status == 0
    np.testing.assert_array_equal(made.cubes, [cube])
    assert (
        "driver   on the simulated board: 0 of 6 values differ from emulation, 1,234 cycles"
        in out.splitlines()
    )
    assert "driver on the simulated board, 6 pixels" in err
    made.differ = 5
    status, out, err = run(capsys, "m.keras", *COUNTS, "--data", "cube.npz")
    assert status == 1 and "5 of 6 values differ" in out
    assert err.splitlines()[-1] == (
        "rtl4ml: build/m: every value must equal the model's, not differ in 5 values in the board's simulation; "
        "see report.html there"
    )


def test_the_second_road_is_asked_for_and_named(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "m.keras", *COUNTS, "--no-build", "--hls")
    assert status == 0 and made.board["hls"] is True
    assert out.splitlines()[2] == (
        "hls      build/m/board/hls: the self-test's bytes by its C simulation; with Vitis HLS: vitis_hls -f build.tcl"
    )


def test_vivado_runs_where_it_is(
    made: Made, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vivado, "find", lambda *_: TOOL)
    status, out, err = run(capsys, "m.keras", *COUNTS, "--until", "synth")
    assert (status, made.runs) == (0, [(Path("build/m/board/vivado"), "synth")])
    assert out.splitlines()[-1] == "vivado   build/m/board/vivado/output"
    assert "Vivado 2023.2: the flow of zcu102 was not tried in this version" in err
    status, out, _ = run(capsys, "m.keras", *COUNTS, "--no-build")
    assert status == 0 and len(made.runs) == 1
    assert out.splitlines()[-1].startswith("vivado   on a machine with Vivado: cd ")


def test_a_build_that_fails_is_status_1(
    made: Made, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise BuildFailed("vivado: timing must be met, not missed by 0.2 ns; lower the clock")

    monkeypatch.setattr(vivado, "find", lambda *_: TOOL)
    monkeypatch.setattr(vivado, "run", fails)
    status, _, err = run(capsys, "m.keras", *COUNTS)
    assert status == 1
    assert err.splitlines()[-1] == "rtl4ml: vivado: timing must be met, not missed by 0.2 ns; lower the clock"
    assert Path("build/m").is_dir()


def test_timing_that_is_not_met_is_status_1_and_in_the_report(
    made: Made, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("p/board").mkdir(parents=True)
    Path("p/board/interface.json").write_text('{"hardware": {"board": "zcu102"}}')
    Path("p/report.json").write_text("{}")
    late = replace(RESULTS, timing=Timing(-0.2, -9.0, 30, 0.02, 0.0, 0, 0.5, 9000, 0))
    kept: list[Any] = []
    monkeypatch.setattr(vivado, "find", lambda *_: TOOL)
    monkeypatch.setattr(vivado_reports, "results", lambda _: late)
    monkeypatch.setattr(record, "record", lambda *given: kept.append(given))
    status, _, err = run(capsys, "p")
    assert (status, kept) == (1, [(Path("p"), late)])
    assert err.splitlines()[-1].startswith(
        "rtl4ml: timing: slack must be at least 0 ns, not -0.2 ns (setup, 30 "
    )


def test_a_folder_goes_on_with_its_build(
    made: Made, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("p/board").mkdir(parents=True)
    Path("p/board/interface.json").write_text('{"hardware": {"board": "kv260"}}')
    monkeypatch.setattr(vivado, "find", lambda *_: TOOL)
    assert run(capsys, "p")[0] == 0
    assert run(capsys, "p/board", "--until", "impl")[0] == 0
    assert made.runs == [(Path("p/board/vivado"), "bitstream"), (Path("p/board/vivado"), "impl")]
    assert made.converted == {}


def test_what_training_left_beside_a_model_is_taken(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    best = {"opening": [{"radius": 2, "threshold": 0.6}]}
    entry = {"input": {"counts": {"dtype": "uint8", "scale_log2": 8}}, "quantized": best}
    Path("metrics.json").write_text(json.dumps(entry))
    status, _, err = run(capsys, "m.keras")
    assert status == 0
    assert "mask: threshold 0.6, opening 2, as training chose" in err
    assert (made.converted["output"], made.converted["threshold"], made.converted["opening"]) == (
        "mask",
        0.6,
        2,
    )
    assert made.board["counts"] == {"dtype": "uint8", "scale_log2": 8}
    assert run(capsys, "m.keras", "--result", "raw")[0] == 0
    assert made.converted["output"] == "logits" and "threshold" not in made.converted
    assert run(capsys, "m.keras", "--threshold", "0.25")[0] == 0
    assert (made.converted["output"], made.converted["threshold"]) == ("mask", 0.25)
    assert "opening" not in made.converted


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["none.h5"], "none.h5: the model must be a .keras or .h5 file, not missing; check the path"),
        (
            ["m.keras"],
            "m.keras: the normalization of its counts must lie beside it, as rtl4ml train writes it, or be given, "
            "not lack; give --scale-log2 13 or --counts FILE.json",
        ),
        (
            ["m.keras", "--counts", "no.json"],
            'no.json: counts must be a JSON file such as {"dtype": "uint16", "scale_log2": 13}, not missing; '
            "check the path",
        ),
        (
            ["m.keras", "--counts", "no.json", *COUNTS],
            "--scale-log2: must not go with --counts; leave one out",
        ),
        (["m.keras", "--dtype", "uint8"], "--dtype: must go with --scale-log2; give both or none"),
        (
            ["m.keras", *COUNTS, "--board", "zcu1"],
            "board: must be one of kv260, ulx3s, zcu102, not 'zcu1'; "
            "take one of these or write boards/<name>/board.toml",
        ),
        (
            ["m.keras", *COUNTS, "--clock-mhz", "230"],
            "clock: must be 1499.985 MHz divided by a whole number from 4 to 63, not 230; "
            "take 187.4981, 214.2836 or 249.9975",
        ),
        (
            ["m.keras", *COUNTS, "--until", "synth"],
            "--until: vivado must be in PATH to build, not missing; give --vivado, or leave it out and copy the folder "
            "to a machine with Vivado",
        ),
        (
            ["m.keras", *COUNTS, "--build"],
            "--build: vivado must be in PATH to build, not missing; give --vivado, or leave it out and copy the folder "
            "to a machine with Vivado",
        ),
        (
            ["m.keras", *COUNTS, "--result", "mask"],
            "--threshold: must be given with --result mask; write --threshold 0.5",
        ),
        (
            ["m.keras", *COUNTS, "--result", "map", "--opening", "2"],
            "--opening: must go with --result mask, not map; leave it out",
        ),
        (
            ["m.keras", *COUNTS, "--result", "png"],
            "Invalid value for '--result': 'png' is not one of 'raw', 'map', 'mask'; see rtl4ml board --help",
        ),
        (
            ["m.keras", *COUNTS, "--data", "real.npy"],
            "--data: must be an array of uint16, as the counts are, not float64; give the raw counts",
        ),
        (
            ["m.keras", *COUNTS, "--data", "turned.npy"],
            "--data: must be an array of uint16, as the counts are, not >u2; give the raw counts",
        ),
        (
            ["m.keras", *COUNTS, "--data", "no.npy"],
            "no.npy: the data must be a .npy or .npz file, not missing; check the file",
        ),
        (
            ["m.keras", *COUNTS, "--data", "large.npy"],
            "large.npy: the samples must fit 4,294,967,296 bytes, not take 5,000,000,000; give a part of the scene",
        ),
        (
            [".", "--data", "real.npy"],
            ".: the folder must be a project with a board, not without; run rtl4ml board MODEL first",
        ),
        (
            ["old", "--data", "real.npy"],
            "old: a project's build must go on with --vivado and --until alone, not with --data; "
            "give the model to make another",
        ),
        (
            ["old"],
            "old: vivado must be in PATH to go on with the build, not missing; give --vivado, "
            "or copy the folder to a machine with Vivado",
        ),
        (
            ["m.keras", *COUNTS, "--out", "old"],
            "--out: must not be a project that Vivado has worked on, which old is; "
            "go on with rtl4ml board old, remove it, or choose another folder",
        ),
        (
            ["m.keras", *COUNTS, "--out", "old/board"],
            "--out: must be a folder of its own, not the board of the project old; choose another folder",
        ),
        (["."], ".: the folder must be a project with a board, not without; run rtl4ml board MODEL first"),
        (
            ["old", "--jobs", "4"],
            "old: a project's build must go on with --vivado and --until alone, not with --jobs; "
            "give the model to make another",
        ),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    argv: list[str], text: str, made: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("old/board/vivado/work").mkdir(parents=True)
    Path("old/board/interface.json").write_text('{"hardware": {"board": "zcu102"}}')
    Path("old/design.json").write_text("{}")
    np.save("real.npy", np.zeros((2, 3, 4)))
    np.save("turned.npy", np.zeros((2, 3, 4), ">u2"))
    with Path("large.npy").open("wb") as file:  # of a hole
        npy.write_array_header_1_0(
            file, {"descr": "|u1", "fortran_order": False, "shape": (50_000, 1000, 100)}
        )
        file.truncate(file.tell() + 5_000_000_000)
    assert run(capsys, *argv) == (2, "", f"rtl4ml: {text}\n")
    assert made.converted == {} and not Path("build").exists()


def test_errors_of_a_conversion_name_the_result(
    made: Made, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def convert(model: Path, **options: Any) -> Any:
        raise BadModel(
            f"l: {named('output', 'argmax')} must go with several channels; use {named('output', 'mask')}"
        )

    monkeypatch.setattr(rtl4ml, "convert", convert)
    assert main.run(["board", "m.keras", *COUNTS]) == 2
    text = "rtl4ml: l: --result map must go with several channels; use --result mask\n"
    assert capsys.readouterr().err.endswith(text)
