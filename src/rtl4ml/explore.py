# SPDX-License-Identifier: Apache-2.0
"""Folding: how many outputs and inputs every operator does at once, for an interval or a budget.

For one interval the foldings of all operators, and the lane conversions between them, are chosen together by a mixed
integer program (SciPy's HiGHS): of all choices that keep the interval the one that fills the device least. For a budget
the smallest interval is found by bisection over the intervals that foldings have.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import ceil, gcd

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array

from rtl4ml import arguments
from rtl4ml.device import XCZU9EG, budget_shares
from rtl4ml.errors import BadInput, OverBudget, named
from rtl4ml.ir import Folding, Graph, Op, Stream
from rtl4ml.netlist import Lowering, Resources
from rtl4ml.ops.conv import Linear
from rtl4ml.packing import Packing

Floats = NDArray[np.float64]

# What is made small: the greatest share of any resource, and, so that no layer wastes what is not scarce, a little of
# the sum of all shares; and, so that none of them idles, the multipliers, of which the device's DSP48E2 make two each.
# Proved up to this part of itself.
WEIGHT_OF_SUM = 0.05
WEIGHT_OF_MULTIPLIERS = 0.5
MULTIPLIERS = 2 * XCZU9EG["dsp"]
GAP = 1e-3
# So much search that tenths of a percent are left on the largest U-Nets, in 15 s. Seconds would make a design depend on
# the machine.
NODES = 300


def objective(r: Resources, multipliers: int) -> float:
    """What foldings are chosen for: the least of it."""
    shares: list[float] = [getattr(r, k) / v for k, v in XCZU9EG.items()]
    return float(
        max(shares) + WEIGHT_OF_SUM * sum(shares) + WEIGHT_OF_MULTIPLIERS * multipliers / MULTIPLIERS
    )


# A folding this much faster than asked for costs more than one that is as fast as asked for; it is not looked at
# while a slower one is there.
_HASTE = 4

# An adder graph of more products than this takes seconds or minutes to find: it is not looked at while a folding is
# there, than which it is hardly ever smaller, and else it is guessed until it is chosen.
_UNROLLED = 1024
# One of more than this takes minutes, and the device's LUTs if there are a few of them: it is no folding at all.
_LARGEST = 4096
# Of dense random matrices da4ml makes 0.46 (48 x 48) to 0.6 (8 x 8) adders a digit, of 0.9 times the bits of a product.
_ADDERS, _ADDER_BITS = 0.45, 0.9


def folded(op: Op, f: Folding) -> Op:
    """The operator with a folding of its own."""
    style = {"style": f.style} if isinstance(op, Linear) else {}
    return op.folded(pe=f.pe, simd=f.simd, **style)


def _ways(op: Op) -> list[Op]:
    """The folded operator, its products in LUTs or in DSP48E2: of packings that take as many, that of longest chain.

    More slices only pay where their chain is longer, so that fewer sums are left to LUTs.
    """
    if not isinstance(op, Linear) or op.style == "unrolled" or op.packing != "auto":
        return [op]
    best: dict[int, Packing] = {}
    for p in sorted(op.packings, key=lambda p: (p.chain, not p.overlap)):
        best[p.slices(op.pe, op.simd)] = p
    ways: list[Op] = [op.folded(packing=None)]
    longest = 0
    for _, p in sorted(best.items()):
        if p.chain > longest:
            ways.append(op.folded(packing=p))
            longest = p.chain
    return ways


@dataclass(frozen=True)
class Option:
    """A way to fold an operator, and what it costs alone."""

    op: Op
    interval: int
    cost: Resources
    multipliers: int


class Explorer:
    """The foldings of one graph. layers: (pe, simd) by layer or operator name, taken as it stands."""

    def __init__(self, graph: Graph, layers: Mapping[str, tuple[int, int]] | None = None) -> None:
        self.graph = graph
        given = dict(layers or {})
        self.foldings: dict[str, list[Folding]] = {}
        self._pinned: set[str] = set()
        for op in graph.ops:
            options = [f for f in op.foldings() if f.style != "unrolled" or f.pe * f.simd <= _LARGEST]
            options = options or list(op.foldings())
            pinned = _pinned(op, options, given)
            if pinned is not None:
                self._pinned.add(op.name)
            self.foldings[op.name] = options if pinned is None else [pinned]
        if given:
            raise BadInput(
                f"{next(iter(given))}: {named('foldings')} must name layers of the model, not {next(iter(given))!r}; "
                f"layers: {', '.join(o.name for o in graph.ops)}"
            )
        self._options: dict[tuple[str, Folding], list[Option]] = {}
        self._widths: dict[tuple[str, int, int], Resources] = {}
        self._fills: dict[tuple[object, ...], float] = {}

    @property
    def intervals(self) -> list[int]:
        """Every interval that some folding of some operator has, ascending."""
        return sorted({f.interval for fs in self.foldings.values() for f in fs})

    def intervals_from(self, start: int) -> list[int]:
        """The first interval from `start` up that is possible, and every longer one that some folding has."""
        least = max(start, self.floor)
        return [least, *(t for t in self.intervals if t > least)]

    @property
    def floor(self) -> int:
        """The interval that the slowest operator has at its fastest."""
        return max(min(f.interval for f in fs) for fs in self.foldings.values())

    def options(self, op: Op, target: int) -> list[Option]:
        """Foldings worth a look: of those that keep the interval the slower; unrolled where folding does not pay."""
        foldings = self.foldings[op.name]
        if op.name not in self._pinned:
            foldings = [f for f in foldings if f.interval <= target]
            if isinstance(op, Linear):
                products = [f for f in foldings if f.style != "unrolled"]
                slowest = max((f.interval for f in products), default=0)
                least = min((f.multipliers for f in products), default=0)
                foldings = [f for f in products if _HASTE * f.interval >= slowest] + [
                    f
                    for f in foldings
                    if f.style == "unrolled" and (not products or f.pe * f.simd <= min(2 * least, _UNROLLED))
                ]
        for f in foldings:
            if (op.name, f) not in self._options:
                ways = _ways(folded(op, f))
                self._options[op.name, f] = [
                    Option(way, f.interval, _alone(self.graph, way), f.multipliers) for way in ways
                ]
        return [o for f in foldings for o in self._options[op.name, f]]

    def _width(self, s: Stream, a: int, b: int) -> Resources:
        """Cost of a stream's conversion from a to b lanes."""
        key = (s.name, a, b)
        if key not in self._widths:
            n = Lowering(self.graph)
            n.lanes(n.like(s, "x", a), b)
            self._widths[key] = _cost(n)
        return self._widths[key]

    def choose(self, target: int, limits: Mapping[str, float] | None = None) -> Graph | None:
        """The graph whose foldings keep `target` cycles and fill the device least (`objective`), or None.

        limits: LUT, FF, DSP48E2 and RAMB36 that operators and lane conversions may take together.
        """
        p, chosen, options = self._program(target)
        found = p.solve(limits or {})
        if found is None:
            return None
        picks = {
            name: options[name][int(np.argmax(found[variables]))].op for name, variables in chosen.items()
        }
        return replace(self.graph, ops=tuple(picks[op.name] for op in self.graph.ops))

    def fill(self, target: int, limits: Mapping[str, float], beside: Resources) -> float:
        """A bound from below on the greatest share of the limits that any choice for `target` cycles takes, together
        with `beside`: what a mixture of foldings would take. Infinite where there is no choice.
        """
        key = (target, *limits.values(), beside)
        if key not in self._fills:
            self._fills[key] = self._program(target)[0].bound(limits, beside)
        return self._fills[key]

    def _program(self, target: int) -> tuple[_Program, dict[str, list[int]], dict[str, list[Option]]]:
        """The program, the variables of every operator's options, and these."""
        p = _Program()
        options = {op.name: self.options(op, target) for op in self.graph.ops}
        chosen = {name: [p.variable(o.cost, o.multipliers) for o in some] for name, some in options.items()}
        for variables in chosen.values():
            p.equal(dict.fromkeys(variables, 1.0), 1.0)
        makers = {op.output.name: op.name for op in self.graph.ops}
        for op in self.graph.ops:
            for i, s in enumerate(op.inputs):
                if s.name not in makers:  # the graph's input comes in the lanes that its reader takes
                    continue
                made: dict[int, dict[int, float]] = defaultdict(dict)
                read: dict[int, dict[int, float]] = defaultdict(dict)
                for v, o in zip(chosen[makers[s.name]], options[makers[s.name]], strict=True):
                    made[o.op.pe][v] = -1.0
                for v, o in zip(chosen[op.name], options[op.name], strict=True):
                    read[o.op.lanes_of(i)][v] = -1.0
                # As much of every number of lanes is converted from as is made, and to as is read.
                for (a, into), (b, out) in product(list(made.items()), list(read.items())):
                    if a == b or s.elements // gcd(a, b) <= target or op.name in self._pinned:
                        z = p.variable(self._width(s, a, b) if a != b else Resources(), whole=False)
                        into[z] = out[z] = 1.0
                for row in (*made.values(), *read.values()):
                    p.equal(row, 0.0)
        return p, chosen, options

    def fold(self, target: int, limits: Mapping[str, float] | None = None) -> Graph:
        """As `choose`. Raises OverBudget where no folding is fast enough."""
        for op in self.graph.ops:
            fastest = min(f.interval for f in self.foldings[op.name])
            if fastest > target and op.name not in self._pinned:
                raise OverBudget(
                    f"{op.name}: {named('target_interval')} must be at least {fastest} cycles for this layer, "
                    f"not {target}; raise it"
                )
        found = self.choose(target, limits)
        if found is None:
            raise OverBudget(
                f"{self.graph.name}: {named('target_interval')} must leave time to carry every layer's lanes to the "
                f"next one's, not be {target}; raise it"
            )
        return found


