# SPDX-License-Identifier: Apache-2.0
"""A board of the open flow as its board.toml describes it, and the rate of its serial line."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from rtl4ml.board.boards import flow, names, root
from rtl4ml.board.ecp5.pll import Limits
from rtl4ml.board.tables import Table
from rtl4ml.device import Device
from rtl4ml.errors import BadInput

FLOW = "open"
_BIT_CYCLES = 8  # of the clock, at least; the receiver samples a bit to within two cycles of its middle
_BAUD_ERROR = Fraction(
    2, 100
)  # share by which the line may be off its rate; sender and receiver bear 5 % together


@dataclass(frozen=True)
class Holds:
    """What the device holds, in its own units: LUT4, flip-flops, 18 x 18 multipliers, block RAMs of 18 kbit.

    Holds(83640, 83640, 156, 208) is an LFE5U-85F.
    """

    lut4: int
    ff: int
    mult18: int
    dp16kd: int


@dataclass(frozen=True)
class Line:
    """A rate of the serial line: bits a second, the cycles of a bit, and how far the line is off, as a share.

    Line(3_000_000, 42, Fraction(-1, 126)) at 125 MHz: 125 MHz / 42 is 0.79 % less than 3 Mbaud.
    """

    baud: int
    divider: int
    error: Fraction


@dataclass(frozen=True)
class OpenBoard:
    """A board of the open flow.

    folder:  where board.toml and the constraints lie
    device:  part, and what the folding search may take in the units of its model (LUT6, DSP48E2, RAMB36)
    holds:   the same in the device's units
    size, package, speed: as nextpnr-ecp5 has them: "85k", "CABGA381", speed grade 6
    pll:     oscillator and limits of the PLL; asked_mhz: what the router is asked for first
    bauds:   rates of the serial line, the fastest first
    idle_ms: after so many milliseconds without a byte a packet is given up
    """

    name: str
    title: str
    folder: Path
    device: Device
    holds: Holds
    size: str
    package: str
    speed: int
    clock_pin: str
    pll: Limits
    asked_mhz: float
    bauds: tuple[int, ...]
    idle_ms: int

    @property
    def constraints(self) -> Path:
        """The file of the board's pins."""
        return self.folder / f"{self.name}.lpf"

    def line(self, clock_mhz: Fraction, *, byte_cycles: int = 0) -> Line:
        """The fastest rate of the serial line within 2 % of a whole number of cycles a bit.

        byte_cycles: cycles that a byte must take at least, ten bits; so slow is the network

        Raises BadInput where there is none.
        """
        clock_hz = clock_mhz * 1_000_000
        for baud in self.bauds:
            exact = clock_hz / baud
            divider = max(1, round(exact))
            error = exact / divider - 1
            if divider >= _BIT_CYCLES and 10 * divider >= byte_cycles and abs(error) <= _BAUD_ERROR:
                return Line(baud, divider, error)
        raise BadInput(
            f"serial line: a byte must take at least {max(byte_cycles, 10 * _BIT_CYCLES):,} cycles of "
            f"{float(clock_mhz):.7g} MHz, which no rate from {self.bauds[0]:,} to {self.bauds[-1]:,} baud does; "
            "give a smaller target_interval or another clock"
        )


def board(name: str) -> OpenBoard:
    """The board of that name. Raises BadInput for an unknown one, with those there are, or one of another flow."""
    if (own := flow(name)) != FLOW:
        raise BadInput(
            f"board: must be one of the open flow, {', '.join(names(FLOW))}, not {name}, whose flow is {own}"
        )
    return read(root() / name)


def read(folder: Path) -> OpenBoard:
    """The board that a folder's board.toml describes. Raises BadInput where it is damaged or contradicts itself."""
    t = Table.read(folder)
    t.one_of("flow", FLOW)
    device, folding, clock, serial = (t.table(k) for k in ("device", "folding", "clock", "serial"))
    holds = Holds(*(device.take(k, int) for k in ("lut4", "ff", "mult18", "dp16kd")))
    spec = OpenBoard(
        name=t.take("name", str),
        title=t.take("title", str),
        folder=folder,
        device=Device(
            device.take("name", str),
            device.take("part", str),
            lut=folding.take("lut", int),
            ff=folding.take("ff", int),
            dsp=folding.take("dsp", int),
            bram36=folding.take("bram36", int),
            dsp_word=folding.take("dsp_word", int),
            double_clock=False,
            late_weights=2,
            row_adders=folding.take("row_adders", int),
            row_elements=folding.take("row_elements", int),
            adder_inputs=folding.take("adder_inputs", int),
        ),
        holds=holds,
        size=device.take("size", str),
        package=device.take("package", str),
        speed=device.take("speed", int),
        clock_pin=clock.take("pin", str),
        pll=Limits(
            Fraction(clock.take("source_mhz", float)),
            _bounds(clock, "pfd_mhz"),
            _bounds(clock, "vco_mhz"),
            _bounds(clock, "output_mhz"),
        ),
        asked_mhz=clock.take("asked_mhz", float),
        bauds=serial.values("bauds", int),
        idle_ms=serial.take("idle_ms", int),
    )
    for table in (t, device, folding, clock, serial):
        table.done()
    _check(spec, t.file)
    return spec


def _bounds(table: Table, key: str) -> tuple[Fraction, Fraction]:
    found = table.values(key, float)
    if len(found) != 2 or not 0 < found[0] < found[1]:
        raise BadInput(f"{table.file}: {key} must be two rates that rise, not {list(found)}; mend the file")
    return Fraction(found[0]), Fraction(found[1])


def _check(spec: OpenBoard, file: str) -> None:
    """What must hold of every board of this flow."""
    rules = [
        (spec.name == spec.folder.name, f"name must be the folder's, {spec.folder.name}", spec.name),
        (spec.constraints.is_file(), f"{spec.name}.lpf must lie beside it", "missing"),
        (bool(spec.bauds), "there must be bauds", "none"),
        (list(spec.bauds) == sorted(spec.bauds, reverse=True), "bauds must fall", list(spec.bauds)),
        (spec.idle_ms > 0, "idle_ms must be above 0", spec.idle_ms),
        (spec.speed in (6, 7, 8), "speed must be 6, 7 or 8", spec.speed),
    ]
    for held, rule, offender in rules:
        if not held:
            raise BadInput(f"{file}: {rule}, not {offender}; mend the file")
