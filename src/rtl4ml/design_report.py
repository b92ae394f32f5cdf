"""What a design knows about itself, as report.json and report.html."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from rtl4ml import identity, precision, report, report_streams
from rtl4ml.device import XCZU9EG
from rtl4ml.netlist import Resources
from rtl4ml.report import Extras, Report
from rtl4ml.report_pace import MOST_GAPS, Gaps
from rtl4ml.report_pipeline import Edge, Stage
from rtl4ml.synthesize import total

if TYPE_CHECKING:
    from rtl4ml.cells import Fifo
    from rtl4ml.design import Design


def write(
    design: Design, *, accuracy: report.Accuracy | None = None, extras: Extras | None = None
) -> dict[str, Any]:
    """Writes report.json and report.html into the design's folder; returns the former."""
    found = collect(design, accuracy=accuracy)
    report.write(found, design.folder, extras=_pictures(design, extras or Extras()))
    identity.sign_reports(design.folder)
    return dict(found)


def collect(design: Design, *, accuracy: report.Accuracy | None = None) -> Report:
    """The report's content: what was run since `convert`, None for what was not."""
    graph, cycles = design.graph, design.cycles
    out = report.blank(
        model={
            "name": graph.name,
            "parameters": graph.parameters,
            "weight_bits": graph.weight_bits,
            "macs": graph.macs,
        },
        target={
            "board": design.board_name,
            "part": design.part,
            "clock_mhz": design.clock_mhz,
            "budget": {
                "lut": design.budget["lut"],
                "ff": design.budget["ff"],
                "dsp": design.budget["dsp"],
                "bram36": design.budget["bram36"],
            },
        },
        available=_use(Resources(**XCZU9EG)),
    )
    out["identity"] = {"design": design.identity.design, "files": len(design.identity.files)}
    for how, tally in design.exactness.items():
        out["exactness"][how] = tally.entry()  # type: ignore[literal-required]
    out["exactness"]["predict"] = cast("report.Predict | None", design.untouched.entry())
    if design.stalled.samples:
        out["stalls"] = {
            "patterns": len(design.patterns),
            "frames": design.stalled.samples,
            "mismatches": design.stalled.mismatches,
        }
    latency, interval = design.measured
    out["cycles"] = {
        "latency": {"model": cycles.latency, "rtl": latency},
        "interval": {"model": _plain(cycles.interval), "rtl": _plain(interval)},
        "frames": design.frames.entry(),  # type: ignore[typeddict-item]  # a plain dictionary of its keys
        "target": design.target_interval,
        "excess": design.excess,
        "gaps": _gaps(cycles.gaps),
        "observed": cycles.observed and {"first": cycles.observed[0], "last": cycles.observed[1]},
        "narrower": [{"rows": rows, "columns": columns} for rows, columns in cycles.narrower],
    }
    out["resources"]["model"] = _use(total(design.model))
    out["resources"]["yosys"] = None if design.yosys is None else _use(total(design.yosys))
    multipliers = sum(c.multipliers for c in design.netlist.cells)
    out["efficiency"] = {
        "multipliers": multipliers,
        "macs_per_cycle": float(graph.macs / cycles.interval),
        "mac_efficiency": float(graph.macs / (cycles.interval * multipliers)) if multipliers else None,
    }
    out["fifos"] = [
        {"name": c.name, "width": c.x.width, "depth": c.depth, "peak": design.peaks.get(c.name)}
        for c in design.fifos
    ]
    out["layers"] = _layers(design)
    out["accuracy"] = accuracy
    out["throughput"] = {
        "samples_per_s": design.clock_mhz * 1e6 / float(cycles.interval),
        "assumed_clock_mhz": design.clock_mhz,
    }
    for k, v in design.seconds.items():
        if k in out["seconds"]:
            out["seconds"][k] = round(v, 3)  # type: ignore[literal-required]
    if refused := refusals(design):
        out["refusals"] = [{"layer": r.layer, "reason": r.reason} for r in refused]
    return out