class _Program:
    """A mixed integer program over variables from 0 to 1, which fills the device least."""

    def __init__(self) -> None:
        self._cost: list[Resources] = []
        self._multipliers: list[int] = []
        self._whole: list[bool] = []
        self._rows: list[tuple[dict[int, float], float]] = []

    def variable(self, cost: Resources, multipliers: int = 0, *, whole: bool = True) -> int:
        """The number of a new variable that costs so much at 1; whole ones are 0 or 1."""
        self._cost.append(cost)
        self._multipliers.append(multipliers)
        self._whole.append(whole)
        return len(self._cost) - 1

    def equal(self, row: Mapping[int, float], to: float) -> None:
        """Asks that the weighted sum of variables be `to`."""
        self._rows.append((dict(row), to))

    def _uses(self, of: Mapping[str, float]) -> dict[str, Floats]:
        """Shares of such resources that every variable takes."""
        return {k: np.array([getattr(c, k) for c in self._cost], np.float64) / v for k, v in of.items()}

    def _equations(self) -> LinearConstraint:
        entries = [(i, j, w) for i, (row, _) in enumerate(self._rows) for j, w in row.items()]
        i, j, w = (np.array(column) for column in zip(*entries, strict=True))
        to = np.array([t for _, t in self._rows])
        return LinearConstraint(coo_array((w, (i, j)), shape=(len(to), len(self._cost) + 1)).tocsr(), to, to)

    def solve(self, limits: Mapping[str, float]) -> Floats | None:
        """Values of all variables; None where nothing keeps the limits."""
        n = len(self._cost)
        most = n  # one more variable: the greatest share of any resource
        uses = self._uses(XCZU9EG)
        constraints = [self._equations()]
        for k, use in uses.items():
            constraints.append(LinearConstraint(np.append(use, -1.0)[None, :], -np.inf, 0))
            if k in limits:
                constraints.append(
                    LinearConstraint(np.append(use, 0.0)[None, :], -np.inf, limits[k] / XCZU9EG[k])
                )
        cost = WEIGHT_OF_SUM * np.sum(list(uses.values()), axis=0)
        cost += WEIGHT_OF_MULTIPLIERS / MULTIPLIERS * np.array(self._multipliers) + 1e-12 * np.arange(n)
        answer = milp(
            np.append(cost, 1.0),
            integrality=np.array([*self._whole, False], int),
            bounds=Bounds(0, np.append(np.ones(n), np.inf)),
            constraints=constraints,
            options={"mip_rel_gap": GAP, "node_limit": NODES},
        )
        return None if answer.x is None else np.asarray(answer.x[:most], np.float64)

    def bound(self, limits: Mapping[str, float], beside: Resources) -> float:
        """The least that the greatest share of the limits, `beside` included, can be where variables may be parts."""
        n = len(self._cost)
        constraints = [self._equations()]
        for k, use in self._uses(limits).items():
            constraints.append(
                LinearConstraint(np.append(use, -1.0)[None, :], -np.inf, -getattr(beside, k) / limits[k])
            )
        answer = milp(
            np.append(np.zeros(n), 1.0),
            bounds=Bounds(0, np.append(np.ones(n), np.inf)),
            constraints=constraints,
        )
        return float("inf") if answer.x is None else float(answer.x[n])


