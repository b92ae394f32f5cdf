# SPDX-License-Identifier: Apache-2.0
"""Lint every cell of rtl/ alone: `verilator --lint-only -Wall`, waivers in rtl/lint.vlt. Run by `make lint`."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rtl4ml.host.tools import verilator_env

RTL = Path(__file__).resolve().parent.parent / "rtl"


def lint(cell: Path) -> str:
    """What Verilator says of a cell: nothing, if all is well."""
    verilator, env = verilator_env()
    # -y: cells that it instantiates are found by their name, and so linted with it. No --top-module: the cell is
    # the top anyway, and told so Verilator leaves out the inner instance of a cell that instantiates itself.
    command = [str(verilator), "--lint-only", "-Wall", "--assert", "--timing", "-y", str(RTL)]
    command += [str(RTL / "lint.vlt"), str(cell)]
    run = subprocess.run(command, env=env, capture_output=True, text=True)
    if run.returncode == 0 and not run.stderr:
        return ""
    return run.stdout + run.stderr or f"{cell.name}: Verilator stopped with {run.returncode}\n"


def main() -> int:
    cells = sorted(RTL.glob("r4_*.sv"))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        said = list(pool.map(lint, cells))
    sys.stderr.writelines(said)
    failed = [cell.name for cell, words in zip(cells, said, strict=True) if words]
    print(f"{len(cells)} cells linted, with warnings or errors: {', '.join(failed) or 'none'}")
    return 1 if failed or not cells else 0


if __name__ == "__main__":
    sys.exit(main())
