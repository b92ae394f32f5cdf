# SPDX-License-Identifier: Apache-2.0
"""Terms of memories: block RAM, distributed RAM, constants in LUTs."""

from __future__ import annotations

from functools import lru_cache
from math import ceil

import numpy as np
from numpy.typing import NDArray

from rtl4ml.cost.terms import image_depth, log, plus, wrap
from rtl4ml.netlist.images import Image
from rtl4ml.netlist.memories import Banks, Terms, bram36, lutram, lutram_shape, ors, rows_mux, tile

Bits = NDArray[np.uint8]


def block_mux(width: int, depth: int) -> Terms:
    """Terms of the multiplexer among rows of block RAM that is written."""
    deep = tile(width, depth, 1)[1]
    return {"block_mux": width * rows_mux(deep), "block_write": deep * (deep > 1)}


def block_memory(width: int, depth: int, bank: int, least: int) -> tuple[Terms, float]:
    """Terms and RAMB36 of a memory that is written and read once a cycle. bank, least: as in r4_fifo."""
    if not bank:
        return block_mux(width, depth), bram36(width, depth)
    words = Banks(bank, least).words(depth)
    terms: Terms = {"bank": len(words), "bank_or": width * ors(len(words))}
    for n in words:
        terms = plus(terms, block_mux(width, n))
    return terms, sum(bram36(width, n) for n in words)


def changing_columns(bits: Bits) -> Bits:
    """The columns that Yosys builds: those that are neither constant nor equal to another."""
    bits = bits[:, (bits != bits[0]).any(0)]
    if not bits.size:
        return bits
    return bits[:, np.unique(_keys(bits), return_index=True)[1]]


@lru_cache(maxsize=2)  # several terms of a cell read the columns of its image
def image_columns(image: Image) -> Bits:
    """The columns of an image that Yosys builds."""
    return changing_columns(image.bits)


def _keys(bits: Bits) -> NDArray[np.uint64]:
    """A key of every column: its bits up to 64 rows, else a hash (equal by chance once in 10^9 columns or so)."""
    packed = np.packbits(bits, axis=0)
    padded = np.zeros((-(-len(packed) // 8) * 8, packed.shape[1]), np.uint8)
    padded[: len(packed)] = packed
    words = np.ascontiguousarray(padded.T).view(np.uint64)
    keys = words[:, 0].copy()
    for k in range(1, words.shape[1]):  # multiply and shift, after Steele et al. (2014), SplitMix
        keys = keys * np.uint64(0x9E3779B97F4A7C15) ^ words[:, k] * np.uint64(0xBF58476D1CE4E5B9)
        keys ^= keys >> np.uint64(29)
    return keys


def rom_luts(bits: Bits) -> tuple[int, int]:
    """(LUTs that hold 64 words of a bit each, LUTs that select among them) of a constant memory in LUTs.

    bits: the columns that Yosys builds, see `changing_columns`. MUXF7 and MUXF8 select among four LUTs.
    """
    blocks = ceil(len(bits) / 64)
    if blocks <= 1:
        return bits.shape[1], 0
    padded = np.zeros((blocks * 64, bits.shape[1]), np.uint8)
    padded[: len(bits)] = bits
    parts = padded.reshape(blocks, 64, -1).transpose(1, 0, 2).reshape(64, -1)
    select = ceil((ceil(blocks / 4) - 1) / 3)
    return changing_columns(parts).shape[1], bits.shape[1] * select


def rom_terms(image: Image, *, block: bool = False) -> tuple[Terms, int]:
    """Terms of r4_rom, and the bits of its word register; 0 where it is in block RAM."""
    depth = image_depth(image)
    if depth == 1:
        return {}, 0
    if block:
        return {"rom_walk": wrap(depth), "rom_fetch": log(depth)}, 0
    return rom_terms_of(image.bits, image_columns(image))


def rom_terms_of(bits: Bits, columns: Bits | None = None) -> tuple[Terms, int]:
    """`rom_terms` of a memory in LUTs with these bits. columns: those that Yosys builds, if they are known."""
    depth = len(bits)
    columns = changing_columns(bits) if columns is None else columns
    c = log(depth)
    leaves, select = rom_luts(columns)
    lut: Terms = {"rom_walk": wrap(depth), "rom": leaves, "rom_select": select, "rom_fetch": c}
    return lut, columns.shape[1]


def halves_terms(bits: Bits, *, block: bool) -> Terms:
    """Terms of r4_rom_halves, two rows of an image a step."""
    columns, steps = changing_columns(bits), len(bits) // 2
    walk: Terms = {"rom_walk": wrap(steps), "rom_fetch": log(steps)} if steps > 1 else {}
    if block:  # the address of the next half's word
        return {**walk, "rom_half": log(steps)}
    leaves, select = rom_luts(columns)
    return {**walk, "rom": leaves, "rom_select": select}


def bypassed_mux(width: int, depth: int) -> int:
    """LUTs of one bit of a multiplexer among the memories of a distributed memory and a beat that bypasses it.

    A LUT of five inputs takes two memories, the beat and two select signals. Yosys spends as much on seven memories as
    on four.
    """
    words, _ = lutram_shape(width, depth)
    blocks = ceil(depth / words)
    if blocks <= 2:
        return 1
    if blocks == 3 or (blocks == 5 and words == 32):
        return 2
    return 3 if blocks <= 7 else 1 + blocks // 2


def line_terms(width: int, depth: int, *, block: bool = False) -> tuple[Terms, Terms, float]:
    """Terms of an r4_line of one row: (LUT, FF, RAMB36)."""
    if depth <= 2:
        return {}, {"line": width * depth}, 0.0
    c = log(depth)
    walk: Terms = {"line_walk": c, "line_wrap": wrap(depth)}
    if block:
        return walk, {"line_walk": 2 * c}, bram36(width, depth)
    return walk | lutram(width, depth), {"line": width, "line_walk": 2 * c}, 0.0


def lanes_of(image: Image, lanes: int, width: int, *, shared: bool) -> list[Bits]:
    """The bits of the column of each of n lanes. shared: whether all lanes read the first column."""
    bits = image.bits
    return [bits[:, :width] if shared else bits[:, i * width : (i + 1) * width] for i in range(lanes)]
