# SPDX-License-Identifier: Apache-2.0
"""What the report says of a layer beside its cost: types, and how often a multiplier is used."""

from __future__ import annotations

import numpy as np

from rtl4ml.ir.types import Fixed, Stream
from rtl4ml.netlist.plan import Folding
from rtl4ml.ops.conv import Conv, Dense
from rtl4ml.report.layers import reuse, weights


def dense(fraction: list[int]) -> Dense:
    """Four inputs to two outputs, weights of -3 to 3 with a fraction for each output."""
    x = Stream("x", (4,), Fixed(False, 0, 4), 0, 15)
    values = np.array([[1, -3], [2, 3], [0, 1], [3, -2]]).reshape(1, 1, 4, 2)
    return Dense(name="d", inputs=(x,), weights=values, weight_fraction=np.array(fraction))


def test_reuse_is_products_of_a_position_by_multipliers() -> None:
    assert reuse(dense([2, 2]), Folding(pe=1, simd=2)) == 4, "8 products, 2 at once"
    assert reuse(dense([2, 2]), Folding(pe=2, simd=4)) == 1
    x = Stream("x", (5, 4), Fixed(False, 0, 4), 0, 15)
    conv = Conv(
        name="c", inputs=(x,), weights=np.ones((1, 3, 4, 6), np.int64), weight_fraction=np.zeros(6, np.int64)
    )
    assert reuse(conv, Folding(pe=3, simd=4)) == 6, "72 products at each of three positions"


def test_weights_have_a_fraction_where_all_channels_have_the_same() -> None:
    assert weights(dense([2, 2])) == "s3.2"
    assert weights(dense([2, 3])) == "s3"
