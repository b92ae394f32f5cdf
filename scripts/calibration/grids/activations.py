# SPDX-License-Identifier: Apache-2.0
"""Grids of the cells that map elements one by one."""

from __future__ import annotations

import numpy as np

from calibration.points import Params, in_blocks, points
from rtl4ml.netlist.images import Image


def threshold(
    rng: np.random.Generator,
    lanes: int,
    rows: int,
    x: int,
    count: int,
    y: int,
    *,
    shared: int = 0,
    signed: int = 1,
    kind: int = 0,
    levels_shared: int = 1,
    block: int = 0,
    apart: int = 0,
    base: int = 0,
    step: int = 1,
) -> Params:
    """Parameters of an r4_threshold: ascending thresholds of every column, the last of the first never reached."""
    parallel = int(count <= (7 if rows == 1 else 3))
    levels = count.bit_length()
    columns = 1 if shared else lanes
    low = -(2 ** (x - 1)) if signed else 0
    t = np.sort(rng.integers(low, low + 2**x, (rows, columns, count)), axis=-1)
    t[0, 0, -1] = low + 2**x
    w = x + 1
    p: Params = {
        "Lanes": lanes,
        "Rows": rows,
        "Shared": shared,
        "XWidth": x,
        "XSigned": signed,
        "Thresholds": count,
        "TWidth": w,
        "Parallel": parallel,
        "Apart": apart,
        "Block": block,
        "YWidth": y,
        "LevelKind": kind,
        "LevelShared": levels_shared,
    }
    if parallel:
        p["InitFile"] = Image.pack(t.reshape(rows, -1), w)
    else:
        node = np.arange(1, 2**levels)
        level = np.floor(np.log2(node)).astype(np.int64)
        at = (2 * (node - 2**level) + 1) * 2 ** (levels - 1 - level) - 1
        never = np.full((rows, columns, 2**levels), low + 2**x)
        tree = np.concatenate([never[..., :1], np.concatenate([t, never], axis=-1)[..., at]], axis=-1)
        words = tree.transpose(0, 2, 1)
        upper = words[:, : 2 ** (levels - 2)] if block else words
        p["InitFile"] = Image.pack(upper.reshape(-1, columns), w)
        if block:
            p["BlockFile"] = Image.pack(words.reshape(-1, columns), w)
    if kind <= 1:
        p |= {"Base": base, "Step": step}
        if kind:
            p["DirectionFile"] = Image.pack(rng.integers(0, 2, (rows, lanes)), 1)
    else:
        depth = (rows if kind == 3 else 1) << levels
        p["LevelFile"] = Image.pack(rng.integers(0, 2**y, (depth, 1 if levels_shared else lanes)), y)
    return p


def table(
    rng: np.random.Generator,
    lanes: int,
    rows: int,
    x: int,
    first: int,
    entries: int,
    y: int,
    *,
    shared: int = 1,
    signed: int = 1,
    smooth: bool = True,
) -> Params:
    """Parameters of an r4_table: of a smooth function as activations are, or of random words."""
    depth = 1 << (entries - 1).bit_length()
    columns = 1 if shared else lanes
    if smooth:
        at = np.linspace(-4, 4, depth)[None, :, None] + rng.uniform(-1, 1, (rows, 1, columns))
        values = np.round((1 + np.tanh(at)) / 2 * (2**y - 1)).astype(np.int64)
    else:
        values = rng.integers(0, 2**y, (rows, depth, columns))
    return {
        "Lanes": lanes,
        "Rows": rows,
        "Shared": shared,
        "XWidth": x,
        "XSigned": signed,
        "First": first,
        "Entries": entries,
        "YWidth": y,
        "Block": int(in_blocks(rows * depth, y)),
        "InitFile": Image.pack(values.reshape(-1, columns), y),
    }


def scale(lanes: int, x: int, signed: int, numbers: tuple[int, ...], size: int, inner: int) -> Params:
    """Parameters of an r4_scale behind windows of stride 1 with these numbers of elements at the edges."""
    half = len(numbers) // 2 if numbers[0] > 1 else 0
    counts = np.full(size, numbers[-1])
    counts[: len(numbers)], counts[size - len(numbers) + half :] = numbers, numbers[::-1][half:]
    factors = np.lcm.reduce(counts) // counts
    bits = int(factors.max()).bit_length()
    return {"Lanes": lanes, "XWidth": x, "XSigned": signed, "Size": size, "Inner": inner, "FactorWidth": bits,
            "YWidth": x + bits, "FactorFile": Image.pack(factors[:, None], bits)}  # fmt: skip


