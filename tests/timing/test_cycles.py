# SPDX-License-Identifier: Apache-2.0
"""The compiled stepper against the plain one, and the depths of FIFOs behind forks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from contract import randomize
from designs import DESIGNS
from hypothesis import assume, given
from hypothesis import strategies as st
from steps_reference import frame_ends, step
from students import SMALL, student

import rtl4ml.timing.depths as timing_depths
import rtl4ml.timing.sizing as sizing
from rtl4ml import paces
from rtl4ml.cells.axis import container, edges
from rtl4ml.cells.streams import Fifo
from rtl4ml.cells.window import Window
from rtl4ml.emit import systemverilog
from rtl4ml.errors import UnsupportedLayer
from rtl4ml.folding.explorer import Explorer, fold
from rtl4ml.folding.search import fold_for
from rtl4ml.frontends.qkeras.importer import parse
from rtl4ml.host import frameworks
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.window import Geometry
from rtl4ml.lowering.builder import NetlistBuilder
from rtl4ml.lowering.forks import fork
from rtl4ml.netlist.netlist import Cell, Netlist, Param, Timing
from rtl4ml.ops.conv import Linear
from rtl4ml.simulation import bulk as simulation
from rtl4ml.simulation.bulk import RunResult
from rtl4ml.timing import cycles, first_frames, steady, stepper
from rtl4ml.timing.cycles import predict, unsettled
from rtl4ml.timing.sizing import sized_netlist
from rtl4ml.timing.stepper import Stepper


def unet(rng: np.random.Generator, target: int, **arguments: Any) -> Netlist:
    model = randomize(student("unet").build(**arguments), rng)
    return sized_netlist(fold(parse(model).graph, target_interval=target))


@pytest.fixture(scope="module")
def small() -> Netlist:
    return unet(np.random.default_rng(1), 600, **SMALL)


@pytest.mark.parametrize("name", [n for n in DESIGNS if n not in ("wide",)][:4])
def test_compiled_and_plain_steps_agree(name: str) -> None:
    build, target = DESIGNS[name]
    model = randomize(build(), np.random.default_rng(5))
    netlist = sized_netlist(fold(parse(model).graph, target_interval=target))
    found = predict(netlist)
    assert (found.latency, found.interval) == step(netlist)


@pytest.mark.parametrize("short", [1, 100, 1 << 30])
def test_they_agree_on_a_unet(small: Netlist, short: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However short the periods are that the compiled one keeps of cells which repeat themselves within a frame."""
    monkeypatch.setattr(stepper, "_SHORT", short)
    made = Stepper(small)
    periods = [c.slots for c in made._cells]
    frames = [
        edges(small)[0][0].timing().slots,
        *(c.timing().slots for c in small.cells),
        edges(small)[1][0].timing().slots,
    ]
    assert (sum(periods) < sum(frames)) == (short < 1000)
    assert all(n % p == 0 for n, p in zip(frames, periods, strict=True))
    found = predict(replace(small, settled=None))  # a state that cells of other periods stood in
    assert (found.latency, found.interval) == step(small)


