# SPDX-License-Identifier: Apache-2.0
"""Linear layers unrolled to one position a cycle: a window and a graph of adders, no multiplier."""

from __future__ import annotations

from rtl4ml.cells.adders import Adders
from rtl4ml.lowering.builder import Lowering
from rtl4ml.lowering.windows import geometry, serial, taps
from rtl4ml.netlist.adder_graph import adder_graph
from rtl4ml.netlist.netlist import Wire
from rtl4ml.ops.conv import Linear


def lower_unrolled(n: Lowering, op: Linear, x: Wire) -> Wire:
    """Parallel window and adder graph: one output position a cycle."""
    geo = geometry(op)
    channels = op.x.channels
    w = taps(n, op.name, x, geo, channels, channels) if geo.taps > 1 else n.lanes(x, channels)
    if geo.taps == 1 and op.out_hw != op.x.hwc[:2]:  # of a pixel a window still picks those that count
        w = serial(n, op.name, w, geo, channels)
    y = n.like(op.output, op.name, op.out_channels)
    matrix = op._taps << op.shift
    graph = adder_graph(matrix, op.aligned_bias, min(op.x.lo, 0), max(op.x.hi, 0))
    return n.add(
        Adders(name=f"u_{op.name}", inputs={"x": w}, outputs={"y": y}, layer=n.layer, op=op, graph=graph)
    )
