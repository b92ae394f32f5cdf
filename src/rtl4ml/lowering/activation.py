# SPDX-License-Identifier: Apache-2.0
"""Elementwise maps to the cell that does them."""

from __future__ import annotations

from typing import Any, ClassVar

from rtl4ml.cells.activation import Requant, TableCell, Threshold
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

    def lower(self, n: NetlistBuilder, folding: Folding, *x: Wire) -> Wire:
        op, mapping = self.op, self.op.mapping
        ends: dict[str, Any] = {
            "name": f"u_{op.name}",
            "inputs": {"x": n.lanes(x[0], folding.pe)},
            "outputs": {"y": n.like(op.output, op.name, folding.pe)},
            "layer": op.name,
        }
        if isinstance(mapping, Rounding):
            return n.add(Requant(**ends, mapping=mapping))
        if isinstance(mapping, Thresholds):
            return n.add(Threshold(**ends, mapping=mapping))
        assert isinstance(mapping, Table)
        return n.add(TableCell(**ends, mapping=mapping))
