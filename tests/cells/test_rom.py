# SPDX-License-Identifier: Apache-2.0
"""r4_rom in simulation: one word, distributed and block memory, depths that are no power of two."""

from __future__ import annotations

import numpy as np
import rtl_cells
import rtl_runner

from rtl4ml.netlist.images import Image

# name: (depth, width, block, registered)
ROMS = {
    "one": (1, 9, 0, 1),
    "two": (2, 3, 0, 1),
    "five": (5, 70, 0, 1),
    "six_block": (6, 12, 1, 1),
    "eight": (8, 1, 0, 1),
    "six_read": (6, 9, 0, 0),
    "four_read": (4, 70, 0, 0),
}


def test_rom(rng: np.random.Generator, seed: int) -> None:
    lines, ports, images, words = [], [], {}, {}
    for name, (depth, width, block, registered) in ROMS.items():
        image = Image.pack(rng.integers(0, 2, (depth, width)), 1)
        images[f"{name}.mem"], words[f"{name}_o"] = image.text(), list(image.words)
        ports.append(f"  output logic [{width - 1}:0] {name}_o")
        lines.append(
            f"  r4_rom #(.Width({width}), .Depth({depth}), .Registered({registered}), .Block({block}), "
            f'.InitFile("{name}.mem")) u_{name} '
            f"(.clk_i, .rst_ni, .step_i, .word_o({name}_o));"
        )
    inputs = [f"  input logic {p}" for p in ("clk_i", "rst_ni", "step_i")]
    text = "\n".join(["module r4_bench (", ",\n".join(inputs + ports), ");", *lines, "endmodule", ""])
    result = rtl_runner.run_case(
        "rtl4ml.sim.tb_rom",
        top="r4_bench",
        case={"seed": seed, "images": words},
        images=images,
        sources=[*rtl_cells.sources({"r4_rom"}), rtl_cells.wrapper("rom", text)],
    )
    assert result.passed, result.failures
