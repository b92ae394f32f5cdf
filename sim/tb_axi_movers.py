# SPDX-License-Identifier: Apache-2.0
"""Benches of r4_axi_read and r4_axi_write against a memory that checks every cycle (sim/axi_memory.py).

Case: a list of {"jobs": [...], "manner": fields of Manner, "seed": int, "stalls": seed of run/x/y or None}, each after
a reset. A job is, for the reader, {"runs": [[address, bytes], ...]}, for the writer {"address": int, "bytes": int};
with "abort": cycle of the job at which it is aborted, and "hold": whether abort_i stays until idle_o.
Result: of every item of the case, what its jobs took in cycles and bursts.
"""

from __future__ import annotations

import random
from collections import deque
from typing import Any

import cocotb
from cocotb.triggers import Timer

from rtl4ml.sim import streams
from rtl4ml.sim.axi_memory import Manner, Reads, Stable, Writes, content

PATIENCE = 20_000  # cycles without anything new


class Mover:
    """A cell, its memory, and the cycle."""

    def __init__(self, dut: Any, item: dict[str, Any], kind: type[Reads] | type[Writes]) -> None:
        self.dut = dut
        self.r = random.Random(item["seed"])
        self.manner = Manner(**{**item["manner"], "latency": tuple(item["manner"].get("latency", (1, 1)))})
        self.max_beats = int(dut.MaxBeats.value)
        self.memory: Any = kind(dut, self.r, self.manner, max_beats=self.max_beats)
        self.cycle = self.errors = 0
        self.y_valid = getattr(dut, "y_valid_o", None)
        self.offers = dut.run_valid_i if kind is Reads else dut.x_valid_i
        seed = item["stalls"]
        self.pause_in = streams.Stalls(None if seed is None else f"{seed} in")
        self.pause_out = streams.Stalls(None if seed is None else f"{seed} out")

    async def reset(self) -> None:
        for name in ("abort_i", "run_valid_i", "y_ready_i", "start_i", "x_valid_i"):
            if (signal := getattr(self.dut, name, None)) is not None:
                signal.value = 0
        for channel in ("arready", "rvalid", "awready", "wready", "bvalid"):
            if (signal := getattr(self.dut, f"m_axi_{channel}", None)) is not None:
                signal.value = 0
        await streams.reset(self.dut)

    async def settle(self) -> bool:
        """The first half of a cycle, once all inputs are set; whether the cell offers an address."""
        self.memory.drive(self.cycle)
        self.dut.clk_i.value = 0
        await Timer(1, "ns")
        self.errors += int(self.dut.error_o.value)
        return bool(self.memory.sample(self.cycle))

    async def edge(self) -> None:
        self.dut.clk_i.value = 1
        await Timer(1, "ns")
        self.cycle += 1

    async def drain(self, *, hold: bool, offered: bool) -> int:
        """Aborts, in a cycle of its own on, until the cell is idle; cycles that took."""
        dut, begin = self.dut, self.cycle
        dut.abort_i.value = 1
        while True:
            now = await self.settle()
            assert offered or not now, f"no address may be offered after abort_i (cycle {self.cycle})"
            offered = now
            assert self.y_valid is None or not int(self.y_valid.value), (
                f"y must be silent (cycle {self.cycle})"
            )
            idle = int(dut.idle_o.value)
            await self.edge()
            if idle and self.cycle > begin + 1:
                break
            if not hold:
                dut.abort_i.value = 0
                if int(dut.idle_o.value):  # what is offered from this cycle on is a new run
                    self.offers.value = 0
            assert self.cycle < begin + PATIENCE, "abort must end"
        dut.abort_i.value = 0
        return self.cycle - begin

    async def tail(self) -> None:
        """Some more cycles: nothing may come, and the last error is counted."""
        for _ in range(4):
            assert not await self.settle()
            assert int(self.dut.idle_o.value) == 1
            await self.edge()
        assert self.errors == self.memory.bad, (
            f"error_o must pulse {self.memory.bad} times, not {self.errors}"
        )


def beats_of(address: int, count: int, size: int) -> list[tuple[int, int, int, int]]:
    """Words of a run as (data, first, bytes, last)."""
    out = []
    end = address + count
    for word in range(address - address % size, end if count else 0, size):
        first = max(address - word, 0)
        out.append((content(word, size), first, min(end - word, size) - first, int(end - word <= size)))
    return out


@cocotb.test()
async def read(dut: Any) -> None:
    """The case, for r4_axi_read."""
    measured = []
    for item in streams.case():
        m = Mover(dut, item, Reads)
        await m.reset()
        measured.append([await read_job(m, job) for job in item["jobs"]])
        if not m.manner.silent:
            await m.tail()
    streams.result(measured)


