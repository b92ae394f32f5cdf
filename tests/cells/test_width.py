# SPDX-License-Identifier: Apache-2.0
"""r4_width in simulation: wider, narrower, the same, and through a common divisor."""

from __future__ import annotations

import re
import subprocess

import numpy as np
import rtl_cells
import rtl_runner

from rtl4ml.host.tools import verilator_env


def test_width(rng: np.random.Generator, seed: int) -> None:
    cases, intervals = [], {}
    for a, b in [(1, 2), (1, 5), (2, 6), (4, 8), (2, 1), (5, 1), (6, 2), (8, 4), (4, 6), (3, 3)]:
        n = rtl_cells.builder()
        elements = 4 * np.lcm(a, b)
        w = n.lanes(n.wire("x", lanes=a, bits=5, signed=True, beats=elements // a), b)
        assert w.lanes == b
        if not n.cells:  # the same lanes need no cell
            assert a == b
            continue
        name = f"{a}_to_{b}"
        x = rng.integers(-16, 16, (4, elements))
        cases.append(rtl_cells.Case(name, n.cells, x, x))
        intervals[name] = elements // min([a, b, *(c.y.lanes for c in n.cells)])
    rtl_cells.check("width", cases, seed=seed, intervals=intervals)


def test_lanes_must_divide() -> None:
    verilator, env = verilator_env()
    command = [str(verilator), "--lint-only", "-y", str(rtl_runner.RTL), "-GXLanes=4", "-GYLanes=6"]
    run = subprocess.run(
        [*command, str(rtl_runner.RTL / "r4_width.sv")], env=env, capture_output=True, text=True
    )
    assert run.returncode != 0
    assert re.search(
        re.escape("r4_width: one of XLanes (4) and YLanes (6) must divide the other"), run.stderr
    )
