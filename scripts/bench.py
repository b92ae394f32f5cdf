# SPDX-License-Identifier: Apache-2.0
"""The student's speed in one run: emulation against QKeras and the C simulation, RTL, time to verified RTL.

    python scripts/bench.py [--data FOLDER] [--samples N] [--repeat R]

Figures are medians of R repetitions; quote the ratios, single times depend on the machine.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.table import Table


def median_seconds(f: Callable[[], Any], repeat: int) -> float:
    """Median wall-clock time of calls of f, after one that is not counted."""
    f()
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        f()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


@click.command(help=__doc__)
@click.option("--data", type=click.Path(path_type=Path), help="Folder of the scenes; default RTL4ML_DATA.")
@click.option("--samples", type=int, default=13908, show_default=True, help="Pixels at most.")
@click.option("--repeat", type=int, default=3, show_default=True)
def main(data: Path | None, samples: int, repeat: int) -> None:
    import rtl4ml
    from rtl4ml import data as scenes
    from rtl4ml import train
    from rtl4ml.expected import predict

    scene = scenes.load_or_synthetic("salinas_crop", data=data)
    name = train.student_for(scene)
    x = train.read_recipe(name).inputs(scene.spectra)[:samples]
    n = len(x)
    with tempfile.TemporaryDirectory(prefix="rtl4ml_bench_") as tmp:
        start = time.perf_counter()
        design = rtl4ml.convert(
            train.student_path(name), out=Path(tmp) / "design", target_interval=scene.bands
        )
        design.emulate(x)
        run = design.simulate(x)
        verified = time.perf_counter() - start
        assert design.exactness["rtl"].mismatches == 0, "the RTL must be exact to be timed"

        ints = design.parsed.quantize_input(x)
        real = design.parsed.input.real(ints)
        emulate = median_seconds(lambda: design.parsed.emulate(x), repeat)
        qkeras = median_seconds(lambda: predict(design.parsed.model, x), repeat)
        csim = median_seconds(lambda: design.hls.csim(real), repeat)
        rtl = median_seconds(lambda: design.simulate(x), repeat)

    table = Table(title=f"{name}, {n:,} {'synthetic ' if scene.synthetic else ''}pixels, median of {repeat}")
    for column in ("", "seconds", "samples/s", "emulate is"):
        table.add_column(column, justify="left" if not column else "right")
    for what, seconds in (
        ("emulate", emulate),
        ("QKeras predict", qkeras),
        ("C simulation (hls4ml, g++)", csim),
    ):
        table.add_row(what, f"{seconds:.3f}", f"{n / seconds:,.0f}", f"{seconds / emulate:.1f} x as fast")
    table.add_row("RTL simulation (Verilator)", f"{rtl:.3f}", f"{n / rtl:,.0f}", "")
    console = Console()
    console.print(table)
    console.print(f"RTL simulation: {run.cycles / rtl:,.0f} cycles/s ({run.cycles:,} cycles)")
    console.print(f"From model to verified RTL, all pixels: {verified:.1f} s")
    console.print(f"Peak memory: {_peak_mib():,.0f} MiB in this process")


def _peak_mib() -> float:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    np.seterr(all="raise", under="ignore")
    main()
