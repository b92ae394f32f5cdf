# SPDX-License-Identifier: Apache-2.0
"""The longest path of hand-made netlists, with delays that were worked out by hand from the published tables."""

from __future__ import annotations

import re
from typing import Any

import pytest

from rtl4ml.errors import EnvironmentProblem
from rtl4ml.sta.circuit import circuit
from rtl4ml.sta.delays import family, from_table
from rtl4ml.sta.paths import Analysis, Worst, analyse

OUTPUTS = {"O", "Q", "CO", "Z", "DOUTADOUT", "DOA", "p_o"}


def cell(kind: str, parameters: dict[str, str] | None = None, **bits: Any) -> dict[str, Any]:
    """A primitive as Yosys's `write_json` has it; a port of one bit may be given as that."""
    connections = {p: b if isinstance(b, list) else [b] for p, b in bits.items()}
    directions = {p: "output" if p in OUTPUTS else "input" for p in connections}
    return {
        "type": kind,
        "parameters": parameters or {},
        "connections": connections,
        "port_directions": directions,
    }


def analysed(
    *cells: dict[str, Any], device: str = "xcup", double: int | None = None, **names: int
) -> Analysis:
    """names: of nets; a name "a_q" is of the cell a. double: the net that is the clock of twice the rate."""
    top = {
        "ports": {} if double is None else {"clk2x_i": {"direction": "input", "bits": [double]}},
        "cells": {f"$auto${n}": c for n, c in enumerate(cells)},
        "netnames": {k: {"hide_name": 0, "bits": [v]} for k, v in names.items()},
    }
    return analyse(circuit(top, family(device)), lambda name: "" if "$" in name else name.partition("_")[0])


def ff(d: Any, q: int, ce: Any = "1") -> dict[str, Any]:
    return cell("FDRE", C=1, CE=ce, D=d, R="0", Q=q)


def test_a_lut_between_flip_flops() -> None:
    found = analysed(ff("0", 10), cell("LUT1", I0=10, O=11), ff(11, 12))
    assert found.ps == 77 + 200 + 35 + 50 - 25
    assert (found.levels, found.path and found.path.levels) == (1, 1)
    assert found.path is not None
    assert [s.primitive for s in found.path.steps] == ["FDRE", "LUT1", "FDRE"]
    assert [s.fan_out for s in found.path.steps] == [1, 1, 0]


def test_a_flip_flop_that_no_lut_is_beside_is_reached_by_a_net() -> None:
    assert analysed(ff("0", 10), ff(10, 11)).ps == 77 + 200 + 100 - 25


def test_a_net_of_four_sinks() -> None:
    found = analysed(ff("0", 10), cell("LUT1", I0=10, O=11), *(ff(11, 20 + n) for n in range(4)))
    # A LUT is beside one flip-flop: four of them are on a net.
    assert found.ps == 77 + 200 + 35 + (200 + 50 * 2) + 100 - 25


def test_the_latest_input_is_on_the_fastest_pin() -> None:
    both = analysed(ff("0", 10), ff("0", 11), cell("LUT2", I0=10, I1=11, O=12), ff(12, 13))
    assert both.ps == 77 + 200 + 50 + 50 - 25  # both come at the same time: one takes the second pin
    late = analysed(
        ff("0", 10), ff("0", 11), cell("LUT1", I0=10, O=12), cell("LUT2", I0=12, I1=11, O=13), ff(13, 14)
    )
    assert late.ps == 77 + 200 + 35 + 200 + 35 + 50 - 25
    assert late.levels == 2


