# SPDX-License-Identifier: Apache-2.0
"""Altered drivers of the board: no scenario passes all of them, so each fault of its kind is found."""

from __future__ import annotations

import shutil
from pathlib import Path

import board_drivers
import pytest
from board_drivers import Alter
from board_scenarios import PYTHON_SCENARIOS, SCENARIOS, maker

NEEDS_CC = pytest.mark.skipif(shutil.which("cc") is None, reason="needs cc, a C compiler")

PYTHON_MUTANTS: dict[str, Alter] = {
    "no flush of the counts": ("r4.py", "        counts.flush(job.count_bytes)\n", ""),
    "no flush of the result": (
        "r4.py",
        "        result.flush(job.result_bytes)  # no line of an earlier result may be written over what comes\n",
        "",
    ),
    "half a flush": ("r4.py", "counts.flush(job.count_bytes)", "counts.flush(job.count_bytes // 2)"),
    "no invalidate": ("r4.py", "        result.invalidate(job.result_bytes)\n", ""),
    "wrong row stride": (
        "r4.py",
        'line if job.layout == "bsq" else line * bands',
        "line * bands",
    ),
    "wrong band stride": ("r4.py", '"bsq": line * job.rows', '"bsq": line * job.columns'),
    "rows' bytes are those of a band": (
        "r4.py",
        "write(regs.R4_ROW_BYTES, line * bands)",
        "write(regs.R4_ROW_BYTES, line)",
    ),
    "start before lengths": (
        "r4.py",
        "        write = self._mmio.write32\n",
        "        write = self._mmio.write32\n        write(regs.R4_CONTROL, 5)\n",
    ),
    "lower half of an address alone": ("r4.py", "counts.address >> 32", "0"),
    "interrupt not enabled": (
        "r4.py",
        "regs.R4_CONTROL_IRQ_ENABLE | regs.R4_CONTROL_START",
        "regs.R4_CONTROL_START",
    ),
    "interrupt not taken back": (
        "r4.py",
        "        mmio.write32(regs.R4_CONTROL, regs.R4_CONTROL_CLEAR)\n        if counted",
        "        if counted",
    ),
    "interrupt taken for the end": (
        "r4.py",
        "if status & regs.R4_STATUS_DONE:",
        "if fired or status & regs.R4_STATUS_DONE:",
    ),
    "missing interrupt not seen": ("r4.py", "fired = fired or mmio.wait_irq(IRQ_SECONDS)", "fired = True"),
    "no look at errors": ("r4.py", "bad = status & ~(regs.R4_STATUS_DONE | regs.R4_STATUS_BUSY)", "bad = 0"),
    "no abort after the time limit": ("r4.py", 'self._drain("a job that did not end")', "pass"),
    "drain not waited for": (
        "r4.py",
        "while mmio.read32(regs.R4_STATUS) & regs.R4_STATUS_BUSY:",
        "while False:",
    ),
    "abort only forgets": ("r4.py", '            self._drain("abort")', "            pass"),
    "left job not ended": ("r4.py", "        self._settle()\n", ""),
    "signature not compared": ("r4_identify.py", "if signature != design.signature:", "if not signature:"),
    "map of registers not compared": (
        "r4_identify.py",
        "regs.R4_VERSION)) >> 16 !=",
        "regs.R4_VERSION)) >> 32 >",
    ),
    "capabilities not compared": ("r4_identify.py", "if found != wanted:", "if found is None:"),
    "clock not compared": (
        "r4_identify.py",
        "if not wanted * (1 - CLOCK_TOLERANCE) <= mean",
        "if not 0 <= mean",
    ),
    "clock that wraps": ("r4_identify.py", "(last - first) % 2**32", "last - first"),
    "one frame less": ("r4.py", "write(regs.R4_FRAMES, job.frames)", "write(regs.R4_FRAMES, job.frames - 1)"),
    "images of any size": (
        "r4_interface.py",
        "if self.frame_pixels > 1 and (",
        "if self.frame_pixels > 10**9 and (",
    ),
    "mask bits the wrong way": ("r4_interface.py", 'bitorder="little"', 'bitorder="big"'),
    "mask rows not padded": (
        "r4_interface.py",
        "return rows * -(-columns // 8)",
        "return -(-rows * columns // 8)",
    ),
    "another's job not seen": (
        "r4.py",
        "if self._mmio.read32(regs.R4_STATUS) & regs.R4_STATUS_BUSY:\n            raise",
        "if False:\n            raise",
    ),
    "an interrupted job is forgotten": (
        "r4.py",
        "        error = self._finish(timeout)",
        "        self._running = False\n        error = self._finish(timeout)",
    ),
    "second buffer is the first": ("r4.py", "if i not in used)", "if i == 0)"),
}

