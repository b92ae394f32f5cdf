# SPDX-License-Identifier: Apache-2.0
"""The greatest of several streams, element by element."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from rtl4ml.ir.types import Ints, Stream
from rtl4ml.ops.merge import Aligned


@dataclass(frozen=True, kw_only=True, eq=False)
class Maximum(Aligned):
    """The maximum of all inputs, element by element, at the finest fraction among them.

    Example: of integers -8 to 7 of 2 fraction bits and 1 to 3 of none it makes 4 to 12 of 2 fraction bits.
    """

    op: ClassVar[str] = "Maximum"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_same_shape("compared")

    @cached_property
    def partial(self) -> tuple[Stream, ...]:
        """The maximum of the first input, of the first two, and so on, each at the finest fraction so far."""
        made = [self.x]
        for k, s in enumerate(self.inputs[1:], start=1):
            before = made[-1]
            fraction = max(before.type.fraction, s.type.fraction)
            up, more = fraction - before.type.fraction, fraction - s.type.fraction
            lo, hi = max(before.lo << up, s.lo << more), max(before.hi << up, s.hi << more)
            name = self.name if k == len(self.inputs) - 1 else f"{self.name}_part{k}"
            made.append(Stream.covering(name, self.x.shape, lo, hi, fraction))
        return tuple(made)

    @property
    def output(self) -> Stream:
        return self.partial[-1]

    @property
    def bound(self) -> int:
        """Greatest magnitude of any input, in steps of the output: even one that is never the greatest is shifted."""
        return max(abs(v) for r in self.ranges for v in r)

    def golden(self, *x: Ints) -> Ints:
        return np.asarray(np.maximum.reduce(self.aligned(*x)), np.int64)
