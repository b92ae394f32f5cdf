# SPDX-License-Identifier: Apache-2.0
"""Lowers convolutions and dense layers to a window and a matrix-vector unit or an adder graph."""

from __future__ import annotations

from collections.abc import Iterator

from rtl4ml.cells.adders import Adders
from rtl4ml.cells.mvu import Mvu
from rtl4ml.ir.weights import WeightKind
from rtl4ml.lowering.builder import NetlistBuilder
from rtl4ml.lowering.products import in_dsp, linear_packings
from rtl4ml.lowering.registry import OperatorLowering, divisors, lowers
from rtl4ml.lowering.windows import add_taps, add_window
from rtl4ml.netlist.adder_graph import adder_graph
from rtl4ml.netlist.netlist import Wire
from rtl4ml.netlist.packing import WORD, Packing, fewest, in_luts
from rtl4ml.netlist.plan import Folding
from rtl4ml.ops.conv import Conv


@lowers(Conv)
class ConvLowering(OperatorLowering[Conv]):
    """A window and a matrix-vector unit; or, unrolled, a window and a graph of adders."""

    def foldings(self) -> Iterator[Folding]:
        op = self.op
        dot, cin, cout = len(op.matrix), op.x.channels, op.out_channels
        simds = divisors(dot) if op.kernel == (1, 1) else sorted({*divisors(cin), dot})
        for simd in simds:
            for pe in divisors(cout):
                interval = max(op.positions * (dot // simd) * (cout // pe), op.x.elements // simd)
                if simd == dot and op.kernel != (1, 1):
                    interval = max(interval, op.window.parallel_slots(1))
                whole = simd == dot and pe == cout
                yield Folding(
                    pe, simd, interval, 0 if whole else pe * simd, style="unrolled" if whole else ""
                )

    def input_lanes(self, folding: Folding, index: int = 0) -> int:  # noqa: ARG002 -- there is one input
        """All channels where whole windows are read at once."""
        op = self.op
        parallel = op.window.taps > 1 and folding.simd == len(op.matrix)
        return op.x.channels if folding.style == "unrolled" or parallel else folding.simd

    def reuse(self, folding: Folding) -> int:
        return len(self.op.matrix) // folding.simd * (self.op.out_channels // folding.pe)

    def packings(self, folding: Folding, pump: int = 1, word: int = WORD) -> list[Packing]:
        if folding.style == "unrolled" or self.op.kind is not WeightKind.INTEGER:
            return []
        return linear_packings(self.op, products=folding.simd, outputs=folding.pe, pump=pump, word=word)

    def lower(self, builder: NetlistBuilder, folding: Folding, *x: Wire) -> Wire:
        if folding.style == "unrolled":
            return self._unrolled(builder, x[0])
        op, geo, simd, pe = self.op, self.op.window, folding.simd, folding.pe
        dot, cout, cin = len(op.matrix), op.out_channels, op.x.channels
        if simd == dot and geo.taps > 1:
            w = add_taps(builder, op.name, x[0], geo, cin, cin)
        else:
            w = builder.lanes(x[0], simd)
            if geo.taps > 1 or (cout // pe > 1 and dot // simd > 1) or op.stride != (1, 1):
                w = add_window(builder, op.name, w, geo, cin, replays=cout // pe if dot // simd > 1 else 1)
        packing = folding.packing
        if packing == "auto":
            choose = fewest(pe, simd) if in_dsp(op) else in_luts
            packing = choose(self.packings(folding, builder.device.pump, builder.device.dsp_word))
        return builder.add(
            Mvu(
                name=f"u_{op.name}",
                inputs={"x": w},
                outputs={"y": builder.like(op.output, op.name, pe)},
                layer=builder.layer,
                weights=op.constants,
                positions=op.positions,
                simd=simd,
                pe=pe,
                packing=packing,
            )
        )

    def _unrolled(self, builder: NetlistBuilder, x: Wire) -> Wire:
        """Parallel window and adder graph: one output position a cycle, no multiplier."""
        op, geo, channels = self.op, self.op.window, self.op.x.channels
        if geo.taps > 1:
            w = add_taps(builder, op.name, x, geo, channels, channels)
        else:
            w = builder.lanes(x, channels)
            # A 1 x 1 kernel needs a window where its output has other positions than its input, as with a stride.
            if op.out_hw != op.x.hwc[:2]:
                w = add_window(builder, op.name, w, geo, channels)
        y = builder.like(op.output, op.name, op.out_channels)
        graph = adder_graph(op.matrix << op.shift, op.aligned_bias, min(op.x.lo, 0), max(op.x.hi, 0))
        return builder.add(
            Adders(
                name=f"u_{op.name}", inputs={"x": w}, outputs={"y": y}, layer=builder.layer,
                operator=op.name, products=op.matrix.size, graph=graph,
            )
        )  # fmt: skip
