# SPDX-License-Identifier: Apache-2.0
"""`rtl4ml sweep`, as its user sees it."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtl4ml.cli import main
from rtl4ml.frontends.qkeras.load import load
from rtl4ml.host import frameworks


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    keras, q = frameworks.keras(), frameworks.qkeras()
    keras.utils.set_random_seed(1)
    entry = keras.Input((8, 8, 3))
    x = q.QActivation("quantized_bits(6,0,alpha=1)")(entry)
    x = q.QConv2D(4, 3, padding="same", kernel_quantizer="quantized_bits(4,0,alpha=1)", use_bias=False)(x)
    x = q.QActivation("quantized_relu(4,1)")(x)
    x = q.QConv2D(1, 1, kernel_quantizer="quantized_bits(4,0,alpha=1)", use_bias=False)(x)
    path = tmp_path_factory.mktemp("model") / "small.keras"
    keras.Model(entry, keras.layers.Activation("sigmoid")(x)).save(path)
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    status = main.run([str(a) for a in arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def points(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / "sweep.json").read_text())["points"]
    return found


def test_a_sweep_says_what_is_worth_having(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = (
        "sweep",
        model,
        "--intervals",
        "1,64..256/3",
        "--budget",
        "lut=1%,50%",
        "--out",
        tmp_path / "s",
    )
    status, out, err = run(capsys, *command)
    assert status == 0, err
    found = points(tmp_path / "s")
    assert [(p["interval"], p["lut"]) for p in found] == [
        (i, s) for i in (1, 64, 128, 256) for s in (0.01, 0.5)
    ]
    refused = [p for p in found if p["refused"]]
    assert refused and all(p["interval"] == 1 for p in refused)
    assert "target_interval" not in refused[0]["refused"]
    kept = [p for p in found if not p["refused"] and p["dominated_by"] is None]
    beaten = [p for p in found if not p["refused"] and p["dominated_by"] is not None]
    assert (
        f"small.keras: {len(kept)} of 8 points are worth having (predicted); {len(beaten)} are beaten" in out
    )
    for p in beaten:
        by = found[p["dominated_by"]]
        assert by["fps"] >= p["fps"] and by["cost"] <= p["cost"]
    with (tmp_path / "s/sweep.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(int(r["point"]), float(r["fps"] or 0)) for r in rows] == [
        (p["point"], p.get("fps", 0)) for p in found
    ]
    before = (tmp_path / "s/sweep.json").read_bytes()
    assert run(capsys, *command)[0] == 0  # all is known
    assert (tmp_path / "s/sweep.json").read_bytes() == before


def test_without_axes_intervals_are_tried(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "sweep", model, "--out", tmp_path / "s", "--budget", "dsp=0.5")[0] == 0
    assert [p["interval"] for p in points(tmp_path / "s")] == [64, 128, 256, 512]


def test_heads_and_files_of_axes(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "space.toml"
    file.write_text('[axes]\noutput = "logits,mask"\nclock_mhz = [100, 250]\n')
    mask = ("--threshold", "0.4", "--opening", "2", "--output", "mask")
    status, _, err = run(
        capsys, "sweep", model, "--space", file, "--intervals", 64, "--out", tmp_path / "s", *mask
    )
    assert status == 0, err
    found = points(tmp_path / "s")
    assert [(p["output"], p["clock_mhz"]) for p in found] == [
        ("logits", 100.0), ("logits", 250.0), ("mask", 100.0), ("mask", 250.0)]  # fmt: skip
    assert [p["fps"] * p["got_interval"] for p in found] == pytest.approx([100e6, 250e6, 100e6, 250e6])
    assert found[0]["lut"] < found[2]["lut"]


def test_bad_input(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ("--out", tmp_path / "s")
    status, _, err = run(capsys, "sweep", model, "--intervals", "1,2", *out)
    assert status == 2
    assert err.splitlines()[-1].startswith(
        "rtl4ml: sweep: a space must have a point with a design, not 2 that are refused: 1 x "
    )
    status, _, err = run(capsys, "sweep", model, "--intervals", "64,2", *out)
    assert (status, err.splitlines()[-1]) == (
        2,
        f"rtl4ml: sweep: sqlite:///{tmp_path}/s/sweep.db must be of this sweep, not of one with another space; "
        "give another --out or --storage, or what it was begun with",
    )
    for options, told in {
        (
            "--aims",
            "speed",
        ): "sweep: an aim must be one of interval, latency, fps, lut, ff, dsp, bram36, cost, not 'speed'",
        (
            "--prices",
            "dsp",
        ): "Invalid value for '--prices': 'dsp' must be a resource (lut, ff, dsp, bram36) and a number,",
        ("--budget", "uram=1%,2%"): "Invalid value for '--budget': 'uram=1%,2%' must be a resource",
        ("--budget", "dram=1%,2%"): "Invalid value for '--budget': 'dram=1%,2%' must be a resource",
        ("--space", "none.toml"): "none.toml: the space must be a TOML file, not missing; check the path",
    }.items():
        status, _, err = run(capsys, "sweep", model, *options, "--out", tmp_path / "t")
        assert (status, err.splitlines()[-1].removeprefix("rtl4ml: ")[: len(told)]) == (2, told)
    assert not (tmp_path / "t/sweep.db").exists()


@pytest.mark.gate
def test_an_interrupted_sweep_goes_on(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["sweep", str(model), "--intervals", "64..4096/40", "--out", str(tmp_path / "s")]
    code = f"""
