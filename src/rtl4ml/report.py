# SPDX-License-Identifier: Apache-2.0
"""The report of a design: `report.json`, and `report.html`, one file that opens offline.

What was not run is None in the dictionary, null in the JSON and "not run" on the page; never a guess.
`templates/report.schema.json` is the JSON schema of the dictionary.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict

import jinja2
import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from rtl4ml import __version__, report_levels, report_maps, report_pace
from rtl4ml.device import DEFAULT_BUDGET
from rtl4ml.report_maps import ClassMap, Frames
from rtl4ml.report_numbers import duration, magnitude, number, percent, plural, signed, signed_percent
from rtl4ml.report_pace import FrameSize, Gaps, Observed
from rtl4ml.report_pipeline import MEMORY, Edge, Stage
from rtl4ml.tools import disk_errors

__all__ = [
    "Accuracy",
    "Check",
    "ClassMap",
    "Cycles",
    "Data",
    "Edge",
    "Efficiency",
    "Exactness",
    "Extras",
    "Fifo",
    "FifoPlace",
    "Frames",
    "Identity",
    "Layer",
    "Model",
    "Pair",
    "Products",
    "Refusal",
    "Report",
    "Resources",
    "Seconds",
    "Stage",
    "Stalls",
    "Target",
    "Throughput",
    "Use",
    "Verdict",
    "blank",
    "build",
    "segmentation",
    "verdicts",
    "write",
]

INTERVAL_TOLERANCE = 0  # cycles: the predicted interval is exact
LATENCY_TOLERANCE = (0.01, 2)  # of the measured latency, or cycles
RESOURCE_TOLERANCE = 0.10  # of Yosys's count


class Model(TypedDict):
    """The source model; macs: multiply-accumulates a sample."""

    name: str
    parameters: int | None
    weight_bits: int | None
    macs: int | None


class Identity(TypedDict):
    """design: SHA-256 of graph, foldings and written files, as in the project's design.json; files: how many."""

    design: str
    files: int


class Target(TypedDict):
    """What the design is made for; the clock is assumed, not met.

    budget: the greatest shares of the device that it may take
    """

    board: str | None
    part: str
    clock_mhz: float | None
    budget: NotRequired[Use]


class Check(TypedDict):
    """A comparison with the reference: `mismatches` of `values` output values of `samples` samples."""

    samples: int
    values: int
    mismatches: int


class Cause(TypedDict):
    """How many values of the model's own predict differ from the reference, from which layer on, and why."""

    layer: str
    why: str
    values: int


class Predict(TypedDict):
    """The model's own predict against the reference: `differ` of `values` values, `mismatches` of them unexplained."""

    samples: int
    values: int
    differ: int
    mismatches: int
    cause: list[Cause]


class Exactness(TypedDict):
    """Comparisons that were run, None where not."""

    emulate: Check | None
    csim: Check | None
    rtl: Check | None
    predict: NotRequired[Predict | None]


class Stalls(TypedDict):
    """RTL simulation under random stalls: seeds tried, frames in all, output values that differed."""

    patterns: int
    frames: int
    mismatches: int


class Pair(TypedDict):
    """Cycles, predicted and measured in RTL simulation; an interval is a mean, and so may not be whole."""

    model: float | None
    rtl: float | None


class FrameEnds(TypedDict):
    """Frames simulated without stalls, and how many of them ended in the very cycle that was predicted."""

    compared: int
    as_predicted: int


class Cycles(TypedDict):
    """Latency and interval of a frame; frame by frame, what came when predicted (None: none was simulated).

    target:   the interval that was asked for; excess: why the predicted one is longer, None where it is not
    gaps:     of which cycles between frames the predicted interval is the mean, None where all are the same
    observed: where no repetition was found, the frames whose longest gap is given as the interval
    narrower: of a frame too large to be analysed: the frames that the interval is extrapolated from, else none
    """

    latency: Pair
    interval: Pair
    frames: FrameEnds | None
    target: NotRequired[int | None]
    excess: NotRequired[str | None]
    gaps: NotRequired[Gaps | None]
    observed: NotRequired[Observed | None]
    narrower: NotRequired[list[FrameSize]]


class Use(TypedDict):
    """Resources taken or available."""

    lut: float | None
    ff: float | None
    dsp: float | None
    bram36: float | None


