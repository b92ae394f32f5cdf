# SPDX-License-Identifier: Apache-2.0
"""Faults planted into scripts, constraints, board.toml and reports: the model of Vivado or a reader finds each.

A fault is a text of a file and what stands there instead. Each test says which rule must find it.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
import vivado_model
from vivado_model import REPORTS, mock, project
from xdc_lint import lint

from rtl4ml.board import boards, vivado, vivado_reports
from rtl4ml.errors import BadInput, BuildFailed, EnvironmentProblem

BD, XDC, TOML = "steps/block_design.tcl", "zcu102.xdc", "board.toml"
RTL = "../rtl/r4_board_bd.v"


@dataclass(frozen=True)
class Fault:
    """In `file`, `old` becomes `new`; the error's text must hold `found`."""

    name: str
    file: str
    old: str
    new: str
    found: str


SCRIPTS = [
    Fault(
        "a port without a clock",
        BD,
        " ps/[r4::one data_clock]",
        "",
        "BD 41-758] The following clock and reset pins",
    ),
    Fault(
        "reset of the other polarity", BD, "reset/peripheral_aresetn", "reset/peripheral_reset", "BD 41-1348"
    ),
    Fault(
        "no reset of the interconnect",
        BD,
        "r4::wires reset/interconnect_aresetn control/aresetn\n",
        "",
        "BD 41-758",
    ),
    Fault(
        "a pin connected twice",
        BD,
        " r4/aclk ",
        " r4/aclk r4/aclk ",
        "BD 41-1306] r4/aclk is connected already",
    ),
    Fault(
        "a pin that there is not", BD, "reset/ext_reset_in", "reset/ext_reset", "BD 5-235] No pins matched"
    ),
    Fault("the movers not connected", BD, "r4::bus r4/m_axi ps/[r4::one data_port]\n", "", "BD 41-759"),
    Fault(
        "registers without a converter",
        BD,
        "control/S00_AXI\nr4::bus control/M00_AXI r4/s_axil",
        "r4/s_axil",
        "PROTOCOL differs",
    ),
    Fault(
        "master and slave exchanged",
        BD,
        "r4::bus control/M00_AXI r4/s_axil",
        "r4::bus r4/s_axil control/M00_AXI",
        "BD 5-3",
    ),
    Fault(
        "interrupt as a clock",
        BD,
        "r4::wires r4/irq_o ps/[r4::one irq_pin]",
        "r4::wires r4/irq_o r4/aclk",
        "BD 41-1306",
    ),
    Fault("no preset", BD, 'apply_board_preset "1"', 'apply_board_preset "0"', "DDR is not configured"),
    Fault("a module of another name", BD, "[r4::one module]", "r4_board", "filemgmt 56-195"),
    Fault("what is out of reach not excluded", BD, "ni $kept", 'eq ""', "BD 41-1356"),
    Fault(
        "addresses that overlap",
        BD,
        "-offset $offset -range $range -target_address_space [get_bd_addr_spaces r4/m_axi]",
        "-offset 0 -range $range -target_address_space [get_bd_addr_spaces r4/m_axi]",
        "BD 41-1075",
    ),
    Fault("not validated", BD, "validate_bd_design\n", "", "BD 41-1663"),
    Fault(
        "synthesis module by module",
        BD,
        "set_property synth_checkpoint_mode None [get_files $name.bd]\n",
        "",
        "memory images: must all be found",
    ),
    Fault("no top", BD, "set_property top ${name}_wrapper [get_filesets sources_1]\n", "", "Synth 8-439"),
    Fault(
        "a port of the board left open",
        BD,
        "  connect_bd_net [get_bd_pins r4/led_o] [get_bd_ports led_o]\n",
        "",
        "is open",
    ),
    Fault(
        "no images in the run's folder",
        "steps/synth.tcl",
        "steps/images.tcl] [get_runs synth_1]",
        "steps/images.tcl] [get_runs synth_1]\nset_property STEPS.SYNTH_DESIGN.TCL.PRE {} [get_runs synth_1]",
        "memory images: must all be found",
    ),
    Fault("a run that is not reset", "steps/impl.tcl", "  reset_run impl_1\n", "", "needs to be reset"),
    Fault(
        "a strategy that there is not",
        "project.conf",
        "strategy Vivado Implementation Defaults",
        "strategy Vivado Defaults",
        "Strategy 'Vivado Defaults' does not exist",
    ),
    Fault(
        "an option that there is not",
        "steps/bitstream.tcl",
        "-to_step write_bitstream",
        "-until write_bitstream",
        "Common 17-170",
    ),
    Fault(
        "a part that there is not",
        "project.conf",
        "xczu9eg-ffvb1156-2-e",
        "xczu9eg-ffvb1156-2",
        "Coretcl 2-106",
    ),
    Fault(
        "a port of the board that is off",
        "project.conf",
        "CONFIG.PSU__USE__S_AXI_GP2 1",
        "CONFIG.PSU__USE__S_AXI_GP3 1",
        "BD 5-235",
    ),
    Fault(
        "a key that is missing",
        "project.conf",
        "irq_pin pl_ps_irq0\n",
        "",
        "must give 'irq_pin' once, not 0 times",
    ),
    Fault(
        "another clock than was promised",
        "project.conf",
        "FREQMHZ 250",
        "FREQMHZ 200",
        "not the 187.498125 MHz",
    ),
]

