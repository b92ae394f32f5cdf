# SPDX-License-Identifier: Apache-2.0
"""Pooling: the maximum or the sum of every window, channel by channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np

from rtl4ml.errors import UnsupportedLayer
from rtl4ml.ir.op import Op
from rtl4ml.ir.reads import AXES, Reads
from rtl4ml.ir.types import Fixed, Ints, Stream
from rtl4ml.ir.window import Geometry
from rtl4ml.ops.conv import Padding


@dataclass(frozen=True, kw_only=True, eq=False)
class Pool(Op):
    """Maximum or sum over windows of `size` (height, width), moved by `stride`; a remainder is dropped.

    padding: ((top, bottom), (left, right)); it never wins a maximum and adds zero to a sum.
    shift:   the result stands for the sum times 2**-shift: an average over 2**shift elements is a sum whose point
             moved. Averages over other counts are folded into what reads the sum; `counts` has their divisors.
    A 1-D pool has size, stride and padding of one row: (1, k), (1, s), ((0, 0), (left, right)).
    """

    op: ClassVar[str] = "Pool"

    mode: Literal["max", "sum"]
    size: tuple[int, int]
    stride: tuple[int, int]
    padding: Padding = ((0, 0), (0, 0))
    shift: int = 0

    def __post_init__(self) -> None:
        if self.mode not in ("max", "sum"):
            raise ValueError(f"{self.name}: mode must be 'max' or 'sum', not {self.mode!r}")
        if len(self.x.shape) < 2:
            raise UnsupportedLayer(
                f"{self.name}: a pool must read a stream of positions, not of shape {self.x.shape}; "
                f"reshape it to (positions, channels)"
            )
        if min(self.size) < 1:
            raise UnsupportedLayer(f"{self.name}: the pool size must be at least 1, not {self.size}")
        if min(self.stride) < 1:
            raise UnsupportedLayer(f"{self.name}: the stride must be at least 1, not {self.stride}")
        if any(not 0 <= p < k for k, pair in zip(self.size, self.padding, strict=True) for p in pair):
            raise UnsupportedLayer(
                f"{self.name}: the padding must be smaller than the pool size {self.size}, not {self.padding}; "
                f"every window must see the input"
            )
        if min(self.out_hw) < 1:
            raise UnsupportedLayer(
                f"{self.name}: the pool size must fit the input of {self.x.hwc[:2]} positions, not be {self.size}; "
                f"use a smaller pool size"
            )

    # -- geometry ------------------------------------------------------------------------------------------

    @cached_property
    def out_hw(self) -> tuple[int, int]:
        """Output positions (height, width)."""
        h, w = (
            (n + a + b - k) // s + 1
            for n, k, s, (a, b) in zip(self.x.hwc[:2], self.size, self.stride, self.padding, strict=True)
        )
        return h, w

    @property
    def positions(self) -> int:
        return self.out_hw[0] * self.out_hw[1]

    @property
    def taps(self) -> int:
        """Elements of a window, padding included."""
        return self.size[0] * self.size[1]

    @cached_property
    def spans(self) -> tuple[Ints, Ints]:
        """(OH,) and (OW,): rows and columns of every window that lie in the input."""
        axes = []
        for n, k, s, (a, _), o in zip(
            self.x.hwc[:2], self.size, self.stride, self.padding, self.out_hw, strict=True
        ):
            first = np.arange(o) * s - a
            axes.append(np.minimum(first + k, n) - np.maximum(first, 0))
        return axes[0], axes[1]

    @cached_property
    def counts(self) -> Ints:
        """(OH, OW): elements of every window that lie in the input; Keras divides an average by these."""
        rows, columns = self.spans
        return np.asarray(rows[:, None] * columns, np.int64)

    @property
    def disjoint(self) -> bool:
        """Whether no element has two windows and no window has padding: then no input must be kept."""
        apart = all(s >= k or o == 1 for s, k, o in zip(self.stride, self.size, self.out_hw, strict=True))
        return apart and not any(p for pair in self.padding for p in pair)

    def reads(self, axis: int) -> tuple[Reads, ...]:
        return (
            Reads.window(
                self.out_hw[axis],
                self.size[axis],
                stride=self.stride[axis],
                before=self.padding[axis][0],
            ),
        )

    def of_frames(self, inputs: Sequence[Stream]) -> Pool:
        """Raises UnsupportedLayer where a window is as large as the frame, as a global pool's is, or where the sums of
        the other frame's windows are of other numbers of elements: what divides them is no part of this operator.
        """
        new = super().of_frames(inputs)
        for axis, name in AXES.items():
            old, size = self.x.hwc[axis], self.size[axis]
            if new.x.hwc[axis] != old and size >= old:
                raise UnsupportedLayer(
                    f"{self.layer}: in frames of another size a pool must see a part of the {name}, not all {old}; "
                    "convert for larger frames, or take a global pool out of the model"
                )
            if self.mode == "sum" and set(self.spans[axis]) != set(new.spans[axis]):
                raise UnsupportedLayer(
                    f"{self.layer}: in frames of another size its sums must be over as many {name} as here, "
                    f"{sorted(set(self.spans[axis].tolist()))}, not {sorted(set(new.spans[axis].tolist()))}; "
                    "convert for a larger frame"
                )
        return new

    # -- numbers -------------------------------------------------------------------------------------------

    @property
    def pad_value(self) -> int:
        """The value of a tap in the padding."""
        return self.x.lo if self.mode == "max" else 0

    @cached_property
    def output(self) -> Stream:
        shape = (*self.out_hw[2 - (len(self.x.shape) - 1) :], self.x.channels)
        if self.mode == "max":
            t = self.x.type
            return Stream(self.name, shape, Fixed(t.signed, t.integer - self.shift, t.fraction + self.shift),
                          self.x.lo, self.x.hi)  # fmt: skip
        few, many = int(self.counts.min()), int(self.counts.max())
        lo = min(few * self.x.lo, many * self.x.lo)
        hi = max(few * self.x.hi, many * self.x.hi)
        return Stream.covering(self.name, shape, lo, hi, self.x.type.fraction + self.shift)

    @property
    def bound(self) -> int:
        reach = max(abs(self.x.lo), abs(self.x.hi))
        return reach if self.mode == "max" else reach * int(self.counts.max())

    @property
    def window(self) -> Geometry:
        """Where its windows lie."""
        h, w, _ = self.x.hwc
        return Geometry(h, w, self.size, self.stride, (1, 1), self.padding, self.out_hw)

    def golden(self, *x: Ints) -> Ints:
        a = x[0].reshape(-1, *self.x.hwc)
        (top, bottom), (left, right) = self.padding
        if top or bottom or left or right:
            a = np.pad(
                a, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=self.pad_value
            )  # fmt: skip
        (oh, ow), (sh, sw) = self.out_hw, self.stride
        y: Ints | None = None
        for i in range(self.size[0]):
            for j in range(self.size[1]):
                tap = a[:, i : i + (oh - 1) * sh + 1 : sh, j : j + (ow - 1) * sw + 1 : sw]
                if y is None:
                    y = tap.copy()
                elif self.mode == "max":
                    np.maximum(y, tap, out=y)
                else:
                    y += tap
        assert y is not None
        return y.reshape(len(y), *self.output.shape)
