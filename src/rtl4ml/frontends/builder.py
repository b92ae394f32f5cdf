# SPDX-License-Identifier: Apache-2.0
"""Builds the graph of a model of any framework.

A linear layer becomes an operator whose output is its exact accumulator; the elementwise functions behind it
(normalization, division, activation) wait until a quantizer comes, and become one `Activation` with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from rtl4ml.errors import UnsupportedLayer
from rtl4ml.frontends.borders import MOST, Borders, Factors
from rtl4ml.frontends.elementwise import Compiled, Source, compile_functions, is_identity
from rtl4ml.frontends.functions import Evaluator, Function
from rtl4ml.frontends.names import identifier
from rtl4ml.ir.mappings import Rounding
from rtl4ml.ir.op import Op
from rtl4ml.ir.types import FLOAT32_EXACT, Fixed, Ints, Stream
from rtl4ml.ops.activation import Activation
from rtl4ml.ops.conv import Padding
from rtl4ml.ops.pool import Pool
from rtl4ml.ops.scale import Scale
from rtl4ml.ops.shape import Reshape

# Activations that may stand at the output, where the graph ends before them.
HEADS = ("softmax", "sigmoid", "tanh")


@dataclass(frozen=True)
class PoolGeometry:
    """Where a pool's windows lie: PoolGeometry("pool", (2, 2), (2, 2), ((0, 0), (0, 1))) has a column of padding."""

    layer: str
    size: tuple[int, int]
    stride: tuple[int, int]
    padding: Padding


@dataclass(frozen=True, eq=False)
class Value:
    """A tensor of the model: a stream, and the elementwise functions that wait for a quantizer.

    steps:   those functions, in the order of the model
    raw:     the model's input, whose quantizer is still to come; the stream is already on its grid
    rows:    (channels,) the channel of the waiting functions that each channel of the stream takes; None: its own
    pools:   max-pools postponed until after the quantizer, because some waiting function decreases in some channel and
             so does not commute with max. Every function after the pool never falls, so the postponement is exact
    origin:  the linear layer whose sums the stream carries, as the front end's evaluator takes it; None: no such layer
    alone:   whether the model reads this value once
    moved:   whether elements were moved behind the last waiting function
    borders: of an average whose windows have not all as many elements, by which the first waiting function divides

    Behind a dense layer and a normalization of its 16 outputs, before the activation:
    Value(Stream("dense", (16,), ...), steps=(Function(name="normalization", ...),), origin=...)
    """

    stream: Stream
    steps: tuple[Function, ...] = ()
    raw: bool = False
    rows: Ints | None = None
    pools: tuple[PoolGeometry, ...] = ()
    origin: Any = None
    alone: bool = True
    moved: bool = False
    borders: Borders | None = None

    @property
    def head(self) -> str:
        """The last waiting function, if it is one that may stand at the output."""
        return self.steps[-1].name if self.steps and self.steps[-1].name in HEADS else ""