class Resources(TypedDict):
    """Resources by who counted them."""

    model: Use | None
    yosys: Use | None
    vitis: Use | None
    vivado: Use | None
    available: Use


class Efficiency(TypedDict):
    """multipliers: products made at once, by multipliers, adders or shifts.

    mac_efficiency: macs / (interval × multipliers), at most 1
    """

    multipliers: int | None
    macs_per_cycle: float | None
    mac_efficiency: float | None


class Fifo(TypedDict):
    """width in bits, depth in beats, peak: most beats held in simulation."""

    name: str
    width: int
    depth: int
    peak: int | None


class Layer(TypedDict):
    """An operator of the design with its folding, interval in cycles and predicted resources."""

    name: str
    op: str
    macs: int | None
    pe: int | None
    simd: int | None
    interval: int | None
    lut: float | None
    ff: float | None
    dsp: float | None
    bram36: float | None


class Accuracy(TypedDict, total=False):
    """Classification (oa, aa, kappa) or segmentation (iou, f2), as fractions of one.

    iou: intersection over union of the pixels of all masks; f2: F-score over objects that weighs recall twice.
    """

    dataset: str
    split: str | None
    oa: float | None
    aa: float | None
    kappa: float | None
    iou: float | None
    f2: float | None


class Throughput(TypedDict):
    """clock / interval, at a clock that no board has run."""

    samples_per_s: float | None
    assumed_clock_mhz: float


class Seconds(TypedDict):
    """Wall-clock time of every step that was run."""

    train: float | None
    convert: float | None
    csim: float | None
    verilate: float | None
    simulate: float | None
    synthesize: float | None


class RefusedLayer(TypedDict):
    """A layer that hls4ml cannot hold exactly, so that there is no HLS project, and why."""

    layer: str
    reason: str


class Report(TypedDict):
    """The content of report.json; refusals only where there are some."""

    schema: Literal[1]
    identity: Identity | None
    model: Model
    target: Target
    exactness: Exactness
    stalls: Stalls | None
    cycles: Cycles
    resources: Resources
    efficiency: Efficiency
    fifos: list[Fifo]
    layers: list[Layer]
    accuracy: Accuracy | None
    throughput: Throughput | None
    seconds: Seconds
    refusals: NotRequired[list[RefusedLayer]]


def blank(*, model: Model, target: Target, available: Use) -> Report:
    """A report of which nothing has been run."""
    return {
        "schema": 1,
        "identity": None,
        "model": model,
        "target": target,
        "exactness": {"emulate": None, "csim": None, "rtl": None, "predict": None},
        "stalls": None,
        "cycles": {
            "latency": {"model": None, "rtl": None},
            "interval": {"model": None, "rtl": None},
            "frames": None,
        },
        "resources": {"model": None, "yosys": None, "vitis": None, "vivado": None, "available": available},
        "efficiency": {"multipliers": None, "macs_per_cycle": None, "mac_efficiency": None},
        "fifos": [],
        "layers": [],
        "accuracy": None,
        "throughput": None,
        "seconds": {
            "train": None,
            "convert": None,
            "csim": None,
            "verilate": None,
            "simulate": None,
            "synthesize": None,
        },
    }


@dataclass(frozen=True, kw_only=True)
class Data:
    """The data set that the samples came from."""

    name: str
    synthetic: bool


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A layer that hls4ml cannot hold exactly, and why."""

    layer: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class FifoPlace:
    """Where a FIFO of the report stands, by its name, and what it is made of.

    source, target: the operators or ports that it stands between; one operator twice where it stands within that one
    memory:         "LUT" or "block"
    skip:           whether there is a longer way between the two, beside which it holds beats back
    """

    name: str
    source: str
    target: str
    memory: Literal["LUT", "block"]
    skip: bool


@dataclass(frozen=True, kw_only=True)
class Products:
    """A layer's products at once that DSP48E2 make, and how many of these make them."""

    layer: str
    products: int
    dsps: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Extras:
    """What the page shows and report.json does not hold. Whatever is left out is not shown.

    data:        None where no data set was used
    sample:      what one sample is, in the singular: "pixel", "frame"
    reference:   what the outputs were compared with, such as "QKeras predict (float32)"
    stages:      the pipeline in topological order
    edges:       its streams; a name that is no stage is a port of the design
    class_names: of confusion and class_map
    confusion:   (classes, classes) integers, rows true, columns predicted
    class_map:   labelled pixels of a scene
    frames:      images with the masks that the hardware made of them
    fifos:       where the report's FIFOs stand, in any order
    products:    what DSP48E2 multiply, by layer
    refusals:    layers that the HLS project cannot hold exactly
    notes:       sentences about how numbers were obtained, shown after those that hold for every report
    """

    data: Data | None = None
    sample: str = "sample"
    reference: str | None = None
    stages: Sequence[Stage] = ()
    edges: Sequence[Edge] = ()
    class_names: Sequence[str] = ()
    confusion: NDArray[np.integer] | None = None
    class_map: ClassMap | None = None
    frames: Frames | None = None
    fifos: Sequence[FifoPlace] = ()
    products: Sequence[Products] = ()
    refusals: Sequence[Refusal] = ()
    notes: Sequence[str] = field(default=())


