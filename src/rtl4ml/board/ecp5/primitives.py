# SPDX-License-Identifier: Apache-2.0
"""Netlists of the ECP5's primitives as Yosys' `write_json` has them: who reads a net, which flip-flops are plain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

Bit = int | str  # a net, or "0", "1" or "x"
Cell = dict[str, Any]


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
