# SPDX-License-Identifier: Apache-2.0
"""Networks of the shapes that hls4ml and FINN are shown with, as hardware: the table of docs/published.md.

    python scripts/published.py [NAME ...] [--yosys] [--samples N]

Every network of tests/support/published_nets.py is converted for the ZCU102's device at its interval, emulated, run as
C++ by hls4ml and simulated on N random samples, with and without stalls; every value is compared with QKeras. With
--yosys its cells are counted. The rows are printed as Markdown.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

from contract import samples
from published_nets import NETWORKS, Published

import rtl4ml
from rtl4ml.frontends.qkeras.reference import expected

KINDS = ("lut", "ff", "dsp", "bram36")
HEAD = (
    "network",
    "theirs, cycles a sample",
    "interval",
    "latency",
    "LUT / FF / DSP48E2 / RAMB36, model",
    "Yosys",
    "differ",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(NETWORKS)}")
    parser.add_argument("--samples", type=int, default=12)
    parser.add_argument("--yosys", action="store_true", help="count the cells, which takes minutes")
    options = parser.parse_args()
    print(f"| {' | '.join(HEAD)} |\n|{' --- |' * len(HEAD)}", flush=True)
    for name in options.names or NETWORKS:
        with tempfile.TemporaryDirectory() as folder:
            print(row(name, NETWORKS[name], Path(folder), options.samples, yosys=options.yosys), flush=True)


def row(name: str, network: Published, folder: Path, count: int, *, yosys: bool) -> str:
    design = rtl4ml.convert(
        network.build(),
        out=folder / name,
        target_interval=network.target_interval,
        input_precision=network.input_precision,
    )
    x = samples(design, count, np.random.default_rng(0))
    want = expected(design.parsed, x)[0]
    run = design.simulate(x)
    runs = {
        "emulate": design.emulate(x),
        "csim": design.csim(x),
        "rtl": run.y,
        "stalled": design.simulate(x, stalls="random").y,
    }
    differ = sum(int(np.count_nonzero(y != want)) for y in runs.values())
    if yosys:
        design.synthesize()
    report = design.report()
    assert run.interval == design.cycles.interval, (
        f"{name}: {run.interval} cycles, {design.cycles.interval} predicted"
    )
    theirs = f"{network.theirs}: {network.cycles:,.0f}" if network.cycles else ""
    cells = (
        name,
        theirs,
        f"{run.interval:,}",
        f"{run.latency:,}",
        resources(report["resources"]["model"]),
        resources(report["resources"]["yosys"]) if yosys else "",
        f"{differ} of {len(runs) * want.size:,}",
    )
    return f"| {' | '.join(cells)} |"


def resources(found: Any) -> str:
    return " / ".join(f"{found[k]:,g}" if k == "bram36" else f"{found[k]:,.0f}" for k in KINDS)


if __name__ == "__main__":
    main()
