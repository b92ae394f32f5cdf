# SPDX-License-Identifier: Apache-2.0
"""Zeros between pixels: the definition, ranges, refusals."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtl4ml.errors import UnsupportedLayer
from rtl4ml.ir.types import Stream
from rtl4ml.ops.stuff import Stuff, Transposed


@given(
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
    st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 3)),
    st.integers(0, 2**16),
)
def test_golden_is_a_kronecker_product(
    factor: tuple[int, int], shape: tuple[int, int, int], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    s = Stream.covering("x", shape, 3, 90, 2)
    op = Stuff(name="l", inputs=(s,), factor=factor)
    x = rng.integers(s.lo, s.hi + 1, (2, *shape))
    corner = np.zeros((*factor, 1), np.int64)
    corner[0, 0] = 1
    y = op.golden(x)
    np.testing.assert_array_equal(y, np.stack([np.kron(a, corner) for a in x]))
    assert op.output.shape == y.shape[1:] and op.output.type.fraction == 2
    assert op.output.lo == (0 if factor != (1, 1) else 3) and op.output.hi == 90


def test_products_with_stuffed_zeros_are_no_work() -> None:
    s = Stuff(name="s", inputs=(Stream.covering("x", (3, 5, 2), -4, 3, 0),), factor=(2, 3)).output
    op = Transposed(
        name="l",
        inputs=(s,),
        weights=np.ones((3, 3, 2, 4), np.int64),
        weight_fraction=np.zeros(4, np.int64),
        padding=((2, 1), (2, 0)),
        stuffed=(2, 3),
    )
    assert op.macs == 3 * 5 * 3 * 3 * 2 * 4


@pytest.mark.parametrize(
    ("shape", "factor", "text"),
    [
        ((4, 4, 2), (0, 1), "l: the factor must be at least 1, not (0, 1)"),
        ((4, 2), (2, 1), "l: stuffing of a 1-D stream must leave its one row alone, not be (2, 1)"),
        (
            (4,),
            (1, 2),
            "l: the input must be a stream of positions, not of shape (4,); reshape it to (positions, channels)",
        ),
    ],
)
def test_refusals(shape: tuple[int, ...], factor: tuple[int, int], text: str) -> None:
    with pytest.raises(UnsupportedLayer, match=f"^{re.escape(text)}$"):
        Stuff(name="l", inputs=(Stream.covering("x", shape, -4, 3, 0),), factor=factor)
