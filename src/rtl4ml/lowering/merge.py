# SPDX-License-Identifier: Apache-2.0
"""Lowers operators of several inputs to cells; each input has a FIFO of its own."""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd
from typing import ClassVar

from rtl4ml.cells.join import AddCell, ConcatCell, MultiplyCell
from rtl4ml.lowering.builder import NetlistBuilder
from rtl4ml.lowering.registry import OperatorLowering, divisors, lowers
from rtl4ml.netlist.netlist import Wire
from rtl4ml.netlist.plan import Folding
from rtl4ml.ops.merge import Add, Concat, Product, Subtract


@lowers(Concat)
class ConcatLowering(OperatorLowering[Concat]):
    """A chain of cells. The first converts both of its inputs to the output's type, every other one its second input.

    In a folding all wires have `pe` lanes, a divisor of every input's channels; or every beat is a whole pixel (`pe` is
    the output's channels, `simd` the first input's).
    """

    cuts_ready: ClassVar[bool] = False

    def foldings(self) -> Iterator[Folding]:
        op = self.op
        for lanes in divisors(gcd(*(s.channels for s in op.inputs))):
            yield Folding(lanes, lanes, op.output.elements // lanes)
        yield Folding(op.output.channels, op.x.channels, op.output.pixels)

    def input_lanes(self, folding: Folding, index: int = 0) -> int:
        """A pixel's channels, where a beat is a whole pixel."""
        return self.op.inputs[index].channels if folding.pe == self.op.output.channels else folding.pe

    def lower(self, builder: NetlistBuilder, folding: Folding, *x: Wire) -> Wire:
        op, whole = self.op, folding.pe == self.op.output.channels
        wires = [builder.buffered(w, self.input_lanes(folding, i)) for i, w in enumerate(x)]
        t, pixels = op.output.type, op.output.pixels
        y, shift, channels = wires[0], op.shifts[0], op.inputs[0].channels
        for k, w in enumerate(wires[1:], start=1):
            channels += op.inputs[k].channels
            lanes = channels if whole else folding.pe
            last = k == len(wires) - 1
            made = builder.wire(
                op.name if last else f"{op.name}_part{k}",
                lanes=lanes,
                bits=t.width,
                signed=t.signed,
                beats=pixels * channels // lanes,
                fraction=t.fraction,
            )
            y = builder.add(
                ConcatCell(
                    name=f"u_{made.name}",
                    inputs={"a": y, "b": w},
                    outputs={"y": made},
                    layer=builder.layer,
                    shift_a=shift,
                    shift_b=op.shifts[k],
                    pixels=pixels,
                )
            )
            shift = 0
        return y


@lowers(Add)
class AddLowering(OperatorLowering[Add]):
    """A chain of adders of the output's width; the first adder shifts the first input."""

    cuts_ready: ClassVar[bool] = False

    def lower(self, builder: NetlistBuilder, folding: Folding, *x: Wire) -> Wire:
        op = self.op
        wires = [builder.buffered(w, folding.pe) for w in x]
        y, shift = wires[0], op.shifts[0]
        for k, w in enumerate(wires[1:], start=1):
            name = op.name if k == len(wires) - 1 else f"{op.name}_part{k}"
            made = builder.like(op.output, name, folding.pe)
            y = builder.add(
                AddCell(
                    name=f"u_{made.name}",
                    inputs={"a": y, "b": w},
                    outputs={"y": made},
                    layer=builder.layer,
                    shift_a=shift,
                    shift_b=op.shifts[k],
                )
            )
            shift = 0
        return y


@lowers(Subtract)
class SubtractLowering(OperatorLowering[Subtract]):
    """One adder that subtracts its second input."""

    cuts_ready: ClassVar[bool] = False

    def lower(self, builder: NetlistBuilder, folding: Folding, *x: Wire) -> Wire:
        op = self.op
        a, b = (builder.buffered(w, folding.pe) for w in x)
        return builder.add(
            AddCell(
                name=f"u_{op.name}",
                inputs={"a": a, "b": b},
                outputs={"y": builder.like(op.output, op.name, folding.pe)},
                layer=builder.layer,
                shift_a=op.shifts[0],
                shift_b=op.shifts[1],
                subtract=True,
            )
        )


@lowers(Product)
class ProductLowering(OperatorLowering[Product]):
    """A chain of multipliers in LUTs, each as wide as its product."""

    cuts_ready: ClassVar[bool] = False

    def foldings(self) -> Iterator[Folding]:
        """One folding for each number of lanes, with a multiplier a lane for every input but the first."""
        op = self.op
        for lanes in divisors(op.output.channels):
            yield Folding(lanes, lanes, op.output.elements // lanes, lanes * (len(op.inputs) - 1))

    def lower(self, builder: NetlistBuilder, folding: Folding, *x: Wire) -> Wire:
        first, *more = [builder.buffered(w, folding.pe) for w in x]
        y = first
        for w, made in zip(more, self.op.partial[1:], strict=True):
            to = builder.like(made, made.name, folding.pe)
            y = builder.add(
                MultiplyCell(
                    name=f"u_{to.name}", inputs={"a": y, "b": w}, outputs={"y": to}, layer=builder.layer
                )
            )
        return y
