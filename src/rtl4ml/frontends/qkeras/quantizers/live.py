# SPDX-License-Identifier: Apache-2.0
"""Live quantizer objects: run as they are, copied, named, refused."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from rtl4ml.errors import BadModel, UnsupportedLayer
from rtl4ml.frontends.functions import Floats
from rtl4ml.frontends.qkeras.vectors import on_vectors

# -- one reader a quantizer ---------------------------------------------------------------------------------


def own_code(pure: Any, clamp: float | None = None) -> Callable[[Floats], Floats]:
    """The quantizer's own float32 code as a function of arrays; `clamp` bounds x where that cannot matter."""

    def f(x: Floats) -> Floats:
        a = np.asarray(x, np.float32)
        if clamp is not None:
            a = np.clip(a, np.float32(-clamp), np.float32(clamp))
        return on_vectors(pure, a)

    return f


def integer_bits(layer: str, q: Any) -> int:
    """The integer bits of a quantizer. Raises UnsupportedLayer where channels differ."""
    i = np.unique(np.asarray(q.integer))
    if len(i) != 1:
        raise UnsupportedLayer(
            f"{layer}: integer bits must be one number, not {i.tolist()}; use one for all channels"
        )
    if i[0] < 0:  # 2**integer is an integer power there
        raise UnsupportedLayer(
            f"{layer}: integer bits must be at least 0, for QKeras 0.9 fails below, not {i[0]}; use 0 and more bits"
        )
    return int(i[0])


_RANDOM = frozenset({"bernoulli", "stochastic_binary", "stochastic_ternary"})


# -- functions without an object ----------------------------------------------------------------------------


def on_arrays(obj: Any) -> Callable[[Floats], Floats]:
    """An activation object as a function of arrays."""

    def f(x: Floats) -> Floats:
        return on_vectors(obj, x)

    return f


# -- the live objects ---------------------------------------------------------------------------------------


def without_gradient(layer: str, q: Any) -> Any:
    """A copy that returns the grid point itself, (1 - 1) * x + q, and leaves the model's object alone."""
    c = copy.copy(q)
    if hasattr(c, "qnoise_factor"):
        c.qnoise_factor = 1.0
    if hasattr(c, "integer"):
        c.integer = integer_bits(layer, q)
    if hasattr(c, "use_ste"):
        c.use_ste = False
    if hasattr(c, "use_variables"):
        c.use_variables = False
    c.built = True
    return c


@contextmanager
def without_residue(model: Any) -> Iterator[None]:
    """Quantizers of a model, or a list of layers and quantizers, return the grid point itself while this lasts."""
    parts = model if isinstance(model, list) else _layers(model)
    found = {id(q): q for part in parts for q in (part, *_quantizers(part)) if getattr(q, "use_ste", False)}
    for q in found.values():
        q.use_ste = False
    try:
        yield
    finally:
        for q in found.values():
            q.use_ste = True


def _layers(model: Any) -> Iterator[Any]:
    for layer in getattr(model, "layers", [model]):
        if hasattr(layer, "layers"):
            yield from _layers(layer)
        else:
            yield layer
            if hasattr(layer, "layer"):  # it wraps another
                yield from _layers(layer.layer)


def _quantizers(layer: Any) -> Iterator[Any]:
    for value in getattr(layer, "__dict__", {}).values():
        if hasattr(value, "use_ste"):
            yield value


def refuse_random(layer: str, q: Any) -> None:
    """Raises UnsupportedLayer for a quantizer that draws random numbers."""
    name = type(q).__name__
    if name in _RANDOM:
        raise UnsupportedLayer(
            f"{layer}: the quantizer must be deterministic, not {name}; use binary or ternary"
        )


def of_qkeras(obj: Any) -> bool:
    """Whether it is QKeras's own, or made for QKeras here."""
    return str(getattr(obj, "__module__", "")).startswith(("qkeras", "rtl4ml.steps"))


def text_of(q: Any) -> str:
    """A quantizer as QKeras writes it."""
    try:
        return str(q)
    except Exception:  # noqa: BLE001 -- QKeras 0.9: str(quantized_hswish) fails its own assertion
        return type(q).__name__


def cannot_run(name: str, error: Any) -> BadModel:
    """The error for a model on which TensorFlow itself fails; `error` is its OpError."""
    cause = next((t.strip() for t in error.message.splitlines()[::-1] if t.strip()), "")
    return BadModel(
        f"{name}: TensorFlow must be able to run the model, not fail with {type(error).__name__}: {cause[:100]}; "
        f"change the layer that it names"
    )