def test_they_agree_on_memories_that_offer_a_cycle_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Block RAM in all FIFOs of more than two entries, full and empty ones among them."""
    for cells in ("streams", "window", "mvu"):
        monkeypatch.setattr(f"rtl4ml.cells.{cells}.is_block", lambda *_: True)
    netlist = unet(np.random.default_rng(1), 600, **SMALL)
    fifos = [c for c in netlist.cells if isinstance(c, Fifo)]
    assert {c.timing().wait for c in fifos} == {1, 2}
    rng = np.random.default_rng(2)
    seen = set()
    for _ in range(6):
        depth = {c.name: max(3, c.slack + 2, c.depth + int(rng.integers(-1, 3))) for c in fifos}
        found = Stepper(netlist).run(depths=depth, frames=6).ends
        other = (replace(c, depth=depth[c.name]) if isinstance(c, Fifo) else c for c in netlist.cells)
        want = frame_ends(replace(netlist, cells=tuple(other)), 8000)
        assert found == tuple(islice(want, max(1, len(found))))
        seen.add(found)
    assert len(seen) > 3, "paces that are all alike prove nothing"


@dataclass(frozen=True, kw_only=True, eq=False)
class Some(Cell):
    """A cell that takes and makes beats in such slots as it is told."""

    module: ClassVar[str] = "some"

    told: Timing

    def params(self) -> dict[str, Param]:
        return {}

    def timing(self) -> Timing:
        return self.told


def chain(rng: np.random.Generator) -> Netlist:
    """Three cells of random timing, a FIFO behind each of them, most without an end."""
    n = NetlistBuilder(Graph("chain", (), (), ()))
    first = x = n.wire("x", lanes=1, bits=8, signed=False, beats=int(rng.integers(1, 6)))
    for i in range(3):
        beats = int(rng.integers(1, 6))
        y = n.wire(f"y{i}", lanes=1, bits=8, signed=False, beats=beats)
        slots = int(rng.integers(max(beats, x.beats), 26))
        takes = np.sort(rng.choice(slots, x.beats, replace=False))
        need = np.searchsorted(takes, np.arange(slots), side="right")
        emit = np.sort(rng.choice(slots, beats, replace=False))
        told = Timing(slots, (need,), (emit,), latency=int(rng.integers(1, 4)))
        n.add(Some(name=f"u_y{i}", inputs={"x": x}, outputs={"y": y}, told=told))
        x = n.fifo(y, 2**40 if rng.integers(4) else int(rng.integers(2, 5)))
    return Netlist(n.graph, tuple(n.cells), (first,), (x,))


# In the first three a FIFO holds more than before but was empty meanwhile.
@pytest.mark.parametrize("seed", [1316, 2653, 3622, *range(20)])
def test_what_is_said_to_repeat_goes_on_like_that(seed: int) -> None:
    """FIFOs that fill for ever among them: against the plain stepper."""
    netlist = chain(np.random.default_rng(seed))
    found = Stepper(netlist).run()
    ends = list(found.ends)
    while found.period and len(ends) < 40:
        ends.append(ends[-1] + ends[-found.period] - ends[-found.period - 1])
    want = list(islice(frame_ends(netlist, 4000), len(ends)))
    assert ends == want


def test_what_fifos_held_does_not_count_for_ever() -> None:
    """A slow source after a fast one: the pace is the source's, once the FIFOs are empty."""
    filled = 0
    for seed in range(17):
        netlist = chain(np.random.default_rng(seed))
        stepper = Stepper(netlist)
        fast = stepper.run()
        if fast.period:
            filled += max(fast.peaks.values()) > 8
            slow = stepper.run(pace=2 * stepper.pace, start=fast.state)
            assert slow.period
            assert slow.interval == 2 * stepper.pace
    assert filled == 4


def test_a_period_is_one_of_all_slots() -> None:
    rng = np.random.default_rng(3)
    part = rng.integers(0, 32, 1500, np.uint8)
    assert stepper._period(np.tile(part, 4)) == 1500
    odd = np.tile(part, 4)
    odd[-1] ^= 1
    assert stepper._period(odd) == 6000
    assert stepper._period(np.zeros(6000, np.uint8)) == 1200


def test_a_skip_fifo_is_as_deep_as_its_pace_needs(small: Netlist) -> None:
    """By the plain stepper: no FIFO behind a fork can lose an entry without slowing the netlist or blocking it, or it
    would block it where stalls leave nothing in flight.
    """
    _, interval = step(small)
    slack = {c.name: c.slack for c in small.cells if isinstance(c, Fifo) and c.slack}
    deep = [c for c in small.cells if isinstance(c, Fifo) and c.depth > c.least]
    assert len(deep) == 2
    for fifo in deep:
        less = replace(fifo, depth=fifo.depth - 1)
        short = replace(small, cells=tuple(less if c is fifo else c for c in small.cells))
        try:
            pace = (
                Stepper(short).run(frames=60).interval
            )  # the mean of a repetition, where the plain one has the last gap
            slower = step(short, limit=10 * interval)[1] > interval or pace > interval
        except RuntimeError as error:
            slower = "stands still" in str(error)
        certain = {c.name: c.depth - slack[c.name] for c in short.cells if c.name in slack}
        assert slower or len(Stepper(short).run(depths=certain, frames=3).ends) < 3


def test_a_fifo_that_beats_reach_seldom_keeps_one(small: Netlist) -> None:
    """But none behind cells that run freely, which would wait for its reader, and none that the interval needs."""
    pace = predict(small).interval
    found = [c for c in small.cells if isinstance(c, Fifo) and c.depth < 3 and 4 * c.x.beats <= pace]
    single, other = ([c for c in found if c.depth == n] for n in (1, 2))
    assert single and not any(c.x.flight for c in single)
    assert any(c.x.flight for c in other)
    for c in other:
        if not c.x.flight:
            assert Stepper(small).run(depths={c.name: 1}).interval > pace


