# SPDX-License-Identifier: Apache-2.0
"""Plan to hls4ml's list of layers: every operator is written by the writer of its kind."""

from __future__ import annotations

from rtl4ml.bridge.builder import LayerBuilder, Node
from rtl4ml.bridge.layers import (  # noqa: F401 -- they register the writers of their operators
    activation,
    head,
    linear,
    maximum,
    merge,
    pool,
    spatial,
)
from rtl4ml.bridge.precision import precision
from rtl4ml.bridge.registry import write_operator
from rtl4ml.errors import HlsCannot
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.op import Op
from rtl4ml.netlist.plan import Plan

# hls4ml's clone_stream has versions for up to seven readers.
_MOST_READERS = 7


def layer_list(plan: Plan) -> LayerBuilder:
    """The list of layers of a graph. Raises HlsCannot, with a text of every layer that cannot be held."""
    graph, b = plan.graph, LayerBuilder(plan)
    if not graph.ops:
        raise only_quantizes(graph)
    for s in graph.inputs:
        b.add_input(s)
    refused: list[str] = []
    for op in graph.ops:
        b.operator = op.layers[-1] if op.layers else op.name
        try:
            _check_readers(b, op)
            node = write_operator(b, op)
        except HlsCannot as error:
            refused.append(str(error))
            s = op.output  # as if it could be held, to see the others
            node = Node(op.name, s.type, s.shape, precision(s.type))
        b.define(op.output, node)
    if refused:
        raise HlsCannot(*refused)
    for s in graph.outputs:
        b.operator = s.name
        node = b.read(s)
        if node.name in (*b.inputs, *b.outputs) and len(graph.outputs) > 1:  # a layer of its own for each
            node = b.add_cell("r4_rename", f"{node.name}_out", node, node.type, node.shape)
        b.outputs.append(node.name)
    if b.outputs == b.inputs:
        raise only_quantizes(graph)
    return b


def only_quantizes(graph: Graph) -> HlsCannot:
    """The refusal of a model without any layer behind its input."""
    return HlsCannot(f"{graph.name}: hls4ml 1.3 cannot hold a model that only quantizes its input")


def _check_readers(b: LayerBuilder, op: Op) -> None:
    """Raises HlsCannot where more layers read an operator than hls4ml copies a stream to."""
    name = op.output.name
    readers = len(b.graph.readers.get(name, [])) + sum(s.name == name for s in b.graph.outputs)
    if readers > _MOST_READERS:
        raise HlsCannot(
            f"{b.operator}: hls4ml 1.3 cannot copy a stream to {readers} readers, only to {_MOST_READERS}"
        )
