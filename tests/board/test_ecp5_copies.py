# SPDX-License-Identifier: Apache-2.0
"""Copies of flip-flops: which are made, who reads which, and that the netlist does what it did."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import equivalence
import numpy as np
import pytest
from ecp5_netlists import CLOCK, cell, lut, netlist, register, run

from rtl4ml.board.ecp5.copies import MEMORIES, MOST, SHARE, copy_registers
from rtl4ml.netlist.netlist import Param
from rtl4ml.synthesis.yosys import Unit

ENABLE, DATA, RESET = 3, 4, 5  # nets
FIRST, SECOND = 10, 11
OUT = 100  # first net of what is read at last


def readers(count: int, net: int, first: int, name: str) -> dict[str, Any]:
    """LUTs with a flip-flop each, every one a group of its own."""
    cells = {}
    for i in range(count):
        cells[f"{name}[{i}].l"] = lut(0x6666, net, DATA, "0", "0", first + 2 * i)
        cells[f"{name}[{i}].q"] = register(first + 2 * i, first + 2 * i + 1)
    return cells


def driven(made: dict[str, Any], net: int) -> list[str]:
    return [n for n, c in made["modules"]["top"]["cells"].items() if [net] in c["connections"].values()]


def sources(made: dict[str, Any], name: str, pin: str = "A") -> dict[str, str]:
    """The cell that drives a pin of the cells whose names begin so."""
    cells = made["modules"]["top"]["cells"]
    by = {c["connections"][p][0]: n for n, c in cells.items() for p in ("Q", "Z") if p in c["connections"]}
    return {
        n: by[c["connections"][pin][0]] for n, c in cells.items() if n.startswith(name) and n.endswith(".l")
    }


def same(before: dict[str, Any], after: dict[str, Any], rng: np.random.Generator) -> bool:
    """Whether all nets that were there hold what they held, over random cycles."""
    values = rng.integers(0, 2, (80, 3))
    was, now = (run(d, (ENABLE, DATA, RESET), values) for d in (before, after))
    return all(all(n[net] == v for net, v in w.items()) for w, n in zip(was, now, strict=True))


def passing(count: int, *, name: str = "pe") -> dict[str, Any]:
    """A flip-flop that takes what another gives and drives `count` groups."""
    cells = {
        "root": register(DATA, FIRST),
        "stage": register(FIRST, SECOND, ce=ENABLE, lsr=RESET, regset="SET"),
    }
    return netlist(cells | readers(count, SECOND, OUT, name), [OUT + 2 * i + 1 for i in range(count)])


@pytest.mark.parametrize("count", [SHARE + 1, 3 * SHARE, 3 * SHARE + 1, 100])
def test_a_copy_for_every_few(count: int, rng: np.random.Generator) -> None:
    before = passing(count)
    after = copy.deepcopy(before)
    copies = min(-(-count // SHARE), MOST)
    assert copy_registers(after) == copies - 1
    by = list(sources(after, "pe").values())
    assert len(set(by)) == copies and max(map(by.count, by)) - min(map(by.count, by)) <= 1
    # By number, not by letter: pe[2] before pe[10].
    assert by == sorted(by, key=by.index)
    cells = after["modules"]["top"]["cells"]
    for name in set(by):
        assert {k: v for k, v in cells[name]["connections"].items() if k != "Q"} == {
            k: v for k, v in before["modules"]["top"]["cells"]["stage"]["connections"].items() if k != "Q"
        }
        assert cells[name]["parameters"] == before["modules"]["top"]["cells"]["stage"]["parameters"]
    assert same(before, after, rng)


def test_a_row_is_copied_as_one(rng: np.random.Generator) -> None:
    """Of two stages with products at both, each copy of the second takes what the first one's for its share gives."""
    cells = {"root": register(DATA, FIRST), "one": register(FIRST, SECOND), "two": register(SECOND, 12)}
    cells |= readers(4 * SHARE, SECOND, OUT, "pe") | {
        n.replace("]", "].row"): c for n, c in readers(4 * SHARE, 12, 300, "pe").items()
    }
    before = netlist(cells, range(OUT + 1, OUT + 8 * SHARE, 2))
    after = copy.deepcopy(before)
    assert copy_registers(after) == 6
    by = sources(after, "pe")
    cells = after["modules"]["top"]["cells"]
    for i in range(4 * SHARE):
        second = cells[by[f"pe[{i}].row.l"]]
        assert second["connections"]["DI"] == cells[by[f"pe[{i}].l"]]["connections"]["Q"]
    assert same(before, after, rng)


def test_a_ring(rng: np.random.Generator) -> None:
    cells = {
        "one": register(SECOND, FIRST, lsr=RESET, regset="SET"),
        "two": register(FIRST, SECOND, lsr=RESET),
    }
    before = netlist(cells | readers(9, FIRST, OUT, "a") | readers(9, SECOND, 200, "b"), [OUT + 1, 201])
    after = copy.deepcopy(before)
    assert copy_registers(after) == 4
    assert same(before, after, rng)


