# SPDX-License-Identifier: Apache-2.0
"""FIFOs as deep as the full pace needs; those of large frames follow from two narrower ones."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache

from rtl4ml.cells.streams import Fifo
from rtl4ml.lowering.lower import CUT, lower
from rtl4ml.netlist.netlist import Netlist, Relief
from rtl4ml.netlist.plan import Plan
from rtl4ml.timing.depths import depths, unhindered
from rtl4ml.timing.relief import fifos, relief, relieved

# Cell cycles of a frame up to which a netlist is analysed as it is: about 0.5 s a frame, some 60 frames in all.
ANALYSED = 60_000_000


@lru_cache(maxsize=4)  # what a folding costs and the design made of it ask for the same netlist
def sized_netlist(plan: Plan, *, roomy: bool = False) -> Netlist:
    """The netlist of a plan with FIFOs as deep as its full pace needs, see `sized`.

    roomy: those where no paths meet hold a row, if they ever hold as much, not just the part of it that is needed
    """
    return sized(lower(plan), roomy=roomy)


def sized(net: Netlist, *, roomy: bool = False, known: Relief | None = None) -> Netlist:
    """The netlist with FIFOs as deep as its full pace needs, those where paths meet no deeper.

    Those of a netlist too large for that come from two of narrower frames, see `narrower`. These are roomy, since the
    part of a row that a narrow frame needs may be too little for a wide one.
    """
    settled = None
    if (pair := narrower(net)) is not None:
        (w1, a), (w2, b) = ((n.graph.inputs[0].hwc[1], n) for n in pair)
        width = net.graph.inputs[0].hwc[1]
        net = relieved(net, b.relief.wider(width, w2))
        depth1, depth2 = ({c.name: c.depth for c in n.cells if isinstance(c, Fifo)} for n in (a, b))
        # Rows are held, and what a row is does not grow quite evenly: the most that the two let expect.
        found = {
            k: max(CUT, d + -(-(e - d) * (width - w1) // (w2 - w1)), -(-d * width // w1), -(-e * width // w2))
            if d > CUT or e > CUT
            else CUT
            for (k, d), e in zip(depth1.items(), (depth2[k] for k in depth1), strict=True)
        }
    else:
        paced = unhindered(net)
        if known is not None or paced.interval > paced.stepper.pace:
            net = relieved(net, relief(net) if known is None else known)
            paced = unhindered(net)
        rows = {c.name: -(-c.x.beats // _rows(net, c)) for c in net.cells if isinstance(c, Fifo)}
        found, settled = depths(paced, rows, _skips(net), CUT, roomy=roomy, known=dict(fifos(net)))
    cells = (replace(c, depth=found[c.name]) if isinstance(c, Fifo) else c for c in net.cells)
    return replace(net, cells=tuple(cells), settled=settled)


def narrower(net: Netlist) -> tuple[Netlist, Netlist] | None:
    """Two netlists of narrower frames, with the same foldings, from which a large one's FIFOs and latency follow.

    What a path holds back before its first result is a number of rows, whatever the height of a frame that has more of
    them; so depths and the time to fill the pipeline are about linear in the width. None where a netlist is small
    enough to be analysed itself, or where its frames cannot be cut.
    """
    work = max(c.slots for c in net.cells) * (len(net.cells) - len(net.relief.fifos))
    return None if work <= ANALYSED or net.plan is None else _narrower(net.plan, work)


@lru_cache(maxsize=4)  # FIFOs are sized by it and cycles predicted, of the same plan
def _narrower(plan: Plan, work: int) -> tuple[Netlist, Netlist] | None:
    """As `narrower`, of a graph whose netlist has so many cell cycles a frame."""
    graph = plan.graph
    rows, columns, _ = graph.inputs[0].hwc
    # Pools and strides divide the frame by this much, at the most.
    step = max(-(-rows // s.shape[0]) for op in graph.ops for s in (op.output,) if len(s.shape) == 3)
    # The widest that can be analysed, then fewer rows: enough for every path to fill.
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
    if first.relief.fifos.keys() != known.fifos.keys():  # FIFOs of one and the same netlist are compared
        first = sized(lower(narrow), roomy=True, known=known)
    return first, second


def _rows(net: Netlist, fifo: Fifo) -> int:
    """Rows of the frame that goes through a FIFO; 1-D and flat streams have one."""
    shapes = [s.hwc for op in net.graph.ops if op.name == fifo.layer for s in (*op.inputs, op.output)]
    return max((h for h, w, c in shapes if h * w * c == fifo.x.beats * fifo.x.lanes), default=1)


def _skips(net: Netlist) -> list[str]:
    """The last FIFO before each input of a join, but that of the input with the longest way from its fork."""
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
        # By length alone: what the layers are called makes no other hardware.
        found.update({name: steps for steps, name in sorted(ways, key=lambda way: way[0])[:-1]})
    return sorted(found, key=lambda name: -found[name])
