# SPDX-License-Identifier: Apache-2.0
"""What each operator does to a block of samples: the steps that give `golden`'s integers on the arrays of a block.

An operator without a kernel here is emulated by its `golden`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import singledispatch
from math import ceil

import numpy as np

from rtl4ml.emulation_block import CHUNK, Array, Block, DType, Held, computed_by, holder, reach
from rtl4ml.ir import Op, Stream
from rtl4ml.ops.activation import Activation, Mapping, Rounding, Table, Thresholds
from rtl4ml.ops.bilinear import Bilinear
from rtl4ml.ops.conv import Depthwise, Linear
from rtl4ml.ops.head import ArgMax, Mask
from rtl4ml.ops.merge import Add, Concat, Product
from rtl4ml.ops.opening import Opening
from rtl4ml.ops.pool import Pool
from rtl4ml.ops.scale import Scale
from rtl4ml.ops.shape import Crop, Pad, Reshape, UpSample
from rtl4ml.ops.stuff import Stuff

_LOOKUP = 2**16  # entries of a table that are worth their making
_COMPARED = 16  # thresholds that are compared one by one sooner than sought by bisection

_INT64 = np.dtype(np.int64)
_BOOL = np.dtype(np.bool_)


def build(block: Block) -> None:
    """Adds the steps of all operators of the block's graph; each stream's memory is freed behind its last reader."""
    graph = block.graph
    for s in graph.inputs:
        block.hold(s)
    last = {s.name: k for k, op in enumerate(graph.ops) for s in op.inputs}
    keep = {s.name for s in graph.outputs}
    joined: set[str] = set()  # what was made together with its input
    for k, op in enumerate(graph.ops):
        after = _rounding_behind(block, op) if isinstance(op, Linear) else None
        if isinstance(op, Linear) and after is not None:
            joined.add(after.name)
            _linear(op, block, block.held[op.x.name], block.hold(after.output), after)
        elif op.name not in joined:
            streams = [block.held[s.name] for s in op.inputs]
            kernel = _golden if computed_by(op) == _INT64 else _kernel
            kernel(op, block, *streams, block.hold(op.output))
        gone = {s.name: s for s in op.inputs if last[s.name] == k and s.name not in keep}
        block.drop(s for name, s in gone.items() if name in block.held)
        if op.output.name in block.held and op.output.name not in {*last, *keep}:
            block.drop([op.output])


def _rounding_behind(block: Block, op: Linear) -> Activation | None:
    """The rounding that alone reads a linear operator: both are one then."""
    if op.output in block.graph.outputs:
        return None
    readers = block.graph.readers.get(op.output.name, [])
    if len(readers) != 1:
        return None
    after = readers[0]
    if not isinstance(after, Activation) or not isinstance(after.mapping, Rounding):
        return None
    exact = _INT64 not in (computed_by(op), computed_by(after))
    return after if exact else None


@singledispatch
def _kernel(op: Op, block: Block, *streams: Held) -> None:
    """Adds the steps of an operator. streams: of its inputs, and last of its output."""
    _golden(op, block, *streams)


def _golden(op: Op, block: Block, *streams: Held) -> None:
    *x, y = streams

    def step() -> None:
        given = [
            np.ascontiguousarray(h.values.transpose(3, 1, 2, 0), np.int64).reshape(block.size, *s.shape)
            for h, s in zip(x, op.inputs, strict=True)
        ]
        made = op.golden(*given).reshape(block.size, *op.output.hwc)
        np.copyto(y.values, made.transpose(3, 1, 2, 0), casting="unsafe")

    block.add(step)


@contextmanager
def _made_in(block: Block, y: Held, dtype: DType) -> Iterator[Array]:
    """An array of this type for a result: the stream's own memory where it is of the type."""
    if y.values.dtype == dtype:
        yield y.values
    else:
        with block.scratch(y.values.shape, dtype) as made:
            yield made
            block.add(np.copyto, y.values, made)


def _scaled(block: Block, x: Array, shift: int, out: Array) -> None:
    """Puts x * 2**shift into `out`, in the type of `out`."""
    if shift:
        block.add(np.multiply, x, out.dtype.type(2.0**shift), out=out, dtype=out.dtype)
    else:
        block.add(np.copyto, out, x)


