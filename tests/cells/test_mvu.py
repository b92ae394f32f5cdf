# SPDX-License-Identifier: Apache-2.0
"""r4_mvu in simulation: every kind of weight, DSP and LUT products, foldings, bias, per-channel shifts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import rtl_cells

from rtl4ml.cells.mvu import Mvu
from rtl4ml.device import ZCU102, Device
from rtl4ml.ir.types import Ints, Stream
from rtl4ml.ir.weights import WeightKind
from rtl4ml.lowering.registry import lowering_of
from rtl4ml.netlist.packing import Choice, Packing, in_luts
from rtl4ml.netlist.plan import Folding
from rtl4ml.ops.conv import Dense

KINDS = {
    WeightKind.BINARY: [-1, 1],
    WeightKind.TERNARY: [-1, 0, 1],
    WeightKind.POWER_OF_TWO: [-8, -4, -2, -1, 0, 1, 2, 4, 8],
    WeightKind.INTEGER: list(range(-8, 8)),
}


def case(
    name: str,
    rng: np.random.Generator,
    *,
    kind: WeightKind = WeightKind.INTEGER,
    dot: int = 8,
    cout: int = 6,
    simd: int = 2,
    pe: int = 2,
    lo: int = -8,
    hi: int = 7,
    bias: bool = True,
    shifts: bool = False,
    wide: int = 1,
    positions: int = 5,
    device: Device = ZCU102,
) -> rtl_cells.Case:
    """A matrix-vector unit alone; its input is replayed as the window cell does it. `wide` scales the weights."""
    x = Stream.covering("x", (positions, dot), lo, hi, 2)
    w = rng.choice(KINDS[kind], (dot, cout)) * wide
    w[0, 0] = min(KINDS[kind]) * wide  # the least of the kind is there
    if kind is WeightKind.INTEGER:
        w[-1, -1] = 7 * wide  # and something that is no power of two
    fraction = rng.integers(0, 4, cout) if shifts else np.full(cout, 3)
    fields: dict[str, Any] = {}
    if bias:
        fields = {"bias": rng.integers(-100, 100, cout), "bias_fraction": 6}
    op = Dense(name=name, inputs=(x,), weights=w[None, None], weight_fraction=fraction, **fields)
    assert op.kind is kind
    n = rtl_cells.builder(device)
    rtl_cells.lower(n, op, Folding(pe, simd), n.like(x, f"{name}_x", simd))
    cell = n.cells[-1]
    assert isinstance(cell, Mvu)

    frames = rng.integers(lo, hi + 1, (4, positions, dot))
    frames[0, :2], frames[0, 2:] = lo, hi
    return rtl_cells.Case(name, [cell], replayed(frames, simd, cout // pe), by_definition(op, frames))


def integers(
    name: str,
    rng: np.random.Generator,
    *,
    bits: int,
    x_bits: int,
    signed: bool,
    dot: int,
    cout: int,
    simd: int,
    pe: int,
    positions: int = 3,
    symmetric: bool = False,
    shifts: bool = False,
    choose: Choice = in_luts,
    pump: int = 1,
    device: Device = ZCU102,
) -> rtl_cells.Case:
    """Weights and elements over their whole range, half of each at its ends, so that sums reach theirs."""
    lo, hi = (-(1 << (x_bits - 1)), (1 << (x_bits - 1)) - 1) if signed else (0, (1 << x_bits) - 1)
    least, most = -(1 << (bits - 1)) + symmetric, (1 << (bits - 1)) - 1
    x = Stream.covering("x", (positions, dot), lo, hi, 2)
    w = ends(rng, least, most, (dot, cout))
    w[:, 0], w[:, -1] = least, most  # whole columns
    op = Dense(
        name=name,
        inputs=(x,),
        weights=w[None, None],
        weight_fraction=rng.integers(0, 3, cout) if shifts else np.full(cout, 3),
        bias=rng.integers(-100, 100, cout),
        bias_fraction=6,
    )
    found = choose(lowering_of(op).packings(Folding(pe, simd), pump))
    n = rtl_cells.builder(device)
    rtl_cells.lower(n, op, Folding(pe, simd, packing=found), n.like(x, f"{name}_x", simd))
    cell = n.cells[-1]
    assert isinstance(cell, Mvu) and cell.packing is found
    frames = ends(rng, lo, hi, (4, positions, dot))
    frames[0], frames[1] = lo, hi
    return rtl_cells.Case(name, [cell], replayed(frames, simd, cout // pe), by_definition(op, frames))


def packing(c: rtl_cells.Case) -> Packing | None:
    """How the case's unit packs its products."""
    cell = c.cells[0]
    assert isinstance(cell, Mvu)
    return cell.packing


