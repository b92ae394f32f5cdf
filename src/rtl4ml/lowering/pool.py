# SPDX-License-Identifier: Apache-2.0
"""Pools to cells: by streaming where windows lie apart, otherwise behind a window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtl4ml.cells.pool import PoolCell, Reduce
from rtl4ml.ir.window import Geometry
from rtl4ml.lowering.builder import Lowering
from rtl4ml.lowering.windows import serial, taps
from rtl4ml.netlist.netlist import Wire

if TYPE_CHECKING:
    from rtl4ml.ops.pool import Pool


def geometry(op: Pool) -> Geometry:
    """The window of a pool."""
    h, w, _ = op.x.hwc
    return Geometry(h, w, op.size, op.stride, (1, 1), op.padding, op.out_hw)


def lower_pool(n: Lowering, op: Pool, x: Wire) -> Wire:
    """A streaming pool, or a serial or parallel window and its reduction."""
    y = n.like(op.output, op.name, op.pe)
    if op.disjoint:
        x = n.lanes(x, op.pe)
        return n.add(PoolCell(name=f"u_{op.name}", inputs={"x": x}, outputs={"y": y}, layer=n.layer, op=op))
    geo, channels, parallel = geometry(op), op.x.channels, op.simd == op.pe * op.taps
    if parallel:
        w = taps(n, op.name, x, geo, op.pe, channels, pad_value=op.pad_value)
    else:
        w = n.lanes(x, op.pe)
        w = serial(n, op.name, w, geo, channels, channel_major=True, pad_value=op.pad_value)
    return n.add(
        Reduce(
            name=f"u_{op.name}",
            inputs={"x": w},
            outputs={"y": y},
            layer=n.layer,
            mode=op.mode,
            taps=op.taps if parallel else 1,
            folds=1 if parallel else op.taps,
        )
    )
