# SPDX-License-Identifier: Apache-2.0
"""Images that are wider than the hardware's: cut into strips that overlap, each an image of the hardware, and joined.

At a strip's edge within the image the network pads with zeros where the image goes on; the columns of the result that
depend on these are left out. interface.json says how many they are, which follows from the network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from r4_types import BadCube

Plan = list[tuple[int, int, int]]
WHOLE: Plan = [(0, 0, 0)]  # for `fill`: the cube as it is


@dataclass(frozen=True)
class Strips:
    """How images are cut, as "strips" of interface.json says.

    columns, out_columns: of a strip, and of its result
    align:         starts are multiples of it, and so is what an image has more than a strip
    up, down:      `down` columns of an image become `up` of its result
    before, after: columns of a strip's result that are wrong where the image goes on beyond the strip

    Strips(columns=16, out_columns=8, align=2, up=1, down=2, before=1, after=1) cuts an image of 40 columns at 0, 12 and
    24, and keeps columns 0 to 6, 1 to 6 and 1 to 7 of the results.
    """

    columns: int
    out_columns: int
    align: int
    up: int
    down: int
    before: int
    after: int

    def check(self, columns: int) -> None:
        """Raises BadCube where images of so many columns cannot be cut."""
        more = columns - self.columns
        if more < 0 or more % self.align:
            near = self.columns + max(0, more) // self.align * self.align
            raise BadCube(
                f"images must be {self.columns} columns wide and a multiple of {self.align} more, not {columns}; "
                f"cut or fill them to {near} or {near + self.align}"
            )

    def plan(self, columns: int) -> Plan:
        """Of every strip its first column, and the first of its result that is kept and the one behind the last."""
        last = columns - self.columns
        found: Plan = []
        start = done = 0
        while True:
            moved = start * self.up // self.down
            end = self.out_columns - (self.after if start < last else 0)
            found.append((start, done - moved, end))
            if start == last:
                return found
            done = moved + end
            start = min(last, (done - self.before) * self.down // self.up // self.align * self.align)


def fill(given: NDArray[Any], cube: NDArray[Any], plan: Plan, rows: int, columns: int) -> None:
    """Copies the strips of a cube, one below the other, into an array of the same order of axes.

    rows, columns: places of these axes
    """
    below = np.split(given, len(plan), axis=rows)
    for place, (start, _, _) in zip(below, plan, strict=True):
        part = [slice(None)] * cube.ndim
        part[columns] = slice(start, start + place.shape[columns])
        np.copyto(place, cube[tuple(part)])


def join(result: NDArray[Any], plan: Plan, columns: int) -> NDArray[Any]:
    """The result of an image from those of its strips, which are one below the other. columns: place of that axis."""
    parts = []
    for found, (_, first, last) in zip(np.split(result, len(plan)), plan, strict=True):
        part = [slice(None)] * found.ndim
        part[columns] = slice(first, last)
        parts.append(found[tuple(part)])
    return np.concatenate(parts, axis=columns)