def ends(rng: np.random.Generator, lo: int, hi: int, shape: tuple[int, ...]) -> Ints:
    """Random integers of lo..hi, every second of them one of the two."""
    extreme = rng.choice([lo, hi], shape)
    return np.where(rng.integers(0, 2, shape) == 0, extreme, rng.integers(lo, hi + 1, shape))


def replayed(x: Ints, simd: int, pe_folds: int) -> Ints:
    """(N, positions, dot): a vector of several beats comes once for every output fold."""
    folds = x.shape[2] // simd
    times = pe_folds if folds > 1 else 1
    return np.broadcast_to(x[:, :, None], (*x.shape[:2], times, x.shape[2])).reshape(len(x), -1)


def by_definition(op: Dense, x: Ints) -> Ints:
    """Real numbers as Python sees them, in steps of the output."""
    step = 2.0**-op.output.type.fraction
    w = op.weights[0, 0] * 2.0 ** -np.asarray(op.weight_fraction, float)
    y = (x * op.x.type.step) @ w
    if op.bias is not None:
        y = y + op.bias * 2.0**-op.bias_fraction
    y /= step
    assert (y == np.round(y)).all()
    return y.astype(np.int64).reshape(len(x), -1)


@pytest.mark.slow
def test_kinds_of_weights(rng: np.random.Generator, seed: int) -> None:
    cases = []
    for kind in WeightKind:
        for sign, (lo, hi) in {
            "signed": (-8, 7),
            "unsigned": (0, 15),
            "bit": (0, 1),
            "narrow": (-1, 0),
        }.items():
            for simd in (1, 3) if sign in ("signed", "unsigned") else (2,):
                name = f"{kind.name.lower()}_{sign}_{simd}"
                cases.append(case(name, rng, kind=kind, dot=6, simd=simd, lo=lo, hi=hi, shifts=simd == 3))
    assert not any(packing(c) for c in cases)
    rtl_cells.check("mvu", cases, seed=seed)


@pytest.mark.slow
def test_widths_of_lut_products(rng: np.random.Generator, seed: int) -> None:
    """Weights whose rows take one, two and more stages, elements of all widths; odd and even Simd."""
    cases = []
    for bits in (2, 3, 5, 6, 8, 10):
        for x_bits, signed in ((1 + bits % 4, True), (2 + bits % 5, False), (8, bits % 2 == 0)):
            simd = int(rng.integers(1, 6))
            case = integers(
                f"w{bits}_x{x_bits}_{int(signed)}_{simd}",
                rng,
                bits=bits,
                x_bits=x_bits,
                signed=signed,
                dot=simd * 2,
                cout=2,
                simd=simd,
                pe=2,
            )
            cases.append(case)
    cases += [
        integers(f"bit_{s}", rng, bits=4, x_bits=1, signed=s, dot=3, cout=2, simd=3, pe=1)
        for s in (False, True)
    ]
    cases += [
        integers("wide", rng, bits=16, x_bits=9, signed=True, dot=7, cout=2, simd=7, pe=1),
        integers("one_weight", rng, bits=6, x_bits=4, signed=False, dot=5, cout=2, simd=5, pe=2),
    ]
    rtl_cells.check("mvu", cases, seed=seed, stalled=1)


@pytest.mark.gate
def test_another_number_of_adders_between_registers(rng: np.random.Generator, seed: int) -> None:
    """Values and every cycle, of devices that bear one, three or four adders in r4_dot_pair, and add two numbers."""
    cases = []
    for adders, bits in ((1, 4), (4, 3), (3, 4), (4, 6), (3, 8), (4, 1)):
        cases.append(fabric(rng, bits=bits, row_adders=adders))
    rtl_cells.check("mvu", cases, seed=seed, stalled=1)


def test_rows_of_one_element(rng: np.random.Generator, seed: int) -> None:
    """Values and every cycle, of a device whose LUTs hold no choice among two elements and their sum."""
    cases = [
        fabric(rng, bits=bits, signed=signed, simd=simd, row_elements=1)
        for bits, signed, simd in ((8, False, 5), (4, True, 2), (3, True, 1), (2, False, 10), (1, False, 4))
    ]
    assert all(c.params()["RowElements"] == 1 for case in cases for c in case.cells)
    rtl_cells.check("mvu", cases, seed=seed, stalled=1)


def test_weights_a_cycle_later(rng: np.random.Generator, seed: int) -> None:
    """Values and every cycle, of a device whose memories have addresses that come out of registers; block RAM, too."""
    cases = [fabric(rng, bits=b, signed=s, late_weights=n) for b, s, n in ((4, True, 1), (8, False, 2))]
    held = case("held_late", rng, simd=8, pe=2, device=replace(ZCU102, late_weights=3))
    unit = cases[0].cells[0]
    assert isinstance(unit, Mvu)
    cases += [held, replace(cases[0], name="late_block", cells=[replace(unit, block=True)])]
    assert [c.cells[0].params()["Late"] for c in cases] == [1, 2, 3, 1]
    rtl_cells.check("mvu", cases, seed=seed, stalled=2)
    alone = integers(
        "one_word",
        rng,
        bits=4,
        x_bits=4,
        signed=True,
        dot=5,
        cout=2,
        simd=5,
        pe=2,
        device=held.cells[0].device,
    )
    assert "Late" not in alone.cells[0].params(), "one word never waits"


