# SPDX-License-Identifier: Apache-2.0
"""U-Nets: QKeras == emulate == RTL on whole networks with skip connections, their FIFOs and their cycles."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from students import student
from unets import Unet, images, lively, unets

import rtl4ml
from rtl4ml.cells.axis import container
from rtl4ml.cells.streams import Fifo
from rtl4ml.emit import systemverilog
from rtl4ml.errors import SimulationFailed
from rtl4ml.folding.explorer import Explorer
from rtl4ml.frontends.qkeras.importer import parse
from rtl4ml.frontends.qkeras.reference import expected
from rtl4ml.host import frameworks
from rtl4ml.simulation.bulk import build
from rtl4ml.timing import sizing
from rtl4ml.timing.cycles import predict, unsettled
from rtl4ml.timing.stepper import Stepper

pytestmark = pytest.mark.filterwarnings("ignore:The initializer:UserWarning")  # weights are drawn anew


@settings(max_examples=4, phases=[Phase.explicit, Phase.generate])
@given(unet=unets(), seed=st.integers(0, 2**16))
def test_random_unets(unet: Unet, seed: int) -> None:
    """Depth 1 to 4, odd and non-square frames, mixed bit widths: emulate is exact, the netlist has a steady pace."""
    rng = np.random.default_rng(seed)
    frameworks.keras().backend.clear_session()
    model = lively(unet.model(), rng)
    parsed = parse(model, **unet.options)
    x = images(model, 2, rng)
    np.testing.assert_array_equal(parsed.emulate(x)[0], expected(parsed, x)[0])
    explorer = Explorer(parsed.graph)
    netlist = sizing.sized_netlist(explorer.fold(max(explorer.floor, 40 * unet.size[0] * unet.size[1])))
    assert predict(netlist).interval >= max(c.slots for c in netlist.cells)


def assert_exact_in_hardware(unet: Unet, out: Path, *, share: float, seed: int) -> None:
    """Exact in the RTL, unstalled and stalled, at the predicted pace.

    share: of the way from the shortest interval that its operators have to the longest
    """
    rng = np.random.default_rng(seed)
    frameworks.keras().backend.clear_session()
    model = lively(unet.model(), rng)
    graph = parse(model, **unet.options).graph
    explorer = Explorer(graph)
    least, most = np.log(explorer.floor), np.log(explorer.intervals[-1])
    target = round(np.exp(least + share * (most - least)))
    design = rtl4ml.convert(model, out, target_interval=max(target, explorer.floor), **unet.options)
    x = images(model, 14, rng)
    want = expected(design.parsed, x)[0]
    np.testing.assert_array_equal(design.emulate(x), want)
    run = design.simulate(x)
    np.testing.assert_array_equal(run.y, want)
    assert run.interval == design.cycles.interval, told(design)
    assert run.latency is not None
    assert abs(run.latency - design.cycles.latency) <= max(2, 0.01 * run.latency), told(design)
    for k in range(3):
        np.testing.assert_array_equal(design.simulate(x[:6], stalls="random", seed=k).y, want[:6])


def told(design: rtl4ml.Design) -> str:
    """All cells with what their timing depends on: a pace that is not as predicted is to be found out from it."""
    lines = [f"measured {design.measured}, predicted {design.cycles.latency}, {design.cycles.interval}"]
    for c in design.netlist.cells:
        params = {k: v for k, v in c.params().items() if isinstance(v, int)}
        lines.append(f"{c.name} {c.module} slots {c.slots} latency {c.timing().latency} {params}")
    return "\n".join([*lines, f"held {design.peaks}"])


# What random ones meet, in few layers each; the test below draws the others.
SMALL = {
    "bilinear, gated, opened, odd": Unet(
        size=(5, 7), widths=(1, 2), bits=(4, 3), integers=(1, 1), weight_bits=(4, 6), kernels=((3, 3), (1, 1)),
        blocks=("separable", "conv"), downs=("average",), ups=("bilinear",), joins=("gate",), fits=("pad",),
        channels=1, head="opening",
    ),
    "transposed, strided, classes": Unet(
        size=(7, 4), widths=(2, 1), bits=(3, 5), integers=(2, 0), weight_bits=(3, 5), kernels=((1, 1), (5, 5)),
        blocks=("depthwise", "conv"), downs=("stride",), ups=("transposed",), joins=("concat",), fits=("crop",),
        channels=1, head="argmax",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SMALL)
def test_small_unets_in_hardware(name: str, hasty: None, tmp_path: Path, seed: int) -> None:
    assert_exact_in_hardware(SMALL[name], tmp_path / "design", share=0.3, seed=seed)


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_random_unets_in_hardware(hasty: None, tmp_path_factory: pytest.TempPathFactory) -> None:
    @settings(max_examples=24, phases=[Phase.explicit, Phase.generate])  # shrinking would take hours
    @given(unet=unets(), share=st.floats(0, 1), seed=st.integers(0, 2**16))
    def check(unet: Unet, share: float, seed: int) -> None:
        out = tmp_path_factory.mktemp("unet")
        assert_exact_in_hardware(unet, out / "design", share=share, seed=seed)
        shutil.rmtree(out)

    check()


@pytest.fixture(scope="module")
def design(tmp_path_factory: pytest.TempPathFactory) -> rtl4ml.Design:
    """The smallest U-Net with two skips."""
    rng = np.random.default_rng(6)
    model = student("unet").build(
        widths=(2, 3, 4), size=(8, 12), channels=1, weight_bits=3, activation_bits=3, blocks=1
    )
    return rtl4ml.convert(
        lively(model, rng), out=tmp_path_factory.mktemp("unet") / "design", target_interval=600
    )


@pytest.mark.gate
def test_it_is_exact(design: rtl4ml.Design) -> None:
    x = images(design.parsed.model, 12, np.random.default_rng(0))
    want = expected(design.parsed, x)[0]
    assert len(np.unique(want)) > 10, "outputs that are all alike prove nothing"
    np.testing.assert_array_equal(design.emulate(x), want)
    run = design.simulate(x)
    np.testing.assert_array_equal(run.y, want)
    assert (run.latency, run.interval) == (design.cycles.latency, design.cycles.interval)
    for seed in range(4):
        np.testing.assert_array_equal(design.simulate(x, stalls="random", seed=seed).y, want)
    np.testing.assert_array_equal(design.csim(x), want)


@pytest.mark.gate
def test_skip_fifos_lose_no_entry_unseen(design: rtl4ml.Design, tmp_path: Path) -> None:
    """In the RTL: with one entry less in a skip's FIFO it stands still, or is slower than it was; or it would stand
    still where stalls leave nothing in flight.
    """
    x = images(design.parsed.model, 12, np.random.default_rng(0))
    frames = design.parsed.quantize_input(x).reshape(len(x), design.netlist.input.beats, -1)
    skips = sizing._skips(design.netlist)
    assert len(skips) == 2
    for name in skips:
        cells = [
            replace(c, depth=c.depth - 1) if c.name == name else c  # type: ignore[call-arg,attr-defined]
            for c in design.netlist.cells
        ]
        folder = tmp_path / name
        folder.mkdir()
        systemverilog.write(
            replace(design.netlist, cells=tuple(cells)), folder, frames_in_flight=design.frames_in_flight
        )
        sources = sorted(p for p in (folder / "rtl").glob("*.sv") if p.stem != systemverilog.TOP)
        simulator = build(
            folder,
            systemverilog.TOP,
            [*sources, folder / "rtl" / f"{systemverilog.TOP}.sv"],
            images=folder / "mem",
        )
        into, out = design.netlist.input, design.netlist.output
        try:
            run = simulator.run(
                frames,
                in_dtype=f"u{container(into.bits) // 8}",
                out_beats=out.beats,
                out_lanes=out.lanes,
                out_dtype=f"i{container(out.bits) // 8}",
                patience=100_000,
            )
        except SimulationFailed as error:
            assert "must" in str(error)
            continue
        assert run.interval is not None
        short = replace(design.netlist, cells=tuple(cells))
        depths = {c.name: c.depth for c in short.cells if isinstance(c, Fifo)}
        certain = {k: max(1, depths[k] - n) for k, n in sizing._passing(short, skips).items()}
        blocked = len(Stepper(short).run(depths=certain, frames=3).ends) < 3
        assert run.interval > design.cycles.interval or blocked, name


@pytest.mark.gate
def test_fifos_in_block_memory_keep_the_pace(
    hasty: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They offer a beat a cycle later, which depths and predictions must know to the cycle."""
    for cells in ("streams", "window", "mvu"):
        monkeypatch.setattr(f"rtl4ml.cells.{cells}.is_block", lambda *_: True)
    rng = np.random.default_rng(6)
    model = student("unet").build(
        widths=(2, 3, 4), size=(8, 12), channels=1, weight_bits=3, activation_bits=3, blocks=1
    )
    design = rtl4ml.convert(lively(model, rng), out=tmp_path / "design", target_interval=150)
    skips = sizing._skips(design.netlist)
    assert len(skips) == 2
    assert all(c.block for c in design.netlist.cells if isinstance(c, Fifo) and c.name in skips)
    assert design.cycles.interval == max(design.cycles.cells.values())
    x = images(model, 12, rng)
    run = design.simulate(x)
    np.testing.assert_array_equal(run.y, expected(design.parsed, x)[0])
    assert (run.latency, run.interval) == (design.cycles.latency, design.cycles.interval)


