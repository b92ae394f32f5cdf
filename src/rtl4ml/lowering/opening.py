# SPDX-License-Identifier: Apache-2.0
"""The binary opening of a mask to cells."""

from __future__ import annotations

from rtl4ml.cells.head import Morph
from rtl4ml.ir.window import Geometry
from rtl4ml.lowering.builder import Lowering
from rtl4ml.lowering.windows import taps
from rtl4ml.netlist.netlist import Wire
from rtl4ml.ops.opening import Opening


def lower_opening(n: Lowering, op: Opening, x: Wire) -> Wire:
    """A window and an erosion, a window and a dilation; a FIFO cuts the ready path between them."""
    h, w, _ = op.x.hwc
    margin = (op.radius, op.radius)
    geo = Geometry(h, w, (op.side, op.side), (1, 1), (1, 1), (margin, margin), (h, w))
    for erode, name in ((True, f"{op.name}_eroded"), (False, op.name)):
        window = taps(n, name, x, geo, 1, 1, pad_value=int(erode))
        y = n.like(op.output, name, 1)
        x = n.add(
            Morph(
                name=f"u_{name}", inputs={"x": window}, outputs={"y": y}, layer=n.layer,
                radius=op.radius, erode=erode,
            )
        )  # fmt: skip
        x = n.fifo(x) if erode else x
    return x
