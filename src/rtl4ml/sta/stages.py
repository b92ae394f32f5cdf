# SPDX-License-Identifier: Apache-2.0
"""A design in stages that are analysed apart: cells between two cuts, with the cells that cut.

A cell cuts where no combinational path crosses it (`Cell.cuts`): whatever enters it ends in a register, whatever leaves
it comes from one. So a path from register to register never runs beyond the cells that cut, and the stages of a design
have all of its paths. A cell that cuts is in the stages on both of its sides.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from rtl4ml.cells.axis import AxisOut, container, edges
from rtl4ml.cells.library import GeneratedCell
from rtl4ml.cells.streams import Spill
from rtl4ml.emit.library import library, modules
from rtl4ml.emit.systemverilog import literal, snake, wide_parameters
from rtl4ml.netlist.images import Image
from rtl4ml.netlist.netlist import Cell, Netlist, Wire

TOP = "r4_stage"
BLACK_BOXES = ("r4_dsp_mac", "r4_dsp_pump")
_ENDS = ("valid", "data", "ready")  # of a wire's signals


@dataclass(frozen=True)
class Stage:
    """Cells that are synthesized and analysed together; in its text they are c0, c1 … and their wires w0, w1 …

    Of a FIFO, a width converter and another FIFO there is one stage of all three; each FIFO is in a further one with
    what is on its other side.
    """

    cells: tuple[Cell, ...]

    def __repr__(self) -> str:
        return f"<Stage {', '.join(c.name for c in self.cells)}>"

    @property
    def wires(self) -> dict[str, Wire]:
        """All wires at its cells by name, in the order in which they come."""
        return {w.name: w for c in self.cells for w in (*c.inputs.values(), *c.outputs.values())}

    @cached_property
    def _aliases(self) -> dict[str, str]:
        return {name: f"w{n}" for n, name in enumerate(self.wires)}

    def cell_of(self, alias: str) -> Cell | None:
        """The cell that is called so in its text (c0), or that drives a signal of the name (w0_valid); else None."""
        if m := re.fullmatch(r"c(\d+)", alias):
            return self.cells[int(m[1])]
        if m := re.fullmatch(r"(w\d+)_(valid|data|ready)", alias):
            wire = next((name for name, a in self._aliases.items() if a == m[1]), "")
            for c in self.cells:
                ends = c.inputs if m[2] == "ready" else c.outputs
                if wire in (w.name for w in ends.values()):
                    return c
        return None

    @cached_property
    def _instances(self) -> tuple[list[str], dict[str, str], dict[str, Image]]:
        """Lines of the instances, declarations of the stage's own ports by name, and images by file name."""
        lines: list[str] = []
        outside: dict[str, str] = {}
        images: dict[str, Image] = {}
        for n, cell in enumerate(self.cells):
            values = []
            for key, p in cell.params().items():
                name = f"c{n}_{snake(key)}.mem"
                if isinstance(p, Image):
                    images[name] = p
                wide = not cell.generated and key in wide_parameters(cell.module)
                values.append(f".{key}({literal(p, name, wide=wide)})")
            module = f"generated_{n}" if cell.generated else cell.module
            pins = [".clk_i(clk_i)", ".rst_ni(rst_ni)"]
            for port, signal in cell.connections():
                wire, _, end = signal.rpartition("_")
                if signal[0].isdigit():  # a constant
                    pins.append(f".{port}({signal})")
                elif end in _ENDS and wire in self._aliases:
                    pins.append(f".{port}({self._aliases[wire]}_{end})")
                else:
                    for name in re.findall(r"\w+", signal):  # several flags are joined
                        outside[name] = _edge_port(cell, port, name, outside.get(name))
                    pins.append(f".{port}({signal})")
            parameters = f" #({', '.join(values)})" if values else ""
            lines.append(f"  {module}{parameters} c{n} ({', '.join(pins)});")
        return lines, {k: v for k, v in outside.items() if v}, images

    @property
    def images(self) -> dict[str, Image]:
        """The memory images that its text names."""
        return self._instances[2]

    @cached_property
    def text(self) -> str:
        """The top module, in SystemVerilog."""
        made = {w.name for c in self.cells for w in c.outputs.values()}
        read = {w.name for c in self.cells for w in c.inputs.values()}
        ports, inner = ["input logic clk_i", "input logic rst_ni"], []
        for name, w in self.wires.items():
            for end, width in (("valid", 1), ("ready", 1), ("data", w.width)):
                declared = f"logic [{width - 1}:0] {self._aliases[name]}_{end}"
                if name in made and name in read:
                    inner.append(f"  {declared};")
                else:
                    ports.append(f"{'input' if (name in read) != (end == 'ready') else 'output'} {declared}")
        instances, outside, _ = self._instances
        both = [s for s, d in outside.items() if d == "inner"]
        inner += [f"  logic {s};" for s in both]
        ports += [d for s, d in outside.items() if s not in both]
        head = f"module {TOP} (\n  " + ",\n  ".join(ports) + "\n);\n"
        return head + "\n".join([*inner, *instances]) + "\nendmodule\n"

    @cached_property
    def sources(self) -> dict[str, str]:
        """Module name to text, without comments, of all that it is made of."""
        out: dict[str, str] = {}
        roots = {c.module for c in self.cells if not c.generated}
        for n, c in enumerate(self.cells):
            if isinstance(c, GeneratedCell):
                out[f"generated_{n}"] = re.sub(rf"\b{c.module}\b", f"generated_{n}", _bare(c.text()))
                roots |= set(re.findall(r"\b(r4_\w+)\s+#\(", c.text()))
        out |= {m: _bare((library() / f"{m}.sv").read_text()) for m in modules(roots) if m not in BLACK_BOXES}
        return {**out, TOP: self.text}

    @cached_property
    def key(self) -> str:
        """The same for stages that are equal but for names."""
        h = hashlib.sha256()
        for name, text in sorted(self.sources.items()):
            h.update(f"{name}\0{text}\0".encode())
        for name, image in sorted(self.images.items()):
            h.update(f"{name}\0{image.text()}\0".encode())
        return h.hexdigest()[:32]


