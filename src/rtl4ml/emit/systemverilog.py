# SPDX-License-Identifier: Apache-2.0
"""Netlist to a SystemVerilog top and its memory images: instances of the cells in `rtl/`, nothing else.

The top's parameter ImageFolder is put before the name of every image. It is a text of no length unless a tool is told
otherwise; images are then looked for where the tool runs. A design with a name has it before the name of every module
and image, so that several are read into one project.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from rtl4ml._version import __version__
from rtl4ml.cells.axis import ENDS, AxisIn, AxisOut, container, edges
from rtl4ml.cells.library import GeneratedCell
from rtl4ml.cells.streams import AXI_WORD, spills
from rtl4ml.emit.library import library, module, modules
from rtl4ml.netlist.images import Image
from rtl4ml.netlist.netlist import CLOCK2X, Cell, Netlist, Param, Wire

TOP = "r4_top"
FOLDER = "ImageFolder"  # the top's parameter, in designs that have images


@dataclass(frozen=True)
class Project:
    """A folder with the RTL of one design."""

    folder: Path
    top: str
    sources: tuple[Path, ...]  # SystemVerilog, the top last
    images: Path  # folder of the memory images; simulators and synthesis start in it


@cache
def wide_parameters(name: str) -> frozenset[str]:
    """Parameters of a module in `rtl/` that are numbers of 64 bits; every other is one of 32."""
    text = (library() / f"{name}.sv").read_text()
    return frozenset(re.findall(r"\bparameter\s+logic\s+signed\s+\[63:0\]\s+(\w+)\s*=", text))


def literal(p: Param, image: str = "", *, wide: bool = False) -> str:
    """A parameter as SystemVerilog has it. image: file name of a memory image; wide: whether it is one of 64 bits."""
    if isinstance(p, Image):
        return f'"{image}"'
    if isinstance(p, str):
        return f'"{p}"'
    return f"{'-' if p < 0 else ''}64'sd{abs(p)}" if wide or abs(p) >= 2**31 else str(p)


def prefix(name: str) -> str:
    """What the modules and images of a design of that name begin with."""
    return f"{name}_" if name else ""


def instance(cell: Cell, name: str = "", folder: str = "") -> tuple[list[str], dict[str, Image]]:
    """Lines of a cell's instance and the images that it reads, by file name.

    name: of the design; folder: a parameter of the module around it that is put before names of images
    """
    own = prefix(name)
    params, ports, _ = module(cell.module) if not cell.generated else (None, None, None)
    images: dict[str, Image] = {}
    lines = [f"  {cell.module}" + (" #(" if cell.params() else f" {cell.name} (")]
    if values := cell.params():
        body = []
        for key, p in values.items():
            if params is not None and key not in params:
                raise ValueError(f"{cell.module}: has no parameter {key} (instance {cell.name})")
            image = f"{own}{cell.name}_{snake(key)}.mem"
            wide = not cell.generated and key in wide_parameters(cell.module)
            value = literal(p, image, wide=wide)
            if isinstance(p, Image):
                images[image] = p
                value = f"{{{folder}, {value}}}" if folder else value
            body.append(f"    .{key}({value})")
        lines += [",\n".join(body), f"  ) {cell.name} ("]
    bound = [("clk_i", "aclk"), ("rst_ni", "aresetn"), *cell.connections()]
    if ports is not None:
        missing = {port for port, _ in bound} - ports
        if missing:
            raise ValueError(
                f"{cell.module}: has no port {', '.join(sorted(missing))} (instance {cell.name})"
            )
    pins = (f".{port}" if port == signal else f".{port}({signal})" for port, signal in bound)
    lines += [",\n".join(f"    {p}" for p in pins), "  );"]
    return lines, images


def snake(name: str) -> str:
    """A parameter's name as file names have it: "init_file" of InitFile."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _declare(w: Wire) -> list[str]:  # `netlist.SIGNALS`
    return [
        f"  logic {w.name}_valid, {w.name}_ready;",
        f"  logic [{w.width - 1}:0] {w.name}_data;  // {w.lanes} x {w.bits} bit, {w.beats} beats a frame",
    ]


def _spill_ports(netlist: Netlist) -> str:
    """What follows the last port: those of the spills, each with its memory said above them."""
    text = ""
    for c in spills(netlist):
        size = c.ring * AXI_WORD // 8
        text += (
            f",\n\n  // {c.name}: {size:,} bytes from {c.port}_base_i on, a multiple of 4,096; see r4_spill"
        )
        for n, (way, bits, _, name) in enumerate(c.top_ports()):
            width = f"[{bits - 1}:0] " if bits > 1 else ""
            text += f"{',' if n else ''}\n  {way:6s} logic {width}{name}"
    return text


