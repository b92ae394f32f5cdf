# SPDX-License-Identifier: Apache-2.0
"""Operators that know the place of an element to cells."""

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
    """No cell but a conversion of lanes: the elements keep their order."""

    cuts_ready: ClassVar[bool] = False

    def lower(self, n: NetlistBuilder, folding: Folding, *x: Wire) -> Wire:
        return n.lanes(x[0], folding.pe)


class SpatialLowering(OperatorLowering[SpatialT]):
    """What padding, cropping and upsampling share: as many lanes on both sides."""

    def foldings(self) -> Iterator[Folding]:
        """Lanes; a frame takes as many cycles as the longer of its input and output has beats."""
        x, y = self.op.x, self.op.output
        for lanes in divisors(x.channels):
            yield Folding(lanes, lanes, max(x.elements, y.elements) // lanes)

    def ends(self, n: NetlistBuilder, folding: Folding, x: Wire) -> dict[str, Any]:
        """The fields that all cells of one input and one output share."""
        op = self.op
        h, w, _ = op.x.hwc
        return {
            "name": f"u_{op.name}",
            "inputs": {"x": n.lanes(x, folding.pe)},
            "outputs": {"y": n.like(op.output, op.name, folding.pe)},
            "layer": n.layer,
            "frame": (h, w),
            "out": op.out_hw,
        }


@lowers(Pad)
class PadLowering(SpatialLowering[Pad]):
    """One cell."""

    def lower(self, n: NetlistBuilder, folding: Folding, *x: Wire) -> Wire:
        return n.add(PadCell(**self.ends(n, folding, x[0]), padding=self.op.padding))


@lowers(Crop)
class CropLowering(SpatialLowering[Crop]):
    """One cell."""

    def lower(self, n: NetlistBuilder, folding: Folding, *x: Wire) -> Wire:
        (top, _), (left, _) = self.op.cropping
        return n.add(CropCell(**self.ends(n, folding, x[0]), corner=(top, left)))


@lowers(UpSample)
class UpSampleLowering(SpatialLowering[UpSample]):
    """One cell."""

    def lower(self, n: NetlistBuilder, folding: Folding, *x: Wire) -> Wire:
        return n.add(UpSampleCell(**self.ends(n, folding, x[0]), factor=self.op.factor))


@lowers(Stuff)
class StuffLowering(SpatialLowering[Stuff]):
    """One cell."""

    def lower(self, n: NetlistBuilder, folding: Folding, *x: Wire) -> Wire:
        return n.add(StuffCell(**self.ends(n, folding, x[0]), factor=self.op.factor))


@lowers(Bilinear)
class BilinearLowering(SpatialLowering[Bilinear]):
    """A cell an axis: rows, then columns."""

    def lower(self, n: NetlistBuilder, folding: Folding, *x: Wire) -> Wire:
        op, y = self.op, n.lanes(x[0], folding.pe)
        h, w, c = op.x.hwc
        groups = c // folding.pe
        fh, fw = op.factor
        for axis, size, inner, factor in (("rows", h, w * groups, fh), ("columns", w, groups, fw)):
            if factor == 1:
                continue
            last = axis == "columns" or fw == 1
            made = n.wire(
                op.name if last else f"{op.name}_{axis}",
                lanes=folding.pe,
                bits=y.bits + growth(factor),
                signed=y.signed,
                beats=y.beats * factor,
                fraction=y.fraction + growth(factor),
            )
            y = n.add(
                BilinearCell(
                    name=f"u_{made.name}", inputs={"x": y}, outputs={"y": made}, layer=n.layer,
                    size=size, inner=inner, factor=factor,
                )
            )  # fmt: skip
        return y


@lowers(Scale)
class ScaleLowering(OperatorLowering[Scale]):
    """A cell for every axis whose factors are not all 1: columns, then rows."""

    cuts_ready: ClassVar[bool] = False

    def lower(self, n: NetlistBuilder, folding: Folding, *x: Wire) -> Wire:
        op, y, pe = self.op, n.lanes(x[0], folding.pe), folding.pe
        _, w, c = op.x.hwc
        groups = c // pe
        rows, columns = op.factors
        axes = [("columns", columns, groups), ("rows", rows, w * groups)]
        axes = [a for a in axes if (a[1] > 1).any()]
        for k, (axis, factors, inner) in enumerate(axes):
            if k == len(axes) - 1:
                made = n.like(op.output, op.name, pe)
            else:  # what the rows multiply must be this much smaller than the whole
                least = int(rows.min())
                t = Fixed.covering(
                    min(0, op.lo // least), max(0, -(-op.hi // least)), op.output.type.fraction
                )
                made = n.wire(
                    f"{op.name}_{axis}", lanes=pe, bits=t.width, signed=t.signed, beats=y.beats, fraction=t.fraction
                )  # fmt: skip
            y = n.add(
                ScaleCell(
                    name=f"u_{made.name}", inputs={"x": y}, outputs={"y": made}, layer=n.layer,
                    factors=factors, inner=inner,
                )
            )  # fmt: skip
        return y