WRAPPER = [
    Fault(
        "a module of another rate",
        BD,
        "set_property CONFIG.FREQ_HZ $hz",
        "set hz",
        "FREQ_HZ does not match: r4/",
    ),
    Fault("a bus without a clock", RTL, "s_axil:m_axi", "s_axil", "BD 41-967] /r4/m_axi"),
    Fault("a reset of the other polarity", RTL, "ACTIVE_LOW", "ACTIVE_HIGH", "BD 41-1348"),
    Fault("a width that is not the port's", RTL, "DATA_WIDTH 128", "DATA_WIDTH 64", "DATA_WIDTH of m_axi"),
    Fault("another protocol", RTL, "PROTOCOL AXI4,", "PROTOCOL AXI3,", "PROTOCOL differs"),
    Fault("a port that is none of a bus", RTL, "aximm:1.0 m_axi WDATA", "aximm:1.0 WDATA", "IP_Flow 19-5107"),
]

BOARDS = [
    Fault("a setting that is misspelt", TOML, "PSU__USE__IRQ0", "PSU__USE__IRQ", "BD 41-1684"),
    Fault(
        "a port of another width",
        TOML,
        'SAXIGP2__DATA_WIDTH" = 128',
        'SAXIGP2__DATA_WIDTH" = 64',
        "DATA_WIDTH differs",
    ),
    Fault(
        "a width that there is not",
        TOML,
        'MAXIGP0__DATA_WIDTH" = 32',
        'MAXIGP0__DATA_WIDTH" = 16',
        "IP_Flow 19-3461",
    ),
    Fault(
        "a port of the preset left on", TOML, '"CONFIG.PSU__USE__M_AXI_GP1" = 0\n', "", "ps/maxihpm1_fpd_aclk"
    ),
    Fault(
        "registers that are not aligned", TOML, "0xA000_0000", "0xA000_0400", "offset of Data must be aligned"
    ),
    Fault(
        "memory beyond what the port sees",
        TOML,
        "offset = 0x0\nrange = 0x8000_0000",
        "offset = 0x0\nrange = 0x1_0000_0000",
        "BD 41-1377",
    ),
    Fault("a segment that is misspelt", TOML, "HP0_DDR_HIGH", "HP0_DDR_HI", "BD 5-235"),
    Fault(
        "another kind of processing system",
        TOML,
        'ps_ip = "zynq_ultra_ps_e"',
        'ps_ip = "processing_system7"',
        "IP processing_system7: must be in Vivado's catalogue",
    ),
]

CONSTRAINTS = [
    Fault("a port that there is not", XDC, "{led_o[2]}", "{led_o[3]}", "no port matches"),
    Fault("a pin used twice", XDC, "AE13", "AG14", "AG14 is taken"),
    Fault("another pin than board.toml says", XDC, "AE13", "AJ14", "board.toml says"),
    Fault(
        "no standard",
        XDC,
        "set_property IOSTANDARD LVCMOS33 [get_ports {led_o[*]}]\n",
        "",
        "has no IOSTANDARD",
    ),
    Fault("a command of Tcl", XDC, "set_false_path", "if {1} {}\nset_false_path", "if is no command"),
    Fault(
        "a property that is misspelt",
        XDC,
        "BITSTREAM.GENERAL.COMPRESS",
        "BITSTREAM.COMPRESS",
        "BITSTREAM.COMPRESS is no",
    ),
]

