# SPDX-License-Identifier: Apache-2.0
"""Simulation of a board's shell: jobs by the C driver on the compiled RTL, with a model of memory that checks AXI4.

    simulator = build(folder, sources, shell, images=folder / "mem")
    outcomes = simulator.run([Job(cube)], latency=200)
    outcomes[0].result, outcomes[0].cycles

The very `r4.c` of `boards/host` runs: its accesses clock the model. Jobs that no driver would start (lengths that do
not agree, aborts at a certain cycle) are written to the registers directly.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rtl4ml.board.interface import LAYOUTS, laid_out
from rtl4ml.board.ports import DATA_BYTES, TOP
from rtl4ml.board.registers import constants
from rtl4ml.board.values import RESULTS, Shell
from rtl4ml.errors import EnvironmentProblem, SimulationFailed
from rtl4ml.host import processes
from rtl4ml.host.identity import digest
from rtl4ml.host.tools import check_writing, disk_errors, verilator_env
from rtl4ml.simulation.bulk import OPTIMISATION, compile_once, verilator_flags

PATIENCE = 20_000_000
Layout = Literal["bip", "bil", "bsq"]

_C_FLAGS = ("-std=c99", "-O1", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-pedantic")
_STATUS = {
    "read_error": "R4_STATUS_READ_ERROR",
    "write_error": "R4_STATUS_WRITE_ERROR",
    "frame_error": "R4_STATUS_FRAME_ERROR",
    "aborted": "R4_STATUS_ABORTED",
    "bad_length": "R4_STATUS_BAD_LENGTH",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Job:
    """A cube of counts (rows, columns, bands) and how it is given to the shell.

    layout:      how it lies in memory
    skew:        bytes that the counts begin after a page, a multiple of a count's
    driver:      by r4.c; False: by register writes, which alone know the next four
    abort:       cycles after the start in which ABORT is written; 0: never
    registers:   register (as "FRAMES") to a value in place of the right one: FRAMES, ROWS, COLUMNS, ROW_STRIDE,
                 ROW_BYTES or BAND_STRIDE
    accesses:    (address, None) reads, (address, value) and (address, value, strobes) write, once the job is started
    misplaced:   bytes added to the result's address
    timeout:     nanoseconds that the driver waits; 0: for ever
    read_error, write_error: which word read or which response is an error, from 1 on; 0: none
    decode:      the error is DECERR in place of SLVERR
    outside:     the counts lie where there is no memory
    """

    cube: NDArray[np.unsignedinteger[Any]]
    layout: Layout = "bip"
    skew: int = 0
    driver: bool = True
    abort: int = 0
    registers: dict[str, int] = field(default_factory=dict)
    accesses: tuple[tuple[int, int | None] | tuple[int, int, int], ...] = ()
    misplaced: int = 0
    timeout: int = 0
    read_error: int = 0
    write_error: int = 0
    decode: bool = False
    outside: bool = False


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of a job.

    result:   uint8 (bytes,), the result as the CPU sees it
    code:     of r4_run, 0 for success; -1 without the driver
    message:  of the driver
    flags:    which of read_error, write_error, frame_error, aborted and bad_length the status says
    cycles, starved, blocked, frames_done, first_frame, frame_errors, axi_errors: the shell's counters
    read:     what the job's accesses read
    words:    words read from memory and written to it
    simulated: cycles from reset to the job's end
    """

    result: NDArray[np.uint8]
    code: int
    message: str
    flags: frozenset[str]
    cycles: int
    starved: int
    blocked: int
    frames_done: int
    first_frame: int
    frame_errors: int
    axi_errors: int
    read: tuple[int, ...]
    words: tuple[int, int]
    simulated: int


