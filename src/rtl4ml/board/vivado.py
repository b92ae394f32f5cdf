# SPDX-License-Identifier: Apache-2.0
"""Vivado: finding it, writing what its scripts read, running them, and what came of it.

The flow is Tcl alone (boards/vivado/build.tcl and its steps); a project runs on a machine without this package. Python
writes the values into project.conf, runs the script and reads the reports. The scripts ran in a model of Vivado only.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rtl4ml.board.boards import BoardSpec, root
from rtl4ml.board.ports import masters
from rtl4ml.errors import BadInput, BuildFailed, EnvironmentProblem
from rtl4ml.host import processes
from rtl4ml.host.tools import check_writing, disk_errors

STEPS = ("create", "block_design", "synth", "impl", "report", "bitstream")
STRATEGIES = (
    "Vivado Implementation Defaults",
    "Performance_ExtraTimingOpt",
    "Performance_ExplorePostRoutePhysOpt",
)
CONF = "project.conf"
# Keys of which a change makes a step run again, beside the files that it reads.
_KEYS = {
    "create": ("name", "part", "board_part", "source", "image", "constraints"),
    "block_design": (
        "ps_ip", "ps_rule", "ps_set", "clock_mhz", "clock_actual", "module", "control_port", "control_clock",
        "data_port", "data_clock", "clock_pin", "double_clock", "reset_pin", "irq_pin", "leds", "registers", "memory",
        "segments", "spill", "spill_memory",
    ),
    "synth": (),
    "impl": ("strategy",),
    "report": (),
    "bitstream": (),
}  # fmt: skip
_FILES = {"create": ("source", "image", "constraints")}  # keys that name files
_EXIT = {3: "timing", 4: "memory images"}


@dataclass(frozen=True)
class Tool:
    """A Vivado that was found.

    Tool(Path("/opt/Xilinx/Vivado/2023.2/bin/vivado"), "2023.2").year is "2023.2", also for "2023.2.1".
    """

    path: Path
    version: str

    @property
    def year(self) -> str:
        """The version without its update."""
        return ".".join(self.version.split(".")[:2])

    def remark(self, spec: BoardSpec) -> str:
        """What is to be said of this version for that board: whether the flow was tried in it or is written for it."""
        if self.year in spec.tried:
            return ""
        known = "" if self.year in spec.aim else f"; it is written for {', '.join(spec.aim)}"
        return f"Vivado {self.version}: the flow of {spec.name} was not tried in this version{known}"


def find(path: str | Path | None = None) -> Tool | None:
    """Vivado at `path`, else in PATH; None where PATH has none.

    Raises EnvironmentProblem where `path` is no program, or where it does not say a version as Vivado does.
    """
    found = shutil.which("vivado" if path is None else str(Path(path).expanduser()))
    if found is None:
        if path is None:
            return None
        raise EnvironmentProblem(
            f"vivado: must be a program, not {str(path)!r}; give the path of bin/vivado of an installation"
        )
    said = processes.run([found, "-version"], env=_environment()).stdout
    version = re.search(r"\bvivado v(\d{4}\.\d+(?:\.\d+)?)", said, re.IGNORECASE)
    if version is None:
        line = said.strip().splitlines()[0] if said.strip() else ""
        raise EnvironmentProblem(
            f"vivado: {found} must say its version, not {line!r}; give the path of bin/vivado of an installation"
        )
    return Tool(Path(found), version[1])


def _environment() -> dict[str, str]:
    """The environment to run Vivado in: numbers and messages in English, paths in the encoding that they have here."""
    found = dict(os.environ)
    if everything := found.pop("LC_ALL", ""):
        found["LC_CTYPE"] = everything
    return {**found, "LC_NUMERIC": "C", "LC_MESSAGES": "C", "LC_TIME": "C"}


def configuration(
    spec: BoardSpec,
    *,
    sources: Sequence[str],
    images: Sequence[str],
    clock_mhz: float,
    module: str = "r4_board_bd",
    name: str = "r4",
    jobs: int = 2,
    double_clock: bool = False,
    spills: int = 0,
) -> dict[str, str | list[str]]:
    """The values of project.conf for a design on a board.

    sources, images: Verilog and memory images, as paths seen from the folder of build.tcl ("../rtl/r4_top.sv")
    clock_mhz:       what was asked for; BadInput where PL0 cannot give it within 0.1 %
    module:          the plain Verilog module that the block design refers to
    double_clock:    whether it has a second clock, of twice that rate
    spills:          skips that it keeps in memory, at most as many as the board has ports for
    """
    rate = spec.clock.rate(clock_mhz)
    # Asked for is a little more than the rate: Vivado takes the next divisor that is not faster (249.9975 -> 250).
    asked = math.ceil(rate * 1.00001 * 1000) / 1000
    used = list(zip(masters(spills)[1:], spec.spills, strict=False))
    settings = {**spec.settings, spec.clock.asked: f"{asked:g}"}
    settings |= dict(each.split() for _, s in used for each in s.settings)
    return {
        "name": name,
        "part": spec.device.part,
        "board_part": spec.board_part,
        "module": module,
        "source": list(sources),
        "image": list(images),
        "constraints": spec.constraints.name,
        "clock_mhz": f"{rate:.6f}",
        "clock_actual": spec.clock.actual,
        "clock_pin": spec.clock.pin,
        "double_clock": str(int(double_clock)),
        "reset_pin": spec.clock.reset,
        "irq_pin": spec.irq,
        "ps_ip": spec.ps_ip,
        "ps_rule": spec.ps_rule,
        "ps_set": [f"{key} {value}" for key, value in settings.items()],
        "control_port": spec.control.name,
        "control_clock": spec.control.clock,
        "data_port": spec.data.name,
        "data_clock": spec.data.clock,
        "registers": f"{spec.registers.name} {spec.registers.offset:#x} {spec.registers.range:#x}",
        "segments": spec.segments,
        "memory": [f"{m.name} {m.offset:#x} {m.range:#x}" for m in spec.memory],
        "spill": [f"{bus} {s.port.name} {s.port.clock} {s.segments}" for bus, s in used],
        "spill_memory": [
            f"{bus} {s.segment(m.name)} {m.offset:#x} {m.range:#x}" for bus, s in used for m in spec.memory
        ],
        "leds": str(len(spec.leds)),
        "strategy": list(STRATEGIES),
        "jobs": str(jobs),
    }


def write_scripts(spec: BoardSpec, folder: Path) -> None:
    """Copies build.tcl, its steps and the board's constraints into `folder`."""
    with disk_errors(folder):
        (folder / "steps").mkdir(parents=True, exist_ok=True)
        for path in (root() / "vivado").rglob("*.tcl"):
            _copy(path, folder / path.relative_to(root() / "vivado"))
        _copy(spec.constraints, folder / spec.constraints.name)


