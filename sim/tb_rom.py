# SPDX-License-Identifier: Apache-2.0
"""Bench of r4_rom: the word of step k is offered at step k, round and round; a reset of two cycles starts over."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from cocotb.triggers import Timer

from rtl4ml.sim import streams


@cocotb.test()
async def roms(dut: Any) -> None:
    """Case: {"seed": int, "images": {port: [words]}}; all instances step together."""
    case = streams.case()
    r = random.Random(case["seed"])
    for _ in range(3):
        await streams.reset(dut, cycles=2)
        steps = 0
        for cycle in range(300):
            step = r.random() < 0.7
            dut.step_i.value = int(step)
            dut.clk_i.value = 0
            await Timer(1, "ns")
            for port, words in case["images"].items():
                want, got = words[steps % len(words)], int(getattr(dut, port).value)
                assert got == want, f"{port}: step {steps} must read {want:#x}, not {got:#x} (cycle {cycle})"
            steps += int(step)
            dut.clk_i.value = 1
            await Timer(1, "ns")
