# SPDX-License-Identifier: Apache-2.0
"""The report's entry `skips`: where each skip connection waits for its join, and what those in DRAM move."""

from __future__ import annotations

from rtl4ml.cells.streams import spills
from rtl4ml.ir import late
from rtl4ml.report.schema import Memory, Skip, Skips
from rtl4ml.report.subject import Subject


def skips(design: Subject) -> Skips | None:
    """The entry; None where the model has no skips."""
    found: list[Skip] = []
    # Bytes by join: it may read its skip more than once, and be computed once more for a late skip, by the same layers.
    in_dram: dict[tuple[str, ...], int] = {}
    layers = {op.name: op.layers or (op.name,) for op in design.graph.ops}
    for c in spills(design.netlist):
        in_dram[layers[c.layer]] = in_dram.get(layers[c.layer], 0) + c.traffic
    joins = {op.name: op for op in design.graph.ops}
    frames_per_s = design.clock_mhz * 1e6 / float(design.cycles.interval)
    for join, stream in late.skips(design.parsed.graph).items():
        stays = any(s.name == stream.name for s in joins[join].inputs)
        moved = in_dram.get(layers[join], 0)
        found.append(
            {
                "join": join,
                "home": "dram" if moved else "bram" if stays else "late",
                "bits": stream.elements * stream.type.width,
                "dram_bytes": moved,
                "dram_gbps": moved * frames_per_s / 1e9,
            }
        )
    if not found:
        return None
    device = design.plan.device
    memory: Memory | None = None
    if in_dram:
        memory = {"latency": device.dram_latency, "gbps": device.dram_gbps}
    return {"memory": memory, "homes": found}
