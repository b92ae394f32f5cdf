# SPDX-License-Identifier: Apache-2.0
"""The formulas of QKeras's quantizers and activation functions in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rtl4ml.errors import UnsupportedLayer
from rtl4ml.frontends.qkeras.heads import Real
from rtl4ml.host import frameworks


def activation64(layer: Any, obj: Any, x: Real) -> Real:
    """An activation object's formula in float64."""
    name = getattr(obj, "__name__", type(obj).__name__) if obj is not None else "linear"
    if name == "hard_sigmoid":  # Keras and QKeras have different ones
        steep = 0.5 if obj.__module__.startswith("qkeras") else 0.2
        return np.clip(steep * x + 0.5, 0, 1)
    f = _FUNCTIONS64.get(name)
    if f is None:
        raise UnsupportedLayer(
            f"{layer.name}: the activation must be known in float64, not {name}; use fewer bits"
        )
    return np.asarray(f(obj, x), np.float64)


def _sigmoid(x: Real) -> Real:
    with np.errstate(over="ignore"):
        return np.asarray(1.0 / (1.0 + np.exp(-x)))


def _internal_sigmoid(x: Real) -> Real:
    """QKeras's own, which set_internal_sigmoid chooses."""
    chosen = frameworks.qkeras().quantizers._sigmoid.__name__
    if chosen == "hard_sigmoid":
        return np.clip(0.5 * x + 0.5, 0, 1)
    return np.clip(0.1875 * x + 0.5, 0, 1) if chosen == "smooth_sigmoid" else _sigmoid(x)


def _alpha(q: Any) -> float:
    return 1.0 if q.alpha is None else float(np.max(np.asarray(q.alpha)))


def _bits64(q: Any, x: Real) -> Real:
    free = q.bits - bool(q.keep_negative)
    if free <= 0:
        return _alpha(q) * np.where(x < 0, -1.0, 1.0)
    m, m_i = 2.0**free, 2.0 ** float(np.max(np.asarray(q.integer)))
    p = np.clip(np.rint(x * m / m_i), bool(q.keep_negative) * (-m + q.symmetric), m - 1)
    return np.asarray(_alpha(q) * (m_i * p / m))


def _relu64(q: Any, x: Real) -> Real:
    slope = q.negative_slope
    m, m_i = 2.0 ** (q.bits - (slope != 0)), 2.0 ** float(np.max(np.asarray(q.integer)))
    if q.use_sigmoid:
        p = _internal_sigmoid(x / m_i) * m
        y = m_i * np.clip(2 * (np.rint(p) / m) - 1, 0, 1 - 1 / m)
        if slope:
            y = y + m_i * slope * np.clip(2 * (np.rint(p * slope) / (slope * m)) - 1, -1, 0)
    else:
        p = x * m / m_i
        y = m_i * np.clip(np.rint(p) / m, 0, 1 - 1 / m)
        if slope:
            y = y + m_i * slope * np.clip(np.rint(p * slope) / (slope * m), -1, 0)
    return np.asarray(
        np.minimum(y, q.relu_upper_bound) if q.relu_upper_bound and not q.is_quantized_clip else y
    )


def _exponent64(q: Any, a: Real) -> Real:
    eps = 1e-7
    v = np.maximum(a, eps)
    if q.max_value is not None:
        v = np.where(v >= q.max_value, q.max_value, v)
    factor = 2.0 if q.quadratic_approximation else 1.0
    log = np.log2(np.sqrt(v) if q.quadratic_approximation else v)
    rounded = np.floor(log) if q.log2_rounding == "floor" else np.rint(log)
    return np.where(a < eps, q._min_exp, factor * np.clip(rounded, q._min_exp, q._max_exp))


def _po2_64(q: Any, x: Real) -> Real:
    return np.where(x < 0, -1.0, 1.0) * 2.0 ** _exponent64(q, np.abs(x))


def _relu_po2_64(q: Any, x: Real) -> Real:
    positive = 2.0 ** _exponent64(q, np.maximum(x, 0))
    if not q.negative_slope:
        return positive
    return np.where(x >= 0, positive, -(2.0 ** _exponent64(q, np.maximum(-x, 0) * q.negative_slope)))


