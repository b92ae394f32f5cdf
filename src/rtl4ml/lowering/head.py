# SPDX-License-Identifier: Apache-2.0
"""The winning class and the mask to cells."""

from __future__ import annotations

from rtl4ml.cells.head import ArgMaxCell, MaskCell
from rtl4ml.lowering.builder import Lowering
from rtl4ml.netlist.netlist import Wire
from rtl4ml.ops.head import ArgMax, Mask


def lower_argmax(n: Lowering, op: ArgMax, x: Wire) -> Wire:
    """Gearbox to the folding's lanes, then the winner."""
    w = n.lanes(x, op.simd)
    y = n.like(op.output, op.name, 1)
    groups = op.x.channels // op.simd
    return n.add(
        ArgMaxCell(name=f"u_{op.name}", inputs={"x": w}, outputs={"y": y}, layer=n.layer, groups=groups)
    )


def lower_mask(n: Lowering, op: Mask, x: Wire) -> Wire:
    """Gearbox to the folding's lanes, then the comparison."""
    w = n.lanes(x, op.pe)
    y = n.like(op.output, op.name, op.pe)
    return n.add(
        MaskCell(
            name=f"u_{op.name}", inputs={"x": w}, outputs={"y": y}, layer=n.layer, threshold=op.threshold
        )
    )
