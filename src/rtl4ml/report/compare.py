# SPDX-License-Identifier: Apache-2.0
"""Two reports side by side: their figures, their layers, and where they differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rtl4ml.report.numbers import number, percent, signed, signed_percent
from rtl4ml.report.schema import Layer, Report, Use
from rtl4ml.report.verdicts import RESOURCE_NAMES, SOURCE_NAMES, Verdict, use_of, verdicts

Side = Literal["a", "b"]


@dataclass(frozen=True)
class Figure:
    """A figure of both designs, as it is shown.

    a, b:       a dash where it is not known
    difference: b against a; empty where they are equal, or where one is not known
    better:     the side that is better; None where they are equal, or where neither is

    Figure("Interval", "simulated", "204", "408", "+204 (+100.0 %)", better="a") is one of whom less is better.
    """

    name: str
    what: str
    a: str
    b: str
    difference: str
    better: Side | None


@dataclass(frozen=True)
class LayerPair:
    """A layer of both designs by its name; a, b: the texts of COLUMNS, None where the design does not have it.

    differs: by column, whether the two are different
    """

    name: str
    a: tuple[str, ...] | None
    b: tuple[str, ...] | None
    differs: tuple[bool, ...]

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not any(self.differs)


@dataclass(frozen=True)
class Comparison:
    """What is said of two designs. source: who counted the resources of both, as of the layers."""

    names: tuple[str, str]
    reports: tuple[Report, Report]
    heads: tuple[tuple[Verdict, ...], tuple[Verdict, ...]]
    figures: list[Figure]
    layers: list[LayerPair]
    source: str

    @property
    def differ(self) -> int:
        """How many layers differ, or are in one design alone."""
        return sum(not layer.same for layer in self.layers)


COLUMNS = ("Operator", "Types", "Weights", "Pe", "Simd", "Reuse", "Interval", *RESOURCE_NAMES.values())


def compare(a: Report, b: Report, paths: tuple[Path, Path]) -> Comparison:
    """The two reports, beside each other. paths: where they were read, for their names."""
    source, layers_of = _source(a, b), "yosys" if _all_counted(a) and _all_counted(b) else "model"
    return Comparison(
        names=names(a, b, paths),
        reports=(a, b),
        heads=(verdicts(a, sample="sample"), verdicts(b, sample="sample")),
        figures=_figures(a, b, source),
        layers=_layers(a, b, layers_of),
        source=SOURCE_NAMES[layers_of],
    )


def names(a: Report, b: Report, paths: tuple[Path, Path]) -> tuple[str, str]:
    """What the two are called: the model's names, the folders' where these are equal, or else the paths."""
    folders = [p.resolve() if p.is_dir() else p.resolve().parent for p in paths]
    for one, other in (
        (a["model"]["name"], b["model"]["name"]),
        (folders[0].name, folders[1].name),
    ):
        if one != other:
            return one, other
    return str(paths[0]), str(paths[1])


def _source(a: Report, b: Report) -> Literal["vivado", "yosys", "model"] | None:
    """The most trusted one who counted the resources of both."""
    one, other = a["resources"], b["resources"]
    if one["vivado"] and other["vivado"]:
        return "vivado"
    if one["yosys"] and other["yosys"]:
        return "yosys"
    return "model" if one["model"] and other["model"] else None


def _all_counted(report: Report) -> bool:
    return bool(report["layers"]) and all(layer.get("yosys") for layer in report["layers"])


def _figures(a: Report, b: Report, source: Literal["vivado", "yosys", "model"] | None) -> list[Figure]:
    """Accuracy where one knows it, pace, resources."""
    rows = _accuracy(a, b)
    parts = [r["target"]["part"] for r in (a, b)]
    if parts[0] != parts[1]:
        rows.append(Figure("Device", "", parts[0], parts[1], "", None))
    for key in ("interval", "latency"):
        pairs = [r["cycles"]["interval" if key == "interval" else "latency"] for r in (a, b)]
        simulated = all(p["rtl"] is not None for p in pairs)
        values = [p["rtl"] if simulated else p["model"] for p in pairs]
        rows.append(
            _figure(key.capitalize(), f"cycles, {'simulated' if simulated else 'predicted'}", values, -1)
        )
    rates = [r["throughput"] for r in (a, b)]
    rows.append(
        _figure("Throughput", "samples/s at its clock", [t and t["samples_per_s"] for t in rates], 1, _rate)
    )
    rows.append(_figure("Clock", "MHz, assumed", [r["target"]["clock_mhz"] for r in (a, b)], 0))
    if source is not None:
        uses: list[Use | None] = [a["resources"][source], b["resources"][source]]
        for resource, name in RESOURCE_NAMES.items():
            counts = [use and use_of(use)[resource] for use in uses]
            rows.append(_figure(name, f"by {SOURCE_NAMES[source]}", counts, -1))
    work = [r["efficiency"] for r in (a, b)]
    rows.append(_figure("Multipliers", "products at once", [w["multipliers"] for w in work], 0))
    rows.append(_figure("Multipliers at work", "", [w["mac_efficiency"] for w in work], 1, percent))
    rows.append(_figure("Parameters", "", [r["model"]["parameters"] for r in (a, b)], 0))
    rows.append(_figure("Weight bits", "", [r["model"]["weight_bits"] for r in (a, b)], -1))
    return rows


_ACCURACY = (
    ("oa", "Overall accuracy"),
    ("aa", "Average accuracy"),
    ("kappa", "Cohen's kappa"),
    ("iou", "IoU"),
    ("f2", "F2"),
)


def _accuracy(a: Report, b: Report) -> list[Figure]:
    """The accuracies that one of the two knows; how they differ only where they are of the same data."""
    one: Mapping[str, Any] = a["accuracy"] or {}
    other: Mapping[str, Any] = b["accuracy"] or {}
    sets = [
        f"{x.get('dataset', '–')}{', ' if x.get('split') else ''}{x.get('split') or ''}" for x in (one, other)
    ]
    same = sets[0] == sets[1]
    rows = []
    for key, name in _ACCURACY:
        values = [one.get(key), other.get(key)]
        if values == [None, None]:
            continue
        found = _figure(
            name, sets[0] if same else "of other data", values, 1, _kappa if key == "kappa" else _hundredths
        )
        rows.append(found if same else Figure(name, found.what, found.a, found.b, "", None))
    if rows and not same:
        rows.insert(0, Figure("Data", "", sets[0], sets[1], "", None))
    return rows


def _figure(
    name: str,
    what: str,
    values: Sequence[float | None],
    better: int,
    shown: Callable[[float | None], str] = number,
) -> Figure:
    """A row of two numbers. better: 1: more is, -1: less is, 0: neither."""
    a, b = values
    if a is None or b is None or a == b:
        return Figure(name, what, shown(a), shown(b), "", None)
    difference = signed_percent((b - a) / a) if a else signed(b - a)
    side: Side | None = None
    if better:
        side = "b" if (b - a) * better > 0 else "a"
    return Figure(name, what, shown(a), shown(b), difference, side)


def _rate(value: float | None) -> str:
    return number(None if value is None else round(value))


def _hundredths(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.2f} %"


def _kappa(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _layers(a: Report, b: Report, source: str) -> list[LayerPair]:
    """The layers of a in their order, then those that b has alone."""
    ours, theirs = ({layer["name"]: layer for layer in r["layers"]} for r in (a, b))
    pairs = []
    for name in dict.fromkeys([*ours, *theirs]):
        one, other = (
            None if side is None else _texts(side, source) for side in (ours.get(name), theirs.get(name))
        )
        if one is None or other is None:
            differs = (True,) * len(COLUMNS)
        else:
            differs = tuple(x != y for x, y in zip(one, other, strict=True))
        pairs.append(LayerPair(name, one, other, differs))
    return pairs


def _texts(layer: Layer, source: str) -> tuple[str, ...]:
    """A layer's entries in the order of COLUMNS."""
    types, counted = layer.get("types"), layer.get("yosys")
    use = use_of(counted if source == "yosys" and counted else layer)
    return (
        layer["op"],
        f"{', '.join(dict.fromkeys(types['inputs']))} → {types['out']}" if types else "–",
        (types["weights"] or "–") if types else "–",
        *(number(layer[key]) for key in ("pe", "simd")),
        number(layer.get("reuse")),
        number(layer["interval"]),
        *(number(use[key]) for key in RESOURCE_NAMES),
    )
