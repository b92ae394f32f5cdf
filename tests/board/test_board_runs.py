# SPDX-License-Identifier: Apache-2.0
"""Cubes by the C driver on the simulated board, as the report has them: values, traffic, pictures; real scenes."""

from __future__ import annotations

import base64
import io
import json
import os
import re
from pathlib import Path

import board_nets
import board_runs
import jsonschema
import numpy as np
import pytest
from contract import randomize
from numpy.typing import NDArray
from pages import SCHEMA, Page
from PIL import Image

import rtl4ml
from rtl4ml.board.bulk import Outcome
from rtl4ml.board.runs import BoardRun, Runs
from rtl4ml.cli import main
from rtl4ml.frontends.qkeras.importer import parse
from rtl4ml.host.identity import check_report, digest
from rtl4ml.report.figures import maps

needs_scenes = pytest.mark.skipif("RTL4ML_DATA" not in os.environ, reason="RTL4ML_DATA is not set")


def outcome(cycles: int, words: tuple[int, int]) -> Outcome:
    zeros = dict.fromkeys(
        ("starved", "blocked", "frames_done", "first_frame", "frame_errors", "axi_errors", "simulated"), 0
    )
    none = np.zeros(0, np.uint8)
    return Outcome(
        result=none, code=0, message="", flags=frozenset(), read=(), cycles=cycles, words=words, **zeros
    )


def images_of(html: str, section: str) -> list[NDArray[np.uint8]]:
    """The PNG images of a section of a page, RGBA."""
    part = html.split(f'id="{section}"', 1)[1].split("</section>", 1)[0]
    found = re.findall(r'src="data:image/png;base64,([^"]+)"', part)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(f))).convert("RGBA")) for f in found]


def test_traffic_is_that_of_the_last_job_without_pauses() -> None:
    runs = Runs()
    assert runs.cosim() is None and runs.dram(250) is None
    cube, map_ = np.zeros((10, 10, 4), np.uint16), np.zeros((10, 10), np.uint8)
    jobs = [
        ("bip", BoardRun(map_, outcome(40_000, (2_600, 51)), 0), None),
        ("bil", BoardRun(map_, outcome(20_400, (2_550, 51)), 0), None),
        ("bil", BoardRun(map_, outcome(99_999, (3_000, 900)), 2), 7),
    ]
    runs.add(cube, *jobs[2][:2], frames=100, pattern=7, driver="a" * 64)
    assert runs.dram(250) is None
    runs = Runs()
    for layout, run, pattern in jobs:
        runs.add(cube, layout, run, frames=100, pattern=pattern, driver="b" * 64)
    assert runs.dram(250) == {
        "layout": "bil",
        "frames": 100,
        "cycles": 20_400,
        "bytes_per_frame": {"in": 408, "out": 8.16},
        "gb_per_s": pytest.approx(0.51),
        "share": {"in": 0.125, "out": 0.0025},
    }
    assert runs.cosim() == {
        "jobs": 3,
        "frames": 300,
        "values": 300,
        "mismatches": 2,
        "layouts": ["bip", "bil"],
        "stall_patterns": 1,
        "driver_sha256": "b" * 64,
    }


