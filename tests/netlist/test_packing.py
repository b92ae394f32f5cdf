# SPDX-License-Identifier: Apache-2.0
"""Products in LUTs and in DSP48E2, proven: Yosys's SAT solver over every value, not samples."""

from __future__ import annotations

import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from rtl4ml.emit.library import library, modules
from rtl4ml.netlist.packing import Packing, Sums, fewest, legal, packings, packings_of

# (weight bits, x bits, x signed): all that packing is meant for
WIDTHS = [(w, x, s) for w, x, s in product(range(2, 9), range(1, 9), (False, True))]

# Registers become wires: what is left is the arithmetic, every stage of it in one step.
WIRES = r"""
(* techmap_celltype = "$dff" *)
module no_register(CLK, D, Q);
  parameter WIDTH = 1; parameter CLK_POLARITY = 1;
  input CLK; input [WIDTH-1:0] D; output [WIDTH-1:0] Q;
  assign Q = D;
endmodule
"""


def proven(folder: Path, text: str, module: str) -> bool:
    """Whether output `ok` of module `proof` in the text, which instantiates the module, is 1 for every input."""
    (folder / "proof.sv").write_text(text)
    (folder / "wires.v").write_text(WIRES)
    sources = " ".join(str(library() / f"{m}.sv") for m in modules({module}))
    (folder / "run.ys").write_text(
        f"read_verilog -sv -defer -DSYNTHESIS {sources} proof.sv\nhierarchy -top proof\nproc\nflatten\n"
        "opt_expr\nopt_clean\ntechmap -map wires.v\nopt -full\nsat -verify -prove ok 1 -show-inputs proof\n"
    )
    code = "from pyosys import libyosys as ys; d = ys.Design(); ys.run_pass('script run.ys', d)"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )
    out = run.stdout + run.stderr
    assert ("SAT proof finished - no model found: SUCCESS!" in out) != ("model found: FAIL!" in out), out[
        -2000:
    ]
    return run.returncode == 0


def dot(
    module: str, *, simd: int, pe: int, x: int, signed: bool, w: int, packing: Packing | None = None
) -> str:
    """Text of a proof that a module makes every dot product of `simd` elements with `pe` columns."""
    total = x + w + simd.bit_length()
    order = packing.order(pe, simd) if packing else np.arange(pe * simd)
    own = (
        f".Fields({packing.fields}), .Spacing({packing.spacing}), .Chain({packing.chain}), "
        f".Overlap({int(packing.overlap)})"
        if packing
        else f".ProdWidth({x + w})"
    )
    lines = [
        f"module proof(input clk, input [{simd * x - 1}:0] x, input [{pe * simd * w - 1}:0] w, output ok);",
        f"  wire [{pe * total - 1}:0] sum; wire [{pe - 1}:0] carry, same;",
        f"  {module} #(.Simd({simd}), .Pe({pe}), .XWidth({x}), .XSigned({int(signed)}), .WeightWidth({w}),",
        f"    .SumWidth({total}), {own}) dut (.clk_i(clk), .en_i(1'b1), .x_i(x), .w_i(w), .sum_o(sum)"
        + (", .carry_o(carry));" if packing else ");"),
    ]
    if not packing:
        lines.append("  assign carry = 0;")
    zero = "1'b0"
    half = f"{w}'d{1 << (w - 1) if packing and packing.fields > 1 else 0}"
    at = {int(k): n for n, k in enumerate(order)}
    for p in range(pe):
        terms = []
        for s in range(simd):
            n = at[p * simd + s]
            lines += [
                f"  wire signed [{x}:0] x{p}_{s} = {{{f'x[{s * x + x - 1}]' if signed else zero}, x[{s * x}+:{x}]}};",
                f"  wire signed [{w - 1}:0] w{p}_{s} = w[{n * w}+:{w}] ^ {half};",
                f"  wire signed [{total - 1}:0] y{p}_{s} = x{p}_{s} * w{p}_{s};",
            ]
            terms.append(f"y{p}_{s}")
        lines += [
            f"  wire [{total - 1}:0] want{p} = {' + '.join(terms)};",
            f"  assign same[{p}] = want{p} == sum[{p * total}+:{total}] + carry[{p}];",
        ]
    return "\n".join([*lines, "  assign ok = &same;", "endmodule", ""])


@pytest.mark.parametrize(
    ("w", "x", "simd"), [(2, 1, 3), (2, 4, 2), (4, 3, 2), (5, 2, 2), (6, 2, 3), (10, 2, 1)]
)
@pytest.mark.parametrize("signed", [False, True])
def test_sums_in_luts(w: int, x: int, simd: int, signed: bool, tmp_path: Path) -> None:
    text = dot("r4_dot_lut", simd=simd, pe=1, x=x, signed=signed, w=w)
    assert proven(tmp_path, text, "r4_dot_lut")


