# SPDX-License-Identifier: Apache-2.0
"""The design for an interval or a budget, with homes for its skip connections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from rtl4ml.device import ZCU102, Device
from rtl4ml.errors import OverBudget
from rtl4ml.folding.search import fold_for
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.late import Home, skips, with_homes
from rtl4ml.netlist.plan import Plan


@dataclass(frozen=True)
class Wanted:
    """What a design shall do and may take, as `fold_for` has it.

    Wanted(65_536, {"lut": 0.8}) is a frame in 65,536 cycles in 80 % of the LUTs of the ZCU102.
    """

    target_interval: int | None = None
    budget: Mapping[str, float] | None = None
    layers: Mapping[str, tuple[int, int]] | None = None
    device: Device = ZCU102


def fold_with_skips(
    graph: Graph, homes: Mapping[str, Home] | Home | Literal["auto"], wanted: Wanted, *, fit: bool = True
) -> Plan:
    """The plan of `fold_for` for the graph with the homes of its skips; the plan's graph has them.

    homes: as of `with_homes`; or "auto": as many skips late as it takes to fit, those of most bits a frame first, and
           none where that does not help and `fit` is False
    Raises what both raise; where no choice fits, the OverBudget of the one with all skips in memory.
    """

    def fold(homes: Mapping[str, Home] | Home, *, fit: bool) -> Plan:
        return fold_for(
            with_homes(graph, homes),
            target_interval=wanted.target_interval,
            budget=wanted.budget,
            layers=wanted.layers,
            fit=fit,
            device=wanted.device,
        )

    if homes != "auto":
        return fold(homes, fit=fit)
    known = skips(graph)
    widest = sorted(known, key=lambda j: -known[j].elements * known[j].type.width)
    refused: OverBudget | None = None
    for late in range(len(widest) + 1):
        try:
            return fold(dict.fromkeys(widest[:late], "late"), fit=True)
        except OverBudget as error:
            refused = refused or error
    if fit:
        assert refused is not None
        raise refused
    return fold("bram", fit=False)
