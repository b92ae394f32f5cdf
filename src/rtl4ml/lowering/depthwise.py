# SPDX-License-Identifier: Apache-2.0
"""Depthwise convolutions to a window and a depthwise unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtl4ml.cells.dwu import Dwu
from rtl4ml.ir.weights import WeightKind
from rtl4ml.lowering.builder import Lowering
from rtl4ml.lowering.conv import in_dsp, linear_packings
from rtl4ml.lowering.windows import geometry, serial, taps
from rtl4ml.netlist.netlist import Wire
from rtl4ml.netlist.packing import Choice, Packing, fewest, in_luts

if TYPE_CHECKING:
    from rtl4ml.ops.conv import Depthwise


def dwu_packings(op: Depthwise, *, taps: int) -> list[Packing]:
    """Every way to put the products of a depthwise unit into DSP48E2: a channel's kernels share its elements."""
    if op.kind is not WeightKind.INTEGER:
        return []
    return linear_packings(op, products=taps, outputs=op.multiplier)


def lower_depthwise(n: Lowering, op: Depthwise, x: Wire, choose: Choice | None = None) -> Wire:
    """A window, serial with one tap a beat or parallel with all taps, then the depthwise unit.

    choose: as in `lower_conv`.
    """
    geo, channels = geometry(op), op.x.channels
    lanes = op.pe // op.multiplier
    parallel = op.simd == lanes * geo.taps
    if parallel and geo.taps > 1:
        w = taps(n, op.name, x, geo, lanes, channels)
    else:
        w = n.lanes(x, lanes)
        if geo.taps > 1 or op.stride != (1, 1) or op.out_hw != op.x.hwc[:2]:
            w = serial(n, op.name, w, geo, channels, channel_major=True)
    together = geo.taps if parallel else 1
    if choose is None:
        choose = fewest(op.multiplier, together) if in_dsp(op) else in_luts
    return n.add(
        Dwu(
            name=f"u_{op.name}",
            inputs={"x": w},
            outputs={"y": n.like(op.output, op.name, op.pe)},
            layer=n.layer,
            op=op,
            lanes=lanes,
            taps=together,
            packing=choose(dwu_packings(op, taps=together)),
        )
    )
