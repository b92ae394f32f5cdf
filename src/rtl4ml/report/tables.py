# SPDX-License-Identifier: Apache-2.0
"""Rows of the page's tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from rtl4ml.device import DEVICES, ZCU102
from rtl4ml.report.extras import Extras, FifoPlace, Products
from rtl4ml.report.numbers import percent
from rtl4ml.report.schema import Fifo, Report
from rtl4ml.report.verdicts import (
    CHECK_NAMES,
    RESOURCE_NAMES,
    SOURCE_NAMES,
    checks_of,
    largest_users,
    share_of,
    trusted,
    use_of,
)

RESOURCE_TOLERANCE = 0.10  # of Yosys's count


@dataclass(frozen=True)
class _Bar:
    """One count of a resource against what the device has; run: whether its source said anything."""

    source: str
    kind: str
    run: bool
    used: float | None
    share: float | None


@dataclass(frozen=True)
class _Group:
    """A resource with all its counts; difference: (model - yosys) / yosys."""

    name: str
    available: float | None
    bars: tuple[_Bar, ...]
    difference: float | None
    agrees: bool | None


@dataclass(frozen=True)
class _Differing:
    """A value that differs, as the page shows it: exactly, with the names of the axes of its place."""

    by: str
    sample: int
    where: str
    got: str
    want: str


def differing_rows(report: Report) -> list[_Differing]:
    """The first values of every comparison that differ from the reference."""
    axes = {1: ("channel",), 2: ("position", "channel"), 3: ("row", "column", "channel")}
    rows = []
    for key, check in checks_of(report).items():
        for d in check.get("first", []) if check else []:
            names = axes.get(len(d["at"]), ("",) * len(d["at"]))
            where = ", ".join(f"{name} {n:,}".strip() for name, n in zip(names, d["at"], strict=True))
            got, want = (f"{v:.17g}" for v in (d["got"], d["want"]))
            rows.append(_Differing(CHECK_NAMES[key], d["sample"], where or "the whole", got, want))
    return rows


def layer_totals(report: Report) -> dict[str, Any]:
    """Multiply-accumulates and resources of all layers together, as a row of the table has them."""
    keys = ("macs", *RESOURCE_NAMES)
    rows = [cast("dict[str, float | None]", layer) for layer in report["layers"]]
    counted = [use_of(use) for layer in report["layers"] if (use := layer.get("yosys")) is not None]
    return {
        **{key: sum(row[key] or 0 for row in rows) for key in keys},
        "yosys": {key: sum(use[key] or 0 for use in counted) for key in RESOURCE_NAMES} if counted else None,
    }


def resource_bars(report: Report) -> list[_Group]:
    """Bars of used and available resources, by source."""
    r = report["resources"]
    available = use_of(r["available"])
    counts = {"model": r["model"], "yosys": r["yosys"], "vitis": r["vitis"], "vivado": r["vivado"]}
    groups = []
    for key, name in RESOURCE_NAMES.items():
        bars = []
        for source, use in counts.items():
            if use is None and source not in ("model", "yosys"):
                continue  # vendor reports are shown where there are any
            used = None if use is None else use_of(use)[key]
            bars.append(
                _Bar(SOURCE_NAMES[source], source, use is not None, used, share_of(used, available[key]))
            )
        model, yosys = bars[0].used, bars[1].used
        difference = None
        good = None
        if model is not None and yosys is not None:
            good = abs(model - yosys) <= RESOURCE_TOLERANCE * yosys
            difference = (model - yosys) / yosys if yosys else None
        groups.append(_Group(name, available[key], tuple(bars), difference, good))
    return groups


@dataclass(frozen=True)
class _Row:
    """A true class: counts by predicted class with their share of the row; right: the share on the diagonal."""

    name: str
    cells: tuple[tuple[int, float], ...]
    total: int
    right: float | None


def confusion_rows(extras: Extras) -> list[_Row]:
    """Rows of the confusion matrix; none without one."""
    if extras.confusion is None:
        return []
    rows = []
    for k, name in enumerate(extras.class_names):
        counts = [int(n) for n in extras.confusion[k]]
        total = sum(counts)
        cells = tuple((n, n / total if total else 0.0) for n in counts)
        rows.append(_Row(name, cells, total, counts[k] / total if total else None))
    return rows


def bottleneck_rows(report: Report, extras: Extras) -> set[str]:
    """Names of the layers marked as bottleneck: the flagged stages, else those of the largest interval."""
    flagged = {s.name for s in extras.stages if s.bottleneck}
    if flagged:
        return flagged
    slowest = max((layer["interval"] or 0 for layer in report["layers"]), default=0)
    return {layer["name"] for layer in report["layers"] if slowest and layer["interval"] == slowest}


def equal_layers(extras: Extras) -> int:
    """How many stages are as slow as the one that is marked as bottleneck; 0 where it is alone, or there is none."""
    marked = [s.interval for s in extras.stages if s.bottleneck]
    if len(marked) != 1 or not marked[0]:
        return 0
    count = sum(s.interval == marked[0] for s in extras.stages)
    return count if count > 1 else 0


@dataclass(frozen=True)
class _Excess:
    """A resource of which the device has too little; users: the layers that take most, as predicted."""

    name: str
    used: float
    available: float
    users: tuple[tuple[str, float], ...]


def _round_percent(share: float | None) -> str:
    """A share that somebody chose, with no more digits than it has."""
    return "–" if share is None else f"{100 * share:g} %"


def budget_text(report: Report) -> str:
    """The greatest shares that the design was allowed; empty where the report does not say."""
    budget = report["target"].get("budget")
    if budget is None:
        return ""
    shares = {RESOURCE_NAMES[k]: share for k, share in use_of(budget).items()}
    if len(set(shares.values())) == 1:
        return f"{_round_percent(budget['lut'])} of each resource"
    return ", ".join(f"{_round_percent(share)} of {name}" for name, share in shares.items())


def nearly_full(report: Report) -> str:
    """The resources of which a design that fits leaves too little free; empty where there is none."""
    available = use_of(report["resources"]["available"])
    name, use = trusted(report)
    shares = {k: share_of(used, available[k]) or 0.0 for k, used in use.items()}
    most = DEVICES.get(report["target"]["part"], ZCU102).default_budget
    full = [k for k, s in shares.items() if s > most[k]]
    if not full or max(shares.values()) > 1:
        return ""
    taken = ", ".join(f"{RESOURCE_NAMES[k]} {percent(shares[k])}" for k in full)
    least = _round_percent(min(most[k] for k in full))
    return (
        f"{taken} of the device, more than the {least} up to which timing can be expected to close, by {name}"
    )


def excess_rows(report: Report) -> list[_Excess]:
    """What the device has too little of, the worst first."""
    available = use_of(report["resources"]["available"])
    found = []
    for key, used in trusted(report)[1].items():
        has = available[key]
        if used is not None and has is not None and used > has:
            found.append(_Excess(RESOURCE_NAMES[key], used, has, tuple(largest_users(report, key))))
    return sorted(found, key=lambda e: -e.used / e.available if e.available else -float("inf"))


@dataclass(frozen=True)
class _Placed:
    """A FIFO with its place, None where that is not known; bits: of all entries."""

    fifo: Fifo
    place: FifoPlace | None
    bits: int


def fifo_rows(report: Report, extras: Extras) -> list[_Placed]:
    """The report's FIFOs: those on skips first, otherwise as they come."""
    known = {p.name: p for p in extras.fifos}
    rows = [_Placed(f, known.get(f["name"]), f["width"] * f["depth"]) for f in report["fifos"]]
    return sorted(rows, key=lambda r: not (r.place is not None and r.place.skip))


def packed_products(extras: Extras) -> Products | None:
    """All layers together."""
    if not extras.products:
        return None
    return Products(
        layer="", products=sum(p.products for p in extras.products), dsps=sum(p.dsps for p in extras.products)
    )
