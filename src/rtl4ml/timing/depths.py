# SPDX-License-Identifier: Apache-2.0
"""The least depths of FIFOs with which a netlist keeps its interval."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import partial
from typing import NamedTuple

from rtl4ml.cells.streams import Spill
from rtl4ml.errors import UnsupportedLayer
from rtl4ml.netlist.netlist import Netlist
from rtl4ml.timing.stepper import ENDLESS, FRAMES, State, Stepper, Steps


def stands_still(netlist: Netlist) -> UnsupportedLayer:
    """The error of a netlist that gives no second frame."""
    return UnsupportedLayer(
        f"{netlist.graph.name}: frames must come out one after the other, not stand still, whatever the FIFOs hold; "
        f"report it with the model"
    )


# Step in which FIFOs deeper than four steps are sized: a block RAM has at least 512 words.
GRAIN = 512

# Input intervals that are tried until the netlist keeps up with its source.
_PACES = 8

# Slots a frame of the slowest cell times FIFOs, above which a run starts from the end of another instead of from reset.
_LONG = 1_000_000

# A FIFO of one beat takes one every two cycles. One is tried where beats come as many cycles apart as this on the mean.
_SELDOM = 4

# Frames that come out of a netlist that does not deadlock.
_SEEN = 3

# Frames within which a `roomy` probe must reach a repetition; else it counts as too slow.
_SOON = 4
# As many where skips wait in front of what is computed once more: their FIFOs fill for many frames.
_LATE = 16


class Paced(NamedTuple):
    """A netlist with endless FIFOs: its interval, and a run in which the source offers a frame an interval.

    A dense layer of 64 inputs that reads two a cycle: interval 32; frames end in free.ends = (40, 72), a repetition.
    """

    stepper: Stepper
    interval: int | Fraction
    free: Steps


def unhindered(netlist: Netlist) -> Paced:
    """The interval of a netlist whose FIFOs never fill."""
    stepper = Stepper(netlist)
    endless = dict.fromkeys(stepper.made, ENDLESS)
    interval: int | Fraction = stepper.pace
    # Cells without FIFOs between them may together be slower than the slowest of them.
    for _ in range(_PACES):
        free = stepper.run(depths=endless, pace=interval)
        if len(free.ends) < 2:
            raise stands_still(netlist)
        if free.interval <= interval:
            break
        interval = free.interval
    return Paced(stepper, interval, free)


def needed(stepper: Stepper, free: Steps) -> dict[str, int]:
    """FIFO name to a depth that is enough. free: a run with endless FIFOs and a source that spreads its beats.

    Cells that run freely start nothing while the FIFO behind them says that it is full. Then as many beats as it holds
    must not be fewer than were held and in flight in that run: else they would start later than they did.
    """
    return {k: free.peaks[k] + c.slack + c.flying for k, c in stepper.made.items()}


def depths(
    paced: Paced,
    rows: Mapping[str, int],
    skips: list[str],
    *,
    roomy: bool = False,
    known: Mapping[str, int] | None = None,
    early: Mapping[str, str] | None = None,
    passing: Mapping[str, int] | None = None,
) -> tuple[dict[str, int], State | None]:
    """Depths of FIFOs that do not lengthen the interval: FIFO name to depth; and the state of the cells in the steady
    state.

    paced: the netlist with endless FIFOs, see `unhindered`
    rows:  FIFO name to beats a row
    skips: names of the FIFOs on skip connections, in the order in which they are minimised
    roomy: FIFOs that are not on a skip connection keep a whole row (or their peak, if smaller) instead of the smallest
           share of a row that keeps the interval
    known: FIFO name to depth, where that is the least already
    early: skip FIFO to a narrower one before it, which holds what waits there in its place, see `sizing.early_fifos`
    passing: FIFO name to beats that cells before it may hold once it is full, or none of them where a side stalled

    1. The peaks of a run with endless FIFOs, in which the source spreads its beats evenly over the interval, are deep
       enough: a source that offers more makes no beat later, and beats that come earlier only wait.
    2. Many of these beats can wait in front of faster cells instead. So all FIFOs but the skips are cut to the smallest
       share of a row that keeps the interval, in powers of two; where `roomy`, to a row.
    3. `skips` are minimised one by one: with one entry less the netlist would slow down or deadlock. Deep ones are
       minimised in steps of GRAIN, `roomy` ones to within a twelfth. A FIFO of `early` gets room for as large a part of
       the frame as its skip FIFO had, so that this one keeps what must wait behind the cells between; it is minimised
       last.
    4. A stall leaves gaps in pipelines, and what is in flight then is no more beat that counts: a join behind a global
       pool would wait for a beat of its skip for ever. So frames must come out, if late, without any that pass.
    5. FIFOs of two beats that a beat reaches seldom keep one, which takes no LUT a bit, if the interval allows it.
       None behind cells that run freely: these start nothing while it is full, so they would wait for its reader.

    Those in memory keep their peak: its next power of two costs nothing in the device.
    Where even the peaks lead to no repetition, they are returned.
    """
    stepper, interval, free = paced
    inner = list(stepper.made)
    least = {name: stepper.made[name].least for name in inner}
    slack = {name: stepper.made[name].slack for name in inner}
    enough = {k: max(n, least[k]) for k, n in needed(stepper, free).items()}
    beats = {k: stepper.made[k].x.beats for k in inner}
    enough, skips = _held_early(enough, rows, beats, skips, early or {})

    # The steady interval hardly ever depends on the initial state, because in every loop of cells and FIFOs the number
    # of beats plus free slots is invariant; only a pipeline that stalls as a whole keeps its gaps. So each probe starts
    # from the final state of the last successful one where a run from reset would take long.
    in_memory = {k for k in inner if isinstance(stepper.made[k], Spill)}
    long = stepper.pace * len(stepper.fifos) > _LONG
    state = free.state if long else None
    frames = FRAMES if not roomy else _LATE if early else _SOON

    def holds(now: Mapping[str, int]) -> bool:
        nonlocal state
        steps = stepper.run(depths=now, start=state, frames=frames)
        if (kept := steps.steady and steps.interval <= interval) and long:
            state = steps.state
        return kept

    def cut(eighths: int) -> dict[str, int]:
        cuts = [k for k in inner if k not in skips and k not in in_memory]
        few = {k: max(least[k], slack[k] - (-rows[k] * eighths // 8)) for k in cuts}
        few |= {k: max(least[k], depth * max(8, eighths) // 8) for k, depth in (known or {}).items()}
        return enough | {k: min(enough[k], v) for k, v in few.items()}

    eighths = 8
    while not (kept := holds(now := cut(eighths))) and now != enough:
        eighths *= 4
    if not kept:
        return enough, state
    while eighths and not roomy and ((less := cut(eighths // 2)) == now or holds(less)):
        eighths, now = eighths // 2, less
    for name in skips:
        if roomy:
            enough_of = partial(_with, holds, now, name)
            now[name] = _about(least[name], now[name], enough_of, up=name in (early or {}))
            continue
        if holds(now | {name: least[name]}):
            now[name] = least[name]
            continue
        grain = GRAIN if now[name] > 4 * GRAIN else 1
        few, stride = least[name], grain
        now[name] = -(-now[name] // grain) * grain
        # Down in growing strides, then by bisection.
        while now[name] - few > grain:
            probe = max(now[name] - stride, few // grain * grain + grain)
            if holds(now | {name: probe}):
                now[name], stride = probe, 4 * stride
            else:
                few, stride = probe, max(1, (now[name] - probe) // 2 // grain) * grain
    now = _moving(stepper, now, skips, passing or {})
    return now | _single(paced, now, holds), state


def _with(holds: Callable[[Mapping[str, int]], bool], now: dict[str, int], name: str, depth: int) -> bool:
    """Whether depths hold with another one of one FIFO."""
    return holds(now | {name: depth})


def _about(least: int, enough: int, holds: Callable[[int], bool], *, up: bool) -> int:
    """The least depth that holds, to within a twelfth; `enough` does.

    up: the search begins at the least depth: where little waits, what does not hold shows at once, while what holds
        shows only once the FIFO before has filled
    """
    few = least - 1
    if up:
        probe = least
        while probe < enough and not holds(probe):
            few, probe = probe, 4 * probe
        enough = min(probe, enough)
    grain = max(1, enough // 12)
    while enough - few > grain:
        probe = (enough + few) // 2
        few, enough = (few, probe) if holds(probe) else (probe, enough)
    return enough


def _moving(
    stepper: Stepper, now: dict[str, int], skips: list[str], passing: Mapping[str, int]
) -> dict[str, int]:
    """Depths with which frames come out whatever the stalls: skip FIFOs, deepened by as few beats that may be missing
    as it takes.
    """

    def moves() -> bool:
        certain = now | {k: max(1, now[k] - n) for k, n in passing.items()}
        steps = stepper.run(depths=certain, frames=_SEEN)
        return steps.period > 0 or len(steps.ends) == _SEEN  # a run ends with the frame that repeats another

    before, now = now, dict(now)
    for _ in range(_PACES):
        for name in skips:
            if not passing.get(name) or moves():
                continue
            now[name] += passing[name]
        if not any(passing.get(name) for name in skips) or moves():
            break
    for name in skips:
        few, enough = before[name] - 1, now[name]
        while enough - few > 1:
            now[name] = (few + enough) // 2
            few, enough = (few, now[name]) if moves() else (now[name], enough)
        now[name] = enough
    return now


def _held_early(
    enough: dict[str, int],
    rows: Mapping[str, int],
    beats: Mapping[str, int],
    skips: list[str],
    early: Mapping[str, str],
) -> tuple[dict[str, int], list[str]]:
    """Depths with which what waits in skip FIFOs can wait in those of `early` too, which are minimised after them.

    beats: FIFO name to beats a frame. A part of a frame waits, and a row: what is pooled has fewer rows than the image.
    """
    deeper = {n: -(-enough[name] * beats[n] // beats[name]) + rows[n] for name, n in early.items()}
    last = dict.fromkeys(early.values())
    return (
        {k: max(v, deeper.get(k, 0)) for k, v in enough.items()},
        [*(name for name in skips if name not in last), *last],
    )


def _single(
    paced: Paced, now: Mapping[str, int], holds: Callable[[Mapping[str, int]], bool]
) -> dict[str, int]:
    """Name to 1 of the FIFOs that keep one beat: all that a beat reaches seldom, or each that alone keeps the interval.

    now: FIFO name to depth; holds: whether depths keep the interval
    """
    waits = {k: c.x.beats for k in now if not (c := paced.stepper.made[k]).x.flight}
    seldom = {k: 1 for k, beats in waits.items() if now[k] == 2 and _SELDOM * beats <= paced.interval}
    if not seldom or holds({**now, **seldom}):
        return seldom
    found: dict[str, int] = {}
    for k in seldom:
        if holds({**now, **found, k: 1}):
            found[k] = 1
    return found
