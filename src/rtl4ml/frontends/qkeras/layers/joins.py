# SPDX-License-Identifier: Apache-2.0
"""Layers that join tensors."""

from __future__ import annotations

from typing import Any

from rtl4ml.errors import UnsupportedLayer
from rtl4ml.frontends.builder import Value
from rtl4ml.frontends.qkeras.builder import ModelBuilder
from rtl4ml.frontends.qkeras.registry import handles
from rtl4ml.ir.types import Stream
from rtl4ml.ops.maximum import Maximum
from rtl4ml.ops.merge import Add, Concat, Product

# -- joins --


@handles("Concatenate", joins=True)
def _concatenate(b: ModelBuilder, layer: Any, x: list[Value]) -> Value:
    streams = tuple(b.stream(layer, v) for v in x)
    if layer.axis not in (-1, len(streams[0].shape)):
        raise UnsupportedLayer(
            f"{layer.name}: concatenation must be over the channels (axis -1), not axis {layer.axis}; "
            "set axis=-1"
        )
    return Value(b.add(Concat(name=b.name(layer.name), inputs=streams, layers=(layer.name,))))


def _of_one_shape(b: ModelBuilder, layer: Any, x: list[Value], what: str) -> tuple[Stream, ...]:
    """The settled inputs of a layer that works element by element."""
    streams = tuple(b.stream(layer, v) for v in x)
    shapes = {s.shape for s in streams}
    if len(shapes) != 1:
        raise UnsupportedLayer(
            f"{layer.name}: the sides of a {what} must have one shape, "
            f"not {' and '.join(map(str, sorted(shapes)))}; upsample or reshape the smaller side"
        )
    return streams


@handles("Add", joins=True)
def _add(b: ModelBuilder, layer: Any, x: list[Value]) -> Value:
    streams = _of_one_shape(b, layer, x, "sum")
    return Value(b.add(Add(name=b.name(layer.name), inputs=streams, layers=(layer.name,))))


@handles("Multiply", joins=True)
def _multiply(b: ModelBuilder, layer: Any, x: list[Value]) -> Value:
    streams = _of_one_shape(b, layer, x, "product")
    return Value(b.add(Product(name=b.name(layer.name), inputs=streams, layers=(layer.name,))))


@handles("Maximum", joins=True)
def _maximum(b: ModelBuilder, layer: Any, x: list[Value]) -> Value:
    streams = _of_one_shape(b, layer, x, "maximum")
    return Value(b.add(Maximum(name=b.name(layer.name), inputs=streams, layers=(layer.name,))))
