# SPDX-License-Identifier: Apache-2.0
"""A script of hls4ml's tutorials, with the name of the backend as the one word that is changed, to its end."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "support/jet_tagging.py"


def run(folder: Path, *arguments: str) -> str:
    env = os.environ | {"TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "3", "MPLBACKEND": "Agg"}
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_one_word_is_ours() -> None:
    code = SCRIPT.read_text().split('"""', 2)[2]
    assert re.findall(r".*rtl4ml.*", code) == ['BACKEND = "rtl4ml"']


@pytest.mark.gate
@pytest.mark.early
def test_the_jet_tagger(tmp_path: Path) -> None:
    said = run(tmp_path)
    assert said.count("the input comes as ap_fixed<16,6,AP_TRN,AP_WRAP>, by Model's Precision") == 1
    idle = "keys of hls4ml's configuration without effect here: BramFactor, TraceOutput, exp_table_t, inv_table_t"
    assert said.count(idle) == 1
    assert said.count("done convert") == 1  # compile, trace and numerical convert no more
    accuracy = re.findall(r"^Accuracy \w+: +([\d.]+)$", said, re.MULTILINE)
    assert len(accuracy) == 2
    assert abs(float(accuracy[0]) - float(accuracy[1])) < 0.01
    assert float(accuracy[1]) > 0.9
    # The input is cut off to ten bits behind the point: no more than that lies between the two.
    close = dict(re.findall(r"^(fc\d|relu\d|output) +(0\.0\d+)$", said, re.MULTILINE))
    assert list(close) == ["fc1", "relu1", "fc2", "relu2", "fc3", "relu3", "output"]
    assert all(float(v) < 0.005 for v in close.values())
    assert re.search(r"^Output type: +fixed<\d+,4,TRN,WRAP,0>$", said, re.MULTILINE)
    assert "\nbits of weights that are never used, by exact integers:\n" in said
    assert "\nbits of activations that 1,000 samples never use, by exact integers:\n" in said
    assert "\nFigures: 4\n" in said
    steps = re.findall(r"^done (.*) \([\d.]+ s\)$", said, re.MULTILINE)
    assert steps[1:] == [
        "emulate 64 samples",
        "RTL simulation, 64 samples: 64 of 64",
        "RTL simulation under random stalls, 64 samples: 64 of 64",
    ]
    assert re.search(r"^    IntervalMin +1$", said, re.MULTILINE)  # ReuseFactor 1
    assert re.search(r"^    AvailableLUT +1728000$", said, re.MULTILINE)  # the part's
    assert re.search(r"^\| Verilog\| Pass\| (\d+)\| \1\| \1\| 1\| 1\| 1\|$", said, re.MULTILINE)


@pytest.mark.slow
def test_the_jet_tagger_with_its_synthesis(tmp_path: Path) -> None:
    said = run(tmp_path, "--synth")
    assert "Synthesis, counted by Yosys; nothing of Vivado ran." in said
