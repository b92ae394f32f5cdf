# SPDX-License-Identifier: Apache-2.0
"""The whole Salinas crop through a board's simulated shell, C driver included, and the shell's size by Yosys.

    python scripts/board_runs.py [--rows 114] [--latency 200] [--outstanding 16] [--out build/board_runs]

The crop's pixels are laid out as a cube of 114 x 122; RTL4ML_DATA says where the crop is, else counts are random.
Every job is held against the integer emulation, and its cycles against 1.001 x frames x interval + 600.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np

import rtl4ml
from rtl4ml.board import shell as shells
from rtl4ml.board.bulk import Job
from rtl4ml.board.values import Shell
from rtl4ml.device import Resources
from rtl4ml.synthesis import yosys

MODEL = Path(__file__).parents[1] / "models" / "salinas_1dcnn.keras"
# What Yosys sees of the network: its pins alone.
NETWORK = """(* blackbox *) module r4_top(input aclk, input aresetn, input s_axis_tvalid, output s_axis_tready,
input [{x}:0] s_axis_tdata, input s_axis_tlast, output m_axis_tvalid, input m_axis_tready, output [{y}:0] m_axis_tdata,
output m_axis_tlast, output m_axis_tuser, output [31:0] frame_errors_o);
endmodule
"""


def counts() -> np.ndarray:
    """The crop's counts as a cube (114, 122, 204) of uint16, or random ones of the same shape."""
    folder = os.environ.get("RTL4ML_DATA")
    if folder:
        x = np.load(Path(folder) / "salinas_crop150_labelled.npz")["X"]
        return np.clip(x, 0, None).astype(np.uint16).reshape(114, 122, 204)
    print("RTL4ML_DATA is not set: random counts")
    return np.random.default_rng(0).integers(0, 8192, (114, 122, 204), np.uint16)


def size(shell: Shell) -> Resources:
    """LUT, FF, DSP48E2 and RAMB36 of the shell without the network, flattened (`synth_xilinx -family xcup`)."""
    with tempfile.TemporaryDirectory(prefix="rtl4ml_shell_") as tmp:
        folder = Path(tmp)
        sources = [p for p in shells.write(shell, folder) if p.suffix == ".sv"]
        mem = folder / "mem"
        mem.mkdir(exist_ok=True)
        x, y = shell.lanes * shell.in_container - 1, shell.out_lanes * shell.out_container - 1
        (folder / "r4_top.v").write_text(NETWORK.format(x=x, y=y))
        (mem / "r4_dsp_mac.v").write_text(yosys.BLACK_BOX)
        read = [f"../rtl/{p.name}" for p in sources if p.name != "r4_dsp_mac.sv"]
        script = [
            "read_verilog -sv -defer -DSYNTHESIS r4_dsp_mac.v " + " ".join([*read, "../rtl/r4_board_bd.v"]),
            "read_verilog ../r4_top.v",
            "hierarchy -check -top r4_board_bd",
            *yosys.mapping(mem),
        ]
        (mem / "run.ys").write_text("\n".join(script) + "\n")
        code = "from pyosys import libyosys as ys; ys.run_pass('script run.ys', ys.Design())"
        subprocess.run([sys.executable, "-c", code], cwd=mem, check=True, stdout=subprocess.DEVNULL)
        return yosys.read_stat(json.loads((mem / "stat.json").read_text()))


@click.command(help=__doc__)
@click.option("--rows", type=click.IntRange(1, 114), default=114, show_default=True)
@click.option("--latency", type=click.IntRange(1), default=200, show_default=True)
@click.option("--outstanding", type=click.IntRange(1, 64), default=16, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), default=Path("build/board_runs"))
def main(rows: int, latency: int, outstanding: int, out: Path) -> None:
    cube = counts()[:rows]  # the crop has no rows of its own: its pixels stand in any order
    design = rtl4ml.convert(MODEL, out=out, output="argmax")
    board = design.board()
    print("shell alone, by Yosys:", size(board.shell), flush=True)
    want = board.meaning.result(cube)
    frames, wrong = cube.shape[0] * cube.shape[1], 0
    bound = 1.001 * frames * float(design.cycles.interval) + 600
    for layout in ("bip", "bil", "bsq"):
        start = time.perf_counter()
        (run,) = board.simulator.run(
            [Job(cube=cube, layout=layout)], latency=latency, outstanding=outstanding
        )
        assert not run.code, run.message
        bad = int((run.result.reshape(want.shape) != want).sum())
        wrong += bad
        rate = frames / run.cycles * design.clock_mhz * 1e6
        print(
            f"{layout}: {bad} of {frames:,} classes differ; {run.cycles:,} cycles, bound {bound:,.0f}; "
            f"{rate:,.0f} pixels/s at an assumed {design.clock_mhz:g} MHz; {time.perf_counter() - start:.0f} s",
            flush=True,
        )
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
