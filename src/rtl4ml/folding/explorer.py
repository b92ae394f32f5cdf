# SPDX-License-Identifier: Apache-2.0
"""The foldings of one graph: which there are, and the choice for an interval."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from itertools import product
from math import gcd

import numpy as np

from rtl4ml.device import ZCU102, Device, Resources
from rtl4ml.errors import BadInput, OverBudget, named
from rtl4ml.folding.options import (
    LARGEST,
    UNROLLED,
    Option,
    netlist_cost,
    operator_resources,
    packed_variants,
    pinned_folding,
)
from rtl4ml.folding.program import Program
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.op import Op
from rtl4ml.ir.types import Stream
from rtl4ml.lowering.builder import NetlistBuilder
from rtl4ml.lowering.registry import lowering_of
from rtl4ml.netlist.plan import Folding, Plan
from rtl4ml.ops.conv import Linear

# A folding this much faster than asked for costs more than one that is as fast as asked for; it is not looked at
# while a slower one is there.
_HASTE = 4


class Explorer:
    """The foldings of one graph for a device. layers: (pe, simd) by layer or operator name, taken as it stands."""

    def __init__(
        self, graph: Graph, layers: Mapping[str, tuple[int, int]] | None = None, device: Device = ZCU102
    ) -> None:
        self.graph = graph
        self.device = device
        given = dict(layers or {})
        self.foldings: dict[str, list[Folding]] = {}
        self._pinned: set[str] = set()
        for op in graph.ops:
            options = [
                f for f in lowering_of(op).foldings() if f.style != "unrolled" or f.pe * f.simd <= LARGEST
            ]
            options = options or list(lowering_of(op).foldings())
            pinned = pinned_folding(op, options, given)
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
                    if f.style == "unrolled" and (not products or f.pe * f.simd <= min(2 * least, UNROLLED))
                ]
        for f in foldings:
            if (op.name, f) not in self._options:
                self._options[op.name, f] = [
                    Option(v, operator_resources(self.graph, op, v, self.device))
                    for v in packed_variants(op, f)
                ]
        return [o for f in foldings for o in self._options[op.name, f]]

    def _width(self, s: Stream, a: int, b: int) -> Resources:
        """Cost of a stream's conversion from a to b lanes."""
        key = (s.name, a, b)
        if key not in self._widths:
            n = NetlistBuilder(self.graph, self.device)
            n.lanes(n.like(s, "x", a), b)
            self._widths[key] = netlist_cost(n)
        return self._widths[key]

    def choose(self, target: int, limits: Mapping[str, float] | None = None) -> Plan | None:
        """The plan whose foldings keep `target` cycles and fill the device least (`objective`), or None.

        limits: LUT, FF, DSP48E2 and RAMB36 that operators and lane conversions may take together.
        """
        p, chosen, options = self._program(target)
        found = p.solve(limits or {})
        if found is None:
            return None
        return Plan(
            self.graph,
            {
                name: options[name][int(np.argmax(found[variables]))].folding
                for name, variables in chosen.items()
            },
            self.device,
        )

    def fill(self, target: int, limits: Mapping[str, float], beside: Resources) -> float:
        """A bound from below on the greatest share of the limits that any choice for `target` cycles takes, together
        with `beside`: what a mixture of foldings would take. Infinite where there is no choice.
        """
        key = (target, *limits.values(), beside)
        if key not in self._fills:
            self._fills[key] = self._program(target)[0].bound(limits, beside)
        return self._fills[key]

    def _program(self, target: int) -> tuple[Program, dict[str, list[int]], dict[str, list[Option]]]:
        """The program, the variables of every operator's options, and these."""
        p = Program(self.device)
        options = {op.name: self.options(op, target) for op in self.graph.ops}
        chosen = {
            name: [p.variable(o.cost, o.folding.multipliers) for o in some] for name, some in options.items()
        }
        for variables in chosen.values():
            p.equal(dict.fromkeys(variables, 1.0), 1.0)
        makers = {op.output.name: op.name for op in self.graph.ops}
        for op in self.graph.ops:
            lowering = lowering_of(op)
            for i, s in enumerate(op.inputs):
                if s.name not in makers:  # the graph's input comes in the lanes that its reader takes
                    continue
                made: dict[int, dict[int, float]] = defaultdict(dict)
                read: dict[int, dict[int, float]] = defaultdict(dict)
                for v, o in zip(chosen[makers[s.name]], options[makers[s.name]], strict=True):
                    made[o.folding.pe][v] = -1.0
                for v, o in zip(chosen[op.name], options[op.name], strict=True):
                    read[lowering.input_lanes(o.folding, i)][v] = -1.0
                # As much of every number of lanes is converted from as is made, and to as is read.
                for (a, into), (b, out) in product(list(made.items()), list(read.items())):
                    if a == b or s.elements // gcd(a, b) <= target or op.name in self._pinned:
                        z = p.variable(self._width(s, a, b) if a != b else Resources(), whole=False)
                        into[z] = out[z] = 1.0
                for row in (*made.values(), *read.values()):
                    p.equal(row, 0.0)
        return p, chosen, options

    def fold(self, target: int, limits: Mapping[str, float] | None = None) -> Plan:
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


def fold(graph: Graph, *, target_interval: int, layers: Mapping[str, tuple[int, int]] | None = None) -> Plan:
    """The plan of the cheapest foldings that meet `target_interval` cycles a sample.

    layers: (pe, simd) by layer or operator name, taken as it stands.
    Raises OverBudget where even the widest folding of an operator is too slow, BadInput for an illegal one.
    """
    return Explorer(graph, layers).fold(target_interval)