def test_weights_of_slices_later(rng: np.random.Generator, seed: int) -> None:
    """Values and every cycle of products in DSP slices: cascades, a short one, fields, block RAM, a held beat."""

    def made(
        name: str, late: int, links: int, fields: int = 1, *, simd: int = 5, dot: int = 10
    ) -> rtl_cells.Case:
        def choose(found: Sequence[Packing]) -> Packing:
            return next(p for p in found if (p.chain, p.fields, p.overlap) == (links, fields, False))

        device = replace(ZCU102, late_weights=late, adder_inputs=2)
        found = integers(
            f"slices_{name}", rng, bits=4, x_bits=5, signed=True, dot=dot, cout=4, simd=simd, pe=2,
            choose=choose, device=device,
        )  # fmt: skip
        assert found.cells[0].params()["Late"] == late
        return found

    cases = [
        made("alone", 1, 1),
        made("short", 2, 3),
        made("fields", 2, 5, 2),
        made("held", 3, 3, dot=5),
    ]
    unit = cases[1].cells[0]
    assert isinstance(unit, Mvu)
    cases.append(replace(cases[1], name="slices_block", cells=[replace(unit, block=True)]))
    rtl_cells.check("mvu", cases, seed=seed, stalled=2)


def test_no_clock_of_twice_the_rate_waits_for_weights(rng: np.random.Generator) -> None:
    """Slices at twice the clock read a word in each half of a cycle, whatever the device."""
    device = replace(ZCU102, late_weights=2)
    pumped = integers(
        "pumped", rng, bits=4, x_bits=5, signed=True, dot=10, cout=4, simd=5, pe=2,
        choose=lambda found: next(p for p in found if p.pump == 2), pump=2, device=device,
    )  # fmt: skip
    assert "Late" not in pumped.cells[0].params()


def fabric(
    rng: np.random.Generator, *, bits: int, signed: bool = True, simd: int = 5, **device: int
) -> rtl_cells.Case:
    """A case of another device, which adds two numbers at a time; one of one bit has no rows to add."""
    own = replace(ZCU102, adder_inputs=2, **device)  # type: ignore[arg-type]  # none of them is a text
    name = "_".join(f"{k}{v}" for k, v in device.items()) + f"_w{bits}_x{simd}"
    if bits == 1:
        made = case(name, rng, lo=0, hi=3, simd=4, device=own)
    else:
        made = integers(
            name, rng, bits=bits, x_bits=5, signed=signed, dot=10, cout=2, simd=simd, pe=2, device=own
        )
    assert all(cell.params()["AdderInputs"] == 2 for cell in made.cells)
    return made


@pytest.mark.gate
def test_dsp_products(rng: np.random.Generator, seed: int) -> None:
    cases = [
        case("signed", rng, lo=-128, hi=127, wide=15),
        case("unsigned", rng, lo=0, hi=255, wide=16),
        case("parallel", rng, lo=-128, hi=127, wide=15, simd=8, pe=6),
        case("held", rng, lo=0, hi=255, wide=15, simd=8, pe=2),
        case("one_by_one", rng, lo=-128, hi=127, wide=15, simd=1, pe=1),
        case("widest", rng, lo=-(2**17), hi=2**17 - 1, wide=2**10, shifts=True),
        case("widest_unsigned", rng, lo=0, hi=2**26 - 1, wide=2**14),
        case("too_wide", rng, lo=0, hi=2**27 - 1),
        case("both_too_wide", rng, lo=-(2**18), hi=2**18 - 1, wide=2**16),
    ]
    assert [c.name for c in cases if not packing(c)] == ["too_wide", "both_too_wide"]
    rtl_cells.check("mvu", cases, seed=seed)


# (weight bits, x bits, x signed, symmetric weights, dot, outputs, Simd, Pe)
PACKED = {
    # four fields that overlap, three that do not; Pe no multiple of either
    "four": (4, 4, False, False, 10, 6, 5, 6),
    "four_signed": (4, 4, True, False, 16, 5, 8, 5),
    "eight": (8, 8, False, False, 10, 3, 5, 3),
    "eight_signed": (8, 8, True, True, 9, 4, 9, 2),
    "three": (3, 3, False, False, 6, 8, 3, 8),
    "uneven": (5, 2, True, False, 21, 3, 7, 3),
    "one_weight": (4, 4, False, False, 7, 7, 7, 7),
}


