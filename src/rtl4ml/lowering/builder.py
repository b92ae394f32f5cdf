# SPDX-License-Identifier: Apache-2.0
"""Collects cells and wires while operators are lowered; gives every name once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import gcd

from rtl4ml.cells.streams import MOST_SPILLS, Fifo, Narrow, Spill, Widen
from rtl4ml.device import ZCU102, Device
from rtl4ml.errors import UnsupportedLayer
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.types import Stream
from rtl4ml.netlist.netlist import Cell, FreeRunning, Netlist, Wire

# Signals that a wire is declared as in the top module.
SIGNALS = ("valid", "ready", "data")


def _edges(graph: Graph) -> set[str]:
    """Names of the top module that no cell or wire may take: its ports, its edges and what joins these."""
    ports = (*graph.sources, *graph.sinks)
    ends = ("valid", "ready", "data", "last", "user")
    names = [
        *("r4_top", "aclk", "aresetn", "frame_errors_o", "u_axis_in", "u_axis_out"),
        *(f"flag_{end}" for end in SIGNALS),
        *ports,
        *(f"{port}_t{end}" for port in ports for end in ends),
    ]
    if len(ports) > 2:
        flags = [f"flag_{i}_{o}" for i in range(len(graph.inputs)) for o in range(len(graph.outputs))]
        names += [f"{flag}_{end}" for flag in flags for end in SIGNALS]
        names += [f"u_{port}" for port in ports]
        names += [f"frame_errors_{port.removeprefix('s_axis_')}_o" for port in graph.sources]
    return {name.lower() for name in names}


@dataclass
class NetlistBuilder:
    """Collects cells while operators are lowered.

    All names of the top module come from here, so that none is given twice, whatever the layers are called. Case makes
    no difference, since memory images and generated modules are files named after their cells.
    """

    graph: Graph
    device: Device = ZCU102
    cells: list[Cell] = field(default_factory=list)
    layer: str = ""
    _taken: set[str] = field(default_factory=set)
    _made: dict[str, Cell] = field(default_factory=dict)  # the maker of each wire, by the wire's name

    def __post_init__(self) -> None:
        self._taken |= _edges(self.graph)

    @classmethod
    def continued(cls, net: Netlist) -> NetlistBuilder:
        """A builder without cells that gives no name of the netlist again."""
        n = cls(net.graph, net.cells[0].device if net.cells else ZCU102)
        wires = {w.name for c in net.cells for w in (*c.inputs.values(), *c.outputs.values())}
        n._taken |= {f"{w}_{signal}".lower() for w in wires for signal in SIGNALS}
        n._taken |= {c.name.lower() for c in net.cells}
        return n

    def _claim(self, hint: str, *ends: str) -> str:
        """A new name that is free with all of the endings: the hint, or the hint with a number."""
        name, k = hint, 1
        while not self._taken.isdisjoint(forms := {f"{name}{end}".lower() for end in ends}):
            k += 1
            name = f"{hint}_{k}"
        self._taken |= forms
        return name

    def wire(self, hint: str, *, lanes: int, bits: int, signed: bool, beats: int, fraction: int = 0) -> Wire:
        """A new wire; a number is added to the name where it is taken."""
        name = self._claim(hint, *(f"_{signal}" for signal in SIGNALS))
        return Wire(name, lanes, bits, signed, beats, fraction)

    def like(self, s: Stream, hint: str, lanes: int) -> Wire:
        """A wire that carries a stream."""
        return self.wire(
            hint,
            lanes=lanes,
            bits=s.type.width,
            signed=s.type.signed,
            beats=s.elements // lanes,
            fraction=s.type.fraction,
        )

    def add(self, cell: Cell) -> Wire:
        """Adds the cell, with a number behind its name where that is taken; returns its (first) output wire."""
        return self.place(cell).y

    def place(self, cell: Cell) -> Cell:
        """Adds the cell as `add` does; returns it with the name and the wires that it got.

        Pipelines run freely. A FIFO comes before a cell that may refuse a beat where it would have to take it, or where
        its ready would lead on to that of another cell.
        """
        inputs = {port: self._met(cell, w) for port, w in cell.inputs.items()}
        cell = replace(cell, name=self._claim(cell.name, ""), device=self.device, inputs=inputs)
        if isinstance(cell, FreeRunning):
            cell = cell.running()
        self.cells.append(cell)
        self._made.update({w.name: cell for w in cell.outputs.values()})
        return cell

    def _met(self, cell: Cell, x: Wire) -> Wire:
        """The wire by which a cell reads `x`: as it is, or behind a FIFO."""
        if isinstance(cell, Fifo) or (isinstance(cell, FreeRunning) and not cell.holds):
            return x
        maker = self._made.get(x.name)
        leads_on = maker is not None and not maker.cuts and not cell.cuts
        return self.fifo(x) if x.flight or leads_on else x

    def lanes(self, x: Wire, lanes: int) -> Wire:
        """The same elements, `lanes` a beat: through the greatest common divisor where neither divides the other."""
        while x.lanes != lanes:
            to = lanes if lanes % x.lanes == 0 or x.lanes % lanes == 0 else gcd(lanes, x.lanes)
            y = self.wire(
                f"{x.name}_by{to}",
                lanes=to,
                bits=x.bits,
                signed=x.signed,
                beats=x.beats * x.lanes // to,
                fraction=x.fraction,
            )
            kind = Widen if to > x.lanes else Narrow
            x = self.add(kind(name=f"u_{y.name}", inputs={"x": x}, outputs={"y": y}, layer=self.layer))
        return x

    def buffered(self, x: Wire, lanes: int) -> Wire:
        """The same elements, `lanes` a beat, behind a FIFO on that side of the converter that has wider beats.

        There the FIFO absorbs a burst of its writer, or waits for its reader, without stalling the converter. A spill
        is a FIFO, too.
        """
        if x.lanes == lanes and isinstance(self._made.get(x.name), Spill):
            return x
        if gcd(x.lanes, lanes) < x.lanes:
            x = self.fifo(x)
            if lanes < x.lanes and x.lanes % lanes == 0:
                return self.lanes(x, lanes)
        return self.fifo(self.lanes(x, lanes))

    def spill(self, x: Wire) -> Wire:
        """The same beats behind memory at AXI4 ports of the top module. Raises UnsupportedLayer for one too many."""
        at = sum(isinstance(c, Spill) for c in self.cells)
        if at == MOST_SPILLS:
            raise UnsupportedLayer(
                f"{self.layer}: at most {MOST_SPILLS} skips may be in DRAM, not more; give some another home"
            )
        y = self.wire(
            f"{x.name}_s", lanes=x.lanes, bits=x.bits, signed=x.signed, beats=x.beats, fraction=x.fraction
        )
        x = self.fifo(x) if x.flight else x
        made = Spill(name=f"u_{y.name}", inputs={"x": x}, outputs={"y": y}, layer=self.layer, port=f"s{at}")
        return self.add(made)

    def fifo(self, x: Wire, depth: int = 0) -> Wire:
        """The same beats behind a FIFO of that depth, or of the least that serves."""
        y = self.wire(
            f"{x.name}_f", lanes=x.lanes, bits=x.bits, signed=x.signed, beats=x.beats, fraction=x.fraction
        )
        made = Fifo(name=f"u_{y.name}", inputs={"x": x}, outputs={"y": y}, layer=self.layer)
        return self.add(replace(made, depth=max(depth, made.least)))
