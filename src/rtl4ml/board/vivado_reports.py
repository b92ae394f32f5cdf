# SPDX-License-Identifier: Apache-2.0
"""Vivado's reports as values: timing, utilization, power, routing, messages.

The forms are those that AMD's documentation shows; no report of the tool itself was at hand. A report that is cut off,
or in another form or language, is refused by name rather than read in part.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rtl4ml.board.vivado import CONF, STEPS, read_conf
from rtl4ml.errors import BuildFailed


@dataclass(frozen=True)
class Timing:
    """The timing summary: worst and total negative slack in ns and failing endpoints, of setup and of hold.

    unclocked: register pins without a clock, of which nothing is known
    met:       whether all slacks are at least 0, also that of pulse widths, and every register has a clock

    A worst setup slack of 0.104 ns at 250 MHz (4 ns) is an fmax of 1000 / (4 - 0.104) = 256.67 MHz.
    """

    wns_ns: float
    tns_ns: float
    failing: int
    whs_ns: float
    ths_ns: float
    hold_failing: int
    wpws_ns: float
    endpoints: int
    unclocked: int

    @property
    def met(self) -> bool:
        return min(self.wns_ns, self.whs_ns, self.wpws_ns) >= 0 and self.unclocked == 0

    def fmax_mhz(self, clock_mhz: float) -> float:
        """The rate at which the worst path would just meet setup."""
        return 1000 / (1000 / clock_mhz - self.wns_ns)


@dataclass(frozen=True)
class Utilization:
    """What the placed design takes; lutram is the part of lut that is memory or shift registers. RAMB18 counts half."""

    lut: float
    lutram: float
    ff: float
    dsp: float
    bram36: float
    uram: float = 0


@dataclass(frozen=True)
class Instance:
    """A line of the utilization by hierarchy: names from the top down, the module, what it takes with all below it."""

    path: tuple[str, ...]
    module: str
    used: Utilization


@dataclass(frozen=True)
class Power:
    """Vivado's estimate in W, and how much it trusts it (Low, Medium, High). ps_w is the processing system's part."""

    total_w: float
    dynamic_w: float
    static_w: float
    ps_w: float | None
    confidence: str


@dataclass(frozen=True)
class Results:
    """What a build left; None or empty where it did not come so far.

    seconds: of each finished step; tries: strategy, worst setup and hold slack in ns; artefacts: SHA-256 by kind (bit,
    bin, hwh, xsa); clock_mhz: the rate that the processing system gives
    """

    version: str | None
    board_part: str | None
    clock_mhz: float | None
    seconds: Mapping[str, int]
    tries: tuple[tuple[str, str], ...]
    timing: Timing | None
    utilization: Utilization | None
    instances: tuple[Instance, ...]
    power: Power | None
    unrouted: int | None
    critical_warnings: tuple[str, ...]
    artefacts: Mapping[str, str] = field(default_factory=dict)

    def instance(self, module: str) -> Instance | None:
        """The first instance of a module, such as r4_top."""
        return next((i for i in self.instances if i.module == module), None)


def _number(text: str, what: str, file: str) -> float:
    """A number of a report. Raises BuildFailed for any other form, a decimal comma or NA among them."""
    word = text.strip().rstrip("*").lstrip("<")
    if not re.fullmatch(r"-?\d+(\.\d+)?", word):
        raise BuildFailed(
            f"{file}: {what} must be a number such as 0.104, not {text.strip()!r}; build again with LC_ALL=C "
            "and a clock on every register"
        )
    return float(word)


def _cut(file: str, what: str) -> BuildFailed:
    return BuildFailed(
        f"{file}: must hold {what}, not end before it or be in another language; delete stamps/report and run again "
        "with LC_ALL=C"
    )


def parse_timing(text: str, file: str = "timing.rpt") -> Timing:
    """The design timing summary of report_timing_summary.

    Raises BuildFailed where it is cut off, in another language, or contradicts its own verdict.
    """
    lines = text.partition("| Design Timing Summary")[2].splitlines()
    head = next((i for i, line in enumerate(lines) if line.split()[:2] == ["WNS(ns)", "TNS(ns)"]), None)
    if head is None or len(lines) < head + 3:
        raise _cut(file, "a Design Timing Summary")
    columns = re.split(r"\s{2,}", lines[head].strip())
    words = lines[head + 2].split()
    if len(words) != len(columns) or "WPWS(ns)" not in columns:
        raise _cut(file, "a value for every column of its summary")
    row = {name: _number(word, name, file) for name, word in zip(columns, words, strict=True)}
    unclocked = re.search(r"checking no_clock \((\d+)\)", text)
    verdict = re.search(
        r"All user specified timing constraints are met\.|Timing constraints are not met\.", text
    )
    if unclocked is None or verdict is None:
        raise _cut(file, "a verdict on timing and the check for clocks")
    found = Timing(
        row["WNS(ns)"], row["TNS(ns)"], int(row["TNS Failing Endpoints"]),
        row["WHS(ns)"], row["THS(ns)"], int(row["THS Failing Endpoints"]),
        row["WPWS(ns)"], int(row["TNS Total Endpoints"]), int(unclocked[1]),
    )  # fmt: skip
    if verdict[0].startswith("All") != (min(found.wns_ns, found.whs_ns, found.wpws_ns) >= 0):
        raise BuildFailed(
            f"{file}: verdict must agree with the slack, not {verdict[0]!r} with {found.wns_ns} ns"
        )
    return found


def _tables(text: str) -> Iterator[tuple[list[str], list[list[str]]]]:
    """The tables of a report: names of columns, and rows of cells; the first cell of a row keeps its indentation."""
    head: list[str] = []
    rows: list[list[str]] = []
    rules = 0
    for line in [*text.splitlines(), ""]:
        if re.fullmatch(r"\+(-+\+)+", line.strip()):
            rules += 1
        elif line.startswith("|") and rules:
            cells = line.rstrip().strip("|").split("|")
            if rules == 1:
                head = [c.strip() for c in cells]
            else:
                rows.append([cells[0].rstrip(), *(c.strip() for c in cells[1:])])
        elif rules:
            if rules == 3:  # a table that is closed
                yield head, rows
            head, rows, rules = [], [], 0


def parse_utilization(text: str, file: str = "utilization.rpt") -> Utilization:
    """The totals of report_utilization. Raises BuildFailed where a resource is missing."""
    used: dict[str, float] = {}
    for head, rows in _tables(text):
        if head[:2] == ["Site Type", "Used"]:
            for row in rows:
                name = row[0].strip().rstrip("*").strip()
                if name in _SITES and _SITES[name] not in used:
                    used[_SITES[name]] = _number(row[1], name, file)
    for name, key in _SITES.items():
        if key not in used and key != "uram":
            raise _cut(file, f"a closed table with {name}")
    return Utilization(**used)


_SITES = {
    "CLB LUTs": "lut",
    "LUT as Memory": "lutram",
    "CLB Registers": "ff",
    "DSPs": "dsp",
    "Block RAM Tile": "bram36",
    "URAM": "uram",
}


def parse_hierarchy(text: str, file: str = "utilization_hierarchical.rpt") -> tuple[Instance, ...]:
    """The lines of report_utilization -hierarchical. Raises BuildFailed where its table is missing or cut off."""
    found: list[Instance] = []
    path: list[str] = []
    for head, rows in _tables(text):
        if head[:2] != ["Instance", "Module"]:
            continue
        for cells in rows:
            row = dict(zip(head, cells, strict=True))
            depth = (len(cells[0]) - len(cells[0].lstrip()) - 1) // 2
            path = [*path[:depth], cells[0].strip()]

            def value(name: str, row: Mapping[str, str] = row) -> float:
                return _number(row[name], name, file) if name in row else 0

            used = Utilization(
                value("Total LUTs"),
                value("LUTRAMs") + value("SRLs"),
                value("FFs"),
                value("DSP Blocks"),
                value("RAMB36") + value("RAMB18") / 2,
                value("URAM"),
            )
            found.append(Instance(tuple(path), row["Module"], used))
    if not found:
        raise _cut(file, "a closed table of instances")
    return tuple(found)


def parse_power(text: str, file: str = "power.rpt") -> Power:
    """The summary of report_power. Raises BuildFailed where it is cut off or in another form."""
    rows = dict(re.findall(r"^\|\s*([^|]+?)\s*\|\s*([^|]+?)\s*\|", text, re.MULTILINE))
    for name in ("Total On-Chip Power (W)", "Dynamic (W)", "Device Static (W)", "Confidence Level"):
        if name not in rows:
            raise _cut(file, name)
    if not re.search(r"^\| Total +\|", text, re.MULTILINE):
        raise _cut(file, "the total of its on-chip components")
    ps = next((rows[name] for name in ("PS8", "PS") if name in rows), None)
    return Power(
        _number(rows["Total On-Chip Power (W)"], "Total On-Chip Power (W)", file),
        _number(rows["Dynamic (W)"], "Dynamic (W)", file),
        _number(rows["Device Static (W)"], "Device Static (W)", file),
        None if ps is None else _number(ps, "PS8", file),
        rows["Confidence Level"],
    )


def parse_route(text: str, file: str = "route.rpt") -> int:
    """The number of nets with routing errors. Raises BuildFailed where report_route_status does not tell it."""
    found = re.search(r"# of nets with routing errors\.*\s*:\s*(\d+)", text)
    if found is None:
        raise _cut(file, "the number of nets with routing errors")
    return int(found[1])


def messages(text: str, severity: str = "CRITICAL WARNING") -> tuple[str, ...]:
    """The messages of a log of that severity, each once, in their order: "[Synth 8-4445] could not open ..."."""
    return tuple(dict.fromkeys(re.findall(rf"^{severity}: (\[.*)$", text, re.MULTILINE)))


def results(folder: Path) -> Results:
    """What the build in `folder` left so far. Raises BuildFailed where a report is cut off or of another form."""
    reports = folder / "reports"

    def text(name: str) -> str | None:
        path = reports / name
        return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None

    def line(name: str) -> str | None:
        found = text(name)
        return None if found is None else found.strip()

    (name,) = read_conf(folder / CONF)["name"]
    clock, timing, used = line("clock_mhz.txt"), text("timing.rpt"), text("utilization.rpt")
    hierarchy, power, route = text("utilization_hierarchical.rpt"), text("power.rpt"), text("route.rpt")
    logs = "\n".join(t for t in (text("synth.log"), text("impl.log")) if t is not None)
    made = {kind: folder / "output" / f"{name}.{kind}" for kind in ("bit", "bit.bin", "hwh", "xsa")}
    return Results(
        version=line("tool.txt"),
        board_part=line("board_part.txt"),
        clock_mhz=None if clock is None else _number(clock, "the clock in MHz", "clock_mhz.txt"),
        seconds=_seconds(folder),
        tries=tuple(
            (strategy, slack.strip())
            for strategy, _, slack in (t.partition(":") for t in (text("tries.txt") or "").splitlines())
        ),
        timing=None if timing is None else parse_timing(timing),
        utilization=None if used is None else parse_utilization(used),
        instances=() if hierarchy is None else parse_hierarchy(hierarchy),
        power=None if power is None else parse_power(power),
        unrouted=None if route is None else parse_route(route),
        critical_warnings=messages(logs),
        artefacts={
            kind: hashlib.sha256(path.read_bytes()).hexdigest()
            for kind, path in made.items()
            if path.is_file()
        },
    )


def _seconds(folder: Path) -> dict[str, int]:
    """The seconds of every finished step, as its stamp tells them."""
    found = {}
    for step in STEPS:
        stamp = folder / "stamps" / step
        words = stamp.read_text(encoding="utf-8").split() if stamp.is_file() else []
        if len(words) == 2 and words[1].isdecimal():
            found[step] = int(words[1])
    return found


def check(found: Results) -> None:
    """Raises BuildFailed where a finished build is of no use: timing not met, registers without a clock, open nets."""
    if found.timing is not None and not found.timing.met:
        t = found.timing
        if t.unclocked:
            raise BuildFailed(
                f"timing: every register must have a clock, not {t.unclocked} pins without one; see reports/timing.rpt"
            )
        at = "" if found.clock_mhz is None else f" at {found.clock_mhz:.7g} MHz"
        way = (
            ""
            if found.clock_mhz is None or t.wns_ns >= 0
            else f" (at most {t.fmax_mhz(found.clock_mhz):.1f} MHz)"
        )
        raise BuildFailed(
            f"timing: slack must be at least 0 ns, not {t.wns_ns} ns (setup, {t.failing} endpoints) and {t.whs_ns} ns "
            f"(hold, {t.hold_failing} endpoints){at}; ask for a slower clock{way} or a smaller design"
        )
    if found.unrouted:
        raise BuildFailed(
            f"routing: all nets must be routed, not {found.unrouted} with errors; ask for a smaller design, see "
            "reports/route.rpt"
        )
