# SPDX-License-Identifier: Apache-2.0
"""Model of generated graphs of adders."""

from __future__ import annotations

from rtl4ml.cells.adders import Adders
from rtl4ml.netlist.memories import Terms
from rtl4ml.netlist.netlist import Cell


def adder_graph_terms(cell: Cell) -> tuple[Terms, Terms, float]:
    """Terms of a generated graph of adders: bits in which both operands overlap, and bits of pipeline registers."""
    assert isinstance(cell, Adders)
    g = cell.graph
    pairs = constants = kept = 0
    for i, n in enumerate(g.nodes):
        width = n.type.width if i >= g.inputs else cell.x.bits
        kept += width * (cell.life[i] - cell.stage[i])
        if i < g.inputs:
            continue
        # Low bits in which only one operand has bits pass through, unless a subtraction inverts them.
        if n.constant is None:
            pairs += max(0, width - max(n.b_shift, 0 if n.subtract else n.a_shift))
        else:
            zeros = (n.constant & -n.constant).bit_length() - 1 if n.constant else width
            constants += max(0, width - max(n.a_shift, 0 if n.subtract else zeros))
    return {"one": 1, "adder": pairs, "constant": constants}, {"one": 1, "kept": kept}, 0.0
