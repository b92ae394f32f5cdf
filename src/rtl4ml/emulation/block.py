# SPDX-License-Identifier: Apache-2.0
"""A block of samples on its way through a graph: which type and which memory holds each stream.

Integers are held by floats wherever a bound that is known beforehand says that these are exact: float32 up to 2^24,
float64 up to 2^53, int64 beyond. Sums and products of such integers are then exact in any order, which is what makes
a matrix product of floats usable; scaling by a power of two changes no significand. Data never decide.

Samples are the last axis of every array, (channels, rows, columns, samples): whatever an operator does, it does to
long runs of neighbours in memory, with the same weight for a whole run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml.ir.graph import Graph
from rtl4ml.ir.op import Op
from rtl4ml.ir.types import FLOAT32_EXACT, FLOAT64_EXACT, Stream
from rtl4ml.ops.conv import Linear
from rtl4ml.ops.merge import Concat

Array = NDArray[Any]
DType = np.dtype[Any]

# Elements that an operator works on at once: what a core's own cache holds together with its operands.
CHUNK = 2**17
_LONGEST = 1024  # samples of a block, however small they are
_ALIGNMENT = 64


def holder(*magnitudes: int) -> DType:
    """The narrowest type that holds every integer up to these magnitudes, and every sum that stays within them."""
    most = max(magnitudes)
    if most <= FLOAT32_EXACT:
        return np.dtype(np.float32)
    return np.dtype(np.float64 if most <= FLOAT64_EXACT else np.int64)


def reach(s: Stream) -> int:
    """Greatest magnitude in a stream."""
    return max(abs(s.lo), abs(s.hi))


def held_by(s: Stream) -> DType:
    """The type that holds a stream."""
    return holder(reach(s))


def computed_by(op: Op) -> DType:
    """The type in which an operator's inputs, partial sums and results are all exact."""
    return holder(op.bound, reach(op.output), *map(reach, op.inputs))


def samples_together(graph: Graph) -> int:
    """Samples of a block: as many as keep the largest step of the way in the cache."""
    most = max(s.elements for s in (*graph.inputs, *(op.output for op in graph.ops)))
    for op in graph.ops:
        if isinstance(op, Linear):
            taps = op.kernel[0] * op.kernel[1]
            most = max(most, taps * op.positions * op.x.channels // 2)
    return max(1, min(_LONGEST, CHUNK // most))


@dataclass(eq=False)
class _Memory:
    """Bytes, and how many streams lie in them now."""

    bytes: NDArray[np.uint8]
    users: int = 0


@dataclass(frozen=True, eq=False)
class Held:
    """A stream of a block. whole: (C, rows, columns, N) with the margins of zeros that its readers want."""

    whole: Array
    top: int
    left: int
    rows: int
    columns: int

    @property
    def values(self) -> Array:
        """(C, H, W, N): the stream itself."""
        return self.whole[:, self.top : self.top + self.rows, self.left : self.left + self.columns]


@dataclass(frozen=True)
class _Home:
    """The channels of a concatenation, from `first`, in which a stream is made in the first place."""

    stream: Stream
    first: int


@dataclass(eq=False)
class Block:
    """Memory for `size` samples and the steps that carry them through the graph; every step writes into that memory."""

    graph: Graph
    size: int
    steps: list[Callable[[], Any]] = field(default_factory=list)
    held: dict[str, Held] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._free: list[_Memory] = []
        self._memory: dict[str, _Memory] = {}
        self._homes = _homes(self.graph)
        self._margins = _margins(self.graph, self._homes)

    def add(self, function: Callable[..., Any], *args: Any, **options: Any) -> None:
        """A step: the call of a function, on arrays whose contents are there when it runs."""
        self.steps.append(partial(function, *args, **options))

    def run(self) -> None:
        """All steps in turn."""
        for step in self.steps:
            step()

    # -- memory --------------------------------------------------------------------------------------------

    @contextmanager
    def scratch(self, shape: Sequence[int], dtype: DType) -> Iterator[Array]:
        """An array for the steps that are added within."""
        memory = self._take(prod(shape) * dtype.itemsize)
        yield _array(memory, shape, dtype)
        self._free.append(memory)

    def hold(self, s: Stream) -> Held:
        """Where a stream is made."""
        if s.name in self.held:
            return self.held[s.name]
        h, w, c = s.hwc
        (top, bottom), (left, right) = self._margins[s.name]
        if s.name in self._homes:
            home = self._homes[s.name]
            whole = self.hold(home.stream).whole[home.first : home.first + c]
            memory = self._memory[home.stream.name]
        else:
            shape, dtype = (c, top + h + bottom, left + w + right, self.size), held_by(s)
            memory = self._take(prod(shape) * dtype.itemsize)
            whole = _array(memory, shape, dtype)
            margins = (whole[:, :top], whole[:, top + h :], whole[:, :, :left], whole[:, :, left + w :])
            for margin in margins:
                if margin.size:
                    self.add(margin.fill, 0)
        memory.users += 1
        self._memory[s.name] = memory
        self.held[s.name] = Held(whole, top, left, h, w)
        return self.held[s.name]

    def drop(self, streams: Iterable[Stream]) -> None:
        """Nobody reads these any more: their memory is free for what comes."""
        for s in streams:
            memory = self._memory.pop(s.name)
            memory.users -= 1
            if not memory.users:
                self._free.append(memory)

    def _take(self, size: int) -> _Memory:
        fitting = [m for m in self._free if len(m.bytes) >= size]
        if fitting:
            best = min(fitting, key=lambda m: len(m.bytes))
            self._free.remove(best)
            return best
        whole = np.zeros(size + _ALIGNMENT, np.uint8)
        first = -whole.ctypes.data % _ALIGNMENT
        return _Memory(whole[first : first + size])


def _array(memory: _Memory, shape: Sequence[int], dtype: DType) -> Array:
    return memory.bytes[: prod(shape) * dtype.itemsize].view(dtype).reshape(shape)


def _homes(graph: Graph) -> dict[str, _Home]:
    """The streams that are made where a concatenation has them, so that nothing is copied."""
    homes: dict[str, _Home] = {}
    for op in graph.ops:
        if not isinstance(op, Concat):
            continue
        first = 0
        for s, shift in zip(op.inputs, op.shifts, strict=True):
            if not shift and s.name not in homes and held_by(s) == held_by(op.output):
                homes[s.name] = _Home(op.output, first)
            first += s.channels
    return homes


Margins = tuple[tuple[int, int], tuple[int, int]]


def _margins(graph: Graph, homes: dict[str, _Home]) -> dict[str, Margins]:
    """Zeros around each stream, ((top, bottom), (left, right)): the widest that any reader wants of its memory."""

    def root(name: str) -> str:
        while name in homes:
            name = homes[name].stream.name
        return name

    widest: dict[str, Margins] = {}
    streams = [*graph.inputs, *(op.output for op in graph.ops)]
    for op in graph.ops:
        if isinstance(op, Linear):
            name = root(op.x.name)
            (a, b), (c, d) = widest.get(name, ((0, 0), (0, 0)))
            (top, bottom), (left, right) = op.padding
            widest[name] = ((max(a, top), max(b, bottom)), (max(c, left), max(d, right)))
    return {s.name: widest.get(root(s.name), ((0, 0), (0, 0))) for s in streams}
