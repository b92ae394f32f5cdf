# SPDX-License-Identifier: Apache-2.0
"""The register map of a board's shell: the one place that says addresses, bits and meanings.

`write` makes three files of it, all with the same names:

    regs.json   for any other tool
    r4_regs.h   #define R4_STATUS 0x01Cu             for r4.c and the simulation
    r4_regs.py  R4_STATUS = 0x01C                    for r4.py, which imports nothing of rtl4ml

Names, by example (all addresses are bytes from the start of the map):

    R4_ID, R4_VERSION, R4_SIGNATURE0 to R4_SIGNATURE3, R4_CONTROL, R4_STATUS, R4_SRC_LOW, R4_SRC_HIGH, R4_DST_LOW,
    R4_DST_HIGH, R4_FRAMES, R4_ROWS, R4_COLUMNS, R4_BANDS, R4_ROW_STRIDE, R4_ROW_BYTES, R4_BAND_STRIDE, R4_LAYOUT,
    R4_CAPABILITIES, R4_FRAME_ROWS, R4_FRAME_COLUMNS, R4_FRAME_BYTES, R4_CYCLES_LOW, R4_CYCLES_HIGH, R4_STARVED,
    R4_BLOCKED, R4_FRAMES_DONE, R4_FIRST_FRAME, R4_FRAME_ERRORS, R4_AXI_ERRORS, R4_SPILL_LOW, R4_SPILL_HIGH,
    R4_SPILL_BYTES, R4_SCRATCH, R4_FREE_CYCLES
    R4_CONTROL_START, R4_CONTROL_ABORT, R4_CONTROL_IRQ_ENABLE, R4_CONTROL_CLEAR       fields: the mask, in its place
    R4_STATUS_BUSY, R4_STATUS_DONE, R4_STATUS_READ_ERROR, R4_STATUS_WRITE_ERROR, R4_STATUS_FRAME_ERROR,
    R4_STATUS_ABORTED, R4_STATUS_BAD_LENGTH, R4_LAYOUT_BANDED, R4_CAPABILITIES_COUNT_BYTES, R4_CAPABILITIES_BANDED,
    R4_CAPABILITIES_RESULT, R4_CAPABILITIES_DATA_BYTES
    R4_CONTROL_START_SHIFT ...                                                        fields: the lowest bit's number
    R4_ID_VALUE, R4_VERSION_VALUE, R4_MAP_BYTES, R4_DST_ALIGN, R4_SPILL_ALIGN, R4_RESULT_RAW, R4_RESULT_MAP,
    R4_RESULT_MASK
                                                                                      values
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

PREFIX = "R4_"

# Values that both sides know.
CONSTANTS: Mapping[str, int] = {
    "ID_VALUE": 0x4C4D3452,  # "R4ML", the first letter in the lowest byte
    "VERSION_VALUE": 0x00010000,
    "MAP_BYTES": 0x1000,
    "DST_ALIGN": 16,
    "SPILL_ALIGN": 4096,
    "RESULT_RAW": 0,
    "RESULT_MAP": 1,
    "RESULT_MASK": 2,
}


@dataclass(frozen=True)
class Field:
    """Bits of a register.

    Field("RESULT", 8, 2, "...") is bits 9:8; its mask is 0x300.
    """

    name: str
    low: int
    width: int
    meaning: str

    @property
    def mask(self) -> int:
        return ((1 << self.width) - 1) << self.low


@dataclass(frozen=True)
class Register:
    """A word of 32 bits.

    access: "ro" written by hardware alone, "rw" kept as written, "wo" reads as 0 (its kept bits aside)
    job:    whether it belongs to a job's description: writes are ignored while a job runs
    """

    name: str
    address: int
    access: Literal["ro", "rw", "wo"]
    meaning: str
    fields: tuple[Field, ...] = ()
    job: bool = False


def _job(name: str, address: int, meaning: str, fields: tuple[Field, ...] = ()) -> Register:
    return Register(name, address, "rw", meaning, fields, job=True)


REGISTERS: tuple[Register, ...] = (
    Register("ID", 0x000, "ro", "ID_VALUE"),
    Register("VERSION", 0x004, "ro", "of this map: VERSION_VALUE; another upper half is another map"),
    *(
        Register(
            f"SIGNATURE{i}", 0x008 + 4 * i, "ro", f"word {i} of the first 128 bits of the design's identity"
        )
        for i in range(4)
    ),
    Register(
        "CONTROL",
        0x018,
        "wo",
        "commands; IRQ_ENABLE alone is kept, so every write says it again",
        (
            Field("START", 0, 1, "1 starts the job; ignored while busy"),
            Field("ABORT", 1, 1, "1 ends the running job early; ignored while none runs"),
            Field("IRQ_ENABLE", 2, 1, "irq_o follows DONE; kept"),
            Field("CLEAR", 3, 1, "1 clears DONE and so irq_o"),
        ),
    ),
    Register(
        "STATUS",
        0x01C,
        "ro",
        "of the running job, or of the last one until the next start",
        (
            Field("BUSY", 0, 1, "a job runs"),
            Field("DONE", 1, 1, "the job has ended, well or not; until CLEAR or the next start"),
            Field("READ_ERROR", 2, 1, "memory answered a read with an error"),
            Field("WRITE_ERROR", 3, 1, "memory answered a write with an error"),
            Field("FRAME_ERROR", 4, 1, "the network was given a frame of a wrong length"),
            Field(
                "ABORTED",
                5,
                1,
                "the job was ended early, by ABORT or by hardware; all bus traffic was completed",
            ),
            Field("BAD_LENGTH", 6, 1, "frames and runs do not agree, FRAMES is 0, or DST is not aligned"),
        ),
    ),
    _job("SRC_LOW", 0x020, "address of the counts, bits 31:0; a multiple of the bytes of a count"),
    _job("SRC_HIGH", 0x024, "address of the counts, bits 63:32; those beyond the address width are dropped"),
    _job("DST_LOW", 0x028, "address of the result, bits 31:0; a multiple of DST_ALIGN"),
    _job("DST_HIGH", 0x02C, "address of the result, bits 63:32; those beyond the address width are dropped"),
    _job("FRAMES", 0x030, "frames of the job: pixels or images, at least 1"),
    _job("ROWS", 0x034, "rows of the cube, at least 1"),
    _job("COLUMNS", 0x038, "columns of the cube, at least 1"),
    Register("BANDS", 0x03C, "ro", "counts a pixel"),
    _job("ROW_STRIDE", 0x040, "bytes from a row to the next: of all bands (BIP, BIL) or of one band (BSQ)"),
    _job("ROW_BYTES", 0x044, "bytes of a row of all bands; only for BIP"),
    _job("BAND_STRIDE", 0x048, "bytes from a band to the next of the same row; only for BIL and BSQ"),
    _job(
        "LAYOUT",
        0x04C,
        "how the counts lie",
        (
            Field(
                "BANDED", 0, 1, "1: a band's columns are neighbours (BIL, BSQ); 0: a pixel's bands are (BIP)"
            ),
        ),
    ),
    Register(
        "CAPABILITIES",
        0x050,
        "ro",
        "what the design was made for",
        (
            Field("COUNT_BYTES", 0, 4, "bytes of a count, 1 or 2, little endian"),
            Field("BANDED", 4, 1, "BIL and BSQ are possible; without it LAYOUT is taken as BIP"),
            Field("RESULT", 8, 2, "RESULT_RAW, RESULT_MAP or RESULT_MASK"),
            Field("DATA_BYTES", 16, 8, "bytes of the memory port"),
        ),
    ),
    Register("FRAME_ROWS", 0x054, "ro", "rows of a frame: 1 for networks of single pixels"),
    Register("FRAME_COLUMNS", 0x058, "ro", "columns of a frame"),
    Register("FRAME_BYTES", 0x05C, "ro", "bytes of a frame's result"),
    Register("CYCLES_LOW", 0x060, "ro", "cycles that the job was busy, bits 31:0"),
    Register(
        "CYCLES_HIGH", 0x064, "ro", "cycles that the job was busy, bits 63:32, of the last read of CYCLES_LOW"
    ),
    Register("STARVED", 0x068, "ro", "cycles in which the network could take input and none was there"),
    Register("BLOCKED", 0x06C, "ro", "cycles in which the network offered output that was not taken"),
    Register("FRAMES_DONE", 0x070, "ro", "frames that the network has given"),
    Register("FIRST_FRAME", 0x074, "ro", "cycles from start to the first frame's last output beat"),
    Register("FRAME_ERRORS", 0x078, "ro", "frames of a wrong length that the network was given"),
    Register("AXI_ERRORS", 0x07C, "ro", "answers of memory that were errors"),
    _job(
        "SPILL_LOW",
        0x080,
        "address of SPILL_BYTES of memory that nobody else uses, bits 31:0; a multiple of SPILL_ALIGN",
    ),
    _job("SPILL_HIGH", 0x084, "that address, bits 63:32; those beyond the address width are dropped"),
    Register("SPILL_BYTES", 0x088, "ro", "bytes that the network keeps in memory while a job runs; 0: none"),
    Register("SCRATCH", 0x0F0, "rw", "kept, without any effect"),
    Register("FREE_CYCLES", 0x0F4, "ro", "cycles since reset, modulo 2**32"),
)


def constants() -> dict[str, int]:
    """Every name of the three files, with its prefix, to its value, in the order of the map."""
    out = {PREFIX + name: value for name, value in CONSTANTS.items()}
    for r in REGISTERS:
        out[PREFIX + r.name] = r.address
        for f in r.fields:
            out[f"{PREFIX}{r.name}_{f.name}"] = f.mask
            out[f"{PREFIX}{r.name}_{f.name}_SHIFT"] = f.low
    return out


def json_text() -> str:
    """The map for other tools: constants, and registers with address, access, meaning and fields."""
    registers: list[dict[str, Any]] = []
    for r in REGISTERS:
        fields = [{"name": f.name, "low": f.low, "width": f.width, "meaning": f.meaning} for f in r.fields]
        registers.append(
            {"name": r.name, "address": r.address, "access": r.access, "meaning": r.meaning, "fields": fields}
        )
    return json.dumps({"constants": dict(CONSTANTS), "registers": registers}, indent=1) + "\n"


def header_text() -> str:
    """r4_regs.h: C99 and C++ names of the map."""
    lines = [
        "/* SPDX-License-Identifier: Apache-2.0 */",
        "/* The register map of rtl4ml's board shell; generated from rtl4ml/board/registers.py, do not edit. */",
        "#ifndef R4_REGS_H",
        "#define R4_REGS_H",
    ]
    lines += ["\n/* values */", *(f"#define {PREFIX}{n} 0x{v:08X}u" for n, v in CONSTANTS.items())]
    for r in REGISTERS:
        lines.append(f"\n/* {r.access}: {r.meaning} */\n#define {PREFIX}{r.name} 0x{r.address:03X}u")
        for f in r.fields:
            name = f"{PREFIX}{r.name}_{f.name}"
            lines.append(f"#define {name} 0x{f.mask:08X}u /* {f.meaning} */\n#define {name}_SHIFT {f.low}u")
    return "\n".join([*lines, "\n#endif"]) + "\n"


def python_text() -> str:
    """r4_regs.py: Python names of the map, without any import."""
    lines = [
        "# SPDX-License-Identifier: Apache-2.0",
        '"""The register map of rtl4ml\'s board shell; generated from rtl4ml/board/registers.py, do not edit."""',
        "",
        "# values",
    ]
    lines += [f"{PREFIX}{n} = 0x{v:08X}" for n, v in CONSTANTS.items()]
    for r in REGISTERS:
        lines += ["", f"# {r.access}: {r.meaning}", f"{PREFIX}{r.name} = 0x{r.address:03X}"]
        for f in r.fields:
            name = f"{PREFIX}{r.name}_{f.name}"
            lines += [f"# {f.meaning}", f"{name} = 0x{f.mask:08X}", f"{name}_SHIFT = {f.low}"]
    return "\n".join(lines) + "\n"


def write(folder: Path) -> tuple[Path, ...]:
    """Writes regs.json, r4_regs.h and r4_regs.py into `folder`; gives their paths."""
    texts = {"regs.json": json_text(), "r4_regs.h": header_text(), "r4_regs.py": python_text()}
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return tuple(folder / name for name in texts)
