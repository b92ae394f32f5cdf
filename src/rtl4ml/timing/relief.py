# SPDX-License-Identifier: Apache-2.0
"""Makes a netlist as fast as its slowest cell.

Cells with no FIFO between them wait for each other in every cycle. Together they may be slower than each of them alone:
a parallel window makes no beat while it steps over padding, and a cell behind it that needs every cycle never catches
up; a serial window without room for the first rows of the next frame starts that frame late. These segments are found
by stepping through each alone. They get FIFOs between their cells or room in their windows, as little as is enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from rtl4ml.cells.streams import Fifo
from rtl4ml.cells.window import Window
from rtl4ml.lowering.builder import NetlistBuilder
from rtl4ml.netlist.netlist import Cell, FreeRunning, Netlist, Relief, Wire
from rtl4ml.timing.stepper import ENDLESS, Stepper


def segments(net: Netlist) -> list[tuple[Cell, ...]]:
    """Groups of cells with no FIFO between them, each in topological order."""
    group: dict[str, str] = {}  # name of a cell to that of another one of its group, or to its own

    def root(name: str) -> str:
        while group[name] != name:
            name = group[name]
        return name

    makers: dict[str, str] = {}
    inner = [c for c in net.cells if not isinstance(c, Fifo)]
    for c in inner:
        group[c.name] = c.name
        for w in c.inputs.values():
            if w.name in makers:
                group[root(makers[w.name])] = root(c.name)
        makers.update(dict.fromkeys((w.name for w in c.outputs.values()), c.name))
    found: dict[str, list[Cell]] = {}
    for c in inner:
        found.setdefault(root(c.name), []).append(c)
    return [tuple(cells) for cells in found.values()]


def slowest(net: Netlist) -> int:
    """Cycles a frame of the slowest cell or edge: no netlist is faster."""
    return max(*(w.beats for w in net.inputs), *(c.slots for c in net.cells))


@dataclass(frozen=True)
class _Alone:
    """A segment whose input is always offered and whose output is always taken."""

    net: Netlist
    cells: tuple[Cell, ...]

    @property
    def wires(self) -> list[Wire]:
        """The wires between its cells."""
        made = {w.name: w for c in self.cells for w in c.outputs.values()}
        return [made[w.name] for c in self.cells for w in c.inputs.values() if w.name in made]

    @property
    def windows(self) -> list[Window]:
        return [c for c in self.cells if isinstance(c, Window)]

    def stepper(self, relief: Relief) -> tuple[Stepper, dict[str, str]]:
        """A stepper of the relieved segment, and the names of the FIFOs by the names of their wires."""
        inner = {w.name for w in self.wires}
        first = next(w for c in self.cells for w in c.inputs.values() if w.name not in inner)
        last = next(w for c in self.cells for w in c.outputs.values() if w.name not in inner)
        # The FIFO behind it, without end.
        name = f"u_{last.name}_out"
        out = Fifo(
            name=name, inputs={"x": last}, outputs={"y": replace(last, name=name, flight=0)}, depth=ENDLESS
        )
        alone = relieved(Netlist(self.net.graph, (*self.cells, out), (first,), (out.y,)), relief)
        fifos = {c.x.name: c.name for c in alone.cells if isinstance(c, Fifo) and c.name != name}
        return Stepper(alone), fifos

    def keeps(self, pace: int, relief: Relief) -> bool:
        # Paced by its source, a segment soon comes to a repetition.
        steps = self.stepper(relief)[0].run(pace=pace)
        return steps.steady and steps.interval <= pace

    def least(self, pace: int) -> Relief:
        """The least relief with which it keeps the interval `pace`; an empty one where none does."""
        most = {c.name: max(0, 2 * c.x.beats - c.depth) for c in self.windows}
        found = Relief(dict.fromkeys((w.name for w in self.wires), ENDLESS), most)
        if not self.keeps(pace, found):
            return Relief()
        stepper, names = self.stepper(found)
        peaks = stepper.run(pace=pace).peaks
        held = {w: peaks[name] for w, name in names.items()}
        width = {w.name: w.width for w in self.wires}
        # The most expensive one is left out first.
        costs = [(held[w] * width[w], w) for w in held]
        costs += [(most[c.name] * c.x.width, c.name) for c in self.windows]
        for _, name in sorted(costs, reverse=True):
            if self.keeps(pace, less := found.without(name)):
                found = less
        for name in found.windows:
            enough = partial(self._with_window, pace, found, name)
            found = found.with_window(name, _fewest(0, most[name], enough))
        for w in found.fifos:
            top, enough = max(2, held[w]), partial(self._with_fifo, pace, found, w)
            while not enough(top):
                top *= 2
                if top > ENDLESS:  # no depth is enough
                    return Relief()
            found = found.with_fifo(w, _fewest(1, top, enough))
        return found

    def _with_window(self, pace: int, relief: Relief, cell: str, more: int) -> bool:
        return self.keeps(pace, relief.with_window(cell, more))

    def _with_fifo(self, pace: int, relief: Relief, wire: str, depth: int) -> bool:
        return self.keeps(pace, relief.with_fifo(wire, depth))


def _fewest(few: int, enough: int, holds: Callable[[int], bool]) -> int:
    """The least number in (few, enough] that holds, by bisection; `enough` holds."""
    while enough - few > 1:
        middle = (few + enough) // 2
        few, enough = (few, middle) if holds(middle) else (middle, enough)
    return enough


def relief(net: Netlist) -> Relief:
    """The relief with which every segment keeps the interval of the slowest cell."""
    pace, found = slowest(net), Relief()
    for cells in segments(net):
        alone = _Alone(net, cells)
        if (alone.wires or alone.windows) and not alone.keeps(pace, Relief()):
            found = found + alone.least(pace)
    return found


def relieved(net: Netlist, relief: Relief) -> Netlist:
    """The netlist with the FIFOs and the larger windows of a relief."""
    n = NetlistBuilder.continued(net)
    # Name of a wire to what its reader reads instead: the wire behind its FIFO, or itself with another flight.
    now: dict[str, Wire] = {}
    readers = {w.name: c for c in net.cells for w in c.inputs.values()}
    for c in net.cells:
        inputs = {port: now.get(w.name, w) for port, w in c.inputs.items()}
        more = relief.windows.get(c.name, 0)
        if isinstance(c, Window) and more:
            c = replace(c, more=more)
        if inputs != c.inputs:
            c = replace(c, inputs=inputs)
            if isinstance(c, FreeRunning):
                c = c.running()
            if isinstance(c, Fifo):
                c = replace(c, depth=max(c.depth, c.least))
        n.cells.append(c)
        for w in c.outputs.values():
            now[w.name] = w
            if w.name in relief.fifos:
                n.layer = readers[w.name].layer
                now[w.name] = n.fifo(w, relief.fifos[w.name])
    outputs = tuple(now.get(w.name, w) for w in net.outputs)
    return replace(net, cells=tuple(n.cells), outputs=outputs, relief=relief)


def fifos(net: Netlist) -> Iterator[tuple[str, int]]:
    """Name and depth of the FIFOs that its relief added to a netlist."""
    for c in net.cells:
        if isinstance(c, Fifo) and c.x.name in net.relief.fifos:
            yield c.name, net.relief.fifos[c.x.name]
