# SPDX-License-Identifier: Apache-2.0
"""Bench of r4_fork: values, stalls, latency and throughput come from the runs of the case; how far readers part."""

from __future__ import annotations

from typing import Any

import cocotb
from cocotb.triggers import Timer

from rtl4ml.sim import streams


@cocotb.test()
async def cell(dut: Any) -> None:
    """The runs of the case."""
    await streams.replay(dut)


@cocotb.test()
async def one_beat_apart(dut: Any) -> None:
    """A reader that takes nothing leaves the other exactly one beat, and misses none itself."""
    for fast, slow in (("y0", "y1"), ("y1", "y0")):
        await streams.reset(dut, inputs=["x"], outputs=["y0", "y1"])
        got: dict[str, list[int]] = {"y0": [], "y1": []}
        beat = 0
        for cycle in range(24):
            dut.x_valid_i.value = 1
            dut.x_data_i.value = beat
            getattr(dut, f"{fast}_ready_i").value = 1
            getattr(dut, f"{slow}_ready_i").value = int(cycle >= 8)
            dut.clk_i.value = 0
            await Timer(1, "ns")
            for p in got:
                if int(getattr(dut, f"{p}_valid_o").value) and int(getattr(dut, f"{p}_ready_i").value):
                    got[p].append(int(getattr(dut, f"{p}_data_o").value))
            beat += int(dut.x_ready_o.value)
            dut.clk_i.value = 1
            await Timer(1, "ns")
            if cycle == 7:
                assert got == {fast: [0], slow: []}, f"{fast} must have one beat, not {got}"
        assert got == {fast: list(range(16)), slow: list(range(16))}, f"a beat a cycle for each, not {got}"
