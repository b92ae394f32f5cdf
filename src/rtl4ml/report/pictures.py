# SPDX-License-Identifier: Apache-2.0
"""Pictures of a design for its page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rtl4ml.cells.streams import Fifo, Spill
from rtl4ml.frontends import precision
from rtl4ml.frontends.network import Network
from rtl4ml.report import extras as report_extras
from rtl4ml.report import fifo_places
from rtl4ml.report.extras import Extras
from rtl4ml.report.figures import maps
from rtl4ml.report.figures.canvas import Edge, Stage
from rtl4ml.report.layers import layers, refusals
from rtl4ml.report.subject import Subject


def pictures(design: Subject, extras: Extras) -> Extras:
    """The pipeline and its FIFOs, unless the caller drew one; why there is no C simulation; what the reference was."""
    cycles = design.cycles
    owner = {c.name: c.layer for c in design.netlist.cells}
    slowest = owner.get(cycles.bottleneck, "")
    work = {line["name"]: line["interval"] for line in layers(design)}
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
            pe=design.plan[op].pe,
            simd=design.plan[op].simd,
            bottleneck=op.name == slowest,
            macs=op.macs,
            shape=op.output.shape,
        )
        for op in design.graph.ops
    ]
    streams = fifo_places.streams(design.graph)
    stands = fifo_places.placed(design.netlist)
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
    around = fifo_places.skips(streams)
    places = []
    for c in design.fifos:
        at = stands.get(c.name)
        between = (c.layer, c.layer) if at is None else streams[at]
        places.append(
            report_extras.FifoPlace(
                name=c.name,
                source=between[0],
                target=between[1],
                memory=_memory(c),
                skip=at is not None and at in around,
            )
        )
    reference = (
        extras.reference
        or design.reference
        or (
            "QKeras predict (float32)"
            if design.graph.float32_exact
            else "the model's formulas in float64, since float32 rounds sums of this model"
        )
    )
    if design.parsed.declared:
        spec = design.parsed.quantizers[0].name  # the same for every input
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


def _memory(c: Fifo) -> Literal["LUT", "block", "DRAM"]:
    return "DRAM" if isinstance(c, Spill) else "block" if c.block else "LUT"


def frames(
    x: NDArray[np.floating],
    y: NDArray[np.floating],
    truth: NDArray[Any] | None = None,
    *,
    threshold: float = 0.5,
    names: Sequence[str] = (),
) -> maps.Frames:
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

    return maps.Frames(
        images=images,
        masks=flat(np.asarray(y)) >= threshold,
        truth=None if truth is None else flat(np.asarray(truth)) != 0,
        names=names,
    )


def looks(parsed: Network, x: NDArray[np.floating], y: NDArray[np.floating]) -> maps.Frames | None:
    """As `frames`, for samples over the range of the input; None where the design makes no masks of images.

    Masks are those of the hardware, or where its logits reach zero, if they stand for a sigmoid.
    """
    mask = parsed.output == "mask"
    if not (mask or (parsed.output == "logits" and parsed.cut == ("sigmoid",))):
        return None  # nor one of several outputs
    s = parsed.graph.inputs[0]
    if len(parsed.graph.inputs) != 1 or len(s.shape) != 3 or y.shape[1:] != (*s.shape[:2], 1) or not len(y):
        return None
    lo, hi = s.lo * s.type.step, s.hi * s.type.step
    images = (np.asarray(x, np.float64) - lo) / max(hi - lo, s.type.step)
    return frames(images, y, threshold=0.5 if mask else 0.0)


def products(design: Subject) -> list[report_extras.Products]:
    """Products at once and the DSP48E2 that make them, for every operator that has some there."""
    found: dict[str, tuple[int, int]] = {}
    for p in design.parts:
        dsps = round(p.predicted.dsp) if p.dsps is None else p.dsps
        if p.multipliers and dsps:
            n, d = found.get(p.layer, (0, 0))
            found[p.layer] = n + p.multipliers, d + dsps
    return [report_extras.Products(layer=k, products=n, dsps=d) for k, (n, d) in found.items()]
