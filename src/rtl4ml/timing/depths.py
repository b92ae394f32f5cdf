# SPDX-License-Identifier: Apache-2.0
"""The least depths of FIFOs that keep a netlist's pace."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import NamedTuple

from rtl4ml.errors import UnsupportedLayer
from rtl4ml.netlist.netlist import Netlist
from rtl4ml.timing.stepper import ENDLESS, FRAMES, State, Stepper, Steps


def stands_still(netlist: Netlist) -> UnsupportedLayer:
    """The error of a netlist of which no second frame comes out."""
    return UnsupportedLayer(
        f"{netlist.graph.name}: frames must come out one after the other, not stand still, whatever the FIFOs hold; "
        f"report it with the model"
    )


# Entries by which FIFOs of more than four times as many are sized: block memory comes in steps of 512 words at least.
GRAIN = 512

# Paces that are tried until a netlist keeps its source's.
_PACES = 8

# Cycles of all FIFOs together in a frame from which on runs do not start from reset.
_LONG = 1_000_000

# Frames within which a `roomy` probe comes to a repetition, or counts as too slow.
_SOON = 4


class Paced(NamedTuple):
    """A netlist whose FIFOs have no end: the interval that it keeps, and a run in which its source keeps it too."""

    stepper: Stepper
    interval: int | Fraction
    free: Steps


def unhindered(netlist: Netlist) -> Paced:
    """How fast a netlist is that no FIFO holds up."""
    stepper = Stepper(netlist)
    endless = dict.fromkeys((name for name in stepper.fifos if name != "s_axis"), ENDLESS)
    interval: int | Fraction = stepper.pace
    for _ in range(_PACES):  # a netlist may be slower than its slowest cell
        free = stepper.run(depths=endless, pace=interval)
        if len(free.ends) < 2:
            raise stands_still(netlist)
        if free.interval <= interval:
            break
        interval = free.interval
    return Paced(stepper, interval, free)


def depths(
    paced: Paced,
    rows: Mapping[str, int],
    skips: list[str],
    least: int,
    *,
    roomy: bool = False,
    known: Mapping[str, int] | None = None,
) -> tuple[dict[str, int], State | None]:
    """Depths, `least` or more, at which no FIFO costs a cycle of the interval: FIFO name to depth; and where the cells
    then stand once the pace is steady.

    paced: of the netlist, see `unhindered`; known: depths of FIFOs that are as small as they can be

    What a FIFO takes ahead of its reader, while the source spreads its beats evenly over the interval and no FIFO ever
    is full, is enough: no beat comes later where the source offers more, and earlier ones only wait. Much of that could
    wait in front of faster cells, so all FIFOs but the skips are then cut to the smallest share of a row (`rows`: beats
    a row) that keeps the interval; where `roomy`, to a row. `skips` are made smaller one by one, in this order: an
    entry less and the netlist slows down or stands still; deep ones (a multiple of GRAIN) GRAIN entries less, `roomy`
    ones as near as a twelfth. Where even those that are enough come to no repetition, they are left at that.
    """
    stepper, interval, free = paced
    inner = [name for name in stepper.fifos if name != "s_axis"]
    enough = {name: max(free.peaks[name], least) for name in inner}

    # Wherever a run starts, the pace in the end is nearly always the same: what a loop of cells and FIFOs holds, beats
    # and room for them together, never changes; but a pipeline that stalls as a whole keeps its gaps. A run goes on
    # from the last one that held where one from reset would take long.
    long = stepper.pace * len(stepper.fifos) > _LONG
    state = free.state if long else None

    def holds(now: Mapping[str, int]) -> bool:
        nonlocal state
        steps = stepper.run(depths=now, start=state, frames=_SOON if roomy else FRAMES)
        if (kept := steps.steady and steps.interval <= interval) and long:
            state = steps.state
        return kept

    def cut(eighths: int) -> dict[str, int]:
        few = {k: max(least, -(-rows[k] * eighths // 8)) for k in inner if k not in skips}
        few |= {k: depth * max(8, eighths) // 8 for k, depth in (known or {}).items()}
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
            few, grain = least - 1, max(1, now[name] // 12)
            while now[name] - few > grain:
                probe = (now[name] + few) // 2
                if holds(now | {name: probe}):
                    now[name] = probe
                else:
                    few = probe
            continue
        if holds(now | {name: least}):
            now[name] = least
            continue
        grain = GRAIN if now[name] > 4 * GRAIN else 1
        few, stride = least, grain
        now[name] = -(-now[name] // grain) * grain
        while now[name] - few > grain:  # down in growing strides, then by halves
            probe = max(now[name] - stride, few // grain * grain + grain)
            if holds(now | {name: probe}):
                now[name], stride = probe, 4 * stride
            else:
                few, stride = probe, max(1, (now[name] - probe) // 2 // grain) * grain
    return now, state
