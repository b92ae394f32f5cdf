# SPDX-License-Identifier: Apache-2.0
"""The folder of a board: everything between a design and a bitstream, and between a bitstream and a map.

    rtl/ mem/     the design's and the shell's Verilog, and all memory images
    vivado/       build.tcl with its steps, project.conf, the board's constraints
    host/         the driver in Python and in C99, interface.json, the self-test's vectors as the driver reads them
    selftest/     counts and results, as .npy and as the bytes that lie in memory
    hls/          where it was asked for: the same by Vitis HLS, from counts to results
    README.md     what to do with it, on a machine with Vivado and on the board

No program of the board's maker is needed to write it, and neither TensorFlow nor this package to use it. What is
written is checked: the shell elaborates, every memory image that the Verilog names is there and of the right size.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, StrictUndefined

from rtl4ml._version import __version__
from rtl4ml.board import hls, interface, registers, shell, vectors, vivado
from rtl4ml.board.boards import BoardSpec, root
from rtl4ml.board.hls import HlsRoad
from rtl4ml.board.integers import Affine, Rounded, Steps
from rtl4ml.board.ports import TOP, WRAPPER
from rtl4ml.board.values import Shell
from rtl4ml.board.vectors import Meaning
from rtl4ml.errors import SimulationFailed
from rtl4ml.host import processes
from rtl4ml.host.folders import project_folder
from rtl4ml.host.tools import disk_errors, verilator_env

_TEMPLATE, _HLS_TEMPLATE = "board.md.j2", "board_hls.md.j2"
_IMAGE = re.compile(r'"([^"\s]+\.mem)"')


@dataclass(frozen=True, kw_only=True, eq=False)
class Content:
    """What a board's folder is made of.

    design:    folder of the design, and `files`, the SHA-256 of each of its files by path
    identity:  SHA-256 of the design
    integers:  how counts become the network's input
    clock_mhz: what was asked for; the board gives the nearest that it has, within 0.1 %
    output:    of the model's head: name, threshold, opening
    cycles:    predicted: latency and interval of a frame
    hls:       the second road, or None
    """

    design: Path
    files: Mapping[str, str]
    identity: str
    spec: BoardSpec
    meaning: Meaning
    integers: Rounded | Affine | Steps
    clock_mhz: float
    output: Mapping[str, Any]
    cycles: Mapping[str, float]
    jobs: int = 2
    hls: HlsRoad | None = None

    @property
    def shell(self) -> Shell:
        """The shell around the network."""
        return self.meaning.shell


def write(content: Content, folder: Path) -> dict[str, Any]:
    """Writes the whole folder of a board, checks it, and gives what its interface.json holds.

    An earlier one there is replaced whole. Raises BadInput for a clock that the board does not have, EnvironmentProblem
    where the folder cannot be written, SimulationFailed where the shell does not elaborate.
    """
    spec = content.spec
    clock = spec.clock.rate(content.clock_mhz)
    described = interface.of_board(
        content.meaning.netlist,
        content.shell,
        content.meaning.counts.entry(),
        content.integers,
        board=spec.name,
        part=spec.device.part,
        design=content.identity,
        clock_mhz=round(clock, 6),
        output=content.output,
        strips=content.meaning.strips,
    )
    with project_folder(folder) as fresh, disk_errors(folder):
        sources = _hardware(content, fresh)
        check(sources, fresh / "mem")
        _vivado(content, sources, fresh)
        interface.write(described, fresh)
        _host(content, described, fresh)
        _second_road(content, described, fresh)
        text = _readme(_TEMPLATE, content, described)
        (fresh / "README.md").write_text(text, encoding="utf-8")
    return described


def _hardware(content: Content, folder: Path) -> tuple[Path, ...]:
    """Copies the design's RTL and images and writes the shell; all sources, the design's first."""
    (folder / "rtl").mkdir()
    (folder / "mem").mkdir()
    names = [n for n in sorted(content.files) if n.startswith(("rtl/", "mem/"))]
    for name in names:
        shutil.copyfile(content.design / name, folder / name)
    own = shell.write(content.shell, folder)
    design = [folder / n for n in names if n.endswith(".sv")]
    return tuple(dict.fromkeys((*design, *own)))


def _vivado(content: Content, sources: Sequence[Path], folder: Path) -> None:
    target = folder / "vivado"
    vivado.write_scripts(content.spec, target)
    values = vivado.configuration(
        content.spec,
        sources=[f"../rtl/{p.name}" for p in sources],
        images=[f"../mem/{p.name}" for p in sorted((folder / "mem").iterdir())],
        clock_mhz=content.clock_mhz,
        module=WRAPPER,
        jobs=content.jobs,
        double_clock=content.shell.double_clock,
        spills=len(content.shell.spills),
    )
    vivado.write_conf(values, target / vivado.CONF)


def _host(content: Content, described: Mapping[str, Any], folder: Path) -> None:
    """The drivers with the values of this design, and the self-test."""
    host = folder / "host"
    host.mkdir()
    for path in sorted((root() / "host").iterdir()):
        if path.suffix == ".j2":
            made = host / path.stem
            made.write_text(_filled(path, content, described), encoding="utf-8")
        elif path.is_file() and not path.name.startswith(("__", ".")):
            shutil.copy(path, host / path.name)  # with its mode: load.sh runs
    for name, text in (
        ("r4_regs.h", registers.header_text()),
        ("r4_regs.py", registers.python_text()),
        ("regs.json", registers.json_text()),
        ("r4_design.h", interface.header_text(described)),
    ):
        (host / name).write_text(text, encoding="utf-8")
    interface.write(described, host)
    meaning = content.meaning
    cube = vectors.cube_of(meaning.shell, meaning.counts, content.integers)
    result = meaning.result(cube)
    vectors.write(cube, result, meaning.packed(result), meaning.shell.banded, folder / "selftest")
    for name in ("counts", "result"):
        shutil.copyfile(folder / "selftest" / f"{name}.npy", host / f"selftest_{name}.npy")


def _second_road(content: Content, described: Mapping[str, Any], folder: Path) -> None:
    """The folder `hls`, checked with the self-test that lies there already."""
    if content.hls is None:
        return
    target = folder / hls.FOLDER
    content.hls.write(np.load(folder / "selftest" / "counts.npy"), target)
    text = _readme(_HLS_TEMPLATE, content, described)
    (target / "README.md").write_text(text, encoding="utf-8")
    content.hls.check(target, folder / "selftest")


def _filled(path: Path, content: Content, described: Mapping[str, Any]) -> str:
    return _rendered(
        path.read_text(encoding="utf-8"),
        content,
        described,
        clock_hz=round(described["hardware"]["clock_mhz"] * 1_000_000),
        registers=content.spec.registers,
        linux=content.spec.linux,
        afi=[
            *content.spec.linux.afi,
            *(a for s in content.spec.spills[: len(content.shell.spills)] for a in s.afi),
        ],
        spill_bytes=content.shell.spill_bytes,
        name="r4",
        result=content.shell.result,
        model=described["model"],
    )


def _readme(template: str, content: Content, described: Mapping[str, Any]) -> str:
    s = content.shell
    return _rendered(
        (files("rtl4ml.templates") / template).read_text(encoding="utf-8"),
        content,
        described,
        shell=s,
        frames_per_second=described["hardware"]["clock_mhz"] * 1e6 / float(content.cycles["interval"]),
        cycles=content.cycles,
        pixel=s.frame_rows * s.frame_columns == 1,
        layouts=described["input"]["layouts"],
        hls=content.hls,
    )


def _rendered(template: str, content: Content, described: Mapping[str, Any], **values: Any) -> str:
    """A template with what all of them are told, and with `values`."""
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, trim_blocks=True)
    return environment.from_string(template).render(
        version=__version__,
        spec=content.spec,
        interface=described,
        clock_mhz=described["hardware"]["clock_mhz"],
        **values,
    )


# ----------------------------------------------------------------------------------------------------------- the checks


def check(sources: Sequence[Path], images: Path) -> None:
    """Whether the shell elaborates as the plain Verilog module of a block design, with all memory images.

    Raises SimulationFailed, which names the file, where it does not.
    """
    named: set[str] = set()
    for path in sources:
        text = re.sub(r"//[^\n]*", "", path.read_text(encoding="utf-8"))
        named |= set(_IMAGE.findall(text))
    there = {p.name for p in images.iterdir()}
    for what, names in (("must be there", named - there), ("must be read by the Verilog", there - named)):
        if names:
            raise SimulationFailed(
                f"{TOP}: image {min(names)} {what}, not missing; the emitted RTL is wrong, report it with the model"
            )
    verilator, env = verilator_env()
    with tempfile.TemporaryDirectory(prefix="rtl4ml-") as work:
        command = [str(verilator), "--lint-only", "--no-timing", "--Mdir", work, "--top-module", WRAPPER]
        command += [str(p.resolve()) for p in sources]
        run = processes.run(command, cwd=images, env=env, stderr=subprocess.STDOUT)
    if run.returncode:
        found = re.search(r"^%(?:Error|Warning).*$", run.stdout, re.MULTILINE)
        line = found[0] if found else f"status {run.returncode}"
        raise SimulationFailed(
            f"{TOP}: Verilator must elaborate it, not stop with {line!r}; report it with the model"
        )
