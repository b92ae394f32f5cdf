# SPDX-License-Identifier: Apache-2.0
"""Operators that join streams to cells; each input has a FIFO of its own."""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd
from typing import ClassVar

from rtl4ml.cells.join import AddCell, ConcatCell, MultiplyCell
from rtl4ml.lowering.builder import NetlistBuilder
from rtl4ml.lowering.registry import OperatorLowering, divisors, lowers
from rtl4ml.netlist.netlist import Wire
from rtl4ml.netlist.plan import Folding
from rtl4ml.ops.merge import Add, Concat, Product


@lowers(Concat)
class ConcatLowering(OperatorLowering[Concat]):
    """A chain of joins; the first brings its inputs onto the output's grid and type, every other its second.

    Foldings: `pe` lanes on all sides, which divide every input's channels; or whole pixels on all sides (`pe` is the
    output's channels, `simd` the first input's).
    """

    cuts_ready: ClassVar[bool] = False

    def foldings(self) -> Iterator[Folding]:
        op = self.op
        for lanes in divisors(gcd(*(s.channels for s in op.inputs))):
            yield Folding(lanes, lanes, op.output.elements // lanes)
        yield Folding(op.output.channels, op.x.channels, op.output.pixels)

    def input_lanes(self, folding: Folding, i: int = 0) -> int:
        """A pixel's channels, where a beat is a whole pixel."""
        return self.op.inputs[i].channels if folding.pe == self.op.output.channels else folding.pe

    def lower(self, n: NetlistBuilder, folding: Folding, *x: Wire) -> Wire:
        op, whole = self.op, folding.pe == self.op.output.channels
        wires = [n.buffered(w, self.input_lanes(folding, i)) for i, w in enumerate(x)]
        t, pixels = op.output.type, op.output.pixels
        y, shift, channels = wires[0], op.shifts[0], op.inputs[0].channels
        for k, w in enumerate(wires[1:], start=1):
            channels += op.inputs[k].channels
            lanes = channels if whole else folding.pe
            last = k == len(wires) - 1
            made = n.wire(
                op.name if last else f"{op.name}_part{k}",
                lanes=lanes,
                bits=t.width,
                signed=t.signed,
                beats=pixels * channels // lanes,
                fraction=t.fraction,
            )
            y = n.add(
                ConcatCell(
                    name=f"u_{made.name}",
                    inputs={"a": y, "b": w},
                    outputs={"y": made},
                    layer=n.layer,
                    shift_a=shift,
                    shift_b=op.shifts[k],
                    pixels=pixels,
                )
            )
            shift = 0
        return y


@lowers(Add)
class AddLowering(OperatorLowering[Add]):
    """A chain of sums of the output's width; the first input is shifted by the first sum."""

    cuts_ready: ClassVar[bool] = False

    def lower(self, n: NetlistBuilder, folding: Folding, *x: Wire) -> Wire:
        op = self.op
        wires = [n.buffered(w, folding.pe) for w in x]
        y, shift = wires[0], op.shifts[0]
        for k, w in enumerate(wires[1:], start=1):
            made = n.like(op.output, op.name if k == len(wires) - 1 else f"{op.name}_part{k}", folding.pe)
            y = n.add(
                AddCell(
                    name=f"u_{made.name}",
                    inputs={"a": y, "b": w},
                    outputs={"y": made},
                    layer=n.layer,
                    shift_a=shift,
                    shift_b=op.shifts[k],
                )
            )
            shift = 0
        return y


@lowers(Product)
class ProductLowering(OperatorLowering[Product]):
    """A chain of products, each of the width that it needs, made in LUTs."""

    cuts_ready: ClassVar[bool] = False

    def foldings(self) -> Iterator[Folding]:
        """Lanes, with a product a lane and pair of inputs."""
        op = self.op
        for lanes in divisors(op.output.channels):
            yield Folding(lanes, lanes, op.output.elements // lanes, lanes * (len(op.inputs) - 1))

    def lower(self, n: NetlistBuilder, folding: Folding, *x: Wire) -> Wire:
        first, *more = [n.buffered(w, folding.pe) for w in x]
        y = first
        for w, made in zip(more, self.op.partial[1:], strict=True):
            to = n.like(made, made.name, folding.pe)
            y = n.add(
                MultiplyCell(name=f"u_{to.name}", inputs={"a": y, "b": w}, outputs={"y": to}, layer=n.layer)
            )
        return y
