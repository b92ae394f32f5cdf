# SPDX-License-Identifier: Apache-2.0
"""Lowers a plan to a netlist: cells of all operators, forks for several readers, FIFOs that cut the ready path."""

from __future__ import annotations

from functools import lru_cache

from rtl4ml.cells.streams import Fifo
from rtl4ml.ir.types import Stream
from rtl4ml.lowering import (  # noqa: F401 -- they register the lowerings of their operators
    activation,
    conv,
    depthwise,
    head,
    maximum,
    merge,
    opening,
    pool,
    spatial,
)
from rtl4ml.lowering.builder import NetlistBuilder
from rtl4ml.lowering.forks import fork
from rtl4ml.lowering.registry import lowering_of
from rtl4ml.netlist.netlist import Netlist, Wire
from rtl4ml.netlist.plan import Plan


@lru_cache(maxsize=4)
def lower(plan: Plan) -> Netlist:
    """The netlist of a plan; its FIFOs have the least depth.

    Raises UnsupportedLayer for a graph with an operator that has no cells.
    """
    graph = plan.graph
    builder = NetlistBuilder(graph, plan.device, layer=graph.aside("s_axis"))
    sinks = [s.name for s in graph.outputs]
    first: list[Wire] = []
    ends: dict[str, list[Wire]] = {}
    for source in graph.inputs:
        hint = "x" if len(graph.inputs) == 1 else f"x_{source.name}"
        first.append(builder.like(source, hint, input_lanes(plan, source)))
        ends[source.name] = _fork(builder, first[-1], len(graph.readers.get(source.name, [])))
    for op in graph.ops:
        builder.layer = op.name
        lowering, folding = lowering_of(op), plan[op]
        xs = [ends[s.name].pop() for s in op.inputs]
        if lowering.cuts_ready:
            xs = [builder.buffered(x, lowering.input_lanes(folding, i)) for i, x in enumerate(xs)]
        for i, s in enumerate(op.inputs):
            if (op.name, s.name) in graph.spilled:
                xs[i] = builder.spill(builder.buffered(xs[i], lowering.input_lanes(folding, i)))
        y = lowering.lower(builder, folding, *xs)
        readers = len(graph.readers.get(op.output.name, [])) + sinks.count(op.output.name)
        ends[op.output.name] = _fork(builder, y, readers)
    last = [ends[name].pop() for name in sinks]
    builder.layer = graph.aside("m_axis")
    behind = {c.y.name for c in builder.cells if isinstance(c, Fifo)}
    last = [w if w.name in behind else builder.fifo(w) for w in last]
    return Netlist(graph, tuple(builder.cells), tuple(first), tuple(last), plan=plan)


def input_lanes(plan: Plan, source: Stream) -> int:
    """Lanes of an input of the graph: those of its widest reader."""
    readers = plan.graph.readers.get(source.name, [])
    return max(
        (
            lowering_of(r).input_lanes(plan[r], i)
            for r in readers
            for i, s in enumerate(r.inputs)
            if s.name == source.name
        ),
        default=1,
    )


def _fork(builder: NetlistBuilder, wire: Wire, readers: int) -> list[Wire]:
    """One wire for each reader. Each reader has a FIFO of its own, which cuts the ready path."""
    return [wire] if readers <= 1 else fork(builder, wire, readers)[::-1]
