# SPDX-License-Identifier: Apache-2.0
"""r4_fork in simulation: every beat once to each reader, each at its own pace; chains of forks."""

from __future__ import annotations

import numpy as np
import rtl_cells
import rtl_runner

from rtl4ml.cells.streams import ForkCell
from rtl4ml.lowering.forks import fork
from rtl4ml.netlist.netlist import Wire


def test_every_beat_once_to_each(rng: np.random.Generator, seed: int) -> None:
    beats = rng.integers(0, 2**9, 300).tolist()
    runs = [
        rtl_runner.run({"x": beats}, {"y0": beats, "y1": beats}, stalls=None if s == 0 else seed % 2**31 + s)
        for s in range(5)
    ]
    free, *_ = rtl_runner.run_cell("r4_fork", parameters={"Width": 9}, runs=runs)
    wire = Wire("w", 1, 9, False, 300)
    t = ForkCell(name="u", inputs={"x": wire}, outputs={"y0": wire, "y1": wire}).timing()
    taken, given = rtl_cells.schedule(t, takes={"x": 300}, frames=1)
    assert free.cycles == {"x": taken["x"], "y0": given, "y1": given}
    assert len(t.emit) == 2


def test_chain_for_more_readers() -> None:
    for readers in (2, 3, 5):
        n = rtl_cells.builder()
        x = n.wire("x", lanes=2, bits=5, signed=True, beats=7, fraction=3)
        ends = fork(n, x, readers)
        assert len(ends) == readers == sum(isinstance(c, ForkCell) for c in n.cells) + 1
        made = [w.name for c in n.cells for w in c.outputs.values()]
        read = [c.x.name for c in n.cells]
        assert len(set(made)) == len(made)
        assert {w.name for w in ends} | set(read) == {*made, "x"}
        assert not {w.name for w in ends} & set(read)
        for w in ends:
            assert (w.lanes, w.bits, w.signed, w.beats, w.fraction) == (2, 5, True, 7, 3)