def _cost(n: Lowering) -> Resources:
    from rtl4ml.resources import estimate

    return sum((estimate(c.module, c.params(), c) for c in n.cells), Resources())


def _guess(op: Linear) -> Resources:
    """Resources of a large adder graph: bits of its adders, half of them kept in a register."""
    w = np.abs(op._taps)
    digits = int(np.bitwise_count(w ^ 3 * w).sum())  # of the shortest signed form
    bits = digits * _ADDERS * _ADDER_BITS * (op.x.type.width + op.weight_type.width)
    return Resources(lut=bits, ff=bits / 2)


def _alone(graph: Graph, op: Op) -> Resources:
    """Predicted resources of an operator and the FIFOs before it, fed in the lanes that it reads."""
    from rtl4ml.lower import CUT

    if isinstance(op, Linear) and op.style == "unrolled" and op._taps.size > _UNROLLED:
        return _guess(op)
    n = Lowering(graph)
    xs = [n.like(s, f"x{i}", op.lanes_of(i)) for i, s in enumerate(op.inputs)]
    if op.cuts:
        xs = [n.fifo(x, CUT) for x in xs]
    op.lower(n, *xs)
    return _cost(n)


def _pinned(op: Op, options: list[Folding], given: dict[str, tuple[int, int]]) -> Folding | None:
    """The folding that the user asked for, taken out of `given`."""
    key = next((k for k in (op.name, *op.layers) if k in given), None) if isinstance(op, Linear) else None
    if key is None:
        return None
    pe, simd = given.pop(key)
    for f in options:
        if (f.pe, f.simd) == (pe, simd):
            return f
    raise BadInput(
        f"{key}: {named('foldings')} must have as pe one of {sorted({f.pe for f in options})} and as simd one of "
        f"{sorted({f.simd for f in options})}, not {pe} and {simd}"
    )


