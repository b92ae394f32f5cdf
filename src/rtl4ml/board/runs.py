# SPDX-License-Identifier: Apache-2.0
"""The simulated jobs of a board, added up: the report's entries `cosim` and `dram`, and the picture of the last."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml.board.bulk import Outcome
from rtl4ml.board.ports import DATA_BYTES
from rtl4ml.board.vectors import Cube, Meaning
from rtl4ml.frontends.network import Network
from rtl4ml.report.board_schema import BoardCosim, BoardDram
from rtl4ml.report.figures.maps import ClassMap, Frames
from rtl4ml.report.pictures import looks


@dataclass(frozen=True, eq=False)
class BoardRun:
    """A simulated job: the result as the driver gives it, the shell's counters, how many values differ from emulation.

    result: map uint8 or mask bool (rows, columns), raw (rows, columns or frames, *output shape)
    """

    result: NDArray[Any]
    outcome: Outcome
    mismatches: int

    def __repr__(self) -> str:
        return f"<BoardRun {self.result.shape}: {self.outcome.cycles:,} cycles, {self.mismatches} mismatches>"


@dataclass(eq=False)
class Runs:
    """All jobs of a board so far.

    timed:  the last job without random pauses: its layout, frames and outcome
    driver: SHA-256 of the last job's r4.c
    last:   counts and result of the last job
    """

    jobs: int = 0
    frames: int = 0
    values: int = 0
    mismatches: int = 0
    timed: tuple[str, int, Outcome] | None = None
    layouts: list[str] = field(default_factory=list)
    patterns: set[int] = field(default_factory=set)
    driver: str = ""
    last: tuple[Cube, NDArray[Any]] | None = None

    def add(
        self, cube: Cube, layout: str, run: BoardRun, *, frames: int, pattern: int | None, driver: str
    ) -> None:
        """Counts a job of so many frames; pattern: the seed of its random pauses, None without."""
        self.jobs += 1
        self.frames += frames
        self.values += run.result.size
        self.mismatches += run.mismatches
        if layout not in self.layouts:
            self.layouts.append(layout)
        if pattern is None:
            self.timed = layout, frames, run.outcome
        else:
            self.patterns.add(pattern)
        self.driver = driver
        self.last = cube, run.result

    def cosim(self) -> BoardCosim | None:
        """The report's entry; None where nothing was run."""
        if not self.jobs:
            return None
        return {
            "jobs": self.jobs,
            "frames": self.frames,
            "values": self.values,
            "mismatches": self.mismatches,
            "layouts": list(self.layouts),
            "stall_patterns": len(self.patterns),
            "driver_sha256": self.driver,
        }

    def dram(self, clock_mhz: float) -> BoardDram | None:
        """The report's entry; None where no job without random pauses was run. clock_mhz: the board's.

        Example: 100 frames in 20,400 cycles that read 2,550 words of 16 bytes read 408 bytes a frame, in an eighth of
        the cycles: 0.5 GB/s at 250 MHz.
        """
        if self.timed is None:
            return None
        layout, frames, outcome = self.timed
        read, written = outcome.words
        return {
            "layout": layout,
            "frames": frames,
            "cycles": outcome.cycles,
            "bytes_per_frame": {"in": read * DATA_BYTES / frames, "out": written * DATA_BYTES / frames},
            "gb_per_s": (read + written) * DATA_BYTES / outcome.cycles * clock_mhz / 1e3,
            "share": {"in": read / outcome.cycles, "out": written / outcome.cycles},
        }

    def picture(self, meaning: Meaning, parsed: Network) -> ClassMap | Frames | None:
        """The map or the masks of the last job; None where there was none, or where its result is no picture.

        Masks of images wider than a frame are none.
        """
        if self.last is None:
            return None
        cube, result = self.last
        if meaning.shell.result == "map":
            row, col = np.divmod(np.arange(result.size), result.shape[1])
            names = [f"class {k}" for k in range(parsed.graph.outputs[0].hi + 1)]
            return ClassMap(row=row, col=col, truth=None, predicted=result.reshape(-1), names=names)
        if meaning.cut(cube) is not None:
            return None
        x = meaning.counts.preprocess(cube).reshape(-1, *parsed.input.shape)
        return looks(parsed, x, result.reshape(len(x), *parsed.graph.outputs[0].shape))
