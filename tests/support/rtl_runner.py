# SPDX-License-Identifier: Apache-2.0
"""Runs the cocotb bench of a cell from a test: builds once by parameters in build/cells, and keeps the build.

runs = rtl_runner.run_cell("r4_fifo", parameters={"Depth": 4}, runs=[rtl_runner.run({"x": beats}, {"y": beats})])
assert runs[0].cycles["y"][0] - runs[0].cycles["x"][0] == 1
"""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rtl4ml.simulation.protocol import BenchResult, run_bench

ROOT = Path(__file__).resolve().parents[2]
RTL = ROOT / "rtl"
BUILD = ROOT / "build" / "cells"


@dataclass(frozen=True)
class Measured:
    """Beats of every output; cycle of every beat taken, of every port. Cycle 0 is the first after reset."""

    beats: Mapping[str, list[int]]
    cycles: Mapping[str, list[int]]


def run(
    inputs: Mapping[str, Iterable[int]],
    outputs: Mapping[str, Iterable[int] | int],
    *,
    stalls: int | None = None,
    patience: int = 10_000,
) -> dict[str, Any]:
    """A run from reset: the beats of every input, the beats (or just their number) expected of every output.

    `stalls` is a seed, or None for a run without stalls. Beats are taken as sim/streams.py says.
    """
    return {
        "inputs": {p: [int(b) for b in beats] for p, beats in inputs.items()},
        "outputs": {p: e if isinstance(e, int) else [int(b) for b in e] for p, e in outputs.items()},
        "stalls": stalls,
        "patience": patience,
    }


def run_cell(
    module: str,
    *,
    parameters: Mapping[str, int | str],
    runs: Sequence[Mapping[str, Any]],
    images: Mapping[str, str] | None = None,
    bench: str | None = None,
    sources: Sequence[Path] = (),
) -> list[Measured]:
    """Runs the tests of the cell's bench (sim/tb_<x>.py of r4_<x>, or `bench`) and fails where one of them does.

    images:  memory images, file name to text; parameters name them
    sources: SystemVerilog beyond the cell and what it instantiates
    """
    result = run_case(
        bench or f"rtl4ml.sim.{module.replace('r4_', 'tb_', 1)}",
        top=module,
        parameters=parameters,
        case={"runs": list(runs)},
        images=images,
        sources=[*closure(RTL / f"{module}.sv"), *sources],
    )
    failed = {name: text for name, text in result.failures.items() if text is not None}
    assert result.passed, f"{module} {dict(parameters)}: {failed}"
    return [Measured(r["beats"], r["cycles"]) for r in result.measured]


def run_case(
    bench: str,
    *,
    top: str,
    case: Any,
    parameters: Mapping[str, int | str] | None = None,
    images: Mapping[str, str] | None = None,
    sources: Sequence[Path],
    tests: Sequence[str] = (),
    seed: int = 0,
) -> BenchResult:
    """Any bench on any module; the result is not looked at."""
    name = f"{top}-{digest([dict(parameters or {}), [str(s) for s in sources]])}"
    with _alone(BUILD / f"{name}.lock"):
        memory = BUILD / name / f"mem-{digest(dict(images))}" if images else None
        if memory is not None and images is not None:
            memory.mkdir(parents=True, exist_ok=True)
            for file, text in images.items():
                (memory / file).write_text(text, encoding="ascii")
        return run_bench(
            bench,
            top=top,
            sources=sources,
            folder=BUILD / name / "build",
            case=case,
            parameters=parameters,
            tests=tests,
            images=memory,
            seed=seed,
        )


def closure(source: Path) -> list[Path]:
    """The cell and all cells that it instantiates, by the library's own reading."""
    from rtl4ml.emit.library import modules

    return [RTL / f"{m}.sv" for m in modules({source.stem})]


def digest(value: Any) -> str:
    """A short name for anything that JSON can hold."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Only one test process at a time builds and runs the same thing."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        yield
