# SPDX-License-Identifier: Apache-2.0
"""Levels inside skips run faster than the interval asks where block RAM, or its price, asks for it; nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contract import FRAMES, assert_equal, expected, samples
from skip_nets import model
from unets import lively

import rtl4ml
from rtl4ml.device import ZCU102, Resources
from rtl4ml.errors import OverBudget
from rtl4ml.folding import homes, search
from rtl4ml.folding.explorer import Explorer
from rtl4ml.folding.haste import hastes, ladders, levels
from rtl4ml.folding.options import Costs
from rtl4ml.folding.resources import layer_resources
from rtl4ml.frontends.qkeras.importer import parse
from rtl4ml.frontends.qkeras.load import load
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.late import skips, with_homes
from rtl4ml.ir.pacing import rows_lagging
from rtl4ml.lowering.lower import lower
from rtl4ml.models import unet
from rtl4ml.netlist.plan import Plan
from rtl4ml.timing.depths import unhindered

INTERVAL = 4 * 64 * 64
COSTS = Costs()


def built(size: int) -> Any:
    model = unet.build(widths=(16, 16, 16, 16), size=(size, size), weight_bits=4, activation_bits=4, blocks=1)
    return lively(model, np.random.default_rng(7))


@pytest.fixture(scope="module")
def network() -> Any:
    return built(64)


@pytest.fixture(scope="module")
def graph(network: Any) -> Graph:
    return parse(load(network)).graph


@pytest.fixture(scope="module")
def plain(graph: Graph) -> Plan:
    return search.fold_for(graph, target_interval=INTERVAL, budget=None, costs=COSTS)


@pytest.fixture(scope="module")
def budget(graph: Graph, plain: Plan) -> dict[str, float]:
    """What the plain design takes where its inner levels are faster, with a hundredth more of all but block RAM."""
    explorer = Explorer(graph, costs=COSTS)
    *_, most = hastes(explorer, plain)
    made = explorer.choose(INTERVAL, None, most.paces)
    assert made is not None
    whole, before = takes(made), takes(plain)
    assert whole.bram36 < before.bram36
    room = {"bram36": 1.0}
    return {k: room.get(k, 1.01) * getattr(whole, k) / v for k, v in ZCU102.capacity.items()}


def takes(plan: Plan) -> Resources:
    return sum(layer_resources(plan).values(), Resources())


def interval(plan: Plan) -> int:
    return max(f.interval for f in plan.foldings.values())


def inner(plan: Plan) -> list[str]:
    """The operators beside all three skips."""
    return levels(plan.graph)[frozenset(skips(plan.graph))]


@pytest.fixture
def hasteless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "hastes", lambda *a: iter(()))


def never(*a: Any) -> Any:
    raise AssertionError("levels were made faster")


def test_the_levels_of_a_u_net() -> None:
    """A join that a way leads to with other skips beside: pools and upsamplings are of the level inside."""
    found = levels(parse(load(model())).graph)
    both, outer = frozenset({"up1_concat", "up2_concat"}), frozenset({"up1_concat"})
    assert list(found) == [outer, both]
    assert found[both][0] == "pool2" and found[both][-1] == "up2_repeat"
    assert found[outer][0] == "pool1" and found[outer][-1] == "up1_repeat"
    assert not set(found[both]) & set(found[outer])


def test_skips_in_dram_hasten_nothing() -> None:
    spilled = with_homes(parse(load(model())).graph, {"up1_concat": "dram"})
    assert [set(joins) for joins in levels(spilled)] == [{"up2_concat"}]


def test_every_level_inward_is_twice_as_fast_again(graph: Graph) -> None:
    explorer = Explorer(graph, {"down4_1_pw": (1, 1)}, costs=COSTS)
    found = ladders(explorer, INTERVAL)
    assert len(found) == 3
    widest = found[0]
    assert widest["pool2"] == INTERVAL // 4 and widest["down3_1_pw"] == INTERVAL // 4
    assert widest["pool3"] == INTERVAL // 8 and widest["up3_repeat"] == INTERVAL // 8
    assert widest["pool1"] == INTERVAL // 2 and found[-1]["pool3"] == INTERVAL // 2
    assert "down4_1_pw" not in widest, "the user has folded it"


def test_what_fits_only_with_faster_levels(
    graph: Graph, plain: Plan, budget: dict[str, float], request: pytest.FixtureRequest
) -> None:
    found = search.fold_for(graph, target_interval=INTERVAL, budget=budget, costs=COSTS)
    assert interval(found) == interval(plain) == INTERVAL
    assert all(found.foldings[name].interval <= INTERVAL // 2 for name in inner(found))
    whole = takes(found)
    assert all(getattr(whole, k) <= budget[k] * v for k, v in ZCU102.capacity.items())
    request.getfixturevalue("hasteless")
    with pytest.raises(OverBudget):
        search.fold_for(graph, target_interval=INTERVAL, budget=budget, costs=COSTS)


def test_what_fits_is_as_it_was(graph: Graph, plain: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "hastes", never)
    enough = {"bram36": takes(plain).bram36 / ZCU102.bram36}
    found = search.fold_for(graph, target_interval=INTERVAL, budget=enough, costs=COSTS)
    assert found.foldings == plain.foldings


def test_homes_that_fit_without_come_first(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    """`auto` tries all homes at the asked interval before any with faster levels."""
    tried: list[tuple[Graph, bool]] = []
    monkeypatch.setattr(homes, "fold_within", lambda g, *, hasty, **_: tried.append((g, hasty)))
    monkeypatch.setattr(homes, "fold_for", lambda g, **_: g)
    homes.fold_with_skips(graph, "auto", homes.Wanted(INTERVAL), costs=COSTS)
    half = len(tried) // 2
    assert half > 3
    assert [hasty for _, hasty in tried] == [False] * half + [True] * half
    same = [[(len(g.ops), g.spilled) for g, _ in part] for part in (tried[:half], tried[half:])]
    assert same[0] == same[1]


def test_auto_finds_them(graph: Graph, budget: dict[str, float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(homes, "_choices", lambda *a: [{}])  # no home but block RAM
    found = homes.fold_with_skips(graph, "auto", homes.Wanted(INTERVAL, budget), costs=COSTS)
    assert all(found.foldings[name].interval <= INTERVAL // 2 for name in inner(found))


def test_a_price_of_block_ram_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    """At 1 for all of the block RAM what is saved is worth the operators that are faster, at 0.05 it is not."""
    wide = parse(load(built(128))).graph

    def plan(bram36: float) -> Plan:
        given = {"bram36": bram36}
        return search.fold_for(wide, target_interval=4 * 128 * 128, budget=None, costs=COSTS, prices=given)

    cheap, dear = plan(0.05), plan(1.0)
    monkeypatch.setattr(search, "hastes", lambda *a: iter(()))
    without, prices = plan(1.0), ZCU102.prices({"bram36": 1.0})
    assert plan(0.05).foldings == cheap.foldings
    assert takes(dear).bram36 < takes(without).bram36
    assert ZCU102.price(takes(dear), prices) < ZCU102.price(takes(without), prices)
    assert interval(dear) == interval(without)


def test_what_waits_is_estimated(graph: Graph, plain: Plan) -> None:
    """Rows of the outer skip by the paces of the operators, and in FIFOs without end, before and after."""
    explorer = Explorer(graph, costs=COSTS)
    *_, most = hastes(explorer, plain)
    faster = explorer.choose(INTERVAL, None, most.paces)
    assert faster is not None
    held = []
    for plan in (plain, faster):
        rows = rows_lagging(graph, {name: f.interval / INTERVAL for name, f in plan.foldings.items()})
        steps = unhindered(lower(plan))
        ((name, fifo),) = (
            (n, c) for n, c in steps.stepper.made.items() if n.startswith("u_down1_1_pw_relu_b")
        )
        held.append(steps.free.peaks[name] / fifo.x.beats * 64)
        assert held[-1] == pytest.approx(rows["up1_concat"], rel=0.1)
    assert held[1] < 0.9 * held[0]


@pytest.mark.gate
def test_the_hardware_is_exact(network: Any, budget: dict[str, float], tmp_path: Path) -> None:
    """Through the RTL, with stalls too; the interval and the latency as predicted."""
    rng = np.random.default_rng(5)
    design = rtl4ml.convert(network, out=tmp_path / "d", target_interval=INTERVAL, budget=budget)
    assert design.netlist.plan is not None
    foldings = design.netlist.plan.foldings
    assert all(foldings[name].interval <= INTERVAL // 2 for name in inner(design.netlist.plan))
    x = samples(design, FRAMES, rng)
    want = expected(design.parsed, x)
    run = design.simulate(x)
    assert_equal(run.y, want, "RTL")
    assert run.interval == design.cycles.interval == INTERVAL
    assert run.latencies == design.cycles.outputs
    assert run.latency == design.cycles.latency
    stalled = design.simulate(x[:2], stalls="random", seed=1)
    assert_equal(stalled.y, [y[:2] for y in want], "RTL under stalls")
