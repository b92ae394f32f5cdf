# SPDX-License-Identifier: Apache-2.0
"""Small networks for tests of the hls4ml backend, and hls4ml's converter with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hls4ml  # first: it imports the backend, which imports parts of it
import numpy as np

from rtl4ml.host import frameworks


def model(quantized: bool = True) -> Any:
    """Three numbers into a dense layer of two."""
    keras, q = frameworks.keras(), frameworks.qkeras()
    bits = q.quantized_bits(4, 0, alpha=1)
    i = x = keras.layers.Input((3,), name="start")
    if quantized:
        x = q.QActivation(q.quantized_bits(6, 0, alpha=1), name="quantize")(x)
    m = keras.Model(i, q.QDense(2, kernel_quantizer=bits, bias_quantizer=bits, name="dense")(x))
    m.set_weights([np.array([[0.5, -0.25], [0.75, 0.125], [-1, 0.5]]), np.array([0.25, -0.5])])
    return m


def chain(*, softmax: bool = False, within: bool = True) -> Any:
    """Layers of every sort: convolution with an activation within it, pool, dense, normalization, activation."""
    keras, q = frameworks.keras(), frameworks.qkeras()
    w = {
        "kernel_quantizer": q.quantized_bits(4, 0, alpha=1),
        "bias_quantizer": q.quantized_bits(4, 0, alpha=1),
    }
    i = keras.layers.Input((12, 2), name="start")
    x = q.QActivation(q.quantized_bits(6, 0, alpha=1), name="quantize")(i)
    x = q.QConv1D(4, 3, activation=q.quantized_relu(4, 1) if within else None, name="conv", **w)(x)
    x = keras.layers.MaxPooling1D(2, name="pool")(x)
    x = q.QDense(3, name="dense", **w)(keras.layers.Flatten(name="flat")(x))
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = q.QActivation(q.quantized_bits(6, 2, alpha=1), name="last")(x)
    x = q.QDense(2, name="logits", **w)(x)
    m = keras.Model(i, keras.layers.Softmax(name="classes")(x) if softmax else x)
    rng = np.random.default_rng(3)
    low, high = np.array([0.5, 2]), np.array([-0.9, 0.9])
    m.set_weights(
        [rng.uniform(*(low if "variance" in v.name else high), v.shape.as_list()) for v in m.weights]
    )
    return m


def convert(m: Any, out: Path, **options: Any) -> Any:
    """The model through hls4ml's converter, with backend="rtl4ml"."""
    return hls4ml.converters.convert_from_keras_model(m, output_dir=str(out), backend="rtl4ml", **options)


def config_of(m: Any, granularity: str = "name", **options: Any) -> dict[str, Any]:
    """The configuration that hls4ml makes of a model."""
    made: dict[str, Any] = hls4ml.utils.config_from_keras_model(
        m, granularity=granularity, backend="rtl4ml", **options
    )
    return made
