# SPDX-License-Identifier: Apache-2.0
"""hls4ml's layers and the streams of the hardware that carry their values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from hls4ml.model.types import FixedPrecisionType, TensorVariable

from rtl4ml.frontends.parsed import Parsed
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.types import Fixed, Stream


@dataclass(frozen=True)
class Values:
    """streams: by hls4ml's layers, in their order; absent: layers that the hardware has no values of alone."""

    streams: Mapping[str, Stream]
    absent: tuple[str, ...]


def values_of(model: Any, parsed: Parsed, keras_layers: set[str]) -> Values:
    """The streams of hls4ml's layers: of `conv` before an activation within it, which has a name of its own.

    keras_layers: names of the Keras model's layers; others are hls4ml's, for activations within these
    """
    nodes = [n for n in model.get_layers() if n.class_name != "Input"]
    inner = {n.name: n.inputs[0] for n in nodes if n.name not in keras_layers and n.inputs}
    streams, absent = {}, []
    for n in nodes:
        if n.name in inner and n.get_attr("activation") == "linear":
            continue  # hls4ml's other backends drop it
        stream = parsed.values.get(inner.get(n.name, n.name))
        if n.name in inner.values():
            stream = parsed.sums.get(n.name)
        if stream is None:
            absent.append(n.name)
        else:
            streams[n.name] = stream
    return Values(streams, tuple(absent))


def precision_of(t: Fixed) -> FixedPrecisionType:
    """Hls4ml's type of an exact one: s27.15 is fixed<27,12>."""
    return FixedPrecisionType(t.width, t.width - t.fraction, t.signed)


def text_of(t: Fixed) -> str:
    """A type as hls4ml writes it: s27.15 is "fixed<27,12>"."""
    return f"{'' if t.signed else 'u'}fixed<{t.width},{t.width - t.fraction}>"


def show_types(model: Any, graph: Graph, values: Values) -> None:
    """Gives hls4ml's layers the hardware's types, and takes those out that the hardware has no values of alone.

    hls4ml's other backends take them out as well, when they fuse them with others. One that changes the shape stays,
    with the type of what it reads. The model's outputs are those of the hardware.
    """
    for n in list(model.get_layers()):
        variable = n.get_output_variable()
        if n.class_name == "Input":
            variable.type.precision = precision_of(graph.inputs[0].type)
        elif n.name in values.streams:
            variable.type.precision = precision_of(values.streams[n.name].type)
        elif prod(n.get_input_variable().shape) == prod(variable.shape) and len(n.inputs) == 1:
            model.remove_node(n)
        else:
            variable.type.precision = n.get_input_variable().type.precision
    for name, stream in zip(model.outputs, graph.outputs, strict=False):
        precision = precision_of(stream.type)
        if tuple(model.output_vars[name].shape) == stream.shape:
            model.output_vars[name].type.precision = precision
        else:  # classes or a mask in place of what the model gives
            model.output_vars[name] = TensorVariable(stream.shape, name, "result_t", precision)
