# SPDX-License-Identifier: Apache-2.0
"""The types of the entry `board` of report.json."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class BoardClock(TypedDict):
    """The clock in MHz that was asked for, and what the board's clock gives."""

    asked: float
    actual: float


class BoardCounts(TypedDict):
    """The cubes that go in. frame: rows and columns of a frame; bytes: of a frame."""

    dtype: str
    bands: int
    layouts: list[str]
    frame: list[int]
    bytes: int


class BoardInput(TypedDict):
    """The network's input: its type, the cell that makes it of counts, and the cell's formula."""

    type: str
    cell: str
    formula: str


class BoardResult(TypedDict):
    """What comes out. kind: raw, map or mask; shape: of a frame's raw values k, which stand for k * step."""

    kind: str
    dtype: str
    shape: list[int]
    step: float
    bytes: int


class VivadoTiming(TypedDict):
    """Slack in ns, failing endpoints of setup and hold, and the clock that the worst path would just meet."""

    wns_ns: float
    tns_ns: float
    whs_ns: float
    failing: int
    met: bool
    fmax_mhz: float | None


class VivadoRun(TypedDict):
    """What a build by Vivado left, as its reports say; None where it did not come so far."""

    version: str | None
    board_part: str | None
    clock_mhz: float | None
    seconds: dict[str, int]
    timing: VivadoTiming | None
    utilization: dict[str, float] | None
    power_w: dict[str, float | str | None] | None
    unrouted: int | None
    critical_warnings: list[str]
    artefacts: dict[str, str]


class BoardCosim(TypedDict):
    """Jobs by the C driver on the simulated hardware: `mismatches` of `values` values of `frames` frames differ from
    the emulation.

    layouts:        of the cubes in memory
    stall_patterns: seeds of random pauses that were tried
    driver_sha256:  of the r4.c that was compiled
    """

    jobs: int
    frames: int
    values: int
    mismatches: int
    layouts: list[str]
    stall_patterns: int
    driver_sha256: str


# What is read from memory, and what is written to it; "in" is a word of Python.
Traffic = TypedDict("Traffic", {"in": float, "out": float})


class BoardDram(TypedDict):
    """Words on the port of memory in the last simulated job without random pauses, `frames` in `cycles` cycles.

    layout:          of its cube in memory
    bytes_per_frame: of whole words
    gb_per_s:        10^9 bytes a second, both ways, at the board's clock, which no board has run
    share:           of the cycles in which the port moves a word
    """

    layout: str
    frames: int
    cycles: int
    bytes_per_frame: Traffic
    gb_per_s: float
    share: Traffic


class OnBoard(TypedDict):
    """The board's project: what goes in and out; None where Vivado (`vivado`) or a simulation was not run."""

    name: str
    part: str
    clock_mhz: BoardClock
    counts: BoardCounts
    input: BoardInput
    result: BoardResult
    signature: str
    vivado: VivadoRun | None
    cosim: NotRequired[BoardCosim | None]
    dram: NotRequired[BoardDram | None]