C_MUTANTS: dict[str, Alter] = {
    "no flush of the counts": ("r4.c", "  d->io.flush(d->io.context, counts, in);\n", ""),
    "no flush of the result": (
        "r4.c",
        "  d->io.flush(d->io.context, result, out);",
        "",
    ),
    "half a flush": ("r4.c", "counts, in);", "counts, in / 2);"),
    "no invalidate": ("r4.c", "  d->io.invalidate(d->io.context, &d->result, d->result_bytes);\n", ""),
    "wrong row stride": ("r4.c", "cube->layout == R4_BSQ ? line : line * i->bands", "line * i->bands"),
    "wrong band stride": ("r4.c", "? line : line * cube->rows", "? line : line * cube->columns"),
    "rows' bytes are those of a band": (
        "r4.c",
        "put(d, R4_ROW_BYTES, line * i->bands)",
        "put(d, R4_ROW_BYTES, line)",
    ),
    "start before lengths": (
        "r4.c",
        "  put(d, R4_SRC_LOW,",
        "  put(d, R4_CONTROL, 5);\n  put(d, R4_SRC_LOW,",
    ),
    "lower half of an address alone": ("r4.c", "(uint32_t)(counts->address >> 32)", "0"),
    "interrupt not enabled": ("r4.c", "R4_CONTROL_IRQ_ENABLE | R4_CONTROL_START", "R4_CONTROL_START"),
    "interrupt not taken back": ("r4.c", "  put(d, R4_CONTROL, R4_CONTROL_CLEAR);\n  if (bad)", "  if (bad)"),
    "interrupt taken for the end": (
        "r4.c",
        "if (d->status & R4_STATUS_DONE) break;",
        "if (fired || d->status & R4_STATUS_DONE) break;",
    ),
    "missing interrupt not seen": (
        "r4.c",
        "if (fired != 1) fired = d->io.wait_irq(d->io.context, IRQ_NS);",
        "fired = 1;",
    ),
    "no look at errors": ("r4.c", "bad = d->status & ~(R4_STATUS_DONE | R4_STATUS_BUSY)", "bad = 0"),
    "no abort after the time limit": ("r4.c", "      if (drain(d) != R4_OK) return R4_STUCK;\n", ""),
    "drain not waited for": ("r4.c", "while (get(d, R4_STATUS) & R4_STATUS_BUSY) {", "while (0) {"),
    "abort only forgets": ("r4.c", "return drain(d) == R4_OK ? well(d) : R4_STUCK;", "return well(d);"),
    "left job not ended": (
        "r4.c",
        "(get(d, R4_STATUS) & R4_STATUS_BUSY)) error = drain(d);",
        "0) error = drain(d);",
    ),
    "signature not compared": (
        "r4.c",
        "for (int k = 0; k < 4; k++)\n    if (signature",
        "for (int k = 0; k < 0; k++)\n    if (signature",
    ),
    "signature compared in part": (
        "r4.c",
        "for (int k = 0; k < 4; k++)\n    if (signature",
        "for (int k = 0; k < 3; k++)\n    if (signature",
    ),
    "map of registers not compared": ("r4.c", "if (found >> 16 != R4_VERSION_VALUE >> 16)", "if (0)"),
    "capabilities not compared": ("r4.c", "if (values[k].found != values[k].wanted)", "if (0)"),
    "clock not compared": ("r4.c", "mean * 100u < wanted * 99u ||", ""),
    "one frame less": (
        "r4.c",
        "put(d, R4_FRAMES, cube->rows * cube->columns /",
        "put(d, R4_FRAMES, (cube->rows * cube->columns - 1) /",
    ),
    "images of any size": ("r4.c", "i->frame_rows * i->frame_columns > 1 &&", "0 &&"),
    "mask rows not padded": (
        "r4.c",
        "(size_t)c->rows * ((c->columns + 7) / 8)",
        "((size_t)c->rows * c->columns + 7) / 8",
    ),
    "another's job not seen": (
        "r4.c",
        "if (get(d, R4_STATUS) & R4_STATUS_BUSY)\n    return",
        "if (0)\n    return",
    ),
    "two jobs at once": ("r4.c", "if (d->running) return fail", "if (0) return fail"),
}
MUTANTS = [
    *(pytest.param("python", alter, id=f"python-{name}") for name, alter in PYTHON_MUTANTS.items()),
    *(pytest.param("c", alter, id=f"c-{name}", marks=NEEDS_CC) for name, alter in C_MUTANTS.items()),
]


@pytest.mark.gate
@pytest.mark.parametrize(("language", "alter"), MUTANTS)
def test_mutant_is_found(language: str, alter: Alter, tmp_path: Path) -> None:
    make = maker(board_drivers.build(language, tmp_path, alter), tmp_path)
    for scenario in (*SCENARIOS, *(PYTHON_SCENARIOS if language == "python" else [])):
        try:
            scenario(make)
        except (Exception, pytest.fail.Exception):  # noqa: BLE001 - anything tells it from the driver
            return
    pytest.fail("every scenario passes: no test tells this driver from the right one")
