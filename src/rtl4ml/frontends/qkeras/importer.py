# SPDX-License-Identifier: Apache-2.0
"""The front door: a QKeras model becomes a graph of exact integers.

Everything is read from the Keras model itself: layers, configurations, quantizers and weights. `parse` walks the layers
in the model's order.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from rtl4ml import arguments
from rtl4ml.errors import BadModel
from rtl4ml.frontends.names import identifier
from rtl4ml.frontends.parsed import Parsed
from rtl4ml.frontends.qkeras.builder import ModelBuilder
from rtl4ml.frontends.qkeras.checks import check_layer, layer_names, static_shape
from rtl4ml.frontends.qkeras.fused import evaluator
from rtl4ml.frontends.qkeras.handlers import handlers
from rtl4ml.frontends.qkeras.load import load
from rtl4ml.frontends.qkeras.model_input import input_quantizer, quantizer_behind
from rtl4ml.frontends.qkeras.quantizers.precision import declared_quantizer
from rtl4ml.ir.types import Fixed

# -- parsing ------------------------------------------------------------------------------------------------


def parse(
    model: Any,
    *,
    input_precision: str | Fixed | None = None,
    output: str = "logits",
    threshold: float | None = None,
    opening: int | None = None,
    columns: int | None = None,
) -> Parsed:
    """The exact graph of a QKeras model (live, or a path).

    input_precision: the type of the input ("ap_fixed<8,1>", a Fixed), where the model has no quantizer on it; where it
                     has one, that of the stream before this quantizer, as in hls4ml, unless they are the same;
                     of several inputs, that of each
    output:          "logits" (the graph ends before a softmax, sigmoid or tanh at the output), "argmax", "mask"
    threshold:       for "mask": 1 where the model's own output (a sigmoid's probability, or the logit) reaches it
    opening:         for "mask" of rows and columns: the radius, 1 to 7, of a disk by which the mask is opened
    columns:         of the graph's frames where these are strips of the model's, as `Parsed.in_strips` has them
    Raises an Rtl4mlError that names the layer, the rule, the offender and the way out.
    """
    output, threshold, opening = arguments.head(output, threshold, opening)
    m = load(model)
    _check_model(m, columns)
    name = identifier(str(m.name))
    shapes = tuple(static_shape(t.shape, str(t.node.layer.name)) for t in m.inputs)
    behind = ""
    if input_precision is None:
        quantizers = tuple(input_quantizer(m, k) for k in range(len(m.inputs)))
    else:
        quantizers = (declared_quantizer(input_precision),) * len(m.inputs)
        behind = quantizer_behind(m, quantizers[0])

    def built(*, float64: bool) -> Parsed | None:
        builder = ModelBuilder(
            evaluator=evaluator,
            reserved=layer_names(m),
            float64=float64,
            model=m,
            quantizers=quantizers,
            shapes=shapes,
            declared=input_precision is not None,
            handlers=handlers(),
        )
        return builder.build(name, output, threshold, opening)

    parsed = built(float64=False) or built(float64=True)
    assert parsed is not None  # float64 holds every sum
    parsed = replace(parsed, behind=behind)
    return parsed if columns is None else parsed.in_strips(columns)


def _check_model(m: Any, columns: int | None) -> None:
    name, share = m.name, Fraction(1)
    shape = tuple(m.inputs[0].shape) if columns is not None and getattr(m, "inputs", None) else ()
    if columns is not None and len(shape) > 2 and shape[-2]:
        share = min(share, Fraction(columns, int(shape[-2])))
    check_layer(m, share)
    for layer in m._flatten_layers(include_self=False) if hasattr(m, "_flatten_layers") else ():
        check_layer(layer, share)
    if not getattr(m, "_is_graph_network", False):
        raise BadModel(
            f"{name}: must be a Sequential or functional model with a known input shape, "
            f"not {type(m).__name__}; give it an Input layer"
        )
    for w in m.weights:
        a = np.asarray(w)
        if not np.isfinite(a).all():
            raise BadModel(
                f"{w.name.split(':')[0]}: weights must be finite numbers, "
                f"not {a[~np.isfinite(a)].flat[0]}; train or load the model again"
            )
