# SPDX-License-Identifier: Apache-2.0
"""Graph to netlist: every operator's cells, forks where a stream has several readers, FIFOs that cut the ready path."""

from __future__ import annotations

from functools import lru_cache

from rtl4ml.cells.streams import Fifo
from rtl4ml.errors import UnsupportedLayer
from rtl4ml.ir.graph import Graph
from rtl4ml.lowering.builder import Lowering
from rtl4ml.netlist.netlist import Netlist, Wire

# Two entries hold a full rate over a registered ready.
CUT = 2


@lru_cache(maxsize=4)
def lower(graph: Graph) -> Netlist:
    """The netlist of a folded graph, its FIFOs as small as can be.

    Raises UnsupportedLayer for a graph of several inputs or outputs.
    """
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise UnsupportedLayer(
            f"{graph.name}: hardware must have one input and one output, not {len(graph.inputs)} and "
            f"{len(graph.outputs)}; split the model"
        )
    n = Lowering(graph, layer=graph.aside("s_axis"))
    source, sink = graph.inputs[0], graph.outputs[0]
    first = n.like(source, "x", input_lanes(graph))
    ends: dict[str, list[Wire]] = {source.name: _fork(n, first, len(graph.readers.get(source.name, [])))}
    for op in graph.ops:
        n.layer = op.name
        xs = [ends[s.name].pop() for s in op.inputs]
        if op.cuts:
            xs = [n.buffered(x, op.lanes_of(i)) for i, x in enumerate(xs)]
        y = op.lower(n, *xs)
        readers = len(graph.readers.get(op.output.name, [])) + (op.output.name == sink.name)
        ends[op.output.name] = _fork(n, y, readers)
    last = ends[sink.name].pop()
    if not any(isinstance(c, Fifo) and c.y is last for c in n.cells):
        n.layer = graph.aside("m_axis")
        last = n.fifo(last, CUT)
    return Netlist(graph, tuple(n.cells), first, last)


def input_lanes(graph: Graph) -> int:
    """Elements of an input beat: as many as the widest of its readers takes at once."""
    source = graph.inputs[0]
    readers = graph.readers.get(source.name, [])
    return max(
        (r.lanes_of(i) for r in readers for i, s in enumerate(r.inputs) if s.name == source.name), default=1
    )


def _fork(n: Lowering, w: Wire, readers: int) -> list[Wire]:
    """A wire for each reader; what reads it stands behind a FIFO of its own, which cuts the ready path."""
    if readers <= 1:
        return [w]
    from rtl4ml.lowering.forks import fork

    return fork(n, w, readers)[::-1]
