# SPDX-License-Identifier: Apache-2.0
"""Frames wider than a design's: strips of them against QKeras, which computes the whole frame."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from unets import Unet, images, lively, unets

import rtl4ml
from rtl4ml.cli import main
from rtl4ml.errors import BadInput, BadModel, UnsupportedLayer
from rtl4ml.frontends.parsed import Parsed
from rtl4ml.frontends.qkeras.importer import parse
from rtl4ml.frontends.qkeras.reference import expected
from rtl4ml.host import frameworks
from rtl4ml.ir.reads import COLUMNS, ROWS
from rtl4ml.ir.strips import Strips, strips
from rtl4ml.models import unet as paper

pytestmark = pytest.mark.filterwarnings("ignore:The initializer:UserWarning")  # weights are drawn anew


def small(width: int, **changed: Any) -> Unet:
    """Two levels, of every way down and up that there is."""
    given: dict[str, Any] = {
        "size": (8, width), "widths": (2, 3, 3), "bits": (4, 4, 4), "integers": (1, 1, 1), "weight_bits": (4, 4, 4),
        "kernels": ((3, 3), (2, 3), (3, 3)), "blocks": ("conv", "depthwise", "separable"), "downs": ("max", "stride"),
        "ups": ("nearest", "transposed"), "joins": ("concat", "add"), "fits": ("pad", "pad"), "channels": 2,
    }  # fmt: skip
    return Unet(**(given | changed))


def narrow(unet: Unet) -> tuple[Any, Parsed, Strips]:
    """The model of a U-Net that is as wide as strips must be, or a little wider; its parameters are drawn."""
    rng = np.random.default_rng(unet.size[1])
    while True:
        model = lively(unet.model(), rng)
        parsed = parse(model, **unet.options)
        try:
            return model, parsed, strips(parsed.graph)
        except UnsupportedLayer as error:
            assert "strips must have at least" in str(error)
        rows, columns = unet.size
        unet = replace(unet, size=(rows, columns + 2**unet.depth * 3))


def assert_exact(unet: Unet, more: int, n: int) -> None:
    """Strips, and the layers of the strips' model on whole frames, against the model that has the frames' width."""
    frameworks.keras().backend.clear_session()
    rows, columns = unet.size
    model, parsed, plan = narrow(replace(unet, size=(rows, columns + 2**unet.depth * 3)))
    size = plan.size + more * plan.align
    wide = replace(unet, size=(unet.size[0], size)).model()
    wide.set_weights(model.get_weights())
    x = images(wide, n, np.random.default_rng(more))
    (want,) = expected(parse(wide, **unet.options), x)
    np.testing.assert_array_equal(parsed.emulate(x)[0], want)
    np.testing.assert_array_equal(expected(parsed, x)[0], want)


@pytest.mark.gate
@settings(max_examples=5, phases=[Phase.explicit, Phase.generate])
@given(unet=unets(depth=3), more=st.integers(1, 60))
def test_random_unets(unet: Unet, more: int) -> None:
    """Depth 1 to 3, odd and even frames, all ways down and up, all heads; from one strip more to many."""
    assert_exact(unet, more, 2)


@pytest.mark.slow
@settings(max_examples=40, phases=[Phase.explicit, Phase.generate])
@given(unet=unets(depth=4), more=st.integers(1, 400))
def test_many_random_unets(unet: Unet, more: int) -> None:
    assert_exact(unet, more, 1)


def test_ten_thousand_columns() -> None:
    """A frame of few rows: strips of 64 columns and a whole frame of QKeras, at once."""
    unet = small(64)
    model = lively(unet.model(), np.random.default_rng(0))
    parsed = parse(model)
    plan = strips(parsed.graph)
    assert (plan.align, plan.size) == (4, 64)
    wide = replace(unet, size=(8, 10_000)).model()
    wide.set_weights(model.get_weights())
    x = images(wide, 1, np.random.default_rng(1))
    (want,) = expected(parse(wide), x)
    assert want.shape == (1, 8, 10_000, 1)
    assert len(np.unique(want)) > 20
    np.testing.assert_array_equal(parsed.emulate(x)[0], want)
    assert len(plan.plan(10_000)) == 1 + -(-(10_000 - 64) // plan.step)


def test_averages_with_padding() -> None:
    """Their divisors differ at the frame's edges alone, not at those of strips within."""
    layers, q = frameworks.keras().layers, frameworks.qkeras()

    def model(width: int) -> Any:
        x = first = layers.Input((6, width, 2))
        x = q.QActivation("quantized_relu(6,0)")(x)
        x = layers.AveragePooling2D(3, strides=2, padding="same")(x)
        x = q.QActivation("quantized_relu(5,0)")(x)
        x = layers.AveragePooling2D(2, strides=1, padding="same")(x)
        x = q.QActivation("quantized_relu(6,0)")(x)
        return frameworks.keras().Model(first, x, name="averages")

    for narrow_width, width in ((24, 150), (25, 151)):
        parsed, wide = parse(model(narrow_width)), model(width)
        x = images(wide, 3, np.random.default_rng(2))
        (want,) = expected(parse(wide), x)
        np.testing.assert_array_equal(parsed.emulate(x)[0], want)


