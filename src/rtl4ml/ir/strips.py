# SPDX-License-Identifier: Apache-2.0
"""Frames that are larger than a network's own, cut into strips that overlap, each of which is a frame of the network.

At a strip's edge within the frame the network sees its zero padding, where the frame goes on. What depends on that is
wrong, and is cut off: the neighbouring strip has it right. At the frame's own edges the padding belongs there, and the
first and the last strip keep what they have. How far the padding reaches is followed through the graph, operator by
operator, by what each of them reads (`Op.reads`).

Strips start at multiples of `align`, so that pools, strides and upsamplings fall on the positions on which they fall
in the whole frame. A frame is larger than a strip by a multiple of `align` too: then the last strip may end where the
frame ends, and padding="same" has as many zeros in the one as in the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import lcm

import numpy as np
from numpy.typing import NDArray

from rtl4ml.errors import BadInput, Rtl4mlError, UnsupportedLayer, named
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.op import Op
from rtl4ml.ir.reads import AXES, COLUMNS, ROWS, Reads
from rtl4ml.ir.types import Stream

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Strip:
    """One strip. start: its first position in the frame; first, last: what is kept of its output, `last` excluded.

    Of a network that halves the columns, Strip(start=48, first=3, last=29) becomes the columns 27 to 52 of the result.
    """

    start: int
    first: int
    last: int


@dataclass(frozen=True)
class Strips:
    """How frames are cut along an axis.

    axis:          0 rows, 1 columns
    size, out:     positions of a strip, and of its output
    align:         starts are multiples of it, and so is what a frame has more than a strip
    up, down:      `down` positions of a frame become `up` of its output
    before, after: positions of a strip's output that are wrong where the frame goes on beyond the strip

    Two convolutions of 3 taps with padding, then a pool of 2, for strips of 16 columns: of the 8 columns of output the
    first is wrong where the frame goes on to the left, and the last where it goes on to the right. So
    Strips(axis=1, size=16, out=8, align=2, up=1, down=2, before=1, after=1) has halo (2, 2) and a step of 12. It cuts
    a frame of 40 columns into Strip(0, 0, 7), Strip(12, 1, 7) and Strip(24, 1, 8), whose 7, 6 and 7 columns are the 20
    of the result.
    """

    axis: int
    size: int
    out: int
    align: int
    up: int
    down: int
    before: int
    after: int

    @property
    def step(self) -> int:
        """Positions from the start of a strip to that of the next; 0 where no strip is wide enough to go on."""
        return max(0, (self.out - self.before - self.after) * self.down // self.up // self.align * self.align)

    @property
    def halo(self) -> tuple[int, int]:
        """Positions of the frame at either edge of a strip that only serve the others."""
        return -(-self.before * self.down // self.up), -(-self.after * self.down // self.up)

    def takes(self, size: int) -> bool:
        """Whether frames of `size` positions can be cut."""
        more = size - self.size
        return more == 0 or (more > 0 and more % self.align == 0 and self.step > 0)

    def check(self, size: int, what: str = "x") -> None:
        """Raises BadInput where frames of `size` positions cannot be cut. what: the argument that has them."""
        if self.takes(size):
            return
        name = AXES[self.axis]
        more = max(0, size - self.size) // self.align * self.align
        near = " or ".join(f"{self.size + n:,}" for n in (more, more + self.align))
        raise BadInput(
            f"{named(what)}: {name} must be {self.size:,} and a multiple of {self.align:,} more, not {size:,}; "
            f"cut or fill the frames to {near}"
        )

    def total(self, size: int) -> int:
        """Positions of the output of a frame of `size` positions."""
        return self.out + (size - self.size) * self.up // self.down

    def plan(self, size: int) -> tuple[Strip, ...]:
        """The strips of a frame of `size` positions, as few as there can be. Raises BadInput as `check`."""
        self.check(size)
        last = size - self.size
        found, start, done = [], 0, 0
        while True:
            moved = start * self.up // self.down
            end = self.out - (self.after if start < last else 0)
            found.append(Strip(start, done - moved, end))
            if start == last:
                return tuple(found)
            done = moved + end
            start = min(last, (done - self.before) * self.down // self.up // self.align * self.align)

    def cost(self, size: int) -> float:
        """Positions that all strips of a frame have, for each of the frame's own: 1.5 where half is computed twice."""
        return len(self.plan(size)) * self.size / size


def strips(graph: Graph, axis: int = COLUMNS) -> Strips:
    """How frames larger than the graph's are cut along an axis.

    Raises UnsupportedLayer, with the layer's name, where an operator depends on the whole frame, and where the graph's
    frames are too small for strips to overlap as they must.
    """
    found = _found(graph, axis)
    if found.step:
        return found
    more = found.align
    while not (wide := _found(_sized(graph, axis, found.size + more), axis)).step:
        more *= 2
    raise UnsupportedLayer(
        f"{graph.name}: strips must have at least {wide.size - wide.step + wide.align:,} {AXES[axis]}, "
        f"{sum(wide.halo)} of them for their neighbours, not {found.size:,}; convert for frames of that size"
    )


