# SPDX-License-Identifier: Apache-2.0
"""A software model of a board: the shell's registers, memory as processor and hardware see it, and time.

It is the `Mmio` and the `Memory` of r4.py; board_drivers.py puts it behind r4.c too. Time is virtual: a sleep costs
none of the host's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml.board import registers

REGS = registers.constants()
NAMES = {r.address: r.name for r in registers.REGISTERS}
READ_ONLY = {r.address for r in registers.REGISTERS if r.access == "ro"}
JOB = {r.address for r in registers.REGISTERS if r.job}
BASE = 0x12_3400_0000  # above 4 GiB, so that both halves of an address matter
LINE = 64  # bytes of a cache line
BUS_NS = 100  # an access to a register
KINDS = ("raw", "map", "mask")
Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Design:
    """What the bitstream holds: a network of sums that any count changes."""

    bands: int = 5
    count_bytes: int = 2
    frame: tuple[int, int] = (1, 1)
    kind: str = "map"
    shape: tuple[int, ...] = ()  # of a frame's raw result
    dtype: str = "int16"
    banded: bool = True
    clock_mhz: float = 250.0
    spill_bytes: int = 0
    signature: bytes = bytes(range(16))

    @property
    def count_dtype(self) -> np.dtype[Any]:
        return np.dtype(f"<u{self.count_bytes}")

    @property
    def frame_bytes(self) -> int:
        if self.kind == "raw":
            return int(np.prod(self.shape, dtype=int)) * np.dtype(self.dtype).itemsize
        return self.frame[0] * (self.frame[1] if self.kind == "map" else -(-self.frame[1] // 8))

    def frames(self, counts: NDArray[Any]) -> NDArray[Any]:
        """The frames of a cube (rows, columns, bands)."""
        rows, columns, bands = counts.shape
        if self.frame == (1, 1):
            return counts.reshape(rows * columns, 1, 1, bands)
        return counts.reshape(rows // self.frame[0], *self.frame, bands)

    def results(self, counts: NDArray[Any]) -> NDArray[Any]:
        """What the driver must give for a cube (rows, columns, bands)."""
        rows, columns, bands = counts.shape
        weights = np.arange(1, 1 + bands)
        sums = self.frames(counts).astype(np.int64) @ weights  # (frames, frame rows, frame columns)
        if self.kind == "map":
            return (sums % 251).astype(np.uint8).reshape(rows, columns)
        if self.kind == "mask":
            return (sums % 2).astype(bool).reshape(rows, columns)
        pixel = (rows, columns) if self.frame == (1, 1) else (len(sums),)
        lanes = np.arange(1, 1 + int(np.prod(self.shape, dtype=int)))
        return (sums.sum((1, 2))[:, None] * lanes).astype(self.dtype).reshape(*pixel, *self.shape)

    def packed(self, counts: NDArray[Any]) -> Bytes:
        """The same as it lies in memory."""
        found = self.results(counts)
        if self.kind == "mask":
            return np.packbits(found, axis=1, bitorder="little").reshape(-1)
        return np.frombuffer(found.tobytes(), np.uint8)

    def write(self, folder: Path, rng: np.random.Generator) -> None:
        """interface.json and the self-test's vectors."""
        content = {
            "input": {
                "dtype": self.count_dtype.name,
                "bands": self.bands,
                "frame_rows": self.frame[0],
                "frame_columns": self.frame[1],
                "layouts": ["bip", "bil", "bsq"] if self.banded else ["bip"],
            },
            "output": {
                "kind": self.kind,
                "dtype": self.dtype,
                "shape": list(self.shape),
                "frame_bytes": self.frame_bytes,
            },
            "hardware": {"signature": self.signature.hex(), "data_bytes": 16, "clock_mhz": self.clock_mhz}
            | ({"spill_bytes": self.spill_bytes} if self.spill_bytes else {}),
        }
        (folder / "interface.json").write_text(json.dumps(content))
        counts = self.cube(rng, 2)
        np.save(folder / "selftest_counts.npy", counts)
        np.save(folder / "selftest_result.npy", self.results(counts))

    def cube(self, rng: np.random.Generator, frames: int, columns: int = 7) -> NDArray[Any]:
        """Random counts (rows, columns, bands): rows of pixels, or images in rows."""
        shape = (frames, columns) if self.frame == (1, 1) else (frames * self.frame[0], self.frame[1])
        return rng.integers(0, 256**self.count_bytes, (*shape, self.bands)).astype(self.count_dtype)