@pytest.mark.slow  # and some of them in test_dsp_products
@pytest.mark.parametrize("name", PACKED)
def test_every_packing(name: str, rng: np.random.Generator, seed: int) -> None:
    """All that may be chosen: fields, chains (short first ones too), overlaps; sums at the ends of their ranges."""
    bits, x_bits, signed, symmetric, dot, cout, simd, pe = PACKED[name]

    def made(label: str, choose: Choice) -> rtl_cells.Case:
        return integers(
            label,
            rng,
            bits=bits,
            x_bits=x_bits,
            signed=signed,
            dot=dot,
            cout=cout,
            simd=simd,
            pe=pe,
            symmetric=symmetric,
            shifts=bool(rng.integers(2)),
            choose=choose,
        )

    legal: list[Packing] = []
    made("list", lambda found: legal.extend(found))
    cases = []
    for k, p in enumerate(legal):
        # other weights allow other spacings; the same fields and chain with the spacing that they need
        def same(found: Sequence[Packing], p: Packing = p) -> Packing | None:
            return next(
                (q for q in found if (q.fields, q.chain, q.overlap) == (p.fields, p.chain, p.overlap)), None
            )

        cases.append(made(f"{name}_{k}", same))
    fields = {(p.fields, p.overlap) for c in cases if (p := packing(c))}
    if name in ("four", "one_weight"):
        assert {(4, True), (3, False), (2, False), (1, False)} <= fields
    assert (2, False) in fields
    assert len({p.chain for p in legal}) > 2
    rtl_cells.check("mvu", cases, seed=seed, stalled=2)


@pytest.mark.gate
@pytest.mark.parametrize("name", ["four", pytest.param("eight_signed", marks=pytest.mark.slow), "uneven"])
def test_slices_at_twice_the_clock(name: str, rng: np.random.Generator, seed: int) -> None:
    """Every packing of two products a slice in a cycle; an odd last element, one word of weights or many, block RAM."""
    bits, x_bits, signed, symmetric, dot, cout, simd, pe = PACKED[name]
    legal: list[Packing] = []

    def made(label: str, choose: Choice, dot: int = dot, cout: int = cout) -> rtl_cells.Case:
        return integers(
            label, rng, bits=bits, x_bits=x_bits, signed=signed, dot=dot, cout=cout, simd=simd, pe=pe,
            symmetric=symmetric, shifts=bool(rng.integers(2)), choose=choose, pump=2,
        )  # fmt: skip

    made("list", lambda found: legal.extend(p for p in found if p.pump == 2))
    cases = []
    for k, p in enumerate(legal):

        def same(found: Sequence[Packing], p: Packing = p) -> Packing | None:
            of = [q for q in found if q.pump == 2]
            return next((q for q in of if (q.fields, q.chain) == (p.fields, p.chain)), None)

        cases.append(made(f"{name}_{k}", same))
    cases.append(made(f"{name}_one_word", pumped, simd, pe))
    many = made(f"{name}_block", pumped, simd * 16, pe * 8)
    unit = many.cells[0]
    assert isinstance(unit, Mvu)
    cases.append(replace(many, cells=[replace(unit, block=True)]))
    chosen = [p for c in cases if (p := packing(c))]
    assert {p.pump for p in chosen} == {2} and len({p.chain for p in chosen}) > 1
    assert {p.fields for p in chosen} >= {1, 2}
    assert all(c.cells[0].params()["Pumped"] for c in cases)
    rtl_cells.check("mvu", cases, seed=seed, stalled=2)


def pumped(found: Sequence[Packing]) -> Packing:
    """The most fields and the longest cascade."""
    return max((p for p in found if p.pump == 2), key=lambda p: (p.fields, p.chain))


@pytest.mark.gate
@pytest.mark.parametrize("bias", [pytest.param(False, marks=pytest.mark.slow), True])
def test_foldings(bias: bool, rng: np.random.Generator, seed: int) -> None:
    cases = [
        case(f"simd{simd}_pe{pe}_{shifts}", rng, simd=simd, pe=pe, bias=bias, shifts=shifts, dot=12)
        for simd, pe, shifts in [
            (12, 6, False),
            (12, 1, True),
            (12, 2, False),
            (5 - 1, 6, True),
            (1, 1, False),
            (2, 3, True),
            (6, 2, False),
        ]
    ]
    cases.append(case("block", rng, dot=64, cout=64, simd=4, pe=4, bias=bias, positions=2))
    cases.append(case("single", rng, dot=1, cout=1, simd=1, pe=1, bias=bias))
    assert [c.name for c in cases if c.cells[0].params()["Block"]] == ["block"]
    rtl_cells.check("mvu", cases, seed=seed)
