# SPDX-License-Identifier: Apache-2.0
"""A flat netlist of primitives as a graph of bits: what drives each, what reads it, and what a path takes between."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from rtl4ml.emit.library import CLOCKS
from rtl4ml.sta.delays import Family, Kind, numbered

Bits = list[int | str]  # of a port, as `write_json` has them: numbers of nets, and constants "0", "1", "x"


@dataclass(frozen=True)
class Primitive:
    """An instance of a primitive. inputs, outputs: bits by port."""

    name: str
    type: str
    kind: str
    parameters: Mapping[str, str]
    inputs: Mapping[str, Bits]
    outputs: Mapping[str, Bits]


@dataclass(frozen=True)
class Pin:
    """Bit `bit` of a port of a primitive, which is given by its number in the circuit."""

    primitive: int
    port: str
    bit: int


@dataclass(frozen=True)
class Arc:
    """A path through a primitive to one of its outputs: from the net at an input pin, in ps, with levels of logic."""

    net: int
    pin: Pin
    ps: float
    levels: int


@dataclass(frozen=True, eq=False)
class Circuit:
    """Primitives, and the names that nets have in the source, by number of the net.

    double: nets that are clocks of twice the rate
    """

    family: Family
    primitives: tuple[Primitive, ...]
    names: Mapping[int, tuple[str, ...]]
    double: frozenset[int] = frozenset()

    @cached_property
    def doubled(self) -> frozenset[int]:
        """Numbers of the primitives whose registers have a clock of twice the rate."""
        return frozenset(
            n
            for n, p in enumerate(self.primitives)
            if self.double and any(b in self.double for bits in p.inputs.values() for b in bits)
        )

    def kind(self, primitive: int) -> Kind:
        """The kind of a primitive, given by its number."""
        return self.family.kinds[self.primitives[primitive].kind]

    @cached_property
    def drivers(self) -> dict[int, Pin]:
        """The output pin that drives each net."""
        return {
            net: Pin(n, port, i)
            for n, p in enumerate(self.primitives)
            for port, bits in p.outputs.items()
            for i, net in enumerate(bits)
            if isinstance(net, int)
        }

    @cached_property
    def sinks(self) -> dict[int, list[Pin]]:
        """The input pins on each net, clocks aside."""
        found: dict[int, list[Pin]] = defaultdict(list)
        timed: dict[tuple[str, str], bool] = {}  # by kind and port
        for n, p in enumerate(self.primitives):
            for port, bits in p.inputs.items():
                if (p.kind, port) not in timed:
                    timed[p.kind, port] = self._timed(self.family.kinds[p.kind], port)
                if timed[p.kind, port]:
                    for i, net in enumerate(bits):
                        if isinstance(net, int):
                            found[net].append(Pin(n, port, i))
        return found

    @staticmethod
    def _timed(kind: Kind, port: str) -> bool:
        """Whether time matters at a port: it is registered, or a path leads from it to an output."""
        if kind.lut is not None:
            return port in kind.lut.inputs
        bare = {a.partition("[")[0] for a in kind.arcs}
        return numbered(kind.setup, port) is not None or numbered(bare, port) is not None

    def wire(self, net: int, sink: Pin) -> float:
        """Picoseconds from a net's output pin to a sink: inside a slice, or on the net, with the ways out and in."""
        driver = self.drivers[net]
        ends = (
            (self.primitives[driver.primitive].kind, driver.port),
            (self.primitives[sink.primitive].kind, sink.port),
        )
        inside = self.family.wired.get((*ends[0], *ends[1]))
        if inside is not None and (self.kind(driver.primitive).copied or self._only(net, ends[1])):
            return inside
        leave = self.kind(driver.primitive).leave.get(driver.port, 0)
        enter = self.kind(sink.primitive).enter.get(sink.port, 0)
        return leave + self.family.net(len(self.sinks[net])) + enter

    @cached_property
    def _alike(self) -> Counter[tuple[int, str, str]]:
        """How many sinks of a kind and port a net has."""
        return Counter(
            (net, self.primitives[s.primitive].kind, s.port) for net, pins in self.sinks.items() for s in pins
        )

    def _only(self, net: int, end: tuple[str, str]) -> bool:
        """Whether a net has one sink of this kind and port."""
        return self._alike[net, *end] == 1

    def chained(self, net: int, sink: Pin) -> bool:
        """Whether the net goes on within a carry chain, which is one level."""
        kind = self.kind(sink.primitive)
        driver = self.primitives[self.drivers[net].primitive]
        return (
            bool(kind.chained)
            and sink.port == kind.chained
            and driver.kind == self.primitives[sink.primitive].kind
        )

    def launches(self, pin: Pin) -> float | None:
        """Picoseconds from the clock to a registered output, None for one that is not."""
        p = self.primitives[pin.primitive]
        table = self.kind(pin.primitive).clock_to
        key = numbered(table, pin.port)
        if key is None:
            return None
        said = table[key]
        if isinstance(said, Mapping):
            value = p.parameters.get(said["parameter"], "")
            if set(value) <= {"0", "1"} and value:
                value = str(int(value, 2))
            said = said.get(value, next(v for k, v in said.items() if k != "parameter"))
        return float(said)

    def captures(self) -> Iterator[tuple[int, Pin, int]]:
        """The registered input pins: net, pin and ps of setup."""
        for net, pins in self.sinks.items():
            for pin in pins:
                setup = self.kind(pin.primitive).setup
                if (key := numbered(setup, pin.port)) is not None:
                    yield net, pin, setup[key]

    def arcs(self, pin: Pin) -> list[Arc]:
        """The combinational paths to an output pin; those of a LUT without delays, which depend on what comes late."""
        p, kind = self.primitives[pin.primitive], self.kind(pin.primitive)
        found = []
        for port, bits in p.inputs.items():
            for i, net in enumerate(bits):
                if not isinstance(net, int):
                    continue
                ps = self._arc(kind, port, i, pin)
                if ps is None:
                    continue
                sink = Pin(pin.primitive, port, i)
                inside = net in self.drivers and self.chained(net, sink)
                found.append(Arc(net, sink, ps, 0 if inside else kind.level))
        return found

    @staticmethod
    def _arc(kind: Kind, port: str, i: int, to: Pin) -> float | None:
        if kind.lut is not None:
            return 0.0 if port in kind.lut.inputs else None
        key = f"{port}[{i}]" if f"{port}[{i}]" in kind.arcs else numbered(kind.arcs, port)
        if key is None:
            return None
        table = kind.arcs[key]
        out = numbered(table, to.port)
        if out is None:
            return None
        said = table[out]
        said = said[to.bit] if isinstance(said, list) else said
        return None if said is None else float(said)


