# SPDX-License-Identifier: Apache-2.0
"""Cells that map elements one by one: rounding, thresholds, tables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from rtl4ml.cells.library import LibraryCell
from rtl4ml.ir.mappings import Rounding, Table, Thresholds
from rtl4ml.ir.types import Fixed, Ints
from rtl4ml.netlist.images import Image
from rtl4ml.netlist.memories import is_block
from rtl4ml.netlist.netlist import FreeRunning, Param, Timing, Wire


@dataclass(frozen=True, kw_only=True, eq=False)
class Requant(FreeRunning, LibraryCell):
    """Shifts, rounds and clips every element.

    ties: whether an element may lie halfway between two results; without, rounding takes fewer LUTs
    """

    module: ClassVar[str] = "r4_requant"

    mapping: Rounding
    ties: bool = True

    def params(self) -> dict[str, Param]:
        return {
            "Lanes": self.x.lanes,
            "XWidth": self.x.bits,
            "XSigned": int(self.x.signed),
            "Shift": self.mapping.shift,
            "Lo": self.mapping.lo,
            "Hi": self.mapping.hi,
            "YWidth": self.y.bits,
            "Ties": int(self.ties),
            **self.flow_params(),
        }

    @property
    def latency(self) -> int:
        return 2

    def timing(self) -> Timing:
        return Timing.passing(self.x.beats, self.latency)


# Most thresholds of a channel that are compared in parallel: constants (one row for all beats), ...
PARALLEL_CONSTANT = 7
# ... or rows out of a memory.
PARALLEL_ROWS = 3
# Most words of a search tree in LUTs that are read in the cycle in which the last bit of their address is compared for.
AT_ONCE = 256


def _type(w: Wire) -> Fixed:
    """The integer type of a wire's elements."""
    return Fixed(w.signed, w.bits - int(w.signed), 0)


def _single(rows: Ints) -> Ints:
    """The first row alone, where all rows are equal."""
    return rows[:1] if (rows == rows[0]).all() else rows


def _columns(rows: Ints, lanes: int, bits: int) -> Image:
    """Rows (1 or C, depth) as a memory of [beat of a pixel, depth] words, of one column a lane or one in all."""
    lanes = 1 if len(rows) == 1 else lanes
    words = rows.reshape(-1, lanes, rows.shape[1]).transpose(0, 2, 1).reshape(-1, lanes)
    return Image.pack(words, bits)


