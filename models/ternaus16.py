# SPDX-License-Identifier: Apache-2.0
"""A teacher for U-Net students, after Iglovikov and Shvets (2018), "TernausNet": a U-Net whose way down is VGG16's.

The thirteen convolutions of VGG16 (Simonyan and Zisserman, 2015) in five levels, a middle and a way up of one
convolution and one transposed convolution a level, as in the authors' UNet16. No weights are downloaded: the encoder is
trained from the start too, and batch normalization, which neither paper has, is what lets it. At full width it has
32.2 million weights without it; de Vieilleville et al. (2020) give 37 million for theirs and leave the way up open.
It stays in float and is not for hardware.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rtl4ml import _tf

# Feature maps and convolutions a level of VGG16; each further level halves rows and columns.
ENCODER: tuple[tuple[int, int], ...] = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
# Of the way up, from the middle to the full resolution: feature maps of the convolution, and of the transposed one.
DECODER: tuple[tuple[int, int], ...] = ((512, 256), (512, 256), (512, 256), (256, 64), (128, 32))
LAST = 32


def build(
    *,
    width: float = 1.0,
    size: Sequence[int | None] = (128, 128),
    channels: int = 3,
    normalized: bool = True,
    sigmoid: bool = True,
    quantized: bool = False,
) -> Any:
    """The network as a tf_keras model, untrained: images (N, *size, channels) in [0, 1) to (N, *size, 1).

    width: factor of all feature maps; a level has at least one. size: rows and columns, multiples of 32, or None for
    any. normalized: with batch normalization. sigmoid: probabilities, else logits. Raises ValueError where quantized.
    """
    if quantized:
        raise ValueError("a teacher stays in float")
    layers = _tf.keras().layers

    def scaled(maps: int) -> int:
        return max(1, round(maps * width))

    def activate(x: Any, name: str) -> Any:
        if normalized:
            x = layers.BatchNormalization(momentum=0.95, epsilon=1e-4, name=f"{name}_norm")(x)
        return layers.ReLU(name=f"{name}_relu")(x)

    def convolve(x: Any, maps: int, name: str) -> Any:
        start = {"kernel_initializer": "he_normal", "use_bias": not normalized}
        return activate(layers.Conv2D(scaled(maps), 3, padding="same", name=name, **start)(x), name)

    def grow(x: Any, maps: tuple[int, int], name: str) -> Any:
        x = convolve(x, maps[0], f"{name}_conv")
        start = {"kernel_initializer": "he_normal", "use_bias": not normalized}
        x = layers.Conv2DTranspose(
            scaled(maps[1]), 4, strides=2, padding="same", name=f"{name}_grow", **start
        )(x)
        return activate(x, f"{name}_grow")

    image = layers.Input((*size, channels), name="image")
    x, skips = image, []
    for i, (maps, times) in enumerate(ENCODER, start=1):
        for j in range(1, times + 1):
            x = convolve(x, maps, f"down{i}_{j}")
        skips.append(x)
        x = layers.MaxPooling2D(2, name=f"pool{i}")(x)
    for i, decoder in zip(range(len(ENCODER), 0, -1), DECODER, strict=True):
        x = grow(x, decoder, f"up{i}")
        x = layers.Concatenate(name=f"up{i}_concat")([x, skips[i - 1]])
    x = convolve(x, LAST, "last")
    x = layers.Conv2D(1, 1, kernel_initializer="he_normal", name="logits")(x)
    if sigmoid:
        x = layers.Activation("sigmoid", name="sigmoid")(x)
    return _tf.keras().Model(image, x, name="ternaus16")
