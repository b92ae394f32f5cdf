# SPDX-License-Identifier: Apache-2.0
"""The values that a board's shell is made of, checked, and how they follow from a design's netlist."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from rtl4ml.board import registers
from rtl4ml.board.ports import DATA_BYTES
from rtl4ml.cells.axis import container
from rtl4ml.cells.streams import AXI_WORD, spills
from rtl4ml.errors import Rtl4mlError
from rtl4ml.netlist.netlist import Netlist, Param

_PAGE = registers.CONSTANTS["SPILL_ALIGN"]
RESULTS: Mapping[str, int] = {
    "raw": registers.CONSTANTS["RESULT_RAW"],
    "map": registers.CONSTANTS["RESULT_MAP"],
    "mask": registers.CONSTANTS["RESULT_MASK"],
}

Result = Literal["raw", "map", "mask"]


@dataclass(frozen=True, eq=False)
class Quantizer:
    """The cell from counts to integers and its parameters, images among them: r4_counts, r4_requant or r4_threshold."""

    module: str
    params: Mapping[str, Param]


@dataclass(frozen=True)
class Tiles:
    """How r4_turn makes pixels of bands that lie apart: in tiles of `columns` columns of all bands.

    lanes: columns of a band that enter in a cycle; bands: counts of a pixel that leave in a cycle

    Memory answers a read after some 200 cycles and takes 16 bursts meanwhile, and a tile's band is one burst. So 16
    columns keep up with a count a cycle: 16 bursts of 16 counts are 256 counts in 200 cycles.

    Images of 3 bands that the network takes a pixel a beat: columns 64, lanes 4, bands 3. Spectra of 204 bands, one a
    beat: columns 16, lanes 4, bands 1.
    """

    columns: int
    lanes: int
    bands: int

    @classmethod
    def of(cls, lanes: int, count_bytes: int) -> Tiles:
        """For a network that takes `lanes` counts of so many bytes a beat; a word of the bus bounds what is given."""
        word = DATA_BYTES // count_bytes
        bands = max(b for b in range(1, word + 1) if lanes % b == 0)
        # More enter than leave, so that a tile is there before the one before it is drained; each lane more costs LUTs.
        lanes = min(word, max(4, 1 << bands.bit_length()))
        return cls(16 << (bands - 1).bit_length(), lanes, bands)


@dataclass(frozen=True, kw_only=True, eq=False)
class Shell:
    """The values that a shell is made of.

    bands:         counts a pixel; lanes of them are a beat of the network's input
    element_bits:  of an element of the network's input, in a container of in_container bits
    out_lanes, out_container, out_beats: of the network's output: containers a beat, bits of one, beats a frame
    frame_rows, frame_columns: pixels of a frame, 1 x 1 for a network of single pixels
    count_bytes:   1 or 2
    result:        "raw" containers, "map" a byte a pixel, or "mask" a bit a pixel
    banded:        whether BIL and BSQ are possible
    signature:     32 hexadecimal digits: the first 128 bits of the design's identity
    double_clock:  whether the network has a second clock, of twice the rate
    spills:        bytes of the memory of each of the network's spills, in the order of their ports

    A mask of 128 x 128 pixels has 128 rows of 16 bytes: frame_bytes is 2,048.

    Raises Rtl4mlError where the values do not agree.
    """

    bands: int
    lanes: int
    element_bits: int
    in_container: int
    out_lanes: int
    out_container: int
    out_beats: int
    frame_rows: int
    frame_columns: int
    count_bytes: int
    result: Result
    banded: bool
    quantizer: Quantizer
    signature: str = "0" * 32
    double_clock: bool = False
    spills: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.bands % self.lanes:
            raise Rtl4mlError(
                f"board: the lanes of the input must divide its {self.bands} bands, not {self.lanes}; "
                "fold the first layer so that they do"
            )
        if self.count_bytes not in (1, 2):
            raise Rtl4mlError(
                f"board: a count must have 1 or 2 bytes, not {self.count_bytes}; convert the cube first"
            )
        if self.result not in RESULTS:
            raise Rtl4mlError(f"board: the result must be one of {', '.join(RESULTS)}, not {self.result}")
        if self.result != "raw" and (self.out_lanes, self.out_container) != (1, 8):
            raise Rtl4mlError(
                f"board: a {self.result} must come one byte a beat, not {self.out_lanes} x {self.out_container} bits; "
                "use raw, or end the network in argmax or mask"
            )
        if self.result != "raw" and self.out_beats != self.frame_rows * self.frame_columns:
            raise Rtl4mlError(
                f"board: a {self.result} must have a value for each pixel of {self.frame_rows} x {self.frame_columns}, "
                f"not {self.out_beats} a frame; use raw"
            )
        if not re.fullmatch(r"[0-9a-f]{32}", self.signature):
            raise Rtl4mlError(f"board: a signature must be 32 hexadecimal digits, not {self.signature!r}")

    @property
    def beats(self) -> int:
        """Beats of a pixel at the network's input."""
        return self.bands // self.lanes

    @property
    def tiles(self) -> Tiles:
        """How BIL and BSQ are turned into pixels."""
        return Tiles.of(self.lanes, self.count_bytes)

    @property
    def spill_offsets(self) -> tuple[int, ...]:
        """Where the memory of each spill begins in that of all, a page each at least."""
        return (
            tuple(accumulate((-(-n // _PAGE) * _PAGE for n in self.spills[:-1]), initial=0))
            if self.spills
            else ()
        )

    @property
    def spill_bytes(self) -> int:
        """Bytes of the memory of all spills; 0 where there are none."""
        return self.spill_offsets[-1] + self.spills[-1] if self.spills else 0

    @property
    def pixels(self) -> bool:
        """Whether a frame is a single pixel."""
        return self.frame_rows * self.frame_columns == 1

    def frames(self, rows: int, columns: int) -> int:
        """Frames of a cube of so many rows and columns."""
        return rows * columns // (self.frame_rows * self.frame_columns)

    @property
    def frame_beats(self) -> int:
        """Beats of a frame at the network's input."""
        return self.beats * self.frame_rows * self.frame_columns

    @property
    def frame_bytes(self) -> int:
        """Bytes of a frame's result; of a mask of single pixels 1, though rows of them are packed."""
        if self.result == "mask":
            return self.frame_rows * -(-self.frame_columns // 8)
        return self.out_beats * self.out_lanes * self.out_container // 8


def of_netlist(
    netlist: Netlist,
    *,
    count_bytes: int,
    result: Result,
    banded: bool,
    quantizer: Quantizer,
    signature: str = "0" * 32,
) -> Shell:
    """The shell of a design's netlist. An input of rows, columns and channels is a frame, any other one is a pixel."""
    x, y = netlist.input, netlist.output
    shape = netlist.graph.inputs[0].shape
    rows, columns = shape[:2] if len(shape) == 3 else (1, 1)
    return Shell(
        bands=x.beats * x.lanes // (rows * columns),
        lanes=x.lanes,
        element_bits=x.bits,
        in_container=container(x.bits),
        out_lanes=y.lanes,
        out_container=container(y.bits),
        out_beats=y.beats,
        frame_rows=rows,
        frame_columns=columns,
        count_bytes=count_bytes,
        result=result,
        banded=banded,
        quantizer=quantizer,
        signature=signature,
        double_clock=netlist.double_clock,
        spills=tuple(c.ring * AXI_WORD // 8 for c in spills(netlist)),
    )
