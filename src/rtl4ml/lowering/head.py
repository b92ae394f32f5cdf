# SPDX-License-Identifier: Apache-2.0
"""Lowers argmax and mask to their cells."""

from __future__ import annotations

from collections.abc import Iterator

from rtl4ml.cells.head import ArgMaxCell, MaskCell
from rtl4ml.lowering.builder import NetlistBuilder
from rtl4ml.lowering.registry import OperatorLowering, divisors, lowers
from rtl4ml.netlist.netlist import Wire
from rtl4ml.netlist.plan import Folding
from rtl4ml.ops.head import ArgMax, Mask


@lowers(ArgMax)
class ArgMaxLowering(OperatorLowering[ArgMax]):
    """One cell, which takes `simd` channels a beat and gives one class a pixel."""

    def foldings(self) -> Iterator[Folding]:
        for lanes in divisors(self.op.x.channels):
            yield Folding(1, lanes, self.op.x.elements // lanes)

    def lower(self, builder: NetlistBuilder, folding: Folding, *x: Wire) -> Wire:
        op = self.op
        w = builder.lanes(x[0], folding.simd)
        y = builder.like(op.output, op.name, 1)
        groups = op.x.channels // folding.simd
        return builder.add(
            ArgMaxCell(
                name=f"u_{op.name}", inputs={"x": w}, outputs={"y": y}, layer=builder.layer, groups=groups
            )
        )


@lowers(Mask)
class MaskLowering(OperatorLowering[Mask]):
    """One cell."""

    def lower(self, builder: NetlistBuilder, folding: Folding, *x: Wire) -> Wire:
        op = self.op
        w = builder.lanes(x[0], folding.pe)
        y = builder.like(op.output, op.name, folding.pe)
        return builder.add(
            MaskCell(
                name=f"u_{op.name}",
                inputs={"x": w},
                outputs={"y": y},
                layer=builder.layer,
                threshold=op.threshold,
            )
        )
