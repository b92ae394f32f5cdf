# SPDX-License-Identifier: Apache-2.0
"""Appends operators that need no weights of a model, each under a name of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rtl4ml.frontends.borders import Factors
from rtl4ml.frontends.functions import Bend, Clip, Floats, Line, Piece
from rtl4ml.frontends.names import identifier
from rtl4ml.frontends.weights import to_grid
from rtl4ml.ir.mappings import Rounding
from rtl4ml.ir.op import Op
from rtl4ml.ir.types import FLOAT32_EXACT, Fixed, Stream
from rtl4ml.ops.activation import Activation
from rtl4ml.ops.conv import Conv, Depthwise, Padding
from rtl4ml.ops.maximum import Maximum
from rtl4ml.ops.merge import Add
from rtl4ml.ops.pool import Pool
from rtl4ml.ops.scale import Scale
from rtl4ml.ops.shape import Reshape, UpSample

# The widest factor, offset or bound of a function that becomes operators.
MOST_FACTOR_BITS = 16


@dataclass(frozen=True)
class PoolGeometry:
    """Where a pool's windows lie: PoolGeometry("pool", (2, 2), (2, 2), ((0, 0), (0, 1))) has a column of padding."""

    layer: str
    size: tuple[int, int]
    stride: tuple[int, int]
    padding: Padding


@dataclass(kw_only=True)
class OperatorBuilder:
    """The operators of a graph while a front end builds it. Layers are known by their names.

    reserved:  identifiers of the model's layers, which nothing that is made beside a layer may take
    float64:   whether elementwise functions are evaluated in float64, because some sum exceeds what float32 holds
    bound:     greatest magnitude of any partial sum so far
    """

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

    def spread(self, layer: str, s: Stream, shape: tuple[int, ...]) -> Stream:
        """The stream repeated along the axes in which it has one position or one channel, as NumPy broadcasts."""
        s = self.reshaped(layer, s, (1,) * (len(shape) - len(s.shape)) + s.shape, "pixel")
        if s.channels != shape[-1]:
            ones = np.ones((1, 1, 1, shape[-1]), np.int64)
            s = self.add(
                Conv(
                    name=self.name(layer, "channels"), inputs=(s,), layers=(layer,),
                    weights=ones, weight_fraction=np.zeros(shape[-1], np.int64),
                )
            )  # fmt: skip
        if s.shape != shape:
            (h, w, _), (rows, columns, _) = s.hwc, replace(s, shape=shape).hwc
            factor = (rows // h, columns // w)
            s = self.add(
                UpSample(name=self.name(layer, "spread"), inputs=(s,), layers=(layer,), factor=factor)
            )
        return s

    # -- functions without a quantizer --

    def pieced(self, layer: str, s: Stream, pieces: Sequence[Piece]) -> Stream:
        """The stream behind lines, bends and clips, for which `are_exact` holds."""
        for piece in pieces:
            if isinstance(piece, Line):
                s = self._lined(layer, s, piece)
            elif isinstance(piece, Bend):
                s = self._bent(layer, s, piece)
            else:
                s = self._clipped(layer, s, piece)
        return s

    def _lined(self, layer: str, s: Stream, line: Line) -> Stream:
        mantissa, exponent = np.frexp(line.factor)
        if mantissa == 0.5 and line.offset == 0:
            return _moved_point(s, 1 - int(exponent))
        return self._weighted(layer, s, np.array([line.factor]), line.offset)

    def _bent(self, layer: str, s: Stream, bend: Bend) -> Stream:
        """The greater of x and its product with slopes of at most 1; with others x and, of its part below zero, the
        product with what the slopes differ from 1.
        """
        slopes = bend.slopes
        if s.lo >= 0 or (slopes == 1).all():
            return s
        if (slopes == 0).all():
            return self._clipped(layer, s, Clip(0.0))
        if (slopes >= 0).all() and (slopes <= 1).all():
            one = len(np.unique(slopes)) == 1
            below = self._lined(layer, s, Line(float(slopes[0]))) if one else self._weighted(layer, s, slopes)
            return self.add(Maximum(name=self.name(layer, "bend"), inputs=(s, below), layers=(layer,)))
        below = self._weighted(layer, self._clipped(layer, s, Clip(hi=0.0)), slopes - 1)
        return self.add(Add(name=self.name(layer, "bend"), inputs=(s, below), layers=(layer,)))

    def _clipped(self, layer: str, s: Stream, clip: Clip) -> Stream:
        """Clipped to bounds of the stream's grid, or of a finer one that has them."""
        finest = max(bound_fraction(v) for v in (clip.lo, clip.hi))
        fraction = max(s.type.fraction, finest)
        up = fraction - s.type.fraction
        lo, hi = (
            min(max(v << up, _steps(clip.lo, fraction)), _steps(clip.hi, fraction)) for v in (s.lo, s.hi)
        )
        if (lo, hi) == (s.lo << up, s.hi << up):
            return s
        return self.add(
            Activation(
                name=self.name(layer, "clip"), inputs=(s,), layers=(layer,),
                mapping=Rounding(-up, lo, hi), out=Fixed.covering(lo, hi, fraction), lo=lo, hi=hi,
            )
        )  # fmt: skip

    def _weighted(self, layer: str, s: Stream, factors: NDArray[np.float64], offset: float = 0.0) -> Stream:
        """Every channel times its factor, one or (channels,) of them, and an offset."""
        w, bias = to_grid(np.broadcast_to(factors, (1, s.channels))), to_grid(np.array([[offset]]))
        return self.add(
            Depthwise(
                name=self.name(layer, "line"), inputs=(s,), layers=(layer,),
                weights=w.integers.reshape(1, 1, -1, 1), weight_fraction=w.fraction,
                bias=np.full(s.channels, bias.integers[0, 0]) if offset else None,
                bias_fraction=int(bias.fraction[0]),
            )
        )  # fmt: skip


def are_exact(pieces: Sequence[Piece]) -> bool:
    """Whether factors, offsets and bounds lie on grids that hardware has."""
    numbers: list[Floats] = []
    for piece in pieces:
        if isinstance(piece, Line):
            numbers += [np.array([piece.factor]), np.array([piece.offset])]
        elif isinstance(piece, Bend):
            numbers += [piece.slopes, piece.slopes - 1]
        else:
            numbers += [np.array([v]) for v in (piece.lo, piece.hi) if np.isfinite(v)]
    return all(to_grid(a[:, None].T).width <= MOST_FACTOR_BITS for a in numbers)


def bound_fraction(bound: float) -> int:
    """Fraction bits of the coarsest grid that has a bound; those of no grid for an infinite one."""
    return int(to_grid(np.array([[bound]])).fraction[0]) if np.isfinite(bound) and bound else -(2**10)


def _steps(bound: float, fraction: int) -> int:
    """A bound in steps of 2**-fraction, of which it is a multiple; beyond all integers where it is infinite."""
    return int(np.ldexp(bound, fraction)) if np.isfinite(bound) else int(np.copysign(2**62, bound))


def _moved_point(s: Stream, fraction: int) -> Stream:
    """The same integers, which stand for 2**-fraction of what they stood for."""
    return replace(s, type=Fixed.covering(s.lo, s.hi, s.type.fraction + fraction))
