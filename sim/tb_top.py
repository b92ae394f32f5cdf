# SPDX-License-Identifier: Apache-2.0
"""Bench of any emitted top: AXI4-Stream as others speak it (cocotbext-axi), with all that may go wrong outside.

Case: {"in_bytes", "in_beats", "out_bytes", "out_beats": bytes a beat and beats a frame,
       "frames": [tdata as hexadecimal, little endian], "expected": [likewise],
       "short":  [{"frame": tdata that ends early, "expected": its output, completed with zeros}],
       "patience": cycles that a frame may take, "seed": int}
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, Timer, with_timeout
from cocotbext.axi import AxiStreamBus, AxiStreamSink, AxiStreamSource

from rtl4ml.sim.streams import Stalls, case

PERIOD_NS = 4


async def double_clock(dut: Any) -> None:
    """Drives aclk and aclk2x, whose edges at the same time are written together."""
    while True:
        for high in (1, 0):
            dut.aclk.value = high
            dut.aclk2x.value = 1
            await Timer(PERIOD_NS // 4, "ns")
            dut.aclk2x.value = 0
            await Timer(PERIOD_NS // 4, "ns")


class Bench:
    """Source, sink and the case."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.case = case()
        self.frames = [bytes.fromhex(f) for f in self.case["frames"]]
        self.expected = [bytes.fromhex(f) for f in self.case["expected"]]
        self.random = random.Random(self.case["seed"])
        dut.aresetn.value = 0
        if hasattr(dut, "aclk2x"):
            cocotb.start_soon(double_clock(dut))
        else:
            Clock(dut.aclk, PERIOD_NS, unit="ns").start()
        ports = {"reset": dut.aresetn, "reset_active_level": False}
        self.source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), dut.aclk, **ports)
        self.sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), dut.aclk, **ports)
        for end in (self.source, self.sink):
            end.log.setLevel("WARNING")

    async def reset(self) -> None:
        self.dut.aresetn.value = 0
        await ClockCycles(self.dut.aclk, 5)
        self.dut.aresetn.value = 1
        await ClockCycles(self.dut.aclk, 2)

    def stall(self) -> None:
        """Random pauses on both sides from here on."""
        for name, end in (("source", self.source), ("sink", self.sink)):
            end.set_pause_generator(pauses(f"{self.case['seed']}.{name}"))

    async def send(self, frame: bytes) -> None:
        await self.source.send(frame)

    async def check(self, expected: bytes, *, flagged: bool, what: str) -> None:
        """The next output frame: its bytes to the bit, its length, its mark."""
        patience = PERIOD_NS * self.case["patience"]
        frame = await with_timeout(self.sink.recv(compact=False), patience, "ns")
        assert len(frame.tdata) == len(expected), (
            f"{what}: {len(expected)} bytes must come, not {len(frame.tdata)}"
        )
        wrong = [i for i, (a, b) in enumerate(zip(frame.tdata, expected, strict=True)) if a != b]
        assert not wrong, f"{what}: byte {wrong[0]} must be {expected[wrong[0]]}, not {frame.tdata[wrong[0]]}"
        assert bool(frame.tuser[-1]) == flagged, f"{what}: tuser of the last beat must be {int(flagged)}"
        if not flagged:
            assert not any(frame.tuser), f"{what}: tuser must be 0 on every beat"

    async def end(self, *, errors: int) -> None:
        """Nothing more comes, and this many frames were counted as wrong."""
        await ClockCycles(self.dut.aclk, 2 * self.case["out_beats"] + 100)
        assert self.sink.empty(), "no output frame may come without an input frame"
        assert not self.sink.active, "no output beat may come without an input frame"
        counted = int(self.dut.frame_errors_o.value)
        assert counted == errors, f"frame_errors_o must be {errors}, not {counted}"


def pauses(seed: str) -> Iterator[bool]:
    stalls = Stalls(seed)
    while True:
        yield stalls()


@cocotb.test()
async def back_to_back(dut: Any) -> None:
    """Frames without a gap."""
    bench = Bench(dut)
    await bench.reset()
    for frame in bench.frames:
        bench.source.send_nowait(frame)
    for i, expected in enumerate(bench.expected):
        await bench.check(expected, flagged=False, what=f"frame {i}")
    await bench.end(errors=0)


