# SPDX-License-Identifier: Apache-2.0
"""Late skips: what leads to a join is computed once more from an input that waits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contract import assert_exact, samples
from skip_nets import model

import rtl4ml
from rtl4ml.cells.streams import Fifo
from rtl4ml.errors import BadInput, OverBudget
from rtl4ml.folding import homes, options, search
from rtl4ml.folding.explorer import Explorer
from rtl4ml.frontends.qkeras.importer import parse
from rtl4ml.frontends.qkeras.load import load
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.lag import rows_waiting
from rtl4ml.ir.late import skips, with_homes
from rtl4ml.models import unet
from rtl4ml.netlist.plan import Plan
from rtl4ml.timing.sizing import sized_netlist


@pytest.fixture(scope="module")
def parsed() -> Any:
    return parse(load(model()), input_precision=None, output="logits", threshold=None, opening=None)


def test_the_skips_of_a_u_net(parsed: Any) -> None:
    found = skips(parsed.graph)
    assert list(found) == ["up2_concat", "up1_concat"]  # in the order of the graph
    assert [s.shape for s in found.values()] == [(8, 8, 8), (16, 16, 4)]


def test_a_graph_with_late_skips_computes_the_same(parsed: Any) -> None:
    """Each join gets operators of its own, so that its input can wait as long as that join does."""
    graph, rng = parsed.graph, np.random.default_rng(3)
    x = parsed.quantize_input(samples(parsed, 5, rng))
    want = graph.emulate([x])
    one, both = with_homes(graph, {"up1_concat": "late"}), with_homes(graph, "late")
    for changed in (one, both):
        np.testing.assert_array_equal(changed.emulate([x]), want)
    copies = [op.name for op in both.ops if op not in graph.ops and len(op.inputs) == 1]
    assert {name.rpartition("_for_")[2] for name in copies} == {"up1_concat", "up2_concat"}
    assert len(both.ops) > len(one.ops) > len(graph.ops)
    assert len(both.readers[graph.inputs[0].name]) == len(graph.readers[graph.inputs[0].name]) + 2
    assert with_homes(graph, "bram") is graph
    assert with_homes(graph, {"up2_concat": "bram"}) is graph


def test_what_is_no_join_is_refused(parsed: Any) -> None:
    with pytest.raises(BadInput) as error:
        with_homes(parsed.graph, {"pool1": "late"})
    assert str(error.value) == (
        "pool1: skips must name joins of a skip, not 'pool1'; joins: up2_concat, up1_concat"
    )


def test_auto_takes_as_many_late_as_fit(parsed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The widest first; where nothing fits, the refusal of the design with all of them in memory."""
    enough = 0
    asked: list[tuple[set[str], bool]] = []

    def within(graph: Graph, **_: Any) -> Plan | None:
        late = {op.name.rpartition("_for_")[2] for op in graph.ops if "_for_" in op.name}
        asked.append((late, True))
        return None if len(late) < enough else Plan(graph, {})

    def folded(graph: Graph, *, fit: bool, **_: Any) -> Plan:
        found = within(graph)
        if fit:
            raise OverBudget(f"{len(asked[-1][0])} late")
        asked[-1] = (asked[-1][0], False)
        return found or Plan(graph, {})

    def auto(*, fit: bool = True) -> Plan:
        asked.clear()
        return homes.fold_with_skips(parsed.graph, "auto", homes.Wanted(9), fit=fit)

    monkeypatch.setattr(homes, "fold_within", within)
    monkeypatch.setattr(homes, "fold_for", folded)
    assert auto().graph is parsed.graph
    enough = 1
    auto()
    assert asked == [(set(), True), ({"up1_concat"}, True)]
    enough = 3
    with pytest.raises(OverBudget, match=r"^0 late$"):
        auto()
    assert auto(fit=False).graph is parsed.graph
    assert asked[-1] == (set(), False)


def test_the_image_waits_for_a_pooled_level_too() -> None:
    """Level 2 has half of the image's rows: as large a part of the frame waits, not as many rows."""
    network = unet.build(widths=(16, 16, 16), size=(32, 32), weight_bits=4, activation_bits=4, blocks=1)
    plan = homes.fold_with_skips(parse(load(network)).graph, {"up2_concat": "late"}, homes.Wanted(16_384))
    waits = {c.name: c for c in sized_netlist(plan).cells if isinstance(c, Fifo)}
    join = waits["u_down2_1_pw_relu_for_up2_concat_f"]
    assert 4 * join.depth < join.x.beats // 16, "less than a quarter of a row waits as features"


def test_the_rows_that_wait_by_what_depends_on_what(parsed: Any) -> None:
    """Level 3 goes through 3 taps and comes back by 2, then level 2 the same; FIFOs hold no fewer."""
    graph = parsed.graph
    assert rows_waiting(graph) == {"up2_concat": 3, "up1_concat": 11}
    assert rows_waiting(with_homes(graph, {"up1_concat": "late"})) == {"up2_concat": 3, "up1_concat": 0}
    net = sized_netlist(Explorer(graph).fold(4096))
    deep = {
        c.layer: c.depth * c.x.width for c in net.cells if isinstance(c, Fifo) and c.name.endswith("_b_f")
    }
    for join, stream in skips(graph).items():
        row = stream.elements * stream.type.width // stream.hwc[0]
        assert deep[join] >= row * (rows_waiting(graph)[join] - 1)


def test_skips_that_alone_are_too_much_need_no_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    network = unet.build(widths=(16, 16, 16), size=(512, 512), weight_bits=4, activation_bits=4, blocks=1)
    graph = parse(load(network)).graph
    kept, late = (Explorer(with_homes(graph, home)) for home in ("bram", "late"))
    assert kept.waiting.bram36 == pytest.approx((11 * 512 + 3 * 256) * 16 * 4 / 36_864)
    assert late.waiting.bram36 == 0
    monkeypatch.delattr(search, "overhead_resources")
    limits: dict[str, Any] = {"target_interval": 2**20, "budget": {"bram36": kept.waiting.bram36 / 912}}
    assert search.fold_within(graph, **limits) is None
    with pytest.raises(NameError):
        search.fold_within(with_homes(graph, "late"), **limits)


def test_copies_cost_what_is_known_of_the_first(parsed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    graph, costs = parsed.graph, options.Costs()
    want = Explorer(with_homes(graph, "late")).fold(4096)
    Explorer(graph, costs=costs).fold(4096)
    monkeypatch.delattr(options, "operator_resources")
    found = Explorer(with_homes(graph, "late"), costs=costs).fold(4096)
    assert found.foldings == want.foldings and any("_for_" in name for name in found.foldings)


def waiting_bits(design: rtl4ml.Design) -> int:
    return sum(c.depth * c.x.width for c in design.netlist.cells if isinstance(c, Fifo))


@pytest.mark.gate
def test_less_waits_and_the_hardware_is_exact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against QKeras's own predict, with stalls; latency and interval as predicted. Both at one pace: no faster one."""
    monkeypatch.setattr(Explorer, "rivals", lambda self, plan, limits: [])
    network, rng = model(32), np.random.default_rng(7)
    interval = 16_384
    plain = rtl4ml.convert(network, out=tmp_path / "plain", target_interval=interval)
    design = assert_exact(network, tmp_path / "late", rng, csim=None, target_interval=interval, skips="late")
    assert design.cycles.interval == plain.cycles.interval == interval
    assert waiting_bits(design) < 0.8 * waiting_bits(plain)
    before, now = plain.report()["model"], design.report()["model"]
    assert before == now, "the model is the same"