@pytest.mark.early
def test_the_class_map_of_a_cube_is_on_the_page(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    rng: np.random.Generator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`rtl4ml board MODEL --data CUBE.npy`, whole."""
    monkeypatch.chdir(tmp_path)
    model = randomize(board_nets.pixels(), np.random.default_rng(3))
    model.save("m.keras")
    cube = rng.integers(0, 2**11, (9, 14, board_nets.BANDS)).astype(np.uint16)
    np.save("cube.npy", cube)
    command = ["board", "m.keras", "--scale-log2", "10", "--no-build", "--out", "p", "--data", "cube.npy"]
    assert main.run(command) == 0
    out = capsys.readouterr().out
    assert re.search(
        r"^driver   on the simulated board: 0 of 126 values differ from emulation, [\d,]+ cycles$", out, re.M
    )
    found = json.loads(Path("p/report.json").read_text())
    jsonschema.validate(found, SCHEMA)
    check_report(Path("p"), found)
    cosim, dram = found["board"]["cosim"], found["board"]["dram"]
    assert cosim == {
        "jobs": 1,
        "frames": 126,
        "values": 126,
        "mismatches": 0,
        "layouts": ["bip"],
        "stall_patterns": 0,
        "driver_sha256": digest(Path("p/board/host/r4.c")),
    }
    assert dram["frames"] == 126 and 24 <= dram["bytes_per_frame"]["in"] < 24.2
    assert 1 <= dram["bytes_per_frame"]["out"] < 1.2
    clock = found["board"]["clock_mhz"]["actual"]
    per_frame = sum(dram["bytes_per_frame"].values())
    assert dram["gb_per_s"] == pytest.approx(per_frame * 126 / dram["cycles"] * clock / 1e3)

    x = (cube / 2**10).astype(np.float32).reshape(-1, board_nets.BANDS, 1)
    want = parse(model, output="argmax").emulate(x)[0].reshape(9, 14).astype(int)
    assert len(np.unique(want)) > 1
    html = Path("p/report.html").read_text()
    (image,) = images_of(html, "board")
    colours = np.array([[*bytes.fromhex(c[1:]), 255] for c in maps.palette(3)])
    np.testing.assert_array_equal(image, colours[want])
    for k in range(3):
        assert re.search(rf"<span>class {k}</span><small>{(want == k).sum()}</small>", html)
    assert "Values that differ ✓ 0 of 126" in Page(html).text


@pytest.mark.gate
def test_the_masks_of_two_frames_are_on_the_page(tmp_path: Path, rng: np.random.Generator) -> None:
    model = randomize(board_nets.images(), np.random.default_rng(4))
    design = rtl4ml.convert(model, out=tmp_path / "p", output="mask", threshold=0.1)
    board = design.board({"dtype": "uint8", "scale_log2": 8})
    assert board.picture is None and design.report()["board"]["cosim"] is None
    assert "By the driver" not in (design.folder / "report.html").read_text()
    cube = rng.integers(0, 256, (10, 12, 3)).astype(np.uint8)
    board.simulate(cube, "bil")
    board.simulate(cube, "bsq", stalls=True, seed=5)
    found = design.report()
    jsonschema.validate(json.loads((design.folder / "report.json").read_text()), SCHEMA)
    cosim = found["board"]["cosim"]
    assert (cosim["jobs"], cosim["frames"], cosim["values"], cosim["mismatches"]) == (2, 4, 240, 0)
    assert (cosim["layouts"], cosim["stall_patterns"]) == (["bil", "bsq"], 1)
    assert found["board"]["dram"]["frames"] == 2
    mask = design.emulate((cube / 256).astype(np.float32).reshape(2, 5, 12, 3)).reshape(2, 5, 12) > 0
    assert 0 < mask.mean() < 1
    picture = board.picture
    assert isinstance(picture, maps.Frames)
    np.testing.assert_array_equal(picture.masks, mask)
    np.testing.assert_allclose(picture.images, cube.reshape(2, 5, 12, 3) / 255)
    assert len(images_of((design.folder / "report.html").read_text(), "board")) == 4
    assert not (board.folder / "verilator-board").exists()  # the folder goes to other machines


@needs_scenes
@pytest.mark.timeout(3600)
@pytest.mark.slow
@pytest.mark.parametrize(("name", "jobs"), [("salinas", ["bip", "bil", "bsq"]), ("sen2ships_unet", ["bil"])])
def test_real_scenes(name: str, jobs: list[str], tmp_path: Path) -> None:
    """The whole Salinas crop in three layouts, and two port scenes: no value differs."""
    assert board_runs.run(board_runs.WORKS[name](None), jobs, tmp_path / "p") == 0
    found = json.loads((tmp_path / "p" / "report.json").read_text())
    jsonschema.validate(found, SCHEMA)
    cosim = found["board"]["cosim"]
    values = {"salinas": 3 * 150 * 150, "sen2ships_unet": 2 * 128 * 128}[name]
    assert (cosim["jobs"], cosim["values"], cosim["mismatches"]) == (len(jobs), values, 0)
    assert len(images_of((tmp_path / "p" / "report.html").read_text(), "board")) == (
        3 if name == "salinas" else 4
    )