def _copy(source: Path, target: Path) -> None:
    """Copies a file, but leaves one of the same content alone: its time tells that nothing has to be built again."""
    if not target.is_file() or target.read_bytes() != source.read_bytes():
        target.write_bytes(source.read_bytes())


def write_conf(values: Mapping[str, str | Sequence[str]], path: Path) -> None:
    """Writes project.conf: a line "key value" for every value, and a digest of the inputs of each step.

    The files that it names, and the scripts, must lie there already; paths are as seen from project.conf's folder.
    Raises BadInput where one is missing, or where a value cannot stand on a line.
    """
    folder = path.parent
    lines = ["# Made by rtl4ml. Values of build.tcl; paths as seen from this folder."]
    table = {key: [value] if isinstance(value, str) else list(value) for key, value in values.items()}
    for key, found in table.items():
        for value in found:
            if (
                not re.fullmatch(r"[a-z_]+", key)
                or value != value.strip()
                or not value
                or not value.isprintable()
            ):
                raise BadInput(
                    f"{path.name}: {key} must be printable text on a line, not {value!r}; rename the file"
                )
            lines.append(f"{key} {value}")
    digest = ""
    for step in STEPS:
        digest = _digest(step, digest, table, folder)
        lines.append(f"digest.{step} {digest}")
    text = "\n".join(lines) + "\n"
    with disk_errors(path):
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def _digest(step: str, before: str, table: Mapping[str, Sequence[str]], folder: Path) -> str:
    """What decides the outcome of a step: the step before it, its values, and the content of its files."""
    made = hashlib.sha256(before.encode())
    for key in _KEYS[step]:
        made.update(f"{key}={list(table.get(key, ()))}\0".encode())
    files = [f for key in _FILES.get(step, ()) for f in table.get(key, ())]
    for name in [*files, "build.tcl", *sorted(f"steps/{p.name}" for p in (folder / "steps").glob("*.tcl"))]:
        try:
            content = (folder / name).read_bytes()
        except OSError:
            raise BadInput(
                f"{name}: must be a file beside {CONF}, not missing; write the project anew"
            ) from None
        made.update(hashlib.sha256(content).digest())
    return made.hexdigest()[:32]


