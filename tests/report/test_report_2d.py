# SPDX-License-Identifier: Apache-2.0
"""The report of a segmentation design: levels and skips, where FIFOs stand, masks, DSP48E2, what is too much."""

from __future__ import annotations

import base64
import importlib.util
import io
import re
from collections import Counter
from dataclasses import replace
from importlib.resources import files
from itertools import combinations, pairwise, permutations
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import jsonschema
import numpy as np
import pages
import pytest
import report_example as example
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rtl4ml.cells.streams import Fifo
from rtl4ml.device import Resources
from rtl4ml.folding.by_hand import reuse_factors
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.op import Op
from rtl4ml.ir.types import Stream
from rtl4ml.lowering.registry import narrowest_plan
from rtl4ml.netlist.netlist import Netlist
from rtl4ml.ops.merge import Add, Concat
from rtl4ml.ops.pool import Pool
from rtl4ml.ops.shape import Reshape, UpSample
from rtl4ml.report import extras, fifo_places, layers, page, pictures, verdicts
from rtl4ml.report.extras import Extras, FifoPlace, Products
from rtl4ml.report.figures import canvas, levels, maps, pipeline
from rtl4ml.report.figures.canvas import Edge, Stage
from rtl4ml.report.figures.maps import Frames
from rtl4ml.report.subject import Part
from rtl4ml.synthesis.yosys import units
from rtl4ml.timing.sizing import sized_netlist

KINDS = pytest.mark.parametrize("narrow", [False, True], ids=["wide", "narrow"])


def picture(stages: list[Stage], edges: list[Edge], narrow: bool) -> ElementTree.Element:
    return ElementTree.fromstring(str(levels.picture(stages, edges, narrow=narrow)))


def words(root: ElementTree.Element) -> list[str]:
    return [t.text or "" for t in root.iter("text")]


# Levels


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_a_unet_has_levels(depth: int):
    stages, edges = example.students(depth)
    found = levels.levels(stages, edges)
    assert found is not None and found.depth == depth
    names = [[r.name for r in b.rows] for b in found.blocks]
    assert names[0] == ["down1_1_dw", "down1_1_pw", "down1_2_dw", "down1_2_pw"]
    assert names[1][0] == "pool1"
    assert names[depth] == [
        f"pool{depth}",
        *(f"down{depth + 1}_{k}_{c}" for k in (1, 2) for c in ("dw", "pw")),
    ]
    assert names[-1] == ["up1_concat", "up1_1_dw", "up1_1_pw", "up1_2_dw", "up1_2_pw", "logits"]
    assert [e.source for e in found.skips] == [f"down{k}_2_pw_relu" for k in range(1, depth + 1)]
    assert (found.steps[0].source, found.steps[-1].target) == ("input", "output")


def test_all_85_operators_are_in_nine_boxes():
    stages, edges = example.students()
    assert len(stages) == 85
    found = levels.blocks(stages, edges)
    assert len(found) == 9
    assert [s.name for b in found for s in b.stages] == [s.name for s in stages]


def test_a_row_is_a_layer_with_what_multiplies_nothing_behind_it():
    stages, edges = example.students(1)
    rows = {r.name: r for b in levels.blocks(stages, edges) for r in b.rows}
    assert [s.name for s in rows["down2_2_pw"].stages] == ["down2_2_pw", "down2_2_pw_relu", "up1_repeat"]
    slow = replace(stages[1], interval=300_000)
    assert stages[1].name == "down1_1_dw_relu"
    rows = {r.name: r for b in levels.blocks([stages[0], slow, *stages[2:]], edges) for r in b.rows}
    assert rows["down1_1_dw"].interval == 300_000
    rows = {r.name: r for b in levels.blocks([replace(s, macs=None) for s in stages], edges) for r in b.rows}
    assert len(rows) == len(stages)  # what is not known stands for itself


def test_what_multiplies_nothing_stands_for_itself_ahead_of_a_layer():
    stages = [Stage(name=n, op="x", macs=m) for n, m in (("a", 0), ("b", 0), ("c", 7), ("d", 0), ("e", 0))]
    edges = [Edge(source=a.name, target=b.name) for a, b in pairwise(stages)]
    (block,) = levels.blocks(stages, edges)
    assert [[s.name for s in r.stages] for r in block.rows] == [["a"], ["b"], ["c", "d", "e"]]


def test_unknown_intervals_are_not_guessed():
    row = levels.Row((Stage(name="a", op="Conv", interval=5), Stage(name="b", op="Activation")))
    assert row.interval is None