def circuit(top: Mapping[str, Any], family: Family) -> Circuit:
    """The circuit of a flat module, as Yosys' `write_json` has it."""
    cells = [
        Primitive(
            name,
            c["type"],
            "" if c["type"] == "CARRY4" else family.of(c["type"]),
            c["parameters"],
            *(
                {k: b for k, b in c["connections"].items() if c["port_directions"][k] == d}
                for d in ("input", "output")
            ),
        )
        for name, c in top["cells"].items()
        if c["type"] != "$scopeinfo"
    ]
    names: dict[int, list[str]] = defaultdict(list)
    for name, n in top["netnames"].items():
        if not n.get("hide_name"):
            for net in n["bits"]:
                if isinstance(net, int):
                    names[net].append(name)
    double = {
        b
        for clock in CLOCKS[1:]
        for b in top.get("ports", {}).get(clock, {}).get("bits", ())
        if isinstance(b, int)
    }
    return Circuit(
        family, tuple(joined(cells, family)), {k: tuple(v) for k, v in names.items()}, frozenset(double)
    )


def joined(cells: list[Primitive], family: Family) -> list[Primitive]:
    """The same with CARRY4, which Yosys uses, in the pairs that are a CARRY8: every chain starts one."""
    carries = [c for c in cells if c.type == "CARRY4"]
    if not carries:
        return cells
    after = {c.inputs["CI"][0]: c for c in carries if isinstance(c.inputs["CI"][0], int)}
    made = {c.outputs["CO"][3] for c in carries if len(c.outputs.get("CO", ())) == 4}
    starts = [c for c in carries if c.inputs["CI"][0] not in made]
    eights = []
    for c in starts:
        low: Primitive | None = c
        while low is not None:
            high = after.get(low.outputs["CO"][3])  # type: ignore[arg-type]  # a constant is no key
            halves = (low,) if high is None else (low, high)
            eights.append(_eight(halves, family))
            low = None if high is None else after.get(high.outputs["CO"][3])  # type: ignore[arg-type]  # nor here
    return [c for c in cells if c.type != "CARRY4"] + eights


def _eight(halves: tuple[Primitive, ...], family: Family) -> Primitive:
    low = halves[0]
    wide = {p: [b for h in halves for b in {**h.inputs, **h.outputs}[p]] for p in ("DI", "S", "CO", "O")}
    inputs = {"CI": low.inputs["CI"], "CYINIT": low.inputs["CYINIT"], "DI": wide["DI"], "S": wide["S"]}
    return Primitive(low.name, "CARRY8", family.of("CARRY8"), {}, inputs, {"CO": wide["CO"], "O": wide["O"]})
