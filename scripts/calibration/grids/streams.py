# SPDX-License-Identifier: Apache-2.0
"""Grids of the cells that carry streams: FIFOs, width converters, forks and both edges."""

from __future__ import annotations

import numpy as np

from calibration.points import Params, points


def axis_in(lanes: int, elem: int, beats: int, flags: int = 5) -> Params:
    """Parameters of an r4_axis_in."""
    return {
        "Lanes": lanes,
        "ElemWidth": elem,
        "ContainerWidth": 8 if elem <= 8 else 16,
        "Beats": beats,
        "FlagDepth": flags,
    }


def axis_out(lanes: int, elem: int, signed: int, beats: int) -> Params:
    """Parameters of an r4_axis_out."""
    container = 8 if elem <= 8 else 16 if elem <= 16 else 32
    return {"Lanes": lanes, "ElemWidth": elem, "Signed": signed, "ContainerWidth": container, "Beats": beats}


@points("r4_fifo")
def _fifo(module: str, rng: np.random.Generator) -> list[Params]:
    sizes = [
        (4, 1),
        (8, 2),
        (16, 2),
        (48, 2),
        (8, 5),
        (16, 9),
        (8, 17),
        (32, 33),
        (12, 60),
        (8, 100),
        (16, 128),
    ]
    sizes += [(8, 40), (24, 24)]
    return [{"Width": w, "Depth": d, "MemoryKind": 0} for w, d in sizes] + [
        {"Width": w, "Depth": d, "MemoryKind": 1} for w, d in ((16, 600), (36, 1000), (64, 256), (8, 2000))
    ]


@points("r4_width")
def _width(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        {"XLanes": a, "YLanes": b, "ElemWidth": e}
        for a, b, e in (
            (1, 2, 8),
            (1, 8, 4),
            (4, 8, 5),
            (2, 16, 4),
            (1, 32, 3),
            (8, 4, 5),
            (32, 1, 4),
            (8, 1, 4),
            (16, 2, 6),
            (4, 2, 8),
            (64, 1, 4),
            (6, 24, 4),
        )
    ]


@points("r4_spill")
def _spill(module: str, rng: np.random.Generator) -> list[Params]:
    """Beats of a word, of a part of one, and of several; rings to 16 MiB."""
    sizes = [(128, 1, 4096), (256, 1, 262_144), (24, 5, 16_384), (32, 4, 65_536), (16, 8, 2048), (512, 1, 32_768),
             (40, 3, 8192), (200, 1, 1 << 20), (96, 1, 100_000), (384, 1, 9000), (64, 2, 131_072),
             (8, 16, 1000)]  # fmt: skip
    return [{"Width": w, "Group": g, "Ring": r} for w, g, r in sizes]


@points("r4_axis_in")
def _axis_in(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        axis_in(n, e, b, f)
        for n, e, b, f in (
            (1, 8, 204, 5),
            (3, 8, 256, 4),
            (1, 6, 20, 3),
            (2, 12, 1000, 5),
            (4, 4, 64, 4),
            (8, 8, 16384, 6),
            (1, 8, 24, 4),
            (4, 6, 16, 8),
        )
    ]


@points("r4_axis_out")
def _axis_out(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        axis_out(n, e, s, b)
        for n, e, s, b in (
            (1, 13, 1, 8),
            (2, 14, 1, 4),
            (4, 4, 0, 200),
            (8, 5, 0, 16),
            (1, 8, 1, 1024),
            (6, 6, 0, 30),
            (1, 3, 0, 1),
        )
    ]


@points("r4_fork")
def _fork(module: str, rng: np.random.Generator) -> list[Params]:
    return [{"Width": w} for w in (4, 8, 24, 64)]


@points("r4_fifo")
def _fifo_of_unets(module: str, rng: np.random.Generator) -> list[Params]:
    distributed = ((8, 78), (12, 27), (32, 35), (64, 16), (320, 12), (4, 361), (192, 27), (8, 648),
                   (48, 96),
                   (128, 34), (384, 51), (24, 2), (32, 3), (64, 73), (18, 2), (16, 243))  # fmt: skip
    block = (
        (32, 549),
        (64, 933),
        (16, 3072),
        (96, 96),
        (128, 150),
        (64, 4096),
        (128, 4608),
        (64, 223),
        (24, 5000),
        (48, 1500),
        (128, 2304),
        (64, 5000),
        (100, 4600),
    )
    return [{"Width": w, "Depth": d, "MemoryKind": 0} for w, d in distributed] + [
        {"Width": w, "Depth": d, "MemoryKind": 1} for w, d in block
    ]


