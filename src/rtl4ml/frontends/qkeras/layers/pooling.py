# SPDX-License-Identifier: Apache-2.0
"""Pooling layers."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any, Literal

import numpy as np

from rtl4ml.errors import UnsupportedLayer
from rtl4ml.frontends.borders import Borders, division
from rtl4ml.frontends.builder import Value
from rtl4ml.frontends.functions import Function, Line
from rtl4ml.frontends.operators import PoolGeometry
from rtl4ml.frontends.qkeras.builder import ModelBuilder
from rtl4ml.frontends.qkeras.layers.geometry import check_conv, pairs_of, pooled_size, same_padding
from rtl4ml.frontends.qkeras.layers.shapes import reshaped
from rtl4ml.frontends.qkeras.quantizers.live import on_arrays
from rtl4ml.frontends.qkeras.quantizers.weights import weight_values
from rtl4ml.frontends.qkeras.registry import handles
from rtl4ml.ops.pool import Pool


def _pool(
    b: ModelBuilder,
    layer: Any,
    v: Value,
    mode: Literal["max", "sum"],
    size: tuple[int, int],
    stride: tuple[int, int],
    padding: str,
) -> Value:
    v = replace(_settled_borders(b, layer, v), moved=True)
    hw = v.stream.hwc[:2]
    for p in v.pools:
        hw = pooled_size(hw, p)
    a, c = (
        same_padding(n, k, t, 1) if padding == "same" else (0, 0)
        for n, k, t in zip(hw, size, stride, strict=True)
    )
    p = PoolGeometry(layer.name, size, stride, (a, c))
    if min(pooled_size(hw, p)) < 1:
        raise UnsupportedLayer(
            f"{layer.name}: the pool must fit its input of {hw} positions, not be {size}; "
            "use a smaller pool_size"
        )
    if mode == "max":  # commutes with functions that rise; where one falls, it waits for the quantizer
        if v.pools or not all(f.rises for f in v.steps):
            return replace(v, pools=(*v.pools, p))
        return replace(v, stream=b.pooled(p, v.stream, mode))
    s = b.stream(layer, v)
    total = b.pooled(p, s, mode)
    op = b.ops[-1]
    assert isinstance(op, Pool)
    borders = Borders(layer.name, op)
    if len(borders.numbers) > 1:
        if borders.shift is not None:
            return Value(b.scaled(layer.name, total, borders.exact, borders.shift))
        return Value(total, (division(layer.name, int(borders.numbers[-1])),), borders=borders)
    count = int(borders.numbers[0])
    if count & (count - 1) == 0:  # a division by a power of two only moves the point
        b.ops[-1] = replace(op, shift=count.bit_length() - 1)
        return Value(b.ops[-1].output)
    return Value(total, (division(layer.name, count),))


def _settled_borders(b: ModelBuilder, layer: Any, v: Value) -> Value:
    """The value with all positions alike: a layer that moves elements cannot pass an average with padding."""
    return v if v.borders is None else Value(b.stream(layer, v))


@handles("MaxPooling1D", "MaxPooling2D", "AveragePooling1D", "AveragePooling2D")
def _pooling(b: ModelBuilder, layer: Any, x: list[Value]) -> Value:
    rank = 2 if "1D" in type(layer).__name__ else 3
    check_conv(layer, x[0].stream, rank)
    mode: Literal["max", "sum"] = "max" if "Max" in type(layer).__name__ else "sum"
    size, stride = pairs_of(rank, layer.pool_size), pairs_of(rank, layer.strides)
    return _pool(b, layer, x[0], mode, size, stride, layer.padding)


@handles("GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalAveragePooling1D", "GlobalAveragePooling2D")
def _global(b: ModelBuilder, layer: Any, x: list[Value]) -> Value:
    rank = 2 if "1D" in type(layer).__name__ else 3
    check_conv(layer, x[0].stream, rank)
    v = x[0] if not x[0].pools else Value(b.stream(layer, x[0]))
    hw = v.stream.hwc[:2]
    v = _pool(b, layer, v, "max" if "Max" in type(layer).__name__ else "sum", hw, hw, "valid")
    return v if layer.keepdims else reshaped(b, layer, v, (v.stream.channels,))


@handles("QAveragePooling2D", "QGlobalAveragePooling2D")
def _quantized_average(b: ModelBuilder, layer: Any, x: list[Value]) -> Value:
    """QKeras's own: an average times the area of the pool times the quantized inverse of that area, each product in
    float32; then an activation.
    """
    whole = "Global" in type(layer).__name__
    area = prod(x[0].stream.hwc[:2]) if whole else prod(pairs_of(3, layer.pool_size))
    v = (_global if whole else _pooling)(b, layer, x)
    if layer.average_quantizer:
        v = b.elementwise(layer, v, _reweighted(layer, area))
    return b.function(layer, v, layer.activation, "activation")


def _reweighted(layer: Any, area: int) -> Function:
    """The product x * area * factor, where the factor is what the layer's quantizer makes of 1 / area."""
    quantizer = layer.average_quantizer_internal
    factor = weight_values(layer.name, "the factor 1 / area", quantizer, np.float32(1 / area))
    single, double = np.float32(factor), float(factor)
    mantissa, exponent = np.frexp(area * double)

    def function(t: Any) -> Any:
        return t * float(area) * single

    return Function(
        name="average_quantizer",
        f32=on_arrays(function),
        f64=lambda x: np.asarray(x, np.float64) * area * double,
        monotone=1,
        scale=int(exponent) - 1 if mantissa == 0.5 and area & (area - 1) == 0 else None,
        pieces=(Line(area * double),) if area & (area - 1) == 0 else None,
        layer=layer.name,
        framework_object=function,
    )
