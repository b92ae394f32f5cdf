# SPDX-License-Identifier: Apache-2.0
"""Lowers depthwise convolutions to a window and a depthwise unit."""

from __future__ import annotations

from collections.abc import Iterator

from rtl4ml.cells.dwu import Dwu
from rtl4ml.ir.weights import WeightKind
from rtl4ml.lowering.builder import NetlistBuilder
from rtl4ml.lowering.products import in_dsp, linear_packings
from rtl4ml.lowering.registry import OperatorLowering, divisors, lowers
from rtl4ml.lowering.windows import add_taps, add_window
from rtl4ml.netlist.netlist import Wire
from rtl4ml.netlist.packing import WORD, Packing, fewest, in_luts
from rtl4ml.netlist.plan import Folding
from rtl4ml.ops.conv import Depthwise


@lowers(Depthwise)
class DepthwiseLowering(OperatorLowering[Depthwise]):
    """A window, serial with one tap a beat or parallel with all taps, then the depthwise unit."""

    def foldings(self) -> Iterator[Folding]:
        op = self.op
        taps, c = op.window.taps, op.x.channels
        for lanes in divisors(c):
            for t in sorted({1, taps}):
                interval = max(op.positions * (taps // t), op.x.pixels) * (c // lanes)
                if t == taps and taps > 1:
                    interval = max(interval, op.window.parallel_slots(c // lanes))
                pe = lanes * op.multiplier
                yield Folding(pe, lanes * t, interval, pe * t if op.kind is WeightKind.INTEGER else 0)

    @property
    def narrowest(self) -> Folding:
        """One channel a cycle, with all its kernels."""
        return Folding(pe=self.op.multiplier)

    def input_lanes(self, folding: Folding, index: int = 0) -> int:  # noqa: ARG002 -- there is one input
        return folding.pe // self.op.multiplier

    def reuse(self, folding: Folding) -> int:
        lanes = self.input_lanes(folding)
        return self.op.window.taps * lanes // folding.simd * (self.op.x.channels // lanes)

    def packings(self, folding: Folding, pump: int = 1, word: int = WORD) -> list[Packing]:
        """Packings of the products of one channel: all its kernels read the same elements."""
        if self.op.kind is not WeightKind.INTEGER:
            return []
        taps = folding.simd * self.op.multiplier // folding.pe
        return linear_packings(self.op, products=taps, outputs=self.op.multiplier, pump=pump, word=word)

    def lower(self, builder: NetlistBuilder, folding: Folding, *x: Wire) -> Wire:
        op, geo, channels = self.op, self.op.window, self.op.x.channels
        lanes = folding.pe // op.multiplier
        parallel = folding.simd == lanes * geo.taps
        if parallel and geo.taps > 1:
            w = add_taps(builder, op.name, x[0], geo, lanes, channels)
        else:
            w = builder.lanes(x[0], lanes)
            if geo.taps > 1 or op.stride != (1, 1) or op.out_hw != op.x.hwc[:2]:
                w = add_window(builder, op.name, w, geo, channels, channel_major=True)
        together = geo.taps if parallel else 1
        packing = folding.packing
        if packing == "auto":
            choose = fewest(op.multiplier, together) if in_dsp(op) else in_luts
            packing = choose(self.packings(folding, builder.device.pump, builder.device.dsp_word))
        return builder.add(
            Dwu(
                name=f"u_{op.name}",
                inputs={"x": w},
                outputs={"y": builder.like(op.output, op.name, folding.pe)},
                layer=builder.layer,
                weights=op.constants,
                multiplier=op.multiplier,
                channels=channels,
                window=geo.taps,
                lanes=lanes,
                taps=together,
                packing=packing,
            )
        )
