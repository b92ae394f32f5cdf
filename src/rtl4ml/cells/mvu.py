# SPDX-License-Identifier: Apache-2.0
"""The matrix-vector unit r4_mvu."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from rtl4ml.cells.library import LibraryCell
from rtl4ml.device import ADDER_INPUTS, ROW_ADDERS, ROW_ELEMENTS, Device
from rtl4ml.ir.types import Fixed, Ints
from rtl4ml.ir.weights import ConstantWeights, WeightKind
from rtl4ml.netlist.images import Image
from rtl4ml.netlist.memories import is_block
from rtl4ml.netlist.netlist import CLOCK2X, FreeRunning, Param, Timing
from rtl4ml.netlist.packing import Packing, tree_levels


def coded(weights: ConstantWeights) -> tuple[Ints, int]:
    """Codes of the matrix's weights as r4_product reads them, and their width in bits.

    An integer or ternary weight is its own code; a binary one is 1 where it is negative; a power of two is its exponent
    plus 1, or 0 for a zero, with the sign above. So -4 among powers of two up to 8 is 0b1011.
    """
    w = weights.matrix
    if weights.kind is WeightKind.BINARY:
        return (w < 0).astype(np.int64), 1
    if weights.kind is WeightKind.TERNARY:
        return w, 2
    if weights.kind is WeightKind.POWER_OF_TWO:
        exponent = np.zeros_like(w)
        nonzero = w != 0
        exponent[nonzero] = np.log2(np.abs(w[nonzero])).astype(np.int64) + 1
        bits = int(exponent.max()).bit_length()
        return exponent | ((w < 0).astype(np.int64) << bits), bits + 1
    return w, weights.type.width


@dataclass(frozen=True, kw_only=True, eq=False)
class Mvu(FreeRunning, LibraryCell):
    """Matrix-vector unit: `pe` dot products of `simd` products in a cycle.

    positions: output positions a frame
    packing:   how integer products are packed into DSP48E2; None: LUTs
    block:     whether weights stand in block RAM; None: where they take the smaller share of the device

    A matrix of 64 products and 16 outputs with simd=8 and pe=4 takes 64 / 8 = 8 cycles for each of 16 / 4 = 4 groups of
    outputs, 32 cycles a position.
    """

    module: ClassVar[str] = "r4_mvu"

    weights: ConstantWeights
    positions: int
    simd: int
    pe: int
    packing: Packing | None = None
    block: bool | None = None

    @property
    def matrix(self) -> Ints:
        """(products of an output, outputs) weights."""
        return self.weights.matrix

    @property
    def dsps(self) -> int:
        """DSP48E2 that it takes."""
        return self.packing.slices(self.pe, self.simd) if self.packing else 0

    @property
    def simd_folds(self) -> int:
        return len(self.matrix) // self.simd

    @property
    def pe_folds(self) -> int:
        return int(self.matrix.shape[1]) // self.pe

    @cached_property
    def widths(self) -> tuple[int, int, int]:
        """Bits that hold every product, every sum of `simd` products, every accumulator."""
        x, low, high = self.weights, *self.weights.reach(1)  # range of a product, 0 included
        prod = Fixed.covering(min(low, x.lo, -1), max(high, x.hi), 0).width
        least, most = self.weights.reach(self.simd)
        total = Fixed.covering(min(least, -1), most, 0).width
        return prod, max(prod, total) if self.simd > 1 else prod, self.y.bits

    def connections(self) -> list[tuple[str, str]]:
        return [second_clock(self.packing), *super().connections()]

    def params(self) -> dict[str, Param]:
        codes, bits = coded(self.weights)
        # (dot, cout) -> words [pe fold, simd fold] of [pe, simd]
        split = codes.reshape(self.simd_folds, self.simd, self.pe_folds, self.pe).transpose(2, 0, 3, 1)
        words = split.reshape(self.pe_folds * self.simd_folds, self.pe * self.simd)
        if self.packing:
            words = self.packing.words(words, self.pe, bits)
        prod, total, acc = self.widths
        p: dict[str, Param] = {
            "Simd": self.simd,
            "Pe": self.pe,
            "SimdFolds": self.simd_folds,
            "PeFolds": self.pe_folds,
            "XWidth": self.x.bits,
            "XSigned": int(self.x.signed),
            "WeightWidth": bits,
            "WeightKind": int(self.weights.kind),
            "ProdWidth": prod,
            "SumWidth": total,
            "AccWidth": acc,
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
            p["BiasFile"] = Image.pack(self.weights.bias.reshape(self.pe_folds, self.pe), acc)
        align = int(self.weights.shift.min())
        own = self.weights.shift - align
        if align:
            p["Align"] = align
        if own.any():
            bits = int(own.max()).bit_length()
            p["ShiftWidth"] = bits
            p["ShiftFile"] = Image.pack(own.reshape(self.pe_folds, self.pe), bits)
        return p

    @property
    def multipliers(self) -> int:
        return self.pe * self.simd

    @property
    def slots(self) -> int:
        return self.positions * self.simd_folds * self.pe_folds

    @property
    def latency(self) -> int:
        late = late_cycles(self.device, self.weights.kind, self.packing, self.simd_folds * self.pe_folds)
        if self.packing:
            return 1 + late + self.packing.latency(self.simd, self.device.adder_inputs)
        if self.weights.kind is WeightKind.INTEGER:
            return 2 + late + lut_latency(self.weights.type.width, self.simd, self.device)
        return 3 + (self.simd - 1).bit_length()

    @property
    def ratio(self) -> int:
        return self.simd_folds

    @property
    def holds(self) -> bool:
        return self.simd_folds == 1 and self.pe_folds > 1

    def timing(self) -> Timing:
        slots = self.slots
        k = np.arange(slots)
        need = k // self.pe_folds + 1 if self.simd_folds == 1 else k + 1
        emit = np.arange(self.y.beats) * self.simd_folds + self.simd_folds - 1
        return Timing(slots, (need,), (emit,), self.latency, hold=self.holds)


def second_clock(packing: Packing | None) -> tuple[str, str]:
    """The port of the clock of twice the rate, and what it is bound to: a constant where no slice runs at it."""
    return "clk2x_i", CLOCK2X if packing and packing.pump > 1 else "1'b0"


def dsp_params(packing: Packing | None) -> dict[str, Param]:
    """Parameters of a packing; none for products in LUTs."""
    if packing is None:
        return {}
    return {
        "Fields": packing.fields,
        "Spacing": packing.spacing,
        "Chain": packing.chain,
        "Overlap": int(packing.overlap),
        **({"Pumped": 1} if packing.pump > 1 else {}),
    }


def adder_params(device: Device) -> dict[str, Param]:
    """What suits a device of products in LUTs and of adders; none where it is as by default."""
    found: dict[str, Param] = {}
    if device.row_adders != ROW_ADDERS:
        found["RowAdders"] = device.row_adders
    if device.row_elements != ROW_ELEMENTS:
        found["RowElements"] = device.row_elements
    if device.adder_inputs != ADDER_INPUTS:
        found["AdderInputs"] = device.adder_inputs
    return found


def late_params(device: Device, kind: WeightKind, packing: Packing | None, words: int) -> dict[str, Param]:
    """The parameter Late, where weights come later to their products."""
    late = late_cycles(device, kind, packing, words)
    return {"Late": late} if late else {}


def late_cycles(device: Device, kind: WeightKind, packing: Packing | None, words: int) -> int:
    """Cycles by which a memory's words of integers come later to their products; one word is there anyway, and slices
    at twice the clock wait for none.
    """
    waits = kind is WeightKind.INTEGER and (packing is None or packing.pump == 1) and words > 1
    return device.late_weights if waits else 0


def lut_latency(weight_bits: int, products: int, device: Device) -> int:
    """Cycles from registered operands to the sum of products in r4_dot_lut: rows, then a tree."""
    rows = max(1, (weight_bits - 2) // device.row_adders + 1)
    return rows + tree_levels(-(-products // device.row_elements), device.adder_inputs)
