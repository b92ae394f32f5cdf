# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re

import numpy as np
import pytest
import rtl_cells
from hypothesis import given
from hypothesis import strategies as st

from rtl4ml.errors import UnsupportedLayer
from rtl4ml.ir.types import Fixed, Ints, Stream
from rtl4ml.ops.conv import Padding
from rtl4ml.ops.pool import Pool

NONE: Padding = ((0, 0), (0, 0))


def stream(shape: tuple[int, ...], lo: int = -128, hi: int = 127) -> Stream:
    return Stream.covering("x", shape, lo, hi, 4)


def pool(
    x: Stream,
    mode: str,
    size: tuple[int, int],
    stride: tuple[int, int],
    padding: Padding = NONE,
    shift: int = 0,
) -> Pool:
    return Pool(name="p", inputs=(x,), mode=mode, size=size, stride=stride, padding=padding, shift=shift)  # type: ignore[arg-type]


def by_definition(p: Pool, x: Ints) -> Ints:
    """Every window by itself; taps outside of the frame do not exist."""
    h, w, c = p.x.hwc
    x = x.reshape(-1, h, w, c)
    (top, bottom), (left, right) = p.padding
    rows = range(-top, h + bottom - p.size[0] + 1, p.stride[0])
    cols = range(-left, w + right - p.size[1] + 1, p.stride[1])
    y = np.zeros((len(x), len(rows), len(cols), c), np.int64)
    for i, r in enumerate(rows):
        for j, q in enumerate(cols):
            window = x[:, max(r, 0) : r + p.size[0], max(q, 0) : q + p.size[1]]
            y[:, i, j] = window.max((1, 2)) if p.mode == "max" else window.sum((1, 2))
    return y.reshape(len(x), *p.output.shape)


@st.composite
def pools(draw: st.DrawFn) -> Pool:
    two_d = draw(st.booleans())
    size = (draw(st.integers(1, 3)) if two_d else 1, draw(st.integers(1, 4)))
    stride = (draw(st.integers(1, 3)) if two_d else 1, draw(st.integers(1, 5)))
    padding = tuple((draw(st.integers(0, k - 1)), draw(st.integers(0, k - 1))) for k in size)
    h = draw(st.integers(size[0], 6)) if two_d else 1
    w, c = draw(st.integers(size[1], 9)), draw(st.integers(1, 4))
    lo = draw(st.integers(-20, 20))
    x = stream((h, w, c) if two_d else (w, c), lo, draw(st.integers(lo, 25)))
    return pool(x, draw(st.sampled_from(["max", "sum"])), size, stride, padding)  # type: ignore[arg-type]


