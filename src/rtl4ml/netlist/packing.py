# SPDX-License-Identifier: Apache-2.0
"""Packs products into DSP48E2: several side by side in one slice, several slices added up in a cascade.

A slice multiplies a 27-bit word of `fields` weights, `spacing` bits apart, with one element of up to 18 bits, and
adds the sum of the slice below it in the cascade. Fields stay apart as long as `spacing` bits hold every sum of a
cascade. With `overlap` (cascades of one slice) a field has one bit more, which it shares with the next field. Bit 0 of
a product is w[0] & x[0], so the bit that two neighbouring fields share can be reconstructed (r4_dsp_fields).

A slice at twice the clock (`pump` = 2) multiplies two elements in a cycle, one after the other, and adds up the two
products itself (r4_dsp_pump).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from rtl4ml.ir.types import Ints

# Bits of a DSP48E2's ports: packed weights, element, sum.
WORD, ELEMENT, SUM = 27, 18, 48
# Slices in a cascade. A longer one saves little more, and each slice delays its element by one more cycle.
LONGEST_CHAIN = 16
# Elements that a slice can multiply in a cycle at most: it runs at twice the clock, not more.
PUMP = 2


def tree_levels(inputs: int, adder_inputs: int) -> int:
    """Levels of a tree of adders that take so many numbers each: 2 for 9 numbers, three at a time."""
    levels = 0
    while inputs > 1:
        inputs, levels = -(-inputs // adder_inputs), levels + 1
    return levels


@dataclass(frozen=True)
class Packing:
    """`fields` products a slice, `spacing` bits apart, `chain` slices in a cascade; parameters of r4_dot_dsp.

    overlap: whether neighbouring fields share a bit
    pump:    elements that a slice multiplies in a cycle, one after the other: 2 where it has twice the clock

    Packing(fields=3, spacing=11, chain=4) makes 16 sums of 16 products in 96 slices: ceil(16 / 3) = 6 words of 3
    weights, each with 16 elements. The sum of 10 products is that of 3 cascades, 7 cycles
    after the operands by one adder of three numbers, 8 by two of two.
    With pump=2 the 16 sums take 48 slices, and the sum of 10 products is that of 2 cascades of up to 4 slices.
    """

    fields: int
    spacing: int
    chain: int = 1
    overlap: bool = False
    pump: int = 1

    def factors(self, products: int) -> int:
        """Slices that make `products` products of one output."""
        return -(-products // self.pump)

    def chains(self, products: int) -> int:
        """Cascades that add up `products` products of one output."""
        return -(-self.factors(products) // self.chain)

    def slices(self, outputs: int, products: int) -> int:
        """DSP48E2 of `outputs` sums of `products` products each; all outputs read the same elements."""
        return -(-outputs // self.fields) * self.factors(products)

    def word(self, operand: int, weight_bits: int) -> int:
        """Bits of the wider side of a slice's product, of elements of so many bits, signed: 18 for three weights of 5
        bits that are 6 bits apart, one of the bits for what the lower ones may borrow.
        """
        if self.fields == 1:
            return max(operand, weight_bits)
        packed = self.spacing * (self.fields - 1) + weight_bits
        return min(packed + 1, WORD)

    def latency(self, products: int, adder_inputs: int) -> int:
        """Cycles from the operands to the sum of `products` products in r4_dot_dsp, which adds up cascades so many at a
        time; fields that overlap have carries, which adders of two take.
        """
        return (
            1
            + self.pump
            + self.chain
            + tree_levels(self.chains(products), 2 if self.overlap else adder_inputs)
        )

    def words(self, words: Ints, outputs: int, weight_bits: int) -> Ints:
        """(depth, outputs * products) weights, product by product of each output, as r4_dot_dsp reads them:
        (depth * pump, outputs * factors), a word for each of a slice's elements in turn.
        """
        depth, products = len(words), words.shape[1] // outputs
        factors = self.factors(products)
        whole = np.zeros((depth, outputs, factors * self.pump), words.dtype)  # zeros beside a last one alone
        whole[:, :, :products] = words.reshape(depth, outputs, products)
        turns = whole.reshape(depth, outputs, factors, self.pump).transpose(0, 3, 1, 2)
        words = turns.reshape(depth * self.pump, -1)[:, self.order(outputs, factors)]
        return words + (1 << (weight_bits - 1)) if self.fields > 1 else words

    def order(self, outputs: int, factors: int) -> NDArray[np.int64]:
        """(outputs * factors,) weights of a word in r4_dot_dsp's order: each is output * factors + factor."""
        chains = -(-factors // self.chain)
        short = chains * self.chain - factors
        index = []
        for link in range(self.chain):
            links = [c * self.chain + link - short for c in range(link < short, chains)]
            index += [p * factors + s for p in range(outputs) for s in links]
        return np.array(index, np.int64)


class Same:
    """An array as a key of a cache, compared by identity."""

    __slots__ = ("array",)

    def __init__(self, array: Ints) -> None:
        self.array = array

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.array is other.array

    def __hash__(self) -> int:
        return id(self.array)


class Sums:
    """Ranges of the sums of cascades of a matrix of weights. Each is computed once, for all foldings that ask.

    weights: (products of an output, outputs) integers
    x:       least and greatest element

    Weights 3, -2, 1 of one output and elements from 0 to 15, all products made at once: the sums of cascades of up to
    2 slices lie in reach(3, 2) = (-30, 45), those of all three in reach(3, 3) = (-30, 60).
    """

    def __init__(self, weights: Ints, x: tuple[int, int]) -> None:
        self.least = int(weights.min())
        greatest = max(abs(self.least), abs(int(weights.max()))) * max(abs(x[0]), abs(x[1]))
        dtype = np.int32 if greatest * LONGEST_CHAIN * PUMP < 2**31 else np.int64
        a, b = (weights * x[0]).astype(dtype), (weights * x[1]).astype(dtype)
        self._ends = np.minimum(np.minimum(a, b), 0), np.maximum(np.maximum(a, b), 0)
        self._found: dict[tuple[int, int, int], tuple[int, int]] = {}

    def reach(self, products: int, chain: int, pump: int = 1) -> tuple[int, int]:
        """Least and greatest sum of any cascade of at most `chain` slices, partial sums included.

        products: how many are made at once. A cascade adds up products of one cycle; the first cascade may be shorter.
        pump:     products of a slice
        """
        factors = -(-products // pump)
        first = factors % chain
        alone = pump > 1 and products % pump > 0  # the last slice has fewer products
        key = (products if first or alone else chain * pump, chain, pump)
        if key not in self._found:
            ends = []
            for end in self._ends:
                folds = end.reshape(-1, key[0], end.shape[1])
                if pump > 1:
                    folds = np.pad(folds, ((0, 0), (0, -key[0] % pump), (0, 0)))
                    folds = folds.reshape(len(folds), -1, pump, end.shape[1]).sum(2)
                whole = folds[:, first:].reshape(-1, chain, end.shape[1]).sum(1)
                ends.append((whole, folds[:, :first].sum(1)))
            self._found[key] = (
                int(min(s.min(initial=0) for s in ends[0])),
                int(max(s.max(initial=0) for s in ends[1])),
            )
        return self._found[key]


@lru_cache(maxsize=512)
def sums_of(weights: Same, outputs: int, x: tuple[int, int]) -> Sums:
    """`Sums` of a tensor of weights whose last axis, or last axes together, are the `outputs`."""
    return Sums(weights.array.reshape(-1, outputs), x)


def legal(
    packing: Packing, *, x_bits: int, x_signed: bool, weight_bits: int, least: int, reach: tuple[int, int]
) -> bool:
    """Whether a packing computes every sum exactly.

    least: the least weight; reach: least and greatest sum of a cascade
    """
    operand = x_bits + (not x_signed)
    fields, spacing = packing.fields, packing.spacing
    if fields == 1:
        short, long = sorted((operand, weight_bits))
        fits = short <= ELEMENT and long <= WORD
    else:
        # A negative weight borrows from the field above it, so the whole word must fit as a signed number.
        word = least * sum(1 << (spacing * i) for i in range(fields))
        fits = (
            operand <= ELEMENT
            and 2 <= weight_bits <= spacing
            and spacing * (fields - 1) + weight_bits <= WORD
            and word >= -(1 << (WORD - 1))
        )
    width = spacing + packing.overlap
    if packing.overlap:
        fits &= packing.chain == 1 and packing.pump == 1 and fields > 1
    # The field below may carry a one into an overlapping field.
    low = -(1 << (width - 1)) + packing.overlap
    return (
        fits and fields * spacing + packing.overlap <= SUM and low <= reach[0] and reach[1] < 1 << (width - 1)
    )


def packings(
    weights: Ints, weight_bits: int, x: tuple[int, int], x_bits: int, x_signed: bool
) -> list[Packing]:
    """Every legal packing of weights (folds, products, outputs), see `packings_of`; elements lie in `x`."""
    _, products, outputs = weights.shape
    sums = Sums(weights.reshape(-1, outputs), x)
    return packings_of(sums, weight_bits, x_bits, x_signed, products=products, outputs=outputs)


def packings_of(
    sums: Sums,
    weight_bits: int,
    x_bits: int,
    x_signed: bool,
    *,
    products: int,
    outputs: int,
    pump: int = 1,
    word: int = WORD,
) -> list[Packing]:
    """Every legal packing, each with the least spacing that holds its sums; empty where no product fits a slice.

    products, outputs: how many products of how many outputs are made at once; all outputs read the same elements
    pump:              that of the packings
    word:              bits of the wider side of a slice's product
    """
    found = []
    factors = -(-products // pump)
    for chain in sorted({-(-factors // n) for n in range(1, factors + 1)}):
        if chain > LONGEST_CHAIN:
            break
        reach = sums.reach(products, chain, pump)
        width = max((-reach[0] - 1).bit_length(), reach[1].bit_length(), 1) + 1
        for overlap in (False, True) if pump == 1 else (False,):
            for fields in range(1, outputs + 1):
                spacing = max(width - overlap, weight_bits if fields > 1 else 1)
                p = Packing(fields, spacing, chain, overlap, pump)
                if p.word(x_bits + (not x_signed), weight_bits) <= word and legal(
                    p,
                    x_bits=x_bits,
                    x_signed=x_signed,
                    weight_bits=weight_bits,
                    least=sums.least,
                    reach=reach,
                ):
                    found.append(p)
                elif fields > 1:
                    break  # more fields do not fit either
    return found


Choice = Callable[[Sequence[Packing]], "Packing | None"]


def fewest(outputs: int, products: int) -> Choice:
    """Chooses the packing of fewest DSP48E2; of equally few, the longest cascade. None where there is no packing."""

    def choose(found: Sequence[Packing]) -> Packing | None:
        return min(
            found, key=lambda p: (p.slices(outputs, products), -p.chain, p.overlap, p.fields), default=None
        )

    return choose


def in_luts(_: Sequence[Packing]) -> Packing | None:
    """Chooses no packing: products are made in LUTs."""
    return None
