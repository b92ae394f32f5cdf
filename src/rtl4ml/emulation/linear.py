# SPDX-License-Identifier: Apache-2.0
"""Sums of products on the arrays of a block."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

import numpy as np

from rtl4ml.emulation.block import CHUNK, Array, Block, Held, computed_by
from rtl4ml.emulation.registry import add_steps
from rtl4ml.emulation.rounding import add_rounding
from rtl4ml.ir.mappings import Rounding
from rtl4ml.ops.activation import Activation
from rtl4ml.ops.conv import Depthwise, Linear

# -- sums of products ----------------------------------------------------------------------------------------


class _Windows:
    """The places of a linear operator's windows in the memory of its input.

    Without a stride a tap reads neighbours in memory: whole rows with their margins, samples side by side. The sums
    at margins are made too, and left out at the end. With a stride a tap reads every so many rows and columns.
    """

    def __init__(self, op: Linear, x: Held) -> None:
        (top, _), (left, _) = op.padding
        self.op, self.x = op, x
        self.rows, self.columns = op.out_hw
        self.samples: int = x.whole.shape[-1]
        self.down, self.right = x.top - top, x.left - left  # of the first tap of the first window
        self.plain = op.stride == (1, 1)
        self.pitch: int = x.whole.shape[2] if self.plain else self.columns

    @property
    def row(self) -> int:
        """Elements of a row of sums."""
        return self.pitch * self.samples

    def length(self, rows: int) -> int:
        """Elements of some rows of sums: behind the last nothing is made."""
        return ((rows - 1) * self.pitch + self.columns) * self.samples

    def taps(self, first: int, rows: int) -> Array:
        """What the taps read for rows of windows from `first`: (C, KH, KW, rows with their margins or not, N)."""
        (kh, kw), (dh, dw), (sh, sw) = self.op.kernel, self.op.dilation, self.op.stride
        a = self.x.whole[:, self.down + first * sh :, self.right :]
        channel, row, column, sample = a.strides
        at = (len(a), kh, kw), (channel, dh * row, dw * column)
        if self.plain:
            n = self.length(rows)
            return np.lib.stride_tricks.as_strided(a, (*at[0], n), (*at[1], sample), writeable=False)
        shape, strides = (rows, self.columns, self.samples), (sh * row, sw * column, sample)
        return np.lib.stride_tricks.as_strided(a, (*at[0], *shape), (*at[1], *strides), writeable=False)

    def strips(self, elements: int) -> list[tuple[int, int]]:
        """(first, rows): equal strips of rows for which `elements` arrays of theirs lie in the cache."""
        fit = max(1, CHUNK // (elements * self.row))
        step = ceil(self.rows / ceil(self.rows / fit))
        return [(r, min(step, self.rows - r)) for r in range(0, self.rows, step)]


@add_steps.register
def _sums(op: Linear, block: Block, x: Held, y: Held) -> None:
    add_linear(op, block, x, y, None)


def add_linear(op: Linear, block: Block, x: Held, y: Held, after: Activation | None) -> None:
    """Sums of products, and the rounding behind them: its scaling is that of the weights."""
    dtype = computed_by(op)
    down = after.mapping.shift if after is not None and isinstance(after.mapping, Rounding) else 0
    shift = op.shift - down
    if isinstance(op, Depthwise):
        shift = shift.reshape(-1, op.multiplier)
    weights = np.ldexp(op.weights.astype(np.float64), shift).astype(dtype)
    bias = None if op.bias is None else np.ldexp(op.aligned_bias.astype(np.float64), -down).astype(dtype)
    sums = _channelwise if isinstance(op, Depthwise) else _dense
    for a, first, rows in sums(block, _Windows(op, x), weights, bias):
        _finish(block, op, after, a, y, first, rows)


# Rows of sums, (channels, elements of the rows with their margins), and which rows they are: (first, how many).
Sums = Iterator[tuple[Array, int, int]]


def _dense(block: Block, at: _Windows, weights: Array, bias: Array | None) -> Sums:
    """One matrix product a strip of rows: its columns are windows, with a last element of 1 for the bias."""
    dtype, (kh, kw, _, outputs) = weights.dtype, weights.shape
    w = np.ascontiguousarray(weights.reshape(-1, outputs).T)
    direct = kh == kw == 1 and at.plain and at.x.whole.dtype == dtype
    products = 0 if direct else len(w[0])
    ones = int(bias is not None and not direct)
    if bias is not None and ones:
        w = np.concatenate([w, bias[:, None]], axis=1)
    strips = at.strips(products + ones + outputs)
    longest = strips[0][1] * at.row
    with (
        block.scratch((outputs, longest), dtype) as made,
        block.scratch((products + ones, longest), dtype) as columns,
    ):
        if ones:
            block.add(columns[products:].fill, 1)
        for first, rows in strips:
            n, read = at.length(rows), at.taps(first, rows)
            a = made[:, :n]
            if direct:
                block.add(np.matmul, w, read[:, 0, 0], out=a)
                if bias is not None:
                    block.add(np.add, a, bias[:, None], out=a)
            else:
                by_tap = np.moveaxis(read, 0, 2)
                block.add(np.copyto, _shaped(columns[:products, :n], by_tap.shape), by_tap)
                block.add(np.matmul, w, columns[:, :n], out=a)
            yield made[:, : rows * at.row], first, rows


def _channelwise(block: Block, at: _Windows, weights: Array, bias: Array | None) -> Sums:
    """The same for every channel, as many channels together as the cache holds."""
    dtype, (kh, kw, c, m) = weights.dtype, weights.shape
    taps, ones = kh * kw, int(bias is not None)
    w = np.ascontiguousarray(weights.reshape(taps, c, m).transpose(1, 2, 0))
    if bias is not None:
        w = np.concatenate([w, bias.reshape(c, m, 1)], axis=2)
    strips = at.strips(taps + ones + m)
    longest = strips[0][1] * at.row
    together = min(c, max(1, CHUNK // ((taps + ones + m) * longest)))
    with (
        block.scratch((c * m, longest), dtype) as made,
        block.scratch((together, taps + ones, longest), dtype) as columns,
    ):
        if ones:
            block.add(columns[:, -1].fill, 1)
        for first, rows in strips:
            n, read = at.length(rows), at.taps(first, rows)
            for g in range(0, c, together):
                some = min(together, c - g)
                window = read[g : g + some]
                block.add(np.copyto, _shaped(columns[:some, :taps, :n], window.shape), window)
                sums = _shaped(made[g * m : (g + some) * m, :n], (some, m, n))
                block.add(np.matmul, w[g : g + some], columns[:some, :, :n], out=sums)
            yield made[:, : rows * at.row], first, rows


def _shaped(a: Array, shape: tuple[int, ...]) -> Array:
    """Another shape of the same memory, which a step is to write into."""
    made = a.reshape(shape)
    if not np.may_share_memory(made, a):
        raise AssertionError(f"shape {shape} must be a view of {a.shape}")
    return made


def _finish(
    block: Block, op: Linear, after: Activation | None, a: Array, y: Held, first: int, rows: int
) -> None:
    """Rows of sums to the stream that they are made for, without their margins."""
    framed = a.reshape(len(a), rows, -1, block.size)[:, :, : op.out_hw[1]]
    out = y.values[:, first : first + rows]
    if after is None:
        block.add(np.copyto, out, framed)
    else:
        assert isinstance(after.mapping, Rounding)
        add_rounding(block, op.output, after.mapping, framed, out)
