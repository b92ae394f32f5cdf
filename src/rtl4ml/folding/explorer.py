# SPDX-License-Identifier: Apache-2.0
"""The foldings of one graph, and the choice among them for a target interval."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import cached_property
from itertools import product
from math import ceil, gcd, inf

import numpy as np

from rtl4ml.device import ZCU102, Device, Resources
from rtl4ml.errors import OverBudget, named
from rtl4ml.folding.by_hand import Given, legal
from rtl4ml.folding.options import GUESSED, UNROLLED, Costs, Option, guess
from rtl4ml.folding.program import Floats, Program
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.lag import rows_waiting
from rtl4ml.ir.late import skips
from rtl4ml.ir.op import Op
from rtl4ml.ir.pacing import held, rows_lagging
from rtl4ml.ir.types import Stream
from rtl4ml.lowering.registry import lowering_of
from rtl4ml.netlist.memories import BLOCK_BITS, is_block
from rtl4ml.netlist.plan import Folding, Plan
from rtl4ml.ops.conv import Linear
from rtl4ml.reuse import ByHand

# Foldings that are more than this many times faster than the slowest that meets the target are skipped: they only cost
# more.
_HASTE = 2

# The share of DSP slices and of block RAM that a plan without limits exceeds only where no other meets its target: a
# board's shell needs some, and so does a next version of the network. A rule of practice.
_HARD_BLOCKS = 0.9

# How much dearer operators and width converters of a plan may be than those of another for it to be tried as a design:
# of the jet tagger and the students the rest, FIFOs and edges, was up to 7 % more of one than of another.
_BESIDE = 1.08


# Operator name to the most cycles that it may take for a sample.
Paces = Mapping[str, int]


class Explorer:
    """The foldings of one graph for a device.

    layers: (pe, simd) or `Reuse` that the user fixed, by layer or operator name
    shares: the greatest share of a resource that its plans may take, see `Plan`
    costs:  what is known of operators, from other graphs too
    prices: of all that the device has of each resource, which its plans then cost least by; see `Device.prices`
    """

    def __init__(
        self,
        graph: Graph,
        layers: Mapping[str, ByHand] | None = None,
        device: Device = ZCU102,
        shares: Mapping[str, float] | None = None,
        costs: Costs | None = None,
        prices: Mapping[str, float] | None = None,
    ) -> None:
        self.graph = graph
        self._objective = None if prices is None else device.prices(prices)
        self.prices = device.prices(prices)
        self.device = device
        self.shares = dict(shares or {})
        given = Given(layers)
        self.foldings: dict[str, list[Folding]] = {}
        self.pinned: set[str] = set()  # operators with a folding of the user's
        for op in graph.ops:
            pinned = given.of(op)
            if pinned is not None:
                self.pinned.add(op.name)
            self.foldings[op.name] = legal(op) if pinned is None else pinned[1]
        given.check([op.name for op in graph.ops])
        self.costs = costs or Costs()
        self._options: dict[tuple[str, Folding], list[Option]] = {}
        self._widths: dict[tuple[str, int, int], Resources] = {}
        self._fills: dict[tuple[object, ...], float] = {}
        self._taken: dict[Plan, Resources] = {}  # by operators and width converters of plans that were chosen
        self.beyond = (
            0.0  # block RAM beside operators that a sized design took beyond what `lagging` estimates
        )

    @property
    def intervals(self) -> list[int]:
        """The intervals of all foldings of all operators, ascending."""
        return sorted({f.interval for fs in self.foldings.values() for f in fs})

    def intervals_from(self, start: int) -> list[int]:
        """The shortest possible interval that is at least `start`, and all longer ones of some folding, ascending."""
        least = max(start, self.floor)
        return [least, *(t for t in self.intervals if t > least)]

    @property
    def floor(self) -> int:
        """The shortest possible interval: that of the slowest operator with its fastest folding."""
        return max(min(f.interval for f in fs) for fs in self.foldings.values())

    def options(self, op: Op, target: int, *, cheap: bool = False) -> list[Option]:
        """The options of an operator for a target interval: the slower of the foldings that meet it, in all packings.

        An unrolled folding is one of them where it has few products, or where it is the only one that meets the target.
        cheap: also where an estimate says that it may cost no more than the cheapest of the others
        """
        foldings = self.foldings[op.name]
        if op.name not in self.pinned:
            foldings = [f for f in foldings if f.interval <= target]
            if isinstance(op, Linear):
                products = [f for f in foldings if f.style != "unrolled"]
                slowest = max((f.interval for f in products), default=0)
                least = min((f.multipliers for f in products), default=0)
                graphs = [f for f in foldings if f.style == "unrolled"]
                foldings = [f for f in products if _HASTE * f.interval >= slowest]
                few = [f for f in graphs if not products or f.pe * f.simd <= min(2 * least, UNROLLED)]
                if cheap:
                    others = min(
                        (self.price(o.cost) for f in foldings for o in self._option(op, f)), default=inf
                    )
                    few = graphs if GUESSED * self.price(guess(op)) <= others else few
                foldings += few
        return [o for f in foldings for o in self._option(op, f)]

    def extra(self, target: int, before: Paces, after: Paces) -> float:
        """What the operators of `after` cost more at its paces than at those of `before`, each by its cheapest option.

        target: cycles that an operator may take that a pace is not given for
        """

        def least(op: Op, pace: int) -> float:
            return min(self.price(o.cost) for o in self.options(op, pace))

        return sum(
            least(op, after[op.name]) - least(op, before.get(op.name, target))
            for op in self.graph.ops
            if op.name in after
        )

    @property
    def priced(self) -> bool:
        """Whether the prices are the user's."""
        return self._objective is not None

    def price(self, resources: Resources) -> float:
        """What resources cost by the prices."""
        return self.device.price(resources, self.prices)

    def _option(self, op: Op, folding: Folding) -> list[Option]:
        if (op.name, folding) not in self._options:
            self._options[op.name, folding] = self.costs.options(self.graph, op, folding, self.device)
        return self._options[op.name, folding]

    def _width(self, stream: Stream, made: int, read: int) -> Resources:
        key = (stream.name, made, read)
        if key not in self._widths:
            self._widths[key] = self.costs.width(self.graph, stream, made, read, self.device)
        return self._widths[key]

    @cached_property
    def waiting(self) -> Resources:
        """Block RAM that skips take at least, beside operators and width converters, in any design of the graph."""
        known, blocks = skips(self.graph), 0.0
        for join, rows in rows_waiting(self.graph).items():
            _, columns, channels = known[join].hwc
            width = channels * known[join].type.width
            if (join, known[join].name) not in self.graph.spilled and is_block(
                rows * columns, width, self.device
            ):
                blocks += rows * columns * width / BLOCK_BITS
        return Resources(bram36=blocks)

    def lagging(self, speeds: Mapping[str, float], *, pixels: bool = True) -> Resources:
        """Block RAM that skips take beside operators and width converters, as `pacing.rows_lagging` estimates it.

        speeds, pixels: as there
        """
        known, blocks = skips(self.graph), 0.0
        for join, rows in rows_lagging(self.graph, speeds, pixels=pixels).items():
            if rows and (join, known[join].name) not in self.graph.spilled:
                share, s = rows / known[join].hwc[0], held(self.graph, join, known[join])
                if is_block(ceil(share * s.pixels), s.channels * s.type.width, self.device):
                    blocks += share * s.elements * s.type.width / BLOCK_BITS
        return Resources(bram36=blocks)

    def fastest(self, target: int) -> dict[str, float]:
        """Operator name to the least part of `target` cycles that any of its options takes for a frame."""
        return {
            op.name: min(1.0, min(o.folding.interval for o in self.options(op, target)) / target)
            for op in self.graph.ops
        }

    def choose(
        self, target: int, limits: Mapping[str, float] | None = None, paces: Paces | None = None
    ) -> Plan | None:
        """The plan that meets the interval `target` and has the least `objective`; None where no plan does.

        limits: LUT, FF, DSP48E2 and RAMB36 that operators and width converters may take together; None: any number, but
                nearly all DSP48E2 or RAMB36 of the device only where nothing else meets the target
        paces:  operator name to the cycles that it may take for a sample, where these are fewer than the target
        """
        p, chosen, options = self._program(target, paces)
        if limits is None:
            hard = {k: _HARD_BLOCKS * self.device.capacity[k] for k in ("dsp", "bram36")}
            found = p.solve(hard, self._objective)
        if limits is not None or found is None:
            found = p.solve(limits or {}, self._objective)
        return None if found is None else self._plan(p, found, chosen, options)

    def rivals(self, plan: Plan, limits: Mapping[str, float]) -> list[Plan]:
        """Plans that are faster than another and may cost no more by `prices`, the fastest first.

        Operators and width converters alone may cost `_BESIDE` more: what else there is in a design may be less.
        plan:   one of `choose`
        limits: as there
        """
        found: list[Plan] = []
        slowest = max(f.interval for f in plan.foldings.values())
        most = _BESIDE * self.price(self._taken[plan])
        for target in reversed([t for t in self.intervals if self.floor <= t < slowest]):
            if self._dearer(slowest, target, most):
                break
            p, chosen, options = self._program(target, cheap=True)
            solution = p.solve(limits, self.prices)
            if solution is None or self.price(p.taken(solution)) > most:
                break
            made = self._plan(p, solution, chosen, options)
            if max(f.interval for f in made.foldings.values()) < slowest:
                found.insert(0, made)
        return found

    def _dearer(self, slow: int, fast: int, most: float) -> bool:
        """Whether the operators alone cost more than `most` at an interval, each by its cheapest option.

        Operators that are cheapest at `slow` with a folding that meets `fast` are taken to cost no less there. The
        dearest are asked first: options of the others need then not be worked out for an interval that is no rival.
        """
        least = {}
        for op in self.graph.ops:
            cheapest = min(self.options(op, slow), key=lambda o: self.price(o.cost))
            least[op.name] = self.price(cheapest.cost), cheapest.folding.interval
        bound = sum(price for price, _ in least.values())
        for op in sorted(self.graph.ops, key=lambda op: -least[op.name][0]):
            price, interval = least[op.name]
            if interval > fast and bound <= most:
                bound += min(self.price(o.cost) for o in self.options(op, fast, cheap=True)) - price
        return bound > most

    def _plan(
        self,
        p: Program,
        solution: Floats,
        chosen: Mapping[str, list[int]],
        options: Mapping[str, list[Option]],
    ) -> Plan:
        foldings = {
            name: options[name][int(np.argmax(solution[some]))].folding for name, some in chosen.items()
        }
        plan = Plan(self.graph, foldings, self.device, self.shares)
        self._taken[plan] = p.taken(solution)
        return plan

    def fill(
        self, target: int, limits: Mapping[str, float], beside: Resources, paces: Paces | None = None
    ) -> float:
        """A lower bound on the largest share of any limit that a plan for the interval `target` takes; infinite where
        there is no plan.

        It is the optimum of the relaxed program, in which an operator may be a mixture of foldings.
        beside: resources that count against the limits beside operators and width converters
        paces:  as of `choose`
        """
        key = (target, *limits.values(), beside, *(paces or {}).items())
        if key not in self._fills:
            self._fills[key] = self._program(target, paces)[0].bound(limits, beside)
        return self._fills[key]

    def _program(
        self, target: int, paces: Paces | None = None, *, cheap: bool = False
    ) -> tuple[Program, dict[str, list[int]], dict[str, list[Option]]]:
        """The program, and for every operator the variables of its options and the options."""
        p = Program(self.device)
        paces = dict.fromkeys((op.name for op in self.graph.ops), target) | dict(paces or {})
        options = {op.name: self.options(op, paces[op.name], cheap=cheap) for op in self.graph.ops}
        chosen = {
            name: [p.variable(o.cost, o.folding.multipliers) for o in some] for name, some in options.items()
        }
        for variables in chosen.values():
            p.equal(dict.fromkeys(variables, 1.0), 1.0)
        makers = {op.output.name: op.name for op in self.graph.ops}
        for op in self.graph.ops:
            lowering = lowering_of(op)
            for i, s in enumerate(op.inputs):
                # The graph's input needs no converter: it comes in the lanes that its reader takes.
                if s.name not in makers:
                    continue
                made: dict[int, dict[int, float]] = defaultdict(dict)
                read: dict[int, dict[int, float]] = defaultdict(dict)
                for v, o in zip(chosen[makers[s.name]], options[makers[s.name]], strict=True):
                    made[o.folding.pe][v] = -1.0
                for v, o in zip(chosen[op.name], options[op.name], strict=True):
                    read[lowering.input_lanes(o.folding, i)][v] = -1.0
                slow = max(paces[makers[s.name]], paces[op.name])
                # Flow conservation: for every number of lanes, the conversions from it sum to the options that make it,
                # and the conversions to it to the options that read it.
                for (a, into), (b, out) in product(list(made.items()), list(read.items())):
                    if a == b or s.elements // gcd(a, b) <= slow or op.name in self.pinned:
                        z = p.variable(self._width(s, a, b) if a != b else Resources(), whole=False)
                        into[z] = out[z] = 1.0
                for row in (*made.values(), *read.values()):
                    p.equal(row, 0.0)
        return p, chosen, options

    def fold(self, target: int, limits: Mapping[str, float] | None = None) -> Plan:
        """The plan of `choose`. Raises OverBudget where no plan meets the target."""
        for op in self.graph.ops:
            fastest = min(f.interval for f in self.foldings[op.name])
            if fastest > target and op.name not in self.pinned:
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


def fold(graph: Graph, *, target_interval: int, layers: Mapping[str, ByHand] | None = None) -> Plan:
    """The plan of the cheapest foldings that meet `target_interval` cycles a sample.

    layers: (pe, simd) or `Reuse` that the user fixed, by layer or operator name
    Raises OverBudget where even the fastest folding of an operator is too slow, BadInput for an illegal one.
    """
    return Explorer(graph, layers).fold(target_interval)
