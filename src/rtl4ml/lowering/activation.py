# SPDX-License-Identifier: Apache-2.0
"""Elementwise maps to the cell that does them."""

from __future__ import annotations

from rtl4ml.cells.activation import Requant
from rtl4ml.ir.mappings import Rounding, Table, Thresholds
from rtl4ml.netlist.netlist import Cell, Wire
from rtl4ml.ops.activation import Activation


def activation_cell(op: Activation, x: Wire, y: Wire) -> Cell:
    """The cell that does an elementwise map."""
    if isinstance(op.mapping, Rounding):
        return Requant(
            name=f"u_{op.name}", inputs={"x": x}, outputs={"y": y}, layer=op.name, mapping=op.mapping
        )
    from rtl4ml.cells.activation import TableCell, Threshold

    if isinstance(op.mapping, Thresholds):
        return Threshold(
            name=f"u_{op.name}", inputs={"x": x}, outputs={"y": y}, layer=op.name, mapping=op.mapping
        )
    assert isinstance(op.mapping, Table)
    return TableCell(
        name=f"u_{op.name}", inputs={"x": x}, outputs={"y": y}, layer=op.name, mapping=op.mapping
    )
