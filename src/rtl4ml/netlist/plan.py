# SPDX-License-Identifier: Apache-2.0
"""The plan of a design: a graph and the foldings of its operators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from rtl4ml.device import ZCU102, Device
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.op import Op
from rtl4ml.netlist.packing import Packing


@dataclass(frozen=True)
class Folding:
    """The parallelism of an operator's hardware.

    pe:          elements of an output beat
    simd:        products of each output element in a cycle; of operators without products, elements of an input beat
    interval:    cycles a sample
    multipliers: products that multipliers make in a cycle
    style:       "unrolled": a graph of adders for the whole matrix; "": products and sums
    packing:     how integer products are packed into DSP48E2; None: LUTs; "auto": the lowering chooses

    A dense layer of 64 inputs and 16 outputs with pe=4 and simd=8 makes 32 products a cycle: 64 / 8 = 8 cycles for
    each group of 4 outputs, 8 * 16 / 4 = 32 cycles a sample.
    """

    pe: int = 1
    simd: int = 1
    interval: int = 0
    multipliers: int = 0
    style: str = ""
    packing: Packing | Literal["auto"] | None = "auto"


@dataclass(frozen=True, eq=False)
class Plan:
    """A graph, the foldings of its operators by operator name, and the device that they were chosen for.

    shares: the greatest share of a resource that the design may take, by its name; all of those that it does not name

    Plan(graph, {"conv": Folding(pe=4, simd=9), "relu": Folding(pe=4)}) has plan[op].pe == 4 for both operators.
    """

    graph: Graph
    foldings: Mapping[str, Folding]
    device: Device = ZCU102
    shares: Mapping[str, float] = field(default_factory=dict)

    def __getitem__(self, op: Op) -> Folding:
        return self.foldings[op.name]

    def resized(self, rows: int, columns: int) -> Plan | None:
        """The same foldings for smaller frames; None where `Graph.resized` gives None."""
        graph = self.graph.resized(rows, columns)
        return None if graph is None else replace(self, graph=graph)
