# SPDX-License-Identifier: Apache-2.0
"""Where the weights of a finished design stand: in block RAM where LUTs are what the design lacks.

A memory alone stands where it takes the smaller share of the device (`netlist.memories.is_block`). A design whose LUTs
are nearly used up while block RAM is left is smaller with more of its weights in block RAM. Cycles do not depend on
where weights stand, so they are moved last, when all else is known.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from rtl4ml.cells.dwu import Dwu
from rtl4ml.cells.mvu import Mvu
from rtl4ml.cost.estimate import estimate
from rtl4ml.device import Device, Resources, total
from rtl4ml.folding.program import WEIGHT_OF_SUM
from rtl4ml.lowering.lower import lower
from rtl4ml.measurements import Cycles
from rtl4ml.netlist.netlist import Netlist
from rtl4ml.netlist.plan import Plan
from rtl4ml.synthesis.yosys import units
from rtl4ml.timing.cycles import predict
from rtl4ml.timing.sizing import sized_netlist

# The share of the LUTs up to which none are missed: memories stay where they are.
SCARCE = 0.5


def fill(r: Resources, device: Device) -> float:
    """The larger of the weighed shares of LUTs and block RAM, and as small a part of their sum as in
    `program.objective`: a move must save at least some 7 LUTs of the ZCU102 for an RAMB36.
    """
    shares = r.lut / device.lut, device.weights["bram36"] * r.bram36 / device.bram36
    return max(shares) + WEIGHT_OF_SUM * sum(shares)


def resources(net: Netlist) -> Resources:
    """Predicted resources of a design, its edges included."""
    return total(estimate(u.module, u.params, u.cell) for u in units(net, frames_in_flight=4))


@lru_cache(maxsize=8)  # the search for a plan and the design that is made of it ask for the same netlist
def placed_netlist(plan: Plan, *, analyse: bool = True) -> Netlist:
    """The netlist of a plan with its weights placed. analyse: whether FIFOs have the depths of `sized_netlist`."""
    return placed(sized_netlist(plan) if analyse else lower(plan), plan)


def analysed(plan: Plan) -> tuple[Netlist, Cycles]:
    """The placed netlist of a plan, and its cycles."""
    netlist = placed_netlist(plan)
    return netlist, predict(netlist)


def placed(net: Netlist, plan: Plan) -> Netlist:
    """The netlist with weights in block RAM as long as that lowers `fill`.

    Weights that save most LUTs for an RAMB36 move first: for a larger share that falls with every move no other order
    ends lower, but for the last of them. None moves beyond the share of block RAM that the plan may take.
    """
    device = plan.device
    now = resources(net)
    if now.lut <= SCARCE * device.lut:
        return net
    moves = []
    for k, c in enumerate(net.cells):
        if isinstance(c, Mvu | Dwu) and not (params := c.params())["Block"]:
            here, there = (estimate(c.module, {**params, "Block": block}) for block in (0, 1))
            if there.bram36 > 0 and there.lut < here.lut:
                moves.append(((here.lut - there.lut) / there.bram36, k, here, there))
    cells = list(net.cells)
    most = device.bram36 * plan.shares.get("bram36", 1.0)
    for _, k, here, there in sorted(moves, key=lambda m: (-m[0], m[1])):
        moved = Resources(
            now.lut - here.lut + there.lut,
            now.ff - here.ff + there.ff,
            now.dsp,
            now.bram36 - here.bram36 + there.bram36,
        )
        if moved.bram36 <= most and fill(moved, device) < fill(now, device):
            now, cells[k] = moved, replace(cells[k], block=True)  # type: ignore[call-arg]  # an Mvu or Dwu
    return replace(net, cells=tuple(cells))
