# SPDX-License-Identifier: Apache-2.0
"""Writes what makes a package of an emitted folder: file list, FuseSoC core, interface, README, vectors, benches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from rtl4ml._version import __version__
from rtl4ml.board import interface
from rtl4ml.bundle import vectors
from rtl4ml.cells.axis import edges
from rtl4ml.cells.streams import AXI_WORD, spills
from rtl4ml.emit.systemverilog import FOLDER, Project
from rtl4ml.frontends.network import Network
from rtl4ml.host.tools import disk_errors
from rtl4ml.ir.several import one_or_all
from rtl4ml.measurements import Cycles
from rtl4ml.netlist.netlist import CLOCK2X, Netlist

# Template to the file that it becomes; {top} is the name of the top module.
_BENCHES = {
    "Makefile.j2": "Makefile",
    "bench.sv.j2": "tb/{top}_tb.sv",
    "bench.py.j2": "tb/test_{top}.py",
}
_MARKED = "m_axis_tuser of the last beat: the frame's input was too short or too long"
_MARKED_OF_SEVERAL = "tuser of the last beat: an input that the output depends on was too short or too long"
_ALWAYS = {"core.j2": "{top}.core", "README.md.j2": "README.md"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Bundle:
    """What the package is made of.

    name:    of the design, or ""; sources: of the RTL in the order in which tools read them, the top last
    frames:  of the vectors that are written with it
    """

    network: Network
    netlist: Netlist
    cycles: Cycles
    clock_mhz: float
    name: str
    project: Project
    frames: int


def write(bundle: Bundle, folder: Path) -> None:
    """Writes all of it into the folder of the project. Raises EnvironmentProblem where that cannot be written."""
    project = bundle.project
    top = project.top
    sources = [p.relative_to(project.folder).as_posix() for p in project.sources]
    images = [f"mem/{p.name}" for p in sorted(project.images.iterdir())]
    with disk_errors(folder):
        (folder / f"{top}.f").write_text("".join(f"{s}\n" for s in sources), encoding="utf-8")
    content = described(bundle, images)
    interface.write(content, folder)
    if bundle.frames:
        made = vectors.random_vectors(bundle.netlist.graph, bundle.frames)
        vectors.write(made, bundle.netlist, folder / "vectors")
    ports = (*bundle.netlist.sources, *bundle.netlist.sinks)
    values = {
        "version": __version__,
        "top": top,
        "sources": sources,
        "images": images,
        "parameter": FOLDER if images else "",
        "interface": content,
        "frames": bundle.frames,
        "double": bundle.netlist.double_clock,
        "inputs": list(bundle.netlist.sources),
        "outputs": list(bundle.netlist.sinks),
        "quantizers": ", ".join(q.name for q in bundle.network.quantizers),
        "cuts": [(p, cut) for p, cut in zip(bundle.netlist.sinks, bundle.network.cut, strict=True) if cut],
        "counted": ", ".join(f"`{c.errors}`" for c in edges(bundle.netlist)[0]),
        "errors": [c.errors for c in edges(bundle.netlist)[0]],
        "streams": [_stream(p, content[p], into=p in bundle.netlist.sources) for p in ports],
        "memories": content["memories"],
        "latency": max((c.device.dram_latency for c in spills(bundle.netlist)), default=0),
        "patience": _patience(bundle.cycles),
    }
    for template, name in (_ALWAYS | _BENCHES).items():
        path = folder / name.format(top=top)
        with disk_errors(folder):
            path.parent.mkdir(exist_ok=True)
            path.write_text(_filled(template, values), encoding="utf-8")


def _stream(port: str, carried: Mapping[str, Any], *, into: bool) -> dict[str, Any]:
    """What a bench must know of a port. carried: what interface.json says of it; into: whether it is an input."""
    width = carried["lanes"] * carried["container_bits"]
    return {
        "port": port, "file": vectors.file_of(port), "width": width, "beats": carried["beats"], "into": into
    }  # fmt: skip


def _patience(cycles: Cycles) -> int:
    """Cycles without an output beat after which a bench gives up: many times those of a frame, and pauses on top."""
    return 100_000 + 16 * int(cycles.latency + cycles.interval)


def described(bundle: Bundle, images: Sequence[str]) -> dict[str, Any]:
    """interface.json: what the ports carry and when, and what is around them."""
    network, netlist, cycles = bundle.network, bundle.netlist, bundle.cycles
    found = interface.of_streams(netlist)
    clocks: dict[str, Any] = {"aclk": {"assumed_mhz": bundle.clock_mhz}}
    if netlist.double_clock:
        clocks[CLOCK2X] = {"times_aclk": 2, "assumed_mhz": 2 * bundle.clock_mhz}
    return {
        **found,
        "rtl4ml": __version__,
        "top": bundle.project.top,
        "name": bundle.name,
        "input": {
            "quantizer": one_or_all([q.name for q in network.quantizers]),
            "declared": network.declared,
        },
        "output": {
            "head": network.output,
            "cut": one_or_all(network.cut),
            "threshold": network.threshold,
            "opening": network.opening,
        },
        "cycles": {
            "latency": cycles.latency,
            **(
                {"latencies": dict(zip(netlist.sinks, cycles.outputs, strict=True))} if cycles.outputs else {}
            ),
            "interval": float(cycles.interval),
        },
        "clocks": clocks,
        "reset": {"port": "aresetn", "active": "low", "synchronous": True, "least_cycles": 2},
        "errors": {
            "marked": _MARKED if len(netlist.inputs) == len(netlist.outputs) == 1 else _MARKED_OF_SEVERAL,
            "counted": one_or_all([c.errors for c in edges(netlist)[0]]),
        },
        "images": {"folder": "mem", "parameter": FOLDER if images else None, "files": list(images)},
        "memories": [{"port": c.port, "bytes": c.ring * AXI_WORD // 8} for c in spills(netlist)],
    }


def _filled(template: str, values: Mapping[str, Any]) -> str:
    text = (files("rtl4ml.templates") / "bundle" / template).read_text(encoding="utf-8")
    environment = Environment(
        undefined=StrictUndefined, keep_trailing_newline=True, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(text).render(values)
