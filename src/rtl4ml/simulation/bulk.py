# SPDX-License-Identifier: Apache-2.0
"""Bulk simulation of an emitted top-level module: a C++ Verilator harness, frames in, frames out, cycles stamped.

Knows nothing of graphs: a folder of SystemVerilog becomes a `Simulator`, integers in containers go in and come out.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from rtl4ml import paces
from rtl4ml.device import Memory
from rtl4ml.errors import EnvironmentProblem, SimulationFailed
from rtl4ml.host import cache, processes
from rtl4ml.host.stamps import seal, sealed
from rtl4ml.host.tools import check_writing, disk_errors, verilator_env
from rtl4ml.ir.types import Ints

# -O3 and no trace: what bulk needs. x-initial: registers start with anything, so that only what reset sets may matter.
_VERILATOR_FLAGS = (
    "--cc",
    "--exe",
    "-O3",
    "--prefix",
    "Vdut",
    "--Mdir",
    ".",
    "--no-MMD",
    "--no-timing",
    "--threads",
    "1",
    "--x-assign",
    "fast",
    "--x-initial",
    "unique",
    "--output-split",
    "20000",
)
# What runs is hardly faster at -O3 (it waits for its own code more than for its sums), and compiles twice as long.
OPTIMISATION = ("OPT_FAST=-O1", "OPT_SLOW=-O0")
_STAMP = "built.key"
_LOG = "build.log"
_REPORT = "the emitted RTL is wrong, report it with the model"
PATIENCE = 1_000_000


@dataclass(frozen=True, eq=False)
class RunResult:
    """The result of a bulk run.

    ys:           integers (N, out_beats, out_lanes) of every output
    latency:      cycles from the first input beat taken to the last output beat of that frame, first frame after
                  reset: taken in cycle a and in cycle b, it is b - a. None under stalls or without frames.
    latencies:    the same of every output; latency is the greatest. Empty under stalls or without frames.
    interval:     cycles between the last output beats of consecutive frames, once steady (`paces.interval`): the exact
                  mean of a repetition. None under stalls or with fewer than three frames.
    intervals:    all of them (N - 1,) (fewer where several processes shared the frames), None under stalls
    ends:         of every process's share of the frames (M,), which begins with a reset: cycles from the first input
                  beat taken to each frame's last output beat; empty under stalls
    stamps:       (N, 2): the cycles in which each frame's first input beat was taken and its last output beat, from the
                  end of its process's reset
    cycles:       cycles simulated, the reset not counted, until the last output beat; summed over the processes
    fifos:        path of every r4_fifo and r4_spill below the top, to the greatest number of beats that it held
    dram_bytes:   bytes that spills wrote to memory and read from it, summed over the processes
    """

    ys: tuple[Ints, ...]
    latency: int | None
    interval: int | Fraction | None
    intervals: NDArray[np.int64] | None
    ends: tuple[NDArray[np.int64], ...]
    stamps: NDArray[np.int64]
    cycles: int
    fifos: Mapping[str, int]
    dram_bytes: int = 0
    latencies: tuple[int, ...] = ()

    @property
    def y(self) -> Ints:
        """Of the one output."""
        (only,) = self.ys
        return only


@dataclass(frozen=True)
class Frames:
    """What a frame of a stream is, as far as the simulator knows: beats, their lanes, the container of an element."""

    beats: int
    lanes: int
    container: DTypeLike

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self.container).newbyteorder("<")

    @property
    def bytes(self) -> int:
        """Of a beat."""
        return self.lanes * self.dtype.itemsize


@dataclass(frozen=True)
class Simulator:
    """A compiled top-level module, ready to run; made by `build`. memory: what is behind its spills, if it has any."""

    top: str
    binary: Path
    images: Path
    memory: Memory = field(default_factory=Memory)

    def run(
        self,
        frames: NDArray[np.integer[Any]],
        *,
        in_dtype: DTypeLike,
        out_beats: int,
        out_lanes: int,
        out_dtype: DTypeLike,
        stalls: Literal["none", "random"] = "none",
        seed: int = 0,
        processes: int = 1,
        patience: int = PATIENCE,
        progress: Callable[[int], None] | None = None,
    ) -> RunResult:
        """`run_all` of a module of one input and one output: integers (N, in_beats, in_lanes).

        `in_dtype` and `out_dtype` are the elements' containers (8, 16, 32 or 64 bits, signed or not).
        """
        if frames.ndim != 3:
            raise ValueError(f"frames must be (N, beats, lanes), not {frames.shape}")
        return self.run_all(
            [frames],
            [Frames(frames.shape[1], frames.shape[2], in_dtype)],
            [Frames(out_beats, out_lanes, out_dtype)],
            stalls=stalls,
            seed=seed,
            processes=processes,
            patience=patience,
            progress=progress,
        )

    def run_all(
        self,
        frames: Sequence[NDArray[np.integer[Any]]],
        into: Sequence[Frames],
        out: Sequence[Frames],
        *,
        stalls: Literal["none", "random"] = "none",
        seed: int = 0,
        processes: int = 1,
        patience: int = PATIENCE,
        progress: Callable[[int], None] | None = None,
    ) -> RunResult:
        """Runs integers (N, beats, lanes) of every input through the module, frame after frame without a gap.

        into, out: what the frames of its inputs and outputs are, in the order of its ports. `seed` fixes the
        whole pattern of the stalls and the registers' content before reset; equal seeds, frames and processes give
        equal runs. With several processes each takes a share of the frames, from reset. `progress` is called with the
        number of frames that are out. Nothing moving for `patience` cycles is a deadlock. Under stalls
        the memory pauses and answers after up to twice its latency (sim/dram.h).

        Raises SimulationFailed where the module breaks the protocol or stands still.
        """
        if stalls not in ("none", "random"):
            raise ValueError(f"stalls must be 'none' or 'random', not {stalls!r}")
        count = len(frames[0])
        if count == 0:
            ys = tuple(np.zeros((0, f.beats, f.lanes), np.int64) for f in out)
            return RunResult(ys, None, None, None, (), np.zeros((0, 2), np.int64), 0, {})
        shares = np.array_split(np.arange(count), max(1, min(processes, count // 4)))
        arguments = {
            **{f"in_beats{k}": f.beats for k, f in enumerate(into)},
            **{f"in_bytes{k}": f.bytes for k, f in enumerate(into)},
            **{f"out_beats{k}": f.beats for k, f in enumerate(out)},
            **{f"out_bytes{k}": f.bytes for k, f in enumerate(out)},
            "stalls": int(stalls == "random"),
            "patience": patience,
            "latency": self.memory.latency,
            "dram_bytes": self.memory.bytes,
        }
        with (
            disk_errors(self.binary.parent),
            tempfile.TemporaryDirectory(prefix="run-", dir=self.binary.parent) as name,
        ):
            jobs = []
            for k, share in enumerate(shares):
                folder = Path(name) / str(k)
                folder.mkdir()
                for n, (a, f) in enumerate(zip(frames, into, strict=True)):
                    a[share[0] : share[-1] + 1].astype(f.dtype).tofile(folder / f"in{n}")
                own = {**arguments, "frames": len(share), "seed": (seed * 2654435761 + k) % 2**64}
                jobs.append(_Job(self, folder, own, inputs=len(into), outputs=len(out)))
            _run_all(jobs, progress)
            ys = tuple(
                np.concatenate([j.read(f"out{n}", f.dtype) for j in jobs]).reshape(count, f.beats, f.lanes)
                for n, f in enumerate(out)
            )
            stamps = [
                j.read("stamps", np.dtype("<u8")).reshape(-1, 2 + len(out)).astype(np.int64) for j in jobs
            ]
            stats = [json.loads((j.folder / "stats").read_text(encoding="utf-8")) for j in jobs]
        errors, marked = sum(s["frame_errors"] for s in stats), int(sum(s[:, 1].sum() for s in stamps))
        if errors or marked:
            raise SimulationFailed(
                f"{self.top}: frames of the right length must not be counted or marked as wrong, not {errors} counted "
                f"and {marked} marked; {_REPORT}"
            )
        fifos = {path: max(s["fifos"][path] for s in stats) for path in stats[0]["fifos"]}
        latency = interval = intervals = None
        ends: tuple[NDArray[np.int64], ...] = ()
        latencies: tuple[int, ...] = ()
        last = [s[:, 2:].max(axis=1) for s in stamps]
        if stalls == "none":
            ends = tuple(e - s[0, 0] for e, s in zip(last, stamps, strict=True))
            latency, latencies = int(ends[0][0]), tuple((stamps[0][0, 2:] - stamps[0][0, 0]).tolist())
            gaps = [np.diff(e) for e in ends]
            intervals = np.concatenate(gaps)
            if count >= 3:
                interval = max(paces.interval(g) for g in gaps)
        return RunResult(
            ys=tuple(y.astype(np.int64) for y in ys),
            latency=latency,
            interval=interval,
            intervals=intervals,
            ends=ends,
            stamps=np.column_stack([np.concatenate(stamps)[:, 0], np.concatenate(last)]),
            cycles=sum(s["cycles"] for s in stats),
            fifos=fifos,
            dram_bytes=sum(s["dram_bytes"] for s in stats),
            latencies=latencies,
        )


class _Job:
    """One process of the harness on its share of the frames."""

    def __init__(
        self, simulator: Simulator, folder: Path, arguments: Mapping[str, int], *, inputs: int, outputs: int
    ) -> None:
        self.top = simulator.top
        self.folder = folder
        names = [*(f"in{k}" for k in range(inputs)), *(f"out{k}" for k in range(outputs)), "stamps", "stats"]
        paths = {n: str((folder / n).resolve()) for n in names}
        self.command = [str(simulator.binary.resolve())]
        self.command += [f"--{key}={value}" for key, value in {**paths, **arguments}.items()]
        self.images = simulator.images

    def read(self, name: str, dtype: np.dtype[Any]) -> NDArray[Any]:
        return np.fromfile(self.folder / name, dtype)

    def check(self, status: int, errors: str) -> None:
        """Raises SimulationFailed or EnvironmentProblem where the harness did not end well."""
        if status == 0:
            return
        check_writing(self.folder, status, errors)
        line = next((s for s in reversed(errors.splitlines()) if s.strip()), f"status {status}")
        if status == 4:
            raise EnvironmentProblem(
                f"{self.folder}: simulation files must be readable and writable, not {line!r}"
            )
        raise SimulationFailed(f"{self.top}: {line}; {_REPORT}")


def _run_all(jobs: Sequence[_Job], progress: Callable[[int], None] | None) -> None:
    """Runs the jobs side by side; whatever happens, none is left running."""
    running: list[subprocess.Popen[str]] = []
    try:
        for job in jobs:
            running.append(processes.start(job.command, cwd=job.images))
        said = processes.counted(running, "frames", progress)
        for job, process, (_, errors) in zip(jobs, running, said, strict=True):
            job.check(process.returncode, errors)
    finally:
        for process in running:
            processes.end(process)


@dataclass(frozen=True)
class Ports:
    """What the names of a module's AXI4-Stream ports begin with, and its counts of wrong frames.

    Ports(("s_axis_a", "s_axis_b"), ("m_axis",), ("frame_errors_a_o", "frame_errors_b_o")) has two inputs.
    """

    sources: tuple[str, ...] = ("s_axis",)
    sinks: tuple[str, ...] = ("m_axis",)
    errors: tuple[str, ...] = ("frame_errors_o",)

    @property
    def header(self) -> str:
        """edges.h of the harness."""
        lists = {"R4_SOURCES": self.sources, "R4_SINKS": self.sinks, "R4_ERRORS": self.errors}
        return "".join(f"#define {k}(X) {' '.join(f'X({n})' for n in names)}\n" for k, names in lists.items())


def build(
    project: Path,
    top: str,
    sources: Sequence[Path],
    *,
    images: Path | None = None,
    parameters: Mapping[str, int] | None = None,
    jobs: int = 2,
    asserts: bool = False,
    flags: Sequence[str] = (),
    ports: Ports | None = None,
) -> Simulator:
    """Compiles `top` with the C++ harness into `project`/verilator, unless that holds just this already.

    images:     folder that the names in the memory image parameters are relative to; default `project`
    parameters: of `top`, where it has any
    jobs:       compilers at once
    asserts:    whether the cells' assertions are checked; that costs speed
    flags:      what else Verilator is told
    ports:      its AXI4-Stream ports; default one s_axis and one m_axis

    Raises EnvironmentProblem where a tool is missing or the disk is full, SimulationFailed where the RTL does not
    compile.
    """
    verilator, env = verilator_env()
    told = [*verilator_flags(asserts=asserts), *flags]
    told += [f"-G{name}={value}" for name, value in (parameters or {}).items()]
    sim = Path(str(files("rtl4ml.sim")))
    harness = sim / "harness.cpp"
    copies = [harness, sim / "random.h", sim / "clocks.h", sim / "dram.h"]
    folder = project / "verilator"
    commands = [
        [str(verilator), *told, "--top-module", top, harness.name, *(str(s.resolve()) for s in sources)],
        ["make", f"-j{jobs}", "-f", "Vdut.mk", *OPTIMISATION],
    ]
    compile_once(
        folder,
        commands,
        env=env,
        sources=[*sources, *copies],
        top=top,
        kind="harness",
        products=["Vdut"],
        copies=copies,
        texts={"edges.h": (ports or Ports()).header},
    )
    return Simulator(top, folder / "Vdut", images or project)


def verilator_flags(*, asserts: bool) -> list[str]:
    """What Verilator is told for a simulation in bulk. asserts: whether the cells' assertions are checked."""
    return [*_VERILATOR_FLAGS, "--assert" if asserts else "--no-assert"]


