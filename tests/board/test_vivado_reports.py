# SPDX-License-Identifier: Apache-2.0
"""Vivado's reports as values. The reports were written by hand in the form that AMD's documentation shows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from vivado_model import REPORTS

from rtl4ml.board import vivado_reports as r
from rtl4ml.errors import BuildFailed


def text(name: str) -> str:
    return (REPORTS / name).read_text()


def test_every_report_says_that_it_is_none_of_vivado() -> None:
    assert all("Not made by Vivado" in p.read_text().splitlines()[0] for p in REPORTS.glob("*.rpt"))


def test_timing_that_is_met() -> None:
    found = r.parse_timing(text("timing.rpt"))
    assert found == r.Timing(0.104, 0.0, 0, 0.011, 0.0, 0, 0.5, 141272, 0)
    assert found.met and found.fmax_mhz(250) == pytest.approx(1000 / 3.896)


def test_timing_that_is_not_met() -> None:
    found = r.parse_timing(text("timing_not_met.rpt"))
    assert found == r.Timing(-0.312, -48.75, 391, 0.011, 0.0, 0, 0.5, 141272, 0)
    assert not found.met and found.fmax_mhz(250) == pytest.approx(1000 / 4.312)


def test_a_design_without_a_clock() -> None:
    with pytest.raises(BuildFailed) as error:
        r.parse_timing(text("timing_no_clock.rpt"))
    assert str(error.value) == (
        "timing.rpt: WNS(ns) must be a number such as 0.104, not 'NA'; build again with LC_ALL=C and a clock on every "
        "register"
    )


def test_a_report_without_its_summary() -> None:
    with pytest.raises(BuildFailed) as error:
        r.parse_timing("Timing Summary Report\n")
    assert str(error.value) == (
        "timing.rpt: must hold a Design Timing Summary, not end before it or be in another language; delete "
        "stamps/report and run again with LC_ALL=C"
    )


def test_utilization() -> None:
    assert r.parse_utilization(text("utilization.rpt")) == r.Utilization(61203, 5032, 58311, 412, 87.5)


def test_utilization_with_ultraram_and_without_prohibited() -> None:
    """As older versions write it, and as devices with UltraRAM have it."""
    lines = []
    for line in text("utilization.rpt").splitlines():
        cells = line.split("|")
        lines.append("|".join(cells[:4] + cells[5:]) if len(cells) == 8 else line)
        if line.startswith("| Block RAM Tile"):
            lines.append("| URAM | 12 | 0 | 64 | 18.75 |")
    assert r.parse_utilization("\n".join(lines)) == r.Utilization(61203, 5032, 58311, 412, 87.5, 12)


def test_the_network_alone() -> None:
    found = r.parse_hierarchy(text("utilization_hierarchical.rpt"))
    top = next(i for i in found if i.module == "r4_top")
    assert top.path == ("board_wrapper", "board_i", "r4", "inst", "u_board", "u_top")
    assert top.used == r.Utilization(58401, 4701, 55002, 412, 83.5)
    assert found[-1].path == ("board_wrapper", "board_i", "reset")


def test_power() -> None:
    assert r.parse_power(text("power.rpt")) == r.Power(5.812, 5.104, 0.708, 2.683, "Medium")


def test_routes() -> None:
    assert r.parse_route(text("route.rpt")) == 0


CUT: list[tuple[str, Callable[[str], object]]] = [
    ("timing.rpt", r.parse_timing),
    ("timing_not_met.rpt", r.parse_timing),
    ("utilization.rpt", r.parse_utilization),
    ("utilization_hierarchical.rpt", r.parse_hierarchy),
    ("power.rpt", r.parse_power),
    ("route.rpt", r.parse_route),
]


@pytest.mark.parametrize(("name", "parse"), CUT, ids=[name for name, _ in CUT])
def test_a_report_that_is_cut_off_is_refused_or_whole(name: str, parse: Callable[[str], object]) -> None:
    """Cut after any character: an error, or the very values of the whole. Never other values."""
    whole, refused = parse(text(name)), 0
    for length in range(len(text(name))):
        try:
            assert parse(text(name)[:length]) == whole, f"cut after {length} characters"
        except BuildFailed:
            refused += 1
    assert refused


def test_messages_of_a_log() -> None:
    twice = "CRITICAL WARNING: [B 2-2] y\n"
    log = f"INFO: [A 1-1] x\n{twice}ERROR: [C 3-3] z\n{twice}x CRITICAL WARNING: [D]\n"
    assert r.messages(log) == ("[B 2-2] y",)
    assert r.messages(log, "ERROR") == ("[C 3-3] z",)