@given(p=pools(), seed=st.integers(0, 2**32 - 1))
def test_golden_is_the_definition_and_stays_in_its_range(p: Pool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.integers(p.x.lo, p.x.hi + 1, (3, *p.x.shape))
    y = p.golden(x)
    np.testing.assert_array_equal(y, by_definition(p, x))
    assert y.shape[1:] == p.output.shape
    for extreme in (p.x.lo, p.x.hi):
        y = p.golden(np.full((1, *p.x.shape), extreme, np.int64))
        assert p.output.lo <= y.min() and y.max() <= p.output.hi
        assert np.abs(y).max() <= p.bound


@given(p=pools())
def test_the_range_of_the_output_is_reached(p: Pool) -> None:
    ends = [p.golden(np.full((1, *p.x.shape), v, np.int64)) for v in (p.x.lo, p.x.hi)]
    assert min(e.min() for e in ends) == p.output.lo
    assert max(e.max() for e in ends) == p.output.hi


@given(p=pools())
def test_counts_are_the_sum_of_ones(p: Pool) -> None:
    ones = pool(stream(p.x.shape, 0, 1), "sum", p.size, p.stride, p.padding)
    y = ones.golden(np.ones((1, *p.x.shape), np.int64)).reshape(*p.out_hw, -1)
    np.testing.assert_array_equal(y[..., 0], p.counts)


def test_an_average_of_a_power_of_two_moves_the_point() -> None:
    p = pool(stream((8, 3)), "sum", (1, 4), (1, 4), shift=2)
    assert p.output.type == Fixed(True, 3, 6)
    x = np.arange(24).reshape(1, 8, 3)
    np.testing.assert_array_equal(p.output.real(p.golden(x)), x.reshape(1, 2, 4, 3).mean(2) / 16)


@pytest.mark.parametrize("mode", ["max", "sum"])
@pytest.mark.parametrize(("n", "k", "s"), [(9, 3, 3), (9, 3, 2), (7, 2, 2), (8, 4, 3)])
def test_keras_pools_the_same_way(mode: str, n: int, k: int, s: int, rng: np.random.Generator) -> None:
    from rtl4ml.host.frameworks import keras

    x = rng.integers(-128, 128, (4, n, n, 2))
    for name in ("valid", "same"):
        pads = max((-(-n // s) - 1) * s + k - n, 0) if name == "same" else 0
        padding = ((pads // 2, pads - pads // 2),) * 2
        p = pool(stream((n, n, 2)), mode, (k, k), (s, s), padding)  # type: ignore[arg-type]
        layer = getattr(keras().layers, {"max": "MaxPooling2D", "sum": "AveragePooling2D"}[mode])
        want = layer(k, s, name)(x.astype(np.float64)).numpy()
        got = p.golden(x)
        # Keras rounds an average to float32; times its count it is within a half of the integer sum.
        np.testing.assert_array_equal(got, want if mode == "max" else np.round(want * p.counts[..., None]))


@pytest.mark.parametrize(
    ("size", "stride", "padding", "disjoint"),
    [
        ((1, 2), (1, 2), NONE, True),
        ((2, 2), (2, 2), NONE, True),
        ((2, 2), (3, 2), NONE, True),  # rows between windows are dropped
        ((8, 9), (1, 1), NONE, True),  # the whole frame
        ((2, 2), (2, 1), NONE, False),
        ((1, 2), (1, 2), ((0, 0), (0, 1)), False),
    ],
)
def test_disjoint(size: tuple[int, int], stride: tuple[int, int], padding: Padding, disjoint: bool) -> None:
    p = pool(stream((8, 9, 6)), "max", size, stride, padding)
    assert p.disjoint is disjoint
    if disjoint:
        assert {(f.pe, f.simd, f.interval) for f in rtl_cells.foldings(p)} == {
            (lanes, lanes, 8 * 9 * 6 // lanes) for lanes in (1, 2, 3, 6)
        }


def test_foldings_of_overlapping_windows() -> None:
    p = pool(stream((9, 4)), "max", (1, 3), (1, 2), ((0, 0), (1, 1)))
    assert [(f.pe, f.simd, f.interval) for f in rtl_cells.foldings(p)] == [
        (1, 1, 5 * 3 * 4),
        (1, 3, 10 * 4),
        (2, 2, 5 * 3 * 2),
        (2, 6, 10 * 2),
        (4, 4, 5 * 3),
        (4, 12, 10),
    ]


@pytest.mark.parametrize(
    ("x", "arguments", "text"),
    [
        (
            stream((4,)),
            {"size": (1, 2)},
            "p: a pool must read a stream of positions, not of shape (4,); reshape it to (positions, channels)",
        ),
        (stream((4, 1)), {"size": (1, 0)}, "p: the pool size must be at least 1, not (1, 0)"),
        (stream((4, 1)), {"stride": (1, 0)}, "p: the stride must be at least 1, not (1, 0)"),
        (
            stream((4, 1)),
            {"padding": ((0, 0), (0, 2))},
            "p: the padding must be smaller than the pool size (1, 2), not ((0, 0), (0, 2)); "
            "every window must see the input",
        ),
        (
            stream((4, 1)),
            {"size": (1, 5)},
            "p: the pool size must fit the input of (1, 4) positions, not be (1, 5); use a smaller pool size",
        ),
        (
            stream((4, 1)),
            {"size": (2, 2)},
            "p: the pool size must fit the input of (1, 4) positions, not be (2, 2); use a smaller pool size",
        ),
    ],
)
def test_refusals(x: Stream, arguments: dict[str, object], text: str) -> None:
    fields = {"mode": "max", "size": (1, 2), "stride": (1, 2), **arguments}
    with pytest.raises(UnsupportedLayer, match=f"^{re.escape(text)}$"):
        Pool(name="p", inputs=(x,), **fields)  # type: ignore[arg-type]


def test_the_mode_is_max_or_sum() -> None:
    with pytest.raises(ValueError, match=r"^p: mode must be 'max' or 'sum', not 'mean'$"):
        pool(stream((4, 1)), "mean", (1, 2), (1, 2))