@points("r4_width")
def _width_of_unets(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        {"XLanes": a, "YLanes": b, "ElemWidth": e}
        for a, b, e in ((1, 3, 4), (8, 4, 18), (4, 2, 4), (2, 16, 4), (3, 1, 19), (1, 6, 8), (8, 80, 4),
                        (6, 2, 21),
                        (6, 1, 20), (8, 40, 8), (16, 48, 8), (2, 12, 8), (4, 8, 8), (24, 1, 19))
    ]  # fmt: skip


@points("r4_axis_in")
def _axis_in_of_unets(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        axis_in(n, e, b)
        for n, e, b in ((1, 8, 3072), (3, 8, 1024), (3, 8, 16384), (1, 8, 49152), (4, 8, 4096))
    ]


@points("r4_axis_out")
def _axis_out_of_unets(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        axis_out(n, e, s, b)
        for n, e, s, b in ((1, 1, 0, 1024), (1, 18, 1, 16384), (1, 19, 1, 64), (4, 1, 0, 256))
    ]


@points("r4_fork")
def _fork_of_unets(module: str, rng: np.random.Generator) -> list[Params]:
    return [{"Width": w} for w in (16, 32, 128, 256)]


@points("r4_fifo")
def _fifo_between(module: str, rng: np.random.Generator) -> list[Params]:
    distributed = ((64, 112), (40, 129), (64, 128), (20, 48), (64, 160), (40, 161), (40, 100), (128, 128),
                   (40, 193), (20, 225), (768, 99), (99, 33), (16, 300), (16, 330), (16, 385), (5, 300),
                   (16, 449), (6, 600), (11, 112), (6, 1000), (5, 160), (112, 64), (160, 64), (40, 65),
                   (40, 97), (11, 48), (64, 330), (64, 400), (3, 11), (99, 240))  # fmt: skip
    block = ((40, 600), (99, 768), (112, 300), (11, 3000), (20, 1200), (160, 400))
    banked = (
        (256, 17408, 4096, 1024),
        (128, 4608, 4096, 512),
        (64, 5000, 4096, 1024),
        (100, 4600, 4096, 512),
        (64, 19968, 16384, 512),
        (128, 2304, 2048, 512),
        (40, 30000, 8192, 1024),
        (96, 12000, 2048, 512),
    )
    slack = ((64, 19, 0, 8), (12, 40, 0, 3), (8, 6, 0, 2), (24, 300, 0, 7), (48, 1200, 1, 5))
    return (
        [{"Width": w, "Depth": d, "MemoryKind": 0} for w, d in distributed]
        + [{"Width": w, "Depth": d, "MemoryKind": 1} for w, d in block]
        + [{"Width": w, "Depth": d, "MemoryKind": 1, "Bank": b, "Least": n} for w, d, b, n in banked]
        + [{"Width": w, "Depth": d, "MemoryKind": k, "Slack": s} for w, d, k, s in slack]
    )


@points("r4_width")
def _width_between(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        {"XLanes": a, "YLanes": b, "ElemWidth": e}
        for a, b, e in ((3, 12, 5), (5, 20, 4), (12, 3, 8), (40, 5, 6), (1, 11, 5), (11, 1, 6), (20, 4, 4),
                        (3, 48, 4), (6, 12, 11), (5, 40, 3), (48, 12, 8))
    ]  # fmt: skip


@points("r4_axis_in")
def _axis_in_between(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        axis_in(n, e, b, f)
        for n, e, b, f in (
            (3, 5, 99, 3),
            (5, 8, 112, 5),
            (6, 11, 300, 6),
            (12, 4, 160, 4),
            (11, 6, 48, 7),
        )
    ]


@points("r4_fork")
def _fork_between(module: str, rng: np.random.Generator) -> list[Params]:
    return [{"Width": w} for w in (5, 11, 20, 40, 99)]


@points("r4_axis_out")
def _axis_out_between(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        axis_out(n, e, s, b)
        for n, e, s, b in ((3, 5, 0, 99), (5, 11, 1, 300), (6, 8, 0, 1200), (12, 4, 0, 20), (1, 20, 1, 5),
                           (2, 8, 0, 40000), (3, 12, 1, 48), (1, 4, 0, 11), (6, 6, 1, 112), (2, 7, 0, 600),
                           (5, 4, 0, 1500), (1, 8, 0, 224), (3, 7, 1, 3000), (2, 5, 1, 24), (1, 11, 1, 768),
                           (6, 4, 0, 5000), (2, 14, 1, 1200))
    ]  # fmt: skip