def test_each_copy_has_the_lut_that_enables_it(rng: np.random.Generator) -> None:
    """Two flip-flops side by side, an address, share the LUTs: copies of one number stand together."""
    step, third, fourth, second_out = 20, 21, 22, 300
    cells = {
        "step": lut(0x8888, ENABLE, DATA, "0", "0", step),
        "root[0]": register(DATA, FIRST),
        "root[1]": register(RESET, third),
        "at[0]": register(FIRST, SECOND, ce=step),
        "at[1]": register(third, fourth, ce=step),
    }
    count = 3 * SHARE
    cells |= readers(count, SECOND, OUT, "pe") | readers(count, fourth, second_out, "qe")
    before = netlist(cells, [n + 2 * i + 1 for n in (OUT, second_out) for i in range(count)])
    made = copy.deepcopy(before)
    assert copy_registers(made) == 4
    found = made["modules"]["top"]["cells"]
    by = {c["connections"]["Z"][0]: n for n, c in found.items() if c["type"] == "LUT4"}
    enables = {n: by[c["connections"]["CE"][0]] for n, c in found.items() if n.startswith("at")}
    assert enables == {f"at[{i}]{of}": f"step{of}" for i in (0, 1) for of in ("", "$copy1", "$copy2")}
    assert same(before, made, rng)


def test_a_group_is_placed_together() -> None:
    """All of a carry chain reads one copy, its flip-flops' enables, too."""
    cells = {"root": register(DATA, FIRST), "stage": register(FIRST, SECOND)}
    for i in range(SHARE + 1):
        for k in range(3):
            pins: dict[str, int | str] = {
                "CIN": OUT + 10 * i + k - 1 if k else "0",
                "COUT": OUT + 10 * i + k,
                "A0": SECOND,
            }
            c = cell("CCU2C", {}, **pins, S0=OUT + 10 * i + k + 4)
            c["port_directions"] |= {"COUT": "output", "S0": "output"}
            cells[f"pe[{i}].c[{k}]"] = c
        cells[f"pe[{i}].q"] = register(OUT + 10 * i + 4, OUT + 10 * i + 9, ce=SECOND)
    made = netlist(cells)
    assert copy_registers(made) == 1
    for i in range(SHARE + 1):
        has = [
            made["modules"]["top"]["cells"][f"pe[{i}].{n}"]["connections"]
            for n in ("c[0]", "c[1]", "c[2]", "q")
        ]
        assert has[0]["A0"] == has[1]["A0"] == has[2]["A0"] == has[3]["CE"]


def memories(count: int, net: int) -> dict[str, Any]:
    return {f"mem[{i}]": cell("DP16KD", {}, CLKB=CLOCK, ADB3=net) for i in range(count)}


def test_an_address_of_many_memories() -> None:
    """Copied, though what it takes comes out of logic."""
    cells = {"l": lut(0x6666, SECOND, DATA, "0", "0", FIRST), "address": register(FIRST, SECOND)}
    made = netlist(cells | memories(MEMORIES, SECOND))
    assert copy_registers(made) == min(-(-(MEMORIES + 1) // SHARE), MOST) - 1
    # Its own logic reads it once.
    assert (
        len({made["modules"]["top"]["cells"][n]["connections"]["ADB3"][0] for n in memories(MEMORIES, 0)}) > 1
    )


def _few(cells: dict[str, Any]) -> list[int]:
    del cells["pe[4].l"]
    return []


def _logic(cells: dict[str, Any]) -> list[int]:
    cells["root"] = lut(0x5555, DATA, "0", "0", "0", FIRST)
    return []


def _few_memories(cells: dict[str, Any]) -> list[int]:
    cells["root"] = lut(0x5555, DATA, "0", "0", "0", FIRST)
    cells |= memories(MEMORIES - 1, SECOND)
    return []


def _port(cells: dict[str, Any]) -> list[int]:
    return [SECOND]


def _passes_on(cells: dict[str, Any]) -> list[int]:
    """What only passes on is no group: it may be far away."""
    del cells["pe[4].l"]
    cells |= {f"on{i}": register(SECOND, 50 + i) for i in range(9)}
    return []


@pytest.mark.parametrize("spoil", [_few, _logic, _few_memories, _port, _passes_on])
def test_others_stay(spoil: Any) -> None:
    made = passing(5)
    made["modules"]["top"]["ports"]["y"]["bits"] += spoil(made["modules"]["top"]["cells"])
    before = copy.deepcopy(made)
    assert copy_registers(made) == 0
    assert made == before


@pytest.mark.parametrize("signed", [0, 1])
def test_products_are_proven_to_stay_the_same(signed: int, tmp_path: Path) -> None:
    """The netlist of r4_dot_lut with its elements' registers copied for its outputs, against the RTL, for ever."""
    sizes: dict[str, Param] = {
        "Simd": 2,
        "Pe": 5,
        "XWidth": 3,
        "WeightWidth": 4,
        "ProdWidth": 7,
        "SumWidth": 8,
    }
    unit = Unit("dot", "", "r4_dot_lut", {**sizes, "XSigned": signed, "RowElements": 1})
    equivalence.synthesize(unit, tmp_path)
    assert equivalence.change(tmp_path, copy_registers) >= 6
    assert equivalence.equivalent(tmp_path)
