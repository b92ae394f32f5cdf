# SPDX-License-Identifier: Apache-2.0
"""Speed in one run: emulation against QKeras and the C simulation, RTL, time to verified RTL.

    python scripts/bench.py [--data FOLDER] [--samples N] [--repeat R] [--designs]

The Salinas student, and the U-Net student for ships with random images; --designs adds the ten networks of
tests/support/designs.py, with random weights. What is compared is timed in turn, R times; figures are medians. Both
sides take as many threads as they do by themselves. "model.predict" is Keras's own, called before ("warm"), in
batches of 32 (its default) and of 1,024 samples (8 images); "reference" is what rtl4ml compares with, which builds a
new model at every call. Quote the ratios: single times depend on the machine.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.table import Table


def medians(what: dict[str, Callable[[], Any]], repeat: int) -> dict[str, float]:
    """Median wall-clock times, taken in turn, so that a busy hour hits all alike; first calls are not counted."""
    for f in what.values():
        f()
    times: dict[str, list[float]] = {name: [] for name in what}
    for _ in range(repeat):
        for name, f in what.items():
            start = time.perf_counter()
            f()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(t) for name, t in times.items()}


def against_predict(parsed: Any, x: Any, *, large: int = 1024) -> dict[str, Callable[[], Any]]:
    """Emulation and what QKeras itself takes."""
    from rtl4ml.frontends.qkeras.reference import predict

    model = parsed.model
    return {
        "emulate": lambda: parsed.emulate(x),
        "model.predict, warm, batches of 32": lambda: model.predict(x, verbose=0),
        f"model.predict, warm, batches of {large:,}": lambda: model.predict(x, batch_size=large, verbose=0),
        "reference": lambda: predict(model, x),
    }


def shown(console: Console, title: str, samples: int, seconds: dict[str, float]) -> None:
    """A table of times and how many times as fast emulation is."""
    table = Table(title=f"{title}, {samples:,} samples")
    for column in ("", "seconds", "samples/s", "emulate is"):
        table.add_column(column, justify="left" if not column else "right")
    for what, t in seconds.items():
        ratio = f"{t / seconds['emulate']:.1f} x as fast"
        table.add_row(what, f"{t:.3f}", f"{samples / t:,.0f}", ratio)
    console.print(table)


def bench_designs(console: Console, repeat: int) -> None:
    """The networks on which predictions are held against counts."""
    tests = str(Path(__file__).parents[1] / "tests" / "support")
    if tests not in sys.path:
        sys.path.append(tests)
    from contract import randomize, samples
    from designs import DESIGNS

    from rtl4ml.frontends.qkeras.importer import parse

    for name, (build, _) in DESIGNS.items():
        rng = np.random.default_rng(0)
        parsed = parse(randomize(build(), rng))
        x = samples(parsed, 8192, rng)
        shown(console, f"{name}, weights of N(0, 0.6)", len(x), medians(against_predict(parsed, x), repeat))


@click.command(help=__doc__)
@click.option("--data", type=click.Path(path_type=Path), help="Folder of the scenes; default RTL4ML_DATA.")
@click.option("--samples", type=int, default=13908, show_default=True, help="Pixels at most.")
@click.option("--repeat", type=int, default=5, show_default=True)
@click.option("--designs", is_flag=True, help="The networks of tests/support/designs.py, too.")
def main(data: Path | None, samples: int, repeat: int, designs: bool) -> None:
    import rtl4ml
    from rtl4ml.data import catalog as scenes
    from rtl4ml.frontends.qkeras.importer import parse
    from rtl4ml.frontends.qkeras.load import load
    from rtl4ml.training.classification import recipe, students

    console = Console()
    scene = scenes.load_or_synthetic("salinas_crop", data=data)
    name = students.student_for(scene)
    x = recipe.read_recipe(name).inputs(scene.spectra)[:samples]
    n = len(x)
    with tempfile.TemporaryDirectory(prefix="rtl4ml_bench_") as tmp:
        start = time.perf_counter()
        design = rtl4ml.convert(
            students.student_path(name), out=Path(tmp) / "design", target_interval=scene.bands
        )
        design.emulate(x)
        run = design.simulate(x)
        verified = time.perf_counter() - start
        assert design.exactness["rtl"].mismatches == 0, "the RTL must be exact to be timed"

        ints = design.parsed.quantize_input(x)
        real = design.parsed.input.real(ints)
        what = against_predict(design.parsed, x) | {
            "C simulation (hls4ml, g++)": lambda: design.hls.csim(real)
        }
        seconds = medians(what, repeat)
        rtl = medians({"rtl": lambda: design.simulate(x)}, repeat)["rtl"]
    shown(console, f"{name}{', synthetic scene' if scene.synthetic else ''}", n, seconds)
    console.print(f"RTL simulation: {run.cycles / rtl:,.0f} cycles/s ({run.cycles:,} cycles)")
    console.print(f"From model to verified RTL, all pixels: {verified:.1f} s")
    with as_file(files("rtl4ml.models").joinpath("sen2ships_unet.keras")) as path:
        ships = parse(load(path))
    images = np.random.default_rng(0).random((32, *ships.input.shape)).astype(np.float32)
    shown(
        console, "sen2ships_unet, random images", 32, medians(against_predict(ships, images, large=8), repeat)
    )
    if designs:
        bench_designs(console, repeat)
    console.print(f"Peak memory: {_peak_mib():,.0f} MiB in this process")


def _peak_mib() -> float:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    np.seterr(all="raise", under="ignore")
    main()