def top_text(netlist: Netlist, *, frames_in_flight: int, name: str = "") -> tuple[str, dict[str, Image]]:
    """The top module and its memory images, by file name. name: of the design."""
    into, out = edges(netlist, frames_in_flight=frames_in_flight)
    wires: dict[str, Wire] = {}
    body: list[str] = []
    images: dict[str, Image] = {}
    written: set[str] = set()
    layer = ""
    for cell in netlist.cells:
        for w in (*cell.inputs.values(), *cell.outputs.values()):
            wires[w.name] = w
        if cell.layer != layer:
            layer = cell.layer
            body += ["", f"  // -- {layer} " + "-" * max(1, 100 - len(layer))]
        lines, mem = instance(cell, name, FOLDER)
        for image in mem:
            if image.lower() in written:
                raise ValueError(f"{cell.name}: image {image} is written twice")
            written.add(image.lower())
        images |= mem
        body += lines
    for w in (*netlist.inputs, *netlist.outputs):
        wires.setdefault(w.name, w)
    second = f"  input  logic {CLOCK2X},  // twice the rate of aclk, of which every edge is one of its own\n"
    second = second if netlist.double_clock else ""
    where = f' #(\n  parameter {FOLDER} = ""  // before names of memory images, such as "mem/"\n)'
    where = where if images else ""
    text = f"""// Generated by rtl4ml {__version__} from {netlist.graph.name}. Do not edit.
//
{_frames(into, out)}
module {TOP}{where} (
  input  logic aclk,
{second}  input  logic aresetn,  // synchronous, active low, at least 2 cycles

{_stream_ports(into, out)}{_spill_ports(netlist)}
);

"""
    declarations = [line for w in wires.values() for line in _declare(w)]
    flags = [f"  logic {', '.join(f'{joint}_{end}' for end in ENDS)};" for c in into for joint in c.joints]
    first, last = ("\n\n".join("\n".join(instance(c)[0]) for c in cells) for cells in (into, out))
    edge_in = "\n" + "\n".join(flags) + f"\n\n{first}"
    return text + "\n".join([*declarations, edge_in, *body, f"\n{last}\n\nendmodule\n"]), images


def _frames(into: Sequence[AxisIn], out: Sequence[AxisOut]) -> str:
    """The comment that says what frames are; of several streams, what holds between them."""
    lines = []
    for source in into:
        name = "" if len(into) == 1 else f" {source.port}"
        lines.append(f"Frame in{name}:  {source.y.beats} beats of {_elements(source.y)}.")
    for sink in out:
        name = "" if len(out) == 1 else f" {sink.port}"
        sign = "signed" if sink.x.signed else "unsigned"
        lines.append(f"Frame out{name}: {sink.x.beats} beats of {_elements(sink.x)}, {sign}.")
    if len(into) > 1:
        lines.append(
            "Frames of all inputs belong together in their order. An input may wait for beats of another."
        )
    if len(out) > 1:
        lines.append(
            "Every frame comes out of all outputs. Take from all: one that is not taken stops the others."
        )
    return "".join(f"// {line}\n" for line in lines)


def _elements(w: Wire) -> str:
    return f"{w.lanes} x {container(w.bits)} bit, {w.bits} of them used"


def _stream_ports(into: Sequence[AxisIn], out: Sequence[AxisOut]) -> str:
    """The ports of all streams and the counts of wrong frames; without a comma behind the last."""
    text = ""
    for c in into:
        text += f"""  input  logic {c.port}_tvalid,
  output logic {c.port}_tready,
  input  logic [{c.y.lanes * container(c.y.bits) - 1}:0] {c.port}_tdata,
  input  logic {c.port}_tlast,

"""
    for sink in out:
        text += f"""  output logic {sink.port}_tvalid,
  input  logic {sink.port}_tready,
  output logic [{sink.x.lanes * container(sink.x.bits) - 1}:0] {sink.port}_tdata,
  output logic {sink.port}_tlast,
  output logic {sink.port}_tuser,

"""
    return text + ",\n".join(f"  output logic [31:0] {c.errors}" for c in into)


def write(netlist: Netlist, folder: Path, *, frames_in_flight: int, name: str = "") -> Project:
    """Writes top, generated modules, memory images and copies of the cells that they use into `folder`.

    name: of the design, which the names of all of them begin with; "": the cells' own
    """
    text, images = top_text(netlist, frames_in_flight=frames_in_flight, name=name)
    generated = {c.module: c.text() for c in netlist.cells if isinstance(c, GeneratedCell)}
    rtl, mem = folder / "rtl", folder / "mem"
    rtl.mkdir(parents=True, exist_ok=True)
    mem.mkdir(exist_ok=True)
    used = modules({c.module for c in netlist.cells} | {AxisIn.module, AxisOut.module, *_children(generated)})
    texts = {m: (library() / f"{m}.sv").read_text(encoding="utf-8") for m in used} | generated | {TOP: text}
    own = prefix(name)
    modules_here = re.compile(rf"\b({'|'.join(texts)})\b")
    sources = []
    for module_name, body in texts.items():
        path = rtl / f"{own}{module_name}.sv"
        path.write_text(modules_here.sub(rf"{own}\1", body) if own else body, encoding="utf-8")
        sources.append(path)
    for image_name, image in images.items():
        with (mem / image_name).open("w") as f:
            f.write(image.text())
    return Project(folder, f"{own}{TOP}", tuple(sources), mem)


def _children(generated: Mapping[str, str]) -> set[str]:
    return {m for text in generated.values() for m in re.findall(r"\b(r4_\w+)\s+#?\(", text)}
