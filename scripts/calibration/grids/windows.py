# SPDX-License-Identifier: Apache-2.0
"""Grids of the cells that make windows, and of those that repeat, pad, crop and stuff."""

from __future__ import annotations

import numpy as np

from calibration.points import Params, in_blocks, points
from rtl4ml.ir.window import Geometry


def window(
    lanes: int,
    elem: int,
    groups: int,
    width: int,
    k: int,
    depth: int,
    *,
    height: int = 1,
    kh: int = 1,
    stride: int = 1,
    pad: int = 0,
    replays: int = 1,
    major: int = 0,
) -> Params:
    """Parameters of an r4_window."""
    pt = pad if kh > 1 else 0
    return {
        "Lanes": lanes,
        "ElemWidth": elem,
        "Groups": groups,
        "Height": height,
        "Width": width,
        "KernelH": kh,
        "KernelW": k,
        "StrideH": 1,
        "StrideW": stride,
        "DilationH": 1,
        "DilationW": 1,
        "PadTop": pt,
        "PadLeft": pad,
        "OutHeight": (height + 2 * pt - kh) + 1,
        "OutWidth": (width + 2 * pad - k) // stride + 1,
        "Replays": replays,
        "ChannelMajor": major,
        "PadValue": 0,
        "Depth": depth,
        "Block": int(in_blocks(depth, lanes * elem)),
    }


def taps(lanes: int, elem: int, groups: int, width: int, k: int, *, height: int = 1, pad: int = 0) -> Params:
    """Parameters of an r4_taps."""
    ew = width + pad
    return {
        "Lanes": lanes,
        "ElemWidth": elem,
        "Groups": groups,
        "Height": height,
        "Width": width,
        "KernelH": 1,
        "KernelW": k,
        "StrideH": 1,
        "StrideW": 1,
        "DilationH": 1,
        "DilationW": 1,
        "PadTop": 0,
        "PadLeft": pad,
        "OutHeight": height,
        "OutWidth": ew + pad - k + 1,
        "ExtHeight": height,
        "ExtWidth": ew,
        "PadValue": 0,
    }


def ring(
    lanes: int,
    elem: int,
    groups: int,
    height: int,
    width: int,
    *,
    k: tuple[int, int] = (3, 3),
    pad: tuple[int, int] = (1, 1),
    stride: int = 1,
    dilation: int = 1,
) -> Params:
    """Parameters of an r4_taps_ring, padded alike on both sides of an axis."""
    geo = Geometry(
        height,
        width,
        k,
        (stride, stride),
        (dilation, dilation),
        ((pad[0], pad[0]), (pad[1], pad[1])),
        tuple(
            (n + 2 * p - (m - 1) * dilation - 1) // stride + 1
            for n, p, m in zip((height, width), pad, k, strict=True)
        ),  # type: ignore[arg-type]  # of two axes, so a pair
    )
    return {
        "Lanes": lanes,
        "ElemWidth": elem,
        "Groups": groups,
        **geo.params(),
        "RowSlots": geo.row_slots,
        "Overlap": int(geo.overlaps),
        "PadValue": 0,
        "Block": int(in_blocks(width * groups, lanes * elem)),
    }


def upsample(lanes: int, elem: int, groups: int, width: int, rows: int) -> Params:
    """Parameters of an r4_upsample by two in columns."""
    block = int(in_blocks(width * groups, lanes * elem) and rows > 1)
    return {
        "Lanes": lanes,
        "ElemWidth": elem,
        "Groups": groups,
        "Width": width,
        "FactorH": rows,
        "FactorW": 2,
        "Block": block,
    }


def pad(lanes: int, elem: int, groups: int, height: int, width: int) -> Params:
    """Parameters of an r4_pad, around where there are rows."""
    two = int(height > 1)
    return {"Lanes": lanes, "ElemWidth": elem, "Groups": groups, "Height": height, "Width": width,
            "PadTop": two, "PadBottom": two, "PadLeft": 1, "PadRight": 2}  # fmt: skip


