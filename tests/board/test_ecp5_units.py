# SPDX-License-Identifier: Apache-2.0
"""Copies of flip-flops for other units: which are made, who reads which, and that the netlist does what it did."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import equivalence
import numpy as np
import pytest
from ecp5_netlists import cell, lut, netlist, register, run

from rtl4ml.board.ecp5.units import LEAST, copy_for_units
from rtl4ml.synthesis.yosys import Unit

DATA, READY = 3, 4  # nets
FULL, NEXT = 10, 11
OUT = 100  # first net of what others keep


def acts(unit: str, first: int, count: int = LEAST) -> dict[str, Any]:
    """A LUT whose name is of the FIFO, and the flip-flops of another unit that it enables."""
    cells = {f"u_fifo.full_q_LUT4_{unit}": lut(0x8888, FULL, DATA, "0", "0", first)}
    return cells | {f"{unit}.q_{i}": register(READY, first + 1 + i, ce=first) for i in range(count)}


def fifo(*others: dict[str, Any], top: str = "") -> dict[str, Any]:
    """A flip-flop that its own unit and others read."""
    cells = {
        "u_fifo.next": lut(0x6666, FULL, READY, "0", "0", NEXT),
        "u_fifo.full_q": register(NEXT, FULL, ce=DATA),
    }
    for other in others:
        cells |= other
    registers = [
        c["connections"]["Q"][0] for n, c in cells.items() if c["type"] == "TRELLIS_FF" and ".q_" in n
    ]
    return netlist({top + n: c for n, c in cells.items()}, registers)


def source(made: dict[str, Any], reader: str, pin: str = "A") -> str:
    """The flip-flop that drives a pin."""
    cells = made["modules"]["top"]["cells"]
    by = {c["connections"]["Q"][0]: n for n, c in cells.items() if "Q" in c["connections"]}
    name: str = by[cells[reader]["connections"][pin][0]]
    return name


def same(before: dict[str, Any], after: dict[str, Any], rng: np.random.Generator) -> bool:
    """Whether all nets that were there hold what they held, over random cycles."""
    values = rng.integers(0, 2, (60, 2))
    was, now = (run(d, (DATA, READY), values) for d in (before, after))
    assert {v[FULL] for v in was} == {0, 1}
    return all(all(n[net] == v for net, v in w.items()) for w, n in zip(was, now, strict=True))


@pytest.mark.parametrize("top", ["", "u_board.", "u_board.u_top."])
def test_each_unit_that_waits_has_a_copy(top: str, rng: np.random.Generator) -> None:
    before = fifo(
        acts("u_window", OUT), acts("u_dense", OUT + 50), acts("u_few", OUT + 90, LEAST - 1), top=top
    )
    made = copy.deepcopy(before)
    assert copy_for_units(made) == 2
    own = f"{top}u_fifo.full_q"
    assert {n: source(made, f"{top}{n}") for n in ("u_fifo.next", "u_fifo.full_q_LUT4_u_few")} == {
        "u_fifo.next": own,
        "u_fifo.full_q_LUT4_u_few": own,
    }
    by = [source(made, f"{top}u_fifo.full_q_LUT4_{unit}") for unit in ("u_window", "u_dense")]
    assert by == [f"{own}$unit1", f"{own}$unit2"]
    cells = made["modules"]["top"]["cells"]
    for name in by:
        assert cells[name]["parameters"] == cells[own]["parameters"]
        for port in ("DI", "CE", "CLK", "LSR"):
            assert cells[name]["connections"][port] == cells[own]["connections"][port]
    assert same(before, made, rng)


def test_one_stays_for_the_first(rng: np.random.Generator) -> None:
    """A flip-flop that nothing of its own unit reads."""
    before = fifo(acts("u_window", OUT), acts("u_dense", OUT + 50))
    before["modules"]["top"]["cells"]["u_fifo.next"]["connections"]["A"] = [DATA]
    made = copy.deepcopy(before)
    assert copy_for_units(made) == 1
    by = [source(made, f"u_fifo.full_q_LUT4_{unit}") for unit in ("u_window", "u_dense")]
    assert by == ["u_fifo.full_q", "u_fifo.full_q$unit1"]
    assert same(before, made, rng)


def test_a_cell_that_acts_on_several_units_is_with_the_most() -> None:
    """Also over several cells of logic, and on memories."""
    both = acts("u_window", OUT, 3)
    both["u_fifo.on"] = lut(0x5555, OUT, "0", "0", "0", 50)
    both |= {f"u_dense.mem_{i}": cell("DP16KD", {}, CEB=50) for i in range(LEAST)}
    made = fifo(both)
    assert copy_for_units(made) == 1
    assert source(made, "u_fifo.full_q_LUT4_u_window") == "u_fifo.full_q$unit1"
    assert source(made, "u_fifo.next") == "u_fifo.full_q"


def _few(made: dict[str, Any]) -> None:
    del made["cells"]["u_window.q_0"]


def _own(made: dict[str, Any]) -> None:
    made["cells"] = {n.replace("u_window", "u_fifo"): c for n, c in made["cells"].items()}


def _only(made: dict[str, Any]) -> None:
    made["cells"]["u_fifo.next"]["connections"]["A"] = [DATA]


def _port(made: dict[str, Any]) -> None:
    made["ports"]["y"]["bits"].append(FULL)


@pytest.mark.parametrize("spoil", [_few, _own, _only, _port])
def test_others_stay(spoil: Any) -> None:
    made = fifo(acts("u_window", OUT))
    spoil(made["modules"]["top"])
    before = copy.deepcopy(made)
    assert copy_for_units(made) == 0
    assert made == before


FIFOS = """
module two_fifos (
  input logic clk_i, input logic rst_ni,
  input logic x_valid_i, output logic x_ready_o, input logic [17:0] x_data_i,
  output logic y_valid_o, input logic y_ready_i, output logic [17:0] y_data_o
);
  logic valid, ready;
  logic [17:0] data;
  r4_fifo #(.Width(18), .Depth(3)) u_first (
    .clk_i, .rst_ni, .x_valid_i, .x_ready_o, .x_data_i, .y_valid_o(valid), .y_ready_i(ready), .y_data_o(data)
  );
  r4_fifo #(.Width(18), .Depth(3)) u_second (
    .clk_i, .rst_ni, .x_valid_i(valid), .x_ready_o(ready), .x_data_i(data), .y_valid_o, .y_ready_i, .y_data_o
  );
endmodule
"""


def test_fifos_are_proven_to_stay_the_same(tmp_path: Path) -> None:
    """The netlist of two FIFOs in a row, the second one's `full` copied for the first, against the RTL, for ever."""
    equivalence.synthesize(Unit("fifos", "", "two_fifos", {}, text=FIFOS), tmp_path)
    assert equivalence.change(tmp_path, copy_for_units) >= 1
    assert equivalence.equivalent(tmp_path)
