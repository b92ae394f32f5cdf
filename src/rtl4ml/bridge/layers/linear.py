# SPDX-License-Identifier: Apache-2.0
"""Dense layers and convolutions as layers of hls4ml."""

from __future__ import annotations

from math import prod

import numpy as np

from rtl4ml.bridge.builder import LayerBuilder, Node, Real
from rtl4ml.bridge.precision import precision
from rtl4ml.bridge.registry import writes
from rtl4ml.bridge.windows import (
    add_window,
    add_zero_padding,
    dilated,
    is_padded,
    named,
    with_second_row,
    without,
)
from rtl4ml.ir.types import Fixed
from rtl4ml.netlist.plan import Folding
from rtl4ml.ops.conv import Conv, Depthwise, Linear


@writes(Conv)
def _conv(b: LayerBuilder, op: Conv, x: Node) -> Node:
    if len(op.x.shape) == 1:
        return _dense(b, op, x)
    types, kernel, bias = weights(op)
    strategy, reuse = reuse_of(op, b.plan[op])
    if is_padded(op):
        x = add_zero_padding(b, f"{op.name}_pad", x, op.padding)
    x, kernel = with_second_row(b, op, x, dilated(kernel, op.dilation))
    if kernel.shape[:2] != op.kernel:  # the factor must suit the kernel with its zeros
        strategy, reuse = "Latency", 1 if strategy == "Latency" else reuse
    return add_window(
        b, "Conv", op, x, kernel,
        types=types, weights=named(kernel, bias), strategy=strategy, reuse=reuse, **without(bias),
    )  # fmt: skip


def _dense(b: LayerBuilder, op: Conv, x: Node) -> Node:
    types, kernel, bias = weights(op)
    strategy, reuse = reuse_of(op, b.plan[op])
    _, _, n_in, n_out = kernel.shape
    return b.add(
        "Dense", op.name, [x], op.output.type, op.output.shape,
        types=types, weights=named(kernel.reshape(n_in, n_out), bias), strategy=strategy, reuse=reuse,
        n_in=n_in, n_out=n_out, use_bias=bias is not None, **without(bias),
    )  # fmt: skip


@writes(Depthwise)
def _depthwise(b: LayerBuilder, op: Depthwise, x: Node) -> Node:
    types, kernel, bias = weights(op)
    strategy, reuse = reuse_of(op, b.plan[op])
    if is_padded(op):
        x = add_zero_padding(b, f"{op.name}_pad", x, op.padding)
    if op.multiplier > 1:
        shape = (*x.shape[:-1], op.out_channels)
        x = b.add_cell("r4_repeat", f"{op.name}_repeat", x, x.type, shape, constants={"times": op.multiplier})
    kernel = dilated(kernel.reshape(*op.kernel, op.out_channels, 1), op.dilation)
    x, kernel = with_second_row(b, op, x, kernel)
    return add_window(
        b, "DepthwiseConv", op, x, kernel,
        types=types, weights=named(kernel, bias, "depthwise"), strategy=strategy, reuse=reuse, **without(bias),
    )  # fmt: skip


def weights(op: Linear) -> tuple[dict[str, str], Real, Real | None]:
    """Types of accumulator, weights and bias; the real weights and bias."""
    fraction = int(op.weight_fraction.max())
    per_output = fraction - op.weight_fraction
    shape = op.weights.shape
    aligned = op.weights.reshape(-1, op.out_channels) << per_output
    types = {
        "accum": precision(op.output.type),
        "weight": precision(Fixed.covering(int(aligned.min()), int(aligned.max()), fraction)),
    }
    real = np.ldexp(aligned.astype(np.float64), -fraction).reshape(shape)
    if op.bias is None:
        return types, real, None
    types["bias"] = precision(Fixed.covering(int(op.bias.min()), int(op.bias.max()), op.bias_fraction))
    return types, real, np.ldexp(op.bias.astype(np.float64), -op.bias_fraction)


def reuse_of(op: Linear, folding: Folding) -> tuple[str, int]:
    """Strategy and reuse factor with the multipliers of the folding, or more where hls4ml has no such factor.

    A convolution of 6 inputs and 4 outputs with pe=2 and simd=2 makes 4 of 24 products at once: ("Resource", 6).
    """
    n_in, n_out = prod(op.weights.shape[:3]), op.weights.shape[3]
    if isinstance(op, Depthwise):
        lanes = max(1, folding.pe // op.multiplier)
        taps = max(1, folding.simd // lanes)
        return "Latency", max(1, (op.x.channels // lanes) * (prod(op.kernel) // taps))
    want = max(1, (n_in // max(1, folding.simd)) * (n_out // max(1, folding.pe)))
    legal = [rf for rf in range(1, want + 1) if is_legal_reuse(n_in, n_out, rf)]
    return ("Latency", 1) if legal[-1] == 1 else ("Resource", legal[-1])


def is_legal_reuse(n_in: int, n_out: int, reuse: int) -> bool:
    """Whether hls4ml's resource strategy has this reuse factor (FPGABackend._validate_reuse_factor)."""
    limit = -(-n_in * n_out // min(n_in, reuse))
    return (
        (limit % n_out == 0 or reuse >= n_in)
        and (reuse % n_in == 0 or reuse < n_in)
        and n_in * n_out % reuse == 0
    )
