"""What a design knows about itself, as report.json and report.html."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rtl4ml import report
from rtl4ml.explore import XCZU9EG
from rtl4ml.netlist import Resources
from rtl4ml.report import Extras, Report
from rtl4ml.report_pipeline import Edge, Stage
from rtl4ml.synthesize import total

if TYPE_CHECKING:
    from rtl4ml.design import Design


def write(
    design: Design, *, accuracy: report.Accuracy | None = None, extras: Extras | None = None
) -> dict[str, Any]:
    """Writes report.json and report.html into the design's folder; returns the former."""
    found = collect(design, accuracy=accuracy)
    report.write(found, design.folder, extras=_pictures(design, extras or Extras()))
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
        target={"board": design.board_name, "part": design.part, "clock_mhz": design.clock_mhz},
        available=_use(Resources(**XCZU9EG)),
    )
    for how, tally in design.exactness.items():
        out["exactness"][how] = tally.entry()  # type: ignore[literal-required]
    if design.stalled.samples:
        out["stalls"] = {
            "patterns": len(design.patterns),
            "frames": design.stalled.samples,
            "mismatches": design.stalled.mismatches,
        }
    latency, interval = design.measured
    out["cycles"] = {
        "latency": {"model": cycles.latency, "rtl": latency},
        "interval": {"model": cycles.interval, "rtl": interval},
    }
    out["resources"]["model"] = _use(total(design.model))
    out["resources"]["yosys"] = None if design.yosys is None else _use(total(design.yosys))
    multipliers = sum(c.multipliers for c in design.netlist.cells)
    out["efficiency"] = {
        "multipliers": multipliers,
        "macs_per_cycle": graph.macs / cycles.interval,
        "mac_efficiency": graph.macs / (cycles.interval * multipliers) if multipliers else None,
    }
    out["fifos"] = [
        {"name": c.name, "width": c.x.width, "depth": c.depth, "peak": design.peaks.get(c.name)}
        for c in design.fifos
    ]
    out["layers"] = _layers(design)
    out["accuracy"] = accuracy
    out["throughput"] = {
        "samples_per_s": design.clock_mhz * 1e6 / cycles.interval,
        "assumed_clock_mhz": design.clock_mhz,
    }
    for k, v in design.seconds.items():
        if k in out["seconds"]:
            out["seconds"][k] = round(v, 3)  # type: ignore[literal-required]
    return out


def _use(r: Resources) -> report.Use:
    return {"lut": round(r.lut), "ff": round(r.ff), "dsp": round(r.dsp), "bram36": r.bram36}


def _layers(design: Design) -> list[report.Layer]:
    """A line an operator, and one for the edges; resources as predicted."""
    cost: dict[str, Resources] = {}
    work: dict[str, int] = {}
    for u, r in zip(design.units, design.model, strict=True):
        cost[u.layer] = cost.get(u.layer, Resources()) + r
        if u.cell is not None and u.cell.module != "r4_fifo":
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
    for name, r in cost.items():  # the edges
        lines.append(
            {"name": name, "op": "Stream", "macs": 0, "pe": None, "simd": None, "interval": None, **_use(r)}
        )
    return lines


def _pictures(design: Design, extras: Extras) -> Extras:
    """The pipeline, unless the caller drew one; why there is no C simulation; what the reference was."""
    cycles = design.cycles
    owner = {c.name: c.layer for c in design.netlist.cells}
    slowest = owner.get(cycles.bottleneck, "")
    work = {line["name"]: line["interval"] for line in _layers(design)}
    stages = [
        Stage(
            name=op.name,
            op=op.op,
            interval=work.get(op.name),
            pe=op.pe,
            simd=op.simd,
            bottleneck=op.name == slowest,
        )
        for op in design.graph.ops
    ]
    fifo_of = {c.layer: c for c in reversed(design.fifos)}
    edges = []
    for op in design.graph.ops:
        for s in op.inputs:
            f = fifo_of.get(op.name) if op.cuts else None
            edges.append(
                Edge(
                    source=s.name,
                    target=op.name,
                    width=None if f is None else f.x.width,
                    depth=None if f is None else f.depth,
                    peak=None if f is None else design.peaks.get(f.name),
                )
            )
    for s in design.graph.outputs:
        edges.append(Edge(source=s.name, target="output"))
    refusals = extras.refusals
    if design.hls_refusal is not None:
        layer, _, reason = str(design.hls_refusal).partition(": ")
        refusals = (*refusals, report.Refusal(layer=layer, reason=reason))
    reference = extras.reference or (
        "QKeras predict (float32)"
        if design.graph.float32_exact
        else "the model's formulas in float64, since float32 rounds sums of this model"
    )
    return replace(
        extras,
        stages=extras.stages or stages,
        edges=extras.edges or edges,
        refusals=refusals,
        reference=reference,
    )
