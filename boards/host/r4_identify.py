# SPDX-License-Identifier: Apache-2.0
"""Whether the hardware is the accelerator of a folder, and runs at its clock."""

from __future__ import annotations

from pathlib import Path

import r4_regs as regs
from r4_interface import KINDS, Interface
from r4_types import Mmio, WrongDevice

SCRATCH = 0x5A17C3E9  # any word
CLOCK_TOLERANCE = 0.01
CLOCK_TRIES = 5


def identify(mmio: Mmio, design: Interface, folder: Path) -> None:
    """Raises WrongDevice for any hardware but the design's: the map of registers comes first, then the design."""
    read = mmio.read32
    if (found := read(regs.R4_ID)) != regs.R4_ID_VALUE:
        raise WrongDevice(
            f"register ID must be 0x{regs.R4_ID_VALUE:08X}, not 0x{found:08X}; load the bitstream of {folder}"
        )
    if (found := read(regs.R4_VERSION)) >> 16 != regs.R4_VERSION_VALUE >> 16:
        raise WrongDevice(
            f"register VERSION must be 0x{regs.R4_VERSION_VALUE >> 16:04X}xxxx, not 0x{found:08X}; "
            "use the driver that was written with the bitstream"
        )
    signature = tuple(read(regs.R4_SIGNATURE0 + 4 * i) for i in range(4))
    if signature != design.signature:
        raise WrongDevice(
            f"the bitstream must hold design {_hex(design.signature)}, not {_hex(signature)}; "
            f"load the bitstream of {folder}"
        )
    mmio.write32(regs.R4_SCRATCH, SCRATCH)
    if (found := read(regs.R4_SCRATCH)) != SCRATCH:
        raise WrongDevice(
            f"register SCRATCH must keep 0x{SCRATCH:08X}, not 0x{found:08X}; see the register's address range "
            "in the device tree"
        )
    capabilities = read(regs.R4_CAPABILITIES)
    values = [
        ("BANDS", read(regs.R4_BANDS), design.bands),
        ("count bytes", _field(capabilities, "COUNT_BYTES"), design.count_dtype.itemsize),
        ("banded layouts", _field(capabilities, "BANDED"), int(design.banded)),
        ("kind of result", _field(capabilities, "RESULT"), KINDS[design.kind]),
        ("bytes of the memory port", _field(capabilities, "DATA_BYTES"), design.data_bytes),
        ("FRAME_ROWS", read(regs.R4_FRAME_ROWS), design.frame_rows),
        ("FRAME_COLUMNS", read(regs.R4_FRAME_COLUMNS), design.frame_columns),
        ("FRAME_BYTES", read(regs.R4_FRAME_BYTES), design.frame_bytes),
    ]
    if design.spill_bytes:
        values.append(("SPILL_BYTES", read(regs.R4_SPILL_BYTES), design.spill_bytes))
    for name, found, wanted in values:
        if found != wanted:
            raise WrongDevice(
                f"{name} of the bitstream must be {wanted}, as interface.json says, not {found}; "
                f"load the bitstream of {folder}"
            )


def measure_clock(mmio: Mmio, wanted: float, window: float) -> float:
    """The clock in MHz, by the hardware's counter over `window` seconds of the host's. Raises WrongDevice."""
    for _ in range(CLOCK_TRIES):
        a, first, b = mmio.now_ns(), mmio.read32(regs.R4_FREE_CYCLES), mmio.now_ns()
        mmio.sleep(window)
        c, last, d = mmio.now_ns(), mmio.read32(regs.R4_FREE_CYCLES), mmio.now_ns()
        cycles = (last - first) % 2**32
        least, most = cycles * 1000 / (d - a), cycles * 1000 / (c - b)
        if most - least <= CLOCK_TOLERANCE / 2 * most:
            break
    else:
        raise WrongDevice(
            f"the clock must be measured to {CLOCK_TOLERANCE:.0%}, not between {least:.1f} and {most:.1f} MHz; "
            "the host was too busy, try again"
        )
    mean = (least + most) / 2
    if not wanted * (1 - CLOCK_TOLERANCE) <= mean <= wanted * (1 + CLOCK_TOLERANCE):
        raise WrongDevice(
            f"the clock must be {wanted:.3f} MHz, not {mean:.3f} MHz; set PL0 by the overlay (load.sh)"
        )
    return mean


def _field(capabilities: int, name: str) -> int:
    mask: int = getattr(regs, f"R4_CAPABILITIES_{name}")
    shift: int = getattr(regs, f"R4_CAPABILITIES_{name}_SHIFT")
    return (capabilities & mask) >> shift


def _hex(signature: tuple[int, ...]) -> str:
    return "".join(word.to_bytes(4, "little").hex() for word in signature)
