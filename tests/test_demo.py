# SPDX-License-Identifier: Apache-2.0
"""The main job, on a few pixels of the synthetic scene and, where there is one, of the real scene."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rtl4ml import demo
from rtl4ml.errors import BadInput

_spec = importlib.util.spec_from_file_location(
    "check_demo", Path(__file__).parents[1] / "scripts" / "check_demo.py"
)
assert _spec is not None and _spec.loader is not None
check_demo = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(check_demo)


def test_samples_are_spread_over_the_scene() -> None:
    assert demo.spread(10, None).tolist() == list(range(10))
    assert demo.spread(10, 20).tolist() == list(range(10))
    assert demo.spread(10, 4).tolist() == [0, 2, 5, 7]
    assert demo.spread(0, 4).tolist() == []


def test_no_pixels_are_no_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RTL4ML_DATA", raising=False)
    with pytest.raises(
        BadInput, match=r"^demo: the scene must have pixels to compare, not none of .*; take more$"
    ):
        demo.run(out=tmp_path / "p", samples=0)
    assert not (tmp_path / "p").exists()


def run(tmp_path: Path, **environment: str) -> tuple[str, str]:
    env = {k: v for k, v in os.environ.items() if k != "RTL4ML_DATA"} | environment
    command = [sys.executable, "-m", "rtl4ml.cli.main", "demo", "--samples", "40", "--out", "demo"]
    done = subprocess.run(command, cwd=tmp_path, env=env, check=True, capture_output=True, text=True)
    page = (tmp_path / "demo" / "report.html").read_text(encoding="utf-8")
    page = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)  # style sheets name all classes
    assert "EXACT on every value of every sample" in done.stdout
    assert "NOT EXACT" not in done.stdout
    report = json.loads((tmp_path / "demo" / "report.json").read_text())
    assert (report["exactness"]["rtl"]["samples"], report["stalls"]["frames"]) == (40, 40)
    return done.stdout, page


@pytest.mark.slow
def test_the_synthetic_scene_is_called_synthetic(tmp_path: Path) -> None:
    out, page = run(tmp_path)
    assert "scene    40 synthetic pixels\n" in out
    assert "ynthetic" in page


@pytest.mark.slow
def test_the_real_scene_is_not_called_synthetic(tmp_path: Path, data: Path) -> None:
    out, page = run(tmp_path, RTL4ML_DATA=str(data))
    assert "Salinas crop, 40 pixels of salinas_crop150_labelled.npz" in out
    assert "ynthetic" not in out + page


def test_the_gate_sees_what_a_demo_did_not_prove() -> None:
    proof = {"samples": 24, "values": 384, "mismatches": 0}
    cycles = {"latency": {"model": 580, "rtl": 580}, "interval": {"model": 204, "rtl": 204}}
    good: dict[str, Any] = {
        "exactness": {"emulate": proof, "csim": proof, "rtl": proof},
        "stalls": {"patterns": 1, "frames": 24, "mismatches": 0},
        "cycles": cycles,
        "resources": {"yosys": {"lut": 4212}},
    }
    assert check_demo.faults(good) == []
    for change, fault in (
        ({"exactness": good["exactness"] | {"csim": None}}, "csim: nothing was compared"),
        ({"exactness": good["exactness"] | {"rtl": proof | {"mismatches": 2}}}, "rtl: 2 mismatches"),
        ({"stalls": None}, "stalls: nothing was compared"),
        ({"stalls": {"patterns": 1, "frames": 0, "mismatches": 0}}, "stalls: nothing was compared"),
        (
            {"cycles": cycles | {"interval": {"model": 204, "rtl": None}}},
            "interval: None cycles simulated, 204 predicted",
        ),
        (
            {"cycles": cycles | {"interval": {"model": 204, "rtl": 205}}},
            "interval: 205 cycles simulated, 204 predicted",
        ),
        ({"resources": {"yosys": None}}, "resources: nothing was counted by Yosys"),
    ):
        assert check_demo.faults(good | change) == [fault]