# -- roundings, tables, thresholds ---------------------------------------------------------------------------


def _rounded(v: int, shift: int) -> int:
    """round(v * 2**-shift), halves to even."""
    if shift <= 0:
        return v << -shift
    return (v + (1 << (shift - 1)) - 1 + ((v >> shift) & 1)) >> shift


def _round(block: Block, x: Stream, r: Rounding, a: Array, out: Array) -> None:
    """Puts what `r` makes of the stream x into `out`; `a` has it scaled by 2**-shift, and is written over."""
    within = r.lo <= _rounded(x.lo, r.shift) and _rounded(x.hi, r.shift) <= r.hi
    if r.shift > 0:
        block.add(np.rint, a, out=out if within else a)
    if not within:
        block.add(np.clip, a, a.dtype.type(r.lo), a.dtype.type(r.hi), out=out)
    elif r.shift <= 0:
        block.add(np.copyto, out, a)


@_kernel.register
def _activation(op: Activation, block: Block, x: Held, y: Held) -> None:
    m = op.mapping
    if isinstance(m, Rounding):
        with _made_in(block, y, computed_by(op)) as a:
            _scaled(block, x.values, -m.shift, a)
            _round(block, op.x, m, a, a)
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
        _golden(op, block, x, y)


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
        _made_in(block, y, dtype) as a,
        block.scratch(shape, _BOOL) as met,
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


# -- sums of products ----------------------------------------------------------------------------------------


