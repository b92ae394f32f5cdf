# SPDX-License-Identifier: Apache-2.0
"""The longest path from register to register of a circuit, in ps and in levels of logic."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import groupby

from rtl4ml.errors import EnvironmentProblem
from rtl4ml.sta.circuit import Arc, Circuit, Pin

Owner = Callable[
    [str], str
]  # name of a net or primitive to the cell that it is of, "" where that is not known


@dataclass(frozen=True)
class Step:
    """A primitive on a path. cell: which it is of; ps: from its input to its output; net_ps and fan_out: of the net
    behind it, up to the next primitive. The first is a register, its ps from the clock; the last too, its ps its setup.
    """

    cell: str
    primitive: str
    ps: float
    net_ps: float = 0
    fan_out: int = 0


@dataclass(frozen=True)
class Path:
    """From register to register, through `levels` levels of logic.

    share: of how many equal parts of a cycle it has one: 2 where a register at its ends has a clock of twice the rate

    77 + 200 ps of a flip-flop and its net, 35 + 50 of a LUT and its wire, and the setup of -25 there are 337 ps:
    Path((Step("u_a", "FDRE", 77, 200, 1), Step("u_a", "LUT2", 35, 50, 1), Step("u_a", "FDRE", -25)), levels=1). In half
    a cycle it needs one of 674 ps.
    """

    steps: tuple[Step, ...]
    levels: int
    share: int = 1

    @property
    def ps(self) -> float:
        """The cycle that it needs."""
        return self.share * sum(s.ps + s.net_ps for s in self.steps)

    @property
    def cells(self) -> list[str]:
        """The cells that it runs through, in order."""
        return [cell for cell, _ in groupby(s.cell for s in self.steps)]


@dataclass(frozen=True)
class Worst:
    """The longest paths that end in registers of a cell: ps of the cycle, and levels, which may be of another path."""

    ps: float
    levels: int


@dataclass(frozen=True)
class Analysis:
    """What a circuit's paths take.

    path:    the longest; None where no path leads from register to register
    levels:  the most of any path
    crossed: the most cells that a path runs through, its ends included
    cells:   by name of the cell, of the paths that end in it
    enable:  flip-flops, memories and DSPs on the net that enables most of them, and the cell of most of these
    """

    path: Path | None
    levels: int = 0
    crossed: int = 0
    cells: dict[str, Worst] = field(default_factory=dict)
    enable: tuple[int, str] = (0, "")

    @property
    def ps(self) -> float:
        return 0.0 if self.path is None else self.path.ps


@dataclass(frozen=True)
class _Reached:
    """A net's latest arrival in ps, by which arc (None: out of a register), and the most levels up to it."""

    ps: float
    by: Arc | None
    arc_ps: float
    levels: int


def analyse(circuit: Circuit, owner: Owner) -> Analysis:
    """The longest paths of a circuit. owner: the cell that a name is of."""
    arcs = {net: circuit.arcs(pin) for net, pin in circuit.drivers.items()}
    order = _ordered(circuit, arcs)
    owners = _owners(circuit, arcs, order, owner)
    # From registers of either clock apart, since a path of the faster one has half a cycle wherever it ends.
    starts = [
        _Starts(circuit, fast, arcs, order, owners) for fast in (False, *([True] * bool(circuit.doubled)))
    ]
    return _ends(circuit, starts, owners)


class _Starts:
    """What paths from the registers of one clock reach.

    fast:    whether it is the clock of twice the rate
    through: the cells of one of the paths to a net, of one with most
    """

    def __init__(
        self,
        circuit: Circuit,
        fast: bool,
        arcs: dict[int, list[Arc]],
        order: list[int],
        owners: dict[int, str],
    ) -> None:
        self.fast = fast
        self.reached: dict[int, _Reached] = {}
        self.through: dict[int, frozenset[str]] = {}
        for net in order:
            found = _arrival(circuit, net, arcs[net], self.reached, fast=fast)
            if found is not None:
                self.reached[net] = found
                before = (self.through[a.net] for a in arcs[net] if a.net in self.reached)
                self.through[net] = max(before, key=len, default=frozenset()) | {owners[net]}


def _ordered(circuit: Circuit, arcs: dict[int, list[Arc]]) -> list[int]:
    """All driven nets, each behind those that its driver reads."""
    waits = {net: sum(a.net in arcs for a in found) for net, found in arcs.items()}
    readers: dict[int, list[int]] = defaultdict(list)
    for net, found in arcs.items():
        for a in found:
            readers[a.net].append(net)
    order = [net for net, n in waits.items() if n == 0]
    for net in order:  # grows meanwhile
        for reader in readers[net]:
            waits[reader] -= 1
            if waits[reader] == 0:
                order.append(reader)
    if len(order) < len(arcs):
        loop = next(net for net, n in waits.items() if n)
        name = next(
            iter(circuit.names.get(loop, ())), circuit.primitives[circuit.drivers[loop].primitive].name
        )
        raise EnvironmentProblem(
            f"{name}: a netlist must have no combinational loop, not one through this net"
        )
    return order


