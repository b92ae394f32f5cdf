# SPDX-License-Identifier: Apache-2.0
"""The interval that was asked for is the interval that comes: no netlist is slower than its slowest cell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench_convert import spread
from contract import randomize, samples
from designs import DESIGNS
from nets import network

import rtl4ml
from rtl4ml.cells.streams import Fifo
from rtl4ml.folding.explorer import Explorer
from rtl4ml.folding.search import fold_for
from rtl4ml.frontends.qkeras.importer import parse
from rtl4ml.frontends.qkeras.reference import expected
from rtl4ml.host import frameworks
from rtl4ml.lowering.lower import lower
from rtl4ml.models import unet
from rtl4ml.netlist.netlist import Netlist, Relief
from rtl4ml.ops.scale import Scale
from rtl4ml.timing.cycles import frame_ends, predict
from rtl4ml.timing.relief import relief, relieved, segments, slowest
from rtl4ml.timing.sizing import sized_netlist
from rtl4ml.timing.stepper import ENDLESS, Stepper

# Random networks and targets that came 1 to 44 % slower than asked for, or than their slowest cell.
SLOW = [(15, 273), (21, 84), (26, 147), (36, 14), (43, 112), (44, 483), (48, 44), (50, 731), (53, 25), (119, 60),
        (147, 53), (177, 118), (179, 72)]  # fmt: skip


def folded(seed: int, target: int, *, analyse: bool = True) -> Netlist:
    """The netlist of a random network."""
    frameworks.keras().backend.clear_session()
    plan = Explorer(parse(network(np.random.default_rng(seed))).graph).choose(target)
    assert plan is not None
    return sized_netlist(plan) if analyse else lower(plan)


@pytest.mark.parametrize(("seed", "target"), SLOW)
def test_random_networks_keep_their_interval(seed: int, target: int) -> None:
    netlist = folded(seed, target)
    found = predict(netlist)
    assert found.observed is None
    assert found.interval == slowest(netlist) == found.cells[found.bottleneck]
    assert found.interval <= target


@pytest.mark.parametrize(("seed", "target"), [(1, 55), (9, 101), (32, 3841), (38, 35), (46, 71)])
def test_random_networks_with_padded_averages_are_exact_and_keep_their_interval(
    seed: int, target: int
) -> None:
    frameworks.keras().backend.clear_session()
    rng = np.random.default_rng(seed)
    parsed = parse(network(rng, padded=True))
    assert any(isinstance(op, Scale) for op in parsed.graph.ops)  # windows of several sizes
    x = rng.uniform(-1.2, 1.2, (8, *parsed.input.shape))
    np.testing.assert_array_equal(parsed.emulate(x)[0], expected(parsed, x)[0])
    graph = Explorer(parsed.graph).choose(target)
    assert graph is not None
    netlist = sized_netlist(graph)
    assert predict(netlist).interval == slowest(netlist) <= target


@pytest.mark.slow
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("start", range(0, 200, 20))
def test_more_random_networks_keep_their_interval(start: int, padded: bool) -> None:
    for seed in range(start, start + 20):
        frameworks.keras().backend.clear_session()
        rng = np.random.default_rng(seed)
        explorer = Explorer(parse(network(rng, padded=padded)).graph)
        least, most = np.log(explorer.floor), np.log(explorer.intervals[-1])
        for target in np.exp(rng.uniform(least, most, 3)).round().astype(int).tolist():
            if (plan := explorer.choose(target)) is not None:
                netlist = sized_netlist(plan)
                assert predict(netlist).interval == slowest(netlist) <= target, (seed, target)


@pytest.mark.parametrize("name", DESIGNS)
def test_designs_keep_their_interval(name: str) -> None:
    """At their own target and at others."""
    build, own = DESIGNS[name]
    explorer = Explorer(parse(randomize(build(), np.random.default_rng(5))).graph)
    targets = {own, 748, 3 * own // 2, 2 * own + 1}  # unrolled ones take minutes to find
    for target in targets:
        if target < explorer.floor or (plan := explorer.choose(target)) is None:
            continue
        netlist = sized_netlist(plan)
        assert predict(netlist).interval == slowest(netlist) <= target, target


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("student", sorted(unet.STUDENTS))
def test_unet_students_keep_their_interval(student: int) -> None:
    """At 128 x 128, weights over the whole range of their quantizers: as they come, and of the fourth also as fast as
    its device allows. The whole netlist is stepped through also where it is predicted from narrower ones.
    """
    jobs: list[tuple[int, int | None]] = [(8, None), (4, None)]
    if student == 4:
        jobs += [(8, 262_144), (8, 131_072), (4, 65_536)]
    for bits, target in jobs:
        frameworks.keras().backend.clear_session()
        model = unet.build(widths=unet.STUDENTS[student], weight_bits=bits, activation_bits=bits)
        made = spread(model, np.random.default_rng(7))
        netlist = sized_netlist(fold_for(parse(made).graph, target_interval=target, budget=None, fit=False))
        found = predict(netlist)
        assert found.observed is None
        assert found.interval == slowest(netlist) == (target or found.interval), (bits, target)
        steps = Stepper(netlist).run()
        assert steps.steady
        assert steps.interval == found.interval, (bits, target)


@pytest.mark.parametrize("seed", [44, 50, 53])
def test_the_relief_is_no_more_than_enough(seed: int) -> None:
    """Without any one of its FIFOs, or with a beat less in any of its windows, a segment is too slow."""
    netlist = folded(seed, dict(SLOW)[seed], analyse=False)
    found, pace = relief(netlist), slowest(netlist)
    assert found != Relief()

    def keeps(with_: Relief) -> bool:
        net = relieved(netlist, with_)
        endless = {c.name: ENDLESS for c in net.cells if isinstance(c, Fifo) and c.x.name not in found.fifos}
        return Stepper(net).run(depths=endless, pace=pace).interval == pace

    assert keeps(found)
    assert not any(keeps(found.without(name)) for name in (*found.fifos, *found.windows))
    assert not any(keeps(found.with_window(name, n - 1)) for name, n in found.windows.items())
    assert not any(keeps(found.with_fifo(name, n - 1)) for name, n in found.fifos.items() if n > 2)


def test_segments_are_parted_by_fifos() -> None:
    netlist = folded(48, 44, analyse=False)
    parts = segments(netlist)
    assert sorted(c.name for part in parts for c in part) == sorted(
        c.name for c in netlist.cells if not isinstance(c, Fifo)
    )
    of = {c.name: k for k, part in enumerate(parts) for c in part}
    makers = {w.name: c.name for c in netlist.cells for w in c.outputs.values()}
    for c in netlist.cells:
        for w in c.inputs.values():
            if c.name in of and makers.get(w.name) in of:
                assert of[c.name] == of[makers[w.name]]
    assert len(parts) > 1


def points() -> Any:
    """A convolution of one tap that passes over every other of its few pixels, unrolled, behind a window that gives its
    first result late.
    """
    layers, q = frameworks.keras().layers, frameworks.qkeras()
    weights = {"kernel_quantizer": "quantized_bits(4,0,alpha=1)", "use_bias": False}
    return frameworks.keras().Sequential([
        layers.Input((6, 6)),
        q.QActivation("quantized_bits(8,0,0,alpha=1)"),
        q.QConv1D(7, 3, dilation_rate=2, **weights),
        q.QActivation("quantized_relu(4,1)"),
        q.QConv1D(2, 1, strides=2, **weights),
    ])  # fmt: skip


@pytest.mark.parametrize("kind", ["points", "random"])
def test_the_interval_comes_in_hardware(kind: str, hasty: None, tmp_path: Path) -> None:
    """Exact, and every frame in the cycle that was predicted."""
    rng = np.random.default_rng(0)
    model = randomize(points(), rng) if kind == "points" else network(np.random.default_rng(53))
    target = None if kind == "points" else 24
    design = rtl4ml.convert(model, out=tmp_path / "design", target_interval=target)
    want = target or 6
    assert design.cycles.interval == want
    assert design.netlist.relief != Relief()
    x = samples(design, 40, rng)
    run = design.simulate(x)
    np.testing.assert_array_equal(run.y, design.emulate(x))
    np.testing.assert_array_equal(run.y, design.reference(x))
    assert run.interval == want
    assert run.latency == frame_ends(design.netlist, 1)[0]
    np.testing.assert_array_equal(design.simulate(x, stalls="random", seed=1).y, run.y)
    report = design.report()
    assert report["cycles"]["interval"] == {"model": want, "rtl": want}
    assert max(line["interval"] or 0 for line in report["layers"]) == want, (
        "the slowest stage sets the interval"
    )
