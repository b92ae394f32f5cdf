# SPDX-License-Identifier: Apache-2.0
"""Operators of several inputs as layers of hls4ml, which joins two streams at a time."""

from __future__ import annotations

from collections.abc import Sequence

from rtl4ml.bridge.builder import LayerBuilder, Node
from rtl4ml.bridge.registry import writes
from rtl4ml.ir.types import Fixed
from rtl4ml.ops.merge import Add, Concat, Merge, Product, Subtract


@writes(Concat)
def _concat(b: LayerBuilder, op: Concat, *xs: Node) -> Node:
    node = xs[0]
    for k, x in enumerate(xs[1:], 1):
        shape = (*node.shape[:-1], node.shape[-1] + x.shape[-1])
        node = b.add(
            "Concatenate", _hint(op, k), [node, x], op.output.type, shape,
            op=f"concatenate{len(shape)}d", axis=-1, data_format="channels_last",
        )  # fmt: skip
    return node


@writes(Add)
def _add(b: LayerBuilder, op: Add, *xs: Node) -> Node:
    out = op.output.type
    # The sum itself: an average's shift moves the point where the result is read.
    t = Fixed(out.signed, out.integer + op.shift, out.fraction - op.shift)
    return _merge(b, op, xs, "add", [t] * len(xs))


@writes(Subtract)
def _subtract(b: LayerBuilder, op: Subtract, *xs: Node) -> Node:
    return _merge(b, op, xs, "subtract", [op.output.type] * len(xs))


@writes(Product)
def _product(b: LayerBuilder, op: Product, *xs: Node) -> Node:
    return _merge(b, op, xs, "multiply", [s.type for s in op.partial])


def _merge(b: LayerBuilder, op: Merge, xs: Sequence[Node], how: str, types: Sequence[Fixed]) -> Node:
    """Appends a merge for each further input; types: of what the inputs up to each make together."""
    node = xs[0]
    for k, x in enumerate(xs[1:], 1):
        node = b.add("Merge", _hint(op, k), [node, x], types[k], op.output.shape, op=how)
    return node


def _hint(op: Merge, k: int) -> str:
    """The name of the layer that joins input `k`; the last has the operator's."""
    return op.name if k == len(op.inputs) - 1 else f"{op.name}_{k}"