READERS = [
    Fault(
        "timing cut off",
        "timing.rpt",
        "All user specified timing constraints are met.",
        "",
        "a verdict on timing",
    ),
    Fault("a verdict that contradicts", "timing.rpt", " 0.104 ", "-0.104 ", "verdict must agree"),
    Fault("a decimal comma", "timing.rpt", "0.104", "0,104", "must be a number such as 0.104, not '0,104'"),
    Fault(
        "another language",
        "timing.rpt",
        "Design Timing Summary",
        "Zusammenfassung",
        "a Design Timing Summary",
    ),
    Fault("a column that is missing", "timing.rpt", "TPWS(ns)", "", "a value for every column"),
    Fault(
        "registers without a clock",
        "timing.rpt",
        "no_clock (0)",
        "no_clock (7)",
        "every register must have a clock",
    ),
    Fault("a resource that is missing", "utilization.rpt", "| DSPs ", "| XXXX ", "a closed table with DSPs"),
    Fault("a count that is no number", "utilization.rpt", "61203", "61 203", "CLB LUTs must be a number"),
    Fault(
        "a hierarchy cut off",
        "utilization_hierarchical.rpt",
        "| Instance",
        "| Instanz",
        "a closed table of instances",
    ),
    Fault(
        "power without a total", "power.rpt", "Total On-Chip Power (W)", "Leistung", "Total On-Chip Power (W)"
    ),
    Fault("nets that are not routed", "route.rpt", "           0 :", "          12 :", "not 12 with errors"),
]


def planted(text: str, fault: Fault) -> str:
    assert fault.old in text, f"{fault.name}: {fault.file} has no such place any more"
    return text.replace(fault.old, fault.new)


def test_there_are_more_than_twenty() -> None:
    assert len({f.name for f in (*SCRIPTS, *WRAPPER, *BOARDS, *CONSTRAINTS, *READERS)}) >= 20


@pytest.mark.gate
@vivado_model.needs_tcl
@pytest.mark.parametrize("fault", [*SCRIPTS, *WRAPPER], ids=lambda f: f.name)
def test_scripts(tmp_path: Path, fault: Fault) -> None:
    built = project(tmp_path)
    path = built / fault.file
    path.write_text(planted(path.read_text(), fault))
    expect(tmp_path, built, fault.found)


@pytest.mark.gate
@vivado_model.needs_tcl
@pytest.mark.parametrize("fault", BOARDS, ids=lambda f: f.name)
def test_boards(tmp_path: Path, fault: Fault) -> None:
    folder = shutil.copytree(boards.root() / "zcu102", tmp_path / "boards/zcu102")
    (folder / TOML).write_text(planted((folder / TOML).read_text(), fault))
    try:
        built = project(tmp_path, boards.read(folder))
    except BadInput as error:
        assert fault.found in str(error)
        return
    expect(tmp_path, built, fault.found)


def expect(folder: Path, built: Path, found: str) -> None:
    """The build must end with an error that holds `found`."""
    tool = vivado.find(mock(folder / "bin", MV_SLACK="{-0.1 0.1} {0.1 0.1}"))
    assert tool is not None
    with pytest.raises((BuildFailed, EnvironmentProblem)) as error:
        vivado.run(tool, built)
    assert found in str(error.value)


@pytest.mark.parametrize("fault", CONSTRAINTS, ids=lambda f: f.name)
def test_constraints(fault: Fault) -> None:
    spec = boards.board("zcu102")
    ports = [f"led_o[{i}]" for i in range(3)]
    faults = lint(planted(spec.constraints.read_text(), fault), spec, ports)
    assert any(fault.found in f for f in faults), faults


@vivado_model.needs_tcl
@pytest.mark.parametrize(
    "fault", [f for f in CONSTRAINTS if "board.toml" not in f.name], ids=lambda f: f.name
)
def test_constraints_in_the_model(tmp_path: Path, fault: Fault) -> None:
    """Vivado itself would find them too, hours later."""
    built = project(tmp_path)
    path = built / fault.file
    path.write_text(planted(path.read_text(), fault))
    tool = vivado.find(mock(tmp_path / "bin"))
    assert tool is not None
    with pytest.raises(BuildFailed):
        vivado.run(tool, built)


@pytest.mark.parametrize("fault", READERS, ids=lambda f: f.name)
def test_reports(tmp_path: Path, fault: Fault) -> None:
    built = project(tmp_path)
    (built / "reports").mkdir()
    for path in REPORTS.glob("*.rpt"):
        text = path.read_text()
        (built / "reports" / path.name).write_text(planted(text, fault) if path.name == fault.file else text)
    with pytest.raises(BuildFailed) as error:
        vivado_reports.check(vivado_reports.results(built))
    assert fault.found in str(error.value)