def fold(graph: Graph, *, target_interval: int, layers: Mapping[str, tuple[int, int]] | None = None) -> Graph:
    """The graph with the cheapest foldings that meet `target_interval` cycles a sample.

    layers: (pe, simd) by layer or operator name, taken as it stands.
    Raises OverBudget where even the widest folding of an operator is too slow, BadInput for an illegal one.
    """
    return Explorer(graph, layers).fold(target_interval)


def fold_for(
    graph: Graph,
    *,
    target_interval: int | None,
    budget: Mapping[str, float] | None,
    layers: Mapping[str, tuple[int, int]] | None = None,
    fit: bool = True,
) -> Graph:
    """The graph folded for an interval, or for the smallest interval that the budget holds.

    target_interval: cycles a sample; None: as many as the input has positions, or what the budget allows
    budget:          greatest share of the device by resource (0 to 1]; of what it does not name see `budget_shares`
    fit:             False: a design that does not fit is given nevertheless: that of the interval asked for, else the
                     fastest that needs hardly more than the smallest
    Raises OverBudget with the layer that costs most and the nearest interval that fits; BadInput.
    """
    shares = arguments.budget(budget, XCZU9EG)
    target_interval = arguments.target_interval(target_interval)
    layers = arguments.foldings(layers)
    asked = target_interval is not None
    explorer = Explorer(graph, layers)
    shares = budget_shares(shares, target_interval)
    limits = {k: v * shares[k] for k, v in XCZU9EG.items()}
    if target_interval is not None:
        cheapest = explorer.fold(target_interval)
        if not fit:
            return cheapest
        total, beside = _beside(cheapest, limits)
        if _keeps(total, limits):
            return cheapest
        # Where FIFOs and the like alone are too much for the device no folding helps.
        if all(getattr(beside, k) < v for k, v in limits.items()):
            if (fits := _search(explorer, limits, [target_interval])[0]) is not None:
                return fits[0]
            fits, beside = _search(explorer, limits, explorer.intervals_from(target_interval))
            if fits is not None:
                raise OverBudget(f"{_over(cheapest, limits)}; {named('target_interval', fits[1])} fits")
    else:
        x = graph.inputs[0]
        target_interval = max(1, x.pixels if len(x.shape) > 1 else x.elements)
        fits, beside = _search(explorer, limits, explorer.intervals_from(target_interval))
        if fits is not None:
            return fits[0]
    smallest, interval = _smallest(explorer, limits, explorer.intervals_from(target_interval), beside)
    if not fit:
        return smallest
    total = sum(layer_resources(smallest).values(), Resources())
    if _keeps(total, limits):  # the search gave up before
        if not asked or interval <= target_interval:
            return smallest
        raise OverBudget(f"{_over(cheapest, limits)}; {named('target_interval', interval)} fits")
    if not _keeps(total, XCZU9EG):
        # What was not asked to be less is said of the device: more budget would not help.
        limits = {k: limits[k] if k in (budget or ()) else v for k, v in XCZU9EG.items()}
        out = "take a smaller model or frame"
    else:
        short = [k for k in XCZU9EG if getattr(total, k) > limits[k]]
        more = {k: f"{_enough(getattr(total, k) / XCZU9EG[k]):g}" for k in short}
        than = "" if set(short) & set(budget or ()) else "than the default share "
        out = f"allow it more {than}with {named('budget', more)}, take a smaller model or frame"
    raise OverBudget(
        f"{_over(smallest, limits)}; no smaller design was found: {out}, or look at its report "
        f"with {named('fit', False)}"
    )


