# SPDX-License-Identifier: Apache-2.0
"""Maximum and minimum of streams: their definition over real numbers, ranges, foldings, refusals, and their cells."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import rtl_cells
from hypothesis import given
from hypothesis import strategies as st

from rtl4ml.errors import UnsupportedLayer
from rtl4ml.frontends.qkeras.reference64 import predict64
from rtl4ml.host import frameworks
from rtl4ml.ir.types import Ints, Stream
from rtl4ml.netlist.netlist import Wire
from rtl4ml.ops.maximum import Extremum, Maximum, Minimum

# least, greatest, fraction
Side = tuple[int, int, int]
sides = st.tuples(st.integers(-300, 300), st.integers(0, 300), st.integers(-3, 6)).map(
    lambda t: (t[0], t[0] + t[1], t[2])
)


def operator(*inputs: Side, shape: tuple[int, ...] = (3, 2), kind: type[Extremum] = Maximum) -> Extremum:
    streams = tuple(Stream.covering(f"x{k}", shape, *i) for k, i in enumerate(inputs))
    return kind(name="l", inputs=streams)


def samples(s: Stream, rng: np.random.Generator) -> Ints:
    """Random integers of a stream, after samples of its least and of its greatest."""
    x = rng.integers(s.lo, s.hi + 1, (4, *s.shape))
    x[0], x[1] = s.lo, s.hi
    return x


def real(s: Stream, x: Ints) -> list[Fraction]:
    return [Fraction(int(v)) / Fraction(2) ** s.type.fraction for v in x.reshape(-1)]


@pytest.mark.parametrize(("kind", "choose"), [(Maximum, max), (Minimum, min)])
@given(inputs=st.lists(sides, min_size=2, max_size=4), seed=st.integers(0, 2**16))
def test_is_that_of_real_numbers(kind: type[Extremum], choose: Any, inputs: list[Side], seed: int) -> None:
    rng = np.random.default_rng(seed)
    op = operator(*inputs, kind=kind)
    x = [samples(s, rng) for s in op.inputs]
    before = [a.copy() for a in x]
    y = op.golden(*x)
    values = [real(s, a) for s, a in zip(op.inputs, x, strict=True)]
    assert real(op.output, y) == [choose(v) for v in zip(*values, strict=True)]
    assert op.output.shape == (3, 2)
    assert (y[0] == op.output.lo).all() and (y[1] == op.output.hi).all(), "the range is tight"
    for a, b in zip(x, before, strict=True):
        np.testing.assert_array_equal(a, b, err_msg="inputs stay as they are")
    fraction = Fraction(2) ** op.output.type.fraction
    assert op.bound == max(abs(v * fraction) for row in values for v in row)


def test_golden_is_keras(rng: np.random.Generator) -> None:
    op = operator((-8, 7, 2), (0, 15, 4), (-3, 3, 0), shape=(2, 5, 3))
    x = [samples(s, rng) for s in op.inputs]
    want = frameworks.keras().layers.Maximum()([s.real(a) for s, a in zip(op.inputs, x, strict=True)])
    np.testing.assert_array_equal(op.output.real(op.golden(*x)), want.numpy())


def test_reference_in_float64(rng: np.random.Generator) -> None:
    """The formulas for models beyond float32 know the layer."""
    keras, q = frameworks.keras(), frameworks.qkeras()
    x = keras.Input((5, 3))
    bits = ("quantized_bits(6,0,alpha=1)", "quantized_bits(3,1,alpha=1)", "quantized_relu(4,0)")
    sides = [q.QActivation(b)(x) for b in bits]
    model = keras.Model(x, keras.layers.Maximum()(sides))
    given = rng.uniform(-2, 2, (9, 5, 3))
    np.testing.assert_array_equal(predict64(model, given)[0], model.predict(given, verbose=0))


def test_type_is_that_of_the_maximum() -> None:
    """What no input can fall below and what the greatest input reaches; a sign only where all inputs have one."""
    op = operator((-128, 5, 0), (0, 7, 0))
    assert (op.output.lo, op.output.hi, str(op.output.type)) == (0, 7, "u3.0")
    op = operator((-8, 7, 0), (-4, 1, 1), (3, 5, 2))
    assert [(s.lo, s.hi, str(s.type)) for s in op.partial] == [
        (-8, 7, "s4.0"),
        (-4, 14, "s5.1"),
        (3, 28, "u5.2"),
    ]
    assert op.bound == 32


def test_type_is_that_of_the_minimum() -> None:
    """What no input can rise above and what the least input reaches; a sign where any input has one."""
    op = operator((-8, 7, 0), (0, 200, 0), kind=Minimum)
    assert (op.output.lo, op.output.hi, str(op.output.type)) == (-8, 7, "s4.0")
    op = operator((0, 15, 0), (3, 9, 1), kind=Minimum)
    assert (op.output.lo, op.output.hi, str(op.output.type), op.bound) == (0, 9, "u4.1", 30)


def test_foldings() -> None:
    found = [
        (f.pe, f.simd, f.interval) for f in rtl_cells.foldings(operator((0, 1, 0), (0, 1, 0), shape=(5, 4)))
    ]
    assert found == [(1, 1, 20), (2, 2, 10), (4, 4, 5)]


@pytest.mark.parametrize(
    ("shapes", "text"),
    [
        ([(4, 2)], "l: there must be at least 2 streams to join, not 1; take the layer out of the model"),
        (
            [(4, 2), (4, 2), (4, 1)],
            "l: compared streams must have the same shape, not (4, 2) (x0) and (4, 1) (x2); nothing is broadcast",
        ),
    ],
)
def test_refusals(shapes: list[tuple[int, ...]], text: str) -> None:
    streams = tuple(Stream.covering(f"x{k}", s, -8, 7, 0) for k, s in enumerate(shapes))
    with pytest.raises(UnsupportedLayer, match=f"^{re.escape(text)}$"):
        Maximum(name="l", inputs=streams)


@pytest.mark.parametrize("folding", [0, 1, -1])
def test_chain_of_three_grids(folding: int, rng: np.random.Generator) -> None:
    """What the parameters of the cells say, on three grids, entering with other lanes than the folding's."""
    op = operator((-8, 7, 1), (-3, 30, 0), (2, 90, 3), shape=(5, 4))
    chosen = rtl_cells.foldings(op)[folding]
    n = rtl_cells.builder()
    wires: list[Wire] = [n.like(s, s.name, 1) for s in op.inputs]
    y = rtl_cells.lower(n, op, chosen, *wires)
    assert (y.lanes, y.bits, y.signed) == (chosen.pe, op.output.type.width, op.output.type.signed)
    x = [samples(s, rng)[2] for s in op.inputs]
    values = {w.name: a.reshape(-1) for w, a in zip(wires, x, strict=True)}
    for cell in n.cells:
        given: dict[str, Any] = {port: values[w.name] for port, w in cell.inputs.items()}
        if cell.module == "r4_max":
            p: dict[str, Any] = dict(cell.params())
            values[cell.y.name] = np.maximum(given["a"] << p["ShiftA"], given["b"] << p["ShiftB"])
            assert cell.timing().slots == chosen.interval
        else:
            assert cell.module in ("r4_width", "r4_fifo")
            values[cell.y.name] = given["x"]
    assert [c.module for c in n.cells].count("r4_max") == 2
    np.testing.assert_array_equal(values[y.name], op.golden(*(a[None] for a in x)).reshape(-1))
