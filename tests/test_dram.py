# SPDX-License-Identifier: Apache-2.0
"""Skips in DRAM: r4_spill in designs, with a model of the memory."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from contract import assert_exact, samples
from pages import SCHEMA
from skip_nets import model

import rtl4ml
from rtl4ml.cells.streams import Spill, packed, spills
from rtl4ml.device import ZCU102
from rtl4ml.errors import BadInput, OverBudget, UnsupportedLayer
from rtl4ml.folding import homes
from rtl4ml.folding.homes import Wanted, fold_with_skips
from rtl4ml.frontends.qkeras.importer import parse
from rtl4ml.frontends.qkeras.load import load
from rtl4ml.frontends.qkeras.reference import expected
from rtl4ml.host import frameworks
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.late import with_homes
from rtl4ml.lowering import builder
from rtl4ml.netlist.netlist import Netlist
from rtl4ml.netlist.plan import Plan
from rtl4ml.simulation.bulk import RunResult
from rtl4ml.timing.cycles import frame_ends, predict
from rtl4ml.timing.simulated import settled
from rtl4ml.timing.sizing import sized_netlist

MIXTURES: dict[str, Any] = {
    "all": "dram",
    "second": {"up2_concat": "dram"},
    "first late": {"up1_concat": "late", "up2_concat": "dram"},
    "second late": {"up1_concat": "dram", "up2_concat": "late"},
}


@pytest.fixture(scope="module")
def parsed() -> Any:
    return parse(load(model()), input_precision=None, output="logits", threshold=None, opening=None)


def test_exact(tmp_path: Path) -> None:
    """Against QKeras's own predict, with stalls; latency, interval and every frame as predicted; and on the page."""
    network, rng = model(), np.random.default_rng(7)
    design = assert_exact(
        network, tmp_path, rng, csim=None, target_interval=4096, skips={"up1_concat": "dram"}
    )
    assert design.cycles.interval == 4096
    assert design.measured == (design.cycles.latency, 4096)
    assert not re.search("not all|differ", repr(design.frames))
    (spill,) = spills(design.netlist)
    assert design.peaks[spill.name] <= spill.capacity + 2000
    found = design.report()
    jsonschema.validate(found, SCHEMA)
    assert found["skips"] == {
        "memory": {"latency": 200, "gbps": 12.8},
        "homes": [
            {"join": "up2_concat", "home": "bram", "bits": 8 * 8 * 8 * 4, "dram_bytes": 0, "dram_gbps": 0.0},
            {
                "join": "up1_concat",
                "home": "dram",
                "bits": 16 * 16 * 4 * 4,
                "dram_bytes": 1024,
                "dram_gbps": pytest.approx(1024 / 4096 * 0.25),
            },
        ],
    }
    text = (tmp_path / "report.html").read_text()
    assert (
        "answers after 200 cycles and moves 12.8 GB/s, of which skips take 0.06 at the assumed clock" in text
    )
    assert f'<code>{spill.name}</code> <span class="badge skip">skip</span>' in text


@pytest.mark.gate
@pytest.mark.parametrize("mixture", MIXTURES)
def test_mixtures_are_exact(mixture: str, tmp_path: Path) -> None:
    network, rng = model(32), np.random.default_rng(7)
    design = assert_exact(network, tmp_path, rng, csim=None, target_interval=16_384, skips=MIXTURES[mixture])
    assert design.measured == (design.cycles.latency, design.cycles.interval)
    assert design.cycles.interval == 16_384


