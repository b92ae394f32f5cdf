# SPDX-License-Identifier: Apache-2.0
"""Whether a sum can lie halfway between two results: against all sums of small layers, in the cells, in the costs."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from rtl4ml.device import ZCU102
from rtl4ml.folding.options import Costs
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.mappings import Rounding
from rtl4ml.ir.types import Fixed, Stream
from rtl4ml.lowering import lower as _lower  # noqa: F401 -- registers all lowerings
from rtl4ml.lowering.builder import NetlistBuilder
from rtl4ml.lowering.registry import lowering_of
from rtl4ml.netlist.netlist import Cell
from rtl4ml.netlist.plan import Folding
from rtl4ml.ops.activation import Activation
from rtl4ml.ops.conv import Dense

LO, HI = -5, 6
OUT = Fixed(True, 3, 0)


def dense(weights: list[list[int]], bias: list[int] | None, bias_fraction: int, fraction: list[int]) -> Dense:
    """A layer whose inputs are integers from LO to HI."""
    w = np.array(weights, np.int64)
    return Dense(
        name="fc",
        inputs=(Stream.covering("x", (len(w),), LO, HI, 0),),
        weights=w[None, None],
        weight_fraction=np.array(fraction),
        bias=None if bias is None else np.array(bias),
        bias_fraction=bias_fraction,
    )


def rounded(op: Dense, shift: int) -> Graph:
    """The layer and a rounding behind it."""
    act = Activation(name="act", inputs=(op.output,), mapping=Rounding(shift, -8, 7), out=OUT, lo=-8, hi=7)
    return Graph("g", (op.x,), (op, act), (act.output,))


def test_halves_are_those_of_all_sums(rng: np.random.Generator) -> None:
    x = np.array(list(product(range(LO, HI + 1), repeat=2)))
    met = set()
    for _ in range(400):
        weights = rng.integers(-8, 9, (2, 2)) * rng.choice([1, 2, 4, 8])
        bias = rng.integers(-40, 40, 2) if rng.random() < 0.8 else None
        op = dense(
            weights.tolist(),
            None if bias is None else bias.tolist(),
            int(rng.integers(0, 6)),
            rng.integers(0, 3, 2).tolist(),
        )
        sums = op.golden(x)
        for shift in range(-1, 8):
            some = shift > 0 and bool((sums % (1 << max(shift, 1)) == 1 << max(shift - 1, 0)).any())
            said = op.halves(shift)
            assert said or not some, (weights, bias, shift)
            if shift <= 3:  # inputs have all remainders of 8, so that sums have all that they can have
                assert said == some, (weights, bias, shift)
                met.add(said)
    assert met == {True, False}
    assert not op.halves(0)
    assert op.halves(63) or op.halves(70), "no 64-bit integer holds the step: not known"


# Sums 3 + 4 n and 5 + 4 n, none of which is 4 + 8 n; the second has a channel of sums 5 + n.
NEVER = dense([[4, 8], [12, -4]], [3, 5], 0, [0, 0])
SOME = dense([[4, 8], [12, 1]], [3, 5], 0, [0, 0])


@pytest.mark.parametrize(("op", "ties"), [(NEVER, False), (SOME, True)])
def test_the_cell_is_told_by_the_layer_before(op: Dense, ties: bool) -> None:
    assert op.halves(3) is ties
    assert requant(rounded(op, 3)).params()["Ties"] == ties
    assert requant(replace(rounded(op, 3), ops=rounded(op, 3).ops[1:], inputs=(op.output,))).params()[
        "Ties"
    ], "of what comes from outside nothing is known"


def test_one_rounding_behind_two_layers_costs_what_each_makes_of_it() -> None:
    costs, act = Costs(), rounded(SOME, 3).ops[1]
    found = []
    for op in (SOME, NEVER, SOME):
        graph = Graph("g", (op.x,), (op, act), (act.output,))
        (option,) = costs.options(graph, act, Folding(2, 2, 1), ZCU102)
        found.append(option.cost.lut)
    assert found[0] == found[2] > found[1]


def requant(graph: Graph) -> Cell:
    """The cell of the rounding that ends a graph."""
    builder, op = NetlistBuilder(graph), graph.ops[-1]
    lowering_of(op).lower(builder, Folding(2, 2, 1), builder.like(op.x, "x", 2))
    return builder.cells[-1]
