# SPDX-License-Identifier: Apache-2.0
"""The keys of hls4ml's configuration: each is used, said to be without effect, or refused."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hls4ml.backends import get_available_backends, get_backend
from hls4ml.model.attributes import TypeAttribute
from hls4ml.model.layers import layer_map
from hls4ml.utils.string_utils import convert_to_snake_case

from rtl4ml import arguments
from rtl4ml.errors import BadInput
from rtl4ml.hls4ml_backend.options import nearest
from rtl4ml.hls4ml_backend.precisions import AUTO, Wish, maximum, same
from rtl4ml.reuse import EVERY, ByHand, Reuse

# hls4ml's layers that multiply by weights: ReuseFactor and Strategy are theirs.
WEIGHTED = (
    "Dense",
    "Conv1D",
    "Conv2D",
    "Conv2DBatchnorm",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "PointwiseConv1D",
    "PointwiseConv2D",
    "SeparableConv1D",
    "SeparableConv2D",
)
# Whether a layer is a graph of adders, by hls4ml's strategies; None: whichever takes less.
STRATEGIES: dict[str, bool | None] = {
    "latency": None,
    "resource": False,
    "resource_unrolled": False,
    "unrolled": False,
    "distributed_arithmetic": True,
    "da": True,
}
_MODEL = {
    "AllowDAFallback",
    "AllowV2Fallback",
    "BitExact",
    "BramFactor",
    "Compression",
    "ConvImplementation",
    "PipelineInterval",
    "PipelineStyle",
    "Precision",
    "ReuseFactor",
    "Strategy",
    "TargetCycles",
    "TraceOutput",
}
_LAYER = {
    "Compression",
    "ConvImplementation",
    "Precision",
    "ReuseFactor",
    "Strategy",
    "TargetCycles",
    "Trace",
}
_SEPARABLE = {"DepthwiseReuseFactor", "PointwiseReuseFactor"}
# Types of what the hardware has not: tables in block RAM, and the softmax that it leaves out.
_IDLE_TYPES = ("table", "exp_table", "inv_table", "inv_inp", "index")


@dataclass
class Asked:
    """What a configuration asks for.

    foldings: for `rtl4ml.convert`; wishes: types that must hold the exact values; idle: keys without effect
    """

    foldings: dict[str, ByHand] = field(default_factory=dict)
    wishes: list[Wish] = field(default_factory=list)
    idle: set[str] = field(default_factory=set)


def read(model: Any, derived: Mapping[str, Any], keras_layers: set[str], options: Collection[str]) -> Asked:
    """What the configuration of an hls4ml model asks for.

    derived:      the layers of the configuration that hls4ml makes of the Keras model: what is as there is no wish
    keras_layers: names of the Keras model's layers
    options:      names of those that were given; ReuseFactor has no effect beside target_interval
    Raises BadInput for a key, a layer, a strategy or a factor that is none.
    """
    config = model.config.config["HLSConfig"]
    asked = Asked()
    _read_model(config.get("Model") or {}, asked)
    nodes = {n.name: n for n in model.get_layers()}
    for name, entry in (config.get("LayerName") or {}).items():
        if name not in nodes and name not in keras_layers:
            raise BadInput(f"LayerName: must name layers, not {name!r}; {nearest(name, nodes)}")
        if name in nodes:
            _read_layer(name, nodes[name], entry, derived.get(name, {}), asked)
        else:
            asked.idle |= set(entry)  # a layer that hls4ml passes over, as Dropout
    for kind, entry in (config.get("LayerType") or {}).items():
        if kind not in layer_map:
            known = {n.class_name for n in nodes.values()}
            raise BadInput(f"LayerType: must name kinds of layers, not {kind!r}; {nearest(kind, known)}")
        members = [n for n in nodes.values() if kind.lower() == n.class_name.lower()]
        for n in members:
            own = (config.get("LayerName") or {}).get(n.name, {})
            rest = {k: v for k, v in entry.items() if k not in own}
            _read_layer(n.name, n, rest, derived.get(n.name, {}), asked, of_kind=True)
        if not members:
            asked.idle |= set(entry)
    _read_folding(model, nodes, asked, options)
    return asked


def _read_model(entry: Mapping[str, Any], asked: Asked) -> None:
    for key, value in entry.items():
        if key not in _MODEL:
            raise BadInput(f"Model: must have keys that hls4ml has, not {key!r}; {nearest(key, _MODEL)}")
        if key not in ("Precision", "ReuseFactor", "Strategy") and value is not None:
            asked.idle.add(key)
    types = entry.get("Precision")
    if isinstance(types, Mapping):
        asked.wishes += maximum(types)


def _attributes(node: Any) -> Iterator[Any]:
    """Attributes of a layer that some backend of hls4ml lets users set."""
    yield from node.expected_attributes
    for name in get_available_backends():
        for kind, attributes in getattr(get_backend(name), "attribute_map", {}).items():
            if isinstance(node, kind):
                yield from attributes


def _read_layer(
    name: str, node: Any, entry: Any, derived: Mapping[str, Any], asked: Asked, *, of_kind: bool = False
) -> None:
    """Reads the keys of a layer; of_kind: they are those of all layers of its kind."""
    attributes = list(_attributes(node))
    keys = _LAYER | _SEPARABLE | {k for a in attributes for k in (a.name, a.config_name)}
    types = {a.name.removesuffix("_t") for a in attributes if isinstance(a, TypeAttribute)} | {"default"}
    types |= {"weight", "bias", "accum", "result"} if node.class_name in WEIGHTED else {"result"}
    for key, value in entry.items():
        if key not in keys and convert_to_snake_case(key) not in keys:
            near = nearest(key, {k for k in keys if k[0].isupper()})
            raise BadInput(f"{name}: must have keys that hls4ml has, not {key!r}; {near}")
        weighted = node.class_name in WEIGHTED and key in ("ReuseFactor", "Strategy")
        if key == "Precision":
            given = value if isinstance(value, Mapping) else {"default": value}
            _read_types(name, node, given, derived.get("Precision", {}), types, asked, of_kind=of_kind)
        elif key != "Trace" and not weighted:
            asked.idle.add(key)


def _read_types(
    name: str,
    node: Any,
    given: Mapping[str, Any],
    derived: Any,
    known: set[str],
    asked: Asked,
    *,
    of_kind: bool,
) -> None:
    """Types that are not those of the model's own quantizers are wishes; the input's type is read elsewhere."""
    for what, text in given.items():
        if what not in known:
            raise BadInput(
                f"{name}: Precision must have types that it has, not {what!r}; {nearest(what, known)}"
            )
        as_model = isinstance(derived, Mapping) and same(derived.get(what, AUTO), str(text))
        if text is None or str(text) == AUTO or as_model or node.class_name == "Input":
            continue
        if what in _IDLE_TYPES or node.class_name == "Softmax":
            asked.idle.add(what)
        elif of_kind and what in ("weight", "bias"):
            asked.idle.add(what)  # in hls4ml, too: a quantizer of the model's has its own
        else:
            asked.wishes.append(Wish(name, "result" if what == "default" else what, str(text)))


# -- foldings -----------------------------------------------------------------------------------------------


def _read_folding(model: Any, nodes: Mapping[str, Any], asked: Asked, options: Collection[str]) -> None:
    config = model.config
    if "target_interval" in options:
        adders = [n.name for n in nodes.values() if n.class_name in WEIGHTED and _adders(n.name, config, n)]
        if adders:
            raise BadInput(
                f"{adders[0]}: Strategy distributed_arithmetic must go with ReuseFactor 1, not with target_interval; "
                "leave one out"
            )
        asked.idle |= {"ReuseFactor", "Strategy"}
        return
    asked.foldings[EVERY] = Reuse(
        _factor("Model", config.model_rf), _known_strategy("Model", config.model_strategy)
    )
    for name, node in nodes.items():
        if node.class_name not in WEIGHTED:
            continue
        found = Reuse(_factor(name, config.get_reuse_factor(node)), _adders(name, config, node))
        if found.adders and found.factor != 1:
            raise BadInput(
                f"{name}: Strategy distributed_arithmetic must go with ReuseFactor 1, not {found.factor}; "
                "take another strategy"
            )
        if found != asked.foldings[EVERY]:
            asked.foldings[name] = found


def _adders(name: str, config: Any, node: Any) -> bool | None:
    return _known_strategy(name, config.get_strategy(node))


def _known_strategy(name: str, strategy: Any) -> bool | None:
    word = str(strategy).lower()
    if word not in STRATEGIES:
        known = [w for w in STRATEGIES if w != "da"]
        raise BadInput(f"{name}: Strategy must be one of {', '.join(known)}, not {strategy}")
    return STRATEGIES[word]


def _factor(name: str, value: Any) -> int:
    number = arguments.whole(value)
    if number is None or number < 1:
        raise BadInput(
            f"{name}: ReuseFactor must be a whole number from 1 up, not {arguments.shown(value)}; 1 is the fastest"
        )
    return number
