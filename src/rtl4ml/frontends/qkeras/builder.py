# SPDX-License-Identifier: Apache-2.0
"""Builds the graph of a QKeras model, call by call of its layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from rtl4ml.errors import BadModel, UnsupportedLayer, named
from rtl4ml.frontends.builder import GraphBuilder, Value
from rtl4ml.frontends.functions import Function
from rtl4ml.frontends.heads import add_argmax, add_mask
from rtl4ml.frontends.names import identifier
from rtl4ml.frontends.parsed import Parsed
from rtl4ml.frontends.qkeras.checks import activation_of, known_module, origin
from rtl4ml.frontends.qkeras.snapshot import Snapshot
from rtl4ml.frontends.qkeras.walk import Call, walk
from rtl4ml.frontends.qkeras.ways_out import way_out
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.types import Stream


@dataclass(frozen=True)
class Handler:
    """What makes a layer's operators: value = handler.add(builder, layer, inputs).

    joins:   whether the layer may have several inputs
    ordered: whether it takes elements that a Permute moved
    """

    add: Callable[[ModelBuilder, Any, list[Value]], Value]
    joins: bool = False
    ordered: bool = False


@dataclass(kw_only=True)
class ModelBuilder(GraphBuilder):
    """The graph of a QKeras model while it is built.

    quantizers: of the model's inputs, whose shapes are `shapes`
    declared:   whether these were given rather than read from the model
    handlers:   by the names of Keras layer classes
    values:     by layer, the streams of values for which nothing waits
    sums:       by linear layer, the streams of its sums with their bias
    call:       the call whose handler is at work
    """

    model: Any
    quantizers: tuple[Function, ...]
    shapes: tuple[tuple[int, ...], ...]
    declared: bool
    handlers: Mapping[str, Handler]
    values: dict[str, Stream] = field(default_factory=dict)
    sums: dict[str, Stream] = field(default_factory=dict)
    call: Call | None = None

    # -- the way of a model --

    def build(self, name: str, output: str, threshold: float | None, opening: int | None) -> Parsed | None:
        """The graph of the model, called `name`, and what surrounds it; the other arguments are those of `parse`.

        None where a sum exceeds what float32 holds, and float32 was taken (`needs_float64`).
        """
        sources = tuple(self._source(k) for k in range(len(self.shapes)))
        values = walk(self.model, [Value(s, raw=not self.declared) for s in sources], self._visit)
        if self.needs_float64():
            return None
        streams = [self._output(k, v, sources) for k, v in enumerate(values)]
        if self.needs_float64():
            return None
        if output != "logits":
            streams = [self._head(streams, values, output, threshold, opening)]
        graph = Graph(
            name, sources, tuple(self.ops), tuple(streams), int(self.model.count_params()),
            output_names=self._output_names() if len(streams) > 1 else (),
        )  # fmt: skip
        for s in sources:
            if s.name not in graph.readers:
                raise BadModel(f"{s.name}: an input must be read by a layer, not by none; remove the input")
        return Parsed(
            graph=graph,
            model=self.model,
            weights=Snapshot(self.model),
            quantizers=self.quantizers,
            output=output,
            cut=tuple(v.head for v in values),
            declared=self.declared,
            threshold=threshold,
            opening=opening,
            values=self.values,
            sums=self.sums,
        )

    def _source(self, k: int) -> Stream:
        """The stream of input `k`: the only one is the input, others have the names of their layers."""
        grid = self.quantizers[k].grid
        assert grid is not None
        layer = str(self.model.inputs[k].node.layer.name) if len(self.shapes) > 1 else ""
        name = self.name(layer, "" if layer else "input")
        return Stream(name, self.shapes[k], grid.type, grid.lo, grid.hi)

    def _output_names(self) -> tuple[str, ...]:
        """Of several outputs, the names of their layers; a number is added to one that another has."""
        found: list[str] = []
        for k in range(len(self.model.outputs)):
            base = name = identifier(self._output_layer(k))
            number = 1
            while name.lower() in map(str.lower, found):
                number += 1
                name = f"{base}_{number}"
            found.append(name)
        return tuple(found)

    def _output(self, k: int, v: Value, sources: tuple[Stream, ...]) -> Stream:
        """The stream of output `k`, without the activation that may stand there; an operator makes it."""
        layer = self._output_layer(k)
        if v.raw:
            raise BadModel(f"{layer}: the output must be computed, not be the input itself; add layers")
        if v.order is not None:
            raise self.wrong_order(self.model.outputs[k].node.layer, output=True)
        s = self.settled(layer, replace(v, steps=v.steps[:-1]) if v.head else v)
        return self.passed(layer, s) if s.name in {source.name for source in sources} else s

    def _head(
        self,
        streams: list[Stream],
        values: list[Value],
        output: str,
        threshold: float | None,
        opening: int | None,
    ) -> Stream:
        """The stream of classes or of a mask."""
        if len(streams) != 1:
            raise BadModel(
                f"{self.model.name}: {named('output', output)} must go with one output, not {len(streams)}; "
                "split the model"
            )
        layer = self._output_layer(0)
        if output == "argmax":
            return add_argmax(self, layer, streams[0])
        assert threshold is not None
        return add_mask(self, layer, streams[0], values[0], threshold, opening)

    def _output_layer(self, k: int) -> str:
        return str(self.model.outputs[k].node.layer.name)

    def _visit(self, call: Call, inputs: list[Any]) -> list[Any]:
        """The values behind a call of a layer. Raises UnsupportedLayer, BadModel."""
        if self.needs_float64():  # nothing that follows counts
            return inputs[:1] * call.outputs
        layer = call.layer
        handler = self._handler(call, inputs)
        self.call = call
        value = replace(handler.add(self, layer, inputs), alone=call.readers == 1)
        if not (value.raw or value.steps or value.pools or value.order is not None):
            self.values[layer.name] = value.stream
        return [value]

    def _handler(self, call: Call, inputs: list[Any]) -> Handler:
        """The handler of a call that is as a call must be. Raises UnsupportedLayer."""
        layer = call.layer
        kind = type(layer).__name__
        handler = self.handlers.get(kind)
        if handler is None or not known_module(type(layer)):
            raise UnsupportedLayer(
                f"{layer.name}: the layer must be one of the supported layers, not {origin(type(layer))}; "
                f"{way_out(kind)}"
            )
        if len(inputs) > 1 and not handler.joins:
            raise UnsupportedLayer(
                f"{layer.name}: {kind} must have one input, not {len(inputs)}; split the layer"
            )
        if call.training:
            raise UnsupportedLayer(
                f"{layer.name}: {kind} must be called for inference, not with training=True; "
                "remove the argument"
            )
        if not handler.ordered and any(v.order is not None for v in inputs):
            raise self.wrong_order(layer)
        for v in inputs:
            if v.head == "softmax":
                raise UnsupportedLayer(
                    f"{v.steps[-1].layer}: softmax must be at the model's output, not within the network; "
                    "remove it or use a quantized activation"
                )
        return handler

    # -- what handlers ask --

    def stream(self, layer: Any, v: Value) -> Stream:
        """A settled input of `layer`; the raw input of the model has none."""
        if v.raw:
            raise BadModel(
                f"{layer.name}: the model's input must pass a quantizer first, "
                f"not go into {type(layer).__name__}; "
                f"put a QActivation behind the input or give {named('input_precision')}"
            )
        return self.settled(layer.name, v)

    def wrong_order(self, layer: Any, *, output: bool = False) -> UnsupportedLayer:
        """The error for elements that a Permute moved and nothing brings back."""
        return UnsupportedLayer(
            f"{layer.name}: behind a Permute that moves elements there must be activations, and then a Flatten and a "
            f"QDense or a Permute back, not {'the output' if output else type(layer).__name__}; "
            "train the model without the Permute"
        )

    def function(self, layer: Any, v: Value, obj: Any, what: str = "") -> Value:
        """A value behind an activation object: a quantizer compiles, everything else waits; `what` as in `name`."""
        f = activation_of(layer, obj)
        if f.grid is not None:
            return self.quantized(layer.name, v, f, what)
        if f.name == "linear":
            return v
        return self.elementwise(layer, v, f)

    def elementwise(self, layer: Any, v: Value, f: Function) -> Value:
        """A value behind a function that waits for a quantizer."""
        if v.raw:
            self.stream(layer, v)
        if f.name == "softmax":
            return replace(v, steps=(*v.steps, f))
        return self.waiting(layer.name, v, f)
