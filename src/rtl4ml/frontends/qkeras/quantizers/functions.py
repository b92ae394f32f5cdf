# SPDX-License-Identifier: Apache-2.0
"""Keras's and QKeras's activation functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rtl4ml.frontends.functions import Bend, Clip, Floats, Function, Grid, Line, Piece, linear
from rtl4ml.frontends.qkeras.quantizers.live import on_arrays


def relu(
    layer: str = "", *, top: float = np.inf, slope: float = 0.0, threshold: float = 0.0, obj: Any = None
) -> Function:
    """Keras's ReLU: x above the threshold, up to `top`; slope * (x - threshold) below it."""

    def f64(x: Floats) -> Floats:
        x = np.asarray(x, np.float64)
        return np.asarray(
            np.minimum(np.where(x > threshold, x, 0.0), top) - slope * np.maximum(threshold - x, 0.0)
        )

    def f32(x: Floats) -> Floats:
        return np.clip(x, np.float32(0), np.float32(top))

    plain = slope == 0 and threshold == 0
    return Function(
        name="relu",
        f32=on_arrays(obj) if obj is not None else f32,
        f64=f64,
        monotone=1 if slope >= 0 and threshold == 0 else 0,
        clip=(0.0, float(top)) if plain else None,
        pieces=(Bend(np.array([slope])), Clip(hi=float(top))) if threshold == 0 else None,
        layer=layer,
        framework_object=obj,
    )


def leaky(layer: str, slope: float, obj: Any) -> Function:
    """The identity above zero, slope * x below."""
    exact = float(np.float32(slope))

    def f64(x: Floats) -> Floats:
        x = np.asarray(x, np.float64)
        return np.where(x > 0, x, exact * x)

    return Function(
        name="leaky_relu",
        f32=on_arrays(obj),
        f64=f64,
        monotone=1 if slope >= 0 else 0,
        pieces=(Bend(np.array([exact])),),
        layer=layer,
        framework_object=obj,
    )


def elu(layer: str, alpha: float, obj: Any) -> Function:
    """The identity above zero, alpha * (exp(x) - 1) below."""
    exact = float(np.float32(alpha))

    def f64(x: Floats) -> Floats:
        x = np.asarray(x, np.float64)
        return np.where(x > 0, x, exact * np.expm1(np.minimum(x, 0.0)))

    return Function(name="elu", f32=on_arrays(obj), f64=f64, layer=layer, framework_object=obj)


def relu_of(layer: str, obj: Any) -> Function:
    """A ReLU layer's function."""
    top = np.inf if obj.max_value is None else float(obj.max_value)
    return relu(layer, top=top, slope=float(obj.negative_slope), threshold=float(obj.threshold), obj=obj)


# Layers of Keras that are one function of every element, whether they stand in the model or are another's activation.
LAYER_FUNCTIONS: dict[str, Callable[[str, Any], Function]] = {
    "ReLU": relu_of,
    "LeakyReLU": lambda layer, obj: leaky(layer, float(obj.alpha), obj),
    "ELU": lambda layer, obj: elu(layer, float(obj.alpha), obj),
}


def _smooth(
    f64: Callable[[Floats], Floats] | None, monotone: int = 0, *pieces: Piece
) -> Callable[[Any], Function]:
    def read(obj: Any) -> Function:
        return Function(
            name=str(getattr(obj, "__name__", obj)),
            f32=on_arrays(obj),
            f64=f64,
            monotone=monotone,
            pieces=pieces or None,
            framework_object=obj,
        )

    return read


def logistic(x: Floats) -> Floats:
    """1 / (1 + exp(-x)) in float64."""
    with np.errstate(over="ignore"):
        return np.asarray(1.0 / (1.0 + np.exp(-np.asarray(x, np.float64))))


def _hard(x: Floats) -> Floats:
    return np.clip(0.5 * np.asarray(x, np.float64) + 0.5, 0.0, 1.0)


def _gentle(x: Floats) -> Floats:
    return np.clip(0.1875 * np.asarray(x, np.float64) + 0.5, 0.0, 1.0)


KERAS_FUNCTIONS: dict[str, Callable[[Any], Function]] = {
    "linear": lambda _: linear(),
    "relu": lambda obj: relu(obj=obj),
    "relu6": lambda obj: relu(obj=obj, top=6.0),
    "leaky_relu": lambda obj: leaky("", 0.2, obj),
    "sigmoid": _smooth(logistic),
    "tanh": _smooth(lambda x: np.tanh(np.asarray(x, np.float64))),
    "hard_sigmoid": _smooth(lambda x: np.clip(0.2 * np.asarray(x, np.float64) + 0.5, 0.0, 1.0), 1),
    "softplus": _smooth(lambda x: np.logaddexp(0.0, x)),
    "softsign": _smooth(lambda x: x / (1.0 + np.abs(x))),
    "elu": lambda obj: elu("", 1.0, obj),
    "swish": _smooth(lambda x: x * logistic(x)),
    "silu": _smooth(lambda x: x * logistic(x)),
    "gelu": _smooth(None),
    "selu": _smooth(None),
    "mish": _smooth(None),
    "exponential": _smooth(lambda x: np.exp(x)),
}


def _levels(f64: Callable[[Floats], Floats], grid: Grid) -> Callable[[Any], Function]:
    def read(obj: Any) -> Function:
        own = on_arrays(obj)
        return Function(
            name=obj.__name__, f32=lambda x: own(np.clip(x, -1024, 1024)), f64=f64, monotone=1, grid=grid
        )

    return read


QKERAS_FUNCTIONS: dict[str, Callable[[Any], Function]] = {
    "hard_sigmoid": _smooth(_hard, 1, Line(0.5, 0.5), Clip(0.0, 1.0)),
    "smooth_sigmoid": _smooth(_gentle, 1, Line(0.1875, 0.5), Clip(0.0, 1.0)),
    "hard_tanh": _smooth(lambda x: 2.0 * _hard(x) - 1.0, 1, Clip(-1.0, 1.0)),
    "smooth_tanh": _smooth(lambda x: 2.0 * _gentle(x) - 1.0, 1, Line(0.375), Clip(-1.0, 1.0)),
    "binary_sigmoid": _levels(lambda x: np.rint(_hard(x)), Grid(0, 0, 1)),
    "binary_tanh": _levels(lambda x: 2.0 * np.rint(_hard(x)) - 1.0, Grid(0, -1, 1, sparse=(-1, 1))),
}


def sigmoid_kind() -> str:
    """The sigmoid that QKeras uses now: "hard", "smooth" or "real" (set_internal_sigmoid)."""
    import qkeras.quantizers as module

    current = getattr(module._sigmoid, "__name__", "")
    return {"hard_sigmoid": "hard", "smooth_sigmoid": "smooth"}.get(current, "real")


def sigmoid64() -> Callable[[Floats], Floats]:
    """The sigmoid that QKeras is set to, in float64."""
    return {"hard": _hard, "smooth": _gentle, "real": logistic}[sigmoid_kind()]