@pytest.mark.gate
def test_exact_where_most_waits_in_the_ring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The FIFO behind a ring holds all that waits in a small network: here it is a quarter of that."""
    params = Spill.params
    monkeypatch.setattr(Spill, "params", lambda cell: {**params(cell), "ReadDepth": 128, "WriteDepth": 32})
    monkeypatch.setattr(Spill, "group", 1)  # a word for each beat
    design = assert_exact(
        model(), tmp_path, np.random.default_rng(8), csim=None, target_interval=4096, skips="dram"
    )
    assert design.measured == (design.cycles.latency, 4096)
    deep = [c for c in spills(design.netlist) if c.depth > 2 * 128]
    assert deep and all(design.peaks[c.name] > 2 * 128 for c in deep)


def test_the_graph_stays_and_says_what_waits_in_dram(parsed: Any) -> None:
    one = with_homes(parsed.graph, {"up1_concat": "dram"})
    assert one.ops == parsed.graph.ops and one.spilled == (("up1_concat", "down1_1_pw_relu"),)
    mixed = with_homes(parsed.graph, {"up1_concat": "late", "up2_concat": "dram"})
    assert [join for join, _ in mixed.spilled] == ["up2_concat"] and len(mixed.ops) > len(one.ops)
    assert with_homes(parsed.graph, "dram").resized(8, 8).spilled == with_homes(parsed.graph, "dram").spilled


def cell(lanes: int, bits: int, beats: int, depth: int) -> Spill:
    n = builder.NetlistBuilder(Graph("g", (), (), ()))
    x = n.wire("x", lanes=lanes, bits=bits, signed=False, beats=beats)
    n.spill(x)
    (made,) = (c for c in n.cells if isinstance(c, Spill))
    return replace(made, depth=depth)


def test_words_ring_and_traffic() -> None:
    """Beats of a part of a word, as many as divide a frame; of a word; of several."""
    narrow, odd, wide = cell(16, 4, 65_536, 10_000), cell(3, 8, 64, 100), cell(64, 4, 589_824, 118_002)
    assert (narrow.group, narrow.words, narrow.ring, narrow.capacity) == (2, 1, 8192, 16_384)
    assert narrow.traffic == 2 * 65_536 * 8
    assert (odd.group, odd.ring, odd.traffic) == (4, 32, 2 * 16 * 16)
    assert (wide.group, wide.words, wide.ring) == (1, 2, 262_144)
    assert wide.traffic == 2 * 589_824 * 32
    assert wide.params() == {"Width": 256, "Group": 1, "Ring": 262_144}
    assert wide.wait == 64 + 2 * ZCU102.dram_latency + 7 * 16 + 24


def alone(spill: Spill, latency: int) -> Netlist:
    """A spill between the edges, in memory of that latency."""
    made = replace(spill, device=replace(ZCU102, dram_latency=latency))
    return Netlist(Graph("g", (), (), ()), (made,), (made.x,), (made.y,))


def test_cycles_of_a_spill_alone() -> None:
    """Every beat comes later by its wait; wide ones take several cycles; the last of a group lets all of it out."""
    narrow, wide = cell(16, 4, 64, 1000), cell(96, 4, 64, 1000)
    near, far = (frame_ends(alone(narrow, n), 3) for n in (10, 35))
    assert list(far - near) == [50, 50, 50]
    assert list(np.diff(near)) == [64, 64]
    assert list(np.diff(frame_ends(alone(wide, 10), 3))) == [3 * 64, 3 * 64]
    # Beats of a frame of 64 come in words of two: no difference to the last beat, one cycle to the first.
    single = replace(
        narrow, inputs={"x": replace(narrow.x, bits=8)}, outputs={"y": replace(narrow.y, bits=8)}
    )
    assert single.group == 1
    assert frame_ends(alone(single, 10), 1)[0] == near[0] - 1


def test_a_frame_that_memory_gives_early_sets_no_pace() -> None:
    """The next one comes in its own time: the pace is longer than predicted only where a frame is late."""
    net = alone(cell(4, 4, 64, 2000), 60)
    known = predict(net)
    due = frame_ends(net, 12)
    assert (np.diff(due)[4:] == known.interval).all()

    def said(moved: dict[int, int]) -> Any:
        ends = due.copy()
        for frame, cycles in moved.items():
            ends[frame] += cycles
        pace = int(ends[-1] - ends[-2])
        found = RunResult(
            (), int(ends[0]), pace, np.diff(ends), (ends,), np.zeros((12, 2), np.int64), int(ends[-1]), {}
        )
        return settled(found, net, known)

    assert said({}) == known.interval
    assert said({10: -7}) is None
    assert said({11: -7}) == known.interval - 7
    assert said({11: 7}) == known.interval + 7, "late"


def lowered(parsed: Any, latency: int) -> Any:
    plan = fold_with_skips(parsed.graph, {"up1_concat": "dram"}, Wanted(4096))
    return sized_netlist(replace(plan, device=replace(ZCU102, dram_latency=latency)))


def test_latency_is_hidden_until_it_is_longer_than_what_waits(parsed: Any) -> None:
    """Every frame ends alike whether memory answers at once or late, as long as nothing waits for it."""
    near, far, beyond = (lowered(parsed, n) for n in (1, 400, 4000))
    assert list(frame_ends(near, 12)) == list(frame_ends(far, 12))
    assert predict(near).interval == predict(far).interval == 4096
    assert predict(beyond).latency > predict(far).latency + 4000
    assert predict(beyond).interval == 4096
    depth = [c.depth for n in (near, far, beyond) for c in spills(n)]
    assert depth[0] <= depth[1] < depth[2], "what waits longer needs more room"


def test_what_dram_cannot_do_is_refused(parsed: Any) -> None:
    with pytest.raises(BadInput) as error:
        fold_with_skips(parsed.graph, "dram", Wanted(4096, device=replace(ZCU102, dram_gbps=0.0)))
    assert str(error.value) == (
        "skips: must not be 'dram' for XCZU9EG, of whose memory nothing is known; use 'bram' or 'late'"
    )
    with pytest.raises(OverBudget) as over:
        fold_with_skips(parsed.graph, "dram", Wanted(256, {"dram": 0.05}))
    assert str(over.value) == (
        "up2_concat, up1_concat: skips in DRAM must move at most 0.64 GB/s, not 1.5; give some another home, or take "
        "a longer target_interval"
    )
    with pytest.raises(OverBudget, match=r"at most 0\.0061 GB/s, not 0\.094;"):
        fold_with_skips(parsed.graph, "dram", Wanted(4096, {"dram": 0.0061 / 12.8}))
    with pytest.raises(BadInput) as slow:
        fold_with_skips(parsed.graph, "dram", Wanted(4096, device=replace(ZCU102, dram_latency=465)))
    assert str(slow.value) == (
        "skips: must not be 'dram' where XCZU9EG's memory answers after more than 464 cycles, not 465 "
        "(`dram_latency`), of which no more are hidden; use 'bram' or 'late', or a slower clock"
    )
    assert fold_with_skips(
        parsed.graph, "dram", Wanted(4096, device=replace(ZCU102, dram_latency=464))
    ).graph.spilled
    n = builder.NetlistBuilder(Graph("g", (), (), ()), layer="join")
    with pytest.raises(UnsupportedLayer) as many:
        for k in range(9):
            n.spill(n.wire(f"x{k}", lanes=1, bits=8, signed=False, beats=16))
    assert str(many.value) == "join: at most 8 skips may be in DRAM, not more; give some another home"


def joined(times: int) -> Any:
    """A join that reads a skip of 23 x 23 pixels of 5 channels of 4 bits so many times."""
    keras, q = frameworks.keras(), frameworks.qkeras()
    first = keras.Input((23, 23, 5))
    x = skip = q.QActivation("quantized_relu(4,1)")(q.QActivation("quantized_bits(8,3,1)")(first))
    x = q.QActivation("quantized_relu(4,1)")(q.QConv2D(5, 3, padding="same", kernel_quantizer="quantized_bits(4,1,0)",
                                                       use_bias=False, kernel_initializer="ones")(x))  # fmt: skip
    return parse(keras.Model(first, keras.layers.Concatenate(name="join")([skip] * times + [x])))


def test_the_budget_counts_words_and_every_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """No two of 23 x 23 pixels share a word, so 20 bits move as 128; and a skip that is read twice moves twice."""
    assert (packed(20, 529), packed(20, 528), packed(129, 529)) == ((1, 1), (6, 1), (1, 2))
    tried: list[bool] = []
    monkeypatch.setattr(homes, "fold_within", lambda graph, **_: tried.append(bool(graph.spilled)))
    monkeypatch.setattr(homes, "fold_for", lambda *_, **__: None)
    for times, moves in ((1, "8.0"), (2, "16.0")):
        graph = joined(times).graph
        with pytest.raises(OverBudget, match=f"^join: .* at most 6.4 GB/s, not {moves}; "):
            fold_with_skips(graph, "dram", Wanted(529, {"dram": 0.5}))
        tried.clear()
        fold_with_skips(graph, "auto", Wanted(4096, device=replace(ZCU102, dram_ports=1)))
        assert any(tried) == (times == 1), "a port for every time"


def test_the_report_adds_what_a_join_reads_twice(tmp_path: Path) -> None:
    design = rtl4ml.convert(joined(2).model, out=tmp_path, target_interval=1058, skips="dram")
    assert [c.traffic for c in spills(design.netlist)] == [2 * 529 * 16] * 2
    (found,) = design.report()["skips"]["homes"]
    assert (found["home"], found["dram_bytes"]) == ("dram", 2 * 2 * 529 * 16)


def nested() -> Any:
    """A join whose skip leads to another join: what is computed late for it has that join's skip a second time."""
    keras, q = frameworks.keras(), frameworks.qkeras()

    def conv(x: Any) -> Any:
        made = q.QConv2D(4, 3, padding="same", kernel_quantizer="quantized_bits(4,1,0)", use_bias=False,
                         kernel_initializer="ones")(x)  # fmt: skip
        return q.QActivation("quantized_relu(4,1)")(made)

    first = keras.Input((16, 16, 4))
    a = conv(q.QActivation("quantized_bits(4,1,1)")(first))
    b = conv(keras.layers.Concatenate(name="inner")([a, conv(a)]))
    return keras.Model(first, keras.layers.Concatenate(name="outer")([b, conv(conv(b))]))


