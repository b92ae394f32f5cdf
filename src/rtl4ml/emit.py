"""Netlist to a SystemVerilog top and its memory images: instances of the cells in `rtl/`, nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from rtl4ml import __version__
from rtl4ml.netlist import Cell, Image, Netlist, Param, Wire

TOP = "r4_top"


@dataclass(frozen=True)
class Project:
    """A folder with the RTL of one design."""

    folder: Path
    top: str
    sources: tuple[Path, ...]  # SystemVerilog, the top last
    images: Path  # folder of the memory images; simulators and synthesis start in it


def library() -> Path:
    """The folder of the cells."""
    return Path(str(files("rtl4ml.rtl")))


@cache
def _module(name: str) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """Parameters and ports of a module in `rtl/`, and the modules that it instantiates."""
    text = (library() / f"{name}.sv").read_text()
    text = re.sub(r"//[^\n]*", "", text)
    head = text[text.index(f"module {name}") : text.index(");", text.index("input "))]
    params = frozenset(re.findall(r"\bparameter\s+[^=]*?(\w+)\s*=", head))
    ports = frozenset(re.findall(r"(?:input|output)\s+logic\s*(?:signed\s*)?(?:\[[^\]]*\])*\s*(\w+)", head))
    children = frozenset(re.findall(r"\b(r4_\w+)\s+#\(", text)) - {name}
    return params, ports, children


def modules(cells: Iterator[str] | set[str]) -> list[str]:
    """The modules and all that they are made of, sorted."""
    todo, seen = list(cells), set()
    while todo:
        m = todo.pop()
        if m not in seen and (library() / f"{m}.sv").exists():
            seen.add(m)
            todo.extend(_module(m)[2])
    return sorted(seen)


def container(bits: int) -> int:
    """Bits of the smallest of 8, 16, 32 and 64 that hold an element at the AXI4-Stream edges."""
    return next(c for c in (8, 16, 32, 64) if c >= bits)


@cache
def _wide(name: str) -> frozenset[str]:
    """Parameters of a module in `rtl/` that are numbers of 64 bits; every other is one of 32."""
    text = (library() / f"{name}.sv").read_text()
    return frozenset(re.findall(r"\bparameter\s+logic\s+signed\s+\[63:0\]\s+(\w+)\s*=", text))


def _value(p: Param, image: str, *, wide: bool = False) -> str:
    if isinstance(p, Image):
        return f'"{image}"'
    if isinstance(p, str):
        return f'"{p}"'
    return f"{'-' if p < 0 else ''}64'sd{abs(p)}" if wide or abs(p) >= 2**31 else str(p)


def instance(cell: Cell) -> tuple[list[str], dict[str, Image]]:
    """Lines of a cell's instance and the images that it reads, by file name."""
    params, ports, _ = _module(cell.module) if not cell.generated else (None, None, None)
    images: dict[str, Image] = {}
    lines = [f"  {cell.module}" + (" #(" if cell.params() else f" {cell.name} (")]
    if values := cell.params():
        body = []
        for key, p in values.items():
            if params is not None and key not in params:
                raise ValueError(f"{cell.module}: has no parameter {key} (instance {cell.name})")
            name = f"{cell.name}_{_snake(key)}.mem"
            if isinstance(p, Image):
                images[name] = p
            wide = not cell.generated and key in _wide(cell.module)
            body.append(f"    .{key}({_value(p, name, wide=wide)})")
        lines += [",\n".join(body), f"  ) {cell.name} ("]
    pins = [".clk_i(aclk)", ".rst_ni(aresetn)"]
    for port, w in cell.inputs.items():
        pins += _pins(port, w.name, "valid_i", "ready_o", "data_i")
    for port, w in cell.outputs.items():
        pins += _pins(port, w.name, "valid_o", "ready_i", "data_o")
    if ports is not None:
        missing = {p[1 : p.index("(")] for p in pins} - ports
        if missing:
            raise ValueError(
                f"{cell.module}: has no port {', '.join(sorted(missing))} (instance {cell.name})"
            )
    lines += [",\n".join(f"    {p}" for p in pins), "  );"]
    return lines, images


def _pins(port: str, wire: str, *ends: str) -> list[str]:
    """The three pins of a stream's port, such as .x_valid_i(wire_valid)."""
    return [f".{port}_{end}({wire}_{end[:-2]})" for end in ends]


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _declare(w: Wire) -> list[str]:  # `netlist.SIGNALS`
    return [
        f"  logic {w.name}_valid, {w.name}_ready;",
        f"  logic [{w.width - 1}:0] {w.name}_data;  // {w.lanes} x {w.bits} bit, {w.beats} beats a frame",
    ]


