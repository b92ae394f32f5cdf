# SPDX-License-Identifier: Apache-2.0
"""Our units beside those of FINN and of da4ml: the same work, the same Yosys commands, the same count of levels.

    python scripts/peers.py finn FOLDER [--bits 4] [--lanes 8]     FOLDER: finn-rtllib/mvu of a checkout of FINN
    python scripts/peers.py da4ml [NAME ...]

finn: matrix-vector units of 64 x 64 at equal folding and equal DSP48E2. Ours is r4_window, which keeps and replays the
vector, r4_mvu, and the FIFO that a design has behind it: what FINN's mvu_vvu_axi holds. Neither has weight memory,
bias or thresholds. Weights are random, all of a column the least and all of another the greatest, so that every width
holds whatever the weights are, as FINN's do.
da4ml: constant matrices as graphs of adders, registers at both ends, weights uniform over all of their values. da4ml's
is its own Verilog of its own graph, with as many adders between registers as gives no fewer levels than ours has.

What is printed is docs/peers.md. Nothing went through Vivado.
"""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import numpy as np

import rtl4ml.lowering.lower  # noqa: F401 -- registers all lowerings
from rtl4ml.cells.adders import Adders
from rtl4ml.cost.estimate import estimate
from rtl4ml.emit.library import library, modules
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.types import Fixed, Ints, Stream
from rtl4ml.lowering.builder import NetlistBuilder
from rtl4ml.lowering.registry import lowering_of
from rtl4ml.netlist.adder_graph import adder_graph
from rtl4ml.netlist.netlist import Cell, Wire
from rtl4ml.ops.conv import Conv
from rtl4ml.sta.circuit import circuit
from rtl4ml.sta.delays import family
from rtl4ml.sta.paths import analyse
from rtl4ml.sta.stages import TOP, Stage
from rtl4ml.synthesis.yosys import PRIMITIVES, mapping, read_stat

Top = dict[str, Any]  # a module as `write_json` has it
RUN = "from pyosys import libyosys as ys; ys.run_pass('script run.ys', ys.Design())"
SIZE = 64
FINN_FILES = (
    "mvu_pkg.sv",
    "add_multi.sv",
    "replay_buffer.sv",
    "mvu.sv",
    "mvu_vvu_8sx9_dsp58.sv",
    "mvu_vvu_axi.sv",
)
ADDERS = 2  # between registers, as ours has (cells/adders.py); da4ml's own default is 5
# name: inputs, outputs, bits of weights, bits of the unsigned elements
LAYERS = {
    "conv k5 1-16": (5, 16, 4, 6),
    "conv k3 16-32": (48, 32, 4, 6),
    "dense 16-64": (16, 64, 4, 6),
    "dense 64-32": (64, 32, 4, 6),
    "dense 32-5": (32, 5, 4, 6),
}


@dataclass(frozen=True)
class Measured:
    """Counts, and the most levels of logic between two registers.

    A unit of 300 LUTs and 400 flip-flops: logic is 700.
    """

    lut: int
    ff: int
    dsp: int
    levels: int

    @property
    def logic(self) -> int:
        return self.lut + self.ff

    def __str__(self) -> str:
        return f"{self.lut:,} / {self.ff:,} / {self.dsp}, {self.levels}"