@points("r4_threshold")
def _threshold(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        threshold(rng, 2, 1, 8, 1, 2, shared=1, base=-1, step=2),
        threshold(rng, 4, 1, 12, 2, 2, shared=1, base=-1),
        threshold(rng, 4, 1, 12, 7, 3),
        threshold(rng, 8, 1, 16, 3, 2),
        threshold(rng, 2, 8, 14, 3, 2),
        threshold(rng, 1, 16, 12, 3, 4, kind=1),
        threshold(rng, 2, 1, 10, 7, 6, shared=1, kind=2),
        threshold(rng, 2, 4, 12, 15, 4),
        threshold(rng, 1, 8, 14, 15, 4),
        threshold(rng, 4, 8, 16, 15, 4),
        threshold(rng, 8, 1, 14, 15, 4),
        threshold(rng, 4, 1, 12, 15, 4, shared=1, signed=0),
        threshold(rng, 2, 16, 18, 15, 4, kind=1),
        threshold(rng, 1, 4, 16, 31, 5),
        threshold(rng, 2, 1, 16, 63, 6),
        threshold(rng, 2, 2, 10, 20, 8, kind=2, signed=0),
        threshold(rng, 1, 4, 12, 12, 8, kind=3, levels_shared=0),
        threshold(rng, 1, 8, 20, 255, 8, block=1, apart=1),
        threshold(rng, 2, 8, 16, 127, 7, block=1),
        threshold(rng, 1, 1, 16, 1023, 10, shared=1, block=1),
    ]


@points("r4_table")
def _table(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        table(rng, 1, 1, 8, -128, 256, 8),
        table(rng, 4, 1, 8, -64, 128, 6),
        table(rng, 2, 1, 12, -100, 200, 8),
        table(rng, 2, 1, 10, 0, 64, 4),
        table(rng, 8, 1, 6, -32, 64, 4),
        table(rng, 1, 1, 6, 0, 64, 8, signed=0),
        table(rng, 2, 1, 8, 0, 256, 8, signed=0, smooth=False),
        table(rng, 4, 1, 9, -32, 64, 5, smooth=False),
        table(rng, 2, 4, 10, -16, 32, 6, shared=0),
        table(rng, 1, 8, 12, -20, 40, 4, shared=0),
        table(rng, 2, 1, 12, -1024, 2048, 8),
        table(rng, 4, 8, 12, -64, 128, 8, shared=0),
        table(rng, 32, 1, 12, 32, 157, 2),
        table(rng, 4, 1, 16, 32, 157, 2),
        table(rng, 4, 1, 11, 32, 157, 2),
        table(rng, 4, 1, 12, -37, 100, 3),
        table(rng, 4, 1, 14, 17, 60, 4),
        table(rng, 4, 1, 10, 3, 40, 2),
        table(rng, 4, 1, 12, 32, 128, 2),
        table(rng, 4, 1, 12, 1, 157, 2),
        table(rng, 4, 1, 12, 0, 157, 2),
        table(rng, 4, 1, 12, -2048, 157, 2),
    ]


