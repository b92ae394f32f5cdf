# SPDX-License-Identifier: Apache-2.0
"""Whether the products of linear operators are made in LUTs or in DSP48E2."""

from __future__ import annotations

from rtl4ml.ir.weights import WeightKind
from rtl4ml.netlist.packing import Packing, Same, packings_of, sums_of
from rtl4ml.ops.conv import Linear

# Products whose operands have up to this many bits together are cheap enough in LUTs to spare a DSP48E2.
LUT_PRODUCT_BITS = 10


def in_dsp(op: Linear) -> bool:
    """Whether a linear operator's products go into DSP48E2: 27 x 18 bits, signed."""
    a, b = sorted((op.x.type.width + int(not op.x.type.signed), op.weight_type.width))
    large = op.x.type.width + op.weight_type.width > LUT_PRODUCT_BITS
    return op.kind is WeightKind.INTEGER and large and a <= 18 and b <= 27


def linear_packings(op: Linear, *, products: int, outputs: int, pump: int, word: int) -> list[Packing]:
    """Every legal packing of `products` products of each of `outputs` outputs, made in the same cycle.

    pump: elements that a slice may multiply in a cycle; those of fewer are among the packings
    word: bits of the wider side of a slice's product
    """
    sums = sums_of(Same(op.weights), op.out_channels, (op.x.lo, op.x.hi))
    x = op.x.type
    return [
        packing
        for n in range(1, pump + 1)
        for packing in packings_of(
            sums,
            op.weight_type.width,
            x.width,
            x.signed,
            products=products,
            outputs=outputs,
            pump=n,
            word=word,
        )
    ]