def _plain(interval: int | Fraction | None) -> float | None:
    """An interval as JSON knows numbers: equal fractions are equal numbers."""
    return float(interval) if isinstance(interval, Fraction) else interval


def _gaps(gaps: Sequence[int]) -> Gaps | None:
    """Cycles between frames that are not the same, as the report has them."""
    if not gaps:
        return None
    first = list(gaps[:MOST_GAPS])
    return {"frames": len(gaps), "least": min(gaps), "most": max(gaps), "first": first}


def refusals(design: Design) -> list[report.Refusal]:
    """The layers for which there is no HLS project."""
    texts = () if design.hls_refusal is None else design.hls_refusal.texts
    parts = (text.partition(": ") for text in texts)
    return [report.Refusal(layer=layer, reason=reason) for layer, _, reason in parts]


def _use(r: Resources) -> report.Use:
    return {"lut": round(r.lut), "ff": round(r.ff), "dsp": round(r.dsp), "bram36": r.bram36}


def _layers(design: Design) -> list[report.Layer]:
    """A line an operator, and one for each part around them; resources as predicted."""
    net, graph = design.netlist, design.graph
    around = {
        graph.aside("s_axis"): "Input stream",
        graph.aside("m_axis"): "Output stream",
        graph.aside("edges"): "AXI4-Stream ports",
    }
    cost: dict[str, Resources] = {}
    work = {graph.aside("edges"): max(net.input.beats, net.output.beats)}  # each takes a beat a cycle
    for u, r in zip(design.units, design.model, strict=True):
        cost[u.layer] = cost.get(u.layer, Resources()) + r
        # An operator's work is done by its other cells; a stream around them may be a FIFO alone.
        if u.cell is not None and (u.cell.module != "r4_fifo" or u.layer in around):
            work[u.layer] = max(work.get(u.layer, 0), design.cycles.cells[u.cell.name])
    lines: list[report.Layer] = []
    for op in design.graph.ops:
        r = cost.pop(op.name, Resources())
        lines.append(
            {
                "name": op.name,
                "op": op.op,
                "macs": op.macs,
                "pe": op.pe,
                "simd": op.simd,
                "interval": work.get(op.name, 0),  # no cells: wires only
                **_use(r),
            }
        )
    for name, r in cost.items():
        lines.append(
            {
                "name": name,
                "op": around[name],
                "macs": 0,
                "pe": None,
                "simd": None,
                "interval": work[name],
                **_use(r),
            }
        )
    return lines


def _pictures(design: Design, extras: Extras) -> Extras:
    """The pipeline and its FIFOs, unless the caller drew one; why there is no C simulation; what the reference was."""
    cycles = design.cycles
    owner = {c.name: c.layer for c in design.netlist.cells}
    slowest = owner.get(cycles.bottleneck, "")
    work = {line["name"]: line["interval"] for line in _layers(design)}
    if slowest not in (
        names := [op.name for op in design.graph.ops]
    ):  # the input: an operator may be as slow
        most = cycles.cells[cycles.bottleneck]
        slowest = next((name for name in names if work[name] == most), "")
    stages = [
        Stage(
            name=op.name,
            op=op.op,
            interval=work.get(op.name),
            pe=op.pe,
            simd=op.simd,
            bottleneck=op.name == slowest,
            macs=op.macs,
            shape=op.output.shape,
        )
        for op in design.graph.ops
    ]
    streams = report_streams.streams(design.graph)
    stands = report_streams.placed(design.netlist)
    edges = []
    for k, (source, target) in enumerate(streams):
        here = [c for c in design.fifos if stands.get(c.name) == k]
        largest = max(here, key=lambda c: c.depth * c.x.width, default=None)
        edges.append(
            Edge(source=source, target=target)
            if largest is None
            else Edge(
                source=source,
                target=target,
                width=largest.x.width,
                depth=largest.depth,
                peak=design.peaks.get(largest.name),
                memory=_memory(largest),
            )
        )
    around = report_streams.skips(streams)
    places = []
    for c in design.fifos:
        at = stands.get(c.name)
        between = (c.layer, c.layer) if at is None else streams[at]
        places.append(
            report.FifoPlace(
                name=c.name,
                source=between[0],
                target=between[1],
                memory=_memory(c),
                skip=at is not None and at in around,
            )
        )
    reference = extras.reference or (
        "QKeras predict (float32)"
        if design.graph.float32_exact
        else "the model's formulas in float64, since float32 rounds sums of this model"
    )
    if design.parsed.declared:
        spec = design.parsed.quantizer.name
        written = precision.read(spec)
        modes = (written and written.modes) or precision.Modes()
        reference += f", of inputs brought to {spec} first, by {modes}"
        if design.parsed.behind:
            reference += f", then by the model's own quantizer {design.parsed.behind}"
    return replace(
        extras,
        stages=extras.stages or stages,
        edges=extras.edges or edges,
        fifos=extras.fifos or places,
        products=extras.products or products(design),
        refusals=(*extras.refusals, *refusals(design)),
        reference=reference,
    )


