# SPDX-License-Identifier: Apache-2.0
"""How long the features of a skip wait, by what depends on what alone."""

from __future__ import annotations

import numpy as np

from rtl4ml.ir.graph import Graph
from rtl4ml.ir.late import skips
from rtl4ml.ir.reads import ROWS
from rtl4ml.ir.types import Index, Stream


def rows_waiting(graph: Graph) -> dict[str, int]:
    """Name of every join to the rows of its skip that wait at least, whatever the hardware.

    The other way to the join makes a row once it has all rows of the skip's stream that this one depends on; those that
    the join has not read yet wait. Skips that are not frames, and those computed once more, count none.

    Where a level is pooled by 2, goes through 3 taps and comes back, output row 0 depends on row 3: three rows wait.
    """
    return {join: _lag(graph, join, skip) for join, skip in skips(graph).items()}


def _lag(graph: Graph, join: str, skip: Stream) -> int:
    """The rows of `skip` that wait for a join."""
    if len(skip.shape) < 3:
        return 0
    needs: dict[str, Index] = {
        skip.name: np.arange(skip.hwc[0])
    }  # by row, the last row of the skip; below 0: none
    for op in graph.ops:
        made = np.full(op.output.hwc[0], -1, np.int64)
        for reads, s in zip(op.reads(ROWS), op.inputs, strict=True):
            if s.name not in needs or (op.name == join and s.name == skip.name):
                continue
            of = needs[s.name]
            inside = reads.inside(len(of))
            made = np.maximum(made, np.where(inside, of[np.where(inside, reads.at, 0)], -1).max(axis=1))
        if op.name == join:
            # Rows come in order: one waits for all before it.
            return max(0, int((np.maximum.accumulate(made) - np.arange(len(made))).max()))
        if (made >= 0).any():
            needs[op.output.name] = made
    return 0