def crop(lanes: int, elem: int, groups: int, height: int, width: int) -> Params:
    """Parameters of an r4_crop, around where there are rows."""
    two = int(height > 1)
    return {"Lanes": lanes, "ElemWidth": elem, "Groups": groups, "Height": height, "Width": width,
            "CropTop": two, "CropLeft": 1, "OutHeight": height - 2 * two, "OutWidth": width - 3}  # fmt: skip


@points("r4_window")
def _window(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        window(1, 4, 32, 1, 1, 65, replays=4),
        window(2, 4, 16, 1, 1, 33, replays=8),
        window(4, 5, 200, 1, 1, 400, replays=2),
        window(1, 8, 1, 204, 5, 8),
        window(4, 4, 2, 16, 3, 10, pad=1),
        window(2, 6, 4, 30, 3, 24, stride=2),
        window(8, 8, 2, 12, 3, 70, height=12, kh=3, pad=1),
        window(2, 4, 8, 16, 3, 300, height=16, kh=3, pad=1),
        window(1, 8, 3, 20, 3, 140, height=10, kh=3),
        window(16, 8, 4, 16, 3, 160, height=16, kh=3, pad=1),
        window(4, 6, 8, 10, 2, 30, major=1),
        window(3, 5, 1, 40, 4, 8, pad=1, major=1),
        window(8, 4, 16, 8, 1, 40, replays=3),
        window(4, 8, 12, 9, 3, 60, pad=1, replays=6),
        window(1, 4, 32, 1, 1, 64, replays=4),
        window(1, 5, 24, 1, 1, 48, replays=6),
        window(2, 6, 16, 1, 1, 32, replays=5),
        window(1, 8, 64, 1, 1, 128, replays=2),
        window(3, 4, 120, 1, 1, 240, replays=2),
        window(15, 8, 24, 1, 1, 48, replays=16),
        window(2, 4, 8, 16, 3, 40, pad=1),
        window(1, 8, 3, 64, 3, 15, pad=1),
        window(2, 6, 2, 48, 3, 10, pad=1, major=1),
        window(2, 4, 4, 24, 3, 20, pad=1, major=1),
        window(2, 8, 16, 32, 3, 1200, height=32, kh=3, pad=1, major=1),
        window(4, 4, 4, 32, 3, 280, height=32, kh=3, pad=1),
        window(8, 8, 8, 16, 1, 24, height=16, replays=2),
    ]


@points("r4_taps")
def _taps(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        taps(1, 8, 1, 204, 5),
        taps(4, 5, 1, 100, 3),
        taps(3, 6, 1, 20, 3, pad=1),
        taps(2, 8, 2, 30, 3, pad=1),
        taps(4, 4, 8, 24, 3),
        taps(1, 12, 1, 60, 9),
        taps(8, 6, 1, 16, 5, pad=2),
        taps(8, 8, 1, 32, 3, pad=1),
        taps(8, 6, 1, 64, 3, pad=1),
    ]


@points("r4_taps_ring")
def _rings(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        ring(1, 8, 1, 32, 32),
        ring(3, 8, 1, 16, 64),
        ring(4, 4, 4, 16, 16),
        ring(8, 4, 1, 12, 12, pad=(0, 0)),
        ring(2, 8, 16, 8, 40, pad=(0, 0)),
        ring(4, 8, 2, 32, 32),
        ring(8, 4, 4, 16, 16),
        ring(2, 4, 8, 8, 8),
        ring(5, 4, 11, 20, 20),
        ring(5, 3, 1, 20, 112),
        ring(3, 5, 20, 11, 11, pad=(0, 0)),
        ring(4, 6, 2, 16, 16, k=(5, 5), pad=(2, 2)),
        ring(2, 8, 1, 24, 24, k=(5, 5), pad=(2, 2)),
        ring(8, 4, 2, 20, 24, k=(2, 2), pad=(0, 0)),
        ring(6, 8, 1, 16, 20, k=(2, 3), pad=(1, 1)),
        ring(4, 4, 2, 16, 16, stride=2),
        ring(3, 8, 1, 33, 21, stride=2, pad=(0, 0)),
        ring(4, 4, 2, 20, 20, dilation=2, pad=(2, 2)),
        ring(1, 1, 1, 64, 64, k=(5, 5), pad=(2, 2)),
        ring(1, 1, 1, 64, 64),
    ]