def test_a_join_that_is_computed_again_has_its_skip_in_dram_again(tmp_path: Path) -> None:
    """Its copy too, which counts: exact, and the report adds what both move."""
    network, homes_of = nested(), {"inner": "dram", "outer": "late"}
    design = rtl4ml.convert(network, out=tmp_path, target_interval=4096, skips=homes_of)
    x = samples(design, 3, np.random.default_rng(4))
    run = design.simulate(x)
    np.testing.assert_array_equal(run.y, expected(design.parsed, x)[0])
    assert len(np.unique(run.y)) > 1 and run.interval == design.cycles.interval
    assert run.latency <= design.cycles.latency, "a bound: less waits than memory may take"
    assert [join for join, _ in design.plan.graph.spilled] == ["inner", "inner_for_outer"]
    assert [c.layer for c in spills(design.netlist)] == ["inner", "inner_for_outer"]
    found = {entry["join"]: entry for entry in design.report()["skips"]["homes"]}
    assert (found["outer"]["home"], found["inner"]["home"]) == ("late", "dram")
    assert found["inner"]["dram_bytes"] == 2 * 2 * 16 * 16 * 2
    with pytest.raises(OverBudget, match=r"^inner, inner_for_outer: .* not 0\.12; "):
        fold_with_skips(parse(load(network)).graph, homes_of, Wanted(4096, {"dram": 0.12 / 12.8}))


