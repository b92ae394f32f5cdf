# SPDX-License-Identifier: Apache-2.0
"""From a model of hls4ml's to a design; imported when the first one is converted, as `convert` and all behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import hls4ml
import numpy as np
from numpy.typing import NDArray

import rtl4ml
from rtl4ml.design import Design
from rtl4ml.errors import BadModel, OverBudget
from rtl4ml.folding.by_hand import reuse_factors
from rtl4ml.frontends.parsed import Parsed
from rtl4ml.frontends.qkeras.importer import parse
from rtl4ml.frontends.qkeras.load import load
from rtl4ml.hls4ml_backend import bits, keys, options
from rtl4ml.hls4ml_backend.layers import Values, show_types, values_of
from rtl4ml.hls4ml_backend.precisions import check, input_type
from rtl4ml.host import progress
from rtl4ml.ir.types import Fixed
from rtl4ml.reuse import EVERY, ByHand, Reuse

Real = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Conversion:
    """A design, the streams of hls4ml's layers in it, and the Keras model and arguments that it was converted of."""

    design: Design
    values: Values
    source: Any
    arguments: Mapping[str, Any]

    @property
    def parsed(self) -> Parsed:
        """The model's graph with what surrounds it."""
        return self.design.parsed


def converted(model: Any) -> Conversion:
    """The design of a model of hls4ml's, whose layers get the types of the hardware.

    Raises an Rtl4mlError for what hls4ml's configuration asks and rtl4ml does not give, and what `convert` raises.
    """
    config = model.config.config
    source = config.get("KerasModel") or config.get("KerasH5")
    if source is None:
        raise BadModel(
            f"{config.get('ProjectName')}: backend='rtl4ml' must be given a Keras model, "
            f"not one of PyTorch or ONNX; use convert_from_keras_model"
        )
    keras_model = load(source)
    if (len(keras_model.inputs), len(keras_model.outputs)) != (1, 1):
        raise BadModel(
            f"{keras_model.name}: backend='rtl4ml' must be given a model of one input and one output, not "
            f"{len(keras_model.inputs)} and {len(keras_model.outputs)}; call rtl4ml.convert, which takes several"
        )
    own = dict(config.get("Rtl4ml") or _of_file(config))
    clock_mhz = 1000 / float(own.pop("clock_period"))
    names = {layer.name for layer in keras_model._flatten_layers()}
    asked = keys.read(model, _derived(keras_model), names, own)
    by_user: Mapping[str, ByHand] = own.pop("foldings", None) or {}
    own["foldings"] = {**asked.foldings, **by_user}
    if asked.idle:
        print(f"keys of hls4ml's configuration without effect here: {', '.join(sorted(asked.idle))}")
    if "input_precision" not in own and (declared := input_type(keras_model, model)) is not None:
        own["input_precision"] = declared
    if asked.wishes:
        parsed = parse(keras_model, input_precision=own.get("input_precision"))
        check(asked.wishes, parsed, values_of(model, parsed, names))
    own |= {"out": Path(config["OutputDir"]), "clock_mhz": clock_mhz}
    try:
        design = _design(keras_model, own)
    except OverBudget as error:
        if not asked.foldings:
            raise
        raise OverBudget(f"{error}; or raise ReuseFactor, or give target_interval in its place") from None
    values = values_of(model, design.parsed, names)
    show_types(model, design.graph, values)
    for line in _remarks(design, str(keras_model.name), asked.foldings):
        print(line)
    return Conversion(design, values, keras_model, own)


def again(conversion: Conversion) -> Conversion:
    """The same once more, where the folder of the project is another's or gone."""
    return replace(conversion, design=_design(conversion.source, conversion.arguments))


def _design(keras_model: Any, own: Mapping[str, Any]) -> Design:
    with progress.printed(f"convert {keras_model.name}"):
        return rtl4ml.convert(keras_model, **own)


def _of_file(config: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a configuration that was read from a file, where hls4ml asks for none."""
    given = {"part": "Part", "clock_period": "ClockPeriod", "io_type": "IOType"}
    return options.read({k: config.get(key) for k, key in given.items()}, ())


def _derived(keras_model: Any) -> Mapping[str, Any]:
    """What hls4ml itself writes into a configuration of the model, by its layers."""
    found = hls4ml.utils.config_from_keras_model(keras_model, granularity="name", backend="rtl4ml")
    return dict(found["LayerName"])


def _remarks(design: Design, name: str, asked: Mapping[str, ByHand]) -> list[str]:
    lines = []
    if notice := design.parsed.notice():
        lines.append(notice)
    if design.parsed.output == "logits" and (head := design.parsed.cut[0]):
        lines.append(
            f"{name}: predict gives the values before the {head} at its output, which order classes alike"
        )
    changed = []
    for op in design.plan.graph.ops:
        found = reuse_factors(design.plan).get(op.name)
        wanted = next((asked[k] for k in (op.name, *op.layers, EVERY) if k in asked), None)
        if isinstance(wanted, Reuse) and found is not None and found != wanted.factor:
            changed.append(f"{op.layer} {wanted.factor} -> {found}")
    if changed:
        lines.append(f"ReuseFactor: the nearest that is legal was taken, {', '.join(dict.fromkeys(changed))}")
    return lines


# -- what is asked of a design ------------------------------------------------------------------------------


def trace(
    model: Any, conversion: Conversion, batch: Any, absent: set[str], *, profiled: bool
) -> dict[str, Real]:
    """Exact values (N, *shape) of the layers with `Trace` set; absent: those among them without any, of which a line is
    printed; profiled: whether the bits that they use are printed, too.
    """
    parsed = conversion.parsed
    wanted = {n.name for n in model.get_layers() if n.get_attr("trace")}
    streams = {name: s for name, s in conversion.values.streams.items() if name in wanted}
    if without := [name for name in conversion.values.absent if name in absent]:
        print(f"trace: the hardware has no values of {', '.join(without)} alone")
    graph = replace(parsed.graph, outputs=tuple(streams.values()), output_names=())
    values = graph.emulate(parsed.integers(parsed.samples(batch)))
    if profiled and streams:
        title = f"bits of activations that {len(batch):,} samples never use, by exact integers:"
        print("\n".join(bits.table(bits.of_values(streams, values), title)))
    return {name: s.real(v) for (name, s), v in zip(streams.items(), values, strict=True)}


def print_weights(model: Any, conversion: Conversion) -> None:
    """Prints the bits of the weights' types that no weight uses."""
    declared = {}
    for n in model.get_layers():
        for what, variable in n.weights.items():
            p: Any = variable.type.precision
            if what in ("weight", "bias") and hasattr(p, "integer"):
                t = Fixed(bool(p.signed), p.integer - int(p.signed), p.width - p.integer)
                declared[f"{n.name}/{what[0]}"] = t
    found = bits.of_weights(conversion.design.graph, declared)
    print("\n".join(bits.table(found, "bits of weights that are never used, by exact integers:")))
