# SPDX-License-Identifier: Apache-2.0
"""Reads hls4ml's layers back after its passes and compares them with what was asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rtl4ml.bridge.builder import Expected, LayerBuilder
from rtl4ml.errors import HlsCannot


def verify(layers: LayerBuilder, model: Any) -> None:
    """Compares hls4ml's model, after its passes, with what the graph asked for. Raises HlsCannot."""
    operators = {r.name: r.operator for r in layers.report}
    for name, want in layers.expected.items():
        node = model.graph.get(name)
        if node is None:
            changed = None if _is_needless(layers, name) else "removed it"
        else:
            changed = _changed(node, want, model.config.backend.convert_precision_string)
        if changed is not None:
            raise HlsCannot(f"{operators[name]}: hls4ml 1.3 cannot hold it exactly, its passes {changed}")


def _is_needless(layers: LayerBuilder, name: str) -> bool:
    """Whether a layer does nothing: a linear activation of the type that it reads."""
    entry = next(e for e in layers.entries if e["name"] == name)
    before = layers.expected[entry["inputs"][0]].types["result"]
    return entry.get("activation") == "linear" and layers.expected[name].types["result"] == before


def _changed(node: Any, want: Expected, convert: Callable[[str], Any]) -> str | None:
    """The difference between a layer after hls4ml's passes and the layer asked for, as text; None if there is none."""
    for what, text in want.types.items():
        t = node.get_output_variable().type if what == "result" else node.get_attr(f"{what}_t")
        if _text(t.precision) != _text(convert(text)):
            return f"made its {what} {_text(t.precision)} instead of {text}"
    for what, data in want.weights.items():
        got = np.asarray(node.weights["weight" if what == "depthwise" else what].data)
        axes = (data.ndim - 1, *range(data.ndim - 1))
        orders = (data, data.transpose(axes))  # the resource strategy has the outputs first
        if not any(v.size == got.size and np.array_equal(v.ravel(), got.ravel()) for v in orders):
            return f"changed its {what}"
    reuse, strategy = node.get_attr("reuse_factor"), node.get_attr("strategy")
    if want.strategy and (reuse != want.reuse or strategy != want.strategy.lower()):
        return f"made its reuse factor {reuse} instead of {want.reuse}"
    return None


def _text(p: Any) -> str:
    """A precision's text, whichever of hls4ml's classes it is."""
    width, integer = p.width, getattr(p, "integer", p.width)
    modes = f"{getattr(p, 'rounding_mode', 'TRN')},{getattr(p, 'saturation_mode', 'WRAP')}"
    return f"{'' if p.signed else 'u'}fixed<{width},{integer},{modes}>"
