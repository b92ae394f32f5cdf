# SPDX-License-Identifier: Apache-2.0
"""Block RAMs' output registers: what Yosys leaves as flip-flops, and which of them stay."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rtl_runner

from rtl4ml.board.ecp5 import tools
from rtl4ml.board.ecp5.outputs import register_outputs

CLOCK, ENABLE, OTHER = 2, 3, 4  # nets
FIRST = 10  # net of output bit 0; its flip-flop's is 50 higher


def memory(width: int, bits: int) -> dict[str, Any]:
    """A block RAM that gives so many bits of words of that width, by side B first."""
    ports = [f"DO{side}{i}" for side in ("BA" if width == 36 else "B") for i in range(18)][:bits]
    has: dict[str, list[int | str]] = {p: [FIRST + i] for i, p in enumerate(ports)}
    has |= {"CLKA": ["0"], "CLKB": [CLOCK], "RSTA": ["0"], "RSTB": ["0"], "OCEA": ["0"], "OCEB": ["1"]}
    return {
        "type": "DP16KD",
        "parameters": {
            **{f"DATA_WIDTH_{s}": f"{width:032b}" for s in "AB"},
            **{f"REGMODE_{s}": "NOREG" for s in "AB"},
            **{f"CLK{s}MUX": f"CLK{s}" for s in "AB"},
        },
        "connections": has,
        "port_directions": {p: "output" if p[:2] == "DO" else "input" for p in has},
    }


def register(i: int, enable: int = 0) -> dict[str, Any]:
    """The flip-flop of output bit i, enabled by a net, 0: always."""
    has: dict[str, list[int | str]] = {"CLK": [CLOCK], "DI": [FIRST + i], "LSR": ["0"], "Q": [FIRST + 50 + i]}
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


def design(width: int = 18, bits: int = 4, enable: int = 0) -> dict[str, Any]:
    """A netlist of a block RAM with a flip-flop behind every bit."""
    cells = {"m": memory(width, bits), **{f"r{i}": register(i, enable) for i in range(bits)}}
    port = {"direction": "output", "bits": [FIRST + 50 + i for i in range(bits)]}
    return {"modules": {"top": {"ports": {"y": port}, "cells": cells}}}


@pytest.mark.parametrize(("width", "bits"), [(18, 4), (36, 20), (9, 9)])
@pytest.mark.parametrize("enable", [0, ENABLE])
def test_flip_flops_become_output_registers(width: int, bits: int, enable: int) -> None:
    netlist = design(width, bits, enable)
    assert register_outputs(netlist) == bits
    cells = netlist["modules"]["top"]["cells"]
    assert list(cells) == ["m"]
    m = cells["m"]
    assert m["parameters"]["REGMODE_B"] == "OUTREG"
    assert m["parameters"]["REGMODE_A"] == ("OUTREG" if width == 36 else "NOREG")
    assert m["connections"]["OCEB"] == [enable or "1"]
    assert m["connections"]["OCEA"] == ["0"]
    given = [m["connections"][p][0] for p in m["connections"] if p[:2] == "DO"]
    assert given == [FIRST + 50 + i for i in range(bits)]


def test_a_manner_of_reset_that_nothing_asks_for() -> None:
    """An output register goes with resets that the clock takes alone: of no reset, either manner is one."""
    netlist = design()
    m = netlist["modules"]["top"]["cells"]["m"]
    m["parameters"]["RESETMODE"] = "ASYNC"
    assert register_outputs(netlist) == 4
    assert m["parameters"]["RESETMODE"] == "SYNC"


def _second_reader(top: dict[str, Any]) -> None:
    top["cells"]["l"] = {
        "type": "LUT4",
        "parameters": {},
        "connections": {"A": [FIRST + 1]},
        "port_directions": {"A": "input"},
    }


def _at_a_port(top: dict[str, Any]) -> None:
    top["ports"]["z"] = {"direction": "output", "bits": [FIRST + 1]}


def _unlike(**has: Any) -> Callable[[dict[str, Any]], None]:
    def spoil(top: dict[str, Any]) -> None:
        for k, v in has.items():
            top["cells"]["r1"]["parameters" if isinstance(v, str) else "connections"][k] = v

    return spoil


def _reset_memory(top: dict[str, Any]) -> None:
    top["cells"]["m"]["connections"]["RSTB"] = [OTHER]


def _reset_other_side(top: dict[str, Any]) -> None:
    top["cells"]["m"]["connections"]["RSTA"] = [OTHER]
    top["cells"]["m"]["parameters"]["RESETMODE"] = "ASYNC"


def _other_edge(top: dict[str, Any]) -> None:
    top["cells"]["m"]["parameters"]["CLKBMUX"] = "INV"


@pytest.mark.parametrize(
    "spoil",
    [
        _second_reader,
        _at_a_port,
        _reset_memory,
        _reset_other_side,
        _other_edge,
        _unlike(CLK=[OTHER]),
        _unlike(LSR=[OTHER]),
        _unlike(REGSET="SET"),
        _unlike(CLKMUX="INV"),
        _unlike(CEMUX="CE", CE=[OTHER]),
    ],
)
def test_others_stay(spoil: Callable[[dict[str, Any]], None]) -> None:
    netlist = design()
    spoil(netlist["modules"]["top"])
    before = json.dumps(netlist)
    assert register_outputs(netlist) == 0
    assert json.dumps(netlist) == before


def test_what_yosys_makes(tmp_path: Path) -> None:
    """A memory with a register behind its own, read with an enable; and a constant one that stays out of block RAM."""
    (tmp_path / "mem").mkdir()
    (tmp_path / "mem" / "words.mem").write_text("\n".join(f"{n * 73 % 256:02x}" for n in range(256)) + "\n")
    (tmp_path / "top.sv").write_text(
        """module top (input logic clk_i, en_i, we_i, input logic [8:0] wr_i, at_i, input logic [15:0] x_i,
  output logic [15:0] y_o, output logic [7:0] z_o);
  (* ram_style = "block", no_rw_check *) logic [15:0] mem [512];
  logic [15:0] read_q;
  always_ff @(posedge clk_i) begin
    if (we_i) mem[wr_i] <= x_i;
    if (en_i) read_q <= mem[at_i];
  end
  always_ff @(posedge clk_i) if (en_i) y_o <= read_q;
  logic [7:0] words [256];
  initial $readmemh("words.mem", words);
  always_ff @(posedge clk_i) z_o <= words[at_i[7:0]];
