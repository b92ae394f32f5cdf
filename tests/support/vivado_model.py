# SPDX-License-Identifier: Apache-2.0
"""A board project on disk, and the mock `vivado` that builds it."""

from __future__ import annotations

import importlib.util
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from rtl4ml.board import boards, ports, vivado

ROOT = Path(__file__).resolve().parents[2]
BOARD_TESTS = ROOT / "tests/board"
REPORTS = ROOT / "tests/golden/vivado"


def mock(folder: Path, **settings: str) -> Path:
    """An executable `vivado` in `folder`: the model, with settings (MV_...) of the model."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "vivado"
    settings = {"MV_REPORTS": str(REPORTS), **settings}
    exports = "".join(f"export {key}={shlex.quote(value)}\n" for key, value in settings.items())
    version = settings.get("MV_SAYS", f"vivado v{settings.get('MV_VERSION', '2023.2')} (64-bit)")
    model = f"exec {sys.executable} -I -S {BOARD_TESTS / 'mock_vivado.py'}"
    said = f'[ "$1" = -version ] && echo {shlex.quote(version)} && exit 0\n'
    program.write_text(f'#!/bin/sh\n{exports}{said}{model} "$@"\n')
    program.chmod(0o755)
    return program


def project(
    folder: Path,
    board: str | boards.BoardSpec = "zcu102",
    clock_mhz: float = 250.0,
    images: Sequence[str] = ("weights.mem",),
    *,
    double_clock: bool = False,
    spills: int = 0,
) -> Path:
    """A project in folder/vivado, in folder/rtl the shell's wrapper around a stub; gives folder/vivado."""
    spec = boards.board(board) if isinstance(board, str) else board
    rtl = folder / "rtl"
    rtl.mkdir(parents=True)
    (rtl / "r4_board_bd.v").write_text(ports.wrapper_text(double_clock=double_clock, spills=spills))
    (rtl / "r4_board.sv").write_text('r4_rom #(.InitFile("weights.mem")) u_rom ();\n')
    for image in images:
        (rtl / image).write_text("00\n01\n")
    target = folder / "vivado"
    vivado.write_scripts(spec, target)
    values = vivado.configuration(
        spec,
        sources=["../rtl/r4_board_bd.v", "../rtl/r4_board.sv"],
        images=[f"../rtl/{i}" for i in images],
        clock_mhz=clock_mhz,
        double_clock=double_clock,
        spills=spills,
    )
    vivado.write_conf(values, target / vivado.CONF)
    return target


def has_tcl() -> bool:
    """Whether Python's tkinter or tclsh is there."""
    return importlib.util.find_spec("_tkinter") is not None or shutil.which("tclsh") is not None


needs_tcl = pytest.mark.skipif(not has_tcl(), reason="needs Python's tkinter or tclsh, neither is installed")
