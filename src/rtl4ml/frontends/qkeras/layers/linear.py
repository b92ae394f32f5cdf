# SPDX-License-Identifier: Apache-2.0
"""Dense layers and convolutions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from rtl4ml.errors import UnsupportedLayer
from rtl4ml.frontends.builder import Value
from rtl4ml.frontends.qkeras.builder import ModelBuilder
from rtl4ml.frontends.qkeras.layers.geometry import check_conv, padding_of, pairs_of
from rtl4ml.frontends.qkeras.layers.weights import (
    bias_values,
    finish_linear,
    kernel_weights,
    trained_array,
    turned_kernel,
)
from rtl4ml.frontends.qkeras.registry import handles
from rtl4ml.ir.types import Ints, Stream
from rtl4ml.ops.conv import Conv, Dense, Depthwise
from rtl4ml.ops.stuff import Stuff, Transposed


@handles("QDense", "Dense", ordered=True)
def _dense(b: ModelBuilder, layer: Any, x: list[Value]) -> Value:
    return add_dense(b, layer, x[0], layer.name)


def add_dense(b: ModelBuilder, layer: Any, v: Value, name: str, *, alone: bool = False) -> Value:
    """The value behind a dense layer that the model has under `name`.

    alone: whether TensorFlow computes it of every position alone, as within TimeDistributed. Raises UnsupportedLayer.
    """
    s = b.stream(layer, replace(v, order=None))
    kernel = np.asarray(layer.kernel)
    w = kernel_weights(layer, "kernel", kernel, (1, 1, *kernel.shape))
    if v.order is not None:  # the rows of the kernel, in the order of the stream
        if v.order.ndim > 1:
            raise b.wrong_order(layer)
        turned = np.empty_like(w.integers)
        turned[:, :, v.order] = w.integers
        w = replace(w, integers=turned)
        s = b.reshaped(name, s, (s.elements,), "flat")
    bias, fraction, function = bias_values(layer)
    op = Dense(
        name=b.name(name), inputs=(s,), layers=(name,),
        weights=w.integers, weight_fraction=w.fraction, bias=bias, bias_fraction=fraction,
    )  # fmt: skip
    return finish_linear(b, layer, b.add(op), function, name=name, rank=1 if alone else None)


@handles("QConv1D", "Conv1D", "QConv2D", "Conv2D", "QConv2DBatchnorm")
def _conv(b: ModelBuilder, layer: Any, x: list[Value]) -> Value:
    rank = 2 if "1D" in type(layer).__name__ else 3
    s = b.stream(layer, x[0])
    check_conv(layer, s, rank)
    kernel = trained_array(layer, "kernel")
    w = kernel_weights(layer, "kernel", kernel, kernel.shape if rank == 3 else (1, *kernel.shape))
    size, stride, dilation = (
        pairs_of(rank, v) for v in (layer.kernel_size, layer.strides, layer.dilation_rate)
    )
    bias, fraction, function = bias_values(layer)
    op = Conv(
        name=b.name(layer.name), inputs=(s,), layers=(layer.name,),
        weights=w.integers, weight_fraction=w.fraction, bias=bias, bias_fraction=fraction,
        stride=stride, dilation=dilation, padding=padding_of(layer, s.hwc[:2], size, stride, dilation),
    )  # fmt: skip
    return finish_linear(b, layer, b.add(op), function)


@handles("QConv2DTranspose", "Conv2DTranspose")
def _transposed(b: ModelBuilder, layer: Any, x: list[Value]) -> Value:
    """A convolution, with the kernel turned round, of the frame with zeros behind its pixels."""
    s = b.stream(layer, x[0])
    check_conv(layer, s, 3)
    for what, one in (("dilation_rate", (1, 1)), ("output_padding", None)):
        value = getattr(layer, what)
        if value != one:
            raise UnsupportedLayer(
                f"{layer.name}: {what} of a transposed convolution must be {one}, not {value}; leave it out"
            )
    stride, size = pairs_of(3, layer.strides), pairs_of(3, layer.kernel_size)
    kernel = np.asarray(layer.kernel)
    w = turned_kernel(kernel_weights(layer, "kernel", kernel, kernel.shape))
    bias, fraction, function = bias_values(layer)
    if stride != (1, 1):
        name = b.name(layer.name, "stuff")
        s = b.add(Stuff(name=name, inputs=(s,), layers=(layer.name,), factor=stride))
    over = [max(k - t, 0) for k, t in zip(size, stride, strict=True)]
    cut = [n // 2 if layer.padding == "same" else 0 for n in over]
    top, left = (
        (k - 1 - a, a if layer.padding == "same" else n) for k, a, n in zip(size, cut, over, strict=True)
    )
    op = Transposed(
        name=b.name(layer.name), inputs=(s,), layers=(layer.name,),
        weights=w.integers, weight_fraction=w.fraction, bias=bias, bias_fraction=fraction, padding=(top, left),
        stuffed=stride,
    )  # fmt: skip
    return finish_linear(b, layer, b.add(op), function)


def _depthwise_op(
    b: ModelBuilder, layer: Any, s: Stream, rank: int, what: str, bias: Ints | None, fraction: int
) -> Stream:
    variable = trained_array(layer, "depthwise")
    c, m = variable.shape[-2:]
    size = (1, variable.shape[0]) if rank == 2 else variable.shape[:2]
    w = kernel_weights(layer, "depthwise", variable, (*size, c * m))
    stride, dilation = (pairs_of(rank, v) for v in (layer.strides, layer.dilation_rate))
    op = Depthwise(
        name=b.name(layer.name, what), inputs=(s,), layers=(layer.name,),
        weights=w.integers.reshape(*size, c, m), weight_fraction=w.fraction, bias=bias, bias_fraction=fraction,
        stride=stride, dilation=dilation, padding=padding_of(layer, s.hwc[:2], size, stride, dilation),
    )  # fmt: skip
    return b.add(op)


@handles(
    "QDepthwiseConv2D", "DepthwiseConv1D", "DepthwiseConv2D", "QDepthwiseConv1D", "QDepthwiseConv2DBatchnorm"
)
def _depthwise(b: ModelBuilder, layer: Any, x: list[Value]) -> Value:
    rank = 2 if "1D" in type(layer).__name__ else 3
    s = b.stream(layer, x[0])
    check_conv(layer, s, rank)
    bias, fraction, function = bias_values(layer)
    return finish_linear(b, layer, _depthwise_op(b, layer, s, rank, "", bias, fraction), function)


@handles("QSeparableConv1D", "QSeparableConv2D", "SeparableConv1D", "SeparableConv2D")
def _separable(b: ModelBuilder, layer: Any, x: list[Value]) -> Value:
    rank = 2 if "1D" in type(layer).__name__ else 3
    s = b.stream(layer, x[0])
    check_conv(layer, s, rank)
    s = _depthwise_op(b, layer, s, rank, "depthwise", None, 0)
    variable = np.asarray(layer.pointwise_kernel)
    w = kernel_weights(layer, "pointwise", variable, (1, 1, *variable.shape[-2:]))
    bias, fraction, function = bias_values(layer)
    op = Conv(
        name=b.name(layer.name), inputs=(s,), layers=(layer.name,),
        weights=w.integers, weight_fraction=w.fraction, bias=bias, bias_fraction=fraction,
    )  # fmt: skip
    return finish_linear(b, layer, b.add(op), function)
