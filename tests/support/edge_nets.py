# SPDX-License-Identifier: Apache-2.0
"""Networks of several inputs and outputs, and samples for them."""

from __future__ import annotations

from typing import Any

from contract_nets import weights

from rtl4ml.host import frameworks

keras = frameworks.keras()
q = frameworks.qkeras()
L = keras.layers


def entry(name: str, shape: tuple[int, ...], bits: int = 6) -> tuple[Any, Any]:
    """An input and what its quantizer makes of it."""
    x = L.Input(shape, name=name)
    return x, q.QActivation(f"quantized_bits({bits},0,alpha=1)", name=f"{name}_quant")(x)


def act(name: str, kind: str = "quantized_relu(5,1)") -> Any:
    return q.QActivation(kind, name=name)


def conv(filters: int, kernel: int, name: str, **options: Any) -> Any:
    return q.QConv2D(filters, kernel, padding="same", name=name, **weights(), **options)


def two_images(join: str = "Concatenate", size: int = 4, filters: int = 3) -> Any:
    """A coarse image and one of twice the size, of other channels and bits, joined behind a convolution each."""
    near, a = entry("near", (2 * size, 2 * size, 2), 5)
    far, b = entry("far", (size, size, 1), 7)
    a = act("near_act")(conv(filters, 3, "near_conv", strides=2)(a))
    b = act("far_act", "quantized_relu(4,1)")(conv(filters, 3, "far_conv")(b))
    y = getattr(L, join)(name="join")([a, b])
    y = conv(2, 1, "mix")(y)
    return keras.Model([near, far], act("last", "quantized_bits(7,2,alpha=1)")(y), name="pair")


def two_heads(size: int = 6, filters: int = 4) -> Any:
    """Classes, whose softmax is cut, and the features behind which they are computed, an inner tap."""
    x, y = entry("image", (size, size, 2))
    features = act("features")(conv(filters, 3, "conv")(y))
    pooled = L.MaxPooling2D(2, name="pool")(features)
    z = q.QDense(5, name="dense", **weights())(L.Flatten(name="flat")(pooled))
    z = act("hidden")(z)
    z = L.Activation("softmax", name="classes")(q.QDense(3, name="scores", **weights())(z))
    return keras.Model(x, [z, features], name="heads")


def both(size: int = 6) -> Any:
    """Two inputs and three outputs: of one input alone, of both, and the same sums behind and before a sigmoid."""
    image, a = entry("image", (size, size, 1))
    numbers, b = entry("numbers", (3,), 7)
    a = act("features")(conv(2, 3, "conv")(a))
    mask = conv(1, 1, "logit")(a)
    flat = act("flat_act")(q.QDense(3, name="shrink", **weights())(L.Flatten(name="flat")(a)))
    y = L.Add(name="sum")([flat, q.QDense(3, name="grow", **weights())(b)])
    y = act("total", "quantized_bits(6,2,alpha=1)")(y)
    outputs = [L.Activation("sigmoid", name="mask")(mask), y, mask]
    return keras.Model([image, numbers], outputs, name="both")


NETS: dict[str, tuple[Any, dict[str, Any]]] = {
    "two images": (two_images, {}),
    "two images added": (two_images, {"join": "Add", "size": 3}),
    "two heads": (two_heads, {}),
    "both": (both, {}),
}
