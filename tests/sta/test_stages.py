# SPDX-License-Identifier: Apache-2.0
"""Stages: where a design is cut, what is the same stage, and that its paths are those of the whole."""

from __future__ import annotations

import pytest

from rtl4ml.cells.streams import Fifo, ForkCell, Spill, Widen
from rtl4ml.emit.library import library
from rtl4ml.netlist.netlist import Cell, Wire
from rtl4ml.sta.circuit import Circuit, circuit
from rtl4ml.sta.delays import family
from rtl4ml.sta.estimate import named, owner
from rtl4ml.sta.mapping import Job, mapped
from rtl4ml.sta.paths import Analysis, Path, Step, Worst, analyse
from rtl4ml.sta.stages import TOP, Stage, split


def wire(name: str, lanes: int = 2) -> Wire:
    return Wire(name, lanes=lanes, bits=4, signed=False, beats=16)


def chain(prefix: str = "") -> list[Cell]:
    """FIFO, width converter, FIFO, fork into two FIFOs."""
    names = ("x", "a", "b", "c", "d", "e", "f", "g")
    w = {n: wire(prefix + n, 1 if n in ("x", "a") else 2) for n in names}
    return [
        Fifo(name=f"u_{prefix}f1", inputs={"x": w["x"]}, outputs={"y": w["a"]}),
        Widen(name=f"u_{prefix}by2", inputs={"x": w["a"]}, outputs={"y": w["b"]}),
        Fifo(name=f"u_{prefix}f2", inputs={"x": w["b"]}, outputs={"y": w["c"]}, depth=4),
        ForkCell(name=f"u_{prefix}fork", inputs={"x": w["c"]}, outputs={"y0": w["d"], "y1": w["e"]}),
        Fifo(name=f"u_{prefix}f3", inputs={"x": w["d"]}, outputs={"y": w["f"]}),
        Fifo(name=f"u_{prefix}f4", inputs={"x": w["e"]}, outputs={"y": w["g"]}),
    ]


def test_the_ports_of_a_spill_have_their_widths() -> None:
    """It cuts as a FIFO does; Yosys maps the stages on both of its sides."""
    x, y = wire("x"), wire("y")
    spill = Spill(name="u_s", inputs={"x": x}, outputs={"y": y}, port="s0", depth=100)
    before, behind = split([spill])
    assert before.cells == behind.cells == (spill,)
    for declared in ("output logic [39:0] s0_axi_awaddr", "input logic [127:0] s0_axi_rdata"):
        assert declared in before.text
    (top,) = mapped([Job.of_stage(before)])
    found = circuit(top, family("xcup"))
    assert not ports_joined(found, top)
    assert analyse(found, owner(before)).levels <= 5


def test_adders_of_three_are_those_that_resources_are_counted_of() -> None:
    """One LUT and carry a bit, as of a cell alone; the library's own text would make two and more of them."""
    plain = (library() / "r4_add3.sv").read_text()
    text = """module three (input logic clk_i, input logic [8:0] a_i, b_i, c_i, output logic [10:0] y_o);
  logic [10:0] y;
  r4_add3 #(.Width(9)) u_add (.a_i, .b_i, .c_i, .y_o(y));
  always_ff @(posedge clk_i) y_o <= y;
endmodule
"""
    (top,) = mapped([Job("three", "three", {"three": text, "r4_add3": plain}, {}, {})])
    kinds = [c["type"] for c in top["cells"].values()]
    assert sum(k.startswith("LUT") for k in kinds) == kinds.count("LUT6_2") == 9


def test_fifos_cut_a_design() -> None:
    found = [[c.name for c in s.cells] for s in split(chain())]
    assert found == [
        ["u_f1"],  # its far side, where the edge of a whole design would be
        ["u_f1", "u_by2", "u_f2"],
        ["u_f2", "u_fork", "u_f3", "u_f4"],
        ["u_f3"],
        ["u_f4"],
    ]


def test_equal_stages_have_one_key() -> None:
    one, other = split(chain()), split(chain("z"))
    assert [s.key for s in one] == [s.key for s in other]
    assert len({s.key for s in one}) == 4  # u_f3 and u_f4 are equal
    assert Stage(one[1].cells[:2]).key != one[1].key