@dataclass(frozen=True)
class Verdict:
    """One statement at the head of the page; open: cannot be said yet, fact: neither good nor bad."""

    kind: Literal["good", "bad", "open", "fact"]
    title: str
    detail: str


RESOURCE_NAMES = {"lut": "LUT", "ff": "Flip-flops", "dsp": "DSP48E2", "bram36": "RAMB36"}
SOURCE_NAMES = {
    "model": "rtl4ml's model",
    "yosys": "Yosys",
    "vitis": "Vitis HLS report",
    "vivado": "Vivado report",
}
CHECK_NAMES = {"emulate": "emulation", "csim": "C simulation", "rtl": "RTL simulation"}


def verdicts(
    report: Report, *, sample: str = "sample", synthetic: bool = False
) -> tuple[Verdict, Verdict, Verdict, Verdict]:
    """Exact or not, fits or not, how fast, cycles as predicted or not; `synthetic` samples are called so."""
    return (
        exact(report, f"synthetic {sample}" if synthetic else sample),
        fits(report),
        speed(report, sample),
        predicted(report),
    )


def exact(report: Report, sample: str) -> Verdict:
    """Whether the RTL computes the reference's numbers."""
    checks = {k: c for k, c in _checks(report).items() if c is not None and c["samples"] > 0}
    stalls = report["stalls"]
    wrong = [
        f"{c['mismatches']:,} of {c['values']:,} values differ in {CHECK_NAMES[k]}"
        for k, c in checks.items()
        if c["mismatches"]
    ]
    own = report["exactness"].get("predict")
    if own is not None and own["mismatches"]:
        wrong.append(
            f"{own['mismatches']:,} of {own['values']:,} values differ in the model's own predict, for no known cause"
        )
    if stalls is not None and stalls["mismatches"]:
        wrong.append(f"{stalls['mismatches']:,} values differ under random stalls")
    if wrong:
        return Verdict("bad", "Not exact", "; ".join(wrong))
    if not checks:
        return Verdict("open", "Exactness not checked", "no comparison with the reference was run")
    missing = [name for k, name in CHECK_NAMES.items() if k not in checks]
    if stalls is None or not stalls["frames"]:
        missing.append("random stalls")
    rest = f"; not run: {', '.join(missing)}" if missing else ""
    if "rtl" in checks:
        c = checks["rtl"]
        said = f"0 mismatches in {c['values']:,} values of {plural(c['samples'], sample)} through the RTL"
        return Verdict("good", "Exact", said + rest)
    names = " and ".join(CHECK_NAMES[k] for k in checks)
    return Verdict("open", "Exact so far", f"0 mismatches in {names}{rest}")


def trusted(report: Report) -> tuple[str, dict[str, float | None]]:
    """The most trusted count there is (Vivado, Yosys, the model) with its name; empty where nothing was counted."""
    r = report["resources"]
    counts = {"vivado": r["vivado"], "yosys": r["yosys"], "model": r["model"]}
    return next(((SOURCE_NAMES[k], _use(u)) for k, u in counts.items() if u is not None), ("", {}))


def largest_users(report: Report, key: str, count: int = 5) -> list[tuple[str, float]]:
    """The layers that take most of a resource ("lut", "ff", "dsp", "bram36") as predicted, with how much each takes."""
    known = [(layer["name"], float(layer[key] or 0)) for layer in report["layers"]]  # type: ignore[literal-required]
    return sorted((p for p in known if p[1] > 0), key=lambda p: -p[1])[:count]


