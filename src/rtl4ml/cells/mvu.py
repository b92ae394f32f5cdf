# SPDX-License-Identifier: Apache-2.0
"""The matrix-vector unit r4_mvu."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from rtl4ml.cells.library import LibraryCell
from rtl4ml.ir.types import Ints
from rtl4ml.ir.weights import WeightKind
from rtl4ml.netlist.images import Image
from rtl4ml.netlist.memories import is_block
from rtl4ml.netlist.netlist import Param, Timing
from rtl4ml.netlist.packing import Packing
from rtl4ml.ops.conv import Linear


def coded(op: Linear, w: Ints) -> tuple[Ints, int]:
    """Codes of an operator's weights `w`, of any shape, as r4_product reads them, and their width in bits."""
    if op.kind is WeightKind.BINARY:
        return (w < 0).astype(np.int64), 1
    if op.kind is WeightKind.TERNARY:
        return w, 2
    if op.kind is WeightKind.POWER_OF_TWO:
        exponent = np.zeros_like(w)
        nonzero = w != 0
        exponent[nonzero] = np.log2(np.abs(w[nonzero])).astype(np.int64) + 1
        bits = int(exponent.max()).bit_length()
        return exponent | ((w < 0).astype(np.int64) << bits), bits + 1
    return w, op.weight_type.width


@dataclass(frozen=True, kw_only=True, eq=False)
class Mvu(LibraryCell):
    """Matrix-vector unit: `pe` dot products of `simd` products at once."""

    module: ClassVar[str] = "r4_mvu"

    op: Linear
    simd: int
    pe: int
    packing: Packing | None = None  # how integer products go into DSP48E2; None: LUTs

    @property
    def matrix(self) -> Ints:
        """(products of an output, outputs): the weights."""
        return self.op._taps

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
        from rtl4ml.ir.types import Fixed

        x, low, high = self.op.x, *self.op.reach(1)  # a product or zero
        prod = Fixed.covering(min(low, x.lo, -1), max(high, x.hi), 0).width
        least, most = self.op.reach(self.simd)
        total = Fixed.covering(min(least, -1), most, 0).width
        return prod, max(prod, total) if self.simd > 1 else prod, self.y.bits

    def params(self) -> dict[str, Param]:
        codes, bits = coded(self.op, self.matrix)
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
            "WeightKind": int(self.op.kind),
            "ProdWidth": prod,
            "SumWidth": total,
            "AccWidth": acc,
            "HasBias": int(self.op.bias is not None),
            "Block": int(is_block(len(words), words.shape[1] * bits)),
            "WeightFile": Image.pack(words, bits),
            **dsp_params(self.packing),
        }
        if self.op.bias is not None:
            p["BiasFile"] = Image.pack(self.op.aligned_bias.reshape(self.pe_folds, self.pe), acc)
        align = int(self.op.shift.min())
        own = self.op.shift - align
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
        return self.op.positions * self.simd_folds * self.pe_folds

    def timing(self) -> Timing:
        slots = self.slots
        k = np.arange(slots)
        need = k // self.pe_folds + 1 if self.simd_folds == 1 else k + 1
        emit = np.arange(self.y.beats) * self.simd_folds + self.simd_folds - 1
        hold = self.simd_folds == 1 and self.pe_folds > 1
        if self.packing:
            latency = 1 + self.packing.latency(self.simd)
        elif self.op.kind is WeightKind.INTEGER:
            latency = 2 + lut_latency(self.op.weight_type.width, self.simd)
        else:
            latency = 3 + (self.simd - 1).bit_length()
        return Timing(slots, (need,), (emit,), latency=latency, hold=hold)


def dsp_params(packing: Packing | None) -> dict[str, Param]:
    """Parameters of a packing; none for products in LUTs."""
    if packing is None:
        return {}
    return {
        "Fields": packing.fields,
        "Spacing": packing.spacing,
        "Chain": packing.chain,
        "Overlap": int(packing.overlap),
    }


def lut_latency(weight_bits: int, products: int) -> int:
    """Cycles from registered operands to the sum of products in r4_dot_lut: rows of pairs, then a tree."""
    rows = max(1, (weight_bits + 2) // 4)
    return rows + ((products + 1) // 2 - 1).bit_length()
