# SPDX-License-Identifier: Apache-2.0
"""Cells that run freely: what the FIFO behind them must have room for, and what may not stand before them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import rtl_cells
from contract import randomize
from designs import DESIGNS

from rtl4ml.cells.activation import Requant
from rtl4ml.cells.streams import Fifo, Narrow
from rtl4ml.folding.explorer import fold
from rtl4ml.frontends.qkeras.importer import parse
from rtl4ml.ir.mappings import Rounding
from rtl4ml.lowering.builder import NetlistBuilder
from rtl4ml.netlist.netlist import Cell, FreeRunning, Netlist, Wire
from rtl4ml.timing.sizing import sized_netlist


def rounded(n: NetlistBuilder, x: Wire) -> Wire:
    """The wire behind a cell that changes no value."""
    y = n.wire("y", lanes=x.lanes, bits=5, signed=True, beats=x.beats)
    return n.add(Requant(name="round", inputs={"x": x}, outputs={"y": y}, mapping=Rounding(0, -16, 15)))


def chain(rng: np.random.Generator, *, lanes: int, narrowed: int, widened: int) -> rtl_cells.Case:
    """Rounding, to more lanes, to fewer lanes, rounding: a chain without a FIFO."""
    n = rtl_cells.builder()
    beats = 24
    x = n.wire("x", lanes=lanes, bits=5, signed=True, beats=beats)

    rounded(n, n.lanes(n.lanes(rounded(n, x), widened), narrowed))
    values = rng.integers(-16, 16, (5, beats * lanes))
    return rtl_cells.Case(f"{lanes} by {widened} by {narrowed}", n.cells, values, values)


SHAPES = [(1, 1, 4), (1, 2, 4), (2, 4, 8), (1, 3, 6), (3, 1, 3)]


def test_chains_without_a_fifo(rng: np.random.Generator, seed: int) -> None:
    cases = [chain(rng, lanes=a, narrowed=b, widened=c) for a, b, c in SHAPES]
    modules = [[c.module for c in case.cells] for case in cases]
    assert sum("r4_fifo" in m for m in modules) == 1, "the last has a beat to narrow in every cycle"
    assert [c.name for c in cases[-1].cells if isinstance(c, Fifo)]
    rtl_cells.check("flow", cases, seed=seed, stalled=4)


@pytest.mark.parametrize("widened", [1, 2])
def test_the_slack_is_no_more_than_enough(
    widened: int, rng: np.random.Generator, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a place less, a beat is lost while the reader pauses."""
    n = rtl_cells.builder()
    y = rounded(n, n.wire("x", lanes=1, bits=5, signed=True, beats=40))
    n.lanes(rounded(n, y), widened)
    values = rng.integers(-16, 16, (5, 40))
    case = rtl_cells.Case("chain", n.cells, values, values)
    honest = Fifo.slack.fget  # type: ignore[attr-defined]  # mypy takes the property for its value
    monkeypatch.setattr(Fifo, "slack", property(lambda self: honest(self) - 1))
    assert case.stored().cells[-1].slack == (3 if widened == 1 else 1)
    with pytest.raises(AssertionError):
        rtl_cells.check("flow_short", [case], seed=seed, stalled=4)


def may_refuse(c: Cell) -> bool:
    """Whether its ready is a function of its output's, beyond passing it on."""
    return not c.cuts and not (isinstance(c, FreeRunning) and c.runs and not c.holds)


def assert_cut(netlist: Netlist) -> None:
    """Between two cells that may refuse a beat there is one whose ready comes from registers."""
    maker = {w.name: c for c in netlist.cells for w in c.outputs.values()}
    for c in netlist.cells:
        for w in c.inputs.values():
            before = maker.get(w.name)
            if may_refuse(c) and before is not None:
                assert before.cuts, f"{before.name} to {c.name}"
            if w.flight:
                assert isinstance(c, Fifo | FreeRunning), c.name
                if isinstance(c, Narrow):
                    assert w.gap >= c.bursts * w.burst, c.name


@pytest.mark.parametrize("name", DESIGNS)
def test_ready_passes_through_one_cell_at_most(name: str) -> None:
    build, target = DESIGNS[name]
    graph = parse(randomize(build(), np.random.default_rng(5))).graph
    netlist = sized_netlist(fold(graph, target_interval=target))
    assert_cut(netlist)
    with pytest.raises(AssertionError):  # without its FIFOs
        behind = {c.y.name: c.x for c in netlist.cells if isinstance(c, Fifo)}
        cells = tuple(
            replace(c, inputs={p: behind.get(w.name, w) for p, w in c.inputs.items()})
            for c in netlist.cells
            if not isinstance(c, Fifo)
        )
        assert_cut(replace(netlist, cells=cells))
