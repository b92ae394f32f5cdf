# SPDX-License-Identifier: Apache-2.0
"""Collects report.json from the values of a design."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import cast

from rtl4ml.device import Resources, total
from rtl4ml.frontends.network import Network
from rtl4ml.host import identity
from rtl4ml.ir.strips import strips as strips_of
from rtl4ml.measurements import Tally
from rtl4ml.report import page, routes, schema
from rtl4ml.report.extras import Extras
from rtl4ml.report.figures.maps import ClassMap, Frames
from rtl4ml.report.homes import skips
from rtl4ml.report.layers import layers, refusals, use
from rtl4ml.report.pace import MOST_GAPS, Gaps
from rtl4ml.report.pictures import pictures
from rtl4ml.report.schema import Report
from rtl4ml.report.streams import streams
from rtl4ml.report.subject import Subject


def write(
    design: Subject,
    *,
    accuracy: schema.Accuracy | None = None,
    extras: Extras | None = None,
    on_board: ClassMap | Frames | None = None,
) -> Report:
    """Writes report.json and report.html into the design's folder; returns the former.

    on_board: the field of the extras, where they have none
    """
    found = collect(design, accuracy=accuracy)
    shown = extras or Extras()
    shown = replace(shown, on_board=shown.on_board or on_board)
    page.write(found, design.folder, extras=pictures(design, shown))
    identity.sign_reports(design.folder)
    return found


def collect(design: Subject, *, accuracy: schema.Accuracy | None = None) -> Report:
    """The report's content: what was run since `convert`, None for what was not."""
    graph, cycles = design.parsed.graph, design.cycles
    strips = _strips(design.parsed)
    out = schema.blank(
        model={
            "name": graph.name,
            "parameters": graph.parameters,
            "weight_bits": graph.weight_bits,
            "macs": design.parsed.macs,
        },
        target={
            "board": design.board,
            "part": design.part,
            "clock_mhz": design.clock_mhz,
            "budget": {
                "lut": design.budget["lut"],
                "ff": design.budget["ff"],
                "dsp": design.budget["dsp"],
                "bram36": design.budget["bram36"],
            },
        },
        available=use(Resources(**design.plan.device.capacity)),
    )
    if design.netlist.double_clock:
        out["target"]["clock2x_mhz"] = 2 * design.clock_mhz
    out["identity"] = {"design": design.identity.design, "files": len(design.identity.files)}
    for how, tally in design.exactness.items():
        out["exactness"][how] = _check(tally)  # type: ignore[literal-required]  # of the keys of Exactness
    out["exactness"]["predict"] = cast("schema.Predict | None", design.untouched)
    if design.stalled.samples:
        out["stalls"] = {
            "patterns": design.patterns,
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
        "stepped": cycles.stepped,
    }
    out["resources"]["model"] = use(total(p.predicted for p in design.parts))
    counted = [p.counted for p in design.parts if p.counted is not None]
    out["resources"]["yosys"] = use(total(counted)) if counted else None
    multipliers = sum(p.multipliers for p in design.parts)
    out["efficiency"] = {
        "multipliers": multipliers,
        "macs_per_cycle": float(graph.macs / cycles.interval),
        "mac_efficiency": float(graph.macs / (cycles.interval * multipliers)) if multipliers else None,
    }
    out["fifos"] = [
        {"name": c.name, "width": c.x.width, "depth": c.depth, "peak": design.peaks.get(c.name)}
        for c in design.fifos
    ]
    some = {"streams": streams(design), "skips": skips(design)}
    out.update(cast("Report", {k: v for k, v in some.items() if v is not None}))
    out["layers"] = layers(design)
    out["timeline"] = _timeline(design)
    out["accuracy"] = accuracy
    out["throughput"] = {
        "samples_per_s": design.clock_mhz
        * 1e6
        / float(cycles.interval * (strips["number"] if strips else 1)),
        "assumed_clock_mhz": design.clock_mhz,
    }
    for k, v in design.seconds.items():
        if k in out["seconds"]:
            out["seconds"][k] = round(v, 3)  # type: ignore[literal-required]
    if strips is not None:
        out["strips"] = strips
    if refused := refusals(design):
        out["refusals"] = [{"layer": r.layer, "reason": r.reason} for r in refused]
    out["provenance"] = design.provenance
    if design.reference is not None:
        out["reference"] = design.reference
    if design.timing is not None:
        out["timing"] = design.timing
    if design.mapped is not None:
        out["netlist"] = design.mapped
    if design.on_board is not None:
        out["board"] = design.on_board
    if design.route is not None:
        routes.put(out, design.route)
    return out


def _check(tally: Tally) -> schema.Check | None:
    """A comparison; None where it was not made."""
    if not tally.samples:
        return None
    found: schema.Check = {
        "samples": tally.samples,
        "values": tally.values,
        "mismatches": tally.mismatches,
    }
    if tally.first:
        found["first"] = [
            {"sample": d.sample, "at": list(d.at), "got": d.got, "want": d.want} for d in tally.first
        ]
    return found


def _timeline(design: Subject) -> list[schema.LayerTimes] | None:
    """When each layer works on the first frame; None where that is not known."""
    if design.timeline is None:
        return None
    return [
        {
            "name": t.name,
            "takes": {"first": t.takes[0], "last": t.takes[1]},
            "gives": {"first": t.gives[0], "last": t.gives[1]},
        }
        for t in design.timeline
    ]


def _strips(parsed: Network) -> schema.Strips | None:
    """How the model's frames are cut; None where the hardware takes them whole."""
    if parsed.whole is None:
        return None
    cut, columns = strips_of(parsed.graph), parsed.whole[-2]
    return {
        "frame_columns": columns,
        "columns": cut.size,
        "number": len(cut.plan(columns)),
        "align": cut.align,
        "step": cut.step,
        "halo": list(cut.halo),
        "computed": cut.cost(columns),
    }


def _plain(interval: int | Fraction | None) -> float | None:
    """An interval as JSON knows numbers: equal fractions are equal numbers."""
    return float(interval) if isinstance(interval, Fraction) else interval


def _gaps(gaps: Sequence[int]) -> Gaps | None:
    """Cycles between frames that are not the same, as the report has them."""
    if not gaps:
        return None
    first = list(gaps[:MOST_GAPS])
    return {"frames": len(gaps), "least": min(gaps), "most": max(gaps), "first": first}
