# SPDX-License-Identifier: Apache-2.0
"""Operators that join streams pixel by pixel: concatenation of channels, addition, multiplication."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import ClassVar

import numpy as np

from rtl4ml.errors import UnsupportedLayer
from rtl4ml.ir.op import Op
from rtl4ml.ir.reads import Reads
from rtl4ml.ir.types import FLOAT64_EXACT, Ints, Stream


@dataclass(frozen=True, kw_only=True, eq=False)
class Merge(Op):
    """Base of operators of several inputs."""

    def __post_init__(self) -> None:
        if len(self.inputs) < 2:
            raise UnsupportedLayer(
                f"{self.name}: there must be at least 2 streams to join, not {len(self.inputs)}; "
                f"take the layer out of the model"
            )

    def reads(self, axis: int) -> tuple[Reads, ...]:
        return tuple(Reads.alike(s.hwc[axis]) for s in self.inputs)

    def _require_same_shape(self, what: str) -> None:
        for s in self.inputs[1:]:
            if s.shape != self.x.shape:
                raise UnsupportedLayer(
                    f"{self.name}: {what} streams must have the same shape, not {self.x.shape} ({self.x.name}) "
                    f"and {s.shape} ({s.name}); nothing is broadcast"
                )


@dataclass(frozen=True, kw_only=True, eq=False)
class Aligned(Merge):
    """Base of concatenation, addition and the maximum: inputs are brought to their finest fraction, exactly."""

    @cached_property
    def fraction(self) -> int:
        """Fraction bits of the output: the most that any input has."""
        return max(s.type.fraction for s in self.inputs)

    @cached_property
    def shifts(self) -> tuple[int, ...]:
        """Left shift that brings every input to the output's fraction."""
        return tuple(self.fraction - s.type.fraction for s in self.inputs)

    @cached_property
    def ranges(self) -> tuple[tuple[int, int], ...]:
        """(least, greatest) integer of every input once it is shifted."""
        return tuple((s.lo << k, s.hi << k) for s, k in zip(self.inputs, self.shifts, strict=True))

    def aligned(self, *x: Ints) -> list[Ints]:
        """The inputs at the output's fraction."""
        return [a << k for a, k in zip(x, self.shifts, strict=True)]


@dataclass(frozen=True, kw_only=True, eq=False)
class Concat(Aligned):
    """The channels of every input in turn, the first input's lowest."""

    op: ClassVar[str] = "Concat"

    def __post_init__(self) -> None:
        super().__post_init__()
        for s in self.inputs[1:]:
            if s.shape[:-1] != self.x.shape[:-1]:
                raise UnsupportedLayer(
                    f"{self.name}: concatenated streams must have the same positions, not {self.x.shape[:-1]} "
                    f"({self.x.name}) and {s.shape[:-1]} ({s.name}); pad or crop one of them"
                )

    @cached_property
    def output(self) -> Stream:
        shape = (*self.x.shape[:-1], sum(s.channels for s in self.inputs))
        lo, hi = min(r[0] for r in self.ranges), max(r[1] for r in self.ranges)
        return Stream.covering(self.name, shape, lo, hi, self.fraction)

    def golden(self, *x: Ints) -> Ints:
        return np.concatenate(self.aligned(*x), axis=-1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Add(Aligned):
    """The sum of all inputs, element by element.

    shift: the result stands for the sum times 2**-shift: the average of two streams is a sum whose point moved.
    """

    op: ClassVar[str] = "Add"

    shift: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_same_shape("added")

    @cached_property
    def output(self) -> Stream:
        lo, hi = sum(r[0] for r in self.ranges), sum(r[1] for r in self.ranges)
        return Stream.covering(self.name, self.x.shape, lo, hi, self.fraction + self.shift)

    @property
    def bound(self) -> int:
        """Greatest magnitude of any input or of the sum of the first few, in steps of the output."""
        partial = [*accumulate(r[0] for r in self.ranges), *accumulate(r[1] for r in self.ranges)]
        return max(abs(v) for v in (*partial, *(v for r in self.ranges for v in r)))

    def golden(self, *x: Ints) -> Ints:
        first, *more = self.aligned(*x)
        y = first.copy()
        for a in more:
            y += a
        return y


@dataclass(frozen=True, kw_only=True, eq=False)
class Subtract(Aligned):
    """The first input less the second, element by element."""

    op: ClassVar[str] = "Subtract"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_same_shape("subtracted")
        if len(self.inputs) > 2:
            raise UnsupportedLayer(
                f"{self.name}: there must be 2 streams to subtract, not {len(self.inputs)}; subtract one at a time"
            )

    @cached_property
    def output(self) -> Stream:
        (a_lo, a_hi), (b_lo, b_hi) = self.ranges
        return Stream.covering(self.name, self.x.shape, a_lo - b_hi, a_hi - b_lo, self.fraction)

    @property
    def bound(self) -> int:
        """Greatest magnitude of an input or of the result, in steps of the output."""
        return max(abs(v) for v in (self.output.lo, self.output.hi, *(v for r in self.ranges for v in r)))

    def golden(self, *x: Ints) -> Ints:
        a, b = self.aligned(*x)
        return np.asarray(a - b)


@dataclass(frozen=True, kw_only=True, eq=False)
class Product(Merge):
    """The product of all inputs, element by element, in the order of the inputs; their fractions add up."""

    op: ClassVar[str] = "Product"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_same_shape("multiplied")
        if self.bound >= FLOAT64_EXACT:
            raise UnsupportedLayer(
                f"{self.name}: every product must stay below 2^53 steps, not reach {self.bound}; use fewer bits"
            )

    @cached_property
    def partial(self) -> tuple[Stream, ...]:
        """The product of the first input, of the first two, and so on."""
        lo, hi, fraction = self.x.lo, self.x.hi, self.x.type.fraction
        made = [self.x]
        for k, s in enumerate(self.inputs[1:], start=1):
            corners = [a * b for a in (lo, hi) for b in (s.lo, s.hi)]
            lo, hi, fraction = min(corners), max(corners), fraction + s.type.fraction
            name = self.name if k == len(self.inputs) - 1 else f"{self.name}_part{k}"
            made.append(Stream.covering(name, self.x.shape, lo, hi, fraction))
        return tuple(made)

    @property
    def output(self) -> Stream:
        return self.partial[-1]

    @property
    def bound(self) -> int:
        """Greatest magnitude of any input or of the product of the first few."""
        return max(abs(v) for s in (*self.inputs, *self.partial) for v in (s.lo, s.hi))

    def golden(self, *x: Ints) -> Ints:
        y = x[0].copy()
        for a in x[1:]:
            y *= a
        return y

    @property
    def macs(self) -> int:
        return self.output.elements * (len(self.inputs) - 1)
