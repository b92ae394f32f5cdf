# SPDX-License-Identifier: Apache-2.0
"""Netlists of the ECP5's primitives as Yosys' `write_json` has them: who reads a net, copies of cells, which flip-flops
are plain.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

Bit = int | str  # a net, or "0", "1" or "x"
Cell = dict[str, Any]
Sink = tuple[str, str, int]  # an input of a cell: its name, the port, which of its bits
LOGIC = ("LUT4", "CCU2C", "PFUMX", "L6MUX21")  # kinds of cells that keep nothing


class Sinks(defaultdict[Bit, list[Sink]]):
    """By net, the inputs of cells that read it."""

    def __init__(self, cells: dict[str, Cell]) -> None:
        super().__init__(list)
        self._cells = cells
        for name in cells:
            self.add(name)

    def add(self, name: str) -> None:
        """Counts the inputs of a cell."""
        cell = self._cells[name]
        for port, bits in cell["connections"].items():
            if cell["port_directions"][port] != "output":
                for i, bit in enumerate(bits):
                    self[bit].append((name, port, i))

    def add_like(self, name: str, like: Cell, net: int, share: Iterable[Sink]) -> None:
        """Adds a flip-flop or LUT like another one, of another name, that drives `net` and there a share of its sinks.

        That these are no longer at the first one's net is for the caller to note.
        """
        output = "Q" if like["type"] == "TRELLIS_FF" else "Z"
        self._cells[name] = {
            **like,
            "parameters": dict(like["parameters"]),
            "connections": {**like["connections"], output: [net]},
        }
        for cell, port, i in share:
            self._cells[cell]["connections"][port] = list(self._cells[cell]["connections"][port])
            self._cells[cell]["connections"][port][i] = net
        self.add(name)
        self[net] = list(share)


def readers(module: Mapping[str, Any]) -> Counter[Bit]:
    """How many inputs of cells and outputs of the module read each net."""
    found: Counter[Bit] = Counter(
        bit for port in module["ports"].values() if port["direction"] != "input" for bit in port["bits"]
    )
    for c in module["cells"].values():
        for port, bits in c["connections"].items():
            if c["port_directions"][port] != "output":
                found.update(bits)
    return found


def unused(module: Mapping[str, Any]) -> int:
    """A number above those of all nets that cells are at."""
    bits = (b for c in module["cells"].values() for bits in c["connections"].values() for b in bits)
    return 1 + max((b for b in bits if isinstance(b, int)), default=1)


def plain(cell: Cell) -> bool:
    """Whether a cell is a flip-flop without reset that takes its input at the rising edge."""
    if cell["type"] != "TRELLIS_FF":
        return False
    has = cell["connections"]
    return (
        cell["parameters"]["CLKMUX"] == "CLK"
        and cell["parameters"]["REGSET"] == "RESET"
        and has.get("LSR", ["0"]) in ([], ["0"])
        and len(has.get("DI", ())) == 1
    )


def enable(register: Cell) -> Bit:
    """The bit that enables a flip-flop, "1" for one that always moves."""
    how: str = register["parameters"]["CEMUX"].strip()
    return register["connections"]["CE"][0] if how == "CE" else how
