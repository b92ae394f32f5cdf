# SPDX-License-Identifier: Apache-2.0
"""The quantizer that a model has on its input."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np

from rtl4ml.errors import BadInput, BadModel, Rtl4mlError, named
from rtl4ml.frontends.functions import Function
from rtl4ml.frontends.qkeras.checks import activation_of
from rtl4ml.frontends.qkeras.walk import Call, walk

# -- the input quantizer ------------------------------------------------------------------------------------

# Layers that only move elements, so that a quantizer behind them may as well stand before them.
_MOVERS = {
    "InputLayer", "Flatten", "Reshape", "Dropout", "SpatialDropout1D", "SpatialDropout2D", "UpSampling1D",
    "UpSampling2D", "Cropping1D", "Cropping2D", "ZeroPadding1D", "ZeroPadding2D", "MaxPooling1D",
        "MaxPooling2D",
    "GlobalMaxPooling1D", "GlobalMaxPooling2D", "Permute", "SlicingOpLambda",
}  # fmt: skip


def input_quantizer(m: Any, k: int) -> Function:
    """The quantizer that every reader of input `k` has, through layers that only move elements. Raises BadModel."""
    found, movers, passes = _readers(m, k)
    if passes or not found:
        what = m.inputs[k].node.layer.name if len(m.inputs) > 1 else m.name
        raise BadModel(
            f"{what}: the model's input must pass a quantizer, not reach {'the output' if passes else 'nothing'}; "
            + (
                f"put a QActivation behind the input or give {named('input_precision')}"
                if passes
                else "remove the input"
            )
        )
    first = found[0]
    other = next((f for f in found if f.name != first.name or f.grid != first.grid), None)
    if other is not None:
        raise BadModel(
            f"{other.layer}: all quantizers on the model's input must be the same, "
            f"not {first.name} and {other.name}; "
            f"give {named('input_precision')}"
        )
    zero = float(first.f32(np.zeros((1, 1), np.float32))[0, 0])
    for layer in movers:
        kind = type(layer).__name__
        if ("ZeroPadding" in kind and zero != 0) or ("MaxPooling" in kind and first.monotone != 1):
            raise BadModel(
                f"{layer.name}: the model's input must pass its quantizer {first.name} first, "
                f"not go into {kind}; give {named('input_precision')}"
            )
    return first


def quantizer_behind(m: Any, declared: Function) -> str:
    """The layer of the model's own quantizer behind a declared input, "" where there is none for the whole input; of
    several inputs that of the first which has one.

    Raises BadInput where the quantizer of every input is the declared one again.
    """
    found: list[Function] = []
    for k in range(len(m.inputs)):
        with suppress(Rtl4mlError):
            found.append(input_quantizer(m, k))
    if not found:
        return ""
    if len(found) == len(m.inputs) and all(_same(own, declared) for own in found):
        raise BadInput(
            f"{found[0].layer}: {named('input_precision')} must be another type than that of this quantizer, "
            f"not {declared.name}, which changes nothing; leave it out"
        )
    return found[0].layer


def _same(own: Function, declared: Function) -> bool:
    """Whether a quantizer is the declared one again."""
    if own.grid is None or own.grid != declared.grid:
        return False
    return own.rounds_to(own.grid.fraction) and declared.rounds_to(own.grid.fraction)


def _readers(m: Any, k: int) -> tuple[list[Function], list[Any], bool]:
    """The quantizers that input `k` comes to, the layers that only move its elements before, and whether it comes to
    an output without one. Raises BadModel where it goes into another layer.
    """
    found: list[Function] = []
    movers: list[Any] = []

    def visit(call: Call, inputs: list[Any]) -> list[Any]:
        layer = call.layer
        if not any(inputs):
            return [False] * call.outputs
        if type(layer).__name__ in _MOVERS and getattr(layer, "interpolation", "nearest") == "nearest":
            movers.append(layer)
            return [True]
        if type(layer).__name__ in ("QActivation", "Activation"):
            f = activation_of(layer, getattr(layer, "quantizer", layer.activation))
            if f.grid is not None:
                found.append(f)
                return [False]
            if f.name == "linear":
                return [True]
        raise BadModel(
            f"{layer.name}: the model's input must pass a quantizer first, "
            f"not go into {type(layer).__name__}; "
            f"put a QActivation behind the input or give {named('input_precision')}"
        )

    outputs = walk(m, [n == k for n in range(len(m.inputs))], visit)
    return found, movers, any(outputs)
