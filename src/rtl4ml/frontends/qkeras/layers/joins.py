# SPDX-License-Identifier: Apache-2.0
"""Layers that join tensors."""

from __future__ import annotations

from typing import Any

from rtl4ml.errors import UnsupportedLayer
from rtl4ml.frontends.borders import division
from rtl4ml.frontends.builder import Value
from rtl4ml.frontends.qkeras.builder import ModelBuilder
from rtl4ml.frontends.qkeras.registry import handles
from rtl4ml.ir.types import Stream
from rtl4ml.ops.maximum import Maximum, Minimum
from rtl4ml.ops.merge import Add, Concat, Product, Subtract

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


def _of_one_shape(b: ModelBuilder, layer: Any, x: list[Value]) -> tuple[Stream, ...]:
    """The settled inputs of a layer that works element by element, all of one shape: Keras puts axes of one position
    before those of an input that has fewer, and repeats what has one position or one channel.
    """
    streams = [b.stream(layer, v) for v in x]
    rank = max(len(s.shape) for s in streams)
    shapes = [(1,) * (rank - len(s.shape)) + s.shape for s in streams]
    shape = tuple(max(sizes) for sizes in zip(*shapes, strict=True))
    return tuple(b.spread(layer.name, s, shape) for s in streams)


@handles("Add", joins=True)
def _add(b: ModelBuilder, layer: Any, x: list[Value]) -> Value:
    streams = _of_one_shape(b, layer, x)
    return Value(b.add(Add(name=b.name(layer.name), inputs=streams, layers=(layer.name,))))


@handles("Subtract", joins=True)
def _subtract(b: ModelBuilder, layer: Any, x: list[Value]) -> Value:
    streams = _of_one_shape(b, layer, x)
    return Value(b.add(Subtract(name=b.name(layer.name), inputs=streams, layers=(layer.name,))))


@handles("Average", joins=True)
def _average(b: ModelBuilder, layer: Any, x: list[Value]) -> Value:
    """The sum, whose point moves where there are 2, 4, 8... of them; else it waits with a division for a quantizer."""
    streams, count = _of_one_shape(b, layer, x), len(x)
    shift = count.bit_length() - 1 if count & (count - 1) == 0 else 0
    total = b.add(Add(name=b.name(layer.name), inputs=streams, layers=(layer.name,), shift=shift))
    return Value(total) if shift else Value(total, (division(layer.name, count),))


@handles("Multiply", joins=True)
def _multiply(b: ModelBuilder, layer: Any, x: list[Value]) -> Value:
    streams = _of_one_shape(b, layer, x)
    return Value(b.add(Product(name=b.name(layer.name), inputs=streams, layers=(layer.name,))))


@handles("Maximum", joins=True)
def _maximum(b: ModelBuilder, layer: Any, x: list[Value]) -> Value:
    streams = _of_one_shape(b, layer, x)
    return Value(b.add(Maximum(name=b.name(layer.name), inputs=streams, layers=(layer.name,))))


@handles("Minimum", joins=True)
def _minimum(b: ModelBuilder, layer: Any, x: list[Value]) -> Value:
    streams = _of_one_shape(b, layer, x)
    return Value(b.add(Minimum(name=b.name(layer.name), inputs=streams, layers=(layer.name,))))
