# SPDX-License-Identifier: Apache-2.0
"""The maximum and the minimum of streams as layers of hls4ml, which compares two streams at a time."""

from __future__ import annotations

from rtl4ml.bridge.builder import LayerBuilder, Node
from rtl4ml.bridge.registry import writes
from rtl4ml.ops.maximum import Extremum, Maximum, Minimum


@writes(Maximum, Minimum)
def _extremum(b: LayerBuilder, op: Extremum, *xs: Node) -> Node:
    node, *more = xs
    for x, made in zip(more, op.partial[1:], strict=True):
        node = b.add("Merge", made.name, [node, x], made.type, made.shape, op=op.op.lower())
    return node
