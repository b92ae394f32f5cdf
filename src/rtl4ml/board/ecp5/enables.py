# SPDX-License-Identifier: Apache-2.0
"""Gives LUTs that enable much a copy for the logic that reads them, too.

Whether a FIFO moves enables hundreds of flip-flops of its words and decides what its counters hold. One LUT stands
amid the words: counters wait for two nets of 2.7 ns each, there and back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rtl4ml.board.ecp5.primitives import Bit, Cell, Sink, Sinks, unused

MANY = 16  # enables and resets
_PORTS = ("CE", "LSR", "WRE", "CEA", "CEB", "OCEA", "OCEB", "CE0")


def split_enables(netlist: Mapping[str, Any]) -> int:
    """Copies LUTs that drive `MANY` enables, resets or write enables and something else, which the copy then drives, in
    a netlist as Yosys' `write_json` has it; how many copies.
    """
    return sum(_split(module) for module in netlist["modules"].values())


def _split(module: Mapping[str, Any]) -> int:
    cells: dict[str, Cell] = module["cells"]
    sinks, free, copies = Sinks(cells), unused(module), 0
    for name, lut in [(n, c) for n, c in cells.items() if c["type"] == "LUT4"]:
        net: Bit = lut["connections"]["Z"][0]
        others: list[Sink] = [s for s in sinks[net] if s[1] not in _PORTS]
        if others and len(sinks[net]) - len(others) >= MANY:
            sinks[net] = [s for s in sinks[net] if s[1] in _PORTS]
            sinks.add_like(f"{name}$logic", lut, free, others)
            free += 1
            copies += 1
    return copies