def _enough(share: float) -> float:
    """A share rounded up to whole percents."""
    return min(1.0, ceil(100 * share) / 100)


def _beside(made: Graph, limits: Mapping[str, float]) -> tuple[Resources, Resources]:
    """All of a design, and what is in it beside the operators alone: edges, forks, conversions, deeper FIFOs.

    A design that is too large before its FIFOs are as deep as they must be is not analysed: both are then less than
    they would be.
    """
    total = sum(layer_resources(made, analyse=False).values(), Resources())
    if _keeps(total, limits):
        total = sum(layer_resources(made).values(), Resources())
    inside = sum((_alone(made, op) for op in made.ops), Resources())
    return total, Resources(**{k: max(0.0, getattr(total, k) - getattr(inside, k)) for k in XCZU9EG})


def _keeps(total: Resources, limits: Mapping[str, float]) -> bool:
    return all(getattr(total, k) <= v for k, v in limits.items())


# Products that a DSP48E2 makes at once, and LUTs that a product takes, for a first guess of an interval.
_PRODUCTS, _LUTS = 2, 100


def _first(
    explorer: Explorer, limits: Mapping[str, float], intervals: Sequence[int], beside: Resources
) -> int:
    """Number of the first of ascending intervals that is not ruled out by `fill`; as many as there are if all are."""
    lo, hi, probes = -1, len(intervals), 0
    guess = bisect_left(intervals, explorer.graph.macs / (_PRODUCTS * limits["dsp"] + limits["lut"] / _LUTS))
    while lo + 1 < hi:
        at = min(max(guess, lo + 1), hi - 1)
        share = explorer.fill(intervals[at], limits, beside)
        lo, hi = (at, hi) if share > 1 else (lo, at)
        # What multiplies is needed in inverse proportion to the interval; now and then the middle, in case it is not.
        probes += 1
        guess = bisect_left(intervals, intervals[at] * min(share, 100)) if probes % 3 else (lo + hi) // 2
    return hi


