# SPDX-License-Identifier: Apache-2.0
"""Random graphs of all operators, drawn one operator behind the other, and integers for their inputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from rtl4ml.errors import Rtl4mlError
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.mappings import Rounding, Table, Thresholds
from rtl4ml.ir.op import Op
from rtl4ml.ir.types import Fixed, Ints, Stream
from rtl4ml.ops.activation import Activation
from rtl4ml.ops.bilinear import Bilinear
from rtl4ml.ops.conv import Conv, Dense, Depthwise
from rtl4ml.ops.head import ArgMax, Mask
from rtl4ml.ops.maximum import Maximum, Minimum
from rtl4ml.ops.merge import Add, Concat, Product, Subtract
from rtl4ml.ops.opening import Opening
from rtl4ml.ops.pool import Pool
from rtl4ml.ops.scale import Scale
from rtl4ml.ops.shape import Crop, Pad, Reshape, UpSample
from rtl4ml.ops.stuff import Stuff, Transposed


def integers(graph: Graph, n: int, rng: np.random.Generator) -> Ints:
    """Samples at both ends of the input's range, at either end by chance, and anywhere."""
    (s,) = graph.inputs
    ends = [np.full((1, *s.shape), v) for v in (s.lo, s.hi)]
    mixed = rng.choice([s.lo, s.hi], (2, *s.shape))
    return np.concatenate([*ends, mixed, rng.integers(s.lo, s.hi + 1, (n, *s.shape))])


