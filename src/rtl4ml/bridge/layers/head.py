# SPDX-License-Identifier: Apache-2.0
"""Classes and masks at the output as layers of hls4ml, all of them functions of our own."""

from __future__ import annotations

from rtl4ml.bridge.builder import LayerBuilder, Node
from rtl4ml.bridge.registry import writes
from rtl4ml.ops.head import ArgMax, Mask
from rtl4ml.ops.opening import Opening


@writes(ArgMax)
def _argmax(b: LayerBuilder, op: ArgMax, x: Node) -> Node:
    t = op.output.type
    return b.add_cell("r4_argmax", op.name, x, t, op.output.shape, constants={"bits": t.width + 2})


@writes(Mask)
def _mask(b: LayerBuilder, op: Mask, x: Node) -> Node:
    bits = max(x.type.width, op.threshold.bit_length()) + 2
    constants = {"threshold": op.threshold, "bits": bits}
    return b.add_cell("r4_mask", op.name, x, op.output.type, op.output.shape, constants=constants)


@writes(Opening)
def _opening(b: LayerBuilder, op: Opening, x: Node) -> Node:
    """An erosion, then a dilation."""
    h, w, _ = op.x.hwc
    for name, outside in ((f"{op.name}_erosion", 1), (op.name, 0)):
        constants = {"height": h, "width": w, "radius": op.radius, "outside": outside}
        x = b.add_cell("r4_morph", name, x, op.output.type, op.output.shape, constants=constants)
    return x
