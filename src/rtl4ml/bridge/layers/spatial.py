# SPDX-License-Identifier: Apache-2.0
"""Operators that move, repeat or scale the pixels of a frame as layers of hls4ml."""

from __future__ import annotations

from collections.abc import Mapping
from math import gcd
from typing import Any

from rtl4ml.bridge.builder import LayerBuilder, Node, table
from rtl4ml.bridge.registry import writes
from rtl4ml.bridge.windows import add_zero_padding
from rtl4ml.ops.bilinear import Bilinear
from rtl4ml.ops.conv import Conv
from rtl4ml.ops.scale import Scale
from rtl4ml.ops.shape import Crop, Pad, Reshape, UpSample
from rtl4ml.ops.stuff import Stuff


@writes(Reshape)
def _reshape(b: LayerBuilder, op: Reshape, x: Node) -> Node:
    """Nothing where a dense layer gathers the stream anyway; else packs of another size."""
    readers = b.graph.readers.get(op.output.name, [])
    outside = any(s.name == op.output.name for s in b.graph.outputs)
    gathered = len(readers) == 1 and not outside and isinstance(readers[0], Conv)
    if gathered and len(op.shape) == 1 and x.type.fraction == readers[0].x.type.fraction:
        return b.add(
            "Reshape", op.name, [x], x.type, op.shape, result=x.precision, target_shape=list(op.shape)
        )
    before, after = x.shape[-1], op.shape[-1]
    if before % after and after % before:  # hls4ml repacks between multiples only
        pack = gcd(before, after)
        x = _repack(b, f"{op.name}_step", x, (op.x.elements // pack, pack))
    return _repack(b, op.name, x, op.shape)


def _repack(b: LayerBuilder, hint: str, x: Node, shape: tuple[int, ...]) -> Node:
    return b.add("Repack", hint, [x], x.type, shape, result=x.precision, target_shape=list(shape))


@writes(Pad)
def _pad(b: LayerBuilder, op: Pad, x: Node) -> Node:
    return add_zero_padding(b, op.name, x, op.padding)


@writes(Crop)
def _crop(b: LayerBuilder, op: Crop, x: Node) -> Node:
    (top, bottom), (left, right) = op.cropping
    shape = op.output.shape
    attributes: dict[str, Any] = {
        "data_format": "channels_last", "n_chan": x.shape[-1], "in_width": x.shape[-2], "out_width": shape[-2],
        "crop_left": left, "crop_right": right,
    }  # fmt: skip
    if len(shape) == 3:
        attributes |= {
            "in_height": x.shape[0],
            "out_height": shape[0],
            "crop_top": top,
            "crop_bottom": bottom,
        }
    return b.add(f"Cropping{len(shape) - 1}D", op.name, [x], x.type, shape, result=x.precision, **attributes)


@writes(UpSample)
def _upsample(b: LayerBuilder, op: UpSample, x: Node) -> Node:
    h, w, c = op.x.hwc
    rank = len(op.x.shape) - 1
    return b.add(
        f"UpSampling{rank}D", op.name, [x], x.type, op.output.shape, result=x.precision,
        data_format="channels_last", in_height=h, in_width=w, out_height=op.out_hw[0], out_width=op.out_hw[1],
        n_chan=c, algorithm="nearest",
    )  # fmt: skip


@writes(Bilinear)
def _bilinear(b: LayerBuilder, op: Bilinear, x: Node) -> Node:
    return _spread(b, "r4_bilinear", op, x, {"bits": op.output.type.width + 2})


@writes(Stuff)
def _stuff(b: LayerBuilder, op: Stuff, x: Node) -> Node:
    return _spread(b, "r4_stuff", op, x, {})


def _spread(b: LayerBuilder, cell: str, op: Bilinear | Stuff, x: Node, constants: Mapping[str, int]) -> Node:
    """More rows and columns than before, by a function of our own."""
    (h, w, _), (fh, fw) = op.x.hwc, op.factor
    constants = {"in_height": h, "in_width": w, "factor_h": fh, "factor_w": fw, **constants}
    return b.add_cell(cell, op.name, x, op.output.type, op.output.shape, constants=constants)


@writes(Scale)
def _scale(b: LayerBuilder, op: Scale, x: Node) -> Node:
    """A factor for every row and every column, by a function of our own."""
    rows, columns = op.factors
    out = op.output.type
    constants = {"height": len(rows), "width": len(columns), "bits": out.width + 2}
    tables = {"row_factors": table(rows), "column_factors": table(columns)}
    return b.add_cell("r4_scale", op.name, x, out, op.output.shape, constants=constants, tables=tables)