async def read_job(m: Mover, job: dict[str, Any]) -> dict[str, Any]:
    """A job of the reader: all that it gives is compared as it comes."""
    dut, memory, size = m.dut, m.memory, m.memory.size
    runs = deque(job["runs"])
    want = deque(b for a, n in runs for b in beats_of(a, n, size))
    words = len(want)
    begin, asked, bursts, last = m.cycle, len(memory.words), memory.bursts, m.cycle
    depth = int(dut.FifoDepth.value)
    ys: list[int] = []
    offering = False
    y = Stable("y", dut.y_valid_o, dut.y_data_o, dut.y_first_o, dut.y_bytes_o, dut.y_last_o)
    while want or not int(dut.idle_o.value):
        if m.cycle - begin == job.get("abort"):
            cycles = await m.drain(hold=job["hold"], offered=bool(int(dut.m_axi_arvalid.value)))
            assert memory.in_flight == 0
            dut.run_valid_i.value = 0
            return {"drain": cycles, "taken": len(ys), "of": words}
        if job.get("silent") and m.cycle - begin == job["silent"]:
            return {"bursts": memory.bursts, "words": len(memory.words)}
        offering = bool(runs) and (offering or not m.pause_in())
        dut.run_valid_i.value = int(offering)
        dut.run_addr_i.value, dut.run_bytes_i.value = (
            runs[0] if offering else (m.r.getrandbits(13), m.r.getrandbits(32))
        )
        ready = not m.pause_out()
        dut.y_ready_i.value = int(ready)
        await m.settle()
        if (beat := y.sample(m.cycle, ready)) and ready:
            assert want and tuple(beat) == want[0], (
                f"word {len(ys)}: {beat} must be {want and want[0]} (cycle {m.cycle})"
            )
            want.popleft()
            ys.append(m.cycle)
            last = m.cycle
        if offering and int(dut.run_ready_o.value):
            runs.popleft()
            offering = False
        held = len(memory.words) - asked - len(ys)
        assert held <= depth, (
            f"{held} words are asked for and not taken; the FIFO has {depth} (cycle {m.cycle})"
        )
        assert m.cycle < last + PATIENCE, f"nothing comes after word {len(ys)} of {words}"
        await m.edge()
    assert not runs or all(n == 0 for _, n in runs)
    dut.run_valid_i.value = 0
    assert len(memory.words) - asked == words, "every word must be read once"
    return {
        "cycles": m.cycle - begin,
        "words": words,
        "bursts": memory.bursts - bursts,
        "first": ys[0] - begin if ys else None,
        "span": ys[-1] - ys[0] + 1 if ys else 0,
    }


@cocotb.test()
async def write(dut: Any) -> None:
    """The case, for r4_axi_write."""
    measured = []
    for item in streams.case():
        m = Mover(dut, item, Writes)
        await m.reset()
        measured.append([await write_job(m, job) for job in item["jobs"]])
        if not m.manner.silent:
            await m.tail()
    streams.result(measured)


async def write_job(m: Mover, job: dict[str, Any]) -> dict[str, Any]:
    """A job of the writer: exactly its bytes are in memory when it is done, and no other was touched."""
    dut, memory, size = m.dut, m.memory, m.memory.size
    address, count = job["address"], job["bytes"]
    data = m.r.randbytes(count)
    words = -(-count // size)
    begin, asked, bursts, moved = m.cycle, memory.asked, memory.bursts, m.cycle
    memory.bytes.clear()
    dut.start_i.value = 1
    dut.addr_i.value = address
    await m.settle()
    await m.edge()
    dut.start_i.value = 0
    dut.addr_i.value = m.r.getrandbits(len(dut.addr_i))
    taken = 0
    offering = False
    xs: list[int] = []
    while True:
        if m.cycle - begin == job.get("abort"):
            return await write_abort(m, job, data, bursts, taken)
        offering = taken < words and (offering or not m.pause_in())
        last = taken == words - 1
        part = data[taken * size : (taken + 1) * size] + m.r.randbytes(size)
        dut.x_valid_i.value = int(offering)
        if offering:
            dut.x_data_i.value = int.from_bytes(part[:size], "little")
            dut.x_bytes_i.value = (count - 1) % size + 1 if last else size
            dut.x_last_i.value = int(last)
        await m.settle()
        held = taken - (memory.asked - asked)
        assert held >= 0, f"a burst must not be offered before its words are here (cycle {m.cycle})"
        if int(dut.done_o.value):
            break
        assert not int(dut.idle_o.value), f"idle_o must be low in a job (cycle {m.cycle})"
        if offering and int(dut.x_ready_o.value):
            xs.append(m.cycle)
            moved = m.cycle
            taken += 1
            offering = False
        assert m.cycle < moved + PATIENCE, f"done_o must come, {taken} of {words} words are taken"
        await m.edge()
    assert int(dut.idle_o.value) and memory.answered == memory.bursts == memory.complete
    assert memory.asked - asked == words, f"{words} words must be written, not {memory.asked - asked}"
    assert memory.bytes == dict(zip(range(address, address + count), data, strict=True))
    await m.edge()
    return {
        "cycles": m.cycle - begin,
        "words": words,
        "bursts": memory.bursts - bursts,
        "span": xs[-1] - xs[0] + 1,
    }


async def write_abort(m: Mover, job: dict[str, Any], data: bytes, bursts: int, taken: int) -> dict[str, Any]:
    """Aborts: what was asked for is written whole and right, done_o stays, words that come meanwhile are lost."""
    dut, memory = m.dut, m.memory
    done = int(dut.done_o.value)  # in the cycle before
    cycles = await m.drain(hold=job["hold"], offered=bool(int(dut.m_axi_awvalid.value)))
    dut.x_valid_i.value = 0
    assert memory.answered == memory.bursts == memory.complete
    assert memory.sent == memory.asked, "every burst that was asked for must get its words, and no other"
    for address, byte in memory.bytes.items():
        assert byte == data[address - job["address"]], f"{address:#x} holds a wrong byte"
    assert sorted(memory.bytes) == list(range(job["address"], job["address"] + len(memory.bytes)))
    assert int(dut.done_o.value) == done, (
        "a job that was aborted must not be done, and one that was done must stay so"
    )
    assert not done or len(memory.bytes) == job["bytes"]
    return {"drain": cycles, "taken": taken, "written": len(memory.bytes), "bursts": memory.bursts - bursts}
