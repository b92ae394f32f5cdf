# SPDX-License-Identifier: Apache-2.0
"""Resources by Yosys for XCZU9EG, cell by cell, cached by what a cell is made of, and added up.

How the counts are made: every cell is synthesized alone, flattened, with `synth_xilinx -family xcup -nodsp
-nowidelut`. Its constant memories outside block RAM are laid out before its logic is: for every bit 64 words a LUT6,
which MUXF7 and MUXF8 join (UG574, read-only memory). Left to logic synthesis they take more: 150 words of 16 random
bits 251 LUTs instead of 66. Logic is kept from these multiplexers (-nowidelut): abc9 takes them for speed, at LUTs that
no parameter of a cell tells.
LUT is LUT1 to LUT6, LUT6_2, inverters, shift registers and the LUTs of distributed memory; FF every flip-flop; BRAM in
RAMB36 (a RAMB18 is half). DSP48E2 is the number of `r4_dsp_mac`: a black box for Yosys, which would not pack its
registers into the slice; that module is written to fit exactly one. Nothing here went through Vivado.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import json
import math
import re
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property, lru_cache
from itertools import chain
from pathlib import Path

from rtl4ml.cells.axis import edges
from rtl4ml.cells.library import GeneratedCell
from rtl4ml.device import Resources
from rtl4ml.emit.library import library, modules
from rtl4ml.errors import EnvironmentProblem
from rtl4ml.host import cache, processes
from rtl4ml.host.tools import check_writing, disk_errors, yosys_version
from rtl4ml.netlist.images import Image
from rtl4ml.netlist.netlist import Cell, Netlist, Param

BLACK_BOX = """(* blackbox *)
module r4_dsp_mac #(parameter AWidth = 27, parameter BWidth = 18, parameter PWidth = 48) (
  input clk_i, input en_i, input [AWidth-1:0] a_i, input [AWidth-1:0] d_i, input [BWidth-1:0] b_i,
  input [PWidth-1:0] c_i, output [PWidth-1:0] p_o);
