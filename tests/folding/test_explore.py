# SPDX-License-Identifier: Apache-2.0
"""The optimizer of foldings against exhaustive search, and its refusals."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import product
from math import gcd
from typing import Any

import numpy as np
import pytest
from contract import randomize

from rtl4ml.device import ZCU102, Device, Resources
from rtl4ml.errors import BadInput, OverBudget
from rtl4ml.folding import options, search
from rtl4ml.folding.explorer import Explorer
from rtl4ml.folding.options import Option, operator_resources
from rtl4ml.folding.program import objective
from rtl4ml.folding.resources import layer_resources
from rtl4ml.folding.search import fold_for
from rtl4ml.frontends.qkeras.importer import parse
from rtl4ml.host import frameworks
from rtl4ml.ir.graph import Graph
from rtl4ml.lowering.registry import lowering_of
from rtl4ml.netlist.plan import Plan
from rtl4ml.ops.conv import Linear


def graph(kind: str) -> Graph:
    """Small networks: a chain of layers with awkward channel numbers, and a skip."""
    layers, q = frameworks.keras().layers, frameworks.qkeras()
    bits = {
        "kernel_quantizer": "quantized_bits(4,0,alpha=1)",
        "bias_quantizer": "quantized_bits(6,1,alpha=1)",
    }
    x = first = layers.Input((10, 6))
    x = q.QActivation("quantized_relu(4,0)")(x)
    x = a = q.QActivation("quantized_relu(4,1)")(q.QConv1D(9, 1, **bits, name="one")(x))
    x = q.QActivation("quantized_relu(4,1)")(q.QConv1D(4, 3, padding="same", **bits, name="two")(x))
    if kind == "skip":
        x = layers.Concatenate()([x, a])
    x = q.QConv1D(5, 1, **bits, name="three")(x)
    model = frameworks.keras().Model(first, x)
    return parse(randomize(model, np.random.default_rng(3))).graph


def exhaustive(explorer: Explorer, target: int, limits: dict[str, float] | None = None) -> float | None:
    """The least objective among all choices of options whose lanes can be joined in time."""
    g = explorer.graph
    best: float | None = None
    makers = {op.output.name: i for i, op in enumerate(g.ops)}
    for pick in product(*(explorer.options(op, target) for op in g.ops)):
        cost = joined(explorer, pick, makers, target)
        if cost is None or any(getattr(cost, k) > v for k, v in (limits or {}).items()):
            continue
        value = objective(cost, sum(o.folding.multipliers for o in pick), ZCU102)
        best = value if best is None else min(best, value)
    return best


def joined(
    explorer: Explorer, pick: tuple[Option, ...], makers: dict[str, int], target: int
) -> Resources | None:
    cost = sum((o.cost for o in pick), Resources())
    for op, o in zip(explorer.graph.ops, pick, strict=True):
        for i, s in enumerate(op.inputs):
            if s.name not in makers:
                continue
            a, b = pick[makers[s.name]].folding.pe, lowering_of(op).input_lanes(o.folding, i)
            if a == b:
                continue
            if s.elements // gcd(a, b) > target:
                return None
            cost += explorer._width(s, a, b)
    return cost


def picked(explorer: Explorer, plan: Plan, target: int) -> tuple[Option, ...]:
    return tuple(
        next(o for o in explorer.options(op, target) if o.folding == plan[op]) for op in explorer.graph.ops
    )


def cost_of(explorer: Explorer, plan: Plan, target: int) -> Resources:
    pick = picked(explorer, plan, target)
    found = joined(explorer, pick, {op.output.name: i for i, op in enumerate(plan.graph.ops)}, target)
    assert found is not None
    return found


def value_of(explorer: Explorer, plan: Plan, target: int) -> float:
    multipliers = sum(o.folding.multipliers for o in picked(explorer, plan, target))
    return objective(cost_of(explorer, plan, target), multipliers, ZCU102)


@pytest.mark.parametrize(("kind", "target"), [("chain", 60), ("chain", 200), ("skip", 150), ("skip", 400)])
def test_the_choice_is_the_cheapest_of_all(kind: str, target: int) -> None:
    explorer = Explorer(graph(kind))
    found = explorer.choose(target)
    assert found is not None
    want = exhaustive(explorer, target)
    assert want is not None
    assert value_of(explorer, found, target) == pytest.approx(want, rel=2e-3)


def test_a_share_of_luts_counts_more_than_one_of_hard_blocks() -> None:
    luts, *blocks = (
        objective(Resources(**{k: ZCU102.capacity[k] / 2}), 0, ZCU102) for k in ("lut", "dsp", "bram36")
    )
    assert luts == pytest.approx(0.5 * 1.05)
    assert blocks == pytest.approx(2 * [ZCU102.hard_block_weight * luts])


def test_limits_are_kept_by_another_choice() -> None:
    explorer = Explorer(graph("chain"))
    free = explorer.choose(100)
    assert free is not None
    tight = {"ff": 0.97 * cost_of(explorer, free, 100).ff}
    want = exhaustive(explorer, 100, tight)
    found = explorer.choose(100, tight)
    assert (found is None) == (want is None)
    if found is not None:
        assert cost_of(explorer, found, 100).ff <= tight["ff"]
        assert value_of(explorer, found, 100) == pytest.approx(want, rel=2e-3)


def test_a_budget_gives_the_smallest_interval() -> None:
    """For no smaller interval that some folding has does the whole design, FIFOs included, keep the budget."""
    g = graph("chain")
    fast, slow = (
        sum(r.lut for r in layer_resources(Explorer(g).fold(t)).values())
        for t in (Explorer(g).floor, Explorer(g).intervals[-1])
    )
    budget = {"lut": (fast + slow) / 2 / ZCU102.lut}
    found = fold_for(g, target_interval=None, budget=budget)
    reached = max(
        f.interval
        for op in g.ops
        for f in lowering_of(op).foldings()
        if (f.pe, f.simd, f.style) == (found[op].pe, found[op].simd, found[op].style)
    )
    assert reached == max(found[op].interval for op in g.ops)
    explorer = Explorer(g)
    faster = [t for t in explorer.intervals if explorer.floor <= t < reached]
    assert faster, "the budget must cost some speed, or nothing is shown"
    names = {op.name for op in g.ops}
    beside = sum((r for name, r in layer_resources(found).items() if name not in names), Resources())
    limits = {k: v * budget.get(k, 1.0) - getattr(beside, k) for k, v in ZCU102.capacity.items()}
    for t in faster:
        other = explorer.choose(t, limits)
        assert (
            other is None or sum(r.lut for r in layer_resources(other).values()) > budget["lut"] * ZCU102.lut
        )


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        (
            {"budget": {"luts": 0.5}},
            BadInput,
            'budget: must give shares (0 to 1] of lut, ff, dsp, bram36, not luts=0.5; write budget={"lut": 0.5}',
        ),
        (
            {"target_interval": 0},
            BadInput,
            "target_interval: must be a whole number of cycles from 1 up, not 0",
        ),
        (
            {"target_interval": 3},
            OverBudget,
            "one: target_interval must be at least 10 cycles for this layer, not 3; raise it",
        ),
    ],
)
def test_refusals(arguments: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        fold_for(graph("chain"), **{"target_interval": None, "budget": None} | arguments)


def test_a_budget_that_nothing_fits() -> None:
    with pytest.raises(
        OverBudget,
        match=r"^\w+: the design must fit the budget, not need [\d,]+ lut of 27 \([\d.]+ x\) and [\d,]+ ff of 274 "
        r"\([\d.]+ x\), most lut in this layer \([\d,]+\); no smaller design was found: allow it more with "
        r"budget={\"lut\": (0\.\d+), \"ff\": (0\.\d+)}, take a smaller model or frame, or look at its report "
        r"with fit=False$",
    ) as error:
        fold_for(graph("chain"), target_interval=None, budget={"lut": 1e-4, "ff": 5e-4})
    lut, ff = map(float, re.findall(r": (0\.\d+)", str(error.value)))
    fold_for(graph("chain"), target_interval=None, budget={"lut": lut, "ff": ff})


def test_the_numbers_of_a_design_that_does_not_fit() -> None:
    g = graph("chain")
    budget = {"lut": 1e-4}
    made = fold_for(g, target_interval=None, budget=budget, fit=False)
    layers = layer_resources(made)
    need = sum(r.lut for r in layers.values())
    name = max(layers, key=lambda n: layers[n].lut)
    with pytest.raises(
        OverBudget, match=f"^{name}: .* not need {need:,.0f} lut of 27 .*{layers[name].lut:,.0f}"
    ):
        fold_for(g, target_interval=None, budget=budget)
    explorer = Explorer(g)
    slowest = explorer.choose(explorer.intervals[-1])
    assert slowest is not None
    assert need <= 1.2 * sum(r.lut for r in layer_resources(slowest).values())


def test_an_interval_that_does_not_fit() -> None:
    """The error names one that does, which is then taken; without the limit the one asked for is made."""
    g = graph("chain")
    lut = sum(r.lut for r in layer_resources(Explorer(g).fold(30)).values())
    budget = {"lut": 0.7 * lut / ZCU102.lut, "dsp": 2 / ZCU102.dsp}
    with pytest.raises(OverBudget, match=r"must fit the budget.*; target_interval=\d+ fits$") as error:
        fold_for(g, target_interval=30, budget=budget)
    fold_for(g, target_interval=int(re.findall(r"=(\d+) fits", str(error.value))[0]), budget=budget)
    asked = Explorer(g).fold(30)
    made = fold_for(g, target_interval=30, budget=budget, fit=False)
    assert made.graph is asked.graph is g
    assert made.foldings == asked.foldings


def test_a_bound_is_below_every_choice() -> None:
    """Else an interval that fits would be passed over."""
    explorer = Explorer(graph("skip"))
    for target in (100, 150, 300, 600):
        found = explorer.choose(target)
        assert found is not None
        cost = cost_of(explorer, found, target)
        share = max(getattr(cost, k) / v for k, v in ZCU102.capacity.items())
        assert 0.5 * share < explorer.fill(target, ZCU102.capacity, Resources()) <= share * (1 + 1e-9)


def test_large_adder_graphs_are_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Near enough to be chosen or not: what da4ml makes of 40 x 40 weights of eight bits."""
    q, layers = frameworks.qkeras(), frameworks.keras().layers
    x = first = layers.Input((4, 40))
    x = q.QActivation("quantized_relu(8,0)")(x)
    x = q.QConv1D(
        40, 1, kernel_quantizer="quantized_bits(8,0,alpha=1)", bias_quantizer="quantized_bits(8,0,alpha=1)"
    )(x)
    g = parse(randomize(frameworks.keras().Model(first, x), np.random.default_rng(0))).graph
    op = next(o for o in g.ops if isinstance(o, Linear))
    unrolled = next(f for f in lowering_of(op).foldings() if f.style == "unrolled")
    guess = operator_resources(g, op, unrolled, ZCU102)
    monkeypatch.setattr(options, "UNROLLED", 2000)
    found = operator_resources(g, op, unrolled, ZCU102)
    assert guess != found
    assert guess.lut == pytest.approx(found.lut, rel=0.25)
    assert guess.ff == pytest.approx(found.ff, rel=0.5)


