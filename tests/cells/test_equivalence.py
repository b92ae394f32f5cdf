# SPDX-License-Identifier: Apache-2.0
"""The netlist of every module of the library does what its RTL does, each at one set of parameters.

What is proven, and how, stands in tests/support/equivalence.py.
A module with a grid (scripts/calibration) is taken at the largest point of at most MOST LUTs and flip-flops without
block RAM, or at its smallest; a cell of the boards' shell and a module inside others at parameters given here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import calibration.grids  # noqa: F401 -- registers the grids
import equivalence
import numpy as np
import pytest
from calibration.counting import digest, units
from calibration.points import GRIDS, image
from calibration.shell import SHELL, shell_units

from rtl4ml.emit.library import library
from rtl4ml.netlist.netlist import Param
from rtl4ml.synthesis.yosys import Unit

RECORDED = Path(__file__).parents[1] / "golden" / "resources.json"
MOST = 150
# Modules inside others, and cells of the shell whose parameters on boards are too large: proven at these.
OWN: dict[str, dict[str, Param]] = {
    "r4_add3": {"Width": 12, "Inverted": 0b1010_0000_0110, "SecondInverted": 1, "Ones": 2},
    "r4_adder_tree": {"Inputs": 5, "InWidth": 6, "OutWidth": 9},
    "r4_addsub": {"AWidth": 9, "AShift": 1, "BWidth": 8, "BSigned": 0, "Subtract": 1, "YWidth": 11},
    "r4_addsub3": {"AWidth": 5, "AShift": 2, "BWidth": 6, "BSubtract": 1, "CWidth": 4, "CSigned": 0, "CShift": 1,
                   "CSubtract": 1, "YWidth": 9},
    "r4_align": {"XWidth": 6, "Shift": 2, "YWidth": 9},
    "r4_axi_read": {"AddrWidth": 16, "DataWidth": 32, "MaxBeats": 2, "FifoDepth": 9},
    "r4_axi_write": {"AddrWidth": 16, "DataWidth": 32, "MaxBeats": 2, "FifoDepth": 8},
    "r4_banks": {"Width": 3, "Depth": 28, "Bank": 16, "Least": 4},
    "r4_countdown": {"Count": 21},
    "r4_counter": {"Count": 21},
    "r4_counts": {"Lanes": 1, "Beats": 3, "XWidth": 4, "YWidth": 4, "MWidth": 3, "BWidth": 8, "Shift": 3,
                  "Lo": -8, "Hi": 7},
    "r4_delay": {"Width": 6, "Depth": 5},
    "r4_dot": {"Lanes": 2, "Simd": 3, "Pe": 2, "SimdFolds": 2, "Groups": 2, "XWidth": 4, "WeightWidth": 3,
               "ProdWidth": 7, "SumWidth": 9, "AccWidth": 11, "Align": 1, "HasBias": 1},
    "r4_dot_coded": {"Simd": 5, "Pe": 2, "XWidth": 4, "ProdWidth": 5, "SumWidth": 8},
    "r4_dot_dsp": {"Simd": 4, "Pe": 2, "XWidth": 3, "WeightWidth": 3, "SumWidth": 8, "Fields": 2, "Spacing": 8,
                   "Chain": 2},
    "r4_dot_lut": {"Simd": 5, "Pe": 2, "XWidth": 4, "WeightWidth": 3, "ProdWidth": 7, "SumWidth": 10},
    "r4_dot_pair": {"XWidth": 5, "WeightWidth": 4, "PWidth": 9},
    "r4_dsp_fields": {"Fields": 3, "Spacing": 7, "Overlap": 1},
    "r4_dsp_mac": {"AWidth": 6, "BWidth": 4, "PWidth": 12},
    "r4_dsp_pump": {"AWidth": 6, "BWidth": 4, "PWidth": 12},
    "r4_extend": {"Lanes": 3, "XWidth": 5, "YWidth": 8},
    "r4_fold": {"Lanes": 2, "Width": 7, "Sum": 1},
    "r4_gate": {"Flow": 0},
    "r4_lag": {"Width": 5, "Cycles": 3},
    "r4_line": {"Width": 8, "Shift": 4, "Depth": 5},
    "r4_lookup": {"Width": 5, "Columns": 2, "Column": 1, "Depth": 16, "Ports": 2, "AddrWidth": 4},
    "r4_max_tree": {"Inputs": 5, "Width": 6},
    "r4_mul": {"XWidth": 5, "WWidth": 5, "PWidth": 10},
    "r4_mul_split": {"XWidth": 6, "WWidth": 6, "PWidth": 12},
    "r4_phase": {"Copies": 2},
    "r4_pipe": {"Stages": 4},
    "r4_pool_axis": {"Count": 12, "Size": 3, "Stride": 3},
    "r4_rom": {"Width": 9, "First": 2, "Part": 5, "Depth": 13},
    "r4_rom_halves": {"Width": 9, "First": 2, "Part": 5, "Depth": 7},
    "r4_rom_late": {"Width": 9, "First": 2, "Part": 5, "Depth": 13},
    "r4_rom_skewed": {"Unit": 3, "Chains": 2, "Chain": 3, "Short": 1, "Depth": 5},
    "r4_serial": {"Signature": 0x0123_4567_89AB_CDEF, "CountBytes": 3, "ResultBytes": 2, "IdleCycles": 4,
                  "ResetCycles": 2},
    "r4_span": {"Count": 11, "First": 3, "Size": 4},
    "r4_spill": {"Width": 3, "Group": 2, "Ring": 5, "AddrWidth": 13, "DataWidth": 16, "MaxBeats": 2, "InFlight": 3,
                 "WriteDepth": 4, "ReadDepth": 4, "Idle": 2},
    "r4_sum_tree": {"Inputs": 7, "InWidth": 5, "OutWidth": 8},
    "r4_taps_axis": {"Size": 9, "Extent": 11, "Pad": 1, "Positions": 9},
    "r4_taps_ring_col": {"Size": 9, "Slots": 9, "Positions": 9},
    "r4_taps_ring_row": {"Size": 9, "Positions": 9},
    "r4_turn": {"Bands": 4, "Columns": 4, "XLanes": 2, "YLanes": 2, "Width": 3},
    "r4_window_axis": {"Size": 9, "Pad": 1, "Positions": 9},
}  # fmt: skip
IMAGES: dict[str, dict[str, tuple[int, int]]] = {  # width and depth
    "r4_counts": {"InitFile": (11, 3)},
    "r4_dot": {"WeightFile": (2 * 3 * 2 * 3, 4), "BiasFile": (4 * 11, 2)},
    "r4_lookup": {"InitFile": (10, 16)},
    "r4_rom": {"InitFile": (9, 13)},
    "r4_rom_halves": {"InitFile": (9, 14)},
    "r4_rom_late": {"InitFile": (9, 13)},
    "r4_rom_skewed": {"InitFile": (15, 5)},
}
MODULES = sorted({"adders", *GRIDS, *SHELL, *OWN})
# Cycles of reset until pipelines whose registers have none are full.
RESET = {"r4_counts": 8, "r4_scale": 8}


def unit(module: str) -> Unit:
    """A module at the parameters at which it is proven."""
    if module in OWN:
        rng = np.random.default_rng(7)
        images = {k: image(*size, rng) for k, size in IMAGES.get(module, {}).items()}
        return Unit(module, "", module, {**OWN[module], **images})
    if module in SHELL:
        return shell_units(module)[0]
    sizes = {
        k: lut + ff if bram == 0 else 10**9
        for k, lut, ff, _, bram in json.loads(RECORDED.read_text())[module]
    }
    counted = [(sizes[digest(u)], n, u) for n, u in enumerate(units(module)) if digest(u) in sizes]
    fitting = [c for c in counted if c[0] <= MOST]
    return max(fitting)[2] if fitting else min(counted)[2]


def test_every_module_is_proven() -> None:
    assert {p.stem for p in library().glob("r4_*.sv")} == set(MODULES) - {"adders"}
    assert set(IMAGES) | set(RESET) <= set(MODULES)


@pytest.mark.gate
@pytest.mark.parametrize("module", MODULES)
def test_netlist_does_what_the_rtl_does(module: str, tmp_path: Path) -> None:
    equivalence.synthesize(unit(module), tmp_path)
    assert equivalence.equivalent(tmp_path, reset=RESET.get(module, equivalence.RESET))


def once(pattern: str, by: str) -> Callable[[str], str]:
    """Changes the first place of a text that the pattern finds."""

    def change(text: str) -> str:
        changed, found = re.subn(pattern, by, text, count=1)
        assert found == 1 and changed != text, f"the netlist must have {pattern}"
        return changed

    return change


@pytest.mark.parametrize(
    ("module", "change"),
    [
        # one bit of a table, a carry chain's function, what reset leaves, when a register moves, when it is reset
        pytest.param("r4_counter", once(r"(LUT4 .*\n.*INIT 16'0*)1", r"\g<1>0"), id="table"),
        pytest.param("r4_adder_tree", once(r"(CCU2C .*\n.*INIT0 16')1001011", r"\g<1>0110100"), id="carry"),
        pytest.param("r4_counter", once('"RESET"', '"SET"'), id="reset"),
        pytest.param("r4_counter", once(r'CEMUX "CE"', 'CEMUX "1"'), id="enable"),
        pytest.param("r4_counter", once(r'LSRMUX "LSR"', 'LSRMUX "INV"'), id="polarity"),
    ],
)
def test_a_broken_netlist_is_refused(module: str, change: Callable[[str], str], tmp_path: Path) -> None:
    equivalence.synthesize(unit(module), tmp_path)
    assert equivalence.equivalent(tmp_path)
    netlist = tmp_path / equivalence.NETLIST
    netlist.write_text(change(netlist.read_text()))
    assert not equivalence.equivalent(tmp_path)


def test_what_abc_leaves_open_is_not_proven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    equivalence.synthesize(unit("r4_counter"), tmp_path)
    monkeypatch.setattr(equivalence, "PROVE", "read miter.aig; {start}print_stats")
    with pytest.raises(AssertionError, match="abc must decide, not say"):
        equivalence.equivalent(tmp_path)