def test_a_design_is_analysed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it takes and its netlist come from the same analysis; each rival has one of its own."""
    monkeypatch.setattr(Explorer, "rivals", lambda *_: [])
    runs = []
    analyse = timing_depths.depths
    monkeypatch.setattr(
        sizing, "depths", lambda *args, **options: runs.append(1) or analyse(*args, **options)
    )
    model = randomize(student("unet").build(**SMALL), np.random.default_rng(4))
    sized_netlist(fold_for(parse(model).graph, target_interval=600, budget=None))
    assert len(runs) == 1


def test_slots_are_those_of_the_timing(small: Netlist) -> None:
    for c in small.cells:
        t = c.timing()
        assert c.slots == t.slots - t.behind, c.name


@given(
    size=st.tuples(st.integers(5, 40), st.integers(3, 9)),
    kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    stride=st.integers(1, 3),
    padding=st.integers(0, 2),
    groups=st.integers(1, 2),
    dilation=st.integers(1, 2),
)
def test_a_window_is_as_deep_for_few_rows_as_for_all(
    size: tuple[int, int], kernel: tuple[int, int], stride: int, padding: int, groups: int, dilation: int
) -> None:
    height, width = size
    pads = tuple((min(padding, k - 1),) * 2 for k in kernel)
    out = tuple(
        (n + 2 * p - (k - 1) * dilation - 1) // stride + 1
        for n, (p, _), k in zip(size, pads, kernel, strict=True)
    )
    assume(min(out) > 0)
    geo = Geometry(height, width, kernel, (stride, stride), (dilation, dilation), pads, out)  # type: ignore[arg-type]
    n = NetlistBuilder(Graph("g", (), (), ()))
    x = n.wire("x", lanes=1, bits=4, signed=False, beats=height * width * groups)
    y = n.wire("y", lanes=1, bits=4, signed=False, beats=out[0] * out[1] * kernel[0] * kernel[1] * groups)
    cell = Window(name="w", inputs={"x": x}, outputs={"y": y}, geo=geo, groups=groups)
    need, free = cell._order(geo)
    span = (np.maximum.accumulate(need) - np.concatenate([[0], free[:-1]])).max()
    assert span == groups * geo.shortened().span


@pytest.mark.parametrize(
    ("arguments", "target", "analysed"),
    [
        (SMALL | {"size": (64, 96), "widths": (2, 4, 4), "blocks": 1}, 20_000, 1_000_000),
        pytest.param(
            {"size": (192, 160), "widths": (4, 6, 6, 8), "blocks": 1},
            250_000,
            10_000_000,
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_large_netlist_follows_from_narrower_ones(
    arguments: dict[str, Any], target: int, analysed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FIFOs and latency of a wide U-Net, extrapolated, against its own analysis."""
    model = randomize(student("unet").build(**arguments), np.random.default_rng(1))
    plan = fold(parse(model).graph, target_interval=target)
    whole = sized_netlist(plan)
    want = predict(whole)
    sizing.sized_netlist.cache_clear()
    sizing._narrower.cache_clear()
    sizing._example.cache_clear()
    monkeypatch.setattr(sizing, "ANALYSED", analysed)
    large = sized_netlist(plan)
    assert sizing.narrower(large) is not None
    found = predict(large)
    monkeypatch.setattr(first_frames, "STEPPED", 0)
    guessed = predict(replace(large, started=None))
    sizing.sized_netlist.cache_clear()
    sizing._narrower.cache_clear()
    sizing._example.cache_clear()
    assert found.interval == guessed.interval == want.interval
    rows, columns, _ = plan.graph.inputs[0].hwc
    assert found.narrower == guessed.narrower != want.narrower == ()
    assert len(found.narrower) == 2
    assert all(r <= rows and c < columns for r, c in found.narrower)
    steps = Stepper(large).run()
    assert steps.steady
    assert steps.interval == want.interval, "FIFOs must be deep enough"
    assert found.latency == steps.ends[0]
    assert guessed.latency == pytest.approx(steps.ends[0], rel=0.02)
    depth, guess = ({c.name: c.depth for c in n.cells if isinstance(c, Fifo)} for n in (whole, large))
    skips = sizing._skips(whole)
    assert len(skips) == len(arguments["widths"]) - 1
    for name in skips:
        assert 0.9 * depth[name] <= guess[name] <= 1.35 * depth[name], name