@dataclass(kw_only=True)
class GraphBuilder:
    """The operators of a graph while a front end builds it. Layers are known by their names.

    evaluator: how the framework computes functions that stand in a row
    reserved:  identifiers of the model's layers, which nothing that is made beside a layer may take
    float64:   whether elementwise functions are evaluated in float64, because some sum exceeds what float32 holds
    bound:     greatest magnitude of any partial sum so far
    """

    evaluator: Evaluator
    reserved: frozenset[str]
    float64: bool
    ops: list[Op] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    bound: int = 0

    def needs_float64(self) -> bool:
        """Whether some sum exceeds what float32 holds, and float32 was taken: the graph must be built again.

        Until its builder sees that, functions are not compiled any more.
        """
        return not self.float64 and self.bound > FLOAT32_EXACT

    def name(self, layer: str, what: str = "") -> str:
        """A new name: a layer's, or with `what` one that no layer of the model has, for what is made beside it.

        A layer whose name is taken, as by another call of it, gets a number.
        """
        base = identifier("_".join(part for part in (layer, what) if part))
        name, k = base, 1
        while name in self.names or ((what or k > 1) and name in self.reserved):
            k += 1
            name = f"{base}_{k}"
        self.names.add(name)
        return name

    def add(self, op: Op) -> Stream:
        """Appends the operator; its output."""
        self.bound = max(self.bound, op.bound)
        self.ops.append(op)
        return op.output

    # -- operators without weights --

    def passed(self, layer: str, s: Stream) -> Stream:
        """The stream through an operator that changes nothing."""
        return self.add(
            Activation(
                name=self.name(layer), inputs=(s,), mapping=Rounding(0, s.lo, s.hi), out=s.type, lo=s.lo, hi=s.hi
            )
        )  # fmt: skip

    def scaled(self, layer: str, s: Stream, f: Factors, shift: int = 0) -> Stream:
        """The stream times a factor for every row and every column."""
        return self.add(
            Scale(
                name=self.name(layer, "scaled"), inputs=(s,), layers=(layer,),
                rows=f.rows, columns=f.columns, lo=f.lo, hi=f.hi, shift=shift,
            )
        )  # fmt: skip

    def reshaped(self, layer: str, s: Stream, shape: tuple[int, ...], what: str = "") -> Stream:
        """The stream in another shape, the same elements in the same order."""
        if s.shape == shape:
            return s
        return self.add(Reshape(name=self.name(layer, what), inputs=(s,), layers=(layer,), shape=shape))

    def pooled(self, p: PoolGeometry, s: Stream, mode: Literal["max", "sum"]) -> Stream:
        """The stream behind a pool."""
        return self.add(
            Pool(
                name=self.name(p.layer), inputs=(s,), layers=(p.layer,),
                mode=mode, size=p.size, stride=p.stride, padding=p.padding,
            )
        )  # fmt: skip

    # -- functions --

    def waiting(self, layer: str, v: Value, f: Function) -> Value:
        """A value with one more function; behind a waiting maximum it must never fall. Raises UnsupportedLayer."""
        if v.pools and not f.rises:
            raise UnsupportedLayer(
                f"{layer}: what follows {v.pools[-1].layer} must be a function that never falls, "
                f"not {f.name}; "
                f"put a QActivation before the pool"
            )
        last = replace(f, has_other_readers=not v.alone, after_move=v.moved)
        return replace(v, steps=(*v.steps, last), moved=False)

    def quantized(self, layer: str, v: Value, f: Function, what: str = "") -> Value:
        """The stream behind a quantizer, with everything that waited before it; `what` as in `name`."""
        if v.raw:  # the input stream is what this quantizer makes of the input
            return replace(v, raw=False)
        return Value(self.compiled(layer, v, self.waiting(layer, v, f).steps, what))

    def settled(self, layer: str, v: Value) -> Stream:
        """The stream of a value that must be on a fixed-point grid now. Raises UnsupportedLayer."""
        if not v.steps:
            return v.stream
        if v.steps[-1].name == "bias":
            raise UnsupportedLayer(
                f"{v.steps[-1].layer}: bias must lie on a fixed-point grid, not be floats without a quantizer; "
                f"set bias_quantizer or put a QActivation behind the layer"
            )
        return self.compiled(v.steps[-1].layer or layer, v, v.steps)

    def compiled(self, layer: str, v: Value, steps: Sequence[Function], what: str = "") -> Stream:
        """The stream of a value behind functions, which become an activation; `what` as in `name`."""
        if self.needs_float64():
            return v.stream
        if v.borders is not None:
            return self._bordered(layer, v.stream, v.borders, steps, what)
        s = v.stream
        channels = s.channels if v.rows is None else int(v.rows.max()) + 1
        source = Source(s.type.fraction, s.lo, s.hi, channels)
        together = self.evaluator(v.origin, steps)
        c = compile_functions(layer, source, steps, float64=self.float64, rows=v.rows, together=together)
        if c.mapping is not None:
            s = self._activated(layer, s, steps, c, what)
        elif not is_identity(c, source):  # the same integers, on another grid where a scale was applied
            s = replace(s, type=Fixed.covering(s.lo, s.hi, c.fraction))
        for p in v.pools:
            s = self.pooled(p, s, "max")
        return s

    def _activated(
        self, layer: str, s: Stream, steps: Sequence[Function], c: Compiled, what: str = ""
    ) -> Stream:
        """The stream behind the map that functions were compiled to."""
        assert c.mapping is not None
        layers = tuple(dict.fromkeys(f.layer for f in steps if f.layer))
        return self.add(
            Activation(
                name=self.name(layer, what), inputs=(s,), layers=layers,
                mapping=c.mapping, out=c.type, lo=c.lo, hi=c.hi,
            )
        )  # fmt: skip

    def _bordered(
        self, layer: str, s: Stream, borders: Borders, steps: Sequence[Function], what: str
    ) -> Stream:
        """The stream behind an average with padding: the sums times factors have one row of thresholds for all
        positions. Where they cannot, the frame passes as one pixel, each of whose elements has a row of its own.
        """
        channels = borders.frame[-1] if any(f.per_channel for f in steps[1:]) else 1
        c = self._average(layer, s, borders, steps, channels, None)
        shape = s.shape
        if not isinstance(c.mapping, Rounding):  # one such serves all numbers, as where all results are alike
            found = borders.shared(c, channels)
            if found is not None:
                factors, c = found
                s = self.reshaped(borders.layer, s, borders.frame, "frame")
                s = self.scaled(borders.layer, s, factors)
            elif s.elements > MOST:
                raise UnsupportedLayer(
                    f"{borders.layer}: an average whose windows at padded edges need thresholds of their own must have "
                    f"at most {MOST:,} elements, not {s.elements:,}; use padding='valid'"
                )
            else:
                c = self._average(layer, s, borders, steps, channels, borders.rows(channels))
                s = self.reshaped(borders.layer, s, (s.elements,), "line")
        return self.reshaped(layer, self._activated(layer, s, steps, c, what), shape, "frame")

    def _average(
        self,
        layer: str,
        s: Stream,
        borders: Borders,
        steps: Sequence[Function],
        channels: int,
        rows: Ints | None,
    ) -> Compiled:
        """The map of an average's sums, a row for every number of elements and every channel, or `rows` of them."""
        c = compile_functions(
            layer,
            Source(s.type.fraction, s.lo, s.hi, channels * len(borders.numbers)),
            borders.steps(steps, channels),
            float64=self.float64,
            rows=rows,
            together=borders.together(steps, channels, self.evaluator),
        )
        assert c.mapping is not None  # a division by several numbers is no identity
        return c
