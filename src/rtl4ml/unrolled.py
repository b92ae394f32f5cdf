"""Layers unrolled to one position a cycle: constant matrix products as da4ml's graphs of adders, no multiplier.

da4ml finds the graph (its `solve`); the graph is kept here as integers, proven equal to the matrix by pushing the
matrix's own basis through it, and emitted as instances of `r4_addsub` with registers every few adders.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from rtl4ml.cells import LibraryCell, geometry, serial, taps
from rtl4ml.ir import Fixed, Ints
from rtl4ml.netlist import Lowering, Param, Timing, Wire
from rtl4ml.ops.conv import Linear

# Adders between two registers: three short carry chains fit 4 ns on UltraScale+ by the data sheet's LUT and carry
# delays (DS925); an estimate, as no place and route was run.
LEVELS_PER_STAGE = 3


@dataclass(frozen=True)
class Node:
    """An integer of the graph: an input, (a << a_shift) +- (b << b_shift), or constant +- (a << a_shift).

    a, b: indices of earlier nodes (a of an input: the input's number; b is None for inputs and constants).
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
    """Nodes in topological order, the first `inputs` of them inputs; outputs are shifted nodes, or constants."""

    inputs: int
    nodes: tuple[Node, ...]
    outputs: tuple[tuple[int, int] | int, ...]  # node and left shift, or a constant

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


class _Builder:
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
        """(node, left shift) of the value plus a constant; negation and negative exponents are made good."""
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

    # da4ml leaves out an input that is always the same; the sums want it.
    found = solve(
        matrix.astype(np.float32), qintervals=[(float(lo), float(max(hi, lo + 1)), 1.0)] * len(matrix)
    )
    b = _Builder(len(matrix), lo, hi)
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


@dataclass(frozen=True, kw_only=True, eq=False)
class Adders(LibraryCell):
    """A constant matrix product by adders; its module is generated from the graph."""

    generated: ClassVar[bool] = True

    op: Linear
    graph: AdderGraph

    @property
    def module(self) -> str:  # type: ignore[override]  # a module for each cell, so of a name as unique as the cell's
        return f"{self.name.removeprefix('u_')}_adders"

    def params(self) -> dict[str, Param]:
        return {}

    @property
    def multipliers(self) -> int:
        """Products that the adders stand for."""
        return int(self.op._taps.size)

    @cached_property
    def stage(self) -> list[int]:
        """The pipeline stage that makes each node; stage s reads registers of stage s - 1."""
        return [max(0, (n.level - 1) // LEVELS_PER_STAGE) for n in self.graph.nodes]

    @property
    def stages(self) -> int:
        return max(self.stage) + 1

    def timing(self) -> Timing:
        return Timing.passing(self.x.beats, self.stages)

    @cached_property
    def life(self) -> list[int]:
        """The last stage in which each node is read (outputs: the last stage's register)."""
        last = list(self.stage)
        for i, n in enumerate(self.graph.nodes[self.graph.inputs :], self.graph.inputs):
            for src in (n.a, n.b):
                if src is not None:
                    last[src] = max(last[src], self.stage[i])
        for o in self.graph.outputs:
            if not isinstance(o, int):
                last[o[0]] = self.stages
        return last

    def text(self) -> str:
        """The module: adders, and registers where a node is read behind a stage's end."""
        g, bits, acc = self.graph, self.x.bits, self.y.bits
        body: list[str] = []
        for i, n in enumerate(g.nodes):
            w = n.type.width
            if i < g.inputs:
                body += [
                    f"  logic [{bits - 1}:0] n{i}_s0;",
                    f"  assign n{i}_s0 = x_data_i[{i * bits} +: {bits}];",
                ]
            else:
                s = self.stage[i]
                body.append(f"  logic [{w - 1}:0] n{i}_s{s};")
                a = g.nodes[n.a]
                pins = f".a_i(n{n.a}_s{s}), "
                if n.constant is None:
                    assert n.b is not None
                    b = g.nodes[n.b]
                    params = (
                        f".BWidth({self._width(n.b)}), .BSigned({int(b.type.signed)}), .BShift({n.b_shift}), "
                        f".Subtract({int(n.subtract)}), "
                    )
                    pins += f".b_i(n{n.b}_s{s}), "
                else:
                    c = Fixed.covering(min(n.constant, 0), max(n.constant, 0), 0)
                    params = (
                        f".BWidth({c.width}), .BSigned({int(c.signed)}), .Subtract({2 * int(n.subtract)}), "
                    )
                    pins += f".b_i({c.width}'h{n.constant & ((1 << c.width) - 1):x}), "
                body.append(
                    f"  r4_addsub #(.AWidth({self._width(n.a)}), .ASigned({int(a.type.signed)}), .AShift({n.a_shift}), "
                    f"{params}.YWidth({w})) u_n{i} ({pins}.y_o(n{i}_s{s}));"
                )
            w = self._width(i)
            for s in range(self.stage[i] + 1, self.life[i] + 1):
                body.append(f"  logic [{w - 1}:0] n{i}_s{s};")
                body.append(
                    f"  r4_delay #(.Width({w}), .Depth(1)) u_n{i}_s{s} "
                    f"(.clk_i, .step_i(en), .x_i(n{i}_s{s - 1}), .y_o(n{i}_s{s}));"
                )
        for k, o in enumerate(g.outputs):
            at = f"y_data_o[{k * acc} +: {acc}]"
            if isinstance(o, int):
                body.append(f"  assign {at} = {acc}'h{o & ((1 << acc) - 1):x};")
            else:
                node = f"n{o[0]}_s{self.stages}"
                cast = f"signed'({node})" if g.nodes[o[0]].type.signed else f"signed'({{1'b0, {node}}})"
                body.append(f"  assign {at} = {acc}'({cast}) << {o[1]};")
        from rtl4ml import __version__

        return "\n".join(
            [
                f"// Generated by rtl4ml {__version__}. Do not edit.",
                "//",
                f"// {self.op.name}: {g.inputs} x {bits} bit against a constant matrix, {len(g.outputs)} sums of "
                f"{acc} bit,",
                f"// by {g.adders} adders (graph found by da4ml).  Latency: {self.stages}.  Throughput: 1 beat/cycle.",
                "",
                f"module {self.module} (",
                "  input  logic clk_i,",
                "  input  logic rst_ni,",
                "  input  logic x_valid_i,",
                "  output logic x_ready_o,",
                f"  input  logic [{self.x.width - 1}:0] x_data_i,",
                "  output logic y_valid_o,",
                "  input  logic y_ready_i,",
                f"  output logic [{self.y.width - 1}:0] y_data_o",
                ");",
                "",
                "  logic en;",
                f"  r4_pipe #(.Stages({self.stages})) u_pipe (",
                "    .clk_i, .rst_ni, .x_valid_i, .x_ready_o, .y_valid_o, .y_ready_i, .en_o(en)",
                "  );",
                "",
                *body,
                "",
                "endmodule",
                "",
            ]
        )

    def _width(self, node: int) -> int:
        return self.x.bits if node < self.graph.inputs else self.graph.nodes[node].type.width


def lower_unrolled(n: Lowering, op: Linear, x: Wire) -> Wire:
    """Parallel window and adder graph: one output position a cycle."""
    geo = geometry(op)
    channels = op.x.channels
    w = taps(n, op.name, x, geo, channels, channels) if geo.taps > 1 else n.lanes(x, channels)
    if geo.taps == 1 and op.out_hw != op.x.hwc[:2]:  # of a pixel a window still picks those that count
        w = serial(n, op.name, w, geo, channels)
    y = n.like(op.output, op.name, op.out_channels)
    matrix = op._taps << op.shift
    graph = adder_graph(matrix, op.aligned_bias, min(op.x.lo, 0), max(op.x.hi, 0))
    return n.add(
        Adders(name=f"u_{op.name}", inputs={"x": w}, outputs={"y": y}, layer=n.layer, op=op, graph=graph)
    )
