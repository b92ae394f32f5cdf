# SPDX-License-Identifier: Apache-2.0
"""Short names of Keras's and QKeras's layers, and small chains of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from rtl4ml.host import frameworks

K = frameworks.keras()


Q = frameworks.qkeras()


L = K.layers


def bits(b: int, i: int = 0, **options: Any) -> Any:
    return Q.quantized_bits(b, i, **{"alpha": 1.0, **options})


def linear(**options: Any) -> dict[str, Any]:
    return {"kernel_quantizer": bits(6), "bias_quantizer": bits(6), **options}


def act(text: str = "quantized_relu(5,1)") -> Any:
    return Q.QActivation(text)


def randomize(model: Any, rng: np.random.Generator) -> Any:
    for w in model.weights:
        positive = "variance" in w.name
        w.assign(
            (rng.uniform(0.1, 2, w.shape) if positive else rng.normal(0.1, 0.5, w.shape)).astype(np.float32)
        )
    return model


def sequential(
    shape: tuple[int, ...], layers: list[Any], rng: np.random.Generator, entry: str = "quantized_bits(8,1)"
) -> Any:
    return randomize(K.Sequential([K.Input(shape), *([act(entry)] if entry else []), *layers]), rng)