@pytest.mark.parametrize(
    ("w", "x", "signed", "simd", "pe", "packing"),
    [
        (4, 4, False, 1, 4, Packing(4, 7, 1, True)),
        (4, 4, False, 1, 5, Packing(4, 7, 1, True)),
        (3, 3, True, 2, 2, Packing(2, 5, 1, True)),
        (3, 3, False, 2, 3, Packing(3, 7, 2)),
        (3, 3, True, 3, 2, Packing(2, 7, 2)),
        (5, 4, False, 1, 2, Packing(2, 9, 1)),
        (2, 19, False, 1, 2, Packing(1, 22, 1)),
    ],
)
def test_sums_in_slices(
    w: int, x: int, signed: bool, simd: int, pe: int, packing: Packing, tmp_path: Path
) -> None:
    text = dot("r4_dot_dsp", simd=simd, pe=pe, x=x, signed=signed, w=w, packing=packing)
    assert proven(tmp_path, text, "r4_dot_dsp")


def test_a_field_too_narrow_is_found(tmp_path: Path) -> None:
    """The proof's own proof."""
    text = dot("r4_dot_dsp", simd=2, pe=2, x=3, signed=False, w=3, packing=Packing(2, 6, 2))
    assert not proven(tmp_path, text, "r4_dot_dsp")


def worst(w: int, x: int, signed: bool, products: int) -> list[Packing]:
    """What is legal for 27 outputs of any weights of such a width."""
    weights = np.zeros((1, products, 27), np.int64)
    weights[:, :, 0], weights[:, :, 1] = -(1 << (w - 1)), (1 << (w - 1)) - 1
    return packings(weights, w, elements(x, signed), x, signed)


def plain_reach(weights: np.ndarray, x: tuple[int, int], chain: int) -> tuple[int, int]:
    """Ends of all sums of any part of a chain of weights (folds, products, outputs), the first chain the short one."""
    products = weights.shape[1]
    ends = np.array(
        [[min(0, w * x[0], w * x[1]), max(0, w * x[0], w * x[1])] for w in weights.ravel().tolist()]
    )
    ends = ends.reshape(*weights.shape, 2)
    stops = range(products, 0, -chain)
    parts = [ends[:, max(0, stop - chain) : stop].sum(1) for stop in stops]
    return min(int(p[..., 0].min()) for p in parts), max(int(p[..., 1].max()) for p in parts)


def elements(x: int, signed: bool) -> tuple[int, int]:
    """Least and greatest element."""
    return (-(1 << (x - 1)), (1 << (x - 1)) - 1) if signed else (0, (1 << x) - 1)


@pytest.mark.slow
def test_words_keep_their_fields(tmp_path: Path) -> None:
    """r4_dsp_fields gives back every sum that a field may hold, for all packings of all widths in one proof.

    A word is the sum of (sum_i + offset_i) * 2^(Spacing * i) whatever weights and elements made it, so this and the
    two tests below are the whole of packing.
    """
    kinds = {(p.fields, p.spacing, p.overlap) for c in WIDTHS for p in worst(*c, 16)}
    assert {(4, 7, True), (3, 11, False), (2, 18, False)} <= kinds
    text, oks = [], []
    for n, (fields, spacing, overlap) in enumerate(sorted(kinds)):
        width, word = spacing + overlap, fields * spacing + overlap
        text += [
            f"  wire [{word - 1}:0] p{n}; wire [{fields * width - 1}:0] f{n}; wire [{fields - 1}:0] c{n}, l{n}, o{n};",
            f"  r4_dsp_fields #(.Fields({fields}), .Spacing({spacing}), .Overlap({int(overlap)})) u{n}",
            f"    (.p_i(p{n}), .low_i(l{n}), .field_o(f{n}), .carry_o(c{n}));",
        ]
        parts = []
        for i in range(fields):
            half = 1 << (width - 1)
            text += [
                f"  wire signed [{width - 1}:0] s{n}_{i} = s[{i * 64}+:{width}];",
                f"  wire signed [{word}:0] v{n}_{i} = s{n}_{i};",
                f"  assign l{n}[{i}] = s{n}_{i}[0];",
                # an overlapping field's least number is no sum that a packing allows
                f"  assign o{n}[{i}] = f{n}[{i * width}+:{width}] - {width}'d{half} + c{n}[{i}] == s[{i * 64}+:{width}]"
                + (f" || {' || '.join(f's{n}_{j} == -{half}' for j in range(fields))};" if overlap else ";"),
            ]
            parts.append(f"((v{n}_{i} + {half - (overlap and i > 0)}) << {spacing * i})")
        text.append(f"  assign p{n} = {' + '.join(parts)};")
        oks.append(f"&o{n}")
    module = [
        "module proof(input [1727:0] s, output ok);",
        *text,
        f"  assign ok = {' && '.join(oks)};",
        "endmodule",
    ]
    assert proven(tmp_path, "\n".join(module) + "\n", "r4_dsp_fields")


