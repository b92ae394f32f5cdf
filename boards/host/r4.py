# SPDX-License-Identifier: Apache-2.0
"""The driver of an accelerator made by rtl4ml: cubes of raw counts in, a map out. Needs NumPy alone.

    import r4, r4_uio

    accelerator = r4.Accelerator.open(".", r4_uio.UioMmio("r4"), r4_uio.UdmabufMemory("udmabuf-r4"))
    classes = accelerator.run(counts, layout="bil")

Here counts are uint16 (rows, bands, columns), and classes are uint8 (rows, columns).

The driver reaches the hardware through two objects alone, an `Mmio` and a `Memory` (r4_types.py). r4_uio.py has them
for Linux, r4_pynq.py for PYNQ, and in a simulation they clock the model. r4.c is the same driver in C, with the same
order of accesses.

An `Accelerator` has one user at a time: no method may run beside another. Every wait has a time limit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import r4_regs as regs
from numpy.typing import NDArray
from r4_identify import identify, measure_clock
from r4_interface import LAYOUTS, Interface
from r4_strips import WHOLE, Plan, fill
from r4_types import (
    BadCube,
    Buffer,
    Busy,
    Counters,
    HostTime,
    JobFailed,
    JobTimeout,
    Measurement,
    Memory,
    Mmio,
    R4Error,
    WrongDevice,
)

__all__ = [
    "LAYOUTS",
    "Accelerator",
    "BadCube",
    "Buffer",
    "Busy",
    "Counters",
    "HostTime",
    "Interface",
    "JobFailed",
    "JobTimeout",
    "Measurement",
    "Memory",
    "Mmio",
    "R4Error",
    "WrongDevice",
]

ADDRESS_BITS = 40
DRAIN_SECONDS = 1.0  # that an aborted job may take to end
POLL_SECONDS = 1e-5, 1e-3  # between looks at STATUS: first, longest
IRQ_SECONDS = 0.01  # that the interrupt may come after the job's end
TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True)
class _Job:
    """A cube and where it lies. slot: number of its pair of buffers; plan: the strips that lie there in its place."""

    slot: int
    rows: int
    columns: int
    plan: Plan | None
    layout: str
    count_bytes: int
    result_bytes: int
    frames: int


class Accelerator:
    """The accelerator of a folder. `open` makes it."""

    def __init__(self, folder: Path, interface: Interface, mmio: Mmio, memory: Memory) -> None:
        self.folder, self.interface = folder, interface
        self.clock_mhz = interface.clock_mhz  # as measured, once `open` has
        self._mmio, self._memory = mmio, memory
        self._spill: Buffer | None = None  # memory that the network keeps skips in
        self._slots: list[tuple[Buffer, Buffer] | None] = [None, None]
        self._jobs: deque[_Job] = deque()  # in order of start: the last one may run, all others have ended
        self._running = False
        self._stuck = False
        self._failed: dict[int, R4Error] = {}  # by slot

    @classmethod
    def open(
        cls, folder: str | Path, mmio: Mmio, memory: Memory, *, clock_window: float = 0.1, probe: bool = True
    ) -> Accelerator:
        """The accelerator, once the hardware is known to be that of the folder, at its clock, with right results.

        folder:       with interface.json and the self-test's vectors
        clock_window: seconds over which the clock is measured; 0 leaves it unchecked
        probe:        whether the self-test's vectors run first, in one layout: they find memory ports whose width the
                      device tree did not set

        Raises R4Error, one line.
        """
        self = cls(Path(folder), Interface.read(folder), mmio, memory)
        identify(mmio, self.interface, self.folder)
        self._settle()
        self._reserve()
        if clock_window:
            self.clock_mhz = measure_clock(mmio, self.clock_mhz, clock_window)
        if probe:
            self.selftest(layouts=("bip",))
        return self

    # -- jobs ------------------------------------------------------------------------------------------------

    def run(
        self, cube: NDArray[Any], layout: str = "bil", *, timeout: float = TIMEOUT_SECONDS
    ) -> NDArray[Any]:
        """The result of a cube of counts: map (rows, columns) uint8, mask (rows, columns) bool, or raw.

        layout: "bip" (rows, columns, bands), "bil" (rows, bands, columns) or "bsq" (bands, rows, columns)

        Images may be wider than the hardware's, where interface.json has strips: these are computed in one job.

        Raises BadCube, JobFailed, JobTimeout, or Busy while jobs of `run_async` wait to be taken.
        """
        if self._jobs:
            raise Busy("run: all jobs of run_async must have been taken, not still wait; call wait() first")
        self.run_async(cube, layout)
        return self.wait(timeout)

    def run_async(self, cube: NDArray[Any], layout: str = "bil") -> None:
        """Copies a cube and starts its job; `wait` gives its result. As `run` otherwise.

        A second one may be given before the first was waited for: its counts are copied while the first job runs, then
        the first job's end is waited for. A third one raises Busy.
        """
        self._usable()
        if len(self._jobs) == len(self._slots):
            raise Busy(
                f"run_async: at most {len(self._slots)} jobs may wait, not one more; call wait() first"
            )
        job = self._job(cube, layout)
        counts, result = self._buffers(job)
        size = {"rows": job.rows, "columns": job.columns, "bands": self.interface.bands}
        axes = LAYOUTS[layout]
        given = counts.array[: job.count_bytes].view(self.interface.count_dtype)
        given = given.reshape([size[name] for name in axes])
        fill(given, cube, job.plan or WHOLE, axes.index("rows"), axes.index("columns"))
        counts.flush(job.count_bytes)
        result.flush(job.result_bytes)  # no line of an earlier result may be written over what comes
        self._end(TIMEOUT_SECONDS)
        self._usable()
        self._start(job)
        self._jobs.append(job)

    def wait(self, timeout: float = TIMEOUT_SECONDS) -> NDArray[Any]:
        """The result of the oldest job that was not yet taken. After `timeout` seconds the job is aborted."""
        if not self._jobs:
            raise Busy("wait: a job must have been started, not none; call run_async() first")
        if len(self._jobs) == 1:
            self._end(timeout)
        job = self._jobs.popleft()
        if job.slot in self._failed:
            raise self._failed.pop(job.slot)
        _, result = self._buffers(job)
        result.invalidate(job.result_bytes)
        return self.interface.joined(result.array[: job.result_bytes], job.rows, job.columns, job.plan)

    def map(self, cubes: Iterable[NDArray[Any]], layout: str = "bil") -> Iterator[NDArray[Any]]:
        """The results of many cubes in order; the host copies one while the hardware computes another."""
        for cube in cubes:
            self.run_async(cube, layout)
            if len(self._jobs) == len(self._slots):
                yield self.wait()
        while self._jobs:
            yield self.wait()

    def abort(self) -> None:
        """Ends the running job and forgets all jobs. What memory traffic there was has been completed."""
        self._usable()
        if self._running:
            self._drain("abort")
        self._running = False
        self._jobs.clear()
        self._failed.clear()

    # -- proofs and speed ------------------------------------------------------------------------------------

    def selftest(self, *, layouts: Iterable[str] = tuple(LAYOUTS), timeout: float = TIMEOUT_SECONDS) -> int:
        """Runs the folder's vectors in every layout of the design; how many values were compared.

        Raises R4Error that names the first wrong value.
        """
        counts, expected = self._vectors()
        compared = 0
        for layout in layouts:
            if layout != "bip" and not self.interface.banded:
                continue
            axes = [LAYOUTS["bip"].index(name) for name in LAYOUTS[layout]]
            found = self.run(counts.transpose(axes), layout, timeout=timeout)
            wrong = np.argwhere(found != expected)
            if len(wrong):
                first = tuple(int(i) for i in wrong[0])
                raise R4Error(
                    f"selftest, layout {layout}: value {first} must be {expected[first]}, not {found[first]} "
                    f"({len(wrong)} of {found.size} values differ); see that the device tree sets the widths of the "
                    "memory ports, then load the bitstream again"
                )
            compared += found.size
        return compared

    def measure(self, seconds: float = 1.0, *, frames: int = 4096) -> Measurement:
        """Repeats a job of at least `frames` frames of the self-test's counts for `seconds`, without copies."""
        counts, _ = self._vectors()
        given = counts.shape[0] * counts.shape[1] // self.interface.frame_pixels
        cube = np.tile(counts, (-(-frames // given), 1, 1))
        self.run(cube, "bip")  # which leaves the counts in the buffer
        job = self._job(cube, "bip")
        found: list[Counters] = []
        begin = self._mmio.now_ns()
        while not found or self._mmio.now_ns() - begin < seconds * 1e9:
            self._start(job)
            self._jobs.append(job)
            self._end(TIMEOUT_SECONDS)
            self._jobs.clear()
            if job.slot in self._failed:
                raise self._failed.pop(job.slot)
            found.append(self.counters())
        took = (self._mmio.now_ns() - begin) / 1e9
        cycles, done = sum(c.cycles for c in found), len(found) * job.frames
        return Measurement(
            jobs=len(found),
            frames=done,
            frames_per_second=done / took,
            cycles_per_frame=cycles / done,
            latency_us=max(c.first_frame for c in found) / self.clock_mhz,
            starved=sum(c.starved for c in found) / cycles,
            blocked=sum(c.blocked for c in found) / cycles,
            clock_mhz=self.clock_mhz,
        )

    def counters(self) -> Counters:
        """Those of the running job, or of the last one."""
        read = self._mmio.read32
        low = read(regs.R4_CYCLES_LOW)  # which holds the upper half still
        return Counters(
            cycles=read(regs.R4_CYCLES_HIGH) << 32 | low,
            starved=read(regs.R4_STARVED),
            blocked=read(regs.R4_BLOCKED),
            frames_done=read(regs.R4_FRAMES_DONE),
            first_frame=read(regs.R4_FIRST_FRAME),
            frame_errors=read(regs.R4_FRAME_ERRORS),
            axi_errors=read(regs.R4_AXI_ERRORS),
        )

    # -- inside ----------------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Ends a job that an earlier user left running."""
        if self._mmio.read32(regs.R4_STATUS) & regs.R4_STATUS_BUSY:
            self._drain("a job that was running")

    def _reserve(self) -> None:
        """Memory for the skips of a design that keeps some there."""
        size = self.interface.spill_bytes
        if not size:
            return
        try:
            self._spill = self._memory.allocate(size)
        except MemoryError as error:
            raise R4Error(
                f"the network's skips need {size} bytes of shared memory, not {error}; reserve more"
            ) from error
        address = self._spill.address
        if address % regs.R4_SPILL_ALIGN or (address + size) >> ADDRESS_BITS:
            raise R4Error(
                f"memory for skips must lie at a multiple of {regs.R4_SPILL_ALIGN} below 2**{ADDRESS_BITS}, "
                f"not at 0x{address:X}; see the reserved memory in the device tree"
            )

    def _job(self, cube: NDArray[Any], layout: str) -> _Job:
        """The job of a cube, in a slot that is free. Raises BadCube."""
        design = self.interface
        rows, columns = design.check(cube, layout)
        plan = design.plan(columns)
        if plan is not None:  # strips lie below each other, as images do
            rows, columns = rows * len(plan), design.frame_columns
        used = {job.slot for job in self._jobs}
        return _Job(
            slot=next(i for i in range(len(self._slots)) if i not in used),
            rows=rows,
            columns=columns,
            plan=plan,
            layout=layout,
            count_bytes=rows * columns * design.bands * design.count_dtype.itemsize,
            result_bytes=design.result_bytes(rows, columns),
            frames=rows * columns // design.frame_pixels,
        )

    def _buffers(self, job: _Job) -> tuple[Buffer, Buffer]:
        """Buffers of the job's slot for counts and result; new ones where those that are there are too small."""
        there = self._slots[job.slot]
        if there and len(there[0].array) >= job.count_bytes and len(there[1].array) >= job.result_bytes:
            return there
        for buffer in there or ():
            buffer.free()
        self._slots[job.slot] = None
        made: list[Buffer] = []
        try:
            for size in (job.count_bytes, job.result_bytes):
                made.append(self._memory.allocate(size))
        except MemoryError as error:
            for buffer in made:
                buffer.free()
            raise BadCube(
                f"a cube of {job.rows} x {job.columns} pixels needs {job.count_bytes} + {job.result_bytes} bytes of "
                f"shared memory, not {error}; give its rows in parts or reserve more"
            ) from error
        for buffer in made:
            if buffer.address % regs.R4_DST_ALIGN or (buffer.address + len(buffer.array)) >> ADDRESS_BITS:
                raise R4Error(
                    f"a buffer must lie at a multiple of {regs.R4_DST_ALIGN} below 2**{ADDRESS_BITS}, "
                    f"not at 0x{buffer.address:X}; see the reserved memory in the device tree"
                )
        self._slots[job.slot] = made[0], made[1]
        return made[0], made[1]

    def _start(self, job: _Job) -> None:
        """Describes the job to the hardware, then starts it. Raises Busy where it works for somebody else."""
        if self._mmio.read32(regs.R4_STATUS) & regs.R4_STATUS_BUSY:
            raise Busy(
                "the hardware must be free, not busy with a job of another user; one program at a time"
            )
        counts, result = self._buffers(job)
        item, bands = self.interface.count_dtype.itemsize, self.interface.bands
        line = job.columns * item
        row_stride = line if job.layout == "bsq" else line * bands
        band_stride = {"bip": 0, "bil": line, "bsq": line * job.rows}[job.layout]
        write = self._mmio.write32
        write(regs.R4_SRC_LOW, counts.address & 0xFFFFFFFF)
        write(regs.R4_SRC_HIGH, counts.address >> 32)
        write(regs.R4_DST_LOW, result.address & 0xFFFFFFFF)
        write(regs.R4_DST_HIGH, result.address >> 32)
        if self._spill is not None:
            write(regs.R4_SPILL_LOW, self._spill.address & 0xFFFFFFFF)
            write(regs.R4_SPILL_HIGH, self._spill.address >> 32)
        write(regs.R4_FRAMES, job.frames)
        write(regs.R4_ROWS, job.rows)
        write(regs.R4_COLUMNS, job.columns)
        write(regs.R4_ROW_STRIDE, row_stride)
        write(regs.R4_ROW_BYTES, line * bands)
        write(regs.R4_BAND_STRIDE, band_stride)
        write(regs.R4_LAYOUT, 0 if job.layout == "bip" else regs.R4_LAYOUT_BANDED)
        write(regs.R4_CONTROL, regs.R4_CONTROL_IRQ_ENABLE | regs.R4_CONTROL_START)
        self._running = True

    def _end(self, timeout: float) -> None:
        """Waits for the running job, if there is one; its error waits for whoever takes the job."""
        if not self._running:
            return
        error = self._finish(timeout)  # an interrupt from the keyboard leaves the job to be waited for again
        self._running = False
        if error is not None:
            self._failed[self._jobs[-1].slot] = error

    def _finish(self, timeout: float) -> R4Error | None:
        """The end of the job that runs, or what went wrong."""
        mmio = self._mmio
        deadline = mmio.now_ns() + round(timeout * 1e9)
        while True:
            left = max(0, deadline - mmio.now_ns())
            fired = mmio.wait_irq(left / 1e9)
            status = mmio.read32(regs.R4_STATUS)
            if status & regs.R4_STATUS_DONE:
                break
            if left == 0:
                counters = self.counters()
                try:
                    self._drain("a job that did not end")
                    more = "it was aborted, the next job may run"
                except R4Error as error:
                    more = str(error)
                return JobTimeout(f"a job must end within {timeout:g} s, not go on; {more}", status, counters)
        fired = fired or mmio.wait_irq(IRQ_SECONDS)
        bad = status & ~(regs.R4_STATUS_DONE | regs.R4_STATUS_BUSY)
        counted = self.counters() if bad or not fired else None
        mmio.write32(regs.R4_CONTROL, regs.R4_CONTROL_CLEAR)
        if counted is None:
            return None
        if not bad:
            text = "a job's end must raise the interrupt, not go without; see its number in the device tree"
            return JobFailed(text, status, counted)
        named = ", ".join(text for bit, text in _ENDS if status & bit)
        return JobFailed(f"a job must end with its result, not with: {named}", status, counted)

    def _drain(self, what: str) -> None:
        """Aborts what runs and waits until its memory traffic is complete."""
        mmio = self._mmio
        mmio.write32(regs.R4_CONTROL, regs.R4_CONTROL_ABORT)
        deadline = mmio.now_ns() + round(DRAIN_SECONDS * 1e9)
        pause, longest = POLL_SECONDS
        while mmio.read32(regs.R4_STATUS) & regs.R4_STATUS_BUSY:
            if mmio.now_ns() > deadline:
                self._stuck = True
                raise R4Error(
                    f"{what}: an aborted job must end within {DRAIN_SECONDS:g} s, not go on; load the bitstream again"
                )
            mmio.sleep(pause)
            pause = min(2 * pause, longest)
        mmio.write32(regs.R4_CONTROL, regs.R4_CONTROL_CLEAR)

    def _usable(self) -> None:
        if self._stuck:
            raise R4Error(
                "the hardware must answer an abort, not be stuck as it is; load the bitstream again"
            )

    def _vectors(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Counts (rows, columns, bands) of the self-test and the result that they must give."""
        found = []
        for name in ("selftest_counts.npy", "selftest_result.npy"):
            try:
                found.append(np.load(self.folder / name, allow_pickle=False))
            except (OSError, ValueError) as error:
                raise R4Error(
                    f"{self.folder / name}: the vectors of the self-test must be there, not {type(error).__name__}; "
                    "copy the whole folder host/ again"
                ) from error
        return found[0], found[1]


_ENDS = [
    (regs.R4_STATUS_READ_ERROR, "an error of memory on a read"),
    (regs.R4_STATUS_WRITE_ERROR, "an error of memory on a write"),
    (regs.R4_STATUS_FRAME_ERROR, "a frame of a wrong length"),
    (regs.R4_STATUS_BAD_LENGTH, "lengths that do not agree"),
    (regs.R4_STATUS_ABORTED, "an abort"),
]
