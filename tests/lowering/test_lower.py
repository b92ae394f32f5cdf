# SPDX-License-Identifier: Apache-2.0
"""Netlists of graphs in which a stream has several readers."""

from __future__ import annotations

from typing import Any

import pytest

from rtl4ml.folding.explorer import fold
from rtl4ml.frontends.qkeras.importer import parse
from rtl4ml.host import frameworks
from rtl4ml.timing.sizing import sized_netlist

L = frameworks.keras().layers


@pytest.mark.parametrize("second", [False, True])
def test_the_input_comes_in_the_lanes_of_the_port_that_reads_it(second: bool) -> None:
    """A join whose other input is wider than the model's own input reads that in as many lanes as it has."""
    q = frameworks.qkeras()
    weights: dict[str, Any] = {"kernel_quantizer": "quantized_bits(4,0,alpha=1)", "use_bias": False}
    first = L.Input((3,))
    x = q.QActivation("quantized_relu(5,0)")(first)
    y = q.QActivation("quantized_relu(5,1)")(q.QDense(12, **weights)(x))
    y = L.Concatenate()([y, x] if second else [x, y])
    graph = parse(frameworks.keras().Model(first, q.QDense(2, **weights)(y))).graph
    net = sized_netlist(fold(graph, target_interval=3))
    assert {c.layer for c in net.cells} == {"s_axis", *(op.name for op in graph.ops), "m_axis"}
    assert net.input.lanes * net.input.beats == 3
