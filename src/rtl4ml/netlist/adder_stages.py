# SPDX-License-Identifier: Apache-2.0
"""In which pipeline stage each adder of a graph stands, and which adders of two numbers are one of three."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from rtl4ml.ir.types import Fixed
from rtl4ml.netlist.adder_graph import AdderGraph

# Adders of two numbers between two registers. Each is two levels of logic on UltraScale+, a LUT and a carry chain; one
# of three numbers is three and has registers at both ends. No more than five levels shall lie between registers, and
# abc may put one more between two adders for what several have in common.
ADDERS_PER_STAGE = 2


class Term(NamedTuple):
    """What an adder adds or takes away: a node, or a constant, shifted to the left.

    Term(3, 2, True) is -(n3 << 2); Term(None, 0, False, -5) is the constant -5.
    """

    node: int | None
    shift: int
    subtract: bool
    constant: int = 0


@dataclass(frozen=True)
class AdderStages:
    """A graph with the stage of every node, whose sum a register takes if a later stage reads it.

    stage:    of each node; adders of stage s read inputs (s = 0) or registers of stage s - 1, and each other
    absorbed: adders that are a part of another, which adds three numbers: the other, by theirs

    y = (x0 + x1) - x2 of three inputs: with adders of three numbers x0 + x1 is absorbed, one adder makes y, in stage 0.
    """

    graph: AdderGraph
    stage: tuple[int, ...]
    absorbed: dict[int, int]

    @classmethod
    def of(cls, graph: AdderGraph, adder_inputs: int) -> AdderStages:
        """The stages of a graph, for a device whose adders take so many numbers: 2 or 3.

        An adder whose sum only one other reads is absorbed by that, into its stage, unless an adder of that stage comes
        before or behind it, or the flip-flops for what it adds would grow by more bits than it saves LUTs.
        """
        made = _Stages(graph)
        if adder_inputs > 2:
            for node in reversed(range(graph.inputs, len(graph.nodes))):
                made.absorb(node)
        return cls(graph, tuple(made.stage), made.absorbed)

    @property
    def stages(self) -> int:
        return max(self.stage) + 1

    @cached_property
    def life(self) -> list[int]:
        """The last stage in which each node is read (outputs: the last stage's register)."""
        last = list(self.stage)
        for node in range(self.graph.inputs, len(self.graph.nodes)):
            for source in _sources(self.graph, node):
                last[source] = max(last[source], self.stage[node])
        for o in self.graph.outputs:
            if not isinstance(o, int):
                last[o[0]] = self.stages
        return last

    def terms(self, node: int) -> list[Term]:
        """The two or three numbers of an adder, first those that it does not take away."""
        n = self.graph.nodes[node]
        if n.constant is not None:
            own = [Term(n.a, n.a_shift, n.subtract), Term(None, 0, False, n.constant)]
        else:
            own = [Term(n.a, n.a_shift, False), Term(n.b, n.b_shift, n.subtract)]
        found = []
        for t in own:
            if t.node is None or self.absorbed.get(t.node) != node:
                found.append(t)
            else:
                found += [
                    Term(inner.node, inner.shift + t.shift, inner.subtract != t.subtract, inner.constant)
                    for inner in self.terms(t.node)
                ]
        return sorted(found, key=lambda t: t.subtract)

    def type(self, term: Term) -> Fixed:
        """The type of a term's number before its shift."""
        if term.node is None:
            return Fixed.covering(min(term.constant, 0), max(term.constant, 0), 0)
        return self.graph.nodes[term.node].type

    def added(self, node: int) -> int:
        """Bits of an adder of three numbers: of its sum less the low bits in which one number is alone and not taken
        away, as these pass through (r4_addsub3).
        """
        (least, subtract), (alone, _), _ = sorted((t.shift, t.subtract) for t in self.terms(node))
        return self.graph.nodes[node].type.width - (least if subtract else alone)


def _sources(graph: AdderGraph, node: int) -> list[int]:
    """The nodes that a node reads."""
    n = graph.nodes[node]
    return [n.a] if n.b is None else [n.a, n.b]


class _Stages:
    """Stages as they are found: as early as can be at first."""

    def __init__(self, graph: AdderGraph) -> None:
        self.graph = graph
        self.stage = [max(0, (n.level - 1) // ADDERS_PER_STAGE) for n in graph.nodes]
        self.absorbed: dict[int, int] = {}
        self.readers: list[list[int]] = [[] for _ in graph.nodes]
        for node in range(graph.inputs, len(graph.nodes)):
            for source in _sources(graph, node):
                self.readers[source].append(node)
        self.outputs = {o[0] for o in graph.outputs if not isinstance(o, int)}

    def absorb(self, node: int) -> None:
        """Lets a node absorb the adder before it that saves most, if one does."""
        if node in self.absorbed or any(self.stage[r] == self.stage[node] for r in self.readers[node]):
            return
        sources = [s for s in _sources(self.graph, node) if s >= self.graph.inputs]
        near = [s for s in sources if self.stage[s] == self.stage[node]]
        if len(near) > 1:
            return
        savings = {s: self.saved(s, node) for s in near or sources if self.can(s, node)}
        best = max(savings, key=lambda s: savings[s], default=None)
        if best is not None and savings[best] >= 0:
            self.absorbed[best] = node
            self.stage[best] = self.stage[node]

    def can(self, source: int, node: int) -> bool:
        """Whether nothing but the node reads the source, and what the source reads stands in registers there."""
        if self.readers[source] != [node] or source in self.outputs:
            return False
        return all(
            s < self.graph.inputs or self.stage[s] < self.stage[node] for s in _sources(self.graph, source)
        )

    def saved(self, source: int, node: int) -> int:
        """LUTs and flip-flops, a bit each, that are saved where a node absorbs its source."""
        width = self.graph.nodes[source].type.width
        registers = -width * (self.stage[node] - self.stage[source])
        for s in set(_sources(self.graph, source)):
            last = max([self.stage[s], *(self.stage[r] for r in self.readers[s])])
            if s not in self.outputs:
                registers += self.graph.nodes[s].type.width * max(0, self.stage[node] - last)
        return width - registers
