# SPDX-License-Identifier: Apache-2.0
"""Cells that pass a stream on unchanged: FIFO, in the device and in memory, width converters, fork."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from rtl4ml.cells.library import LibraryCell
from rtl4ml.netlist.memories import banks, is_block
from rtl4ml.netlist.netlist import FreeRunning, Netlist, Param, Timing


@dataclass(frozen=True, kw_only=True, eq=False)
class Fifo(LibraryCell):
    """FIFO that cuts the ready path.

    Behind cells that run freely it is deeper. Behind a wire with flight=5 and gap=2, two beats may still come once it
    says that it is full, as a third would be 6 cycles behind the one that filled it. It has room for those, for as many
    that it gives until the next ones arrive, and for two as any other: 6 beats in all.
    """

    module: ClassVar[str] = "r4_fifo"
    cuts: ClassVar[bool] = True

    depth: int = 2

    @property
    def slack(self) -> int:
        """Beats that may still come once it says that it is full.

        In the cycle before, a beat came. The bursts behind that beat's own end whole gaps later, and before the flight
        of what was let in last is over.
        """
        return self.x.flight // self.x.gap * self.x.burst + self.x.burst - 1

    @property
    def flying(self) -> int:
        """Beats that are on their way to it at most."""
        return -(-self.x.flight // self.x.gap) * self.x.burst

    @property
    def least(self) -> int:
        """The least depth with which beats pass at the rate at which they come."""
        return 2 * self.slack + 2

    @property
    def block(self) -> bool:
        # A FIFO in block RAM needs three entries for a beat a cycle.
        return self.depth > 2 and is_block(self.depth, self.x.width, self.device)

    @property
    def capacity(self) -> int:
        """Beats that it holds."""
        return self.depth

    @property
    def wait(self) -> int:
        """Cycles from taking a beat to offering it; block RAM takes one more, as it is written before it is read."""
        return 1 + self.block

    def params(self) -> dict[str, Param]:
        p: dict[str, Param] = {
            "Width": self.x.width,
            "Depth": self.depth,
            "MemoryKind": int(self.block),
        }
        if self.slack:
            p["Slack"] = self.slack
        if self.block and (found := banks(self.x.width, self.depth - 1, self.device)) is not None:
            p |= {"Bank": found.bank, "Least": found.least}
        return p

    def timing(self) -> Timing:
        return Timing.fifo(self.x.beats, self.capacity, self.wait)


# Of the AXI4 ports of r4_spill: bits of a word and of an address, words of a burst.
AXI_WORD, AXI_ADDRESS, AXI_BURST = 128, 40, 16
# Spills that a design may have: as many find memory in simulation (sim/dram.h).
MOST_SPILLS = 8


def packed(width: int, beats: int) -> tuple[int, int]:
    """(beats of a word, words of a beat) of frames of so many beats of `width` bits in memory; one of the two is 1.

    No word holds beats of two frames: of 529 beats, 23 x 23, of 20 bits six fit a word, but none of 2 to 6 divides 529.
    So packed(20, 529) is (1, 1), and packed(20, 528) is (6, 1).
    """
    most = max(1, AXI_WORD // width)
    return next(g for g in range(most, 0, -1) if beats % g == 0), -(-width // AXI_WORD)


@dataclass(frozen=True, kw_only=True, eq=False)
class Spill(Fifo):
    """FIFO in the memory behind an AXI4 port of its own.

    port: what the names of its ports of the top module begin with

    A pixel of 16 channels of 4 bits has 64 bits, so a word of 128 holds two, `group`; one of 64 channels takes two
    words, `words`. With depth=10,000 the former needs 5,000 words, so the ring has 8,192, 131,072 bytes, and `capacity`
    is 16,384. A frame of 65,536 such pixels is 1,048,576 bytes written and read, `traffic`.
    """

    module: ClassVar[str] = "r4_spill"

    idle: ClassVar[int] = 64  # parameter Idle of the module

    port: str

    @property
    def slack(self) -> int:
        return 0  # it stands behind a FIFO

    @property
    def least(self) -> int:
        return 2

    @property
    def block(self) -> bool:
        return False

    @property
    def group(self) -> int:
        """Beats of a word: a divisor of those of a frame, so that none waits for the next frame."""
        return packed(self.x.width, self.x.beats)[0]

    @property
    def words(self) -> int:
        """Words of a beat, or 1 for several beats."""
        return packed(self.x.width, self.x.beats)[1]

    @property
    def ring(self) -> int:
        """Words of its memory: a power of two."""
        return 1 << max(-(-self.depth * self.words // self.group) - 1, 2 * AXI_BURST - 1).bit_length()

    @property
    def capacity(self) -> int:
        """Beats that its memory, a power of two words, holds: `depth` or more."""
        return self.ring * self.group // self.words

    @property
    def traffic(self) -> int:
        """Bytes of a frame that it writes and reads, together."""
        return 2 * self.x.beats * self.words * AXI_WORD // 8 // self.group

    @property
    def wait(self) -> int:
        """Cycles from taking the last beat of a word to offering the first, at most.

        As r4_spill's header has it, and two bursts each way that other spills may move before.
        """
        return self.idle + 2 * self.device.dram_latency + (3 + 4) * AXI_BURST + 24

    def params(self) -> dict[str, Param]:
        return {"Width": self.x.width, "Group": self.group, "Ring": self.ring}

    def timing(self) -> Timing:
        return Timing.spill(self.x.beats, self.capacity, self.wait, group=self.group, pace=self.words)

    def connections(self) -> list[tuple[str, str]]:
        return [*super().connections(), *((inner, outer) for _, _, inner, outer in self.top_ports())]

    def top_ports(self) -> list[tuple[str, int, str, str]]:
        """(direction, bits, name at the cell, name at the top) of its ports of the top module."""
        ports = [("input", AXI_ADDRESS, "base_i"), ("input", 1, "stop_i"), ("output", 1, "idle_o"),
                 ("output", 1, "error_o")]  # fmt: skip
        for a in ("aw", "ar"):
            ports += [("output", bits, f"m_axi_{a}{end}") for end, bits in _ADDRESS]
            ports += [("input", 1, f"m_axi_{a}ready")]
        ports += [(way, bits, f"m_axi_{end}") for way, bits, end in _DATA]
        return [(way, bits, name, f"{self.port}_{name.removeprefix('m_')}") for way, bits, name in ports]


_ADDRESS = (("addr", AXI_ADDRESS), ("len", 8), ("size", 3), ("burst", 2), ("valid", 1))
_DATA = (
    ("output", AXI_WORD, "wdata"), ("output", AXI_WORD // 8, "wstrb"), ("output", 1, "wlast"),
    ("output", 1, "wvalid"), ("input", 1, "wready"),
    ("input", 2, "bresp"), ("input", 1, "bvalid"), ("output", 1, "bready"),
    ("input", AXI_WORD, "rdata"), ("input", 2, "rresp"), ("input", 1, "rlast"), ("input", 1, "rvalid"),
    ("output", 1, "rready"),
)  # fmt: skip


def spills(netlist: Netlist) -> list[Spill]:
    """The spills of a netlist, in the order of their ports."""
    return [c for c in netlist.cells if isinstance(c, Spill)]


class WidthConverter(FreeRunning, LibraryCell):
    """Base of the converters: the same elements in another number of lanes."""

    @property
    def latency(self) -> int:
        return 1

    def params(self) -> dict[str, Param]:
        return {
            "XLanes": self.x.lanes,
            "YLanes": self.y.lanes,
            "ElemWidth": self.x.bits,
            **self.flow_params(),
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class Narrow(WidthConverter):
    """Width converter to fewer lanes.

    It runs freely behind cells that run freely and leave it the time to hand on a beat before the next one comes.
    """

    module: ClassVar[str] = "r4_width"

    @property
    def bursts(self) -> int:
        return self.x.lanes // self.y.lanes

    @property
    def holds(self) -> bool:
        return not self.x.flight or self.x.burst > 1 or self.x.gap < self.bursts

    @property
    def runs(self) -> bool:
        return self.x.flight > 0

    def timing(self) -> Timing:
        beats = np.arange(self.y.beats)
        return Timing(self.y.beats, (beats // self.bursts + 1,), (beats,), self.latency)


@dataclass(frozen=True, kw_only=True, eq=False)
class Widen(WidthConverter):
    """Width converter to more lanes."""

    module: ClassVar[str] = "r4_width"

    @property
    def ratio(self) -> int:
        return self.y.lanes // self.x.lanes

    def timing(self) -> Timing:
        return Timing(
            self.x.beats,
            (np.arange(self.x.beats) + 1,),
            (np.arange(self.y.beats) * self.ratio + self.ratio - 1,),
            self.latency,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class ForkCell(FreeRunning, LibraryCell):
    """Hands every beat to both outputs, y0 and y1. It runs freely behind cells that do."""

    module: ClassVar[str] = "r4_fork"

    @property
    def latency(self) -> int:
        return 0

    @property
    def holds(self) -> bool:
        return not self.x.flight

    @property
    def runs(self) -> bool:
        return self.x.flight > 0

    def params(self) -> dict[str, Param]:
        return {"Width": self.x.width, **self.flow_params()}

    def timing(self) -> Timing:
        return Timing.fork(self.x.beats)
