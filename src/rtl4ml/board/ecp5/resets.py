# SPDX-License-Identifier: Apache-2.0
"""Takes inverters away from resets: a flip-flop's slice inverts its reset itself.

Yosys inverts an active-low reset in one LUT for all flip-flops: one more net all over the device.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rtl4ml.board.ecp5.primitives import Bit, Cell, readers


def invert_resets(netlist: Mapping[str, Any]) -> int:
    """Leads flip-flops' resets around inverters, in a netlist as Yosys' `write_json` has it; how many flip-flops."""
    return sum(_invert(module) for module in netlist["modules"].values())


def _invert(module: Mapping[str, Any]) -> int:
    cells: dict[str, Cell] = module["cells"]
    inverters = {c["connections"]["Z"][0]: n for n, c in cells.items() if c["type"] == "LUT4"}
    inverted = {net: bit for net, n in inverters.items() if (bit := _inverts(cells[n])) is not None}
    moved = 0
    for c in cells.values():
        if c["type"] == "TRELLIS_FF" and c["parameters"]["LSRMUX"] == "LSR":
            for bit in c["connections"].get("LSR", ()):
                if bit in inverted:
                    c["connections"]["LSR"] = [inverted[bit]]
                    c["parameters"]["LSRMUX"] = "INV"
                    moved += 1
    read = readers(module)
    for net in inverted:
        if not read[net]:
            del cells[inverters[net]]
    return moved


def _inverts(lut: Cell) -> Bit | None:
    """The net that a LUT inverts; None of another LUT."""
    pins = [lut["connections"][pin][0] for pin in "ABCD"]
    nets = {bit for bit in pins if isinstance(bit, int)}
    if len(nets) != 1:
        return None
    init = int(lut["parameters"]["INIT"], 2)
    low, high = (
        init >> sum((n if isinstance(bit, int) else bit == "1") << i for i, bit in enumerate(pins)) & 1
        for n in (0, 1)
    )
    return nets.pop() if (low, high) == (1, 0) else None
