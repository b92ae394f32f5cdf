# SPDX-License-Identifier: Apache-2.0
"""The builder that front ends share, with a framework that is made up here."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from rtl4ml.errors import BadInput, BadModel, UnsupportedLayer
from rtl4ml.frontends.builder import GraphBuilder, Value
from rtl4ml.frontends.functions import EVERYTHING, Floats, Function, Grid, linear
from rtl4ml.frontends.heads import add_argmax, add_mask
from rtl4ml.frontends.operators import PoolGeometry
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.mappings import Rounding, Table
from rtl4ml.ir.types import FLOAT32_EXACT, Fixed, Stream
from rtl4ml.ops.activation import Activation


def builder(evaluator: Any = lambda origin, steps: None, **options: Any) -> GraphBuilder:
    given = {"reserved": frozenset({"conv", "conv_act"}), "float64": False}
    return GraphBuilder(evaluator=evaluator, **(given | options))


def stream(hi: int = 100, fraction: int = 3, shape: tuple[int, ...] = (4, 2)) -> Stream:
    return Stream("x", shape, Fixed.covering(-hi, hi, fraction), -hi, hi)


def rounding(fraction: int, hi: int = 7) -> Function:
    """To the multiples of 2**-fraction from 0 to hi of them."""

    def f(x: Floats) -> Floats:
        return np.ldexp(np.clip(np.rint(np.ldexp(x, fraction)), 0, hi), -fraction)

    grid = Grid(fraction, 0, hi)
    return Function(
        name="round", f32=f, f64=f, monotone=1, grid=grid, clip=EVERYTHING, rounding=fraction, layer="act"
    )


def times(factor: float, *, layer: str = "scale") -> Function:
    """A product that is no shift."""

    def f(x: Floats) -> Floats:
        return np.asarray(x * np.float32(factor))

    return Function(name="times", f32=f, f64=f, monotone=1 if factor > 0 else -1, layer=layer)


def test_the_front_end_below_all_frameworks_knows_none() -> None:
    code = (
        "import sys, rtl4ml.frontends.heads, rtl4ml.frontends.builder, rtl4ml.frontends.parsed\n"
        "known = [m for m in sys.modules if m.startswith(('tensorflow', 'tf_keras', 'rtl4ml.frontends.qkeras'))]\n"
        "assert not known and 'rtl4ml.host.frameworks' not in sys.modules, known\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_functions_wait_and_become_one_activation() -> None:
    b = builder()
    v = b.waiting("scale", Value(stream()), times(0.3))
    assert [f.name for f in v.steps] == ["times"] and not b.ops
    done = b.quantized("act", v, rounding(1))
    (op,) = b.ops
    assert isinstance(op, Activation) and isinstance(op.mapping, Table)
    assert (op.name, op.layers, done.stream, done.steps) == ("act", ("scale", "act"), op.output, ())
    k = np.arange(-100, 101)
    scaled = np.ldexp(k, -3).astype(np.float32) * np.float32(0.3)
    want = np.clip(np.rint(2 * scaled), 0, 7)
    np.testing.assert_array_equal(op.mapping(k[:, None])[:, 0], want)


def test_the_frameworks_evaluator_computes_what_stands_in_a_row() -> None:
    asked = []

    def evaluator(origin: Any, steps: Sequence[Function]) -> Callable[[Floats], Floats]:
        asked.append((origin, [f.name for f in steps]))
        return lambda x: np.full_like(x, 1.5)

    b = builder(evaluator)
    b.quantized("act", b.waiting("scale", Value(stream(), origin="conv"), times(0.3)), rounding(1))
    assert asked == [("conv", ["times", "round"])]
    (op,) = b.ops
    assert isinstance(op, Activation) and op.mapping == Rounding(0, 3, 3)


def test_what_is_said_of_a_waiting_function() -> None:
    v = builder().waiting("scale", Value(stream(), alone=False, moved=True), times(2))
    assert v.steps[0].has_other_readers and v.steps[0].after_move and not v.moved


def test_names_step_aside_of_layers() -> None:
    b = builder()
    assert [b.name("conv"), b.name("conv"), b.name("conv", "act"), b.name("a b/c")] == [
        "conv", "conv_2", "conv_act_2", "a_b_c",
    ]  # fmt: skip


def test_behind_a_waiting_pool_nothing_falls() -> None:
    b = builder()
    v = Value(stream(), pools=(PoolGeometry("pool", (1, 2), (1, 2), ((0, 0), (0, 0))),))
    with pytest.raises(UnsupportedLayer, match="what follows pool must be a function that never falls"):
        b.waiting("scale", v, times(-1))
    assert b.quantized("act", v, rounding(1)).stream.shape == (2, 2)


@pytest.mark.parametrize("float64", [False, True])
def test_a_sum_beyond_float32_asks_for_float64(float64: bool) -> None:
    """Until the builder of a model sees that, functions stay uncompiled: float32 would evaluate them wrongly."""
    b = builder(float64=float64)
    b.passed("conv", stream(FLOAT32_EXACT))
    assert not b.needs_float64()
    wide = b.passed("conv", stream(FLOAT32_EXACT + 1))
    assert b.bound == FLOAT32_EXACT + 1
    assert b.needs_float64() is not float64
    v = b.quantized("act", b.waiting("scale", Value(wide), times(0.3)), rounding(1))
    assert (v.stream is wide) is not float64
    assert len(b.ops) == (3 if float64 else 2)


def test_a_bias_of_floats_is_refused() -> None:
    bias = Function(name="bias", f32=lambda x: x, f64=None, layer="conv")
    with pytest.raises(UnsupportedLayer, match=r"^conv: bias must lie on a fixed-point grid"):
        builder().settled("conv", Value(stream(), (bias,)))


def test_classes_and_masks() -> None:
    b = builder()
    s = stream(shape=(3, 3, 1))
    classes = stream(shape=(5,))
    y = add_argmax(b, "conv", classes)
    assert (y.shape, y.lo, y.hi) == ((1,), 0, 4)
    mask = add_mask(b, "conv", s, Value(s), 0.5, opening=1)
    g = Graph("g", (s,), tuple(b.ops[1:]), (mask,))
    x = np.full((2, 3, 3, 1), 4)  # a half, which reaches the threshold
    x[0] = 3
    x[0, 1, 1] = 4  # a pixel alone, which the opening takes
    (got,) = g.emulate([x])
    assert not got[0].any()
    assert got[1].all()


def test_refused_heads() -> None:
    b, s = builder(), stream(shape=(3, 1))
    with pytest.raises(BadModel, match=r"^out: output='argmax' must go with several channels, not 1"):
        add_argmax(b, "out", s)
    with pytest.raises(BadModel, match=r"^out: output='mask' must go with one channel, not 2"):
        add_mask(b, "out", stream(), Value(stream()), 0.5, None)
    sigmoid = Value(s, (Function(name="sigmoid", f32=lambda x: x, f64=None),))
    with pytest.raises(BadInput, match=r"^out: threshold of a sigmoid must be above 0 and at most 1, not 0"):
        add_mask(b, "out", s, sigmoid, 0, None)
    with pytest.raises(BadModel, match=r"^out: opening must go with a mask of rows and columns"):
        add_mask(b, "out", s, Value(s, (linear(),)), 0.5, 2)
