# SPDX-License-Identifier: Apache-2.0
"""The folder of a board of the open flow, and what can be done with it.

rtl/ mem/     the design's and the shell's SystemVerilog, and all memory images
host/         the driver of the serial line in Python, interface.json, the self-test and its vectors
build/        once it was built: r4.bit, and of every route its netlist, logs and report
README.md     what to do with it
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import numpy as np
from jinja2 import Environment, StrictUndefined

from rtl4ml._version import __version__
from rtl4ml.board import accelerator, boards, interface, record, vectors
from rtl4ml.board.accelerator import FOLDER, Of, Surroundings
from rtl4ml.board.ecp5 import build, pll, serial, spec
from rtl4ml.board.ecp5.build import Built
from rtl4ml.board.ecp5.serial import SerialShell
from rtl4ml.board.ecp5.spec import OpenBoard
from rtl4ml.board.vectors import Meaning
from rtl4ml.errors import BadInput
from rtl4ml.host import identity
from rtl4ml.host.folders import project_folder
from rtl4ml.host.tools import absolute, disk_errors
from rtl4ml.netlist.netlist import Netlist
from rtl4ml.report import page, routes
from rtl4ml.report.board_schema import OnBoard
from rtl4ml.report.clocks import PlaceAndRoute

_TEMPLATE = "board_serial.md.j2"
_DRIVER = "serial"  # folder of boards/ with the driver's files


@dataclass(kw_only=True, eq=False)
class OpenProject:
    """A board's folder; made by `make`.

    meaning:    the contract: the result of a cube of counts
    interface:  what interface.json of the folder holds, of the clock and the line that the folder has now
    interval:   predicted cycles of a frame
    asked_mhz:  what the router is asked for first
    built:      the bitstream, once there is one
    """

    folder: Path
    spec: OpenBoard
    meaning: Meaning
    netlist: Netlist
    interface: dict[str, Any]
    interval: Fraction
    asked_mhz: float
    built: Built | None = field(default=None)

    def __repr__(self) -> str:
        return f"<OpenProject {self.spec.name}: {self.meaning.shell.result}, {self.folder}>"

    def shell_at(self, setting: pll.Pll) -> SerialShell:
        """The shell for a setting of the PLL."""
        return SerialShell.of(self.meaning.shell, self.interval, self.spec, setting)

    def build(self, *, progress: Callable[[str], None] | None = None) -> Built:
        """Makes the bitstream, as `build.build`, and writes its clock and line into host/interface.json."""
        self.built = None
        found = build.build(
            self.spec, self.folder, self.shell_at, self.netlist, asked_mhz=self.asked_mhz, progress=progress
        )
        self._describe(found.shell)
        self.built = found
        return found

    def _describe(self, shell: SerialShell) -> None:
        self.interface["hardware"]["clock_mhz"] = round(shell.pll.mhz, 6)
        self.interface["serial"] = _line(shell)
        for folder in (self.folder, self.folder / "host"):
            interface.write(self.interface, folder)

    @property
    def place_and_route(self) -> PlaceAndRoute | None:
        """The report's entry of that name; None before a bitstream was made."""
        return None if self.built is None else build.entry(self.built, self.spec)

    def entry(self, asked_mhz: float) -> OnBoard:
        """The report's entry "board"; the clock that was asked of the router, whatever `asked_mhz` says."""
        del asked_mhz
        return record.entry(self.interface, self.asked_mhz)

    @property
    def picture(self) -> None:
        """No cube was run."""
        return None


def _line(shell: SerialShell) -> dict[str, Any]:
    return {
        "baud": shell.line.baud,
        "error": float(shell.line.error),
        "idle_ms": float(shell.idle_ms),
        "packet_frames": shell.packet_frames,
    }


