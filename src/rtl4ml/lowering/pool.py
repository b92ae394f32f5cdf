# SPDX-License-Identifier: Apache-2.0
"""Lowers pools to a streaming cell where windows do not overlap, else to a window and a reduction."""

from __future__ import annotations

from collections.abc import Iterator

from rtl4ml.cells.pool import PoolCell, Reduce
from rtl4ml.lowering.builder import NetlistBuilder
from rtl4ml.lowering.registry import OperatorLowering, divisors, lowers
from rtl4ml.lowering.windows import add_taps, add_window
from rtl4ml.netlist.netlist import Wire
from rtl4ml.netlist.plan import Folding
from rtl4ml.ops.pool import Pool


@lowers(Pool)
class PoolLowering(OperatorLowering[Pool]):
    """A streaming pool, or a serial or parallel window and its reduction."""

    def foldings(self) -> Iterator[Folding]:
        """Lanes; where windows overlap or have padding, one tap a cycle or all at once (simd = pe * taps)."""
        op = self.op
        h, w, c = op.x.hwc
        for lanes in divisors(c):
            groups = c // lanes
            if op.disjoint:
                yield Folding(lanes, lanes, h * w * groups)
                continue
            yield Folding(lanes, lanes, max(op.positions * op.taps, h * w) * groups)
            yield Folding(lanes, lanes * op.taps, op.window.parallel_slots(groups))

    def input_lanes(self, folding: Folding, index: int = 0) -> int:  # noqa: ARG002 -- there is one input
        return folding.pe

    def lower(self, builder: NetlistBuilder, folding: Folding, *x: Wire) -> Wire:
        op, pe, geo = self.op, folding.pe, self.op.window
        y = builder.like(op.output, op.name, pe)
        if op.disjoint:
            w = builder.lanes(x[0], pe)
            return builder.add(
                PoolCell(
                    name=f"u_{op.name}",
                    inputs={"x": w},
                    outputs={"y": y},
                    layer=builder.layer,
                    mode=op.mode,
                    geo=geo,
                )
            )
        parallel = folding.simd == pe * op.taps
        if parallel:
            w = add_taps(builder, op.name, x[0], geo, pe, op.x.channels, pad_value=op.pad_value)
        else:
            w = builder.lanes(x[0], pe)
            w = add_window(
                builder, op.name, w, geo, op.x.channels, channel_major=True, pad_value=op.pad_value
            )
        return builder.add(
            Reduce(
                name=f"u_{op.name}",
                inputs={"x": w},
                outputs={"y": y},
                layer=builder.layer,
                mode=op.mode,
                taps=op.taps if parallel else 1,
                folds=1 if parallel else op.taps,
            )
        )
