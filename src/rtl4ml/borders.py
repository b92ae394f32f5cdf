# SPDX-License-Identifier: Apache-2.0
"""Averages over windows that reach into the padding: each divides by the elements that it has within the frame.

The elementwise functions behind such an average are compiled once for every number of elements, as if each had channels
of its own, and every element of the frame takes the row of its number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from rtl4ml.ir import Ints
from rtl4ml.kernels import evaluator
from rtl4ml.quantizers import Floats, Function

# Elements of a frame that may each have a row of thresholds or of a table.
MOST = 2**14


def division(layer: str, count: int | Ints) -> Function:
    """The division of an average over `count` elements, a number or (channels,)."""
    single, double = np.asarray(count, np.float32), np.asarray(count, np.float64)
    return Function(
        name="average",
        f32=lambda x: np.asarray(x, np.float32) / single,
        f64=lambda x: np.asarray(x, np.float64) / double,
        monotone=1,
        wide=single.ndim > 0,
        layer=layer,
    )


@dataclass(frozen=True, eq=False)
class Borders:
    """Windows of an average with padding: `counts` (height, width), the elements of each within the frame."""

    layer: str
    counts: Ints

    @cached_property
    def numbers(self) -> Ints:
        """(K,) the numbers of elements that there are."""
        return np.unique(self.counts)

    def rows(self, channels: int) -> Ints:
        """(positions * channels,) the row of (K * channels) that each element of a frame takes."""
        at = np.searchsorted(self.numbers, self.counts).reshape(-1, 1)
        return (at * channels + np.arange(channels)).reshape(-1)

    def steps(self, steps: Sequence[Function], channels: int) -> list[Function]:
        """The average and the functions behind it, on (n, K * channels)."""
        average = division(self.layer, np.repeat(self.numbers, channels))
        return [average, *(self._each(f, channels) for f in steps[1:])]

    def together(self, steps: Sequence[Function], channels: int) -> Callable[[Floats], Floats] | None:
        """`kernels.evaluator` of the same, number by number."""
        parts = [evaluator(None, (division(self.layer, int(n)), *steps[1:])) for n in self.numbers]
        if any(p is None for p in parts):
            return None

        def f32(x: Floats) -> Floats:
            full = np.broadcast_to(x, (len(x), len(parts) * channels))
            columns = np.split(full, len(parts), axis=1)
            made = [p(np.ascontiguousarray(c)) for p, c in zip(parts, columns, strict=True) if p is not None]
            return np.concatenate(made, axis=1)

        return f32

    def _each(self, f: Function, channels: int) -> Function:
        """A function of (n, channels) on (n, K * channels)."""
        if not f.wide:
            return f
        f64 = f.f64

        def on(g: Callable[[Floats], Floats]) -> Callable[[Floats], Floats]:
            return lambda x: np.asarray(g(np.reshape(x, (-1, channels)))).reshape(np.shape(x))

        monotone = f.monotone if isinstance(f.monotone, int) else np.tile(f.monotone, len(self.numbers))
        return replace(f, f32=on(f.f32), f64=None if f64 is None else on(f64), monotone=monotone)