def segmentation(
    masks: NDArray[Any], truth: NDArray[Any], *, dataset: str, split: str | None = None
) -> Accuracy:
    """Accuracy of masks (N, H, W) against true ones: IoU over all pixels, None where neither has any; F2 is None.

    Raises ValueError where the shapes differ.
    """
    return {"dataset": dataset, "split": split, "iou": report_maps.iou(masks, truth), "f2": None}


def fits(report: Report) -> Verdict:
    """Whether the device holds the design, by the most trusted count there is (Vivado, Yosys, the model)."""
    available = _use(report["resources"]["available"])
    name, use = trusted(report)
    if not use:
        return Verdict("open", "Fit not known", "resources were neither predicted nor synthesized")
    shares = {k: _share(use[k], available[k]) for k in RESOURCE_NAMES}
    over = [
        f"{RESOURCE_NAMES[k]} {number(use[k])} of {number(available[k])}, "
        f"{number((use[k] or 0) - (available[k] or 0))} too many ({percent(s)})"
        for k, s in shares.items()
        if s is not None and s > 1
    ]
    if over:
        return Verdict("bad", "Does not fit", f"{'; '.join(over)}, by {name}")
    unknown = [RESOURCE_NAMES[k] for k, s in shares.items() if s is None]
    if unknown:
        return Verdict("open", "Fit not known", f"no count of {', '.join(unknown)} by {name}")
    largest = max(shares, key=lambda k: shares[k] or 0.0)
    return Verdict(
        "good",
        "Fits",
        f"at most {percent(shares[largest])} of the device ({RESOURCE_NAMES[largest]}), by {name}",
    )


def speed(report: Report, sample: str) -> Verdict:
    """Samples a second at the assumed clock."""
    t = report["throughput"]
    if t is None or t["samples_per_s"] is None:
        return Verdict("open", "Throughput not known", "the interval was neither predicted nor measured")
    how = ""
    interval = report["cycles"]["interval"]
    for cycles, origin in ((interval["rtl"], "measured in RTL simulation"), (interval["model"], "predicted")):
        if (
            cycles
            and abs(t["assumed_clock_mhz"] * 1e6 / cycles - t["samples_per_s"]) <= 1e-6 * t["samples_per_s"]
        ):
            how = f": one {sample} every {plural(cycles, 'cycle')}, {origin}"
            break
    detail = f"at an assumed {number(t['assumed_clock_mhz'])} MHz clock{how}"
    if missed := report_pace.missed(report["cycles"]):
        detail += f"; {missed}"
    return Verdict("fact", f"{magnitude(t['samples_per_s'])} {sample}s/s", detail)


def predicted(report: Report) -> Verdict:
    """Whether interval and latency of the simulation are those of the model, within the contract."""
    latency, interval = report["cycles"]["latency"], report["cycles"]["interval"]
    wrong = [
        f"{name} {number(p['rtl'])} measured, {number(p['model'])} predicted"
        for name, p in (("interval", interval), ("latency", latency))
        if agrees(name, p) is False
    ]
    if wrong:
        return Verdict("bad", "Cycles not as predicted", "; ".join(wrong))
    frames = each_frame(report)
    missing = [
        f"{name} not {'predicted' if p['model'] is None else 'measured'}"
        for name, p in (("interval", interval), ("latency", latency))
        if agrees(name, p) is None
    ]
    if missing and not (frames and frames.all):
        return Verdict(
            "open", "Cycles not compared", "; ".join([*missing, *([frames.text] if frames else [])])
        )
    known = ", ".join(
        f"{name} {number(p['rtl'])}"
        for name, p in (("interval", interval), ("latency", latency))
        if p["rtl"] is not None
    )
    said = [f"{known} cycles in RTL simulation", *missing, *([frames.text] if frames else [])]
    return Verdict("good", "Cycles as predicted", "; ".join(said))


@dataclass(frozen=True)
class EachFrame:
    """What is said of the frames one by one; all: whether every one ended in the cycle predicted."""

    text: str
    all: bool


def each_frame(report: Report) -> EachFrame | None:
    """How many of the simulated frames ended in the predicted cycle; None where none was simulated."""
    f = report["cycles"]["frames"]
    if not f or not f["compared"]:
        return None
    if f["as_predicted"] < f["compared"]:
        return EachFrame(
            f"{number(f['as_predicted'])} of {plural(f['compared'], 'frame')} in the predicted cycle", False
        )
    if f["compared"] == 1:
        return EachFrame("its one frame in the predicted cycle", True)
    return EachFrame(f"each of {number(f['compared'])} frames in the predicted cycle", True)


