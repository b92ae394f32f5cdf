# SPDX-License-Identifier: Apache-2.0
"""Finds the stream of the graph that each FIFO of a netlist is on, and which of these streams are skips."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from rtl4ml.ir.graph import Graph
from rtl4ml.netlist.netlist import Cell, Netlist, Wire

# Cells that hand on what they are given.
_FIFOS, _FORK = ("r4_fifo", "r4_spill"), "r4_fork"
_PASSING = (*_FIFOS, "r4_width", _FORK)


def output(graph: Graph) -> str:
    """The name of the reader of the graph's outputs."""
    return graph.aside("output")


def streams(graph: Graph) -> list[tuple[str, str]]:
    """(from, to) of every stream: the inputs of every operator in turn, then the outputs of the graph."""
    inner = [(s.name, op.name) for op in graph.ops for s in op.inputs]
    return inner + [(s.name, output(graph)) for s in graph.outputs]


def placed(netlist: Netlist) -> dict[str, int]:
    """The stream that every FIFO stands on, as its place in `streams`; FIFOs within an operator are left out."""
    graph = netlist.graph
    maker: dict[str, Cell] = {w.name: c for c in netlist.cells for w in c.outputs.values()}
    reader: dict[str, Cell] = {w.name: c for c in netlist.cells for w in c.inputs.values()}
    working = {c.layer for c in netlist.cells if c.module not in _PASSING}
    made_by = graph.makers
    operators = {op.name for op in graph.ops}
    end = output(graph)

    def origin(stream: str) -> str:
        """The operator whose cells make the stream, past those that are wires only, or the input."""
        op = made_by.get(stream)
        while op is not None and op.name not in working:
            stream = op.x.name
            op = made_by.get(stream)
        return stream if op is None else op.name

    def up(w: Wire, *past: str) -> Wire:
        """The wire that it is made of by cells that pass on."""
        while w.name in maker and maker[w.name].module in past:
            w = maker[w.name].x
        return w

    def behind(w: Wire) -> str | None:
        """The operator whose cells read it, None for several."""
        cell = reader.get(w.name)
        while cell is not None and cell.module in _PASSING:
            if cell.module == _FORK:
                return None
            cell = reader.get(cell.y.name)
        return end if cell is None else cell.layer

    entries = {w.name: s.name for w, s in zip(netlist.inputs, graph.inputs, strict=True)}
    between: defaultdict[tuple[str, str | None], list[int]] = defaultdict(list)
    for k, (stream, to) in enumerate(streams(graph)):
        between[origin(stream), to].append(k)
    found: dict[str, int] = {}
    branches: dict[int, Wire] = {}  # where several streams have the same ends, each is a branch of its own
    for c in netlist.cells:
        if c.module not in _FIFOS:
            continue
        first = up(c.x, *_PASSING)
        source = maker[first.name].layer if first.name in maker else entries[first.name]
        target = behind(c.y) if c.layer == source or c.layer not in operators else c.layer
        branch = up(c.x, *_FIFOS, "r4_width")
        for k in between[source, target]:
            if branches.setdefault(k, branch) is branch:
                found[c.name] = k
                break
    return found


def skips(of: Sequence[tuple[str, str]]) -> set[int]:
    """Places of those streams (from, to) beside which there is a longer way between their ends."""
    after: defaultdict[str, set[str]] = defaultdict(set)
    for a, b in of:
        after[a].add(b)

    def reached(start: set[str]) -> set[str]:
        seen: set[str] = set()
        todo = list(start)
        while todo:
            at = todo.pop()
            if at not in seen:
                seen.add(at)
                todo += after.get(at, ())
        return seen

    return {k for k, (a, b) in enumerate(of) if b in reached(after[a] - {b})}
