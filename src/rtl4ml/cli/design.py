# SPDX-License-Identifier: Apache-2.0
"""The commands that make a design of a model: convert, verify, synth, report."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rtl4ml
from rtl4ml import arguments
from rtl4ml.cli import outcome, prove, show
from rtl4ml.cli.options import given_options
from rtl4ml.cli.show import Report, log, step
from rtl4ml.errors import BadInput, SimulationFailed, readable
from rtl4ml.host.folders import project_folder, repair
from rtl4ml.host.identity import check_report
from rtl4ml.host.tools import absolute
from rtl4ml.report.read import read as read_report


@contextmanager
def designed(model: Path, out: Path | None, **options: Any) -> Iterator[tuple[Any, Path]]:
    """The design of a model file, and the folder that it is for: an earlier project there stays until the block ends.

    A block that an error or a signal ends leaves the earlier project; one that finds the RTL to fail puts the new one
    there, with what it knows.
    """
    folder = out if out is not None else Path("build") / model.stem
    check_conversion(model, options)
    with project_folder(folder, keep=(SimulationFailed,)) as fresh:
        design = design_of(model, fresh, **options)
        try:
            yield design, folder
        except SimulationFailed:
            design.report()
            raise
    outcome.WRITTEN.append(folder)


def design_of(model: Path, folder: Path, point: str = "", **options: Any) -> Any:
    """The design of a model file in a folder of its own; point: which of several."""
    budget, homes = dict(options.pop("budget")), dict(options.pop("skips"))
    date = arguments.date(options.pop("date"))
    if prices := dict(options.pop("prices")):
        options["prices"] = prices
    if homes:
        options["skips"] = homes[""] if set(homes) == {""} else homes
    with step(f"convert {model}{point}"):
        design = rtl4ml.convert(model, out=folder, budget=budget or None, **options)
    design.date = date
    if notice := design.parsed.notice("--input-precision"):
        log(readable(notice))
    return design


def check_conversion(model: Path, options: dict[str, Any]) -> None:
    """Raises BadInput for a missing model or a head that is none, and takes out of `options` what was not given."""
    check_file(model)
    _check_head(options)


def check_file(model: Path) -> None:
    """Raises BadInput for a missing model."""
    if not model.is_file():
        what = "a folder" if model.is_dir() else "missing"
        raise BadInput(f"{model}: the model must be a .keras or .h5 file, not {what}; check the path")


def _check_head(options: dict[str, Any]) -> None:
    """Takes out what was not given of a mask. Raises BadInput in the words of the command line, before slow imports."""
    output = options["output"]
    for key in ("threshold", "opening"):
        if options[key] is None:
            del options[key]
        elif output != "mask":
            raise BadInput(f"--{key}: must go with --output mask, not {output}; leave it out")
    if output == "mask" and "threshold" not in options:
        raise BadInput("--threshold: must be given with --output mask; write --threshold 0.5")


def convert(model: Path, **options: Any) -> None:
    """Write the HLS project, the RTL and the predicted report of MODEL (.keras or .h5)."""
    with designed(model, **options) as (design, out):
        found = design.report()
    show.report(found, out)


def verify(model: Path, data: Path | None, samples: int, seed: int, netlist: bool, **options: Any) -> None:
    """Convert MODEL and prove that emulation, HLS and RTL compute its numbers."""
    read = prove.given_samples(data, samples)
    with designed(model, **options) as (design, out):
        x = prove.samples_for(design, read, samples, seed)
        y = prove.prove(design, x, seed=seed, netlist=netlist)
        report = prove.proven_report(design, data, x, y)
    show.report(report, out)
    prove.judge(report, out)


def synth(model: Path, **options: Any) -> None:
    """Convert MODEL and count its resources with Yosys."""
    with designed(model, **options) as (design, out):
        with step("synthesis with Yosys") as tell:
            design.synthesize(progress=tell)
        with step("static timing analysis") as tell:
            design.estimate_timing(progress=tell)
        found = design.report()
    show.report(found, out)


def report(model: Path, data: Path | None, samples: int, seed: int, netlist: bool, **options: Any) -> None:
    """All of it for MODEL: convert, verify, synth. For a project folder: show its report."""
    if not model.exists():
        repair(absolute(model))  # taken away by a run that was killed
    if not model.exists():
        raise BadInput(f"{model}: must be a model's file or a project's folder, not missing; check the path")
    if model.is_dir():
        if given := given_options():
            raise BadInput(
                f"{model}: a project's report must be shown without options, not with {given}; "
                f"give the model to make another"
            )
        found: Report = read_report(model)
        check_report(model, found)
        show.report(found, model)
        prove.judge(found, model, proven=False)  # it may be a converted project of which nothing was asked
        return
    read = prove.given_samples(data, samples)
    with designed(model, **options) as (design, out):
        x = prove.samples_for(design, read, samples, seed)
        y = prove.prove(design, x, seed=seed, netlist=netlist)
        with step("synthesis with Yosys") as tell:
            design.synthesize(progress=tell)
        result = prove.proven_report(design, data, x, y)
    show.report(result, out)
    prove.judge(result, out)


def vectors(project: Path, frames: int, seed: int, out: Path | None) -> None:
    """Write frames of test vectors and what PROJECT makes of them."""
    design = rtl4ml.load(project)
    with step(f"emulate {frames:,} frames"):
        to = design.write_vectors(out if out is not None else project / "more", frames, seed)
    log(f"{to}: {frames:,} frames; run make -C {project} VECTORS={to}")


def verilog(project: Path, out: Path | None) -> None:
    """Write PROJECT as one file of Verilog-2005."""
    design = rtl4ml.load(project)
    with step("translate with Yosys"):
        to = design.write_verilog(out)
    log(f"{to}: Verilog-2005, memory contents included")