def agrees(name: str, pair: Pair) -> bool | None:
    """Whether prediction and measurement keep the contract of `name` ("interval", "latency"); None: not both known."""
    model, rtl = pair["model"], pair["rtl"]
    if model is None or rtl is None:
        return None
    if name == "interval":
        return abs(model - rtl) <= INTERVAL_TOLERANCE
    return abs(model - rtl) <= max(LATENCY_TOLERANCE[0] * rtl, LATENCY_TOLERANCE[1])


def write(report: Report, out: Path, *, extras: Extras | None = None) -> None:
    """Writes report.json and report.html into the folder `out`, each whole or not at all.

    Raises EnvironmentProblem where the folder cannot be written or the disk is full, ValueError where the report
    holds NaN or infinity.
    """
    texts = {
        "report.html": build(report, extras if extras is not None else Extras()),
        "report.json": json.dumps(report, indent=2, allow_nan=False, default=_plain) + "\n",
    }
    with disk_errors(out):
        out.mkdir(parents=True, exist_ok=True)
        fresh = {out / name: out / f".{name}.{uuid.uuid4().hex[:8]}.part" for name in texts}
        try:
            for target, part in fresh.items():
                with part.open("w", encoding="utf-8") as f:
                    f.write(texts[target.name])
                    f.flush()
                    os.fsync(f.fileno())
            for target, part in fresh.items():
                part.replace(target)
        finally:
            for part in fresh.values():
                with contextlib.suppress(OSError):
                    part.unlink(missing_ok=True)


def build(report: Report, extras: Extras) -> str:
    """The text of report.html. Raises ValueError where the extras contradict themselves."""
    if extras.confusion is not None:
        classes = len(extras.class_names)
        if extras.confusion.shape != (classes, classes):
            raise ValueError(
                f"confusion: must have a row and a column for each of {classes} class names, "
                f"not the shape {extras.confusion.shape}"
            )
    style, script = _resource("report.css"), _resource("report.js")
    synthetic = extras.data is not None and extras.data.synthetic
    said = verdicts(report, sample=extras.sample, synthetic=synthetic)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            extras=extras,
            verdicts=said,
            cards=sorted(said, key=lambda v: not (v is said[1] and v.kind == "bad")),
            agrees=agrees,
            bars=_bars(report),
            excess=_excess(report),
            budget=_budget(report),
            full=_full(report),
            wide=_pipeline(extras, narrow=False),
            narrow=_pipeline(extras, narrow=True),
            nested=bool(extras.stages) and report_levels.levels(extras.stages, extras.edges) is not None,
            frames=report_maps.frame_pictures(extras.frames) if extras.frames is not None else (),
            places=_places(report, extras),
            products={p.layer: p for p in extras.products},
            packed=_packed(extras),
            confusion=_confusion(extras),
            maps=(
                report_maps.pictures(extras.class_map, extras.class_names)
                if extras.class_map is not None
                else ()
            ),
            slowest=max((layer["interval"] or 0 for layer in report["layers"]), default=0),
            bottlenecks=_bottlenecks(report, extras),
            each_frame=each_frame(report),
            pace=report_pace.notes(report["cycles"]),
            sets=report_pace.sets(report["cycles"], [s.interval for s in extras.stages]),
            equals=_equals(extras),
            check_names=CHECK_NAMES,
            memory_names=MEMORY,
            resource_names=RESOURCE_NAMES,
            version=__version__,
            style=Markup(style),
            script=Markup(script),
            script_hash=digest,
        )
    )


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


