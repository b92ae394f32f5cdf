# SPDX-License-Identifier: Apache-2.0
"""r4_sum_tree in simulation against sums that the bench makes itself: adders of two and three, numbers left over."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import rtl_cells
import rtl_runner

from rtl4ml.netlist.packing import tree_levels

WIDTH = 140  # bits that are drawn anew in every step


@dataclass(frozen=True)
class Tree:
    """Parameters of a tree; its sum is known after `levels` steps."""

    inputs: int
    bits: int
    out: int
    adder: int
    offset: bool = True
    carry: bool = False

    @property
    def name(self) -> str:
        """Of its instance."""
        kind = "c" if self.carry else "o" if self.offset else "p"
        return f"{kind}{self.inputs}_{self.bits}_{self.out}_by{self.adder}"

    @property
    def levels(self) -> int:
        """Its latency."""
        return tree_levels(self.inputs, 2 if self.carry else self.adder)

    def text(self) -> str:
        """The tree, its sum made anew, and whether both are the same: `right_<name>`, after `levels` steps."""
        n, w, y, d = self.inputs, self.bits, self.out, self.levels
        offset = 1 << (w - 1) if self.offset else 0
        terms = [f"longint'(x_i[{i * w}+:{w}]) - {offset}" for i in range(n)]
        terms += [f"longint'(x_i[{n * w + i}])" for i in range(n) if self.carry]
        name = self.name
        carry = f"x_i[{n * w}+:{n}]" if self.carry else "'0"
        return f"""
  logic [{y - 1}:0] y_{name}, sum_{name}[{d + 1}];
  logic c_{name};
  logic right_{name};
  r4_sum_tree #(.Inputs({n}), .InWidth({w}), .OutWidth({y}), .Offset({int(self.offset)}), .Carry({int(self.carry)}),
                .AdderInputs({self.adder})) u_{name} (
    .clk_i, .en_i(step_i), .x_i(x_i[{n * w - 1}:0]), .c_i({carry}), .y_o(y_{name}), .c_o(c_{name}));
  always_comb begin
    sum_{name}[0] = {y}'({" + ".join(terms)});
  end
  for (genvar i = 0; i < {d}; i++) begin : gen_{name}
    always_ff @(posedge clk_i) if (step_i) begin
      sum_{name}[i+1] <= sum_{name}[i];
    end
  end
  assign right_{name} = y_{name} + {y}'(c_{name}) == sum_{name}[{d}];"""


def trees() -> list[Tree]:
    """Inputs that leave one and two over on several levels; sums that grow to their width on each level, or are cut."""
    found = []
    for n in (1, 2, 3, 4, 5, 6, 7, 8, 10, 14, 27, 28):
        for w in (1, 4):
            whole = w + (n - 1).bit_length()
            for y in sorted({w, w + 1, w + 2, whole, whole + 2}):
                found += [Tree(n, w, y, adder) for adder in (2, 3) if n * w <= WIDTH]
        found.append(Tree(n, 5, 5, 3, offset=False))
        found.append(Tree(n, 5, 3, 3))
        if n * 5 <= WIDTH:
            found += [Tree(n, 4, 4 + (n - 1).bit_length() + 1, adder, carry=True) for adder in (2, 3)]
    return list({t.name: t for t in found}.values())


@pytest.mark.gate
@pytest.mark.parametrize("adder", [2, 3])
def test_sum_tree(adder: int, seed: int) -> None:
    some = [t for t in trees() if t.adder == adder]
    ports = ["  input logic clk_i", "  input logic rst_ni", "  input logic step_i"]
    ports += [f"  input logic [{WIDTH - 1}:0] x_i"]
    ports += [f"  output logic [{WIDTH - 1}:0] y_o"]  # x_i of some steps ago, inverted where a sum is wrong
    steps = max(t.levels for t in some) + 1
    body = "".join(t.text() for t in some)
    body += f"""
  logic [{WIDTH - 1}:0] x[{steps + 1}];
  assign x[0] = x_i;
  for (genvar i = 0; i < {steps}; i++) begin : gen_x
    always_ff @(posedge clk_i) if (step_i) x[i+1] <= x[i];
  end
  assign y_o = {" && ".join(f"right_{t.name}" for t in some)} ? x[{steps}] : ~x[{steps}];"""
    text = f"module r4_bench (\n{(',' + chr(10)).join(ports)}\n);{body}\nendmodule\n"
    result = rtl_runner.run_case(
        "rtl4ml.sim.tb_line",
        top="r4_bench",
        case={"seed": seed, "width": WIDTH, "outputs": {"y_o": [steps]}},
        sources=[*rtl_cells.sources({"r4_sum_tree"}), rtl_cells.wrapper("sum_tree", text)],
    )
    assert result.passed, result.failures
