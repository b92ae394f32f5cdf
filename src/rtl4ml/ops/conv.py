# SPDX-License-Identifier: Apache-2.0
"""Convolutions and dense layers: exact accumulators of integer products."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from rtl4ml.errors import UnsupportedLayer
from rtl4ml.ir.op import Op
from rtl4ml.ir.reads import Reads
from rtl4ml.ir.types import FLOAT32_EXACT, FLOAT64_EXACT, Fixed, Ints, Stream
from rtl4ml.ir.weights import ConstantWeights, WeightKind
from rtl4ml.ir.window import Geometry

Padding = tuple[tuple[int, int], tuple[int, int]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Linear(Op):
    """Sums of products of one window; the geometry that convolutions, depthwise and dense layers share.

    weights:         (KH, KW, channels in, channels out or depth multiplier) integers
    weight_fraction: (channels out,) real weight = integer * 2**-weight_fraction of its output channel
    bias:            (channels out,) integers of 2**-bias_fraction, or None
    padding:         zeros ((top, bottom), (left, right))
    """

    weights: Ints
    weight_fraction: Ints
    bias: Ints | None = None
    bias_fraction: int = 0
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: Padding = ((0, 0), (0, 0))

    def __post_init__(self) -> None:
        _, _, c = self.x.hwc
        if self.weights.shape[2] != c:
            raise UnsupportedLayer(
                f"{self.name}: the weights must have {c} input channels, not {self.weights.shape[2]}"
            )
        if min(self.out_hw) < 1:
            raise UnsupportedLayer(
                f"{self.name}: the kernel must fit its padded input, not leave an output of {self.out_hw} positions"
            )
        if self.accumulator_bound >= FLOAT64_EXACT:
            raise UnsupportedLayer(
                f"{self.name}: every sum must stay below 2^53 steps, not reach {self.accumulator_bound}; "
                f"use fewer bits"
            )

    # -- geometry ------------------------------------------------------------------------------------------

    @property
    def kernel(self) -> tuple[int, int]:
        return self.weights.shape[0], self.weights.shape[1]

    @cached_property
    def out_hw(self) -> tuple[int, int]:
        """Output positions (height, width)."""
        size = []
        for n, k, s, d, (a, b) in zip(
            self.x.hwc[:2], self.kernel, self.stride, self.dilation, self.padding, strict=True
        ):
            size.append((n + a + b - (k - 1) * d - 1) // s + 1)
        return size[0], size[1]

    @property
    def out_channels(self) -> int:
        raise NotImplementedError

    @property
    def positions(self) -> int:
        return self.out_hw[0] * self.out_hw[1]

    def _windows(self, x: NDArray[np.floating]) -> NDArray[np.floating]:
        """(N, H, W, C) to a view (N, OH, OW, C, KH, KW) of every window."""
        (top, bottom), (left, right) = self.padding
        if top or bottom or left or right:
            x = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))
        (kh, kw), (dh, dw), (sh, sw) = self.kernel, self.dilation, self.stride
        span = ((kh - 1) * dh + 1, (kw - 1) * dw + 1)
        return sliding_window_view(x, span, axis=(1, 2))[:, ::sh, ::sw, :, ::dh, ::dw]

    def reads(self, axis: int) -> tuple[Reads, ...]:
        return (
            Reads.window(
                self.out_hw[axis],
                self.kernel[axis],
                stride=self.stride[axis],
                dilation=self.dilation[axis],
                before=self.padding[axis][0],
            ),
        )

    # -- numbers -------------------------------------------------------------------------------------------

    @cached_property
    def fraction(self) -> int:
        """Fraction bits of the accumulator: the finest that any channel or bias needs."""
        f = int(self.x.type.fraction + self.weight_fraction.max())
        return f if self.bias is None else max(f, self.bias_fraction)

    @cached_property
    def shift(self) -> Ints:
        """(channels out,) left shifts that bring each channel's sum to `fraction`."""
        return np.asarray(self.fraction - self.x.type.fraction - self.weight_fraction, np.int64)

    @cached_property
    def aligned_bias(self) -> Ints:
        """(channels out,) the bias in steps of the accumulator."""
        if self.bias is None:
            return np.zeros(self.out_channels, np.int64)
        return np.asarray(self.bias, np.int64) << (self.fraction - self.bias_fraction)

    @property
    def matrix(self) -> Ints:
        """(products of one output, channels out): the weights that one output channel sees."""
        raise NotImplementedError

    @cached_property
    def constants(self) -> ConstantWeights:
        """The matrix with all that hardware needs to know of it."""
        return ConstantWeights(
            matrix=self.matrix,
            kind=self.kind,
            type=self.weight_type,
            shift=self.shift,
            bias=None if self.bias is None else self.aligned_bias,
            lo=self.x.lo,
            hi=self.x.hi,
        )

    @property
    def window(self) -> Geometry:
        """Where its windows lie."""
        h, w, _ = self.x.hwc
        return Geometry(h, w, self.kernel, self.stride, self.dilation, self.padding, self.out_hw)

    @cached_property
    def sums(self) -> tuple[Ints, Ints]:
        """(lo, hi) of every channel's sum of products before shift and bias; any padding position included."""
        w = self.matrix
        a, b = w * self.x.lo, w * self.x.hi
        lo, hi = np.minimum(a, b), np.maximum(a, b)
        if any(p for pair in self.padding for p in pair):  # a padded tap is zero
            lo, hi = np.minimum(lo, 0), np.maximum(hi, 0)
        return lo.sum(0), hi.sum(0)

    def halves(self, shift: int) -> bool:
        """Sums of a channel differ from its bias by multiples of what divides all its weights.

        With bias 3, weights 4 and 12, and inputs of any integers, sums are 3 + 4 n: never 2 + 4 n, so no half of
        multiples of 4, and never 4 + 8 n.
        """
        if not 0 < shift < 63:
            return shift > 0
        whole = 1 << shift
        steps = np.gcd(np.gcd.reduce(self.matrix, axis=0) << self.shift, whole)
        return bool(((whole // 2 - self.aligned_bias) % steps == 0).any())

    @cached_property
    def accumulator_bound(self) -> int:
        """Greatest magnitude of any partial sum, in any order, in steps of the output."""
        reach = max(abs(self.x.lo), abs(self.x.hi))
        sums = [int(v) * reach << int(s) for v, s in zip(np.abs(self.matrix).sum(0), self.shift, strict=True)]
        return max(s + abs(int(b)) for s, b in zip(sums, self.aligned_bias, strict=True))

    @property
    def bound(self) -> int:
        return self.accumulator_bound

    @cached_property
    def output(self) -> Stream:
        lo, hi = self.sums
        lo, hi = (lo << self.shift) + self.aligned_bias, (hi << self.shift) + self.aligned_bias
        shape = (*self._out_spatial, self.out_channels)
        return Stream.covering(self.name, shape, int(lo.min()), int(hi.max()), self.fraction)

    @property
    def _out_spatial(self) -> tuple[int, ...]:
        rank = len(self.x.shape)
        return {1: (), 2: (self.out_hw[1],), 3: self.out_hw}[rank]

    @cached_property
    def kind(self) -> WeightKind:
        """The cheapest way to make this layer's products."""
        w = np.abs(self.weights)
        if (w == 1).all():
            return WeightKind.BINARY
        if (w <= 1).all():
            return WeightKind.TERNARY
        if ((w & (w - 1)) == 0).all():
            return WeightKind.POWER_OF_TWO
        return WeightKind.INTEGER

    @cached_property
    def weight_type(self) -> Fixed:
        """The narrowest integer type that holds the weights, signed."""
        return Fixed.covering(min(int(self.weights.min()), -1), int(self.weights.max()), 0)

    @property
    def _dtype(self) -> type[np.floating]:
        """The float type whose products and sums of these integers are exact, the fastest such."""
        reach = max(abs(self.x.lo), abs(self.x.hi))
        raw = int(np.abs(self.matrix).sum(0).max()) * reach
        return np.float32 if raw <= FLOAT32_EXACT else np.float64

    @property
    def macs(self) -> int:
        return self.positions * self.matrix.size

    @property
    def parameters(self) -> int:
        return self.weights.size + (0 if self.bias is None else self.bias.size)

    @property
    def weight_bits(self) -> int:
        bits = {
            WeightKind.BINARY: 1,
            WeightKind.TERNARY: 2,
        }.get(self.kind, self.weight_type.width)
        bias = (
            0
            if self.bias is None
            else self.bias.size * Fixed.covering(int(self.bias.min()), int(self.bias.max()), 0).width
        )
        return self.weights.size * bits + bias

    def _finish(self, y: NDArray[np.floating]) -> Ints:
        """Sums of products to accumulators of the output's shape."""
        out: Ints = y.astype(np.int64)
        if self.shift.any():
            out <<= self.shift
        if self.bias is not None:
            out += self.aligned_bias
        return out.reshape(len(y), *self.output.shape)


@dataclass(frozen=True, kw_only=True, eq=False)
class Conv(Linear):
    """Convolution; weights (KH, KW, channels in, channels out)."""

    op: ClassVar[str] = "Conv"

    @property
    def out_channels(self) -> int:
        return int(self.weights.shape[3])

    @property
    def matrix(self) -> Ints:
        return self.weights.reshape(-1, self.out_channels)

    def golden(self, *x: Ints) -> Ints:
        a = x[0].reshape(-1, *self.x.hwc).astype(self._dtype)
        w = self.matrix.astype(self._dtype)
        if self.kernel == (1, 1) and self.stride == (1, 1) and not any(map(any, self.padding)):
            return self._finish(a @ w)
        win = self._windows(a).transpose(0, 1, 2, 4, 5, 3)  # N, OH, OW, KH, KW, C
        n, oh, ow = win.shape[:3]
        cols = win.reshape(n * oh * ow, -1)
        return self._finish((cols @ w).reshape(n, oh, ow, -1))


@dataclass(frozen=True, kw_only=True, eq=False)
class Dense(Conv):
    """Dense layer: a 1x1 convolution of a flat stream, or of every pixel."""

    op: ClassVar[str] = "Dense"


@dataclass(frozen=True, kw_only=True, eq=False)
class Depthwise(Linear):
    """Depthwise convolution; weights (KH, KW, channels, depth multiplier), output channel c*M + m."""

    op: ClassVar[str] = "Depthwise"

    @property
    def multiplier(self) -> int:
        return int(self.weights.shape[3])

    @property
    def out_channels(self) -> int:
        return int(self.weights.shape[2] * self.weights.shape[3])

    @property
    def matrix(self) -> Ints:
        return self.weights.reshape(-1, self.out_channels)

    def golden(self, *x: Ints) -> Ints:
        a = x[0].reshape(-1, *self.x.hwc).astype(self._dtype)
        win = self._windows(a)  # N, OH, OW, C, KH, KW
        w = self.weights.astype(self._dtype)
        y = np.zeros((*win.shape[:4], self.multiplier), self._dtype)
        for i in range(self.kernel[0]):
            for j in range(self.kernel[1]):
                y += win[..., i, j, None] * w[i, j]
        return self._finish(y.reshape(*y.shape[:3], -1))
