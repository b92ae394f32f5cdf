# SPDX-License-Identifier: Apache-2.0
"""The design for an interval or a budget.

For one interval the foldings of all operators, and the width converters between them, are chosen together by a mixed
integer program (SciPy's HiGHS): of all choices that meet the interval the one that fills the device least. For a budget
the smallest interval is found by bisection over the intervals of all foldings.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import ceil

from rtl4ml import arguments
from rtl4ml.device import ZCU102, Device, Resources
from rtl4ml.errors import OverBudget, named
from rtl4ml.folding.explorer import Explorer, Paces
from rtl4ml.folding.haste import hastes
from rtl4ml.folding.options import Costs, operator_resources
from rtl4ml.folding.resources import layer_resources
from rtl4ml.ir.graph import Graph
from rtl4ml.netlist.plan import Plan
from rtl4ml.reuse import ByHand


def fold_for(
    graph: Graph,
    *,
    target_interval: int | None,
    budget: Mapping[str, float] | None,
    layers: Mapping[str, ByHand] | None = None,
    fit: bool = True,
    device: Device = ZCU102,
    costs: Costs | None = None,
    prices: Mapping[str, float] | None = None,
) -> Plan:
    """The plan for an interval, or for the smallest interval that the budget holds.

    A faster one that costs no more by the prices takes its place, within the same limits. Where no plan for the
    interval that is asked fits, levels inside skips may be faster than it, so that less waits in block RAM (`haste`);
    with prices of the user's they also are where that costs less.

    target_interval: cycles a sample; None: as many as the input has positions, or more if the budget is too small
    budget:          largest share of the device by resource (0 to 1]; see `Device.shares` for those left out
    fit:             False: a design that does not fit is returned, too: the one for the target interval; without a
                     target, the fastest that needs hardly more than the smallest
    costs:           what is known of operators from the search with other homes of skips
    prices:          of all that the device has of a resource; the plan then is the cheapest by `Device.prices`, else
                     the one that fills the device least (`program.objective`)
    Raises OverBudget with the layer that costs most and the nearest interval that fits; BadInput.
    """
    target_interval = arguments.target_interval(target_interval)
    asked = target_interval is not None
    explorer, limits = _explorer(graph, target_interval, budget, layers, device, costs, prices)
    if target_interval is not None:
        cheapest = explorer.fold(target_interval)
        if not fit:
            return _worthwhile(explorer, None, _quicker(explorer, limits, cheapest))
        found, beside = _at(explorer, limits, target_interval)
        if found is not None:
            return _worthwhile(explorer, limits, _quicker(explorer, limits, found))
        if (found := _hastened(explorer, limits, cheapest)) is not None:
            return found
        if _helps(beside, limits):
            fits, beside = _search(explorer, limits, explorer.intervals_from(target_interval))
            if fits is not None:
                raise OverBudget(
                    f"{describe_excess(cheapest, limits)}; {named('target_interval', fits[1])} fits"
                )
    else:
        target_interval = positions(graph)
        fits, beside = _search(explorer, limits, explorer.intervals_from(target_interval))
        if fits is not None:
            return _worthwhile(explorer, limits, _quicker(explorer, limits, fits[0]))
    smallest, interval = smallest_design(explorer, limits, explorer.intervals_from(target_interval), beside)
    if not fit:
        return smallest
    total = sum(layer_resources(smallest).values(), Resources())
    # It may fit where `_search` gave up after its last attempt.
    if within_limits(total, limits):
        if not asked or interval <= target_interval:
            return smallest
        raise OverBudget(f"{describe_excess(cheapest, limits)}; {named('target_interval', interval)} fits")
    if not within_limits(total, device.capacity):
        # The device is too small, not the budget: the limits of resources that the user did not name are the device's.
        limits = {k: limits[k] if k in (budget or ()) else v for k, v in device.capacity.items()}
        out = "take a smaller model or frame"
    else:
        short = [k for k in device.capacity if getattr(total, k) > limits[k]]
        more = {k: f"{_enough(getattr(total, k) / device.capacity[k]):g}" for k in short}
        than = "" if set(short) & set(budget or ()) else "than the default share "
        out = f"allow it more {than}with {named('budget', more)}, take a smaller model or frame"
    raise OverBudget(
        f"{describe_excess(smallest, limits)}; no smaller design was found: {out}, or look at its report "
        f"with {named('fit', False)}"
    )


def fold_within(
    graph: Graph,
    *,
    target_interval: int | None,
    budget: Mapping[str, float] | None,
    layers: Mapping[str, ByHand] | None = None,
    device: Device = ZCU102,
    costs: Costs | None = None,
    prices: Mapping[str, float] | None = None,
    hasty: bool = False,
) -> Plan | None:
    """The plan of `fold_for`, None where none is found: without its search for what would fit.

    hasty: a plan with levels faster than the interval that is asked, and no other
    Raises OverBudget where even the fastest folding of a layer is too slow, BadInput.
    """
    explorer, limits = _explorer(graph, target_interval, budget, layers, device, costs, prices)
    if hasty:
        return (
            None if target_interval is None else _hastened(explorer, limits, explorer.fold(target_interval))
        )
    if target_interval is not None:
        # Skips that alone, beside the smallest operators, take too much need no FIFO to be sized.
        if explorer.waiting.bram36 and explorer.fill(target_interval, limits, explorer.waiting) > 1:
            return None
        found = _at(explorer, limits, target_interval)[0]
    else:
        fits, _ = _search(explorer, limits, explorer.intervals_from(positions(graph)))
        found = None if fits is None else fits[0]
    return None if found is None else _worthwhile(explorer, limits, _quicker(explorer, limits, found))


def _hastened(explorer: Explorer, limits: Mapping[str, float], plan: Plan) -> Plan | None:
    """A plan of the interval of one that does not fit, with levels so fast that skips leave enough block RAM; or None.

    As few levels are faster as it takes. Skips are sized exactly in a plan that fits by the estimate.
    """
    target = max(f.interval for f in plan.foldings.values())
    for haste in hastes(explorer, plan):
        beside = Resources(bram36=_SURE * haste.beside.bram36 + explorer.beyond)
        fits, _ = _search(explorer, limits, [target], beside, haste.paces)
        if fits is not None:
            return fits[0]
    return None


def _worthwhile(explorer: Explorer, limits: Mapping[str, float] | None, plan: Plan) -> Plan:
    """The plan, or one of its interval with levels so fast that skips save more than these cost by the user's prices.

    limits: those that it keeps; None: none
    """
    best = None
    for haste in hastes(explorer, plan) if explorer.priced else ():
        if explorer.price(Resources(bram36=haste.saved)) <= haste.cost:
            break
        best = haste
    if best is None:
        return plan
    rest = None if limits is None else {k: v - getattr(best.beside, k) for k, v in limits.items()}
    other = explorer.choose(max(f.interval for f in plan.foldings.values()), rest, best.paces)
    if other is None:
        return plan
    whole = _whole(explorer, other)
    saves = explorer.price(whole) < explorer.price(_whole(explorer, plan))
    return other if saves and (limits is None or within_limits(whole, limits)) else plan


def _quicker(explorer: Explorer, limits: Mapping[str, float], plan: Plan) -> Plan:
    """The plan, or the fastest one that costs no more as a whole design, within limits.

    A plan with skips in DRAM stays: a faster one moves more a second there, which no limit here holds.
    """
    if plan.graph.spilled:
        return plan

    for other in explorer.rivals(plan, limits):
        whole = _whole(explorer, other)
        if explorer.price(whole) <= explorer.price(_whole(explorer, plan)) and within_limits(whole, limits):
            return other
    return plan


def _explorer(
    graph: Graph,
    target_interval: int | None,
    budget: Mapping[str, float] | None,
    layers: Mapping[str, ByHand] | None,
    device: Device,
    costs: Costs | None,
    prices: Mapping[str, float] | None,
) -> tuple[Explorer, dict[str, float]]:
    """The foldings of a graph, and what a design may take of each resource."""
    shares = device.shares(arguments.budget(budget, device.capacity), target_interval)
    explorer = Explorer(graph, arguments.foldings(layers), device, shares, costs, prices)
    return explorer, {k: v * shares[k] for k, v in device.capacity.items()}


def positions(graph: Graph) -> int:
    """The interval that is taken where none is asked for: a cycle for every position of the largest input."""
    return max(1, *(x.pixels if len(x.shape) > 1 else x.elements for x in graph.inputs))


# FIFOs of skips take at least this share of what `Explorer.lagging` estimates: of six designs of the fourth U-Net
# student that were compared, 128 x 128 with several homes, none took less than the estimate, which leaves all other
# FIFOs out. A design that is too large with it is not sized, as that takes long.
_SURE = 0.95


def _at(
    explorer: Explorer, limits: Mapping[str, float], target_interval: int
) -> tuple[Plan | None, Resources]:
    """The plan for an interval within limits, if one is found, and what FIFOs, converters and edges take."""
    cheapest = explorer.fold(target_interval)
    total, beside = overhead_resources(explorer, cheapest, limits)
    if within_limits(total, limits):
        return cheapest, beside
    if not _helps(beside, limits):
        return None, beside
    start = explorer.waiting
    if (
        start.bram36
    ):  # begin with the skips of the cheapest, if that may do, else with the shallowest of any plan
        start = Resources(bram36=beside.bram36)
        if explorer.fill(target_interval, limits, start) > 1:
            start = explorer.lagging(explorer.fastest(target_interval), pixels=False)
            if explorer.fill(target_interval, limits, start) > 1:
                return None, beside
    fits, _ = _search(explorer, limits, [target_interval], start)
    return (None if fits is None else fits[0]), beside


def _helps(beside: Resources, limits: Mapping[str, float]) -> bool:
    """Whether a folding can help: not where FIFOs, converters and edges alone exceed the limits."""
    return all(getattr(beside, k) < v for k, v in limits.items())


def _enough(share: float) -> float:
    """A share rounded up to whole percents."""
    return min(1.0, ceil(100 * share) / 100)


def overhead_resources(
    explorer: Explorer, plan: Plan, limits: Mapping[str, float]
) -> tuple[Resources, Resources]:
    """Resources of a whole design, and of its overhead: edges, forks, width converters, deeper FIFOs.

    FIFOs are not sized in a design that is too large without it, or with what its skips take by an estimate, and what
    the last design of the graph that was sized took beyond that: both figures are then those of the estimate.
    """
    slowest = max(f.interval for f in plan.foldings.values())
    skips = explorer.lagging({op.name: plan[op].interval / slowest for op in plan.graph.ops})
    skips = Resources(bram36=_SURE * skips.bram36 + explorer.beyond)
    # Weights may move to the block RAM that skips leave.
    left = plan.shares.get("bram36", 1.0) - skips.bram36 / plan.device.bram36
    unsized = replace(plan, shares={**plan.shares, "bram36": max(0.0, left)})
    total = sum(layer_resources(unsized, analyse=False).values(), skips)
    sized = within_limits(total, limits)
    if sized:
        total = _whole(explorer, plan)
    inside = sum(
        (operator_resources(plan.graph, op, plan[op], plan.device) for op in plan.graph.ops), Resources()
    )
    beside = Resources(**{k: max(0.0, getattr(total, k) - getattr(inside, k)) for k in limits})
    if sized and total.bram36 > limits["bram36"]:  # no weights have moved to block RAM that is left
        explorer.beyond = max(0.0, explorer.beyond + beside.bram36 - skips.bram36)
    return total, beside


def _whole(explorer: Explorer, plan: Plan) -> Resources:
    return explorer.costs.whole(plan, lambda p: sum(layer_resources(p).values(), Resources()))


def within_limits(total: Resources, limits: Mapping[str, float]) -> bool:
    """Whether no resource exceeds its limit."""
    return all(getattr(total, k) <= v for k, v in limits.items())


# Products that a DSP48E2 makes at once, and LUTs that a product takes, for a first guess of an interval.
_PRODUCTS, _LUTS = 2, 100


def first_feasible(
    explorer: Explorer,
    limits: Mapping[str, float],
    intervals: Sequence[int],
    beside: Resources,
    paces: Paces | None = None,
) -> int:
    """Index of the first of ascending intervals that `Explorer.fill` allows; their number if it allows none."""
    lo, hi, probes = -1, len(intervals), 0
    guess = bisect_left(intervals, explorer.graph.macs / (_PRODUCTS * limits["dsp"] + limits["lut"] / _LUTS))
    while lo + 1 < hi:
        at = min(max(guess, lo + 1), hi - 1)
        share = explorer.fill(intervals[at], limits, beside, paces)
        lo, hi = (at, hi) if share > 1 else (lo, at)
        # Resources of multipliers are about inversely proportional to the interval, so the next guess scales it by the
        # share. Every third probe bisects, in case they are not.
        probes += 1
        guess = bisect_left(intervals, intervals[at] * min(share, 100)) if probes % 3 else (lo + hi) // 2
    return hi


def _search(
    explorer: Explorer,
    limits: Mapping[str, float],
    intervals: Sequence[int],
    beside: Resources | None = None,
    paces: Paces | None = None,
) -> tuple[tuple[Plan, int] | None, Resources]:
    """The plan of the first of ascending intervals whose design fits, with the interval, or None; and the overhead.

    The overhead is known only of a finished design. The search begins with `beside`, or what skips take at least; where
    the design that it finds does not fit, it is repeated with the overhead of that design.
    paces: as of `Explorer.choose`
    """
    beside = beside or explorer.waiting
    for _ in range(6):
        rest = {k: v - getattr(beside, k) for k, v in limits.items()}
        made = None
        if min(rest.values()) > 0:
            for k in range(first_feasible(explorer, limits, intervals, beside, paces), len(intervals)):
                if (made := explorer.choose(intervals[k], rest, paces)) is not None:
                    break
        if made is None:
            break
        total, beside = overhead_resources(explorer, made, limits)
        if within_limits(total, limits):
            return (made, intervals[k]), beside
    return None, beside


# `smallest_design` takes the fastest interval whose lower bound is at most this many times the least one ...
_SLACK = 1.01
# ... and there a plan that takes at most this many times the least bound.
_GAPS = 1.1


def smallest_design(
    explorer: Explorer, limits: Mapping[str, float], intervals: Sequence[int], beside: Resources
) -> tuple[Plan, int]:
    """The fastest design of those that take hardly more of the limits than the smallest, and its interval."""
    least = explorer.fill(intervals[-1], limits, beside)
    k = first_feasible(explorer, {k: _SLACK * least * v for k, v in limits.items()}, intervals, beside)
    target = intervals[min(k, len(intervals) - 1)]
    most = {k: _GAPS * least * v - getattr(beside, k) for k, v in limits.items()}
    return explorer.choose(target, most) or explorer.fold(target), target


def describe_excess(plan: Plan, limits: Mapping[str, float]) -> str:
    """A clause on the resources that exceed their limits, and the layer that takes most of the worst of them."""
    layers = layer_resources(plan)
    total = sum(layers.values(), Resources())
    over = {k: getattr(total, k) / v for k, v in limits.items() if getattr(total, k) > v}
    worst = max(over, key=lambda k: over[k])
    name = max(layers, key=lambda n: getattr(layers[n], worst))
    needs = " and ".join(
        f"{getattr(total, k):,.0f} {k} of {limits[k]:,.0f} ({factor:.2f} x)"
        for k, factor in sorted(over.items(), key=lambda kv: -kv[1])
    )
    what = "device" if limits == plan.device.capacity else "budget"
    return (
        f"{name}: the design must fit the {what}, not need {needs}, "
        f"most {worst} in this layer ({getattr(layers[name], worst):,.0f})"
    )
