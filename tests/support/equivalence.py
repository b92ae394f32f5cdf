# SPDX-License-Identifier: Apache-2.0
"""Proofs that the netlist which synthesis makes of a cell for the ECP5 does what the cell's RTL does.

Both start with every register at 0 and are held in reset for two cycles, while their inputs are what abc draws. From
then on their outputs are the same in every cycle, for ever, whatever the inputs do, further resets included; those of a
cell without reset from the start. Yosys writes both beside each other as one circuit with one output, "they differ",
and its abc proves that this is never 1: by induction it finds signals that are always equal, then decides what is left.

What is proven is synth_ecp5 -nobram -nolutram -nodsp, flattened; its LUTs, carries and flip-flops are Yosys's own
simulation models. Memories stand as flip-flops on both sides, and products as LUTs: DP16KD and MULT18X18D have models
and tests of their own (sim/ecp5_cells.sv).

The circuit has one clock: a module of two is compared as if both always ticked together, so that a register at the
wrong one of the two would not be seen; the benches of r4_mvu and r4_dwu with both clocks would.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyosys

from rtl4ml.emit.library import library, modules
from rtl4ml.netlist.images import Image
from rtl4ml.synthesis.yosys import Unit, _constant

ABC = Path(pyosys.__file__).parent / "yosys-abc"
RUN = "import sys; from pyosys import libyosys as ys; ys.run_pass('script ' + sys.argv[1], ys.Design())"
RESET = 2  # cycles at least: r4_rom asks for as many
NETLIST = "gate.il"
# The state behind the reset is the start of the induction: registers that Yosys encoded anew differ before it. Equal
# signals are merged, by an induction over one cycle, then over four; what is left goes to the engines of dprove.
PROVE = "read miter.aig; {start}&get; &scorr -F 1; &scorr -F 4; &put; dprove"
EQUAL = re.compile(r"Networks are equivalent|\bUNSATISFIABLE")
DIFFERENT = re.compile(r"Networks are not equivalent|was asserted in frame|\bSATISFIABLE")


def yosys(folder: Path, name: str, script: list[str]) -> str:
    """Runs a script in a folder; what Yosys says."""
    (folder / name).write_text("\n".join(script) + "\n")
    run = subprocess.run(
        [sys.executable, "-c", RUN, name], cwd=folder, capture_output=True, text=True, check=False
    )
    said = run.stdout + run.stderr
    assert run.returncode == 0, f"{name}: {said[-2000:]}"
    return said


def synthesize(unit: Unit, folder: Path) -> None:
    """Writes the RTL as gold.il, its ports as ports.json and the netlist of it as gate.il."""
    roots = set(re.findall(r"\b(r4_\w+)\s+#\(", unit.text)) if unit.text else {unit.module}
    sources = {m: (library() / f"{m}.sv").read_text() for m in modules(roots)}
    if unit.text:
        sources[unit.module] = unit.text
    for name, text in sources.items():
        (folder / f"{name}.sv").write_text(text)
    values = []
    for name, p in unit.params.items():
        if isinstance(p, Image):
            (folder / f"{name}.mem").write_text(p.text())
        values.append(f".{name}({_constant(f'{name}.mem' if isinstance(p, Image) else p)})")
    # An instance in a module of its own, which is then taken away: -chparam stops at some that are elaborated twice.
    (folder / "above.sv").write_text(f"module above; {unit.module} #({', '.join(values)}) u (); endmodule\n")
    read = [
        "read_verilog -sv -defer -DSYNTHESIS " + " ".join(f"{m}.sv" for m in sources),
        "read_verilog -sv above.sv",
        "hierarchy -top above",
        "delete above",
        "hierarchy -auto-top",
        "proc",
    ]
    yosys(
        folder,
        "synthesize.ys",
        [
            *read,
            "flatten",
            "memory -nomap",
            "memory_map",
            "opt_clean",
            "rename -top gold",
            "write_rtlil gold.il",
            "write_json ports.json",
            "design -reset",
            *read,
            # The attributes would have memories in block RAM in spite of -nobram.
            "setattr -unset ram_style -unset rom_style m:*",
            "synth_ecp5 -nobram -nolutram -nodsp",
            "rename -top gate",
            "select gate",
            f"write_rtlil -selected {NETLIST}",
        ],
    )


def change(folder: Path, by: Callable[[dict[str, Any]], int]) -> int:
    """Changes gate.il by a pass over netlists of Yosys' `write_json`; what that gives back."""
    read = [f"read_rtlil {NETLIST}", "read_verilog -lib -DNO_INCLUDES +/lattice/cells_sim_ecp5.v"]
    yosys(folder, "to.ys", [*read, "select gate", "write_json -selected gate.json"])
    netlist = json.loads((folder / "gate.json").read_text())
    found = by(netlist)
    (folder / "gate.json").write_text(json.dumps(netlist))
    yosys(folder, "from.ys", ["read_json gate.json", f"write_rtlil {NETLIST}"])
    return found


