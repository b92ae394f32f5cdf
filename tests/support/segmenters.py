# SPDX-License-Identifier: Apache-2.0
"""Small networks that give a mask."""

from __future__ import annotations

from typing import Any

import numpy as np

from rtl4ml.host import frameworks

q, keras = frameworks.qkeras(), frameworks.keras()


layers = keras.layers


def bits(b: int, i: int = 0) -> Any:
    return q.quantized_bits(b, i, alpha=1)


def linear() -> dict[str, Any]:
    return {"kernel_quantizer": bits(6), "bias_quantizer": bits(6)}


def segmenter(
    rng: np.random.Generator, last: str, activation: str, hw: tuple[int, int] = (64, 64), inside: bool = False
) -> Any:
    """A small network with a score for every pixel."""
    entry = keras.Input((*hw, 3))
    x = q.QActivation(bits(8))(entry)
    x = q.QActivation(q.quantized_relu(6, 1))(q.QConv2D(4, 3, padding="same", **linear())(x))
    cls, size = (q.QDense, ()) if last == "dense" else (q.QConv2D, (1,))
    x = cls(1, *size, **linear(), activation=activation if inside else None)(x)
    model = keras.Model(entry, x if inside else layers.Activation(activation)(x))
    model.set_weights([rng.uniform(-0.6, 0.6, w.shape) for w in model.get_weights()])
    return model
