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
            xs = [n.fifo(x, CUT) for x in xs]
        y = op.lower(n, *xs)
        readers = len(graph.readers.get(op.output.name, [])) + (op.output.name == sink.name)
        ends[op.output.name] = _fork(n, y, readers)
    last = ends[sink.name].pop()
    if not any(isinstance(c, Fifo) and c.y is last for c in n.cells):
        n.layer = "m_axis"
        last = n.fifo(last, CUT)
    net = Netlist(graph, tuple(n.cells), first, last)
    return sized(net) if analyse and any(len(r) > 1 for r in graph.readers.values()) else net


def input_lanes(graph: Graph) -> int:
    """Elements of an input beat: what the first reader takes at once."""
    source = graph.inputs[0]
    readers = graph.readers.get(source.name, [])
    return max((r.input_lanes for r in readers), default=1)


def _fork(n: Lowering, w: Wire, readers: int) -> list[Wire]:
    if readers <= 1:
        return [w]
    from rtl4ml.cells_join import fork

    return [n.fifo(o, CUT) for o in reversed(fork(n, w, readers))]


def sized(net: Netlist) -> Netlist:
    """The netlist with the FIFOs behind every fork as deep as its full pace needs, and no deeper."""
    found = depths(net, _behind_forks(net), CUT)
    return replace(
        net,
        cells=tuple(
            replace(c, depth=found[c.name]) if isinstance(c, Fifo) and c.name in found else c
            for c in net.cells
        ),
    )


def _behind_forks(net: Netlist) -> list[str]:
    """FIFOs that read a fork, those with the longest way to where the paths meet first."""
    readers = {w.name: c for c in net.cells for w in c.inputs.values()}
    found: dict[str, int] = {}
    for c in net.cells:
        if c.module != "r4_fork":
            continue
        for w in c.outputs.values():
            fifo = at = readers[w.name]
            steps = 0
            while (at := readers.get(at.y.name)) is not None and len(at.inputs) == 1:  # type: ignore[assignment]
                steps += 1
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
