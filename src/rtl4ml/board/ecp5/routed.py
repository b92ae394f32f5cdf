# SPDX-License-Identifier: Apache-2.0
"""What nextpnr's report says of a routed design: the clock that it met, what it takes, its critical path by cell."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rtl4ml.errors import BuildFailed
from rtl4ml.netlist.netlist import Netlist

NETWORK = "u_board.u_top."
_SHELL = "u_board."
_PART = re.compile(r"\w+")


@dataclass(frozen=True)
class Step:
    """A run of a path within one cell of the netlist; the net that leads into the next cell counts to this one.

    layer: of the network, "" outside; cell, module: its instance and what it is an instance of, "" where the router's
    name leads to none
    logic_ns, routing_ns: delays within cells of the device and on nets; levels: cells of the device without registers

    Step("dense1", "u_dense1", "r4_mvu", 3.66, 6.76, 9)
    """

    layer: str
    cell: str
    module: str
    logic_ns: float
    routing_ns: float
    levels: int


@dataclass(frozen=True)
class Routed:
    """A routed design. fmax_mhz: of the clock; constraint_mhz: what the router worked for.

    used: of every kind of cell of which some are taken, how many of how many
    """

    fmax_mhz: float
    constraint_mhz: float
    used: Mapping[str, tuple[int, int]]
    path: tuple[Step, ...]


def read(report: Path, netlist: Netlist) -> Routed:
    """The report of a file. Raises BuildFailed where it is not what nextpnr writes of a design with a clock."""
    try:
        found = json.loads(report.read_text(encoding="utf-8"))
        return parse(found, netlist)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BuildFailed(
            f"{report}: must be nextpnr's report of a design with a clock, not without {str(error)!r}; see its log"
        ) from None


def parse(found: Mapping[str, Any], netlist: Netlist) -> Routed:
    """The report as JSON has it; the clock is the one of which most is asked.

    Raises KeyError, TypeError or ValueError where it is another's.
    """
    clocks: Mapping[str, Mapping[str, float]] = found["fmax"]
    if not clocks:
        raise ValueError("fmax")
    name, clock = max(clocks.items(), key=lambda c: c[1]["constraint"])
    used = {k: (int(u["used"]), int(u["available"])) for k, u in found["utilization"].items() if u["used"]}
    own = f"posedge {name}"
    path: list[Any] = next(
        (p["path"] for p in found["critical_paths"] if p["from"] == own and p["to"] == own), []
    )
    return Routed(clock["achieved"], clock["constraint"], dict(sorted(used.items())), _steps(path, netlist))


def _steps(path: list[Mapping[str, Any]], netlist: Netlist) -> tuple[Step, ...]:
    places = _Places(netlist)
    steps: list[Step] = []
    for part in path:
        layer, cell, module = places.of(part["from"]["cell"])
        routing = part["type"] == "routing"
        delay = float(part["delay"])
        if not steps or steps[-1].cell != cell:
            steps.append(Step(layer, cell, module, 0.0, 0.0, 0))
        s = steps[-1]
        steps[-1] = Step(
            layer,
            cell,
            module,
            round(s.logic_ns + (0 if routing else delay), 3),
            round(s.routing_ns + (delay if routing else 0), 3),
            s.levels + (part["type"] == "logic"),
        )
    return tuple(steps)


class _Places:
    """Layer, instance and module of a cell of the device, by its name.

    Yosys names a cell after an instance (`u_board.u_top.u_dense1.u_tree…`) or after the wire that it drives
    (`u_board.u_top.dense1_ready_LUT4_Z`); what drives a wire's ready is the cell that takes from it.
    """

    def __init__(self, netlist: Netlist) -> None:
        self._cells = {c.name: (c.layer, c.name, c.module) for c in netlist.cells}
        self._wires: dict[str, tuple[str, str, str]] = {}
        for c in netlist.cells:
            for w in c.outputs.values():
                self._wires |= {f"{w.name}_{end}": self._cells[c.name] for end in ("valid", "data")}
            for w in c.inputs.values():
                self._wires[f"{w.name}_ready"] = self._cells[c.name]

    def of(self, name: str) -> tuple[str, str, str]:
        inside = name.startswith(NETWORK)
        rest = name.removeprefix(NETWORK) if inside else name.removeprefix(_SHELL)
        first = _PART.match(rest)
        if first is None:
            return "", "", ""
        if not inside:
            return "", first[0].partition("_TRELLIS")[0], ""
        if first[0] in self._cells:
            return self._cells[first[0]]
        wires = [w for w in self._wires if first[0] == w or first[0].startswith(f"{w}_")]
        return self._wires[max(wires, key=len)] if wires else ("", "", "")
