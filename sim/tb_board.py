# SPDX-License-Identifier: Apache-2.0
"""Bench of a board's shell: the driver r4.py, unchanged, on the RTL, by cocotb's bridge.

Case: {"host": folder with r4.py, interface.json and the self-test's vectors, "probe": whether open runs them,
       "jobs": [{"layout": "bip", "cube": .npy of (rows, columns, bands), "result": .npy}],
       "latency": cycles of memory, "seed": of the pauses, "limit": microseconds that a job may take,
       "errors": [[number of the word that is read with an error, of a job, from 0 on], ...],
       "aborts": [cycles after the start, ...]}

Memory is two arrays: what the hardware reads and writes, and what the processor sees. Only flush and invalidate copy
from one to the other. The channels are cocotbext-axi's, without identifiers, as the shell has none.
"""

from __future__ import annotations

import importlib
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.handle import Immediate
from cocotb.queue import Queue
from cocotb.simtime import get_sim_time
from cocotb.task import bridge, resume
from cocotb.triggers import ClockCycles, First, RisingEdge, Timer
from cocotbext.axi import AxiLiteBus, AxiLiteMaster
from cocotbext.axi.stream import define_stream

from rtl4ml.sim.streams import Stalls, case, result

PERIOD_NS = 4
WINDOW = 20e-6  # seconds over which the driver measures the clock
BASE = 0x12_3400_0000
SIZE = 1 << 20
WORD = 16
PAGE = 4096
SLVERR = 2


def _channel(name: str, *signals: str) -> Any:
    return define_stream(name, signals=[f"{name}{s}" for s in (*signals, "valid", "ready")])


ARBus, _, _, ARSink, _ = _channel("ar", "addr", "len", "size", "burst")
RBus, RWord, RSource, _, _ = _channel("r", "data", "resp", "last")
AWBus, _, _, AWSink, _ = _channel("aw", "addr", "len", "size", "burst")
WBus, _, _, WSink, _ = _channel("w", "data", "strb", "last")
BBus, BAnswer, BSource, _, _ = _channel("b", "resp")


class Dram:
    """AXI4 memory. bad: number of the word that is read with an error, counted from the next one; None for none."""

    def __init__(self, dut: Any, latency: int) -> None:
        self.dut, self.latency = dut, latency
        self.data = np.full(SIZE, 0x5A, np.uint8)
        self.bad: int | None = None
        ports = {"reset": dut.aresetn, "reset_active_level": False}
        self.channels = {
            "ar": ARSink(ARBus.from_prefix(dut, "m_axi"), dut.aclk, **ports),
            "r": RSource(RBus.from_prefix(dut, "m_axi"), dut.aclk, **ports),
            "aw": AWSink(AWBus.from_prefix(dut, "m_axi"), dut.aclk, **ports),
            "w": WSink(WBus.from_prefix(dut, "m_axi"), dut.aclk, **ports),
            "b": BSource(BBus.from_prefix(dut, "m_axi"), dut.aclk, **ports),
        }
        for channel in self.channels.values():
            channel.log.setLevel("WARNING")
            channel.queue_occupancy_limit = 2
        self._asked: Queue[tuple[float, int, int]] = Queue()
        for task in (self._addresses, self._reads, self._writes):
            cocotb.start_soon(task())

    def pause(self, seed: Any) -> None:
        """Random pauses on all channels from here on; None for none."""
        for name, channel in self.channels.items():
            channel.set_pause_generator(None if seed is None else _pauses(f"{seed} {name}"))
            channel.pause = False

    def _burst(self, address: Any, length: Any, size: Any, burst: Any) -> tuple[int, int]:
        """Offset in `data` and words; the burst is of whole words within 4 KiB."""
        start, words = int(address) - BASE, int(length) + 1
        assert int(burst) == 1 and 1 << int(size) == WORD and start % WORD == 0 and words <= 16
        assert start // PAGE == (start + words * WORD - 1) // PAGE, (
            f"a burst must not cross 4 KiB at {start:#x}"
        )
        assert 0 <= start < SIZE, f"an address must lie in the memory, not at {start + BASE:#x}"
        return start, words

    async def _addresses(self) -> None:
        while True:
            ar = await self.channels["ar"].recv()
            start, words = self._burst(ar.araddr, ar.arlen, ar.arsize, ar.arburst)
            await self._asked.put((get_sim_time("ns") + self.latency * PERIOD_NS, start, words))

    async def _reads(self) -> None:
        while True:
            due, start, words = await self._asked.get()
            await _until(due)
            for i in range(words):
                at = start + i * WORD
                word = RWord()
                word.rdata = int.from_bytes(self.data[at : at + WORD].tobytes(), "little")
                word.rresp = SLVERR if self.bad == 0 else 0
                word.rlast = int(i == words - 1)
                if self.bad is not None:
                    self.bad = self.bad - 1 if self.bad else None
                await self.channels["r"].send(word)

    async def _writes(self) -> None:
        while True:
            aw = await self.channels["aw"].recv()
            start, words = self._burst(aw.awaddr, aw.awlen, aw.awsize, aw.awburst)
            for i in range(words):
                w = await self.channels["w"].recv()
                assert bool(int(w.wlast)) == (i == words - 1), "wlast must come with the burst's last word"
                strobes = (int(w.wstrb) >> np.arange(WORD) & 1).astype(bool)
                data = np.frombuffer(int(w.wdata).to_bytes(WORD, "little"), np.uint8)
                self.data[start + i * WORD : start + (i + 1) * WORD][strobes] = data[strobes]
            await _until(get_sim_time("ns") + self.latency * PERIOD_NS)
            await self.channels["b"].send(BAnswer())


