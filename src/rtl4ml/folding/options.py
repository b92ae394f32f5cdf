# SPDX-License-Identifier: Apache-2.0
"""The foldings of one operator and their resources."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np

from rtl4ml.cost.estimate import estimate
from rtl4ml.device import ZCU102, Device, Resources
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.op import Op
from rtl4ml.ir.types import Stream
from rtl4ml.lowering import lower as _lower  # noqa: F401 -- registers all lowerings
from rtl4ml.lowering.builder import NetlistBuilder
from rtl4ml.lowering.registry import lowering_of
from rtl4ml.netlist.packing import Packing
from rtl4ml.netlist.plan import Folding, Plan
from rtl4ml.ops.conv import Linear

# An adder graph of more products than this takes seconds or minutes to find, and is hardly ever smaller than a folding
# with multipliers. It is an option only where there is no other, and its resources are then estimated, not counted.
UNROLLED = 1024
# An adder graph of more products than this takes minutes to find, and a few of them fill the device: it is no option.
LARGEST = 4096
# Adders a nonzero digit, and bits of an adder a bit of a product. Measured on dense random matrices: da4ml makes 0.46
# (48 x 48) to 0.6 (8 x 8) adders a digit.
_ADDERS, _ADDER_BITS = 0.45, 0.9
# `guess` gives from 0.74 to 1.29 times what is counted, of eleven layers of 40 to 2,048 products.
GUESSED = 0.74


def packed_variants(op: Op, folding: Folding, device: Device = ZCU102) -> list[Folding]:
    """The folding with its products in LUTs, and with every packing into DSP48E2 that may pay.

    Of packings of equally many slices that is the one of the longest cascade. More slices only pay with a longer
    cascade, which leaves fewer sums to LUTs. A slice that multiplies several elements in a cycle adds up their products
    as a cascade would.
    """
    if not isinstance(op, Linear) or folding.style == "unrolled" or folding.packing != "auto":
        return [folding]
    best: dict[int, Packing] = {}
    found = lowering_of(op).packings(folding, device.pump, device.dsp_word)
    for packing in sorted(found, key=lambda p: (p.chain * p.pump, not p.overlap, -p.pump)):
        best[packing.slices(folding.pe, folding.simd)] = packing
    variants = [replace(folding, packing=None)]
    longest = 0
    for _, packing in sorted(best.items()):
        if packing.chain * packing.pump > longest:
            variants.append(replace(folding, packing=packing))
            longest = packing.chain * packing.pump
    return variants


@dataclass(frozen=True)
class Option:
    """A folding of an operator, and the predicted resources of its cells and of the FIFOs before them.

    A dense layer of 64 inputs and 16 outputs, both weights and inputs of 4 bits, with pe=4 and simd=8 makes 32 products
    a cycle. Option(Folding(4, 8, 32, 32, packing=None), Resources(lut=777, ff=790)) makes them in LUTs,
    Option(Folding(4, 8, 32, 32, packing=Packing(3, 11, 8)), Resources(lut=392, ff=388, dsp=16)) in cascades of DSP48E2.
    """

    folding: Folding
    cost: Resources


def netlist_cost(builder: NetlistBuilder) -> Resources:
    """Predicted resources of all cells so far."""
    return sum((estimate(c.module, c.params(), c) for c in builder.cells), Resources())


def guess(op: Linear) -> Resources:
    """Estimated resources of an adder graph that is not found: the bits of its adders, half of which are registered."""
    w = np.abs(op.matrix)
    # Nonzero digits of all weights in canonical signed digit (CSD) form.
    digits = int(np.bitwise_count(w ^ 3 * w).sum())
    bits = digits * _ADDERS * _ADDER_BITS * (op.x.type.width + op.weight_type.width)
    return Resources(lut=bits, ff=bits / 2)


def operator_resources(graph: Graph, op: Op, folding: Folding, device: Device) -> Resources:
    """Predicted resources of an operator and the FIFOs before it, without width converters between operators."""
    if isinstance(op, Linear) and folding.style == "unrolled" and op.matrix.size > UNROLLED:
        return guess(op)
    builder, lowering = NetlistBuilder(graph, device), lowering_of(op)
    wires = [builder.like(s, f"x{i}", lowering.input_lanes(folding, i)) for i, s in enumerate(op.inputs)]
    if lowering.cuts_ready:
        wires = [builder.fifo(w) for w in wires]
    lowering.lower(builder, folding, *wires)
    return netlist_cost(builder)


class Costs:
    """The options of operators and the costs of width converters, found once for all that are alike.

    The copies that compute a late skip once more are alike, and so are the operators of one network with other homes.
    """

    def __init__(self) -> None:
        self._options: dict[object, list[Option]] = {}
        self._widths: dict[object, Resources] = {}
        self._designs: dict[object, tuple[Graph, Resources]] = {}  # graphs are kept, as operators are
        self._ops: list[Op] = []  # kept, so that no other object gets the id of one of their fields

    def options(self, graph: Graph, op: Op, folding: Folding, device: Device) -> list[Option]:
        """The folding of an operator in all packings."""
        made = {f.name: getattr(op, f.name) for f in fields(op) if f.name not in ("name", "inputs", "layers")}
        reads = tuple(replace(s, name="") for s in op.inputs)
        beyond = lowering_of(op).beyond(graph)
        key = (type(op), reads, tuple(map(id, made.values())), beyond, folding, device.identity)
        if key not in self._options:
            self._ops.append(op)
            self._options[key] = [
                Option(v, operator_resources(graph, op, v, device))
                for v in packed_variants(op, folding, device)
            ]
        return self._options[key]

    def whole(self, plan: Plan, count: Callable[[Plan], Resources]) -> Resources:
        """What a whole design takes. count: works it out where it is not known."""
        key = (id(plan.graph), *plan.foldings.items(), plan.device.identity, *plan.shares.items())
        if key not in self._designs:
            self._designs[key] = plan.graph, count(plan)
        return self._designs[key][1]

    def width(self, graph: Graph, stream: Stream, made: int, read: int, device: Device) -> Resources:
        """Cost of the width converters from the lanes that are made to the lanes that are read."""
        key = (replace(stream, name=""), made, read, device.identity)
        if key not in self._widths:
            builder = NetlistBuilder(graph, device)
            builder.lanes(builder.like(stream, "x", made), read)
            self._widths[key] = netlist_cost(builder)
        return self._widths[key]