def sparing(**shares: float) -> Device:
    """The device, of which a design takes no more than these shares unless it is asked to."""
    return replace(ZCU102, default_budget={**ZCU102.default_budget, **shares})


def used(plan: Plan, key: str = "lut") -> float:
    return float(sum(getattr(r, key) for r in layer_resources(plan).values()))


def test_a_design_without_a_target_leaves_room() -> None:
    """Unless a budget asks for more; what it does not name keeps its share."""
    g = graph("chain")
    fastest = used(fold_for(g, target_interval=None, budget=dict.fromkeys(ZCU102.capacity, 1.0)))
    device = sparing(lut=0.8 * fastest / ZCU102.lut)
    assert used(fold_for(g, target_interval=None, budget=None, device=device)) <= 0.8 * fastest
    assert used(fold_for(g, target_interval=None, budget={"ff": 1.0}, device=device)) <= 0.8 * fastest
    assert used(fold_for(g, target_interval=None, budget={"lut": 1.0}, device=device)) == fastest


def test_a_target_may_take_what_the_device_has() -> None:
    g = graph("chain")
    lut = used(fold_for(g, target_interval=30, budget=None))
    device = sparing(lut=0.8 * lut / ZCU102.lut)
    assert used(fold_for(g, target_interval=30, budget=None, device=device)) == lut
    with pytest.raises(OverBudget, match="must fit the budget"):
        fold_for(g, target_interval=30, budget={"lut": 0.8 * lut / ZCU102.lut, "dsp": 1e-9})


