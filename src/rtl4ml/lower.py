"""Graph to netlist: every operator's cells, forks where a stream has several readers, FIFOs that cut the ready path."""

from __future__ import annotations

from dataclasses import replace

from rtl4ml.cells import Fifo
from rtl4ml.cycles import depths
from rtl4ml.errors import UnsupportedLayer
from rtl4ml.ir import Graph, Op
from rtl4ml.netlist import Lowering, Netlist, Wire

# Two entries hold a full rate over a registered ready.
CUT = 2


def lower(graph: Graph, *, analyse: bool = True) -> Netlist:
    """The netlist of a folded graph; skip FIFOs get the depth that the analysis of beats finds."""
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise UnsupportedLayer(
            f"{graph.name}: hardware must have one input and one output, not {len(graph.inputs)} and "
            f"{len(graph.outputs)}; split the model"
        )
    n = Lowering(graph)
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
        n.layer = "m_axis"
        last = n.fifo(last, CUT)
    net = Netlist(graph, tuple(n.cells), first, last)
    return sized(net) if analyse else net


def input_lanes(graph: Graph) -> int:
    """Elements of an input beat: what the first reader takes at once."""
    source = graph.inputs[0]
    readers = graph.readers.get(source.name, [])
    return max((r.input_lanes for r in readers), default=1)


def _fork(n: Lowering, w: Wire, readers: int) -> list[Wire]:
    """A wire for each reader; what reads it stands behind a FIFO of its own, which cuts the ready path."""
    if readers <= 1:
        return [w]
    from rtl4ml.cells_join import fork

    return fork(n, w, readers)[::-1]


def sized(net: Netlist) -> Netlist:
    """The netlist with FIFOs as deep as its full pace needs, those where paths meet no deeper."""
    rows = {c.name: -(-c.x.beats // _rows(net, c)) for c in net.cells if isinstance(c, Fifo)}
    found = depths(net, rows, _meetings(net), CUT)
    cells = (replace(c, depth=found[c.name]) if isinstance(c, Fifo) else c for c in net.cells)
    return replace(net, cells=tuple(cells))


def _rows(net: Netlist, fifo: Fifo) -> int:
    """Rows of the frame that goes through a FIFO; 1-D and flat streams have one."""
    shapes = [s.hwc for op in net.graph.ops if op.name == fifo.layer for s in (*op.inputs, op.output)]
    return max((h for h, w, c in shapes if h * w * c == fifo.x.beats * fifo.x.lanes), default=1)


def _meetings(net: Netlist) -> list[str]:
    """FIFOs right before a cell of several inputs, those with the longest way from the last fork first."""
    makers = {w.name: c for c in net.cells for w in c.outputs.values()}
    found: dict[str, int] = {}
    for join in net.cells:
        for w in join.inputs.values() if len(join.inputs) > 1 else ():
            fifo = at = makers.get(w.name)
            steps = 0
            while at is not None and at.module != "r4_fork":
                steps, at = steps + 1, makers.get(at.x.name)
            if isinstance(fifo, Fifo):
                found[fifo.name] = steps
    return sorted(found, key=lambda name: -found[name])


def fold(op: Op, **changes: object) -> Op:
    """The operator with another folding."""
    return replace(op, **changes)  # type: ignore[arg-type]


def rebuild(graph: Graph, ops: list[Op]) -> Graph:
    """The graph with its operators replaced one by one (same names, same streams)."""
    assert [o.name for o in ops] == [o.name for o in graph.ops]
    return replace(graph, ops=tuple(ops))
