# SPDX-License-Identifier: Apache-2.0
"""Bench of r4_spill against a memory that checks every cycle (sim/axi_memory.py).

A word is read as it was when its burst was asked for: what no response was given for is not there, and reads as noise.
No word may be written while a read of it is under way, nor outside the ring.

Case: a list of items, each after a reset: {"beats": number of beats, "base": address, "manner": fields of Manner,
"seed": int, "stalls": seed of both sides or None, "every": cycles from one beat offered to the next at least,
"closed": cycles in which nothing is taken, "stop": cycle at which stop_i rises and, once idle_o is high, rst_ni falls}.
Result: of every item the cycles in which beats were taken and given, and the bursts.
"""

from __future__ import annotations

import random
from typing import Any

import cocotb
from cocotb.triggers import Timer

from rtl4ml.sim import streams
from rtl4ml.sim.axi_memory import Manner, Reads, Writes

PATIENCE = 20_000  # cycles without anything taken or given


class Bench:
    """The cell, its memory, and the cycle."""

    def __init__(self, dut: Any, item: dict[str, Any]) -> None:
        self.dut, self.item = dut, item
        self.r = random.Random(item["seed"])
        manner = Manner(**{**item["manner"], "latency": tuple(item["manner"].get("latency", (1, 1)))})
        beats = int(dut.MaxBeats.value)
        self.base, self.size = item["base"], len(dut.m_axi_wdata) // 8
        self.end = self.base + self.size * int(dut.Ring.value)
        self.writes = Writes(dut, self.r, manner, max_beats=beats)
        self.reads = Reads(dut, self.r, manner, max_beats=beats, read=self.read)
        width = len(dut.x_data_i)
        self.beats = [self.r.getrandbits(width) for _ in range(item["beats"])]
        self.taken: list[int] = []
        self.given: list[int] = []
        self.errors = self.cycle = self.checked = 0

    def read(self, address: int, size: int) -> int:
        """A word as far as responses were given; other bytes are noise."""
        assert self.base <= address < self.end, f"read outside the ring: {address:#x} (cycle {self.cycle})"
        return sum(
            (self.writes.seen.get(address + i, self.r.getrandbits(8)) & 255) << 8 * i for i in range(size)
        )

    def check_writes(self) -> None:
        """What was stored since lies in the ring, and no read of it was under way."""
        new = list(self.writes.stored[self.checked :])
        self.checked = len(self.writes.stored)
        under_way = set(self.reads.words[self.reads.given :])
        for address in new:
            assert self.base <= address < self.end, f"write outside the ring: {address:#x}"
            assert address not in under_way, f"{address:#x} is written while it is read (cycle {self.cycle})"

    async def reset(self) -> None:
        dut = self.dut
        for name in ("x_valid_i", "y_ready_i", "stop_i", "m_axi_arready", "m_axi_rvalid", "m_axi_awready"):
            getattr(dut, name).value = 0
        dut.m_axi_wready.value = dut.m_axi_bvalid.value = 0
        dut.base_i.value = self.base
        await streams.reset(dut)

    async def run(self) -> dict[str, Any]:
        dut, item = self.dut, self.item
        seed = item["stalls"]
        pause_in = streams.Stalls(None if seed is None else f"{seed} in")
        pause_out = streams.Stalls(None if seed is None else f"{seed} out")
        offered, at, last, stopped, latest = False, 0, 0, False, -item["every"]
        while len(self.given) < len(self.beats):
            late = self.cycle - latest >= item["every"]
            if not offered and at < len(self.beats) and late and not pause_in():
                offered, latest = True, self.cycle
            dut.x_valid_i.value = int(offered)
            dut.x_data_i.value = self.beats[at] if offered else self.r.getrandbits(len(dut.x_data_i))
            open_ = self.cycle >= item["closed"] and not pause_out()
            dut.y_ready_i.value = int(open_)
            stopped = stopped or self.cycle == item["stop"]
            dut.stop_i.value = int(stopped)
            self.writes.drive(self.cycle)
            self.reads.drive(self.cycle)
            dut.clk_i.value = 0
            await Timer(1, "ns")
            self.errors += int(dut.error_o.value)
            self.writes.sample(self.cycle)
            self.reads.sample(self.cycle)
            self.check_writes()
            if offered and int(dut.x_ready_o.value):
                self.taken.append(self.cycle)
                at, offered, last = at + 1, False, self.cycle
            if open_ and int(dut.y_valid_o.value):
                beat, want = int(dut.y_data_o.value), self.beats[len(self.given)]
                assert beat == want, f"beat {len(self.given)} must be {want:#x}, not {beat:#x} ({self.cycle})"
                assert len(self.given) < at, f"beat {len(self.given)} came before it was taken"
                self.given.append(self.cycle)
                last = self.cycle
            idle = int(dut.idle_o.value)
            dut.clk_i.value = 1
            await Timer(1, "ns")
            self.cycle += 1
            if stopped and idle and self.cycle > item["stop"] + 2:
                assert self.reads.in_flight == 0 and self.writes.answered == self.writes.bursts
                break
            assert self.cycle - last < PATIENCE + item["closed"], (
                f"some beat must move; taken {at}, given {len(self.given)} (cycle {self.cycle})"
            )
        bursts = [self.writes.bursts, self.reads.bursts]
        bad = self.writes.bad + self.reads.bad
        return {"taken": self.taken, "given": self.given, "bursts": bursts, "bad": bad, "errors": self.errors}


@cocotb.test()
async def spill(dut: Any) -> None:
    """The items of the case."""
    out = []
    for item in streams.case():
        bench = Bench(dut, item)
        await bench.reset()
        out.append(await bench.run())
    streams.result(out)
