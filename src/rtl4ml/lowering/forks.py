# SPDX-License-Identifier: Apache-2.0
"""Streams with several readers."""

from __future__ import annotations

from rtl4ml.cells.streams import ForkCell
from rtl4ml.lowering.builder import NetlistBuilder
from rtl4ml.netlist.netlist import Wire


def fork(n: NetlistBuilder, x: Wire, readers: int) -> list[Wire]:
    """A wire for each of several readers: a chain of forks."""
    out = []
    for k in range(readers - 1):
        name = f"{x.name}_to{k}" if readers > 2 else x.name
        a, b = (
            n.wire(h, lanes=x.lanes, bits=x.bits, signed=x.signed, beats=x.beats, fraction=x.fraction)
            for h in (f"{name}_a", f"{name}_b")
        )
        n.add(ForkCell(name=f"u_{name}_fork", inputs={"x": x}, outputs={"y0": a, "y1": b}, layer=n.layer))
        out.append(a)
        x = b
    return [*out, x]
