# SPDX-License-Identifier: Apache-2.0
"""Convolutions and dense layers to a window and a matrix-vector unit or an adder graph."""

from __future__ import annotations

from rtl4ml.cells.mvu import Mvu
from rtl4ml.ir.weights import WeightKind
from rtl4ml.lowering.builder import Lowering
from rtl4ml.lowering.windows import geometry, serial, taps
from rtl4ml.netlist.netlist import Wire
from rtl4ml.netlist.packing import Choice, Packing, Same, fewest, in_luts, packings_of, sums_of
from rtl4ml.ops.conv import Conv, Linear

# Products of up to this many operand bits (both together) are cheaper in LUTs than a DSP48E2 is worth.
LUT_PRODUCT_BITS = 10


def in_dsp(op: Linear) -> bool:
    """Whether a linear operator's products go into DSP48E2: 27 x 18 bits, signed."""
    a, b = sorted((op.x.type.width + int(not op.x.type.signed), op.weight_type.width))
    large = op.x.type.width + op.weight_type.width > LUT_PRODUCT_BITS
    return op.kind is WeightKind.INTEGER and large and a <= 18 and b <= 27


def mvu_packings(op: Linear, *, simd: int, pe: int) -> list[Packing]:
    """Every way to put the products of a matrix-vector unit into DSP48E2; none but for integer weights."""
    if op.kind is not WeightKind.INTEGER:
        return []
    return linear_packings(op, products=simd, outputs=pe)


def linear_packings(op: Linear, *, products: int, outputs: int) -> list[Packing]:
    """Every way to put so many products of so many outputs, made at once, into DSP48E2."""
    sums = sums_of(Same(op.weights), op.out_channels, (op.x.lo, op.x.hi))
    x = op.x.type
    return packings_of(sums, op.weight_type.width, x.width, x.signed, products=products, outputs=outputs)


def lower_conv(n: Lowering, op: Conv, x: Wire, choose: Choice | None = None) -> Wire:
    """Window, then matrix-vector unit or adder graph.

    choose: picks one of the packings of the products into DSP48E2, or None for LUTs; by default that of fewest
        DSP48E2 where `in_dsp` puts them there.
    """
    if op.style == "unrolled":
        from rtl4ml.lowering.unrolled import lower_unrolled

        return lower_unrolled(n, op, x)
    geo = geometry(op)
    dot, cout, cin = len(op._taps), op.out_channels, op.x.channels
    simd, pe = op.simd, op.pe
    if simd == dot and geo.taps > 1:
        w = taps(n, op.name, x, geo, op.x.channels, cin)
    else:
        w = n.lanes(x, simd)
        if geo.taps > 1 or (cout // pe > 1 and dot // simd > 1) or op.stride != (1, 1):
            w = serial(n, op.name, w, geo, cin, replays=cout // pe if dot // simd > 1 else 1)
    y = n.like(op.output, op.name, pe)
    if choose is None:
        choose = fewest(pe, simd) if in_dsp(op) else in_luts
    return n.add(
        Mvu(
            name=f"u_{op.name}",
            inputs={"x": w},
            outputs={"y": y},
            layer=n.layer,
            op=op,
            simd=simd,
            pe=pe,
            packing=choose(mvu_packings(op, simd=simd, pe=pe)),
        )
    )
