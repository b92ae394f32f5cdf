# SPDX-License-Identifier: Apache-2.0
"""The first frames of a netlist that is too large to be stepped through until its state repeats.

Its FIFO depths and its interval come from narrower frames (`rtl4ml.timing.sizing`). A few frames of its own say whether
that was right. Until the steady state is reached, stage after stage starts a frame some cycles later than the one
before, as many whatever the width: so each frame may come as much later than its interval as the narrower one did.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

from rtl4ml.cells.streams import Fifo, Spill
from rtl4ml.netlist.netlist import FirstFrames, Netlist
from rtl4ml.timing.depths import needed
from rtl4ml.timing.steady import steady, work
from rtl4ml.timing.stepper import ENDLESS, Stepper

# Cell cycles a frame up to which frames are stepped through: most of them are passed over, so a frame takes seconds.
STEPPED = 3_000_000_000

# Frames that are stepped through, and those of a run with endless FIFOs that shows what these hold.
FRAMES = 4
_PEAKS = 3


@dataclass(frozen=True)
class Example:
    """The pace of narrower frames with the same foldings.

    interval: steady interval
    slowest:  cycles a frame of the slowest cell
    gaps:     cycles from each of the first frames to the next
    observed: where no state repeated: the frames between which the interval is the longest gap, see `Cycles`

    Example(262_144, 262_144, (262_208, 262_208, 262_144)): frames of 256 x 256 begin 64 cycles late twice. Of a frame
    whose slowest cell takes nine times as long the interval is 2,359,296, and the third frame may come 2,359,360 cycles
    after the second, the fourth 2,359,296 after that.
    """

    interval: int | Fraction
    slowest: int
    gaps: tuple[int, ...]
    observed: tuple[int, int] | None = None

    @classmethod
    def of(cls, net: Netlist) -> Example:
        """Raises UnsupportedLayer where no second frame comes out."""
        ends = Stepper(net).run(frames=FRAMES).until(FRAMES).tolist()
        steps = steady(net).steps
        return cls(steps.interval, max(work(net).values()), gaps(ends), steps.observed)

    def wider(self, slowest: int) -> int:
        """The interval of a wider frame, whose slowest cell takes so many cycles."""
        return round(slowest * Fraction(self.interval) / self.slowest)

    def meets(self, found: FirstFrames, slowest: int) -> bool:
        """Whether the first frames of a netlist, whose slowest cell takes so many cycles, are as fast as these."""
        interval, between = self.wider(slowest), gaps(found.ends)
        if found.period:
            return all(gap <= interval for gap in between[-found.period :])
        late = [max(0, gap - self.interval) for gap in self.gaps]
        return len(between) == len(late) and all(
            g <= interval + n for g, n in zip(between, late, strict=True)
        )


def gaps(ends: Sequence[int]) -> tuple[int, ...]:
    """Cycles from each frame's end to the next."""
    return tuple(b - a for a, b in pairwise(ends))


def steppable(net: Netlist) -> bool:
    """Whether the first frames of a netlist are stepped through in seconds."""
    return max(work(net).values()) * len(net.cells) <= STEPPED


def first_frames(net: Netlist) -> FirstFrames | None:
    """The first frames of a netlist, stepped through; None where these are too large."""
    if not steppable(net):
        return None
    return _first(Stepper(net), {})


def _first(stepper: Stepper, depths: Mapping[str, int]) -> FirstFrames:
    """The first frames. depths: FIFO name to depth, where it differs from the netlist's."""
    steps = stepper.run(depths=depths, frames=FRAMES)
    return FirstFrames(steps.ends, steps.firsts, steps.period)


def fitted(net: Netlist, example: Example, passing: Mapping[str, int], kept: Collection[str]) -> Netlist:
    """The netlist with FIFOs as deep as its own frames need, and its first frames, if these are not too large.

    passing: as in `depths`
    kept:    names of FIFOs whose depths are left as they are: what could wait in them waits in others before them

    1. With a source that spreads its beats over the interval, what FIFOs without end hold is enough (`depths.needed`).
       What is deeper becomes as deep as that.
    2. If frames come later than they should, what is less deep becomes as deep as that too.
    """
    if not steppable(net):
        return net
    slowest = max(work(net).values())
    stepper = Stepper(net)
    endless = {k: c.depth if k in kept else ENDLESS for k, c in stepper.made.items()}
    free = stepper.run(depths=endless, pace=example.wider(slowest), frames=_PEAKS)
    most = {k: n + passing.get(k, 0) for k, n in needed(stepper, free).items() if k not in kept}
    # A spill's memory is a power of two, so that less saves nothing.
    least = {
        c.name: c.depth if isinstance(c, Spill) else min(c.depth, c.least) for c in stepper.made.values()
    }
    depths = {k: min(stepper.made[k].depth, max(n, least[k])) for k, n in most.items()}
    first = _first(stepper, depths)
    if not example.meets(first, slowest):
        depths = {k: max(depths[k], n) for k, n in most.items()}
        first = _first(stepper, depths)
    cells = (replace(c, depth=depths.get(c.name, c.depth)) if isinstance(c, Fifo) else c for c in net.cells)
    return replace(net, cells=tuple(cells), started=first)