class _Windows:
    """Where the windows of a linear operator lie in its input's memory.

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


@_kernel.register
def _sums(op: Linear, block: Block, x: Held, y: Held) -> None:
    _linear(op, block, x, y, None)


def _linear(op: Linear, block: Block, x: Held, y: Held, after: Activation | None) -> None:
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
        _round(block, op.output, after.mapping, framed, out)


# -- windows of pools and masks ------------------------------------------------------------------------------


@_kernel.register
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
        _made_in(block, y, dtype) as a,
        block.scratch((x.shape[0], oh, *x.shape[2:]), dtype) as between,
    ):
        if kw == 1 and sw == 1:
            _joined(block, join, tall, a)
            return
        if kh > 1:
            _joined(block, join, tall, between)
            source = between
        else:
            source = tall[0]
        _joined(block, join, [source[:, :, j : j + (ow - 1) * sw + 1 : sw] for j in range(kw)], a)


def _joined(block: Block, join: np.ufunc, parts: list[Array], out: Array) -> None:
    first, *rest = parts
    if not rest:
        block.add(np.copyto, out, first)
    for k, part in enumerate(rest):
        block.add(join, out if k else first, part, out=out, dtype=out.dtype)


@_kernel.register
def _opening(op: Opening, block: Block, x: Held, y: Held) -> None:
    r, (_, h, w, n) = op.radius, x.values.shape
    span = range(-r, r + 1)
    disk = [(r + i, r + j) for i in span for j in span if i * i + j * j <= r * r]
    with (
        block.scratch((1, h + 2 * r, w + 2 * r, n), _BOOL) as framed,
        block.scratch((1, h, w, n), _BOOL) as made,
    ):
        inside = framed[:, r : r + h, r : r + w]
        for join, outside, source in ((np.logical_and, True, x.values), (np.logical_or, False, made)):
            block.add(framed.fill, outside)
            block.add(np.copyto, inside, source, casting="unsafe")
            _joined(block, join, [framed[:, i : i + h, j : j + w] for i, j in disk], made)
        block.add(np.copyto, y.values, made)


# -- joins ---------------------------------------------------------------------------------------------------


@_kernel.register
def _add(op: Add, block: Block, *streams: Held) -> None:
    *x, y = streams
    dtype = computed_by(op)
    with _made_in(block, y, dtype) as a, block.scratch(a.shape, dtype) as more:
        _scaled(block, x[0].values, op.shifts[0], a)
        for h, shift in zip(x[1:], op.shifts[1:], strict=True):
            term = h.values
            if shift:
                _scaled(block, term, shift, more)
                term = more
            block.add(np.add, a, term, out=a, dtype=dtype)


@_kernel.register
def _product(op: Product, block: Block, *streams: Held) -> None:
    *x, y = streams
    dtype = computed_by(op)
    with _made_in(block, y, dtype) as a:
        _joined(block, np.multiply, [h.values for h in x], a)


@_kernel.register
def _concat(op: Concat, block: Block, *streams: Held) -> None:
    *x, y = streams
    first = 0
    for s, h, shift in zip(op.inputs, x, op.shifts, strict=True):
        out = y.values[first : first + s.channels]
        if not np.shares_memory(out, h.values):  # else it was made there
            _scaled(block, h.values, shift, out)
        first += s.channels


# -- places --------------------------------------------------------------------------------------------------


@_kernel.register
def _reshape(op: Reshape, block: Block, x: Held, y: Held) -> None:
    """The order of elements is that of rows, columns and channels, which lie elsewhere in a block."""
    (h, w, c), n = op.output.hwc, block.size
    ordered, out = x.values.transpose(1, 2, 0, 3), y.values.transpose(1, 2, 0, 3)
    if out.flags.c_contiguous:
        block.add(np.copyto, out.reshape(ordered.shape), ordered)
    else:
        with block.scratch(ordered.shape, x.values.dtype) as between:
            block.add(np.copyto, between, ordered)
            block.add(np.copyto, out, between.reshape(h, w, c, n))


@_kernel.register
def _pad(op: Pad, block: Block, x: Held, y: Held) -> None:
    (top, _), (left, _) = op.padding
    _, h, w, _ = x.values.shape
    block.add(np.copyto, y.values, 0)
    block.add(np.copyto, y.values[:, top : top + h, left : left + w], x.values)


@_kernel.register
def _crop(op: Crop, block: Block, x: Held, y: Held) -> None:
    (top, _), (left, _) = op.cropping
    h, w = op.out_hw
    block.add(np.copyto, y.values, x.values[:, top : top + h, left : left + w])


@_kernel.register
def _repeat(op: UpSample, block: Block, x: Held, y: Held) -> None:
    down, right = op.factor
    for j in range(right):
        block.add(np.copyto, y.values[:, ::down, j::right], x.values)
    for i in range(1, down):
        block.add(np.copyto, y.values[:, i::down], y.values[:, ::down])


@_kernel.register
def _stuff(op: Stuff, block: Block, x: Held, y: Held) -> None:
    if op.factor != (1, 1):
        block.add(np.copyto, y.values, 0)
    block.add(np.copyto, y.values[:, :: op.factor[0], :: op.factor[1]], x.values)


@_kernel.register
def _bilinear(op: Bilinear, block: Block, x: Held, y: Held) -> None:
    dtype = computed_by(op)
    c, h, w, n = x.values.shape
    with _made_in(block, y, dtype) as a, block.scratch((c, h * op.factor[0], w, n), dtype) as between:
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


@_kernel.register
def _scale(op: Scale, block: Block, x: Held, y: Held) -> None:
    dtype = computed_by(op)
    rows, columns = op.factors
    factors = (rows[:, None] * columns)[None, :, :, None].astype(dtype)
    with _made_in(block, y, dtype) as a:
        block.add(np.multiply, x.values, factors, out=a, dtype=dtype)


# -- heads ---------------------------------------------------------------------------------------------------


@_kernel.register
def _argmax(_op: ArgMax, block: Block, x: Held, y: Held) -> None:
    v, out = x.values, y.values[0]
    with block.scratch(out.shape, v.dtype) as best, block.scratch(out.shape, _BOOL) as better:
        block.add(np.copyto, best, v[0])
        block.add(np.copyto, out, 0)
        for c in range(1, len(v)):
            block.add(np.greater, v[c], best, out=better)
            block.add(np.copyto, best, v[c], where=better)
            block.add(np.copyto, out, c, where=better)


@_kernel.register
def _mask(op: Mask, block: Block, x: Held, y: Held) -> None:
    t = min(max(op.threshold, op.x.lo), op.x.hi) if op.threshold <= op.x.hi else np.inf
    block.add(np.greater_equal, x.values, x.values.dtype.type(t), out=y.values)


def has_kernel(op: Op) -> bool:
    """Whether an operator has steps of its own."""
    return _kernel.dispatch(type(op)) is not _kernel.dispatch(object)
