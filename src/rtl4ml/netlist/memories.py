# SPDX-License-Identifier: Apache-2.0
"""Whether a memory is made of LUTs or of block RAM."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import ceil

from rtl4ml.device import Device


def is_block(depth: int, width: int, device: Device) -> bool:
    """Whether a memory takes a smaller share of the device's block RAM than it would take of its LUTs."""
    blocks, luts = _either(depth, width)
    return blocks / device.bram36 < luts / device.lut


@cache
def _either(depth: int, width: int) -> tuple[float, float]:
    """RAMB36 or LUTs of a memory."""
    return bram36(width, depth), sum(lutram(width, depth).values())


Terms = dict[str, float]


BLOCK_BITS = 36_864  # of an RAMB36

# (bits, words, RAMB36) of the shapes of a block RAM, an RAMB18 half of one.
TILES = [(72, 512, 1.0), (36, 1024, 1.0), (18, 2048, 1.0), (9, 4096, 1.0), (4, 8192, 1.0), (2, 16384, 1.0),
         (1, 32768, 1.0), (36, 512, 0.5), (18, 1024, 0.5), (9, 2048, 0.5), (4, 4096, 0.5), (2, 8192, 0.5),
         (1, 16384, 0.5)]  # fmt: skip


def tile(width: int, depth: int, ports: int, *, written: bool = True) -> tuple[float, int]:
    """(RAMB36, rows of blocks one above the other) of the cheapest shape of block RAM; equally cheap, of fewest rows.

    written: whether the memory is written. Rows of narrow words share a block: those of a memory that is written in
             units of 9 bits, which have a write enable each, those of a constant one bit by bit.

    The shapes of 72 and 36 bits have one port only.
    A memory of 512 words of 36 bits takes half an RAMB36 in one row: (0.5, 1). One of 2,560 words of 6 bits takes
    (1.0, 2), or (0.5, 3) if it is constant: three rows of 1,024 words stand side by side in one block of 18 bits.
    """
    cost, rows, _ = _tiling(width, depth, ports, written=written)
    return cost, rows


Shape = tuple[int, int, float]


def _tiling(width: int, depth: int, ports: int, *, written: bool) -> tuple[float, int, Shape]:
    """The result of `tile`, and the shape."""

    def cost(bits: int, words: int, one: float) -> tuple[float, int]:
        unit, rows = min(bits, 9) if written else 1, ceil(depth / words)
        return ceil(ceil(width / unit) * rows / (bits // unit)) * one, rows

    shapes = [t for t in TILES if ports == 1 or t not in ((72, 512, 1.0), (36, 512, 0.5))]
    shape = min(shapes, key=lambda t: cost(*t))
    return *cost(*shape), shape


def bram36(width: int, depth: int, *, ports: int = 1, written: bool = True) -> float:
    """RAMB36 of a memory with `ports` read ports."""
    return tile(width, depth, ports, written=written)[0]


def rows_mux(rows: int) -> int:
    """LUTs of a multiplexer of one bit among rows of block RAM: a LUT of six inputs takes four rows, level by level.

    Ten rows take four LUTs: three for 4, 4 and 2 rows, one that selects among these. A row alone passes its level; of
    six rows the last two do, since the second LUT has inputs for them.
    """
    luts = 0
    while rows > 1:
        alone = rows % 4 == 1 or (rows // 4 == 1 and rows % 4 == 2)
        luts += rows // 4 + (rows % 4 > 0) * (not alone)
        rows = 2 if rows == 6 else ceil(rows / 4)
    return luts


@dataclass(frozen=True)
class Banks:
    """A deep memory as r4_banks makes it, its banks joined by ORs instead of a multiplexer among rows of blocks.

    bank, least: its parameters. 5,000 words are Banks(2048, 512).words(5000) == (2048, 2048, 512, 392).
    """

    bank: int
    least: int

    def words(self, depth: int) -> tuple[int, ...]:
        """The words of every bank."""
        full, rest = divmod(depth, self.bank)
        found, half = [self.bank] * full, self.bank // 2
        while half >= self.least:
            if rest & half:
                found.append(half)
            half //= 2
        return (*found, rest % self.least) if rest % self.least else tuple(found)

    def cost(self, width: int, depth: int) -> tuple[float, float]:
        """(RAMB36, LUTs) of a memory of that width: of ORs, of rows within a bank, and of a bank's two selects."""
        found = [tile(width, n, 1) for n in self.words(depth)]
        return sum(t[0] for t in found), (
            width * (ors(len(found)) + sum(rows_mux(t[1]) for t in found)) + 2 * len(found)
        )


def ors(inputs: int) -> int:
    """LUTs of six inputs of an OR."""
    return -(-(inputs - 1) // 5)


def banks(width: int, depth: int, device: Device) -> Banks | None:
    """The banks of a memory of block RAM that take the least share of the device; None: one memory takes no more.

    Shares of LUTs and of block RAM count alike. A FIFO of 256 bits and 17,407 words takes 123.5 RAMB36 either way, and
    some 270 LUTs instead of 1,700 in four banks of 4,096 words and one of 1,023.
    """
    return _banks(width, depth, device.bram36, device.lut)


@cache
def _banks(width: int, depth: int, all_blocks: int, all_luts: int) -> Banks | None:
    """The result of `banks`."""

    def share(blocks: float, luts: float) -> float:
        return blocks / all_blocks + luts / all_luts

    blocks, rows = tile(width, depth, 1)
    best, least = None, share(blocks, width * rows_mux(rows))
    for bank in (1 << k for k in range(9, 16) if 1 << k < depth):
        for low in (1 << k for k in range(9, bank.bit_length())):
            found = Banks(bank, low)
            if (s := share(*found.cost(width, depth))) < least:
                best, least = found, s
    return best


def column_blocks(columns: int, width: int, depth: int, *, ports: int = 1) -> float:
    """RAMB36 of one r4_lookup a column of a constant memory.

    Each has its own copy of the memory and reads one column. Yosys divides the rows of the whole word, one beside the
    other, into blocks and removes those in which a column has no bit. Three columns of 12 bits and 512 words take 1.5
    RAMB36.
    """
    cost, rows, (w, _, one) = _tiling(columns * width, depth, ports, written=False)
    if columns == 1:
        return cost
    reached = 0
    for k in range(columns):
        first = [columns * width * r + k * width for r in range(rows)]
        reached += len({bit // w for f in first for bit in range(f, f + width)})
    return reached * one


def lutram_shape(width: int, depth: int) -> tuple[int, int]:
    """(words, bits) that 8 LUTs hold in a distributed memory: 32 words of 14 bits or 64 of 7, whichever Yosys prefers.

    Its cost is 16 a memory, in proportion to the bits used, and half of width + 1 for each memory beyond the first.
    """

    def cost(words: int, bits: int) -> float:
        return 16 * ceil(depth / words) * width / bits + (ceil(depth / words) - 1) * (width + 1) / 2

    return min(((64, 7), (32, 14)), key=lambda t: cost(*t))


def lutram(width: int, depth: int) -> Terms:
    """Terms of a distributed memory; a deep one is several memories and a multiplexer.

    100 words of 8 bits are two memories of 64 words: 32 LUTs of memory, 8 of multiplexer, 2 of write enables.
    """
    words, bits = lutram_shape(width, depth)
    blocks = ceil(depth / words)
    return {
        "lutram": 8 * ceil(width / bits) * blocks,
        "lutram_mux": width * (blocks // 2),
        "lutram_write": blocks * (blocks > 1),
    }
