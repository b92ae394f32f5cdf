# SPDX-License-Identifier: Apache-2.0
"""Resets around inverters: which go to the flip-flops' slices, and what the netlist then does."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from ecp5_netlists import lut, netlist, register, run

from rtl4ml.board.ecp5.resets import invert_resets

RESET, DATA, INVERTED = 3, 4, 10  # nets
INVERTERS = [
    (0x00FF, ("0", "0", "0", RESET)),
    (0x5555, (RESET, "1", "0", "1")),
    (0x3333, (RESET, RESET, RESET, RESET)),
]


def design(init: int, pins: tuple[int | str, ...], *, others: bool = False) -> dict[str, Any]:
    """Two flip-flops with a reset by a LUT; others: a LUT reads it, too."""
    cells = {
        "i": lut(init, *pins, INVERTED),  # type: ignore[arg-type]  # pins are nets or constants
        "a": register(DATA, 20, lsr=INVERTED),
        "b": register(20, 21, ce=DATA, lsr=INVERTED, regset="SET"),
        "c": register(21, 22, lsr=RESET),
    }
    if others:
        cells["o"] = lut(0x8888, INVERTED, DATA, "0", "0", 23)
    return netlist(cells, [20, 21, 22, 23] if others else [20, 21, 22])


@pytest.mark.parametrize("others", [False, True])
@pytest.mark.parametrize(("init", "pins"), INVERTERS)
def test_the_slice_inverts(
    init: int, pins: tuple[int | str, ...], others: bool, rng: np.random.Generator
) -> None:
    before = design(init, pins, others=others)
    after = copy.deepcopy(before)
    assert invert_resets(after) == 2
    cells = after["modules"]["top"]["cells"]
    assert ("i" in cells) == others
    assert {n: c["parameters"]["LSRMUX"] for n, c in cells.items() if n in "abc"} == {
        "a": "INV",
        "b": "INV",
        "c": "LSR",
    }
    values, nets = rng.integers(0, 2, (60, 2)), before["modules"]["top"]["ports"]["y"]["bits"]
    was, now = (run(d, (RESET, DATA), values) for d in (before, after))
    assert [[v[n] for n in nets] for v in was] == [[v[n] for n in nets] for v in now]
    assert {v[20] for v in now} == {0, 1}


@pytest.mark.parametrize(
    ("init", "pins"),
    [
        (0xFF00, ("0", "0", "0", RESET)),  # none
        (0x0000, ("0", "0", "0", RESET)),  # always low
        (0x0FFF, ("0", "0", DATA, RESET)),  # of two nets
        (0x00FF, ("0", "0", "0", "1")),  # of none
    ],
)
def test_other_luts_stay(init: int, pins: tuple[int | str, ...]) -> None:
    made = design(init, pins)
    before = copy.deepcopy(made)
    assert invert_resets(made) == 0
    assert made == before


def test_an_inverted_input_keeps_its_inverter() -> None:
    """A slice inverts resets, no inputs."""
    made = netlist({"i": lut(0x00FF, "0", "0", "0", RESET, INVERTED), "a": register(INVERTED, 20)}, [20])
    before = copy.deepcopy(made)
    assert invert_resets(made) == 0
    assert made == before