def measure(folder: Path, read: Sequence[str], top: str, *, without: str = "") -> Measured:
    """Maps what `read` reads, as resources are counted; `without`: a module of it that is left out, a memory.

    Raises click.ClickException where Yosys stops.
    """
    script = [*read, f"hierarchy -top {top}", "chformal -remove", *mapping(folder), "write_json netlist.json"]
    (folder / "run.ys").write_text("\n".join(script) + "\n")
    run = subprocess.run([sys.executable, "-c", RUN], cwd=folder, capture_output=True, text=True, check=False)
    if run.returncode:
        errors = [line for line in (run.stdout + run.stderr).splitlines() if "ERROR" in line]
        why = errors[-1].strip() if errors else f"exit status {run.returncode}"
        raise click.ClickException(f"{top}: Yosys must map it, not stop with {why!r}")
    found: Top = json.loads((folder / "netlist.json").read_text())["modules"][top]
    found["cells"] = {
        name: slice_of(c) for name, c in found["cells"].items() if not without or without not in c["type"]
    }
    counted = read_stat(
        {"design": {"num_cells_by_type": Counter(c["type"] for c in found["cells"].values())}}
    )
    levels = analyse(circuit(found, family("xcup")), lambda _: None).levels
    return Measured(round(counted.lut), round(counted.ff), round(counted.dsp), levels)


def slice_of(cell: dict[str, Any]) -> dict[str, Any]:
    """A DSP48E2 as an r4_dsp_mac: paths end at its inputs and begin at P; its cascades are wires inside the column."""
    if cell["type"] != "DSP48E2":
        return cell
    pins: dict[str, list[int | str]] = {"a_i": [], "p_o": cell["connections"].get("P", [])}
    for port, bits in cell["connections"].items():
        if cell["port_directions"][port] == "input" and port != "CLK" and not port.endswith("CIN"):
            pins["a_i"] += bits
    return {
        "type": "r4_dsp_mac",
        "parameters": {},
        "port_directions": {"a_i": "input", "p_o": "output"},
        "connections": pins,
    }


def finn_unit(source: Path, bits: int, lanes: int) -> Measured:
    """FINN's unit for DSP48E2. Raises click.ClickException where a file is missing."""
    with tempfile.TemporaryDirectory(prefix="rtl4ml_peers_") as tmp:
        folder = Path(tmp)
        for name in FINN_FILES:
            if not (source / name).exists():
                raise click.ClickException(f"{source}: a checkout's finn-rtllib/mvu must hold {name}")
            (folder / name).write_text(hoisted((source / name).read_text()))
        (folder / "primitives.sv").write_text("\n".join(primitive(n) for n in ("DSP48E2", "LUT6_2")))
        values = {
            "IS_MVU": 1, "VERSION": 2, "MW": SIZE, "MH": SIZE, "PE": lanes, "SIMD": lanes,
            "ACTIVATION_WIDTH": bits, "WEIGHT_WIDTH": bits, "ACCU_WIDTH": 2 * bits + SIZE.bit_length() - 1,
        }  # fmt: skip
        read = "read_slang --ignore-timing --ignore-initial -DSYNTHESIS --top mvu_vvu_axi "
        read += " ".join(f"-G {k}={v}" for k, v in values.items())
        return measure(folder, [f"{read} primitives.sv {' '.join(FINN_FILES)}"], "mvu_vvu_axi")


def hoisted(text: str) -> str:
    """The source with a constant function, and the type above it, before the block around it, where slang wants it."""
    block = re.search(r"(\t\ttypedef[^\n]*\n)?\t\tfunction\b.*?\bendfunction[^\n]*\n", text, re.DOTALL)
    begins = [m for m in re.finditer(r"^\tif\b", text, re.MULTILINE) if block and m.start() < block.start()]
    if not block or not begins:
        return text
    at = begins[-1].start()
    return text[:at] + block[0] + text[at : block.start()] + text[block.end() :]


def primitive(name: str) -> str:
    """The ports and parameters of a primitive, out of Yosys's library."""
    import pyosys

    share = Path(pyosys.__file__).parent / "share" / "xilinx"
    for file in ("cells_xtra.v", "cells_sim.v"):
        if found := re.search(rf"^module {name}\s*\(.*?^endmodule", (share / file).read_text(), re.S | re.M):
            return "(* blackbox *)\n" + re.sub(r"^\s*(assign|wire)\b[^;]*;", "", found[0], flags=re.M)
    raise click.ClickException(f"{share}: Yosys's library must hold {name}")