@cocotb.test()
async def random_stalls(dut: Any) -> None:
    """The same with random stalls on both sides, for at least 2,000 beats."""
    bench = Bench(dut)
    bench.stall()
    await bench.reset()
    beats = len(bench.frames) * min(bench.case["in_beats"], bench.case["out_beats"])
    rounds = max(1, -(-2000 // beats))
    for frame in rounds * bench.frames:
        bench.source.send_nowait(frame)
    for i, expected in enumerate(rounds * bench.expected):
        await bench.check(expected, flagged=False, what=f"frame {i}")
    await bench.end(errors=0)


@cocotb.test()
async def reset_in_mid_frame(dut: Any) -> None:
    """Reset anywhere forgets everything: the frames after it are right, all of them and no others."""
    bench = Bench(dut)
    await bench.reset()
    for where in ("in the first frame's input", "later", "in an output frame"):
        for frame in bench.frames:
            bench.source.send_nowait(frame)
        beats = bench.case["in_beats"]
        await ClockCycles(dut.aclk, 2 + bench.random.randrange(beats) + (beats if where == "later" else 0))
        if where == "in an output frame":
            for _ in range(bench.case["patience"]):
                if bench.sink.active:  # a beat has been taken, and it was not the last
                    break
                await ClockCycles(dut.aclk, 1)
        dut.aresetn.value = 0
        await ClockCycles(dut.aclk, 5)
        bench.source.clear()
        bench.sink.clear()
        await bench.reset()
        for frame in bench.frames:
            bench.source.send_nowait(frame)
        for i, expected in enumerate(bench.expected):
            await bench.check(expected, flagged=False, what=f"frame {i} after reset {where}")
        await bench.end(errors=0)


@cocotb.test()
async def frame_too_short(dut: Any) -> None:
    """Completed with zeros, marked, counted; the frames around it are right."""
    bench = Bench(dut)
    await bench.reset()
    shorts = [(bytes.fromhex(s["frame"]), bytes.fromhex(s["expected"])) for s in bench.case["short"]]
    for short, _ in shorts:
        for frame in (bench.frames[0], short, bench.frames[1]):
            bench.source.send_nowait(frame)
    for _, completed in shorts:
        await bench.check(bench.expected[0], flagged=False, what="frame before a short one")
        await bench.check(completed, flagged=True, what="short frame")
        await bench.check(bench.expected[1], flagged=False, what="frame after a short one")
    await bench.end(errors=len(shorts))


@cocotb.test()
async def frame_too_long(dut: Any) -> None:
    """Cut, marked, counted; the frames around it are right."""
    bench = Bench(dut)
    await bench.reset()
    surplus = [1, 2, bench.case["in_beats"], 2 * bench.case["in_beats"] + 1]
    for beats in surplus:
        rest = bench.random.randbytes(beats * bench.case["in_bytes"])
        for frame in (bench.frames[0], bench.frames[1] + rest, bench.frames[0]):
            bench.source.send_nowait(frame)
    for beats in surplus:
        await bench.check(bench.expected[0], flagged=False, what="frame before a long one")
        await bench.check(bench.expected[1], flagged=True, what=f"frame {beats} beats too long")
        await bench.check(bench.expected[0], flagged=False, what="frame after a long one")
    await bench.end(errors=len(surplus))


@cocotb.test()
async def wrong_lengths_under_stalls(dut: Any) -> None:
    """Right, short and long frames in random order with random stalls."""
    bench = Bench(dut)
    bench.stall()
    await bench.reset()
    wanted: list[tuple[bytes, bool]] = []
    for _ in range(3 * len(bench.frames)):
        k = bench.random.randrange(len(bench.frames))
        kind = bench.random.choice(["right", "long", *(["short"] if bench.case["short"] else [])])
        if kind == "short":
            short = bench.random.choice(bench.case["short"])
            frame, expected = bytes.fromhex(short["frame"]), bytes.fromhex(short["expected"])
        else:
            frame, expected = bench.frames[k], bench.expected[k]
        if kind == "long":
            beats = bench.random.randrange(1, bench.case["in_beats"] + 2)
            frame += bench.random.randbytes(beats * bench.case["in_bytes"])
        bench.source.send_nowait(frame)
        wanted.append((expected, kind != "right"))
    for i, (expected, flagged) in enumerate(wanted):
        await bench.check(expected, flagged=flagged, what=f"frame {i}")
    await bench.end(errors=sum(flagged for _, flagged in wanted))