@points("r4_pad", "r4_crop", "r4_upsample")
def _pad_crop_upsample(module: str, rng: np.random.Generator) -> list[Params]:
    out = []
    for n, e, g, h, w in (
        (2, 6, 1, 1, 20),
        (1, 8, 4, 1, 10),
        (4, 4, 2, 8, 8),
        (3, 8, 1, 16, 16),
        (8, 4, 4, 1, 30),
        (1, 4, 16, 16, 16),
        (8, 8, 2, 32, 32),
        (2, 8, 8, 4, 4),
        (16, 4, 1, 1, 100),
    ):
        if module == "r4_upsample":
            out.append(upsample(n, e, g, w, 2 if h > 1 else 1))
        else:
            out.append((pad if module == "r4_pad" else crop)(n, e, g, h, w))
    return out


@points("r4_window")
def _window_of_unets(module: str, rng: np.random.Generator) -> list[Params]:
    points = ((8, 4, 2, 32, 6, 2), (8, 4, 4, 16, 12, 4), (8, 4, 4, 8, 12, 16), (6, 4, 8, 8, 24, 8),
              (4, 8, 8, 16, 24, 8),
              (6, 8, 8, 8, 24, 24), (3, 8, 16, 8, 48, 16), (12, 8, 8, 16, 24, 8), (40, 8, 2, 32, 6, 8),
              (8, 8, 4, 32, 12, 4), (16, 4, 4, 128, 12, 4), (24, 8, 8, 8, 24, 8))  # fmt: skip
    return [window(n, e, g, s, 1, d, height=s, replays=r) for n, e, g, s, d, r in points] + [
        window(n, e, g, s, 3, (2 * s + 6) * g, height=s, kh=3, pad=1, major=1)
        for n, e, g, s in (
            (2, 8, 24, 8),
            (1, 8, 48, 8),
            (1, 4, 16, 16),
            (4, 4, 16, 8),
            (2, 4, 8, 16),
            (8, 8, 4, 16),
        )
    ]


@points("r4_taps_ring")
def _rings_of_unets(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        ring(n, e, g, s, s)
        for n, e, g, s in ((1, 8, 3, 32), (8, 4, 2, 32), (2, 4, 8, 16), (4, 4, 8, 16), (1, 4, 32, 8), (1, 8, 3, 64),
                           (2, 8, 48, 16), (16, 4, 4, 128))
    ]  # fmt: skip


@points("r4_upsample")
def _upsample_of_unets(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        upsample(n, e, g, s, 2)
        for n, e, g, s in ((4, 4, 12, 8), (16, 4, 2, 16), (2, 8, 24, 8), (4, 8, 12, 16), (8, 8, 4, 32),
                           (32, 8, 2, 64),
                           (1, 4, 32, 16), (16, 8, 1, 32), (8, 4, 1, 8), (64, 4, 3, 16))
    ]  # fmt: skip


@points("r4_pad", "r4_crop")
def _pad_crop_of_unets(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        pad(n, e, g, s, s) if module == "r4_pad" else crop(n, e, g, s, s)
        for n, e, g, s in ((4, 8, 4, 64), (16, 8, 2, 32), (1, 8, 3, 128), (2, 4, 24, 16), (32, 4, 1, 64))
    ]