endmodule
"""
    )
    tools.synthesize([tmp_path / "top.sv"], "top", tmp_path / "mem", tmp_path / "top.json", tmp_path / "log")
    cells = json.loads((tmp_path / "top.json").read_text())["modules"]["top"]["cells"].values()
    kinds = Counter(c["type"] for c in cells)
    assert (kinds["DP16KD"], kinds["TRELLIS_FF"]) == (1, 8)
    (made,) = (c for c in cells if c["type"] == "DP16KD")
    assert "OUTREG" in (made["parameters"]["REGMODE_A"], made["parameters"]["REGMODE_B"])


def test_a_fifo_of_one_beat_behind_one_of_block_ram(tmp_path: Path) -> None:
    """The buffer of the serial shell: what is read of it comes of the block RAM's output register."""
    (tmp_path / "mem").mkdir()
    (tmp_path / "top.sv").write_text(
        """module top (input logic clk_i, rst_ni, x_valid_i, y_ready_i, input logic [7:0] x_data_i,
  output logic x_ready_o, y_valid_o, output logic [7:0] y_data_o);
  logic valid, ready;
  logic [7:0] data;
  r4_fifo #(.Width(8), .Depth(2048), .MemoryKind(1)) u_buffer (
    .clk_i, .rst_ni, .x_valid_i, .x_ready_o, .x_data_i, .y_valid_o(valid), .y_ready_i(ready), .y_data_o(data));
  r4_fifo #(.Width(8), .Depth(1)) u_taken (
    .clk_i, .rst_ni, .x_valid_i(valid), .x_ready_o(ready), .x_data_i(data), .y_valid_o, .y_ready_i, .y_data_o);
endmodule
"""
    )
    sources = [*(rtl_runner.RTL / f"r4_{m}.sv" for m in ("fifo", "banks")), tmp_path / "top.sv"]
    tools.synthesize(sources, "top", tmp_path / "mem", tmp_path / "top.json", tmp_path / "log")
    cells = json.loads((tmp_path / "top.json").read_text())["modules"]["top"]["cells"].values()
    (made,) = (c for c in cells if c["type"] == "DP16KD")
    assert "OUTREG" in (made["parameters"]["REGMODE_A"], made["parameters"]["REGMODE_B"])
