# SPDX-License-Identifier: Apache-2.0
"""Depths of FIFOs beside skips in memory, which holds more than was asked of it, and of skips in block RAM."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
from random_networks import draw_unet

from rtl4ml.cells.streams import Fifo, Spill, spills
from rtl4ml.folding.explorer import Explorer
from rtl4ml.folding.homes import Wanted, fold_with_skips
from rtl4ml.frontends.qkeras.importer import parse
from rtl4ml.host import frameworks
from rtl4ml.lowering.lower import lower
from rtl4ml.netlist.plan import Plan
from rtl4ml.timing import sizing
from rtl4ml.timing.cycles import predict
from rtl4ml.timing.sizing import sized_netlist
from rtl4ml.timing.stepper import Stepper


@cache
def plan(number: int) -> Plan:
    """The plan of a random U-Net, as `scripts/fuzz.py --unets --seed 1` has it."""
    frameworks.keras().backend.clear_session()
    drawn = draw_unet([1, number])
    wanted = Wanted(drawn.options["target_interval"], device=drawn.options["device"])
    graph = parse(drawn.model).graph
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Explorer, "rivals", lambda *_: [])  # this very design, not a faster one
        return fold_with_skips(graph, drawn.options["skips"], wanted, fit=drawn.options["fit"])


def test_a_frame_follows_the_other_where_memory_holds_more_than_it_must(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is let in because memory has room for it finds room beside it.

    Cells that run freely stood still before the FIFO of a skip in block RAM: it said that it was full, and beats in
    flight, which take its last places, came only while the one in memory was as shallow as it was asked to be. So
    depths must be right without those that `_moving` adds for what is in flight.
    """
    monkeypatch.setattr(sizing, "_passing", lambda *_: {})
    net = sizing.sized(lower(plan(50)))
    (spill,) = spills(net)
    assert spill.capacity > 2 * spill.depth
    assert predict(net).interval <= 1024


@pytest.mark.parametrize("depth", [100, 109, 3000])
def test_a_run_with_another_depth_is_that_of_the_netlist_with_it(depth: int) -> None:
    """Memory holds as much in a run that is told its depth as in a netlist that has it."""
    net = sized_netlist(plan(50))
    (spill,) = spills(net)
    made = replace(
        net, cells=tuple(replace(c, depth=depth) if isinstance(c, Spill) else c for c in net.cells)
    )
    told, has = Stepper(net).run(depths={spill.name: depth}, frames=4), Stepper(made).run(frames=4)
    assert (told.ends, told.peaks) == (has.ends, has.peaks)


def test_frames_that_repeat_come_out() -> None:
    """A run that ends with its second frame, which repeats the first, does not stand still: no skip is deepened."""
    net = sized_netlist(plan(23))
    skip = next(c for c in net.cells if c.name == "u_down1_2_pw_relu_b_by6_f")
    assert isinstance(skip, Fifo)
    assert skip.depth == 181  # 197 before
