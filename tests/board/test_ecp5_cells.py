# SPDX-License-Identifier: Apache-2.0
"""sim/ecp5_cells.sv against Lattice's documents: block RAMs of all pairs of widths and manners of writing,
multipliers with and without registers.

The reference below knows a block RAM as the memory guide (FPGA-TN-02204) tells it: bytes of nine bits, and for every
width which of them a port sees.
"""

from __future__ import annotations

import itertools
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from rtl4ml.board.ecp5 import mapped
from rtl4ml.host.tools import verilator_env

CYCLES = 300
MANNERS = ("NORMAL", "WRITETHROUGH", "READBEFOREWRITE")
PAIRS = [*itertools.product((1, 2, 4, 9, 18), repeat=2), *((36, b) for b in (1, 2, 4, 9, 18, 36))]
CONTENT = [int(w) for w in np.random.default_rng(5).integers(0, 2**18, 1024)]


@dataclass(frozen=True)
class Kind:
    """A configuration of a block RAM. register: whether its ports have output registers."""

    a: int
    b: int
    manner: str = "NORMAL"
    reset: str = "SYNC"
    register: bool = False


MULTIPLIERS = (("NONE", "NONE"), ("CLK0", "NONE"), ("NONE", "CLK0"), ("CLK0", "CLK0"))  # before and behind

KINDS = [
    Kind(a, b, MANNERS[n % 3]) for n, (a, b) in enumerate(PAIRS)
]  # each manner at every width of either port
KINDS += [Kind(9, 18, "NORMAL", "ASYNC")]
KINDS += [Kind(a, b, register=True) for a, b in ((9, 18), (18, 4), (36, 36), (36, 1))]


def pins(port: str, bus: str, count: int) -> str:
    return ", ".join(f".{port}{i}({bus}[{i}])" for i in range(count))


def ram(n: int, kind: Kind) -> str:
    """An instance. Its 36 outputs are {DOB, DOA}."""
    values = [f'.DATA_WIDTH_A({kind.a}), .DATA_WIDTH_B({kind.b}), .RESETMODE("{kind.reset}")']
    values += [f'.WRITEMODE_{p}("{kind.manner}")' for p in "AB"]
    values += [f'.REGMODE_{p}("OUTREG")' for p in "AB" if kind.register]
    for i in range(64):
        words = sum(w << 20 * k for k, w in enumerate(CONTENT[16 * i : 16 * i + 16]))
        values.append(f".INITVAL_{i:02X}(320'h{words:080x})")
    ports = [pins("ADA", "aa", 14), pins("ADB", "ab", 14), pins("DIA", "da", 18), pins("DIB", "db", 18)]
    ports += [pins("DOA", f"out_a[{n}]", 18), pins("DOB", f"out_b[{n}]", 18)]
    # An output register is enabled with the other port, so that it waits now and then.
    ports += [
        f".CLK{p}(clk), .CE{p}(ce[{i}]), .OCE{p}(ce[{1 - i}]), .RST{p}(rst[{i}])" for i, p in enumerate("AB")
    ]
    ports += [f".WEA(we[0]), .WEB({0 if kind.a == 36 else 'we[1]'})"]
    ports += [f".CS{p}{i}(cs[{3 * k + i}])" for k, p in enumerate("AB") for i in range(3)]
    return f"  DP16KD #({', '.join(values)}) u_{n} ({', '.join(ports)});"


def multiplier(n: int) -> str:
    """An instance."""
    before, behind = MULTIPLIERS[n]
    values = f'.REG_INPUTA_CLK("{before}"), .REG_INPUTB_CLK("{before}"), .REG_OUTPUT_CLK("{behind}")'
    ports = [pins("A", "da", 18), pins("B", "db", 18), pins("P", f"product[{n}]", 36)]
    ports += [".SIGNEDA(we[0]), .SIGNEDB(we[1]), .SOURCEA(1'b0), .SOURCEB(1'b0)"]
    ports += [".CLK0(clk), .CE0(ce[0]), .RST0(rst[0])"]
    return f"  MULT18X18D #({values}) u_mul_{n} ({', '.join(ports)});"