def compile_once(
    folder: Path,
    commands: Sequence[Sequence[str]],
    *,
    env: Mapping[str, str],
    sources: Sequence[Path],
    top: str,
    kind: str,
    products: Sequence[str],
    copies: Sequence[Path] = (),
    texts: Mapping[str, str] | None = None,
) -> None:
    """Runs a Verilator build that leaves `products` in `folder`, unless the same one was finished there before.

    copies, texts: files that it needs beside it, as they are elsewhere or by name and content
    `kind` names the set of compiler flags: Verilator's own runtime is compiled once for each and kept in
    the cache. Interrupted builds leave no stamp and are done again, from scratch.
    """
    told = hashlib.sha256(json.dumps([version("verilator"), kind, *map(list, commands)]).encode())
    for source in sources:
        told.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    for name, text in (texts or {}).items():
        told.update(name.encode() + b"\0" + text.encode() + b"\0")
    key, stamp, made = told.hexdigest(), folder / _STAMP, [folder / product for product in products]
    if sealed(stamp, key, made):
        return
    with disk_errors(folder), tempfile.TemporaryDirectory(prefix="rtl4ml-") as elsewhere:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        blank = any(c.isspace() for c in str(folder.resolve()))
        work = Path(elsewhere) if blank else folder  # GNU make builds in no path with a blank
        for copy in copies:
            shutil.copy(copy, work)
        for name, text in (texts or {}).items():
            (work / name).write_text(text, encoding="ascii")
        runtime = runtime_name(kind, env, commands)
        objects = cache.read_files(runtime) or {}
        with (folder / _LOG).open("w", encoding="utf-8") as log:
            for command in commands:
                if command[0] == "make":
                    for name, content in objects.items():
                        # newer than all it depends on: make leaves it alone
                        (work / name).write_bytes(content)
                log.write(f"$ {' '.join(command)}\n")
                log.flush()
                run = processes.run(command, cwd=work, env=env, stdout=log, stderr=subprocess.STDOUT)
                if run.returncode != 0:
                    break
        if run.returncode != 0:
            _raise_build_error(folder, top, run.returncode)
        if not objects:
            cache.write_files(runtime, runtime_objects(work))
        if blank:
            for product in products:
                shutil.copy(work / product, folder)
        seal(stamp, key, made)


