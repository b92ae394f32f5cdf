# SPDX-License-Identifier: Apache-2.0
"""Kernel sizes, strides and padding, as Keras writes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from rtl4ml.errors import UnsupportedLayer
from rtl4ml.frontends.operators import PoolGeometry
from rtl4ml.ir.types import Stream


def same_padding(n: int, k: int, s: int, d: int) -> tuple[int, int]:
    """TensorFlow's "same": ceil(n / s) outputs, the odd zero on the right."""
    total = max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
    return total // 2, total - total // 2


def pairs_of(rank: int, value: Iterable[int] | int) -> tuple[int, int]:
    """A Keras size of a 1-D or 2-D layer as (height, width)."""
    v = tuple(int(i) for i in np.atleast_1d(np.asarray(value)))
    return (1, v[0]) if rank == 2 else (v[0], v[-1])


def padding_of(
    layer: Any,
    hw: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Keras's padding as ((top, bottom), (left, right)). Raises UnsupportedLayer."""
    if layer.padding == "valid":
        return (0, 0), (0, 0)
    if layer.padding == "causal":
        return (0, 0), (dilation[1] * (kernel[1] - 1), 0)
    if layer.padding == "same":
        a, b = (same_padding(n, k, s, d) for n, k, s, d in zip(hw, kernel, stride, dilation, strict=True))
        return a, b
    raise UnsupportedLayer(
        f"{layer.name}: padding must be valid, same or causal, not {layer.padding!r}; change it"
    )


def check_conv(layer: Any, s: Stream, rank: int) -> None:
    """Raises UnsupportedLayer where a convolution's input has another rank or order of axes."""
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        raise UnsupportedLayer(
            f"{layer.name}: data_format must be channels_last, not {layer.data_format}; transpose the model"
        )
    if getattr(layer, "groups", 1) != 1:
        raise UnsupportedLayer(f"{layer.name}: groups must be 1, not {layer.groups}; use a depthwise layer")
    if len(s.shape) != rank:
        raise UnsupportedLayer(
            f"{layer.name}: the input must have {rank} dimensions beside the batch, not {s.shape}; reshape it"
        )


def pooled_size(hw: tuple[int, int], p: PoolGeometry) -> tuple[int, int]:
    """Rows and columns behind a pool."""
    h, w = ((n + sum(e) - k) // t + 1 for n, k, t, e in zip(hw, p.size, p.stride, p.padding, strict=True))
    return h, w


def edges_of(rank: int, value: Any) -> tuple[tuple[int, int], tuple[int, int]]:
    """Keras's padding or cropping as ((top, bottom), (left, right))."""
    v = np.asarray(value).tolist()
    return (
        ((0, 0), (int(v[0]), int(v[1])))
        if rank == 2
        else ((int(v[0][0]), int(v[0][1])), (int(v[1][0]), int(v[1][1])))
    )
