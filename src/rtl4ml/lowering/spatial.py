# SPDX-License-Identifier: Apache-2.0
"""Operators that know the place of an element to cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtl4ml.cells.spatial import BilinearCell, CropCell, PadCell, ScaleCell, StuffCell, UpSampleCell
from rtl4ml.ir.types import Fixed
from rtl4ml.lowering.builder import Lowering
from rtl4ml.netlist.netlist import Wire

if TYPE_CHECKING:
    from rtl4ml.ops.bilinear import Bilinear
    from rtl4ml.ops.scale import Scale
    from rtl4ml.ops.shape import Crop, Pad, Spatial, UpSample
    from rtl4ml.ops.stuff import Stuff


def lower_pad(n: Lowering, op: Pad, x: Wire) -> Wire:
    """One cell."""
    return n.add(PadCell(**_ends(n, op, x), op=op))


def lower_crop(n: Lowering, op: Crop, x: Wire) -> Wire:
    """One cell."""
    return n.add(CropCell(**_ends(n, op, x), op=op))


def lower_upsample(n: Lowering, op: UpSample, x: Wire) -> Wire:
    """One cell."""
    return n.add(UpSampleCell(**_ends(n, op, x), op=op))


def lower_stuff(n: Lowering, op: Stuff, x: Wire) -> Wire:
    """One cell."""
    return n.add(StuffCell(**_ends(n, op, x), op=op))


def lower_bilinear(n: Lowering, op: Bilinear, x: Wire) -> Wire:
    """A cell an axis: rows, then columns."""
    from rtl4ml.ops.bilinear import growth

    x = n.lanes(x, op.pe)
    h, w, c = op.x.hwc
    groups = c // op.pe
    fh, fw = op.factor
    for axis, size, inner, factor in (("rows", h, w * groups, fh), ("columns", w, groups, fw)):
        if factor == 1:
            continue
        last = axis == "columns" or fw == 1
        y = n.wire(
            op.name if last else f"{op.name}_{axis}",
            lanes=op.pe,
            bits=x.bits + growth(factor),
            signed=x.signed,
            beats=x.beats * factor,
            fraction=x.fraction + growth(factor),
        )
        x = n.add(
            BilinearCell(
                name=f"u_{y.name}", inputs={"x": x}, outputs={"y": y}, layer=n.layer,
                size=size, inner=inner, factor=factor,
            )
        )  # fmt: skip
    return x


def lower_scale(n: Lowering, op: Scale, x: Wire) -> Wire:
    """A cell for every axis whose factors are not all 1: columns, then rows."""
    x = n.lanes(x, op.pe)
    _, w, c = op.x.hwc
    groups = c // op.pe
    rows, columns = op.factors
    axes = [("columns", columns, groups), ("rows", rows, w * groups)]
    axes = [a for a in axes if (a[1] > 1).any()]
    for k, (axis, factors, inner) in enumerate(axes):
        if k == len(axes) - 1:
            y = n.like(op.output, op.name, op.pe)
        else:  # what the rows multiply must be this much smaller than the whole
            least = int(rows.min())
            t = Fixed.covering(min(0, op.lo // least), max(0, -(-op.hi // least)), op.output.type.fraction)
            y = n.wire(
                f"{op.name}_{axis}", lanes=op.pe, bits=t.width, signed=t.signed, beats=x.beats, fraction=t.fraction
            )  # fmt: skip
        x = n.add(
            ScaleCell(
                name=f"u_{y.name}", inputs={"x": x}, outputs={"y": y}, layer=n.layer, factors=factors, inner=inner
            )
        )  # fmt: skip
    return x


def _ends(n: Lowering, op: Spatial, x: Wire) -> dict[str, Any]:
    """The fields that all cells of one input and one output share, `op.pe` lanes on both sides."""
    x = n.lanes(x, op.pe)
    return {
        "name": f"u_{op.name}",
        "inputs": {"x": x},
        "outputs": {"y": n.like(op.output, op.name, op.pe)},
        "layer": n.layer,
    }
