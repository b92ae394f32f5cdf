# SPDX-License-Identifier: Apache-2.0
"""Gives block RAMs their output registers.

What reads a block RAM of the ECP5 waits 5.6 ns for it, or 1.0 ns for the register behind it that is part of it. Yosys
leaves that register out and makes flip-flops of their own, as far away as the router likes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rtl4ml.board.ecp5.primitives import Cell, enable, plain, readers

_BITS = 18  # of a side's output
_WIDE = 36  # bits of a word that takes the outputs of both sides; side B reads it


def register_outputs(netlist: Mapping[str, Any]) -> int:
    """Moves flip-flops behind block RAMs into these, in a netlist as Yosys' `write_json` has it; how many it moved.

    A side of a block RAM takes them where each output bit that is read goes to one flip-flop and nowhere else, and all
    of them have its clock, one enable or none, and no reset.
    """
    return sum(_register(module) for module in netlist["modules"].values())


def _register(module: Mapping[str, Any]) -> int:
    cells: dict[str, Cell] = module["cells"]
    read = readers(module)
    # By the net that they take.
    registers = {c["connections"]["DI"][0]: name for name, c in cells.items() if plain(c)}
    moved = 0
    for memory in [c for c in cells.values() if c["type"] == "DP16KD"]:
        for sides in _reads(memory):
            outputs = [
                p for side in sides for p in _outputs(memory, side) if read[memory["connections"][p][0]]
            ]
            behind = [registers.get(memory["connections"][p][0], "") for p in outputs]
            alone = all(read[memory["connections"][p][0]] == 1 for p in outputs)
            if outputs and alone and all(behind) and _suits(memory, sides[-1], [cells[n] for n in behind]):
                _take(memory, sides, outputs, [cells.pop(n) for n in behind])
                moved += len(behind)
    return moved


def _reads(memory: Cell) -> Iterator[tuple[str, ...]]:
    """The sides of a block RAM whose outputs belong together; the last of each reads."""
    if _WIDE in (int(memory["parameters"][f"DATA_WIDTH_{side}"], 2) for side in "AB"):
        yield "A", "B"
    else:
        yield ("A",)
        yield ("B",)


def _outputs(memory: Cell, side: str) -> list[str]:
    ports = (f"DO{side}{i}" for i in range(_BITS))
    return [p for p in ports if memory["connections"].get(p)]


def _suits(memory: Cell, side: str, registers: list[Cell]) -> bool:
    """Whether registers could be those of a side of a block RAM."""
    has = memory["connections"]
    # A block RAM has one manner of reset; Yosys chooses any where none is asked for.
    reset = [s for s in "AB" if has.get(f"RST{s}", ["0"]) != ["0"]]
    if memory["parameters"][f"CLK{side}MUX"] != f"CLK{side}" or side in reset:
        return False
    if reset and memory["parameters"].get("RESETMODE") == "ASYNC":
        return False
    clocked = all(r["connections"]["CLK"] == has[f"CLK{side}"] for r in registers)
    return clocked and len({enable(r) for r in registers}) == 1


def _take(memory: Cell, sides: tuple[str, ...], outputs: list[str], registers: list[Cell]) -> None:
    for port, r in zip(outputs, registers, strict=True):
        memory["connections"][port] = r["connections"]["Q"]
    if memory["parameters"].get("RESETMODE") == "ASYNC":
        memory["parameters"]["RESETMODE"] = "SYNC"
    for side in sides:
        memory["parameters"][f"REGMODE_{side}"] = "OUTREG"
    memory["connections"][f"OCE{sides[-1]}"] = [enable(registers[0])]