def others() -> dict[str, tuple[list[Stage], list[Edge]]]:
    stages, edges = example.students(2)
    chain = example.chain()
    crossed = [e for e in edges if not e.target.endswith("_concat")]
    crossed += [e for e in edges if e.target.endswith("_concat") and e.source.endswith("_repeat")]
    crossed += [
        Edge(source="down1_2_pw_relu", target="up2_concat"),
        Edge(source="down2_2_pw_relu", target="up1_concat"),
    ]
    two = [Stage(name=n, op="Conv") for n in "abcd"]
    parallel = [("in", "a"), ("a", "b"), ("a", "c"), ("b", "d"), ("c", "d"), ("d", "out")]
    row = [Stage(name=n, op="Add") for n in "abcde"]
    residual = [*pairwise(("in", *"abcde", "out")), ("a", "c"), ("c", "e")]
    return {
        "chain": chain,
        "crossed": (stages, crossed),
        "one more skip": (stages, [*edges, Edge(source="pool1", target="up1_concat")]),
        "skip from the input": (stages, [*edges, Edge(source="input", target="up1_concat")]),
        "two outputs": (stages, [*edges, Edge(source="pool1", target="output_2")]),
        "input to output": (stages, [*edges, Edge(source="input", target="output")]),
        "parallel": (two, [Edge(source=a, target=b) for a, b in parallel]),
        "residual": (row, [Edge(source=a, target=b) for a, b in residual]),
    }


@pytest.mark.parametrize("name", others())
@KINDS
def test_other_graphs_are_drawn_with_arcs(name: str, narrow: bool):
    stages, edges = others()[name]
    assert levels.levels(stages, edges) is None
    svg = levels.picture(stages, edges, narrow=narrow)
    assert svg == pipeline.draw(stages, edges, columns=1 if narrow else 4)


@given(st.lists(st.sampled_from([None, 0, 7]), min_size=1, max_size=12))
def test_every_stage_is_in_one_row(macs: list[int | None]):
    stages = [Stage(name=str(k), op="x", macs=m) for k, m in enumerate(macs)]
    edges = [Edge(source=a.name, target=b.name) for a, b in pairwise(stages)]
    found = levels.blocks(stages, edges)
    assert len(found) == 1
    assert [s for r in found[0].rows for s in r.stages] == stages
    for r in found[0].rows:
        assert all(s.macs == 0 for s in r.stages[1:])


@pytest.mark.parametrize("depth", [1, 2, 4, 9])
@KINDS
def test_levels_lie_well(depth: int, narrow: bool):
    stages, edges = example.students(depth, blocks=1 + depth % 2)
    root = picture(stages, edges, narrow)
    _, boxes = pages.shapes(ElementTree.tostring(root, encoding="unicode"))
    width, height = (float(v) for v in root.get("viewBox", "").split()[2:])
    assert len(boxes) == 2 * depth + 1 + 2
    for x, y, w, h in boxes:
        assert x >= 0 and y >= 0 and x + w <= width and y + h <= height
    for (x, y, w, h), (u, v, s, t) in combinations(boxes, 2):
        assert x + w <= u or u + s <= x or y + h <= v or v + t <= y
    paths = [
        (e.get("class"), pages.corners(e.get("d", ""))) for e in root.iter("path") if e.get("marker-end")
    ]
    assert Counter(c for c, _ in paths) == {"skip": depth, "edge": 2 * depth + 2}

    def near(x: float, y: float) -> int:
        return sum(u - 2 <= x <= u + s + 2 and v - 2 <= y <= v + t + 2 for u, v, s, t in boxes)

    for _, points in paths:
        assert near(*points[0]) == near(*points[-1]) == 1
        for (ax, ay), (bx, by) in pairwise(points):
            assert min(ax, bx) >= 0 and max(ax, bx) <= width
            assert min(ay, by) >= 0 and max(ay, by) <= height
            for x, y, w, h in boxes:
                assert not (
                    min(ax, bx) < x + w and max(ax, bx) > x and min(ay, by) < y + h and max(ay, by) > y
                )
    for (_, p), (_, q) in permutations(paths, 2):
        for (ax, ay), (bx, by) in pairwise(p):
            for (cx, cy), (dx, dy) in pairwise(q):
                level = ay == by == cy == dy and min(ax, bx) < max(cx, dx) and min(cx, dx) < max(ax, bx)
                upright = ax == bx == cx == dx and min(ay, by) < max(cy, dy) and min(cy, dy) < max(ay, by)
                assert not level and not upright, (p, q)
                over = sorted((ax, bx))[0] < cx < sorted((ax, bx))[1] and cx == dx and ay == by
                assert not (over and min(cy, dy) < ay < max(cy, dy)), (p, q)


