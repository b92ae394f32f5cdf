# SPDX-License-Identifier: Apache-2.0
"""The depthwise unit r4_dwu."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from rtl4ml.cells.library import LibraryCell
from rtl4ml.cells.mvu import (
    adder_params,
    coded,
    dsp_params,
    late_cycles,
    late_params,
    lut_latency,
    second_clock,
)
from rtl4ml.ir.types import Fixed, Ints
from rtl4ml.ir.weights import ConstantWeights, WeightKind
from rtl4ml.netlist.images import Image
from rtl4ml.netlist.memories import is_block
from rtl4ml.netlist.netlist import FreeRunning, Param, Timing
from rtl4ml.netlist.packing import Packing


@dataclass(frozen=True, kw_only=True, eq=False)
class Dwu(FreeRunning, LibraryCell):
    """Depthwise unit: `lanes` channels and `taps` taps of a window in a beat.

    multiplier: output channels of an input channel
    window:     taps of a window
    packing:    how integer products are packed into DSP48E2; None: LUTs
    block:      whether weights stand in block RAM; None: where they take the smaller share of the device

    A 3 x 3 kernel on 16 channels with lanes=4 and taps=3 makes 12 products a cycle: 3 beats for each of 4 groups of
    channels, 12 beats a position.
    """

    module: ClassVar[str] = "r4_dwu"

    weights: ConstantWeights
    multiplier: int
    channels: int
    window: int
    lanes: int
    taps: int
    packing: Packing | None = None
    block: bool | None = None

    @property
    def dsps(self) -> int:
        """DSP48E2 that it takes."""
        return self.lanes * self.packing.slices(self.multiplier, self.taps) if self.packing else 0

    @property
    def folds(self) -> int:
        """Beats of a window of one group of channels."""
        return self.window // self.taps

    @property
    def groups(self) -> int:
        return self.channels // self.lanes

    @property
    def multipliers(self) -> int:
        return self.y.lanes * self.taps

    def _chunks(self, w: Ints) -> Ints:
        """(taps, channels out) to (tap folds, taps of a beat, channels out)."""
        return w.reshape(self.folds, self.taps, -1)

    @cached_property
    def widths(self) -> tuple[int, int]:
        """Bits that hold every product, and every sum of the products of a beat."""
        w, x = self.weights.matrix, self.weights
        ends = np.stack([w * x.lo, w * x.hi, w * 0])
        lo, hi = ends.min(0), ends.max(0)
        # A product by -1 or 1 is made from the element itself, so it needs the element's bits.
        if self.weights.kind in (WeightKind.BINARY, WeightKind.TERNARY):
            lo, hi = np.minimum(lo, x.lo), np.maximum(hi, x.hi)
        product = Fixed.covering(min(int(lo.min()), -1), int(hi.max()), 0).width
        total_lo, total_hi = self._chunks(lo).sum(1), self._chunks(hi).sum(1)
        total = Fixed.covering(min(int(total_lo.min()), -1), int(total_hi.max()), 0).width
        return product, max(product, total)

    def connections(self) -> list[tuple[str, str]]:
        return [second_clock(self.packing), *super().connections()]

    def params(self) -> dict[str, Param]:
        codes, bits = coded(self.weights)
        # (tap folds, taps, groups, outputs of a group) -> words [group, tap fold] of [output, tap]
        order = self._chunks(codes).reshape(self.folds, self.taps, self.groups, -1).transpose(2, 0, 3, 1)
        words = order.reshape(self.groups * self.folds, -1)
        if self.packing:
            words = self.packing.words(words, self.y.lanes, bits)
        product, total = self.widths
        p: dict[str, Param] = {
            "Lanes": self.lanes,
            "Multiplier": self.multiplier,
            "Groups": self.groups,
            "Taps": self.taps,
            "TapFolds": self.folds,
            "XWidth": self.x.bits,
            "XSigned": int(self.x.signed),
            "WeightWidth": bits,
            "WeightKind": int(self.weights.kind),
            "ProdWidth": product,
            "SumWidth": total,
            "AccWidth": self.y.bits,
            "HasBias": int(self.weights.bias is not None),
            "Block": int(
                is_block(len(words), words.shape[1] * bits, self.device) if self.block is None else self.block
            ),
            "WeightFile": Image.pack(words, bits),
            **dsp_params(self.packing),
            **self.flow_params(),
            **adder_params(self.device),
            **late_params(self.device, self.weights.kind, self.packing, len(words)),
        }
        if self.weights.bias is not None:
            p["BiasFile"] = Image.pack(self.weights.bias.reshape(self.groups, -1), self.y.bits)
        if self.weights.shift.any():
            bits = int(self.weights.shift.max()).bit_length()
            p["ShiftWidth"] = bits
            p["ShiftFile"] = Image.pack(self.weights.shift.reshape(self.groups, -1), bits)
        return p

    @property
    def latency(self) -> int:
        late = late_cycles(self.device, self.weights.kind, self.packing, self.groups * self.folds)
        if self.packing:
            return 1 + late + self.packing.latency(self.taps, self.device.adder_inputs)
        if self.weights.kind is WeightKind.INTEGER:
            return 2 + late + lut_latency(self.weights.type.width, self.taps, self.device)
        return 3 + (self.taps - 1).bit_length()

    @property
    def ratio(self) -> int:
        return self.folds

    def timing(self) -> Timing:
        need = np.arange(self.x.beats) + 1
        emit = np.arange(self.y.beats) * self.folds + self.folds - 1
        return Timing(self.x.beats, (need,), (emit,), self.latency)