def make(
    of: Of,
    *,
    counts: Any = None,
    scale_log2: int | None = None,
    dtype: str | None = None,
    board: str = "ulx3s",
    result: str | None = None,
    asked_mhz: float | None = None,
) -> OpenProject:
    """Writes the folder `board` of a design, whole.

    counts, scale_log2, dtype, result: as of `accelerator.make`
    board:     a folder of boards/ whose flow is open
    asked_mhz: what the router is asked for first; default the board's

    Raises BadInput for what does not fit together, OverBudget where the board's device is too small.
    """
    described = spec.board(board)
    asked = described.asked_mhz if asked_mhz is None else asked_mhz
    own = accelerator.result_of(of, result)
    known = accelerator.counts_of(counts, of.source, scale_log2=scale_log2, dtype=dtype)
    around = accelerator.surround(of, known, described.name, described.device, result=own, banded=False)
    interval = Fraction(of.cycles.interval)
    shell = SerialShell.of(around.shell, interval, described, pll.greatest(described.pll, asked))
    content = _interface(of, around, shell, described)
    folder = of.folder / FOLDER
    with project_folder(folder) as fresh, disk_errors(folder):
        _hardware(of, shell, described, fresh)
        interface.write(content, fresh)
        _host(around, content, fresh)
        text = (files("rtl4ml.templates") / _TEMPLATE).read_text(encoding="utf-8")
        environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, trim_blocks=True)
        (fresh / "README.md").write_text(
            environment.from_string(text).render(
                version=__version__, spec=described, interface=content, shell=shell, cycles=of.cycles
            ),
            encoding="utf-8",
        )
    return OpenProject(
        folder=absolute(folder),
        spec=described,
        meaning=around.meaning,
        netlist=of.netlist,
        interface=content,
        interval=interval,
        asked_mhz=asked,
    )


def _interface(of: Of, around: Surroundings, shell: SerialShell, board: OpenBoard) -> dict[str, Any]:
    content = interface.of_board(
        of.netlist,
        around.shell,
        around.meaning.counts.entry(),
        around.integers,
        board=board.name,
        part=board.device.part,
        design=of.identity.design,
        clock_mhz=round(shell.pll.mhz, 6),
        output=around.head,
    )
    content["output"]["frame_bytes"] = shell.result_bytes
    content["hardware"]["data_bytes"] = 1
    content["serial"] = _line(shell)
    return content


def _hardware(of: Of, shell: SerialShell, board: OpenBoard, folder: Path) -> None:
    """Copies the design's RTL and images and writes the shell."""
    (folder / "rtl").mkdir()
    (folder / "mem").mkdir()
    for name in sorted(of.identity.files):
        if name.startswith(("rtl/", "mem/")):
            shutil.copyfile(of.folder / name, folder / name)
    serial.write(shell, board, folder)
    shutil.copyfile(board.constraints, folder / board.constraints.name)


def _host(around: Surroundings, content: Mapping[str, Any], folder: Path) -> None:
    """The driver and the self-test."""
    host = folder / "host"
    host.mkdir()
    for path in sorted((boards.root() / _DRIVER).glob("*.py")):
        if not path.name.startswith("__"):
            shutil.copy(path, host / path.name)
    interface.write(content, host)
    shell = around.shell
    cube = vectors.cube_of(shell, around.meaning.counts, around.integers)
    np.save(host / "selftest_counts.npy", cube)
    np.save(host / "selftest_result.npy", around.meaning.result(cube))


def record_route(project: Path, found: PlaceAndRoute, described: Mapping[str, Any]) -> dict[str, Any]:
    """Writes a route into a project's report.json and page; gives the former.

    Throughput follows from the clock that the route met. Raises BadInput where the project has no report with a board.
    """
    path = project / "report.json"
    try:
        report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        report["board"]["clock_mhz"]["actual"] = described["hardware"]["clock_mhz"]
        routes.put(cast("Any", report), found)
    except (OSError, ValueError, KeyError, TypeError):
        raise BadInput(
            f"{path}: must be the report of a project with a board, not another or none; run rtl4ml board again"
        ) from None
    page.write(cast("Any", report), project)
    identity.sign_reports(project)
    return report
