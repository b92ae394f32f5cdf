# SPDX-License-Identifier: Apache-2.0
"""Runs of the bench sim/tb_board.py: the driver r4.py, unchanged, on the RTL of a shell."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml.simulation.protocol import BenchResult, run_bench

Cube = NDArray[np.unsignedinteger[Any]]
BENCH = "rtl4ml.sim.tb_board"


def bench(
    folder: Path,
    host: Path,
    sources: Sequence[Path],
    images: Path,
    jobs: Sequence[tuple[str, Cube, NDArray[Any]]],
    *,
    tests: Sequence[str] = (),
    **case: Any,
) -> BenchResult:
    """Runs the bench in `folder`, whose build is kept, with a driver in `host`."""
    described = []
    for i, (layout, cube, wanted) in enumerate(jobs):
        np.save(host / f"cube{i}.npy", cube)
        np.save(host / f"result{i}.npy", wanted)
        described.append(
            {"layout": layout, "cube": str(host / f"cube{i}.npy"), "result": str(host / f"result{i}.npy")}
        )
    case = {"latency": 30, "seed": 1, "limit": 100, "errors": [], "aborts": [], "probe": False, **case}
    return run_bench(
        BENCH,
        top="r4_board",
        sources=sources,
        folder=folder,
        case={"host": str(host), "jobs": described, **case},
        images=images,
        tests=tests,
    )
