# SPDX-License-Identifier: Apache-2.0
"""A design's clock, estimated: the longest path of every stage by a static analysis of what Yosys makes of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

from cattrs import BaseValidationError, Converter

from rtl4ml.host import cache, processes
from rtl4ml.host.tools import yosys_version
from rtl4ml.netlist.netlist import Netlist
from rtl4ml.report import clocks
from rtl4ml.sta import mapping
from rtl4ml.sta.circuit import circuit
from rtl4ml.sta.delays import Family, family
from rtl4ml.sta.mapping import Job
from rtl4ml.sta.paths import Analysis, Owner, Worst, analyse
from rtl4ml.sta.paths import Path as TimingPath
from rtl4ml.sta.stages import Stage, stages
from rtl4ml.synthesis import yosys
from rtl4ml.synthesis.yosys import Unit

FAMILY = "xcup"
# Stages in one run of Yosys, whose start takes as long as mapping one of a hundred LUTs; a large one has its own.
AT_ONCE, LARGE = 6, 64

_read = Converter(forbid_extra_keys=True)


@dataclass(frozen=True)
class Estimate:
    """The stages of a design with what was found, the slowest first.

    Of stages of 2.5 and 3.4 ns, 4 and 7 levels, period_ns is 3.4 and levels 7; at 250 MHz asked slack_ns is 0.6.
    """

    family: Family
    found: tuple[tuple[Stage, Analysis], ...]

    @property
    def worst(self) -> Analysis:
        """The stage with the longest path."""
        return self.found[0][1]

    @property
    def period_ns(self) -> float:
        return self.worst.ps / 1000

    @property
    def levels(self) -> int:
        return max(a.levels for _, a in self.found)

    @property
    def crossed(self) -> int:
        """The most cells that a path runs through."""
        return max(a.crossed for _, a in self.found)

    @property
    def enable(self) -> tuple[int, str]:
        """Pins on the largest clock enable, and the cell that has most of them."""
        return max((a.enable for _, a in self.found), default=(0, ""))

    @property
    def cells(self) -> dict[str, Worst]:
        """By name of the cell: the longest path that ends in it, and the most levels of one."""
        known: dict[str, Worst] = {}
        for _, a in self.found:
            for name, w in a.cells.items():
                k = known.get(name, Worst(0.0, 0))
                known[name] = Worst(max(k.ps, w.ps), max(k.levels, w.levels))
        return known

    def slack_ns(self, clock_mhz: float) -> float:
        """What is left of a clock period, negative where the path is longer."""
        return 1000 / clock_mhz - self.period_ns


def estimate(
    netlist: Netlist,
    *,
    frames_in_flight: int = 2,
    jobs: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> Estimate:
    """Of a whole design, stage by stage; equal stages are analysed once, known ones are read from the cache."""
    todo = stages(netlist, frames_in_flight=frames_in_flight)
    distinct = {s.key: s for s in todo}
    known = {key: found for key in distinct if (found := kept(key)) is not None}
    missing = [s for key, s in distinct.items() if key not in known]
    if progress and missing:
        progress(len(known), len(distinct))
    with processes.pool(jobs, wait=True) as pool:
        for some, analyses in pool.map(lambda b: (b, analysed(b)), list(batches(missing))):
            for stage, analysis in zip(some, analyses, strict=True):
                known[stage.key] = analysis
                keep(stage.key, analysis)
            if progress:
                progress(len(known), len(distinct))
    pairs = [(s, named(known[s.key], s)) for s in todo]
    return Estimate(family(FAMILY), tuple(sorted(pairs, key=lambda p: -p[1].ps)))


def timing(
    netlist: Netlist,
    clock_mhz: float,
    frames_in_flight: int = 2,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> clocks.Timing:
    """The report's entry `timing` of a design, with its slack at a clock."""
    found = estimate(netlist, frames_in_flight=frames_in_flight, progress=progress)
    layers = {c.name: c.layer for s, _ in found.found for c in s.cells}
    fan_out, enabled = found.enable
    return {
        "device": found.family.device,
        "clock_mhz_asked": clock_mhz,
        "period_ns": round(found.period_ns, 3),
        "slack_ns": round(found.slack_ns(clock_mhz), 3),
        "levels": found.levels,
        "crossed": found.crossed,
        "worst": None if found.worst.path is None else _entry(found.worst.path, layers),
        "enable": {"fan_out": fan_out, "cell": enabled},
        "cells": [
            {
                "name": name,
                "layer": layers.get(name, ""),
                "period_ns": round(w.ps / 1000, 3),
                "levels": w.levels,
            }
            for name, w in sorted(found.cells.items(), key=lambda c: -c[1].ps)
        ],
        "source": found.family.source,
        "assumed": list(found.family.assumed),
    }


