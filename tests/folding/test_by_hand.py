# SPDX-License-Identifier: Apache-2.0
"""Foldings by hand: how often multipliers are used for a position, the nearest that is legal."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contract import randomize

import rtl4ml
from rtl4ml.errors import BadInput
from rtl4ml.folding.by_hand import reuse_factors, wanted_interval
from rtl4ml.folding.search import fold_for
from rtl4ml.frontends.qkeras.importer import parse
from rtl4ml.host import frameworks
from rtl4ml.ir.graph import Graph
from rtl4ml.lowering.registry import lowering_of
from rtl4ml.netlist.plan import Plan
from rtl4ml.reuse import ByHand, Reuse


def model(filters: int = 6) -> Any:
    """Eight positions of four channels, a separable convolution, and a dense layer."""
    layers, q = frameworks.keras().layers, frameworks.qkeras()
    w = {"kernel_quantizer": "quantized_bits(4,0,alpha=1)", "bias_quantizer": "quantized_bits(6,1,alpha=1)"}
    x = first = layers.Input((8, 4))
    x = q.QActivation("quantized_relu(4,0)")(x)
    x = q.QActivation("quantized_relu(4,1)")(q.QConv1D(filters, 3, **w, name="conv")(x))
    x = q.QActivation("quantized_relu(4,1)")(
        q.QSeparableConv1D(
            4,
            3,
            depthwise_quantizer="quantized_bits(4,0,alpha=1)",
            pointwise_quantizer="quantized_bits(4,0,alpha=1)",
            bias_quantizer="quantized_bits(6,1,alpha=1)",
            name="both",
        )(x)
    )
    m = frameworks.keras().Model(first, q.QDense(5, **w, name="dense")(layers.Flatten()(x)))
    return randomize(m, np.random.default_rng(3))


@pytest.fixture(scope="module")
def graph() -> Graph:
    return parse(model()).graph


def folded(graph: Graph, layers: dict[str, ByHand]) -> Plan:
    return fold_for(graph, target_interval=wanted_interval(graph, layers), budget=None, layers=layers)


def products(plan: Plan) -> dict[str, int]:
    """Products of a position, by the operators with weights."""
    return {op.name: op.macs // op.positions for op in plan.graph.ops if hasattr(op, "positions")}


@pytest.mark.parametrize("factor", [1, 2, 12, 72])
def test_a_reuse_factor_is_products_of_a_position_by_products_a_cycle(graph: Graph, factor: int) -> None:
    plan = folded(graph, {"conv": Reuse(factor)})
    f = plan.foldings["conv"]
    assert reuse_factors(plan)["conv"] == factor
    assert f.pe * f.simd * factor == products(plan)["conv"] == 72


def test_a_separable_layers_operators_both_have_it(graph: Graph) -> None:
    names = [op.name for op in graph.ops if "both" in (op.name, *op.layers) and op.macs]
    assert len(names) == 2
    found = reuse_factors(folded(graph, {"both": Reuse(6)}))
    assert {found[name] for name in names} == {6}


def test_the_nearest_legal_factor_is_taken_the_smaller_of_two(graph: Graph) -> None:
    op = next(op for op in graph.ops if op.name == "dense")
    lowering = lowering_of(op)
    legal = {lowering.reuse(f) for f in lowering.foldings()}
    assert legal == {1, 2, 4, 5, 8, 10, 16, 20, 40, 80}
    for asked, found in ((20, 20), (19, 20), (30, 20), (31, 40), (60, 40), (10**6, 80)):
        assert reuse_factors(folded(graph, {"dense": Reuse(asked)}))["dense"] == found, asked


def test_every_layer_has_it_unless_it_has_its_own(graph: Graph) -> None:
    found = reuse_factors(folded(graph, {"*": Reuse(1), "dense": Reuse(20)}))
    assert found.pop("dense") == 20
    assert set(found.values()) == {1}
    assert len(found) == 3
    assert (
        wanted_interval(graph, {"*": Reuse(1), "dense": (1, 1)}) == 8
    )  # positions, and not the slow dense layer
    assert wanted_interval(graph, {"dense": (1, 1)}) is None


def test_graphs_of_adders_only_or_never(graph: Graph) -> None:
    assert folded(graph, {"conv": Reuse(9, adders=True)}).foldings["conv"].style == "unrolled"
    plan = folded(graph, {"conv": Reuse(1, adders=False)})
    assert plan.foldings["conv"].style == ""
    assert reuse_factors(plan)["conv"] == 2
    large = parse(model(filters=400)).graph
    text = (
        "conv: a graph of adders must have at most 4,096 products, not 4,800; leave this layer to multipliers"
    )
    with pytest.raises(BadInput, match=f"^{re.escape(text)}$"):
        folded(large, {"conv": Reuse(1, adders=True)})
    text = "konv: foldings must name layers of the model, not 'konv'; layers: "
    with pytest.raises(BadInput, match=f"^{text}"):
        folded(graph, {"*": Reuse(4), "konv": Reuse(1)})
    text = r"foldings: must be pairs \(pe, simd\) of whole numbers from 1 up by layer, not 'conv': Reuse\(factor=0"
    with pytest.raises(BadInput, match=f"^{text}"):
        folded(graph, {"conv": Reuse(0)})


def test_a_design_of_it_is_exact_and_as_fast_as_its_slowest_layer(tmp_path: Path) -> None:
    design = rtl4ml.convert(model(), tmp_path / "d", foldings={"*": Reuse(6)})
    assert design.target_interval == design.cycles.interval == 36  # 6 positions
    x = np.random.default_rng(1).uniform(0, 1, (5, 8, 4))
    run = design.simulate(x)
    assert np.array_equal(run.y, design.reference(x))
    assert run.interval == 36
