# SPDX-License-Identifier: Apache-2.0
"""Ends of carry chains: constant first carries, last ones that nothing reads, and chains that stay as they are."""

from __future__ import annotations

import copy
import itertools
import json
from pathlib import Path
from typing import Any

import equivalence
import pytest

from rtl4ml.board.ecp5.chains import trim_chains
from rtl4ml.synthesis.yosys import Unit

# Sums, differences and comparisons; of a comparison the last carry alone is read.
TEXT = """module sums (input logic clk_i, input logic [{w}:0] a_i, b_i, output logic [{w}:0] sum_o, diff_o,
  output logic less_o);
  always_ff @(posedge clk_i) begin
    sum_o  <= a_i + b_i;
    diff_o <= a_i - b_i;
    less_o <= a_i < b_i;
  end
endmodule
"""


def carries(made: dict[str, Any]) -> dict[str, Any]:
    return {n: c["connections"] for n, c in made["modules"]["gate"]["cells"].items() if c["type"] == "CCU2C"}


# The difference's last carry but one is read where there is an odd number of bits.
@pytest.mark.parametrize(("width", "changes", "begins"), [(6, 3, 2), (7, 3, 1), (11, 3, 1), (12, 3, 2)])
def test_sums_are_proven_to_stay_the_same(width: int, changes: int, begins: int, tmp_path: Path) -> None:
    """Against the RTL, for ever."""
    equivalence.synthesize(Unit("sums", "", "sums", {}, TEXT.format(w=width - 1)), tmp_path)
    assert equivalence.change(tmp_path, trim_chains) == changes
    made = carries(json.loads((tmp_path / "gate.json").read_text())).values()
    assert [c["CIN"] for c in made].count([]) == begins
    assert equivalence.equivalent(tmp_path)


def chain(bits: int, begin: int | str, *, carry_out: bool = False) -> dict[str, Any]:
    """Half a carry cell a bit; nets of the sums from 100 on, of the carries from 200 on."""
    cells = {}
    count = (bits + 1) // 2
    for i in range(count):
        pins: dict[str, list[int | str]] = {"CIN": [199 + i if i else begin], "COUT": [200 + i]}
        for half in (0, 1):
            bit = 2 * i + half
            pins |= {f"A{half}": [10 + bit], f"B{half}": [50 + bit], f"C{half}": ["0"], f"D{half}": ["1"]}
            pins[f"S{half}"] = [100 + bit]
        cells[f"c{i}"] = {
            "type": "CCU2C",
            "parameters": {f"INIT{h}": f"{0x96AA:016b}" for h in "01"} | {f"INJECT1_{h}": "NO" for h in "01"},
            "attributes": {},
            "connections": pins,
            "port_directions": {p: "output" if p in ("COUT", "S0", "S1") else "input" for p in pins},
        }
    outputs = [*range(100, 100 + bits), *([199 + count] if carry_out else [])]
    return {"modules": {"gate": {"ports": {"y": {"direction": "output", "bits": outputs}}, "cells": cells}}}


@pytest.mark.parametrize(
    ("bits", "carry_out", "cells"), [(5, False, 3), (6, False, 4), (6, True, 4), (1, False, 1)]
)
@pytest.mark.parametrize("begin", ["0", "1"])
def test_the_first_carry_takes_half_a_cell(bits: int, carry_out: bool, cells: int, begin: str) -> None:
    made = chain(bits, begin, carry_out=carry_out)
    assert trim_chains(made) == (1 if carry_out else 2)
    found = list(carries(made).values())
    assert len(found) == cells
    first = next(iter(made["modules"]["gate"]["cells"].values()))
    assert first["parameters"]["INIT0"] == f"{0x000F if begin == '1' else 0:016b}"
    assert [c["S1"] for c in found[:1]] == [[100]] and found[0]["A1"] == [10]
    assert found[-1]["COUT"] == ([199 + (bits + 1) // 2] if carry_out else [])
    assert all(a["COUT"] == b["CIN"] for a, b in itertools.pairwise(found))
    again = copy.deepcopy(made)
    assert trim_chains(again) == 0 and again == made


def test_chains_that_begin_as_they_do() -> None:
    """One that begins at a net, and one of which a carry within is read."""
    at_a_net, read = chain(6, 7, carry_out=True), chain(6, "0", carry_out=True)
    read["modules"]["gate"]["ports"]["z"] = {"direction": "output", "bits": [200]}
    for made in (at_a_net, read):
        before = copy.deepcopy(made)
        assert trim_chains(made) == 0
        assert made == before


def test_a_last_carry_that_nothing_reads() -> None:
    made = chain(6, 7)
    assert trim_chains(made) == 1
    assert [c["COUT"] for c in carries(made).values()] == [[200], [201], []]