def _search(
    explorer: Explorer, limits: Mapping[str, float], intervals: Sequence[int]
) -> tuple[tuple[Graph, int] | None, Resources]:
    """The first of ascending intervals whose design fits, or None; and what stands beside the operators.

    That is known once a design is made: it is guessed, taken from the last design made, and the search is made anew
    where the guess was too low.
    """
    beside = Resources()
    for _ in range(6):
        rest = {k: v - getattr(beside, k) for k, v in limits.items()}
        made = None
        if min(rest.values()) > 0:
            for k in range(_first(explorer, limits, intervals, beside), len(intervals)):
                if (made := explorer.choose(intervals[k], rest)) is not None:
                    break
        if made is None:
            break
        total, beside = _beside(made, limits)
        if _keeps(total, limits):
            return (made, intervals[k]), beside
    return None, beside


# A mixture of foldings that takes this much more than the smallest counts as small; so much more a choice takes.
_SLACK, _GAPS = 1.01, 1.1


def _smallest(
    explorer: Explorer, limits: Mapping[str, float], intervals: Sequence[int], beside: Resources
) -> tuple[Graph, int]:
    """Of the designs that take hardly more of the limits than the smallest the fastest, and its interval."""
    least = explorer.fill(intervals[-1], limits, beside)
    k = _first(explorer, {k: _SLACK * least * v for k, v in limits.items()}, intervals, beside)
    target = intervals[min(k, len(intervals) - 1)]
    most = {k: _GAPS * least * v - getattr(beside, k) for k, v in limits.items()}
    return explorer.choose(target, most) or explorer.fold(target), target


def _over(graph: Graph, limits: Mapping[str, float]) -> str:
    """What exceeds the limits and by how much, and the layer that takes most of what exceeds them most."""
    layers = layer_resources(graph)
    total = sum(layers.values(), Resources())
    over = {k: getattr(total, k) / v for k, v in limits.items() if getattr(total, k) > v}
    worst = max(over, key=lambda k: over[k])
    name = max(layers, key=lambda n: getattr(layers[n], worst))
    needs = " and ".join(
        f"{getattr(total, k):,.0f} {k} of {limits[k]:,.0f} ({factor:.2f} x)"
        for k, factor in sorted(over.items(), key=lambda kv: -kv[1])
    )
    return (
        f"{name}: the design must fit the {'device' if limits == XCZU9EG else 'budget'}, not need {needs}, "
        f"most {worst} in this layer ({getattr(layers[name], worst):,.0f})"
    )


def layer_resources(graph: Graph, *, analyse: bool = True) -> dict[str, Resources]:
    """Predicted resources of every operator of a folded graph, the edges under "edges".

    analyse: whether its FIFOs are as deep as they must be, or all as small as can be
    """
    from rtl4ml.lower import lower
    from rtl4ml.resources import estimate
    from rtl4ml.synthesize import units

    out: dict[str, Resources] = {}
    for u in units(lower(graph, analyse=analyse), frames_in_flight=4):
        out[u.layer] = out.get(u.layer, Resources()) + estimate(u.module, u.params, u.cell)
    return out
