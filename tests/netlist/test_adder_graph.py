# SPDX-License-Identifier: Apache-2.0
"""Adder graphs against the matrix that they stand for."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from rtl4ml.cells.adders import Adders
from rtl4ml.device import ZCU102, Device
from rtl4ml.netlist.adder_graph import AdderGraph, GraphOfAdders, adder_graph
from rtl4ml.netlist.adder_stages import AdderStages, Term
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


def unrolled(inputs: int, outputs: int, device: Device = ZCU102) -> Adders:
    """A layer of random weights of 4 bits."""
    matrix = np.random.default_rng(7).integers(-8, 8, (inputs, outputs))
    graph = adder_graph(matrix, np.full(outputs, 5), 0, 63)
    x, y = Wire("x", inputs, 6, False, 4), Wire("y", outputs, 14, True, 4)
    return Adders(
        name="u_a",
        inputs={"x": x},
        outputs={"y": y},
        operator="a",
        products=matrix.size,
        graph=graph,
        device=device,
    )


def depths(cell: Adders) -> tuple[dict[str, int], dict[int, int]]:
    """Read from the module's text: levels of logic on the longest way to each sum that no register cuts, two for an
    adder of two numbers and three for one of three; and how many adders there are of either.
    """
    deep: dict[str, int] = {}
    many = {2: 0, 3: 0}
    for three, pins in re.findall(r"r4_addsub(3?) #\(.*?\) u_n\d+ \((.*?)\);", cell.text()):
        *reads, made = re.findall(r"\((n\d+_s\d+)\)", pins)
        deep[made] = (3 if three else 2) + max((deep.get(r, 0) for r in reads), default=0)
        many[3 if three else 2] += 1
    return deep, many


def test_two_adders_or_one_of_three_lie_between_registers() -> None:
    cell = unrolled(9, 6)
    deep, many = depths(cell)
    assert many[3] > 0
    assert many[2] + 2 * many[3] == cell.graph.adders
    assert max(deep.values()) == 4
    assert cell.stages == -(-max(n.level for n in cell.graph.nodes) // 2)


def test_a_device_without_adders_of_three_has_none() -> None:
    cell = unrolled(9, 6, replace(ZCU102, adder_inputs=2))
    deep, many = depths(cell)
    assert many == {2: cell.graph.adders, 3: 0}
    assert max(deep.values()) == 4


def test_the_terms_of_adders_are_the_graph() -> None:
    """Its integers by the terms alone, without what other adders absorbed, against the matrix."""
    g = unrolled(16, 8).graph
    stages = AdderStages.of(g, 3)
    x = np.random.default_rng(3).integers(0, 64, (20, 16))
    v = {i: x[:, i] for i in range(g.inputs)}
    for i in range(g.inputs, len(g.nodes)):
        if i in stages.absorbed:
            continue
        terms = stages.terms(i)
        assert not terms[0].subtract
        assert 2 <= len(terms) <= 3
        parts = [(t.constant if t.node is None else v[t.node]) << t.shift for t in terms]
        v[i] = sum(-p if t.subtract else p for p, t in zip(parts, terms, strict=True))
    assert stages.absorbed
    found = np.stack([v[o[0]] << o[1] for o in g.outputs], axis=1)
    np.testing.assert_array_equal(found, g(x))


def test_who_reads_a_sum_twice_keeps_it() -> None:
    """2 * (x0 + x1) - x0 and 3 * (x0 + x1) share x0 + x1; x2 + x3 is only in the third output."""
    n = GraphOfAdders(4, 0, 3)
    shared = n.add((0, 0, 1), (1, 0, 1))
    first = n.add((shared[0], 1, 1), (0, 0, -1))
    second = n.add((shared[0], 0, 1), (shared[0], 1, 1))
    alone = n.add((2, 0, 1), (3, 2, -1))
    third = n.add((1, 0, 1), (alone[0], 1, -1))
    graph = AdderGraph(4, tuple(n.nodes), tuple((o[0], 0) for o in (first, second, third)))
    stages = AdderStages.of(graph, 3)
    assert stages.absorbed == {alone[0]: third[0]}
    assert stages.terms(third[0]) == [Term(1, 0, False), Term(3, 3, False), Term(2, 1, True)]
    assert AdderStages.of(graph, 2).absorbed == {}
