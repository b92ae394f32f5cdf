# SPDX-License-Identifier: Apache-2.0
"""The design for an interval or a budget, with homes for its skip connections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np

from rtl4ml.cells.streams import AXI_WORD, packed
from rtl4ml.device import DRAM_HIDDEN, ZCU102, Device
from rtl4ml.errors import BadInput, OverBudget, named
from rtl4ml.folding.options import Costs
from rtl4ml.folding.search import fold_for, fold_within
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.late import Home, skips, with_homes
from rtl4ml.ir.types import Stream
from rtl4ml.netlist.plan import Plan
from rtl4ml.reuse import ByHand


@dataclass(frozen=True)
class Wanted:
    """What a design shall do and may take, as `fold_for` has it; the clock is that at which its memory is asked.

    Wanted(65_536, {"lut": 0.8}) is a frame in 65,536 cycles in 80 % of the LUTs of the ZCU102.
    """

    target_interval: int | None = None
    budget: Mapping[str, float] | None = None
    layers: Mapping[str, ByHand] | None = None
    device: Device = ZCU102
    clock_mhz: float = 250.0
    prices: Mapping[str, float] | None = None


def fold_with_skips(
    graph: Graph,
    homes: Mapping[str, Home] | Home | Literal["auto"],
    wanted: Wanted,
    *,
    fit: bool = True,
    costs: Costs | None = None,
) -> Plan:
    """The plan of `fold_for` for the graph with the homes of its skips; the plan's graph has them.

    homes: as of `with_homes`; or "auto": those of most bits a frame first, as many as it takes to fit late, or in DRAM
           as long as the device's boards have ports for them and their traffic is within its budget; none where that
           does not help and `fit` is False. Levels inside skips are faster than the interval (`haste`) only where no
           choice fits without
    costs: what is known of operators from other designs of the graph
    Raises what both raise, BadInput where a home is DRAM and nothing is known of the device's or it answers later than
    `DRAM_HIDDEN`, OverBudget where skips
    move more than DRAM may and `fit` is True; where no choice of "auto" fits, that of the one with all skips in memory.
    """
    budget = dict(wanted.budget or {})
    share = budget.pop("dram", 1.0)
    costs = costs or Costs()

    def fold(homes: Mapping[str, Home] | Home, *, fit: bool) -> Plan:
        return fold_for(
            with_homes(graph, homes),
            target_interval=wanted.target_interval,
            budget=budget,
            layers=wanted.layers,
            fit=fit,
            device=wanted.device,
            costs=costs,
            prices=wanted.prices,
        )

    if homes != "auto":
        changed = with_homes(graph, homes)
        spilled = changed.spilled
        if spilled and not wanted.device.dram_gbps:
            raise BadInput(
                f"{named('skips')}: must not be 'dram' for {wanted.device.name}, of whose memory nothing is known; "
                "use 'bram' or 'late'"
            )
        if spilled and wanted.device.dram_latency > DRAM_HIDDEN:
            raise BadInput(
                f"{named('skips')}: must not be 'dram' where {wanted.device.name}'s memory answers after more than "
                f"{DRAM_HIDDEN} cycles, not {wanted.device.dram_latency} (`dram_latency`), of which no more are "
                "hidden; use 'bram' or 'late', or a slower clock"
            )
        most, moved = share * wanted.device.dram_gbps, sum(g for g, _ in _traffic(changed, wanted))
        if fit and moved > most:
            raise OverBudget(
                f"{', '.join(join for join, _ in spilled)}: skips in DRAM must move at most {_rate(most)} GB/s, not "
                f"{_rate(moved)}; give some another home, or take a longer {named('target_interval')}"
            )
        return fold(homes, fit=fit)
    choices = list(_choices(graph, wanted, share * wanted.device.dram_gbps))
    # Levels faster than the interval come last: what fits without them stays as it is.
    for hasty, choice in product((False, True), choices):
        found = fold_within(
            with_homes(graph, choice),
            target_interval=wanted.target_interval,
            budget=budget,
            layers=wanted.layers,
            device=wanted.device,
            costs=costs,
            prices=wanted.prices,
            hasty=hasty,
        )
        if found is not None:
            return found
    return fold("bram", fit=fit)  # with fit its refusal, which says how much is too much


def _rate(gbps: float) -> str:
    """GB/s with one place behind the point, or two digits where it is less than 1: 12.8, 0.64, 0.0061."""
    return f"{gbps:.1f}" if gbps >= 1 or not gbps else np.format_float_positional(gbps, 2, fractional=False)


def _gbps(join: str, skip: Stream, graph: Graph, wanted: Wanted) -> float:
    """What a skip in DRAM moves, written and read, if its beats are pixels; a join may read it more than once."""
    interval = wanted.target_interval or max(s.pixels for s in graph.inputs)
    group, words = packed(skip.channels * skip.type.width, skip.pixels)
    moved = 2 * skip.pixels // group * words * AXI_WORD / 8 * _ports(join, skip, graph)
    return moved / interval * wanted.clock_mhz / 1000


def _traffic(graph: Graph, wanted: Wanted) -> list[tuple[float, int]]:
    """GB/s and ports of each skip in DRAM of a graph with homes."""
    streams = {s.name: s for op in graph.ops for s in op.inputs}
    return [
        (_gbps(join, streams[name], graph, wanted), _ports(join, streams[name], graph))
        for join, name in graph.spilled
    ]


def _ports(join: str, skip: Stream, graph: Graph) -> int:
    """Ports to memory that a skip takes: as many as its join has inputs that are this stream."""
    return sum(s.name == skip.name for op in graph.ops if op.name == join for s in op.inputs)


def _choices(graph: Graph, wanted: Wanted, gbps: float) -> Iterator[dict[str, Home]]:
    """Homes to try, the least effort first: every number of skips late, then as many of these as may be in DRAM."""
    known, most = skips(graph), gbps
    widest = sorted(known, key=lambda j: -known[j].elements * known[j].type.width)
    may: list[str] = []
    ports = wanted.device.dram_ports if wanted.device.dram_latency <= DRAM_HIDDEN else 0
    for join in widest:
        moves, takes = _gbps(join, known[join], graph, wanted), _ports(join, known[join], graph)
        if moves <= gbps and takes <= ports:
            may.append(join)
            gbps -= moves
            ports -= takes
    for moved in range(len(widest) + 1):
        late: dict[str, Home] = dict.fromkeys(widest[:moved], "late")
        yield late
        if dram := [join for join in widest[:moved] if join in may]:
            mixed: dict[str, Home] = {**late, **dict.fromkeys(dram, "dram")}
            takes_all = _traffic(
                with_homes(graph, mixed), wanted
            )  # with copies of joins whose skip is in DRAM
            if (
                sum(g for g, _ in takes_all) <= most
                and sum(n for _, n in takes_all) <= wanted.device.dram_ports
            ):
                yield mixed
