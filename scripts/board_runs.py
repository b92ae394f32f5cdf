# SPDX-License-Identifier: Apache-2.0
"""Real scenes through a board's simulated shell, C driver included; pictures of the results; the shell's size by Yosys.

    python scripts/board_runs.py [--model salinas] [--rows 150] [--layouts bip,bil,bsq] [--out build/board_runs]
    python scripts/board_runs.py --model sen2ships_unet --layouts bil

salinas:        the whole Salinas crop, every pixel in its place, for the student of the scene; a pixel whose spectrum
                the data lack is given zeros and is no part of the picture. Without RTL4ML_DATA, the synthetic scene.
sen2ships_unet: of each test port of sen2ships the tile with most ship pixels, one image below the other

Every job is held against the integer emulation. Its cycles are printed beside 1.001 x frames x interval + 600, for
images + the network's latency, which the few frames of a job do not hide. The report of OUT has the class map or the
masks that the driver got.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

import rtl4ml
from rtl4ml.board import shell as shells
from rtl4ml.board import trained
from rtl4ml.board.values import Shell
from rtl4ml.data import catalog as scenes
from rtl4ml.data.sen2ships import sen2ships
from rtl4ml.device import Resources
from rtl4ml.report.extras import Data, Extras
from rtl4ml.report.figures.maps import ClassMap
from rtl4ml.report.pictures import frames as framed
from rtl4ml.synthesis import yosys
from rtl4ml.training.classification import recipe, students

MODELS = Path(__file__).parents[1] / "models"
# What Yosys sees of the network: its pins alone.
NETWORK = """(* blackbox *) module r4_top(input aclk, input aresetn, input s_axis_tvalid, output s_axis_tready,
input [{x}:0] s_axis_tdata, input s_axis_tlast, output m_axis_tvalid, input m_axis_tready, output [{y}:0] m_axis_tdata,
output m_axis_tlast, output m_axis_tuser, output [31:0] frame_errors_o);
endmodule
"""


@dataclass(frozen=True, kw_only=True)
class Work:
    """A model, the head that it gets, the counts that go through it, and what the page shows of the result."""

    model: Path
    head: Mapping[str, Any]
    cube: NDArray[Any]
    extras: Callable[[NDArray[Any]], Extras]


def salinas(rows: int | None) -> Work:
    """The first rows of the crop; the class map beside the ground truth."""
    scene = scenes.load_or_synthetic("salinas_crop")
    name = students.student_for(scene)
    split = recipe.read_recipe(name).split(scene)
    row, col = scene.row - scene.row.min(), scene.col - scene.col.min()
    cube = np.zeros((row.max() + 1, col.max() + 1, scene.bands), np.uint16)
    cube[row, col] = np.clip(scene.spectra, 0, None)
    cube = cube[:rows]
    shown = np.flatnonzero(row < len(cube))

    def extras(result: NDArray[Any]) -> Extras:
        found = ClassMap(
            row=row[shown],
            col=col[shown],
            truth=scene.labels[shown],
            predicted=result[row[shown], col[shown]],
            test=np.isin(shown, split.test),
        )
        missing = cube.shape[0] * cube.shape[1] - len(shown)
        note = (
            f"{missing:,} pixels of the map, whose spectra the data lack, were given zeros and are not shown."
        )
        return Extras(
            data=Data(name=scene.name, synthetic=scene.synthetic),
            sample="pixel",
            class_names=scene.class_names,
            on_board=found,
            notes=(note,),
        )

    return Work(model=students.student_path(name), head={"output": "argmax"}, cube=cube, extras=extras)


def ships(rows: int | None) -> Work:
    """A tile of each test port, as many as so many rows hold; the masks beside the ground truth."""
    tiles = sen2ships()
    area = tiles.masks.sum(axis=(1, 2))
    ports = sorted({tiles.groups[k] for k in tiles.test})
    chosen = [max((k for k in tiles.test if tiles.groups[k] == p), key=lambda k: area[k]) for p in ports]
    height, width, bands = tiles.images.shape[1:]
    chosen = chosen[: None if rows is None else max(1, rows // height)]
    images = tiles.images[chosen]

    def extras(result: NDArray[Any]) -> Extras:
        found = framed(
            images / 255,
            result.reshape(-1, height, width),
            tiles.masks[chosen],
            names=[tiles.names[k] for k in chosen],
        )
        return Extras(data=Data(name=tiles.name, synthetic=False), sample="frame", on_board=found)

    model = MODELS / "sen2ships_unet.keras"
    chosen = trained.chosen_mask(model)
    assert chosen is not None
    head = {"output": "mask", "threshold": chosen.threshold, "opening": chosen.opening}
    return Work(model=model, head=head, cube=images.reshape(-1, width, bands), extras=extras)


WORKS: Mapping[str, Callable[[int | None], Work]] = {"salinas": salinas, "sen2ships_unet": ships}


def size(shell: Shell) -> Resources:
    """LUT, FF, DSP48E2 and RAMB36 of the shell without the network, flattened (`synth_xilinx -family xcup`)."""
    with tempfile.TemporaryDirectory(prefix="rtl4ml_shell_") as tmp:
        folder = Path(tmp)
        sources = [p for p in shells.write(shell, folder) if p.suffix == ".sv"]
        mem = folder / "mem"
        mem.mkdir(exist_ok=True)
        x, y = shell.lanes * shell.in_container - 1, shell.out_lanes * shell.out_container - 1
        (folder / "r4_top.v").write_text(NETWORK.format(x=x, y=y))
        for m, text in yosys.PRIMITIVES.items():
            (mem / f"{m}.v").write_text(text)
        read = [f"../rtl/{p.name}" for p in sources if p.stem not in yosys.PRIMITIVES]
        script = [
            "read_verilog -sv -defer -DSYNTHESIS "
            + " ".join([*(f"{m}.v" for m in yosys.PRIMITIVES), *read, "../rtl/r4_board_bd.v"]),
            "read_verilog ../r4_top.v",
            "hierarchy -check -top r4_board_bd",
            *yosys.mapping(mem),
        ]
        (mem / "run.ys").write_text("\n".join(script) + "\n")
        code = "from pyosys import libyosys as ys; ys.run_pass('script run.ys', ys.Design())"
        subprocess.run([sys.executable, "-c", code], cwd=mem, check=True, stdout=subprocess.DEVNULL)
        stat = json.loads((mem / "stat.json").read_text())
        del stat["design"]["num_cells_by_type"]["r4_top"]  # the network
        return yosys.read_stat(stat)


def run(
    work: Work,
    layouts: list[str],
    out: Path,
    *,
    latency: int = 200,
    outstanding: int = 16,
    counted: bool = False,
) -> int:
    """Runs a job a layout and writes the report; how many values differ. counted: the shell is, by Yosys."""
    design = rtl4ml.convert(work.model, out=out, **work.head)
    board = design.board()
    if counted:
        print("shell alone, by Yosys:", size(board.shell), flush=True)
    frames = board.shell.frames(*work.cube.shape[:2])
    what = "pixels" if board.shell.pixels else "frames"
    fill = 600 if board.shell.pixels else 600 + design.cycles.latency
    for layout in layouts:
        start = time.perf_counter()
        bound = 1.001 * frames * float(design.cycles.interval) + fill
        found = board.simulate(work.cube, layout, latency=latency, outstanding=outstanding)
        rate = frames / found.outcome.cycles * design.clock_mhz * 1e6
        print(
            f"{layout}: {found.mismatches} of {found.result.size:,} values differ; {found.outcome.cycles:,} cycles, "
            f"bound {bound:,.0f}; {rate:,.0f} {what}/s at an assumed {design.clock_mhz:g} MHz; "
            f"{time.perf_counter() - start:.0f} s",
            flush=True,
        )
    report = design.report(extras=work.extras(found.result))
    print(json.dumps({key: report["board"][key] for key in ("cosim", "dram")}))
    print(out / "report.html")
    return board.runs.mismatches


@click.command(help=__doc__)
@click.option("--model", type=click.Choice(list(WORKS)), default="salinas", show_default=True)
@click.option("--rows", type=click.IntRange(1), help="Of the scene; default all.")
@click.option("--layouts", default="bip,bil,bsq", show_default=True)
@click.option("--latency", type=click.IntRange(1), default=200, show_default=True)
@click.option("--outstanding", type=click.IntRange(1, 64), default=16, show_default=True)
@click.option("--size/--no-size", default=True, show_default=True, help="Count the shell with Yosys.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("build/board_runs"))
def main(
    model: str, rows: int | None, layouts: str, latency: int, outstanding: int, size: bool, out: Path
) -> None:
    work = WORKS[model](rows)
    wrong = run(work, layouts.split(","), out, latency=latency, outstanding=outstanding, counted=size)
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
