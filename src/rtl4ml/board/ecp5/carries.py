# SPDX-License-Identifier: Apache-2.0
"""Moves LUTs that make a summand into the carry chain that adds it.

Half a CCU2C is a LUT of four inputs, whose output says whether the carry passes; where it does not, inputs A and B
alone say which carry goes on. Yosys leads a summand to each of A and B, and puts what is chosen or masked before that
into LUTs of their own: two LUTs and a net where one LUT would do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations
from typing import Any

from rtl4ml.board.ecp5.primitives import Bit, Cell, readers

# A half as Yosys has it: A plus B, the latter inverted where C is high. D is high, so that the LUT's lowest four bits
# are left to say that A goes on where no carry passes.
_ADDER = 0b1001_0110_1010_1010


def absorb(netlist: Mapping[str, Any]) -> int:
    """Moves LUTs into carry chains, in a netlist as Yosys' `write_json` has it; how many LUTs that saves.

    A LUT moves where all its readers are summands of carry chains, and each of them can take it.
    """
    return sum(_absorb(module) for module in netlist["modules"].values())


@dataclass(frozen=True)
class _Summand:
    """A function of nets; bit n of `table` is its value where net i has the value of bit i of n."""

    nets: tuple[int, ...]
    table: int


@dataclass(frozen=True)
class _Half:
    """What half a carry cell becomes: its pins A to D, its LUT, and the nets that it needs no more."""

    pins: tuple[Bit, ...]
    init: int
    moved: tuple[int, ...]


def _absorb(module: Mapping[str, Any]) -> int:
    cells: dict[str, Cell] = module["cells"]
    read = readers(module)
    # By the net that they drive.
    luts = {c["connections"]["Z"][0]: name for name, c in cells.items() if c["type"] == "LUT4"}
    made = {net: _function(cells[name]) for net, name in luts.items()}
    halves = [(c, half) for c in cells.values() if c["type"] == "CCU2C" for half in "01" if _adds(c, half)]
    taken: list[_Half | None] = [None] * len(halves)
    while True:
        taken = [_with_luts(c, half, made) for c, half in halves]
        met = Counter(net for t in taken if t for net in t.moved)
        stays = [net for net, n in met.items() if n != read[net]]
        if not stays:
            break
        for net in stays:
            del made[net]
    for (c, half), t in zip(halves, taken, strict=True):
        if t:
            c["parameters"][f"INIT{half}"] = f"{t.init:016b}"
            c["connections"] |= {f"{pin}{half}": [bit] for pin, bit in zip("ABCD", t.pins, strict=True)}
    for net in met:
        del cells[luts[net]]
    return len(met)


def _adds(carry: Cell, half: str) -> bool:
    """Whether a half of a carry cell is Yosys' adder or subtractor, not one that turns from one into the other."""
    has = carry["connections"]
    return (
        int(carry["parameters"][f"INIT{half}"], 2) == _ADDER
        and carry["parameters"][f"INJECT1_{half}"] == "NO"
        and has[f"C{half}"][0] in ("0", "1")
        and has[f"D{half}"] == ["1"]
    )


def _function(lut: Cell) -> _Summand:
    """A LUT4 by the nets that it reads."""
    init, pins = int(lut["parameters"]["INIT"], 2), [lut["connections"][pin][0] for pin in "ABCD"]
    nets = tuple(dict.fromkeys(bit for bit in pins if isinstance(bit, int)))
    table = 0
    for n in range(2 ** len(nets)):
        value = {"0": 0, "1": 1, "x": 0} | {net: n >> i & 1 for i, net in enumerate(nets)}
        table |= (init >> sum(value[bit] << i for i, bit in enumerate(pins)) & 1) << n
    return _Summand(nets, table)


def _with_luts(carry: Cell, half: str, made: Mapping[Bit, _Summand]) -> _Half | None:
    """A half with the LUTs before its summands, both if it can, or one of them; None where it takes none.

    made: what the LUTs make, by the net that they drive
    """
    a, b, inverted = (carry["connections"][f"{pin}{half}"][0] for pin in "ABC")
    for moves in ((a, b), (b,), (a,)):
        if any(bit not in made for bit in moves) or len(set(moves)) < len(moves):
            continue
        sides = [made[bit] if bit in moves else _itself(bit) for bit in (a, b)]
        nets = tuple(dict.fromkeys(net for side in sides for net in side.nets))
        if len(nets) > 4:
            continue
        numbered = [(tuple(nets.index(net) for net in side.nets), side.table) for side in sides]
        if found := _half(len(nets), *numbered, inverted == "1"):
            pins, init = found
            return _Half(tuple("1" if i is None else nets[i] for i in pins), init, moves)
    return None


def _itself(bit: Bit) -> _Summand:
    return _Summand((bit,), 0b10) if isinstance(bit, int) else _Summand((), int(bit == "1"))


@lru_cache(maxsize=4096)
def _half(
    nets: int, a: tuple[Sequence[int], int], b: tuple[Sequence[int], int], inverted: bool
) -> tuple[tuple[int | None, ...], int] | None:
    """Which net goes to each pin (None: the pin is high) and the LUT, of a half that adds two functions of so many nets
    and inverts the second one; None where no order of the pins will do.
    """
    for places in permutations(range(4), nets):
        pins = tuple(places.index(pin) if pin in places else None for pin in range(4))
        # By the pins' values as a number, A lowest: what is added, and where no carry passes the carry that goes on.
        init, goes_on = 0, dict[int, int]()
        for n in range(16):
            if any(net is None and not n >> pin & 1 for pin, net in enumerate(pins)):
                continue
            first, second = (
                table >> sum((n >> places[net] & 1) << i for i, net in enumerate(of)) & 1
                for of, table in (a, b)
            )
            second ^= inverted
            init |= (first ^ second) << n
            if first == second and goes_on.setdefault(n & 3, first) != first:
                break
        else:
            if None in pins[2:]:  # the lowest four bits are no sums
                init |= sum(carry << n for n, carry in goes_on.items())
            if all(init >> n & 1 == carry for n, carry in goes_on.items()):
                return pins, init
    return None