@pytest.mark.early
@pytest.mark.gate
def test_a_student_sixteen_times_smaller(tmp_path: Path) -> None:
    """The fourth student with a quarter of its feature maps, on frames of 64 x 64, eight bits."""
    rng = np.random.default_rng(2)
    model = lively(student("unet").build(widths=(16, 32, 48, 48, 48), size=(64, 64)), rng)
    design = rtl4ml.convert(model, out=tmp_path / "design", target_interval=65_536)
    x = images(model, 20, rng)  # until the pace is steady
    want = expected(design.parsed, x)[0]
    assert len(np.unique(want)) > 10
    np.testing.assert_array_equal(design.emulate(x), want)
    run = design.simulate(x)
    np.testing.assert_array_equal(run.y, want)
    assert run.interval is not None
    assert run.interval == design.cycles.interval == 65_536
    assert run.latency == pytest.approx(design.cycles.latency, rel=0.01)
    np.testing.assert_array_equal(design.simulate(x[:2], stalls="random", seed=1).y, want[:2])
    # While its FIFOs fill frames come late, each when predicted: the interval is not known yet, and not wrong.
    few = design.simulate(x[:4])
    assert (few.latency, few.interval) == (run.latency, None)
    found = design.report()["cycles"]
    assert found["interval"]["rtl"] is None
    assert found["frames"] == {"compared": 24, "as_predicted": 24}
    html = (design.folder / "report.html").read_text(encoding="utf-8")
    assert "too few samples" in html
    assert "each of 24 frames in the predicted cycle" in html
    # The repetition begins at interval `start`: in the second half of fewer than 2 * start of them.
    steps = Stepper(design.netlist).run()
    start = len(steps.ends) - 1 - steps.period
    assert start > 0
    gaps = np.diff(steps.until(2 * start + 4 * len(steps.gaps) + 1))
    late = 2 * start - 1
    assert unsettled(design.netlist, gaps[:late])
    assert not unsettled(design.netlist, np.append(gaps[: late - 1], gaps[late - 1] + 1))
    assert not unsettled(design.netlist, gaps)


