# SPDX-License-Identifier: Apache-2.0
"""Multipliers' registers: which flip-flops move into a multiplier, and which stay."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtl4ml.board.ecp5 import spec, tools
from rtl4ml.board.ecp5.multipliers import register_multipliers
from rtl4ml.emit.library import library, modules
from rtl4ml.netlist.packing import Sums, packings_of

CLOCK, ENABLE, OTHER = 2, 3, 4  # nets
BITS = 3  # of either operand that are not constant; the product has twice as many
A, B, P = (
    100,
    120,
    140,
)  # nets of bit 0 at the multiplier; at the other side of a flip-flop they are 500 higher


def multiplier() -> dict[str, Any]:
    has: dict[str, list[int | str]] = {}
    for side, first in (("A", A), ("B", B)):
        has |= {f"{side}{i}": [first + min(i, BITS - 1)] if side == "A" else ["0"] for i in range(18)}
    has |= {f"B{i}": [B + i] for i in range(BITS)}
    has |= {f"P{i}": [P + i] for i in range(36)}
    return {
        "type": "MULT18X18D",
        "parameters": {},
        "connections": has,
        "port_directions": {p: "output" if p[0] == "P" else "input" for p in has},
    }


def register(taken: int, given: int, enable: int = 0) -> dict[str, Any]:
    has: dict[str, list[int | str]] = {"CLK": [CLOCK], "DI": [taken], "LSR": ["0"], "Q": [given]}
    if enable:
        has["CE"] = [enable]
    return {
        "type": "TRELLIS_FF",
        "parameters": {
            "CEMUX": "CE" if enable else "1 ",
            "CLKMUX": "CLK",
            "LSRMUX": "LSR",
            "REGSET": "RESET",
        },
        "connections": has,
        "port_directions": {p: "output" if p == "Q" else "input" for p in (*has, "CE")},
    }


def design(enable: int = 0) -> dict[str, Any]:
    """A netlist of a multiplier with a flip-flop before every input that is not constant and behind every output."""
    cells = {"m": multiplier()}
    for i in range(BITS):
        cells |= {
            f"a{i}": register(A + 500 + i, A + i, enable),
            f"b{i}": register(B + 500 + i, B + i, enable),
        }
    cells |= {f"p{i}": register(P + i, P + 500 + i, enable) for i in range(2 * BITS)}
    port = {"direction": "output", "bits": [P + 500 + i for i in range(2 * BITS)]}
    return {"modules": {"top": {"ports": {"y": port}, "cells": cells}}}


def made(netlist: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The multiplier, and the other cells."""
    cells = netlist["modules"]["top"]["cells"]
    return cells["m"], {n: c for n, c in cells.items() if n != "m"}


@pytest.mark.parametrize("enable", [0, ENABLE])
def test_flip_flops_become_the_multipliers(enable: int) -> None:
    netlist = design(enable)
    assert register_multipliers(netlist) == 1
    m, others = made(netlist)
    assert not others
    assert m["parameters"] == dict.fromkeys(("REG_INPUTA_CLK", "REG_INPUTB_CLK", "REG_OUTPUT_CLK"), "CLK0")
    has = m["connections"]
    assert (has["CLK0"], has["CE0"], has["RST0"]) == ([CLOCK], [enable or "1"], ["0"])
    assert [has[f"A{i}"][0] for i in range(18)] == [A + 500 + min(i, BITS - 1) for i in range(18)]
    assert [has[f"B{i}"][0] for i in range(18)] == [B + 500 + i for i in range(BITS)] + ["0"] * (18 - BITS)
    assert [has[f"P{i}"][0] for i in range(2 * BITS)] == [P + 500 + i for i in range(2 * BITS)]
    assert m["port_directions"]["CE0"] == "input"


def test_an_operand_that_others_read_keeps_its_flip_flop() -> None:
    netlist = design()
    netlist["modules"]["top"]["ports"]["z"] = {"direction": "output", "bits": [A + 1]}
    assert register_multipliers(netlist) == 1
    m, others = made(netlist)
    assert list(others) == ["a1"] and m["parameters"]["REG_INPUTA_CLK"] == "CLK0"


def _cell(name: str, **has: Any) -> Callable[[dict[str, Any]], None]:
    def spoil(top: dict[str, Any]) -> None:
        for k, v in has.items():
            top["cells"][name]["parameters" if isinstance(v, str) else "connections"][k] = v

    return spoil


