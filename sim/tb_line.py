# SPDX-License-Identifier: Apache-2.0
"""Bench of r4_line and r4_delay: what was stored a given number of steps ago, under random steps, over resets."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from cocotb.triggers import Timer

from rtl4ml.sim import streams


@cocotb.test()
async def lines(dut: Any) -> None:
    """Case: {"seed": int, "width": bits of x_i, "outputs": {port: [steps ago of every part, the first at the LSB]}}."""
    case = streams.case()
    r = random.Random(case["seed"])
    width = case["width"]
    for _ in range(3):
        await streams.reset(dut, cycles=2)
        past: list[int] = []
        for cycle in range(200):
            step = r.random() < 0.7
            x = r.getrandbits(width)
            dut.step_i.value = int(step)
            dut.x_i.value = x
            dut.clk_i.value = 0
            await Timer(1, "ns")
            for port, ages in case["outputs"].items():
                word = int(getattr(dut, port).value)
                for k, age in enumerate(ages):
                    if age <= len(past):
                        got = (word >> (k * width)) & (2**width - 1)
                        assert got == past[-age], (
                            f"{port}: part {k} must be {past[-age]:#x} of {age} steps ago, not {got:#x} (cycle {cycle})"
                        )
            if step:
                past.append(x)
            dut.clk_i.value = 1
            await Timer(1, "ns")