def test_the_text_of_a_stage() -> None:
    stage = split(chain())[1]
    assert (
        stage.text
        == f"""module {TOP} (
  input logic clk_i,
  input logic rst_ni,
  input logic [0:0] w0_valid,
  output logic [0:0] w0_ready,
  input logic [3:0] w0_data,
  output logic [0:0] w3_valid,
  input logic [0:0] w3_ready,
  output logic [7:0] w3_data
);
  logic [0:0] w1_valid;
  logic [0:0] w1_ready;
  logic [3:0] w1_data;
  logic [0:0] w2_valid;
  logic [0:0] w2_ready;
  logic [7:0] w2_data;
  r4_fifo #(.Width(4), .Depth(2), .MemoryKind(0)) c0 (.clk_i(clk_i), .rst_ni(rst_ni), \
.x_valid_i(w0_valid), .x_ready_o(w0_ready), .x_data_i(w0_data), \
.y_valid_o(w1_valid), .y_ready_i(w1_ready), .y_data_o(w1_data));
  r4_width #(.XLanes(1), .YLanes(2), .ElemWidth(4)) c1 (.clk_i(clk_i), .rst_ni(rst_ni), \
.x_valid_i(w1_valid), .x_ready_o(w1_ready), .x_data_i(w1_data), \
.y_valid_o(w2_valid), .y_ready_i(w2_ready), .y_data_o(w2_data));
  r4_fifo #(.Width(8), .Depth(4), .MemoryKind(0)) c2 (.clk_i(clk_i), .rst_ni(rst_ni), \
.x_valid_i(w2_valid), .x_ready_o(w2_ready), .x_data_i(w2_data), \
.y_valid_o(w3_valid), .y_ready_i(w3_ready), .y_data_o(w3_data));
endmodule
"""
    )


def test_names_are_of_the_cell_that_drives_them() -> None:
    of = owner(split(chain())[1])
    names = ("c1.count_q", "w1_valid", "w1_data", "w1_ready", "w0_valid", "w0_ready", "clk_i", "$abc$1")
    assert [of(n) for n in names] == ["c1", "c0", "c0", "c1", "", "c0", "", ""]


def test_an_analysis_gets_the_names_of_the_netlist() -> None:
    stage = split(chain())[1]
    path = Path((Step("c0", "FDRE", 77, 200, 1), Step("", "FDRE", 75)), 0)
    found = named(Analysis(path, 3, 2, {"c2": Worst(352, 3), "": Worst(1, 0)}, (5, "c1")), stage)
    assert found.path is not None
    assert [s.cell for s in found.path.steps] == ["u_f1", ""]
    assert found.cells == {"u_f2": Worst(352, 3)}
    assert found.enable == (5, "u_by2")


def ports_joined(found: Circuit, top: dict[str, object]) -> bool:
    """Whether a combinational path leads from a port of a module to another, the clock and the reset aside."""
    ports: dict[str, dict[str, list[int]]] = top["ports"]  # type: ignore[assignment]  # as Yosys writes it
    reached = {
        b
        for name, p in ports.items()
        if p["direction"] == "input" and name not in ("clk_i", "rst_ni")
        for b in p["bits"]
    }
    before = 0
    while before < len(reached):
        before = len(reached)
        reached |= {
            net for net, pin in found.drivers.items() if any(a.net in reached for a in found.arcs(pin))
        }
    return any(b in reached for p in ports.values() if p["direction"] == "output" for b in p["bits"])


@pytest.mark.gate
def test_what_cuts_has_no_path_from_port_to_port_and_the_rest_has() -> None:
    """`Cell.cuts`, of the cells in each of their kinds of memory; and a stage's longest path is that of the whole."""
    cells = chain()
    deep = Fifo(name="u_deep", inputs={"x": wire("h")}, outputs={"y": wire("i")}, depth=5000)
    assert deep.block
    alone = [Stage((c,)) for c in (*cells, deep)]
    distinct = list({s.key: s for s in (*alone, *split(cells), Stage(tuple(cells)))}.values())
    tops = dict(zip((s.key for s in distinct), mapped([Job.of_stage(s) for s in distinct]), strict=True))
    for s in alone:
        top = tops[s.key]
        assert ports_joined(circuit(top, family("xcup")), top) == (not s.cells[0].cuts), s
    ps = {s.key: analyse(circuit(tops[s.key], family("xcup")), owner(s)).ps for s in distinct}
    assert ps[Stage(tuple(cells)).key] == pytest.approx(max(ps[s.key] for s in split(cells)), rel=0.1)
