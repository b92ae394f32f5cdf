# SPDX-License-Identifier: Apache-2.0
"""The timeline of the first frame: every wire's beats against the plain stepper, layers against the graph."""

from __future__ import annotations

import numpy as np
import pytest
from contract import randomize
from designs import DESIGNS
from steps_reference import frame_ends
from students import SMALL, student

from rtl4ml.folding.explorer import fold
from rtl4ml.frontends.qkeras.importer import parse
from rtl4ml.netlist.netlist import Netlist
from rtl4ml.timing import first_frames
from rtl4ml.timing.cycles import predict
from rtl4ml.timing.sizing import sized_netlist
from rtl4ml.timing.stepper import Stepper
from rtl4ml.timing.timeline import timeline


def made(name: str) -> Netlist:
    rng = np.random.default_rng(5)
    if name == "unet":
        return sized_netlist(
            fold(parse(randomize(student("unet").build(**SMALL), rng)).graph, target_interval=600)
        )
    build, target = DESIGNS[name]
    return sized_netlist(fold(parse(randomize(build(), rng)).graph, target_interval=target))


@pytest.mark.parametrize("name", ["unet", "skip", "separable", *list(DESIGNS)[:2]])
def test_every_wire_s_beats_are_taken_when_the_plain_stepper_takes_them(name: str) -> None:
    netlist = made(name)
    taken: dict[str, list[int]] = {}
    end = next(frame_ends(netlist, 100_000, taken))
    found = Stepper(netlist).trace()
    beats = {w.name: w.beats for c in netlist.cells for w in c.outputs.values()}
    beats |= {
        netlist.input.name: netlist.input.beats,
        "s_axis": netlist.input.beats,
        "m_axis": netlist.output.beats,
    }
    other = {"s_axis": "s_axis.", "m_axis": "m_axis."}
    want = {other.get(w, w): (taken[w][0], taken[w][n - 1]) for w, n in beats.items()}
    assert found == want
    assert found["m_axis."][1] == end == predict(netlist).latency
    assert len({first for first, _ in found.values()}) > 10


@pytest.mark.parametrize("name", ["unet", "skip", "separable"])
def test_layers_follow_each_other(name: str) -> None:
    netlist = made(name)
    found = timeline(netlist)
    assert found is not None
    times = {t.name: t for t in found}
    assert [t.name for t in found][1:-1] == [op.name for op in netlist.graph.ops if op.name in times]
    by_output = {op.output.name: op.name for op in netlist.graph.ops}
    last: dict[
        str, list[int]
    ] = {}  # of a source: when its readers take its last beat, one of them after the other
    for op in netlist.graph.ops:
        if op.name not in times:
            continue
        for x in op.inputs:
            source = times.get(by_output.get(x.name, found[0].name))
            if source is not None:
                assert source.gives[0] < times[op.name].takes[1], (source, times[op.name])
                last.setdefault(source.name, []).append(times[op.name].takes[1])
        assert times[op.name].takes[0] <= times[op.name].gives[0]
        assert times[op.name].gives[1] >= times[op.name].takes[1]
    assert len(last) > 3
    for name_of, taken in last.items():
        assert times[name_of].gives[1] <= max(taken)
    assert found[0].takes[0] == 0
    assert found[-1].gives[1] == predict(netlist).latency


def test_a_join_takes_what_its_cell_takes_not_what_its_fifo_takes() -> None:
    """The skip's FIFO takes beats long before the join has the others."""
    netlist = made("unet")
    found = timeline(netlist)
    assert found is not None
    times = {t.name: t for t in found}
    joins = [op for op in netlist.graph.ops if len(op.inputs) == 2]
    by_output = {op.output.name: op.name for op in netlist.graph.ops}
    assert joins
    for op in joins:
        gave = [times[by_output[x.name]].gives[0] for x in op.inputs]
        assert times[op.name].takes[0] > min(gave) + 1


def test_of_a_frame_too_large_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    netlist = made("skip")
    longest = max(netlist.input.beats, *(c.slots for c in netlist.cells))
    monkeypatch.setattr(first_frames, "STEPPED", longest * len(netlist.cells))
    assert timeline(netlist) is not None
    monkeypatch.setattr(first_frames, "STEPPED", longest * len(netlist.cells) - 1)
    assert timeline(netlist) is None