def _entry(path: TimingPath, layers: Mapping[str, str]) -> clocks.TimingPath:
    return {
        "cells": path.cells,
        "layer": layers.get(path.steps[-1].cell, ""),
        "levels": path.levels,
        "path": [
            {
                "cell": s.cell,
                "layer": layers.get(s.cell, ""),
                "primitive": s.primitive,
                "ns": round(s.ps / 1000, 3),
                "net_ns": round(s.net_ps / 1000, 3),
                "fan_out": s.fan_out,
            }
            for s in path.steps
        ],
    }


def batches(todo: Iterable[Stage]) -> Iterator[list[Stage]]:
    """Stages by runs of Yosys: small ones together."""
    some: list[Stage] = []
    for s in todo:
        if sum(c.multipliers for c in s.cells) > LARGE:
            yield [s]
            continue
        some.append(s)
        if len(some) == AT_ONCE:
            yield some
            some = []
    if some:
        yield some


def analysed(some: Sequence[Stage]) -> list[Analysis]:
    """The analyses of stages by one run of Yosys; their cells are c0, c1 … as in the stages' text."""
    tops = mapping.mapped([Job.of_stage(s) for s in some])
    return [analyse(circuit(top, family(FAMILY)), owner(s)) for s, top in zip(some, tops, strict=True)]


def alone(todo: Sequence[Unit], *, at_once: int = 24) -> list[Analysis]:
    """The analyses of cells by themselves, from register to register, many by one run of Yosys.

    Paths from or to a cell's ports, such as that of `ready`, are not among these.
    """
    distinct = {u.key: u for u in todo}
    known = {key: found for key in distinct if (found := kept(key)) is not None}
    missing = [u for key, u in distinct.items() if key not in known]
    for some in (missing[i : i + at_once] for i in range(0, len(missing), at_once)):
        tops = mapping.mapped([Job.of_unit(u) for u in some])
        for u, top in zip(some, tops, strict=True):
            known[u.key] = analyse(circuit(top, family(FAMILY)), lambda _: "")
            keep(u.key, known[u.key])
    return [known[u.key] for u in todo]


def owner(stage: Stage) -> Owner:
    """Tells of a name in a stage's netlist of which of its cells it is: "c0" of c0.u_hold.count_q."""
    known = {f"c{n}": f"c{n}" for n in range(len(stage.cells))}

    def found(name: str) -> str:
        head = name.partition(".")[0]
        if head not in known:
            cell = stage.cell_of(head)
            known[head] = "" if cell is None else f"c{stage.cells.index(cell)}"
        return known[head]

    return found


def named(analysis: Analysis, stage: Stage) -> Analysis:
    """An analysis with the names of the netlist's cells in place of c0, c1 …"""
    names = {f"c{n}": c.name for n, c in enumerate(stage.cells)}
    path = analysis.path
    if path is not None:
        path = replace(path, steps=tuple(replace(s, cell=names.get(s.cell, "")) for s in path.steps))
    cells = {names[c]: w for c, w in analysis.cells.items() if c in names}
    return replace(
        analysis, path=path, cells=cells, enable=(analysis.enable[0], names.get(analysis.enable[1], ""))
    )


@lru_cache(maxsize=1)
def method() -> str:
    """A digest of what decides an analysis beside the stage: Yosys, its commands, the modules that it reads in place of
    the library's, the delays, how paths are found.
    """
    with TemporaryDirectory(prefix="rtl4ml_sta_") as tmp:
        told = [*yosys.mapping(Path(tmp)), *yosys.PRIMITIVES.values()]
    code = [
        (files("rtl4ml.sta") / f).read_text()
        for f in (f"{FAMILY}.json", "circuit.py", "paths.py", "delays.py")
    ]
    said = "\0".join([yosys_version(), *told, *code])
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def keep(key: str, analysis: Analysis) -> None:
    """Writes the analysis of a stage or a cell, by its key, to the cache."""
    cache.write(f"sta/{key}{method()}", json.dumps(asdict(analysis)).encode())


def kept(key: str) -> Analysis | None:
    """An analysis from the cache, None where there is none that can be read."""
    text = cache.read(f"sta/{key}{method()}")
    if text is None:
        return None
    try:
        return _read.structure(json.loads(text), Analysis)
    except (ValueError, BaseValidationError):
        return None
