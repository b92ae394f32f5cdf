# SPDX-License-Identifier: Apache-2.0
"""Model of generated graphs of adders."""

from __future__ import annotations

from collections import Counter

from rtl4ml.cells.adders import Adders
from rtl4ml.netlist.memories import Terms
from rtl4ml.netlist.netlist import Cell


def adder_graph_terms(cell: Cell) -> tuple[Terms, Terms, float]:
    """Terms of a generated graph of adders: bits of sums, of sums with constants, and of pipeline registers.

    merged: bits of sums with a constant that nothing but an adder of the same stage feeds; Yosys makes one sum of three
            numbers of both, which takes more LUTs
    """
    assert isinstance(cell, Adders)
    g = cell.graph
    sums = constants = merged = kept = 0
    readers = Counter(src for n in g.nodes[g.inputs :] for src in (n.a, n.b) if src is not None)
    readers.update(o[0] for o in g.outputs if not isinstance(o, int))
    for i, n in enumerate(g.nodes):
        width = n.type.width if i >= g.inputs else cell.x.bits
        kept += width * (cell.life[i] - cell.stage[i])
        if i < g.inputs:
            continue
        if n.constant is None:
            sums += width
            continue
        # Low bits in which only one operand has bits pass through, unless a subtraction inverts them.
        zeros = (n.constant & -n.constant).bit_length() - 1 if n.constant else width
        constants += max(0, width - max(n.a_shift, 0 if n.subtract else zeros))
        if n.a >= g.inputs and cell.stage[n.a] == cell.stage[i] and readers[n.a] == 1:
            merged += width
    return {"one": 1, "sum": sums, "constant": constants, "merged": merged}, {"one": 1, "kept": kept}, 0.0
