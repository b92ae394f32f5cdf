# SPDX-License-Identifier: Apache-2.0
"""The shell's text: its values are checked, Verilator finds nothing to warn of, Yosys reads it with all images."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import board_nets
import pytest

from rtl4ml.board import ports, shell
from rtl4ml.board.values import Shell, Tiles
from rtl4ml.emit.library import library
from rtl4ml.errors import Rtl4mlError
from rtl4ml.host.tools import verilator_env

SHELLS: dict[str, dict[str, Any]] = {
    "pixels": {"bands": 10, "lanes": 2},
    "images": {"bands": 6, "lanes": 1, "count_bytes": 1, "frame": (5, 13), "result": "mask"},
    "bip": {"bands": 40, "lanes": 40, "result": "map", "banded": False},
}


@pytest.fixture(params=SHELLS)
def made(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, list[Path]]:
    """A folder with a shell and its stand-in, and their sources, the top last."""
    sources = board_nets.write(board_nets.stand_in(**SHELLS[request.param]), tmp_path)
    return tmp_path, sources


def test_verilator_warns_of_nothing(made: tuple[Path, list[Path]]) -> None:
    folder, sources = made
    verilator, env = verilator_env()
    command = [str(verilator), "--lint-only", "-Wall", "--assert", "--timing", "--top-module", ports.WRAPPER]
    command += [str(library() / "lint.vlt"), *map(str, sources)]
    run = subprocess.run(command, env=env, cwd=folder / "mem", capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")


def elaborate(folder: Path, sources: list[Path]) -> subprocess.CompletedProcess[str]:
    """Yosys on the wrapper and all below, in the folder of the images."""
    script = f"read_verilog -sv -defer -DSYNTHESIS {' '.join(map(str, sources))}; "
    script += f"hierarchy -check -top {ports.WRAPPER}; proc; check -assert"
    lines = "; ".join(f"ys.run_pass({part.strip()!r}, d)" for part in script.split(";"))
    code = f"from pyosys import libyosys as ys; d = ys.Design(); {lines}"
    return subprocess.run([sys.executable, "-c", code], cwd=folder / "mem", capture_output=True, text=True)


def test_yosys_reads_it_with_all_images(made: tuple[Path, list[Path]]) -> None:
    run = elaborate(*made)
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]


def test_yosys_misses_an_image(tmp_path: Path) -> None:
    sources = board_nets.write(board_nets.stand_in(bands=10, lanes=2), tmp_path)
    (image,) = (tmp_path / "mem").glob("r4_board_*.mem")
    image.unlink()
    run = elaborate(tmp_path, sources)
    assert run.returncode != 0
    assert "r4_board_init_file.mem" in run.stdout + run.stderr


def test_the_same_values_give_the_same_bytes(tmp_path: Path) -> None:
    values = board_nets.stand_in(bands=10, lanes=2)
    first, second = (shell.write(values, tmp_path / name) for name in "ab")
    assert [p.name for p in first] == [p.name for p in second]
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in second]


def test_the_wrapper_has_the_ports_of_the_shell() -> None:
    text = ports.wrapper_text()
    for direction, bits, name in ports.ports():
        assert f"  {direction} wire{f' [{bits - 1}:0]' if bits else ''} {name}" in text
        assert f".{name}({name})" in text


def test_bytes_of_a_frame() -> None:
    mask = board_nets.stand_in(bands=3, lanes=1, count_bytes=1, frame=(128, 130), result="mask")
    assert mask.frame_bytes == 128 * 17
    assert board_nets.stand_in(bands=10, lanes=2).frame_bytes == 2
    assert board_nets.stand_in(bands=10, lanes=2, frame=(4, 4), result="map").frame_bytes == 16


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {"lanes": 3},
            "board: the lanes of the input must divide its 10 bands, not 3; fold the first layer so that they do",
        ),
        ({"count_bytes": 4}, "board: a count must have 1 or 2 bytes, not 4; convert the cube first"),
        ({"result": "picture"}, "board: the result must be one of raw, map, mask, not picture"),
        (
            {"result": "map"},
            "board: a map must come one byte a beat, not 1 x 16 bits; use raw, or end the network in argmax or mask",
        ),
        (
            {"result": "mask", "out_container": 8, "out_beats": 2},
            "board: a mask must have a value for each pixel of 1 x 1, not 2 a frame; use raw",
        ),
        ({"signature": "12"}, "board: a signature must be 32 hexadecimal digits, not '12'"),
    ],
)
def test_values_that_do_not_agree_are_refused(changes: dict[str, Any], text: str) -> None:
    values: Shell = board_nets.stand_in(bands=10, lanes=2)
    with pytest.raises(Rtl4mlError) as error:
        replace(values, **changes)
    assert str(error.value) == text


@pytest.mark.parametrize(
    ("module", "parameters", "text"),
    [
        ("r4_axil_regs", {"AddrWidth": 32}, "r4_axil_regs: AddrWidth (32) must be 33 to 64"),
        (
            "r4_axil_regs",
            {"CountBytes": 16},
            "r4_axil_regs: CountBytes (16), ResultKind (0) and DataBytes (16) must fit CAPABILITIES",
        ),
        ("r4_job", {"FrameBeats": 0}, "r4_job: FrameBeats (0) and BeatBytes (2) must be at least 1"),
        ("r4_job", {"ResetCycles": 1}, "r4_job: ResetCycles (1) and QuietCycles (256) must be at least 2"),
    ],
)
def test_illegal_parameters_stop_elaboration(module: str, parameters: dict[str, int], text: str) -> None:
    verilator, env = verilator_env()
    command = [
        str(verilator),
        "--lint-only",
        "-y",
        str(library()),
        *(f"-G{k}={v}" for k, v in parameters.items()),
    ]
    run = subprocess.run([*command, str(library() / f"{module}.sv")], env=env, capture_output=True, text=True)
    assert run.returncode != 0
    assert re.search(re.escape(text), run.stderr), run.stderr


@pytest.mark.parametrize(
    ("lanes", "count_bytes", "tiles"),
    [
        (1, 2, Tiles(columns=16, lanes=4, bands=1)),
        (2, 1, Tiles(columns=32, lanes=4, bands=2)),
        (3, 1, Tiles(columns=64, lanes=4, bands=3)),
        (4, 2, Tiles(columns=64, lanes=8, bands=4)),
        # A word of the bus has 8 counts of 2 bytes.
        (8, 2, Tiles(columns=128, lanes=8, bands=8)),
        (204, 2, Tiles(columns=128, lanes=8, bands=6)),
        (204, 1, Tiles(columns=256, lanes=16, bands=12)),
    ],
)
def test_tiles_are_as_wide_as_the_network_is_fast(lanes: int, count_bytes: int, tiles: Tiles) -> None:
    assert Tiles.of(lanes, count_bytes) == tiles
