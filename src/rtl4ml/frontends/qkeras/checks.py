# SPDX-License-Identifier: Apache-2.0
"""Checks layers and their names before anything is read from them."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import prod
from typing import Any

from rtl4ml.errors import BadModel, UnsupportedLayer, named
from rtl4ml.frontends.functions import Function, linear
from rtl4ml.frontends.names import MOST_NAME, identifier
from rtl4ml.frontends.qkeras.quantizers.read import read_function
from rtl4ml.frontends.qkeras.ways_out import WAYS_OUT, way_out

# Values of a frame: no device holds more.
MOST_VALUES = 2**28


def check_layer(layer: Any, share: Fraction) -> None:
    """What every layer must be, whatever its kind, a model within the model too. Raises BadModel, UnsupportedLayer.

    share: of a frame, that the hardware takes at once
    """
    name = str(layer.name)
    if len(name) > MOST_NAME:
        raise BadModel(
            f"{name[:40]}…: a name must have at most {MOST_NAME} characters, not {len(name):,}; give a shorter one"
        )
    kind = type(layer).__name__
    if kind in WAYS_OUT:  # the layer itself, before whatever follows from it
        raise UnsupportedLayer(
            f"{name}: the layer must be one of the supported layers, not {origin(type(layer))}; {way_out(kind)}"
        )
    policy = getattr(getattr(layer, "dtype_policy", None), "name", "float32")
    if policy != "float32":
        raise BadModel(
            f"{name}: the dtype policy must be float32, not {policy}; build the model under "
            "keras.mixed_precision.set_global_policy('float32')"
        )
    for node in getattr(layer, "_inbound_nodes", ()):
        outputs = node.outputs if isinstance(node.outputs, list | tuple) else [node.outputs]
        for shape in (tuple(t.shape)[1:] for t in outputs if hasattr(t, "shape")):
            if prod(d or 1 for d in shape) * share > MOST_VALUES:
                raise BadModel(
                    f"{name}: a frame must have at most {MOST_VALUES:,} values, not {shape}; take a smaller one, or "
                    f"strips of it ({named('columns')})"
                )


def static_shape(shape: Any, layer: str) -> tuple[int, ...]:
    """The input's shape without the batch. Raises BadModel where a dimension is open."""
    s = tuple(shape)[1:]
    if any(d is None for d in s):
        raise BadModel(
            f"{layer}: the input shape must be static, not {tuple(shape)}; "
            "give every dimension in its Input layer"
        )
    if any(d < 1 for d in s) or not 1 <= len(s) <= 3:
        raise BadModel(
            f"{layer}: the input must have shape (C,), (W, C) or (H, W, C) of at least 1 each, not {s}; "
            "reshape it"
        )
    return tuple(int(d) for d in s)


def layer_names(m: Any) -> frozenset[str]:
    """Names that the operators of a model's layers take, those of nested models included."""
    layers = m._flatten_layers(recursive=True, include_self=False)
    return frozenset(identifier(str(x.name)) for x in layers if type(x).__name__ != "InputLayer")


def known_module(cls: type) -> bool:
    """Whether a layer's class is Keras's or QKeras's own."""
    return cls.__module__.split(".")[0] in ("keras", "tf_keras", "qkeras")


def origin(cls: type) -> str:
    """A layer's class with its module where it is a foreign one."""
    return cls.__name__ if known_module(cls) else f"{cls.__name__} of {cls.__module__.split('.')[0]}"


def activation_of(layer: Any, obj: Any) -> Function:
    """The function of an activation object of a layer, softmax included."""
    if obj is None:
        return linear(layer.name)
    if getattr(obj, "__name__", "") == "softmax":
        return replace(linear(layer.name), name="softmax", scale=None, clip=None)
    return read_function(layer.name, obj)
