# SPDX-License-Identifier: Apache-2.0
"""What report.json says of the clock: estimated by a static analysis, or met by an open router."""

from __future__ import annotations

from typing import TypedDict


class TimingStep(TypedDict):
    """A primitive on a path, its cell and layer: ns in it, and on the net of `fan_out` pins behind it.

    The first and the last are registers: ns from the clock to the output, and of setup.
    """

    cell: str
    layer: str
    primitive: str
    ns: float
    net_ns: float
    fan_out: int


class TimingPath(TypedDict):
    """The longest path; cells: those that it runs through, in order; layer: of the cell in which it ends."""

    cells: list[str]
    layer: str
    levels: int
    path: list[TimingStep]


class TimingEnable(TypedDict):
    """The clock enable of most flip-flops, memories and DSPs, and the cell that most of them are of."""

    fan_out: int
    cell: str


class TimingCell(TypedDict):
    """Of all paths that end in a cell: the longest, and the most levels of logic."""

    name: str
    layer: str
    period_ns: float
    levels: int


class Timing(TypedDict):
    """Estimated by a static analysis of Yosys's netlist, stage by stage; no router has seen it.

    levels:  most levels of logic of a path; crossed: most cells that a path runs through, its ends included
    source:  where the delays are published; assumed: what is not published, and how paths are taken
    """

    device: str
    clock_mhz_asked: float
    period_ns: float
    slack_ns: float
    levels: int
    crossed: int
    worst: TimingPath | None
    enable: TimingEnable
    cells: list[TimingCell]
    source: str
    assumed: list[str]


class Taken(TypedDict):
    """Cells of the device of a kind, in the router's word: how many of how many."""

    kind: str
    used: int
    of: int


class PathStep(TypedDict):
    """A run of the critical path within one cell of the design, with the net that leads into the next.

    layer, cell, module: where it is, "" where the router's names do not say; levels: cells of the device passed
    """

    layer: str
    cell: str
    module: str
    logic_ns: float
    routing_ns: float
    levels: int


class Route(TypedDict):
    """A route: the clock that it was for, and the greatest clock that it meets."""

    clock_mhz: float
    fmax_mhz: float


class SerialLine(TypedDict):
    """The rate of a serial line, and how far the line is off, as a share of it."""

    baud: int
    error: float


class PlaceAndRoute(TypedDict):
    """What an open router made of the whole design, shell included; met: fmax_mhz is at least clock_mhz.

    seed:      None where it is the router's own
    asked_mhz: what the first route was for; clock_mhz: what the last one was for and the PLL is set to
    routes:    all that were made, the last one that of the bitstream
    bitstream: path within the board's folder
    seconds:   of all routes together
    """

    tool: str
    version: str
    device: str
    speed_grade: int
    seed: int | None
    asked_mhz: float
    clock_mhz: float
    fmax_mhz: float
    routes: list[Route]
    utilization: list[Taken]
    critical_path: list[PathStep]
    serial: SerialLine
    bitstream: str
    seconds: dict[str, float]
