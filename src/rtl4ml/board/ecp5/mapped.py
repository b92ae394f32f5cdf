# SPDX-License-Identifier: Apache-2.0
"""The network after synthesis: its netlist of the ECP5's primitives by Yosys, simulated as the RTL is.

The netlist is that of r4_top alone, by the commands of a board's flow. Yosys' own models say what its primitives do,
sim/ecp5_cells.sv what block RAMs and multipliers do, which are black boxes there.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rtl4ml.board.ecp5 import tools
from rtl4ml.device import Memory
from rtl4ml.errors import EnvironmentProblem
from rtl4ml.host.tools import disk_errors, yosys_version
from rtl4ml.measurements import Tally
from rtl4ml.report.schema import AfterSynthesis
from rtl4ml.simulation.bulk import RunResult, Simulator, build

FOLDER = "netlist"
# Yosys' models leave ports open and compare texts of several lengths; bits of a bus may depend on one another.
FLAGS = (
    "-DNO_INCLUDES",
    *(
        f"-Wno-{w}"
        for w in ("CASEINCOMPLETE", "INITIALDLY", "PINMISSING", "SPECIFYIGN", "UNOPTFLAT", "WIDTHEXPAND")
    ),
)
_NOT_CELLS = ("$scopeinfo",)


@dataclass(kw_only=True)
class Mapped:
    """A compiled netlist and what was compared of it; made by `synthesize`.

    cells:     the netlist's primitives by kind
    exactness: without stalls; stalled: under stalls of `patterns` seeds
    frames:    of both; as_rtl: how many of them came in and out in the very cycles in which those of the RTL did
    """

    simulator: Simulator
    cells: Mapping[str, int]
    exactness: Tally = field(default_factory=Tally)
    stalled: Tally = field(default_factory=Tally)
    patterns: set[int] = field(default_factory=set)
    frames: int = 0
    as_rtl: int = 0

    def add(
        self,
        got: NDArray[np.float64],
        want: NDArray[np.float64],
        run: RunResult,
        rtl: RunResult,
        *,
        seed: int | None,
    ) -> None:
        """Counts a run. got, want: (N, ...) values; rtl: the same run of the RTL; seed: of its stalls, or None."""
        if seed is None:
            self.exactness.add([got], [want])
        else:
            self.stalled.add([got], [want])
            self.patterns.add(seed)
        self.frames += len(run.stamps)
        self.as_rtl += int((run.stamps == rtl.stamps).all(axis=1).sum())

    def entry(self) -> AfterSynthesis:
        """The report's entry "netlist"."""
        return {
            "family": "ECP5",
            "tool": "Yosys",
            "version": yosys_version(),
            "cells": dict(self.cells),
            "samples": self.exactness.samples,
            "values": self.exactness.values,
            "mismatches": self.exactness.mismatches,
            "stalls": {
                "patterns": len(self.patterns),
                "frames": self.stalled.samples,
                "mismatches": self.stalled.mismatches,
            },
            "cycles": {"compared": self.frames, "as_rtl": self.as_rtl},
        }


def models() -> tuple[Path, ...]:
    """Sources of what the primitives do. Raises EnvironmentProblem where Yosys is missing."""
    spec = importlib.util.find_spec("pyosys")
    if spec is None or spec.origin is None:
        raise EnvironmentProblem(
            "pyosys: the wheel must be installed beside rtl4ml, not missing; run pip install pyosys==0.70"
        )
    yosys = Path(spec.origin).parent / "share" / "ecp5"
    own = Path(str(files("rtl4ml.sim"))) / "ecp5_cells.sv"
    return (yosys / "common_sim.vh", yosys / "ccu2c_sim.vh", own)


def synthesize(project: Path, top: str) -> Path:
    """Writes project/netlist/<top>.v, the netlist of the top in project/rtl; its path. Raises BuildFailed."""
    yosys_version()  # or it is missing
    folder = project / FOLDER
    with disk_errors(project):
        folder.mkdir(exist_ok=True)
    routed, netlist = folder / f"{top}.json", folder / f"{top}.v"
    sources = sorted((project / "rtl").glob("*.sv"))
    tools.synthesize(sources, top, project / "mem", routed, folder / "yosys.log")
    tools.as_verilog(routed, netlist, netlist.with_name(f"{top}_stat.json"), folder / "verilog.log")
    return netlist


def compiled(netlist: Path, memory: Memory | None = None) -> Mapped:
    """The netlist of a file that `synthesize` wrote, ready to run. Raises SimulationFailed where it is not legal.

    memory: what is behind its spills, if it has any
    """
    top = netlist.stem
    counted = json.loads(netlist.with_name(f"{top}_stat.json").read_text(encoding="utf-8"))
    cells = counted["design"]["num_cells_by_type"]
    simulator = build(netlist.parent, top, [*models(), netlist], flags=FLAGS)
    kinds = {k: int(n) for k, n in sorted(cells.items()) if k not in _NOT_CELLS}
    named = replace(simulator, top=f"netlist of {top}", memory=memory or simulator.memory)
    return Mapped(simulator=named, cells=kinds)
