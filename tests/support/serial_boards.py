# SPDX-License-Identifier: Apache-2.0
"""Boards behind a serial line around a stand-in for a network, and runs of their bench."""

from __future__ import annotations

import json
import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any

import board_nets
import numpy as np
from numpy.typing import NDArray

from rtl4ml.board import boards
from rtl4ml.board.ecp5 import pll, serial, spec
from rtl4ml.board.ecp5.serial import SerialShell
from rtl4ml.board.ecp5.spec import Line
from rtl4ml.board.values import Shell
from rtl4ml.emit.library import library, modules
from rtl4ml.simulation.protocol import BenchResult, run_bench

BENCH = "rtl4ml.sim.tb_serial"
PERIOD_NS = 8
DIVIDER = 8
IDLE_CYCLES = 2000
# The PLL as simulation knows it: the clock comes out as it goes in.
_PLL = """// SPDX-License-Identifier: Apache-2.0
module EHXPLLL #(
  parameter CLKI_DIV = 1, CLKFB_DIV = 1, CLKOP_ENABLE = "", CLKOP_DIV = 1, CLKOP_CPHASE = 0, CLKOP_FPHASE = 0,
  parameter CLKOS_ENABLE = "", CLKOS_DIV = 1, CLKOS_CPHASE = 0, CLKOS_FPHASE = 0, FEEDBK_PATH = "", PLLRST_ENA = "",
  parameter INTFB_WAKE = "", STDBY_ENABLE = "", DPHASE_SOURCE = "", OUTDIVIDER_MUXA = "", OUTDIVIDER_MUXB = "",
  parameter OUTDIVIDER_MUXC = "", OUTDIVIDER_MUXD = ""
) (
  input CLKI, CLKFB, RST, STDBY, PHASESEL0, PHASESEL1, PHASEDIR, PHASESTEP, PHASELOADREG, PLLWAKESYNC, ENCLKOP,
  output CLKOP, CLKOS, LOCK
);
  assign CLKOP = CLKI;
  assign CLKOS = CLKI;
  assign LOCK  = 1'b1;
endmodule
"""


def fast(shell: Shell) -> SerialShell:
    """A serial shell whose bits and patience are so short that a simulation is."""
    board = spec.board("ulx3s")
    setting = pll.greatest(board.pll, 1000 / PERIOD_NS)
    idle_ms = Fraction(IDLE_CYCLES) / (setting.rate * 1000)
    return SerialShell(shell, Fraction(shell.frame_beats), setting, Line(1, DIVIDER, Fraction(0)), idle_ms)


def stand_in(made: SerialShell, folder: Path) -> list[Path]:
    """All sources of a top around the stand-in, in folder/rtl; images in folder/mem."""
    sources = list(serial.write(made, spec.board("ulx3s"), folder))
    for m in modules({"r4_axis_in", "r4_axis_out", "r4_counter"}):
        path = folder / "rtl" / f"{m}.sv"
        path.write_text((library() / f"{m}.sv").read_text())
        sources.append(path)
    (folder / "rtl" / "r4_top.sv").write_text(board_nets.network_text(made.shell))
    return with_pll([*sources, folder / "rtl" / "r4_top.sv"], folder)


def with_pll(sources: list[Path], folder: Path) -> list[Path]:
    """The sources, each once, and the PLL of the simulation."""
    (folder / "EHXPLLL.v").write_text(_PLL)
    return [*dict.fromkeys(sources), folder / "EHXPLLL.v"]


def interface(made: SerialShell) -> dict[str, Any]:
    """What the driver must know of a board around a stand-in."""
    s = made.shell
    return {
        "input": {
            "dtype": f"uint{8 * s.count_bytes}",
            "bands": s.bands,
            "frame_rows": s.frame_rows,
            "frame_columns": s.frame_columns,
        },
        "output": {
            "kind": s.result,
            "dtype": f"uint{s.out_container}",
            "shape": [] if s.frame_rows * s.frame_columns == 1 else [s.out_beats],
            "frame_bytes": made.result_bytes,
        },
        "hardware": {"signature": s.signature},
        "serial": {"baud": 1_000_000, "idle_ms": 1, "packet_frames": made.packet_frames},
    }


def host(folder: Path, described: dict[str, Any], cube: NDArray[Any], result: NDArray[Any]) -> Path:
    """A folder with the driver and its vectors: the first frame, or the first row of pixels."""
    made = folder / "host"
    made.mkdir()
    for path in (boards.root() / "serial").glob("*.py"):
        shutil.copy(path, made)
    (made / "interface.json").write_text(json.dumps(described))
    rows = described["input"]["frame_rows"]
    np.save(made / "selftest_counts.npy", cube[:rows])
    pixels = cube.shape[:2] == result.shape  # else the first axis is the frames
    np.save(made / "selftest_result.npy", result[: rows if pixels else 1])
    return made


def run(
    folder: Path,
    host_folder: Path,
    sources: list[Path],
    cube: NDArray[Any],
    result: NDArray[Any],
    *,
    flood: int = 0,
    tests: tuple[str, ...] = (),
    divider: int = DIVIDER,
    off: float = 0.0,
) -> BenchResult:
    """Runs the bench. off: share by which the line's bits are longer than the hardware's."""
    np.save(folder / "counts.npy", cube)
    np.save(folder / "result.npy", result)
    case = {
        "host": str(host_folder),
        "period_ns": PERIOD_NS,
        "bit_ns": PERIOD_NS * divider * (1 + off),
        "idle_ns": PERIOD_NS * IDLE_CYCLES,
        "counts": str(folder / "counts.npy"),
        "result": str(folder / "result.npy"),
        "flood": flood,
    }
    return run_bench(
        BENCH,
        top="r4_ulx3s",
        sources=sources,
        folder=folder / "build",
        case=case,
        images=folder / "mem",
        tests=tests,
    )
