# SPDX-License-Identifier: Apache-2.0
"""RTL held against a saved design: the design's own, or a module of yours around it with the same ports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rtl4ml import arguments
from rtl4ml.errors import BadInput, named
from rtl4ml.ir.several import of_each, one_or_all
from rtl4ml.loaded import SavedDesign
from rtl4ml.simulation.bulk import Simulator, build
from rtl4ml.timing.cycles import frame_ends
from rtl4ml.timing.simulated import run

Real = NDArray[np.float64]


@dataclass(frozen=True)
class Exact:
    """What was compared, without a difference.

    frames:   sent without pauses; values: of them
    patterns: seeds of random pauses under which the frames were sent again
    latency, interval: cycles in simulation without pauses; interval is None of fewer than three frames

    Sixteen frames of 10 classes each, again under two patterns:
    Exact(frames=16, values=160, patterns=2, latency=57, interval=32)
    """

    frames: int
    values: int
    patterns: int
    latency: int | None
    interval: int | Fraction | None


def random_frames(design: SavedDesign, frames: int = 16, seed: int = 0) -> Any:
    """Frames (N, *input shape) of random reals, over the range of the design's input and a little beyond; of several
    inputs a list.

    frames: how many, at least 1; seed: fixes them
    """
    frames, seed = arguments.frames(frames), arguments.seed(seed)
    rng = np.random.default_rng(seed)
    made = []
    for s in design.graph.inputs:
        lo, hi = (s.lo - 2) * s.type.step, (s.hi + 2) * s.type.step
        made.append(rng.uniform(lo, hi, (frames, *s.shape)).astype(np.float32))
    return one_or_all(made)


def rtl_of(design: SavedDesign) -> list[Path]:
    """The design's SystemVerilog files in the order in which tools read them, its top last."""
    return design.sources


def simulator(
    design: SavedDesign,
    *,
    top: str | None = None,
    sources: Sequence[str | Path] = (),
    build_dir: str | Path | None = None,
    asserts: bool = True,
) -> Simulator:
    """The compiled RTL, from `build_dir` if it was compiled there before.

    top, sources: a module of yours with the ports of the design's top, and all files that it is made of (`rtl_of`);
                  default the design's own. Memory images are looked for in the design's folder `mem`
    build_dir:    default `testing` in the design's folder
    asserts:      whether the assertions in the cells are checked

    Raises BadInput for a top without sources, EnvironmentProblem where Verilator, g++, make or perl is missing,
    SimulationFailed where the RTL does not compile, StaleProject where a file of the design has changed.
    """
    if bool(top) != bool(sources):
        raise BadInput(
            f"{named('sources')}: must be given together with {named('top')}, not alone; "
            "name a module of yours and all its files, or neither for the design's own"
        )
    design.check()
    folder = design.folder / "testing" if build_dir is None else Path(build_dir)
    files = [Path(s) for s in sources] or rtl_of(design)
    if missing := [str(f) for f in files if not f.is_file()]:
        raise BadInput(
            f"{named('sources')}: must be files, not {missing[0]}, which is missing; check the path"
        )
    made = build(
        folder, top or design.top, files, images=design.folder / "mem", asserts=asserts, ports=design.ports
    )
    return replace(made, memory=design.plan.device.memory(design.clock_mhz))


def assert_exact(
    design: SavedDesign,
    x: Any = None,
    *,
    frames: int = 16,
    patterns: int = 2,
    seed: int = 0,
    cycles: bool | None = None,
    top: str | None = None,
    sources: Sequence[str | Path] = (),
    build_dir: str | Path | None = None,
) -> Exact:
    """Simulates frames, without pauses and under random ones, and asserts that every value is the saved design's.

    x:        samples (N, *input shape); default `random_frames(design, frames, seed)`
    patterns: how many patterns of random pauses on both sides; seed: of the first of them
    cycles:   whether every frame must come in the very cycle that was predicted; default True for the design's own top,
              False for one of yours, which may have registers of its own
    top, sources, build_dir: as `simulator` has them

    Raises AssertionError that names the first wrong value, BadInput for samples of another shape, and what `simulator`
    raises; SimulationFailed where the module stands still or breaks the protocol.
    """
    given = random_frames(design, frames, seed) if x is None else x
    ints, cut = design.parsed.cut_input(given)
    want = of_each(design.emulate(given))
    compiled = simulator(design, top=top, sources=sources, build_dir=build_dir)

    def sent(stalls: Literal["none", "random"], pattern: int) -> Any:
        found = run(compiled, design.netlist, design.cycles, ints, stalls=stalls, seed=pattern)
        when = f" under pauses of seed {pattern}" if stalls == "random" else ""
        for port, stream, y, wanted in zip(
            design.ports.sinks, design.graph.outputs, found.ys, want, strict=True
        ):
            made = cut.join(stream.real(y.reshape(len(y), *stream.shape)))
            _assert_equal(made, wanted, compiled.top, f" at {port}" if len(want) > 1 else "", when)
        return found

    plain = sent("none", 0)
    if cycles if cycles is not None else top is None:
        for ends in plain.ends:
            predicted = frame_ends(design.netlist, len(ends))
            late = np.flatnonzero(ends != predicted)
            if len(late):  # no assert: pytest would rewrite it, and add to the text
                raise AssertionError(
                    f"{compiled.top}: frame {late[0]} must end in cycle {predicted[late[0]]}, as predicted, "
                    f"not in {ends[late[0]]}"
                )
    for pattern in range(seed, seed + patterns):
        sent("random", pattern)
    return Exact(len(want[0]), sum(y.size for y in want), patterns, plain.latency, plain.interval)


def _assert_equal(made: Real, want: Real, top: str, at_port: str, when: str) -> None:
    wrong = np.argwhere(made != want)
    if len(wrong):
        frame, *at = (int(i) for i in wrong[0])
        place = tuple(wrong[0])
        raise AssertionError(
            f"{top}: frame {frame}, element {tuple(at)}{at_port} must be {want[place]:g}, not {made[place]:g}{when}; "
            f"{len(wrong):,} of {want.size:,} values differ"
        )