def _tanh64(q: Any, x: Real) -> Real:
    m = 2.0 ** (q.bits - 1)
    p = np.tanh(x) if q.use_real_tanh else 2 * _internal_sigmoid(x) - 1
    return np.asarray(np.clip(np.rint(p * m) / m, -1 + bool(q.symmetric) / m, 1 - 1 / m))


def _sigmoid64(q: Any, x: Real) -> Real:
    m = 2.0**q.bits
    p = _sigmoid(x) if q.use_real_sigmoid else _internal_sigmoid(x)
    return np.asarray(np.clip(np.rint(p * m) / m, bool(q.symmetric) / m, 1 - 1 / m))


def _step64(q: Any, x: Real) -> Real:
    m = 2.0 ** (q.bits - q.signed)
    return np.asarray(np.clip(np.rint(np.tanh(x) * m) / m, -1.0 if q.signed else 0.0, 1 - 1 / m))


def _binary64(q: Any, x: Real) -> Real:
    sign = np.where(x < 0, -1.0, 1.0)
    return _alpha(q) * ((sign + 1) / 2 if q.use_01 else sign)


def _ternary64(q: Any, x: Real) -> Real:
    threshold = q.default_threshold if q.threshold is None else q.threshold
    return _alpha(q) * np.where(np.abs(x) >= np.float32(threshold), np.sign(x), 0.0)


def _hswish64(q: Any, x: Real) -> Real:
    gate = np.minimum(np.maximum(x + q.relu_shift, 0), q.relu_upper_bound)
    return _bits64(q, x * gate / q.relu_upper_bound)


def _relu_layer64(layer: Any, x: Real) -> Real:
    top = np.inf if layer.max_value is None else float(layer.max_value)
    t, slope = float(layer.threshold), float(layer.negative_slope)
    return np.asarray(np.minimum(np.where(x > t, x, 0.0), top) - slope * np.maximum(t - x, 0.0))


def _elu64(x: Real, alpha: float) -> Real:
    return np.where(x > 0, x, float(np.float32(alpha)) * np.expm1(np.minimum(x, 0)))


def _leaky64(x: Real, slope: float) -> Real:
    return np.where(x > 0, x, float(np.float32(slope)) * x)


_FUNCTIONS64: dict[str, Callable[[Any, Real], Real]] = {
    "linear": lambda _, x: x,
    "relu": lambda _, x: np.maximum(x, 0),
    "relu6": lambda _, x: np.clip(x, 0, 6),
    "sigmoid": lambda _, x: _sigmoid(x),
    "tanh": lambda _, x: np.tanh(x),
    "softplus": lambda _, x: np.logaddexp(0, x),
    "softsign": lambda _, x: x / (1 + np.abs(x)),
    "elu": lambda _, x: _elu64(x, 1.0),
    "leaky_relu": lambda _, x: _leaky64(x, 0.2),
    "ReLU": _relu_layer64,
    "LeakyReLU": lambda layer, x: _leaky64(x, layer.alpha),
    "ELU": lambda layer, x: _elu64(x, layer.alpha),
    "swish": lambda _, x: x * _sigmoid(x),
    "silu": lambda _, x: x * _sigmoid(x),
    "exponential": lambda _, x: np.exp(x),
    "quantized_bits": _bits64,
    "quantized_linear": _bits64,
    "quantized_relu": _relu64,
    "quantized_po2": _po2_64,
    "quantized_relu_po2": _relu_po2_64,
    "quantized_tanh": _tanh64,
    "quantized_sigmoid": _sigmoid64,
    "quantized_hswish": _hswish64,
    "step_activation": _step64,
    "binary": _binary64,
    "ternary": _ternary64,
    "hard_tanh": lambda _, x: 2 * np.clip(0.5 * x + 0.5, 0, 1) - 1,
    "smooth_tanh": lambda _, x: 2 * np.clip(0.1875 * x + 0.5, 0, 1) - 1,
    "smooth_sigmoid": lambda _, x: np.clip(0.1875 * x + 0.5, 0, 1),
    "binary_sigmoid": lambda _, x: np.rint(np.clip(0.5 * x + 0.5, 0, 1)),
    "binary_tanh": lambda _, x: 2 * np.rint(np.clip(0.5 * x + 0.5, 0, 1)) - 1,
}
