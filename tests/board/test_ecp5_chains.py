# SPDX-License-Identifier: Apache-2.0
"""Carry chains that are joined: which are, and that sums and differences stay what they were."""

from __future__ import annotations

import copy
import itertools
import json
from pathlib import Path
from typing import Any

import equivalence
import pytest
from ecp5_netlists import lut, register

from rtl4ml.board.ecp5.chains import MOST, join_chains
from rtl4ml.netlist.netlist import Param
from rtl4ml.synthesis.yosys import Unit

# A sum and a difference behind it, and a sum of both in the next cycle.
TEXT = """module sums (input logic clk_i, input logic [{w}:0] a_i, b_i, c_i, output logic [{w}:0] y_o);
  logic [{w}:0] sum, diff_q;
  assign sum = a_i {first} b_i;
  always_ff @(posedge clk_i) begin
    diff_q <= c_i {second} sum;
    y_o    <= diff_q + sum;
  end
endmodule
"""


def carries(made: dict[str, Any]) -> list[dict[str, Any]]:
    return [c["connections"] for c in made["modules"]["gate"]["cells"].values() if c["type"] == "CCU2C"]


@pytest.mark.parametrize(("width", "cells"), [(6, 7), (7, 8)])
@pytest.mark.parametrize(("first", "second"), itertools.product("+-", repeat=2))
def test_sums_are_proven_to_stay_the_same(
    width: int, cells: int, first: str, second: str, tmp_path: Path
) -> None:
    """Against the RTL, for ever: a first carry of either value, in either half of a cell."""
    text = TEXT.format(w=width - 1, first=first, second=second)
    equivalence.synthesize(Unit("sums", "", "sums", {}, text), tmp_path)
    assert equivalence.change(tmp_path, join_chains) == 1
    made = carries(json.loads((tmp_path / "gate.json").read_text()))
    assert len([c for c in made if c["CIN"][0] in ("0", "1")]) == 2
    assert len(made) == cells + (width + 1) // 2
    assert equivalence.equivalent(tmp_path)


def test_products_are_proven_to_stay_the_same(tmp_path: Path) -> None:
    sizes: dict[str, Param] = {"Simd": 3, "XWidth": 4, "WeightWidth": 4, "ProdWidth": 8, "SumWidth": 10}
    equivalence.synthesize(Unit("dot", "", "r4_dot_lut", {**sizes, "RowElements": 1}), tmp_path)
    assert equivalence.change(tmp_path, join_chains) > 2
    assert equivalence.equivalent(tmp_path)


def chain(name: str, bits: int, first: int, pins: int, begin: int | str = "0") -> dict[str, Any]:
    """Half a carry cell a bit; sums are nets from `first` on, carries 50 above, summands from `pins` on."""
    cells = {}
    for i in range((bits + 1) // 2):
        has: dict[str, list[int | str]] = {"CIN": [first + 49 + i if i else begin], "COUT": [first + 50 + i]}
        for half in (0, 1):
            bit = 2 * i + half
            summand: int | str = pins + bit if bit < bits else "0"
            has |= {f"A{half}": [summand], f"B{half}": [5], f"C{half}": ["0"], f"D{half}": ["1"]}
            has[f"S{half}"] = [first + bit]
        cells[f"{name}{i}"] = {
            "type": "CCU2C",
            "parameters": {f"INIT{h}": f"{0x96AA:016b}" for h in "01"} | {f"INJECT1_{h}": "NO" for h in "01"},
            "attributes": {},
            "connections": has,
            "port_directions": {p: "output" if p in ("COUT", "S0", "S1") else "input" for p in has},
        }
    return cells


def design(cells: dict[str, Any], outputs: list[int]) -> dict[str, Any]:
    return {"modules": {"gate": {"ports": {"y": {"direction": "output", "bits": outputs}}, "cells": cells}}}


def two(bits: int = 5, **second: Any) -> dict[str, Any]:
    """A chain and one that adds to its sums."""
    cells = chain("a", bits, 100, 10) | chain("b", bits, 200, second.pop("pins", 100), **second)
    return design(cells, [200 + i for i in range(bits)])


def test_half_a_cell_between() -> None:
    """Of five bits, one half, five bits and an empty half six cells."""
    made = two(begin="1")
    assert join_chains(made) == 1
    cells = list(made["modules"]["gate"]["cells"].values())
    has = [c["connections"] for c in cells]
    assert [h[f"S{n}"][0] for h in has for n in "01"][:5] == [100, 101, 102, 103, 104]
    assert [h[f"S{n}"][0] for h in has for n in "01"][6:11] == [200, 201, 202, 203, 204]
    assert len(cells) == 6 and cells[2]["parameters"]["INIT1"] == f"{0x000F:016b}"
    assert has[0]["CIN"] == ["0"] and all(a["COUT"] == b["CIN"] for a, b in itertools.pairwise(has))
    again = copy.deepcopy(made)
    assert join_chains(again) == 0 and again == made


def test_a_third_one_stays() -> None:
    cells = chain("a", 5, 100, 10) | chain("b", 5, 200, 100) | chain("c", 5, 300, 200)
    made = design(cells, [300, 304])
    assert join_chains(made) == 1
    assert sorted(c["CIN"][0] for c in carries(made) if c["CIN"][0] in ("0", "1")) == ["0", "0"]


def rows(bits: int = 5) -> dict[str, Any]:
    """A chain between flip-flops, and one behind it that adds to what they keep and ends at flip-flops."""
    cells = chain("a", bits, 100, 10) | chain("b", bits, 200, 500)
    for i in range(bits):
        cells |= {
            f"p{i}": register(300 + i, 10 + i),
            f"q{i}": register(100 + i, 500 + i),
            f"r{i}": register(200 + i, 600 + i),
        }
    return design(cells | {"s": register(399, 5)}, [600 + i for i in range(bits)])


def test_chains_between_flip_flops() -> None:
    made = rows()
    assert join_chains(made) == 1
    assert sorted(c["CIN"][0] for c in carries(made) if isinstance(c["CIN"][0], str)) == ["0"]


@pytest.mark.parametrize("begins", [True, False])
def test_chains_that_do_more_in_a_cycle(begins: bool) -> None:
    """Logic before the first one or behind the second would make a way of three."""
    made = rows()
    cells = made["modules"]["gate"]["cells"]
    if begins:
        cells["p3"] = lut(0x6666, 300, 301, "0", "0", 13)
    else:
        cells["l"] = lut(0x6666, 202, 301, "0", "0", 700)
        made["modules"]["gate"]["ports"]["z"] = {"direction": "output", "bits": [700]}
    before = copy.deepcopy(made)
    assert join_chains(made) == 0
    assert made == before


def _apart() -> dict[str, Any]:
    return two(pins=10)


def _at_a_net() -> dict[str, Any]:
    return two(begin=7)


def _carry_read(*, of: int) -> dict[str, Any]:
    made = two(6)
    made["modules"]["gate"]["ports"]["z"] = {"direction": "output", "bits": [of]}
    return made


def _long() -> dict[str, Any]:
    return two(MOST + 1)


@pytest.mark.parametrize(
    "made", [_apart(), _at_a_net(), _carry_read(of=150), _carry_read(of=152), _carry_read(of=252), _long()]
)
def test_others_stay(made: dict[str, Any]) -> None:
    """Those that do not add to one another, that begin at a net, whose carries are read, that are too long."""
    before = copy.deepcopy(made)
    assert join_chains(made) == 0
    assert made == before
