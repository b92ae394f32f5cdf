# SPDX-License-Identifier: Apache-2.0
"""Compiled maps against the functions themselves, on every integer of the range."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rtl4ml.errors import UnsupportedLayer
from rtl4ml.frontends.elementwise import Compiled, Source, compile_functions, is_identity
from rtl4ml.frontends.functions import Floats, Function, Grid, linear
from rtl4ml.frontends.qkeras.quantizers.functions import leaky, relu
from rtl4ml.frontends.qkeras.quantizers.read import read_function
from rtl4ml.frontends.readings import fixed_quantizer
from rtl4ml.host import frameworks
from rtl4ml.ir.mappings import Rounding, Table, Thresholds

Q = frameworks.qkeras()
K = frameworks.keras()


def apply(c: Compiled, x: np.ndarray, channels: int) -> np.ndarray:
    """Real values (n, channels) of a compiled map."""
    k = np.repeat(x[:, None], channels, axis=1)
    y = k if c.mapping is None else c.mapping(k)
    assert c.lo <= y.min() and y.max() <= c.hi
    return np.ldexp(y.astype(float), -c.fraction)


def reference(source: Source, steps: list[Function], x: np.ndarray) -> np.ndarray:
    v: Floats = np.repeat(np.ldexp(x.astype(np.float32), -source.fraction)[:, None], source.channels, axis=1)
    for s in steps:
        v = s.f32(v.astype(np.float32))
    return np.asarray(v, np.float64)


def affine(slope: Any, offset: Any) -> Function:
    a, b = np.float32(slope), np.float32(offset)
    sign = np.where(np.asarray(slope) < 0, -1, 1)
    return Function(
        name="affine",
        f32=lambda x: np.asarray(x, np.float32) * a + b,
        f64=lambda x: np.asarray(x, np.float64) * np.float64(a) + np.float64(b),
        monotone=sign.astype(np.int64),
        per_channel=True,
        layer="bn",
    )


def unproven(f: Function) -> Function:
    from dataclasses import replace

    return replace(f, monotone=0, clip=None, scale=None)


def q(text: str) -> Function:
    return read_function("act", Q.get_quantizer(text))


def whole(source: Source) -> np.ndarray:
    return np.arange(source.lo, source.hi + 1)


QUANTIZED = [
    "quantized_relu(4,1)",
    "quantized_bits(5,2,1)",
    "quantized_tanh(4)",
    "quantized_sigmoid(4)",
    "ternary()",
    "quantized_po2(4)",
    "binary()",
]


@settings(max_examples=60)
@given(
    fraction=st.integers(-2, 14),
    lo=st.integers(-9000, 0),
    hi=st.integers(1, 9000),
    channels=st.integers(1, 4),
    text=st.sampled_from(QUANTIZED),
    seed=st.integers(0, 2**32 - 1),
    between=st.sampled_from(["", "relu", "leaky"]),
)
def test_normalization_and_quantizer(
    fraction: int, lo: int, hi: int, channels: int, text: str, seed: int, between: str
) -> None:
    """Rising and falling channels, whatever the quantizer; proven and unproven functions give the same map."""
    rng = np.random.default_rng(seed)
    source = Source(fraction, lo, hi, channels)
    steps = [affine(rng.normal(0, 1, channels) * 2.0 ** (fraction - 10), rng.normal(0, 1, channels))]
    if between:
        steps.append(relu("r") if between == "relu" else leaky("l", 0.3, K.layers.LeakyReLU(0.3)))
    steps.append(q(text))
    x = whole(source)
    want = reference(source, steps, x)
    np.testing.assert_array_equal(
        apply(compile_functions("act", source, steps, float64=False), x, channels), want
    )
    free = [unproven(s) for s in steps]
    np.testing.assert_array_equal(
        apply(compile_functions("act", source, free, float64=False), x, channels), want
    )


@settings(max_examples=60)
@given(
    fraction=st.integers(-4, 16),
    lo=st.integers(-5000, 0),
    hi=st.integers(1, 5000),
    b=st.integers(2, 9),
    i=st.integers(0, 5),
    scale=st.integers(-4, 4),
    top=st.sampled_from([np.inf, 1.0, 0.7, 6.0]),
    signed=st.booleans(),
)
@example(fraction=8, lo=-500, hi=1000, b=3, i=0, scale=0, top=0.7, signed=True)  # 0.7 rounds up to 3/4
@example(fraction=8, lo=-500, hi=1000, b=3, i=1, scale=1, top=0.7, signed=False)
def test_shifts_and_clips_become_a_rounding(
    fraction: int, lo: int, hi: int, b: int, i: int, scale: int, top: float, signed: bool
) -> None:
    source = Source(fraction, lo, hi, 3)
    half = Function(
        name="scale",
        f32=lambda x: np.ldexp(x, scale),
        f64=None,
        monotone=1,
        scale=scale,
        clip=(-np.inf, np.inf),
    )
    last = Q.quantized_bits(b, i, alpha=1.0) if signed else Q.quantized_relu(b, i)
    steps = [linear(), half, relu("r", top=top), read_function("act", last)]
    c = compile_functions("act", source, steps, float64=False)
    assert c.mapping is None or isinstance(c.mapping, Rounding)
    x = whole(source)
    np.testing.assert_array_equal(apply(c, x, 3), reference(source, steps, x))
    np.testing.assert_array_equal(np.unique(apply(c, x, 3))[[0, -1]] * 2.0**c.fraction, [c.lo, c.hi])


def test_identity() -> None:
    source = Source(7, -128, 127, 4)
    assert is_identity(compile_functions("act", source, [q("quantized_bits(8,0)")], float64=False), source)
    assert is_identity(compile_functions("act", source, [linear()], float64=False), source)
    c = compile_functions("act", source, [q("quantized_bits(8,0,1)")], float64=False)
    assert c.mapping == Rounding(0, -127, 127) and (c.lo, c.hi) == (-127, 127)
    assert is_identity(
        compile_functions("act", Source(7, -127, 127, 4), [q("quantized_bits(8,0,1)")], float64=False),
        Source(7, -127, 127, 4),
    )


def test_a_scale_alone_moves_the_point() -> None:
    source = Source(7, -5, 9, 1)
    half = Function(name="half", f32=lambda x: x / 2, f64=None, scale=-1, clip=(-np.inf, np.inf))
    c = compile_functions("act", source, [half], float64=False)
    assert c.mapping is None and c.fraction == 8 and not is_identity(c, source)


@pytest.mark.parametrize(
    ("text", "source", "kind"),
    [
        ("quantized_relu(6,0)", Source(9, -4000, 4000, 2), Rounding),
        ("quantized_tanh(6)", Source(9, -4000, 4000, 2), Rounding),
        ("quantized_sigmoid(6)", Source(6, -400, 400, 2), Table),
        ("quantized_sigmoid(6)", Source(12, -40000, 40000, 2), Thresholds),
        ("quantized_hswish(6,2)", Source(5, -300, 300, 2), Table),
    ],
)
def test_what_is_chosen(text: str, source: Source, kind: type) -> None:
    c = compile_functions("act", source, [q(text)], float64=False)
    assert isinstance(c.mapping, kind)
    x = whole(source)
    np.testing.assert_array_equal(apply(c, x, 2), reference(source, [q(text)], x))


def test_a_constant_is_a_rounding_that_clips() -> None:
    c = compile_functions(
        "act", Source(4, 0, 300, 2), [affine([-1, -2], [-1, -1]), q("quantized_relu(4)")], float64=False
    )
    assert c.mapping == Rounding(0, 0, 0)
    c = compile_functions("act", Source(4, -9, -1, 2), [q("quantized_relu(4)")], float64=False)
    assert c.mapping == Rounding(0, 0, 0)


def test_constants_of_their_own_by_channel() -> None:
    """As a normalization and a quantizer make them behind a layer whose weights are all zero."""
    steps = [affine([1.0, 1.0, 1.0], [-2.0, 0.0, 2.0]), q("ternary(alpha=1)")]
    c = compile_functions("act", Source(3, 0, 0, 3), steps, float64=False)
    assert isinstance(c.mapping, Table)
    np.testing.assert_array_equal(apply(c, np.zeros(4, np.int64), 3), [[-1, 0, 1]] * 4)


def test_rows_of_a_flattened_stream() -> None:
    source = Source(6, -500, 500, 3)
    steps = [affine([1.0, -0.5, 2.0], [0.1, 0.2, -0.3]), q("quantized_relu(3,1)")]
    rows = np.tile(np.arange(3), 4)
    x = whole(source)
    want = reference(source, steps, x)[:, rows]
    np.testing.assert_array_equal(
        apply(compile_functions("act", source, steps, float64=False, rows=rows), x, 12), want
    )
    wide = Source(12, -20000, 20000, 3)
    want = reference(wide, steps, whole(wide))[:, rows]
    c = compile_functions("act", wide, steps, float64=False, rows=rows)
    assert isinstance(c.mapping, Thresholds) and len(c.mapping.thresholds) == 12
    np.testing.assert_array_equal(apply(c, whole(wide), 12), want)


def test_float64_beyond_what_float32_holds() -> None:
    """Thresholds of a range that nobody could tabulate, against the formula near every one of them."""
    source = Source(30, -(2**40), 2**40, 2)
    steps = [affine([0.01, -0.02], [0.3, 0.1]), q("quantized_relu(4,1)")]
    c = compile_functions("act", source, steps, float64=True)
    assert isinstance(c.mapping, Thresholds)
    near = np.unique(np.concatenate([c.mapping.thresholds.ravel() + d for d in (-1, 0, 1)]))
    near = near[(near >= source.lo) & (near <= source.hi)]
    v: Floats = np.repeat(np.ldexp(near.astype(np.float64), -30)[:, None], 2, axis=1)
    for s in steps:
        assert s.f64 is not None
        v = s.f64(v)
    np.testing.assert_array_equal(apply(c, near, 2), v)
    assert len(np.unique(v)) == 16


def test_rounding_of_a_wide_range_needs_no_evaluation() -> None:
    c = compile_functions("act", Source(30, -(2**50), 2**50, 2), [q("quantized_bits(8,2)")], float64=True)
    assert c.mapping == Rounding(25, -128, 127)


def test_leaky_relu_on_its_own_grid() -> None:
    c = compile_functions(
        "act", Source(3, -40, 40, 2), [leaky("l", 0.25, K.layers.LeakyReLU(0.25))], float64=False
    )
    assert c.fraction == 5 and isinstance(c.mapping, Table)


REFUSED: list[tuple[str, Source, list[Any], bool, str]] = [
    (
        "no grid",
        Source(3, -40, 40, 1),
        [leaky("l", 0.3, K.layers.LeakyReLU(0.3))],
        False,
        "act: its values must lie on a fixed-point grid, not be floats; "
        "put a QActivation with quantized_bits behind it",
    ),
    (
        "no grid over a wide range",
        Source(3, -4000, 4000, 1),
        [leaky("l", 0.25, K.layers.LeakyReLU(0.25))],
        False,
        "act: its values must lie on a fixed-point grid, not be floats; "
        "put a QActivation with quantized_bits behind it",
    ),
    (
        "too many levels",
        Source(3, -(2**20), 2**20, 1),
        [affine([0.3], [0]), q("quantized_bits(14,12)")],
        False,
        "act: an activation that is no shift must have at most 4097 levels, not 16384; "
        "use at most 12 bits in its quantizer",
    ),
    (
        "too many changes",
        Source(13, -(2**17), 2**17, 1),
        [q("quantized_hswish(14,2)")],
        False,
        "act: an activation that is no shift must change its value at most 4096 times, not 9727; "
        "use fewer bits in its quantizer",
    ),
    (
        "a wild function over a wide range",
        Source(30, -(2**40), 2**40, 1),
        [q("quantized_hswish(6,2)")],
        True,
        "act: a function that is not monotone must have at most 2^24 inputs, not 2199023255553; "
        "put a quantizer before it",
    ),
    (
        "a function without a float64 form",
        Source(30, -(2**40), 2**40, 1),
        [read_function("act", K.activations.gelu), q("quantized_relu(4)")],
        True,
        "act: where a sum exceeds 2^24 steps the activation must be known in float64, not gelu; "
        "use fewer bits or another activation",
    ),
    (
        "a shift too far",
        Source(-60, -4, 4, 1),
        [q("quantized_bits(8,0)")],
        False,
        "elementwise: a shift must be at most 40 bits, not 67; use quantizers of like grids",
    ),
    (
        "values off the grid",
        Source(3, -40, 40, 1),
        [Function(name="odd", f32=lambda x: x / 3, f64=None, grid=Grid(2, -99, 99))],
        False,
        "act: every value must lie on the grid of odd, not be -1.66666663; use quantized_bits or quantized_relu",
    ),
    (
        "values that are none",
        Source(3, 0, 40, 1),
        [Function(name="odd", f32=lambda x: x * np.float32(np.inf), f64=None, grid=Grid(2, -99, 99))],
        False,
        "act: every value must be a finite number, not nan; check its weights",
    ),
]


@pytest.mark.parametrize(("case", "source", "steps", "float64", "text"), REFUSED, ids=[r[0] for r in REFUSED])
def test_refused(case: str, source: Source, steps: list[Any], float64: bool, text: str) -> None:
    with pytest.raises(UnsupportedLayer, match=f"^{re.escape(text)}$"), np.errstate(invalid="ignore"):
        compile_functions("act", source, steps, float64=float64)


def test_fixed_quantizer_rounds_halves_to_even_and_saturates() -> None:
    f = fixed_quantizer(Grid(1, -4, 3), "ap_fixed<3,2>")
    np.testing.assert_array_equal(f.f32(np.array([[0.25, 0.75, 9, -9, -0.25]])), [[0, 1, 1.5, -2, 0]])
