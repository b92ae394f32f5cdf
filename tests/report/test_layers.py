# SPDX-License-Identifier: Apache-2.0
"""What the report says of a layer beside its cost: types."""

from __future__ import annotations

import numpy as np

from rtl4ml.ir.types import Fixed, Stream
from rtl4ml.ops.conv import Dense
from rtl4ml.report.layers import weights


def dense(fraction: list[int]) -> Dense:
    """Four inputs to two outputs, weights of -3 to 3 with a fraction for each output."""
    x = Stream("x", (4,), Fixed(False, 0, 4), 0, 15)
    values = np.array([[1, -3], [2, 3], [0, 1], [3, -2]]).reshape(1, 1, 4, 2)
    return Dense(name="d", inputs=(x,), weights=values, weight_fraction=np.array(fraction))


def test_weights_have_a_fraction_where_all_channels_have_the_same() -> None:
    assert weights(dense([2, 2])) == "s3.2"
    assert weights(dense([2, 3])) == "s3"
