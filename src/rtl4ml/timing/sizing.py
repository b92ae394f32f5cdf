# SPDX-License-Identifier: Apache-2.0
"""FIFO depths that keep the full rate; those of large frames are extrapolated from two narrower ones."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache

from rtl4ml.cells.streams import Fifo, spills
from rtl4ml.lowering.lower import lower
from rtl4ml.netlist.netlist import Cell, Netlist, Relief, Wire
from rtl4ml.netlist.plan import Plan
from rtl4ml.timing.depths import depths, unhindered
from rtl4ml.timing.first_frames import Example, fitted
from rtl4ml.timing.relief import fifos, relief, relieved

# Cell cycles a frame up to which a netlist is analysed as it is: about 0.5 s a frame, some 60 frames in all.
ANALYSED = 60_000_000


@lru_cache(maxsize=4)  # the search for a plan and the design that is made of it ask for the same netlist
def sized_netlist(plan: Plan, *, roomy: bool = False) -> Netlist:
    """The netlist of a plan with the FIFO depths of `sized`.

    roomy: FIFOs that are not on a skip connection keep a whole row (or their peak, if smaller) instead of the smallest
           share of a row that keeps the interval
    """
    return sized(lower(plan), roomy=roomy)


def sized(net: Netlist, *, roomy: bool = False, known: Relief | None = None) -> Netlist:
    """The netlist with FIFO depths that keep its full rate; those on skip connections are the least.

    Depths of a netlist too large to be analysed are extrapolated from two of narrower frames, see `narrower`. These are
    roomy, since the share of a row that a narrow frame needs may be too small for a wide one. Its own first frames mend
    them where these are not too large to be stepped through (`first_frames.fitted`).
    known: a relief to take over instead of searching for one
    """
    settled = None
    if (pair := narrower(net)) is not None:
        (w1, a), (w2, b) = ((n.graph.inputs[0].hwc[1], n) for n in pair)
        width = net.graph.inputs[0].hwc[1]
        net = relieved(net, b.relief.wider(width, w2))
        depth1, depth2 = ({c.name: c.depth for c in n.cells if isinstance(c, Fifo)} for n in (a, b))
        # A FIFO that has the least depth, or one beat, in both has it here: the least does not depend on the frame.
        least = {c.name: c.least for c in net.cells if isinstance(c, Fifo)}
        # Skip FIFOs hold whole rows, so depth grows about linearly with the frame's width. Take the largest of the
        # linear extrapolation and of scaling either narrow frame.
        found = {
            k: max(
                least[k],
                d + -(-(e - d) * (width - w1) // (w2 - w1)),
                -(-d * width // w1),
                -(-e * width // w2),
            )
            if max(d, e) > least[k]
            else max(d, e)
            for (k, d), e in zip(depth1.items(), (depth2[k] for k in depth1), strict=True)
        }
    else:
        paced = unhindered(net)
        if known is not None or paced.interval > paced.stepper.pace:
            net = relieved(net, relief(net) if known is None else known)
            paced = unhindered(net)
        rows = {c.name: -(-c.x.beats // _rows(net, c)) for c in net.cells if isinstance(c, Fifo)}
        early = early_fifos(net)
        skips = _skips(net)
        found, settled = depths(
            paced, rows, skips, roomy=roomy, known=dict(fifos(net)), early=early, passing=_passing(net, skips)
        )
    cells = (replace(c, depth=found[c.name]) if isinstance(c, Fifo) else c for c in net.cells)
    made = replace(net, cells=tuple(cells), settled=settled)
    if pair is None:
        return made
    return fitted(made, example(net), _passing(made, _skips(made)), _behind(made, early_fifos(made)))


def narrower(net: Netlist) -> tuple[Netlist, Netlist] | None:
    """Two netlists of narrower frames, with the same foldings, from which a large netlist is extrapolated.

    A path delays its first result by a number of rows that does not depend on the height of the frame, so depths and
    the time to fill the pipeline are about linear in the width. None where the netlist is small enough to be analysed
    itself, or where its operators do not work on smaller frames.
    """
    work = _work(net)
    return None if work <= ANALYSED or net.plan is None else _narrower(net.plan, work)


def example(net: Netlist) -> Example:
    """The pace of the wider of the frames from which a large netlist is extrapolated."""
    assert net.plan is not None
    return _example(net.plan, _work(net))


@lru_cache(maxsize=4)  # sizing and prediction ask for that of the same plan
def _example(plan: Plan, work: int) -> Example:
    pair = _narrower(plan, work)
    assert pair is not None
    return Example.of(pair[1])


def _work(net: Netlist) -> int:
    """Cell cycles a frame."""
    return max(c.slots for c in net.cells) * (len(net.cells) - len(net.relief.fifos))


@lru_cache(maxsize=4)  # sizing and prediction ask for those of the same plan
def _narrower(plan: Plan, work: int) -> tuple[Netlist, Netlist] | None:
    """The netlists of `narrower`. work: cell cycles a frame of the plan's netlist."""
    graph = plan.graph
    rows, columns, _ = graph.inputs[0].hwc
    # Greatest factor by which pools and strides divide the height of the frame.
    step = max(-(-rows // s.shape[0]) for op in graph.ops for s in (op.output,) if len(s.shape) == 3)
    # The widest frames that can be analysed; the rows are enough for every path to fill.
    for tall, width in ((16, 16), (16, 8), (16, 4), (8, 4)):
        height, widths = min(rows, tall * step), (width * step, width * step // 2)
        if widths[0] < columns and work * height * widths[0] <= ANALYSED * rows * columns:
            break
    wide, narrow = (plan.resized(height, w) for w in widths)
    if wide is None or narrow is None or widths[0] >= columns:
        return None
    with ThreadPoolExecutor(2) as pool:  # the stepper leaves the interpreter to others
        first, second = pool.map(lambda p: sized_netlist(p, roomy=True), (narrow, wide))
    known = second.relief.wider(widths[1], widths[0])
    # Depths are compared FIFO by FIFO, so both netlists must have the same FIFOs.
    if first.relief.fifos.keys() != known.fifos.keys():
        first = sized(lower(narrow), roomy=True, known=known)
    return first, second


def _rows(net: Netlist, fifo: Fifo) -> int:
    """Rows of the frames that pass through a FIFO; 1-D and flat streams have one."""
    shapes = [s.hwc for op in net.graph.ops if op.name == fifo.layer for s in (*op.inputs, op.output)]
    return max((h for h, w, c in shapes if h * w * c == fifo.x.beats * fifo.x.lanes), default=1)


def _skips(net: Netlist) -> list[str]:
    """Names of the FIFOs on skip connections in the device, the longest way from its fork first.

    That is the last FIFO before each input of a join, but for the input with the longest way from its fork.
    """
    makers = {w.name: c for c in net.cells for w in c.outputs.values()}
    found: dict[str, int] = {}
    for join in net.cells:
        ways: list[tuple[int, str]] = []
        for w in join.inputs.values() if len(join.inputs) > 1 else ():
            at, steps, fifo = makers.get(w.name), 0, ""
            while at is not None and at.module != "r4_fork":
                fifo = fifo or (at.name if isinstance(at, Fifo) else "")
                steps, at = steps + 1, makers.get(at.x.name)
            if fifo:
                ways.append((steps, fifo))
        # By length alone: names of layers must not change the hardware.
        found.update({name: steps for steps, name in sorted(ways, key=lambda way: way[0])[:-1]})
    in_memory = {c.name for c in spills(net)}
    return sorted((name for name in found if name not in in_memory), key=lambda name: -found[name])


def _passing(net: Netlist, skips: list[str]) -> dict[str, int]:
    """FIFO name to beats on their way to it that it may count on only while nothing stalls: those in flight behind
    cells that run freely, and before a skip those of pipelines, which keep their gaps as they stand.
    """
    makers = {w.name: c for c in net.cells for w in c.outputs.values()}
    in_memory = {c.name for c in spills(net)}
    found = {
        c.name: c.slack for c in net.cells if isinstance(c, Fifo) and c.slack and c.name not in in_memory
    }
    for fifo in (c for c in net.cells if c.name in skips and c.name not in found):
        at = makers.get(fifo.x.name)
        stages = 0
        while at is not None and not isinstance(at, Fifo) and at.module != "r4_fork":
            stages += max(0, at.timing().latency - 1)
            at = makers.get(at.x.name)
        if stages:
            found[fifo.name] = stages
    return found


def early_fifos(net: Netlist) -> dict[str, str]:
    """Skip FIFO to the narrowest FIFO before it in which its beats can wait as well, before they are made.

    Such a FIFO is on the short way to a join and not on the long one, and a frame takes fewer bits in it. A short way
    that computes level 1 of a U-Net from the image once more has one at the image: a pixel of 3 x 8 bits in place of
    64 x 4.
    """
    makers = {w.name: c for c in net.cells for w in c.outputs.values()}

    def before(wire: Wire) -> dict[str, Cell]:
        """All cells that a wire depends on, the nearest first."""
        found: dict[str, Cell] = {}
        todo = [wire.name]
        for name in todo:  # grows meanwhile
            cell = makers.get(name)
            if cell is not None and cell.name not in found:
                found[cell.name] = cell
                todo += [w.name for w in cell.inputs.values()]
        return found

    early: dict[str, str] = {}
    skips = set(_skips(net))
    for join in (c for c in net.cells if len(c.inputs) > 1):
        ways = [before(w) for w in join.inputs.values()]
        for k, way in enumerate(ways):
            held = next((name for name, c in way.items() if isinstance(c, Fifo)), "")
            others = set().union(*(w for n, w in enumerate(ways) if n != k))
            alone = {
                n: c.x.width * c.x.beats for n, c in way.items() if isinstance(c, Fifo) and n not in others
            }
            if held in skips and alone:
                narrow = min(alone, key=lambda n: alone[n])
                if alone[narrow] < alone.get(held, 0):
                    early[held] = narrow
    return early


def _behind(net: Netlist, early: Mapping[str, str]) -> set[str]:
    """Names of the FIFOs in which beats would wait if they did not wait in those of `early`: from there to the skip."""
    makers = {w.name: c for c in net.cells for w in c.outputs.values()}
    found: set[str] = set()
    for skip, narrow in early.items():
        todo = [c for c in net.cells if c.name == skip]
        for cell in todo:  # grows meanwhile
            if cell.name == narrow or cell.name in found:
                continue
            found.add(cell.name)
            todo += [makers[w.name] for w in cell.inputs.values() if w.name in makers]
    return {c.name for c in net.cells if isinstance(c, Fifo) and c.name in found}
