# SPDX-License-Identifier: Apache-2.0
"""U-Nets: QKeras == emulate == RTL on whole networks with skip connections, their FIFOs and their cycles."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from test_cycles import student

import rtl4ml
from rtl4ml import _tf, emit
from rtl4ml import lower as _lower  # noqa: F401 -- the submodule
from rtl4ml.cycles import predict
from rtl4ml.errors import SimulationFailed
from rtl4ml.explore import fold
from rtl4ml.frontend import parse
from rtl4ml.reference import expected
from rtl4ml.simulate import build

lowering = sys.modules["rtl4ml.lower"]


def lively(model: Any, rng: np.random.Generator) -> Any:
    """Weights with which signals neither die nor saturate on the way through many layers."""
    made = []
    for w in model.get_weights():
        if w.ndim == 4:
            fan = w.shape[0] * w.shape[1] * (1 if w.shape[0] == 3 else w.shape[2])
            made.append(rng.normal(0.3 / np.sqrt(fan), np.sqrt(2 / fan), w.shape))
        else:
            made.append(rng.normal(0, 0.1, w.shape))
    model.set_weights(made)
    return model


def images(model: Any, n: int, rng: np.random.Generator) -> np.ndarray:
    return rng.random((n, *model.input_shape[1:])).astype(np.float32)


def any_unet(depth: int, size: tuple[int, int], widths: list[int], bits: list[int], *, add: bool) -> Any:
    """A U-Net of ordinary convolutions on frames of any size: odd maps are padded to their skip's size."""
    layers, q = _tf.keras().layers, _tf.qkeras()

    def conv(x: Any, width: int, b: int) -> Any:
        x = q.QConv2D(
            width, 3, padding="same",
            kernel_quantizer=f"quantized_bits({b},0,alpha=1)", bias_quantizer="quantized_bits(6,1,alpha=1)",
        )(x)  # fmt: skip
        return q.QActivation(f"quantized_relu({b},1)")(x)

    x = first = layers.Input((*size, 2))
    x = q.QActivation("quantized_relu(5,0)")(x)
    skips = []
    for i in range(depth):
        x = conv(x, widths[i], bits[i])
        skips.append(x)
        x = layers.MaxPooling2D(2)(x)
    x = conv(x, widths[depth], bits[depth])
    for i in reversed(range(depth)):
        x = layers.UpSampling2D(2)(x)
        (h, w), (sh, sw) = x.shape[1:3], skips[i].shape[1:3]
        if (h, w) != (sh, sw):
            x = layers.ZeroPadding2D(((0, sh - h), (0, sw - w)))(x)
        x = (
            layers.Add()([conv(x, widths[i], bits[i]), skips[i]])
            if add
            else layers.Concatenate()([x, skips[i]])
        )
        x = conv(x, widths[i], bits[i])
    return _tf.keras().Model(
        first, q.QConv2D(1, 1, kernel_quantizer="quantized_bits(4,0,alpha=1)", use_bias=False)(x)
    )


def test_random_unets() -> None:
    """Depth 1 to 4, odd and non-square frames, mixed bit widths: emulate is exact, and the RTL has a steady pace."""

    @settings(max_examples=8, deadline=None, phases=[Phase.explicit, Phase.generate])
    @given(
        depth=st.integers(1, 4),
        extra=st.tuples(st.integers(0, 9), st.integers(0, 9)),
        widths=st.lists(st.integers(1, 4), min_size=5, max_size=5),
        bits=st.lists(st.integers(2, 6), min_size=5, max_size=5),
        add=st.booleans(),
        seed=st.integers(0, 2**16),
    )
    def check(
        depth: int, extra: tuple[int, int], widths: list[int], bits: list[int], add: bool, seed: int
    ) -> None:
        rng = np.random.default_rng(seed)
        _tf.keras().backend.clear_session()
        size = (2**depth + 1 + extra[0], 2**depth + 1 + extra[1])
        model = lively(any_unet(depth, size, widths, bits, add=add), rng)
        parsed = parse(model)
        x = images(model, 2, rng)
        np.testing.assert_array_equal(parsed.emulate(x)[0], expected(parsed, x)[0])
        netlist = lowering.lower(fold(parsed.graph, target_interval=40 * size[0] * size[1]))
        assert predict(netlist).interval >= max(c.slots for c in netlist.cells)

    check()


@pytest.fixture(scope="module")
def design(tmp_path_factory: pytest.TempPathFactory) -> rtl4ml.Design:
    """The smallest U-Net with two skips."""
    rng = np.random.default_rng(4)
    model = student("unet").build(
        widths=(2, 3, 4), size=(8, 12), channels=1, weight_bits=3, activation_bits=3, blocks=1
    )
    return rtl4ml.convert(
        lively(model, rng), out=tmp_path_factory.mktemp("unet") / "design", target_interval=600
    )


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


def test_skip_fifos_lose_no_entry_unseen(design: rtl4ml.Design, tmp_path: Path) -> None:
    """In the RTL: with one entry less in a skip's FIFO it stands still, or is slower than it was."""
    x = images(design.parsed.model, 12, np.random.default_rng(0))
    frames = design.parsed.quantize_input(x).reshape(len(x), design.netlist.input.beats, -1)
    skips = lowering._skips(design.netlist)
    assert len(skips) == 2
    for name in skips:
        cells = [
            replace(c, depth=c.depth - 1) if c.name == name else c  # type: ignore[call-arg,attr-defined]
            for c in design.netlist.cells
        ]
        folder = tmp_path / name
        folder.mkdir()
        emit.write(replace(design.netlist, cells=tuple(cells)), folder, frames_in_flight=design.frames_in_flight,
                   generated={c.module: c.text() for c in cells if c.generated})  # type: ignore[attr-defined]  # fmt: skip
        sources = sorted(p for p in (folder / "rtl").glob("*.sv") if p.stem != emit.TOP)
        simulator = build(
            folder, emit.TOP, [*sources, folder / "rtl" / f"{emit.TOP}.sv"], images=folder / "mem"
        )
        into, out = design.netlist.input, design.netlist.output
        try:
            run = simulator.run(
                frames,
                in_dtype=f"u{emit.container(into.bits) // 8}",
                out_beats=out.beats,
                out_lanes=out.lanes,
                out_dtype=f"i{emit.container(out.bits) // 8}",
                patience=100_000,
            )
        except SimulationFailed as error:
            assert "must" in str(error)
            continue
        assert run.interval is not None
        assert run.interval > design.cycles.interval, name


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
    assert run.interval <= design.cycles.interval == 65_536
    assert run.latency == pytest.approx(design.cycles.latency, rel=0.01)
    np.testing.assert_array_equal(design.simulate(x[:2], stalls="random", seed=1).y, want[:2])
