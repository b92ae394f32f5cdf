# SPDX-License-Identifier: Apache-2.0
"""Any quantizer or activation function of a model, read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from rtl4ml.errors import UnsupportedLayer
from rtl4ml.frontends.functions import Function
from rtl4ml.frontends.qkeras.quantizers.arguments import check_object
from rtl4ml.frontends.qkeras.quantizers.functions import (
    KERAS_FUNCTIONS,
    LAYER_FUNCTIONS,
    QKERAS_FUNCTIONS,
)
from rtl4ml.frontends.qkeras.quantizers.live import of_qkeras, refuse_random, text_of, without_gradient
from rtl4ml.frontends.qkeras.quantizers.readers import READERS
from rtl4ml.host import frameworks

# -- activations --------------------------------------------------------------------------------------------


def read_function(layer: str, obj: Any) -> Function:
    """The function of an activation: a QKeras quantizer or an activation of Keras. Raises UnsupportedLayer."""
    name = type(obj).__name__
    refuse_random(layer, obj)
    if name in READERS and of_qkeras(type(obj)):
        check_object(layer, obj)
        noise = float(np.asarray(getattr(obj, "qnoise_factor", 1.0)))
        if noise != 1.0:
            raise UnsupportedLayer(
                f"{layer}: qnoise_factor must be 1, not {noise:g}; finish the training schedule first"
            )
        return replace(
            READERS[name](layer, obj, without_gradient(layer, obj)),
            layer=layer,
            name=text_of(obj),
            framework_object=obj,
        )
    if name in _REFUSED:
        raise UnsupportedLayer(
            f"{layer}: the quantizer must have a fixed-point grid, not be {name}; use quantized_bits"
        )
    if name in LAYER_FUNCTIONS and isinstance(obj, frameworks.keras().layers.Layer):
        return LAYER_FUNCTIONS[name](layer, obj)
    plain = getattr(obj, "__name__", name)
    if of_qkeras(obj) and plain in QKERAS_FUNCTIONS:
        return replace(QKERAS_FUNCTIONS[plain](obj), layer=layer)
    if (
        getattr(obj, "__module__", "").startswith(("keras", "tf_keras", "tensorflow"))
        and plain in KERAS_FUNCTIONS
    ):
        return replace(KERAS_FUNCTIONS[plain](obj), layer=layer)
    raise UnsupportedLayer(
        f"{layer}: the activation must be a quantizer of QKeras or an elementwise activation of Keras, "
        f"not {plain}; "
        f"use quantized_relu or quantized_bits"
    )


_REFUSED = frozenset({"quantized_ulaw"})