def equivalent(folder: Path, *, reset: int = RESET) -> bool:
    """Whether gate.il does what gold.il does: True where it is proven, False where a difference was found.

    AssertionError where abc comes to no end.
    """
    text = miter(folder, reset)
    (folder / "miter.v").write_text(text)
    yosys(
        folder,
        "miter.ys",
        [
            f"read_rtlil {NETLIST}",
            "read_verilog -DNO_INCLUDES +/lattice/cells_sim_ecp5.v",
            "hierarchy -top gate",
            "proc",
            "flatten",
            "select gate",
            "write_rtlil -selected models.il",
            "design -reset",
            "read_rtlil gold.il",
            "read_rtlil models.il",
            "read_verilog miter.v",
            "hierarchy -top miter",
            "proc",
            "flatten",
            "select -assert-none t:TRELLIS_* t:LUT4 t:CCU2C t:$mem_v2",
            "async2sync",
            "setattr -unset init w:*",
            "setundef -zero",
            "dffunmap",
            "techmap",
            "opt_clean",
            "setundef -undriven -init -zero",
            "aigmap",
            "opt_clean",
            "write_aiger -zinit -miter miter.aig",
        ],
    )
    start = f"cycle -F {reset}; " if "run && " in text else ""
    run = subprocess.run(
        [ABC, "-c", PROVE.format(start=start)], cwd=folder, capture_output=True, text=True, check=False
    )
    said = run.stdout + run.stderr
    equal, different = EQUAL.search(said), DIFFERENT.search(said)
    assert run.returncode == 0 and bool(equal) != bool(different), f"abc must decide, not say {said[-2000:]}"
    return bool(equal)


def miter(folder: Path, reset: int) -> str:
    """RTL and netlist with the same inputs, and whether their outputs differ."""
    ports = json.loads((folder / "ports.json").read_text())["modules"]["gold"]["ports"]
    width = {name: len(p["bits"]) for name, p in ports.items()}
    outputs = [name for name, p in ports.items() if p["direction"] == "output"]
    inputs = [name for name in ports if name not in outputs]
    assert outputs, "there must be something to compare"
    resettable = "rst_ni" in inputs
    lines = [
        f"module miter ({', '.join(f'input [{width[n] - 1}:0] {n}' for n in inputs)}, output differ_o);",
    ]
    if resettable:
        lines += [
            f"  reg [{reset - 1}:0] count_q; wire run = count_q[{reset - 1}]; wire reset_n = rst_ni && run;",
            f"  always @(posedge clk_i) count_q <= {{count_q[{reset - 2}:0], 1'b1}};",
        ]
    for side in ("gold", "gate"):
        lines += [f"  wire [{width[n] - 1}:0] {side}_{n};" for n in outputs]
        pins = [f".{n}({'reset_n' if n == 'rst_ni' else n})" for n in inputs]
        pins += [f".{n}({side}_{n})" for n in outputs]
        lines.append(f"  {side} {side} ({', '.join(pins)});")
    differ = " || ".join(f"gold_{n} != gate_{n}" for n in outputs)
    return "\n".join(
        [*lines, f"  assign differ_o = {'run && ' if resettable else ''}({differ});", "endmodule", ""]
    )
