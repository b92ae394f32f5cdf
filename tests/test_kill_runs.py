# SPDX-License-Identifier: Apache-2.0
"""A handful of kills of the real commands, at random moments."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent / "scripts/kill_runs.py"


@pytest.mark.slow
def test_a_handful_of_kills(tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), "--kills", "5", "--results", str(tmp_path / "kills.jsonl")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 kills, 0 with faults; after one more run nothing is left" in done.stdout
