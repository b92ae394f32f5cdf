# SPDX-License-Identifier: Apache-2.0
"""The steps of all operators of a block, linear ones together with the rounding behind them."""

from __future__ import annotations

from rtl4ml.emulation import activation, head, linear, merge, spatial  # noqa: F401 -- they register their kernels
from rtl4ml.emulation.block import Block, computed_by
from rtl4ml.emulation.linear import add_linear
from rtl4ml.emulation.registry import INT64, add_golden, add_steps
from rtl4ml.ir.mappings import Rounding
from rtl4ml.ops.activation import Activation
from rtl4ml.ops.conv import Linear


def build(block: Block) -> None:
    """Adds the steps of all operators of the block's graph; each stream's memory is freed behind its last reader."""
    graph = block.graph
    for s in graph.inputs:
        block.hold(s)
    last = {s.name: k for k, op in enumerate(graph.ops) for s in op.inputs}
    keep = {s.name for s in graph.outputs}
    joined: set[str] = set()  # what was made together with its input
    for k, op in enumerate(graph.ops):
        after = _rounding_behind(block, op) if isinstance(op, Linear) else None
        if isinstance(op, Linear) and after is not None:
            joined.add(after.name)
            add_linear(op, block, block.held[op.x.name], block.hold(after.output), after)
        elif op.name not in joined:
            streams = [block.held[s.name] for s in op.inputs]
            kernel = add_golden if computed_by(op) == INT64 else add_steps
            kernel(op, block, *streams, block.hold(op.output))
        gone = {s.name: s for s in op.inputs if last[s.name] == k and s.name not in keep}
        block.drop(s for name, s in gone.items() if name in block.held)
        if op.output.name in block.held and op.output.name not in {*last, *keep}:
            block.drop([op.output])


def _rounding_behind(block: Block, op: Linear) -> Activation | None:
    """The rounding that alone reads a linear operator: both are one then."""
    if op.output in block.graph.outputs:
        return None
    readers = block.graph.readers.get(op.output.name, [])
    if len(readers) != 1:
        return None
    after = readers[0]
    if not isinstance(after, Activation) or not isinstance(after.mapping, Rounding):
        return None
    exact = INT64 not in (computed_by(op), computed_by(after))
    return after if exact else None
