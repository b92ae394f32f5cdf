# SPDX-License-Identifier: Apache-2.0
"""The calls of a Keras model in the order in which it makes them, nested models included."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import gcd, prod
from typing import Any

from rtl4ml.host import frameworks
from rtl4ml.host.frameworks import VECTOR


@dataclass(frozen=True, eq=False)
class Call:
    """One call of a layer; a shared layer has several.

    training: whether the model calls it with training=True
    readers:  calls that read its output, the model's own output included
    outputs:  tensors that it gives
    node:     Keras's own record of the call
    """

    layer: Any
    training: bool
    readers: int
    outputs: int
    node: Any

    def arguments(self, values: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The call's arguments, with values in the place of the tensors that it reads, in their order."""
        given: dict[str, list[Any]] = {}
        for tensor, value in zip(self.node.keras_inputs, values, strict=True):
            given.setdefault(str(id(tensor)), []).append(value)
        args, kwargs = self.node.map_arguments(given)
        return tuple(args), dict(kwargs)

    def apply(self, tensors: Sequence[Any]) -> Any:
        """What the layer makes of tensors."""
        args, kwargs = self.arguments(tensors)
        return self.layer(*args, **kwargs)


Visit = Callable[[Call, list[Any]], list[Any]]


def walk(model: Any, feeds: list[Any], visit: Visit) -> list[Any]:
    """Carries values from the model's inputs to its outputs.

    feeds: one value for each input. visit: takes a call and the values of its inputs and returns those of its outputs.
    Returns one value for each output of the model. A value is let go behind its last reader: those of all layers of a
    large frame would fill a machine's memory.
    """
    keras_model = frameworks.keras().Model
    values = {id(t): v for t, v in zip(model.inputs, feeds, strict=True)}
    readers = Counter(
        id(t) for nodes in model._nodes_by_depth.values() for n in nodes for t in n.keras_inputs
    )
    readers.update(id(t) for t in model.outputs)
    waiting = Counter(readers)
    for depth in sorted(model._nodes_by_depth, reverse=True):
        for node in model._nodes_by_depth[depth]:
            if node.is_input:
                continue
            inputs = [values[id(t)] for t in node.keras_inputs]
            layer = node.layer
            outputs = node.outputs if isinstance(node.outputs, list | tuple) else [node.outputs]
            if isinstance(layer, keras_model) and getattr(layer, "_is_graph_network", False):
                made = walk(layer, inputs, visit)
            else:
                training = node.call_kwargs.get("training") is True
                count = sum(readers[id(t)] for t in outputs)
                made = visit(Call(layer, training, count, len(outputs), node), inputs)
            values.update({id(t): v for t, v in zip(outputs, made, strict=True)})
            for t in node.keras_inputs:
                waiting[id(t)] -= 1
                if waiting[id(t)] == 0:
                    del values[id(t)]
    return [values[id(t)] for t in model.outputs]


def filling(model: Any) -> int:
    """The number of which a batch's samples must be a multiple, so that every tensor of the model is whole vectors."""
    sizes = [1]
    for layer in model.layers:
        for node in layer._inbound_nodes:
            for t in node.outputs if isinstance(node.outputs, list | tuple) else [node.outputs]:
                sizes.append(prod(int(d) for d in tuple(t.shape)[1:] if d is not None))
        if hasattr(layer, "layers"):
            sizes.append(VECTOR // filling(layer))
    return VECTOR // gcd(VECTOR, *sizes[1:])
