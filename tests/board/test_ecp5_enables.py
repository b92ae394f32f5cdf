# SPDX-License-Identifier: Apache-2.0
"""Copies of LUTs that enable much: which are made, what reads them, and that the netlist does what it did."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import equivalence
import numpy as np
import pytest
from ecp5_netlists import cell, lut, netlist, register, run

from rtl4ml.board.ecp5.enables import MANY, split_enables
from rtl4ml.netlist.netlist import Param
from rtl4ml.synthesis.yosys import Unit

DATA, READY, OPEN, COUNT, MOVED = 3, 4, 10, 11, 12  # nets
OUT = 100  # first net of what is enabled


def fifo(count: int = MANY) -> dict[str, Any]:
    """A LUT that enables so many flip-flops, one of them by its reset, and leads to one by logic and to one itself."""
    cells = {"open": lut(0x6666, DATA, READY, "0", "0", OPEN)}
    cells |= {f"q{i}": register(DATA, OUT + i, ce=OPEN) for i in range(count - 1)}
    cells["r"] = register(DATA, OUT + count, lsr=OPEN)
    cells["next"] = lut(0x6666, OPEN, COUNT, "0", "0", 50)
    cells |= {"count": register(50, COUNT), "moved": register(OPEN, MOVED)}
    return netlist(cells, [OUT, COUNT, MOVED])


def test_logic_reads_a_copy(rng: np.random.Generator) -> None:
    before = fifo()
    made = copy.deepcopy(before)
    assert split_enables(made) == 1
    cells = made["modules"]["top"]["cells"]
    net = cells["open$logic"]["connections"]["Z"]
    assert net != [OPEN] and cells["open$logic"]["parameters"] == cells["open"]["parameters"]
    assert cells["next"]["connections"]["A"] == cells["moved"]["connections"]["DI"] == net
    assert {tuple(cells[f"q{i}"]["connections"]["CE"]) for i in range(MANY - 1)} == {(OPEN,)}
    assert cells["r"]["connections"]["LSR"] == [OPEN]
    values = rng.integers(0, 2, (60, 2))
    was, now = (run(d, (DATA, READY), values) for d in (before, made))
    assert {v[COUNT] for v in was} == {0, 1}
    assert all(all(n[net] == v for net, v in w.items()) for w, n in zip(was, now, strict=True))


def test_enables_of_memories_count() -> None:
    made = fifo(2)
    cells = made["modules"]["top"]["cells"]
    cells |= {f"m{i}": cell("DP16KD", {}, CEB=OPEN, OCEB=OPEN) for i in range(MANY // 2 - 1)}
    assert split_enables(made) == 1


def _few(cells: dict[str, Any]) -> None:
    del cells["q0"]


def _nothing_else(cells: dict[str, Any]) -> None:
    del cells["next"], cells["moved"]


@pytest.mark.parametrize("spoil", [_few, _nothing_else])
def test_others_stay(spoil: Any) -> None:
    made = fifo()
    spoil(made["modules"]["top"]["cells"])
    before = copy.deepcopy(made)
    assert split_enables(made) == 0
    assert made == before


def test_a_fifo_is_proven_to_stay_the_same(tmp_path: Path) -> None:
    """The netlist of a FIFO with the LUT that moves its words copied for its counters, against the RTL, for ever."""
    sizes: dict[str, Param] = {"Width": MANY, "Depth": 4}
    equivalence.synthesize(Unit("fifo", "", "r4_fifo", sizes), tmp_path)
    assert equivalence.change(tmp_path, split_enables) >= 1
    assert equivalence.equivalent(tmp_path)
