# SPDX-License-Identifier: Apache-2.0
"""Bench of a board behind a serial line: the driver r4_serial.py, unchanged, on the bits of the top's pins.

Case: {"host": folder with r4_serial.py, interface.json and the self-test's vectors, "bit_ns": of the line,
       "period_ns": of the clock pin, "idle_ns": after which a packet is given up, "counts", "result": .npy of a cube
       and of what it must give, "flood": frames of a packet that the buffer must lose bytes of, 0 for none}
"""

from __future__ import annotations

import importlib
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.handle import Immediate
from cocotb.task import bridge, resume
from cocotb.triggers import FallingEdge, Timer

from rtl4ml.sim.streams import case, result

IDENTIFY, RUN, ANSWER = 1, 2, 0x80


class Port:
    """A serial line for the driver's thread. change: makes a fault of what is sent."""

    def __init__(self, dut: Any, bit_ns: float) -> None:
        self._dut, self._bit = dut, bit_ns
        self.timeout: float | None = None
        self.change: Callable[[bytes], bytes] = lambda data: data
        self._come = bytearray()
        dut.ftdi_txd.value = 1
        cocotb.start_soon(self._listen())

    async def _bits(self, count: float) -> None:
        await Timer(round(self._bit * count * 1000), "ps")

    async def _listen(self) -> None:
        while True:
            await FallingEdge(self._dut.ftdi_rxd)
            await self._bits(0.5)
            assert int(self._dut.ftdi_rxd.value) == 0, "a start bit must last a bit"
            value = 0
            for i in range(8):
                await self._bits(1)
                value |= int(self._dut.ftdi_rxd.value) << i
            await self._bits(1)
            assert int(self._dut.ftdi_rxd.value) == 1, "a stop bit must be 1"
            self._come.append(value)

    def write(self, data: bytes) -> int:
        async def send() -> None:
            for byte in self.change(data):
                for bit in (0, *(byte >> i & 1 for i in range(8)), 1):
                    self._dut.ftdi_txd.value = bit
                    await self._bits(1)

        resume(send)()
        return len(data)

    def read(self, size: int) -> bytes:
        async def receive() -> bytes:
            waited = 0
            while len(self._come) < size and waited < 40 * (size + 60):
                await self._bits(1)
                waited += 1
            found = bytes(self._come[:size])
            del self._come[:size]
            return found

        return resume(receive)()

    def reset_input_buffer(self) -> None:
        self._come.clear()


class Bench:
    """Top, line and driver of a case."""

    def __init__(self, dut: Any) -> None:
        self.dut, self.case = dut, case()
        sys.dont_write_bytecode = True
        sys.path.insert(0, self.case["host"])
        self.r4: Any = importlib.import_module("r4_serial")
        assert Path(self.r4.__file__).parent == Path(self.case["host"])
        self.r4.time = SimpleNamespace(sleep=lambda _: self.silence(2))
        dut.btn_fire1.value = 0
        # Hardware's configuration starts registers with 0, this simulation with 1.
        shell = dut.u_board.u_serial
        for register in (dut.reset_q, shell.net_rst_q, shell.net_rst_no):
            register.set(Immediate(0))
        self.port = Port(dut, self.case["bit_ns"])
        self.counts, self.result = np.load(self.case["counts"]), np.load(self.case["result"])
        Clock(dut.clk_25mhz, self.case["period_ns"], unit="ns").start()

    async def start(self) -> None:
        await Timer(round(40 * self.case["period_ns"]), "ns")

    def silence(self, times: float) -> None:
        """Nothing is sent for so many times of what gives up a packet."""

        async def wait() -> None:
            await Timer(round(times * self.case["idle_ns"]), "ns")

        resume(wait)()

    def open(self) -> Any:
        """The accelerator; in the driver's thread."""
        return self.r4.Accelerator.open(self.case["host"], self.port)

    def right(self, accelerator: Any, what: str) -> None:
        """One row of the cube is right at once: nothing of what was before is left."""
        tries, self.r4.TRIES = self.r4.TRIES, 1
        try:
            found = accelerator.run(self.counts[: accelerator.interface.frame_rows])
        except self.r4.R4Error as error:
            raise AssertionError(f"{what}: {error}") from error
        finally:
            self.r4.TRIES = tries
        wrong = np.argwhere(found != self.result[: len(found)])
        assert not len(wrong), f"{what}: {len(wrong)} of {found.size} values differ, the first at {wrong[0]}"

    def ask(self, kind: int, signature: bytes, frames: int, counts: bytes) -> bytes:
        """A request as it is written here, apart from the driver's; the bytes of it."""
        head = b"R4" + bytes([kind, 77]) + signature[:4] + struct.pack("<H", frames)
        body = counts + struct.pack("<I", zlib.crc32(counts)) if counts else b""
        return head + struct.pack("<I", zlib.crc32(head)) + body

    def answer(self, kind: int, signature: bytes, frames: int, body: bytes, status: int) -> bytes:
        """An answer as it must be."""
        head = b"R4" + bytes([kind | ANSWER, 77]) + signature[:4] + struct.pack("<H", frames)
        rest = body + bytes([status])
        return head + struct.pack("<I", zlib.crc32(head)) + rest + struct.pack("<I", zlib.crc32(rest))

    def exchange(self, sent: bytes, wanted: bytes) -> None:
        """What is sent must be answered so, and with nothing more."""
        self.port.write(sent)
        found = self.port.read(len(wanted))
        assert found == wanted, f"{sent.hex()}: {found.hex()}, not {wanted.hex()}"
        self.quiet()

    def quiet(self) -> None:
        """Nothing comes."""
        self.silence(1.5)
        assert not self.port.read(1)


