# SPDX-License-Identifier: Apache-2.0
"""Argmax and mask: their definitions, ranges and foldings."""

from __future__ import annotations

import numpy as np
import pytest
import rtl_cells

from rtl4ml.ir.types import Fixed, Stream
from rtl4ml.ops.head import ArgMax, Mask


def stream(shape: tuple[int, ...], lo: int, hi: int) -> Stream:
    return Stream.covering("x", shape, lo, hi, 3)


@pytest.mark.parametrize("shape", [(6,), (4, 5), (2, 3, 4), (3, 1)])
def test_argmax_takes_the_lowest_of_equals(shape: tuple[int, ...], rng: np.random.Generator) -> None:
    op = ArgMax(name="l", inputs=(stream(shape, -1, 1),))
    x = rng.integers(-1, 2, (20, *shape))
    y = op.golden(x)
    assert y.dtype == np.int64
    assert y.shape == (20, *shape[:-1], 1) == (20, *op.output.shape)
    for at in np.ndindex(y.shape[:-1]):
        pixel = x[at].tolist()
        assert y[at][0] == pixel.index(max(pixel))
    assert (op.output.lo, op.output.hi) == (0, shape[-1] - 1)


def test_argmax_output_is_as_narrow_as_its_index() -> None:
    widths = {
        c: ArgMax(name="l", inputs=(stream((c,), -1, 1),)).output.type.width for c in (1, 2, 3, 4, 5, 16, 17)
    }
    assert widths == {1: 1, 2: 1, 3: 2, 4: 2, 5: 3, 16: 4, 17: 5}


def test_argmax_foldings_are_lanes_of_the_input() -> None:
    op = ArgMax(name="l", inputs=(stream((5, 6), -8, 7),))
    assert [(f.pe, f.simd, f.interval) for f in rtl_cells.foldings(op)] == [
        (1, 1, 30),
        (1, 2, 15),
        (1, 3, 10),
        (1, 6, 5),
    ]
    for f in rtl_cells.foldings(op):
        n = rtl_cells.builder()
        y = rtl_cells.lower(n, op, f, n.like(op.x, "x", 1))
        assert n.cells[-1].timing().slots == f.interval
        assert (y.lanes, y.beats) == (1, 5)


@pytest.mark.parametrize("threshold", [-100, -8, -7, 0, 7, 8, 100])
def test_mask_reaches(threshold: int) -> None:
    op = Mask(name="l", inputs=(stream((16, 1), -8, 7),), threshold=threshold)
    x = np.arange(-8, 8).reshape(1, 16, 1)
    y = op.golden(x)
    assert y.reshape(-1).tolist() == [1 if v >= threshold else 0 for v in range(-8, 8)]
    assert op.output.type == Fixed(False, 1, 0)
    assert (op.output.lo, op.output.hi) == (y.min(), y.max())
    assert op.output.shape == (16, 1)
