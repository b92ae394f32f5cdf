# SPDX-License-Identifier: Apache-2.0
"""Bilinear upsampling: TensorFlow's own numbers, ranges, refusals."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtl4ml.errors import UnsupportedLayer
from rtl4ml.host import frameworks
from rtl4ml.ir.types import Stream
from rtl4ml.ops.bilinear import Bilinear

FACTORS = st.tuples(st.sampled_from([1, 2, 4, 8]), st.sampled_from([1, 2, 4, 8])).filter(
    lambda f: f != (1, 1)
)


@given(FACTORS, st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 3)), st.integers(0, 2**16))
def test_golden_is_tensorflows(factor: tuple[int, int], shape: tuple[int, int, int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    s = Stream.covering("x", shape, -37, 90, 3)
    op = Bilinear(name="l", inputs=(s,), factor=factor)
    x = rng.integers(s.lo, s.hi + 1, (3, *shape))
    x[0], x[1] = s.lo, s.hi
    y = op.golden(x)
    size = [n * f for n, f in zip(shape[:2], factor, strict=True)]
    want = frameworks.tf().image.resize(s.real(x).astype(np.float32), size, method="bilinear").numpy()
    np.testing.assert_array_equal(op.output.real(y), want)
    assert (y.min(), y.max()) == (op.output.lo, op.output.hi), "the range is tight"
    assert op.output.type.fraction == 3 + sum(int(np.log2(2 * f)) for f in factor if f > 1)


@pytest.mark.parametrize(
    ("shape", "bits", "factor", "text"),
    [
        ((4, 4, 2), 8, (2, 3), "l: the factors of bilinear upsampling must be powers of two, not (2, 3)"),
        ((4, 4, 2), 8, (0, 2), "l: the factors of bilinear upsampling must be powers of two, not (0, 2)"),
        ((4, 4, 2), 8, (1, 1), "l: the factors of bilinear upsampling must be powers of two, not (1, 1)"),
        ((4, 2), 8, (2, 2), "l: upsampling of a 1-D stream must leave its one row alone, not be (2, 2)"),
        (
            (4, 4, 2),
            50,
            (2, 2),
            f"l: every sum must stay below 2^53 steps, not reach {2**54}; use fewer bits",
        ),
    ],
)
def test_refusals(shape: tuple[int, ...], bits: int, factor: tuple[int, int], text: str) -> None:
    s = Stream.covering("x", shape, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1, 0)
    with pytest.raises(UnsupportedLayer, match=f"^{re.escape(text)}$"):
        Bilinear(name="l", inputs=(s,), factor=factor)
