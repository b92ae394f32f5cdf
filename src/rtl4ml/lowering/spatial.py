# SPDX-License-Identifier: Apache-2.0
"""Lowers operators that depend on the position of an element: padding, cropping, resampling, scaling."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, TypeVar

from rtl4ml.cells.spatial import BilinearCell, CropCell, PadCell, ScaleCell, StuffCell, UpSampleCell
from rtl4ml.ir.types import Fixed
from rtl4ml.lowering.builder import NetlistBuilder
from rtl4ml.lowering.registry import OperatorLowering, divisors, lowers
from rtl4ml.netlist.netlist import Wire
from rtl4ml.netlist.plan import Folding
from rtl4ml.ops.bilinear import Bilinear, growth
from rtl4ml.ops.scale import Scale
from rtl4ml.ops.shape import Crop, Pad, Reshape, Spatial, UpSample
from rtl4ml.ops.stuff import Stuff

SpatialT = TypeVar("SpatialT", bound=Spatial)


@lowers(Reshape)
class ReshapeLowering(OperatorLowering[Reshape]):
    """At most a width converter: the elements keep their order."""

    cuts_ready: ClassVar[bool] = False

    def lower(self, builder: NetlistBuilder, folding: Folding, *x: Wire) -> Wire:
        return builder.lanes(x[0], folding.pe)


class SpatialLowering(OperatorLowering[SpatialT]):
    """Base of padding, cropping and upsampling: equally many lanes at input and output."""

    def foldings(self) -> Iterator[Folding]:
        """One folding for each number of lanes; a frame takes as many cycles as its larger side has beats."""
        x, y = self.op.x, self.op.output
        for lanes in divisors(x.channels):
            yield Folding(lanes, lanes, max(x.elements, y.elements) // lanes)

    def ends(self, builder: NetlistBuilder, folding: Folding, x: Wire) -> dict[str, Any]:
        """The fields that all cells of one input and one output share."""
        op = self.op
        h, w, _ = op.x.hwc
        return {
            "name": f"u_{op.name}",
            "inputs": {"x": builder.lanes(x, folding.pe)},
            "outputs": {"y": builder.like(op.output, op.name, folding.pe)},
            "layer": builder.layer,
            "frame": (h, w),
            "out": op.out_hw,
        }


@lowers(Pad)
class PadLowering(SpatialLowering[Pad]):
    """One cell."""

    def lower(self, builder: NetlistBuilder, folding: Folding, *x: Wire) -> Wire:
        return builder.add(PadCell(**self.ends(builder, folding, x[0]), padding=self.op.padding))


@lowers(Crop)
class CropLowering(SpatialLowering[Crop]):
    """One cell."""

    def lower(self, builder: NetlistBuilder, folding: Folding, *x: Wire) -> Wire:
        (top, _), (left, _) = self.op.cropping
        return builder.add(CropCell(**self.ends(builder, folding, x[0]), corner=(top, left)))


@lowers(UpSample)
class UpSampleLowering(SpatialLowering[UpSample]):
    """One cell."""

    def lower(self, builder: NetlistBuilder, folding: Folding, *x: Wire) -> Wire:
        return builder.add(UpSampleCell(**self.ends(builder, folding, x[0]), factor=self.op.factor))


@lowers(Stuff)
class StuffLowering(SpatialLowering[Stuff]):
    """One cell."""

    def lower(self, builder: NetlistBuilder, folding: Folding, *x: Wire) -> Wire:
        return builder.add(StuffCell(**self.ends(builder, folding, x[0]), factor=self.op.factor))


@lowers(Bilinear)
class BilinearLowering(SpatialLowering[Bilinear]):
    """One cell for each axis: rows, then columns."""

    def lower(self, builder: NetlistBuilder, folding: Folding, *x: Wire) -> Wire:
        op, y = self.op, builder.lanes(x[0], folding.pe)
        h, w, c = op.x.hwc
        groups = c // folding.pe
        fh, fw = op.factor
        for axis, size, inner, factor in (("rows", h, w * groups, fh), ("columns", w, groups, fw)):
            if factor == 1:
                continue
            last = axis == "columns" or fw == 1
            made = builder.wire(
                op.name if last else f"{op.name}_{axis}",
                lanes=folding.pe,
                bits=y.bits + growth(factor),
                signed=y.signed,
                beats=y.beats * factor,
                fraction=y.fraction + growth(factor),
            )
            y = builder.add(
                BilinearCell(
                    name=f"u_{made.name}", inputs={"x": y}, outputs={"y": made}, layer=builder.layer,
                    size=size, inner=inner, factor=factor,
                )
            )  # fmt: skip
        return y


@lowers(Scale)
class ScaleLowering(OperatorLowering[Scale]):
    """One cell for each axis whose factors are not all 1: columns, then rows."""

    cuts_ready: ClassVar[bool] = False

    def lower(self, builder: NetlistBuilder, folding: Folding, *x: Wire) -> Wire:
        op, y, pe = self.op, builder.lanes(x[0], folding.pe), folding.pe
        _, w, c = op.x.hwc
        groups = c // pe
        rows, columns = op.factors
        axes = [("columns", columns, groups), ("rows", rows, w * groups)]
        axes = [a for a in axes if (a[1] > 1).any()]
        for k, (axis, factors, inner) in enumerate(axes):
            if k == len(axes) - 1:
                made = builder.like(op.output, op.name, pe)
            else:
                # The rows still multiply the result by at least this, so its range is that much smaller.
                least = int(rows.min())
                t = Fixed.covering(
                    min(0, op.lo // least), max(0, -(-op.hi // least)), op.output.type.fraction
                )
                made = builder.wire(
                    f"{op.name}_{axis}", lanes=pe, bits=t.width, signed=t.signed, beats=y.beats, fraction=t.fraction
                )  # fmt: skip
            y = builder.add(
                ScaleCell(
                    name=f"u_{made.name}", inputs={"x": y}, outputs={"y": made}, layer=builder.layer,
                    factors=factors, inner=inner,
                )
            )  # fmt: skip
        return y