def _bars(report: Report) -> list[_Group]:
    r = report["resources"]
    available = _use(r["available"])
    counts = {"model": r["model"], "yosys": r["yosys"], "vitis": r["vitis"], "vivado": r["vivado"]}
    groups = []
    for key, name in RESOURCE_NAMES.items():
        bars = []
        for source, use in counts.items():
            if use is None and source not in ("model", "yosys"):
                continue  # vendor reports are shown where there are any
            used = None if use is None else _use(use)[key]
            bars.append(
                _Bar(SOURCE_NAMES[source], source, use is not None, used, _share(used, available[key]))
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


def _confusion(extras: Extras) -> list[_Row]:
    if extras.confusion is None:
        return []
    rows = []
    for k, name in enumerate(extras.class_names):
        counts = [int(n) for n in extras.confusion[k]]
        total = sum(counts)
        cells = tuple((n, n / total if total else 0.0) for n in counts)
        rows.append(_Row(name, cells, total, counts[k] / total if total else None))
    return rows


def _bottlenecks(report: Report, extras: Extras) -> set[str]:
    """Names of the layers marked as bottleneck: the flagged stages, else those of the largest interval."""
    flagged = {s.name for s in extras.stages if s.bottleneck}
    if flagged:
        return flagged
    slowest = max((layer["interval"] or 0 for layer in report["layers"]), default=0)
    return {layer["name"] for layer in report["layers"] if slowest and layer["interval"] == slowest}


def _equals(extras: Extras) -> int:
    """How many stages are as slow as the one that is marked as bottleneck; 0 where it is alone, or there is none."""
    marked = [s.interval for s in extras.stages if s.bottleneck]
    if len(marked) != 1 or not marked[0]:
        return 0
    count = sum(s.interval == marked[0] for s in extras.stages)
    return count if count > 1 else 0


def _pipeline(extras: Extras, *, narrow: bool) -> Markup | None:
    return report_levels.picture(extras.stages, extras.edges, narrow=narrow) if extras.stages else None


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


def _budget(report: Report) -> str:
    """The greatest shares that the design was allowed; empty where the report does not say."""
    budget = report["target"].get("budget")
    if budget is None:
        return ""
    shares = {RESOURCE_NAMES[k]: share for k, share in _use(budget).items()}
    if len(set(shares.values())) == 1:
        return f"{_round_percent(budget['lut'])} of each resource"
    return ", ".join(f"{_round_percent(share)} of {name}" for name, share in shares.items())


def _full(report: Report) -> str:
    """The resources of which a design that fits leaves too little free; empty where there is none."""
    available = _use(report["resources"]["available"])
    name, use = trusted(report)
    shares = {k: _share(used, available[k]) or 0.0 for k, used in use.items()}
    full = [k for k, s in shares.items() if s > DEFAULT_BUDGET[k]]
    if not full or max(shares.values()) > 1:
        return ""
    taken = ", ".join(f"{RESOURCE_NAMES[k]} {percent(shares[k])}" for k in full)
    most = _round_percent(min(DEFAULT_BUDGET[k] for k in full))
    return (
        f"{taken} of the device, more than the {most} up to which timing can be expected to close, by {name}"
    )


def _excess(report: Report) -> list[_Excess]:
    """What the device has too little of, the worst first."""
    available = _use(report["resources"]["available"])
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


def _places(report: Report, extras: Extras) -> list[_Placed]:
    """The report's FIFOs: those on skips first, otherwise as they come."""
    known = {p.name: p for p in extras.fifos}
    rows = [_Placed(f, known.get(f["name"]), f["width"] * f["depth"]) for f in report["fifos"]]
    return sorted(rows, key=lambda r: not (r.place is not None and r.place.skip))


def _packed(extras: Extras) -> Products | None:
    """All layers together."""
    if not extras.products:
        return None
    return Products(
        layer="", products=sum(p.products for p in extras.products), dsps=sum(p.dsps for p in extras.products)
    )


def _checks(report: Report) -> dict[str, Check | None]:
    e = report["exactness"]
    return {"emulate": e["emulate"], "csim": e["csim"], "rtl": e["rtl"]}


def _use(use: Use) -> dict[str, float | None]:
    return {"lut": use["lut"], "ff": use["ff"], "dsp": use["dsp"], "bram36": use["bram36"]}


def _share(used: float | None, available: float | None) -> float | None:
    return None if used is None or not available else used / available


def _plain(value: object) -> object:
    """NumPy scalars as what JSON knows."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"report: {type(value).__name__} is not a JSON value")


def _resource(name: str) -> str:
    return (files("rtl4ml.templates") / name).read_text(encoding="utf-8")


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_resource),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    filters: dict[str, Any] = {
        "number": number,
        "percent": percent,
        "magnitude": magnitude,
        "duration": duration,
        "plural": plural,
        "signed": signed,
        "signed_percent": signed_percent,
    }
    environment.filters.update(filters)
    return environment
