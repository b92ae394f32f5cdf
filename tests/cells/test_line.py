# SPDX-License-Identifier: Apache-2.0
"""r4_line and r4_delay in simulation: registers, distributed and block memory, one row and several."""

from __future__ import annotations

import rtl_cells
import rtl_runner

WIDTH = 7
# name: (rows, depth, block)
LINES = {
    "one": (1, 1, 0),
    "one_of_two_rows": (2, 1, 0),
    "two": (3, 2, 0),
    "three": (1, 3, 0),
    "five": (2, 5, 0),
    "eight": (2, 8, 0),
    "block": (3, 6, 1),
}
DELAYS = {"delay_one": 1, "delay_four": 4}


def test_line(seed: int) -> None:
    lines, ports, outputs = [], [], {}
    for name, (rows, depth, block) in LINES.items():
        ports.append(f"  output logic [{rows * WIDTH - 1}:0] {name}_o")
        lines.append(
            f"  r4_line #(.Width({rows * WIDTH}), .Shift({WIDTH}), .Depth({depth}), .Block({block})) u_{name} "
            f"(.clk_i, .rst_ni, .step_i, .here_i(x_i), .above_o({name}_o));"
        )
        outputs[f"{name}_o"] = [depth * (k + 1) for k in range(rows)]
    for name, depth in DELAYS.items():
        ports.append(f"  output logic [{WIDTH - 1}:0] {name}_o")
        lines.append(
            f"  r4_delay #(.Width({WIDTH}), .Depth({depth})) u_{name} (.clk_i, .step_i, .x_i, .y_o({name}_o));"
        )
        outputs[f"{name}_o"] = [depth]
    inputs = [f"  input logic {p}" for p in ("clk_i", "rst_ni", "step_i", f"[{WIDTH - 1}:0] x_i")]
    text = "\n".join(["module r4_bench (", ",\n".join(inputs + ports), ");", *lines, "endmodule", ""])
    result = rtl_runner.run_case(
        "rtl4ml.sim.tb_line",
        top="r4_bench",
        case={"seed": seed, "width": WIDTH, "outputs": outputs},
        sources=[*rtl_cells.sources({"r4_line"}), rtl_cells.wrapper("line", text)],
    )
    assert result.passed, result.failures
