# SPDX-License-Identifier: Apache-2.0
"""An hls4ml project on disk: compiled, run, checked."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml.bridge.builder import HlsLayer
from rtl4ml.bridge.vectors import write_vectors
from rtl4ml.errors import BadInput, EnvironmentProblem, HlsCannot
from rtl4ml.host import processes
from rtl4ml.host.stamps import seal, sealed
from rtl4ml.host.tools import absolute, check_writing, disk_errors, require
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.several import of_each, one_or_all
from rtl4ml.ir.types import Stream


@dataclass(frozen=True, eq=False)
class HlsProject:
    """A written project.

    folder: hls4ml's output folder: firmware/, build_prj.tcl and project.tcl for Vitis HLS, build_lib.sh
    top:    name of the top function
    """

    folder: Path
    top: str
    graph: Graph
    layers: tuple[HlsLayer, ...]

    def __repr__(self) -> str:
        return f"<HlsProject {self.top}: {len(self.layers)} layers, {self.folder}>"

    @property
    def program(self) -> Path:
        """The compiled C simulation."""
        return self.folder / "csim"

    def moved(self, folder: Path) -> HlsProject:
        """The same project after its folder was renamed."""
        return HlsProject(folder, self.top, self.graph, self.layers)

    def compile(self) -> Path:
        """Compiles the C simulation with g++ -O3, once; the program. Raises EnvironmentProblem without g++.

        The samples of hls4ml's own test bench that were not written with the project are written now.

        hls4ml's build_lib.sh stays as hls4ml wrote it; this drives the compiler with the same flags, for a program
        that runs in several processes and whose errors are seen.
        """
        with disk_errors(self.folder):
            write_vectors(self.graph, self.folder)
        stamp = self.folder / "csim.key"
        if sealed(stamp, "", [self.program]):
            return self.program
        # As one file: compiled apart, each would read the headers of ap_types and nnet_utils again, for 3 s.
        before = (f"firmware/{self.top}.cpp", f"{self.top}_bridge.cpp")
        compile_program(self.folder, ["csim_main.cpp"], self.program, before=before)
        seal(stamp, "", [self.program])
        return self.program

    def csim(
        self,
        x: Any,
        *,
        processes: int | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Any:
        """Real values on the input's grid (N, *input shape) through the C simulation; real values (N, *output shape).

        Of several inputs they are a list of arrays, and of several outputs so is the result.
        The samples are shared out over `processes` (as many as there are CPUs). `progress` is called now and then with
        the number of samples that are out. Raises BadInput for a wrong shape or
        values off the grid, EnvironmentProblem without g++, HlsCannot where the program complains.
        """
        given, sinks = of_each(x), self.graph.outputs
        for s, a in zip(self.graph.inputs, given, strict=True):
            _check(s, a)
        count = len(given[0])
        if count == 0:
            return one_or_all([np.zeros((0, *s.shape)) for s in sinks])
        self.compile()
        with disk_errors(tempfile.gettempdir()), tempfile.TemporaryDirectory(prefix="rtl4ml-csim-") as tmp:
            folder = Path(tmp)
            together = np.concatenate([a.astype(np.float64).reshape(count, -1) for a in given], axis=1)
            together.tofile(folder / "x")
            parts = self._run(folder, count, processes or len(os.sched_getaffinity(0)), progress)
            y = np.concatenate([np.fromfile(p, np.float64) for p in parts])
        sizes = [s.elements for s in sinks]
        if y.size != count * sum(sizes):
            raise HlsCannot(
                f"{self.graph.name}: the C simulation must give {count * sum(sizes)} results, not {y.size}; "
                f"report it with the model"
            )
        made = np.split(y.reshape(count, -1), np.cumsum(sizes)[:-1], axis=1)
        return one_or_all([a.reshape(count, *s.shape) for a, s in zip(made, sinks, strict=True)])

    def _run(
        self, folder: Path, count: int, shares: int, progress: Callable[[int], None] | None
    ) -> list[Path]:
        """Runs the program on shares of the samples at the same time; the files of results in order."""
        share = -(-count // max(1, min(shares, count)))
        started: list[tuple[subprocess.Popen[str], Path]] = []
        program = str(self.program.resolve())
        try:
            for first in range(0, count, share):
                to = folder / f"y{first}"
                args = [program, str(folder / "x"), str(to), str(first), str(min(share, count - first))]
                started.append((processes.start(args, cwd=self.folder, stderr=subprocess.STDOUT), to))
            all_said = processes.counted([process for process, _ in started], "samples", progress)
            for (process, _), (said, _) in zip(started, all_said, strict=True):
                if process.returncode or said.strip():
                    check_writing(folder, process.returncode, said)
                    line = (said.strip().splitlines() or [f"exit status {process.returncode}"])[0]
                    raise HlsCannot(
                        f"{self.graph.name}: the C simulation must run silently, not say {line!r}"
                    )
        finally:
            for process, _ in started:
                processes.end(process)
        return [to for _, to in started]


def compile_program(
    folder: Path, sources: Sequence[str], program: Path, *, before: Sequence[str] = (), level: str = "-O3"
) -> None:
    """Compiles sources beside a folder's firmware/ with the flags of hls4ml's script.

    sources: as seen from the folder; before: what is included before each of them; level: of optimization

    Raises EnvironmentProblem without g++ or where it fails.
    """
    gxx = str(require("g++"))
    part = absolute(program).with_suffix(".part")
    command = [
        gxx,
        level,
        f"-std={_standard(gxx)}",
        "-w",
        "-Ifirmware/ap_types",
        '-DWEIGHTS_DIR="firmware/weights"',
    ]
    command += [*(f"-include{source}" for source in before), *sources, "-o", str(part)]
    done = processes.run(command, cwd=folder)
    if done.returncode:
        check_writing(folder, done.returncode, done.stderr)
        errors = [
            line for line in done.stderr.splitlines() if "error" in line.lower() or "fatal" in line.lower()
        ]
        first = (errors or done.stderr.splitlines() or [f"exit status {done.returncode}"])[0].strip()
        raise EnvironmentProblem(
            f"g++: must compile the C simulation in {folder}, not fail with {first!r}; "
            f"check the compiler and the space in its temporary folder"
        )
    part.replace(program)


def _check(s: Stream, x: NDArray[np.floating]) -> None:
    """Raises BadInput for what the input quantizer cannot have made."""
    if x.shape[1:] != s.shape:
        raise BadInput(
            f"{s.name}: the input must have shape (N, {', '.join(map(str, s.shape))}), not {x.shape}; reshape it"
        )
    steps = np.ldexp(x.astype(np.float64), s.type.fraction)
    bad = ~((np.rint(steps) == steps) & (steps >= s.lo) & (steps <= s.hi))
    if bad.any():
        lo, hi = (np.ldexp(float(v), -s.type.fraction) for v in (s.lo, s.hi))
        raise BadInput(
            f"{s.name}: values must be multiples of 2^{-s.type.fraction} from {lo} to {hi}, not {x[bad][0]}; "
            f"quantize them first"
        )


def _standard(gxx: str) -> str:
    """The C++ standard that hls4ml's build_lib.sh picks for this compiler."""
    probe = [gxx, "-Werror", "-fsyntax-only", "-std=c++23", "-xc++", "-", "-o", os.devnull]
    done = subprocess.run(probe, input="", capture_output=True, text=True, check=False)
    return "c++23" if done.returncode == 0 else "c++11"
