# SPDX-License-Identifier: Apache-2.0
"""Operators that move or join pixels, on the arrays of a block."""

from __future__ import annotations

import numpy as np

from rtl4ml.emulation.block import Array, Block, DType, Held, computed_by
from rtl4ml.emulation.registry import BOOL, add_steps, join_parts, made_in
from rtl4ml.ops.bilinear import Bilinear
from rtl4ml.ops.opening import Opening
from rtl4ml.ops.pool import Pool
from rtl4ml.ops.scale import Scale
from rtl4ml.ops.shape import Crop, Pad, Reshape, UpSample
from rtl4ml.ops.stuff import Stuff

# -- windows of pools and masks ------------------------------------------------------------------------------


@add_steps.register
def _pool(op: Pool, block: Block, x: Held, y: Held) -> None:
    dtype, (top, bottom), (left, right) = computed_by(op), *op.padding
    if not (top or bottom or left or right):
        _windowed(op, block, x.values, y, dtype)
        return
    c, h, w, n = x.values.shape
    with block.scratch((c, top + h + bottom, left + w + right, n), x.values.dtype) as framed:
        block.add(framed.fill, op.pad_value)
        block.add(np.copyto, framed[:, top : top + h, left : left + w], x.values)
        _windowed(op, block, framed, y, dtype)


def _windowed(op: Pool, block: Block, x: Array, y: Held, dtype: DType) -> None:
    """Rows first, then columns."""
    join = np.maximum if op.mode == "max" else np.add
    (kh, kw), (sh, sw), (oh, ow) = op.size, op.stride, op.out_hw
    x = x[:, :, : (ow - 1) * sw + kw]
    tall = [x[:, i : i + (oh - 1) * sh + 1 : sh] for i in range(kh)]
    with (
        made_in(block, y, dtype) as a,
        block.scratch((x.shape[0], oh, *x.shape[2:]), dtype) as between,
    ):
        if kw == 1 and sw == 1:
            join_parts(block, join, tall, a)
            return
        if kh > 1:
            join_parts(block, join, tall, between)
            source = between
        else:
            source = tall[0]
        join_parts(block, join, [source[:, :, j : j + (ow - 1) * sw + 1 : sw] for j in range(kw)], a)


@add_steps.register
def _opening(op: Opening, block: Block, x: Held, y: Held) -> None:
    r, (_, h, w, n) = op.radius, x.values.shape
    span = range(-r, r + 1)
    disk = [(r + i, r + j) for i in span for j in span if i * i + j * j <= r * r]
    with (
        block.scratch((1, h + 2 * r, w + 2 * r, n), BOOL) as framed,
        block.scratch((1, h, w, n), BOOL) as made,
    ):
        inside = framed[:, r : r + h, r : r + w]
        for join, outside, source in ((np.logical_and, True, x.values), (np.logical_or, False, made)):
            block.add(framed.fill, outside)
            block.add(np.copyto, inside, source, casting="unsafe")
            join_parts(block, join, [framed[:, i : i + h, j : j + w] for i, j in disk], made)
        block.add(np.copyto, y.values, made)


# -- places --------------------------------------------------------------------------------------------------


@add_steps.register
def _reshape(op: Reshape, block: Block, x: Held, y: Held) -> None:
    """Elements keep the order of rows, columns and channels, but lie elsewhere in a block."""
    (h, w, c), n = op.output.hwc, block.size
    ordered, out = x.values.transpose(1, 2, 0, 3), y.values.transpose(1, 2, 0, 3)
    if out.flags.c_contiguous:
        block.add(np.copyto, out.reshape(ordered.shape), ordered)
    else:
        with block.scratch(ordered.shape, x.values.dtype) as between:
            block.add(np.copyto, between, ordered)
            block.add(np.copyto, out, between.reshape(h, w, c, n))


@add_steps.register
def _pad(op: Pad, block: Block, x: Held, y: Held) -> None:
    (top, _), (left, _) = op.padding
    _, h, w, _ = x.values.shape
    block.add(np.copyto, y.values, 0)
    block.add(np.copyto, y.values[:, top : top + h, left : left + w], x.values)


@add_steps.register
def _crop(op: Crop, block: Block, x: Held, y: Held) -> None:
    (top, _), (left, _) = op.cropping
    h, w = op.out_hw
    block.add(np.copyto, y.values, x.values[:, top : top + h, left : left + w])


@add_steps.register
def _repeat(op: UpSample, block: Block, x: Held, y: Held) -> None:
    down, right = op.factor
    for j in range(right):
        block.add(np.copyto, y.values[:, ::down, j::right], x.values)
    for i in range(1, down):
        block.add(np.copyto, y.values[:, i::down], y.values[:, ::down])


@add_steps.register
def _stuff(op: Stuff, block: Block, x: Held, y: Held) -> None:
    if op.factor != (1, 1):
        block.add(np.copyto, y.values, 0)
    block.add(np.copyto, y.values[:, :: op.factor[0], :: op.factor[1]], x.values)


@add_steps.register
def _bilinear(op: Bilinear, block: Block, x: Held, y: Held) -> None:
    dtype = computed_by(op)
    c, h, w, n = x.values.shape
    with made_in(block, y, dtype) as a, block.scratch((c, h * op.factor[0], w, n), dtype) as between:
        if op.factor[1] == 1:
            _blend(block, x.values, 1, op.factor[0], a)
        elif op.factor[0] == 1:
            _blend(block, x.values, 2, op.factor[1], a)
        else:
            _blend(block, x.values, 1, op.factor[0], between)
            _blend(block, between, 2, op.factor[1], a)


def _blend(block: Block, x: Array, axis: int, factor: int, out: Array) -> None:
    """Linear upsampling as `blended` has it; every place between two pixels is one pass over all of them."""
    dtype, length = out.dtype, x.shape[axis]
    longer = tuple(n + 2 * (k == axis) for k, n in enumerate(x.shape))

    def along(a: Array, first: int, end: int | None, step: int = 1) -> Array:
        return a[(slice(None),) * axis + (slice(first, end, step),)]

    with block.scratch(longer, dtype) as framed, block.scratch(x.shape, dtype) as part:
        block.add(np.copyto, along(framed, 1, -1), x)
        block.add(np.copyto, along(framed, 0, 1), along(x, 0, 1))
        block.add(np.copyto, along(framed, length + 1, None), along(x, length - 1, length))
        for j in range(factor):
            late = int(j < factor // 2)  # these begin behind the first pixel, the others before it
            before, behind = along(framed, late, late + length), along(framed, late + 1, late + 1 + length)
            made = along(out, j - factor // 2 + late * factor, None, factor)
            block.add(np.multiply, before, dtype.type(2 * factor - (2 * j + 1)), out=part)
            block.add(np.multiply, behind, dtype.type(2 * j + 1), out=made)
            block.add(np.add, made, part, out=made)


@add_steps.register
def _scale(op: Scale, block: Block, x: Held, y: Held) -> None:
    dtype = computed_by(op)
    rows, columns = op.factors
    factors = (rows[:, None] * columns)[None, :, :, None].astype(dtype)
    with made_in(block, y, dtype) as a:
        block.add(np.multiply, x.values, factors, out=a, dtype=dtype)