def read_conf(path: Path) -> dict[str, list[str]]:
    """The values of a project.conf, digests aside. Raises BadInput where it cannot be read."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise BadInput(
            f"{path}: must be a board project's values, not missing or damaged; write it anew"
        ) from None
    table: dict[str, list[str]] = {}
    for line in lines:
        key, _, value = line.strip().partition(" ")
        if key and not key.startswith(("#", "digest.")):
            table.setdefault(key, []).append(value.strip())
    return table


def run(
    tool: Tool,
    folder: Path,
    *,
    until: str = "bitstream",
    progress: Callable[[str], None] | None = None,
) -> None:
    """Builds the project in `folder` to the step `until`; what is finished already is not done again.

    Vivado and all that it starts end with this call, also when it is interrupted; a killed build goes on at the next
    call. Its output goes to vivado.log. progress is told each line that a step begins or ends with.

    Raises BadInput for an unknown step; BuildFailed where timing is not met, a memory image was not found or Vivado
    fails; EnvironmentProblem where the set-up does not fit (no board part, no IP).
    """
    if until not in STEPS:
        raise BadInput(f"until: must be one of {', '.join(STEPS)}, not {until!r}; take one of these")
    write_conf(read_conf(folder / CONF), folder / CONF)
    options = ["-mode", "batch", "-nojournal", "-log", "vivado_tool.log", "-source", "build.tcl"]
    command = [str(tool.path), *options, "-tclargs", until]
    last = ""
    with disk_errors(folder), (folder / "vivado.log").open("w", encoding="utf-8") as log:
        process = processes.start(command, cwd=folder, env=_environment(), stderr=subprocess.STDOUT)
        try:
            for line in process.stdout or ():
                log.write(line)
                if line.startswith("r4: "):
                    last = line[4:].strip()
                    if progress is not None:
                        progress(last)
            status = process.wait()
        finally:
            processes.end(process)
    if status:
        raise _failure(status, last, folder)


def _failure(status: int, said: str, folder: Path) -> BuildFailed | EnvironmentProblem:
    """The error for an exit status of build.tcl and the line that it ended with."""
    log = folder / "vivado.log"
    check_writing(folder, status, log.read_text(encoding="utf-8", errors="replace")[-4000:])
    if status == 2 and said:
        return EnvironmentProblem(f"vivado: {said}")
    if status in _EXIT and said:
        return BuildFailed(f"vivado: {said}")
    if status < 0 or status > 128:
        number = -status if status < 0 else status - 128
        return BuildFailed(
            f"vivado: must come to its end, not be killed by signal {number}; run it again, it goes on"
        )
    return BuildFailed(f"vivado: must end well, not with status {status} ({said or 'no word'}); see {log}")
