# SPDX-License-Identifier: Apache-2.0
"""Adder graphs against the matrix that they stand for."""

from __future__ import annotations

import re

import numpy as np
import pytest

from rtl4ml.cells.adders import Adders
from rtl4ml.netlist.adder_graph import adder_graph
from rtl4ml.netlist.netlist import Wire


@pytest.mark.parametrize(("lo", "hi"), [(0, 15), (-8, 7), (0, 0), (3, 3), (-1, -1)])
def test_a_graph_is_its_matrix(lo: int, hi: int) -> None:
    """Also for an input that is always the same."""
    rng = np.random.default_rng(7)
    matrix, bias = rng.integers(-8, 8, (5, 4)), rng.integers(-50, 50, 4)
    x = rng.integers(lo, hi + 1, (20, 5))
    np.testing.assert_array_equal(adder_graph(matrix, bias, lo, hi)(x), x @ matrix + bias)


def test_no_output_is_much_deeper_than_it_must_be() -> None:
    """Terms of two digits each (4 bits) of 16 inputs: 5 adders at least, and one more is allowed."""
    matrix = np.random.default_rng(7).integers(-8, 8, (16, 64))
    graph = adder_graph(matrix, np.zeros(64, np.int64), 0, 63)
    assert max(n.level for n in graph.nodes) <= 6


def test_two_adders_lie_between_registers() -> None:
    """Read from the module's text: the longest way through adders that no register cuts."""
    matrix = np.random.default_rng(7).integers(-8, 8, (9, 6))
    graph = adder_graph(matrix, np.full(6, 5), 0, 63)
    x, y = Wire("x", 9, 6, False, 4), Wire("y", 6, 14, True, 4)
    cell = Adders(
        name="u_a", inputs={"x": x}, outputs={"y": y}, operator="a", products=matrix.size, graph=graph
    )
    deep: dict[str, int] = {}
    for pins in re.findall(r"r4_addsub #\(.*?\) u_n\d+ \((.*?)\);", cell.text()):
        *reads, made = re.findall(r"\((n\d+_s\d+)\)", pins)
        deep[made] = 1 + max(deep.get(r, 0) for r in reads)
    assert len(deep) == graph.adders
    assert max(deep.values()) == 2
    assert cell.stages == -(-max(n.level for n in graph.nodes) // 2)
