# SPDX-License-Identifier: Apache-2.0
"""Proofs that a design computes what its model computes: their samples, their steps, their verdict."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
from numpy.typing import NDArray

from rtl4ml.cli.outcome import ProofFailed
from rtl4ml.cli.show import Report, step
from rtl4ml.data.samples import MOST_BYTES, NAMES, array_names, read_samples
from rtl4ml.errors import BadInput, HlsCannot
from rtl4ml.ir.several import of_each, one_or_all
from rtl4ml.report.extras import Extras
from rtl4ml.report.pictures import looks

STALLED_SAMPLES = 64  # a stalled run costs several times an unstalled one and needs few samples to fail


class Given(NamedTuple):
    """A file of samples, and those of its array x: None where it has others, of a model of several inputs.

    Given(Path("x.npy"), x) with x of shape (24, 64, 8): 24 samples of a model of one input.
    """

    path: Path
    x: NDArray[Any] | None


def given_samples(data: Path | None, samples: int) -> Given | None:
    """The samples of a file, read before a conversion that may take minutes; None without a file."""
    if data is None:
        return None
    names = array_names(data)
    several = len(names) > 1 and not {*NAMES} & {*names}
    return Given(data, None if several else read_samples(data, samples))


def samples_for(design: Any, given: Given | None, samples: int, seed: int) -> Any:
    """The samples of a file, or random ones; a list for several inputs, of which a .npz file has an array each.

    Raises BadData where the file lacks one, BadInput where it has no names or other numbers of samples of each.
    """
    inputs = [s.name for s in design.graph.inputs]
    if given is None:
        return random_samples(design, samples, seed)
    if len(inputs) == 1:
        return read_samples(given.path, samples) if given.x is None else given.x
    if not array_names(given.path):
        arrays = ", ".join(
            f"{name}=..." if name.isidentifier() else f'**{{"{name}": ...}}' for name in inputs
        )
        raise BadInput(
            f"--data: must be a .npz file with an array for each input of the model ({', '.join(inputs)}), not one "
            f"array; write np.savez(path, {arrays})"
        )
    read = [read_samples(given.path, samples, names=(name,)) for name in inputs]
    if len({len(a) for a in read}) > 1:
        found = ", ".join(f"{len(a):,} of {name}" for a, name in zip(read, inputs, strict=True))
        raise BadInput(f"--data: must have as many samples of each input, not {found}; give as many of each")
    return read


def random_samples(design: Any, samples: int, seed: int) -> Any:
    """Random samples (N, ...) that reach a little beyond the range of the input; a list for several inputs."""
    shapes = design.parsed.shapes
    if (wanted := samples * 8 * sum(map(prod, shapes))) > MOST_BYTES:
        raise BadInput(
            f"--samples: the samples must fit {MOST_BYTES:,} bytes, not take {wanted:,}; give fewer"
        )
    design.sample_seed = seed
    rng = np.random.default_rng(seed)
    made = []
    for s, shape in zip(design.graph.inputs, shapes, strict=True):
        lo, hi = (s.lo - 2) * s.type.step, (s.hi + 2) * s.type.step
        made.append(rng.uniform(lo, hi, (samples, *shape)).astype(np.float32))
    return one_or_all(made)


def prove(design: Any, x: Any, *, seed: int, netlist: bool = False) -> Any:
    """Emulation, C simulation and RTL simulation of x, a part of it under random stalls; what the RTL makes of x.

    netlist: whether the netlist after synthesis is simulated too, on as many samples
    """
    each = of_each(x)
    few, count = one_or_all([a[:STALLED_SAMPLES] for a in each]), len(each[0])
    with step(f"emulate {count:,} samples"):
        design.emulate(x)
    with step(f"C simulation of the HLS project, {count:,} samples") as tell:
        try:
            design.csim(x, progress=tell)
        except HlsCannot as error:  # the report says so too; the rest of the flow goes on
            for text in error.texts:
                click.echo(f"no C simulation: {text}", err=True)
    with step(f"RTL simulation, {count:,} samples") as tell:
        run = design.simulate(x, progress=tell)
    with step(f"RTL simulation under random stalls, {min(count, STALLED_SAMPLES):,} samples") as tell:
        design.simulate(few, stalls="random", seed=seed, progress=tell)
    if netlist:
        with step(f"netlist of the ECP5's primitives by Yosys, simulation of {count:,} samples") as tell:
            design.simulate_netlist(x, progress=tell)
        with step(f"simulation of the netlist under random stalls, {count:,} samples") as tell:
            design.simulate_netlist(x, stalls="random", seed=seed, progress=tell)
    return run.y


def proven_report(design: Any, data: Path | None, x: Any, y: Any) -> Report:
    """The report, with frames of the data under the masks that the hardware made; noise is not worth a look."""
    shown = None if data is None else looks(design.parsed, x, y)
    found: Report = (
        design.report() if shown is None else design.report(extras=Extras(sample="frame", frames=shown))
    )
    return found


def mismatches(report: Report) -> dict[str, int]:
    """Name of a proof to its mismatches, of those that were run and failed."""
    found = {k: v["mismatches"] for k, v in report["exactness"].items() if v and v["mismatches"]}
    stalls = report.get("stalls")
    if stalls and stalls["mismatches"]:
        found["rtl under stalls"] = stalls["mismatches"]
    if mapped := report.get("netlist"):
        cycles = mapped["cycles"]
        wrong = {
            "the netlist": mapped["mismatches"],
            "the netlist under stalls": mapped["stalls"]["mismatches"],
            "cycles of the netlist's frames": cycles["compared"] - cycles["as_rtl"],
        }
        found |= {k: n for k, n in wrong.items() if n}
    cosim = (report.get("board") or {}).get("cosim")
    if cosim and cosim["mismatches"]:
        found["the board's simulation"] = cosim["mismatches"]
    return found


def judge(report: Report, out: Path, *, proven: bool = True) -> None:
    """Raises ProofFailed where any value differed, or where nothing was compared although it should be `proven`."""
    if failed := mismatches(report):
        text = ", ".join(f"{n:,} values in {name}" for name, n in failed.items())
        raise ProofFailed(
            f"{out}: every value must equal the model's, not differ in {text}; see report.html there"
        )
    if proven and not all((report["exactness"].get(k) or {}).get("values") for k in ("emulate", "rtl")):
        raise ProofFailed(
            f"{out}: values must be compared with the model's in emulation and RTL, not none; give samples"
        )
