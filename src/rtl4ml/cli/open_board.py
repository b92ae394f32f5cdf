# SPDX-License-Identifier: Apache-2.0
"""The command of the board for one of the open flow: the folder, then Yosys, nextpnr and ecppack to its bitstream."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rtl4ml.board.accelerator import FOLDER
from rtl4ml.board.counts import Counts
from rtl4ml.board.ecp5 import spec, tools
from rtl4ml.board.ecp5.project import OpenProject, record_route
from rtl4ml.cli import show
from rtl4ml.cli.design import designed
from rtl4ml.cli.options import is_given
from rtl4ml.cli.show import log, stdout, step
from rtl4ml.errors import BadInput, readable

# Options that mean nothing to open tools or to a serial line.
_FOREIGN = ("layout", "hls", "data", "vivado", "until", "jobs")


def make(model: Path, board: str, known: Counts, *, build: bool, **options: Any) -> None:
    """Writes the board project of MODEL, and its bitstream unless `build` is False."""
    described = spec.board(board)
    for name in _FOREIGN:
        if is_given(name):
            raise BadInput(f"--{name}: must go with a board of Vivado, not {board}; leave it out")
    if build:
        tools.check()
    asked = options["clock_mhz"] if is_given("clock_mhz") else described.asked_mhz
    options["clock_mhz"] = asked
    with designed(model, device=described.device, **options) as (design, out):
        with step(f"board project for the {board}"):
            made: OpenProject = design.board(known, board=board, asked_mhz=asked)
        found = design.report()
    folder = out / FOLDER
    made.folder = folder.resolve()
    if build:
        with step(f"bitstream for the {board} by Yosys, nextpnr-ecp5 and ecppack"):
            made.build(progress=log)
        route = made.place_and_route
        assert route is not None
        found = record_route(out, route, made.interface)
    show.report(found, out)
    console = stdout()
    console.print(f"board    {readable(str(folder))}", soft_wrap=True)
    if build and route is not None:
        off = 100 * route["serial"]["error"]
        console.print(
            f"clock    {route['clock_mhz']:.6g} MHz; routed by {route['tool']} at {route['fmax_mhz']:.4g} MHz, "
            f"{len(route['routes'])} route(s); serial line {route['serial']['baud']:,} baud, {off:+.2f} %",
            soft_wrap=True,
        )
        console.print(f"bits     {readable(str(folder / route['bitstream']))}", soft_wrap=True)
