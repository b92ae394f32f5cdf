# SPDX-License-Identifier: Apache-2.0
"""A spectral 1D-CNN after Nalepa et al. (2020), small enough that its hardware takes one band every clock cycle.

The original has 200 kernels, dense layers of 512 and 128, and 10.3 million weights. This one has 8 kernels, dense
layers of 32 and 32, and 27 thousand weights of 4 and 5 bits. Every scale is a fixed power of two (alpha=1), so it is
integers from end to end. Of its products per pixel, the 8,000 of the convolution are with constants; the 25,600 of the
first dense layer are 126 multipliers of 4 by 6 bits at one band a cycle, those of the others 7.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rtl4ml import _tf


def build(
    *,
    bands: int = 204,
    classes: int = 8,
    kernels: int = 8,
    hidden: Sequence[int] = (32, 32),
    input_bits: int = 8,
    weight_bits: Sequence[int] = (5, 4, 4, 4),
    weight_integers: Sequence[int] = (1, 2, 1, 0),
    bias_bits: int = 14,
    bias_integer: int = 5,
    activation_bits: Sequence[int] = (6, 4, 4),
    activation_integers: Sequence[int] = (0, 0, 0),
    activation: str = "quantized_relu",
    gradient: str = "constant",
    normalize: bool = True,
    quantized: bool = True,
) -> Any:
    """The network as a tf_keras model, untrained: spectra (N, bands, 1) in [0, 1) to class probabilities (N, classes).

    weight_bits, weight_integers: of the convolution and the dense layers in order; weights reach from -2 ** integer up
    to 2 ** integer, as do all biases with theirs. activation_bits, activation_integers: of the activations of all
    these layers but the last; they reach from 0 up to 2 ** integer.
    activation: "quantized_relu" or "step_activation", unsigned and with integers of 0; gradient: that of the steps.
    normalize: whether batches are normalized without quantizers.
    quantized: False leaves the quantizers out, that of the input excepted, and normalizes batches instead; layers
    that have weights in both have the same names. Raises ValueError for another activation.
    """
    if activation not in ("quantized_relu", "step_activation"):
        raise ValueError(f"activation must be quantized_relu or step_activation, not {activation!r}")
    from rtl4ml import steps  # imports TensorFlow

    layers, qkeras = _tf.keras().layers, _tf.qkeras()

    def weights(i: int) -> dict[str, str | None]:
        if not quantized:
            return {}
        return {
            "kernel_quantizer": f"quantized_bits({weight_bits[i]},{weight_integers[i]},0,alpha=1)",
            "bias_quantizer": f"quantized_bits({bias_bits},{bias_integer},0,alpha=1)",
        }

    def activate(x: Any, i: int, name: str) -> Any:
        if not quantized:
            if normalize:
                x = layers.BatchNormalization(momentum=0.95, epsilon=1e-4, name=f"{name}_norm")(x)
            return layers.ReLU(name=f"{name}_relu")(x)
        # A string: QKeras cannot load a QActivation from .keras that was given an object.
        if activation == "step_activation":
            quantizer = str(steps.step_activation(activation_bits[i], False, gradient))
        else:
            quantizer = f"quantized_relu({activation_bits[i]},{activation_integers[i]})"
        return qkeras.QActivation(quantizer, name=f"{name}_relu")(x)

    spectrum = layers.Input((bands, 1), name="spectrum")
    x = qkeras.QActivation(f"quantized_relu({input_bits},0)", name="input_quantizer")(spectrum)
    x = qkeras.QConv1D(kernels, 5, name="conv", **weights(0))(x)
    x = activate(x, 0, "conv")
    x = layers.MaxPooling1D(2, name="pool")(x)
    x = layers.Flatten(name="flatten")(x)
    for i, units in enumerate(hidden, start=1):
        x = qkeras.QDense(units, name=f"dense{i}", **weights(i))(x)
        x = activate(x, i, f"dense{i}")
    x = qkeras.QDense(classes, name="logits", **weights(len(hidden) + 1))(x)
    x = layers.Activation("softmax", name="softmax")(x)
    return _tf.keras().Model(spectrum, x, name="salinas_1dcnn")