@KINDS
def test_levels_say_intervals_fifos_and_the_bottleneck(narrow: bool):
    stages, edges = example.students()
    root = picture(stages, edges, narrow)
    said = words(root)
    assert said.count("bottleneck") == 1
    hot = [g for g in root.iter("g") if g.get("class") == "row hot"]
    assert [t.text for g in hot for t in g.iter("text")][:2] == ["262,144", "up1_2_pw"]
    for s in stages:
        if s.macs:
            assert s.name in said
    if narrow:
        assert "64 bit × 16,000 deep · block RAM · peak 15,991" in said
        assert {"Encoder 1", "Encoder 4", "Bottom", "Decoder 1"} < set(said)
    else:
        at = said.index("64 bit × 16,000 deep")
        assert said[at + 1] == "1,024,000 bits · block RAM · peak 15,991"
        assert "Simd 9 · Pe 4" in said
        assert {"Encoder", "Skip connections", "Decoder"} < set(said)
    assert {"128 × 128", "8 × 8"} < set(said)
    assert root.get("aria-label") == (
        "Pipeline of 85 stages, bottleneck up1_2_pw at 262,144 cycles, 5 levels, 4 skip connections"
    )
    titles = [t.text for t in root.iter("title")]
    assert "down1_1_dw: Depthwise, 200,000 cycles; down1_1_dw_relu: Activation, 199,000 cycles" in titles
    assert "down1_2_pw_relu to up1_concat, 64 bits wide, FIFO of 16,000, block RAM, peak 15,991" in titles


def test_other_stages_as_slow_as_the_bottleneck_are_counted():
    r, e = example.ships()
    words = "The bottleneck is the first of"
    assert words not in pages.page(r, e).text
    stages = [replace(s, interval=262_144) if s.op == "Conv" else s for s in e.stages]
    assert f"{words} 19 stages that need as many cycles." in pages.page(r, replace(e, stages=stages)).text
    hot = [g for g in picture(stages, e.edges, narrow=False).iter("g") if g.get("class") == "row hot"]
    assert len(hot) == 1
    none = [replace(s, bottleneck=False) for s in stages]
    assert words not in pages.page(r, replace(e, stages=none)).text


@KINDS
def test_levels_of_unknown_numbers(narrow: bool):
    stages = [Stage(name=n, op="Conv") for n in ("n" * 90, "b", "c")]
    names = ("i" * 90, *(s.name for s in stages), "o" * 90)
    edges = [Edge(source=a, target=b) for a, b in pairwise(names)]
    edges.append(Edge(source="n" * 90, target="c", width=8, depth=4))
    said = words(picture(stages, edges, narrow))
    assert said.count("not known") == 3
    assert "8 bit × 4 deep" in said
    assert not any("None" in w for w in said)


def test_skip_labels_say_as_much_as_there_is_room_for():
    e = Edge(source="a", target="b", width=64, depth=9_000, peak=8_991, memory="LUT")
    full = "64 bit × 9,000 deep · LUT RAM · peak 8,991"
    assert canvas.skip_text(e, canvas.label_width(full)) == full
    assert canvas.skip_text(e, canvas.label_width(full) - 1) == "64 bit × 9,000 deep"
    assert canvas.detail(replace(e, peak=None)) == "LUT RAM"
    assert canvas.detail(replace(e, memory=None)) == "peak 8,991"


# FIFOs and their streams


def ladder(x: Stream) -> tuple[Op, ...]:
    """The stream and what is left of it after a pool, joined."""
    pool = Pool(name="pool", inputs=(x,), mode="max", size=(2, 2), stride=(2, 2))
    up = UpSample(name="up", inputs=(pool.output,), factor=(2, 2))
    return pool, up, Concat(name="join", inputs=(up.output, x))


def netlist(*ops: Op) -> Netlist:
    return sized_netlist(narrowest_plan(Graph("g", ops[0].inputs[:1], ops, (ops[-1].output,))))


def standing(net: Netlist) -> dict[tuple[str, str, int], list[str]]:
    """Names of the FIFOs on every stream, which is numbered where several have the same ends."""
    found = fifo_places.placed(net)
    ends = fifo_places.streams(net.graph)
    return {
        (*ends[k], ends[:k].count(ends[k])): [n for n, at in found.items() if at == k]
        for k in range(len(ends))
    }


X = Stream.covering("x", (6, 8, 2), 0, 15, 0)


def test_both_inputs_of_a_join_have_their_own_fifo():
    net = netlist(*ladder(X))
    depth = {c.name: c.depth for c in net.cells if isinstance(c, Fifo)}
    stands = standing(net)
    (long,), (short,) = stands["x", "join", 0], stands["up", "join", 0]
    assert depth[long] > 2 * depth[short]  # rows of x wait for the pool
    assert len(stands["x", "pool", 0]) == len(stands["pool", "up", 0]) == 1
    assert sum(map(len, stands.values())) == len(depth) == len({n for v in stands.values() for n in v})