def _raise_build_error(folder: Path, top: str, status: int) -> None:
    text = (folder / _LOG).read_text(encoding="utf-8", errors="replace")
    check_writing(folder, status, text)
    found = re.search(
        r"^(?:%Error|%Warning|.*\berror: |.*undefined reference|make: \*\*\*).*$", text, re.MULTILINE
    )
    line = found[0].strip() if found else "no message"
    raise SimulationFailed(f"{top}: Verilator must compile it, not stop with {line!r}; see {folder / _LOG}")


def runtime_name(kind: str, env: Mapping[str, str], commands: Sequence[Sequence[str]]) -> str:
    """The cache's name of Verilator's compiled runtime, by all that its objects depend on."""
    compiler = subprocess.run(
        ["g++", "-dumpfullversion", "-dumpmachine"], env=env, capture_output=True, text=True, check=False
    )
    parts = [version("verilator"), compiler.stdout, kind, env.get("MAKEFLAGS"), env.get("CXXFLAGS"), os.name]
    parts += [a for c in commands if c[0] == "make" for a in c if "=" in a]
    digest = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
    return f"runtime-{digest}"


def runtime_objects(folder: Path) -> dict[str, bytes]:
    """Name to content of the objects of Verilator's runtime that a build has left."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("verilated*.o"))}
