# SPDX-License-Identifier: Apache-2.0
"""What Yosys reads in place of a cell of the library does the same, by Yosys's own models of the primitives."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rtl4ml.emit.library import library
from rtl4ml.synthesis.yosys import PRIMITIVES

RUN = "import sys; from pyosys import libyosys as ys; ys.run_pass('script ' + sys.argv[1], ys.Design())"


def proven(width: int, inverted: int, text: str, folder: Path, *, second: int = 0, ones: int = 0) -> bool:
    """Whether a SAT solver finds no inputs for which r4_add3 and `text` differ."""
    (folder / "primitives.v").write_text(text)
    sets = (
        f"-chparam Width {width} -chparam Inverted {width}'d{inverted} -chparam SecondInverted {second} "
        f"-chparam Ones {ones}"
    )
    (folder / "prove.ys").write_text(
        f"""
read_verilog -sv -defer {library()}/r4_add3.sv
hierarchy -top r4_add3 {sets}
proc; flatten; rename -top gold; design -stash gold
read_verilog -sv -defer primitives.v
read_verilog -defer +/xilinx/cells_sim.v
hierarchy -top r4_add3 {sets}
proc; flatten; rename -top gate; design -stash gate
design -copy-from gold -as gold gold; design -copy-from gate -as gate gate
miter -equiv -flatten -make_assert gold gate miter
sat -verify -prove-asserts -set-def-inputs miter
"""
    )
    done = subprocess.run(
        [sys.executable, "-c", RUN, "prove.ys"], cwd=folder, capture_output=True, text=True, check=False
    )
    said = done.stdout + done.stderr
    assert "Solving problem" in said, said[-2000:]
    return done.returncode == 0


@pytest.mark.parametrize(
    ("width", "inverted"), [(1, 0), (2, 1), (3, 2), (4, 0), (7, 0b1100000), (12, 1 << 10)]
)
def test_adder_of_three(width: int, inverted: int, tmp_path: Path) -> None:
    assert proven(width, inverted, PRIMITIVES["r4_add3"], tmp_path)


@pytest.mark.parametrize(("inverted", "second", "ones"), [(0, 1, 1), (0x7F, 1, 2), (0x7F, 0, 1), (0, 0, 2)])
def test_adder_of_three_with_negative_numbers(inverted: int, second: int, ones: int, tmp_path: Path) -> None:
    assert proven(7, inverted, PRIMITIVES["r4_add3"], tmp_path, second=second, ones=ones)


def test_a_wrong_table_is_found(tmp_path: Path) -> None:
    wrong = PRIMITIVES["r4_add3"].replace("69966996e8e8e8e8", "69966996e8e8e8e9")
    assert wrong != PRIMITIVES["r4_add3"]
    assert not proven(4, 0, wrong, tmp_path)


def test_a_missing_one_is_found(tmp_path: Path) -> None:
    wrong = PRIMITIVES["r4_add3"].replace("CYINIT(Ones > 1)", "CYINIT(1'b0)")
    assert wrong != PRIMITIVES["r4_add3"]
    assert not proven(4, 0xF, wrong, tmp_path, second=1, ones=2)
