# SPDX-License-Identifier: Apache-2.0
"""r4_window in simulation: every order of taps, padding, strides, dilations, replays; ring of the computed depth."""

from __future__ import annotations

import numpy as np
import pytest
import rtl_cells

from rtl4ml.ir.types import Ints
from rtl4ml.ir.window import Geometry
from rtl4ml.lowering.windows import add_window

NONE = ((0, 0), (0, 0))

# name: (geometry, channels, lanes, replays, channel major, padding value)
CASES: dict[str, tuple[Geometry, int, int, int, bool, int]] = {
    "valid": (Geometry(1, 8, (1, 3), (1, 1), (1, 1), NONE, (1, 6)), 2, 2, 1, False, 0),
    "same": (Geometry(1, 8, (1, 3), (1, 1), (1, 1), ((0, 0), (1, 1)), (1, 8)), 4, 2, 1, False, 0),
    "causal_dilated": (Geometry(1, 9, (1, 3), (1, 1), (1, 2), ((0, 0), (4, 0)), (1, 9)), 2, 1, 1, False, 0),
    "stride_remainder": (Geometry(1, 8, (1, 2), (1, 3), (1, 1), NONE, (1, 3)), 2, 2, 1, False, 0),
    "stride_over_kernel": (Geometry(1, 11, (1, 1), (1, 4), (1, 1), NONE, (1, 3)), 3, 1, 1, False, 0),
    "replays": (Geometry(1, 6, (1, 3), (1, 1), (1, 1), NONE, (1, 4)), 4, 2, 3, False, 0),
    "replays_of_pixels": (Geometry(2, 3, (1, 1), (1, 1), (1, 1), NONE, (2, 3)), 4, 1, 2, False, 0),
    "channel_major": (Geometry(1, 6, (1, 3), (1, 2), (1, 1), ((0, 0), (1, 1)), (1, 3)), 6, 2, 1, True, -3),
    "one_window": (Geometry(1, 7, (1, 7), (1, 1), (1, 1), NONE, (1, 1)), 4, 2, 5, False, 0),
    "frame": (Geometry(4, 5, (3, 3), (1, 1), (1, 1), ((1, 1), (1, 1)), (4, 5)), 4, 2, 1, False, 0),
    "frame_channel_major": (Geometry(5, 4, (3, 3), (2, 2), (1, 1), ((0, 1), (0, 1)), (2, 2)), 2, 1, 1, True, 7),
    "frame_dilated": (Geometry(6, 6, (2, 3), (1, 1), (3, 2), ((1, 2), (2, 2)), (6, 6)), 1, 1, 2, False, 0),
    "last_rows_unused": (Geometry(5, 5, (2, 2), (3, 3), (1, 1), NONE, (2, 2)), 2, 2, 1, False, 0),
    "block": (Geometry(8, 32, (3, 3), (1, 1), (1, 1), ((1, 1), (1, 1)), (8, 32)), 16, 8, 1, False, 0),
}  # fmt: skip


def case(
    name: str, x: Ints, geo: Geometry, channels: int, lanes: int, replays: int, major: bool, pad: int
) -> rtl_cells.Case:
    n = rtl_cells.builder()
    groups = channels // lanes
    wire = n.wire("x", lanes=lanes, bits=8, signed=True, beats=geo.height * geo.width * groups)
    add_window(n, "w", wire, geo, channels, replays=replays, channel_major=major, pad_value=pad)
    taps = rtl_cells.gather(x, geo, pad)
    taps = taps.reshape(len(x), *geo.out, 1, *geo.kernel, groups, lanes)
    taps = np.broadcast_to(taps, (*taps.shape[:3], replays, *taps.shape[4:]))
    if major:
        taps = taps.transpose(0, 1, 2, 3, 6, 4, 5, 7)
    return rtl_cells.Case(name, n.cells, x.reshape(len(x), -1), taps.reshape(len(x), -1))


def frames(rng: np.random.Generator, geo: Geometry, channels: int) -> Ints:
    return rng.integers(-128, 128, (4, geo.height, geo.width, channels))


@pytest.mark.gate
def test_window(rng: np.random.Generator, seed: int) -> None:
    cases = [case(name, frames(rng, a[0], a[1]), *a) for name, a in CASES.items()]
    assert [c.name for c in cases if c.cells[0].params()["Block"]] == ["block"]
    intervals = {c.name: c.output.beats for c in cases if c.output.beats >= c.input.beats}
    rtl_cells.check("window", cases, seed=seed, intervals=intervals)


@pytest.mark.parametrize("part", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_random_windows(part: int, rng: np.random.Generator, seed: int) -> None:
    cases = []
    for k in range(12):
        geo = rtl_cells.random_geometry(rng)
        lanes, groups, replays = (int(v) for v in rng.integers(1, 4, 3))
        print(f"w{k}: {geo}, {lanes} lanes, {groups} groups, {replays} replays")
        x = frames(rng, geo, lanes * groups)
        major, pad = bool(rng.integers(2)), int(rng.integers(-128, 128))
        cases.append(case(f"w{k}", x, geo, lanes * groups, lanes, replays, major, pad))
    rtl_cells.check("window", cases, seed=seed)
