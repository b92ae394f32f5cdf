# SPDX-License-Identifier: Apache-2.0
"""Residual networks on whose ties QKeras disagrees with itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from rtl4ml.host import frameworks

q, keras = frameworks.qkeras(), frameworks.keras()


layers = keras.layers


def shaken(model: Any, rng: np.random.Generator, spread: float = 0.3) -> Any:
    """Weights as after training: no statistic of a normalization stays where it starts."""
    model.set_weights(
        [
            rng.uniform(0.05, 2, w.shape) if "variance" in w.name else rng.normal(size=w.shape) * spread
            for w in model.weights
        ]
    )
    return model


def residual(rng: np.random.Generator, blocks: int = 1) -> Any:
    """Quantized tanh, and beside it convolution, normalization and a quantizer of 2 bits; their sum has many ties."""
    entry = keras.Input((8, 8, 3))
    x = q.QActivation("quantized_bits(8,0,0)")(entry)
    for k in range(blocks):
        a = q.QActivation("quantized_tanh(6)", name=f"left{k}")(x)
        y = q.QConv2D(3, 1, kernel_quantizer="quantized_bits(4,0,0)", bias_quantizer="quantized_bits(4,0,0)")(
            a
        )
        y = layers.BatchNormalization()(y)
        y = q.QActivation("quantized_bits(2,0,0)", name=f"right{k}")(y)
        x = q.QActivation("quantized_bits(5,0,0)", name=f"sum{k}")(layers.Add()([a, y]))
    return shaken(keras.Model(entry, x), rng)
