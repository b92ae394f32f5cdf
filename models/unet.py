# SPDX-License-Identifier: Apache-2.0
"""U-Net students after de Vieilleville et al. (2020): depthwise separable convolutions, one mask at the output.

The paper gives the feature maps of every level (its table of distilled students) and that ordinary convolutions are
replaced by depthwise separable ones. Two blocks a level on the way down and on the way up, upsampling by repetition
and a 1 x 1 convolution at the end then give its 0.5 million weights for the fourth student, and 0.985 GMAC at
128 x 128.
A depthwise convolution hands quantized numbers to its pointwise one; every scale is a fixed power of two.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, log2, sqrt
from typing import Any

from rtl4ml import _tf

# Feature maps a level of the distilled students 1 to 4 of the paper.
STUDENTS: dict[int, tuple[int, ...]] = {
    1: (64, 128, 256, 512, 1024),
    2: (64, 128, 256, 512, 512),
    3: (64, 128, 256, 256, 256),
    4: (64, 128, 192, 192, 192),
}


def build(
    *,
    widths: Sequence[int] = STUDENTS[4],
    size: Sequence[int] = (128, 128),
    channels: int = 3,
    input_bits: int = 8,
    weight_bits: int = 8,
    activation_bits: int = 8,
    activation_integer: int = 2,
    bias_bits: int = 16,
    bias_integer: int = 3,
    blocks: int = 2,
    quantized: bool = True,
) -> Any:
    """The network as a tf_keras model, untrained: images (N, *size, channels) in [0, 1) to probabilities (N, *size, 1).

    widths: feature maps of every level, the full resolution first; each further level halves rows and columns.
    size: rows and columns, multiples of 2 ** (len(widths) - 1). blocks: separable convolutions a level, on either way.
    Activations reach from 0 up to 2 ** activation_integer; the weights of a layer up to the power of two next above
    2.5 standard deviations of its initialization (He et al. 2015), so that few bits are enough.
    quantized: False leaves the quantizers out, that of the input excepted, and normalizes batches instead; layers that
    have weights in both have the same names.
    """
    layers, qkeras = _tf.keras().layers, _tf.qkeras()

    def weights(fan_in: int, kind: str) -> dict[str, Any]:
        start: dict[str, Any] = {f"{kind}_initializer": "he_normal"}
        if not quantized:
            return start | {"use_bias": False}
        reach = 2.0 ** ceil(log2(2.5 * sqrt(2 / fan_in)))
        return start | {
            f"{kind}_quantizer": f"quantized_bits({weight_bits},0,0,alpha={reach})",
            "bias_quantizer": f"quantized_bits({bias_bits},{bias_integer},0,alpha=1)",
        }

    def activate(x: Any, name: str) -> Any:
        if not quantized:
            x = layers.BatchNormalization(momentum=0.95, epsilon=1e-4, name=f"{name}_norm")(x)
            return layers.ReLU(name=f"{name}_relu")(x)
        relu = f"quantized_relu({activation_bits},{activation_integer})"
        return qkeras.QActivation(relu, name=f"{name}_relu")(x)

    def block(x: Any, width: int, name: str) -> Any:
        x = qkeras.QDepthwiseConv2D(3, padding="same", name=f"{name}_dw", **weights(9, "depthwise"))(x)
        x = activate(x, f"{name}_dw")
        x = qkeras.QConv2D(width, 1, name=f"{name}_pw", **weights(int(x.shape[-1]), "kernel"))(x)
        return activate(x, f"{name}_pw")

    def level(x: Any, width: int, name: str) -> Any:
        for i in range(1, blocks + 1):
            x = block(x, width, f"{name}_{i}")
        return x

    image = layers.Input((*size, channels), name="image")
    x = qkeras.QActivation(f"quantized_relu({input_bits},0)", name="input_quantizer")(image)
    skips = []
    for i, width in enumerate(widths[:-1], start=1):
        x = level(x, width, f"down{i}")
        skips.append(x)
        x = layers.MaxPooling2D(2, name=f"pool{i}")(x)
    x = level(x, widths[-1], f"down{len(widths)}")
    for i in range(len(widths) - 1, 0, -1):
        x = layers.UpSampling2D(2, name=f"up{i}_repeat")(x)
        x = layers.Concatenate(name=f"up{i}_concat")([x, skips[i - 1]])
        x = level(x, widths[i - 1], f"up{i}")
    head = weights(int(x.shape[-1]), "kernel") | ({} if quantized else {"use_bias": True})
    x = qkeras.QConv2D(1, 1, name="logits", **head)(x)
    x = layers.Activation("sigmoid", name="sigmoid")(x)
    return _tf.keras().Model(image, x, name="unet")
