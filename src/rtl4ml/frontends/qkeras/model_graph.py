# SPDX-License-Identifier: Apache-2.0
"""The graph and the sizes in a model file's configuration, checked before Keras sees them.

Keras waits for ever for the inputs of a layer that are never made, and asks for as much memory as a number says.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rtl4ml.arguments import shown
from rtl4ml.errors import BadModel

MOST_LAYERS = 4096
# Keys whose numbers size something, and the greatest that they may be.
MOST_SIZES = {
    "units": 2**20, "filters": 2**16, "depth_multiplier": 2**10, "groups": 2**16,
    "kernel_size": 2**12, "pool_size": 2**12, "strides": 2**12, "dilation_rate": 2**12, "size": 2**10,
    "padding": 2**12, "cropping": 2**16, "output_padding": 2**12,
    "target_shape": 2**24, "batch_input_shape": 2**24, "batch_shape": 2**24, "input_shape": 2**24, "dims": 2**24,
    "axis": 8, "axes": 8, "rank": 8, "n": 2**24,
}  # fmt: skip
# Numbers that name or seed something and size nothing.
_FREE = ("shared_object_id", "seed")
_MODELS = ("Functional", "Model", "Sequential")
_CONSTANT = "_CONSTANT_VALUE"  # Keras's name for an input that is no layer's output

Node = tuple[str, int]


def check_numbers(path: str, owner: str, node: Mapping[str, Any]) -> None:
    """The numbers directly in a dictionary of a configuration, lists included. Raises BadModel."""
    for key, value in node.items():
        if key in _FREE:
            continue
        most = MOST_SIZES.get(key, 2**53)
        for number in _numbers(value):
            if not math.isfinite(number):
                raise BadModel(
                    f"{path}: {owner}: {key} must be a finite number, not {number}; correct the model"
                )
            if abs(number) > most:
                raise BadModel(
                    f"{path}: {owner}: {key} must be at most {most:,}, not {shown(number)}; take a smaller layer"
                )


def _numbers(value: Any) -> Iterator[int | float]:
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            stack.extend(item)
        elif isinstance(item, int | float) and not isinstance(item, bool):
            yield item


@dataclass(frozen=True)
class _Layer:
    """A layer of a functional model: the nodes that each of its calls reads, in their order.

    first: number of its first call; a model within a model has one of its own before
    """

    name: str
    calls: tuple[tuple[Node, ...], ...]
    entry: bool
    first: int


def check_graph(path: str, model: Mapping[str, Any]) -> None:
    """The layers of a Sequential or functional model's configuration (its "config"). Raises BadModel.

    Every call of every layer must get its inputs from calls that come before it, in some order.
    """
    name = model.get("name") if isinstance(model.get("name"), str) else "the model"
    entries = model.get("layers")
    if not isinstance(entries, list) or not entries:
        raise BadModel(f"{path}: {name}: must have at least one layer, not none; add layers")
    if len(entries) > MOST_LAYERS:
        raise BadModel(
            f"{path}: {name}: must have at most {MOST_LAYERS:,} layers, not {len(entries):,}; take a smaller model"
        )
    if not any(k in model for k in ("input_layers", "output_layers")):
        return  # Sequential: a chain by itself
    layers: dict[str, _Layer] = {}
    for entry in entries:
        layer = _read(path, f"{name}", entry)
        if layer.name in layers:
            raise BadModel(
                f"{path}: {layer.name}: must be the name of one layer, not of two; give each a name of its own"
            )
        layers[layer.name] = layer
    for layer in layers.values():
        for nodes in layer.calls:
            for node in nodes:
                _check_node(path, layer.name, layers, node)
    for key in ("input_layers", "output_layers"):
        ends = list(_references(model.get(key)))
        if not ends:
            raise BadModel(
                f"{path}: {name}: {key} must name at least one layer, not none; save the model again"
            )
        for node in ends:
            _check_node(path, f"{name}: {key}", layers, node)
    _check_order(path, layers)


def _read(path: str, model: str, entry: Any) -> _Layer:
    config = entry.get("config") if isinstance(entry, dict) else None
    name = entry.get("name") if isinstance(entry, dict) else None
    if not isinstance(config, dict) or not isinstance(name, str) or config.get("name") != name:
        raise BadModel(
            f"{path}: {model}: every layer must have a name and a configuration, "
            f"not {shown(name) if name is not None else 'none'}; save the model again"
        )
    kind = str(entry.get("class_name")).rpartition(">")[2]
    calls = entry.get("inbound_nodes")
    if not isinstance(calls, list):
        raise BadModel(
            f"{path}: {name}: inbound_nodes must be a list, not {shown(calls)}; save the model again"
        )
    found = tuple(tuple(_references(call)) for call in calls)
    if kind == "InputLayer":
        if found:
            raise BadModel(
                f"{path}: {name}: an InputLayer must have no inputs, not {len(found)}; correct the model"
            )
        return _Layer(name, (), True, 0)
    if not found or not all(found):
        raise BadModel(
            f"{path}: {name}: must have an input, not inbound_nodes without one; connect the layer"
        )
    inner = config.get("layers")
    if kind in _MODELS and not inner:
        raise BadModel(f"{path}: {name}: must have at least one layer, not none; add layers")
    head = inner[0] if isinstance(inner, list) and inner and isinstance(inner[0], dict) else {}
    first = int(kind in _MODELS and head.get("class_name") == "InputLayer")
    return _Layer(name, found, False, first)


def _references(value: Any) -> Iterator[Node]:
    """The (layer, call) of every [layer, call, tensor] and [layer, call, tensor, arguments] in a nest."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            stack.extend(item.values())
        elif isinstance(item, list):
            if len(item) in (3, 4) and isinstance(item[0], str) and _is_index(item[1]):
                if item[0] != _CONSTANT:
                    yield item[0], item[1]
                item = item[3:]
            stack.extend(item)


