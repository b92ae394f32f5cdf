# SPDX-License-Identifier: Apache-2.0
"""The resources of a device, and those that a design takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

ROW_ADDERS = 2  # adders between registers in r4_dot_pair, products made of rows in LUTs: five levels of logic
ROW_ELEMENTS = 2  # elements of a row of r4_dot_pair: their multiplexer shares a LUT6 with its adder
DRAM_HIDDEN = (
    464  # cycles for an answer that r4_spill hides at a word a cycle: 512 words ahead, less 3 bursts
)
ADDER_INPUTS = 3  # numbers that an adder of r4_sum_tree takes, where a LUT has two outputs


@dataclass(frozen=True)
class Memory:
    """The memory behind the AXI4 ports of a design, as simulations have it.

    latency: cycles from a write's last word to its response, and from a read's address to its first word
    bytes:   bytes a cycle, read and written together, by all ports

    Memory(200, 64) at 250 MHz answers after 800 ns and moves 16 GB/s.
    """

    latency: int = 200
    bytes: int = 64


@dataclass(frozen=True)
class Device:
    """An FPGA: its part number and what it holds.

    default_budget: the greatest share of each resource that a design may take unless more is asked for. A device that
                    is nearly full hardly closes timing: placement and routing need room. A rule of practice, no figure
                    of the data sheet.

    dsp_word:       bits of the wider side of a DSP slice's product; the other has 18
    double_clock:   whether its DSP slices can run at twice the clock of what is around them
    pump:           elements that a DSP slice may multiply in a cycle: 2 in a design with such a second clock

    row_adders:     adders that products in LUTs may have between two registers
    row_elements:   elements whose products in LUTs are made together: 2 where a LUT has six inputs, else 1
    adder_inputs:   numbers that an adder takes for one LUT and carry a bit: 3 where a LUT has two outputs, else 2
    late_weights:   cycles by which products get their weights later: 1 where memories are so far apart that addresses
                    must come out of registers, 2 where weights must pass another register on their way

    dram_gbps:      GB/s that its memory can be planned to move, read and written together; 0 where that is not known
    dram_ports:     skips that its boards have ports to that memory for; `skips="auto"` takes no more
    dram_latency:   cycles that this memory is assumed to take for an answer, at most `DRAM_HIDDEN`: no figure of a data
                    sheet

    hard_block_weight: what a share of DSP slices or of block RAM counts where a share of the LUTs counts 1. Hard blocks
                       stand in columns with wires of their own and serve nothing else, so nearly all of them can be
                       used; a device routes badly long before its LUTs are used up. A rule of practice, too.

    `ZCU102` holds 274,080 LUTs, of which a design may take 0.75 * 274,080 = 205,560.
    """

    name: str
    part: str
    lut: int
    ff: int
    dsp: int
    bram36: int
    default_budget: Mapping[str, float] = field(
        default_factory=lambda: {"lut": 0.75, "ff": 0.75, "dsp": 0.75, "bram36": 0.75}
    )
    dsp_word: int = 27
    double_clock: bool = True
    pump: int = 1
    row_adders: int = ROW_ADDERS
    row_elements: int = ROW_ELEMENTS
    adder_inputs: int = ADDER_INPUTS
    late_weights: int = 0
    hard_block_weight: float = 0.5
    dram_gbps: float = 0.0
    dram_ports: int = 0
    dram_latency: int = 200

    @cached_property
    def capacity(self) -> dict[str, int]:
        """Number of each resource on the device, by its name in report.json."""
        return {"lut": self.lut, "ff": self.ff, "dsp": self.dsp, "bram36": self.bram36}

    @cached_property
    def identity(self) -> str:
        """All that it is, as text: equal devices have equal ones, in every process."""
        return repr(self)

    def prices(self, given: Mapping[str, float] | None = None) -> dict[str, float]:
        """The price of all that there is of each resource: its weight, or what is given instead."""
        return {**self.weights, **(given or {})}

    def price(self, resources: Resources, prices: Mapping[str, float]) -> float:
        """The price of resources: the sum of prices times shares."""
        return float(sum(prices[k] * getattr(resources, k) / v for k, v in self.capacity.items()))

    @property
    def budgeted(self) -> tuple[str, ...]:
        """What a design may be allowed a share of: its resources, and what its memory moves, where that is known."""
        return (*self.capacity, *(("dram",) if self.dram_gbps else ()))

    @cached_property
    def weights(self) -> dict[str, float]:
        """What a share of each resource counts where designs are compared."""
        return {k: self.hard_block_weight if k in ("dsp", "bram36") else 1.0 for k in self.capacity}

    def memory(self, clock_mhz: float) -> Memory:
        """Its memory as a design at that clock sees it."""
        return Memory(self.dram_latency, max(1, int(self.dram_gbps * 1000 / clock_mhz)))

    def pumped(self) -> Device:
        """The device for a design with a second clock of twice the rate: slices make two products a cycle."""
        return replace(self, pump=2)

    def shares(self, budget: Mapping[str, float] | None, target_interval: int | None) -> dict[str, float]:
        """The greatest share of every resource that a design may take.

        A resource that `budget` does not name has the default share. With a target interval that is the whole device:
        of all foldings that meet the interval the cheapest are chosen anyway, so a smaller share would only refuse a
        design. The report says where a design takes more than the default.
        """
        default = self.default_budget if target_interval is None else dict.fromkeys(self.capacity, 1.0)
        return {**default, **(budget or {})}


# Capacities: DS891, table of Zynq UltraScale+ EG devices; there is no UltraRAM. Memory: DDR4-2133 of 64 bits moves
# 17.07 GB/s at most, of which Manev, Vaishnav and Koch (FPT 2019) measured 75 % on the ZCU102.
ZCU102 = Device(
    "XCZU9EG",
    "xczu9eg-ffvb1156-2-e",
    lut=274_080,
    ff=548_160,
    dsp=2_520,
    bram36=912,
    dram_gbps=12.8,
    dram_ports=2,
)


def _virtex(name: str, part: str, clbs: int, dsp: int, bram36: int) -> Device:
    """A Virtex UltraScale+ of so many CLBs, each of eight LUTs and 16 flip-flops; nothing is said of its memory."""
    return Device(name, part, lut=8 * clbs, ff=16 * clbs, dsp=dsp, bram36=bram36)


# All dies of a device together. An Alveo card carries a Virtex UltraScale+ under another name: XCU200 is a VU9P, XCU250
# a VU13P, XCU280 and XCU55C a VU37P, XCU50 a VU35P. A card's platform takes a part of it, which is not taken off here.
# UltraRAM is not used.
#
# Capacities: those of AMD's DS890 as others quote them; DS890 itself was not at hand, so they were not read in it. They
# were compared with public tables of UltraScale+ devices, which have CLBs, DSP slices and block RAMs of XCU50, XCU55C
# and XCU280 as here, and VU3P, three of which are a VU9P, with 49,260 CLBs, 2,280 slices and 720 block RAMs; and with
# scripts published with runs of Vivado, which have all four figures of XCVU9P and of XCU250.
_VIRTEX = (
    _virtex("XCVU9P", "xcvu9p-flga2104-2L-e", 147_780, 6_840, 2_160),
    _virtex("XCVU13P", "xcvu13p-flga2577-2-e", 216_000, 12_288, 2_688),
    _virtex("XCU50", "xcu50-fsvh2104-2-e", 108_960, 5_952, 1_344),
    _virtex("XCU55C", "xcu55c-fsvh2892-2L-e", 162_960, 9_024, 2_016),
    _virtex("XCU200", "xcu200-fsgd2104-2-e", 147_780, 6_840, 2_160),
    _virtex("XCU250", "xcu250-figd2104-2L-e", 216_000, 12_288, 2_688),
    _virtex("XCU280", "xcu280-fsvh2892-2L-e", 162_960, 9_024, 2_016),
)
DEVICES = {d.part: d for d in (ZCU102, *_VIRTEX)}


@dataclass(frozen=True)
class Resources:
    """LUT, flip-flops, DSP48E2 and RAMB36 (an RAMB18 counts half).

    Resources(120, 64, 2, 0.5) + Resources(30, 16) is Resources(150, 80, 2, 0.5).
    """

    lut: float = 0
    ff: float = 0
    dsp: float = 0
    bram36: float = 0

    def __add__(self, o: Resources) -> Resources:
        return Resources(self.lut + o.lut, self.ff + o.ff, self.dsp + o.dsp, self.bram36 + o.bram36)


def total(found: Iterable[Resources]) -> Resources:
    """The sum."""
    return sum(found, Resources())