def test_auto_takes_late_before_dram_and_dram_within_its_budget(
    parsed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[bool, list[tuple[set[str], set[str]]]] = {False: [], True: []}

    def within(graph: Graph, *, hasty: bool, **_: Any) -> Plan | None:
        assert hasty or not asked[True], "faster levels come last"
        late = {op.name.rpartition("_for_")[2] for op in graph.ops if "_for_" in op.name}
        asked[hasty].append((late, {join for join, _ in graph.spilled}))
        return None

    def folded(graph: Graph, **_: Any) -> Plan:
        raise OverBudget("no")

    monkeypatch.setattr(homes, "fold_within", within)
    monkeypatch.setattr(homes, "fold_for", folded)

    def auto(wanted: Wanted) -> list[tuple[set[str], set[str]]]:
        asked.update({False: [], True: []})
        with pytest.raises(OverBudget, match=r"^no$"):
            fold_with_skips(parsed.graph, "auto", wanted)
        assert asked[True] == asked[False]
        return asked[False]

    one, two = "up1_concat", "up2_concat"
    no: set[str] = set()
    assert auto(Wanted(4096)) == [(no, no), ({one}, no), (no, {one}), ({one, two}, no), (no, {one, two})]
    # The first of them moves 0.063 GB/s at that interval, the second half as much; 0.07 are left to them.
    assert auto(Wanted(4096, {"dram": 0.0055}))[-1] == ({two}, {one})
    assert auto(Wanted(4096, device=replace(ZCU102, dram_ports=1)))[-1] == ({two}, {one})
    for device in (replace(ZCU102, dram_gbps=0.0), replace(ZCU102, dram_latency=465)):
        assert auto(Wanted(4096, device=device)) == [(no, no), ({one}, no), ({one, two}, no)]


@pytest.mark.gate
def test_the_driver_on_a_simulated_board(tmp_path: Path) -> None:
    """Counts to a mask, both skips in memory that the driver reserves, with stalls."""
    network = model()
    network.save(tmp_path / "m.keras")
    (tmp_path / "m.json").write_text('{"input": {"counts": {"dtype": "uint8", "scale_log2": 8}}}')
    options = {"target_interval": 4096, "skips": "dram", "output": "mask", "threshold": 0.5}
    design = rtl4ml.convert(tmp_path / "m.keras", out=tmp_path / "d", **options)
    board = design.board()
    conf = (board.folder / "vivado/project.conf").read_text()
    assert "spill s0_axi S_AXI_HP1_FPD saxihp1_fpd_aclk SAXIGP3/HP1_*" in conf
    assert "spill_memory s1_axi SAXIGP5/HP3_DDR_LOW 0x0 0x80000000" in conf
    assert "ps_set CONFIG.PSU__USE__S_AXI_GP5 1" in conf
    size = board.shell.spill_bytes
    assert size == 4096 + spills(design.netlist)[1].ring * 16
    assert (
        f"Skips wait in memory, {size:,} bytes that the driver reserves"
        in (board.folder / "README.md").read_text()
    )
    assert f".spill_bytes = {size}," in (board.folder / "host/r4_design.h").read_text()
    counts = np.load(board.folder / "selftest/counts.npy")
    for stalls in (False, True):
        run = board.simulate(counts, "bil", stalls=stalls, seed=3)
        assert run.mismatches == 0
        np.testing.assert_array_equal(run.result, np.load(board.folder / "selftest/result.npy"))


def test_a_board_without_ports_for_skips_is_refused(tmp_path: Path) -> None:
    design = rtl4ml.convert(model(), out=tmp_path, target_interval=4096, skips={"up1_concat": "dram"})
    with pytest.raises(BadInput) as error:
        design.board(board="kv260")
    assert str(error.value) == (
        "up1_concat: a design for kv260 must have at most 0 skips in DRAM, not 1; give others another home by skips"
    )