def test_streams_with_the_same_ends_have_their_own_fifos():
    stands = standing(netlist(Add(name="twice", inputs=(X, X))))
    assert len(stands["x", "twice", 0]) == len(stands["x", "twice", 1]) == 1
    assert stands["x", "twice", 0] != stands["x", "twice", 1]


def test_fifos_behind_wires_are_on_the_stream_that_they_stand_on():
    flat = Reshape(name="flat", inputs=(X,), shape=(6, 8, 2))
    pool = Pool(name="pool", inputs=(flat.output,), mode="max", size=(2, 2), stride=(2, 2))
    stands = standing(netlist(flat, pool))
    assert len(stands["flat", "pool", 0]) == 1
    assert stands["x", "flat", 0] == []
    assert len(stands["pool", "output", 0]) == 1


def test_fifos_within_an_operator_stand_on_no_stream():
    net = netlist(*ladder(X))
    inner = next(c for c in net.cells if c.layer == "pool" and not isinstance(c, Fifo))
    wire = replace(inner.x, name="inner")
    fifo = Fifo(name="u_inner", inputs={"x": inner.x}, outputs={"y": wire}, layer="pool")
    at = net.cells.index(inner)
    after = [c for c in net.cells[:at] if inner.x.name in {w.name for w in c.outputs.values()}]
    assert isinstance(after[0], Fifo)  # the one on the stream, before which a cell of the operator is put
    name = next(iter(inner.inputs))
    first = replace(
        inner, name="u_first", outputs={next(iter(inner.outputs)): replace(inner.y, name="first")}
    )
    fifo = replace(fifo, inputs={"x": first.y})
    second = replace(inner, inputs={name: wire})
    changed = replace(net, cells=(*net.cells[:at], first, fifo, second, *net.cells[at + 1 :]))
    assert "u_inner" not in fifo_places.placed(changed)
    assert fifo_places.placed(net).keys() == fifo_places.placed(changed).keys()


def test_skips_are_streams_beside_a_longer_way():
    of = [("x", "a"), ("a", "b"), ("b", "c"), ("a", "c"), ("x", "c"), ("c", "output")]
    assert fifo_places.skips(of) == {3, 4}
    parallel = [("x", "a"), ("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")]
    assert fifo_places.skips(parallel) == set()
    assert fifo_places.skips([("x", "a"), ("x", "a")]) == set()


def test_table_of_fifos_says_where_they_stand():
    r, e = example.ships()
    rows = pages.table(pages.page(r, e), "fifos")
    assert len(rows) == len(r["fifos"])
    assert rows[0] == [
        "u_down4_2_pw_relu_up4_concat_f skip",
        "down4_2_pw_relu",
        "up4_concat",
        "block RAM",
        "64",
        "2,000",
        "128,000",
        "1,991",
    ]
    assert ["skip" in row[0].split() for row in rows] == [True] * 4 + [False] * (len(rows) - 4)
    assert rows[4] == ["u_input_down1_1_dw_f", "input", "down1_1_dw", "LUT RAM", "32", "2", "64", "2"]
    text = pages.page(r, e).text
    bits = sum(f["width"] * f["depth"] for f in r["fifos"])
    assert f"90 FIFOs of {bits:,} bits in all, 1,920,000 of them on 4 skip connections, listed first." in text


def test_fifos_without_a_place():
    r, e = example.ships()
    rows = pages.table(pages.page(r, replace(e, fifos=e.fifos[:3])), "fifos")
    assert rows[-1][1:4] == ["not known"] * 3
    rows = pages.table(pages.page(r, replace(e, fifos=())), "fifos")
    assert len(rows[0]) == 4


# The design's own report


