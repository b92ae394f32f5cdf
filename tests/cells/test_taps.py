# SPDX-License-Identifier: Apache-2.0
"""r4_taps and r4_taps_ring in simulation: padding, strides, dilations, groups; line memories of every kind."""

from __future__ import annotations

import numpy as np
import pytest
import rtl_cells

from rtl4ml.ir.types import Ints
from rtl4ml.ir.window import Geometry
from rtl4ml.lowering.windows import add_taps

NONE = ((0, 0), (0, 0))

# name: (geometry, channels, lanes, padding value)
CASES: dict[str, tuple[Geometry, int, int, int]] = {
    "valid": (Geometry(1, 8, (1, 3), (1, 1), (1, 1), NONE, (1, 6)), 2, 2, 0),
    "same": (Geometry(1, 8, (1, 3), (1, 1), (1, 1), ((0, 0), (1, 1)), (1, 8)), 4, 2, 0),
    "causal_dilated": (Geometry(1, 9, (1, 3), (1, 1), (1, 2), ((0, 0), (4, 0)), (1, 9)), 2, 1, 0),
    "stride_remainder": (Geometry(1, 8, (1, 2), (1, 3), (1, 1), NONE, (1, 3)), 2, 2, 0),
    "stride_over_kernel": (Geometry(1, 11, (1, 1), (1, 4), (1, 1), NONE, (1, 3)), 3, 1, 0),
    "one_window": (Geometry(1, 7, (1, 7), (1, 1), (1, 1), NONE, (1, 1)), 4, 4, 0),
    "padding_wider_than_frame": (Geometry(1, 2, (1, 5), (1, 1), (1, 1), ((0, 0), (4, 4)), (1, 6)), 1, 1, 5),
    "pixel": (Geometry(1, 1, (1, 3), (1, 1), (1, 1), ((0, 0), (1, 1)), (1, 1)), 2, 1, 5),
    "frame": (Geometry(4, 5, (3, 3), (1, 1), (1, 1), ((1, 1), (1, 1)), (4, 5)), 4, 2, 0),
    "frame_strided": (Geometry(5, 4, (3, 3), (2, 2), (1, 1), ((0, 1), (0, 1)), (2, 2)), 2, 1, 7),
    "frame_dilated": (Geometry(6, 6, (2, 3), (1, 1), (3, 2), ((1, 2), (2, 2)), (6, 6)), 1, 1, -1),
    "last_rows_unused": (Geometry(5, 5, (2, 2), (3, 3), (1, 1), NONE, (2, 2)), 2, 2, 0),
    "tall": (Geometry(6, 1, (3, 1), (1, 1), (1, 1), ((1, 1), (0, 0)), (6, 1)), 2, 2, 0),
    "block": (Geometry(4, 64, (3, 3), (1, 1), (1, 1), ((1, 1), (1, 1)), (4, 64)), 32, 8, 0),
}  # fmt: skip


def case(name: str, x: Ints, geo: Geometry, channels: int, lanes: int, pad: int) -> rtl_cells.Case:
    n = rtl_cells.builder()
    groups = channels // lanes
    wire = n.wire("x", lanes=lanes, bits=8, signed=True, beats=geo.height * geo.width * groups)
    add_taps(n, "w", wire, geo, lanes, channels, pad_value=pad)
    y = rtl_cells.gather(x, geo, pad).reshape(len(x), *geo.out, *geo.kernel, groups, lanes)
    y = y.transpose(0, 1, 2, 5, 3, 4, 6)
    return rtl_cells.Case(name, n.cells, x.reshape(len(x), -1), y.reshape(len(x), -1))


def frames(rng: np.random.Generator, geo: Geometry, channels: int) -> Ints:
    return rng.integers(-128, 128, (4, geo.height, geo.width, channels))


def test_taps(rng: np.random.Generator, seed: int) -> None:
    cases = [case(name, frames(rng, a[0], a[1]), *a) for name, a in CASES.items()]
    assert [c.name for c in cases if c.cells[0].params().get("Block")] == ["block"]
    assert {c.cells[0].module for c in cases} == {"r4_taps", "r4_taps_ring"}
    # Padding takes no slots of its own, but for that to the right of a kernel of one row.
    pace = {"frame": 4 * 5 * 2, "block": 4 * 64 * 4, "frame_strided": 5 * 4 * 2, "same": 9 * 2}
    rtl_cells.check("taps", cases, seed=seed, intervals=pace)


@pytest.mark.parametrize(
    ("geo", "slots"),
    [
        (Geometry(128, 128, (3, 3), (1, 1), (1, 1), ((1, 1), (1, 1)), (128, 128)), 128 * 128),
        (Geometry(128, 128, (3, 3), (2, 2), (1, 1), ((0, 1), (0, 1)), (64, 64)), 128 * 128),
        (Geometry(4, 5, (3, 3), (1, 1), (1, 1), ((2, 2), (2, 2)), (6, 7)), 6 * 7),
        # The window of the last column would be completed by the next frame's second row, which there is no room for.
        (Geometry(6, 1, (3, 3), (1, 1), (1, 1), ((1, 1), (1, 1)), (6, 1)), 2 * (6 + 1)),
        (Geometry(1, 8, (1, 3), (1, 1), (1, 1), ((0, 0), (1, 1)), (1, 8)), 9),
    ],
)
def test_slots_of_a_parallel_window(geo: Geometry, slots: int) -> None:
    assert geo.parallel_slots(1) == slots
    assert geo.parallel_slots(4) == 4 * (slots // 2 if geo.width == 1 else slots)


@pytest.mark.parametrize("part", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_random_taps(part: int, rng: np.random.Generator, seed: int) -> None:
    cases = []
    for k in range(12):
        geo = rtl_cells.random_geometry(rng)
        lanes, groups = (int(v) for v in rng.integers(1, 4, 2))
        print(f"t{k}: {geo}, {lanes} lanes, {groups} groups")
        x = frames(rng, geo, lanes * groups)
        cases.append(case(f"t{k}", x, geo, lanes * groups, lanes, int(rng.integers(-128, 128))))
    rtl_cells.check("taps", cases, seed=seed)
