# SPDX-License-Identifier: Apache-2.0
"""Samples and their exact results for the test bench that hls4ml writes; without them it runs on zeros."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rtl4ml.ir.graph import Graph

# Samples of a project, and the multiply-accumulates that their emulation may take: while a project is written, a
# second or two; and when its C simulation is compiled, which takes longer itself, a minute. None of very large frames.
_SAMPLES, _SOON, _MOST = 10, 4 * 10**8, 4 * 10**9
_FILES = ("tb_input_features.dat", "tb_output_predictions.dat")


def write_vectors(graph: Graph, project: Path, *, soon: bool = False) -> None:
    """Writes random samples and their results into a project's tb_data, unless they are there.

    soon: whether to leave out those of a network that takes long
    """
    folder = project / "tb_data"
    count = min(_SAMPLES, _MOST // max(1, graph.macs))
    if not count or (soon and count * graph.macs > _SOON) or all((folder / f).exists() for f in _FILES):
        return
    rng = np.random.default_rng(0)
    x = [rng.integers(s.lo, s.hi, (count, *s.shape), endpoint=True) for s in graph.inputs]
    folder.mkdir(exist_ok=True)
    for name, streams, made in zip(_FILES, (graph.inputs, graph.outputs), (x, graph.emulate(x)), strict=True):
        values = [s.real(a).reshape(count, -1) for s, a in zip(streams, made, strict=True)]
        rows = (" ".join(f"{v:.17g}" for v in row) for row in np.concatenate(values, axis=1).tolist())
        (folder / name).write_text("".join(f"{row}\n" for row in rows), "utf-8")
