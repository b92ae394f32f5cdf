# SPDX-License-Identifier: Apache-2.0
"""Fits the coefficients of src/rtl4ml/resources.json to Yosys's counts over a grid of cell parameters.

    python scripts/calibrate_resources.py [MODULE ...]     only these modules, the others stay
    python scripts/calibrate_resources.py --check          fits nothing, prints how far the present ones are off

Results of Yosys are cached like those of any design, so a second run costs seconds.
"""

from __future__ import annotations

import json
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import nnls

import rtl4ml.resources as resources
from rtl4ml.cells import dsp_params, is_block
from rtl4ml.ir import Fixed, Stream
from rtl4ml.netlist import Image, Resources, Wire
from rtl4ml.ops.conv import Conv
from rtl4ml.packing import fewest, packings
from rtl4ml.synthesize import Unit, synthesize
from rtl4ml.unrolled import Adders, adder_graph

TABLE = Path(__file__).parents[1] / "src" / "rtl4ml" / "resources.json"
Params = dict[str, Any]


def image(width: int, depth: int, rng: np.random.Generator) -> Image:
    """A memory of random words."""
    return Image(
        width, tuple(int.from_bytes(rng.bytes(width // 8 + 1), "little") % 2**width for _ in range(depth))
    )


def packed(
    dsp: int | tuple[int, int, bool], outputs: int, products: int, x: int, w: int, signed: int
) -> Params:
    """Parameters of a packing: the default's, or that of (fields, chain, overlap)."""
    if not dsp:
        return {}
    weights = np.zeros((1, products, outputs + 1), np.int64)
    weights[..., 0], weights[..., 1] = -(1 << (w - 1)), (1 << (w - 1)) - 1
    ends = (-(1 << (x - 1)), (1 << (x - 1)) - 1) if signed else (0, (1 << x) - 1)
    found = [q for q in packings(weights, w, ends, x, bool(signed)) if q.fields <= outputs]
    if isinstance(dsp, tuple):
        found = [q for q in found if (q.fields, q.chain, q.overlap) == dsp]
    chosen = fewest(outputs, products)(found)
    assert chosen is not None, (dsp, outputs, products, x, w)
    return {k: int(v) for k, v in dsp_params(chosen).items() if not isinstance(v, (str, Image))}


def mvu(
    rng: np.random.Generator,
    pe: int,
    simd: int,
    sf: int,
    nf: int,
    x: int,
    w: int,
    *,
    kind: int = 0,
    signed: int = 0,
    bias: int = 1,
    dsp: int | tuple[int, int, bool] = 0,
    shift: int = 0,
) -> Params:
    """Parameters of an r4_mvu as a layer would set them."""
    prod = {0: x + w, 1: x + 2 - signed, 2: x + 2 - signed, 3: x + 2 ** (w - 1) - 1}[kind]
    total = prod + max(0, (simd - 1).bit_length())
    acc = total + max(1, (sf - 1).bit_length())
    words = sf * nf
    p: Params = {
        "Simd": simd,
        "Pe": pe,
        "SimdFolds": sf,
        "PeFolds": nf,
        "XWidth": x,
        "XSigned": signed,
        "WeightWidth": w,
        "WeightKind": kind,
        "ProdWidth": prod,
        "SumWidth": total,
        "AccWidth": acc,
        "HasBias": bias,
        **packed(dsp, pe, simd, x, w, signed),
        "Block": int(is_block(words, pe * simd * w)),
        "WeightFile": image(pe * simd * w, words, rng),
    }
    if bias:
        p["BiasFile"] = image(pe * acc, nf, rng)
    if shift:
        p["ShiftWidth"] = shift
        p["ShiftFile"] = image(pe * shift, nf, rng)
    return p


def dwu(
    rng: np.random.Generator,
    lanes: int,
    groups: int,
    taps: int,
    folds: int,
    x: int,
    w: int,
    *,
    m: int = 1,
    dsp: int | tuple[int, int, bool] = 0,
    signed: int = 0,
) -> Params:
    """Parameters of an r4_dwu."""
    total = x + w + max(0, (taps - 1).bit_length())
    acc = total + max(1, (folds - 1).bit_length())
    return {
        "Lanes": lanes,
        "Multiplier": m,
        "Groups": groups,
        "Taps": taps,
        "TapFolds": folds,
        "XWidth": x,
        "XSigned": signed,
        "WeightWidth": w,
        "WeightKind": 0,
        "ProdWidth": x + w,
        "SumWidth": total,
        "AccWidth": acc,
        "HasBias": 1,
        **packed(dsp, m, taps, x, w, signed),
        "Block": int(is_block(groups * folds, lanes * m * taps * w)),
        "WeightFile": image(lanes * m * taps * w, groups * folds, rng),
        "BiasFile": image(lanes * m * acc, groups, rng),
    }


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
        "Block": int(is_block(depth, lanes * elem)),
    }


def taps(
    lanes: int, elem: int, groups: int, width: int, k: int, *, height: int = 1, kh: int = 1, pad: int = 0
) -> Params:
    """Parameters of an r4_taps."""
    pt = pad if kh > 1 else 0
    ew, eh = width + pad, height + pt
    return {
        "Lanes": lanes,
        "ElemWidth": elem,
        "Groups": groups,
        "Height": height,
        "Width": width,
        "KernelH": kh,
        "KernelW": k,
        "StrideH": 1,
        "StrideW": 1,
        "DilationH": 1,
        "DilationW": 1,
        "PadTop": pt,
        "PadLeft": pad,
        "OutHeight": eh + pt - kh + 1,
        "OutWidth": ew + pad - k + 1,
        "ExtHeight": eh,
        "ExtWidth": ew,
        "PadValue": 0,
        "Block": int(is_block(ew * groups, (kh - 1) * lanes * elem)),
    }


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
        "Block": int(is_block(rows * depth, y)),
        "InitFile": Image.pack(values.reshape(-1, columns), y),
    }


def grid(module: str, rng: np.random.Generator) -> list[Params]:
    """Parameters that span how designs use a module."""
    if module == "r4_mul":
        return [
            {"XWidth": x, "XSigned": s, "WWidth": w, "PWidth": x + w}
            for s in (0, 1)
            for x in resources.PRODUCT_X
            for w in resources.PRODUCT_W
        ]
    if module == "r4_product":
        return [
            {
                "XWidth": x,
                "XSigned": s,
                "WeightWidth": w,
                "WeightKind": k,
                "PWidth": resources.coded_width(x, bool(s), k, w),
            }
            for k, w in resources.PRODUCT_CODED
            for s in (0, 1)
            for x in resources.PRODUCT_X
        ]
    if module == "r4_threshold":
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
            threshold(rng, 1, 8, 20, 255, 8, block=1),
            threshold(rng, 2, 8, 16, 127, 7, block=1),
            threshold(rng, 1, 1, 16, 1023, 10, shared=1, block=1),
        ]
    if module == "r4_table":
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
        ]
    if module == "r4_fifo":
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
            {"Width": w, "Depth": d, "MemoryKind": 1}
            for w, d in ((16, 600), (36, 1000), (64, 256), (8, 2000))
        ]
    if module == "r4_width":
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
    if module == "r4_requant":
        return [
            {"Lanes": n, "XWidth": x, "XSigned": s, "Shift": sh, "Lo": lo, "Hi": hi, "YWidth": y}
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
    if module == "r4_window":
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
    if module == "r4_taps":
        return [
            taps(1, 8, 1, 204, 5),
            taps(4, 5, 1, 100, 3),
            taps(3, 6, 1, 20, 3, pad=1),
            taps(2, 8, 2, 30, 3, pad=1),
            taps(4, 4, 8, 24, 3),
            taps(1, 8, 1, 32, 3, height=32, kh=3, pad=1),
            taps(3, 8, 1, 64, 3, height=16, kh=3, pad=1),
            taps(4, 4, 4, 16, 3, height=16, kh=3, pad=1),
            taps(8, 4, 1, 12, 3, height=12, kh=3),
            taps(2, 8, 16, 40, 3, height=8, kh=3),
            taps(1, 12, 1, 60, 9),
            taps(8, 6, 1, 16, 5, pad=2),
            taps(8, 8, 1, 32, 3, pad=1),
            taps(8, 6, 1, 64, 3, pad=1),
            taps(4, 8, 2, 32, 3, height=32, kh=3, pad=1),
            taps(8, 4, 4, 16, 3, height=16, kh=3, pad=1),
            taps(2, 4, 8, 8, 3, height=8, kh=3, pad=1),
        ]
    if module == "r4_mvu":
        return [
            mvu(rng, 1, 4, 8, 4, 4, 4),
            mvu(rng, 8, 8, 8, 8, 4, 4, dsp=(3, 8, False)),
            mvu(rng, 8, 8, 8, 8, 4, 4, dsp=(4, 1, True)),
            mvu(rng, 4, 4, 16, 4, 4, 4, dsp=(4, 1, True)),
            mvu(rng, 16, 4, 4, 4, 4, 4, dsp=(4, 1, True)),
            mvu(rng, 6, 9, 4, 4, 4, 4, dsp=(3, 3, False)),
            mvu(rng, 8, 8, 4, 4, 8, 8),
            mvu(rng, 4, 4, 16, 16, 8, 8, signed=1),
            mvu(rng, 4, 3, 1, 5, 8, 6),
            mvu(rng, 4, 4, 4, 4, 4, 4),
            mvu(rng, 8, 4, 200, 1, 6, 4),
            mvu(rng, 6, 4, 100, 1, 4, 4),
            mvu(rng, 4, 8, 100, 1, 5, 4),
            mvu(rng, 8, 4, 50, 1, 5, 4),
            mvu(rng, 8, 1, 32, 4, 4, 4),
            mvu(rng, 2, 1, 32, 4, 4, 4),
            mvu(rng, 2, 8, 6, 5, 6, 3),
            mvu(rng, 4, 2, 9, 3, 8, 2, bias=0),
            mvu(rng, 1, 9, 1, 8, 5, 5, signed=1),
            mvu(rng, 2, 6, 3, 7, 3, 6, signed=1),
            mvu(rng, 4, 4, 12, 1, 8, 4),
            mvu(rng, 3, 5, 2, 3, 2, 4),
            mvu(rng, 2, 4, 20, 1, 4, 8, bias=0),
            mvu(rng, 6, 2, 64, 2, 5, 4, shift=2),
            mvu(rng, 2, 2, 40, 4, 4, 4, shift=3),
            mvu(rng, 4, 4, 8, 4, 8, 8, dsp=1),
            mvu(rng, 8, 2, 16, 2, 8, 8, dsp=1, signed=1),
            mvu(rng, 1, 16, 4, 3, 8, 6, dsp=1),
            mvu(rng, 2, 9, 1, 6, 8, 8, dsp=1),
            mvu(rng, 8, 8, 32, 4, 8, 8, dsp=1),
            mvu(rng, 4, 6, 5, 4, 6, 1, kind=1),
            mvu(rng, 3, 8, 4, 2, 8, 1, kind=1, signed=1),
            mvu(rng, 8, 2, 12, 1, 4, 1, kind=1),
            mvu(rng, 4, 6, 5, 4, 6, 2, kind=2),
            mvu(rng, 3, 8, 4, 2, 8, 2, kind=2, signed=1),
            mvu(rng, 8, 2, 12, 1, 4, 2, kind=2),
            mvu(rng, 16, 8, 16, 2, 4, 4),
            mvu(rng, 32, 4, 200, 1, 6, 4, shift=1),
            mvu(rng, 8, 16, 9, 2, 4, 4),
            mvu(rng, 1, 4, 48, 5, 4, 4),
            mvu(rng, 6, 1, 48, 4, 5, 5),
            mvu(rng, 2, 1, 24, 6, 5, 5),
            mvu(rng, 1, 1, 24, 10, 4, 6),
            mvu(rng, 4, 2, 4, 1, 5, 5),
            mvu(rng, 4, 4, 1, 1, 4, 4),
            mvu(rng, 8, 9, 1, 1, 6, 4),
            mvu(rng, 4, 8, 1, 2, 4, 4),
            mvu(rng, 16, 8, 8, 4, 8, 8, dsp=1),
            mvu(rng, 16, 4, 4, 8, 8, 8, dsp=1),
            mvu(rng, 8, 5, 1, 2, 8, 5, dsp=1),
            mvu(rng, 2, 7, 1, 4, 8, 8, dsp=1),
            mvu(rng, 3, 9, 1, 4, 8, 6, dsp=1),
            mvu(rng, 1, 24, 1, 16, 8, 8, dsp=1),
            mvu(rng, 2, 24, 1, 4, 6, 5, dsp=1, signed=1),
            mvu(rng, 32, 1, 64, 2, 8, 6, dsp=1, signed=1),
            mvu(rng, 16, 1, 64, 2, 6, 6, dsp=1),
            mvu(rng, 1, 2, 16, 5, 6, 6, dsp=1),
            mvu(rng, 2, 1, 32, 8, 8, 8, dsp=1),
            mvu(rng, 16, 1, 8, 1, 9, 4, dsp=1, signed=1),
            mvu(rng, 4, 4, 1, 1, 8, 8, dsp=1),
            mvu(rng, 4, 5, 1, 2, 8, 2, kind=2),
            mvu(rng, 64, 2, 192, 1, 4, 2, kind=2),
            mvu(rng, 4, 1, 64, 2, 4, 2, kind=2),
            mvu(rng, 16, 4, 32, 2, 4, 1, kind=1),
            mvu(rng, 4, 4, 5, 4, 4, 4, kind=3),
            mvu(rng, 3, 5, 4, 2, 6, 3, kind=3, signed=1),
            mvu(rng, 5, 2, 12, 1, 8, 4, kind=3),
        ]
    if module == "r4_dwu":
        return [
            dwu(rng, 4, 4, 3, 1, 4, 4),
            dwu(rng, 2, 4, 1, 4, 4, 4, m=4, dsp=1),
            dwu(rng, 2, 4, 9, 1, 4, 4, m=2),
            dwu(rng, 2, 4, 5, 1, 8, 8, m=2),
            dwu(rng, 2, 8, 9, 1, 8, 8, dsp=1),
            dwu(rng, 4, 2, 1, 3, 6, 4),
            dwu(rng, 1, 16, 9, 1, 4, 4),
            dwu(rng, 8, 2, 1, 9, 8, 8, dsp=1),
            dwu(rng, 2, 3, 5, 1, 5, 4, m=2),
            dwu(rng, 3, 5, 1, 5, 4, 4, signed=1),
            dwu(rng, 4, 16, 9, 1, 8, 8, dsp=1),
            dwu(rng, 2, 32, 1, 9, 4, 4),
            dwu(rng, 4, 4, 9, 1, 4, 4),
            dwu(rng, 2, 2, 1, 3, 6, 4, signed=1),
            dwu(rng, 2, 4, 1, 3, 4, 4),
            dwu(rng, 1, 32, 1, 9, 8, 8, dsp=1),
            dwu(rng, 8, 4, 9, 1, 4, 4),
            dwu(rng, 8, 1, 1, 9, 4, 4),
            dwu(rng, 1, 64, 9, 1, 8, 8, dsp=1),
            dwu(rng, 16, 2, 1, 9, 4, 4),
        ]
    if module == "r4_pool":
        out = []
        for n, x, s, g, h, w, kh, kw, total in (
            (8, 5, 0, 1, 1, 200, 1, 2, 0),
            (4, 8, 1, 1, 1, 40, 1, 4, 0),
            (2, 6, 0, 4, 1, 30, 1, 3, 0),
            (3, 4, 0, 1, 16, 16, 2, 2, 0),
            (4, 8, 0, 8, 16, 16, 2, 2, 0),
            (2, 6, 1, 1, 1, 16, 1, 4, 1),
            (4, 4, 0, 2, 12, 12, 3, 3, 1),
            (8, 4, 0, 16, 8, 8, 2, 2, 1),
            (16, 4, 0, 1, 1, 64, 1, 2, 0),
            (1, 8, 0, 16, 4, 4, 4, 4, 1),
            (6, 8, 0, 1, 1, 17, 1, 2, 1),
            (8, 5, 0, 2, 1, 116, 1, 2, 0),
            (2, 8, 0, 4, 1, 90, 1, 2, 0),
            (3, 4, 0, 4, 1, 60, 1, 2, 0),
            (1, 4, 0, 8, 1, 64, 1, 2, 0),
            (1, 8, 0, 16, 1, 32, 1, 2, 0),
            (1, 8, 0, 16, 1, 16, 1, 16, 0),
            (4, 8, 0, 2, 32, 32, 2, 2, 0),
            (2, 4, 0, 8, 16, 16, 2, 2, 0),
            (8, 8, 1, 2, 16, 16, 2, 2, 1),
        ):
            y = x + (kh * kw - 1).bit_length() * total
            ow = w // kw
            out.append(
                {
                    "Lanes": n,
                    "XWidth": x,
                    "XSigned": s,
                    "YWidth": y,
                    "Sum": total,
                    "Groups": g,
                    "Height": h,
                    "Width": w,
                    "SizeH": kh,
                    "SizeW": kw,
                    "StrideH": kh,
                    "StrideW": kw,
                    "Block": int(is_block(g * ow, n * y) and kh > 1),
                }
            )
        return out
    if module == "r4_reduce":
        return [
            {
                "Lanes": n,
                "Taps": t,
                "TapFolds": f,
                "XWidth": x,
                "XSigned": s,
                "YWidth": x + (t * f - 1).bit_length() * total,
                "Sum": total,
            }
            for n, t, f, x, s, total in (
                (4, 1, 3, 6, 0, 0),
                (3, 1, 9, 8, 1, 0),
                (4, 1, 4, 5, 0, 1),
                (2, 3, 1, 8, 0, 0),
                (4, 9, 1, 4, 0, 1),
                (8, 1, 2, 8, 0, 1),
                (2, 4, 1, 6, 1, 1),
                (1, 9, 1, 8, 0, 0),
                (6, 1, 5, 4, 0, 0),
            )
        ]
    if module == "r4_axis_in":
        return [
            {"Lanes": n, "ElemWidth": e, "ContainerWidth": 8 if e <= 8 else 16, "Beats": b, "FlagDepth": f}
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
    if module == "r4_axis_out":
        return [
            {"Lanes": n, "ElemWidth": e, "Signed": s, "ContainerWidth": 8 if e <= 8 else 16, "Beats": b}
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
    if module == "r4_fork":
        return [{"Width": w} for w in (4, 8, 24, 64)]
    if module == "r4_add":
        return [
            {
                "Lanes": n,
                "WidthA": a,
                "WidthB": b,
                "SignedA": 1,
                "SignedB": 0,
                "ShiftA": s,
                "ShiftB": 0,
                "YWidth": max(a + s, b) + 2,
            }
            for n, a, b, s in ((1, 6, 6, 0), (4, 5, 6, 2), (3, 8, 8, 0), (8, 4, 4, 1), (2, 12, 10, 0))
        ]
    if module == "r4_concat":
        return [
            {
                "Whole": k,
                "LanesA": n,
                "LanesB": m,
                "BeatsA": b,
                "BeatsB": c,
                "WidthA": a,
                "WidthB": a,
                "SignedA": 1,
                "SignedB": 1,
                "ShiftA": 0,
                "ShiftB": 1,
                "YWidth": a + 1,
            }
            for k, n, m, b, c, a in (
                (1, 3, 3, 1, 1, 5),
                (1, 8, 4, 1, 1, 6),
                (0, 2, 2, 4, 3, 5),
                (0, 4, 4, 8, 8, 8),
                (0, 1, 1, 3, 5, 4),
                (1, 2, 6, 1, 1, 4),
            )
        ]
    if module == "r4_argmax":
        return [
            {"Lanes": n, "Groups": g, "XWidth": x, "XSigned": 1, "YWidth": max(1, (n * g - 1).bit_length())}
            for n, g, x in ((1, 8, 13), (2, 4, 14), (1, 16, 10), (6, 1, 12), (8, 1, 14), (4, 3, 9))
        ]
    if module == "r4_mask":
        return [
            {"Lanes": n, "XWidth": x, "XSigned": 1, "Threshold": 13} for n, x in ((1, 8), (4, 12), (2, 16))
        ]
    if module in ("r4_pad", "r4_crop", "r4_upsample"):
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
            p = {"Lanes": n, "ElemWidth": e, "Groups": g, "Height": h, "Width": w}
            two = h > 1
            if module == "r4_pad":
                p |= {"PadTop": int(two), "PadBottom": int(two), "PadLeft": 1, "PadRight": 2}
            elif module == "r4_crop":
                p |= {"CropTop": int(two), "CropLeft": 1, "OutHeight": h - 2 * two, "OutWidth": w - 3}
            else:
                del p["Height"]
                p |= {"FactorH": 2 if two else 1, "FactorW": 2, "Block": int(is_block(w * g, n * e) and two)}
            out.append(p)
        return out
    raise KeyError(module)


def adders(rng: np.random.Generator) -> list[Unit]:
    """Generated adder graphs of random layers."""
    out = []
    for k, (i, o, xb, wb) in enumerate(
        (
            (5, 8, 8, 5),
            (5, 16, 6, 4),
            (3, 4, 8, 4),
            (12, 8, 4, 4),
            (9, 4, 5, 3),
            (16, 8, 4, 3),
            (24, 6, 4, 4),
            (7, 3, 8, 6),
        )
    ):
        x = Stream("x", (40, i), Fixed(False, 0, xb), 0, 2**xb - 1)
        w = rng.integers(-(2 ** (wb - 1)), 2 ** (wb - 1), (1, 1, i, o))
        op = Conv(
            name=f"c{k}",
            inputs=(x,),
            weights=w,
            weight_fraction=np.full(o, wb - 1),
            bias=rng.integers(-99, 99, o),
            bias_fraction=wb + xb - 3,
        )
        graph = adder_graph(op._taps << op.shift, op.aligned_bias, 0, x.hi)
        cell = Adders(
            name=f"u_c{k}",
            inputs={"x": Wire("x", i, xb, False, 40)},
            outputs={"y": Wire("y", o, op.output.type.width, True, 40)},
            op=op,
            graph=graph,
        )
        out.append(Unit(cell.name, "", cell.module, {}, cell.text(), cell))
    return out


def units(module: str) -> list[Unit]:
    """The grid of a module; random, but the same in every run."""
    rng = np.random.default_rng(zlib.crc32(module.encode()))
    if module == "adders":
        return adders(rng)
    return [Unit(f"{module}#{i}", "", module, p) for i, p in enumerate(grid(module, rng))]


def fit(rows: list[dict[str, float]], want: list[float]) -> dict[str, float]:
    """Non-negative least squares of relative errors."""
    names = sorted({k for r in rows for k in r})
    a = np.array([[r.get(k, 0.0) for k in names] for r in rows])
    scale = 1.0 / np.maximum(np.array(want), 10.0)
    used = a.any(axis=0)
    x = np.zeros(len(names))
    x[used], _ = nnls(a[:, used] * scale[:, None], np.array(want) * scale)
    return {k: round(float(v), 4) for k, v in zip(names, x, strict=True) if v > 0}


def main(arguments: list[str]) -> None:
    check = "--check" in arguments
    chosen = [a for a in arguments if not a.startswith("-")] or [*resources.MODELS, "adders"]
    table = json.loads(TABLE.read_text()) if TABLE.exists() else {}
    for module in chosen:
        try:
            todo = units(module)
        except KeyError:
            print(f"{module}: no grid")
            continue
        found = synthesize(todo)
        terms = [resources.terms(u.module, u.params, u.cell) for u in todo]
        if not check:
            table[module] = {
                "lut": fit([t[0] for t in terms], [r.lut for r in found]),
                "ff": fit([t[1] for t in terms], [r.ff for r in found]),
            }
        for kind, i in (("lut", 0), ("ff", 1)):
            cost = table[module][kind]
            got = [sum(v * cost.get(k, 0.0) for k, v in t[i].items()) for t in terms]
            want = [getattr(r, kind) for r in found]
            off = [f"{g:.0f}/{w:.0f}" for g, w in zip(got, want, strict=True)]
            worst = max(abs(g - w) / max(w, 1) for g, w in zip(got, want, strict=True))
            print(f"{module:14s} {kind:3s} worst {worst:6.1%}  {' '.join(off)}", flush=True)
        bram = [(t[2], r.bram36) for t, r in zip(terms, found, strict=True) if t[2] != r.bram36]
        dsp = [
            (u.name, r.dsp) for u, r in zip(todo, found, strict=True) if isinstance(r, Resources) and r.dsp
        ]
        print(f"{module:14s} bram off {bram}, dsp {dsp}", flush=True)
        if not check:
            TABLE.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n")
            resources.coefficients.cache_clear()  # the tables of products serve the modules that follow


if __name__ == "__main__":
    main(sys.argv[1:])
