# SPDX-License-Identifier: Apache-2.0
"""Builds the graph of a model of any framework.

A linear layer becomes an operator whose output is its exact accumulator; the elementwise functions behind it
(normalization, division, activation) wait until a quantizer comes, and become one `Activation` with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rtl4ml.errors import UnsupportedLayer
from rtl4ml.frontends.borders import MOST, Borders
from rtl4ml.frontends.elementwise import (
    TABLE,
    THRESHOLDS,
    Compiled,
    Source,
    compile_functions,
    is_identity,
    only_rounds,
)
from rtl4ml.frontends.functions import EVERYTHING, Bend, Evaluator, Function, Piece
from rtl4ml.frontends.operators import OperatorBuilder, PoolGeometry, are_exact
from rtl4ml.frontends.weights import to_grid
from rtl4ml.ir.mappings import Rounding
from rtl4ml.ir.types import FLOAT32_EXACT, Fixed, Ints, Stream
from rtl4ml.ops.activation import Activation

# Activations that may stand at the output, where the graph ends before them.
HEADS = ("softmax", "sigmoid", "tanh")

# Fraction bits up to which float32 computes lines and clips exactly, those of smooth_tanh, which has the finest.
_PIECED = 20


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
    order:   of the value's shape, the element of the stream, counted in its order, that each of its elements is; None:
             its own. A layer of the model that comes moves them

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
    order: Ints | None = None

    @property
    def head(self) -> str:
        """The last waiting function, if it is one that may stand at the output."""
        return self.steps[-1].name if self.steps and self.steps[-1].name in HEADS else ""


@dataclass(kw_only=True)
class GraphBuilder(OperatorBuilder):
    """The operators of a graph while a front end builds it, with the functions that become activations.

    evaluator: how the framework computes functions that stand in a row
    """

    evaluator: Evaluator

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
        return Value(self.compiled(layer, v, self.waiting(layer, v, f).steps, what), order=v.order)

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
        count = self._pieced_steps(source, steps)
        if count:
            s = self.pieced(layer, s, _pieces(steps[:count], v.rows))
            if count == len(steps):
                return self._maxima(s, v)
            return self.compiled(layer, replace(v, stream=s, rows=None, origin=None), steps[count:], what)
        together = self.evaluator(v.origin, steps)
        c = compile_functions(layer, source, steps, float64=self.float64, rows=v.rows, together=together)
        if c.mapping is not None:
            s = self._activated(layer, s, steps, c, what)
        elif not is_identity(c, source):  # the same integers, on another grid where a scale was applied
            s = replace(s, type=Fixed.covering(s.lo, s.hi, c.fraction))
        return self._maxima(s, v)

    def _maxima(self, s: Stream, v: Value) -> Stream:
        """The stream behind the maxima that waited."""
        for p in v.pools:
            s = self.pooled(p, s, "max")
        return s

    def _pieced_steps(self, source: Source, steps: Sequence[Function]) -> int:
        """How many of the first functions become operators of their own: those without a quantizer behind them that
        have too many values for a table; those before a rounding, where each channel has slopes that no multiplier
        needs, or where thresholds would be too many. Else none.
        """
        rounds = steps[-1].grid is not None and steps[-1].grid.sparse is None and steps[-1].clip == EVERYTHING
        first = steps[:-1] if rounds else steps
        if not first or any(f.pieces is None for f in first) or only_rounds(source, steps):
            return 0
        pieces = _pieces(first, None)
        bends = [p for p in pieces if isinstance(p, Bend)]
        # Where channels differ, thresholds would need a row for each; powers of two need no multiplier.
        free = any(p.per_channel for p in bends) and all(p.powers for p in bends)
        if not are_exact(pieces) or not (self.float64 or source.fraction <= _PIECED):
            return 0
        if not rounds:
            return len(first) if free or source.count > TABLE else 0
        if len(bends) != len(pieces) or not (self.float64 or self._reach(source, bends) <= FLOAT32_EXACT):
            return 0
        grid = steps[-1].grid
        assert grid is not None
        many = source.count > TABLE and grid.count - 1 > THRESHOLDS
        return len(first) if free or many else 0

    @staticmethod
    def _reach(source: Source, bends: Sequence[Bend]) -> float:
        """The greatest magnitude of a value behind bends, in steps of the finest."""
        reach = float(max(abs(source.lo), abs(source.hi)))
        for bend in bends:
            fraction = max(0, int(to_grid(bend.slopes[None, :]).fraction.max()))
            reach *= 2.0**fraction * max(1.0, float(np.abs(bend.slopes - 1).max()))
        return reach

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


def _pieces(steps: Sequence[Function], rows: Ints | None) -> tuple[Piece, ...]:
    """The pieces of functions in a row, for the channels that `rows` names where a stream was flattened since."""
    pieces = [p for f in steps for p in f.pieces or ()]
    return tuple(
        Bend(p.slopes[rows]) if rows is not None and isinstance(p, Bend) and p.per_channel else p
        for p in pieces
    )
