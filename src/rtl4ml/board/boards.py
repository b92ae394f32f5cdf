# SPDX-License-Identifier: Apache-2.0
"""The boards: a folder each of `boards/`, of which board.toml says everything that is particular to it.

Its first entry beside the name is the flow that makes the bitstream: "vivado" (read here) or "open" (`ecp5/spec.py`).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from rtl4ml.board.tables import Table
from rtl4ml.device import Device
from rtl4ml.errors import BadInput

FLOW = "vivado"
_CLOCK_ERROR = 0.001  # share by which PL0 may be off the rate that was asked for


def root() -> Path:
    """The folder of the boards, with what they share (`vivado/`, `host/`)."""
    return Path(str(files("rtl4ml.boards")))


@dataclass(frozen=True)
class Segment:
    """A part of an address space: its name in Vivado's block design, offset and range in bytes.

    Segment("SAXIGP2/HP0_DDR_LOW", 0, 1 << 31) is the lower 2 GiB of the ZCU102's memory as port HP0 sees it.
    """

    name: str
    offset: int
    range: int

    @property
    def end(self) -> int:
        """The first address behind it."""
        return self.offset + self.range


@dataclass(frozen=True)
class Port:
    """A port of the processing system and the pin that clocks it."""

    name: str
    clock: str


@dataclass(frozen=True)
class Clock:
    """The clock of the programmable logic: source_mhz divided by a whole number from the lowest to the highest divisor.

    asked, actual: properties of the processing system that take the rate in MHz and tell what came of it

    Clock("pl_clk0", "pl_resetn0", 1499.985, (4, 63), "ASK", "GET").rate(250.0) is 1499.985 / 6 = 249.9975.
    """

    pin: str
    reset: str
    source_mhz: float
    divisors: tuple[int, int]
    asked: str
    actual: str

    @property
    def rates(self) -> tuple[float, ...]:
        """All rates in MHz, the fastest first."""
        return tuple(self.source_mhz / n for n in range(self.divisors[0], self.divisors[1] + 1))

    def rate(self, mhz: float) -> float:
        """The rate within 0.1 % of `mhz`, in MHz. Raises BadInput where there is none, with the nearest ones."""
        rates = self.rates
        best = min(rates, key=lambda r: abs(r - mhz))
        if abs(best - mhz) <= _CLOCK_ERROR * mhz:
            return best
        near = sorted(sorted(rates, key=lambda r: abs(r - mhz))[:3])
        raise BadInput(
            f"clock: must be {self.source_mhz:.7g} MHz divided by a whole number from {self.divisors[0]} to "
            f"{self.divisors[1]}, not {mhz:.7g}; take {', '.join(f'{r:.7g}' for r in near[:-1])} or {near[-1]:.7g}"
        )


@dataclass(frozen=True)
class Linux:
    """What a device tree overlay must say of the board; values as the bindings have them.

    interrupt: cells of the accelerator's interrupt; afi: pairs (register, value) of xlnx,afi-fpga; clock: number of PL0
    in the firmware's list; bus: label of the node that the accelerator hangs on
    """

    interrupt: tuple[int, ...]
    afi: tuple[tuple[int, int], ...]
    clock: int
    bus: str


@dataclass(frozen=True)
class SpillPort:
    """A port by which a network keeps a skip in memory.

    segments: pattern of all that it can reach; settings: "property value" of the processing system where it is used;
    afi: as in `Linux`, of this port
    """

    port: Port
    segments: str
    settings: tuple[str, ...]
    afi: tuple[tuple[int, int], ...]

    def segment(self, name: str) -> str:
        """A part of the memory as this port has it: "SAXIGP3/HP1_DDR_LOW" of "SAXIGP2/HP0_DDR_LOW"."""
        return self.segments.removesuffix("*") + name.partition("_")[2]


@dataclass(frozen=True)
class BoardSpec:
    """A board as board.toml describes it.

    folder:       where board.toml and the board's constraints lie
    tried, aim:   versions of Vivado that the flow ran in, and that it is written for
    uram:         UltraRAM blocks of 288 kbit; no cell uses them
    board_part:   pattern that Vivado's list of board parts is searched with
    control:      port that reads and writes the registers; data: port that the movers read and write memory by
    registers:    where the registers lie, in bytes, in the address space that `name` names
    segments:     pattern of all that the data port can reach; what is not in `memory` is excluded
    spills:       ports for skips in memory, as many as the board can have
    memory:       the parts of the memory that the accelerator may reach
    settings:     properties of the processing system beside its preset, in order
    leds:         pins of busy, done and error; empty where the board has none
    """

    name: str
    title: str
    folder: Path
    device: Device
    uram: int
    tried: tuple[str, ...]
    aim: tuple[str, ...]
    board_part: str
    ps_ip: str
    ps_rule: str
    irq: str
    clock: Clock
    control: Port
    registers: Segment
    data: Port
    data_bits: int
    address_bits: int
    segments: str
    spills: tuple[SpillPort, ...]
    memory: tuple[Segment, ...]
    settings: Mapping[str, int]
    leds: tuple[str, ...]
    linux: Linux

    @property
    def constraints(self) -> Path:
        """The file of the board's pins."""
        return self.folder / f"{self.name}.xdc"


def flows() -> dict[str, str]:
    """The flow of every board there is, "vivado" or "open", in alphabetical order of the boards."""
    found = {p.parent.name: Table.read(p.parent).take("flow", str) for p in root().glob("*/board.toml")}
    return dict(sorted(found.items()))