def test_report_of_a_design(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    net = netlist(*ladder(X))
    fifos = [c for c in net.cells if isinstance(c, Fifo)]
    long = next(c for c in fifos if c.name == standing(net)["x", "join", 0][0])
    short = next(c for c in fifos if c.name == standing(net)["up", "join", 0][0])
    design: Any = SimpleNamespace(
        graph=net.graph,
        plan=net.plan,
        netlist=net,
        fifos=fifos,
        cycles=SimpleNamespace(
            bottleneck=next(c.name for c in net.cells if c.layer == "join" and c.module == "r4_concat"),
            cells={c.name: c.timing().slots for c in net.cells},
        ),
        parts=[],
        reuse=reuse_factors(net.plan),
        peaks={long.name: long.depth - 1},
        refusals=(),
        parsed=SimpleNamespace(declared=False),
        reference=None,
    )
    e = pictures.pictures(design, Extras())
    edges = {(d.source, d.target): d for d in e.edges}
    want = Edge(
        source="x",
        target="join",
        width=long.x.width,
        depth=long.depth,
        peak=long.depth - 1,
        memory="block" if long.block else "LUT",
    )
    assert edges["x", "join"] == want
    assert (edges["up", "join"].depth, edges["up", "join"].peak) == (short.depth, None)
    assert {p.name for p in e.fifos if p.skip} == {long.name}
    assert {p.name: (p.source, p.target) for p in e.fifos}[long.name] == ("x", "join")
    assert [s.shape for s in e.stages] == [(3, 4, 2), (6, 8, 2), (6, 8, 4)]
    assert [s.bottleneck for s in e.stages] == [False, False, True]


def test_the_streams_around_the_operators_have_an_interval():
    net = netlist(*ladder(X))
    cells = {c.name: c.timing().slots for c in net.cells}
    parts = [
        Part(u.layer, u.module, u.cell.slots, u.cell.multipliers, None, Resources(lut=1))
        for u in units(net, frames_in_flight=4)
        if u.cell is not None
    ]
    design: Any = SimpleNamespace(
        graph=net.graph,
        plan=net.plan,
        netlist=net,
        cycles=SimpleNamespace(cells=cells, bottleneck=max(cells, key=lambda name: cells[name])),
        parts=parts,
        reuse=reuse_factors(net.plan),
        fifos=[],
        refusals=(),
        parsed=SimpleNamespace(declared=False),
        reference=None,
    )
    operators = {op.name for op in net.graph.ops}
    found = [(d["name"], d["op"], d["interval"]) for d in layers.layers(design)]
    assert [line for line in found if line[0] not in operators] == [
        ("s_axis", "Input stream", net.input.beats),
        ("m_axis", "Output stream", net.output.beats),
        ("edges", "AXI4-Stream ports", max(net.input.beats, net.output.beats)),
    ]
    # A stream is not named where an operator takes as long.
    design.cycles.bottleneck = next(c.name for c in net.cells if c.layer == "m_axis")
    cells[design.cycles.bottleneck] = max(cells.values())
    marked = [s for s in pictures.pictures(design, Extras()).stages if s.bottleneck]
    assert len(marked) == 1
    assert marked[0].interval == max(cells.values())


def test_report_of_a_converted_unet(tmp_path: Path, rng: np.random.Generator):
    import rtl4ml

    path = Path(str(files("rtl4ml.models").joinpath("unet.py")))
    spec = importlib.util.spec_from_file_location("unet", path)
    assert spec is not None and spec.loader is not None
    unet = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(unet)
    model = unet.build(widths=(2, 3, 4), size=(8, 12), weight_bits=4, activation_bits=4)
    model.set_weights([np.abs(rng.normal(0.5, 0.2, w.shape)) for w in model.get_weights()])
    design = rtl4ml.convert(model, tmp_path / "u", target_interval=600, output="mask", threshold=0.5)
    x = rng.random((3, 8, 12, 3))
    y = design.emulate(x)
    truth = rng.random((3, 8, 12)) < 0.5
    shown = pictures.frames(x, y, truth)
    accuracy = verdicts.segmentation(shown.masks, truth, dataset="noise", split="all")
    found = design.report(accuracy=accuracy, extras=Extras(sample="frame", frames=shown))
    jsonschema.validate(found, pages.SCHEMA)
    assert (
        found["accuracy"]["iou"]
        == (y[..., 0].astype(bool) & truth).sum() / (y[..., 0].astype(bool) | truth).sum()
    )
    p = pages.Page((tmp_path / "u" / "report.html").read_text(encoding="utf-8"))
    assert len(p.all("img")) == 6
    rows = pages.table(p, "fifos")
    assert [row[1:3] for row in rows if row[0].endswith(" skip")] == [
        ["down2_2_pw_relu", "up2_concat"],
        ["down1_2_pw_relu", "up1_concat"],
    ]
    stands = {row[0].split()[0]: tuple(row[1:3]) for row in rows}
    assert len(stands) == len(design.fifos)
    assert ("up1_repeat", "up1_concat") in stands.values()  # beside its skip
    inner = [name for name, (a, b) in stands.items() if a == b]
    assert inner == []
    label = next(a["aria-label"] for a, _ in p.all("svg"))
    assert "3 levels, 2 skip connections" in label


def test_products_are_counted_where_there_are_dsps():
    def part(layer: str, multipliers: int, dsps: int | None = None, predicted: int = 1) -> Part:
        return Part(layer, "r4_mvu", 1, multipliers, dsps, Resources(dsp=predicted))

    parts = [
        part("a", 64, dsps=16),
        part("a", 8, dsps=8),
        part("b", 32, dsps=0),  # in LUTs
        part("c", 0),
        part("d", 9, predicted=3),  # a cell that does not say: as the model has it
        part("edges", 0, predicted=0),
    ]
    design: Any = SimpleNamespace(parts=parts)
    assert pictures.products(design) == [
        Products(layer="a", products=72, dsps=24),
        Products(layer="d", products=9, dsps=3),
    ]


@pytest.mark.parametrize(("behind", "then"), [("", ""), ("own", ", then by the model's own quantizer own")])
def test_the_reference_names_what_the_input_passes_first(
    behind: str, then: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(layers, "layers", lambda _design: [])
    net = netlist(*ladder(X))
    design: Any = SimpleNamespace(
        graph=net.graph,
        netlist=net,
        cycles=SimpleNamespace(bottleneck=next(c.name for c in net.cells if c.layer == "join")),
        fifos=[],
        parts=[],
        reuse=reuse_factors(net.plan),
        plan=net.plan,
        refusals=(),
        parsed=SimpleNamespace(
            declared=True, behind=behind, quantizers=(SimpleNamespace(name="ap_fixed<6,1,AP_TRN>"),)
        ),
    )
    said = pictures.pictures(design, Extras(reference="R")).reference
    assert said == f"R, of inputs brought to ap_fixed<6,1,AP_TRN> first, by AP_TRN,AP_WRAP{then}"


# Resources


def test_products_of_a_dsp_are_said():
    r, e = example.ships()
    e = replace(
        e,
        products=[
            Products(layer="up1_1_dw", products=90, dsps=30),
            replace(e.products[0], products=48, dsps=12),
        ],
    )
    p = pages.page(r, e)
    assert (
        "Products at once in DSP48E2 138 DSP48E2 that make them 42 Products that each DSP48E2 makes 3.29"
        in p.text
    )
    assert "Products at once in LUTs 494" in p.text  # of 632
    r["efficiency"]["multipliers"] = 138
    assert "Products at once in LUTs" not in pages.page(r, e).text
    rows = {row[0]: row[-1] for row in pages.table(p, "layers")}
    assert (rows["up1_1_dw"], rows["down1_1_dw"], rows["pool1"]) == ("3", "4", "–")
    assert "Products in a DSP48E2" not in pages.page(r, replace(e, products=())).text


def test_what_does_not_fit_is_said_first():
    r = example.report()
    r["resources"]["yosys"] = {"lut": 300_000, "ff": 1, "dsp": 3_000, "bram36": 1}
    p = pages.page(r)
    banners = [text for a, text in p.all("p") if a.get("class") == "banner bad"]
    assert banners == [
        "DSP48E2: 480 too many. The design takes 3,000, xczu9eg-ffvb1156-2-e holds 2,520. "
        "By rtl4ml's model most are taken by conv2 (192), dense1 (96), conv1 (24), dense2 (4).",
        "LUT: 25,920 too many. The design takes 300,000, xczu9eg-ffvb1156-2-e holds 274,080. "
        "By rtl4ml's model most are taken by conv2 (5,230), dense1 (2,680), conv1 (1,203), conv2_act (618), "
        "conv1_act (412).",
    ]
    cards = [text for a, text in p.all("li") if a.get("class", "").startswith("verdict")]
    assert cards[0].startswith("✗ Does not fit") and cards[1].startswith("✓ Exact")
    assert p.text.index("480 too many") < p.text.index("Does not fit")
    assert not any(a.get("class") == "banner bad" for a, _ in pages.page(example.report()).all("p"))
    r["layers"] = []
    assert "most are taken by" not in pages.page(r).text


# Masks


def decoded(uri: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2], validate=True))))


