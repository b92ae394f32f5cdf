# SPDX-License-Identifier: Apache-2.0
"""Operators that move elements and change none: reshape, zero padding, cropping, nearest upsampling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import ClassVar

import numpy as np

from rtl4ml.errors import UnsupportedLayer
from rtl4ml.ir.op import Op
from rtl4ml.ir.reads import AXES, Reads
from rtl4ml.ir.types import Ints, Stream
from rtl4ml.ops.conv import Padding


@dataclass(frozen=True, kw_only=True, eq=False)
class Reshape(Op):
    """The same elements in the same order under another shape: (C,), (W, C) or (H, W, C)."""

    op: ClassVar[str] = "Reshape"

    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.shape) <= 3 or min(self.shape) < 1:
            raise UnsupportedLayer(
                f"{self.name}: the shape must have 1 to 3 axes of at least 1 element, not be {self.shape}"
            )
        if prod(self.shape) != self.x.elements:
            raise UnsupportedLayer(
                f"{self.name}: the shape must hold the {self.x.elements} elements of {self.x.shape}, "
                f"not be {self.shape}"
            )

    @cached_property
    def output(self) -> Stream:
        return Stream(self.name, self.shape, self.x.type, self.x.lo, self.x.hi)

    @property
    def keeps_frame(self) -> bool:
        """Whether rows, columns and channels stay what they are."""
        return self.output.hwc == self.x.hwc

    def reads(self, axis: int) -> tuple[Reads, ...]:
        n = self.x.hwc[axis]
        return (Reads.alike(n) if self.keeps_frame else Reads.everything(self.output.hwc[axis], n),)

    def of_frames(self, inputs: Sequence[Stream]) -> Reshape:
        """Raises UnsupportedLayer where elements of a frame of another size would go elsewhere."""
        (x,) = inputs
        if x.shape == self.x.shape:
            return super().of_frames(inputs)
        if not self.keeps_frame:
            raise UnsupportedLayer(
                f"{self.layer}: in frames of another size a layer must keep rows and columns, not make "
                f"{self.shape} of {self.x.shape}; take it and what follows out of the model, or convert for the whole "
                "frame"
            )
        return replace(self, inputs=(x,), shape=x.hwc[3 - len(self.shape) :])

    def golden(self, *x: Ints) -> Ints:
        return x[0].reshape(len(x[0]), *self.shape)


@dataclass(frozen=True, kw_only=True, eq=False)
class Spatial(Op):
    """Base of padding, cropping and upsampling, which change the number of rows and columns."""

    def __post_init__(self) -> None:
        if len(self.x.shape) < 2:
            raise UnsupportedLayer(
                f"{self.name}: the input must be a stream of positions, not of shape {self.x.shape}; "
                f"reshape it to (positions, channels)"
            )

    def _require_row(self, what: str, vertical: tuple[int, ...], none: int, offender: object) -> None:
        """A 1-D stream has one row, and keeps it."""
        if len(self.x.shape) == 2 and any(v != none for v in vertical):
            raise UnsupportedLayer(
                f"{self.name}: {what} of a 1-D stream must leave its one row alone, not be {offender}"
            )

    @property
    def out_hw(self) -> tuple[int, int]:
        """Output rows and columns."""
        raise NotImplementedError

    def _shaped(self, lo: int, hi: int) -> Stream:
        shape = (*self.out_hw[3 - len(self.x.shape) :], self.x.channels)
        return Stream(self.name, shape, self.x.type, lo, hi)


@dataclass(frozen=True, kw_only=True, eq=False)
class Pad(Spatial):
    """Zeros around the frame: padding ((top, bottom), (left, right))."""

    op: ClassVar[str] = "Pad"

    padding: Padding

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(p for pair in self.padding for p in pair) < 0:
            raise UnsupportedLayer(
                f"{self.name}: padding must be at least 0, not {self.padding}; crop with a cropping layer"
            )
        self._require_row("padding", self.padding[0], 0, self.padding)

    @cached_property
    def out_hw(self) -> tuple[int, int]:
        h, w, _ = self.x.hwc
        return h + sum(self.padding[0]), w + sum(self.padding[1])

    @cached_property
    def output(self) -> Stream:
        return self._shaped(min(self.x.lo, 0), max(self.x.hi, 0))

    def reads(self, axis: int) -> tuple[Reads, ...]:
        return (Reads.window(self.out_hw[axis], 1, before=self.padding[axis][0]),)

    def golden(self, *x: Ints) -> Ints:
        y = np.pad(x[0].reshape(-1, *self.x.hwc), ((0, 0), *self.padding, (0, 0)))
        return y.reshape(len(y), *self.output.shape)


@dataclass(frozen=True, kw_only=True, eq=False)
class Crop(Spatial):
    """The frame without its margins: cropping ((top, bottom), (left, right)).

    fixed: whether rows and columns are counted from the frame's start, as in x[:, 1:5]: of frames of another size other
           margins would go
    """

    op: ClassVar[str] = "Crop"

    cropping: Padding
    fixed: tuple[bool, bool] = (False, False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(p for pair in self.cropping for p in pair) < 0:
            raise UnsupportedLayer(
                f"{self.name}: cropping must be at least 0, not {self.cropping}; pad with a padding layer"
            )
        self._require_row("cropping", self.cropping[0], 0, self.cropping)
        if min(self.out_hw) < 1:
            raise UnsupportedLayer(
                f"{self.name}: cropping must leave something of {self.x.hwc[:2]} positions, not be {self.cropping}"
            )

    @cached_property
    def out_hw(self) -> tuple[int, int]:
        h, w, _ = self.x.hwc
        return h - sum(self.cropping[0]), w - sum(self.cropping[1])

    @cached_property
    def output(self) -> Stream:
        return self._shaped(self.x.lo, self.x.hi)

    def reads(self, axis: int) -> tuple[Reads, ...]:
        return (Reads.window(self.out_hw[axis], 1, before=-self.cropping[axis][0]),)

    def of_frames(self, inputs: Sequence[Stream]) -> Crop:
        """Raises UnsupportedLayer where another size would leave other positions of a slice."""
        new = super().of_frames(inputs)
        for axis, name in AXES.items():
            if self.fixed[axis] and new.x.hwc[axis] != self.x.hwc[axis]:
                raise UnsupportedLayer(
                    f"{self.layer}: in frames of another size a slice must count its {name} from both ends, as [1:-1], "
                    "not from the first alone; write it so, or convert for the larger frames"
                )
        return new

    def golden(self, *x: Ints) -> Ints:
        (top, _), (left, _) = self.cropping
        h, w = self.out_hw
        y = x[0].reshape(-1, *self.x.hwc)[:, top : top + h, left : left + w]
        return y.reshape(len(y), *self.output.shape)


@dataclass(frozen=True, kw_only=True, eq=False)
class UpSample(Spatial):
    """Nearest upsampling: every pixel `factor` (height, width) times."""

    op: ClassVar[str] = "UpSample"

    factor: tuple[int, int]

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.factor) < 1:
            raise UnsupportedLayer(f"{self.name}: the factor must be at least 1, not {self.factor}")
        self._require_row("upsampling", self.factor[:1], 1, self.factor)

    @cached_property
    def out_hw(self) -> tuple[int, int]:
        h, w, _ = self.x.hwc
        return h * self.factor[0], w * self.factor[1]

    @cached_property
    def output(self) -> Stream:
        return self._shaped(self.x.lo, self.x.hi)

    def reads(self, axis: int) -> tuple[Reads, ...]:
        return (Reads.repeated(self.x.hwc[axis], self.factor[axis]),)

    def golden(self, *x: Ints) -> Ints:
        y = x[0].reshape(-1, *self.x.hwc).repeat(self.factor[0], 1).repeat(self.factor[1], 2)
        return y.reshape(len(y), *self.output.shape)