def our_unit(bits: int, lanes: int, dsp: int) -> Measured:
    """Ours with so many slices, by the packing of which the model of resources says that it takes least.

    Raises click.ClickException where no packing has so many.
    """
    x = Stream("x", (1, SIZE), Fixed(False, 0, bits), 0, 2**bits - 1)
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    weights = np.random.default_rng(0).integers(low, high + 1, (1, 1, SIZE, SIZE))
    weights[..., 0], weights[..., 1] = low, high
    zeros = np.zeros(SIZE, np.int64)
    op = Conv(name="mvu", inputs=(x,), weights=weights, weight_fraction=zeros, bias=zeros, bias_fraction=0)
    lowering = lowering_of(op)
    folding = next(f for f in lowering.foldings() if (f.pe, f.simd) == (lanes, lanes))
    made = []
    for packing in lowering.packings(folding):
        if packing.slices(lanes, lanes) == dsp:
            builder = NetlistBuilder(Graph("peers", (), (), ()))
            given = builder.wire("x", lanes=lanes, bits=bits, signed=False, beats=SIZE // lanes)
            builder.fifo(lowering.lower(builder, replace(folding, packing=packing), given))
            made.append(tuple(builder.cells))
    if not made:
        raise click.ClickException(f"{lanes} x {lanes}: a packing must take {dsp} DSP48E2, but none does")
    return our_stage(Stage(min(made, key=lambda cells: sum(modelled(c) for c in cells))))


def modelled(cell: Cell) -> float:
    """LUTs and flip-flops of a cell by the model."""
    found = estimate(cell.module, cell.params(), cell)
    return found.lut + found.ff


def our_stage(stage: Stage) -> Measured:
    """Cells as they stand in a design, without memories of weights."""
    with tempfile.TemporaryDirectory(prefix="rtl4ml_peers_") as tmp:
        folder = Path(tmp)
        rom = re.sub(r"\);\n.*", ");\nendmodule\n", (library() / "r4_rom_skewed.sv").read_text(), flags=re.S)
        sources = {**stage.sources, "r4_rom_skewed": "(* blackbox *)\n" + rom}
        read = written(folder, {**PRIMITIVES, **{k: v for k, v in sources.items() if k not in PRIMITIVES}})
        for name, image in stage.images.items():
            (folder / name).write_text(image.text())
        return measure(folder, [read], TOP, without="r4_rom_skewed")


def written(folder: Path, sources: Mapping[str, str]) -> str:
    """Writes sources into a folder; the command that reads them."""
    for name, text in sources.items():
        (folder / f"{name}.sv").write_text(text)
    return "read_verilog -sv -defer -DSYNTHESIS " + " ".join(f"{name}.sv" for name in sources)


def layer(name: str) -> tuple[Ints, int]:
    """The weights of a layer, (inputs, outputs), and the greatest of its elements."""
    inputs, outputs, weight_bits, bits = LAYERS[name]
    rng = np.random.default_rng([inputs, outputs])
    return rng.integers(-(2 ** (weight_bits - 1)), 2 ** (weight_bits - 1), (inputs, outputs)), 2**bits - 1


def our_graph(matrix: Ints, high: int) -> tuple[Measured, int]:
    """Ours behind a register for its elements, as da4ml's has one, and its latency from there in cycles."""
    graph = adder_graph(matrix, np.zeros(matrix.shape[1], np.int64), 0, high)
    least, greatest = np.minimum(matrix, 0).sum(axis=0).min(), np.maximum(matrix, 0).sum(axis=0).max()
    bits = Fixed.covering(int(least) * high, int(greatest) * high, 0).width
    cell = Adders(
        name="u_layer",
        inputs={"x": Wire("x", len(matrix), high.bit_length(), False, 1)},
        outputs={"y": Wire("y", matrix.shape[1], bits, True, 1)},
        operator="layer",
        products=matrix.size,
        graph=graph,
    ).running()
    assert isinstance(cell, Adders)
    roots = set(re.findall(r"\b(r4_\w+)\s+#\(", cell.text()))
    sources = {m: PRIMITIVES.get(m) or (library() / f"{m}.sv").read_text() for m in modules(roots)}
    sources["ours"] = cell.text()
    sources[
        "layer"
    ] = f"""module layer (input clk_i, input [{cell.x.width - 1}:0] x_i, output [{cell.y.width - 1}:0] y_o);
  reg [{cell.x.width - 1}:0] x_q;
  always @(posedge clk_i) x_q <= x_i;
  {cell.module} unit (.clk_i, .rst_ni(1'b1), .x_valid_i(1'b1), .y_ready_i(1'b1), .x_data_i(x_q), .y_data_o(y_o));
endmodule
"""
    with tempfile.TemporaryDirectory(prefix="rtl4ml_peers_") as tmp:
        return measure(Path(tmp), [written(Path(tmp), sources)], "layer"), cell.latency


def da4ml_graph(matrix: Ints, high: int, adders: int) -> tuple[Measured, int]:
    """da4ml's, with at most so many adders between registers, and its latency from the register of its elements."""
    from da4ml.codegen import RTLModel
    from da4ml.trace import FixedVariableArrayInput, comb_trace

    x = FixedVariableArrayInput((len(matrix),))
    traced = comb_trace(x, x.quantize(0, high.bit_length(), 0) @ matrix.astype(np.float64))
    with tempfile.TemporaryDirectory(prefix="rtl4ml_peers_") as tmp:
        made = RTLModel(traced, "theirs", tmp, latency_cutoff=adders, print_latency=False)
        made.write()
        latency: int = json.loads((Path(tmp) / "metadata.json").read_text())["latency"]
        files = [f for f in Path(tmp).glob("src/**/*.v") if "wrapper" not in f.name]
        read = written(Path(tmp), {f.stem: f.read_text() for f in files})
        return measure(Path(tmp), [read], "theirs"), latency


@click.group(help=__doc__)
def main() -> None:
    pass


def ratio(ours: float, theirs: float) -> str:
    return f"{ours / theirs:.2f}"


@main.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--bits", type=int, multiple=True, default=(4, 8), help="Of weights and elements.")
@click.option("--lanes", type=int, multiple=True, default=(4, 8, 16), help="Elements and outputs a cycle.")
def finn(folder: Path, bits: tuple[int, ...], lanes: tuple[int, ...]) -> None:
    """Matrix-vector units beside FINN's."""
    print(f"| {SIZE} x {SIZE} | FINN LUT / FF / DSP, levels | ours | LUT + FF |\n| --- | --- | --- | --- |")
    for b, n in itertools.product(bits, lanes):
        theirs = finn_unit(folder, b, n)
        ours = our_unit(b, n, theirs.dsp)
        print(
            f"| W{b}A{b}, {n} x {n} lanes | {theirs} | {ours} | {ratio(ours.logic, theirs.logic)} |",
            flush=True,
        )


@main.command()
@click.argument("names", nargs=-1, type=click.Choice(list(LAYERS)))
@click.option("--adders", type=int, multiple=True, default=(ADDERS, 5), help="Between da4ml's registers.")
def da4ml(names: tuple[str, ...], adders: tuple[int, ...]) -> None:
    """Unrolled layers beside da4ml's."""
    print(f"da4ml {version('da4ml')}, LUT / FF / DSP, levels; latency")
    for name in names or LAYERS:
        matrix, high = layer(name)
        ours, latency = our_graph(matrix, high)
        print(f"{name}: ours {ours}; {latency}", flush=True)
        for n in adders:
            theirs, cycles = da4ml_graph(matrix, high, n)
            print(
                f"{name}: da4ml, {n} adders {theirs}; {cycles}; ours to it LUT {ratio(ours.lut, theirs.lut)}, "
                f"latency {ratio(latency, cycles)}",
                flush=True,
            )


if __name__ == "__main__":
    main()