def bench(kinds: list[Kind]) -> str:
    shown = " ".join(f'$write("%h ", {{out_b[{n}], out_a[{n}]}});' for n in range(len(kinds)))
    shown += "".join(f' $write("%h ", product[{n}]);' for n in range(len(MULTIPLIERS)))
    return "\n".join(
        [
            "module bench;",
            f"  logic clk = 1'b0; logic [75:0] stimuli[{CYCLES}]; logic [75:0] now;",
            f"  wire [17:0] out_a[{len(kinds)}], out_b[{len(kinds)}];",
            f"  wire [35:0] product[{len(MULTIPLIERS)}];",
            "  wire [5:0] cs = now[75:70]; wire [1:0] rst = now[69:68], we = now[67:66], ce = now[65:64];",
            "  wire [13:0] ab = now[63:50], aa = now[49:36]; wire [17:0] db = now[35:18], da = now[17:0];",
            *(ram(n, kind) for n, kind in enumerate(kinds)),
            *(multiplier(n) for n in range(len(MULTIPLIERS))),
            "  initial begin",
            '    $readmemh("stimuli.hex", stimuli);',
            f"    for (int n = 0; n < {CYCLES}; n++) begin",
            "      now = stimuli[n]; #1 clk = 1'b1; #1 clk = 1'b0;",
            f'      {shown} $write("\\n");',
            "    end",
            "    $finish;",
            "  end",
            "endmodule",
        ]
    )