def _bare(text: str) -> str:
    """A module's text without its comments, which make no difference."""
    return re.sub(r"//[^\n]*", "", text)


# Ports of the edges that are outputs, though their names do not say so.
_GIVEN = frozenset({"s_axis_tready", *(f"m_axis_{end}" for end in ("tvalid", "tdata", "tlast", "tuser"))})


def _edge_port(cell: Cell, port: str, signal: str, declared: str | None) -> str:
    """The declaration of a signal at a port that is no wire's: of the AXI4-Stream, a flag, the errors, or a spill's."""
    if isinstance(cell, Spill):
        way, bits = next((way, bits) for way, bits, _, name in cell.top_ports() if name == signal)
        return f"{way} logic [{bits - 1}:0] {signal}"
    if declared is not None:  # a flag, with both edges in one stage
        return "inner"
    wire = cell.x if isinstance(cell, AxisOut) else cell.y
    data = wire.lanes * container(wire.bits)
    width = {"s_axis_tdata": data, "m_axis_tdata": data, "errors_o": 32}.get(port, 1)
    way = "output" if port.endswith("_o") or port in _GIVEN else "input"
    return f"{way} logic [{width - 1}:0] {signal}"


def stages(netlist: Netlist, *, frames_in_flight: int = 2) -> list[Stage]:
    """All stages of a design, its edges included."""
    return split((*netlist.cells, *chain(*edges(netlist, frames_in_flight=frames_in_flight))))


def split(cells: Iterable[Cell]) -> list[Stage]:
    """The stages that cells form: those that share a wire, unless a cell that cuts is between."""
    cells = list(cells)
    group: dict[str, str] = {}  # name of a wire to that of another one of its group, or to its own

    def root(name: str) -> str:
        while group[name] != name:
            name = group[name]
        return name

    for c in cells:
        names = [w.name for w in (*c.inputs.values(), *c.outputs.values())]
        for name in names:
            group.setdefault(name, name)
        if not c.cuts:
            for name in names[1:]:
                group[root(name)] = root(names[0])
    found: dict[str, list[Cell]] = {}
    for c in cells:
        for r in dict.fromkeys(root(w.name) for w in (*c.inputs.values(), *c.outputs.values())):
            found.setdefault(r, []).append(c)
    return [Stage(tuple(s)) for s in found.values()]
