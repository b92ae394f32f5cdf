# SPDX-License-Identifier: Apache-2.0
"""Pools as layers of hls4ml."""

from __future__ import annotations

from typing import Any

import numpy as np

from rtl4ml.bridge.builder import LayerBuilder, Node
from rtl4ml.bridge.precision import precision
from rtl4ml.bridge.registry import writes
from rtl4ml.bridge.windows import (
    add_margin,
    add_window,
    add_zero_padding,
    is_padded,
    named,
    with_second_row,
    without,
)
from rtl4ml.errors import HlsCannot
from rtl4ml.ir.types import Fixed
from rtl4ml.ops.pool import Pool


@writes(Pool)
def _pool(b: LayerBuilder, op: Pool, x: Node) -> Node:
    return _sum(b, op, x) if op.mode == "sum" else _maximum(b, op, x)


def _sum(b: LayerBuilder, op: Pool, x: Node) -> Node:
    """A sum is a depthwise convolution with ones, or a function of our own where it is over the whole frame."""
    h, w, c = op.x.hwc
    out = op.output.type
    # The sum itself: an average's shift moves the point where the result is read.
    t = Fixed(out.signed, out.integer + op.shift, out.fraction - op.shift)
    if op.size == (h, w) and not is_padded(op):
        constants = {"n_pixels": h * w, "bits": t.width + 1}
        return b.add_cell("r4_global_sum", op.name, x, t, op.output.shape, constants=constants)
    if is_padded(op):
        x = add_zero_padding(b, f"{op.name}_pad", x, op.padding)
    x, ones = with_second_row(b, op, x, np.ones((*op.size, c, 1)))
    types = {"accum": precision(t), "weight": precision(Fixed(False, 1, 0))}
    node = add_window(
        b, "DepthwiseConv", op, x, ones, types=types, weights=named(ones, None, "depthwise"),
        strategy="Latency", **without(None), result=precision(t),
    )  # fmt: skip
    return Node(node.name, t, node.shape, node.precision)


def _maximum(b: LayerBuilder, op: Pool, x: Node) -> Node:
    """A maximum as hls4ml has it: in two dimensions only of windows that lie side by side."""
    rank = len(op.x.shape) - 1
    if rank == 2 and op.size != op.stride:
        over = any(k > s for k, s in zip(op.size, op.stride, strict=True))
        how = "overlapping windows" if over else "windows that lie apart"
        raise HlsCannot(
            f"{b.operator}: hls4ml 1.3 cannot pool {how} in two dimensions, "
            f"size {op.size} with stride {op.stride}"
        )
    if is_padded(op):
        x = add_margin(b, f"{op.name}_pad", x, op.padding, op.pad_value)
    attributes: dict[str, Any] = {
        "n_filt": op.x.channels, "pool_width": op.size[1], "stride_width": op.stride[1],
        "pad_left": 0, "pad_right": 0, "data_format": "channels_last", "count_pad": False,
    }  # fmt: skip
    if rank == 1:
        attributes |= {"n_in": x.shape[0], "n_out": op.out_hw[1]}
    else:
        attributes |= {
            "in_height": x.shape[0], "in_width": x.shape[1], "out_height": op.out_hw[0],
            "out_width": op.out_hw[1], "pool_height": op.size[0], "stride_height": op.stride[0],
            "pad_top": 0, "pad_bottom": 0,
        }  # fmt: skip
    types = {"accum": precision(x.type)}
    return b.add(f"MaxPooling{rank}D", op.name, [x], x.type, op.output.shape, types=types, **attributes)
