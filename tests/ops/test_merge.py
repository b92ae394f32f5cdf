# SPDX-License-Identifier: Apache-2.0
"""Concatenation and addition: their definition over real numbers, ranges, foldings, refusals, and their netlists."""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import product
from math import prod
from typing import Any

import numpy as np
import pytest
import rtl_cells
from hypothesis import given
from hypothesis import strategies as st

from rtl4ml.errors import UnsupportedLayer
from rtl4ml.ir.op import Op
from rtl4ml.ir.types import Ints, Stream
from rtl4ml.lowering.builder import NetlistBuilder
from rtl4ml.netlist.netlist import Wire
from rtl4ml.ops.merge import Add, Concat, Product, Subtract


def stream(name: str, shape: tuple[int, ...], lo: int, hi: int, fraction: int) -> Stream:
    return Stream.covering(name, shape, lo, hi, fraction)


def ends(s: Stream, rng: np.random.Generator) -> Ints:
    """Samples of a stream, its ends among them."""
    x = rng.integers(s.lo, s.hi + 1, (4, *s.shape))
    x[0], x[1] = s.lo, s.hi
    return x


def real(s: Stream, x: Ints) -> list[Fraction]:
    return [Fraction(int(v)) / Fraction(2) ** s.type.fraction for v in x.reshape(-1)]


sides = st.tuples(st.integers(-300, 300), st.integers(0, 300), st.integers(-3, 6)).map(
    lambda t: (t[0], t[0] + t[1], t[2])
)