def result_bytes(shell: Shell, rows: int, columns: int) -> int:
    """Bytes of the result of a cube."""
    if shell.result == "mask":
        return rows * -(-columns // 8)
    return shell.frames(rows, columns) * shell.frame_bytes


def strides(shell: Shell, layout: Layout, rows: int, columns: int) -> dict[str, int]:
    """ROW_STRIDE, ROW_BYTES and BAND_STRIDE of a cube that lies without gaps."""
    line = columns * shell.count_bytes
    return {
        "ROW_STRIDE": line if layout == "bsq" else line * shell.bands,
        "ROW_BYTES": line * shell.bands,
        "BAND_STRIDE": {"bip": 0, "bil": line, "bsq": line * rows}[layout],
    }


@dataclass(frozen=True, eq=False)
class BoardSimulator:
    """A compiled shell with its network, ready to run jobs; made by `build`. driver: SHA-256 of its r4.c."""

    shell: Shell
    binary: Path
    images: Path
    driver: str

    def run(
        self,
        jobs: Sequence[Job],
        *,
        latency: int = 200,
        jitter: int = 0,
        refresh: bool = True,
        stalls: bool = False,
        seed: int = 0,
        outstanding: int = 16,
        clock_mhz: float = 250,
        patience: int = PATIENCE,
        progress: Callable[[int], None] | None = None,
    ) -> list[Outcome]:
        """Runs jobs one after the other, with one reset before them all.

        latency:  cycles from a burst's address to its first word, and `jitter` more at most
        refresh:  memory stands still for 88 of every 1,950 cycles
        stalls:   all five channels pause; the pattern follows from `seed`
        outstanding: bursts that memory accepts in a direction
        patience: cycles within which a job must end
        progress: is called with the number of jobs that are done

        Raises SimulationFailed where a rule of AXI4 or of the shell is broken.
        """
        shell = self.shell
        words = [shell.signature[8 * k : 8 * k + 8] for k in range(4)]
        design = [int.from_bytes(bytes.fromhex(w), "little") for w in words]
        design += [shell.bands, shell.count_bytes, shell.frame_rows, shell.frame_columns, shell.frame_bytes]
        design += [RESULTS[shell.result], int(shell.banded), DATA_BYTES, round(clock_mhz * 1000)]
        design += [shell.spill_bytes]
        with (
            disk_errors(self.binary.parent),
            tempfile.TemporaryDirectory(prefix="run-", dir=self.binary.parent) as name,
        ):
            folder = Path(name).resolve()
            sizes = [self._describe(folder, k, job) for k, job in enumerate(jobs)]
            arguments = {
                **{n: folder / n for n in ("jobs", "out", "results")},
                "design": ",".join(map(str, design)),
                "seed": seed,
                "stalls": int(stalls),
                "latency": latency,
                "jitter": jitter,
                "refresh": int(refresh),
                "outstanding": outstanding,
                "patience": patience,
            }
            command = [str(self.binary.resolve()), *(f"--{k}={v}" for k, v in arguments.items())]
            process = processes.start(command, cwd=self.images)
            try:
                ((said, errors),) = processes.counted([process], "jobs", progress)
            finally:
                processes.end(process)
            self._check(folder, process.returncode, said, errors)
            out = np.fromfile(folder / "out", np.uint8)
            lines = (folder / "results").read_text(encoding="utf-8").splitlines()
        parts = np.split(out, np.cumsum(sizes)[:-1]) if sizes else []
        return [_outcome(part, json.loads(line)) for part, line in zip(parts, lines, strict=True)]

    def _describe(self, folder: Path, index: int, job: Job) -> int:
        """Writes a job's counts and its line; gives the bytes of its result."""
        shell = self.shell
        dtype = np.dtype(np.uint8 if shell.count_bytes == 1 else "<u2")
        if (
            job.cube.ndim != 3
            or job.cube.shape[2] != shell.bands
            or job.cube.dtype.itemsize != shell.count_bytes
        ):
            raise ValueError(
                f"a cube must be (rows, columns, {shell.bands}) of {dtype}, not {job.cube.shape} of {job.cube.dtype}"
            )
        rows, columns, _ = job.cube.shape
        path = folder / f"in{index}"
        path.write_bytes(laid_out(job.cube, job.layout))
        size = result_bytes(shell, rows, columns)
        right = {
            "FRAMES": shell.frames(rows, columns),
            "ROWS": rows,
            "COLUMNS": columns,
            **strides(shell, job.layout, rows, columns),
            **job.registers,
        }
        values: dict[str, object] = {
            "driver": int(job.driver),
            "layout": [*LAYOUTS].index(job.layout),
            "in": path,
            "bytes": job.cube.size * shell.count_bytes,
            "result": size,
            "skew": job.skew,
            "abort": job.abort,
            "misplaced": job.misplaced,
            "timeout": job.timeout,
            "read_error": job.read_error,
            "write_error": job.write_error,
            "code": 3 if job.decode else 2,
            "outside": int(job.outside),
            **{name.lower(): value for name, value in right.items()},
        }
        if job.accesses:
            values["accesses"] = ",".join(_access(*a) for a in job.accesses)
        with (folder / "jobs").open("a", encoding="utf-8") as f:
            f.write(" ".join(f"{k}={v}" for k, v in values.items()) + "\n")
        return size

    def _check(self, folder: Path, status: int, said: str, errors: str) -> None:
        if status == 0:
            return
        check_writing(folder, status, errors)
        line = next((s for s in reversed(errors.splitlines()) if s.strip()), f"status {status}")
        if status == 4:
            raise EnvironmentProblem(
                f"{folder}: simulation files must be readable and writable, not {line!r}"
            )
        if failed := re.search(r"Assertion failed in (\S+?):? ", said):
            line = f"{line}: not {failed[1]}"
        raise SimulationFailed(f"{TOP}: {line}; the board's shell is wrong, report it with the model")


def _access(address: int, value: int | None, strobes: int = 15) -> str:
    return f"{address}r" if value is None else f"{address}w{strobes}={value}"


def _outcome(result: NDArray[np.uint8], found: dict[str, Any]) -> Outcome:
    status, known = found["status"], constants()
    counters = ("cycles", "starved", "blocked", "frames_done", "first_frame", "frame_errors", "axi_errors")
    return Outcome(
        result=result,
        code=found["code"],
        message=found["message"],
        flags=frozenset(name for name, constant in _STATUS.items() if status & known[constant]),
        **{name: found[name] for name in counters},
        read=tuple(found["read"]),
        words=(found["words_read"], found["words_written"]),
        simulated=found["simulated"],
    )


def build(
    project: Path,
    sources: Sequence[Path],
    shell: Shell,
    *,
    images: Path,
    jobs: int = 2,
    asserts: bool = False,
    host: Path | None = None,
) -> BoardSimulator:
    """Compiles the shell, its network and the driver into `project`/verilator-board, unless that holds this already.

    With `asserts` the folder is verilator-board-assert.

    sources: SystemVerilog of the design and of `shell.write`
    images:  folder of all memory images
    jobs:    compilers at once
    asserts: whether the cells' assertions are checked; that costs speed
    host:    folder of r4.c, r4.h and r4_regs.h; default: those of rtl4ml

    Raises EnvironmentProblem where a tool is missing, SimulationFailed where something does not compile.
    """
    verilator, env = verilator_env()
    sim = Path(str(files("rtl4ml.sim")))
    host = host or Path(str(files("rtl4ml.boards") / "host"))
    flags = verilator_flags(asserts=asserts)
    copies = [
        *(sim / n for n in ("board.cpp", "board.h", "clocks.h", "dram.h", "random.h")),
        host / "r4.c",
        host / "r4.h",
        host / "r4_regs.h",
    ]
    driver = digest(host / "r4.c")
    folder = project / ("verilator-board-assert" if asserts else "verilator-board")
    rtl = [str(s.resolve()) for s in sources if s.suffix == ".sv"]
    commands = [
        ["gcc", *_C_FLAGS, "-c", "r4.c", "-o", "r4.o"],
        [str(verilator), *flags, "--top-module", TOP, "board.cpp", "r4.o", *rtl],
        ["make", f"-j{jobs}", "-f", "Vdut.mk", *OPTIMISATION],
    ]
    compile_once(
        folder,
        commands,
        env=env,
        sources=[*sources, *copies],
        top=TOP,
        kind="harness",  # Verilator's runtime is that of simulation.bulk: compiled once for both
        products=["Vdut"],
        copies=copies,
    )
    return BoardSimulator(shell, folder / "Vdut", images, driver)
