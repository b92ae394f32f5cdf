# SPDX-License-Identifier: Apache-2.0
"""The flow of Vivado, run by a model of Vivado: what it does, how it goes on, and how it ends."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import vivado_model
from vivado_model import REPORTS, ROOT, mock, project

from rtl4ml.board import boards, vivado, vivado_reports
from rtl4ml.errors import BadInput, BuildFailed, EnvironmentProblem

SCRIPTS = sorted((ROOT / "boards/vivado").rglob("*.tcl"))
MODEL = sorted((ROOT / "tests/board").glob("*.tcl"))
pytestmark = vivado_model.needs_tcl


def tool(folder: Path, **settings: str) -> vivado.Tool:
    found = vivado.find(mock(folder / "bin", **settings))
    assert found is not None
    return found


def build(folder: Path, built: Path, until: str = "bitstream", **settings: str) -> list[str]:
    """The lines that the build says of its steps."""
    said: list[str] = []
    vivado.run(tool(folder, **settings), built, until=until, progress=said.append)
    return said


def begun(said: list[str]) -> list[str]:
    return [line.split()[0] for line in said if line.endswith(" begins")]


# ---- the scripts as texts


@pytest.mark.parametrize("path", [*SCRIPTS, *MODEL], ids=lambda p: p.name)
def test_no_brace_is_open(path: Path) -> None:
    interpreter = pytest.importorskip("tkinter").Tcl()
    interpreter.setvar("text", path.read_text())
    assert interpreter.eval("info complete $text") == "1"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda p: p.name)
def test_steps_are_short_and_old_tcl(path: Path) -> None:
    """Vivado's Tcl was 8.5 for long: no command of 8.6."""
    text = path.read_text()
    assert len(text.splitlines()) < 80
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    assert not re.search(r"\b(try|lmap|tailcall|coroutine|yield|zlib)\b|string cat\b|dict map\b", code)


def test_every_step_has_its_file() -> None:
    assert {p.stem for p in SCRIPTS if p.parent.name == "steps"} == {
        *vivado.STEPS,
        "common",
        "double_clock",
        "spills",
        "images",
        "fpga_manager",
    }
    listed = re.search(r"variable steps \{([^}]*)\}", (ROOT / "boards/vivado/build.tcl").read_text())
    assert listed is not None and tuple(listed[1].split()) == vivado.STEPS


# ---- what it does


@pytest.mark.parametrize("name", boards.names())
def test_the_commands_are_those_of_the_golden_log(tmp_path: Path, name: str) -> None:
    built = project(tmp_path, name)
    log = tmp_path / "log"
    assert begun(build(tmp_path, built, MV_LOG=str(log))) == list(vivado.STEPS)
    golden = REPORTS / f"{name}.log"
    said = log.read_text()
    assert said == golden.read_text(), (
        f"the commands differ from {golden.name}; when they are right, copy {log} there"
    )


def test_a_second_clock_of_twice_the_rate(tmp_path: Path) -> None:
    """Both clocks of the shell come out of one MMCM, which the model of Vivado insists on."""
    log = tmp_path / "log"
    built = project(tmp_path, double_clock=True)
    assert begun(build(tmp_path, built, MV_LOG=str(log))) == list(vivado.STEPS)
    said = log.read_text()
    wired = re.findall(r"connect_bd_net (\S+) (\S+)", said)
    assert {
        ("ps/pl_clk0", "clocks/clk_in1"),
        ("clocks/clk_out2", "r4/aclk2x"),
        ("clocks/clk_out1", "r4/aclk"),
    } <= {(a.strip("{}"), b.strip("{}")) for a, b in wired}
    assert "CONFIG.CLKOUT2_REQUESTED_OUT_FREQ 499.995" in said


def test_a_second_clock_of_another_source_is_refused(tmp_path: Path) -> None:
    built = project(tmp_path, double_clock=True)
    script = built / "steps/block_design.tcl"
    text = script.read_text()
    planted = text.replace(
        "set clock [r4::double_clock $clock $actual $hz]", "r4::double_clock $clock $actual $hz"
    )
    assert planted != text
    script.write_text(planted)
    with pytest.raises(BuildFailed, match="r4/aclk2x and r4/aclk come of different clocks"):
        build(tmp_path, built)


