# SPDX-License-Identifier: Apache-2.0
"""Adder graphs against the matrix that they stand for."""

from __future__ import annotations

import numpy as np
import pytest

from rtl4ml.netlist.adder_graph import adder_graph


@pytest.mark.parametrize(("lo", "hi"), [(0, 15), (-8, 7), (0, 0), (3, 3), (-1, -1)])
def test_a_graph_is_its_matrix(lo: int, hi: int) -> None:
    """Also for an input that is always the same."""
    rng = np.random.default_rng(7)
    matrix, bias = rng.integers(-8, 8, (5, 4)), rng.integers(-50, 50, 4)
    x = rng.integers(lo, hi + 1, (20, 5))
    np.testing.assert_array_equal(adder_graph(matrix, bias, lo, hi)(x), x @ matrix + bias)
