# SPDX-License-Identifier: Apache-2.0
"""Runs Yosys on modules: their netlists of the device's primitives, each flat and apart from the others."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rtl4ml.emit.library import CLOCKS, clock_pins
from rtl4ml.emit.systemverilog import literal
from rtl4ml.errors import EnvironmentProblem
from rtl4ml.host import processes
from rtl4ml.host.tools import check_writing, disk_errors
from rtl4ml.netlist.images import Image
from rtl4ml.netlist.netlist import Param
from rtl4ml.sta.stages import TOP, Stage
from rtl4ml.synthesis.yosys import PRIMITIVES, Unit, mapping

Top = dict[str, Any]  # a module as `write_json` has it: ports, cells, netnames
_RUN = "from pyosys import libyosys as ys; ys.run_pass('script run.ys', ys.Design())"


@dataclass(frozen=True)
class Job:
    """A module to map. sources: text by name of the module; parameters of the instance; images by file name."""

    name: str
    module: str
    sources: Mapping[str, str]
    parameters: Mapping[str, Param]
    images: Mapping[str, Image]

    @classmethod
    def of_stage(cls, stage: Stage) -> Job:
        """A stage; its own modules and images are named by its key, so that several can be in one run."""
        own = f"s{stage.key}_"
        sources = {
            re.sub(rf"^({TOP}|generated_\d+)$", rf"{own}\1", name): re.sub(
                rf'\b({TOP}|generated_\d+)\b|(?<=")(c\d+_\w+\.mem)(?=")', lambda m: own + m[0], text
            )
            for name, text in stage.sources.items()
        }
        images = {own + name: image for name, image in stage.images.items()}
        return cls(stage.cells[0].name, own + TOP, sources, {}, images)

    @classmethod
    def of_unit(cls, unit: Unit) -> Job:
        """A cell alone."""
        images = {f"u{unit.key}_{k}.mem": p for k, p in unit.params.items() if isinstance(p, Image)}
        named = {k: f"u{unit.key}_{k}.mem" if isinstance(p, Image) else p for k, p in unit.params.items()}
        return cls(unit.name, unit.module, unit.sources, named, images)


def mapped(jobs: Sequence[Job]) -> list[Top]:
    """The netlists of modules, by one run of Yosys with the commands by which resources are counted."""
    with disk_errors(tempfile.gettempdir()), tempfile.TemporaryDirectory(prefix="rtl4ml_sta_") as tmp:
        return run(jobs, Path(tmp), mapping(Path(tmp)), PRIMITIVES)


def run(jobs: Sequence[Job], folder: Path, commands: Sequence[str], others: Mapping[str, str]) -> list[Top]:
    """The same by any commands, in a folder whose files stay.

    others: further modules, text by name; each stands for one that a job has of that name
    """
    sources = {**{name: text for job in jobs for name, text in job.sources.items()}, **others}
    for name, text in sources.items():
        (folder / f"{name}.sv").write_text(text)
    for job in jobs:
        for name, image in job.images.items():
            (folder / name).write_text(image.text())
    top = [f"module r4_jobs ({', '.join(f'input {c}' for c in CLOCKS)});"]
    for n, job in enumerate(jobs):
        values = ", ".join(f".{k}({_value(p)})" for k, p in job.parameters.items())
        # Each keeps its hierarchy, so it is mapped as if it were alone; what its other ports get does not matter.
        top.append(
            f"(* keep, keep_hierarchy *) {job.module} #({values}) u_{n} ({clock_pins(job.sources[job.module])});"
        )
    (folder / "r4_jobs.sv").write_text("\n".join([*top, "endmodule\n"]))
    script = [
        "read_verilog -sv -defer -DSYNTHESIS " + " ".join(f"{name}.sv" for name in sources),
        "read_verilog -sv r4_jobs.sv",
        "hierarchy -top r4_jobs",
        "tee -q -o jobs.txt dump r4_jobs",
        *commands,
        "write_json netlist.json",
    ]
    (folder / "run.ys").write_text("\n".join(script) + "\n")
    done = processes.run([sys.executable, "-c", _RUN], cwd=folder)
    netlist = folder / "netlist.json"
    said = done.stdout + done.stderr
    if done.returncode != 0 or not netlist.exists():
        check_writing(folder, done.returncode, said)
        last = [line.strip() for line in said.splitlines() if "ERROR" in line]
        why = last[-1] if last else f"exit status {done.returncode}"
        raise EnvironmentProblem(f"{jobs[0].name}: Yosys must map the netlist, not stop with {why!r}")
    found = re.finditer(r"^\s*cell (\S+) \\u_(\d+)$", (folder / "jobs.txt").read_text(), re.M)
    names = {int(m[2]): m[1].removeprefix("\\") for m in found}
    modules = json.loads(netlist.read_text())["modules"]
    return [modules[names[n]] for n in range(len(jobs))]


def _value(p: Param) -> str:
    assert not isinstance(p, Image)
    return literal(p, wide=isinstance(p, int) and p < 0)
