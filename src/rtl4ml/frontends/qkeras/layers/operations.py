# SPDX-License-Identifier: Apache-2.0
"""Operators between tensors, such as x + y, and slices, such as x[:, 1:5]."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from rtl4ml.errors import UnsupportedLayer
from rtl4ml.frontends.builder import Value
from rtl4ml.frontends.functions import Floats, Function, Line
from rtl4ml.frontends.operators import PoolGeometry
from rtl4ml.frontends.qkeras.builder import ModelBuilder
from rtl4ml.frontends.qkeras.layers.shapes import reshaped, unpooled
from rtl4ml.frontends.qkeras.operations import DIVISION, OPERATIONS, operands, slices
from rtl4ml.frontends.qkeras.quantizers.live import on_arrays
from rtl4ml.frontends.qkeras.registry import REGISTERED, handles
from rtl4ml.ops.conv import Conv
from rtl4ml.ops.shape import Crop


@handles("TFOpLambda", joins=True)
def _operation(b: ModelBuilder, layer: Any, x: list[Value]) -> Value:
    assert b.call is not None
    symbol = str(layer.symbol)
    if symbol not in (*OPERATIONS, DIVISION):
        raise UnsupportedLayer(
            f"{layer.name}: TensorFlow's functions must be +, -, *, / by a number, maximum, minimum or slices, "
            f"not {symbol}; use a layer of Keras or QKeras"
        )
    sides = operands(*b.call.arguments(x))
    if any(isinstance(s, np.float32) for s in sides):
        value = next((s for s in sides if isinstance(s, Value)), None)
        f = _with_number(layer, symbol, sides)
        if value is not None and f is not None:
            return b.elementwise(layer, value, f)
    if symbol == DIVISION or not all(isinstance(s, Value) for s in sides):
        raise UnsupportedLayer(
            f"{layer.name}: {symbol} must have tensors of the model on both sides, or +, -, * and / a number, "
            f"not {_shown(sides)}; use layers of Keras or QKeras"
        )
    ranks = [len(v.stream.shape) for v in sides]
    if ranks[0] != ranks[1]:
        raise UnsupportedLayer(
            f"{layer.name}: both sides of {symbol} must have as many axes, not {ranks[0]} and {ranks[1]}; "
            f"reshape one of them or use the layer {OPERATIONS[symbol]}"
        )
    return REGISTERED[OPERATIONS[symbol]].add(b, layer, sides)


def _shown(sides: list[Any]) -> str:
    return " and ".join(
        "a tensor" if isinstance(s, Value) else f"{type(s).__name__} {s!s:.20}" for s in sides
    )


def _with_number(layer: Any, symbol: str, sides: list[Any]) -> Function | None:
    """The function of a tensor and a number; None for one that there is not."""
    first = isinstance(sides[0], Value)
    number = float(sides[1 if first else 0])
    kind = OPERATIONS.get(symbol, "Divide")
    if (
        kind in ("Maximum", "Minimum")
        or not np.isfinite(number)
        or (kind == "Divide" and (not first or not number))
    ):
        return None
    factor, offset = {
        "Add": (1.0, number),
        "Subtract": (1.0, -number) if first else (-1.0, number),
        "Multiply": (number, 0.0),
        "Divide": (1.0 / number if number else 0.0, 0.0),
    }[kind]
    mantissa, exponent = np.frexp(factor)
    exact = kind != "Divide" or abs(mantissa) == 0.5  # a product with the inverse is the quotient

    def function(t: Any) -> Any:
        return layer.function(t, sides[1]) if first else layer.function(sides[0], t)

    def f64(x: Floats) -> Floats:
        x = np.asarray(x, np.float64)
        return np.asarray(x / number if kind == "Divide" else x * factor + offset)

    return Function(
        name=symbol,
        f32=on_arrays(function),
        f64=f64,
        monotone=int(np.sign(factor)),
        scale=int(exponent) - 1 if mantissa == 0.5 and offset == 0 else None,
        pieces=(Line(factor, offset),) if exact else None,
        layer=layer.name,
        framework_object=function,
    )


@handles("SlicingOpLambda")
def _slice(b: ModelBuilder, layer: Any, x: list[Value]) -> Value:
    """A Crop; a Pool of one position where there is a step; a Conv of ones and zeros where channels are left out."""
    assert b.call is not None
    v = unpooled(b, layer, x[0])
    shape = v.stream.shape
    taken, dropped, fixed = _axes(layer, slices(*b.call.arguments(x)), shape)
    *positions, channels = taken
    one_row = (2 - len(positions)) * [range(1)]
    rows, columns = [*one_row, *positions]
    height, width, _ = v.stream.hwc
    edges = ((rows[0], height - 1 - rows[-1]), (columns[0], width - 1 - columns[-1]))
    if any(map(any, edges)):
        ends = [*[False] * len(one_row), *fixed[:-1]]
        op = Crop(
            name=b.name(layer.name), inputs=(v.stream,), layers=(layer.name,),
            cropping=edges, fixed=(ends[0], ends[1]),
        )  # fmt: skip
        v = replace(v, stream=b.add(op))
    steps = (rows.step, columns.step)
    if steps != (1, 1):
        one = PoolGeometry(layer.name, (1, 1), steps, ((0, 0), (0, 0)))
        v = replace(v, stream=b.pooled(one, v.stream, "max"))
    if len(channels) != shape[-1]:
        v = _selected(b, layer, v, channels)
    left = tuple(len(r) for r, drop in zip(taken, dropped, strict=True) if not drop)
    if not left:
        raise UnsupportedLayer(f"{layer.name}: a slice must leave an axis, not none; keep it as [..., :1]")
    return reshaped(b, layer, v, left)


def _selected(b: ModelBuilder, layer: Any, v: Value, channels: range) -> Value:
    """The value with some of its channels."""
    if any(f.per_channel for f in v.steps) or v.rows is not None:
        v = Value(b.stream(layer, v))
    weights = np.zeros((1, 1, v.stream.channels, len(channels)), np.int64)
    weights[0, 0, list(channels), np.arange(len(channels))] = 1
    op = Conv(
        name=b.name(layer.name, "channels"), inputs=(v.stream,), layers=(layer.name,),
        weights=weights, weight_fraction=np.zeros(len(channels), np.int64),
    )  # fmt: skip
    return replace(v, stream=b.add(op))


def _axes(
    layer: Any, items: tuple[Any, ...], shape: tuple[int, ...]
) -> tuple[list[range], list[bool], list[bool]]:
    """Of every axis but the samples' the positions that are left, whether it is dropped, and whether its end is counted
    from its start, so that it leaves others of a larger frame. Raises UnsupportedLayer.
    """
    if Ellipsis in items:
        at = items.index(Ellipsis)
        missing = len(shape) + 2 - len(items)
        items = (*items[:at], *[slice(None)] * missing, *items[at + 1 :])
    items = (*items, *[slice(None)] * (len(shape) + 1 - len(items)))
    if items[0] != slice(None):
        raise UnsupportedLayer(
            f"{layer.name}: a slice must leave all samples, not {items[0]}; begin it with [:, ...]"
        )
    taken, dropped, fixed = [], [], []
    for n, item in zip(shape, items[1:], strict=True):
        whole = isinstance(item, int | np.integer) and not isinstance(item, bool)
        if not whole and not (
            isinstance(item, slice) and all(_is_whole(i) for i in (item.start, item.stop, item.step))
        ):
            raise UnsupportedLayer(
                f"{layer.name}: a slice must have whole numbers, not {type(item).__name__}; use Reshape for new axes"
            )
        s = slice(item, item + 1 or None) if whole else item
        left = range(n)[s]
        if not left or left.step < 1:
            raise UnsupportedLayer(
                f"{layer.name}: a slice must leave positions in their order, not {item} of {n}; change it"
            )
        taken.append(left)
        dropped.append(whole)
        fixed.append(whole or (s.start or 0) < 0 or (s.stop or -1) >= 0)
    return taken, dropped, fixed


def _is_whole(value: Any) -> bool:
    return value is None or (isinstance(value, int | np.integer) and not isinstance(value, bool))