@pytest.mark.parametrize("carries", [1, 2, 3])
def test_a_carry_chain_is_one_level(carries: int) -> None:
    cells = [ff("0", 10), cell("LUT1", I0=10, O=11)]
    for n in range(carries):
        co, o = [100 + 10 * n + i for i in range(4)], [200 + 10 * n + i for i in range(4)]
        s: list[Any] = ["0"] * 4
        if n == 0:
            s[0] = 11
        ci: Any = "0" if n == 0 else 100 + 10 * (n - 1) + 3
        cells.append(cell("CARRY4", CI=ci, CYINIT="0", DI=["0"] * 4, S=s, CO=co, O=o))
    cells.append(ff(200 + 10 * (carries - 1) + 3, 300))
    found = analysed(*cells)
    inside = {
        1: 139,  # S0 to O3 of a CARRY8
        2: 241,  # to O7: the second CARRY4 is its upper half
        3: 199 + 46 + 82,  # to CO7, over to the next one's CI, and to O3
    }
    assert found.ps == 77 + 200 + 35 + 15 + inside[carries] + 25 - 25
    assert found.levels == 2  # the LUT and the chain


def test_an_inverter_stands_beside_each_of_its_sinks() -> None:
    carry = cell(
        "CARRY4",
        CI="0",
        CYINIT="0",
        DI=["0"] * 4,
        S=[11, 11, "0", "0"],
        CO=[20, 21, 22, 23],
        O=[30, 31, 32, 33],
    )
    found = analysed(ff("0", 10), cell("INV", I=10, O=11), carry, ff(31, 40))
    assert found.ps == 77 + 200 + 35 + 15 + 96 + 25 - 25  # S0 to O1


@pytest.mark.parametrize(("register", "out"), [("0", 1003), ("1", 220)])
def test_block_ram_with_and_without_its_output_register(register: str, out: int) -> None:
    value = register.zfill(32)
    ram = cell(
        "RAMB36E2", {"DOA_REG": value}, CLKARDCLK=1, ADDRARDADDR=[10, "0"], ENARDEN="1", DOUTADOUT=[20, 21]
    )
    assert analysed(ram, ff(20, 30)).ps == out + 200 + 100 - 25
    assert analysed(ff("0", 10), ram).ps == 77 + 200 + 358


def test_lut_memory_is_read_like_a_lut() -> None:
    ram = cell("RAM32M16", WCLK=1, WE="0", ADDRA=[10, "0", "0", "0", "0"], DOA=[20, 21])
    found = analysed(ff("0", 10), ram, ff(20, 30))
    assert found.ps == 77 + 200 + 150 + 200 + 100 - 25
    assert found.levels == 1
    assert analysed(ram, ff(20, 30)).ps == 312 + 200 + 100 - 25  # of what was just written


def test_a_cascade_of_dsps_is_wired() -> None:
    first = cell(r"$paramod\r4_dsp_mac", clk_i=1, en_i="1", a_i="0", p_o=10)
    second = cell(r"$paramod\r4_dsp_mac", clk_i=1, en_i="1", a_i="0", c_i=10, p_o=11)
    assert analysed(first, second).ps == 329 + 106 + 1025


def test_a_path_at_a_clock_of_twice_the_rate_has_half_a_cycle() -> None:
    """From it, to it and within it; a longer path between registers of the slower clock has a whole one."""

    def path(first: int, second: int) -> Analysis:
        a, b = ff("0", 10), ff(11, 12)
        a["connections"]["C"], b["connections"]["C"] = [first], [second]
        return analysed(a, cell("LUT1", I0=10, O=11), b, double=2)

    one = 77 + 200 + 35 + 50 - 25
    assert path(1, 1).ps == one
    assert [path(1, 2).ps, path(2, 1).ps, path(2, 2).ps] == [2 * one] * 3
    # Two paths to one flip-flop: that of the faster clock is shorter, but has half the time.
    fast = ff("0", 20)
    fast["connections"]["C"] = [2]
    luts = [cell("LUT1", I0=10, O=21), cell("LUT2", I0=21, I1=20, O=23)]
    found = analysed(ff("0", 10), fast, *luts, ff(23, 24), double=2)
    assert found.ps == 2 * one and found.levels == 2
    assert found.path is not None and (found.path.share, found.path.levels) == (2, 1)


