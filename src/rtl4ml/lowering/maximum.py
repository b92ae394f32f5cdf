# SPDX-License-Identifier: Apache-2.0
"""The maximum and the minimum of streams to cells."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar, TypeVar

from rtl4ml.cells.maximum import MaximumCell
from rtl4ml.lowering.builder import NetlistBuilder
from rtl4ml.lowering.registry import OperatorLowering, lowers
from rtl4ml.netlist.netlist import Wire
from rtl4ml.netlist.plan import Folding
from rtl4ml.ops.maximum import Extremum, Maximum, Minimum

ExtremumT = TypeVar("ExtremumT", bound=Extremum)


class ExtremumLowering(OperatorLowering[ExtremumT]):
    """A chain of choices of one of two, each as wide as it needs; each input has a FIFO of its own."""

    cuts_ready: ClassVar[bool] = False

    def lower(self, builder: NetlistBuilder, folding: Folding, *x: Wire) -> Wire:
        op = self.op
        y, *more = [builder.buffered(w, folding.pe) for w in x]
        for w, s, (before, made) in zip(more, op.inputs[1:], pairwise(op.partial), strict=True):
            to = builder.like(made, made.name, folding.pe)
            y = builder.add(
                MaximumCell(
                    name=f"u_{to.name}",
                    inputs={"a": y, "b": w},
                    outputs={"y": to},
                    layer=builder.layer,
                    shift_a=made.type.fraction - before.type.fraction,
                    shift_b=made.type.fraction - s.type.fraction,
                    least=isinstance(op, Minimum),
                )
            )
        return y


@lowers(Maximum)
class MaximumLowering(ExtremumLowering[Maximum]):
    """Of cells that take the greater."""


@lowers(Minimum)
class MinimumLowering(ExtremumLowering[Minimum]):
    """Of cells that take the lesser."""
