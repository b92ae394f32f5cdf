# SPDX-License-Identifier: Apache-2.0
"""Steps of integers as (M * c + B) >> S: the least S that serves all of them, with it the least M of each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rtl4ml.ir.types import Ints

Rows = NDArray[np.int32]  # (n, counts): a function of every count in each row

MOST_SHIFT = 40
MOST_M = 2**26 - 1  # the multiplier's: a DSP48E2 multiplies 27 by 18 bits, signed (UG579)
_FAR = np.int64(2) ** 62


def affine(rows: Rows, lo: int, hi: int) -> tuple[Ints, Ints, int] | None:
    """(n,) M and B and one S with clip((M * c + B) >> S, lo, hi) equal to rows[:, c] for every c; None: there are none.

    rows: (n, counts) that never fall, of integers in [lo, hi]

    What an S can do, S + 1 can: twice M, twice B. So the least S is found by halving, and no other has an M as small.
    """
    points = _Points(rows, lo, hi)
    low, high = 0, MOST_SHIFT + 1
    best: tuple[Ints, Ints] | None = None
    while low < high:
        shift = (low + high) // 2
        m, b = points.numbers(shift)
        if (m < 0).any():
            low = shift + 1
        else:
            best, high = (m, b), shift
    return None if best is None or (best[0] > MOST_M).any() else (*best, low)


class _Points:
    """What M and B must do: M * c + B is at least k * 2**S at every count c of `under`, less at every one of `over`.

    Of the counts at which a row reaches a level, and of those just before, only the corners of a convex hull matter.
    """

    def __init__(self, rows: Rows, lo: int, hi: int) -> None:
        self.under = _stacked([_upper(*_reached(row, lo)) for row in rows])
        # Turned about, the points above the line are points below it.
        last = rows.shape[1] - 1
        turned = (_upper(*_reached(lo + hi - row[::-1], lo)) for row in rows)
        self.over = _stacked([(last - c, lo + hi + 1 - k) for c, k in turned])

    def numbers(self, shift: int) -> tuple[Ints, Ints]:
        """(n,) the least M of every row and a B with it, for this S; an M of -1 where a row has none.

        An M above MOST_M is not gone on with: it says that the least is no smaller.

        B lies between the greatest of k * 2**S - M * c under the line and the least of k * 2**S - 1 - M * c over it.
        The gap between the two is concave in M. Newton's steps from M = 0, each rounded up, never pass its first zero:
        they end at the least whole M with a gap that holds a B, or where the gap does not grow any more.
        """
        n = len(self.under[0])
        m, b = np.zeros(n, np.int64), np.zeros(n, np.int64)
        left = np.arange(n)
        while len(left):
            (uc, uk), (oc, ok) = ((c[left], k[left]) for c, k in (self.under, self.over))
            slope = m[left, None]
            least = np.where(uc < 0, -_FAR, (uk << shift) - slope * uc)
            most = np.where(oc < 0, _FAR, (ok << shift) - 1 - slope * oc)
            row, i, j = np.arange(len(left)), least.argmax(axis=1), most.argmin(axis=1)
            below, above = least[row, i], most[row, j]
            gap = above - below
            done = gap >= 0
            b[left[done]] = np.clip(0, below[done], above[done])
            left, gap, rise = left[~done], gap[~done], (uc[row, i] - oc[row, j])[~done]
            m[left] = np.where(rise > 0, m[left] - gap // np.maximum(rise, 1), -1)
            left = left[(m[left] >= 0) & (m[left] <= MOST_M)]
        return m, b


def _reached(row: NDArray[np.integer], lo: int) -> tuple[Ints, Ints]:
    """Counts at which a row reaches a level above `lo` for the first time, and these levels."""
    c = np.flatnonzero(row[1:] > row[:-1]) + 1
    if row[0] > lo:
        c = np.concatenate([[0], c])
    return c.astype(np.int64), row[c].astype(np.int64)


def _upper(c: Ints, k: Ints) -> tuple[Ints, Ints]:
    """The corners of the upper hull of points with ascending c.

    A point on or below the line between two others is no corner, so all that lie below their neighbours' go at once.
    """
    while len(c) > 2:
        before, after = c[1:-1] - c[:-2], c[2:] - c[1:-1]
        corner = (k[1:-1] - k[:-2]) * after > (k[2:] - k[1:-1]) * before
        if corner.all():
            break
        keep = np.concatenate([[True], corner, [True]])
        c, k = c[keep], k[keep]
    return c, k


def _stacked(points: list[tuple[Ints, Ints]]) -> tuple[Ints, Ints]:
    """(n, most points) counts and levels; a count of -1 where a row has no further point."""
    most = max(1, *(len(c) for c, _ in points)) if points else 1
    c, k = np.full((len(points), most), -1, np.int64), np.zeros((len(points), most), np.int64)
    for i, (counts, levels) in enumerate(points):
        c[i, : len(counts)], k[i, : len(levels)] = counts, levels
    return c, k
