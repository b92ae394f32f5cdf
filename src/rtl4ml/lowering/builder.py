# SPDX-License-Identifier: Apache-2.0
"""Collects cells and wires while operators are lowered; gives every name once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import gcd

from rtl4ml.cells.streams import Fifo, Width
from rtl4ml.device import ZCU102, Device
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.types import Stream
from rtl4ml.netlist.netlist import Cell, Netlist, Wire

# Signals that a wire is declared as in the top module.
SIGNALS = ("valid", "ready", "data")

# Names of the top module that are not made of a layer's name: its ports, its edges and what joins these.
_EDGES = frozenset(
    {
        "r4_top", "aclk", "aresetn", "frame_errors_o", "s_axis", "m_axis", "u_axis_in", "u_axis_out",
        *(f"flag_{end}" for end in SIGNALS),
        *(f"{side}_axis_t{end}" for side in "sm" for end in ("valid", "ready", "data", "last", "user")),
    }
)  # fmt: skip


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
    _taken: set[str] = field(default_factory=lambda: set(_EDGES))

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
        name = self._claim(cell.name, "")
        same = name == cell.name and self.device is cell.device
        self.cells.append(cell if same else replace(cell, name=name, device=self.device))
        return cell.y

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
            x = self.add(Width(name=f"u_{y.name}", inputs={"x": x}, outputs={"y": y}, layer=self.layer))
        return x

    def buffered(self, x: Wire, lanes: int) -> Wire:
        """The same elements, `lanes` a beat, behind a FIFO on that side of the converter that has wider beats.

        There the FIFO absorbs a burst of its writer, or waits for its reader, without stalling the converter.
        """
        if gcd(x.lanes, lanes) < x.lanes:
            x = self.fifo(x)
            if lanes < x.lanes and x.lanes % lanes == 0:
                return self.lanes(x, lanes)
        return self.fifo(self.lanes(x, lanes))

    def fifo(self, x: Wire, depth: int = 2) -> Wire:
        """The same beats behind a FIFO."""
        y = self.wire(
            f"{x.name}_f", lanes=x.lanes, bits=x.bits, signed=x.signed, beats=x.beats, fraction=x.fraction
        )
        return self.add(
            Fifo(name=f"u_{y.name}", inputs={"x": x}, outputs={"y": y}, layer=self.layer, depth=depth)
        )
