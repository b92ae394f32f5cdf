# SPDX-License-Identifier: Apache-2.0
"""Types that hls4ml's configuration writes: that of the input is followed, others must hold what is exact anyway."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from hls4ml.model.types import UnspecifiedPrecisionType

from rtl4ml.errors import BadInput, Rtl4mlError
from rtl4ml.frontends import precision
from rtl4ml.frontends.parsed import Parsed
from rtl4ml.frontends.precision import Written
from rtl4ml.frontends.qkeras.model_input import input_quantizer, quantizer_behind
from rtl4ml.frontends.qkeras.quantizers.precision import declared_quantizer
from rtl4ml.hls4ml_backend.layers import Values, text_of
from rtl4ml.ir.types import Fixed, Ints, Stream
from rtl4ml.ops.conv import Linear

AUTO = "auto"
DEFAULT = "fixed<16,6>"  # hls4ml's


@dataclass(frozen=True)
class Wish:
    """A type that the configuration asks for: Wish("fc1", "result", "fixed<8,3>")."""

    layer: str
    what: str
    text: str


def written(wish: Wish) -> Written:
    """The type of a wish. Raises BadInput where it is no fixed-point type."""
    found = precision.read(wish.text)
    if found is None:
        rule = (
            precision.fault(wish.text, 4096) or f"must be a type such as fixed<16,6> or auto, not {wish.text}"
        )
        raise BadInput(f"{wish.layer}: Precision {wish.what} {rule}")
    return found


def same(a: str, b: str) -> bool:
    """Whether two texts mean the same type."""
    return precision.with_modes(str(a)) == precision.with_modes(str(b))


# -- the input ----------------------------------------------------------------------------------------------


def input_type(keras_model: Any, model: Any) -> str | None:
    """The type of the model's input by hls4ml's configuration, in hls4ml's order, and says so; None for its own.

    One that is written for the input's layer, or for its kind, counts in any case; the model's type, and hls4ml's
    default fixed<16,6>, where the model has no quantizer on its input. Raises BadInput for what is no type.
    """
    nodes = [n for n in model.get_layers() if n.class_name == "Input"]
    if len(nodes) != 1:
        return None  # refused by name later
    name, (found, source) = nodes[0].name, model.config.get_precision(nodes[0], "result")
    if source in ("result_default_t", "model_default_t") or isinstance(found, UnspecifiedPrecisionType):
        text, whose, own = (
            str(model.config.model_precision.get("default", DEFAULT)),
            "Model's Precision",
            False,
        )
    else:
        kind = not source.lower().startswith(name.lower())
        text, whose, own = str(found), 'LayerType["Input"]' if kind else f'LayerName["{name}"]', True
    written(Wish(name, "result", text))
    text = precision.with_modes(text)
    if _stands_there(keras_model, text) if own else _quantized(keras_model):
        return None
    print(f"{name}: the input comes as {text}, by {whose} of hls4ml's configuration")
    return text


def _quantized(keras_model: Any) -> bool:
    """Whether the model has a quantizer on its input."""
    try:
        input_quantizer(keras_model, 0)
    except Rtl4mlError:
        return False
    return True


def _stands_there(keras_model: Any, text: str) -> bool:
    """Whether the model's own quantizer on the input makes just this type."""
    declared = declared_quantizer(text)
    try:
        quantizer_behind(keras_model, declared)
    except BadInput:
        return True
    return False


# -- all others ---------------------------------------------------------------------------------------------


def check(wishes: list[Wish], parsed: Parsed, values: Values) -> None:
    """Raises BadInput for a type that does not hold a layer's exact values, its weights or its sums.

    What holds them changes nothing, for the hardware's own types are no wider than it takes.
    """
    for wish in wishes:
        if wish.what == "maximum":
            _check_widths(wish, values)
            continue
        found = written(wish)
        if wish.what in ("weight", "bias"):
            _check_weights(wish, found, parsed)
            continue
        stream = values.streams.get(wish.layer)
        if stream is None:
            raise BadInput(
                f"{wish.layer}: Precision {wish.what} must be auto, not {wish.text}: the hardware has no "
                "values of this layer alone"
            )
        if not _holds_stream(found, stream):
            raise BadInput(
                f"{wish.layer}: Precision {wish.what} must hold the layer's exact values, {text_of(stream.type)}, not "
                f"be {wish.text}; write auto, or put a quantizer of that type into the model"
            )


def _check_widths(wish: Wish, values: Values) -> None:
    most = written(wish).width
    for layer, stream in values.streams.items():
        if stream.type.width > most:
            raise BadInput(
                f"{layer}: Precision maximum must leave room for the layer's exact values, {text_of(stream.type)}, "
                f"not be {wish.text}; leave it out, or put a quantizer into the model"
            )


def _check_weights(wish: Wish, found: Written, parsed: Parsed) -> None:
    ops = [
        op
        for op in parsed.graph.ops
        if isinstance(op, Linear) and wish.layer in (op.name, op.layer, *op.layers)
    ]
    held: Iterator[tuple[Ints, int]] = (numbers for op in ops for numbers in _numbers(op, wish.what))
    if ops and all(_holds(found, k, fraction) for k, fraction in held):
        return
    raise BadInput(
        f"{wish.layer}: Precision {wish.what} must hold what the model's quantizers make of its weights, not be "
        f"{wish.text}; write auto, or put a quantizer of that type into the model"
    )


def _numbers(op: Linear, what: str) -> Iterator[tuple[Ints, int]]:
    """The integers of an operator's weights or bias, and their bits behind the point."""
    if what == "bias":
        if op.bias is not None:
            yield np.asarray(op.bias), op.bias_fraction
        return
    fractions = np.broadcast_to(op.weight_fraction, op.weights.shape)
    for f in np.unique(fractions):
        yield op.weights[fractions == f], int(f)


def _type(found: Written) -> Fixed:
    return Fixed(found.signed, found.integer - int(found.signed), found.width - found.integer)


def _holds_stream(found: Written, s: Stream) -> bool:
    """Whether a type has all values of a stream's range."""
    t = _type(found)
    more = t.fraction - s.type.fraction
    return more >= 0 and t.lo <= s.lo << more and s.hi << more <= t.hi


def _holds(found: Written, k: Ints, fraction: int) -> bool:
    """Whether a type has all values k * 2**-fraction."""
    t = _type(found)
    ends = [Fraction(int(n)) * Fraction(2) ** (t.fraction - fraction) for n in np.unique(k)]
    return all(n.denominator == 1 and t.lo <= n <= t.hi for n in ends)


def maximum(model_precision: Mapping[str, Any]) -> list[Wish]:
    """The greatest width that Model's Precision allows, if it names one."""
    text = model_precision.get("maximum")
    return [] if text is None else [Wish("Model", "maximum", str(text))]