def test_png_of_colours(rng: np.random.Generator):
    pixels = rng.integers(0, 256, (7, 5, 3)).astype(np.uint8)
    read = Image.open(io.BytesIO(maps.png_rgb(pixels)))
    assert read.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(read), pixels)
    with pytest.raises(ValueError, match=r"^png: pixels must be a \(H, W, 3\) image, not of shape \(7, 5\)$"):
        maps.png_rgb(pixels[..., 0])


@pytest.mark.parametrize("scale", [1, 3, 8])
def test_outline_is_the_rim_of_the_mask(rng: np.random.Generator, scale: int):
    mask = rng.random((6, 7)) < 0.6
    line = maps.outline(mask, scale)
    large = np.kron(mask, np.ones((scale, scale), int)).astype(bool)
    depth = 2 if scale >= 8 else 1
    for r in range(line.shape[0]):
        for c in range(line.shape[1]):
            near = [
                (r + i, c + j)
                for i in range(-depth, depth + 1)
                for j in range(-depth, depth + 1)
                if abs(i) + abs(j) <= depth
            ]
            rim = any(
                not (0 <= i < large.shape[0] and 0 <= j < large.shape[1]) or not large[i, j] for i, j in near
            )
            assert line[r, c] == (large[r, c] and rim), (r, c)