def _arrival(
    circuit: Circuit, net: int, arcs: list[Arc], reached: dict[int, _Reached], *, fast: bool
) -> _Reached | None:
    driver = circuit.drivers[net]
    start = circuit.launches(driver) if (driver.primitive in circuit.doubled) == fast else None
    best = None if start is None else _Reached(start, None, start, 0)
    come = [(reached[a.net].ps + circuit.wire(a.net, a.pin), a) for a in arcs if a.net in reached]
    if not come:
        return best
    levels = max(reached[a.net].levels + a.levels for _, a in come)
    lut = circuit.kind(driver.primitive).lut
    if lut is not None:  # the latest input is on the fastest pin
        come.sort(key=lambda c: -c[0])
        delays = [(at + pin, float(pin), a) for (at, a), pin in zip(come, lut.pins, strict=False)]
    else:
        delays = [(at + a.ps, a.ps, a) for at, a in come]
    ps, through, by = max(delays, key=lambda d: d[0])
    if best is not None:
        levels = max(levels, best.levels)
        if best.ps >= ps:
            return _Reached(best.ps, None, best.ps, levels)
    return _Reached(ps, by, through, levels)


def _owners(circuit: Circuit, arcs: dict[int, list[Arc]], order: list[int], owner: Owner) -> dict[int, str]:
    """The cell of every driven net: by its names, of a register by its own, or else where most of what it drives is."""
    found: dict[int, str] = {}
    votes: dict[int, Counter[str]] = defaultdict(Counter)
    registers = {pin.primitive for _, pin, _ in circuit.captures()}
    own: dict[int, str] = {}  # of registers

    def named(net: int) -> str:
        return next((o for name in circuit.names.get(net, ()) if (o := owner(name))), "")

    for n in registers:
        p = circuit.primitives[n]
        nets = [b for bits in p.outputs.values() for b in bits if isinstance(b, int)]
        own[n] = owner(p.name) or next((o for net in nets if (o := named(net))), "")
    for net in reversed(order):
        driver = circuit.drivers[net].primitive
        for sink in circuit.sinks.get(net, ()):
            if own.get(sink.primitive):
                votes[net][own[sink.primitive]] += 1
        found[net] = own.get(driver) or named(net) or next((o for o, _ in votes[net].most_common(1)), "")
        for a in arcs[net]:
            if found[net]:
                votes[a.net][found[net]] += 1
    return found


def _ends(circuit: Circuit, starts: list[_Starts], owners: dict[int, str]) -> Analysis:
    """The longest of the paths that end in registers."""
    last: tuple[float, _Starts, int, int, Pin, int] | None = None
    levels = crossed = 0
    cells: dict[str, Worst] = {}
    for net, pin, setup in circuit.captures():
        end = _owner_of(circuit, pin, owners)
        for some in starts:
            if net not in some.reached:
                continue
            at = some.reached[net]
            share = 2 if some.fast or pin.primitive in circuit.doubled else 1
            ps = share * (at.ps + circuit.wire(net, pin) + setup)
            if last is None or ps > last[0]:
                last = ps, some, share, net, pin, setup
            levels = max(levels, at.levels)
            crossed = max(crossed, len(some.through[net] | {end}))
            known = cells.get(end, Worst(0.0, 0))
            cells[end] = Worst(max(known.ps, ps), max(known.levels, at.levels))
    path = None
    if last is not None:
        _, some, share, net, pin, setup = last
        path = replace(_traced(circuit, some.reached, owners, net, pin, setup), share=share)
    return Analysis(path, levels, crossed, cells, _enable(circuit, owners))


def _owner_of(circuit: Circuit, pin: Pin, owners: dict[int, str]) -> str:
    """The cell of a register: that of what it drives."""
    p = circuit.primitives[pin.primitive]
    nets = (net for bits in p.outputs.values() for net in bits if isinstance(net, int))
    return next((owners[net] for net in nets if owners.get(net)), "")


def _traced(
    circuit: Circuit, reached: dict[int, _Reached], owners: dict[int, str], net: int, pin: Pin, setup: int
) -> Path:
    steps = [Step(_owner_of(circuit, pin, owners), _type(circuit, pin), setup)]
    levels = 0
    while True:
        at = reached[net]
        wire = circuit.wire(net, pin)
        driver = circuit.drivers[net]
        steps.append(Step(owners[net], _type(circuit, driver), at.arc_ps, wire, len(circuit.sinks[net])))
        if at.by is None:
            return Path(tuple(reversed(steps)), levels)
        levels += at.by.levels
        net, pin = at.by.net, at.by.pin


def _type(circuit: Circuit, pin: Pin) -> str:
    return circuit.primitives[pin.primitive].type.rsplit("\\", 1)[-1]


def _enable(circuit: Circuit, owners: dict[int, str]) -> tuple[int, str]:
    """The most pins that one net enables, and the cell of most of them."""
    best: tuple[int, list[Pin]] = (0, [])
    for pins in circuit.sinks.values():
        enabled = [s for s in pins if s.port in circuit.kind(s.primitive).enables]
        if len(enabled) > best[0]:
            best = len(enabled), enabled
    at = Counter(_owner_of(circuit, pin, owners) for pin in best[1])
    return best[0], at.most_common(1)[0][0] if at else ""
