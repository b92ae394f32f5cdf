# SPDX-License-Identifier: Apache-2.0
"""Small networks of rows or images, drawn at random: whatever their cycles depend on."""

from __future__ import annotations

from typing import Any

import numpy as np

from rtl4ml.host import frameworks


def network(rng: np.random.Generator, *, padded: bool = False) -> Any:
    """A model of one or two dimensions: convolutions of all kinds, pools, upsampling, skips, a head; weights drawn.

    padded: whether averages have padding="same", with windows and strides of several sizes
    """
    layers, q = frameworks.keras().layers, frameworks.qkeras()
    plane = bool(rng.integers(2))
    size = tuple(int(rng.integers(3, 11)) for _ in range(2)) if plane else (int(rng.integers(4, 49)),)
    bits = int(rng.integers(2, 9))

    def some(*choices: Any) -> Any:
        return choices[int(rng.integers(len(choices)))]

    def weights(*kinds: str) -> dict[str, Any]:
        return {f"{kind}_quantizer": f"quantized_bits({bits},0,alpha=1)" for kind in kinds} | {
            "bias_quantizer": "quantized_bits(8,2,alpha=1)",
            "use_bias": bool(rng.integers(2)),
        }

    def relu(x: Any) -> Any:
        return q.QActivation(f"quantized_relu({int(rng.integers(2, 7))},1)")(x) if rng.integers(4) else x

    def conv(x: Any) -> Any:
        kernel, stride, dilation = int(rng.integers(1, 5)), some(1, 1, 2, 3), 1
        padding = some("same", "valid") if plane else some("same", "valid", "causal")
        if stride == 1:
            dilation = some(1, 1, 2, 3)
        if padding == "valid" and min(x.shape[1:-1]) < (kernel - 1) * dilation + 1:
            padding = "same"
        options = {"strides": stride, "padding": padding}
        kind = some("conv", "conv", "conv", "depthwise", "separable")
        if kind == "conv" or (kind == "depthwise" and not plane) or padding == "causal":
            options["dilation_rate"] = dilation
            made = (q.QConv2D if plane else q.QConv1D)(
                int(rng.integers(1, 13)), kernel, **options, **weights("kernel")
            )
        elif kind == "depthwise":
            made = q.QDepthwiseConv2D(kernel, **options, **weights("depthwise"))
        else:
            made = (q.QSeparableConv2D if plane else q.QSeparableConv1D)(
                int(rng.integers(1, 9)), kernel, **options, **weights("depthwise", "pointwise")
            )
        return relu(made(x))

    def pool(x: Any) -> Any:
        made, rank = some("MaxPooling", "AveragePooling"), 1 + plane
        if padded and made == "AveragePooling":
            size, strides = some(2, 3, 4), some(1, 2, 3)
            mean = getattr(layers, f"{made}{rank}D")(size, strides=strides, padding="same")(x)
            return q.QActivation(f"quantized_relu({int(rng.integers(2, 7))},1)")(mean)
        n = some(2, 2, 4 if made == "AveragePooling" else 3)
        if min(x.shape[1:-1]) < n:
            return x
        stride = n if made == "AveragePooling" else some(n, n, 1)
        return relu(getattr(layers, f"{made}{rank}D")(n, strides=stride)(x))

    def grow(x: Any) -> Any:
        return (layers.UpSampling2D if plane else layers.UpSampling1D)(2)(x) if max(x.shape[1:-1]) < 20 else x

    def pad(x: Any) -> Any:
        return (layers.ZeroPadding2D if plane else layers.ZeroPadding1D)(some(1, 2))(x)

    def skip(x: Any) -> Any:
        y = x
        for _ in range(int(rng.integers(1, 3))):
            kernel = int(rng.integers(1, 6))
            y = (q.QConv2D if plane else q.QConv1D)(x.shape[-1], kernel, padding="same", **weights("kernel"))(
                y
            )
            y = q.QActivation("quantized_relu(4,1)")(y)
        return some(layers.Add, layers.Concatenate)()([x, y] if rng.integers(2) else [y, x])

    x = first = layers.Input((*size, int(rng.integers(1, 7))))
    x = q.QActivation("quantized_bits(8,0,0,alpha=1)")(x)
    x = conv(x)
    for _ in range(int(rng.integers(1, 5))):
        x = some(conv, conv, conv, pool, grow, pad, skip)(x)
    if rng.integers(3) == 0:
        x = q.QDense(int(rng.integers(2, 9)), **weights("kernel"))(layers.Flatten()(x))
    model = frameworks.keras().Model(first, x)
    model.set_weights([rng.normal(0, 0.6, w.shape) for w in model.get_weights()])
    return model
