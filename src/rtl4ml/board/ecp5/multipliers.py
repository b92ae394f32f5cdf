# SPDX-License-Identifier: Apache-2.0
"""Gives multipliers their registers.

A MULT18X18D takes 3.9 ns from its inputs to its output and stands in a column of its own, with long ways to it and from
it; its own registers take away the one or the other. Yosys uses none of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rtl4ml.board.ecp5.primitives import Bit, Cell, enable, plain, readers

_INPUTS = tuple(f"{side}{i}" for side in "AB" for i in range(18))
_OUTPUTS = tuple(f"P{i}" for i in range(36))


def register_multipliers(netlist: Mapping[str, Any]) -> int:
    """Moves flip-flops before and behind multipliers into these, in a netlist as Yosys' `write_json` has it; how many
    multipliers took some.

    Those before one move where every input that is not constant comes of one; a flip-flop that others read, too, stays
    beside its copy. Those behind one move where each output that is read goes to one flip-flop and nowhere else. All
    that one multiplier takes have one clock, one enable or none, and no reset.
    """
    return sum(_register(module) for module in netlist["modules"].values())


def _register(module: Mapping[str, Any]) -> int:
    cells: dict[str, Cell] = module["cells"]
    read = readers(module)
    flip_flops = {name: c for name, c in cells.items() if plain(c)}
    before = {c["connections"]["Q"][0]: c for c in flip_flops.values()}  # by the net that they drive
    behind = {c["connections"]["DI"][0]: name for name, c in flip_flops.items()}  # by the net that they take
    taken = 0
    for multiplier in [c for c in cells.values() if c["type"] == "MULT18X18D"]:
        has, how = multiplier["connections"], set[tuple[Bit, Bit]]()
        nets = {has[p][0] for p in _INPUTS if isinstance(has[p][0], int)}
        if nets and all(net in before for net in nets) and len(of := _how(before[net] for net in nets)) == 1:
            how = of
            for p in _INPUTS:
                if has[p][0] in nets:
                    read[has[p][0]] -= 1
                    has[p] = list(before[has[p][0]]["connections"]["DI"])
                    read[has[p][0]] += 1
            multiplier["parameters"] |= {"REG_INPUTA_CLK": "CLK0", "REG_INPUTB_CLK": "CLK0"}
        outputs = [p for p in _OUTPUTS if has.get(p) and read[has[p][0]]]
        names = [behind.get(has[p][0], "") for p in outputs]
        if outputs and all(names) and all(read[has[p][0]] == 1 for p in outputs):
            of = _how(cells[n] for n in names)
            if len(of | how) == 1:
                how = of
                for p, name in zip(outputs, names, strict=True):
                    has[p] = list(cells.pop(name)["connections"]["Q"])
                    del before[has[p][0]]
                multiplier["parameters"]["REG_OUTPUT_CLK"] = "CLK0"
        for clock, enabled in how:
            has |= {"CLK0": [clock], "CE0": [enabled], "RST0": ["0"]}
            multiplier["port_directions"] |= dict.fromkeys(("CLK0", "CE0", "RST0"), "input")
            taken += 1
    for name, c in flip_flops.items():
        if name in cells and not read[c["connections"]["Q"][0]]:
            del cells[name]
    return taken


def _how(registers: Iterable[Cell]) -> set[tuple[Bit, Bit]]:
    """Clocks and enables of flip-flops."""
    return {(r["connections"]["CLK"][0], enable(r)) for r in registers}
