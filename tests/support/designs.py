# SPDX-License-Identifier: Apache-2.0
"""Ten networks, unlike each other in layers, widths and foldings, on which predictions are held against counts."""

from __future__ import annotations

from typing import Any

from rtl4ml.host import frameworks

keras = frameworks.keras()
q = frameworks.qkeras()
L = keras.layers


def _w(bits: int, *, kind: str | None = None) -> dict[str, Any]:
    return {
        "kernel_quantizer": kind or q.quantized_bits(bits, 0, alpha=1),
        "bias_quantizer": q.quantized_bits(8, 2, alpha=1),
    }


def _relu(bits: int, integer: int = 1) -> Any:
    return q.QActivation(f"quantized_relu({bits},{integer})")


def _cnn(bands: int, kernels: int, k: int, hidden: list[int], classes: int, *, w: int, a: int, x: int = 8,
         stride: int = 1, kind: str | None = None) -> Any:  # fmt: skip
    """A spectral 1D-CNN after Nalepa et al."""
    layers: list[Any] = [L.Input((bands, 1)), q.QActivation(f"quantized_relu({x},0)")]
    layers += [
        q.QConv1D(kernels, k, strides=stride, **_w(w, kind=kind)),
        _relu(a),
        L.MaxPooling1D(2),
        L.Flatten(),
    ]
    for units in hidden:
        layers += [q.QDense(units, **_w(w, kind=kind)), _relu(a)]
    return keras.Sequential([*layers, q.QDense(classes, **_w(w, kind=kind))])


def _deep(width: int, channels: list[int], *, w: int, a: int, pool: str = "MaxPooling1D") -> Any:
    """Convolutions with pools between, global pooling, a dense layer."""
    layers: list[Any] = [L.Input((width, 3)), q.QActivation("quantized_bits(8,0,alpha=1)")]
    for c in channels:
        layers += [q.QConv1D(c, 3, padding="same", **_w(w)), _relu(a), getattr(L, pool)(2)]
        layers += [] if pool == "MaxPooling1D" else [q.QActivation(f"quantized_relu({a},1)")]
    return keras.Sequential([*layers, L.GlobalMaxPooling1D(), q.QDense(6, **_w(w))])


def _separable(width: int, *, w: int, a: int) -> Any:
    """Depthwise separable convolutions."""
    options = {
        "depthwise_quantizer": q.quantized_bits(w, 0, alpha=1),
        "pointwise_quantizer": q.quantized_bits(w, 0, alpha=1),
        "bias_quantizer": q.quantized_bits(8, 2, alpha=1),
    }
    layers: list[Any] = [L.Input((width, 4)), q.QActivation("quantized_bits(6,0,alpha=1)")]
    for c in (8, 16):
        layers += [q.QSeparableConv1D(c, 3, padding="same", **options), _relu(a), L.MaxPooling1D(2)]
    return keras.Sequential([*layers, L.Flatten(), q.QDense(5, **_w(w))])


def _skip(width: int, *, w: int, a: int) -> Any:
    """A branch that skips a convolution and is added back."""
    x = L.Input((width, 8))
    y = q.QActivation("quantized_bits(6,0,alpha=1)")(x)
    z = q.QConv1D(8, 3, padding="same", **_w(w))(y)
    z = q.QActivation(f"quantized_bits({a},0,alpha=1)")(z)
    y = L.Add()([y, z])
    y = q.QConv1D(4, 1, **_w(w))(q.QActivation(f"quantized_relu({a},1)")(y))
    return keras.Model(x, y)


def _mlp(units: list[int], *, bits: int) -> Any:
    """Dense layers."""
    layers: list[Any] = [L.Input((units[0],)), q.QActivation("quantized_bits(8,0,alpha=1)")]
    for n in units[1:-1]:
        layers += [q.QDense(n, **_w(bits)), _relu(bits)]
    return keras.Sequential([*layers, q.QDense(units[-1], **_w(bits))])


# name -> (model, target_interval)
DESIGNS: dict[str, tuple[Any, int]] = {
    "cnn_4bit": (lambda: _cnn(103, 8, 5, [32], 9, w=4, a=4), 103),
    "cnn_wide": (lambda: _cnn(120, 16, 5, [48, 24], 12, w=5, a=5), 240),
    "cnn_8bit": (lambda: _cnn(96, 8, 7, [32, 16], 8, w=8, a=8), 400),
    "cnn_stride": (lambda: _cnn(128, 12, 9, [24], 10, w=6, a=4, stride=2), 256),
    "mlp": (lambda: _mlp([64, 64, 32, 5], bits=6), 128),
    "ternary": (lambda: _cnn(100, 8, 5, [64], 8, w=2, a=4, kind="ternary(alpha=1)"), 200),
    "deep": (lambda: _deep(64, [8, 16, 16], w=4, a=4), 512),
    "deep_8bit": (lambda: _deep(64, [8, 16], w=8, a=8), 640),
    "separable": (lambda: _separable(48, w=4, a=4), 300),
    "skip": (lambda: _skip(64, w=5, a=5), 256),
}  # fmt: skip