def _memory(c: Fifo) -> Literal["LUT", "block"]:
    return "block" if c.block else "LUT"


def frames(
    x: NDArray[np.floating],
    y: NDArray[np.floating],
    truth: NDArray[Any] | None = None,
    *,
    threshold: float = 0.5,
    names: Sequence[str] = (),
) -> report.Frames:
    """Frames for the report, of a design of one output channel.

    x: images (N, H, W, C) in [0, 1]; three channels are taken as red, green, blue, of others the first as grey
    y: what the hardware made of them, (N, H, W, 1) or (N, H, W): masks (`output="mask"`) with threshold 0.5, or logits
       with threshold 0 where a sigmoid was cut
    truth: (N, H, W) or (N, H, W, 1), not zero where the mask should be set
    Raises ValueError where shapes do not fit.
    """
    x = np.clip(np.asarray(x, np.float64), 0, 1)
    if x.ndim != 4 or not x.shape[-1]:
        raise ValueError(f"frames: images must have the shape (N, H, W, C), not {x.shape}")
    images = x if x.shape[-1] == 3 else np.repeat(x[..., :1], 3, axis=-1)

    def flat(a: NDArray[Any]) -> NDArray[Any]:
        return a[..., 0] if a.ndim == 4 and a.shape[-1] == 1 else a

    return report.Frames(
        images=images,
        masks=flat(np.asarray(y)) >= threshold,
        truth=None if truth is None else flat(np.asarray(truth)) != 0,
        names=names,
    )


def looks(design: Design, x: NDArray[np.floating], y: NDArray[np.floating]) -> report.Frames | None:
    """As `frames`, for samples over the range of the input; None where the design makes no masks of images.

    Masks are those of the hardware, or where its logits reach zero, if they stand for a sigmoid.
    """
    mask = design.parsed.output == "mask"
    if not (mask or (design.parsed.output == "logits" and design.parsed.cut == ("sigmoid",))):
        return None
    s = design.graph.inputs[0]
    if len(s.shape) != 3 or y.shape[1:] != (*s.shape[:2], 1) or not len(y):
        return None
    lo, hi = s.lo * s.type.step, s.hi * s.type.step
    images = (np.asarray(x, np.float64) - lo) / max(hi - lo, s.type.step)
    return frames(images, y, threshold=0.5 if mask else 0.0)


def products(design: Design) -> list[report.Products]:
    """Products at once and the DSP48E2 that make them, for every operator that has some there."""
    found: dict[str, tuple[int, int]] = {}
    for u, r in zip(design.units, design.model, strict=True):
        if u.cell is None or not u.cell.multipliers:
            continue
        dsps = getattr(u.cell, "dsps", None)
        dsps = round(r.dsp) if dsps is None else int(dsps)
        if dsps:
            n, d = found.get(u.layer, (0, 0))
            found[u.layer] = n + u.cell.multipliers, d + dsps
    return [report.Products(layer=k, products=n, dsps=d) for k, (n, d) in found.items()]
