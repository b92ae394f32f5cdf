# SPDX-License-Identifier: Apache-2.0
"""Gives registers that other units wait for a copy for each of these.

What a FIFO says of its room lets beats into the unit before the one before it, and comes of the FIFO's own counter.
Between the two lies a unit that may take all of the device: one register stands by either the one or the other, with a
net of 6 of 8 ns to what is left. A copy can stand on the way, part of which is then before the clock's edge.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from rtl4ml.board.ecp5.primitives import LOGIC, Bit, Cell, Sink, Sinks, unused

LEAST = 16  # registers and memories of another unit that a flip-flop acts on
_TOPS = ("u_board.", "u_top.")  # what stands before the names of the network's units in a board's top


def copy_for_units(netlist: Mapping[str, Any]) -> int:
    """Copies flip-flops for the units that they act on, in a netlist as Yosys' `write_json` has it; how many copies.

    A unit is an instance in the top. A flip-flop acts on what it leads to through logic within a cycle. Where that is
    in several units, each other than its own in which it acts on `LEAST` or more has a copy, which drives the cells
    that act on that unit most. Names of logic do not tell a unit: Yosys calls a LUT after what it reads or drives.
    """
    return sum(_Units(module).make() for module in netlist["modules"].values())


class _Units:
    def __init__(self, module: Mapping[str, Any]) -> None:
        self._cells: dict[str, Cell] = module["cells"]
        self._sinks = Sinks(self._cells)
        self._outside = {b for p in module["ports"].values() if p["direction"] != "input" for b in p["bits"]}
        self._free = unused(module)
        self._kept: dict[str, Mapping[str, frozenset[str]]] = {}  # of cells of logic that were looked at

    def make(self) -> int:
        return sum(self._copy(n) for n in [n for n, c in self._cells.items() if c["type"] == "TRELLIS_FF"])

    def _copy(self, name: str) -> int:
        register = self._cells[name]
        net: Bit = next(iter(register["connections"].get("Q", ())), "")
        if net in self._outside or len(self._sinks[net]) < 2:
            return 0
        shares: dict[str, list[Sink]] = defaultdict(list)
        acts: dict[str, set[str]] = defaultdict(set)
        for sink in self._sinks[net]:
            by = self._keeps(sink[0])
            if by:
                unit = max(by, key=lambda u: (len(by[u]), u))
                shares[unit].append(sink)
                acts[unit] |= by[unit]
        others = [u for u in shares if u != _unit(name) and len(acts[u]) >= LEAST]
        if len(others) == len(shares):
            others = others[1:]  # it stays for the first of them
        for i, unit in enumerate(others, 1):
            for sink in shares[unit]:
                self._sinks[net].remove(sink)
            self._sinks.add_like(f"{name}$unit{i}", register, self._free, shares[unit])
            self._free += 1
        return len(others)

    def _keeps(self, name: str) -> Mapping[str, frozenset[str]]:
        """By unit, the cells that keep what a cell leads to in the same cycle: itself, if it is no logic."""
        if self._cells[name]["type"] not in LOGIC:
            return {_unit(name): frozenset((name,))}
        if name not in self._kept:
            found: dict[str, set[str]] = defaultdict(set)
            way, seen = [name], {name}
            while way:
                at = way.pop()
                if self._cells[at]["type"] in LOGIC:
                    behind = {sink[0] for net in self._driven(at) for sink in self._sinks.get(net, ())} - seen
                    seen |= behind
                    way += behind
                else:
                    found[_unit(at)].add(at)
            self._kept[name] = {unit: frozenset(cells) for unit, cells in found.items()}
        return self._kept[name]

    def _driven(self, name: str) -> list[Bit]:
        has, ports = self._cells[name]["connections"], self._cells[name]["port_directions"]
        return [bit for port, bits in has.items() if ports[port] == "output" for bit in bits]


def _unit(name: str) -> str:
    """The instance in the top that a cell is of, by the cell's name."""
    for top in _TOPS:
        name = name.removeprefix(top)
    return name.partition(".")[0]
