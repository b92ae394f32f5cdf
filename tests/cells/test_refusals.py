# SPDX-License-Identifier: Apache-2.0
"""Illegal parameters of the cells where streams part, meet or are mapped: elaboration stops and says why."""

from __future__ import annotations

import re
import subprocess

import pytest
import rtl_runner

from rtl4ml.host.tools import verilator_env

CASES: list[tuple[str, dict[str, int], str]] = [
    ("r4_fork", {"Width": 0}, "r4_fork: Width (0) must be at least 1"),
    (
        "r4_add",
        {"Lanes": 0},
        "r4_add: Lanes (0), WidthA (8), WidthB (8) and YWidth (9) must be at least 1",
    ),
    (
        "r4_max",
        {"WidthA": 0},
        "r4_max: Lanes (1), WidthA (0), WidthB (8) and YWidth (8) must be at least 1",
    ),
    (
        "r4_concat",
        {"BeatsB": 0},
        "r4_concat: LanesA (1), LanesB (1), BeatsA (1) and BeatsB (0) must be at least 1",
    ),
    (
        "r4_concat",
        {"Whole": 1, "BeatsA": 2},
        "r4_concat: BeatsA (2) and BeatsB (1) must be 1 where a beat is a whole pixel",
    ),
    (
        "r4_concat",
        {"LanesA": 2},
        "r4_concat: LanesA (2) and LanesB (1) must be equal where a beat is not a whole pixel",
    ),
    (
        "r4_multiply",
        {"WidthB": 0},
        "r4_multiply: Lanes (1), WidthA (8), WidthB (0) and YWidth (16) must be at least 1",
    ),
    (
        "r4_bilinear",
        {"Size": 0},
        "r4_bilinear: Lanes (1), XWidth (8), Size (0) and Inner (1) must be at least 1",
    ),
    ("r4_bilinear", {"Factor": 6}, "r4_bilinear: Factor (6) must be a power of two from 2"),
    (
        "r4_scale",
        {"Size": 0},
        "r4_scale: Lanes (1), XWidth (8), Size (0) and Inner (1) must be at least 1",
    ),
    ("r4_scale", {"YWidth": 0}, "r4_scale: FactorWidth (2) and YWidth (0) must be at least 1"),
    (
        "r4_stuff",
        {"Groups": 0},
        "r4_stuff: Lanes (1), ElemWidth (8), Groups (0) and Width (8) must be at least 1",
    ),
    ("r4_stuff", {"FactorH": 0}, "r4_stuff: FactorH (0) and FactorW (2) must be at least 1"),
    ("r4_morph", {"Radius": 8}, "r4_morph: Radius (8) must be 1 to 7"),
    ("r4_mask", {"XWidth": 64}, "r4_mask: Lanes (1) must be at least 1, XWidth (64) 1 to 63"),
    ("r4_argmax", {"Groups": 0}, "r4_argmax: Lanes (1), Groups (0) and XWidth (8) must be at least 1"),
    ("r4_argmax", {"Groups": 5, "YWidth": 2}, "r4_argmax: YWidth (2) must hold the index of 5 channels"),
    (
        "r4_table",
        {"Entries": 1},
        "r4_table: Lanes (1) and Rows (1) must be at least 1, Entries (1) at least 2",
    ),
    (
        "r4_table",
        {"Entries": 257},
        "r4_table: XWidth (8) must be 1 to 63 and hold First (-128) and all of 257 Entries",
    ),
    (
        "r4_threshold",
        {"Thresholds": 0},
        "r4_threshold: Lanes (1), Rows (1) and Thresholds (0) must be at least 1",
    ),
    ("r4_threshold", {"TWidth": 7}, "r4_threshold: TWidth (7) must be at least XWidth (8)"),
    ("r4_threshold", {"LevelKind": 4}, "r4_threshold: LevelKind (4) must be 0 to 3"),
    (
        "r4_threshold",
        {"Block": 1, "Parallel": 1, "Thresholds": 7},
        "r4_threshold: Block needs a search (Parallel 1) of at least 3 Levels (3)",
    ),
    (
        "r4_lookup",
        {"Column": 1},
        "r4_lookup: Width (8) and Ports (1) must be at least 1, Column (1) below Columns (1)",
    ),
    (
        "r4_lookup",
        {"Depth": 1},
        "r4_lookup: Depth (1) must be at least 2 and need AddrWidth (1) address bits",
    ),
    ("r4_uart_rx", {"Divider": 3}, "r4_uart_rx: Divider (3) must be at least 4"),
    ("r4_uart_tx", {"Divider": 3}, "r4_uart_tx: Divider (3) must be at least 4"),
    (
        "r4_serial",
        {"CountBytes": 0},
        "r4_serial: CountBytes (0) and ResultBytes (1) must be at least 1",
    ),
    ("r4_serial", {"IdleCycles": 1}, "r4_serial: IdleCycles (1) and ResetCycles (8) must be at least 2"),
]


@pytest.mark.parametrize(("module", "parameters", "text"), CASES, ids=[f"{c[0]}-{c[1]}" for c in CASES])
def test_elaboration_stops(module: str, parameters: dict[str, int], text: str) -> None:
    verilator, env = verilator_env()
    command = [str(verilator), "--lint-only", "-y", str(rtl_runner.RTL)]
    command += [f"-G{k}={v}" for k, v in parameters.items()]
    run = subprocess.run(
        [*command, str(rtl_runner.RTL / f"{module}.sv")], env=env, capture_output=True, text=True, check=False
    )
    assert run.returncode != 0
    assert re.search(re.escape(text), run.stderr), run.stderr
