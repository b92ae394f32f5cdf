# SPDX-License-Identifier: Apache-2.0
"""What converting the U-Net students takes: time, memory, and what comes out, each in a process of its own.

    python scripts/bench_convert.py [--student N]... [--size N]... [--bits N] [--target-interval N]

Weights and biases are random, uniform over the whole range of their quantizers, so that all of their bits are used
and no layer comes out cheaper than a trained one (as powers of two, or ternary). Designs that do not fit the device
are made all the same; the table says what is too much.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.table import Table


def spread(model: Any, rng: np.random.Generator) -> Any:
    """The model with weights drawn uniformly from all that their quantized_bits tell apart.

    QKeras rounds a weight before it multiplies by alpha, so the range to draw from does not depend on alpha.
    """
    for layer in model.layers:
        if not layer.weights:
            continue
        drawn = []
        for quantizer, w in zip(layer.get_quantizers(), layer.get_weights(), strict=True):
            reach = 2.0 ** float(quantizer.integer)
            drawn.append(rng.uniform(-reach, reach, w.shape))
        layer.set_weights(drawn)
    return model


def homes(skips: tuple[str, ...]) -> Any:
    """The argument `skips` of `convert`. skips: JOIN=HOME each; or one home for all, such as "auto"."""
    if len(skips) == 1 and "=" not in skips[0]:
        return skips[0]
    return dict(each.split("=") for each in skips)


def figures(given: tuple[str, ...]) -> dict[str, float] | None:
    """By resource what was given for it as RESOURCE=FIGURE; None: nothing was."""
    return {k: float(v) for k, v in (each.split("=") for each in given)} or None


def one(
    student: int,
    size: int,
    bits: int,
    target: int | None,
    *,
    pumped: bool,
    skips: tuple[str, ...],
    budget: tuple[str, ...],
    prices: tuple[str, ...],
) -> dict[str, Any]:
    """Converts one student in this process.

    skips: JOIN=HOME, or one home for all; budget: RESOURCE=SHARE; prices: RESOURCE=PRICE
    """
    import rtl4ml
    from rtl4ml.models import unet

    model = unet.build(
        widths=unet.STUDENTS[student], size=(size, size), weight_bits=bits, activation_bits=bits
    )
    spread(model, np.random.default_rng(7))
    start, cpu = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory(prefix="rtl4ml_bench_") as tmp:
        design = rtl4ml.convert(
            model,
            out=Path(tmp) / "design",
            target_interval=target,
            fit=bool(budget),
            budget=figures(budget),
            prices=figures(prices),
            pumped=pumped,
            skips=homes(skips),
        )
        found = {"wall": time.perf_counter() - start, "cpu": time.process_time() - cpu}
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        found["cpu"] += children.ru_utime + children.ru_stime
        found["mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        report = design.report()
    uses = report["resources"]
    shares = {k: uses["model"][k] / v for k, v in uses["available"].items()}
    moved = report.get("skips", {"homes": []})["homes"]
    found["homes"] = [f"{s['join']}={s['home']}" for s in moved if s["home"] != "bram"]
    return found | {"interval": report["cycles"]["interval"]["model"], "shares": shares}


@click.command(help=__doc__)
@click.option("--student", "students", type=int, multiple=True, default=(4, 3, 2, 1), show_default=True)
@click.option("--size", "sizes", type=int, multiple=True, default=(128, 256, 512, 768), show_default=True)
@click.option("--bits", type=int, default=8, show_default=True, help="Of weights and activations.")
@click.option("--target-interval", type=int, help="Cycles; default what the device allows.")
@click.option("--pumped", is_flag=True, help="DSP slices at twice the clock.")
@click.option("--skips", multiple=True, help="Home of a join's skip, such as up1_concat=dram; or auto.")
@click.option("--budget", multiple=True, help="Share of a resource, such as bram36=0.7; then it must fit.")
@click.option("--prices", multiple=True, help="Price of a resource, such as bram36=1.")
@click.option("--only", hidden=True, is_flag=True, help="Convert here, print JSON.")
def main(
    students: tuple[int, ...],
    sizes: tuple[int, ...],
    bits: int,
    target_interval: int | None,
    pumped: bool,
    skips: tuple[str, ...],
    budget: tuple[str, ...],
    prices: tuple[str, ...],
    only: bool,
) -> None:
    if only:
        options: dict[str, Any] = {"pumped": pumped, "skips": skips, "budget": budget, "prices": prices}
        print(json.dumps(one(students[0], sizes[0], bits, target_interval, **options)))
        return
    pace = f"interval {target_interval or 'as the device allows'}"
    table = Table(title=f"convert, {bits} bits, {pace}, weights uniform over their quantizers' range")
    for column in (
        "student",
        "frame",
        "wall, s",
        "CPU, s",
        "MiB",
        "interval",
        "LUT",
        "FF",
        "DSP48E2",
        "RAMB36",
        "skips",
    ):
        table.add_column(column, justify="right")
    for student in students:
        for size in sizes:
            arguments = ["--student", student, "--size", size, "--bits", bits, "--only"]
            if target_interval:
                arguments += ["--target-interval", target_interval]
            if pumped:
                arguments += ["--pumped"]
            arguments += [a for each in skips for a in ("--skips", each)]
            arguments += [a for share in budget for a in ("--budget", share)]
            arguments += [a for price in prices for a in ("--prices", price)]
            done = subprocess.run(
                [sys.executable, __file__, *map(str, arguments)], capture_output=True, text=True, check=False
            )
            if done.returncode:
                table.add_row(
                    str(student), str(size), (done.stderr.strip().splitlines() or ["failed"])[-1][:60]
                )
                continue
            r = json.loads(done.stdout.splitlines()[-1])
            numbers = (f"{r['wall']:.0f}", f"{r['cpu']:.0f}", f"{r['mib']:,.0f}", f"{r['interval']:,}")
            table.add_row(
                str(student),
                str(size),
                *numbers,
                *(f"{100 * s:.0f} %" for s in r["shares"].values()),
                ", ".join(r["homes"]),
            )
            print(*table.columns and (student, size, *numbers), file=sys.stderr)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
