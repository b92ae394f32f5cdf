# SPDX-License-Identifier: Apache-2.0
"""Every quantizer of QKeras: its grid, its float32 and float64 forms, and the integers of quantized weights."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtl4ml.errors import BadModel, UnsupportedLayer
from rtl4ml.frontends.functions import Grid
from rtl4ml.frontends.qkeras.quantizers.live import without_residue
from rtl4ml.frontends.qkeras.quantizers.precision import parse_precision
from rtl4ml.frontends.qkeras.quantizers.read import read_function
from rtl4ml.frontends.qkeras.quantizers.weights import read_weights
from rtl4ml.frontends.weights import to_grid
from rtl4ml.host import frameworks
from rtl4ml.steps import step_activation

Q = frameworks.qkeras()
TF = frameworks.tf()

QUANTIZERS = [
    Q.quantized_bits(8, 0, alpha=1.0),
    Q.quantized_bits(8, 3),
    Q.quantized_bits(4, 2, 1),
    Q.quantized_bits(6, 1, keep_negative=False),
    Q.quantized_bits(1, 0, alpha=1.0),
    Q.quantized_bits(6, 0, 1, alpha=0.5),
    Q.quantized_bits(4, 0, alpha=8.0),
    Q.quantized_bits(6, 1, use_stochastic_rounding=True),
    Q.quantized_relu(4, 1),
    Q.quantized_relu(8, 2, negative_slope=0.25),
    Q.quantized_relu(3, 1, negative_slope=0.0625),
    Q.quantized_relu(6, 3, is_quantized_clip=False, relu_upper_bound=6.0),
    Q.quantized_relu(6, 3, is_quantized_clip=False),
    Q.quantized_relu(6, 3, relu_upper_bound=6.0),
    Q.quantized_relu(5, 1, use_sigmoid=1),
    Q.quantized_relu(5, 1, use_sigmoid=1, negative_slope=0.25),
    Q.binary(),
    Q.binary(alpha=1.0),
    Q.binary(alpha=0.25),
    Q.binary(use_01=True, alpha=2.0),
    Q.ternary(),
    Q.ternary(alpha=2.0, threshold=1.5),
    Q.quantized_po2(4),
    Q.quantized_po2(4, max_value=2),
    Q.quantized_po2(4, max_value=0.75),
    Q.quantized_po2(4, log2_rounding="floor"),
    Q.quantized_po2(4, quadratic_approximation=True),
    Q.quantized_relu_po2(4),
    Q.quantized_relu_po2(4, 2, negative_slope=0.25),
    Q.quantized_relu_po2(3, 1),
    Q.quantized_tanh(6),
    Q.quantized_tanh(6, use_real_tanh=True, symmetric=True),
    Q.quantized_sigmoid(6),
    Q.quantized_sigmoid(6, use_real_sigmoid=True, symmetric=True),
    Q.quantized_hswish(8, 2),
    Q.quantized_hswish(8, 2, relu_shift=2, relu_upper_bound=4),
    step_activation(2),
    step_activation(8, gradient="tanh"),
    step_activation(1, signed=False),
    step_activation(5, signed=False, gradient="tanh"),
]
IDS = [f"{i} {type(q).__name__}" for i, q in enumerate(QUANTIZERS)]


@pytest.mark.parametrize("q", QUANTIZERS, ids=IDS)
def test_values_are_the_quantizers_own_and_lie_on_the_grid(q: Any, rng: np.random.Generator) -> None:
    f = read_function("layer", q)
    assert f.grid is not None
    x = np.concatenate([np.arange(-2048, 2049) / 256, rng.normal(0, 3, 4000), [-0.0, 40.0, -40.0]])
    x = x.astype(np.float32)[:, None]
    y = f.f32(x)
    np.testing.assert_allclose(y, np.asarray(q(TF.constant(x))), rtol=2**-18, atol=2**-16)
    k = np.ldexp(y.astype(np.float64), f.grid.fraction)
    assert set(np.unique(k)) <= {float(v) for v in f.grid.levels(f.grid.lo, f.grid.hi)}
    inside = np.asarray(q(TF.constant(x[:4097])))  # x on a grid and within 2^24 steps: no residue at all
    np.testing.assert_array_equal(y[:4097], inside)


@pytest.mark.parametrize("q", QUANTIZERS, ids=IDS)
def test_grid_has_no_unused_ends(q: Any) -> None:
    f = read_function("layer", q)
    x = np.concatenate([np.arange(-4096, 4097) / 64, [2.0**20, -(2.0**20)]]).astype(np.float32)[:, None]
    k = np.ldexp(f.f32(x).astype(np.float64), f.grid.fraction)
    if "hswish" in f.name:  # its parabola ends far above the grid's lower end
        assert k.max() == f.grid.hi
    else:
        assert (k.min(), k.max()) == (f.grid.lo, f.grid.hi)


@pytest.mark.parametrize("q", QUANTIZERS, ids=IDS)
def test_float64_form_is_the_same_function(q: Any) -> None:
    f = read_function("layer", q)
    x = np.arange(-(2**14), 2**14)[:, None] / 2**10
    assert f.f64 is not None
    different = f.f64(x) != f.f32(x.astype(np.float32))
    # Only a logarithm, a division or an exponential may fall on the other side of a rounding, at single points.
    smooth = re.match(r"quantized_(po2|relu_po2|hswish|tanh|sigmoid)|step_activation", type(q).__name__)
    assert different.sum() <= (8 if smooth else 0)


@pytest.mark.parametrize("q", QUANTIZERS, ids=IDS)
def test_monotone_means_monotone(q: Any) -> None:
    f = read_function("layer", q)
    y = f.f32(np.arange(-(2**15), 2**15)[:, None].astype(np.float32) / 2**12)
    if f.monotone == 1:
        assert (np.diff(y[:, 0]) >= 0).all()


@settings(max_examples=60)
@given(
    b=st.integers(1, 12),
    i=st.integers(0, 6),
    symmetric=st.booleans(),
    keep=st.booleans(),
    alpha=st.sampled_from([None, 1.0, 0.25, 4.0]),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_quantized_bits(
    b: int, i: int, symmetric: bool, keep: bool, alpha: float | None, seed: int
) -> None:
    q = Q.quantized_bits(b, i, int(symmetric), keep_negative=keep, alpha=alpha)
    f = read_function("layer", q)
    x = np.random.default_rng(seed).integers(-(2**12), 2**12, (300, 1)).astype(np.float32) / 2**6
    want = np.asarray(q(TF.constant(x)))
    if b == 1 and keep and symmetric and f.grid.sparse is None:
        pytest.fail("one bit is binary")
    np.testing.assert_array_equal(f.f32(x), want)
    assert f.f64 is not None
    np.testing.assert_array_equal(f.f64(x), want)


def test_no_residue_far_outside_the_range() -> None:
    q = Q.quantized_bits(8, 0, alpha=1.0)
    x = np.array([[1e6 + 0.3], [-2e7]], np.float32)
    assert not np.array_equal(np.asarray(q(TF.constant(x))), [[127 / 128], [-1]])  # QKeras itself
    np.testing.assert_array_equal(read_function("layer", q).f32(x), [[127 / 128], [-1]])
    binary = Q.binary(alpha=1.0)
    x = np.array([[1e7 + 0.5], [-33333.3]], np.float32)
    np.testing.assert_array_equal(read_function("layer", binary).f32(x), [[1], [-1]])


def test_reading_leaves_the_quantizer_as_it_is() -> None:
    q = Q.quantized_bits(4, 0, alpha="auto_po2")
    before = dict(vars(q))
    read_weights("layer", "weights", q, np.eye(3), 3)
    assert vars(q) == before and q.use_ste


def test_without_residue_is_undone() -> None:
    layer = Q.QActivation(Q.quantized_bits(8))
    with pytest.raises(RuntimeError), without_residue(layer):
        assert not layer.quantizer.use_ste
        raise RuntimeError
    assert layer.quantizer.use_ste


@pytest.mark.parametrize("mode", ["hard", "smooth", "real"])
def test_the_sigmoid_that_qkeras_was_set_to(mode: str) -> None:
    Q.quantizers.set_internal_sigmoid(mode)
    try:
        for q in (Q.quantized_sigmoid(5), Q.quantized_tanh(5), Q.quantized_relu(5, 1, use_sigmoid=1)):
            f = read_function("layer", q)
            x = np.arange(-500, 500)[:, None] / 64
            want = np.asarray(q(TF.constant(x.astype(np.float32))))
            np.testing.assert_array_equal(f.f32(x), want)
            assert f.f64 is not None
            assert (f.f64(x) != want).sum() <= 2
    finally:
        Q.quantizers.set_internal_sigmoid("hard")


# -- weights ------------------------------------------------------------------------------------------------


WEIGHTS = [
    (Q.quantized_bits(6, 0, alpha=1.0), 6),
    (Q.quantized_bits(6, 2, 1), 6),
    (Q.quantized_bits(5, 0, alpha="auto_po2"), 5),
    (Q.quantized_bits(5, 1, alpha=0.25), 5),
    (Q.binary(alpha="auto_po2"), 1),
    (Q.binary(alpha=1.0), 1),
    (Q.binary(), 1),
    (Q.ternary(alpha="auto_po2"), 1),
    (Q.ternary(), 1),
    (Q.stochastic_binary(), 0),
    (Q.quantized_po2(4), 16),
    (Q.quantized_relu_po2(3), 8),
    (Q.quantized_tanh(5), 5),
]


@pytest.mark.parametrize(("q", "bits"), [w for w in WEIGHTS if w[1]], ids=lambda v: type(v).__name__)
def test_weights(q: Any, bits: int, rng: np.random.Generator) -> None:
    trained = (rng.normal(0, 0.7, (3, 4, 5)) * [1, 0.1, 3, 1, 0.5]).astype(np.float32)
    w = read_weights("layer", "weights", q, trained, 5)
    np.testing.assert_array_equal(w.real.reshape(trained.shape), np.asarray(q(TF.constant(trained))))
    assert w.width <= bits
    assert (w.integers % 2).any(), "the grid must be the coarsest"


def test_scales_of_channels_are_taken_out(rng: np.random.Generator) -> None:
    trained = rng.normal(0, 1, (200, 3)) * [0.01, 1, 30]
    w = read_weights("layer", "weights", Q.ternary(alpha="auto_po2"), trained, 3)
    assert w.width == 1 and len(set(w.fraction)) == 3


def test_one_grid_where_channels_gain_nothing(rng: np.random.Generator) -> None:
    trained = rng.normal(0, 0.5, (50, 4))
    trained[:, 2] = 0.5
    trained[:, 3] = 0.0
    w = read_weights("layer", "weights", Q.quantized_bits(6, 0, alpha=1.0), trained, 4)
    assert w.fraction.tolist() == [5, 5, 5, 5]


@given(st.lists(st.tuples(st.integers(-(2**23), 2**23), st.integers(-30, 30)), min_size=1, max_size=20))
def test_to_grid_gives_the_values_back(pairs: list[tuple[int, int]]) -> None:
    v = np.array([[m * 2.0**e] for m, e in pairs])
    w = to_grid(v.astype(np.float32))
    if w.integers.max() < np.iinfo(np.int64).max:
        np.testing.assert_array_equal(w.real, v)
        assert not w.integers.any() or (w.integers % 2).any()


def test_to_grid_of_values_too_far_apart() -> None:
    assert to_grid(np.array([[1e-30], [1e30]], np.float32)).width == 63


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_that_are_no_numbers(bad: float) -> None:
    with pytest.raises(
        BadModel, match=f"^layer: bias must be finite numbers, not {bad}; train or load the model again$"
    ):
        read_weights("layer", "bias", Q.quantized_bits(4), [bad], 1)


REFUSED = [
    (
        Q.quantized_bits(4, alpha=0.3),
        "layer: the scale (alpha) of weights must be a power of two, not 0.3; use alpha=1 or alpha='auto_po2'",
    ),
    (
        Q.stochastic_binary(),
        "layer: the quantizer must be deterministic, not stochastic_binary; use binary or ternary",
    ),
    (
        None,
        "layer: weights must lie on a fixed-point grid, not be floats of a layer without a quantizer for them; "
        "use QKeras's layer with quantized_bits",
    ),
    (
        Q.quantized_po2(8),
        "layer: weights must fit 24 bits on a power-of-two grid, not span 63; use fewer bits in quantized_po2(8)",
    ),
    (
        len,
        "layer: the quantizer of weights must be one of binary, quantized_bits, quantized_hswish, "
        "quantized_po2, "
        "quantized_relu, quantized_relu_po2, quantized_sigmoid, quantized_tanh, step_activation, ternary, "
        "not builtin_function_or_method; use quantized_bits",
    ),
]


@pytest.mark.parametrize(("q", "text"), REFUSED, ids=lambda v: type(v).__name__)
def test_refused_weights(q: Any, text: str) -> None:
    trained = [[0.3, 1e-30, 0.0], [0.7, 2.0, -0.1]]
    with pytest.raises(UnsupportedLayer, match=f"^{re.escape(text)}$"):
        read_weights("layer", "weights", q, trained, 3)


def test_a_quantizer_that_fails() -> None:
    q = Q.ternary(alpha="auto_po2", threshold=0.5)  # QKeras asserts that these exclude each other
    with pytest.raises(
        UnsupportedLayer,
        match=r"^layer: weights must pass through its quantizer, not raise AssertionError; mend the model$",
    ):
        read_weights("layer", "weights", q, np.eye(2), 2)


@pytest.mark.parametrize(
    ("integer", "text"),
    [
        (np.array([0, 1]), "layer: integer bits must be one number, not [0, 1]; use one for all channels"),
        (
            -1,
            "layer: integer bits must be at least 0, for QKeras 0.9 fails below, not -1; use 0 and more bits",
        ),
    ],
)
def test_integer_bits(integer: Any, text: str) -> None:
    q = Q.quantized_bits(4, alpha=1.0)
    q.integer = integer
    with pytest.raises(UnsupportedLayer, match=f"^{re.escape(text)}$"):
        read_function("layer", q)


def test_activation_that_nobody_knows() -> None:
    text = (
        "layer: the activation must be a quantizer of QKeras or an elementwise activation of Keras, not <lambda>; "
        "use quantized_relu or quantized_bits"
    )
    with pytest.raises(UnsupportedLayer, match=f"^{re.escape(text)}$"):
        read_function("layer", lambda x: x)


@pytest.mark.parametrize(
    ("text", "grid"),
    [
        ("ap_fixed<8,1>", Grid(7, -128, 127)),
        ("ufixed<3,5>", Grid(-2, 0, 7)),
        ("quantized_bits(4,1,1)", Grid(2, -7, 7)),
    ],
)
def test_precision(text: str, grid: Grid) -> None:
    assert parse_precision(text) == grid