def test_a_cascade_of_dsps_at_twice_the_clock() -> None:
    first = cell(r"$paramod\r4_dsp_pump", clk2x_i=2, en_i="1", a_i="0", p_o=10)
    second = cell(r"$paramod\r4_dsp_pump", clk2x_i=2, en_i="1", a_i="0", c_i=10, p_o=11)
    assert analysed(first, second, double=2).ps == 2 * (329 + 106 + 1025)


def test_paths_from_and_to_ports_are_left_out() -> None:
    found = analysed(cell("LUT1", I0=5, O=10), ff(10, 11), cell("LUT1", I0=11, O=12))
    assert (found.path, found.levels, found.ps) == (None, 0, 0)


def test_ecp5() -> None:
    a = cell("TRELLIS_FF", CLK=1, CE="1", DI="0", LSR="0", Q=10)
    b = cell("TRELLIS_FF", CLK=1, CE="1", DI=11, LSR="0", Q=12)
    found = analysed(a, cell("LUT4", A=10, B="0", C="0", D="0", Z=11), b, device="ecp5")
    ecp5 = family("ecp5")
    assert found.ps == 525 + ecp5.base + 236 + ecp5.wired["LUT", "Z", "FF", "DI"]


def test_the_cells_of_a_path_and_of_the_largest_enable() -> None:
    """A valid of cell a, a LUT that enables three flip-flops of b, and one of these that comes to c."""
    found = analysed(
        ff("0", 10),
        cell("LUT1", I0=10, O=11),
        *(ff("0", 20 + n, ce=11) for n in range(3)),
        ff(20, 30),
        a_valid=10, b_x=20, b_y=21, b_z=22, c_q=30,
    )  # fmt: skip
    three = 200 + 50 * 1.584962500721156
    assert found.ps == pytest.approx(77 + 200 + 35 + three + 60, abs=1e-9)
    assert found.path is not None
    assert [s.cell for s in found.path.steps] == ["a", "b", "b"]  # the LUT is where most of what it drives is
    assert found.path.cells == ["a", "b"]
    assert found.crossed == 2
    assert found.enable == (3, "b")
    assert found.cells["c"] == Worst(77 + 200 + 100 - 25, 0)


def test_data_pins_are_no_enables() -> None:
    data, enables = [ff(10, 20 + n) for n in range(5)], [ff("0", 30 + n, ce=11) for n in range(2)]
    assert analysed(ff("0", 10), ff("0", 11), *data, *enables, a_q=30, b_q=31).enable == (2, "a")


def test_what_a_memory_has_just_written_may_come_later_than_what_is_read() -> None:
    table = {
        "family": "made up", "device": "", "source": "", "assumed": [], "net": {"base": 5, "per_log2": 0}, "wired": [],
        "kinds": {
            "FF": {"types": ["FDRE"], "clock_to": {"Q": 1}, "setup": {"D": 2}},
            "RAM": {"types": ["RAM"], "level": 1, "clock_to": {"O": 900}, "arcs": {"A": {"O": 10}}},
        },
    }  # fmt: skip
    top = {"cells": {"a": ff("0", 10), "m": cell("RAM", A=10, O=11), "b": ff(11, 12)}, "netnames": {}}
    found = analyse(circuit(top, from_table(table)), lambda name: name)
    assert found.ps == 900 + 5 + 2
    assert found.path is not None
    assert (found.path.levels, found.levels) == (0, 1)  # the most levels are those of another path


def test_a_loop_is_refused() -> None:
    with pytest.raises(
        EnvironmentProblem,
        match=r"^a_x: a netlist must have no combinational loop, not one through this net$",
    ):
        analysed(cell("LUT1", I0=10, O=11), cell("LUT1", I0=11, O=10), a_x=11)


def test_an_unknown_primitive_is_refused() -> None:
    said = "Yosys: every primitive must be in the table of delays, not URAM288"
    with pytest.raises(EnvironmentProblem, match=f"^{re.escape(said)}$"):
        analysed(cell("URAM288", CLK=1))
