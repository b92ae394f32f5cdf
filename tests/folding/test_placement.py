# SPDX-License-Identifier: Apache-2.0
"""Weights that move to block RAM where LUTs are scarce."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from contract import randomize
from students import SMALL, student

from rtl4ml.cells.dwu import Dwu
from rtl4ml.cells.mvu import Mvu
from rtl4ml.device import ZCU102, Device, Resources
from rtl4ml.folding.explorer import fold
from rtl4ml.folding.placement import SCARCE, fill, placed, resources
from rtl4ml.frontends.qkeras.importer import parse
from rtl4ml.lowering.lower import lower
from rtl4ml.netlist.netlist import Netlist
from rtl4ml.netlist.plan import Plan


@pytest.fixture(scope="module")
def plan() -> Plan:
    model = randomize(student("unet").build(**SMALL), np.random.default_rng(1))
    return fold(parse(model).graph, target_interval=600)


def device(luts: float, blocks: int) -> Device:
    return replace(ZCU102, lut=int(luts), bram36=blocks)


def moved(net: Netlist) -> list[str]:
    """Cells whose weights were moved."""
    return [c.name for c in net.cells if isinstance(c, Mvu | Dwu) and c.block]


def needs(plan: Plan) -> Resources:
    return resources(lower(plan))


def test_weights_move_until_both_shares_are_alike(plan: Plan) -> None:
    need = needs(plan)
    full = replace(plan, device=device(1.02 * need.lut, 40))
    net = lower(full)
    made = placed(net, full)
    names = moved(made)
    assert 0 < len(names) < sum(isinstance(c, Mvu | Dwu) for c in made.cells)
    before, behind = resources(net), resources(made)
    assert behind.lut < before.lut and behind.bram36 > before.bram36
    assert fill(behind, full.device) < fill(before, full.device)
    for old, new in zip(net.cells, made.cells, strict=True):
        a, b = old.timing(), new.timing()
        assert (a.slots, a.latency) == (b.slots, b.latency), old.name
        if old.name in names:
            assert (old.params()["Block"], new.params()["Block"]) == (0, 1)
        else:
            assert new is old


def test_block_ram_that_a_plan_may_not_take_is_left(plan: Plan) -> None:
    full = replace(plan, device=device(1.02 * needs(plan).lut, 40), shares={"bram36": 0.0})
    assert moved(placed(lower(full), full)) == []


def test_nothing_moves_where_luts_are_left(plan: Plan) -> None:
    roomy = replace(plan, device=device(needs(plan).lut / SCARCE + 400, 40))
    net = lower(roomy)
    assert placed(net, roomy) is net
