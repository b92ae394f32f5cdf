# SPDX-License-Identifier: Apache-2.0
"""Carry chains without the cells that nextpnr puts before and behind them.

It leads a constant first carry in through a cell of its own, and the last carry out through another, which Yosys gives
a net even where nothing reads it: two cells on top of three to six. A constant first carry needs half a cell, which is
free where a chain has an odd number of bits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from rtl4ml.board.ecp5.primitives import Bit, Cell, readers, unused

# LUTs of a half whose pins are all high: no carry passes, and one of that value goes on; or every carry passes.
_BEGINS = {"0": 0x0000, "1": 0x000F}
_PASSES = 0xFFFF


@dataclass(frozen=True)
class _Half:
    """Half a carry cell: pins A to D, LUT, manner, and what its sum drives, if anything."""

    pins: tuple[Bit, ...]
    init: int
    inject: str
    sum: tuple[Bit, ...]

    @staticmethod
    def constant(init: int) -> _Half:
        return _Half(("1",) * 4, init, "NO", ())


def trim_chains(netlist: Mapping[str, Any]) -> int:
    """Makes first carries that are constant half a cell and disconnects last ones that nothing reads, in a netlist as
    Yosys' `write_json` has it; how many cells nextpnr need not add.

    Chains of which a carry within is read begin as they do: nextpnr parts them there.
    """
    return sum(_trim(module) for module in netlist["modules"].values())


def _trim(module: Mapping[str, Any]) -> int:
    cells: dict[str, Cell] = module["cells"]
    read = readers(module)
    ended = [c for c in cells.values() if c["type"] == "CCU2C" and (carry := _carry(c)) and not read[carry]]
    for c in ended:
        c["connections"]["COUT"] = []
    begun, free = list(_chains(cells, read)), count(unused(module))
    for names in begun:
        _rewrite(cells, names, read, free)
    return len(ended) + len(begun)


def _chains(cells: Mapping[str, Cell], read: Counter[Bit]) -> Iterator[list[str]]:
    """Cells by name, the lowest first, of every chain that begins with a constant and whose carries within it nothing
    else reads.
    """
    carries = {n: c for n, c in cells.items() if c["type"] == "CCU2C"}
    behind = {c["connections"]["CIN"][0]: n for n, c in carries.items() if c["connections"].get("CIN")}
    for name, c in carries.items():
        if next(iter(c["connections"].get("CIN", ())), "") not in _BEGINS:
            continue
        names, whole = [name], True
        while (carry := _carry(cells[names[-1]])) in behind:
            whole &= read[carry] == 1
            names.append(behind[carry])
        if whole:
            yield names


def _carry(cell: Cell) -> Bit:
    return next(iter(cell["connections"].get("COUT", ())), "")


def _rewrite(cells: dict[str, Cell], names: list[str], read: Counter[Bit], free: Iterator[int]) -> None:
    first, last = cells[names[0]], _carry(cells[names[-1]])
    halves = [_Half.constant(_BEGINS[first["connections"]["CIN"][0]])]
    halves += [_half(cells[n], half, read) for n in names for half in "01"]
    if read[last]:
        halves += [_Half.constant(_PASSES)] * (len(halves) % 2)
    else:
        while len(halves) > 1 and not halves[-1].sum:
            halves.pop()
        halves += [_Half.constant(0)] * (len(halves) % 2)
    like: Cell = {k: v for k, v in first.items() if k not in ("parameters", "connections")}
    for name in names:
        del cells[name]
    carry: list[Bit] = []
    for i, name in enumerate([*names, f"{names[-1]}$end"][: len(halves) // 2]):
        c = cells[name] = {**like, "parameters": {}, "connections": {"CIN": carry}}
        carry = [next(free)]
        if 2 * i + 2 == len(halves):
            carry = [last] if read[last] else []
        c["connections"]["COUT"] = carry
        for n, half in zip("01", halves[2 * i : 2 * i + 2], strict=True):
            c["connections"] |= {f"{pin}{n}": [bit] for pin, bit in zip("ABCD", half.pins, strict=True)}
            c["connections"][f"S{n}"] = list(half.sum)
            c["parameters"] |= {f"INIT{n}": f"{half.init:016b}", f"INJECT1_{n}": half.inject}


def _half(cell: Cell, half: str, read: Counter[Bit]) -> _Half:
    has, how = cell["connections"], cell["parameters"]
    pins = tuple(has[f"{pin}{half}"][0] for pin in "ABCD")
    gives = tuple(bit for bit in has.get(f"S{half}", ()) if read[bit])
    return _Half(pins, int(how[f"INIT{half}"], 2), how[f"INJECT1_{half}"], gives)
