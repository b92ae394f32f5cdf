# SPDX-License-Identifier: Apache-2.0
"""Bits of each layer that no value uses, from exact integers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from rtl4ml.hls4ml_backend.layers import text_of
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.types import Fixed, Ints, Stream
from rtl4ml.ops.conv import Linear


@dataclass(frozen=True)
class Bits:
    """The bits of a type that integers from `lo` to `hi` use; those in between are used.

    above: bits on the left that no value needs, the sign's among them; below: bits on the right that are always 0

    Of 12, 4 and 20 in 8 bits with a sign, Bits("relu", Fixed(True, 7, 0), 4, 20, above=3, below=2) says that 5 bits
    without a sign hold them, of which the two on the right are 0.
    """

    layer: str
    type: Fixed
    lo: int
    hi: int
    above: int
    below: int

    @property
    def used(self) -> int:
        """Bits that carry something."""
        return self.type.width - self.above - self.below


def used_bits(layer: str, t: Fixed, k: Ints) -> Bits:
    """The bits that integers of a type use."""
    lo, hi = int(k.min()), int(k.max())
    ones = int(np.bitwise_or.reduce(np.abs(k), axis=None))
    if not ones:
        return Bits(layer, t, 0, 0, t.width, 0)
    below = (ones & -ones).bit_length() - 1
    return Bits(layer, t, lo, hi, t.width - Fixed.covering(lo, hi, 0).width, below)


def of_values(streams: Mapping[str, Stream], values: Iterable[Ints]) -> list[Bits]:
    """The bits that layers use on samples."""
    return [used_bits(name, s.type, k) for (name, s), k in zip(streams.items(), values, strict=True)]


def of_weights(graph: Graph, declared: Mapping[str, Fixed]) -> list[Bits]:
    """The bits that the weights and biases of every layer use, of the types that are declared by "layer/w" and "/b"."""
    found = []
    for op in graph.ops:
        if not isinstance(op, Linear):
            continue
        finest = int(op.weight_fraction.max())
        w = np.asarray(op.weights, np.int64) << np.broadcast_to(finest - op.weight_fraction, op.weights.shape)
        for what, k, fraction in (("w", w, finest), ("b", op.bias, op.bias_fraction)):
            if k is None:
                continue
            name, k = f"{op.layer}/{what}", np.asarray(k, np.int64)
            t = declared.get(name)
            if t is None or t.fraction < fraction:  # scaled by powers of two, which are no part of the type
                t = Fixed.covering(int(k.min()), int(k.max()), fraction)
            found.append(used_bits(name, t, k << (t.fraction - fraction)))
    return found


def table(found: Iterable[Bits], title: str) -> list[str]:
    """Lines for people: a layer each, its type, what it holds, and the bits that are never used."""
    rows: list[tuple[str, ...]] = [("", "type", "least", "greatest", "never used above", "below")]
    for b in found:
        ends = (f"{v * b.type.step:.6g}" for v in (b.lo, b.hi))
        rows.append((b.layer, text_of(b.type), *ends, str(b.above), str(b.below)))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        title,
        *("  " + "  ".join(c.ljust(n) for c, n in zip(row, widths, strict=True)).rstrip() for row in rows),
    ]
