# SPDX-License-Identifier: Apache-2.0
"""Foldings that the user fixes: (pe, simd) of a layer, or how often its multipliers are used for a position."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from rtl4ml.errors import BadInput, named
from rtl4ml.folding.options import LARGEST
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.op import Op
from rtl4ml.lowering.registry import lowering_of
from rtl4ml.netlist.plan import Folding, Plan
from rtl4ml.ops.conv import Linear
from rtl4ml.reuse import EVERY, ByHand, Reuse


def legal(op: Op) -> list[Folding]:
    """The foldings of an operator among which is chosen: adder graphs of too many products are none of them."""
    every = list(lowering_of(op).foldings())
    return [f for f in every if f.style != "unrolled" or f.pe * f.simd <= LARGEST] or every


class Given:
    """The foldings by hand of one graph, and which of them some operator has taken."""

    def __init__(self, layers: Mapping[str, ByHand] | None) -> None:
        self._layers = dict(layers or {})
        self._taken = {EVERY}

    def of(self, op: Op) -> tuple[ByHand, list[Folding]] | None:
        """What is asked of an operator and the foldings that it may have then, None where nothing is asked.

        (pe, simd) of a layer are those of its first operator. Raises BadInput where no folding is as asked.
        """
        if not isinstance(op, Linear):
            return None
        key = next((k for k in (op.name, *op.layers, EVERY) if k in self._layers), None)
        if key is None:
            return None
        asked = self._layers[key]
        self._taken.add(key)
        if isinstance(asked, Reuse):
            return asked, _reused(op, asked)
        if key != EVERY:
            del self._layers[key]
        return asked, [_folded(op.layer if key == EVERY else key, *asked, legal(op))]

    def check(self, names: Collection[str]) -> None:
        """Raises BadInput where a folding is of no layer with weights; `names` are the operators there are."""
        for left in self._layers:
            if left not in self._taken:
                raise BadInput(
                    f"{left}: {named('foldings')} must name layers of the model, not {left!r}; "
                    f"layers: {', '.join(names)}"
                )


def _folded(key: str, pe: int, simd: int, options: list[Folding]) -> Folding:
    for f in options:
        if (f.pe, f.simd) == (pe, simd):
            return f
    raise BadInput(
        f"{key}: {named('foldings')} must have as pe one of {sorted({f.pe for f in options})} and as simd one of "
        f"{sorted({f.simd for f in options})}, not {pe} and {simd}"
    )


def _reused(op: Linear, asked: Reuse) -> list[Folding]:
    """The foldings whose factor is nearest to the one that is asked for; the smaller of two that are as near."""
    options = [f for f in legal(op) if asked.adders is None or (f.style == "unrolled") == asked.adders]
    if not options:
        raise BadInput(
            f"{op.layer}: a graph of adders must have at most {LARGEST:,} products, not {op.matrix.size:,}; "
            "leave this layer to multipliers"
        )
    reuse = lowering_of(op).reuse
    factors = {f: reuse(f) or 0 for f in options}
    nearest = min(factors.values(), key=lambda n: (abs(n - asked.factor), n))
    return [f for f in options if factors[f] == nearest]


def wanted_interval(graph: Graph, layers: Mapping[str, ByHand]) -> int | None:
    """Cycles a sample of the slowest layer whose reuse of multipliers is given; None where no such is given."""
    given = Given(layers)
    found = [of for op in graph.ops if (of := given.of(op)) is not None]
    return max((min(f.interval for f in fs) for asked, fs in found if isinstance(asked, Reuse)), default=None)


def reuse_factors(plan: Plan) -> dict[str, int]:
    """Cycles that every operator with weights takes for a position, by its name."""
    found = {op.name: lowering_of(op).reuse(plan[op]) for op in plan.graph.ops}
    return {name: n for name, n in found.items() if n is not None}
