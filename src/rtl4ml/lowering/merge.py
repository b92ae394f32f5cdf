# SPDX-License-Identifier: Apache-2.0
"""Operators that join streams to cells."""

from __future__ import annotations

from rtl4ml.cells.join import AddCell, ConcatCell, MultiplyCell
from rtl4ml.lowering.builder import Lowering
from rtl4ml.netlist.netlist import Wire
from rtl4ml.ops.merge import Add, Concat, Product


def lower_concat(n: Lowering, op: Concat, *x: Wire) -> Wire:
    """A chain of joins; the first brings its inputs onto the output's grid and type, every other its second."""
    whole = op.pe == op.output.channels
    wires = [n.buffered(w, op.lanes_of(i)) for i, w in enumerate(x)]
    t, pixels = op.output.type, op.output.pixels
    y, shift, channels = wires[0], op.shifts[0], op.inputs[0].channels
    for k, w in enumerate(wires[1:], start=1):
        channels += op.inputs[k].channels
        lanes = channels if whole else op.pe
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


def lower_add(n: Lowering, op: Add, *x: Wire) -> Wire:
    """A chain of sums of the output's width; the first input is shifted by the first sum."""
    wires = [n.buffered(w, op.pe) for w in x]
    y, shift = wires[0], op.shifts[0]
    for k, w in enumerate(wires[1:], start=1):
        made = n.like(op.output, op.name if k == len(wires) - 1 else f"{op.name}_part{k}", op.pe)
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


def lower_product(n: Lowering, op: Product, *x: Wire) -> Wire:
    """A chain of products, each of the width that it needs."""
    wires = [n.buffered(w, op.pe) for w in x]
    y = wires[0]
    for w, made in zip(wires[1:], op.partial[1:], strict=True):
        to = n.like(made, made.name, op.pe)
        y = n.add(
            MultiplyCell(name=f"u_{to.name}", inputs={"a": y, "b": w}, outputs={"y": to}, layer=n.layer)
        )
    return y
