# SPDX-License-Identifier: Apache-2.0
"""Counts of a sensor to the integers of a network's input: the float32 of training, in integers, proven on all counts.

A network is trained on real numbers that were made of counts, by a scale or by a mean and a deviation of every band.
Hardware gets the counts. For every band this module finds integers M and B, and one S for all bands, such that
clip((M * c + B) >> S, lo, hi) is what float32 and the input's quantizer give, for every count c there is. Where there
are none, thresholds do the same for every map that only rises or only falls; a scale of a power of two is a rounding.

    counts = Counts(dtype="uint16", scale=2.0**-13)
    found = integers_of(counts, 204, stream, parsed.integers)      # Rounded, Affine or Steps
    x = found.apply(cube)                                          # == parsed.quantize_input(counts.preprocess(cube))
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from rtl4ml.board.affine import Rows, affine
from rtl4ml.board.counts import Counts, Floats
from rtl4ml.cells.activation import Threshold
from rtl4ml.errors import BadInput, named
from rtl4ml.ir.mappings import Rounding, Thresholds
from rtl4ml.ir.types import Ints, Stream
from rtl4ml.netlist.images import Image
from rtl4ml.netlist.netlist import Param, Wire

Quantize = Callable[[Floats], Ints]

# A DSP48E2 adds in 48 bits (UG579).
B_BITS = 44
# Thresholds of a band: those of 10 comparisons; at 204 bands 96 RAMB36.
MOST_THRESHOLDS = 1023
_CHUNK = 2**16  # values that are evaluated at once


@dataclass(frozen=True, kw_only=True, eq=False)
class Rounded:
    """clip(c * 2**-shift, lo, hi) of all bands, halves rounded to even: what r4_requant computes.

    Halves to even are no (M * c + B) >> S: every other half is rounded up. A scale of a power of two needs this.

    Rounded(bands=204, shift=5, lo=0, hi=255, count_bits=16) takes counts of 16, 17 and 48 to 0, 1 and 2.
    """

    module: ClassVar[str] = "r4_requant"

    bands: int
    shift: int
    lo: int
    hi: int
    count_bits: int

    def apply(self, cube: NDArray[Any]) -> Ints:
        """The integers of the network's input, of the cube's shape. cube: (..., bands) of counts."""
        return Rounding(self.shift, self.lo, self.hi)(np.asarray(cube, np.int64))

    def of_band(self, counts: Ints, band: int) -> Ints:  # noqa: ARG002 -- all are alike
        """The same of counts of one band."""
        return self.apply(counts)

    def parameters(self, wire: Wire) -> dict[str, Param]:
        """Those of r4_requant before a network that reads `wire`."""
        return {
            "Lanes": wire.lanes,
            "XWidth": self.count_bits,
            "XSigned": 0,
            "Shift": self.shift,
            "Lo": self.lo,
            "Hi": self.hi,
            "YWidth": wire.bits,
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class Affine:
    """clip((m * c + b) >> shift, lo, hi) by band: what r4_counts computes.

    m, b: (bands,) int64; lo, hi: range of the network's input; count_bits: 8 or 16
    """

    module: ClassVar[str] = "r4_counts"

    m: Ints
    b: Ints
    shift: int
    lo: int
    hi: int
    count_bits: int

    @cached_property
    def m_width(self) -> int:
        """Bits of M, which has no sign."""
        return max(1, int(self.m.max()).bit_length())

    @cached_property
    def b_width(self) -> int:
        """Bits of B with its sign."""
        return 1 + max(int(self.b.max()).bit_length(), int(-self.b.min() - 1).bit_length(), 1)

    def apply(self, cube: NDArray[Any]) -> Ints:
        """The integers of the network's input, of the cube's shape. cube: (..., bands) of counts."""
        y = (np.asarray(cube, np.int64) * self.m + self.b) >> self.shift
        return np.asarray(np.clip(y, self.lo, self.hi, out=y))

    def of_band(self, counts: Ints, band: int) -> Ints:
        """The same of counts of one band."""
        y = counts * self.m[band]
        y += self.b[band]
        y >>= self.shift
        return np.asarray(np.clip(y, self.lo, self.hi, out=y))

    def image(self, lanes: int) -> Image:
        """The memory of r4_counts: word r of a pixel's beat r, lane i at bit i * (m_width + b_width), M at its low end.

        lanes: of a beat; divides the bands
        """
        width = self.m_width + self.b_width
        mask = (1 << self.b_width) - 1
        lane = [int(m) | (int(b) & mask) << self.m_width for m, b in zip(self.m, self.b, strict=True)]
        words = tuple(
            sum(v << (i * width) for i, v in enumerate(lane[r : r + lanes]))
            for r in range(0, len(lane), lanes)
        )
        return Image(lanes * width, words)

    def parameters(self, wire: Wire) -> dict[str, Param]:
        """Those of r4_counts before a network that reads `wire`, the memory as an Image."""
        return {
            "Lanes": wire.lanes,
            "Beats": len(self.m) // wire.lanes,
            "XWidth": self.count_bits,
            "YWidth": wire.bits,
            "MWidth": self.m_width,
            "BWidth": self.b_width,
            "Shift": self.shift,
            "Lo": self.lo,
            "Hi": self.hi,
            "InitFile": self.image(wire.lanes),
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class Steps:
    """By band, level k from the count on that is threshold k: what r4_threshold computes.

    thresholds: (bands, hi - lo) counts, ascending, 2**count_bits where no count reaches it
    falls: (bands,) whether levels go from hi down
    """

    module: ClassVar[str] = "r4_threshold"

    thresholds: Ints
    falls: NDArray[np.bool_]
    lo: int
    hi: int
    count_bits: int

    def apply(self, cube: NDArray[Any]) -> Ints:
        """The integers of the network's input, of the cube's shape. cube: (..., bands) of counts."""
        cube = np.asarray(cube)
        y = np.empty(cube.shape, np.int64)
        for band in range(len(self.thresholds)):
            y[..., band] = self.of_band(cube[..., band], band)
        return y

    def of_band(self, counts: Ints, band: int) -> Ints:
        """The same of counts of one band."""
        k = np.searchsorted(self.thresholds[band], counts, side="right")
        return np.asarray(self.hi - k if self.falls[band] else self.lo + k)

    def parameters(self, wire: Wire) -> dict[str, Param]:
        """Those of r4_threshold before a network that reads `wire`, the memories as Images."""
        levels = np.arange(self.lo, self.hi + 1)
        rows = np.where(self.falls[:, None], levels[::-1], levels)
        x = Wire("counts", wire.lanes, self.count_bits, False, wire.beats)
        mapping = Thresholds(thresholds=self.thresholds, levels=rows)
        return Threshold(
            name="u_counts", inputs={"x": x}, outputs={"y": wire}, layer="", mapping=mapping
        ).params()


def integers_of(counts: Counts, bands: int, stream: Stream, quantize: Quantize) -> Rounded | Affine | Steps:
    """The integers of the network's input by counts, equal to `quantize` of the float32 of training on all counts.

    stream:   the network's input
    quantize: float32 of any shape to its integers, element by element

    Raises BadInput, which names the band, where the function neither only rises nor only falls, and where it is no
    affine one and has more than 1,023 steps.
    """
    first, kind = counts.kinds(bands)
    rows = _evaluated(counts, first, quantize)
    falls = _direction(rows, first)
    common = {"lo": stream.lo, "hi": stream.hi, "count_bits": 8 * counts.bytes}
    found: Rounded | Affine | Steps | None = None
    if len(first) == 1:
        found = _rounded(rows[0], bands, **common)
    if found is None and not falls.any() and (numbers := affine(rows, stream.lo, stream.hi)) is not None:
        m, b, shift = numbers
        if int(np.maximum(b, ~b).max()) >> (B_BITS - 1) == 0:
            found = Affine(m=m[kind], b=b[kind], shift=shift, **common)
    if found is None:
        found = Steps(thresholds=_thresholds(rows, falls, stream)[kind], falls=falls[kind], **common)
    _prove(found, rows, kind)
    return found


def _evaluated(counts: Counts, bands: Ints, quantize: Quantize) -> Rows:
    """(len(bands), counts) integers of the network's input."""
    rows = np.empty((len(bands), counts.number), np.int32)
    some = max(1, _CHUNK // counts.number)
    for i in range(0, len(bands), some):
        rows[i : i + some] = quantize(counts.of_band(bands[i : i + some]))
    return rows


def _direction(rows: Rows, bands: Ints) -> NDArray[np.bool_]:
    """(n,) whether rows fall. Raises BadInput where one does both."""
    found = np.zeros(len(rows), np.bool_)
    for i, row in enumerate(rows):
        rises, falls = row[1:] > row[:-1], row[1:] < row[:-1]
        found[i] = falls.any()
        if found[i] and rises.any():
            turn = max(int(rises.argmax()), int(falls.argmax()))
            raise BadInput(
                f"{named('counts')}: the normalization of band {bands[i]} must only rise or only fall, "
                f"not turn at count {turn}; mend it"
            )
    return found


def _rounded(row: Rows, bands: int, *, lo: int, hi: int, count_bits: int) -> Rounded | None:
    """The rounding, halves to even, of counts times a power of two that the row is, or None."""
    c = np.arange(len(row), dtype=np.int64)
    for shift in range(-16, 2 * count_bits):
        found = Rounded(bands=bands, shift=shift, lo=lo, hi=hi, count_bits=count_bits)
        if np.array_equal(found.apply(c), row):
            return found
    return None


def _thresholds(rows: Rows, falls: NDArray[np.bool_], stream: Stream) -> Ints:
    """(n, hi - lo) counts from which on level lo + 1, lo + 2 ... is reached. Raises BadInput where these are many."""
    levels = stream.hi - stream.lo
    if levels > MOST_THRESHOLDS:
        raise BadInput(
            f"{named('counts')}: the normalization must be (M * count + B) >> S in integers, or have at most "
            f"{MOST_THRESHOLDS:,} steps, not {levels:,}; give the network an input of fewer bits"
        )
    k = np.arange(stream.lo + 1, stream.hi + 1)
    rising = (stream.lo + stream.hi - row if f else row for row, f in zip(rows, falls, strict=True))
    return np.array([np.searchsorted(row, k) for row in rising], np.int64).reshape(len(rows), levels)


def _prove(found: Rounded | Affine | Steps, rows: Rows, kind: Ints) -> None:
    """Compares a band of every kind on all counts with training's float32; bands of a kind share their numbers."""
    _, where = np.unique(kind, return_index=True)
    c = np.arange(rows.shape[1], dtype=np.int64)
    for row, band in zip(rows, where, strict=True):
        if not np.array_equal(found.of_band(c, int(band)), row):
            raise AssertionError("integers of counts differ from the float32 that they were made of")