def _is_index(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _check_node(path: str, reader: str, layers: Mapping[str, _Layer], node: Node) -> None:
    name, call = node
    if name not in layers:
        raise BadModel(
            f"{path}: {reader}: its input must be a layer of the model, not {name}; connect the layer"
        )
    layer = layers[name]
    if not layer.entry and not layer.first <= call < layer.first + len(layer.calls):
        raise BadModel(
            f"{path}: {reader}: its input must be one of the {len(layer.calls)} calls of {name}, "
            f"not number {shown(call)}; connect the layer"
        )


def _check_order(path: str, layers: Mapping[str, _Layer]) -> None:
    """Makes the calls in the order in which Keras does, each layer's own one after the other."""
    done = {layer.name: 0 for layer in layers.values()}
    waiting: dict[Node, list[str]] = {}
    ready = [layer.name for layer in layers.values() if not layer.entry]
    while ready:
        layer = layers[ready.pop()]
        while done[layer.name] < len(layer.calls):
            needs = next(
                (n for n in layer.calls[done[layer.name]] if not _made(layers[n[0]], n[1], done)), None
            )
            if needs is not None:
                waiting.setdefault(needs, []).append(layer.name)
                break
            made = (layer.name, layer.first + done[layer.name])
            done[layer.name] += 1
            ready.extend(waiting.pop(made, ()))
    stuck = next((layer for layer in layers.values() if done[layer.name] < len(layer.calls)), None)
    if stuck is not None:
        circle = next(n for n, call in stuck.calls[done[stuck.name]] if not _made(layers[n], call, done))
        raise BadModel(
            f"{path}: {stuck.name}: its inputs must come from the model's input, "
            f"not in a circle from {circle}; connect the layers in an order"
        )


def _made(layer: _Layer, call: int, done: Mapping[str, int]) -> bool:
    return layer.entry or call - layer.first < done[layer.name]
