# SPDX-License-Identifier: Apache-2.0
"""r4_dwu in simulation: alone behind made-up windows, and whole depthwise layers, serial and parallel."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import rtl_cells

from rtl4ml.cells.dwu import Dwu
from rtl4ml.ir.types import Ints, Stream
from rtl4ml.ir.weights import WeightKind
from rtl4ml.lowering.registry import lowering_of
from rtl4ml.netlist.packing import Packing
from rtl4ml.netlist.plan import Folding
from rtl4ml.ops.conv import Depthwise, Padding

KINDS = {
    WeightKind.BINARY: [-1, 1],
    WeightKind.TERNARY: [-1, 0, 1],
    WeightKind.POWER_OF_TWO: [-8, -4, -2, -1, 0, 1, 2, 4, 8],
    WeightKind.INTEGER: list(range(-8, 8)),
}


def layer(
    name: str,
    rng: np.random.Generator,
    *,
    kind: WeightKind = WeightKind.INTEGER,
    shape: tuple[int, ...] = (6, 4),
    kernel: tuple[int, int] = (1, 3),
    multiplier: int = 1,
    lanes: int = 2,
    parallel: bool = False,
    lo: int = -8,
    hi: int = 7,
    wide: int = 1,
    bias: bool = True,
    shifts: bool = False,
    stride: tuple[int, int] = (1, 1),
    dilation: tuple[int, int] = (1, 1),
    padding: Padding = ((0, 0), (0, 0)),
) -> tuple[Depthwise, Folding]:
    """A depthwise layer with random weights, the least of the kind among them, and its folding."""
    x = Stream.covering("x", shape, lo, hi, 2)
    c = shape[-1]
    w = rng.choice(KINDS[kind], (*kernel, c, multiplier)) * wide
    w[0, 0, 0, 0] = min(KINDS[kind]) * wide
    if kind is WeightKind.INTEGER:
        w[-1, -1, -1, -1] = 7 * wide  # no power of two
    fields: dict[str, Any] = {}
    if bias:
        fields = {"bias": rng.integers(-100, 100, c * multiplier), "bias_fraction": 6}
    op = Depthwise(
        name=name,
        inputs=(x,),
        weights=w,
        weight_fraction=rng.integers(0, 4, c * multiplier) if shifts else np.full(c * multiplier, 3),
        stride=stride,
        dilation=dilation,
        padding=padding,
        **fields,
    )
    assert op.kind is kind
    simd = lanes * (kernel[0] * kernel[1] if parallel else 1)
    return op, rtl_cells.folding(op, pe=lanes * multiplier, simd=simd)


def frames(op: Depthwise, rng: np.random.Generator) -> Ints:
    x = rng.integers(op.x.lo, op.x.hi + 1, (4, *op.x.hwc))
    x[0], x[1] = op.x.lo, op.x.hi
    return x


def by_definition(op: Depthwise, x: Ints) -> Ints:
    """Real numbers as Python sees them, in steps of the output."""
    taps = rtl_cells.gather(x, op.window) * op.x.type.step
    c, m = op.weights.shape[2:]
    w = op.weights * 2.0 ** -np.asarray(op.weight_fraction, float).reshape(c, m)
    y = np.einsum("npqijc,ijcm->npqcm", taps, w).reshape(len(x), -1, c * m)
    if op.bias is not None:
        y = y + op.bias * 2.0**-op.bias_fraction
    y /= 2.0**-op.output.type.fraction
    assert (y == np.round(y)).all()
    return y.astype(np.int64).reshape(len(x), -1)


def alone(op: Depthwise, folding: Folding, rng: np.random.Generator) -> rtl_cells.Case:
    """The unit without its window: the taps come as the window cell gives them."""
    n = rtl_cells.builder()
    rtl_cells.lower(n, op, folding, n.like(op.x, f"{op.name}_x", folding.pe // op.multiplier))
    cell = n.cells[-1]
    assert isinstance(cell, Dwu)
    x = frames(op, rng)
    taps = rtl_cells.gather(x, op.window)  # N, OH, OW, KH, KW, C
    taps = taps.reshape(*taps.shape[:3], cell.folds, cell.taps, cell.groups, cell.lanes)
    beats = taps.transpose(0, 1, 2, 5, 3, 4, 6).reshape(len(x), -1)
    return rtl_cells.Case(op.name, [cell], beats, by_definition(op, x))


def packing(c: rtl_cells.Case) -> Packing | None:
    """How the case's unit packs its products."""
    cell = c.cells[0]
    assert isinstance(cell, Dwu)
    return cell.packing


@pytest.mark.slow
def test_kinds_of_weights(rng: np.random.Generator, seed: int) -> None:
    cases = []
    for kind in WeightKind:
        for sign, (lo, hi) in {"signed": (-8, 7), "unsigned": (0, 15)}.items():
            for parallel in (False, True):
                name = f"{kind.name.lower()}_{sign}_{parallel}"
                made = layer(name, rng, kind=kind, lo=lo, hi=hi, parallel=parallel, shifts=parallel)
                cases.append(alone(*made, rng))
    assert not any(packing(c) for c in cases)
    rtl_cells.check("dwu", cases, seed=seed)