def test_masks_are_laid_over_their_frames():
    frames = example.frames(np.random.default_rng(0), count=2)
    assert frames.truth is not None
    for k, found in enumerate(maps.frame_pictures(frames)):
        over, beside = decoded(found.mask.uri), decoded(found.beside.uri)
        assert over.shape == beside.shape == (found.mask.height, found.mask.width, 3) == (288, 384, 3)
        image = np.round(frames.images[k] * 255).astype(np.uint8)
        centre = (slice(3, None, 6), slice(3, None, 6))  # of every pixel, six drawn for one
        mask, truth = frames.masks[k], frames.truth[k]
        np.testing.assert_array_equal(over[centre][~mask], image[~mask])
        np.testing.assert_array_equal(beside[centre], image)
        tinted = np.round(0.55 * image[mask] + 0.45 * np.array((255, 176, 0)))
        np.testing.assert_array_equal(over[centre][mask], tinted)
        line = maps.outline(truth, 6)
        assert (beside[line] == (0, 255, 255)).all()
        np.testing.assert_array_equal(beside[~line], image.repeat(6, 0).repeat(6, 1)[~line])
        assert (found.set, found.true) == (mask.sum(), truth.sum()) == (105, 120)
        assert found.iou == 105 / 120


def test_frames_without_truth_stand_beside_their_masks():
    frames = replace(example.frames(np.random.default_rng(0), count=1), truth=None)
    (found,) = maps.frame_pictures(frames)
    assert (found.true, found.iou) == (None, None)
    np.testing.assert_array_equal(
        decoded(found.beside.uri), np.round(frames.images[0] * 255).astype(np.uint8)
    )
    p = pages.page(example.report(), Extras(sample="frame", frames=frames))
    assert "Frame 1 105 pixels set" in p.text
    assert "ground truth" not in p.text.lower()


def test_frames_on_the_page():
    r, e = example.ships()
    jsonschema.validate(r, pages.SCHEMA)
    p = pages.page(r, e)
    assert [a["alt"] for a, _ in p.all("img")][:2] == [
        "Frame 1 with the hardware's mask laid over, 105 of 3,072 pixels",
        "Frame 1 with the ground truth outlined, 120 of 3,072 pixels",
    ]
    assert "Frame 3 105 pixels set, 120 true, IoU 87.5 %" in p.text
    assert "3 frames of ships. Orange: the hardware's mask; cyan: outline of the ground truth." in p.text
    assert "Intersection over union 87.50 % F2 score not run" in p.text
    assert e.frames is not None
    named = replace(e.frames, names=("<b>", "b", "c"), total=1_234)
    p = pages.page(r, replace(e, frames=named, data=extras.Data(name="ships", synthetic=True)))
    assert "3 of 1,234 frames of the synthetic data set ships." in p.text
    assert "Frame <b> synthetic data 105 pixels set" in p.text
    assert all("(synthetic data)" in a["alt"] for a, _ in p.all("img"))
    assert "Accuracy, masks and the samples of every comparison come from" in p.text


@pytest.mark.parametrize(
    ("count", "side", "shown"), [(9, 16, 6), (3, 16, 3), (4, 768, 1), (4, 512, 4), (2, 2_000, 1), (0, 16, 0)]
)
def test_a_page_shows_as_many_frames_as_suit_it(count: int, side: int, shown: int):
    frames = Frames(images=np.zeros((count, side, side, 3)), masks=np.zeros((count, side, side), bool))
    assert len(maps.frame_pictures(frames)) == shown
    if count == 9:
        text = pages.page(example.report(), Extras(frames=frames, sample="frame")).text
        assert "6 of 9 frames. Orange: the hardware's mask." in text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.zeros((2, 4, 5))}, r"images must have the shape \(N, H, W, 3\), not \(2, 4, 5\)"),
        (
            {"images": np.zeros((2, 4, 5, 1))},
            r"images must have the shape \(N, H, W, 3\), not \(2, 4, 5, 1\)",
        ),
        (
            {"images": np.zeros((2, 0, 5, 3))},
            r"images must have the shape \(N, H, W, 3\), not \(2, 0, 5, 3\)",
        ),
        ({"images": np.full((2, 4, 5, 3), 1.01)}, r"images must lie in \[0, 1\]"),
        ({"images": np.full((2, 4, 5, 3), -0.01)}, r"images must lie in \[0, 1\]"),
        ({"images": np.full((2, 4, 5, 3), np.nan)}, r"images must lie in \[0, 1\]"),
        (
            {"masks": np.zeros((2, 4, 5, 1), bool)},
            r"masks must be of bool and shape \(2, 4, 5\), not bool \(2, 4, 5, 1\)",
        ),
        (
            {"masks": np.zeros((2, 4, 5))},
            r"masks must be of bool and shape \(2, 4, 5\), not float64 \(2, 4, 5\)",
        ),
        (
            {"truth": np.zeros((3, 4, 5), bool)},
            r"truth must be of bool and shape \(2, 4, 5\), not bool \(3, 4, 5\)",
        ),
        ({"names": ("a",)}, "there must be 2 names, not 1"),
    ],
)
def test_frames_that_contradict_themselves_are_refused(change: dict[str, Any], message: str):
    right: dict[str, Any] = {"images": np.zeros((2, 4, 5, 3)), "masks": np.zeros((2, 4, 5), bool)}
    Frames(**right)
    with pytest.raises(ValueError, match=f"^frames: {message}$"):
        Frames(**{**right, **change})


