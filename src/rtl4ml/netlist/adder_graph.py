# SPDX-License-Identifier: Apache-2.0
"""Constant matrix products as graphs of adders, which da4ml finds.

The graph is kept as integers and proven equal to the matrix by pushing the matrix's own basis through it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rtl4ml.ir.types import Fixed, Ints

# Adders that an output may lie deeper than the least depth at which its terms can be added: da4ml's `hard_dc`. Without
# a limit a product of 16 inputs with 64 outputs (4 bits, random) is 18 adders deep; with this one 6, of 0.5 % more bits
# of adders; with none deeper 5, of 4 % more.
DEEPER = 1


@dataclass(frozen=True)
class Node:
    """An integer of the graph: an input, (a << a_shift) +- (b << b_shift), or constant +- (a << a_shift).

    a, b:   indices of earlier nodes (a of an input: the input's number; b is None for inputs and constants)
    lo, hi: range of the integer
    level:  adders on the longest path from an input

    4 * x0 + x1 of inputs from 0 to 15: Node(a=0, a_shift=2, b=1, lo=0, hi=75, level=1).
    """

    a: int
    a_shift: int = 0
    b: int | None = None
    b_shift: int = 0
    subtract: bool = False
    constant: int | None = None
    lo: int = 0
    hi: int = 0
    level: int = 0

    @property
    def type(self) -> Fixed:
        """The narrowest integer type that holds the node."""
        return Fixed.covering(self.lo, self.hi, 0)


@dataclass(frozen=True)
class AdderGraph:
    """Nodes in topological order, the first `inputs` of them inputs.

    outputs: index of a node and left shift, or a constant

    AdderGraph(2, (x0, x1, Node(a=0, a_shift=2, b=1, ...)), ((2, 1), 7)) has one adder; it gives 2 * (4 * x0 + x1) and
    7: of x0 = 1 and x1 = 2 the integers 12 and 7.
    """

    inputs: int
    nodes: tuple[Node, ...]
    outputs: tuple[tuple[int, int] | int, ...]

    @property
    def adders(self) -> int:
        return len(self.nodes) - self.inputs

    def __call__(self, x: Ints) -> Ints:
        """(N, inputs) to (N, outputs)."""
        v: list[Ints] = []
        for i, n in enumerate(self.nodes):
            if i < self.inputs:
                v.append(x[:, i])
                continue
            a = v[n.a] << n.a_shift
            if n.constant is not None:
                v.append(n.constant - a if n.subtract else n.constant + a)
            else:
                assert n.b is not None
                b = v[n.b] << n.b_shift
                v.append(a - b if n.subtract else a + b)
        columns = [np.full(len(x), o) if isinstance(o, int) else v[o[0]] << o[1] for o in self.outputs]
        return np.stack(columns, axis=1)


class GraphOfAdders:
    """Adds nodes to a graph; a value is (node, exponent, sign): sign * node * 2**exponent."""

    def __init__(self, inputs: int, lo: int, hi: int) -> None:
        self.nodes = [Node(a=i, lo=lo, hi=hi) for i in range(inputs)]
        self.inputs = inputs

    def add(self, x: tuple[int, int, int], y: tuple[int, int, int]) -> tuple[int, int, int]:
        if x[2] < 0 < y[2]:
            x, y = y, x
        sign = x[2]  # both negative: minus the sum
        subtract = x[2] != y[2]
        e = min(x[1], y[1])
        n, m = self.nodes[x[0]], self.nodes[y[0]]
        sx, sy = x[1] - e, y[1] - e
        lo, hi = (m.lo << sy, m.hi << sy)
        if subtract:
            lo, hi = -hi, -lo
        self.nodes.append(
            Node(
                a=x[0],
                a_shift=sx,
                b=y[0],
                b_shift=sy,
                subtract=subtract,
                lo=(n.lo << sx) + lo,
                hi=(n.hi << sx) + hi,
                level=max(n.level, m.level) + 1,
            )
        )
        return len(self.nodes) - 1, e, sign

    def plain(self, x: tuple[int, int, int], constant: int) -> tuple[int, int]:
        """(node, left shift) of the value plus a constant; adds a node to negate it or add a constant.

        Raises ValueError for a negative exponent.
        """
        node, e, sign = x
        n = self.nodes[node]
        if e < 0:
            raise ValueError(f"adder graph: output exponent must not be negative, not {e}")
        if sign > 0 and constant == 0:
            return node, e
        if sign > 0:
            # Only the bits above the shift differ where the constant is a multiple of it.
            low = min(e, (constant & -constant).bit_length() - 1)
            lo, hi = (n.lo << (e - low)) + (constant >> low), (n.hi << (e - low)) + (constant >> low)
            self.nodes.append(
                Node(a=node, a_shift=e - low, constant=constant >> low, lo=lo, hi=hi, level=n.level + 1)
            )
            return len(self.nodes) - 1, low
        # constant - value: a subtraction from a constant.
        lo, hi = constant - (n.hi << e), constant - (n.lo << e)
        self.nodes.append(
            Node(a=node, a_shift=e, subtract=True, constant=constant, lo=lo, hi=hi, level=n.level + 1)
        )
        return len(self.nodes) - 1, 0


def adder_graph(matrix: Ints, bias: Ints, lo: int, hi: int) -> AdderGraph:
    """The graph of x @ matrix + bias for integers x in [lo, hi]; matrix (inputs, outputs).

    Raises ValueError if the graph that da4ml found is not the matrix (it is checked on the matrix's basis).
    """
    from da4ml.cmvm import solve

    # da4ml drops an input whose range is a single number; the graph must keep it, so its range gets a second one.
    found = solve(
        matrix.astype(np.float32),
        hard_dc=DEEPER,
        qintervals=[(float(lo), float(max(hi, lo + 1)), 1.0)] * len(matrix),
    )
    b = GraphOfAdders(len(matrix), lo, hi)
    values: list[tuple[int, int, int] | None] = [(i, 0, 1) for i in range(len(matrix))]
    for stage in found.solutions:
        local: list[tuple[int, int, int] | None] = []
        for op in stage.ops:
            if op.opcode == -1:
                v = values[op.id0]
                local.append(None if v is None else (v[0], v[1] + int(stage.inp_shifts[op.id0]), v[2]))
                continue
            if op.opcode not in (0, 1):
                raise ValueError(f"adder graph: an operation must be an addition or subtraction, not {op}")
            x, y = local[op.id0], local[op.id1]
            if y is not None:
                y = (y[0], y[1] + op.data, -y[2] if op.opcode == 1 else y[2])
            local.append(b.add(x, y) if x is not None and y is not None else x if y is None else y)
        values = []
        for idx, shift, neg in zip(stage.out_idxs, stage.out_shifts, stage.out_negs, strict=True):
            v = None if idx < 0 else local[idx]
            values.append(None if v is None else (v[0], v[1] + int(shift), -v[2] if neg else v[2]))
    outputs = [c if v is None else b.plain(v, c) for v, c in zip(values, bias.tolist(), strict=True)]
    graph = AdderGraph(len(matrix), tuple(b.nodes), tuple(outputs))
    basis = np.vstack([np.zeros((1, len(matrix)), np.int64), np.eye(len(matrix), dtype=np.int64)])
    if not np.array_equal(graph(basis), basis @ matrix + bias):
        raise ValueError("adder graph: it does not compute the matrix")
    return graph