async def _until(ns: float) -> None:
    if (left := ns - get_sim_time("ns")) > 0:
        await Timer(round(left), "ns")


def _pauses(seed: str) -> Iterator[bool]:
    stalls = Stalls(seed)
    while True:
        yield stalls()


class Buffer:
    """A part of the memory as the processor sees it."""

    def __init__(self, dram: Dram, start: int, size: int) -> None:
        self._dram, self._start = dram, start
        self.array = np.full(size, 0xA5, np.uint8)
        self.address = BASE + start

    def flush(self, size: int) -> None:
        self._dram.data[self._start : self._start + size] = self.array[:size]

    def invalidate(self, size: int) -> None:
        self.array[:size] = self._dram.data[self._start : self._start + size]

    def free(self) -> None:
        """Memory is not given again."""


class Memory:
    """Buffers one after the other; they begin at any multiple of 16, and so bursts meet pages anywhere."""

    def __init__(self, dram: Dram) -> None:
        self._dram, self._next = dram, PAGE - 3 * WORD

    def allocate(self, size: int) -> Buffer:
        start, self._next = self._next, -(-(self._next + size) // WORD) * WORD + 5 * WORD
        if self._next > SIZE:
            raise MemoryError(f"{SIZE - start} bytes that are left")
        return Buffer(self._dram, start, size)


class Mmio:
    """Registers, interrupt and time of the simulation, for the driver's thread."""

    def __init__(self, dut: Any, limit: float) -> None:
        self.dut, self.limit = dut, limit
        bus = AxiLiteBus.from_prefix(dut, "s_axil")
        self.axil = AxiLiteMaster(bus, dut.aclk, dut.aresetn, reset_active_level=False)
        for end in (self.axil.read_if, self.axil.write_if):
            end.log.setLevel("WARNING")

    def read32(self, offset: int) -> int:
        return int.from_bytes(resume(self.axil.read)(offset, 4).data, "little")

    def write32(self, offset: int, value: int) -> None:
        resume(self.axil.write)(offset, value.to_bytes(4, "little"))

    def wait_irq(self, timeout: float) -> bool:
        async def wait() -> bool:
            if not int(self.dut.irq_o.value) and timeout > 0:
                limit = min(timeout, self.limit)  # waits of milliseconds are too long for a simulation
                await First(RisingEdge(self.dut.irq_o), Timer(max(1, round(limit * 1e9)), "ns"))
            return bool(int(self.dut.irq_o.value))

        return resume(wait)()

    def now_ns(self) -> int:
        async def now() -> int:
            return round(get_sim_time("ns"))

        return resume(now)()

    def sleep(self, seconds: float) -> None:
        async def wait() -> None:
            await Timer(max(1, round(seconds * 1e9)), "ns")

        resume(wait)()


class Bench:
    """Shell, memory and driver of a case."""

    def __init__(self, dut: Any) -> None:
        self.dut, self.case = dut, case()
        sys.dont_write_bytecode = True
        sys.path.insert(0, self.case["host"])
        self.r4: Any = importlib.import_module("r4")
        assert Path(self.r4.__file__).parent == Path(self.case["host"])
        dut.aresetn.value = 0
        # The network's reset is a register, which hardware's configuration starts with 0, and this simulation with 1.
        dut.u_job.net_rst_q.set(Immediate(0))
        Clock(dut.aclk, PERIOD_NS, unit="ns").start()
        self.dram = Dram(dut, self.case["latency"])
        self.limit = self.case["limit"] * 1e-6
        self.mmio = Mmio(dut, self.limit)
        self.jobs = [(j["layout"], np.load(j["cube"]), np.load(j["result"])) for j in self.case["jobs"]]
        self.random = random.Random(self.case["seed"])

    async def reset(self) -> None:
        await ClockCycles(self.dut.aclk, 5)
        self.dut.aresetn.value = 1
        await ClockCycles(self.dut.aclk, 2)

    def open(self) -> Any:
        """The accelerator; in the driver's thread."""
        return self.r4.Accelerator.open(
            self.case["host"], self.mmio, Memory(self.dram), clock_window=WINDOW, probe=self.case["probe"]
        )

    def given(self, job: tuple[str, Any, Any]) -> Any:
        """A job's cube in its layout."""
        names = self.r4.LAYOUTS
        return job[1].transpose([names["bip"].index(axis) for axis in names[job[0]]])

    def run(self, accelerator: Any, job: tuple[str, Any, Any], what: str) -> int:
        """Runs a job, which must be right; the cycles that it took."""
        self.compare(
            accelerator.run(self.given(job), job[0], timeout=self.limit), job[2], f"{job[0]}, {what}"
        )
        counted = accelerator.counters()
        assert counted.frame_errors == counted.axi_errors == 0, f"{job[0]}, {what}: {counted}"
        return int(counted.cycles)

    def compare(self, found: Any, wanted: Any, what: str) -> None:
        """All values are equal."""
        assert (found.shape, found.dtype) == (wanted.shape, wanted.dtype), (
            f"{what}: {found.shape} {found.dtype}"
        )
        wrong = np.argwhere(found != wanted)
        assert not len(wrong), f"{what}: {len(wrong)} of {wanted.size} values differ, the first at {wrong[0]}"


@cocotb.test()
async def jobs(dut: Any) -> None:
    """Every job, one after the other, then all by `map`, while memory answers at once."""
    bench = Bench(dut)
    await bench.reset()

    def drive() -> None:
        accelerator = bench.open()
        cycles = [bench.run(accelerator, job, "alone") for job in bench.jobs]
        for layout in {job[0] for job in bench.jobs}:
            some = [job for job in bench.jobs if job[0] == layout]
            found = accelerator.map([bench.given(job) for job in some], layout)
            for job, y in zip(some, found, strict=True):
                bench.compare(y, job[2], f"{layout}, by map")
        values = sum(job[2].size for job in bench.jobs)
        result({"cycles": cycles, "values": values, "clock_mhz": accelerator.clock_mhz})

    await bridge(drive)()


@cocotb.test()
async def jobs_under_pauses(dut: Any) -> None:
    """Every job with random pauses on the five channels."""
    bench = Bench(dut)
    await bench.reset()

    def drive() -> None:
        accelerator = bench.open()
        for i, job in enumerate(bench.jobs):
            bench.dram.pause(f"{bench.case['seed']} {i}")
            bench.run(accelerator, job, "paused")

    await bridge(drive)()


@cocotb.test()
async def errors_aborts_and_limits(dut: Any) -> None:
    """Errors of memory, aborts and a time limit end the job and say so; the next job is right."""
    bench = Bench(dut)
    await bench.reset()

    def drive() -> None:
        r4, job = bench.r4, bench.jobs[0]
        accelerator = bench.open()
        bench.run(accelerator, job, "first")
        for (word,) in bench.case["errors"]:
            bench.dram.bad = word
            try:
                accelerator.run(bench.given(job), job[0], timeout=bench.limit)
            except r4.JobFailed as error:
                assert "an error of memory on a read" in str(error)
                assert error.counters.axi_errors == 1, error
            else:
                raise AssertionError(f"an error of word {word} must end the job, not go unseen")
            bench.run(accelerator, job, f"after an error of word {word}")
        for cycles in bench.case["aborts"]:
            bench.dram.pause(cycles)
            accelerator.run_async(bench.given(job), job[0])
            bench.mmio.sleep(cycles * PERIOD_NS * 1e-9)
            accelerator.abort()
            bench.dram.pause(None)
            bench.run(accelerator, job, f"after an abort in cycle {cycles}")
        try:
            accelerator.run(bench.given(job), job[0], timeout=100e-9)
        except r4.JobTimeout as error:
            assert "the next job may run" in str(error)
        else:
            raise AssertionError("a job must end within its time limit, not go on")
        bench.run(accelerator, job, "after the time limit")

    await bridge(drive)()