def test_frames_of_a_design(rng: np.random.Generator):
    x, y = rng.normal(0.5, 0.5, (3, 4, 5, 3)), rng.normal(0, 1, (3, 4, 5, 1))
    y[0, 0, 0] = 0
    truth = rng.random((3, 4, 5)) < 0.5
    found = pictures.frames(x, y, truth, threshold=0, names=("a", "b", "c"))
    np.testing.assert_array_equal(found.images, np.minimum(np.maximum(x, 0), 1))
    np.testing.assert_array_equal(
        found.masks, np.array([[[v >= 0 for v in r] for r in f] for f in y[..., 0]])
    )
    assert found.truth is not None
    np.testing.assert_array_equal(found.truth, truth)
    masks = (y > 0.3).astype(float)
    np.testing.assert_array_equal(pictures.frames(x, masks).masks, masks[..., 0] == 1)
    grey = pictures.frames(x[..., :1], masks[..., 0])
    np.testing.assert_array_equal(grey.images[..., 2], found.images[..., 0])
    with pytest.raises(
        ValueError, match=r"^frames: images must have the shape \(N, H, W, C\), not \(3, 4, 5\)$"
    ):
        pictures.frames(x[..., 0], y)


@given(st.integers(0, 2**20), st.sampled_from([(1, 3, 4), (2, 2, 2), (3, 1, 5)]))
def test_iou_counts_pixels_of_all_masks(seed: int, shape: tuple[int, ...]):
    rng = np.random.default_rng(seed)
    a, b = rng.random(shape) < 0.4, rng.random(shape) < 0.4
    ones, twos = {tuple(i) for i in np.argwhere(a)}, {tuple(i) for i in np.argwhere(b)}
    want = len(ones & twos) / len(ones | twos) if ones | twos else None
    found = verdicts.segmentation(a, b, dataset="d", split="s")
    assert found == {"dataset": "d", "split": "s", "iou": want, "f2": None}
    r = example.report()
    jsonschema.validate({**r, "accuracy": found}, pages.SCHEMA)


def test_iou_of_other_shapes_is_refused():
    with pytest.raises(
        ValueError, match=r"^masks: must have the shape \(1, 2, 2\) of the true ones, not \(2, 2\)$"
    ):
        verdicts.segmentation(np.zeros((2, 2)), np.zeros((1, 2, 2)), dataset="d")


# The page


def test_names_of_new_parts_are_escaped():
    evil = pages.EVIL
    r, e = example.ships()
    r["fifos"][0]["name"] = evil
    stages = [replace(e.stages[0], name=evil, op=evil), *e.stages[1:]]
    edges = [
        replace(
            d,
            source=evil if d.source == "down1_1_dw" else d.source,
            target=evil if d.target == "down1_1_dw" else d.target,
        )
        for d in e.edges
    ]
    assert levels.levels(stages, edges) is not None
    assert e.frames is not None
    p = pages.page(
        r,
        replace(
            e,
            stages=stages,
            edges=edges,
            fifos=[FifoPlace(name=evil, source=evil, target=evil, memory="LUT", skip=True)],
            frames=replace(e.frames, names=[evil] * 3),
        ),
    )
    assert [n for n, _, _ in p.elements].count("script") == 1
    assert not any("onerror" in a for _, a, _ in p.elements)
    assert all(a["src"].startswith("data:image/png;base64,") for a, _ in p.all("img"))


def test_segmentation_page_says_nothing_of_none():
    r, e = example.ships()
    for f in r["fifos"]:
        f["peak"] = None
    html = page.build(r, e)
    assert not re.search(r"\b(None|nan|inf|Undefined)\b", pages.Page(html).text)
    assert not re.search(r"https?:|@import|<link", html)
