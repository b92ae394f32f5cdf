# SPDX-License-Identifier: Apache-2.0
"""Predicted resources of every layer of a design."""

from __future__ import annotations

from rtl4ml.cost.estimate import estimate
from rtl4ml.device import Resources
from rtl4ml.folding.placement import placed_netlist
from rtl4ml.netlist.plan import Plan
from rtl4ml.synthesis.yosys import units


def layer_resources(plan: Plan, *, analyse: bool = True) -> dict[str, Resources]:
    """Predicted resources of every operator of a plan, the edges under "edges".

    analyse: whether FIFOs are sized for the full rate; else all have the least depth
    """
    out: dict[str, Resources] = {}
    for u in units(placed_netlist(plan, analyse=analyse), frames_in_flight=4):
        out[u.layer] = out.get(u.layer, Resources()) + estimate(u.module, u.params, u.cell)
    return out
