# SPDX-License-Identifier: Apache-2.0
"""Kernels and biases of linear layers, as integers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml.frontends.builder import Value
from rtl4ml.frontends.functions import Function
from rtl4ml.frontends.qkeras.builder import ModelBuilder
from rtl4ml.frontends.qkeras.fused import Origin
from rtl4ml.frontends.qkeras.quantizers.weights import FREE_WEIGHT_BITS, read_weights, weight_values
from rtl4ml.frontends.weights import Weights, to_grid
from rtl4ml.host import frameworks
from rtl4ml.ir.types import Ints, Stream

# -- linear layers --


def _bias_function(layer: Any, bias: NDArray[np.float32]) -> Function:
    """A float bias: a sum in float32 whose rounding the quantizer behind it absorbs."""
    double = np.asarray(bias, np.float64)
    return Function(
        name="bias",
        f32=lambda x: np.asarray(x, np.float32) + bias,
        f64=lambda x: np.asarray(x, np.float64) + double,
        monotone=1,
        per_channel=True,
        layer=layer.name,
    )


def internal_quantizer(layer: Any, which: str) -> Any:
    """The quantizer object of `which` ("kernel", "bias", ...), or None."""
    return (
        getattr(layer, f"{which}_quantizer_internal", None)
        if getattr(layer, f"{which}_quantizer", None)
        else None
    )


def kernel_weights(layer: Any, which: str, variable: Any, shape: tuple[int, ...]) -> Weights:
    """Integers (*shape) of a kernel; the last axis are the output channels."""
    trained = np.asarray(variable, np.float32)
    if (
        type(layer).__name__ == "QSeparableConv1D"
    ):  # QKeras gives its kernels to their quantizers with an axis more
        trained = trained[None]
    what = "weights" if which == "kernel" else f"{which} weights"
    w = read_weights(layer.name, what, internal_quantizer(layer, which), trained, shape[-1])
    return Weights(w.integers.reshape(shape), w.fraction)


def turned_kernel(w: Weights) -> Weights:
    """A kernel (KH, KW, channels out, channels in) turned round, as (KH, KW, channels in, channels out)."""
    real = w.real[::-1, ::-1].transpose(0, 1, 3, 2)
    own, one = to_grid(real), to_grid(real.reshape(-1, 1))
    shared = Weights(one.integers.reshape(real.shape), np.repeat(one.fraction, real.shape[-1]))
    return own if own.width < shared.width else shared


def _is_folded(layer: Any) -> bool:
    """Whether the layer is one of QKeras's that fold a batch normalization into their weights."""
    return type(layer).__name__ in ("QConv2DBatchnorm", "QDepthwiseConv2DBatchnorm")


def trained_array(layer: Any, which: str) -> Any:
    """The array that the quantizer of `which` ("kernel", "depthwise", "bias") gets at inference; None without a bias.

    Layers that fold a batch normalization fold its moving statistics, in either folding mode.
    """
    if _is_folded(layer):
        kernel, bias = layer.get_folded_weights()
        return np.asarray(bias if which == "bias" else kernel)
    if which == "bias":
        return np.asarray(layer.bias, np.float32) if layer.use_bias else None
    return np.asarray(layer.kernel if which == "kernel" else getattr(layer, f"{which}_kernel"))


def bias_values(layer: Any) -> tuple[Ints | None, int, Function | None]:
    """Integers and fraction of the bias, or the function that adds a float bias."""
    trained = trained_array(layer, "bias")
    if trained is None:
        return None, 0, None
    quantizer = internal_quantizer(layer, "bias")
    q = weight_values(layer.name, "bias", quantizer, trained)
    if quantizer is None and to_grid(q.reshape(-1, 1)).width > FREE_WEIGHT_BITS:
        return None, 0, _bias_function(layer, q)
    w = read_weights(layer.name, "bias", quantizer, trained, 1)
    if not w.integers.any():
        return None, 0, None
    return w.integers[:, 0], int(w.fraction[0]), None


def _kernel_layer(layer: Any) -> Any:
    """The layer whose kernels TensorFlow chooses for this one at inference: a folded one always adds a bias."""
    if not _is_folded(layer):
        return layer
    q, options = frameworks.qkeras(), {"dilation_rate": layer.dilation_rate, "use_bias": True}
    if "Depthwise" in type(layer).__name__:
        return q.QDepthwiseConv2D(layer.kernel_size, **options)
    return q.QConv2D(1, layer.kernel_size, **options)


def finish_linear(
    b: ModelBuilder,
    layer: Any,
    s: Stream,
    bias: Function | None,
    *,
    name: str = "",
    rank: int | None = None,
) -> Value:
    """The value behind a linear layer: its sums, and the functions that wait behind them.

    name: the model's name of it, rank: axes of what TensorFlow gives it, where these are not its own and the stream's
    """
    v = Value(s, () if bias is None else (bias,), origin=Origin(_kernel_layer(layer), rank or len(s.shape)))
    if bias is None:
        b.sums[name or layer.name] = s
    return b.function(layer, v, layer.activation, "activation")
