# SPDX-License-Identifier: Apache-2.0
"""The greatest or the least of several streams, element by element."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from rtl4ml.ir.types import Ints, Stream
from rtl4ml.ops.merge import Aligned


@dataclass(frozen=True, kw_only=True, eq=False)
class Extremum(Aligned):
    """Base of the maximum and the minimum of all inputs, element by element, at the finest fraction among them."""

    @property
    @abstractmethod
    def ufunc(self) -> np.ufunc:
        """What chooses one of two integers."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_same_shape("compared")

    @cached_property
    def partial(self) -> tuple[Stream, ...]:
        """The result of the first input, of the first two, and so on, each at the finest fraction so far."""
        made = [self.x]
        for k, s in enumerate(self.inputs[1:], start=1):
            before = made[-1]
            fraction = max(before.type.fraction, s.type.fraction)
            up, more = fraction - before.type.fraction, fraction - s.type.fraction
            lo, hi = (int(self.ufunc(a << up, b << more)) for a, b in ((before.lo, s.lo), (before.hi, s.hi)))
            name = self.name if k == len(self.inputs) - 1 else f"{self.name}_part{k}"
            made.append(Stream.covering(name, self.x.shape, lo, hi, fraction))
        return tuple(made)

    @property
    def output(self) -> Stream:
        return self.partial[-1]

    @property
    def bound(self) -> int:
        """Greatest magnitude of any input, in steps of the output: even one that is never chosen is shifted."""
        return max(abs(v) for r in self.ranges for v in r)

    def golden(self, *x: Ints) -> Ints:
        return np.asarray(self.ufunc.reduce(self.aligned(*x)), np.int64)


@dataclass(frozen=True, kw_only=True, eq=False)
class Maximum(Extremum):
    """The greatest of all inputs.

    Example: of integers -8 to 7 of 2 fraction bits and 1 to 3 of none it makes 4 to 12 of 2 fraction bits.
    """

    op: ClassVar[str] = "Maximum"

    @property
    def ufunc(self) -> np.ufunc:
        return np.maximum


@dataclass(frozen=True, kw_only=True, eq=False)
class Minimum(Extremum):
    """The least of all inputs.

    Example: of integers -8 to 7 of 2 fraction bits and 1 to 3 of none it makes -8 to 7 of 2 fraction bits.
    """

    op: ClassVar[str] = "Minimum"

    @property
    def ufunc(self) -> np.ufunc:
        return np.minimum
