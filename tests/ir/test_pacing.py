# SPDX-License-Identifier: Apache-2.0
"""Rows of skips that wait, by how fast operators are, held against FIFOs sized by stepping through the cycles."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from bench_convert import spread

from rtl4ml.cells.streams import Fifo
from rtl4ml.folding import search
from rtl4ml.folding.explorer import Explorer
from rtl4ml.frontends.qkeras.importer import parse
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.lag import rows_waiting
from rtl4ml.ir.late import skips, with_homes
from rtl4ml.ir.pacing import held, rows_lagging
from rtl4ml.models import unet
from rtl4ml.netlist.memories import BLOCK_BITS
from rtl4ml.timing.sizing import sized_netlist

TARGET = 4 * 64 * 64


@cache
def graph() -> Graph:
    model = unet.build(widths=(8, 16, 16), size=(64, 64), weight_bits=4, activation_bits=4)
    return parse(spread(model, np.random.default_rng(7))).graph


def test_fifos_of_skips_are_about_as_deep() -> None:
    plan = Explorer(graph()).fold(TARGET)
    found = rows_lagging(graph(), {op.name: plan[op].interval / TARGET for op in graph().ops})
    known = skips(graph())
    cells = {
        c.layer: c.depth * c.x.lanes / (known[c.layer].elements // known[c.layer].hwc[0])
        for c in sized_netlist(plan).cells
        if isinstance(c, Fifo) and c.layer in known and "_b_" in c.name
    }
    assert cells.keys() == found.keys() == {"up1_concat", "up2_concat"}
    for join, rows in found.items():
        assert 0.85 * cells[join] <= rows <= 1.03 * cells[join]


def test_faster_operators_make_shallower_skips() -> None:
    names = [op.name for op in graph().ops]
    most, half = (rows_lagging(graph(), dict.fromkeys(names, speed)) for speed in (1.0, 0.5))
    least = rows_lagging(graph(), dict.fromkeys(names, 0.5), pixels=False)
    for join, rows in rows_waiting(graph()).items():
        assert rows <= least[join] <= half[join] <= most[join]
    assert least["up1_concat"] < half["up1_concat"] < most["up1_concat"]


def test_lags_do_not_depend_on_the_height() -> None:
    tall = graph().resized(256, 64)
    assert tall is not None
    speeds = {op.name: 1.0 for op in graph().ops}
    assert rows_lagging(tall, speeds) == rows_lagging(graph(), speeds)


def test_what_is_computed_late_waits_where_it_is_narrowest() -> None:
    """Three channels of 4 bits behind the first depthwise layer are fewer than the image's of 8 bits."""
    late = with_homes(graph(), {"up1_concat": "late"})
    where = {join: held(late, join, skip).name for join, skip in skips(late).items()}
    assert where == {"up1_concat": "down1_1_dw_relu_for_up1_concat", "up2_concat": "down2_2_pw_relu"}


def test_a_skip_in_dram_takes_no_block_ram() -> None:
    speeds = {op.name: 1.0 for op in graph().ops}
    rows, known = rows_lagging(graph(), speeds), skips(graph())
    skip = known["up1_concat"]
    took = rows["up1_concat"] / 64 * skip.elements * skip.type.width / BLOCK_BITS
    both, one = (Explorer(with_homes(graph(), h)).lagging(speeds) for h in ({}, {"up1_concat": "dram"}))
    assert both.bram36 - one.bram36 == pytest.approx(took)
    assert took > 1


def test_a_design_too_large_with_its_skips_is_not_sized(monkeypatch: pytest.MonkeyPatch) -> None:
    explorer = Explorer(graph())
    plan, resources = explorer.fold(TARGET), search.layer_resources

    def unsized(plan: Any, *, analyse: bool = True) -> Any:
        assert not analyse, "FIFOs are sized"
        return resources(plan, analyse=analyse)

    monkeypatch.setattr(search, "layer_resources", unsized)
    without = sum(r.bram36 for r in resources(plan, analyse=False).values())
    lagging = explorer.lagging({op.name: plan[op].interval / TARGET for op in graph().ops}).bram36
    limits = {**plan.device.capacity, "bram36": without + 0.9 * lagging}
    total, beside = search.overhead_resources(explorer, plan, limits)
    assert total.bram36 > limits["bram36"] and beside.bram36 >= 0.9 * lagging
    with pytest.raises(AssertionError, match="FIFOs are sized"):
        search.overhead_resources(explorer, plan, {**limits, "bram36": without + lagging})
