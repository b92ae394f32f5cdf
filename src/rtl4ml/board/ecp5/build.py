# SPDX-License-Identifier: Apache-2.0
"""From sources to a bitstream: synthesis, routes until the PLL's rate is met, and the bitstream of that route alone.

The first route is for the rate that was asked for. Where the router does not meet it, the PLL is set to its greatest
rate that is at most what the router met, everything is made again with that rate as the constraint, and so on.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rtl4ml.board.ecp5 import pll, routed, serial, tools
from rtl4ml.board.ecp5.routed import Routed
from rtl4ml.board.ecp5.serial import SerialShell
from rtl4ml.board.ecp5.spec import OpenBoard
from rtl4ml.errors import BuildFailed
from rtl4ml.host.tools import disk_errors
from rtl4ml.netlist.netlist import Netlist
from rtl4ml.report.clocks import PlaceAndRoute

FOLDER = "build"
BITSTREAM = "r4.bit"
MOST_ROUTES = 6
_STEP = 1e-3  # share that the next rate is lower at least
_ROUNDED = 1e-3  # share by which the router, which counts whole picoseconds, may be off the PLL's rate


@dataclass(frozen=True)
class Attempt:
    """A route: what the PLL was set to, what the router found, the seconds of synthesis and route.

    Attempt(150.0, routed, {"synthesize": 45.0, "route": 210.0})
    """

    clock_mhz: float
    found: Routed
    seconds: dict[str, float]

    @property
    def met(self) -> bool:
        """Whether the router met the PLL's rate."""
        return self.found.fmax_mhz >= self.clock_mhz


@dataclass(frozen=True, eq=False)
class Built:
    """A bitstream, the shell that it holds, and the routes that led to it; the last one met its clock."""

    bitstream: Path
    shell: SerialShell
    attempts: tuple[Attempt, ...]
    asked_mhz: float
    pack_seconds: float

    @property
    def last(self) -> Attempt:
        """The route of the bitstream."""
        return self.attempts[-1]


def build(
    spec: OpenBoard,
    folder: Path,
    shell_at: Callable[[pll.Pll], SerialShell],
    netlist: Netlist,
    *,
    asked_mhz: float,
    progress: Callable[[str], None] | None = None,
) -> Built:
    """Makes folder/build/r4.bit of the network in folder/rtl and folder/mem, with the logs of all that was run.

    shell_at:  the shell for a setting of the PLL, which is written into folder/rtl
    asked_mhz: what the router is asked for first
    progress:  is told what is done, a line at a time

    Raises OverBudget where the design does not fit, BuildFailed where a tool stops or no rate is met in six routes.
    """
    tools.check()
    work = folder / FOLDER
    with disk_errors(work):
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        shutil.copyfile(spec.constraints, work / spec.constraints.name)
    tell = progress or (lambda _: None)
    attempts: list[Attempt] = []
    setting = pll.greatest(spec.pll, asked_mhz)
    for number in range(1, MOST_ROUTES + 1):
        shell = shell_at(setting)
        attempts.append(_attempt(spec, folder, shell, netlist, number, tell))
        if attempts[-1].met:
            start = time.perf_counter()
            tools.pack(work / f"{number}.config", work / BITSTREAM, work / "ecppack.log")
            return Built(work / BITSTREAM, shell, tuple(attempts), asked_mhz, time.perf_counter() - start)
        below = min(attempts[-1].found.fmax_mhz, setting.mhz * (1 - _STEP))
        setting = pll.greatest(spec.pll, below)
    tried = ", ".join(f"{a.clock_mhz:.4g} MHz ({a.found.fmax_mhz:.4g} met)" for a in attempts)
    raise BuildFailed(
        f"{work}: the router must meet the clock in {MOST_ROUTES} routes, not miss it at {tried}; ask for less by "
        "--clock-mhz, or give a greater target_interval"
    )


def _attempt(
    spec: OpenBoard,
    folder: Path,
    shell: SerialShell,
    netlist: Netlist,
    number: int,
    progress: Callable[[str], None],
) -> Attempt:
    work, top = folder / FOLDER, serial.top_name(spec)
    with disk_errors(folder):
        serial.write(shell, spec, folder)
    sources = sorted((folder / "rtl").glob("*.sv"))
    clock = shell.pll.mhz
    progress(f"route {number}: synthesis with Yosys, clock {clock:.6g} MHz")
    start = time.perf_counter()
    tools.synthesize(sources, top, folder / "mem", work / f"{number}.json", work / f"{number}_yosys.log")
    synthesized = time.perf_counter()
    progress(f"route {number}: nextpnr-ecp5 for {clock:.6g} MHz")
    report = work / f"{number}_report.json"
    tools.route(
        spec,
        work / f"{number}.json",
        work / spec.constraints.name,
        config=work / f"{number}.config",
        report=report,
        log=work / f"{number}_nextpnr.log",
    )
    found = routed.read(report, netlist)
    if abs(found.constraint_mhz / clock - 1) > _ROUNDED:
        raise BuildFailed(
            f"{report}: the router must work for the PLL's {clock:.6g} MHz, not {found.constraint_mhz:.6g}; "
            f"see FREQUENCY in {spec.constraints.name}"
        )
    seconds = {"synthesize": synthesized - start, "route": time.perf_counter() - synthesized}
    progress(f"route {number}: {found.fmax_mhz:.2f} MHz")
    return Attempt(clock, found, seconds)


def entry(built: Built, spec: OpenBoard) -> PlaceAndRoute:
    """The report's entry "place_and_route"."""
    last = built.last
    tool, version = tools.router()
    line = built.shell.line
    return {
        "tool": tool,
        "version": version,
        "device": spec.device.part,
        "speed_grade": spec.speed,
        "seed": None,
        "asked_mhz": built.asked_mhz,
        "clock_mhz": round(last.clock_mhz, 6),
        "fmax_mhz": round(last.found.fmax_mhz, 3),
        "routes": [
            {"clock_mhz": round(a.clock_mhz, 6), "fmax_mhz": round(a.found.fmax_mhz, 3)}
            for a in built.attempts
        ],
        "utilization": [{"kind": k, "used": u, "of": of} for k, (u, of) in last.found.used.items()],
        "critical_path": [
            {
                "layer": s.layer,
                "cell": s.cell,
                "module": s.module,
                "logic_ns": s.logic_ns,
                "routing_ns": s.routing_ns,
                "levels": s.levels,
            }
            for s in last.found.path
        ],
        "serial": {"baud": line.baud, "error": round(float(line.error), 6)},
        "bitstream": f"{FOLDER}/{BITSTREAM}",
        "seconds": {
            "synthesize": round(sum(a.seconds["synthesize"] for a in built.attempts), 1),
            "route": round(sum(a.seconds["route"] for a in built.attempts), 1),
            "pack": round(built.pack_seconds, 1),
        },
    }
