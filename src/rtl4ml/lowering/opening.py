# SPDX-License-Identifier: Apache-2.0
"""Lowers the binary opening of a mask to cells."""

from __future__ import annotations

from collections.abc import Iterator

from rtl4ml.cells.head import Morph
from rtl4ml.ir.window import Geometry
from rtl4ml.lowering.builder import NetlistBuilder
from rtl4ml.lowering.registry import OperatorLowering, lowers
from rtl4ml.lowering.windows import add_taps
from rtl4ml.netlist.netlist import Wire
from rtl4ml.netlist.plan import Folding
from rtl4ml.ops.opening import Opening


@lowers(Opening)
class OpeningLowering(OperatorLowering[Opening]):
    """A window and an erosion, a window and a dilation; a FIFO cuts the ready path between them."""

    def foldings(self) -> Iterator[Folding]:
        """One pixel a cycle."""
        yield Folding(1, 1, self.window.parallel_slots(1))

    @property
    def window(self) -> Geometry:
        """The window of the erosion and that of the dilation."""
        h, w, _ = self.op.x.hwc
        margin = (self.op.radius, self.op.radius)
        return Geometry(h, w, (self.op.side, self.op.side), (1, 1), (1, 1), (margin, margin), (h, w))

    def lower(self, builder: NetlistBuilder, folding: Folding, *x: Wire) -> Wire:  # noqa: ARG002 -- there is one
        op, (at,) = self.op, x
        geo = self.window
        for erode, name in ((True, f"{op.name}_eroded"), (False, op.name)):
            window = add_taps(builder, name, at, geo, 1, 1, pad_value=int(erode))
            y = builder.like(op.output, name, 1)
            at = builder.add(
                Morph(
                    name=f"u_{name}", inputs={"x": window}, outputs={"y": y}, layer=builder.layer,
                    radius=op.radius, erode=erode,
                )
            )  # fmt: skip
            at = builder.fifo(at) if erode else at
        return at
