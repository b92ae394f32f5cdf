# SPDX-License-Identifier: Apache-2.0
"""Rows of a report, layer by layer."""

from __future__ import annotations

from rtl4ml.device import Resources, total
from rtl4ml.ir.types import Fixed
from rtl4ml.ops.conv import Linear
from rtl4ml.report import extras as report_extras
from rtl4ml.report import schema
from rtl4ml.report.subject import Subject


def refusals(design: Subject) -> list[report_extras.Refusal]:
    """The layers for which there is no HLS project."""
    parts = (text.partition(": ") for text in design.refusals)
    return [report_extras.Refusal(layer=layer, reason=reason) for layer, _, reason in parts]


def use(r: Resources) -> schema.Use:
    """Resources as report.json writes them."""
    return {"lut": round(r.lut), "ff": round(r.ff), "dsp": round(r.dsp), "bram36": r.bram36}


def weights(op: Linear) -> str:
    """The type of the weights, the fraction only where all channels have the same: "s6.5", else "s6"."""
    kind, fractions = op.weight_type, set(op.weight_fraction.tolist())
    if len(fractions) > 1:
        return str(kind).partition(".")[0]
    (fraction,) = fractions
    return str(Fixed(kind.signed, kind.integer - fraction, fraction))


def layers(design: Subject) -> list[schema.Layer]:
    """A line an operator, and one for each part around them; resources as predicted, and by Yosys where it was run."""
    graph = design.graph
    around = {
        graph.aside("s_axis"): "Input stream",
        graph.aside("m_axis"): "Output stream",
        graph.aside("edges"): "AXI4-Stream ports",
    }
    cost: dict[str, Resources] = {}
    work: dict[str, int] = {}
    counted: dict[str, list[Resources]] = {}
    for p in design.parts:
        cost[p.layer] = cost.get(p.layer, Resources()) + p.predicted
        if p.counted is not None:
            counted.setdefault(p.layer, []).append(p.counted)
        # An operator's work is done by its other cells; a stream around them may be a FIFO alone.
        if p.module != "r4_fifo" or p.layer in around:
            work[p.layer] = max(work.get(p.layer, 0), p.slots)

    def by_yosys(name: str) -> schema.Use | None:
        return (
            use(total(counted.get(name, []))) if counted else None
        )  # an operator without cells takes nothing

    lines: list[schema.Layer] = []
    for op in design.graph.ops:
        r = cost.pop(op.name, Resources())
        lines.append(
            {
                "name": op.name,
                "op": op.op,
                "macs": op.macs,
                "pe": design.plan[op].pe,
                "simd": design.plan[op].simd,
                "reuse": design.reuse.get(op.name),
                "types": {
                    "inputs": [str(x.type) for x in op.inputs],
                    "weights": weights(op) if isinstance(op, Linear) else None,
                    "out": str(op.output.type),
                },
                "interval": work.get(op.name, 0),  # no cells: wires only
                "yosys": by_yosys(op.name),
                **use(r),
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
                "reuse": None,
                "types": None,
                "interval": work[name],
                "yosys": by_yosys(name),
                **use(r),
            }
        )
    return lines