def test_the_reach_of_the_papers_unet() -> None:
    """Five levels of two convolutions of 3 taps: 94 columns where strips start at multiples of 16.

    A propagation of booleans through the layers' geometry alone, made before there were strips, found as many.
    """
    model = paper.build(widths=(1, 1, 1, 1, 1), size=(16, 448), weight_bits=4, activation_bits=4, bias_bits=8)
    graph = parse(model).graph
    found = strips(graph, COLUMNS)
    assert found == Strips(axis=COLUMNS, size=448, out=448, align=16, up=1, down=1, before=94, after=94)
    assert found.step == 256
    assert found.cost(960) == 1.4, "three strips"
    tall = parse(
        paper.build(widths=(1, 1, 1, 1, 1), size=(448, 16), weight_bits=4, activation_bits=4, bias_bits=8)
    )
    assert strips(tall.graph, ROWS) == replace(found, axis=ROWS)


@pytest.fixture(scope="module")
def design(tmp_path_factory: pytest.TempPathFactory) -> rtl4ml.Design:
    model = lively(small(40).model(), np.random.default_rng(3))
    return rtl4ml.convert(model, out=tmp_path_factory.mktemp("strips") / "design", target_interval=4000)


def test_a_design_takes_wider_frames(design: rtl4ml.Design) -> None:
    """Each strip is a frame of the hardware; what is compared is the whole frame."""
    x = images(design.parsed.model, 2, np.random.default_rng(4))
    wide = np.random.default_rng(4).random((2, 8, 116, 2)).astype(np.float32)
    y = design.emulate(wide)
    assert y.shape == (2, 8, 116, 1)
    run = design.simulate(wide)
    np.testing.assert_array_equal(run.y, y)
    assert run.interval == design.cycles.interval
    design.emulate(x)
    told = design.exactness
    strip = strips(design.graph)
    assert (told["rtl"].samples, told["rtl"].values, told["rtl"].mismatches) == (2, 2 * 8 * 116, 0)
    assert (told["emulate"].samples, told["emulate"].mismatches) == (4, 0)
    assert design.frames.compared == 2 * len(strip.plan(116))
    assert design.untouched.samples == 2, "no predict takes the wide frames"
    assert design.report()["exactness"]["emulate"]["mismatches"] == 0