def test_the_pace_does_not_depend_on_where_a_run_starts(small: Netlist) -> None:
    """From reset and from the steady state of the same cells with other FIFOs, in which some do not fit."""
    stepper = Stepper(small)
    names = [n for n in stepper.fifos if n != "s_axis"]
    roomy = stepper.run(depths=dict.fromkeys(names, 1000))
    assert roomy.steady
    assert roomy.state is not None
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(40):
        depths = {
            n: int(max(stepper.made[n].slack + 2, rng.integers(2, 12) * roomy.peaks[n] // 8)) for n in names
        }
        cold, warm = (stepper.run(depths=depths, start=start) for start in (None, roomy.state))
        assert cold.steady == warm.steady
        if cold.steady:
            assert cold.interval == warm.interval
            seen.add(cold.interval)
    assert len(seen) > 1, "paces that are all alike prove nothing"


def model(*layers: Any) -> Any:
    """A chain of layers, weights drawn."""
    return randomize(frameworks.keras().Sequential(list(layers)), np.random.default_rng(3))


def strided_points(dims: int, stride: int, filters: int) -> Any:
    """Convolutions of one tap that pass over pixels, small enough to be unrolled."""
    layers, q = frameworks.keras().layers, frameworks.qkeras()
    weights = {"kernel_quantizer": "quantized_bits(4,0,alpha=1)", "use_bias": False}
    return model(
        layers.Input((*dims * (7,), 3)),
        q.QActivation("quantized_bits(8,0,0,alpha=1)"),
        (q.QConv1D if dims == 1 else q.QConv2D)(filters, 1, strides=stride, **weights),
    )


@pytest.mark.parametrize(("dims", "stride"), [(1, 2), (1, 3), (2, 2)])
def test_every_cell_takes_and_makes_whole_frames(dims: int, stride: int) -> None:
    """Adders have no beats to spare: a stride is what a window in front of them does."""
    plan = fold(parse(strided_points(dims, stride, 2)).graph, target_interval=7**dims)
    assert [plan[op].style for op in plan.graph.ops if isinstance(op, Linear)] == ["unrolled"]
    for c in sized_netlist(plan).cells:
        t = c.timing()
        taken = [n[-1] for n in t.need] if t.free is None else [t.free[-1]]
        assert taken == [w.beats for w in c.inputs.values()], c.name
        assert [len(e) for e in t.emit] == [w.beats for w in c.outputs.values()], c.name


@pytest.fixture(scope="module")
def in_turn() -> Netlist:
    """A netlist with three entries less in a skip's FIFO than its pace needs: frames come in turn sooner and later."""
    layers, q = frameworks.keras().layers, frameworks.qkeras()
    weights = {
        "kernel_quantizer": "quantized_bits(4,0,alpha=1)",
        "bias_quantizer": "quantized_bits(4,0,alpha=1)",
    }
    x = first = layers.Input((9, 3))
    x = y = q.QActivation("quantized_bits(8,0,0,alpha=1)")(x)
    for _ in range(2):
        y = q.QActivation("quantized_relu(4,1)")(q.QConv1D(3, 5, padding="same", **weights)(y))
    made = randomize(frameworks.keras().Model(first, layers.Add()([x, y])), np.random.default_rng(3))
    netlist = sized_netlist(fold(parse(made).graph, target_interval=20))
    (skip,) = sizing._skips(netlist)
    cells = [replace(c, depth=c.depth - 3) if c.name == skip else c for c in netlist.cells]  # type: ignore[call-arg,attr-defined]  # a FIFO
    return replace(netlist, settled=None, cells=tuple(cells))


def test_the_interval_of_frames_in_turn_is_their_mean(in_turn: Netlist) -> None:
    found = predict(in_turn)
    assert (found.interval, found.gaps, found.observed) == (Fraction(41, 3), (15, 13, 13), None)
    want = list(islice(frame_ends(in_turn, 2000), 100))
    assert want[-1] - want[-1 - 60] == 60 * found.interval
    assert found.latency == want[0]
    for count in (0, 1, 2, 17, 100):
        assert cycles.frame_ends(in_turn, count).tolist() == want[:count]


def test_what_is_measured_means_what_is_predicted(in_turn: Netlist) -> None:
    """The interval of a run is the predicted one as soon as the run shows it twice, and not known before."""
    found = predict(in_turn).interval
    known = []
    for count in range(3, 30):
        gaps = np.diff(cycles.frame_ends(in_turn, count))
        assert paces.interval(gaps) == found or unsettled(in_turn, gaps), count
        known.append(paces.interval(gaps) == found)
        late = gaps + (np.arange(len(gaps)) == len(gaps) - 1)
        assert not unsettled(in_turn, late)
        assert paces.interval(late) != found
    assert known[-15:] == 15 * [True]


@pytest.mark.parametrize(
    ("gaps", "interval"),
    [
        ([9, 9, 5, 5], 5),
        ([9, 4, 3, 4, 3, 4], Fraction(4)),
        ([9, 9, 9, 9, 3, 4, 3, 4], Fraction(7, 2)),
        ([9, 9, 9, 9, 9, 3, 4, 3, 4, 3], Fraction(7, 2)),
        ([1, 1, 1, 1, 2, 2, 3, 4, 2, 3, 4], 3),
        ([1, 1, 1, 1, 2, 3, 4, 2, 3, 4], 4),
        ([5, 5, 5, 6], 6),
        ([7], 7),
    ],
)
def test_the_interval_of_a_run(gaps: list[int], interval: int | Fraction) -> None:
    """A mean where a repetition is seen, else the longest."""
    assert paces.interval(np.array(gaps)) == interval


def in_hardware(netlist: Netlist, frames: int, folder: Path) -> RunResult:
    """A run of the netlist's RTL with random beats, its input always offered."""
    systemverilog.write(netlist, folder, frames_in_flight=9)
    sources = sorted(p for p in (folder / "rtl").glob("*.sv") if p.stem != systemverilog.TOP)
    simulator = simulation.build(
        folder,
        systemverilog.TOP,
        [*sources, folder / "rtl" / f"{systemverilog.TOP}.sv"],
        images=folder / "mem",
    )
    into, out = netlist.input, netlist.output
    return simulator.run(
        np.random.default_rng(0).integers(-99, 99, (frames, into.beats, into.lanes)),
        in_dtype="i1", out_beats=out.beats, out_lanes=out.lanes, out_dtype=f"i{container(out.bits) // 8}",
    )  # fmt: skip


def test_frames_in_turn_in_hardware(in_turn: Netlist, hasty: None, tmp_path: Path) -> None:
    """Every frame of the RTL ends when predicted, and its interval is the mean."""
    run = in_hardware(in_turn, 40, tmp_path)
    ends = cycles.frame_ends(in_turn, 40)
    assert run.latency == ends[0]
    assert run.intervals is not None
    assert run.intervals.tolist() == np.diff(ends).tolist()
    assert run.interval == predict(in_turn).interval == Fraction(41, 3)


def test_padding_does_not_wait_for_what_nobody_needed(hasty: None, tmp_path: Path) -> None:
    """A window that reads one pixel of three, behind padding: it pads the next frame while the two others come in."""
    layers, q = frameworks.keras().layers, frameworks.qkeras()
    weights = {"kernel_quantizer": "quantized_bits(4,0,alpha=1)", "use_bias": False}
    made = model(
        layers.Input((3, 4)),
        q.QActivation("quantized_bits(8,0,0,alpha=1)"),
        q.QDense(3, **weights),  # 4 cycles a pixel, so that the window waits
        q.QActivation("quantized_bits(4,0,0,alpha=1)"),
        q.QConv1D(2, 7, strides=3, padding="causal", **weights),
    )
    netlist = sized_netlist(fold(parse(made).graph, target_interval=12))
    (window,) = (c for c in netlist.cells if isinstance(c, Window))
    t = window.timing()
    assert t.free is not None
    assert t.need[0][0] == 0 < t.need[0][-1] < t.free[-1]
    want = list(islice(frame_ends(netlist, 1000), 12))
    assert cycles.frame_ends(netlist, 12).tolist() == want
    run = in_hardware(netlist, 12, tmp_path)
    assert run.intervals is not None
    assert [run.latency, *run.intervals] == [want[0], *np.diff(want)]


def test_an_output_that_is_complete_before_its_input_waits() -> None:
    """r4_axis_out keeps a frame's last beat for its flag; what is behind it goes on."""
    layers, q = frameworks.keras().layers, frameworks.qkeras()
    made = model(
        layers.Input((30, 2)), q.QActivation("quantized_bits(8,0,0,alpha=1)"), layers.Cropping1D((0, 20))
    )
    netlist = sized_netlist(fold(parse(made).graph, target_interval=30))
    want = list(islice(frame_ends(netlist, 1000), 12))
    assert want[0] == netlist.input.beats + 1
    assert cycles.frame_ends(netlist, 12).tolist() == want
    assert predict(netlist).latency == want[0]


@pytest.mark.parametrize("kept", [2, 3, 5, 11])
def test_a_late_repetition_is_found(in_turn: Netlist, kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also among frames of which not every state is remembered."""
    monkeypatch.setattr(stepper, "FRAMES", kept)
    steps = Stepper(in_turn).run(frames=1000)
    assert steps.period == 3
    assert steps.gaps in {(15, 13, 13), (13, 15, 13), (13, 13, 15)}


@pytest.mark.parametrize("seed", [93, 144, 164, 293])
def test_a_repetition_that_begins_late_is_found(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """FIFOs fill up for a dozen frames or more, of which the states of two are remembered; what follows is known."""
    filling = chain(np.random.default_rng(seed))
    cells = (replace(c, depth=min(c.depth, 30)) if isinstance(c, Fifo) else c for c in filling.cells)
    netlist = replace(filling, cells=tuple(cells))
    monkeypatch.setattr(stepper, "FRAMES", 2)
    steps = Stepper(netlist).run(frames=2000)
    assert len(steps.ends) - 1 - steps.period > 12
    assert len(steps.ends) < 200
    want = list(islice(frame_ends(netlist, 10_000), len(steps.ends) + 60))
    assert steps.until(len(want)).tolist() == want
    assert set(np.diff(want)[-60:].tolist()) == {steps.interval} < set(np.diff(want).tolist())


def test_gaps_are_said_once() -> None:
    assert paces.shortest(np.array([13, 13, 11] * 4)) == (13, 13, 11)
    assert paces.shortest(np.array([13, 13, 11, 13])) == (13, 13, 11, 13)
    assert paces.shortest(np.array([5, 5, 5, 5])) == (5,)


def test_without_a_repetition_the_interval_is_of_the_frames_looked_at(
    in_turn: Netlist, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The search has a limit: what is said then is what was seen, as such."""
    monkeypatch.setattr(steady, "searched", lambda work: 4)
    found = predict(in_turn)
    ends = cycles.frame_ends(in_turn, 4)
    assert found.observed == (3, 4)
    assert found.interval == ends[3] - ends[2]
    assert found.gaps == ()


def test_a_search_is_as_long_as_a_netlist_is_small() -> None:
    assert steady.searched({"a": 10, "b": 8}) == steady._MOST
    assert steady.searched({f"c{k}": 1000 for k in range(100)}) == 1500
    assert steady.searched({f"c{k}": 10**6 for k in range(100)}) == stepper.FRAMES


def blocked() -> Netlist:
    """A fork whose one reader needs more beats before the other than the FIFO between holds."""
    n = NetlistBuilder(Graph("stuck", (), (), ()))
    x = n.wire("x", lanes=1, bits=8, signed=False, beats=6)
    a, b = fork(n, x, 2)
    late = np.zeros(6, np.int64) + 6
    told = Timing(6, (late, np.arange(6) + 1), (np.arange(6),), latency=1)
    y = n.wire("y", lanes=1, bits=8, signed=False, beats=6)
    n.add(Some(name="u_y", inputs={"a": n.fifo(a), "b": n.fifo(b)}, outputs={"y": y}, told=told))
    return Netlist(n.graph, tuple(n.cells), (x,), (n.fifo(y),))


def test_what_stands_still_is_said() -> None:
    text = (
        "^stuck: frames must come out one after the other, not stand still, whatever the FIFOs hold; "
        "report it with the model$"
    )
    with pytest.raises(UnsupportedLayer, match=text):
        predict(blocked())
    with pytest.raises(UnsupportedLayer, match=text):
        cycles.frame_ends(blocked(), 3)


def test_a_cell_of_many_registers_is_refused() -> None:
    n = NetlistBuilder(Graph("deep", (), (), ()))
    x, y = (n.wire(w, lanes=1, bits=8, signed=False, beats=6) for w in "xy")
    for latency in (64, 65):
        cell = Some(name="u_y", inputs={"x": x}, outputs={"y": y}, told=Timing.passing(6, latency))
        netlist = Netlist(n.graph, (cell,), (x,), (y,))
        if latency == 64:
            assert predict(netlist).latency == frame_ends(netlist, 1000).__next__()
            continue
        with pytest.raises(
            UnsupportedLayer,
            match=r"^u_y: a cell must take at most 64 cycles from its input to its output, not 65; fold the layer "
            r"more: do fewer of its products at once$",
        ):
            predict(netlist)
