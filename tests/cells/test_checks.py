# SPDX-License-Identifier: Apache-2.0
"""Illegal parameters stop elaboration with the cell's name, the rule and the offender."""

from __future__ import annotations

import re
import subprocess

import pytest
import rtl_runner

from rtl4ml.host.tools import verilator_env

CASES = [
    ("r4_counter", {"Count": 0}, "r4_counter: Count (0) must be at least 1"),
    ("r4_countdown", {"Count": 0}, "r4_countdown: Count (0) must be at least 1"),
    (
        "r4_mul_split",
        {"WWidth": 0},
        "r4_mul_split: XWidth (8), WWidth (0) and PWidth (16) must be at least 1",
    ),
    (
        "r4_span",
        {"Count": 4, "First": 3, "Size": 2},
        "r4_span: the span (2 steps from 3) must lie within Count (4)",
    ),
    ("r4_delay", {"Depth": 0}, "r4_delay: Depth (0) must be at least 1"),
    ("r4_extend", {"YWidth": 7}, "r4_extend: YWidth (7) must be at least XWidth (8)"),
    ("r4_rom", {"Depth": 0}, "r4_rom: Depth (0) must be at least 1"),
    ("r4_dsp_mac", {"AWidth": 28}, "r4_dsp_mac: widths (28 x 18 + 48) must fit 27 x 18 + 48"),
    ("r4_dsp_pump", {"BWidth": 19}, "r4_dsp_pump: widths (27 x 19 + 48) must fit 27 x 18 + 48"),
    ("r4_rom_late", {"Depth": 1}, "r4_rom_late: Depth (1) must be at least 2"),
    ("r4_rom_late", {"Part": 9}, "r4_rom_late: Part (9) and First (0) must lie within Width (8)"),
    (
        "r4_dot",
        {"Late": 1},
        "r4_dot: Late (1) must be 0 but where integers have several words of weights, at one clock",
    ),
    (
        "r4_dot",
        {"Late": 2, "Groups": 2, "Fields": 1, "Pumped": 1},
        "r4_dot: Late (2) must be 0 but where integers have several words of weights, at one clock",
    ),
    ("r4_rom_halves", {"Depth": 0}, "r4_rom_halves: Depth (0) must be at least 1"),
    ("r4_rom_halves", {"Part": 9}, "r4_rom_halves: Part (9) and First (0) must lie within Width (8)"),
    (
        "r4_dot",
        {"Pumped": 1},
        "r4_dot: Pumped (1) must be 0 where Fields (0) or WeightKind (0) puts products into LUTs",
    ),
    (
        "r4_dot_dsp",
        {"Simd": 2, "Fields": 2, "Overlap": 1, "Pumped": 1},
        "r4_dot_dsp: Fields (2) and Chain (1) must suit Simd (2), XWidth (8), Overlap (1) and Pumped (1)",
    ),
    ("r4_window", {"Depth": 1}, "r4_window: Depth (1) must be at least 2"),
    (
        "r4_taps",
        {"ExtWidth": 7},
        "r4_taps: ExtHeight (1) and ExtWidth (7) must hold the frame (1 x 8)",
    ),
    ("r4_taps", {"KernelH": 2}, "r4_taps: KernelH must be 1, not 2; r4_taps_ring has more rows"),
    (
        "r4_taps_ring",
        {"PadTop": 3},
        "r4_taps_ring: KernelH (3) must be at least 2, and a window must reach over PadTop (3) and PadLeft (1)",
    ),
    (
        "r4_taps_ring",
        {"RowSlots": 7},
        "r4_taps_ring: RowSlots (7) must hold the frame's columns (8), a row of outputs (8) and Lag (1)",
    ),
    (
        "r4_mvu",
        {"Simd": 0},
        "r4_mvu: Simd (0), Pe (1), SimdFolds (1) and PeFolds (1) must be at least 1",
    ),
    ("r4_gate", {"Flow": 3}, "r4_gate: Flow (3) must be 0 to 2"),
    ("r4_requant", {"Flow": 3}, "r4_gate: Flow (3) must be 0 to 2"),
    ("r4_fork", {"Flow": 1}, "r4_fork: Flow (1) must be 0 or 2"),
    (
        "r4_width",
        {"XLanes": 4, "YLanes": 2, "Flow": 1},
        "r4_width: Flow (1) must be 0 or 2 unless YLanes (2) is greater than XLanes (4)",
    ),
    (
        "r4_mvu",
        {"PeFolds": 2, "Flow": 2},
        "r4_mvu: Flow (2) must be 0 or 1 where a beat is held for PeFolds (2) cycles",
    ),
    (
        "r4_banks",
        {"Bank": 1536},
        "r4_banks: Bank (1536) and Least (512) must be powers of two, Bank not the smaller",
    ),
    ("r4_banks", {"Depth": 2048}, "r4_banks: Depth (2048) must be more than Bank (2048)"),
    ("r4_fifo", {"Depth": 3, "Slack": 2}, "r4_fifo: Depth (3) must be at least Slack (2) and two more"),
    ("r4_spill", {"DataWidth": 96}, "r4_spill: DataWidth (96) must be a power of two from 16 to 1024"),
    (
        "r4_spill",
        {"Width": 48, "Group": 3},
        "r4_spill: Group (3) beats of Width (48), both at least 1, must fit DataWidth (128), or Group be 1",
    ),
    (
        "r4_spill",
        {"MaxBeats": 12},
        "r4_spill: MaxBeats (12) must be a power of two from 2 to 256, of at most 4096 bytes",
    ),
    ("r4_spill", {"Ring": 15}, "r4_spill: Ring (15) must be at least MaxBeats (16)"),
    (
        "r4_spill",
        {"ReadDepth": 31},
        "r4_spill: WriteDepth (64) and ReadDepth (31) must be at least twice MaxBeats (16)",
    ),
    ("r4_spill", {"Idle": 0}, "r4_spill: InFlight (32) must be at least 2 and Idle (0) at least 1"),
    ("r4_spill", {"AddrWidth": 12}, "r4_spill: AddrWidth (12) must be 13 to 64, and hold Ring (4096)"),
    ("r4_mvu", {"WeightKind": 4}, "r4_dot: WeightKind (4) must be 0 to 3"),
    (
        "r4_dwu",
        {"Groups": 0},
        "r4_dwu: Lanes (1), Multiplier (1), Groups (0), Taps (1) and TapFolds (1) must be at least 1",
    ),
    ("r4_dwu", {"WeightKind": 4}, "r4_dot: WeightKind (4) must be 0 to 3"),
    (
        "r4_dot",
        {"Simd": 2, "Chain": 2},
        "r4_dot: Chain (2) must be 1 to Simd (2), and 1 where Fields is 0",
    ),
    (
        "r4_axis_in",
        {"Flags": 0},
        "r4_axis_in: Lanes (1), Beats (1), Flags (0) and FlagDepth (4) must be at least 1",
    ),
    ("r4_axis_out", {"Flags": 0}, "r4_axis_out: Lanes (1), Beats (1) and Flags (0) must be at least 1"),
    (
        "r4_pool_axis",
        {"Stride": 1},
        "r4_pool_axis: windows of Size 2, one every Stride 1, must lie apart and fit Count (8)",
    ),
    (
        "r4_pool",
        {"SizeW": 9, "StrideW": 9},
        "r4_pool_axis: windows of Size 9, one every Stride 9, must lie apart and fit Count (8)",
    ),
    ("r4_reduce", {"TapFolds": 0}, "r4_reduce: Lanes (1), Taps (1) and TapFolds (0) must be at least 1"),
    ("r4_upsample", {"FactorH": 0}, "r4_upsample: FactorH (0) and FactorW (2) must be at least 1"),
    (
        "r4_upsample",
        {"Width": 0},
        "r4_upsample: Lanes (1), ElemWidth (8), Groups (1) and Width (0) must be at least 1",
    ),
    (
        "r4_pad",
        {"Groups": 0},
        "r4_pad: Lanes (1), ElemWidth (8), Groups (0), Height (1) and Width (8) must be at least 1",
    ),
    ("r4_crop", {"Lanes": 0}, "r4_crop: Lanes (0), ElemWidth (8) and Groups (1) must be at least 1"),
    (
        "r4_crop",
        {"OutWidth": 8},
        "r4_span: the span (8 steps from 1) must lie within Count (8)",
    ),
]


@pytest.mark.parametrize(
    ("module", "parameters", "text"),
    CASES,
    ids=[f"{m}-{'-'.join(p)}-{k}" for k, (m, p, _) in enumerate(CASES)],
)
def test_illegal_parameters_stop_elaboration(module: str, parameters: dict[str, int], text: str) -> None:
    verilator, env = verilator_env()
    command = [str(verilator), "--lint-only", "-y", str(rtl_runner.RTL)]
    command += [f"-G{k}={v}" for k, v in parameters.items()]
    run = subprocess.run(
        [*command, str(rtl_runner.RTL / f"{module}.sv")], env=env, capture_output=True, text=True
    )
    assert run.returncode != 0
    assert re.search(re.escape(text), run.stderr), run.stderr
