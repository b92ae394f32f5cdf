# SPDX-License-Identifier: Apache-2.0
"""The ways to fold one operator, and what each costs alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rtl4ml.device import Resources
from rtl4ml.errors import BadInput, named
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.op import Folding, Op
from rtl4ml.lowering.builder import Lowering
from rtl4ml.netlist.packing import Packing
from rtl4ml.ops.conv import Linear

# An adder graph of more products than this takes seconds or minutes to find: it is not looked at while a folding is
# there, than which it is hardly ever smaller, and else it is guessed until it is chosen.
UNROLLED = 1024
# One of more than this takes minutes, and the device's LUTs if there are a few of them: it is no folding at all.
LARGEST = 4096
# Of dense random matrices da4ml makes 0.46 (48 x 48) to 0.6 (8 x 8) adders a digit, of 0.9 times the bits of a product.
_ADDERS, _ADDER_BITS = 0.45, 0.9


def folded(op: Op, f: Folding) -> Op:
    """The operator with a folding of its own."""
    style = {"style": f.style} if isinstance(op, Linear) else {}
    return op.folded(pe=f.pe, simd=f.simd, **style)


def packed_variants(op: Op) -> list[Op]:
    """The folded operator, its products in LUTs or in DSP48E2: of packings that take as many, that of longest chain.

    More slices only pay where their chain is longer, so that fewer sums are left to LUTs.
    """
    if not isinstance(op, Linear) or op.style == "unrolled" or op.packing != "auto":
        return [op]
    best: dict[int, Packing] = {}
    for p in sorted(op.packings, key=lambda p: (p.chain, not p.overlap)):
        best[p.slices(op.pe, op.simd)] = p
    ways: list[Op] = [op.folded(packing=None)]
    longest = 0
    for _, p in sorted(best.items()):
        if p.chain > longest:
            ways.append(op.folded(packing=p))
            longest = p.chain
    return ways


@dataclass(frozen=True)
class Option:
    """A way to fold an operator, and what it costs alone."""

    op: Op
    interval: int
    cost: Resources
    multipliers: int


def netlist_cost(n: Lowering) -> Resources:
    """Predicted resources of all cells so far."""
    from rtl4ml.cost.estimate import estimate

    return sum((estimate(c.module, c.params(), c) for c in n.cells), Resources())


def _guess(op: Linear) -> Resources:
    """Resources of a large adder graph: bits of its adders, half of them kept in a register."""
    w = np.abs(op._taps)
    digits = int(np.bitwise_count(w ^ 3 * w).sum())  # of the shortest signed form
    bits = digits * _ADDERS * _ADDER_BITS * (op.x.type.width + op.weight_type.width)
    return Resources(lut=bits, ff=bits / 2)


def operator_resources(graph: Graph, op: Op) -> Resources:
    """Predicted resources of an operator and the FIFOs before it, fed in the lanes that it reads."""
    from rtl4ml.lowering.lower import CUT

    if isinstance(op, Linear) and op.style == "unrolled" and op._taps.size > UNROLLED:
        return _guess(op)
    n = Lowering(graph)
    xs = [n.like(s, f"x{i}", op.lanes_of(i)) for i, s in enumerate(op.inputs)]
    if op.cuts:
        xs = [n.fifo(x, CUT) for x in xs]
    op.lower(n, *xs)
    return netlist_cost(n)


def pinned_folding(op: Op, options: list[Folding], given: dict[str, tuple[int, int]]) -> Folding | None:
    """The folding that the user asked for, taken out of `given`."""
    key = next((k for k in (op.name, *op.layers) if k in given), None) if isinstance(op, Linear) else None
    if key is None:
        return None
    pe, simd = given.pop(key)
    for f in options:
        if (f.pe, f.simd) == (pe, simd):
            return f
    raise BadInput(
        f"{key}: {named('foldings')} must have as pe one of {sorted({f.pe for f in options})} and as simd one of "
        f"{sorted({f.simd for f in options})}, not {pe} and {simd}"
    )