def test_frames_that_no_strips_make_are_refused(design: rtl4ml.Design) -> None:
    rng = np.random.default_rng(5)
    with pytest.raises(BadInput) as error:
        design.emulate(rng.random((1, 8, 117, 2)))
    assert str(error.value) == (
        "x: columns must be 40 and a multiple of 4 more, not 117; cut or fill the frames to 116 or 120"
    )
    with pytest.raises(BadInput) as error:
        design.emulate(rng.random((1, 8, 36, 2)))
    assert str(error.value) == "x: must be a batch (N, 8, 40, 2), not (1, 8, 36, 2); reshape it"
    with pytest.raises(BadInput) as error:
        design.emulate(rng.random((1, 8, 116, 3)))
    assert str(error.value) == "x: must be a batch (N, 8, 40, 2), not (1, 8, 116, 3); reshape it"


@pytest.mark.gate
def test_the_c_simulation_takes_wider_frames(design: rtl4ml.Design) -> None:
    x = np.random.default_rng(7).random((1, 8, 84, 2)).astype(np.float32)
    np.testing.assert_array_equal(design.csim(x), design.emulate(x))
    assert design.exactness["csim"].samples == 1 and design.exactness["csim"].mismatches == 0


def test_longer_series() -> None:
    """A 1-D network, with causal padding: a series is a frame of one row."""
    layers, q = frameworks.keras().layers, frameworks.qkeras()
    w = {"kernel_quantizer": "quantized_bits(4,0,alpha=1)", "bias_quantizer": "quantized_bits(8,2,alpha=1)"}

    def model(length: int) -> Any:
        x = first = layers.Input((length, 2))
        x = q.QActivation("quantized_relu(5,0)")(x)
        x = q.QConv1D(3, 3, padding="causal", dilation_rate=4, **w)(x)
        x = q.QActivation("quantized_relu(4,1)")(x)
        x = layers.MaxPooling1D(2)(x)
        x = q.QConv1D(2, 5, padding="same", strides=2, **w)(x)
        return frameworks.keras().Model(first, x, name="series")

    short, long = lively(model(36), np.random.default_rng(8)), model(1036)
    long.set_weights(short.get_weights())
    parsed = parse(short)
    plan = strips(parsed.graph)
    assert (plan.align, plan.up, plan.down) == (4, 1, 4)
    x = images(long, 3, np.random.default_rng(9))
    (want,) = expected(parse(long), x)
    assert want.shape == (3, 259, 2)
    np.testing.assert_array_equal(parsed.emulate(x)[0], want)
    np.testing.assert_array_equal(expected(parsed, x)[0], want)


@pytest.fixture(scope="module")
def narrowed(tmp_path_factory: pytest.TempPathFactory) -> rtl4ml.Design:
    """A model of 116 columns in hardware of 40."""
    model = lively(small(116).model(), np.random.default_rng(3))
    out = tmp_path_factory.mktemp("narrowed") / "design"
    return rtl4ml.convert(model, out=out, target_interval=4000, columns=40)


def test_a_wide_model_in_hardware_of_fewer_columns(narrowed: rtl4ml.Design, design: rtl4ml.Design) -> None:
    """The model's own predict is the reference, and the report counts whole frames."""
    x = images(narrowed.parsed.model, 2, np.random.default_rng(6))
    assert narrowed.graph.inputs[0].shape == (8, 40, 2)
    y = narrowed.emulate(x)
    assert y.shape == (2, 8, 116, 1)
    assert len(np.unique(y)) > 10
    np.testing.assert_array_equal(narrowed.simulate(x).y, y)
    np.testing.assert_array_equal(narrowed.simulate(x[:1], stalls="random", seed=2).y, y[:1])
    assert narrowed.untouched.samples == 2 and narrowed.untouched.mismatches == 0
    found = narrowed.report()
    plan = strips(narrowed.graph)
    number = len(plan.plan(116))
    assert found["strips"] == {
        "frame_columns": 116, "columns": 40, "number": number, "align": 4, "step": plan.step,
        "halo": list(plan.halo), "computed": number * 40 / 116,
    }  # fmt: skip
    assert found["throughput"]["samples_per_s"] == pytest.approx(250e6 / narrowed.cycles.interval / number)
    assert found["exactness"]["rtl"] == {"samples": 2, "values": 2 * 8 * 116, "mismatches": 0}
    assert found["model"]["macs"] == parse(narrowed.parsed.model).graph.macs
    assert "strips" not in design.report()
    one = x[:, :, :40]
    np.testing.assert_array_equal(narrowed.emulate(one), narrowed.reference(one))