def test_a_device_that_holds_no_design_in_the_default_share() -> None:
    """The error says what to ask for; that is then made."""
    g = graph("chain")
    smallest = used(fold_for(g, target_interval=None, budget={"lut": 1e-4}, fit=False))
    device = sparing(lut=0.7 * smallest / ZCU102.lut)
    pattern = (
        r"\w+: the design must fit the budget, not need [\d,]+ lut of [\d,]+ \([\d.]+ x\), most lut in this layer "
        r"\([\d,]+\); no smaller design was found: allow it more than the default share with budget={\"lut\": "
        r"(0\.\d+)}, take a smaller model or frame, or look at its report with fit=False"
    )
    with pytest.raises(OverBudget) as error:
        fold_for(g, target_interval=None, budget=None, device=device)
    found = re.fullmatch(pattern, str(error.value))
    assert found, str(error.value)
    fold_for(g, target_interval=None, budget={"lut": float(found[1])})


def test_a_search_that_gives_up_beside_a_design_that_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The smallest design is given where it is fast enough, else its interval is named, and then given."""
    g = graph("chain")
    explorer = Explorer(g)
    fast, slow = used(explorer.fold(30)), used(explorer.fold(explorer.intervals[-1]))
    budget = {"lut": (fast + slow) / 2 / ZCU102.lut}
    monkeypatch.setattr(search, "_search", lambda *_: (None, Resources()))
    pattern = (
        r"\w+: the design must fit the budget, not need [\d,]+ lut of [\d,]+ \([\d.]+ x\), most lut in this layer "
        r"\([\d,]+\); target_interval=(\d+) fits"
    )
    with pytest.raises(OverBudget) as error:
        fold_for(g, target_interval=30, budget=budget)
    found = re.fullmatch(pattern, str(error.value))
    assert found, str(error.value)
    assert int(found[1]) > 30
    assert used(fold_for(g, target_interval=int(found[1]), budget=budget)) <= budget["lut"] * ZCU102.lut

    small = explorer.fold(explorer.intervals[-1])
    fold = Explorer.fold
    monkeypatch.setattr(Explorer, "fold", lambda self, target, limits=None: fold(self, 30, limits))
    monkeypatch.setattr(search, "smallest_design", lambda *_: (small, explorer.intervals[-1]))
    assert fold_for(g, target_interval=explorer.intervals[-1], budget=budget) is small


def test_foldings_by_hand_are_named() -> None:
    text = "two: foldings must have as pe one of [1, 2, 4] and as simd one of "
    with pytest.raises(BadInput, match=f"^{re.escape(text)}.*, not 3 and 1$"):
        fold_for(graph("chain"), target_interval=None, budget=None, layers={"two": (3, 1)})
    text = "four: foldings must name layers of the model, not 'four'; layers: "
    with pytest.raises(BadInput, match=f"^{re.escape(text)}"):
        fold_for(graph("chain"), target_interval=None, budget=None, layers={"four": (1, 1)})