endmodule
"""
PUMPED_BLACK_BOX = BLACK_BOX.replace("r4_dsp_mac", "r4_dsp_pump").replace(
    "input clk_i", "input clk2x_i, input second_i"
)

# An adder of three numbers, which Yosys would make of two: as UltraScale+ has it, one LUT of two outputs and a carry a
# bit. O5 is the majority of the three bits, I5 = 1 makes O6 their sum with the majority of the bit below.
ADD3 = r"""
module r4_add3 #(parameter Width = 8, parameter [Width-1:0] Inverted = 0, parameter SecondInverted = 0,
                 parameter Ones = 0) (
  input [Width-1:0] a_i, input [Width-1:0] b_i, input [Width-1:0] c_i, output [Width+1:0] y_o);
  localparam Carries = (Width + 5) / 4;  // CARRY4: a bit more than Width for the last majority
  // Sum and majority, and the same with the third, the second and both of them inverted.
  localparam [63:0] Plain = 64'h69966996e8e8e8e8, Third = 64'h966996698e8e8e8e;
  localparam [63:0] Second = 64'h96699669b2b2b2b2, Both = 64'h699669962b2b2b2b;
  wire [Width:0] majority;
  wire [4*Carries-1:0] sum, direct, total, carry;
  assign majority[0] = Ones > 0;
  for (genvar i = 0; i < Width; i = i + 1) begin : gen_bit
    LUT6_2 #(.INIT(SecondInverted ? (Inverted[i] ? Both : Second) : (Inverted[i] ? Third : Plain))) lut (
      .I0(a_i[i]), .I1(b_i[i]), .I2(c_i[i]), .I3(majority[i]), .I4(1'b0), .I5(1'b1), .O5(majority[i+1]), .O6(sum[i]));
  end
  assign sum[4*Carries-1:Width] = majority[Width];
  assign direct = majority;
  for (genvar i = 0; i < Carries; i = i + 1) begin : gen_carry
    if (i == 0)
      CARRY4 low (.CI(1'b0), .CYINIT(Ones > 1), .DI(direct[3:0]), .S(sum[3:0]), .O(total[3:0]), .CO(carry[3:0]));
    else
      CARRY4 next (.CI(carry[4*i-1]), .CYINIT(1'b0), .DI(direct[4*i+:4]), .S(sum[4*i+:4]), .O(total[4*i+:4]),
                   .CO(carry[4*i+:4]));
  end
  assign y_o = {carry[Width], total[Width:0]};
endmodule
"""
# Modules that Yosys reads in place of the library's.
PRIMITIVES = {"r4_dsp_mac": BLACK_BOX, "r4_dsp_pump": PUMPED_BLACK_BOX, "r4_add3": ADD3}

# Look-up tables as Yosys's memory_libmap describes memories, and as the cells that they are.
ROMS = """
ram distributed $__R4_ROM32_ { cost 9; init any; abits 5; width 1; port ar "R" { } }
ram distributed $__R4_ROM64_ { cost 9; init any; abits 6; width 1; port ar "R" { } }
ram distributed $__R4_ROM128_ { cost 14; init any; abits 7; width 1; port ar "R" { } }
ram distributed $__R4_ROM256_ { cost 20; init any; abits 8; width 1; port ar "R" { } }
"""
ROM_CELLS = r"""
module $__R4_ROM32_ #(parameter INIT = 32'b0) (input [4:0] PORT_R_ADDR, output PORT_R_RD_DATA);
  \$lut #(.WIDTH(5), .LUT(INIT)) lut (.A(PORT_R_ADDR), .Y(PORT_R_RD_DATA));
endmodule
module $__R4_ROM64_ #(parameter INIT = 64'b0) (input [5:0] PORT_R_ADDR, output PORT_R_RD_DATA);
  \$lut #(.WIDTH(6), .LUT(INIT)) lut (.A(PORT_R_ADDR), .Y(PORT_R_RD_DATA));
endmodule
module $__R4_ROM128_ #(parameter INIT = 128'b0) (input [6:0] PORT_R_ADDR, output PORT_R_RD_DATA);
  wire a, b;
  \$__R4_ROM64_ #(.INIT(INIT[63:0])) low (.PORT_R_ADDR(PORT_R_ADDR[5:0]), .PORT_R_RD_DATA(a));
  \$__R4_ROM64_ #(.INIT(INIT[127:64])) high (.PORT_R_ADDR(PORT_R_ADDR[5:0]), .PORT_R_RD_DATA(b));
  MUXF7 mux (.I0(a), .I1(b), .S(PORT_R_ADDR[6]), .O(PORT_R_RD_DATA));
endmodule
module $__R4_ROM256_ #(parameter INIT = 256'b0) (input [7:0] PORT_R_ADDR, output PORT_R_RD_DATA);
  wire a, b;
  \$__R4_ROM128_ #(.INIT(INIT[127:0])) low (.PORT_R_ADDR(PORT_R_ADDR[6:0]), .PORT_R_RD_DATA(a));
  \$__R4_ROM128_ #(.INIT(INIT[255:128])) high (.PORT_R_ADDR(PORT_R_ADDR[6:0]), .PORT_R_RD_DATA(b));
  MUXF8 mux (.I0(a), .I1(b), .S(PORT_R_ADDR[7]), .O(PORT_R_RD_DATA));
endmodule
"""

# LUTs that a primitive of distributed memory or shift register takes (UG574, table of SLICEM configurations).
MEMORY_LUTS = {
    "RAM16X1D": 2, "RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1D": 4, "RAM256X1D": 8, "RAM512X1S": 8,
    "RAM32X1S": 1, "RAM64X1S": 1, "RAM128X1S": 2, "RAM256X1S": 4, "RAM32X16DR8": 8, "RAM64X8SW": 8,
    "RAM32M": 4, "RAM32M16": 8, "RAM64M": 4, "RAM64M8": 8, "SRL16E": 1, "SRLC16E": 1, "SRLC32E": 1, "INV": 1,
}  # fmt: skip
FLIP_FLOPS = ("FDRE", "FDSE", "FDCE", "FDPE")


def mapping(folder: Path) -> list[str]:
    """The commands of Yosys that map what has been elaborated, and count it into `stat.json`; writes what they read."""
    (folder / "roms.txt").write_text(ROMS)
    (folder / "rom_cells.v").write_text(ROM_CELLS)
    # Written nowhere, not of block RAM, nor for the most part out of reach (r4_lookup, Sparse).
    roms = "t:$mem_v2 r:WR_PORTS=0 %i a:ram_style=block a:rom_style=block %u a:rom_style=logic %u %d"
    synth = "synth_xilinx -family xcup -nodsp -nowidelut -flatten -noiopad -noclkbuf"
    return [
        f"{synth} -run begin:map_memory",
        f"memory_libmap -lib roms.txt -logic-cost-rom 1000 {roms}",  # at whatever cost
        "techmap -map rom_cells.v",
        "opt -fast",  # equal bits of words share a LUT and a register
        "techmap -map +/xilinx/lut_map.v -D LUT_WIDTH=6",
        f"{synth} -run map_memory:",
        "tee -q -o stat.json stat -json",
    ]


@lru_cache(maxsize=1)
def _method() -> bytes:
    """What decides a count beside the unit: Yosys's version, what it is told, and how its answer is read."""
    with tempfile.TemporaryDirectory(prefix="rtl4ml_yosys_") as tmp:
        told = [*mapping(Path(tmp)), *PRIMITIVES.values(), ROMS, ROM_CELLS]
    read = [str(MEMORY_LUTS), str(FLIP_FLOPS)]
    # As unparsed: words of a comment do not count.
    code = [ast.unparse(ast.parse(inspect.getsource(f))) for f in (count, _constant, read_stat)]
    return "\0".join([yosys_version(), *told, *read, *code]).encode()


@dataclass(frozen=True)
class Unit:
    """A unit of synthesis: a module with its parameters, and its text where it is generated."""

    name: str
    layer: str
    module: str
    params: dict[str, Param]
    text: str = ""
    cell: Cell | None = field(default=None, compare=False)

    @property
    def sources(self) -> dict[str, str]:
        """Module name to text of all that it is made of."""
        roots = set(re.findall(r"\b(r4_\w+)\s+#\(", self.text)) if self.text else {self.module}
        out = {m: (library() / f"{m}.sv").read_text() for m in modules(roots) if m not in PRIMITIVES}
        if self.text:
            out[self.module] = self.text
        return out

    @cached_property
    def key(self) -> str:
        """The same for units that synthesis cannot tell apart."""
        h = hashlib.sha256()
        for k, v in sorted(self.sources.items()):
            # Neither comments nor the name of a generated module make a difference.
            text = re.sub(r"//[^\n]*", "", v)
            if self.text:
                text = re.sub(rf"\b{self.module}\b", "generated", text)
            h.update(f"{'generated' if k == self.module and self.text else k}\0{text}\0".encode())
        for k, p in sorted(self.params.items()):
            h.update(f"{k}={p.text() if isinstance(p, Image) else p}\0".encode())
        h.update(_method())
        return h.hexdigest()[:32]


def units(netlist: Netlist, *, frames_in_flight: int) -> list[Unit]:
    """All that a design is made of: the cells of the netlist and those of its edges."""
    return [
        Unit(c.name, c.layer, c.module, c.params(), c.text() if isinstance(c, GeneratedCell) else "", c)
        for c in (*netlist.cells, *chain(*edges(netlist, frames_in_flight=frames_in_flight)))
    ]


def synthesize(
    todo: Sequence[Unit], *, jobs: int = 2, progress: Callable[[int, int], None] | None = None
) -> list[Resources]:
    """Resources of every unit, in order; equal units are synthesized once, known ones are read from the cache."""
    distinct = {u.key: u for u in todo}
    done: dict[str, Resources] = {}
    with processes.pool(jobs, wait=True) as pool:
        for n, (key, r) in enumerate(pool.map(lambda kv: (kv[0], _cached(*kv)), distinct.items()), 1):
            done[key] = r
            if progress:
                progress(n, len(distinct))
    return [done[u.key] for u in todo]


def _cached(key: str, unit: Unit) -> Resources:
    name = f"yosys/{key}"
    kept = cache.read(name)
    known = None if kept is None else counts(kept)
    if known is not None:
        return known
    found = count(unit)
    cache.write(name, json.dumps(asdict(found)).encode())
    return found


def counts(kept: bytes) -> Resources | None:
    """Resources from a cache, None where they are no counts: whole numbers from 0 up, of RAMB36 halves too."""
    try:
        found = json.loads(kept)
    except ValueError:
        return None
    if not isinstance(found, dict) or set(found) != {f.name for f in fields(Resources)}:
        return None
    for kind, n in found.items():
        if isinstance(n, bool) or not isinstance(n, int | float) or not 0 <= n < math.inf:
            return None
        if n * (2 if kind == "bram36" else 1) % 1:
            return None
    return Resources(**found)


def count(unit: Unit) -> Resources:
    """Runs Yosys on one unit."""
    with disk_errors(tempfile.gettempdir()), tempfile.TemporaryDirectory(prefix="rtl4ml_yosys_") as tmp:
        folder = Path(tmp)
        for m, text in PRIMITIVES.items():
            (folder / f"{m}.v").write_text(text)
        for m, text in unit.sources.items():
            (folder / f"{m}.sv").write_text(text)
        top = unit.module
        script = [
            "read_verilog -sv -defer -DSYNTHESIS "
            + " ".join([*(f"{m}.v" for m in PRIMITIVES), *(f"{m}.sv" for m in unit.sources)])
        ]
        sets = []
        for k, p in unit.params.items():
            if isinstance(p, Image):
                (folder / f"{k}.mem").write_text(p.text())
                p = f"{k}.mem"
            sets.append(f"-chparam {k} {_constant(p)}")
        script.append(f"hierarchy -top {top} " + " ".join(sets))
        script += mapping(folder)
        (folder / "run.ys").write_text("\n".join(script) + "\n")
        code = (
            "import sys; from pyosys import libyosys as ys; d = ys.Design(); ys.run_pass('script run.ys', d)"
        )
        run = processes.run([sys.executable, "-c", code], cwd=folder)
        stat = folder / "stat.json"
        if run.returncode != 0 or not stat.exists():
            check_writing(folder, run.returncode, run.stdout + run.stderr)
            last = [
                line for line in (run.stdout + run.stderr).splitlines() if "ERROR" in line or "rror" in line
            ]
            raise EnvironmentProblem(
                f"{unit.name}: Yosys must synthesize {unit.module}, not stop with "
                f"{last[-1].strip() if last else f'exit status {run.returncode}'!r}"
            )
        return read_stat(json.loads(stat.read_text()))


def _constant(p: int | str) -> str:
    if isinstance(p, str):  # Yosys takes numbers here; a string is one of 8 bits a character
        return f"{8 * len(p)}'h{p.encode().hex()}"
    return str(p) if 0 <= p < 2**31 else f"64'h{p % 2**64:x}"  # nor does it take a sign


def read_stat(stat: dict[str, object]) -> Resources:
    """The resources that Yosys's `stat -json` counts in a design."""
    design = stat["design"]
    assert isinstance(design, dict)
    cells: dict[str, int] = design["num_cells_by_type"]
    lut = ff = dsp = bram = 0.0
    for kind, n in cells.items():
        if re.fullmatch(r"LUT([1-6]|6_2)", kind):
            lut += n
        elif kind in MEMORY_LUTS:
            lut += MEMORY_LUTS[kind] * n
        elif kind in FLIP_FLOPS:
            ff += n
        elif re.search(r"r4_dsp_(mac|pump)", kind) or kind == "DSP48E2":
            dsp += n
        elif kind == "RAMB36E2":
            bram += n
        elif kind == "RAMB18E2":
            bram += n / 2
        elif kind not in ("CARRY4", "CARRY8", "MUXF7", "MUXF8", "MUXF9", "BUFG", "GND", "VCC", "$scopeinfo"):
            raise EnvironmentProblem(f"Yosys: every primitive must be known to the count, not {kind}")
    return Resources(lut, ff, dsp, bram)
