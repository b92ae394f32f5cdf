# SPDX-License-Identifier: Apache-2.0
"""r4_threshold in simulation: few and many thresholds, shared and of every channel, every kind of levels, the tree
in LUTs and in block RAM; thresholds at the ends of the type, doubled, never and always reached.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import rtl_cells
from numpy.typing import NDArray

from rtl4ml.ir.mappings import Thresholds
from rtl4ml.ir.types import Fixed, Stream
from rtl4ml.ops.activation import Activation

Kind = Literal["even", "down", "both", "any", "own"]
# shape, least and greatest of x, thresholds, one row a channel, levels, lanes
CASES: dict[str, tuple[tuple[int, ...], int, int, int, bool, Kind, int]] = {
    "sign": ((9, 2), -8, 7, 1, False, "even", 2),
    "ternary": ((9, 2), -128, 127, 2, False, "even", 1),
    "parallel-any": ((9, 2), -128, 127, 7, False, "any", 2),
    "parallel-down": ((9, 2), -128, 127, 5, False, "down", 1),
    "parallel-rows": ((9, 4), -128, 127, 3, True, "both", 2),
    "parallel-own": ((9, 4), -128, 127, 2, True, "own", 1),
    "parallel-all": ((9, 3), 0, 63, 7, True, "both", 3),
    "search": ((9, 2), -128, 127, 8, False, "even", 2),
    "search-full": ((9, 1), -128, 127, 15, False, "even", 1),
    "search-any": ((9, 2), 0, 255, 20, False, "any", 2),
    "search-rows": ((9, 6), -2048, 2047, 15, True, "even", 2),
    "search-both": ((9, 6), -2048, 2047, 10, True, "both", 3),
    "search-own": ((9, 3), -2048, 2047, 12, True, "own", 1),
    "search-all": ((9, 3), 0, 1023, 9, True, "own", 3),
    "search-few": ((9, 4), -64, 63, 4, True, "even", 1),
    "shared-own": ((9, 4), -64, 63, 9, True, "own", 2),
    "apart": ((3, 24), -2048, 2047, 15, True, "even", 1),
    "apart-own": ((3, 21), -2048, 2047, 12, True, "own", 1),
    "block": ((20, 1), -(2**15), 2**15 - 1, 700, False, "even", 1),
    "block-rows": ((9, 8), -(2**19), 2**19 - 1, 127, True, "both", 2),
    "block-apart": ((3, 12), -(2**15), 2**15 - 1, 140, True, "both", 1),
    "block-own": ((9, 8), 0, 2**20 - 1, 140, True, "own", 2),
}


def level_rows(kind: Kind, channels: int, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    if kind == "own":
        return rng.integers(-2000, 2000, (channels, count + 1))
    if kind == "any":
        return rng.integers(-2000, 2000, (1, count + 1))
    even = -3 + 2 * np.arange(count + 1)
    if kind == "both":
        falls = rng.permutation(np.arange(channels) % 2 == 0)
        return np.where(falls[:, None], even[::-1], even)
    return even[None, ::-1] if kind == "down" else even[None]


def test_threshold(rng: np.random.Generator, seed: int) -> None:
    cases, seen = [], set()
    for name, (shape, lo, hi, count, own, kind, lanes) in CASES.items():
        channels = shape[-1] if own else 1
        thresholds = np.sort(rng.integers(lo, hi + 2, (channels, count)), axis=1)
        if name == "shared-own":
            thresholds[:] = thresholds[0]
        elif count > 2:
            thresholds[0, 0], thresholds[-1, -1] = lo, hi + 1  # always and never
            thresholds[0, 1] = thresholds[0, 2]
        levels = level_rows(kind, channels, count, rng)
        out = Fixed(True, 12, 0)
        op = Activation(
            name="l",
            inputs=(Stream.covering("x", shape, lo, hi, 0),),
            mapping=Thresholds(thresholds, levels),
            out=out,
            lo=out.lo,
            hi=out.hi,
        )
        x = rng.integers(lo, hi + 1, (8, *shape))
        near = rng.integers(0, count, x.shape)
        row = np.arange(shape[-1]) if own else np.zeros(shape[-1], int)
        near = np.clip(thresholds[row, near] + rng.integers(-1, 2, x.shape), lo, hi)
        x = np.where(rng.random(x.shape) < 0.7, near, x)
        want = np.empty_like(x)
        for at in np.ndindex(x.shape):
            c = at[-1] if own else 0
            reached = sum(int(x[at]) >= t for t in thresholds[c].tolist())
            want[at] = levels[c if len(levels) > 1 else 0][reached]
        n = rtl_cells.builder()
        rtl_cells.lower(n, op, rtl_cells.folding(op, pe=lanes), n.like(op.x, "x", lanes))
        cases.append(rtl_cells.Case(name, n.cells, x.reshape(8, -1), want.reshape(8, -1)))
        p = n.cells[0].params()
        seen.add((p["Parallel"], p["Block"], p["LevelKind"]))
        assert (p["Block"] == 1) == name.startswith("block")
        assert (p["Apart"] == 1) == ("apart" in name)
        assert (p["Parallel"] == 1) == (name.startswith("parallel") or name in ("sign", "ternary"))
    assert {s[:2] for s in seen} == {(0, 0), (0, 1), (1, 0)}
    assert {s[2] for s in seen} == {0, 1, 2, 3}
    rtl_cells.check("threshold", cases, seed=seed)