@points("r4_stuff")
def _stuff_of_unets(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        {"Lanes": n, "ElemWidth": e, "Groups": g, "Width": w, "FactorH": fh, "FactorW": fw}
        for n, e, g, w, fh, fw in ((2, 4, 8, 8, 2, 2), (4, 8, 12, 16, 2, 2), (16, 4, 2, 32, 2, 2),
                                   (1, 8, 1, 40, 1, 2),
                                   (8, 4, 1, 64, 2, 2), (2, 8, 24, 8, 2, 2), (32, 8, 1, 16, 4, 4),
                                   (1, 4, 3, 128, 2, 2),
                                   (2, 8, 4, 30, 1, 2), (4, 4, 1, 100, 1, 4), (1, 8, 16, 16, 2, 2),
                                   (16, 8, 2, 64, 2, 2))
    ]  # fmt: skip


@points("r4_window")
def _window_between(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        window(5, 4, 11, 1, 1, 22, replays=3),
        window(3, 8, 6, 20, 3, 60, pad=1),
        window(6, 4, 5, 24, 3, 270, height=24, kh=3, pad=1),
        window(12, 8, 3, 20, 3, 99, height=20, kh=3),
        window(5, 6, 7, 40, 5, 112, pad=2),
        window(11, 8, 1, 100, 3, 12),
        window(20, 4, 6, 12, 1, 48, height=12, replays=5),
        window(1, 11, 20, 1, 1, 40, replays=11),
        window(11, 4, 5, 11, 3, 160, height=11, kh=3, pad=1, major=1),
    ]


@points("r4_taps")
def _taps_between(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        taps(3, 8, 6, 20, 3),
        taps(12, 4, 3, 40, 3),
        taps(6, 8, 1, 99, 3, pad=1),
        taps(11, 4, 1, 48, 5),
    ]


@points("r4_pad", "r4_upsample")
def _pad_upsample_between(module: str, rng: np.random.Generator) -> list[Params]:
    sizes = ((3, 5, 11, 1, 20), (5, 4, 3, 20, 20), (6, 8, 5, 12, 24), (12, 4, 6, 11, 11), (11, 5, 1, 48, 40),
             (20, 8, 3, 24, 24), (5, 6, 20, 5, 5))  # fmt: skip
    if module == "r4_upsample":
        return [upsample(n, e, g, w, 2 if h > 1 else 1) for n, e, g, h, w in sizes]
    return [pad(*q) for q in sizes]


@points("r4_stuff")
def _stuff_between(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        {"Lanes": n, "ElemWidth": e, "Groups": g, "Width": w, "FactorH": fh, "FactorW": fw}
        for n, e, g, w, fh, fw in ((3, 5, 11, 20, 2, 2), (5, 4, 3, 40, 2, 2), (6, 8, 5, 24, 3, 3),
                                   (12, 4, 6, 11, 2, 2), (11, 5, 1, 48, 1, 3), (20, 8, 3, 99, 2, 2))
    ]  # fmt: skip


@points("r4_crop")
def _crop_between(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        crop(*q)
        for q in ((3, 5, 11, 1, 20), (5, 4, 3, 20, 20), (6, 8, 5, 12, 24), (12, 4, 6, 11, 11), (11, 5, 1, 48, 40),
                  (20, 8, 3, 24, 24), (5, 6, 20, 5, 5), (1, 8, 1, 1, 99), (3, 4, 12, 40, 30), (5, 4, 1, 96, 96),
                  (3, 8, 1, 112, 12), (6, 6, 3, 48, 60), (2, 11, 11, 7, 100), (5, 5, 4, 100, 20), (3, 3, 12, 48, 7),
                  (11, 4, 6, 60, 30), (6, 5, 8, 56, 96), (1, 12, 1, 1, 30))
    ]  # fmt: skip


@points("r4_taps_ring")
def _rings_of_several_rows_of_blocks(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        ring(8, 8, 40, 8, 64),
        ring(4, 8, 24, 8, 64),
        ring(4, 8, 20, 12, 64, k=(5, 5), pad=(2, 2)),
        ring(8, 8, 24, 8, 64),
    ]
