# SPDX-License-Identifier: Apache-2.0
"""Joins carry chains of which one adds to what the other makes.

nextpnr puts a cell before every carry chain and one behind it, and begins each in a tile of its own: chains of three to
six cells leave a third of their tiles empty. Two in a row need these once, and stand side by side.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from rtl4ml.board.ecp5.primitives import Bit, Cell, readers, unused

MOST = 14  # cells of two chains: with nextpnr's two they fill four tiles
# LUTs of a half whose pins are all high: no carry passes, and one of that value goes on.
_BEGINS = {"0": 0x0000, "1": 0x000F}


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


@dataclass(frozen=True)
class _Chain:
    """A chain: its cells by name, the constant that it begins with, and its halves up to the last one that is read."""

    cells: tuple[str, ...]
    begins: str
    halves: tuple[_Half, ...]


def join_chains(netlist: Mapping[str, Any]) -> int:
    """Joins chains in pairs, in a netlist as Yosys' `write_json` has it; how many pairs.

    The second of a pair adds to sums of the first. Between them is half a cell that begins the second one, whatever the
    first one's carry. Both begin with a constant, and no carry of either is read but by the next cell.

    The router takes the carry to go on from the first to the second. It has no longer way for that: either the second
    one waits for the first one's sums anyway, or the first one begins at flip-flops and the second ends at them.
    """
    return sum(_join(module) for module in netlist["modules"].values())


def _join(module: Mapping[str, Any]) -> int:
    cells: dict[str, Cell] = module["cells"]
    read = readers(module)
    found = list(_chains(cells, read))
    before = _summands(cells, found, read)
    taken, free, pairs = set[_Chain](), count(unused(module)), 0
    for second in _first_first(found, before):
        for first in before[second]:
            length = (len(first.halves) + 1 + len(second.halves) + 1) // 2
            if first in taken or second in taken or length > MOST:
                continue
            taken |= {first, second}
            _rewrite(cells, first, second, free)
            pairs += 1
    return pairs


def _summands(
    cells: Mapping[str, Cell], found: list[_Chain], read: Counter[Bit]
) -> dict[_Chain, dict[_Chain, None]]:
    """Of every chain those whose sums it adds to and that can be joined with it, sums of the same cycle first."""
    sums = {bit: chain for chain in found for half in chain.halves for bit in half.sum}
    registers = [
        c["connections"] for c in cells.values() if c["type"] == "TRELLIS_FF" and c["connections"].get("DI")
    ]
    kept = {c["Q"][0] for c in registers}
    goes_on = {c["DI"][0]: c["Q"][0] for c in registers if read[c["DI"][0]] == 1}
    # What flip-flops keep of chains that begin at flip-flops.
    last = {
        goes_on[bit]: chain
        for bit, chain in sums.items()
        if bit in goes_on
        and all(pin in kept for half in chain.halves for pin in half.pins if isinstance(pin, int))
    }
    before = {}
    for chain in found:
        nets = [bit for half in chain.halves for bit in half.pins]
        now = dict.fromkeys(sums[bit] for bit in nets if bit in sums)
        if all(bit in goes_on for half in chain.halves for bit in half.sum):
            now |= dict.fromkeys(last[bit] for bit in nets if bit in last)
        now.pop(chain, None)
        before[chain] = now
    return before


def _chains(cells: Mapping[str, Cell], read: Counter[Bit]) -> Iterator[_Chain]:
    carries = {n: c for n, c in cells.items() if c["type"] == "CCU2C"}
    behind = {c["connections"]["CIN"][0]: n for n, c in carries.items() if c["connections"].get("CIN")}
    for name, c in carries.items():
        begins = next(iter(c["connections"].get("CIN", ())), "")
        if begins not in _BEGINS:
            continue
        names, alone = [name], True
        while (carry := _carry(cells[names[-1]])) in behind:
            alone &= read[carry] == 1
            names.append(behind[carry])
        halves = [_half(cells[n], half, read) for n in names for half in "01"]
        while halves and not halves[-1].sum:
            halves.pop()
        if alone and not read[carry] and halves:
            yield _Chain(tuple(names), begins, tuple(halves))


def _carry(cell: Cell) -> Bit:
    bits: list[Bit] = cell["connections"].get("COUT", [])
    return bits[0] if bits else ""


def _half(cell: Cell, half: str, read: Counter[Bit]) -> _Half:
    has, how = cell["connections"], cell["parameters"]
    pins = tuple(has[f"{pin}{half}"][0] for pin in "ABCD")
    gives = tuple(bit for bit in has.get(f"S{half}", ()) if read[bit])
    return _Half(pins, int(how[f"INIT{half}"], 2), how[f"INJECT1_{half}"], gives)


def _first_first(found: list[_Chain], before: Mapping[_Chain, Mapping[_Chain, None]]) -> list[_Chain]:
    """Chains, each behind those that it adds to."""
    order: dict[_Chain, None] = {}
    for chain in found:
        way = [chain]
        while way:
            if missing := [c for c in before[way[-1]] if c not in order and c not in way]:
                way.append(missing[0])
            else:
                order[way.pop()] = None
    return list(order)


def _rewrite(cells: dict[str, Cell], first: _Chain, second: _Chain, free: Iterator[int]) -> None:
    halves = [*first.halves, _Half.constant(_BEGINS[second.begins]), *second.halves]
    halves += [_Half.constant(0)] * (len(halves) % 2)
    old = cells[first.cells[0]]
    like: Cell = {k: v for k, v in old.items() if k not in ("parameters", "connections")}
    names = [*first.cells, *second.cells, f"{second.cells[-1]}$end"]
    for name in (*first.cells, *second.cells):
        del cells[name]
    carry: Bit = first.begins
    for i in range(len(halves) // 2):
        c: Cell = {**like, "parameters": {}, "connections": {"CIN": [carry]}}
        carry = next(free)
        c["connections"]["COUT"] = [carry]
        for n, half in zip("01", halves[2 * i : 2 * i + 2], strict=True):
            c["connections"] |= {f"{pin}{n}": [bit] for pin, bit in zip("ABCD", half.pins, strict=True)}
            c["connections"][f"S{n}"] = list(half.sum) or [next(free)]
            c["parameters"] |= {f"INIT{n}": f"{half.init:016b}", f"INJECT1_{n}": half.inject}
        cells[names[i]] = c