@dataclass(frozen=True, kw_only=True, eq=False)
class Threshold(FreeRunning, LibraryCell):
    """Counts the thresholds that an element reaches: by parallel comparison of few, by binary search among many."""

    module: ClassVar[str] = "r4_threshold"

    mapping: Thresholds

    @property
    def count(self) -> int:
        """Thresholds of a channel."""
        return int(self.mapping.thresholds.shape[1])

    @property
    def levels(self) -> int:
        """Comparisons of a binary search."""
        return self.count.bit_length()

    @cached_property
    def thresholds(self) -> Ints:
        """(1 or C, count) thresholds, clipped to what the element's type can tell apart."""
        t = _type(self.x)
        return _single(np.clip(self.mapping.thresholds, t.lo, t.hi + 1))

    @cached_property
    def tree(self) -> Ints:
        """(1 or C, 2**levels) search tree: node 1 is the root, 2 * n and 2 * n + 1 are the children of node n."""
        node = np.arange(1, 2**self.levels)
        level = np.floor(np.log2(node)).astype(np.int64)
        at = (2 * (node - 2**level) + 1) * 2 ** (self.levels - 1 - level) - 1
        never = np.full((len(self.thresholds), 2**self.levels), _type(self.x).hi + 1)
        return np.concatenate([never[:, :1], np.concatenate([self.thresholds, never], axis=1)[:, at]], axis=1)

    @cached_property
    def values(self) -> Ints:
        """(1 or C, count + 1) levels."""
        if len(self.mapping.thresholds) == 1 and len(self.mapping.levels) > 1:
            raise ValueError(f"{self.name}: levels must have one row where thresholds have one")
        return _single(self.mapping.levels)

    @property
    def rows(self) -> int:
        """Beats after which thresholds and levels repeat."""
        return max(1, max(len(self.thresholds), len(self.values)) // self.x.lanes)

    @property
    def parallel(self) -> bool:
        """Whether all thresholds are compared in parallel."""
        constant = len(self.thresholds) <= self.x.lanes
        return self.count <= (PARALLEL_CONSTANT if constant else PARALLEL_ROWS)

    @property
    def block(self) -> bool:
        """Whether the two lowest levels of the tree lie in block RAM."""
        return (
            not self.parallel
            and self.levels >= 3
            and is_block(self.rows << self.levels, self.twidth, self.device)
        )

    @property
    def apart(self) -> bool:
        """Whether a search reads in one cycle and compares in the next."""
        return not self.parallel and self.rows << (self.levels - 2 * self.block) > AT_ONCE

    @property
    def twidth(self) -> int:
        """Bits of a threshold: one more than an element's where no element reaches some threshold."""
        stored = self.thresholds if self.parallel else self.tree[:, 1:]
        return self.x.bits + int(stored.max() > _type(self.x).hi)

    def _arithmetic(self) -> tuple[int, int, Ints] | None:
        """(base, step, (1 or C) whether a row descends) where the levels of every row are equidistant; else None."""
        v = self.values
        first, last = int(v[0].min()), int(v[0].max())
        step, rest = divmod(last - first, self.count)
        even = first + step * np.arange(self.count + 1)
        up, down = (v == even).all(axis=1), (v == even[::-1]).all(axis=1)
        if rest or not (up | down).all():
            return None
        return first, step, (~up).astype(np.int64)

    def _spread(self, rows: Ints) -> Ints:
        """One row for every channel; a single row stays one where it serves all beats."""
        channels = self.rows * self.x.lanes
        return np.repeat(rows, channels, axis=0) if len(rows) == 1 and self.rows > 1 else rows

    def params(self) -> dict[str, Param]:
        t, lanes = self._spread(self.thresholds), self.x.lanes
        p: dict[str, Param] = {
            "Lanes": lanes,
            "Rows": self.rows,
            "Shared": int(len(t) == 1),
            "XWidth": self.x.bits,
            "XSigned": int(self.x.signed),
            "Thresholds": self.count,
            "TWidth": self.twidth,
            "Parallel": int(self.parallel),
            "Apart": int(self.apart),
            "Block": int(self.block),
            "YWidth": self.y.bits,
            **self.flow_params(),
        }
        if self.parallel:
            words = t.reshape(-1, (1 if len(t) == 1 else lanes) * self.count)
            p["InitFile"] = Image.pack(words, self.twidth)
        else:
            tree = self._spread(self.tree)
            upper = tree[:, : 2 ** (self.levels - 2)] if self.block else tree
            p["InitFile"] = _columns(upper, lanes, self.twidth)
            if self.block:
                p["BlockFile"] = _columns(tree, lanes, self.twidth)
        even = self._arithmetic()
        if even is None:
            v = self.values
            v = np.concatenate([v, np.repeat(v[:, -1:], 2**self.levels - self.count - 1, axis=1)], axis=1)
            if len(v) > 1:
                v = self._spread(v)
            p |= {"LevelKind": 2 if len(v) <= lanes else 3, "LevelShared": int(len(v) == 1)}
            p["LevelFile"] = _columns(v, lanes, self.y.bits)
            return p
        base, step, descends = even
        p |= {"LevelKind": int(descends.any()), "Base": base, "Step": step}
        if descends.any() and len(descends) == 1:
            p |= {"LevelKind": 0, "Base": base + step * self.count, "Step": -step}
        elif descends.any():
            p["DirectionFile"] = Image.pack(descends.reshape(-1, lanes), 1)
        return p

    @property
    def latency(self) -> int:
        return 2 if self.parallel else self.levels * (1 + self.apart) + 1

    def timing(self) -> Timing:
        return Timing.passing(self.x.beats, self.latency)


@dataclass(frozen=True, kw_only=True, eq=False)
class TableCell(FreeRunning, LibraryCell):
    """Looks every element up in a table; elements beyond its ends take the first or last entry."""

    module: ClassVar[str] = "r4_table"

    mapping: Table

    @cached_property
    def _entries(self) -> tuple[int, Ints]:
        """First index and (1 or C, entries) values: the part of the table within the type, of at least two entries."""
        t, first = _type(self.x), self.mapping.first
        index = np.arange(max(first, t.lo), min(first + self.mapping.table.shape[1] - 1, t.hi) + 1)
        if len(index) < 2:
            index = np.array([t.lo, t.lo + 1]) if len(index) == 0 or index[0] == t.lo else index[0] + [-1, 0]
        rows = self.mapping.table
        return int(index[0]), _single(rows[:, np.clip(index - first, 0, rows.shape[1] - 1)])

    @property
    def rows(self) -> int:
        """Beats after which the tables repeat."""
        return max(1, len(self._entries[1]) // self.x.lanes)

    def params(self) -> dict[str, Param]:
        first, table = self._entries
        entries = table.shape[1]
        depth = 1 << (entries - 1).bit_length()
        padded = np.concatenate([table, np.repeat(table[:, -1:], depth - entries, axis=1)], axis=1)
        return {
            "Lanes": self.x.lanes,
            "Rows": self.rows,
            "Shared": int(len(table) == 1),
            "XWidth": self.x.bits,
            "XSigned": int(self.x.signed),
            "First": first,
            "Entries": entries,
            "YWidth": self.y.bits,
            "Block": int(is_block(self.rows * depth, self.y.bits, self.device)),
            "InitFile": _columns(padded, self.x.lanes, self.y.bits),
            **self.flow_params(),
        }

    @property
    def latency(self) -> int:
        return 2

    def timing(self) -> Timing:
        return Timing.passing(self.x.beats, self.latency)
