# SPDX-License-Identifier: Apache-2.0
"""Lowers elementwise maps to the cells of roundings, thresholds and tables."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, ClassVar

from rtl4ml.cells.activation import Requant, TableCell, Threshold
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.mappings import Rounding, Table, Thresholds
from rtl4ml.lowering.builder import NetlistBuilder
from rtl4ml.lowering.registry import OperatorLowering, lowers
from rtl4ml.netlist.netlist import Wire
from rtl4ml.netlist.plan import Folding
from rtl4ml.ops.activation import Activation


@lowers(Activation)
class ActivationLowering(OperatorLowering[Activation]):
    """The cell of the map: rounding, thresholds or a table."""

    cuts_ready: ClassVar[bool] = False

    def beyond(self, graph: Graph) -> Hashable:
        return self._ties(graph)

    def _ties(self, graph: Graph) -> bool:
        """Whether a rounding may meet a half between two results."""
        mapping, maker = self.op.mapping, graph.makers.get(self.op.x.name)
        return not isinstance(mapping, Rounding) or maker is None or maker.halves(mapping.shift)

    def lower(self, builder: NetlistBuilder, folding: Folding, *x: Wire) -> Wire:
        op, mapping = self.op, self.op.mapping
        ends: dict[str, Any] = {
            "name": f"u_{op.name}",
            "inputs": {"x": builder.lanes(x[0], folding.pe)},
            "outputs": {"y": builder.like(op.output, op.name, folding.pe)},
            "layer": op.name,
        }
        if isinstance(mapping, Rounding):
            return builder.add(Requant(**ends, mapping=mapping, ties=self._ties(builder.graph)))
        if isinstance(mapping, Thresholds):
            return builder.add(Threshold(**ends, mapping=mapping))
        assert isinstance(mapping, Table)
        return builder.add(TableCell(**ends, mapping=mapping))
