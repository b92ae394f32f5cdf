# SPDX-License-Identifier: Apache-2.0
"""Forks streams with several readers."""

from __future__ import annotations

from rtl4ml.cells.streams import ForkCell
from rtl4ml.lowering.builder import NetlistBuilder
from rtl4ml.netlist.netlist import Wire


def fork(builder: NetlistBuilder, x: Wire, readers: int) -> list[Wire]:
    """One wire for each of several readers, by a chain of forks."""
    out = []
    for k in range(readers - 1):
        name = f"{x.name}_to{k}" if readers > 2 else x.name
        a, b = (
            builder.wire(h, lanes=x.lanes, bits=x.bits, signed=x.signed, beats=x.beats, fraction=x.fraction)
            for h in (f"{name}_a", f"{name}_b")
        )
        made = builder.place(
            ForkCell(name=f"u_{name}_fork", inputs={"x": x}, outputs={"y0": a, "y1": b}, layer=builder.layer)
        )
        a, x = made.outputs.values()
        out.append(a)
    return [*out, x]