@given(st.lists(sides, min_size=2, max_size=4), st.integers(0, 2**16))
def test_add_is_the_sum_of_real_numbers(inputs: list[tuple[int, int, int]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    streams = tuple(stream(f"x{k}", (3, 2), *i) for k, i in enumerate(inputs))
    op = Add(name="l", inputs=streams)
    x = [ends(s, rng) for s in streams]
    before = [a.copy() for a in x]
    y = op.golden(*x)
    want = [
        sum(v, Fraction()) for v in zip(*(real(s, a) for s, a in zip(streams, x, strict=True)), strict=True)
    ]
    assert real(op.output, y) == want
    assert op.output.shape == (3, 2)
    assert (y[0] == op.output.lo).all() and (y[1] == op.output.hi).all(), "the range is tight"
    for a, b in zip(x, before, strict=True):
        np.testing.assert_array_equal(a, b, err_msg="inputs stay as they are")
    partial = [real(s, a)[0] for s, a in zip(streams, x, strict=True)]
    assert op.bound >= abs(sum(partial, Fraction()) * Fraction(2) ** op.output.type.fraction)


@given(sides, sides, st.integers(0, 2**16))
def test_subtract_is_the_difference_of_real_numbers(
    a: tuple[int, int, int], b: tuple[int, int, int], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    streams = (stream("a", (3, 2), *a), stream("b", (3, 2), *b))
    op = Subtract(name="l", inputs=streams)
    x = [ends(s, rng) for s in streams]
    x[1][[0, 1]] = x[1][[1, 0]]  # the least less the greatest
    y = op.golden(*x)
    p, q = (real(s, v) for s, v in zip(streams, x, strict=True))
    assert real(op.output, y) == [i - k for i, k in zip(p, q, strict=True)]
    assert (y[0] == op.output.lo).all() and (y[1] == op.output.hi).all(), "the range is tight"
    step = Fraction(2) ** op.output.type.fraction
    assert op.bound == max(abs(v * step) for v in (*p, *q, *real(op.output, y)))


def test_average_of_two_is_a_sum_whose_point_moved() -> None:
    a, b = stream("a", (2,), -3, 4, 1), stream("b", (2,), 0, 7, 0)
    op = Add(name="l", inputs=(a, b), shift=1)
    y = op.golden(np.array([[3, -1]]), np.array([[1, 2]]))
    assert y.tolist() == [[5, 3]] and str(op.output.type) == "s6.2"
    assert op.output.real(y).tolist() == [[1.25, 0.75]]


@given(st.lists(sides, min_size=2, max_size=4), st.integers(0, 2**16))
def test_product_is_that_of_real_numbers(inputs: list[tuple[int, int, int]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    streams = tuple(stream(f"x{k}", (3, 2), *i) for k, i in enumerate(inputs))
    op = Product(name="l", inputs=streams)
    x = [ends(s, rng) for s in streams]
    before = [a.copy() for a in x]
    y = op.golden(*x)
    assert op.output.lo <= y.min() and y.max() <= op.output.hi
    want = [prod(v) for v in zip(*(real(s, a) for s, a in zip(streams, x, strict=True)), strict=True)]
    assert real(op.output, y) == want
    for a, b in zip(x, before, strict=True):
        np.testing.assert_array_equal(a, b, err_msg="inputs stay as they are")
    least, most = zip(*((s.lo, s.hi) for s in streams), strict=True)
    corners = [prod(v) for v in product(*zip(least, most, strict=True))]
    assert (min(corners), max(corners)) == (op.output.lo, op.output.hi), "the range is tight"


def test_product_refusals() -> None:
    a, b = stream("a", (2, 3), -4, 3, 1), stream("b", (2, 2), 0, 3, 0)
    with pytest.raises(UnsupportedLayer) as caught:
        Product(name="p", inputs=(a, b))
    assert str(caught.value) == (
        "p: multiplied streams must have the same shape, not (2, 3) (a) and (2, 2) (b); nothing is broadcast"
    )
    wide = stream("w", (2, 3), -(2**20), 0, 0)
    with pytest.raises(UnsupportedLayer) as caught:
        Product(name="p", inputs=(wide, wide, wide))
    assert str(caught.value) == (
        f"p: every product must stay below 2^53 steps, not reach {2**60}; use fewer bits"
    )


@given(st.lists(st.tuples(sides, st.integers(1, 4)), min_size=2, max_size=4), st.integers(0, 2**16))
def test_concat_keeps_real_numbers(inputs: list[tuple[tuple[int, int, int], int]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    streams = tuple(stream(f"x{k}", (3, c), *i) for k, (i, c) in enumerate(inputs))
    op = Concat(name="l", inputs=streams)
    x = [ends(s, rng) for s in streams]
    y = op.golden(*x)
    assert y.shape == (4, *op.output.shape)
    at = 0
    for s, a in zip(streams, x, strict=True):
        assert real(op.output, y[..., at : at + s.channels]) == real(s, a)
        at += s.channels
    assert at == op.output.channels
    assert (y.min(), y.max()) == (op.output.lo, op.output.hi), "the range is tight"


def test_golden_is_keras(rng: np.random.Generator) -> None:
    from rtl4ml.host.frameworks import keras

    a, b, c = (
        stream("a", (2, 5, 3), -8, 7, 2),
        stream("b", (2, 5, 3), 0, 15, 4),
        stream("c", (2, 5, 1), -3, 3, 0),
    )
    x = {s.name: ends(s, rng) for s in (a, b, c)}
    v = {s.name: s.real(x[s.name]) for s in (a, b, c)}
    add, concat = Add(name="l", inputs=(a, b)), Concat(name="l", inputs=(a, b, c))
    layers = keras().layers
    np.testing.assert_array_equal(
        add.output.real(add.golden(x["a"], x["b"])), layers.Add()([v["a"], v["b"]]).numpy()
    )
    np.testing.assert_array_equal(
        concat.output.real(concat.golden(x["a"], x["b"], x["c"])),
        layers.Concatenate()([v["a"], v["b"], v["c"]]).numpy(),
    )


def test_bound_covers_partial_sums() -> None:
    a, b = stream("a", (2,), 0, 100, 0), stream("b", (2,), -90, -80, 1)
    op = Add(name="l", inputs=(a, a, b))
    assert (op.output.lo, op.output.hi) == (-90, 320)
    assert op.bound == 400


def test_foldings() -> None:
    a, b = stream("a", (5, 4), -8, 7, 0), stream("b", (5, 6), -8, 7, 0)
    found = [(f.pe, f.simd, f.interval) for f in rtl_cells.foldings(Concat(name="l", inputs=(a, b)))]
    assert found == [(1, 1, 50), (2, 2, 25), (10, 4, 5)]
    found = [(f.pe, f.simd, f.interval) for f in rtl_cells.foldings(Add(name="l", inputs=(a, a)))]
    assert found == [(1, 1, 20), (2, 2, 10), (4, 4, 5)]


@pytest.mark.parametrize(
    ("kind", "shapes", "text"),
    [
        (
            Add,
            [(4, 2)],
            "l: there must be at least 2 streams to join, not 1; take the layer out of the model",
        ),
        (
            Add,
            [(4, 2), (4, 2), (4, 1)],
            "l: added streams must have the same shape, not (4, 2) (x0) and (4, 1) (x2); nothing is broadcast",
        ),
        (
            Subtract,
            [(4, 2), (4, 2), (4, 2)],
            "l: there must be 2 streams to subtract, not 3; subtract one at a time",
        ),
        (
            Subtract,
            [(4, 2), (4, 1)],
            "l: subtracted streams must have the same shape, not (4, 2) (x0) and (4, 1) (x1); nothing is broadcast",
        ),
        (
            Concat,
            [(4, 2), (5, 2)],
            "l: concatenated streams must have the same positions, not (4,) (x0) and (5,) (x1); "
            "pad or crop one of them",
        ),
    ],
)
def test_refusals(kind: type[Op], shapes: list[tuple[int, ...]], text: str) -> None:
    with pytest.raises(UnsupportedLayer, match=f"^{re.escape(text)}$"):
        kind(name="l", inputs=tuple(stream(f"x{k}", s, -8, 7, 0) for k, s in enumerate(shapes)))


def walk(n: NetlistBuilder, values: dict[str, list[int]], pixels: int) -> None:
    """What the cells' parameters say that they do, beat by beat, in Python."""
    for cell in n.cells:
        p: dict[str, Any] = dict(cell.params())
        x = {port: values[w.name] for port, w in cell.inputs.items()}
        if cell.module in ("r4_width", "r4_fifo"):
            values[cell.y.name] = x["x"]
            continue
        a, b = ([v << p[f"Shift{s}"] for v in x[s.lower()]] for s in "AB")
        half = 1 << (cell.y.bits - 1)

        def wrap(v: int, bits: int = cell.y.bits, half: int = half, signed: bool = cell.y.signed) -> int:
            v %= 1 << bits
            return v - 2 * half if signed and v >= half else v

        if cell.module == "r4_add":
            values[cell.y.name] = [wrap(i + k) for i, k in zip(a, b, strict=True)]
        else:
            assert cell.module == "r4_concat"
            na, nb = p["LanesA"] * p["BeatsA"], p["LanesB"] * p["BeatsB"]
            values[cell.y.name] = [
                wrap(v) for k in range(pixels) for v in (*a[k * na : (k + 1) * na], *b[k * nb : (k + 1) * nb])
            ]


@pytest.mark.parametrize("kind", [Add, Concat])
@pytest.mark.parametrize("folding", [0, 1, -1])
def test_chain_of_three_grids(kind: type[Op], folding: int, rng: np.random.Generator) -> None:
    """The cells of three inputs on three grids, entering with other lanes than the folding's."""
    streams = (
        stream("a", (5, 4), -8, 7, 1),
        stream("b", (5, 4 if kind is Add else 2), 0, 300, 0),
        stream("c", (5, 4 if kind is Add else 6), -2, 5, 3),
    )
    op = kind(name="l", inputs=streams)
    chosen = rtl_cells.foldings(op)[folding]
    n = rtl_cells.builder()
    wires: list[Wire] = [n.like(s, s.name, 1) for s in streams]
    y = rtl_cells.lower(n, op, chosen, *wires)
    assert (y.lanes, y.bits, y.signed) == (chosen.pe, op.output.type.width, op.output.type.signed)
    assert y.beats * y.lanes == op.output.elements
    assert max(c.timing().slots for c in n.cells if c.module in ("r4_add", "r4_concat")) == chosen.interval
    x = [ends(s, rng)[2] for s in streams]
    values = {w.name: a.reshape(-1).tolist() for w, a in zip(wires, x, strict=True)}
    walk(n, values, 5)
    assert values[y.name] == op.golden(*(a[None] for a in x)).reshape(-1).tolist()