@cocotb.test()
async def cube(dut: Any) -> None:
    """Identity, the self-test, and a whole cube by the driver."""
    bench = Bench(dut)
    await bench.start()

    def drive() -> None:
        accelerator = bench.open()
        compared = accelerator.selftest()
        found = accelerator.run(bench.counts)
        assert (found.shape, found.dtype) == (bench.result.shape, bench.result.dtype)
        wrong = np.argwhere(found != bench.result)
        assert not len(wrong), f"{len(wrong)} of {found.size} values differ, the first at {wrong[0]}"
        result({"values": compared + found.size})

    await bridge(drive)()


@cocotb.test()
async def broken_packets(dut: Any) -> None:
    """Every fault is answered as the header of r4_serial says, or not at all, and the next request is right."""
    bench = Bench(dut)
    await bench.start()

    def drive() -> None:
        accelerator = bench.open()
        design = accelerator.interface
        own, frame = design.signature, design.count_bytes
        counts = bench.counts[: design.frame_rows].tobytes()[: 2 * frame]
        frames = len(counts) // frame
        zeros = bytes(frames * design.frame_bytes)
        good = bench.ask(RUN, own, frames, counts)
        for kind in (0, 3, 0x82):
            bench.exchange(bench.ask(kind, own, 1, b""), bench.answer(kind, own, 0, b"", 4))
        other = bytes(b ^ 1 for b in own)
        bench.exchange(bench.ask(RUN, other, 1, b""), bench.answer(RUN, own, 0, b"", 5))
        bench.exchange(bench.ask(IDENTIFY, other, 9, b""), bench.answer(IDENTIFY, own, 0, own, 0))
        bench.exchange(bench.ask(RUN, own, 0, b""), bench.answer(RUN, own, 0, b"", 6))
        bench.right(accelerator, "after refusals")
        for at in (0, 1, 2, 5, 9, 10, 13):  # of the header: magic, kind, signature, frames, CRC
            head = bytearray(good[:14])
            head[at] ^= 0x10
            bench.port.write(bytes(head))
            bench.quiet()
            bench.right(accelerator, f"after a wrong byte {at} of the header")
        for length in (1, 2, 7, 13):
            bench.port.write(good[:length])
            bench.quiet()
            bench.right(accelerator, f"after {length} bytes of a header")
        bench.port.write(b"\x004R\xffRR")
        bench.right(accelerator, "after bytes of nobody")
        bench.port.write(b"\x00R4R\xff")
        bench.quiet()
        bench.right(accelerator, "after what looks like a header")
        # Counts that stop coming, and a byte too few: what had begun is filled up, the network begins anew.
        for length in (14, 15, len(good) - 5, len(good) - 4, len(good) - 1):
            bench.port.write(good[:length])
            bench.silence(1.5)
            size = 14 + len(zeros) + 5
            found = bench.port.read(size)
            assert len(found) == size and found[-5] == 3, f"{length} bytes: {found.hex()}"
            assert struct.unpack("<I", found[-4:])[0] == zlib.crc32(found[14:-4])
            if length == 14:  # later ones may hold results that were ready
                assert found == bench.answer(RUN, own, frames, zeros, 3)
            bench.quiet()
            bench.right(accelerator, f"after {length} of {len(good)} bytes")
        wrong = bytearray(good)
        wrong[14] ^= 0x40
        bench.port.write(bytes(wrong))
        found = bench.port.read(14 + len(zeros) + 5)
        assert found[-5] == 1, found.hex()
        bench.right(accelerator, "after a wrong byte of the counts")

    await bridge(drive)()


@cocotb.test()
async def driver_tries_again(dut: Any) -> None:
    """A request that is damaged on the line is sent again, and so is one of which a byte is lost."""
    bench = Bench(dut)
    await bench.start()

    def drive() -> None:
        accelerator = bench.open()
        rows = accelerator.interface.frame_rows
        for what, fault in (
            ("lost", lambda data: data[:20] + data[21:]),
            ("wrong", lambda data: data[:16] + bytes([data[16] ^ 2]) + data[17:]),
            ("header", lambda data: data[:3] + data[4:]),
        ):
            left = [fault]
            bench.port.change = lambda data, left=left: left.pop()(data) if left else data
            found = accelerator.run(bench.counts[:rows])
            assert not left and np.array_equal(found, bench.result[: len(found)]), what
        bench.port.change = lambda data: data[:-1]  # always
        try:
            accelerator.run(bench.counts[:rows])
        except bench.r4.BadAnswer as error:
            assert "counts that stopped coming" in str(error), error
        else:
            raise AssertionError("a line that loses a byte of every packet must be seen")
        bench.port.change = lambda data: data
        bench.silence(2)
        bench.port.reset_input_buffer()
        bench.right(accelerator, "after a line that lost bytes")

    await bridge(drive)()


@cocotb.test()
async def flood(dut: Any) -> None:
    """A packet that the network cannot keep up with loses bytes, and the answer says so."""
    bench = Bench(dut)
    await bench.start()
    frames = bench.case["flood"]
    if not frames:
        return

    def drive() -> None:
        accelerator = bench.open()
        design = accelerator.interface
        own = design.signature
        bench.port.write(bench.ask(RUN, own, frames, bytes(frames * design.count_bytes)))
        bench.silence(1.5)
        found = bench.port.read(14 + frames * design.frame_bytes + 5)
        assert found[-5] == 2 and len(found) == 14 + frames * design.frame_bytes + 5, found.hex()
        bench.silence(1.5)
        bench.right(accelerator, "after a flood")

    await bridge(drive)()
