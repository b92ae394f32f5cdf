# SPDX-License-Identifier: Apache-2.0
"""Activations, quantizers and normalizations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml.errors import BadModel, UnsupportedLayer
from rtl4ml.frontends.builder import Value
from rtl4ml.frontends.functions import Bend, Floats, Function
from rtl4ml.frontends.qkeras.builder import ModelBuilder
from rtl4ml.frontends.qkeras.layers.weights import internal_quantizer
from rtl4ml.frontends.qkeras.quantizers.functions import LAYER_FUNCTIONS
from rtl4ml.frontends.qkeras.quantizers.live import on_arrays, without_residue
from rtl4ml.frontends.qkeras.quantizers.weights import weight_values
from rtl4ml.frontends.qkeras.registry import handles
from rtl4ml.frontends.qkeras.vectors import on_vectors
from rtl4ml.host import frameworks


@handles(
    "InputLayer",
    "Dropout",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "GaussianNoise",
    "GaussianDropout",
    "ActivityRegularization",
    ordered=True,
)
def _nothing(_b: ModelBuilder, _layer: Any, x: list[Value]) -> Value:
    return x[0]


@handles("QActivation", ordered=True)
def _qactivation(b: ModelBuilder, layer: Any, x: list[Value]) -> Value:
    return b.function(layer, x[0], layer.quantizer)


@handles("Activation", ordered=True)
def _activation(b: ModelBuilder, layer: Any, x: list[Value]) -> Value:
    return b.function(layer, x[0], layer.activation)


@handles("Softmax")
def _softmax(b: ModelBuilder, layer: Any, x: list[Value]) -> Value:
    axis = layer.axis if isinstance(layer.axis, int) else -2
    if axis not in (-1, len(x[0].stream.shape)):
        raise UnsupportedLayer(
            f"{layer.name}: softmax must be over the channels (axis -1), not axis {layer.axis}; set axis=-1"
        )
    return b.function(layer, x[0], frameworks.keras().activations.softmax)


@handles(*LAYER_FUNCTIONS, ordered=True)
def _function_layer(b: ModelBuilder, layer: Any, x: list[Value]) -> Value:
    return b.elementwise(layer, x[0], LAYER_FUNCTIONS[type(layer).__name__](layer.name, layer))


@handles("PReLU")
def _prelu(b: ModelBuilder, layer: Any, x: list[Value]) -> Value:
    """A ReLU with a slope for every channel; of a layer that has one for every position all must be alike."""
    v = _by_channel(b, layer, x[0])
    alpha = np.asarray(layer.alpha, np.float32)
    axes = tuple(range(alpha.ndim - 1))
    slopes = alpha.reshape(-1, alpha.shape[-1])
    if (slopes != slopes[:1]).any():
        raise UnsupportedLayer(
            f"{layer.name}: the slopes of a PReLU must be those of channels, not of {alpha.shape} positions and "
            f"channels; set shared_axes={[a + 1 for a in axes]} and train again"
        )
    return b.elementwise(layer, v, _parametric(layer.name, np.broadcast_to(slopes[0], v.stream.channels)))


def _parametric(layer: str, slopes: NDArray[np.float32]) -> Function:
    """A ReLU with (channels,) slopes, or one where all are alike."""
    one = bool((slopes == slopes[0]).all())
    slopes = slopes[:1] if one else slopes
    double = slopes.astype(np.float64)
    relu_ = frameworks.keras().backend.relu

    def f64(x: Floats) -> Floats:
        x = np.asarray(x, np.float64)
        return np.where(x > 0, x, double * x)

    def function(t: Any) -> Any:
        return relu_(t) + -slopes * relu_(-t)

    return Function(
        name="prelu",
        f32=on_arrays(function),
        f64=f64,
        monotone=int(slopes[0] >= 0) if one else np.where(slopes >= 0, 1, 0).astype(np.int64),
        pieces=(Bend(double),),
        per_channel=not one,
        layer=layer,
        framework_object=function,
    )


@handles("BatchNormalization", "QBatchNormalization")
def _batchnorm(b: ModelBuilder, layer: Any, x: list[Value]) -> Value:
    rank = len(x[0].stream.shape)
    axis = [int(a) for a in np.atleast_1d(layer.axis)]
    if axis not in ([rank], [-1]):
        raise UnsupportedLayer(
            f"{layer.name}: normalization must be over the channels (axis -1), not axis {axis}; set axis=-1"
        )
    return b.elementwise(layer, _by_channel(b, layer, x[0]), _normalization(layer, rank))


def _by_channel(b: ModelBuilder, layer: Any, v: Value) -> Value:
    """A value behind which functions of the channels of its stream may wait."""
    if any(f.per_channel for f in v.steps) and v.rows is not None:
        v = Value(b.stream(layer, v))
    if v.borders and v.stream.shape != v.borders.frame:  # flattened since
        v = Value(b.stream(layer, v))
    return replace(v, rows=None)


def _normalization(layer: Any, rank: int) -> Function:
    def f32(x: Floats) -> Floats:
        a = np.asarray(x, np.float32).reshape(len(x), *(1,) * (rank - 1), -1)
        with without_residue(layer):
            return on_vectors(lambda t: layer(t, training=False), a).reshape(len(x), -1)

    def read(which: str, variable: Any) -> NDArray[np.float64]:
        return weight_values(layer.name, which, internal_quantizer(layer, which), variable).astype(np.float64)

    mean, variance = read("mean", layer.moving_mean), read("variance", layer.moving_variance)
    gamma = read("gamma", layer.gamma) if layer.scale else np.ones_like(mean)
    beta = read("beta", layer.beta) if layer.center else np.zeros_like(mean)
    if (variance + layer.epsilon <= 0).any():
        raise BadModel(
            f"{layer.name}: the moving variance must be positive, not {variance.min():g}; "
            "train the model again"
        )
    slope = gamma / np.sqrt(variance + layer.epsilon)
    offset = beta - mean * slope

    def f64(x: Floats) -> Floats:
        return np.asarray(np.asarray(x, np.float64) * slope + offset)

    sign = np.where(gamma < 0, -1, 1).astype(np.int64)
    return Function(
        name="normalization",
        f32=f32,
        f64=f64,
        monotone=sign,
        per_channel=True,
        layer=layer.name,
        framework_object=layer,
        rank=rank,
    )