@points("r4_requant")
def _requant(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        {"Lanes": n, "XWidth": x, "XSigned": s, "Shift": sh, "Lo": lo, "Hi": hi, "YWidth": y, "Ties": 1}
        for n, x, s, sh, lo, hi, y in (
            (8, 16, 1, 7, 0, 31, 5),
            (32, 16, 1, 4, 0, 15, 4),
            (1, 13, 1, 3, 0, 15, 4),
            (4, 20, 1, 10, -128, 127, 8),
            (2, 12, 1, 5, -8, 7, 4),
            (4, 24, 1, 12, 0, 255, 8),
            (8, 10, 0, 4, 0, 15, 4),
            (4, 8, 1, -2, -128, 127, 8),
            (2, 18, 1, 2, -128, 127, 8),
            (16, 14, 1, 9, 0, 3, 2),
            (1, 30, 1, 16, -128, 127, 8),
            (4, 11, 0, 2, 0, 63, 6),
            (3, 9, 1, 0, 0, 15, 4),
            (48, 18, 1, 4, 0, 31, 5),
            (8, 14, 1, 5, 0, 63, 6),
            (32, 18, 1, 4, 0, 15, 4),
            (64, 14, 1, 2, 0, 15, 4),
            (4, 13, 1, 6, 0, 255, 8),
            (4, 8, 0, -2, 0, 255, 8),
            *((4, x, 1, 4, 0, 15, 4) for x in (8, 9, 10, 12, 13, 14, 16, 18, 20, 22, 24)),
            *((4, x, 1, 6, 0, 255, 8) for x in (14, 16, 18, 20, 22, 24)),
            *((4, x, 1, 4, -8, 7, 4) for x in (9, 10, 12, 14, 16, 18, 20, 24)),
            *((4, x, 1, 6, -128, 127, 8) for x in (14, 16, 18, 20, 24)),
            *((4, x, 0, 4, 0, 15, 4) for x in (9, 12, 16, 20)),
            *((4, x, 1, -2, -128, 127, 8) for x in (6, 8, 12)),
            *((4, x, 1, 0, 0, 15, 4) for x in (6, 8, 12)),
        )
    ]


@points("r4_requant")
def _requant_of_unets(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        {"Lanes": n, "XWidth": x, "XSigned": 1, "Shift": s, "Lo": 0, "Hi": 2**y - 1, "YWidth": y, "Ties": 1, "Flow": f}
        for f in (0, 2)
        for n, x, s, y in ((1, 16, 10, 4), (4, 18, 10, 4), (2, 19, 10, 4), (16, 19, 10, 4), (1, 18, 8, 8),
                           (8, 18, 6, 8), (4, 19, 7, 8), (16, 19, 6, 8), (2, 21, 7, 8), (1, 21, 8, 8),
                           (32, 20, 7, 8),
                           (8, 20, 9, 4), (12, 22, 8, 8), (64, 17, 8, 4))
    ]  # fmt: skip


@points("r4_threshold")
def _threshold_of_unets(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        threshold(rng, 4, 1, 16, 7, 3),
        threshold(rng, 8, 1, 18, 3, 2, shared=1),
        threshold(rng, 4, 1, 14, 3, 2),
        threshold(rng, 2, 1, 18, 7, 3),
        threshold(rng, 4, 1, 18, 15, 4, shared=1),
        threshold(rng, 8, 1, 20, 15, 4, shared=1),
    ]


@points("r4_requant")
def _requant_without_ties(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        {
            "Lanes": n,
            "XWidth": x,
            "XSigned": 1,
            "Shift": sh,
            "Lo": lo,
            "Hi": hi,
            "YWidth": y,
            "Ties": 0,
            "Flow": f,
        }
        for f in (0, 2)
        for n, x, sh, lo, hi, y in (
            (1, 16, 10, 0, 15, 4),
            (4, 18, 10, 0, 15, 4),
            (16, 19, 10, 0, 15, 4),
            (8, 18, 6, 0, 255, 8),
            (4, 20, 9, -8, 7, 4),
            (2, 21, 7, 0, 255, 8),
            (12, 14, 4, 0, 3, 2),
            (6, 17, 9, -16, 15, 5),
            (4, 20, 10, -128, 127, 8),
            (3, 27, 15, 0, 1023, 10),
            (5, 12, 1, -128, 127, 8),
            (4, 10, 3, 0, 31, 5),
        )
    ]


@points("r4_scale")
def _scale_of_unets(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        scale(*q)
        for q in ((1, 12, 1, (2, 3), 30, 1), (4, 10, 0, (2, 3), 16, 2), (2, 14, 1, (2, 3), 128, 4),
                  (8, 12, 0, (2, 3), 64, 16), (1, 16, 0, (3, 4, 5), 20, 1), (4, 12, 1, (3, 4, 5), 32, 3),
                  (2, 9, 0, (1, 2), 17, 1), (8, 10, 1, (1, 2), 65, 8), (4, 14, 1, (4, 5, 6, 7), 48, 1),
                  (1, 18, 1, (4, 5, 6, 7), 256, 2), (8, 8, 0, (2, 3), 12, 1), (16, 9, 1, (2, 3), 32, 1),
                  (2, 12, 0, (5, 6, 7, 8, 9), 64, 5), (4, 16, 0, (3, 4, 5), 100, 24), (1, 8, 1, (1, 3), 10, 64),
                  (8, 14, 1, (3, 4, 5), 128, 1))
    ]  # fmt: skip