@pytest.mark.gate
def test_structures(rng: np.random.Generator, seed: int) -> None:
    dsp = {"lo": -128, "hi": 127, "wide": 15}
    layers = [
        layer("dsp", rng, **dsp),
        layer("dsp_parallel", rng, **dsp, parallel=True, multiplier=2),
        layer("multiplier", rng, multiplier=3, shifts=True),
        layer("multiplier_parallel", rng, multiplier=2, parallel=True, lanes=4, shifts=True),
        layer("no_bias", rng, bias=False, shifts=True),
        layer("one_lane", rng, lanes=1),
        layer("all_lanes", rng, lanes=4, parallel=True, bias=False),
        layer("pixel", rng, kernel=(1, 1)),
        layer("square", rng, shape=(4, 5, 2), kernel=(3, 3), parallel=True, lanes=1),
        layer("block", rng, shape=(4, 5, 128), kernel=(3, 3), **dsp, lanes=4),
    ]
    cases = [alone(*made, rng) for made in layers]
    assert [c.name for c in cases if packing(c)] == ["dsp", "dsp_parallel", "block"]
    assert [c.name for c in cases if c.cells[0].params()["Block"]] == ["block"]
    rtl_cells.check("dwu", cases, seed=seed, intervals={c.name: c.input.beats for c in cases})


@pytest.mark.slow
def test_every_packing(rng: np.random.Generator, seed: int) -> None:
    """Kernels of one channel side by side in a slice, taps along the cascade; LUTs too, with odd and even taps."""
    cases = []
    for kernel in ((1, 5), (1, 2), (1, 1)):
        for lo, hi in ((-8, 7), (0, 15)):
            op, folding = layer(
                f"k{kernel[1]}_{-lo}",
                rng,
                kernel=kernel,
                multiplier=5,
                lanes=2,
                lo=lo,
                hi=hi,
                parallel=True,
                shifts=lo == 0,
            )
            found = lowering_of(op).packings(folding)
            assert {(4, True), (3, False)} <= {(p.fields, p.overlap) for p in found}
            assert max(p.chain for p in found) == kernel[1]
            order = rng.permutation(len(found))[:4]
            for p in [None, *(found[k] for k in order)]:
                made = alone(op, replace(folding, packing=p), rng)
                assert packing(made) is p
                cases.append(made)
    cases = [replace(c, name=f"{c.name}_{k}") for k, c in enumerate(cases)]
    rtl_cells.check("dwu", cases, seed=seed, stalled=1)


@pytest.mark.gate
def test_slices_at_twice_the_clock(rng: np.random.Generator, seed: int) -> None:
    """Two taps of a slice in a cycle, the last of an odd kernel alone; a tap a beat, and several kernels a channel."""
    cases = []
    for kernel, parallel, multiplier in (
        ((1, 5), True, 5),
        ((1, 2), True, 1),
        ((3, 3), True, 1),
        ((1, 3), False, 2),
    ):
        op, folding = layer(
            f"k{kernel[0] * kernel[1]}_{parallel}", rng, shape=(4, 5, 4) if kernel[0] > 1 else (7, 4), kernel=kernel,
            multiplier=multiplier, lanes=2, lo=0, hi=15, parallel=parallel, shifts=multiplier > 1,
        )  # fmt: skip
        found = [p for p in lowering_of(op).packings(folding, 2) if p.pump == 2]
        for p in {
            min(found, key=lambda p: (p.chain, p.fields)),
            max(found, key=lambda p: (p.chain, p.fields)),
        }:
            made = alone(op, replace(folding, packing=p), rng)
            cases.append(replace(made, name=f"{made.name}_{p.fields}_{p.chain}"))
    assert all(c.cells[0].params()["Pumped"] for c in cases)
    rtl_cells.check("dwu", cases, seed=seed, stalled=2)


@pytest.mark.gate
@pytest.mark.parametrize("parallel", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_whole_layers(parallel: bool, rng: np.random.Generator, seed: int) -> None:
    """Window and unit together, at the interval that the folding promises."""
    same: Padding = ((1, 1), (1, 1))
    layers = [
        layer("same", rng, padding=((0, 0), (1, 1)), parallel=parallel, multiplier=2),
        layer("causal", rng, padding=((0, 0), (4, 0)), dilation=(1, 2), parallel=parallel),
        layer("strided", rng, shape=(9, 4), stride=(1, 2), padding=((0, 0), (1, 1)), parallel=parallel),
        layer("frame", rng, shape=(4, 5, 4), kernel=(3, 3), padding=same, parallel=parallel),
        layer(
            "frame_strided",
            rng,
            shape=(5, 4, 2),
            kernel=(3, 3),
            stride=(2, 2),
            padding=same,
            parallel=parallel,
        ),
        layer("pixel_strided", rng, shape=(7, 4), kernel=(1, 1), stride=(1, 2), parallel=parallel),
    ]
    cases, intervals = [], {}
    for op, folding in layers:
        n = rtl_cells.builder()
        rtl_cells.lower(n, op, folding, n.like(op.x, f"{op.name}_x", 2))
        x = frames(op, rng)
        y = by_definition(op, x)
        np.testing.assert_array_equal(op.golden(x).reshape(len(x), -1), y)
        cases.append(rtl_cells.Case(op.name, n.cells, x.reshape(len(x), -1), y))
        intervals[op.name] = folding.interval
    rtl_cells.check("dwu", cases, seed=seed, intervals=intervals)
