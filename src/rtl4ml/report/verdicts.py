# SPDX-License-Identifier: Apache-2.0
"""Verdicts on the numbers of a report: exact or not, fits or not, as predicted or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import NDArray

from rtl4ml.report import pace, routes
from rtl4ml.report.board_schema import BoardCosim
from rtl4ml.report.figures import maps
from rtl4ml.report.numbers import magnitude, number, percent, plural
from rtl4ml.report.schema import Accuracy, Check, Pair, Report, Use

INTERVAL_TOLERANCE = 0  # cycles: the predicted interval is exact
LATENCY_TOLERANCE = (0.01, 2)  # of the measured latency, or cycles


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


def verdicts(report: Report, *, sample: str = "sample", synthetic: bool = False) -> tuple[Verdict, ...]:
    """Exact or not, fits or not, how fast, cycles as predicted or not, timing; `synthetic` samples are called so."""
    return (
        exact(report, f"synthetic {sample}" if synthetic else sample),
        fits(report),
        speed(report, sample),
        predicted(report),
        timing(report),
    )


def exact(report: Report, sample: str) -> Verdict:
    """Whether the RTL computes the reference's numbers."""
    checks = {k: c for k, c in checks_of(report).items() if c is not None and c["samples"] > 0}
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
    wrong += after_synthesis(report)
    cosim = cosim_of(report)
    if cosim is not None and cosim["mismatches"]:
        wrong.append(
            f"{cosim['mismatches']:,} of {cosim['values']:,} values that the driver got on the simulated board differ"
        )
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


def after_synthesis(report: Report) -> list[str]:
    """What is wrong with the netlist after synthesis; nothing where none was simulated."""
    found = report.get("netlist")
    if found is None:
        return []
    differ = found["mismatches"] + found["stalls"]["mismatches"]
    late = found["cycles"]["compared"] - found["cycles"]["as_rtl"]
    return [
        *([f"{differ:,} values differ in the netlist after synthesis"] if differ else []),
        *([f"{late:,} frames of the netlist come in other cycles than the RTL's"] if late else []),
    ]


def trusted(report: Report) -> tuple[str, dict[str, float | None]]:
    """The most trusted count there is (Vivado, Yosys, the model) with its name; empty where nothing was counted."""
    r = report["resources"]
    counts = {"vivado": r["vivado"], "yosys": r["yosys"], "model": r["model"]}
    return next(((SOURCE_NAMES[k], use_of(u)) for k, u in counts.items() if u is not None), ("", {}))


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
    return {"dataset": dataset, "split": split, "iou": maps.iou(masks, truth), "f2": None}


def fits(report: Report) -> Verdict:
    """Whether the device holds the design, by the most trusted count there is (Vivado, Yosys, the model)."""
    available = use_of(report["resources"]["available"])
    name, use = trusted(report)
    if not use:
        return Verdict("open", "Fit not known", "resources were neither predicted nor synthesized")
    shares = {k: share_of(use[k], available[k]) for k in RESOURCE_NAMES}
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
    clock = f"an assumed {number(t['assumed_clock_mhz'])} MHz clock"
    if (route := routes.met(report)) is not None:
        clock = (
            f"{number(route['clock_mhz'])} MHz, which {route['tool']} meets ({number(route['fmax_mhz'])} MHz)"
        )
    if "clock2x_mhz" in report["target"]:
        clock += f" (DSP slices at {number(report['target']['clock2x_mhz'])} MHz)"
    detail = f"at {clock}{how}"
    if missed := pace.missed(report["cycles"]):
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


def timing(report: Report) -> Verdict:
    """What is known of the clock: by a router, Vivado or nextpnr; by a static analysis; or nothing."""
    board, estimated = report.get("board"), report.get("timing")
    built = None if board is None or board["vivado"] is None else board["vivado"]["timing"]
    if built is not None:
        said = f"{built['wns_ns']:.2f} ns of slack, by Vivado"
        return Verdict("good", "Timing met", said) if built["met"] else Verdict("bad", "Timing not met", said)
    if (route := routes.met(report)) is not None:
        said = f"{number(route['fmax_mhz'])} MHz after routing by {route['tool']}, {number(route['clock_mhz'])} asked"
        return Verdict("good", "Timing met", said)
    if estimated is None:
        said = "no router has seen the design; rtl4ml synth estimates the longest path"
        return Verdict("open", "Timing not known", said)
    asked = f"{estimated['period_ns']:.2f} ns for {1000 / estimated['clock_mhz_asked']:.2f} asked"
    said = f"longest path {asked}, by a static analysis; no router has seen it"
    if estimated["slack_ns"] < 0:
        return Verdict("bad", "Timing estimated: too slow", said)
    return Verdict("fact", "Timing estimated", said)


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


def cosim_of(report: Report) -> BoardCosim | None:
    """The jobs that the driver ran on the simulated board; None where there were none."""
    board = report.get("board")
    return None if board is None else board.get("cosim")


def checks_of(report: Report) -> dict[str, Check | None]:
    """The proofs by path."""
    e = report["exactness"]
    return {"emulate": e["emulate"], "csim": e["csim"], "rtl": e["rtl"]}


def use_of(use: Use) -> dict[str, float | None]:
    """Used resources by name."""
    return {"lut": use["lut"], "ff": use["ff"], "dsp": use["dsp"], "bram36": use["bram36"]}


def share_of(used: float | None, available: float | None) -> float | None:
    """Used by available; None where either is unknown."""
    return None if used is None or not available else used / available