class Buffer:
    """A part of the memory: `array` is what the processor sees, the model's `dram` what the hardware does."""

    def __init__(self, model: Model, start: int, size: int) -> None:
        self.model, self.start = model, start
        self.address = BASE + start
        self.array: Bytes = np.full(size, 0xA5, np.uint8)  # in the cache, not yet written back
        self.clean: Bytes = ~self.array

    def _dirty(self, size: int) -> NDArray[np.intp]:
        """First bytes of the cache lines that the processor wrote since they were last the same."""
        differs = np.flatnonzero(self.array[:size] != self.clean[:size])
        return np.unique(differs // LINE * LINE)

    def flush(self, size: int) -> None:
        for at in self._dirty(size):
            line = slice(at, min(at + LINE, len(self.array)))
            self.model.dram[self.start + line.start : self.start + line.stop] = self.array[line]
            self.clean[line] = self.array[line]

    def invalidate(self, size: int) -> None:
        self.array[:size] = self.clean[:size] = self.model.dram[self.start : self.start + size]

    def free(self) -> None:
        self.model.buffers.remove(self)


@dataclass
class Model:
    """The board.

    clock_mhz:  real clock; None for that of the design
    cycles:     that a frame takes
    hang:       jobs never end by themselves;  stuck: not by an abort either
    interrupt:  whether the interrupt line is wired
    spurious:   interrupts that come at once, without a job's end
    error:      bits of STATUS that the next job ends with
    narrow:     memory port of which only the lowest 4 of 16 bytes are connected
    busy_host:  nanoseconds that any look at the clock takes
    keyboard:   the next wait is interrupted from the keyboard
    """

    design: Design
    size: int = 1 << 16
    clock_mhz: float | None = None
    cycles: int = 20
    hang: bool = False
    stuck: bool = False
    interrupt: bool = True
    spurious: int = 0
    error: int = 0
    narrow: bool = False
    busy_host: int = 0
    keyboard: bool = False
    registers: dict[int, int] = field(default_factory=dict)
    trace: list[tuple[str, str, int]] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    buffers: list[Buffer] = field(default_factory=list)
    time: int = 0  # nanoseconds
    jobs: int = 0  # that were started

    def __post_init__(self) -> None:
        design = self.design
        self.dram: Bytes = np.full(self.size, 0x5A, np.uint8)
        self.status = 0
        self.enabled = False  # the interrupt
        self.end: int | None = None  # of the running job
        self.result: tuple[int, Bytes] | None = None
        capabilities = (
            design.count_bytes << REGS["R4_CAPABILITIES_COUNT_BYTES_SHIFT"]
            | int(design.banded) << REGS["R4_CAPABILITIES_BANDED_SHIFT"]
            | KINDS.index(design.kind) << REGS["R4_CAPABILITIES_RESULT_SHIFT"]
            | 16 << REGS["R4_CAPABILITIES_DATA_BYTES_SHIFT"]
        )
        fixed = {
            "ID": REGS["R4_ID_VALUE"],
            "VERSION": REGS["R4_VERSION_VALUE"],
            **{
                f"SIGNATURE{i}": int.from_bytes(design.signature[4 * i : 4 * i + 4], "little")
                for i in range(4)
            },
            "BANDS": design.bands,
            "CAPABILITIES": capabilities,
            "FRAME_ROWS": design.frame[0],
            "FRAME_COLUMNS": design.frame[1],
            "FRAME_BYTES": design.frame_bytes,
            "SPILL_BYTES": design.spill_bytes,
        }
        for name, value in fixed.items():
            self.set(name, value)

    # -- registers -------------------------------------------------------------------------------------------

    def set(self, name: str, value: int) -> None:
        """A register as hardware sets it."""
        self.registers[REGS[f"R4_{name}"]] = value

    def get(self, name: str) -> int:
        return self.registers.get(REGS[f"R4_{name}"], 0)

    def read32(self, offset: int) -> int:
        self._pass(BUS_NS)
        mhz = self.design.clock_mhz if self.clock_mhz is None else self.clock_mhz
        if offset == REGS["R4_STATUS"]:
            value = self.status
        elif offset == REGS["R4_FREE_CYCLES"]:
            value = int(self.time * mhz / 1000) % 2**32
        else:
            value = self.registers.get(offset, 0)
        # How often STATUS is polled, and what the time is, is no part of the trace.
        self.trace.append(("r", NAMES.get(offset, hex(offset)), value))
        return value

    def write32(self, offset: int, value: int) -> None:
        self._pass(BUS_NS)
        assert 0 <= value < 2**32, f"{NAMES[offset]}: {value}"
        self.trace.append(("w", NAMES.get(offset, hex(offset)), value))
        if offset == REGS["R4_CONTROL"]:
            self._control(value)
        elif offset in JOB and self.end is not None:
            self.violations.append(f"{NAMES[offset]} was written while a job ran")
        elif offset not in READ_ONLY:
            self.registers[offset] = value

    def _control(self, value: int) -> None:
        self.enabled = bool(value & REGS["R4_CONTROL_IRQ_ENABLE"])
        if value & REGS["R4_CONTROL_CLEAR"]:
            self.status &= ~REGS["R4_STATUS_DONE"]
        if value & REGS["R4_CONTROL_START"]:
            if self.end is not None:
                self.violations.append("a job was started while another ran")
            else:
                self._begin()
        if value & REGS["R4_CONTROL_ABORT"] and self.end is not None and not self.stuck:
            self.result = None
            self._done(REGS["R4_STATUS_ABORTED"])

    # -- a job -----------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        self.jobs += 1
        design, get = self.design, self.get
        self.status = REGS["R4_STATUS_BUSY"]
        rows, columns, frames = get("ROWS"), get("COLUMNS"), get("FRAMES")
        self.end = self.time + 400 + frames * self.cycles * 1000 // round(design.clock_mhz)
        self.set("FRAMES_DONE", 0)
        given = rows * columns // (design.frame[0] * design.frame[1])
        to = get("DST_HIGH") << 32 | get("DST_LOW")
        if not frames or to % REGS["R4_DST_ALIGN"] or frames != given:
            self._done(REGS["R4_STATUS_BAD_LENGTH"] | REGS["R4_STATUS_ABORTED"])
            return
        start = (get("SRC_HIGH") << 32 | get("SRC_LOW")) - BASE
        r = start + np.arange(rows)[:, None] * get("ROW_STRIDE")
        bands, item = np.arange(design.bands), design.count_bytes
        if design.banded and get("LAYOUT") & REGS["R4_LAYOUT_BANDED"]:
            at = np.arange(columns)[:, None] * item + bands * get("BAND_STRIDE")
            at = (r[..., None] + at)[..., None] + np.arange(item)
        else:
            at = r + np.arange(get("ROW_BYTES"))
        if at.size != rows * columns * design.bands * item:
            self._done(REGS["R4_STATUS_BAD_LENGTH"] | REGS["R4_STATUS_ABORTED"])
            return
        at = at.reshape(rows, columns, design.bands, item)
        if self.narrow:
            at = at // 16 * 16 + at % 4
        counts = np.ascontiguousarray(self.dram[at]).view(design.count_dtype)[..., 0]
        self.result = to - BASE, design.packed(counts)

    def _done(self, bits: int) -> None:
        self.end = None
        self.status = REGS["R4_STATUS_DONE"] | bits
        if bits & (REGS["R4_STATUS_READ_ERROR"] | REGS["R4_STATUS_WRITE_ERROR"]):
            self.set("AXI_ERRORS", 3)

    def _pass(self, ns: int) -> None:
        """Time goes on."""
        self.time += ns
        if self.end is None or self.time < self.end or self.hang:
            return
        frames = self.get("FRAMES")
        for name, value in (
            ("CYCLES_LOW", frames * self.cycles + 100),
            ("FRAMES_DONE", frames),
            ("STARVED", 7),
            ("FIRST_FRAME", 99),
        ):
            self.set(name, value)
        if self.result is not None:
            at, data = self.result
            self.dram[at : at + len(data)] = data[: self.size - at]
        for buffer in self.buffers:  # the cache needs room: whatever the processor wrote may go to memory now
            buffer.flush(len(buffer.array))
        self._done(self.error)
        self.error = 0

    # -- interrupt and time ----------------------------------------------------------------------------------

    @property
    def irq(self) -> bool:
        """The interrupt line."""
        return self.interrupt and self.enabled and bool(self.status & REGS["R4_STATUS_DONE"])

    def wait_irq(self, timeout: float) -> bool:
        if self.keyboard:
            self.keyboard = False
            raise KeyboardInterrupt
        if self.spurious:
            self.spurious -= 1
            return True
        limit = self.time + round(timeout * 1e9)
        if not self.irq and self.end is not None and not self.hang:
            self._pass(max(0, min(self.end, limit) - self.time))
        if not self.irq:
            self._pass(max(0, limit - self.time))
        return self.irq

    def now_ns(self) -> int:
        self._pass(self.busy_host)
        return self.time

    def sleep(self, seconds: float) -> None:
        self._pass(round(seconds * 1e9))

    # -- memory ----------------------------------------------------------------------------------------------

    def allocate(self, size: int) -> Buffer:
        at = max((b.start + len(b.array) for b in self.buffers), default=0)
        at = -(-at // LINE) * LINE
        if at + size > self.size:
            raise MemoryError(f"{self.size - at} bytes that are left")
        self.buffers.append(Buffer(self, at, size))
        return self.buffers[-1]

    def buffer(self, address: int) -> Buffer:
        """That at an address."""
        return next(b for b in self.buffers if b.address == address)
