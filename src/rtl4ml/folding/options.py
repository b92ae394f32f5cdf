# SPDX-License-Identifier: Apache-2.0
"""The ways to fold one operator, and what each costs alone."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from rtl4ml.cost.estimate import estimate
from rtl4ml.device import Device, Resources
from rtl4ml.errors import BadInput, named
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.op import Op
from rtl4ml.lowering.builder import NetlistBuilder
from rtl4ml.lowering.lower import CUT
from rtl4ml.lowering.registry import lowering_of
from rtl4ml.netlist.packing import Packing
from rtl4ml.netlist.plan import Folding
from rtl4ml.ops.conv import Linear

# An adder graph of more products than this takes seconds or minutes to find: it is not looked at while a folding is
# there, than which it is hardly ever smaller, and else it is guessed until it is chosen.
UNROLLED = 1024
# One of more than this takes minutes, and the device's LUTs if there are a few of them: it is no folding at all.
LARGEST = 4096
# Of dense random matrices da4ml makes 0.46 (48 x 48) to 0.6 (8 x 8) adders a digit, of 0.9 times the bits of a product.
_ADDERS, _ADDER_BITS = 0.45, 0.9


def packed_variants(op: Op, f: Folding) -> list[Folding]:
    """The folding, its products in LUTs or in DSP48E2: of packings that take as many, that of longest chain.

    More slices only pay where their chain is longer, so that fewer sums are left to LUTs.
    """
    if not isinstance(op, Linear) or f.style == "unrolled" or f.packing != "auto":
        return [f]
    best: dict[int, Packing] = {}
    for p in sorted(lowering_of(op).packings(f), key=lambda p: (p.chain, not p.overlap)):
        best[p.slices(f.pe, f.simd)] = p
    variants = [replace(f, packing=None)]
    longest = 0
    for _, p in sorted(best.items()):
        if p.chain > longest:
            variants.append(replace(f, packing=p))
            longest = p.chain
    return variants


@dataclass(frozen=True)
class Option:
    """A way to fold an operator, and what it costs alone."""

    folding: Folding
    cost: Resources


def netlist_cost(n: NetlistBuilder) -> Resources:
    """Predicted resources of all cells so far."""
    return sum((estimate(c.module, c.params(), c) for c in n.cells), Resources())


def _guess(op: Linear) -> Resources:
    """Resources of a large adder graph: bits of its adders, half of them kept in a register."""
    w = np.abs(op.matrix)
    digits = int(np.bitwise_count(w ^ 3 * w).sum())  # of the shortest signed form
    bits = digits * _ADDERS * _ADDER_BITS * (op.x.type.width + op.weight_type.width)
    return Resources(lut=bits, ff=bits / 2)


def operator_resources(graph: Graph, op: Op, folding: Folding, device: Device) -> Resources:
    """Predicted resources of an operator and the FIFOs before it, fed in the lanes that it reads."""
    if isinstance(op, Linear) and folding.style == "unrolled" and op.matrix.size > UNROLLED:
        return _guess(op)
    n, lowering = NetlistBuilder(graph, device), lowering_of(op)
    xs = [n.like(s, f"x{i}", lowering.input_lanes(folding, i)) for i, s in enumerate(op.inputs)]
    if lowering.cuts_ready:
        xs = [n.fifo(x, CUT) for x in xs]
    lowering.lower(n, folding, *xs)
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
