# SPDX-License-Identifier: Apache-2.0
"""Layers that move elements."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from rtl4ml.errors import UnsupportedLayer
from rtl4ml.frontends.builder import Value
from rtl4ml.frontends.qkeras.builder import ModelBuilder
from rtl4ml.frontends.qkeras.layers.geometry import check_conv, edges_of, pairs_of
from rtl4ml.frontends.qkeras.registry import handles
from rtl4ml.ir.types import Ints
from rtl4ml.ops.bilinear import Bilinear
from rtl4ml.ops.shape import Crop, Pad, UpSample

# -- shapes --


def unpooled(b: ModelBuilder, layer: Any, v: Value) -> Value:
    """The value without waiting maxima, which a layer that moves elements cannot pass."""
    settled = Value(b.stream(layer, v), order=v.order) if v.pools or v.borders else v
    return replace(settled, moved=True)


def reshaped(b: ModelBuilder, layer: Any, v: Value, shape: tuple[int, ...]) -> Value:
    """The value in another shape."""
    if v.borders and not any(f.per_channel for f in v.steps):  # the order of elements stays
        return replace(v, stream=b.reshaped(layer.name, v.stream, shape))
    v = unpooled(b, layer, v)
    if shape == v.stream.shape:
        return v
    rows = v.rows
    if any(f.per_channel for f in v.steps):
        rows = np.arange(v.stream.channels) if rows is None else rows
        if shape[-1] % len(rows):
            v = Value(b.stream(layer, v))
            rows = None
        else:
            rows = np.tile(rows, shape[-1] // len(rows))
    return replace(v, stream=b.reshaped(layer.name, v.stream, shape), rows=rows)


def _moved(b: ModelBuilder, layer: Any, v: Value, order: Ints) -> Value:
    """The value in the shape and order of `order`; where that is the stream's own, only its shape is another."""
    if (np.diff(order.reshape(-1)) == 1).all():
        return reshaped(b, layer, replace(v, order=None), order.shape)
    return replace(unpooled(b, layer, v), order=order)


@handles("Permute", ordered=True)
def _permute(b: ModelBuilder, layer: Any, x: list[Value]) -> Value:
    v = x[0]
    order = np.arange(v.stream.elements).reshape(v.stream.shape) if v.order is None else v.order
    return _moved(b, layer, v, order.transpose([d - 1 for d in layer.dims]))


@handles("Flatten", ordered=True)
def _flatten(b: ModelBuilder, layer: Any, x: list[Value]) -> Value:
    if x[0].order is not None:
        return _moved(b, layer, x[0], x[0].order.reshape(-1))
    return reshaped(b, layer, x[0], (x[0].stream.elements,))


@handles("Reshape", ordered=True)
def _reshape(b: ModelBuilder, layer: Any, x: list[Value]) -> Value:
    v = unpooled(b, layer, x[0])
    target = [int(d) for d in layer.target_shape]
    if -1 in target:
        target[target.index(-1)] = v.stream.elements // -prod(target)
    if not 1 <= len(target) <= 3:
        raise UnsupportedLayer(
            f"{layer.name}: the shape must be (C,), (W, C) or (H, W, C), not {tuple(target)}; drop an axis"
        )
    if v.order is not None:
        return _moved(b, layer, v, v.order.reshape(target))
    return reshaped(b, layer, v, tuple(target))


@handles("ZeroPadding1D", "ZeroPadding2D")
def _zero_padding(b: ModelBuilder, layer: Any, x: list[Value]) -> Value:
    rank = 2 if "1D" in type(layer).__name__ else 3
    v = x[0] if x[0].raw else Value(b.stream(layer, x[0]))
    check_conv(layer, v.stream, rank)
    op = Pad(
        name=b.name(layer.name),
        inputs=(v.stream,),
        layers=(layer.name,),
        padding=edges_of(rank, layer.padding),
    )
    return replace(v, stream=b.add(op))


@handles("Cropping1D", "Cropping2D")
def _cropping(b: ModelBuilder, layer: Any, x: list[Value]) -> Value:
    v = unpooled(b, layer, x[0])
    rank = 2 if "1D" in type(layer).__name__ else 3
    check_conv(layer, v.stream, rank)
    edges = edges_of(rank, layer.cropping)
    left = [n - sum(e) for n, e in zip(v.stream.hwc[:2], edges, strict=True)]
    if min(left) < 1:
        raise UnsupportedLayer(
            f"{layer.name}: cropping must leave at least one pixel, not {tuple(left)}; crop less"
        )
    op = Crop(name=b.name(layer.name), inputs=(v.stream,), layers=(layer.name,), cropping=edges)
    return replace(v, stream=b.add(op))


@handles("UpSampling1D", "UpSampling2D")
def _upsampling(b: ModelBuilder, layer: Any, x: list[Value]) -> Value:
    rank = 2 if "1D" in type(layer).__name__ else 3
    check_conv(layer, x[0].stream, rank)
    how = getattr(layer, "interpolation", "nearest")
    if how == "bilinear":
        return _bilinear(b, layer, x[0])
    if how != "nearest":
        raise UnsupportedLayer(
            f"{layer.name}: interpolation must be nearest or bilinear, not {how}; set interpolation='nearest'"
        )
    v = unpooled(b, layer, x[0])
    op = UpSample(
        name=b.name(layer.name),
        inputs=(v.stream,),
        layers=(layer.name,),
        factor=pairs_of(rank, layer.size),
    )
    return replace(v, stream=b.add(op))


def _bilinear(b: ModelBuilder, layer: Any, v: Value) -> Value:
    factor = pairs_of(3, layer.size)
    if any(f & (f - 1) for f in factor):
        raise UnsupportedLayer(
            f"{layer.name}: the size of bilinear upsampling must be powers of two, not {factor}; "
            "set interpolation='nearest' or another size"
        )
    s = b.stream(layer, v)
    if factor == (1, 1):
        return Value(s)
    return Value(b.add(Bilinear(name=b.name(layer.name), inputs=(s,), layers=(layer.name,), factor=factor)))
