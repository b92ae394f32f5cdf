# SPDX-License-Identifier: Apache-2.0
"""Memory images: words of packed integers, as `$readmemh` reads them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rtl4ml.ir.types import Ints


class Image:
    """A memory image: `words` (depth,) Python integers of `width` bits, written as hexadecimal for $readmemh.

    Image.pack(np.array([[1, -2], [3, 0]]), 4) has 2 words of 8 bits, 0xe1 and 0x03: lane 0 is in the low bits.
    """

    def __init__(
        self, width: int, words: tuple[int, ...] | Callable[[], tuple[int, ...]], depth: int | None = None
    ):
        """`words` may be a function, called when they are first asked for; then `depth` says how many it gives."""
        self.width = width
        self._words = words
        self._values: tuple[Ints, int] | None = (
            None  # the integers and their bits that the words were packed from
        )
        self.depth = len(words) if isinstance(words, tuple) else depth

    @classmethod
    def pack(cls, values: Ints, bits: int) -> Image:
        """Rows (depth, lanes) of two's complement integers, lane 0 in the low bits."""
        image = cls(bits * values.shape[1], lambda: _packed(values, bits), len(values))
        image._values = values, bits
        return image

    @property
    def words(self) -> tuple[int, ...]:
        if not isinstance(self._words, tuple):
            self._words = self._words()
        return self._words

    @cached_property
    def bits(self) -> NDArray[np.uint8]:
        """(depth, width) of the words, bit 0 first."""
        if self._values is not None:
            return _planes(*self._values)
        size = (self.width + 7) // 8
        raw = np.frombuffer(b"".join(w.to_bytes(size, "little") for w in self.words), np.uint8)
        return np.unpackbits(raw.reshape(-1, size), axis=1, bitorder="little")[:, : self.width]

    @cached_property
    def changing(self) -> NDArray[np.bool_]:
        """(width,) which bits are not the same in all words, bit 0 first."""
        if self._values is None:
            mixed = self.bits.min(0) != self.bits.max(0)
        else:
            values, bits = self._values
            either = np.bitwise_or.reduce(values, axis=0) ^ np.bitwise_and.reduce(values, axis=0)
            mixed = _planes(either[None], bits)[0] != 0
        mixed = np.asarray(mixed, np.bool_)
        mixed.setflags(write=False)
        return mixed

    def text(self) -> str:
        digits = -(-self.width // 4)
        return "".join(f"{w:0{digits}x}\n" for w in self.words)


def _packed(values: Ints, bits: int) -> tuple[int, ...]:
    """Rows of two's complement integers as one integer each: bits of all lanes in a row, eight to a byte."""
    packed = np.packbits(_planes(values, bits), axis=1, bitorder="little")
    return tuple(int.from_bytes(row.tobytes(), "little") for row in packed)


def _planes(values: Ints, bits: int) -> NDArray[np.uint8]:
    """(depth, lanes) integers as bits (depth, lanes * bits), bit 0 of lane 0 first."""
    size = next(n for n in (1, 2, 4, 8) if bits <= 8 * n)
    raw = np.ascontiguousarray(values.astype(f"<i{size}"))[..., None].view(np.uint8)
    return np.unpackbits(raw, axis=2, bitorder="little")[:, :, :bits].reshape(len(values), -1)