def compiled(folder: Path, text: str, cells: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Runs Verilator on a bench; what it says."""
    (folder / "bench.sv").write_text(text)
    verilator, env = verilator_env()
    command = [str(verilator), "--binary", "--timing", "-j", "1", "--top-module", "bench"]
    command += ["-MAKEFLAGS", "OPT_FAST=-O0 OPT_SLOW=-O0 OPT_GLOBAL=-O0"]
    command += [*mapped.FLAGS, str(cells or mapped.models()[-1]), "bench.sv"]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)


def outputs(
    folder: Path, kinds: list[Kind], stimuli: list[int], cells: Path | None = None
) -> list[list[int]]:
    """Of every cycle the outputs of every RAM, and the products."""
    (folder / "stimuli.hex").write_text("\n".join(f"{s:019x}" for s in stimuli))
    said = compiled(folder, bench(kinds), cells)
    assert said.returncode == 0, said.stdout + said.stderr
    run = subprocess.run(
        [folder / "obj_dir" / "Vbench"], cwd=folder, capture_output=True, text=True, check=True
    )
    lines = [line for line in run.stdout.splitlines() if re.fullmatch(r"[0-9a-f ]+", line)]
    return [[int(w, 16) for w in line.split()] for line in lines]


def stimuli(rng: np.random.Generator) -> list[int]:
    """Few addresses, so that ports meet; resets and foreign selects are rare."""
    found = []
    for _ in range(CYCLES):
        row, other = (int(v) for v in rng.integers(0, 3, 2))
        low = [int(v) for v in rng.integers(0, 32, 2)]
        data = [int(v) for v in rng.integers(0, 2**18, 2)]
        bits = [int(v) for v in rng.integers(0, 2, 4)]  # CEA CEB WEA WEB
        rst, cs = (int(rng.integers(0, 4) * (rng.integers(0, n) == 0)) for n in (8, 1_000))
        if rng.integers(0, 12) == 0:
            cs = int(rng.integers(0, 64))
        value = cs << 70 | rst << 68 | bits[3] << 67 | bits[2] << 66 | bits[1] << 65 | bits[0] << 64
        found.append(
            value | (other << 5 | low[1]) << 50 | (row << 5 | low[0]) << 36 | data[1] << 18 | data[0]
        )
    return found


class Reference:
    """A block RAM by the documents: `bytes` of nine bits, and what each port saw last."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.bytes = [v for w in CONTENT for v in (w & 0x1FF, w >> 9)]
        self.seen = [0, 0]
        self.behind = [0, 0]

    @staticmethod
    def bits(width: int, address: int) -> list[tuple[int, int]]:
        """Byte and bit of each bit of a port's word."""
        byte = address >> 3
        if width < 9:
            first = address & 7 & -width
            return [(byte, first + i) for i in range(width)]
        count = width // 9
        byte &= -count
        return [(byte + i // 9, i % 9) for i in range(width)]

    @staticmethod
    def enabled(width: int, address: int) -> list[bool]:
        """Whether each bit of a word is written: at 18 and 36 bits the lowest address bits enable bytes."""
        return [bool(width < 18 or address >> i // 9 & 1) for i in range(width)]

    def cycle(self, s: int) -> int:
        k = self.kind
        on = [bool(s >> 64 + p & 1) and s >> 70 + 3 * p & 7 == 0 for p in (0, 1)]
        rst = [bool(s >> 68 + p & 1) for p in (0, 1)]
        at, width = (s >> 36 & 0x3FFF, s >> 50 & 0x3FFF), (k.a, k.b)
        data = (s & 0x3FFFF, s >> 18 & 0x3FFFF)
        if k.a == 36:
            data = (data[1] << 18 | data[0], 0)
        writes = [on[p] and bool(s >> 66 + p & 1) and not rst[p] and not (p and k.a == 36) for p in (0, 1)]
        written = []
        for p in (0, 1):
            places = zip(self.bits(width[p], at[p]), self.enabled(width[p], at[p]), strict=True)
            word = {place: data[p] >> i & 1 for i, (place, is_on) in enumerate(places) if is_on}
            written.append(word if writes[p] else {})
        for p in (0, 1):
            if rst[p]:
                self.behind[p] = 0
            elif s >> 65 - p & 1:
                self.behind[p] = self.seen[p]
        for p in (0, 1):
            if rst[p]:
                self.seen[p] = 0
            elif on[p] and not (writes[p] and k.manner == "NORMAL"):
                word = 0
                for i, place in enumerate(self.bits(width[p], at[p])):
                    bit = self.bytes[place[0]] >> place[1] & 1
                    if k.manner == "WRITETHROUGH":
                        bit = written[p].get(place, bit)
                    word |= (bit ^ (place in written[1 - p])) << i
                self.seen[p] = word
        for word in written:
            for (byte, bit), value in word.items():
                self.bytes[byte] = self.bytes[byte] & ~(1 << bit) | value << bit
        a, b = self.behind if k.register else self.seen
        return b if k.b == 36 else (b << 18 | a & 0x3FFFF)


def differing(found: list[list[int]], kinds: list[Kind], given: list[int]) -> list[Kind]:
    """The kinds whose outputs are not the reference's. Of A at 36 bits nothing is read but what B leads out there."""
    assert len(found) == CYCLES
    wrong = []
    for n, kind in enumerate(kinds):
        reference = Reference(kind)
        want = [reference.cycle(s) for s in given]
        mask = 2**36 - 2**18 if kind.a == 36 and kind.b != 36 else 2**36 - 1
        if any((row[n] ^ w) & mask for row, w in zip(found, want, strict=True)):
            wrong.append(kind)
    return wrong


@pytest.mark.gate
def test_block_rams_and_multiplier_are_as_documented(tmp_path: Path) -> None:
    given = stimuli(np.random.default_rng(1))
    found = outputs(tmp_path, KINDS, given)
    assert differing(found, KINDS, given) == []
    for n, (before, behind) in enumerate(MULTIPLIERS):
        held = product = 0  # of the operands, and of the product
        for row, s in zip(found, given, strict=True):
            a, b = s & 0x3FFFF, s >> 18 & 0x3FFFF
            a -= (s >> 66 & 1 & a >> 17) << 18
            b -= (s >> 67 & 1 & b >> 17) << 18
            made, taken = held if before == "CLK0" else a * b % 2**36, a * b % 2**36
            if s >> 68 & 1:
                held = product = 0
            elif s >> 64 & 1:
                held, product = taken, made
            if before == "CLK0":
                made = held
            assert row[len(KINDS) + n] == (product if behind == "CLK0" else made)


@pytest.mark.parametrize(
    ("cell", "parameters", "said"),
    [
        (
            "DP16KD",
            '.REGMODE_A("INREG")',
            "DP16KD: REGMODE_A and REGMODE_B must be NOREG or OUTREG, not INREG and NOREG",
        ),
        (
            "DP16KD",
            '.REGMODE_A("OUTREG"), .RESETMODE("ASYNC")',
            "DP16KD: RESETMODE must be SYNC beside an output register, not ASYNC",
        ),
        (
            "DP16KD",
            '.CSDECODE_B("0b111")',
            "DP16KD: CSDECODE_A and CSDECODE_B must be 0b000, not 0b000 and 0b111",
        ),
        ("DP16KD", '.CLKAMUX("INV")', "DP16KD: CLKAMUX and CLKBMUX must be CLKA and CLKB, not INV and CLKB"),
        ("DP16KD", ".DATA_WIDTH_B(36)", "DP16KD: DATA_WIDTH_A must be 36 where DATA_WIDTH_B is, not 18"),
        (
            "MULT18X18D",
            '.REG_INPUTB_CLK("CLK1")',
            "MULT18X18D: REG_INPUTA_CLK, REG_INPUTB_CLK and REG_OUTPUT_CLK must be NONE or CLK0, not NONE CLK1 NONE",
        ),
        ("MULT18X18D", '.REG_PIPELINE_CLK("CLK0")', "MULT18X18D: REG_PIPELINE_CLK must be NONE, not CLK0"),
    ],
)
def test_what_is_not_modelled_is_refused(cell: str, parameters: str, said: str, tmp_path: Path) -> None:
    run = compiled(tmp_path, f"module bench;\n  {cell} #({parameters}) u_cell ();\nendmodule\n")
    assert run.returncode != 0 and said in re.sub(r"\s+", " ", run.stderr)
