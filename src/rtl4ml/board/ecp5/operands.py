# SPDX-License-Identifier: Apache-2.0
"""Leads signed operands to the upper bits of multipliers.

A MULT18X18D takes 18 bits on either side. Yosys leads a shorter signed operand to the lower ones and its sign to all
above: 11 of 36 inputs of a product with a weight of 8 bits. Wires to a multiplier's columns are few, and no route may
be left where most of the multipliers are taken. In the upper bits there is one sign, and zeros below, which are no
wires; the product then stands as much higher.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from rtl4ml.board.ecp5.primitives import Bit, Cell, readers

BITS = 18  # of an operand


def raise_operands(netlist: Mapping[str, Any]) -> int:
    """Moves signed operands up, in a netlist as Yosys' `write_json` has it; by how many bits in all.

    Bits of the product that nothing reads move to the lowest ones, so an operand moves by no more than there are of
    them above the highest one that is read.
    """
    moved = 0
    for module in netlist["modules"].values():
        read = readers(module)
        for cell in module["cells"].values():
            if cell["type"] == "MULT18X18D":
                moved += _raise(cell, read)
    return moved


def _raise(multiplier: Cell, read: Counter[Bit]) -> int:
    has = multiplier["connections"]
    product: list[list[Bit]] = [has.get(f"P{i}", []) for i in range(2 * BITS)]
    top = max((i for i, net in enumerate(product) if net and read[net[0]]), default=-1)
    room = len(product) - 1 - top
    for side in "AB":
        operand: list[list[Bit]] = [has[f"{side}{i}"] for i in range(BITS)]
        by = min(room, _signs(operand)) if has.get(f"SIGNED{side}") == ["1"] else 0
        room -= by
        has |= {f"{side}{i}": ["0"] if i < by else operand[i - by] for i in range(BITS)}
    by = len(product) - 1 - top - room
    has |= {f"P{(i + by) % len(product)}": net for i, net in enumerate(product)}
    return by


def _signs(operand: list[list[Bit]]) -> int:
    """How many of an operand's highest bits are the one below; none of one that is constant there."""
    sign = operand[-1][0]
    if not isinstance(sign, int):
        return 0
    return next((n for n, bit in enumerate(reversed(operand)) if bit != [sign]), BITS) - 1
