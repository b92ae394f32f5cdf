# SPDX-License-Identifier: Apache-2.0
"""r4_reduce in simulation: taps in a beat, taps beat by beat, both; and pools whose windows overlap, whole."""

from __future__ import annotations

import numpy as np
import pytest
import rtl_cells

from rtl4ml.cells.pool import Reduce
from rtl4ml.ir.types import Stream
from rtl4ml.netlist.netlist import Wire
from rtl4ml.ops.conv import Padding
from rtl4ml.ops.pool import Pool

# name: (mode, lo, hi, lanes, taps in a beat, beats)
CASES = {
    "max_serial": ("max", -128, 127, 2, 1, 3),
    "max_serial_unsigned": ("max", 0, 255, 1, 1, 4),
    "sum_serial": ("sum", -8, 7, 3, 1, 9),
    "sum_serial_unsigned": ("sum", 0, 15, 2, 1, 5),
    "max_parallel": ("max", -128, 127, 2, 3, 1),
    "max_parallel_unsigned": ("max", 0, 7, 1, 5, 1),
    "sum_parallel": ("sum", -8, 7, 2, 9, 1),
    "sum_parallel_unsigned": ("sum", 0, 15, 1, 4, 1),
    "max_both": ("max", -4, 3, 2, 2, 3),
    "sum_both": ("sum", -4, 3, 1, 3, 2),
    "nothing": ("sum", -4, 3, 2, 1, 1),
}


def test_reduce(rng: np.random.Generator, seed: int) -> None:
    cases = []
    for name, (mode, lo, hi, lanes, taps, folds) in CASES.items():
        x = rng.integers(lo, hi + 1, (3, 8, folds * taps, lanes))
        x[0, 0], x[0, 1] = lo, hi
        y = x.max(2) if mode == "max" else x.sum(2)
        xs = Stream.covering("x", (1,), lo, hi, 0).type
        many = folds * taps if mode == "sum" else 1
        ys = Stream.covering("y", (1,), lo * many, hi * many, 0).type
        cell = Reduce(
            name="reduce",
            inputs={"x": Wire("x", taps * lanes, xs.width, xs.signed, 8 * folds)},
            outputs={"y": Wire("y", lanes, ys.width, ys.signed, 8)},
            mode=mode,
            taps=taps,
            folds=folds,
        )
        cases.append(rtl_cells.Case(name, [cell], x.reshape(3, -1), y.reshape(3, -1)))
    rtl_cells.check("reduce", cases, seed=seed, intervals={c.name: c.input.beats for c in cases})


# name: (mode, shape, lo, hi, size, stride, padding)
OVERLAPPING: dict[str, tuple[str, tuple[int, ...], int, int, tuple[int, int], tuple[int, int], Padding]] = {
    "same_max": ("max", (9, 4), -128, -3, (1, 3), (1, 2), ((0, 0), (1, 1))),
    "overlap_sum": ("sum", (8, 4), 5, 120, (1, 4), (1, 3), ((0, 0), (0, 0))),
    "padded_disjoint": ("max", (7, 2), -5, -2, (1, 2), (1, 2), ((0, 0), (0, 1))),
    "same_2d": ("max", (5, 6, 4), -128, -100, (3, 3), (2, 2), ((1, 1), (0, 1))),
    "sum_2d": ("sum", (4, 5, 2), -7, -1, (2, 3), (1, 1), ((1, 0), (1, 1))),
}


@pytest.mark.parametrize("parallel", [False, True])
def test_overlapping_pools(parallel: bool, rng: np.random.Generator, seed: int) -> None:
    cases, intervals = [], {}
    for name, (mode, shape, lo, hi, size, stride, padding) in OVERLAPPING.items():
        x = Stream.covering("x", shape, lo, hi, 3)
        lanes = 2
        simd = lanes * size[0] * size[1] if parallel else lanes
        op = Pool(name=name, inputs=(x,), mode=mode, size=size, stride=stride, padding=padding)  # type: ignore[arg-type]
        folding = rtl_cells.folding(op, pe=lanes, simd=simd)
        cases.append(rtl_cells.op_case(op, folding, rng.integers(lo, hi + 1, (5, *shape))))
        intervals[name] = folding.interval
    rtl_cells.check("reduce", cases, seed=seed, intervals=intervals)