@points("r4_requant")
def _requant_between(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        {"Lanes": n, "XWidth": x, "XSigned": s, "Shift": sh, "Lo": lo, "Hi": hi, "YWidth": y, "Ties": 1}
        for n, x, s, sh, lo, hi, y in (
            (3, 11, 1, 5, 0, 31, 5),
            (5, 15, 1, 7, 0, 63, 6),
            (6, 17, 1, 9, -16, 15, 5),
            (12, 19, 1, 11, 0, 7, 3),
            (11, 21, 1, 8, 0, 127, 7),
            (3, 23, 1, 13, -64, 63, 7),
            (20, 13, 1, 3, -32, 31, 6),
            (5, 9, 0, 3, 0, 31, 5),
            (7, 12, 1, 1, -128, 127, 8),
            (3, 27, 1, 15, 0, 1023, 10),
            (6, 7, 1, -3, -256, 255, 9),
            (5, 18, 1, 5, 0, 2047, 11),
        )
    ]


@points("r4_scale")
def _scale_between(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        scale(*q)
        for q in ((3, 11, 1, (2, 3), 20, 3), (5, 13, 0, (2, 3), 48, 5), (6, 9, 1, (1, 2), 11, 6),
                  (12, 7, 0, (2, 3), 24, 1), (3, 15, 1, (3, 4, 5), 40, 11))
    ]  # fmt: skip


@points("r4_threshold")
def _threshold_between(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        threshold(rng, 3, 1, 13, 5, 3),
        threshold(rng, 5, 6, 11, 3, 2),
        threshold(rng, 6, 1, 15, 7, 3, shared=1),
        threshold(rng, 3, 5, 13, 11, 4),
        threshold(rng, 5, 1, 17, 20, 5),
        threshold(rng, 11, 3, 12, 15, 4),
        threshold(rng, 3, 11, 15, 7, 3),
        threshold(rng, 1, 48, 14, 15, 4, apart=1),
        threshold(rng, 3, 12, 15, 100, 7, block=1, apart=1),
    ]


@points("r4_table")
def _table_between(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        table(rng, 3, 1, 9, -150, 300, 7),
        table(rng, 5, 1, 11, -48, 96, 5),
        table(rng, 6, 3, 10, -20, 40, 6, shared=0),
        table(rng, 11, 1, 13, 20, 99, 3),
        table(rng, 3, 5, 7, -64, 112, 11, shared=0),
        table(rng, 12, 1, 7, 0, 100, 5, signed=0),
        table(rng, 5, 1, 10, -300, 600, 6),
        # Deeper than a block of RAM, of one table a lane and of one for all.
        table(rng, 3, 8, 12, -512, 1024, 8, shared=0),
        table(rng, 4, 4, 12, -512, 1024, 6, shared=0),
        table(rng, 2, 16, 11, -256, 512, 5, shared=0),
        table(rng, 8, 8, 10, -256, 512, 4, shared=0),
        table(rng, 1, 8, 12, -512, 1024, 8, shared=0),
        table(rng, 5, 3, 11, -512, 1024, 7, shared=0),
        table(rng, 3, 32, 9, -128, 256, 9, shared=0),
        table(rng, 2, 2, 13, -2048, 4096, 3, shared=0),
        table(rng, 6, 5, 10, -256, 512, 6, shared=0),
        table(rng, 3, 8, 12, -512, 1024, 8),
        table(rng, 5, 3, 11, -512, 1024, 7),
        table(rng, 3, 32, 9, -128, 256, 9),
        table(rng, 6, 5, 10, -256, 512, 6),
        table(rng, 2, 5, 13, -2048, 4096, 11, shared=0),
        table(rng, 7, 3, 12, -512, 1024, 10, shared=0),
        table(rng, 4, 12, 11, -300, 600, 7),
    ]
