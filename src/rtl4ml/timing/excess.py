# SPDX-License-Identifier: Apache-2.0
"""Why the interval is longer than the target."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from rtl4ml.ir.graph import Graph
from rtl4ml.measurements import Cycles
from rtl4ml.netlist.netlist import Netlist
from rtl4ml.report.numbers import number
from rtl4ml.reuse import ByHand


def by_hand(graph: Graph, foldings: Mapping[str, ByHand] | None) -> set[str]:
    """Operators of the layers that were folded by hand."""
    return {op.name for op in graph.ops if not {op.name, *op.layers}.isdisjoint(foldings or ())}


def excess(netlist: Netlist, cycles: Cycles, target: int | None, fixed: Collection[str]) -> str | None:
    """The cause as a clause of a sentence; None where the target is met or there is no target.

    fixed: names of the operators whose foldings the user fixed
    """
    if target is None or cycles.interval <= target:
        return None
    slowest = cycles.cells[cycles.bottleneck]
    layer = {c.name: c.layer for c in netlist.cells}.get(cycles.bottleneck)
    operators = {op.name for op in netlist.graph.ops}
    what = layer if layer in operators else "the input" if layer is None else "the output"
    if layer in fixed:
        what = f"{layer} folded by hand"
    elif fixed and slowest > target:
        what = f"{what} beside layers folded by hand"
    said = [f"{what} needs {number(slowest)}"] if slowest > target else []
    if cycles.interval > slowest:
        where = f", in {layer}," if layer in operators else ""
        said.append(
            f"cells hold each other up: frames come {number(float(cycles.interval))} cycles apart, the slowest cell"
            f"{where} needs {number(slowest)}"
        )
    return "; ".join(said)