@pytest.mark.early
@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_the_fourth_student_whole(tmp_path: Path) -> None:
    """Distilled U-Net 4, 0.985 GMAC at 128 x 128 in eight bits: until its pace is steady, and under stalls."""
    rng = np.random.default_rng(7)
    model = lively(student("unet").build(size=(128, 128)), rng)
    design = rtl4ml.convert(model, out=tmp_path / "design", target_interval=262_144)
    x = images(model, 24, rng)
    want = expected(design.parsed, x)[0]
    assert len(np.unique(want)) > 1000
    np.testing.assert_array_equal(design.emulate(x), want)
    run = design.simulate(x)
    np.testing.assert_array_equal(run.y, want)
    assert run.interval == design.cycles.interval == 262_144
    assert run.latency == pytest.approx(design.cycles.latency, rel=0.01)
    np.testing.assert_array_equal(design.simulate(x[:3], stalls="random", seed=1).y, want[:3])
    report = design.report()
    assert report["efficiency"]["mac_efficiency"] >= 0.95
    assert all(report["resources"]["model"][k] <= v for k, v in report["resources"]["available"].items())
    print(report["seconds"], run.cycles / report["seconds"]["simulate"], "cycles/s")


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("interval", [65_536, 49_152])
def test_the_fourth_student_in_four_bits_with_slices_at_twice_the_clock(
    interval: int, tmp_path: Path
) -> None:
    """The RTL with both clocks, in whole frames; at the shorter interval without them it would not fit the device."""
    rng = np.random.default_rng(7)
    model = lively(student("unet").build(size=(128, 128), weight_bits=4, activation_bits=4), rng)
    design = rtl4ml.convert(model, out=tmp_path / "design", target_interval=interval, pumped=True)
    assert design.cycles.interval == interval
    report = design.report()
    assert all(report["resources"]["model"][k] <= v for k, v in report["resources"]["available"].items())
    x = images(model, 4, rng)
    want = expected(design.parsed, x)[0]
    assert len(np.unique(want)) > 10
    run = design.simulate(x)
    np.testing.assert_array_equal(run.y, want)
    assert run.latency == pytest.approx(design.cycles.latency, rel=0.01)
    assert design.report()["cycles"]["frames"] == {"compared": 4, "as_predicted": 4}
    np.testing.assert_array_equal(design.simulate(x[:1], stalls="random", seed=1).y, want[:1])
    print(report["resources"]["model"], design.report()["seconds"])


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_fourth_student_in_four_bits_keeps_its_pace(tmp_path: Path) -> None:
    """Its frames come late while its FIFOs fill, for 16 of them; the pace is that of its slowest cell all the same."""
    rng = np.random.default_rng(7)
    model = lively(student("unet").build(size=(128, 128), weight_bits=4, activation_bits=4), rng)
    design = rtl4ml.convert(model, out=tmp_path / "design", target_interval=65_536)
    assert design.cycles.interval == 65_536
    report = design.report()
    assert report["efficiency"]["mac_efficiency"] >= 0.95
    assert all(report["resources"]["model"][k] <= v for k, v in report["resources"]["available"].items())