def top_text(netlist: Netlist, *, frames_in_flight: int) -> tuple[str, dict[str, Image]]:
    """The top module and its memory images."""
    x, y = netlist.input, netlist.output
    cx, cy = container(x.bits), container(y.bits)
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
        lines, mem = instance(cell)
        for name in mem:
            if name.lower() in written:
                raise ValueError(f"{cell.name}: image {name} is written twice")
            written.add(name.lower())
        images |= mem
        body += lines
    wires.setdefault(x.name, x)
    wires.setdefault(y.name, y)
    text = f"""// Generated by rtl4ml {__version__} from {netlist.graph.name}. Do not edit.
//
// Frame in:  {x.beats} beats of {x.lanes} x {cx} bit, {x.bits} of them used.
// Frame out: {y.beats} beats of {y.lanes} x {cy} bit, {y.bits} of them used, {"signed" if y.signed else "unsigned"}.

module {TOP} (
  input  logic aclk,
  input  logic aresetn,  // synchronous, active low, at least 2 cycles

  input  logic s_axis_tvalid,
  output logic s_axis_tready,
  input  logic [{x.lanes * cx - 1}:0] s_axis_tdata,
  input  logic s_axis_tlast,

  output logic m_axis_tvalid,
  input  logic m_axis_tready,
  output logic [{y.lanes * cy - 1}:0] m_axis_tdata,
  output logic m_axis_tlast,
  output logic m_axis_tuser,

  output logic [31:0] frame_errors_o
);

"""
    declarations = [line for w in wires.values() for line in _declare(w)]
    (_, params_in), (_, params_out) = edges(netlist, frames_in_flight=frames_in_flight)
    edge_in = f"""
  logic flag_valid, flag_ready, flag_data;

  r4_axis_in #(
{_bind(params_in)}
  ) u_axis_in (
    .clk_i(aclk),
    .rst_ni(aresetn),
    .s_axis_tvalid,
    .s_axis_tready,
    .s_axis_tdata,
    .s_axis_tlast,
    .y_valid_o({x.name}_valid),
    .y_ready_i({x.name}_ready),
    .y_data_o({x.name}_data),
    .flag_valid_o(flag_valid),
    .flag_ready_i(flag_ready),
    .flag_data_o(flag_data),
    .errors_o(frame_errors_o)
  );"""
    edge_out = f"""
  r4_axis_out #(
{_bind(params_out)}
  ) u_axis_out (
    .clk_i(aclk),
    .rst_ni(aresetn),
    .x_valid_i({y.name}_valid),
    .x_ready_o({y.name}_ready),
    .x_data_i({y.name}_data),
    .flag_valid_i(flag_valid),
    .flag_ready_o(flag_ready),
    .flag_data_i(flag_data),
    .m_axis_tvalid,
    .m_axis_tready,
    .m_axis_tdata,
    .m_axis_tlast,
    .m_axis_tuser
  );

endmodule
"""
    return text + "\n".join([*declarations, edge_in, *body, edge_out]), images


def edges(netlist: Netlist, *, frames_in_flight: int) -> list[tuple[str, dict[str, Param]]]:
    """Modules and parameters of the AXI4-Stream edges, input first."""
    x, y = netlist.input, netlist.output
    return [
        (
            "r4_axis_in",
            {
                "Lanes": x.lanes,
                "ElemWidth": x.bits,
                "ContainerWidth": container(x.bits),
                "Beats": x.beats,
                "FlagDepth": frames_in_flight,
            },
        ),
        (
            "r4_axis_out",
            {
                "Lanes": y.lanes,
                "ElemWidth": y.bits,
                "Signed": int(y.signed),
                "ContainerWidth": container(y.bits),
                "Beats": y.beats,
            },
        ),
    ]


def _bind(params: Mapping[str, Param]) -> str:
    return ",\n".join(f"    .{k}({_value(p, '')})" for k, p in params.items())


def write(netlist: Netlist, folder: Path, *, frames_in_flight: int, generated: Mapping[str, str]) -> Project:
    """Writes top, generated modules, memory images and copies of the cells that they use into `folder`."""
    text, images = top_text(netlist, frames_in_flight=frames_in_flight)
    rtl, mem = folder / "rtl", folder / "mem"
    rtl.mkdir(parents=True, exist_ok=True)
    mem.mkdir(exist_ok=True)
    used = modules({c.module for c in netlist.cells} | {"r4_axis_in", "r4_axis_out", *_children(generated)})
    sources = []
    for m in used:
        path = rtl / f"{m}.sv"
        path.write_bytes((library() / f"{m}.sv").read_bytes())
        sources.append(path)
    for name, body in {**generated, TOP: text}.items():
        path = rtl / f"{name}.sv"
        path.write_text(body)
        sources.append(path)
    for name, image in images.items():
        with (mem / name).open("w") as f:
            f.write(image.text())
    return Project(folder, TOP, tuple(sources), mem)


def _children(generated: Mapping[str, str]) -> set[str]:
    return {m for text in generated.values() for m in re.findall(r"\b(r4_\w+)\s+#?\(", text)}
