# SPDX-License-Identifier: Apache-2.0
"""Layers of Keras that hold another one."""

from __future__ import annotations

from typing import Any

from rtl4ml.errors import UnsupportedLayer
from rtl4ml.frontends.builder import HEADS, Value
from rtl4ml.frontends.qkeras.builder import ModelBuilder
from rtl4ml.frontends.qkeras.layers.linear import add_dense
from rtl4ml.frontends.qkeras.registry import REGISTERED, handles

# Layers that do the same to every position, whatever stands before and behind it.
_BY_POSITION = ("QActivation", "Activation", "ReLU", "LeakyReLU", "ELU", "Dropout")


@handles("TimeDistributed")
def _time_distributed(b: ModelBuilder, layer: Any, x: list[Value]) -> Value:
    """A layer of every position by itself: a dense one is a convolution of one tap."""
    inner = layer.layer
    kind = type(inner).__name__
    if kind in ("QDense", "Dense"):
        if getattr(inner.activation, "__name__", "") in HEADS:
            raise UnsupportedLayer(
                f"{layer.name}: a layer within TimeDistributed must have no {inner.activation.__name__}; "
                "put an Activation behind it"
            )
        return add_dense(b, inner, x[0], layer.name, alone=True)
    if kind in _BY_POSITION and len(x[0].stream.shape) > 1:
        return REGISTERED[kind].add(b, inner, x)
    raise UnsupportedLayer(
        f"{layer.name}: TimeDistributed must hold a QDense or an activation, not {kind}; "
        "use a layer of two dimensions, whose rows are the times"
    )
