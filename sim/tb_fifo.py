# SPDX-License-Identifier: Apache-2.0
"""Bench of r4_fifo: order, capacity, latency and throughput come from the runs of the case; reset empties it."""

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
async def capacity(dut: Any) -> None:
    """With nothing given, exactly Depth beats are taken; they all come out, and reset empties it."""
    depth = int(dut.Depth.value)
    for emptied in ("by reading", "by reset"):
        await streams.reset(dut, inputs=["x"], outputs=["y"])
        taken = 0
        for cycle in range(2 * depth + 8):
            dut.x_valid_i.value = 1
            dut.x_data_i.value = cycle % 2 ** len(dut.x_data_i)
            dut.clk_i.value = 0
            await Timer(1, "ns")
            taken += int(dut.x_ready_o.value)
            dut.clk_i.value = 1
            await Timer(1, "ns")
        assert taken == depth, f"capacity must be {depth} beats, not {taken}"
        assert int(dut.peak_q.value) == depth
        if emptied == "by reset":
            await streams.reset(dut, inputs=["x"], outputs=["y"])
        given = 0
        dut.x_valid_i.value = 0
        dut.y_ready_i.value = 1
        for _ in range(2 * depth + 8):
            dut.clk_i.value = 0
            await Timer(1, "ns")
            given += int(dut.y_valid_o.value)
            dut.clk_i.value = 1
            await Timer(1, "ns")
        assert given == (depth if emptied == "by reading" else 0), (
            f"{given} beats were left, emptied {emptied}"
        )
