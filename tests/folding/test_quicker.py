# SPDX-License-Identifier: Apache-2.0
"""No plan is chosen that a faster one beats, and prices decide what is cheap."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from published_nets import jets

from rtl4ml.device import ZCU102, Resources
from rtl4ml.folding.explorer import Explorer
from rtl4ml.folding.options import Costs
from rtl4ml.folding.resources import layer_resources
from rtl4ml.folding.search import fold_for
from rtl4ml.frontends.qkeras.importer import parse
from rtl4ml.frontends.qkeras.load import load
from rtl4ml.ir.graph import Graph
from rtl4ml.netlist.plan import Plan

MODELS = Path(__file__).parents[2] / "models"
COUNTED = tuple(ZCU102.capacity)
TYPE = "ap_fixed<8,3>"  # of a model without a quantizer at its input


def student() -> Any:
    return load(MODELS / "salinas_1dcnn.keras")


def whole(plan: Plan) -> Resources:
    return sum(layer_resources(plan).values(), Resources())


def interval(plan: Plan) -> int:
    return max(f.interval for f in plan.foldings.values())


@pytest.mark.parametrize(("model", "most"), [(jets, 64), (student, 1300)], ids=["jets", "student"])
def test_no_plan_is_beaten_by_a_faster_one(model: Callable[[], Any], most: int) -> None:
    """At all intervals up to `most`: the plan changes only at those of some folding."""
    graph, costs = parse(model(), input_precision=TYPE).graph, Costs()
    explorer = Explorer(graph)
    made = {
        target: fold_for(graph, target_interval=target, budget=None, costs=costs)
        for target in explorer.intervals_from(1)
        if target <= most
    }
    assert len(made) > 6
    found = {target: (interval(plan), whole(plan)) for target, plan in made.items()}
    prices = ZCU102.prices()
    for target, (slow, takes) in found.items():
        assert slow <= target
        for fast, less in found.values():
            beaten = fast < slow and all(getattr(less, k) <= getattr(takes, k) for k in COUNTED)
            assert not beaten, (target, slow, takes, fast, less)
            assert fast >= slow or ZCU102.price(less, prices) > ZCU102.price(takes, prices), (target, fast)


def test_an_interval_of_two_takes_the_design_of_one() -> None:
    """One graph of adders for every layer of the jet tagger costs less than half as many products."""
    graph = parse(jets(), input_precision=TYPE).graph
    found = fold_for(graph, target_interval=2, budget=None)
    assert interval(found) == 1
    assert whole(found).dsp == 0


def chosen(graph: Graph, **prices: float) -> Resources:
    plan = fold_for(graph, target_interval=16, budget=None, prices=prices or None)
    assert interval(plan) == 16  # the cheapest is not faster than need be
    return whole(plan)


def test_prices_decide_what_is_cheap() -> None:
    graph = parse(jets(), input_precision=TYPE).graph
    plain, dear, free = chosen(graph), chosen(graph, dsp=100), chosen(graph, dsp=0)
    assert dear.dsp == 0 < plain.dsp < free.dsp
    assert free.lut < plain.lut < dear.lut
