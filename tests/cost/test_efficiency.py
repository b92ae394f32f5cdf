# SPDX-License-Identifier: Apache-2.0
"""The share of multipliers at work: products of every layer that multiplies count on both sides, so it is at most 1."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contract import randomize

import rtl4ml
from rtl4ml.frontends.qkeras.importer import parse
from rtl4ml.host import frameworks
from rtl4ml.ir.graph import Graph
from rtl4ml.lowering.builder import NetlistBuilder
from rtl4ml.lowering.registry import lowering_of

KINDS = {
    "integer": "quantized_bits(4,0,alpha=1)",
    "binary": "binary(alpha=1)",
    "ternary": "ternary(alpha=1)",
    "po2": "quantized_po2(4,1)",
}


def model(kind: str) -> Any:
    """Every layer that multiplies, a pool and an activation, with one kind of weights."""
    layers, q = frameworks.keras().layers, frameworks.qkeras()
    w = {"kernel_quantizer": KINDS[kind], "bias_quantizer": "quantized_bits(6,1,alpha=1)"}
    depthwise = {"depthwise_quantizer": KINDS[kind], "bias_quantizer": "quantized_bits(6,1,alpha=1)"}
    x = first = layers.Input((6, 4, 2))
    x = q.QActivation("quantized_bits(4,0,alpha=1)")(x)
    x = q.QDepthwiseConv2D((3, 3), padding="same", depth_multiplier=2, **depthwise)(x)
    x = q.QActivation("quantized_relu(4,1)")(x)
    x = a = q.QActivation("quantized_relu(4,1)")(q.QConv2D(4, (3, 3), padding="same", **w)(x))
    b = q.QActivation("quantized_relu(4,1)")(q.QDepthwiseConv2D((1, 1), **depthwise)(x))
    x = q.QActivation("quantized_relu(4,1)")(layers.Multiply()([a, b]))
    x = layers.MaxPooling2D(2)(x)
    x = q.QActivation("quantized_relu(4,1)")(q.QConv2D(3, (2, 2), strides=2, padding="same", **w)(x))
    x = q.QDense(3, **w)(layers.Flatten()(x))
    return randomize(frameworks.keras().Model(first, x), np.random.default_rng(3))


@pytest.mark.parametrize("kind", KINDS)
def test_no_folding_multiplies_more_than_it_has_products(kind: str) -> None:
    graph: Graph = parse(model(kind)).graph
    seen = set()
    for op in graph.ops:
        lowering = lowering_of(op)
        for f in lowering.foldings():
            n = NetlistBuilder(graph)
            xs = [n.like(s, f"x{i}", lowering.input_lanes(f, i)) for i, s in enumerate(op.inputs)]
            xs = [n.fifo(x) for x in xs] if lowering.cuts_ready else xs
            lowering.lower(n, f, *xs)
            at_once = sum(c.multipliers for c in n.cells)
            slots = sum(c.slots * c.multipliers for c in n.cells)
            assert op.macs <= slots, (op.name, f)
            assert op.macs <= f.interval * at_once, (op.name, f)
            assert bool(at_once) == bool(op.macs), (op.name, f)
            seen.add(op.op)
    assert {"Conv", "Depthwise", "Product", "Pool", "Dense"} <= seen


@pytest.mark.parametrize("kind", ["ternary", "po2"])
def test_the_report_names_a_share(kind: str, tmp_path: Path) -> None:
    """Depthwise alone: its products are adders or shifts, and count."""
    layers, q = frameworks.keras().layers, frameworks.qkeras()
    x = first = layers.Input((6, 6, 4))
    x = q.QActivation("quantized_bits(4,0,alpha=1)")(x)
    x = q.QDepthwiseConv2D((3, 3), padding="same", depthwise_quantizer=KINDS[kind], use_bias=False)(x)
    net = randomize(frameworks.keras().Model(first, x), np.random.default_rng(3))
    found = rtl4ml.convert(net, out=tmp_path / "design", target_interval=200).report()["efficiency"]
    assert found["multipliers"] and 0.1 < found["mac_efficiency"] <= 1