@pytest.mark.parametrize(("w", "x", "signed"), WIDTHS)
def test_legal_packings_hold(w: int, x: int, signed: bool) -> None:
    """Every product and every sum of a chain fits its field, every word of weights fits 27 bits."""
    weights = np.arange(-(1 << (w - 1)), 1 << (w - 1))
    lo, hi = elements(x, signed)
    every = weights[:, None] * np.arange(lo, hi + 1)
    assert ((every & 1) == (weights[:, None] & 1 & np.arange(lo, hi + 1))).all()  # the shared bit
    found = worst(w, x, signed, 16)
    assert {1, 2} <= {p.fields for p in found}
    for p in found:
        half = 1 << (p.spacing + p.overlap - 1)
        assert -half + p.overlap <= p.chain * every.min() and p.chain * every.max() < half, p
        words = np.zeros(1, np.int64)
        for i in range(p.fields):
            words = (words[:, None] + (weights[[0, -1]] << (p.spacing * i))).ravel()
        assert p.fields == 1 or (words.min() >= -(1 << 26) and words.max() < 1 << 26), p
        assert p.fields * p.spacing + p.overlap <= 48


def test_the_least_spacing_is_needed() -> None:
    """One bit less, and some sum does not fit."""
    for w, x, signed in WIDTHS:
        least = -(1 << (w - 1))
        for p in worst(w, x, signed, 8):
            ends = np.zeros((1, 8, 2), np.int64)
            ends[:, :, 0], ends[:, :, 1] = least, -least - 1
            reach = plain_reach(ends, elements(x, signed), p.chain)
            narrower = Packing(p.fields, p.spacing - 1, p.chain, p.overlap)
            allowed = legal(narrower, x_bits=x, x_signed=signed, weight_bits=w, least=least, reach=reach)
            assert not allowed, narrower


@pytest.mark.parametrize(
    ("w", "x", "want"),
    [
        (4, 4, {(4, 7, 1, True), (3, 11, 8, False), (3, 10, 4, False), (1, 11, 8, False)}),
        (8, 8, {(2, 18, 4, False), (2, 17, 2, False), (2, 16, 1, False)}),
    ],
)
def test_packings_that_are_known(w: int, x: int, want: set[tuple[int, int, int, bool]]) -> None:
    found = worst(w, x, False, 8)
    assert want <= {(p.fields, p.spacing, p.chain, p.overlap) for p in found}


@pytest.mark.parametrize(("w", "x", "signed"), WIDTHS)
def test_a_slice_of_narrower_products(w: int, x: int, signed: bool) -> None:
    """Of 18 x 18 bits: what lower weights may borrow from the top one has a bit of its own below 27."""
    ends = np.array([[[-(1 << (w - 1)), (1 << (w - 1)) - 1]] * 8])
    sums, operand = Sums(ends.reshape(-1, 2), elements(x, signed)), x + (not signed)
    every = packings_of(sums, w, x, signed, products=8, outputs=27)
    narrow = packings_of(sums, w, x, signed, products=8, outputs=27, word=18)
    packed = {p: p.spacing * (p.fields - 1) + w + 1 if p.fields > 1 else max(operand, w) for p in every}
    assert narrow == [p for p in every if packed[p] <= 18] and narrow
    assert all(p.word(operand, w) == min(packed[p], 27) for p in every)


@pytest.mark.parametrize("x", [(0, 15), (-8, 7), (3, 9)])
def test_ends_of_the_sums_of_chains(x: tuple[int, int]) -> None:
    """Against the definition; what was found for one folding is not taken for another."""
    weights = np.random.default_rng(1).integers(-8, 8, (24, 3))
    sums = Sums(weights, x)
    for products in (1, 3, 4, 6, 12, 24):
        for chain in range(1, products + 1):
            want = plain_reach(weights.reshape(-1, products, 3), x, chain)
            assert sums.reach(products, chain) == want, (products, chain)


def test_real_weights_allow_more() -> None:
    """Symmetric weights: nine products in eleven bits, three fields of them."""
    weights = np.full((1, 9, 3), -7)
    assert Packing(3, 11, 9) in packings(weights, 4, (0, 15), 4, False)


def test_fewest_slices_then_longest_chain() -> None:
    found = worst(4, 4, False, 8)
    assert fewest(16, 8)(found) == Packing(4, 7, 1, True)
    assert fewest(3, 8)(found) == Packing(3, 11, 8)
    assert fewest(1, 8)(found) == Packing(1, 11, 8)
    assert fewest(1, 8)([]) is None


def test_counts_and_order() -> None:
    p = Packing(3, 11, 4)
    assert (p.slices(16, 16), p.chains(10), p.latency(10, 2), p.latency(10, 3)) == (96, 3, 8, 7)
    # five products in chains of three: the first lacks link 0
    assert Packing(1, 12, 3).order(2, 5).tolist() == [2, 7, 0, 3, 5, 8, 1, 4, 6, 9]
