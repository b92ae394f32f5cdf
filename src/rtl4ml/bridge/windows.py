# SPDX-License-Identifier: Apache-2.0
"""Frames and windows as hls4ml's layers walk over them; convolutions and pools share what is here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rtl4ml.bridge.builder import LayerBuilder, Node, Real
from rtl4ml.ops.conv import Conv, Linear
from rtl4ml.ops.pool import Pool


def is_padded(op: Linear | Pool) -> bool:
    """Whether any side of the frame is padded."""
    return any(p for pair in op.padding for p in pair)


def add_zero_padding(b: LayerBuilder, hint: str, x: Node, padding: Sequence[Sequence[int]]) -> Node:
    """Appends zeros around the frame."""
    shape = _padded(x, padding)
    (top, bottom), (left, right) = padding
    attributes: dict[str, Any] = {
        "data_format": "channels_last", "n_chan": x.shape[-1], "in_width": x.shape[-2], "out_width": shape[-2],
        "pad_left": left, "pad_right": right,
    }  # fmt: skip
    if len(x.shape) == 3:
        attributes |= {
            "in_height": x.shape[0],
            "out_height": shape[0],
            "pad_top": top,
            "pad_bottom": bottom,
        }
    kind = f"ZeroPadding{len(x.shape) - 1}D"
    return b.add(kind, hint, [x], x.type, shape, result=x.precision, **attributes)


def add_margin(b: LayerBuilder, hint: str, x: Node, padding: Sequence[Sequence[int]], value: int) -> Node:
    """Appends an integer around the frame."""
    shape = _padded(x, padding)
    h, w = (1, *x.shape[:-1])[-2:]
    constants = {
        "in_height": h, "in_width": w, "out_height": (1, *shape[:-1])[-2], "out_width": shape[-2],
        "top": padding[0][0], "left": padding[1][0], "value": value, "bits": x.type.width + 1,
    }  # fmt: skip
    return b.add_cell("r4_margin", hint, x, x.type, shape, constants=constants)


def _padded(x: Node, padding: Sequence[Sequence[int]]) -> tuple[int, ...]:
    sizes = padding if len(x.shape) == 3 else padding[1:]
    return (*(n + sum(p) for n, p in zip(x.shape[:-1], sizes, strict=True)), x.shape[-1])


def dilated(kernel: Real, dilation: tuple[int, int]) -> Real:
    """The kernel (KH, KW, ...) with zeros between its taps: hls4ml knows no dilation."""
    (kh, kw), (dh, dw) = kernel.shape[:2], dilation
    out = np.zeros(((kh - 1) * dh + 1, (kw - 1) * dw + 1, *kernel.shape[2:]))
    out[::dh, ::dw] = kernel
    return out


def with_second_row(b: LayerBuilder, op: Linear | Pool, x: Node, kernel: Real) -> tuple[Node, Real]:
    """A kernel of one row gets one of zeros below it, and the frame a row where the last window would need it.

    hls4ml walks such a kernel along every row, those included that the stride steps over. Its pointwise
    convolution does not.
    """
    pointwise = isinstance(op, Conv) and kernel.shape[:2] == (1, 1)
    if len(x.shape) < 3 or kernel.shape[0] > 1 or op.stride[0] == 1 or x.shape[0] == 1 or pointwise:
        return x, kernel
    below = (op.out_hw[0] - 1) * op.stride[0] + 2 - x.shape[0]
    if below > 0:
        x = add_zero_padding(b, f"{op.name}_below", x, ((0, below), (0, 0)))
    return x, np.concatenate([kernel, np.zeros_like(kernel)])


def add_window(b: LayerBuilder, kind: str, op: Linear | Pool, x: Node, kernel: Real, **options: Any) -> Node:
    """Appends a convolution without padding, one- or two-dimensional.

    kind: "Conv" or "DepthwiseConv"; kernel: (KH, KW, ...), of which the size is taken; options: of `LayerBuilder.add`
    """
    n_filt = op.output.channels
    attributes: dict[str, Any] = {
        "data_format": "channels_last", "n_chan": x.shape[-1], "n_filt": n_filt, "use_bias": True,
        "in_width": x.shape[-2], "out_width": op.output.shape[-2], "filt_width": kernel.shape[1],
        "stride_width": op.stride[1], "pad_left": 0, "pad_right": 0,
    }  # fmt: skip
    if kind == "DepthwiseConv":
        attributes["depth_multiplier"] = 1
    rank = len(x.shape) - 1
    if rank == 1:
        weights = options["weights"]
        options["weights"] = {k: v.reshape(v.shape[1:]) if v.ndim == 4 else v for k, v in weights.items()}
    else:
        attributes |= {
            "in_height": x.shape[0], "out_height": op.output.shape[0], "filt_height": kernel.shape[0],
            "stride_height": op.stride[0], "pad_top": 0, "pad_bottom": 0,
        }  # fmt: skip
    return b.add(f"{kind}{rank}D", op.name, [x], op.output.type, op.output.shape, **options, **attributes)


def named(kernel: Real, bias: Real | None, name: str = "weight") -> dict[str, Real]:
    """A kernel and a bias, if there is one, by hls4ml's names."""
    return {name: kernel} if bias is None else {name: kernel, "bias": bias}


def without(bias: Real | None) -> dict[str, Any]:
    """What hls4ml wants to be said of a bias that there is not."""
    return {"bias_data": None} if bias is None else {}