@lru_cache(maxsize=4)
def _found(graph: Graph, axis: int) -> Strips:
    """`strips`, of any step."""
    if len(graph.inputs) != 1 or len(graph.outputs) != 1 or len(graph.inputs[0].shape) < 3 - axis:
        raise UnsupportedLayer(
            f"{graph.name}: a network for strips must have one input of {AXES[axis]} and channels and one output, not "
            f"{[s.shape for s in (*graph.inputs, *graph.outputs)]}"
        )
    moves = _moves(graph, axis)
    align = lcm(*(m.denominator for m in moves.values()))
    size, (output,) = graph.inputs[0].hwc[axis], graph.outputs
    overhang = max((r.overhang(s.hwc[axis]) for op in graph.ops for r, s in _reads(op, axis)), default=0)
    # So far from a frame's edge no window reaches its padding: a position costs at least 1 / align of the output.
    more = align * (1 + overhang)
    whole = _sized(graph, axis, size + more)
    right = _right(graph, whole, axis, moves, 0)
    left = _right(graph, whole, axis, moves, more)
    out = output.hwc[axis]
    move = moves[output.name]
    return Strips(
        axis=axis,
        size=size,
        out=out,
        align=align,
        up=move.numerator,
        down=move.denominator,
        before=int(np.flatnonzero(~left)[-1]) + 1 if not left.all() else 0,
        after=out - int(np.flatnonzero(~right)[0]) if not right.all() else 0,
    )


def strips_if_any(graph: Graph, axis: int = COLUMNS) -> Strips | None:
    """`strips`; None where these are refused."""
    try:
        return strips(graph, axis)
    except Rtl4mlError:
        return None


def dependencies(graph: Graph, axis: int = COLUMNS) -> Flags:
    """(positions of the output, positions of the input) whether the one depends on the other, along an axis.

    Of a convolution of 3 taps with padding, of 4 columns: [[1, 1, 0, 0], [1, 1, 1, 0], [0, 1, 1, 1], [0, 0, 1, 1]].
    """
    (source,), (output,) = graph.inputs, graph.outputs
    found: dict[str, Flags] = {source.name: np.eye(source.hwc[axis], dtype=np.bool_)}
    for op in graph.ops:
        made = np.zeros((op.output.hwc[axis], source.hwc[axis]), np.bool_)
        for reads, s in _reads(op, axis):
            of = found[s.name]
            inside = reads.inside(len(of))
            made |= (of[np.where(inside, reads.at, 0)] & inside[..., None]).any(axis=1)
        found[op.output.name] = made
    return found[output.name]


def _sized(graph: Graph, axis: int, size: int) -> Graph:
    """The graph on frames of `size` positions along one axis."""
    rows, columns, _ = graph.inputs[0].hwc
    return graph.of_frames(*((size, columns) if axis == ROWS else (rows, size)))


def _reads(op: Op, axis: int) -> list[tuple[Reads, Stream]]:
    """What an operator reads of each of its inputs."""
    return list(zip(op.reads(axis), op.inputs, strict=True))


def _moves(graph: Graph, axis: int) -> dict[str, Fraction]:
    """Stream name to the positions by which it goes on where the graph's input goes on by one.

    Raises UnsupportedLayer where an operator joins streams that go on unlike.
    """
    moves = {graph.inputs[0].name: Fraction(1)}
    for op in graph.ops:
        made = {moves[s.name] * Fraction(r.up, r.down) for r, s in _reads(op, axis)}
        if len(made) > 1:
            raise UnsupportedLayer(
                f"{op.layer}: joined streams must have the same number of {AXES[axis]} for each of the input's in "
                f"frames of any size, not {' and '.join(map(str, sorted(made)))}; convert for the whole frame"
            )
        (moves[op.output.name],) = made
    return moves


def _right(strip: Graph, whole: Graph, axis: int, moves: dict[str, Fraction], start: int) -> Flags:
    """(positions of the strip's output,) whether they are what the whole frame has there, whatever is in it.

    start: of the strip, a multiple of its alignment
    """
    right = {strip.inputs[0].name: np.ones(strip.inputs[0].hwc[axis], np.bool_)}
    for op, same in zip(strip.ops, whole.ops, strict=True):
        n = op.output.hwc[axis]
        here = int(start * moves[op.output.name]) + np.arange(n)
        made = np.ones(n, np.bool_)
        for (reads, s), (others, w) in zip(_reads(op, axis), _reads(same, axis), strict=True):
            of, moved = right[s.name], int(start * moves[s.name])
            inside, there = reads.inside(len(of)), others.inside(w.hwc[axis])[here]
            found = of[np.where(inside, reads.at, 0)] & (others.at[here] == reads.at + moved)
            made &= np.where(inside, found & there, ~there).all(axis=1) & (reads.kinds == others.kinds[here])
        right[op.output.name] = made
    return right[strip.outputs[0].name]