def _gone(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda top: top["cells"].pop(name)


def _read(net: int) -> Callable[[dict[str, Any]], None]:
    return lambda top: top["ports"].update(z={"direction": "output", "bits": [net]})


@pytest.mark.parametrize(
    "spoil",
    [
        _gone("a1"),
        _cell("b2", CLK=[OTHER]),
        _cell("b2", LSR=[OTHER]),
        _cell("b2", REGSET="SET"),
        _cell("b2", CLKMUX="INV"),
        _cell("b2", CEMUX="CE", CE=[OTHER]),
    ],
)
def test_operands_stay_and_the_product_moves(spoil: Callable[[dict[str, Any]], None]) -> None:
    netlist = design()
    spoil(netlist["modules"]["top"])
    before = [n for n in made(netlist)[1] if n[0] != "p"]
    assert register_multipliers(netlist) == 1
    m, others = made(netlist)
    assert m["parameters"] == {"REG_OUTPUT_CLK": "CLK0"} and list(others) == before


@pytest.mark.parametrize(
    "spoil",
    [
        _read(P + 1),
        _read(P + 2 * BITS),
        _cell("p2", LSR=[OTHER]),
        _cell("p2", CEMUX="CE", CE=[OTHER]),
    ],
)
def test_the_product_stays_and_operands_move(spoil: Callable[[dict[str, Any]], None]) -> None:
    netlist = design()
    spoil(netlist["modules"]["top"])
    before = [n for n in made(netlist)[1] if n[0] == "p"]
    assert register_multipliers(netlist) == 1
    m, others = made(netlist)
    assert "REG_OUTPUT_CLK" not in m["parameters"] and list(others) == before


def test_all_have_one_enable() -> None:
    netlist = design()
    for i in range(2 * BITS):
        netlist["modules"]["top"]["cells"][f"p{i}"] = register(P + i, P + 500 + i, ENABLE)
    assert register_multipliers(netlist) == 1
    m, others = made(netlist)
    assert m["connections"]["CE0"] == ["1"] and sorted(others) == [f"p{i}" for i in range(2 * BITS)]


def test_a_multiplier_behind_another() -> None:
    """The product's flip-flops are an operand's, too: they move once."""
    netlist = design()
    cells = netlist["modules"]["top"]["cells"]
    cells["n"] = multiplier()
    cells["n"]["connections"] |= {f"{s}{i}": [P + 500 + i % BITS] for s in "AB" for i in range(18)}
    cells["n"]["connections"] |= {f"P{i}": [P + 200 + i] for i in range(36)}
    netlist["modules"]["top"]["ports"]["y"]["bits"] = [P + 200]
    assert register_multipliers(netlist) == 1
    assert not [c for c in cells.values() if c["type"] == "TRELLIS_FF"][2 * BITS :]
    assert cells["n"]["parameters"] == {} and cells["m"]["parameters"]["REG_OUTPUT_CLK"] == "CLK0"


def test_what_yosys_makes(tmp_path: Path) -> None:
    """Of registers before and behind a product nothing is left outside the multiplier."""
    (tmp_path / "mem").mkdir()
    (tmp_path / "top.sv").write_text(
        """module top (input logic clk_i, en_i, input logic signed [11:0] a_i, input logic signed [8:0] b_i,
  output logic signed [20:0] y_o);
  logic signed [11:0] a_q;
  logic signed [8:0] b_q;
  always_ff @(posedge clk_i) if (en_i) begin
    a_q <= a_i;
    b_q <= b_i;
    y_o <= a_q * b_q;
  end
endmodule
"""
    )
    tools.synthesize([tmp_path / "top.sv"], "top", tmp_path / "mem", tmp_path / "top.json", tmp_path / "log")
    cells = json.loads((tmp_path / "top.json").read_text())["modules"]["top"]["cells"].values()
    kinds = Counter(c["type"] for c in cells)
    assert (kinds["MULT18X18D"], kinds["TRELLIS_FF"]) == (1, 0)


@pytest.mark.parametrize(("weight_bits", "x_bits"), [(4, 4), (8, 8), (2, 3)])
def test_a_slice_of_the_boards_device_is_one_multiplier(
    weight_bits: int, x_bits: int, tmp_path: Path
) -> None:
    """Of the widest packing: no second multiplier, and no adder between it and the register behind."""
    ends = np.array([[-(1 << (weight_bits - 1)), (1 << (weight_bits - 1)) - 1]] * 4)
    sums, word = Sums(ends, (0, (1 << x_bits) - 1)), spec.board("ulx3s").device.dsp_word
    found = packings_of(sums, weight_bits, x_bits, False, products=4, outputs=4, word=word)
    p = max(found, key=lambda p: (p.word(x_bits + 1, weight_bits), p.chain))
    given = {
        "Simd": 4,
        "Pe": p.fields,
        "XWidth": x_bits,
        "XSigned": 0,
        "WeightWidth": weight_bits,
        "SumWidth": 20,
    }
    given |= {
        "Fields": p.fields,
        "Spacing": p.spacing,
        "Chain": p.chain,
        "Overlap": int(p.overlap),
        "AdderInputs": 2,
    }
    (tmp_path / "mem").mkdir()
    (tmp_path / "top.sv").write_text(
        f"""module top (input logic clk_i, en_i, input logic [{4 * x_bits - 1}:0] x_i,
  input logic [{4 * p.fields * weight_bits - 1}:0] w_i, output logic [{20 * p.fields - 1}:0] sum_o,
  output logic [{p.fields - 1}:0] carry_o);
  r4_dot_dsp #({", ".join(f".{k}({v})" for k, v in given.items())}) u_dot (.clk2x_i(clk_i), .second_i(1'b0), .*);
endmodule
"""
    )
    sources = [library() / f"{m}.sv" for m in modules({"r4_dot_dsp"})]
    tools.synthesize(
        [*sources, tmp_path / "top.sv"], "top", tmp_path / "mem", tmp_path / "top.json", tmp_path / "log"
    )
    cells = json.loads((tmp_path / "top.json").read_text())["modules"]["top"]["cells"].values()
    made = [c for c in cells if c["type"] == "MULT18X18D"]
    assert len(made) == p.slices(p.fields, 4)
    assert all({"REG_INPUTA_CLK", "REG_OUTPUT_CLK"} <= set(c["parameters"]) for c in made)