def names(flow: str = FLOW) -> tuple[str, ...]:
    """The boards of a flow, in alphabetical order."""
    return tuple(name for name, own in flows().items() if own == flow)


def flow(name: str) -> str:
    """The flow of a board. Raises BadInput for an unknown one, with those there are."""
    known = flows()
    if name not in known:
        raise BadInput(
            f"board: must be one of {', '.join(known)}, not {name!r}; take one of these or write "
            "boards/<name>/board.toml"
        )
    return known[name]


def board(name: str) -> BoardSpec:
    """The board of that name. Raises BadInput for an unknown one, with those there are, or one of another flow."""
    if (own := flow(name)) != FLOW:
        raise BadInput(
            f"board: must be one of Vivado's, {', '.join(names())}, not {name}, whose flow is {own}"
        )
    return read(root() / name)


def read(folder: Path) -> BoardSpec:
    """The board that a folder's board.toml describes. Raises BadInput where it is damaged or contradicts itself."""
    table = Table.read(folder)
    spec = _spec(folder, table)
    _check(spec, table.file)
    return spec


def _spec(folder: Path, t: Table) -> BoardSpec:
    device, vivado, clock, control = (
        t.table("device"),
        t.table("vivado"),
        t.table("clock"),
        t.table("control"),
    )
    data, leds, linux, memory = t.table("data"), t.table("leds"), t.table("linux"), t.tables("memory")
    spills = t.tables("spill")
    divisors = clock.values("divisors", int)
    pins = leds.values("pins", str)
    if pins:
        leds.take("iostandard", str)  # the constraints carry it; tests compare the two
    t.one_of("flow", FLOW)
    spec = BoardSpec(
        name=t.take("name", str),
        title=t.take("title", str),
        folder=folder,
        device=Device(
            device.take("name", str),
            device.take("part", str),
            lut=device.take("lut", int),
            ff=device.take("ff", int),
            dsp=device.take("dsp", int),
            bram36=device.take("bram36", int),
            dram_gbps=device.take("dram_gbps", float),
            dram_ports=len(spills),
        ),
        uram=device.take("uram", int),
        tried=t.values("tried", str),
        aim=t.values("aim", str),
        board_part=vivado.take("board_part", str),
        ps_ip=vivado.take("ps_ip", str),
        ps_rule=vivado.take("ps_rule", str),
        irq=vivado.take("irq", str),
        clock=Clock(
            clock.take("pin", str),
            clock.take("reset", str),
            clock.take("source_mhz", float),
            (divisors[0], divisors[-1]) if divisors else (1, 0),
            clock.take("asked", str),
            clock.take("actual", str),
        ),
        control=Port(control.take("port", str), control.take("clock", str)),
        registers=Segment(
            control.take("space", str), control.take("offset", int), control.take("range", int)
        ),
        data=Port(data.take("port", str), data.take("clock", str)),
        data_bits=data.take("bits", int),
        address_bits=data.take("address_bits", int),
        segments=data.take("segments", str),
        memory=tuple(
            Segment(m.take("segment", str), m.take("offset", int), m.take("range", int)) for m in memory
        ),
        spills=tuple(
            SpillPort(
                Port(s.take("port", str), s.take("clock", str)),
                s.take("segments", str),
                tuple(s.values("settings", str)),
                tuple((int(a[0]), int(a[1])) for a in s.values("afi", list)),
            )
            for s in spills
        ),
        settings=t.table("ps").numbers(),
        leds=pins,
        linux=Linux(
            linux.values("interrupt", int),
            tuple((int(a[0]), int(a[1])) for a in linux.values("afi", list)),
            linux.take("clock", int),
            linux.take("bus", str),
        ),
    )
    t.take("ps", dict)
    for table in (t, device, vivado, clock, control, data, leds, linux, *spills, *memory):
        table.done()
    return spec


def _check(spec: BoardSpec, file: str) -> None:
    """What must hold of every board."""
    rules = [
        (spec.name == spec.folder.name, f"name must be the folder's, {spec.folder.name}", spec.name),
        (spec.constraints.is_file(), f"{spec.name}.xdc must lie beside it", "missing"),
        (
            1 <= spec.clock.divisors[0] <= spec.clock.divisors[1],
            "divisors must rise from 1",
            spec.clock.divisors,
        ),
        (len(spec.leds) in (0, 3), "pins of LEDs must be three or none", len(spec.leds)),
        (len(set(spec.leds)) == len(spec.leds), "pins of LEDs must differ", spec.leds),
        (spec.data_bits == 128, "bits of the data port must be 128", spec.data_bits),
        (bool(spec.memory), "there must be memory", "none"),
    ]
    for part in (spec.registers, *spec.memory):
        power = part.range >= 4096 and part.range & (part.range - 1) == 0
        rules.append((power, f"range of {part.name} must be a power of two from 4096", hex(part.range)))
        rules.append(
            (
                part.offset % max(part.range, 1) == 0,
                f"offset of {part.name} must be aligned",
                hex(part.offset),
            )
        )
    for part in spec.memory:
        rules.append(
            (part.end <= 1 << spec.address_bits, f"{part.name} must end within the address", hex(part.end))
        )
    ordered = sorted(spec.memory, key=lambda m: m.offset)
    for low, high in itertools.pairwise(ordered):
        rules.append((low.end <= high.offset, f"memory must not overlap {low.name}", high.name))
    for held, rule, offender in rules:
        if not held:
            raise BadInput(f"{file}: {rule}, not {offender}; mend the file")