import os, signal
from rtl4ml.cli import main
from rtl4ml.sweep import search
tell = search.Search.tell
def telling(self, *values):
    made = tell(self, *values)
    if self.done == 5:
        os.kill(os.getpid(), signal.SIGINT)
    return made
search.Search.tell = telling
main.main({command!r})
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=dict(os.environ)
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.splitlines()[-1] == (
        f"rtl4ml: interrupted; {tmp_path}/s: all points that had ended are kept; the same command goes on"
    )
    assert run(capsys, *command)[0] == 0
    assert len(points(tmp_path / "s")) == len({p["interval"] for p in points(tmp_path / "s")})


@pytest.mark.gate
def test_bits_data_and_what_is_picked(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(0)
    for name in ("validation", "test"):
        x = rng.uniform(-1, 1, (6, 8, 8, 3)).astype(np.float32)
        y = load(model).predict(x, verbose=0)[..., 0] >= 0.5
        np.savez(tmp_path / f"{name}.npz", x=x, y=y.astype(np.uint8))
    folder = tmp_path / "s"
    command = ["sweep", model, "--bits", "2,4", "--intervals", "64,128", "--out", folder, "--verify", 1]
    command += [
        "--data",
        tmp_path / "validation.npz",
        "--test",
        tmp_path / "test.npz",
        "--pick",
        "best iou, iou>0.9",
    ]
    status, out, err = run(capsys, *command)
    assert status == 0, err
    found = points(folder)
    assert [p["iou"] == 1.0 for p in found] == [False, True, False, True]
    front = [p for p in found if p["dominated_by"] is None]
    assert all(p["test_iou"] is not None for p in front) and max(p["test_iou"] for p in front) == 1.0
    assert all(p["test_iou"] is None for p in found if p["dominated_by"] is not None)
    assert "2 designs were simulated as RTL and counted by Yosys" in out
    rows = json.loads((folder / "verified.json").read_text())
    assert [r["mismatches"] for r in rows] == [0, 0]
    assert [r["interval"] for r in rows] == [found[r["point"]]["got_interval"] for r in rows]
    assert (folder / "sweep.html").read_text().count("<td>0 of ") == 2
    picked = [p for p in folder.iterdir() if (p / "report.json").is_file()]
    assert picked and any(found[int(p.name.removeprefix("point-"))]["iou"] == 1.0 for p in picked)
    page = (folder / "sweep.html").read_text()
    for p in picked:  # from the table of verified points, and from the front's where they are there
        assert f'<td><a href="{p.name}/report.html">{p.name.removeprefix("point-")}</a></td>' in page
    status, _, err = run(
        capsys, "sweep", model, "--intervals", 64, "--out", tmp_path / "t", "--test", tmp_path / "test.npz"
    )
    assert (status, err.splitlines()[-1]) == (
        2,
        "rtl4ml: sweep: --test must go with --data, on which points are chosen; give both",
    )
