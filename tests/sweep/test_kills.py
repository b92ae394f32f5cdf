# SPDX-License-Identifier: Apache-2.0
"""A few kills of a sweep with two workers; scripts/kill_sweeps.py does thirty."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts/kill_sweeps.py"


@pytest.mark.gate
def test_a_killed_sweep_goes_on() -> None:
    command = [sys.executable, str(SCRIPT), "--kills", "3", "--points", "30"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 kills of a sweep of 30 points: nothing lost, nothing twice, the same front" in done.stdout
