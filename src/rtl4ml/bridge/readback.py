# SPDX-License-Identifier: Apache-2.0
"""What hls4ml made of the layers, read back and compared with what they must be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rtl4ml.bridge.layers import Layers
from rtl4ml.errors import HlsCannot

# -- reading back -------------------------------------------------------------------------------------------


def verify(layers: Layers, model: Any) -> None:
    """Compares hls4ml's model, after its passes, with what the graph asked for. Raises HlsCannot."""
    convert = model.config.backend.convert_precision_string
    for name, want in layers.expected.items():
        node = model.graph.get(name)
        operator = next(r.operator for r in layers.report if r.name == name)

        def cannot(what: str, operator: str = operator) -> HlsCannot:
            return HlsCannot(f"{operator}: hls4ml 1.3 cannot hold it exactly, its passes {what}")

        if node is None:
            entry = next(e for e in layers.entries if e["name"] == name)
            before = _result_of(layers, entry["inputs"])
            if entry.get("activation") != "linear" or want["types"]["result"] != before:
                raise cannot("removed it")
            continue
        for what, text in want["types"].items():
            t = node.get_output_variable().type if what == "result" else node.get_attr(f"{what}_t")
            if _text(t.precision) != _text(convert(text)):
                raise cannot(f"made its {what} {_text(t.precision)} instead of {text}")
        for what, data in want["weights"].items():
            got = np.asarray(node.weights["weight" if what == "depthwise" else what].data)
            axes = (data.ndim - 1, *range(data.ndim - 1))
            orders = (data, data.transpose(axes))  # the resource strategy has the outputs first
            if not any(v.size == got.size and np.array_equal(v.ravel(), got.ravel()) for v in orders):
                raise cannot(f"changed its {what}")
        if want["strategy"] and (
            node.get_attr("reuse_factor") != want["reuse"]
            or node.get_attr("strategy") != want["strategy"].lower()
        ):
            raise cannot(f"made its reuse factor {node.get_attr('reuse_factor')} instead of {want['reuse']}")


def _result_of(layers: Layers, names: Sequence[str]) -> str:
    return str(layers.expected[names[0]]["types"]["result"])


def _text(p: Any) -> str:
    """A precision's text, whichever of hls4ml's classes it is."""
    width, integer = p.width, getattr(p, "integer", p.width)
    modes = f"{getattr(p, 'rounding_mode', 'TRN')},{getattr(p, 'saturation_mode', 'WRAP')}"
    return f"{'' if p.signed else 'u'}fixed<{width},{integer},{modes}>"
