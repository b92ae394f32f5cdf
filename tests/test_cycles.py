# SPDX-License-Identifier: Apache-2.0
"""The compiled stepper against the plain one, and the depths of FIFOs behind forks."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, replace
from importlib.resources import files
from itertools import islice
from typing import Any, ClassVar

import numpy as np
import pytest
from contract import randomize
from designs import DESIGNS
from hypothesis import assume, given
from hypothesis import strategies as st
from steps_reference import frame_ends, step

import rtl4ml.lower as lowering
from rtl4ml import cycles, stepper
from rtl4ml.cells import Fifo, Geometry, Window
from rtl4ml.cycles import edges, predict
from rtl4ml.explore import fold, fold_for
from rtl4ml.frontend import parse
from rtl4ml.ir import Graph
from rtl4ml.lower import lower
from rtl4ml.netlist import Cell, Lowering, Netlist, Param, Timing
from rtl4ml.stepper import Stepper


def student(name: str) -> Any:
    """A module of models/."""
    path = str(files("rtl4ml.models").joinpath(f"{name}.py"))
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def unet(rng: np.random.Generator, target: int, **arguments: Any) -> Netlist:
    model = randomize(student("unet").build(**arguments), rng)
    return lower(fold(parse(model).graph, target_interval=target))


SMALL = {"widths": (2, 3, 4), "size": (8, 12), "weight_bits": 3, "activation_bits": 3, "channels": 1}


@pytest.fixture(scope="module")
def small() -> Netlist:
    return unet(np.random.default_rng(1), 600, **SMALL)


@pytest.mark.parametrize("name", [n for n in DESIGNS if n not in ("wide",)][:4])
def test_compiled_and_plain_steps_agree(name: str) -> None:
    build, target = DESIGNS[name]
    model = randomize(build(), np.random.default_rng(5))
    netlist = lower(fold(parse(model).graph, target_interval=target))
    found = predict(netlist)
    assert (found.latency, found.interval) == step(netlist)


@pytest.mark.parametrize("short", [1, 100, 1 << 30])
def test_they_agree_on_a_unet(small: Netlist, short: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However short the periods are that the compiled one keeps of cells which repeat themselves within a frame."""
    monkeypatch.setattr(stepper, "_SHORT", short)
    made = Stepper(small, *edges(small))
    periods = [c.slots for c in made._cells]
    frames = [edges(small)[0].slots, *(c.timing().slots for c in small.cells), edges(small)[1].slots]
    assert (sum(periods) < sum(frames)) == (short < 1000)
    assert all(n % p == 0 for n, p in zip(frames, periods, strict=True))
    found = predict(replace(small, settled=None))  # a state that cells of other periods stood in
    assert (found.latency, found.interval) == step(small)


def test_they_agree_on_memories_that_offer_a_cycle_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Block RAM in all FIFOs of more than two entries, full and empty ones among them."""
    monkeypatch.setattr("rtl4ml.cells.is_block", lambda depth, width: True)
    netlist = unet(np.random.default_rng(1), 600, **SMALL)
    fifos = [c for c in netlist.cells if isinstance(c, Fifo)]
    assert {c.timing().wait for c in fifos} == {1, 2}
    rng = np.random.default_rng(2)
    seen = set()
    for _ in range(6):
        depth = {c.name: max(3, c.depth + int(rng.integers(-1, 3))) for c in fifos}
        found = Stepper(netlist, *edges(netlist)).run(depths=depth, frames=6).ends
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
    n = Lowering(Graph("chain", (), (), ()))
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
    return Netlist(n.graph, tuple(n.cells), first, x)


# In the first three a FIFO holds more than before but was empty meanwhile.
@pytest.mark.parametrize("seed", [1316, 2653, 3622, *range(20)])
def test_what_is_said_to_repeat_goes_on_like_that(seed: int) -> None:
    """FIFOs that fill for ever among them: against the plain stepper."""
    netlist = chain(np.random.default_rng(seed))
    found = Stepper(netlist, *edges(netlist)).run()
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
        stepper = Stepper(netlist, *edges(netlist))
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
    """By the plain stepper: no FIFO behind a fork can lose an entry without slowing the netlist or blocking it."""
    _, interval = step(small)
    deep = [c for c in small.cells if isinstance(c, Fifo) and c.depth > 2]
    assert len(deep) == 2
    for fifo in deep:
        less = replace(fifo, depth=fifo.depth - 1)
        short = replace(small, cells=tuple(less if c is fifo else c for c in small.cells))
        try:
            assert step(short, limit=10 * interval)[1] > interval
        except RuntimeError as error:
            assert "stands still" in str(error)


def test_a_design_is_analysed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it takes and its netlist come from the same analysis."""
    runs = []
    analyse = lowering.depths
    monkeypatch.setattr(
        lowering, "depths", lambda *args, **options: runs.append(1) or analyse(*args, **options)
    )
    model = randomize(student("unet").build(**SMALL), np.random.default_rng(4))
    lower(fold_for(parse(model).graph, target_interval=600, budget=None))
    assert len(runs) == 1


def test_slots_are_those_of_the_timing(small: Netlist) -> None:
    for c in small.cells:
        assert c.slots == c.timing().slots, c.name


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
    n = Lowering(Graph("g", (), (), ()))
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
    graph = fold(parse(model).graph, target_interval=target)
    whole = lower(graph)
    want = predict(whole)
    lowering._lowered.cache_clear()
    lowering._narrower.cache_clear()
    monkeypatch.setattr(lowering, "ANALYSED", analysed)
    large = lower(graph)
    assert lowering.narrower(large) is not None
    found = predict(large)
    monkeypatch.setattr(cycles, "STEPPED", 0)
    guessed = predict(large)
    lowering._lowered.cache_clear()
    lowering._narrower.cache_clear()
    assert found.interval == guessed.interval == want.interval
    steps = Stepper(large, *edges(large)).run()
    assert steps.steady
    assert steps.interval == want.interval, "FIFOs must be deep enough"
    assert found.latency == steps.ends[0]
    assert guessed.latency == pytest.approx(steps.ends[0], rel=0.02)
    depth, guess = ({c.name: c.depth for c in n.cells if isinstance(c, Fifo)} for n in (whole, large))
    skips = lowering._skips(whole)
    assert len(skips) == len(arguments["widths"]) - 1
    for name in skips:
        assert 0.9 * depth[name] <= guess[name] <= 1.35 * depth[name], name


def test_the_pace_does_not_depend_on_where_a_run_starts(small: Netlist) -> None:
    """From reset and from the steady state of the same cells with other FIFOs, in which some do not fit."""
    stepper = Stepper(small, *edges(small))
    names = [n for n in stepper.fifos if n != "s_axis"]
    roomy = stepper.run(depths=dict.fromkeys(names, 1000))
    assert roomy.steady
    assert roomy.state is not None
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(40):
        depths = {n: int(max(2, rng.integers(2, 12) * roomy.peaks[n] // 8)) for n in names}
        cold, warm = (stepper.run(depths=depths, start=start) for start in (None, roomy.state))
        assert cold.steady == warm.steady
        if cold.steady:
            assert cold.interval == warm.interval
            seen.add(cold.interval)
    assert len(seen) > 1, "paces that are all alike prove nothing"
