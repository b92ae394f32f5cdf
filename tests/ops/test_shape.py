# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import rtl_cells

from rtl4ml.errors import UnsupportedLayer
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.op import Op
from rtl4ml.ir.types import Stream
from rtl4ml.lowering.builder import NetlistBuilder
from rtl4ml.ops.shape import Crop, Pad, Reshape, UpSample


def stream(shape: tuple[int, ...], lo: int = -8, hi: int = 7) -> Stream:
    return Stream.covering("x", shape, lo, hi, 2)


def make(kind: type[Op], x: Stream, **fields: Any) -> Op:
    return kind(name="l", inputs=(x,), **fields)


# operator, its input, and the Keras layer that is its definition
CASES: list[tuple[Op, str, dict[str, Any]]] = [
    (make(Reshape, stream((6, 4)), shape=(24,)), "Flatten", {}),
    (make(Reshape, stream((24,)), shape=(2, 3, 4)), "Reshape", {"target_shape": (2, 3, 4)}),
    (make(Reshape, stream((2, 6, 2)), shape=(3, 8)), "Reshape", {"target_shape": (3, 8)}),
    (make(Pad, stream((5, 3)), padding=((0, 0), (2, 1))), "ZeroPadding1D", {"padding": (2, 1)}),
    (make(Pad, stream((2, 5, 3)), padding=((1, 0), (2, 3))), "ZeroPadding2D", {"padding": ((1, 0), (2, 3))}),
    (make(Crop, stream((5, 3)), cropping=((0, 0), (2, 1))), "Cropping1D", {"cropping": (2, 1)}),
    (make(Crop, stream((4, 5, 3)), cropping=((1, 2), (0, 3))), "Cropping2D", {"cropping": ((1, 2), (0, 3))}),
    (make(UpSample, stream((5, 3)), factor=(1, 3)), "UpSampling1D", {"size": 3}),
    (make(UpSample, stream((4, 5, 3)), factor=(3, 2)), "UpSampling2D", {"size": (3, 2)}),
]


@pytest.mark.parametrize(("op", "layer", "config"), CASES, ids=[f"{c[1]}-{c[0].x.shape}" for c in CASES])
def test_golden_is_keras(op: Op, layer: str, config: dict[str, Any], rng: np.random.Generator) -> None:
    from rtl4ml.host.frameworks import keras

    x = rng.integers(op.x.lo, op.x.hi + 1, (3, *op.x.shape))
    want = getattr(keras().layers, layer)(**config)(x.astype(np.float64)).numpy()
    got = op.golden(x)
    assert got.shape == (3, *op.output.shape)
    np.testing.assert_array_equal(got, want)
    assert op.output.type == op.x.type


def test_zeros_of_padding_belong_to_the_range() -> None:
    up = make(Pad, stream((5, 3), 3, 7), padding=((0, 0), (2, 1))).output
    assert (up.lo, up.hi) == (0, 7)
    down = make(Pad, stream((5, 3), -8, -2), padding=((0, 0), (2, 1))).output
    assert (down.lo, down.hi) == (-8, 0)


def test_foldings_take_the_longer_side() -> None:
    def intervals(op: Op) -> list[tuple[int, int, int]]:
        return [(f.pe, f.simd, f.interval) for f in rtl_cells.foldings(op)]

    assert intervals(make(Pad, stream((5, 2)), padding=((0, 0), (2, 1)))) == [(1, 1, 16), (2, 2, 8)]
    assert intervals(make(Crop, stream((5, 2)), cropping=((0, 0), (2, 1)))) == [(1, 1, 10), (2, 2, 5)]
    assert intervals(make(UpSample, stream((5, 2)), factor=(1, 3))) == [(1, 1, 30), (2, 2, 15)]


POSITIONS = (
    "l: the input must be a stream of positions, not of shape (8,); reshape it to (positions, channels)"
)


@pytest.mark.parametrize(
    ("kind", "shape", "fields", "text"),
    [
        (Pad, (8,), {"padding": ((0, 0), (1, 1))}, POSITIONS),
        (Crop, (8,), {"cropping": ((0, 0), (1, 1))}, POSITIONS),
        (UpSample, (8,), {"factor": (1, 2)}, POSITIONS),
        (
            Reshape,
            (4, 2),
            {"shape": (3, 2)},
            "l: the shape must hold the 8 elements of (4, 2), not be (3, 2)",
        ),
        (
            Reshape,
            (4, 2),
            {"shape": (1, 2, 2, 2)},
            "l: the shape must have 1 to 3 axes of at least 1 element, not be (1, 2, 2, 2)",
        ),
        (
            Pad,
            (4, 2),
            {"padding": ((0, 0), (-1, 1))},
            "l: padding must be at least 0, not ((0, 0), (-1, 1)); crop with a cropping layer",
        ),
        (
            Pad,
            (4, 2),
            {"padding": ((1, 0), (1, 1))},
            "l: padding of a 1-D stream must leave its one row alone, not be ((1, 0), (1, 1))",
        ),
        (
            Crop,
            (4, 2),
            {"cropping": ((0, 0), (-1, 1))},
            "l: cropping must be at least 0, not ((0, 0), (-1, 1)); pad with a padding layer",
        ),
        (
            Crop,
            (4, 2),
            {"cropping": ((0, 0), (3, 1))},
            "l: cropping must leave something of (1, 4) positions, not be ((0, 0), (3, 1))",
        ),
        (
            Crop,
            (4, 2),
            {"cropping": ((0, 1), (1, 1))},
            "l: cropping of a 1-D stream must leave its one row alone, not be ((0, 1), (1, 1))",
        ),
        (UpSample, (4, 2), {"factor": (1, 0)}, "l: the factor must be at least 1, not (1, 0)"),
        (
            UpSample,
            (4, 2),
            {"factor": (2, 2)},
            "l: upsampling of a 1-D stream must leave its one row alone, not be (2, 2)",
        ),
    ],
)
def test_refusals(kind: type[Op], shape: tuple[int, ...], fields: dict[str, Any], text: str) -> None:
    with pytest.raises(UnsupportedLayer, match=f"^{re.escape(text)}$"):
        make(kind, stream(shape), **fields)


def test_a_reshape_costs_a_gearbox_at_most() -> None:
    flat = make(Reshape, stream((6, 4)), shape=(24,))

    def modules(lanes_in: int, lanes: int) -> list[str]:
        n = NetlistBuilder(Graph("g", (), (), ()))
        y = rtl_cells.lower(n, flat, rtl_cells.folding(flat, pe=lanes), n.like(flat.x, "x", lanes_in))
        assert (y.lanes, y.lanes * y.beats) == (lanes, flat.x.elements)
        return [c.module for c in n.cells]

    assert modules(4, 4) == []
    assert modules(2, 4) == ["r4_width"]
    assert modules(4, 6) == ["r4_width", "r4_width"]
