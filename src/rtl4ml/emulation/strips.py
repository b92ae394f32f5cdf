# SPDX-License-Identifier: Apache-2.0
"""Samples of frames that are larger than a graph's own: cut into strips, each of them a sample, and joined again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from rtl4ml.emulation.block import Array
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.reads import COLUMNS, ROWS
from rtl4ml.ir.strips import Strip, strips


@dataclass(frozen=True)
class Cut:
    """The strips of a frame along an axis. size: positions of a strip.

    Rows of images that lie one below the other are samples of one row: their strips lie one below the other, too.
    """

    axis: int
    size: int
    plan: tuple[Strip, ...]

    @property
    def _place(self) -> int:
        """The axis of an array whose last one is channels."""
        return self.axis - 3

    def split(self, x: Array) -> Array:
        """Samples (N, ..., channels) to strips (strips * N, ..., channels), the first strip of all samples first."""
        return np.concatenate([_part(x, self._place, s.start, s.start + self.size) for s in self.plan])

    def join(self, y: Array) -> Array:
        """The outputs of strips to those of samples."""
        each = np.split(y, len(self.plan))
        parts = [_part(a, self._place, s.first, s.last) for a, s in zip(each, self.plan, strict=True)]
        return np.concatenate(parts, axis=self._place)


@dataclass(frozen=True)
class Cuts:
    """How samples of one shape become samples of a graph, and its outputs theirs; no cuts where the shapes are equal.

    Frames of 8 x 40 pixels for a graph of 8 x 16 that keeps 12 columns of each: one cut along the columns, into three
    strips, so that 5 samples become 15.
    """

    cuts: tuple[Cut, ...]

    def split(self, x: Array) -> Array:
        """Samples (N, *shape) to as many of the graph's shape as they have strips."""
        for cut in self.cuts:
            x = cut.split(x)
        return x

    def join(self, y: Array) -> Array:
        """The outputs of the strips to those of the samples."""
        for cut in reversed(self.cuts):
            y = cut.join(y)
        return y


def cuts(graph: Graph, shape: tuple[int, ...]) -> Cuts:
    """How samples of a shape go through a graph. shape: (rows, columns, channels) or (columns, channels).

    Raises BadInput where frames of this size cannot be cut, UnsupportedLayer where the graph's own have no strips.
    """
    own = graph.inputs[0].shape
    found = []
    for axis in (COLUMNS, ROWS) if len(own) == 3 else (COLUMNS,) if len(own) == 2 else ():
        size = shape[axis - 3]
        if size != own[axis - 3]:
            found.append(Cut(axis, own[axis - 3], strips(graph, axis).plan(size)))
    return Cuts(tuple(found))


def _part(x: Array, axis: int, first: int, last: int) -> Array:
    """Positions of an array along one of its last axes."""
    place: tuple[Any, ...] = (..., slice(first, last), *(slice(None),) * (-1 - axis))
    found: Array = x[place]
    return found
