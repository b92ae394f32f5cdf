# SPDX-License-Identifier: Apache-2.0
"""r4_mask in simulation: thresholds within, at the ends of and beyond the type, signed and unsigned."""

from __future__ import annotations

import numpy as np
import rtl_cells

from rtl4ml.ir.types import Stream
from rtl4ml.ops.head import Mask

# shape, least, greatest, threshold, lanes
CASES: dict[str, tuple[tuple[int, ...], int, int, int, int]] = {
    "zero": ((9, 1), -8, 7, 0, 1),
    "negative": ((4, 6), -128, 127, -100, 3),
    "least": ((9, 1), -8, 7, -8, 1),
    "above-least": ((9, 1), -8, 7, -7, 1),
    "greatest": ((9, 1), -8, 7, 7, 1),
    "never": ((9, 2), -8, 7, 8, 2),
    "below": ((9, 2), -8, 7, -30, 2),
    "unsigned": ((6, 2), 0, 255, 128, 2),
    "unsigned-never": ((6, 2), 0, 255, 256, 1),
    "unsigned-all": ((6, 2), 0, 255, 0, 1),
    "wide": ((6, 2), -(2**40), 2**40 - 1, -(2**39) + 3, 1),
}


def test_mask(rng: np.random.Generator, seed: int) -> None:
    cases = []
    for name, (shape, lo, hi, threshold, lanes) in CASES.items():
        op = Mask(
            name="l",
            inputs=(Stream.covering("x", shape, lo, hi, 0),),
            threshold=threshold,
        )
        x = rng.integers(lo, hi + 1, (8, *shape))
        near = np.clip(threshold + rng.integers(-1, 2, x.shape), lo, hi)
        x = np.where(rng.random(x.shape) < 0.5, near, x)
        n = rtl_cells.builder()
        rtl_cells.lower(n, op, rtl_cells.folding(op, pe=lanes), n.like(op.x, "x", lanes))
        want = np.array([int(v >= threshold) for v in x.reshape(-1).tolist()])
        cases.append(rtl_cells.Case(name, n.cells, x.reshape(8, -1), want.reshape(8, -1)))
    rtl_cells.check("mask", cases, seed=seed)
