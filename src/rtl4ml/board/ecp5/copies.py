# SPDX-License-Identifier: Apache-2.0
"""Gives registers that drive much a copy for every few of what they drive.

The product of an element with each output's weight stands where that output is summed, and memories of weights stand in
columns all over the device: a register that drives all of them has a net of 5 to 7 of 8 ns. Yosys makes one of all
registers that hold the same, so that copies in the RTL would not stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from rtl4ml.board.ecp5.primitives import LOGIC, Bit, Cell, Sink, Sinks, unused

SHARE = 4  # groups of cells that a copy drives
MOST = 8  # copies in place of one flip-flop
MEMORIES = 16  # block RAMs from which on a flip-flop is copied wherever its input comes from
# What is placed with the cell that drives it: the ports, by kind.
_TIED = {"CCU2C": ("CIN",), "PFUMX": ("ALUT", "BLUT"), "L6MUX21": ("D0", "D1"), "TRELLIS_FF": ("DI",)}
_NUMBER = re.compile(r"(\d+)")

_Key = tuple[tuple[int, int | str], ...]


def copy_registers(netlist: Mapping[str, Any]) -> int:
    """Copies flip-flops that drive more than `SHARE` groups of cells, in a netlist as Yosys' `write_json` has it; how
    many copies it made.

    A group is what is placed together: a carry chain with its flip-flops, a LUT with its own, a block RAM, a
    multiplier. Those that stand side by side by name have a copy together. Only flip-flops that take what another one
    gives are copied, for that one may then be far away, and those that drive so many block RAMs that they are far from
    some anyway. Where a LUT enables a flip-flop, each copy has one beside it: that LUT would stand between all of them.
    """
    return sum(_Copies(module).make() for module in netlist["modules"].values())


class _Copies:
    def __init__(self, module: Mapping[str, Any]) -> None:
        self._cells: dict[str, Cell] = module["cells"]
        self._sinks = Sinks(self._cells)
        self._driver: dict[Bit, str] = {}
        # Of flip-flops that were looked at: the place of the first that they drive.
        self._places: dict[str, _Key] = {}
        for name, c in self._cells.items():
            for port, bits in c["connections"].items():
                if c["port_directions"][port] == "output":
                    self._driver |= dict.fromkeys(bits, name)
        self._outside = {b for p in module["ports"].values() if p["direction"] != "input" for b in p["bits"]}
        self._free = unused(module)
        self._groups = self._grouped()

    def _grouped(self) -> dict[str, str]:
        """Of every cell one that stands for its group."""
        root = {name: name for name in self._cells}

        def find(name: str) -> str:
            while root[name] != name:
                root[name] = root[root[name]]
                name = root[name]
            return name

        for name, c in self._cells.items():
            for port in _TIED.get(c["type"], ()):
                before = self._driver.get(next(iter(c["connections"].get(port, ())), ""))
                if before is not None and self._cells[before]["type"] in LOGIC:
                    root[find(name)] = find(before)
        return {name: find(name) for name in self._cells}

    def make(self) -> int:
        """Copies, those behind before those in front, which then drive all copies of the former."""
        return sum(self._copy(name) for name in list(self._last_first()))

    def _last_first(self) -> Iterator[str]:
        """Flip-flops, each behind all that take what it gives, but for one of a ring."""
        seen = set[str]()
        for start in [n for n, c in self._cells.items() if c["type"] == "TRELLIS_FF" and self._net(n)]:
            way = [] if start in seen else [(start, self._behind(start))]
            seen.add(start)
            while way:
                name, behind = way[-1]
                after = next((n for n in behind if n not in seen), None)
                if after is None:
                    way.pop()
                    yield name
                else:
                    seen.add(after)
                    way.append((after, self._behind(after)))

    def _behind(self, name: str) -> Iterator[str]:
        """The flip-flops that take what one gives."""
        return (s[0] for s in self._sinks[self._net(name)] if self._passes_on(s))

    def _passes_on(self, sink: Sink) -> bool:
        """Whether a sink is a flip-flop's input."""
        name, port, _ = sink
        kind: str = self._cells[name]["type"]
        return kind == "TRELLIS_FF" and port == "DI" and bool(self._net(name))

    def _net(self, name: str) -> Bit:
        """What a flip-flop drives; "" if nothing."""
        nets: list[Bit] = self._cells[name]["connections"].get("Q", [])
        return nets[0] if nets else ""

    def _copy(self, name: str) -> int:
        register, net = self._cells[name], self._net(name)
        ordered = sorted(self._sinks[net], key=lambda s: (self._place(s), not self._passes_on(s), s))
        if ordered:
            self._places[name] = self._place(ordered[0])
        # What only passes on has all of a cycle for its way.
        groups = list(dict.fromkeys(self._groups[s[0]] for s in ordered if not self._passes_on(s)))
        copies = min(-(-len(groups) // SHARE), MOST)
        if net in self._outside or copies < 2 or not self._may(register, groups):
            return 0
        number = {group: i * copies // len(groups) for i, group in enumerate(groups)}
        shares: list[list[Sink]] = [[] for _ in range(copies)]
        at = 0
        for sink in ordered:
            if not self._passes_on(sink):
                at = number[self._groups[sink[0]]]
            shares[at].append(sink)
        for i, share in enumerate(shares[1:], 1):
            self._add(f"{name}$copy{i}", self._enabled(register, i), share)
        self._sinks[net] = shares[0]
        return copies - 1

    def _may(self, register: Cell, groups: list[str]) -> bool:
        before = self._driver.get(register["connections"]["DI"][0])
        if before is not None and self._cells[before]["type"] == "TRELLIS_FF":
            return True
        return len([g for g in groups if self._cells[g]["type"] == "DP16KD"]) >= MEMORIES

    def _enabled(self, register: Cell, number: int) -> Cell:
        """The register with an enable of its own, where a LUT makes it: one for all copies of this number."""
        bit = next(iter(register["connections"].get("CE", ())), "")
        name = self._driver.get(bit, "")
        if not name or self._cells[name]["type"] != "LUT4":
            return register
        copy = f"{name}$copy{number}"
        if copy not in self._cells:
            lut = self._cells[name]
            self._cells[copy] = {**lut, "connections": {**lut["connections"], "Z": [self._free]}}
            self._sinks.add(copy)
            self._groups[copy] = self._driver[self._free] = copy
            self._free += 1
        return {
            **register,
            "connections": {**register["connections"], "CE": list(self._cells[copy]["connections"]["Z"])},
        }

    def _add(self, name: str, register: Cell, share: list[Sink]) -> None:
        """A copy that drives a share of the sinks."""
        self._sinks.add_like(name, register, self._free, share)
        self._groups[name], self._driver[self._free], self._places[name] = name, name, self._place(share[0])
        self._free += 1

    def _place(self, sink: Sink) -> _Key:
        """Where a sink's group stands, by name; of a flip-flop that takes it, what that one drives."""
        name = sink[0]
        if self._passes_on(sink) and name in self._places:
            return self._places[name]
        return tuple((0, int(p)) if p.isdigit() else (1, p) for p in _NUMBER.split(self._groups[name]))
