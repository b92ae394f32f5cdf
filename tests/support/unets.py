# SPDX-License-Identifier: Apache-2.0
"""Small U-Nets of every kind, drawn at random: how they go down, up, and join, and what stands at their output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from rtl4ml.frontends.qkeras.walk import Call, walk
from rtl4ml.host import frameworks

BLOCKS = ("conv", "depthwise", "separable")
DOWNS = ("max", "average", "stride")
UPS = ("nearest", "bilinear", "transposed")
JOINS = ("concat", "add", "gate")
HEADS = ("logits", "argmax", "mask", "opening")


@dataclass(frozen=True, kw_only=True)
class Unet:
    """A U-Net of `depth` skips. Every tuple has an entry a level, the full resolution first, and is as long as needed.

    block, down, up, join, head: one of BLOCKS, DOWNS, UPS, JOINS, HEADS
    bits, integer: of a level's activations; weight_bits of its kernels
    fit: whether an odd map is padded behind the upsampling, or rounded up on the way down and cropped
    """

    size: tuple[int, int]
    widths: tuple[int, ...]
    bits: tuple[int, ...]
    integers: tuple[int, ...]
    weight_bits: tuple[int, ...]
    kernels: tuple[tuple[int, int], ...]
    blocks: tuple[str, ...]
    downs: tuple[str, ...]
    ups: tuple[str, ...]
    joins: tuple[str, ...]
    fits: tuple[str, ...]
    channels: int = 2
    classes: int = 3
    head: str = "logits"

    @property
    def depth(self) -> int:
        return len(self.widths) - 1

    @property
    def options(self) -> dict[str, Any]:
        """What `parse` and `convert` must be told of the head."""
        return {
            "logits": {},
            "argmax": {"output": "argmax"},
            "mask": {"output": "mask", "threshold": 0.45},
            "opening": {"output": "mask", "threshold": 0.45, "opening": 1},
        }[self.head]

    def model(self) -> Any:
        """The model; its input quantizer has five bits."""
        x = first = frameworks.keras().layers.Input((*self.size, self.channels))
        x = frameworks.qkeras().QActivation("quantized_relu(5,0)")(x)
        skips = []
        for i in range(self.depth):
            x = self._block(x, i)
            skips.append(x)
            x = self._down(x, i)
        x = self._block(x, self.depth)
        for i in reversed(range(self.depth)):
            x = self._join(self._fitted(self._up(x, i), skips[i], i), skips[i], i)
            x = self._block(x, i)
        return frameworks.keras().Model(first, self._head(x), name="unet")

    def _weights(self, i: int, *kinds: str) -> dict[str, Any]:
        quantizers = {f"{k}_quantizer": f"quantized_bits({self.weight_bits[i]},0,alpha=1)" for k in kinds}
        return quantizers | {"bias_quantizer": "quantized_bits(8,3,alpha=1)"}

    def _relu(self, x: Any, i: int) -> Any:
        return frameworks.qkeras().QActivation(f"quantized_relu({self.bits[i]},{self.integers[i]})")(x)

    def _block(self, x: Any, i: int) -> Any:
        q, k, width = frameworks.qkeras(), self.kernels[i], self.widths[i]
        if self.blocks[i] == "separable":
            weights = self._weights(i, "depthwise", "pointwise")
            return self._relu(q.QSeparableConv2D(width, k, padding="same", **weights)(x), i)
        if self.blocks[i] == "depthwise":
            x = self._relu(q.QDepthwiseConv2D(k, padding="same", **self._weights(i, "depthwise"))(x), i)
            k = (1, 1)
        return self._relu(q.QConv2D(width, k, padding="same", **self._weights(i, "kernel"))(x), i)

    def _down(self, x: Any, i: int) -> Any:
        layers, q = frameworks.keras().layers, frameworks.qkeras()
        how = self.downs[i]
        ceil = "same" if self.fits[i] == "crop" else "valid"
        if how == "stride":
            weights = self._weights(i, "kernel")
            return self._relu(q.QConv2D(self.widths[i], 2, strides=2, padding=ceil, **weights)(x), i)
        if how == "average" and (ceil == "valid" or not (x.shape[1] % 2 or x.shape[2] % 2)):
            return self._relu(layers.AveragePooling2D(2)(x), i)
        return layers.MaxPooling2D(2, padding=ceil)(x)

    def _up(self, x: Any, i: int) -> Any:
        layers, q = frameworks.keras().layers, frameworks.qkeras()
        if self.ups[i] == "transposed":
            weights = self._weights(i, "kernel")
            k = max(self.kernels[i][0], 2)
            return self._relu(
                q.QConv2DTranspose(self.widths[i], k, strides=2, padding="same", **weights)(x), i
            )
        if self.ups[i] == "bilinear":
            return self._relu(layers.UpSampling2D(2, interpolation="bilinear")(x), i)
        return layers.UpSampling2D(2)(x)

    def _fitted(self, x: Any, skip: Any, i: int) -> Any:
        layers = frameworks.keras().layers
        over = [a - b for a, b in zip(skip.shape[1:3], x.shape[1:3], strict=True)]
        if any(n > 0 for n in over):
            x = layers.ZeroPadding2D(tuple((n // 2, n - n // 2) for n in (max(n, 0) for n in over)))(x)
        if any(n < 0 for n in over):
            x = layers.Cropping2D(tuple((n // 2, n - n // 2) for n in (max(-n, 0) for n in over)))(x)
        return x

    def _join(self, x: Any, skip: Any, i: int) -> Any:
        layers, q = frameworks.keras().layers, frameworks.qkeras()
        if self.joins[i] == "concat":
            return layers.Concatenate()([x, skip])
        if x.shape[-1] != skip.shape[-1]:
            x = self._relu(q.QConv2D(skip.shape[-1], 1, **self._weights(i, "kernel"))(x), i)
        if self.joins[i] == "add":
            return self._relu(layers.Add()([x, skip]), i)
        gate = q.QConv2D(skip.shape[-1], 1, **self._weights(i, "kernel"))(x)
        gate = q.QActivation("quantized_sigmoid(4)")(gate)  # attention: the skip, as far as the gate is open
        gated = layers.Multiply()([gate, skip])
        return layers.Concatenate()([x, self._relu(gated, i)])

    def _head(self, x: Any) -> Any:
        width = {"logits": 1, "argmax": self.classes}.get(self.head, 1)
        x = frameworks.qkeras().QConv2D(width, 1, **self._weights(0, "kernel"))(x)
        kind = {"argmax": "softmax", "logits": "linear"}.get(self.head, "sigmoid")
        return frameworks.keras().layers.Activation(kind)(x)


def lively(model: Any, rng: np.random.Generator) -> Any:
    """Weights with which signals neither die nor saturate on the way through many layers, and classes are balanced.

    Layer by layer: kernels are drawn, and scaled until sums vary by a half of what quantizers hold; biases move every
    channel's sums to where its activation has most to say, those of the last layer to zero.
    """
    x = frameworks.tf().constant(images(model, 4, rng))
    last = next(layer for layer in reversed(model.layers) if layer.weights)

    def visit(call: Call, inputs: list[Any]) -> list[Any]:
        layer, given = call.layer, inputs if len(inputs) > 1 else inputs[0]
        if not layer.weights:
            return [layer(given)]
        *kernels, bias = layer.get_weights() if layer.use_bias else (*layer.get_weights(), None)
        kernels = [rng.normal(0, np.sqrt(1 / np.prod(w.shape[:-1])), w.shape) for w in kernels]
        zeros = [] if bias is None else [np.zeros_like(bias)]
        for _ in range(6):
            layer.set_weights([*kernels, *zeros])
            made = np.asarray(layer(given))
            scale = np.clip(1 / max(made.std(), 0.1), 0.5, 2)
            if 0.8 < scale < 1.25:
                break
            kernels = [w * scale ** (1 / len(kernels)) for w in kernels]
        if bias is not None:
            middle = np.median(made.reshape(-1, len(bias)), 0)
            layer.set_weights([*kernels, (0.0 if layer is last else 0.7) - middle])
        return [layer(given)]

    walk(model, [x], visit)
    return model


def images(model: Any, n: int, rng: np.random.Generator) -> np.ndarray:
    return rng.random((n, *model.input_shape[1:])).astype(np.float32)


@st.composite
def unets(draw: st.DrawFn, *, depth: int = 4, extra: int = 9, widest: int = 4) -> Unet:
    """U-Nets of 1 to `depth` skips on frames up to `extra` pixels larger than the smallest that has them."""
    n = draw(st.integers(1, depth))

    def each(one: st.SearchStrategy[Any], count: int = n + 1) -> tuple[Any, ...]:
        return tuple(draw(one) for _ in range(count))

    kernel = st.sampled_from([(3, 3), (3, 3), (1, 1), (5, 5), (2, 3), (1, 5)])
    return Unet(
        size=tuple(2**n + draw(st.integers(0, extra)) for _ in range(2)),  # type: ignore[arg-type]
        widths=each(st.integers(1, widest)),
        bits=each(st.integers(2, 7)),
        integers=each(st.integers(0, 2)),
        weight_bits=each(st.integers(2, 8)),
        kernels=each(kernel),
        blocks=each(st.sampled_from(BLOCKS)),
        downs=each(st.sampled_from(DOWNS), n),
        ups=each(st.sampled_from(UPS), n),
        joins=each(st.sampled_from(JOINS), n),
        fits=each(st.sampled_from(["pad", "crop"]), n),
        channels=draw(st.integers(1, 3)),
        classes=draw(st.integers(2, 5)),
        head=draw(st.sampled_from(HEADS)),
    )