COLUMNS_THAT_ARE_NONE = {
    116: "columns: must be fewer than the model's 116, not 116; leave it out",
    42: "columns: must be the model's 116 less a multiple of 4, not 42; take 44 or 40",
    115: "columns: must be the model's 116 less a multiple of 4, not 115; take 112",
    3: "columns: must be the model's 116 less a multiple of 4, not 3; take 4",
    0: "columns: must be a whole number of columns from 1 to 2^31 - 1, not 0; leave it out for the model's",
}


@pytest.mark.parametrize("columns", COLUMNS_THAT_ARE_NONE)
def test_columns_that_make_no_strips_are_refused(columns: int, narrowed: rtl4ml.Design) -> None:
    with pytest.raises(BadInput) as error:
        rtl4ml.convert(narrowed.parsed.model, out="build/never", columns=columns)
    assert str(error.value) == COLUMNS_THAT_ARE_NONE[columns]


def test_the_limit_of_a_frame_is_that_of_the_hardware() -> None:
    layers, q = frameworks.keras().layers, frameworks.qkeras()
    x = first = layers.Input((512, 2**14, 1))
    x = q.QActivation("quantized_relu(4,0)")(x)
    x = q.QConv2D(64, 1, kernel_quantizer="quantized_bits(4,0,alpha=1)", use_bias=False, name="conv")(x)
    model = frameworks.keras().Model(first, x)
    with pytest.raises(BadModel) as error:
        parse(model)
    assert str(error.value) == (
        "conv: a frame must have at most 268,435,456 values, not (512, 16384, 64); take a smaller one, or strips of it "
        "(columns)"
    )
    assert parse(model, columns=2**13).input.shape == (512, 2**13, 1)


def test_strips_that_are_all_halo_are_refused(narrowed: rtl4ml.Design) -> None:
    least = 40 - strips(narrowed.graph).step + 4
    with pytest.raises(UnsupportedLayer, match=rf"^unet: strips must have at least {least} columns, "):
        parse(narrowed.parsed.model).in_strips(least - 4)
    assert parse(narrowed.parsed.model).in_strips(least).shape == (8, 116, 2)


def test_the_command_line_takes_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lively(small(116).model(), np.random.default_rng(3)).save("m.keras")
    assert main.run(["convert", "m.keras", "--columns", "40", "--target-interval", "4000"]) == 0
    assert json.loads(Path("build/m/report.json").read_text())["strips"]["columns"] == 40


def test_sums_beyond_float32() -> None:
    """The reference in float64 takes the whole frame too."""
    layers, q = frameworks.keras().layers, frameworks.qkeras()
    w = {"kernel_quantizer": "quantized_bits(16,0,alpha=1)", "bias_quantizer": "quantized_bits(16,0,alpha=1)"}

    def model(width: int) -> Any:
        x = first = layers.Input((4, width, 2))
        x = q.QActivation("quantized_relu(16,0)")(x)
        x = q.QConv2D(2, 3, padding="same", **w)(x)
        return frameworks.keras().Model(first, x, name="wide_sums")

    narrow_model, wide = model(16), model(70)
    wide.set_weights(narrow_model.get_weights())
    parsed = parse(narrow_model)
    assert not parsed.graph.float32_exact
    x = images(wide, 2, np.random.default_rng(2))
    (want,) = expected(parse(wide), x)
    np.testing.assert_array_equal(parsed.emulate(x)[0], want)
    np.testing.assert_array_equal(expected(parsed, x)[0], want)