class Draw:
    """A random graph, operator by operator. shape: of its input; default any small one."""

    def __init__(self, rng: np.random.Generator, shape: tuple[int, ...] | None = None) -> None:
        self.rng = rng
        if shape is None:
            rank = rng.choice([1, 2, 3], p=[0.1, 0.3, 0.6])
            shape = (*(int(rng.integers(3, 9)) for _ in range(rank - 1)), int(rng.integers(1, 5)))
        mask = len(shape) == 3 and rng.random() < 0.25
        self.source = self.any_stream("x", shape)
        if mask:
            self.source = Stream.covering("x", (*shape[:2], 1), 0, 1, 0)
        self.stream = self.source
        self.streams = [self.source]
        self.ops: list[Op] = []

    def any_stream(self, name: str, shape: tuple[int, ...]) -> Stream:
        bits = int(self.rng.choice([1, 4, 8, 12, 20, 24, 25, 30, 51]))
        lo, hi = sorted(int(v) for v in self.rng.integers(-(2**bits), 2**bits + 1, 2))
        kind = self.rng.integers(4)
        lo, hi = ((lo, hi), (0, 2**bits - 1), (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1), (-(2**bits), 0))[
            kind
        ]
        return Stream.covering(name, shape, lo, hi, int(self.rng.integers(0, 4)))

    def pair(self, low: int, high: int) -> tuple[int, int]:
        """Two numbers for rows and columns; one row stays one row."""
        a, b = (int(v) for v in self.rng.integers(low, high + 1, 2))
        return (1 if len(self.stream.shape) < 3 else a), b

    def padding(self, most: int) -> tuple[tuple[int, int], tuple[int, int]]:
        a, b, c, d = (int(v) for v in self.rng.integers(0, most + 1, 4))
        return ((0, 0) if len(self.stream.shape) < 3 else (a, b)), (
            (0, 0) if len(self.stream.shape) < 2 else (c, d)
        )

    def linear(self, cls: type[Conv | Depthwise], name: str) -> Op:
        rng, flat = self.rng, len(self.stream.shape) == 1
        kernel = (1, 1) if flat or cls is Dense else self.pair(1, 3)
        outputs, most = int(rng.integers(1, 4)), 2 ** int(rng.choice([1, 4, 8]))
        weights = rng.integers(-most, most + 1, (*kernel, self.stream.channels, outputs))
        channels = outputs * (self.stream.channels if cls is Depthwise else 1)
        plain = flat or cls is Dense
        options: dict[str, Any] = {} if plain else {
            "padding": self.padding(2), "stride": self.pair(1, 2), "dilation": self.pair(1, 2)}  # fmt: skip
        if cls is Transposed:
            options["stuffed"] = (1, 1)
        return cls(
            name=name, inputs=(self.stream,), weights=weights, weight_fraction=rng.integers(0, 3, channels),
            bias=rng.integers(-500, 500, channels) if rng.random() < 0.7 else None, bias_fraction=3, **options,
        )  # fmt: skip

    def activation(self, name: str) -> Op:
        rng, s = self.rng, self.stream
        rows = int(rng.choice([1, s.channels]))
        wide = int(rng.choice([3, 30]))
        levels = rng.integers(-200, 200, (int(rng.choice([1, rows])), wide + 1))
        kind = rng.integers(3)
        if kind == 0:
            shift = int(rng.integers(-3, 20))
            lo, hi = sorted(int(v) for v in rng.integers(-(2**8), 2**8, 2))
            mapping: Any = Rounding(shift, lo, hi)
        elif kind == 1:
            t = np.sort(rng.integers(s.lo - 2, s.hi + 3, (rows, wide)), axis=1)
            mapping = Thresholds(t, levels)
            lo, hi = int(levels.min()), int(levels.max())
        else:
            first = int(rng.integers(s.lo - 40, s.hi + 40))
            table = rng.integers(-200, 200, (rows, wide))
            mapping = Table(first, table)
            lo, hi = int(table.min()), int(table.max())
        return Activation(
            name=name,
            inputs=(s,),
            mapping=mapping,
            out=Fixed.covering(min(lo, -1), max(hi, 1), 2),
            lo=lo,
            hi=hi,
        )

    def joined(self, cls: type[Any], name: str) -> Op:
        """With itself, or with what was made before, if there is something of its shape."""
        alike = [s for s in self.streams if s.shape[:-1] == self.stream.shape[:-1]]
        if cls is not Concat:
            alike = [s for s in alike if s.shape == self.stream.shape]
        count = int(self.rng.integers(1, 3)) if cls is not Subtract else 1
        others = [alike[i] for i in self.rng.integers(0, len(alike), count)]
        return cls(name=name, inputs=(self.stream, *others))  # type: ignore[no-any-return]  # cls is of any operator

    def reshaped(self, name: str) -> Op:
        h, w, c = self.stream.hwc
        shapes = [(h * w * c,), (w, h * c), (h, w, c), (w * c, h), (c, w, h), (h * w, 1, c)]
        return Reshape(name=name, inputs=(self.stream,), shape=shapes[self.rng.integers(len(shapes))])

    def op(self, cls: type[Op], name: str) -> Op:
        s, given = self.stream, {"name": name, "inputs": (self.stream,)}
        if issubclass(cls, Conv | Depthwise):
            return self.linear(cls, name)
        if cls is Activation:
            return self.activation(name)
        if cls in (Add, Concat, Maximum, Minimum, Product, Subtract):
            return self.joined(cls, name)
        if cls is Reshape:
            return self.reshaped(name)
        if cls is Pool:
            mode, size = str(self.rng.choice(["max", "sum"])), self.pair(1, 3)
            return Pool(**given, mode=mode, size=size, stride=self.pair(1, 3), padding=self.padding(1))
        if cls is Mask:
            return Mask(**given, threshold=int(self.rng.integers(s.lo - 1, s.hi + 2)))
        if cls is Bilinear:
            down, right = self.pair(0, 2)
            return Bilinear(**given, factor=(2**down if len(s.shape) == 3 else 1, 2**right))
        if cls in (UpSample, Stuff):
            return cls(**given, factor=self.pair(1, 3))
        if cls is Pad:
            return Pad(**given, padding=self.padding(2))
        if cls is Crop:
            return Crop(**given, cropping=self.padding(1))
        if cls is Scale:
            h, w, _ = s.hwc
            rows, columns = self.rng.integers(1, 9, h), self.rng.integers(1, 9, w)
            most = int(rows.max() * columns.max())
            ends = min(0, s.lo) * most, max(0, s.hi) * most
            return Scale(**given, rows=rows, columns=columns, lo=ends[0], hi=ends[1])
        if cls is Opening:
            return Opening(**given, radius=int(self.rng.integers(1, 3)))
        return cls(**given)

    def add(self, cls: type[Op]) -> bool:
        """Whether such an operator is legal here; then it is the next."""
        try:
            op = self.op(cls, f"{cls.__name__.lower()}{len(self.ops)}")
            y = op.output
            if max(op.bound, abs(y.lo), abs(y.hi)) > 2**60 or y.elements > 3000:
                return False
        except (Rtl4mlError, ValueError):
            return False
        self.ops.append(op)
        self.streams.append(y)
        self.stream = y
        return True

    def graph(self) -> Graph:
        more = [s for s in self.streams[1:-1] if self.rng.random() < 0.15]
        return Graph("random", (self.source,), tuple(self.ops), (*more, self.stream))


KINDS = (Conv, Dense, Depthwise, Transposed, Activation, Add, Concat, Product, Reshape, Pool, Mask, ArgMax, Bilinear,
         UpSample, Stuff, Pad, Crop, Scale, Opening, Maximum, Minimum, Subtract)  # fmt: skip
