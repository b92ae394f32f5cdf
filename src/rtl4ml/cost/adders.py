# SPDX-License-Identifier: Apache-2.0
"""Model of generated graphs of adders."""

from __future__ import annotations

from collections import Counter

from rtl4ml.cells.adders import Adders
from rtl4ml.netlist.memories import Terms
from rtl4ml.netlist.netlist import Cell


def adder_graph_terms(cell: Cell) -> tuple[Terms, Terms, float]:
    """Terms of a generated graph of adders: bits of sums of two numbers, of three, of sums with a constant, and of
    pipeline registers.

    merged: bits of sums with a constant that nothing but an adder of the same stage feeds; Yosys makes one sum of three
            numbers of both, which takes more LUTs. Only of devices whose adders do not take three
    """
    assert isinstance(cell, Adders)
    g, pipeline = cell.graph, cell.pipeline
    sums = threes = constants = merged = kept = 0
    readers = Counter(src for n in g.nodes[g.inputs :] for src in (n.a, n.b) if src is not None)
    readers.update(o[0] for o in g.outputs if not isinstance(o, int))
    for i, n in enumerate(g.nodes):
        if i in pipeline.absorbed:
            continue
        width = n.type.width if i >= g.inputs else cell.x.bits
        kept += width * (pipeline.life[i] - pipeline.stage[i])
        if i < g.inputs:
            continue
        if len(pipeline.terms(i)) == 3:
            threes += pipeline.added(i)
        elif n.constant is None:
            sums += width
        else:
            # Low bits in which only one operand has bits pass through, unless a subtraction inverts them.
            zeros = (n.constant & -n.constant).bit_length() - 1 if n.constant else width
            constants += max(0, width - max(n.a_shift, 0 if n.subtract else zeros))
            if n.a >= g.inputs and pipeline.stage[n.a] == pipeline.stage[i] and readers[n.a] == 1:
                merged += width
    lut: Terms = {"one": 1, "sum": sums, "three": threes, "constant": constants, "merged": merged}
    return lut, {"one": 1, "kept": kept}, 0.0
