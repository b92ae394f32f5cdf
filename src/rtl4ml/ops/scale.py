# SPDX-License-Identifier: Apache-2.0
"""A factor for every row and every column: what brings windows of unlike numbers of elements to one divisor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np

from rtl4ml.errors import UnsupportedLayer
from rtl4ml.ir.op import Op
from rtl4ml.ir.reads import AXES, Reads
from rtl4ml.ir.types import FLOAT64_EXACT, Ints, Stream


@dataclass(frozen=True, kw_only=True, eq=False)
class Scale(Op):
    """y = x * rows[row] * columns[column] * 2**-shift, every y times 2**shift in [lo, hi].

    rows, columns: (H,) and (W,) factors, at least 1. A smaller frame takes those of the edges of the larger one.
    shift: by so many bits the point moves.
    lo, hi: a range that the factors alone do not tell, where the values of x depend on the position.
    """

    op: ClassVar[str] = "Scale"

    rows: Ints
    columns: Ints
    lo: int
    hi: int
    shift: int = 0

    def __post_init__(self) -> None:
        h, w, _ = self.x.hwc
        if len(self.x.shape) < 2 or h > len(self.rows) or w > len(self.columns):
            raise UnsupportedLayer(
                f"{self.name}: the input must be a frame of at most {len(self.rows)} x {len(self.columns)} positions, "
                f"not of shape {self.x.shape}"
            )
        if min(self.rows.min(), self.columns.min()) < 1:
            raise UnsupportedLayer(
                f"{self.name}: factors must be at least 1, not {min(self.rows.min(), self.columns.min())}"
            )
        if max(abs(self.lo), abs(self.hi)) >= FLOAT64_EXACT:
            raise UnsupportedLayer(
                f"{self.name}: products must stay below 2^53 steps, not reach {max(abs(self.lo), abs(self.hi))}; "
                "use fewer bits"
            )

    @cached_property
    def factors(self) -> tuple[Ints, Ints]:
        """(H,) of the rows and (W,) of the columns of this frame."""
        h, w, _ = self.x.hwc
        return _edges(self.rows, h), _edges(self.columns, w)

    @cached_property
    def output(self) -> Stream:
        return Stream.covering(self.name, self.x.shape, self.lo, self.hi, self.x.type.fraction + self.shift)

    @property
    def bound(self) -> int:
        """That of the input: the products stand for it, and nothing is added up."""
        return max(abs(self.x.lo), abs(self.x.hi))

    def reads(self, axis: int) -> tuple[Reads, ...]:
        factors = self.factors[axis]
        first, end = _middle(factors)
        n = len(factors)
        place = np.arange(n)
        kinds = np.where(place < first, 1 + place, np.where(place < end, 0, place - n))
        return (replace(Reads.alike(n), kinds=kinds),)

    def of_frames(self, inputs: Sequence[Stream]) -> Scale:
        """A larger frame has more of the least factor, which is that of windows without padding.

        Raises UnsupportedLayer where positions of other factors lie between those of the least.
        """
        (x,) = inputs
        grown = []
        for factors, n, name in zip(self.factors, x.hwc, AXES.values(), strict=False):
            first, end = _middle(factors)
            more = max(0, n - len(factors))
            if more and (factors[first:end] != factors[first]).any():
                raise UnsupportedLayer(
                    f"{self.layer}: in larger frames an average must have one divisor for the {name} between its "
                    "borders, not several; convert for a larger frame"
                )
            grown.append(np.insert(factors, first, np.full(more, factors[first])))
        return replace(self, inputs=(x,), rows=grown[0], columns=grown[1])

    def golden(self, *x: Ints) -> Ints:
        rows, columns = self.factors
        y = x[0].reshape(-1, *self.x.hwc) * (rows[:, None] * columns)[..., None]
        return np.asarray(y.reshape(x[0].shape), np.int64)


def _middle(factors: Ints) -> tuple[int, int]:
    """The first position of the least factor, and the one behind its last."""
    least = np.flatnonzero(factors == factors.min())
    return int(least[0]), int(least[-1]) + 1


def _edges(factors: Ints, size: int) -> Ints:
    """The first and the last factors, `size` together."""
    return np.concatenate([factors[: size - size // 2], factors[len(factors) - size // 2 :]])