def test_skips_in_memory_have_ports_of_their_own(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert begun(build(tmp_path, project(tmp_path, spills=2), MV_LOG=str(log))) == list(vivado.STEPS)
    said = log.read_text()
    for bus, port, clock in (("s0_axi", "HP1", "saxihp1"), ("s1_axi", "HP3", "saxihp3")):
        assert re.search(rf"connect_bd_intf_net \S*r4/{bus}\S* \S*ps/S_AXI_{port}_FPD", said)
        assert f"ps/{clock}_fpd_aclk" in said
        assert said.count(f"r4/{bus}") > 3  # its rate, its net, what it reaches and what it does not


@pytest.mark.parametrize(
    ("line", "by", "text"),
    [
        ("r4::bus r4/$bus ps/$port\n", "", "BD 41-759"),
        ("    r4::wires $clock ps/$port_clock\n", "", "saxihp1_fpd_aclk"),
        ("in $kept", 'ne ""', "BD 41-1356"),
    ],
)
def test_a_fault_at_those_ports_is_found(line: str, by: str, text: str, tmp_path: Path) -> None:
    built = project(tmp_path, spills=2)
    script = built / "steps/spills.tcl"
    planted = script.read_text().replace(line, by)
    assert planted != script.read_text()
    script.write_text(planted)
    with pytest.raises(BuildFailed, match=text):
        build(tmp_path, built)


@pytest.mark.skipif(shutil.which("tclsh") is None, reason="tclsh is not installed")
def test_tclsh_will_do_as_well(tmp_path: Path) -> None:
    assert begun(build(tmp_path, project(tmp_path), MV_TCL="tclsh")) == list(vivado.STEPS)


def test_what_a_build_leaves(tmp_path: Path) -> None:
    built = project(tmp_path)
    build(tmp_path, built)
    found = vivado_reports.results(built)
    vivado_reports.check(found)
    assert (found.version, found.board_part, found.clock_mhz) == (
        "2023.2",
        "xilinx.com:zcu102:part0:3.4",
        249.9975,
    )
    assert set(found.artefacts) == {"bit", "bit.bin", "hwh", "xsa"}
    assert list(found.seconds) == list(vivado.STEPS)
    assert found.tries == (("Vivado Implementation Defaults", "0.104 0.011"),)
    assert (built / "output/r4.bit").read_bytes()[-8:].hex() == "ffffffffaa995566"
    assert (built / "output/r4.bit.bin").read_bytes().hex() == "ffffffff665599aa"


def test_the_processing_system_is_asked_for_a_little_more_than_the_rate(tmp_path: Path) -> None:
    """Else the next divisor would be taken: 249.9975 is not reached by 1499.985 / 6 when that is rounded down."""
    spec = boards.board("zcu102")
    for rate in spec.clock.rates:
        values = vivado.configuration(spec, sources=[], images=[], clock_mhz=rate)
        (asked,) = [float(v.split()[1]) for v in values["ps_set"] if v.startswith(spec.clock.asked)]
        n = round(spec.clock.source_mhz / rate)
        assert rate <= asked < spec.clock.source_mhz / (n - 1)


# ---- going on


def test_a_finished_build_does_nothing(tmp_path: Path) -> None:
    built = project(tmp_path)
    build(tmp_path, built)
    assert build(tmp_path, built) == [f"{step} is done already" for step in vivado.STEPS]


def test_steps_one_after_the_other_are_the_whole(tmp_path: Path) -> None:
    """Every step runs in a Vivado of its own, so nothing is left in its memory from the step before."""
    built = project(tmp_path)
    for step in vivado.STEPS:
        assert begun(build(tmp_path, built, step)) == [step]


def test_a_changed_image_builds_all_anew(tmp_path: Path) -> None:
    built = project(tmp_path)
    build(tmp_path, built)
    (tmp_path / "rtl/weights.mem").write_text("02\n03\n")
    assert begun(build(tmp_path, built)) == list(vivado.STEPS)


def test_another_strategy_keeps_the_synthesis(tmp_path: Path) -> None:
    built = project(tmp_path)
    build(tmp_path, built)
    values = vivado.read_conf(built / vivado.CONF)
    values["strategy"] = ["Performance_Explore"]
    vivado.write_conf(values, built / vivado.CONF)
    assert begun(build(tmp_path, built)) == ["impl", "report", "bitstream"]


def test_another_number_of_jobs_changes_nothing(tmp_path: Path) -> None:
    built = project(tmp_path)
    build(tmp_path, built)
    values = vivado.read_conf(built / vivado.CONF)
    vivado.write_conf({**values, "jobs": "8"}, built / vivado.CONF)
    assert begun(build(tmp_path, built)) == []


@pytest.mark.parametrize("run", ["synth_1", "impl_1"])
def test_a_killed_build_goes_on(tmp_path: Path, run: str) -> None:
    built = project(tmp_path)

    def stop(line: str) -> None:
        if line == "hangs":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        vivado.run(tool(tmp_path, MV_HANG=run), built, progress=stop)
    done = {"synth_1": 2, "impl_1": 3}[run]
    assert begun(build(tmp_path, built)) == list(vivado.STEPS[done:])


def test_nothing_goes_on_after_an_interrupt(tmp_path: Path) -> None:
    built = project(tmp_path)
    pids: list[Path] = []

    def stop(line: str) -> None:
        if line == "hangs":
            pids.extend(p for p in Path("/proc").glob("[0-9]*") if str(built) in cwd(p))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        vivado.run(tool(tmp_path, MV_HANG="synth_1"), built, progress=stop)
    assert pids and not [p for p in pids if str(built) in cwd(p)]


def cwd(process: Path) -> str:
    try:
        return str((process / "cwd").readlink())
    except OSError:
        return ""


# ---- how it ends


def test_strategies_are_tried_until_one_closes(tmp_path: Path) -> None:
    built = project(tmp_path)
    build(tmp_path, built, MV_SLACK="{-0.312 0.011} {0.020 0.010}")
    assert vivado_reports.results(built).tries == (
        ("Vivado Implementation Defaults", "-0.312 0.011"),
        ("Performance_ExtraTimingOpt", "0.020 0.010"),
    )
    assert (built / "reports/timing_2.rpt").is_file() and not (built / "reports/timing_3.rpt").exists()


def test_timing_that_is_not_met(tmp_path: Path) -> None:
    built = project(tmp_path)
    with pytest.raises(BuildFailed) as error:
        build(tmp_path, built, MV_SLACK="{-0.312 0.011}")
    assert str(error.value) == (
        "vivado: timing: slack must be at least 0 ns, not -0.312 ns (setup) and 0.011 ns (hold) at 249.997500 MHz; "
        "ask for a slower clock or a smaller design, see reports/timing.rpt"
    )
    found = vivado_reports.results(built)
    assert len(found.tries) == 3 and not found.artefacts and found.timing is not None and not found.timing.met
    with pytest.raises(BuildFailed) as error:
        vivado_reports.check(found)
    assert str(error.value) == (
        "timing: slack must be at least 0 ns, not -0.312 ns (setup, 391 endpoints) and 0.011 ns (hold, 0 endpoints) at "
        "249.9975 MHz; ask for a slower clock (at most 231.9 MHz) or a smaller design"
    )


def test_an_image_that_synthesis_does_not_find(tmp_path: Path) -> None:
    built = project(tmp_path)
    values = vivado.read_conf(built / vivado.CONF)
    values["image"] = []
    vivado.write_conf(values, built / vivado.CONF)
    with pytest.raises(BuildFailed) as error:
        build(tmp_path, built)
    assert str(error.value) == (
        "vivado: memory images: must all be found by synthesis, not 1 missing (weights.mem); copy the whole folder and "
        "build again"
    )
    assert vivado_reports.results(built).critical_warnings == (
        "[Synth 8-4445] could not open $readmem data file 'weights.mem'; please make sure the file is added to project "
        "and has read permission, ignoring [r4_rom.sv:34]",
    )


def test_a_source_that_is_missing(tmp_path: Path) -> None:
    built = project(tmp_path)
    (tmp_path / "rtl/r4_board_bd.v").unlink()
    with pytest.raises(BadInput) as error:
        build(tmp_path, built)
    assert str(error.value) == (
        "../rtl/r4_board_bd.v: must be a file beside project.conf, not missing; write the project anew"
    )


def test_a_board_part_that_is_not_installed(tmp_path: Path) -> None:
    built = project(tmp_path)
    with pytest.raises(EnvironmentProblem) as error:
        build(tmp_path, built, MV_PARTS="xilinx.com:zcu104:part0:1.1")
    assert str(error.value) == (
        "vivado: board part: *:zcu102:* must be installed, not missing; take it from Vivado's Tools > Vivado Store > "
        "Boards (xhub), or set board.repoPaths"
    )


def test_vivado_that_ends_without_a_word(tmp_path: Path) -> None:
    built = project(tmp_path)
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n[ $1 = -version ] && echo 'Vivado v2023.2 (64-bit)' && exit 0\nexit 7\n")
    program.chmod(0o755)
    found = vivado.find(program)
    assert found is not None
    with pytest.raises(BuildFailed) as error:
        vivado.run(found, built)
    assert (
        str(error.value) == f"vivado: must end well, not with status 7 (no word); see {built / 'vivado.log'}"
    )


def test_an_unknown_step(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as error:
        vivado.run(vivado.Tool(tmp_path, "2023.2"), tmp_path, until="route")
    assert str(error.value) == (
        "until: must be one of create, block_design, synth, impl, report, bitstream, not 'route'; take one of these"
    )


# ---- finding it


def test_without_vivado(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert vivado.find() is None
    with pytest.raises(EnvironmentProblem) as error:
        vivado.find("no/such/vivado")
    assert str(error.value) == (
        "vivado: must be a program, not 'no/such/vivado'; give the path of bin/vivado of an installation"
    )


def test_another_program_of_that_name(tmp_path: Path) -> None:
    program = mock(tmp_path, MV_SAYS="Something else 1.0")
    with pytest.raises(EnvironmentProblem) as error:
        vivado.find(program)
    assert str(error.value) == (
        f"vivado: {program} must say its version, not 'Something else 1.0'; give the path of bin/vivado of an "
        "installation"
    )


@pytest.mark.parametrize(
    ("version", "remark"),
    [
        ("2023.2.1", "Vivado 2023.2.1: the flow of zcu102 was not tried in this version"),
        (
            "2019.1",
            "Vivado 2019.1: the flow of zcu102 was not tried in this version; it is written for 2022.2, 2023.2, 2024.2",
        ),
    ],
)
def test_untried_versions_are_said(tmp_path: Path, version: str, remark: str) -> None:
    assert tool(tmp_path, MV_VERSION=version).remark(boards.board("zcu102")) == remark


# ---- values


def test_names_with_blanks_stay_whole(tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    built = project(folder)
    assert begun(build(folder, built)) == list(vivado.STEPS)


def test_a_value_that_is_no_line(tmp_path: Path) -> None:
    built = project(tmp_path)
    values = vivado.read_conf(built / vivado.CONF)
    values["source"] = ["../rtl/a\nb.v"]
    with pytest.raises(BadInput) as error:
        vivado.write_conf(values, built / vivado.CONF)
    assert str(error.value) == (
        r"project.conf: source must be printable text on a line, not '../rtl/a\nb.v'; rename the file"
    )


def test_a_folder_that_is_no_project(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as error:
        vivado.run(vivado.Tool(tmp_path, "2023.2"), tmp_path)
    assert str(error.value) == (
        f"{tmp_path / 'project.conf'}: must be a board project's values, not missing or damaged; write it anew"
    )


def for_fpga_manager(folder: Path, bit: bytes) -> bytes:
    """What the step's Tcl makes of a .bit. Raises BuildFailed with its text where it refuses."""
    steps = ROOT / "boards/vivado/steps"
    (folder / "a.bit").write_bytes(bit)
    tcl = pytest.importorskip("tkinter").Tcl()
    tcl.eval("namespace eval r4 {}")
    for name in ("common", "fpga_manager"):
        tcl.call("source", str(steps / f"{name}.tcl"))
    tcl.setvar("bit", str(folder / "a.bit"))
    if tcl.eval("catch {r4::fpga_manager $bit $bit.bin} text") != "0":
        raise BuildFailed(tcl.getvar("text"))
    return (folder / "a.bit.bin").read_bytes()


def bit_file(data: bytes) -> bytes:
    """A .bit of this data; its fields are those that the step's comment names."""
    texts = {b"a": b"r4;UserID=0XFFFFFFFF\0", b"b": b"xczu9eg\0", b"c": b"2026/01/01\0", b"d": b"00:00:00\0"}
    fields = b"".join(k + len(t).to_bytes(2, "big") + t for k, t in texts.items())
    return bytes.fromhex("00090ff00ff00ff00ff0000001") + fields + b"e" + len(data).to_bytes(4, "big") + data


def test_words_of_a_bitstream_are_reversed(tmp_path: Path, rng: np.random.Generator) -> None:
    """Also where they are more than the step handles at once."""
    words = rng.integers(0, 2**32, 50_000, dtype=np.uint32)
    found = for_fpga_manager(tmp_path, bit_file(words.astype(">u4").tobytes()))
    np.testing.assert_array_equal(np.frombuffer(found, "<u4"), words)


@pytest.mark.parametrize(
    "bit", [b"", b"\x00\x09" + bytes(9), b"BIT", bytes(40), bit_file(b""), bit_file(b"abc")]
)
def test_a_file_that_is_no_bitstream(bit: bytes, tmp_path: Path) -> None:
    with pytest.raises(BuildFailed) as error:
        for_fpga_manager(tmp_path, bit)
    assert str(error.value) == (
        "bitstream: must be a whole .bit file, not one that is cut off or of another kind; build again"
    )


def test_a_bitstream_that_is_cut_off(tmp_path: Path) -> None:
    bit = bit_file(bytes.fromhex("ffffffffaa995566"))
    for length in range(len(bit)):
        with pytest.raises(BuildFailed, match="must be a whole"):
            for_fpga_manager(tmp_path, bit[:length])
