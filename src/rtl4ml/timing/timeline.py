# SPDX-License-Identifier: Apache-2.0
"""When each layer works on the first frame: cycles of its first and last beats, in and out, from the cells' timing."""

from __future__ import annotations

from rtl4ml.cells.axis import edges
from rtl4ml.errors import EnvironmentProblem
from rtl4ml.measurements import LayerTimes
from rtl4ml.netlist.netlist import Cell, Netlist
from rtl4ml.timing.first_frames import steppable
from rtl4ml.timing.stepper import Stepper

# Modules that hand on what they are given: what waits in them is in no layer.
_PASSING = ("r4_fifo", "r4_spill", "r4_width", "r4_fork")


def timeline(netlist: Netlist) -> tuple[LayerTimes, ...] | None:
    """The input streams, every operator that has cells, and the output streams, in the graph's order.

    None where the frame is too large to be stepped through, where none comes out, or where g++ is missing.
    """
    try:
        if not steppable(netlist) or not (times := Stepper(netlist).trace()):
            return None
    except EnvironmentProblem:
        return None
    graph = netlist.graph
    maker = {w.name: c for c in netlist.cells for w in c.outputs.values()}
    reader = {w.name: c for c in netlist.cells for w in c.inputs.values()}

    def made_by(wire: str) -> str:
        """The layer that makes what a wire carries; empty: the input."""
        cell: Cell | None = maker.get(wire)
        while cell is not None and cell.module in _PASSING:
            cell = maker.get(cell.x.name)
        return "" if cell is None else cell.layer

    def read_by(wire: str) -> set[str]:
        """The layers that read it; empty text: the output."""
        cell = reader.get(wire)
        if cell is None:
            return {""}
        if cell.module not in _PASSING:
            return {cell.layer}
        return {layer for w in cell.outputs.values() for layer in read_by(w.name)}

    takes: dict[str, list[tuple[int, int]]] = {}
    gives: dict[str, list[tuple[int, int]]] = {}
    for c in netlist.cells:
        if c.module in _PASSING:
            continue
        for w in c.inputs.values():
            if made_by(w.name) != c.layer:
                takes.setdefault(c.layer, []).append(times[w.name])
        for w in c.outputs.values():
            if read_by(w.name) != {c.layer}:
                gives.setdefault(c.layer, []).append(times[w.name])
    into, out = edges(netlist)
    found = [LayerTimes(graph.aside(c.port), times[f"{c.port}."], times[c.y.name]) for c in into]
    found += [
        LayerTimes(op.name, _whole(takes[op.name]), _whole(gives[op.name]))
        for op in graph.ops
        if op.name in takes and op.name in gives
    ]
    return (*found, *(LayerTimes(graph.aside(c.port), times[c.x.name], times[f"{c.port}."]) for c in out))


def _whole(spans: list[tuple[int, int]]) -> tuple[int, int]:
    """From the first of all to the last of all."""
    return min(first for first, _ in spans), max(last for _, last in spans)
