# SPDX-License-Identifier: Apache-2.0
"""Elementwise maps on the arrays of a block."""

from __future__ import annotations

import numpy as np

from rtl4ml.emulation.block import Array, Block, Held, computed_by, holder, reach
from rtl4ml.emulation.registry import BOOL, add_golden, add_steps, made_in
from rtl4ml.emulation.rounding import add_rounding, scaled
from rtl4ml.ir.mappings import Mapping, Rounding, Table, Thresholds
from rtl4ml.ir.types import Stream
from rtl4ml.ops.activation import Activation

_LOOKUP = 2**16  # entries of a table that are worth their making
_COMPARED = 16  # thresholds that are compared one by one sooner than sought by bisection


@add_steps.register
def _activation(op: Activation, block: Block, x: Held, y: Held) -> None:
    m = op.mapping
    if isinstance(m, Rounding):
        with made_in(block, y, computed_by(op)) as a:
            scaled(block, x.values, -m.shift, a)
            add_rounding(block, op.x, m, a, a)
    elif isinstance(m, Table):
        _look_up(op, block, x, y, m.first, m.table)
    elif isinstance(m, Thresholds):
        count, rows = op.x.hi - op.x.lo + 1, max(len(m.thresholds), len(m.levels))
        if count * rows <= _LOOKUP:
            _look_up(op, block, x, y, op.x.lo, _all_of(m, op.x, rows))
        elif m.thresholds.shape[1] <= _COMPARED:
            _compare(op, block, x, y, m)
        else:
            _seek(op, block, x, y, m)
    else:
        add_golden(op, block, x, y)


def _all_of(m: Mapping, x: Stream, rows: int) -> Array:
    """(rows, values of x): the whole map."""
    v = np.arange(x.lo, x.hi + 1, dtype=np.int64)
    return np.ascontiguousarray(m(np.repeat(v[:, None], rows, axis=1)).T)


def _look_up(op: Activation, block: Block, x: Held, y: Held, first: int, table: Array) -> None:
    """Puts table[channel or 0, x - first] into y, x clipped to what the table has."""
    rows, count = table.shape
    flat = table.astype(y.values.dtype).reshape(-1)
    dtype = holder(reach(op.x), abs(first) + table.size)
    least = (first - count * np.arange(rows)).reshape(rows, 1, 1, 1).astype(dtype)
    with block.scratch(x.values.shape, dtype) as a, block.scratch(x.values.shape, np.dtype(np.intp)) as index:
        if op.x.lo < first or op.x.hi > first + count - 1:
            lo, hi = dtype.type(max(first, op.x.lo)), dtype.type(min(first + count - 1, op.x.hi))
            if lo > hi:  # all of the stream lies on one side
                lo = hi = dtype.type(first if op.x.hi < first else first + count - 1)
            block.add(np.clip, x.values, lo, hi, out=a)
            block.add(np.subtract, a, least, out=a)
        else:
            block.add(np.subtract, x.values, least, out=a, dtype=dtype)
        block.add(np.copyto, index, a, casting="unsafe")
        block.add(np.take, flat, index, out=y.values, mode="clip")


def _reachable(m: Thresholds, x: Stream) -> Array:
    """(rows, L) float64: the thresholds; those below the stream's range at its least value, those above never met."""
    t = np.maximum(m.thresholds, x.lo).astype(np.float64)
    t[m.thresholds > x.hi] = np.inf
    return t


def _compare(op: Activation, block: Block, x: Held, y: Held, m: Thresholds) -> None:
    dtype = computed_by(op)
    t, steps = _reachable(m, op.x).astype(dtype), np.diff(m.levels, axis=1).astype(dtype)
    shape = x.values.shape
    with (
        made_in(block, y, dtype) as a,
        block.scratch(shape, BOOL) as met,
        block.scratch(shape, dtype) as step,
    ):
        block.add(np.copyto, a, _by_channel(m.levels[:, 0].astype(dtype)))
        for k in range(t.shape[1]):
            block.add(np.greater_equal, x.values, _by_channel(t[:, k]), out=met)
            block.add(np.multiply, met, _by_channel(steps[:, k]), out=step)
            block.add(np.add, a, step, out=a)


def _seek(op: Activation, block: Block, x: Held, y: Held, m: Thresholds) -> None:
    t, levels = _reachable(m, op.x).astype(x.values.dtype), m.levels.astype(y.values.dtype)

    def step(row: Array, values: Array, channels: slice) -> None:
        y.values[channels] = values[np.searchsorted(row, x.values[channels], side="right")]

    if len(t) == len(levels) == 1:
        block.add(step, t[0], levels[0], slice(None))
        return
    for c in range(op.x.channels):
        block.add(step, t[c % len(t)], levels[c % len(levels)], slice(c, c + 1))


def _by_channel(v: Array) -> Array:
    """(C,) or (1,) to what is broadcast over a stream."""
    return np.ascontiguousarray(v).reshape(-1, 1, 1, 1)
