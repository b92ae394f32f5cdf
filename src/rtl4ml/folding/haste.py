# SPDX-License-Identifier: Apache-2.0
"""Levels inside skips that run faster than the interval asks, so that less waits in the FIFOs of the skips.

A skip holds what comes while the other way to its join is busy with what the join needs. A level that takes all of the
interval for a frame spreads the rows that a pool gives it in a part of that time, and the last pixel of a row waits for
the rest: a row of the fifth level of a U-Net is sixteen of the first. That level has few multiplications, so that it
costs little to run it in half of the interval.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rtl4ml.device import Resources
from rtl4ml.folding.explorer import Explorer
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.late import skips
from rtl4ml.netlist.plan import Plan

# Saved RAMB36 that are not worth a design of their own: an estimate is no closer.
_LEAST = 1.0


@dataclass(frozen=True)
class Haste:
    """Operators that are to be faster than the interval asks, and what that is estimated to bring and to cost.

    paces: operator name to the most cycles that it may take for a sample
    beside: block RAM that skips then take beside operators and width converters, see `Explorer.lagging`
    saved: RAMB36 that the skips take less than before this step
    cost:  what operators cost more than before this step, by the prices of the explorer

    The fifth level of the fourth U-Net student, 768 x 768 in 4 bits at 2,359,296 cycles, in half of them:
    Haste({"down5_1_dw": 1_179_648, ...}, Resources(bram36=963.4), saved=79.2, cost=0.0078), where 79.2 RAMB36 are worth
    0.043.
    """

    paces: Mapping[str, int]
    beside: Resources
    saved: float
    cost: float


def levels(graph: Graph) -> dict[frozenset[str], list[str]]:
    """Joins to the operators that are beside the skips of just these joins, in the order of the graph.

    An operator is beside a skip if the join waits for it and the skip does not. Skips in DRAM count none: what waits
    there costs no block RAM.
    """
    inputs = {op.output.name: [s.name for s in op.inputs] for op in graph.ops}
    spilled = {join for join, _ in graph.spilled}

    def before(names: list[str]) -> set[str]:
        """Names of all streams that these depend on, themselves too."""
        found = list(dict.fromkeys(names))
        for name in found:  # grows meanwhile
            found += [n for n in inputs.get(name, ()) if n not in found]
        return set(found)

    of: dict[str, set[str]] = {}
    known = skips(graph)
    for op in graph.ops:
        if op.name in known and op.name not in spilled:
            skip = known[op.name].name
            of[op.name] = before([s.name for s in op.inputs if s.name != skip]) - before([skip])
    found: dict[frozenset[str], list[str]] = {}
    for op in graph.ops:
        if joins := frozenset(join for join, streams in of.items() if op.output.name in streams):
            found.setdefault(joins, []).append(op.name)
    return found


def ladders(explorer: Explorer, target: int) -> list[dict[str, int]]:
    """Paces to try, operator name to cycles: a level in half of `target`, every level inside it twice as fast again.

    A pool gives its rows in half of the time that rows of its level have, and one inside it in a quarter: levels that
    keep up with that add no time. What has no such folding is as fast as it can be; what the user has folded stays.
    """
    found = []
    inside = levels(explorer.graph)
    for outer in inside:
        steps = {
            name: target >> (len(joins) - len(outer) + 1)
            for joins, names in inside.items()
            if joins >= outer
            for name in names
            if name not in explorer.pinned
        }
        found.append(
            {name: max(n, min(f.interval for f in explorer.foldings[name])) for name, n in steps.items()}
        )
    return found


def hastes(explorer: Explorer, plan: Plan) -> Iterator[Haste]:
    """Ever more operators of a plan made faster: first those that save most for their price, with all before them.

    What is saved is estimated from the paces of all operators (`pacing.rows_lagging`), what it costs from the cheapest
    foldings of each: the program that chooses them, and the sizes of FIFOs, have the last word. Of the fourth U-Net
    student, 768 x 768, the estimate is right to a row with the fifth level in half of the interval, and 12 of 119 rows
    short with the fourth in half and the fifth in a quarter.
    """
    target = max(f.interval for f in plan.foldings.values())
    speeds = {name: f.interval / target for name, f in plan.foldings.items()}
    left = ladders(explorer, target)
    paces: dict[str, int] = {}
    waits = explorer.lagging(speeds).bram36
    while waits and left:
        tried = []
        for ladder in left:
            more = {name: min(n, paces.get(name, target)) for name, n in ladder.items()}
            faster = speeds | {name: min(speeds[name], n / target) for name, n in more.items()}
            beside = explorer.lagging(faster)
            cost = explorer.extra(target, paces, more)
            saved = waits - beside.bram36
            tried.append((saved / max(cost, 1e-9), Haste({**paces, **more}, beside, saved, cost), ladder))
        _, best, ladder = max(tried, key=lambda t: t[0] if t[1].saved >= _LEAST else -1.0)
        if best.saved < _LEAST:
            return
        yield best
        paces, waits = dict(best.paces), best.beside.bram36
        speeds |= {name: min(speeds[name], n / target) for name, n in paces.items()}
        left = [other for other in left if other is not ladder]
