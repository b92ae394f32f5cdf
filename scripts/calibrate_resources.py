# SPDX-License-Identifier: Apache-2.0
"""Fits the coefficients of src/rtl4ml/cost/coefficients.json to Yosys's counts over a grid of cell parameters.

    python scripts/calibrate_resources.py [MODULE ...]     only these modules, the others stay
    python scripts/calibrate_resources.py --check          fits nothing, prints how far the present ones are off
    python scripts/calibrate_resources.py --keep           fits nothing, records the counts and errors of a larger grid
    python scripts/calibrate_resources.py --points         prints the model's and Yosys's count of every point

Every fourth point of a grid is held out: it is counted and checked, the fit does not see it. Results of Yosys are
cached, so a second run costs seconds; those of the last fit are kept in tests/golden/resources.json, and the worst
error that it left in every module, over all its points, in tests/golden/resource_errors.json: no change may exceed it.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import nnls

import rtl4ml.cost.estimate as estimate
import rtl4ml.cost.products as cost_products
import rtl4ml.cost.registry as registry
from rtl4ml.cells.adders import Adders
from rtl4ml.cells.mvu import dsp_params
from rtl4ml.device import Resources
from rtl4ml.host import cache
from rtl4ml.ir.types import Fixed, Stream
from rtl4ml.netlist.adder_graph import adder_graph
from rtl4ml.netlist.images import Image
from rtl4ml.netlist.netlist import Wire
from rtl4ml.netlist.packing import fewest, packings
from rtl4ml.ops.conv import Conv
from rtl4ml.synthesis.yosys import BLACK_BOX, Unit, _constant, _read, mapping
from rtl4ml.synthesis.yosys import counts as kept_counts

TABLE = Path(__file__).parents[1] / "src" / "rtl4ml" / "cost" / "coefficients.json"
COUNTED = Path(__file__).parents[1] / "tests" / "golden" / "resources.json"
ERRORS = Path(__file__).parents[1] / "tests" / "golden" / "resource_errors.json"
Params = dict[str, Any]


def in_blocks(depth: int, width: int) -> bool:
    """Whether the grid puts a memory into block RAM: not by `memories.is_block`, whose changes must not move it."""
    return depth >= 64 and depth * width >= 8192


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
        "Block": int(in_blocks(words, pe * simd * w)),
        "WeightFile": image(pe * simd * w, words, rng),
    }
    if bias:
        p["BiasFile"] = image(pe * acc, nf, rng)
    if shift:
        p["ShiftWidth"] = shift
        p["ShiftFile"] = image(pe * shift, nf, rng)
    return p


def still(rng: np.random.Generator, p: Params, share: float, *, high: int = 0) -> Params:
    """The same where that share of the weights never changes, nor the `high` upper bits of the others."""
    rows = p["WeightFile"].bits
    codes = rows.reshape(len(rows), -1, p["WeightWidth"]).copy()
    same = rng.random(codes.shape[1]) < share
    codes[:, same] = codes[0, same] * rng.integers(0, 2, (int(same.sum()), 1))  # many of them zero
    codes[:, :, codes.shape[2] - high :] = codes[0, :, codes.shape[2] - high :]
    return {**p, "WeightFile": Image.pack(codes.reshape(len(codes), -1).astype(np.int64), 1)}


def small(rng: np.random.Generator, p: Params, deviation: float) -> Params:
    """The same with weights as training leaves them, most of them near 0."""
    w = p["WeightWidth"]
    rows = p["WeightFile"].bits.shape
    values = np.rint(rng.normal(0, deviation, (rows[0], rows[1] // w))).astype(np.int64)
    return {**p, "WeightFile": Image.pack(values.clip(-(2 ** (w - 1)), 2 ** (w - 1) - 1), w)}


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
        "Block": int(in_blocks(groups * folds, lanes * m * taps * w)),
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
        "Block": int(in_blocks(depth, lanes * elem)),
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
        "Block": int(in_blocks(ew * groups, (kh - 1) * lanes * elem)),
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
        "Block": int(in_blocks(rows * depth, y)),
        "InitFile": Image.pack(values.reshape(-1, columns), y),
    }


def pool(
    lanes: int, x: int, signed: int, groups: int, height: int, width: int, kh: int, kw: int, total: int
) -> Params:
    """Parameters of an r4_pool whose windows touch."""
    y = x + (kh * kw - 1).bit_length() * total
    return {"Lanes": lanes, "XWidth": x, "XSigned": signed, "YWidth": y, "Sum": total, "Groups": groups,
            "Height": height,
            "Width": width, "SizeH": kh, "SizeW": kw, "StrideH": kh, "StrideW": kw,
            "Block": int(in_blocks(groups * (width // kw), lanes * y) and kh > 1)}  # fmt: skip


def reduce(lanes: int, taps: int, folds: int, x: int, signed: int, total: int) -> Params:
    """Parameters of an r4_reduce."""
    return {"Lanes": lanes, "Taps": taps, "TapFolds": folds, "XWidth": x, "XSigned": signed,
            "YWidth": x + (taps * folds - 1).bit_length() * total, "Sum": total}  # fmt: skip


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


def concat(
    whole: int, n: int, m: int, beats_a: int, beats_b: int, width: int, *, shift: int = 1, signed: int = 1
) -> Params:
    """Parameters of an r4_concat of equal widths, b shifted."""
    return {"Whole": whole, "LanesA": n, "LanesB": m, "BeatsA": beats_a, "BeatsB": beats_b, "WidthA": width,
            "WidthB": width,
            "SignedA": signed, "SignedB": signed, "ShiftA": 0, "ShiftB": shift,
            "YWidth": width + shift}  # fmt: skip


def add(lanes: int, a: int, b: int, shift: int, signed_a: int = 1, signed_b: int = 0) -> Params:
    """Parameters of an r4_add, a shifted."""
    return {"Lanes": lanes, "WidthA": a, "WidthB": b, "SignedA": signed_a, "SignedB": signed_b,
            "ShiftA": shift, "ShiftB": 0,
            "YWidth": max(a + shift, b) + 1 + (signed_a != signed_b)}  # fmt: skip


def maximum(lanes: int, a: int, b: int, shift: int, signed_a: int, signed_b: int) -> Params:
    """Parameters of an r4_max, a shifted, or b if `shift` is negative; without a sign if either input has none."""
    up, more = max(0, shift), max(0, -shift)
    return {"Lanes": lanes, "WidthA": a, "WidthB": b, "SignedA": signed_a, "SignedB": signed_b,
            "ShiftA": up, "ShiftB": more,
            "YWidth": max(a + up - (signed_a > signed_b), b + more - (signed_b > signed_a))}  # fmt: skip


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


def scale(lanes: int, x: int, signed: int, numbers: tuple[int, ...], size: int, inner: int) -> Params:
    """Parameters of an r4_scale behind windows of stride 1 with these numbers of elements at the edges."""
    half = len(numbers) // 2 if numbers[0] > 1 else 0
    counts = np.full(size, numbers[-1])
    counts[: len(numbers)], counts[size - len(numbers) + half :] = numbers, numbers[::-1][half:]
    factors = np.lcm.reduce(counts) // counts
    bits = int(factors.max()).bit_length()
    return {"Lanes": lanes, "XWidth": x, "XSigned": signed, "Size": size, "Inner": inner, "FactorWidth": bits,
            "YWidth": x + bits, "FactorFile": Image.pack(factors[:, None], bits)}  # fmt: skip


def grid(module: str, rng: np.random.Generator) -> list[Params]:
    """Parameters that span how designs use a module."""
    if module == "r4_mul":
        return [
            {"XWidth": x, "XSigned": s, "WWidth": w, "WSigned": t, "PWidth": x + w}
            for s, t in ((0, 1), (1, 1), (0, 0))
            for x in cost_products.PRODUCT_X
            for w in cost_products.PRODUCT_W
        ]
    if module == "r4_product":
        return [
            {
                "XWidth": x,
                "XSigned": s,
                "WeightWidth": w,
                "WeightKind": k,
                "PWidth": cost_products.coded_width(x, bool(s), k, w),
            }
            for k, w in cost_products.PRODUCT_CODED
            for s in (0, 1)
            for x in cost_products.PRODUCT_X
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
        return [
            pool(*q)
            for q in (
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
            )
        ]
    if module == "r4_reduce":
        return [
            reduce(*q)
            for q in (
                (4, 1, 3, 6, 0, 0),
                (3, 1, 9, 8, 1, 0),
                (4, 1, 4, 5, 0, 1),
                (2, 3, 1, 8, 0, 0),
                (4, 9, 1, 4, 0, 1),
                (8, 1, 2, 8, 0, 1),
                (2, 4, 1, 6, 1, 1),
                (1, 9, 1, 8, 0, 0),
                (6, 1, 5, 4, 0, 0),
                (1, 9, 1, 4, 0, 0),
                (4, 9, 1, 8, 0, 0),
                (2, 1, 9, 8, 0, 0),
                (8, 1, 9, 4, 0, 0),
                (2, 9, 1, 8, 1, 0),
                (4, 9, 1, 4, 1, 1),
                (2, 9, 1, 8, 0, 1),
                (1, 1, 9, 8, 0, 1),
                (8, 1, 9, 6, 1, 1),
                (8, 4, 1, 6, 0, 0),
                (1, 4, 1, 16, 1, 0),
                (2, 25, 1, 6, 0, 0),
                (3, 1, 25, 10, 0, 0),
                (16, 9, 1, 4, 0, 0),
                (4, 1, 4, 12, 1, 0),
                (4, 1, 9, 16, 1, 0),
                (2, 1, 4, 14, 0, 0),
                (4, 1, 9, 9, 0, 0),
            )
        ]
    if module == "r4_axis_in":
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
    if module == "r4_axis_out":
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
    if module == "r4_fork":
        return [{"Width": w} for w in (4, 8, 24, 64)]
    if module == "r4_max":
        return [
            maximum(*q)
            for q in ((1, 8, 8, 0, 1, 1), (4, 4, 4, 0, 1, 1), (8, 5, 5, 0, 0, 0), (16, 8, 8, 0, 0, 0),
                      (4, 6, 6, 0, 1, 0), (2, 12, 12, 0, 1, 1), (8, 3, 3, 0, 0, 0), (3, 6, 8, 2, 1, 1),
                      (4, 8, 10, 3, 1, 0), (6, 16, 16, 0, 1, 1), (5, 7, 7, 0, 0, 0), (12, 4, 8, 0, 0, 0),
                      (2, 20, 18, 0, 1, 1), (8, 2, 2, 0, 0, 0), (20, 5, 6, 0, 1, 1), (3, 6, 4, 3, 0, 0),
                      (6, 11, 7, 2, 0, 1), (16, 1, 1, 0, 0, 0), (11, 4, 7, 1, 1, 0), (4, 13, 13, 0, 0, 0),
                      (32, 4, 4, 0, 0, 0), (8, 2, 2, 0, 1, 1), (8, 3, 3, 0, 1, 1), (7, 14, 10, 0, 1, 1),
                      (8, 5, 5, 0, 1, 1), (3, 8, 6, -2, 1, 1), (8, 3, 3, 0, 1, 0), (6, 5, 9, 0, 0, 0),
                      (8, 4, 4, 0, 0, 1), (6, 5, 5, 0, 1, 0), (6, 4, 4, -2, 0, 0), (10, 9, 9, 0, 0, 1),
                      (4, 10, 8, -3, 0, 1), (4, 12, 8, 0, 0, 1), (4, 8, 12, 0, 1, 0), (5, 4, 4, 1, 0, 0),
                      (16, 1, 1, 0, 1, 1), (16, 1, 1, 0, 1, 0), (8, 2, 2, 0, 1, 0), (8, 6, 6, 0, 0, 0))
        ]  # fmt: skip
    if module == "r4_add":
        return [add(*q) for q in ((1, 6, 6, 0), (4, 5, 6, 2), (3, 8, 8, 0), (8, 4, 4, 1), (2, 12, 10, 0))]
    if module == "r4_concat":
        return [
            concat(*q)
            for q in (
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
            for n, g, x in ((1, 8, 13), (2, 4, 14), (1, 16, 10), (6, 1, 12), (8, 1, 14), (4, 3, 9),
                            (16, 1, 12), (2, 1, 8), (1, 4, 18), (3, 1, 16), (2, 8, 8), (5, 2, 11), (4, 1, 20),
                            (1, 64, 8), (8, 2, 16), (10, 1, 10), (4, 1, 6), (1, 21, 15),
                            (2, 1, 12), (2, 1, 18), (2, 4, 6), (3, 1, 8), (1, 2, 12))
        ]  # fmt: skip
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
            if module == "r4_upsample":
                out.append(upsample(n, e, g, w, 2 if h > 1 else 1))
            else:
                out.append((pad if module == "r4_pad" else crop)(n, e, g, h, w))
        return out
    return []


def unet_grid(module: str, rng: np.random.Generator) -> list[Params]:
    """Parameters as U-Nets of 16 to 192 feature maps use them, at 4 and 8 bits, on frames of 8 to 128 pixels a side."""
    if module == "r4_fifo":
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
    if module == "r4_width":
        return [
            {"XLanes": a, "YLanes": b, "ElemWidth": e}
            for a, b, e in ((1, 3, 4), (8, 4, 18), (4, 2, 4), (2, 16, 4), (3, 1, 19), (1, 6, 8), (8, 80, 4),
                            (6, 2, 21),
                            (6, 1, 20), (8, 40, 8), (16, 48, 8), (2, 12, 8), (4, 8, 8), (24, 1, 19))
        ]  # fmt: skip
    if module == "r4_requant":
        return [
            {"Lanes": n, "XWidth": x, "XSigned": 1, "Shift": s, "Lo": 0, "Hi": 2**y - 1, "YWidth": y}
            for n, x, s, y in ((1, 16, 10, 4), (4, 18, 10, 4), (2, 19, 10, 4), (16, 19, 10, 4), (1, 18, 8, 8),
                               (8, 18, 6, 8), (4, 19, 7, 8), (16, 19, 6, 8), (2, 21, 7, 8), (1, 21, 8, 8),
                               (32, 20, 7, 8),
                               (8, 20, 9, 4), (12, 22, 8, 8), (64, 17, 8, 4))
        ]  # fmt: skip
    if module == "r4_window":
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
    if module == "r4_taps":
        return [
            taps(n, e, g, s, 3, height=s, kh=3, pad=1)
            for n, e, g, s in ((1, 8, 3, 32), (8, 4, 2, 32), (2, 4, 8, 16), (4, 4, 8, 16), (1, 4, 32, 8),
                               (1, 4, 48, 8),
                               (8, 4, 10, 16), (16, 4, 3, 32), (1, 8, 3, 64), (8, 8, 2, 64), (4, 8, 8, 32),
                               (1, 8, 48, 16), (16, 8, 3, 64), (2, 8, 48, 16))
        ]  # fmt: skip
    if module == "r4_pool":
        return [
            pool(n, x, 0, g, s, s, 2, 2, 0)
            for n, x, g, s in ((4, 4, 4, 32), (2, 4, 16, 16), (4, 8, 4, 64), (2, 8, 16, 32), (2, 8, 24, 16),
                               (16, 8, 4, 128),
                               (16, 4, 2, 64), (1, 8, 64, 8), (8, 8, 16, 16), (32, 4, 1, 32))
        ] + [
            pool(n, x, signed, g, s, s, k, k, total)
            for n, x, signed, g, s, k, total in ((2, 5, 0, 1, 16, 2, 0), (4, 3, 0, 1, 32, 2, 0), (8, 8, 1, 4, 32, 2, 1),
                                                 (1, 4, 0, 2, 24, 2, 0), (2, 8, 0, 16, 16, 2, 1),
                                                 (4, 4, 1, 1, 64, 2, 1), (2, 8, 0, 2, 24, 3, 0),
                                                 (16, 6, 0, 2, 16, 2, 1), (4, 4, 0, 1, 30, 3, 0),
                                                 (2, 4, 1, 8, 12, 3, 1), (8, 6, 1, 1, 32, 4, 0),
                                                 (4, 6, 0, 2, 40, 2, 0), (4, 3, 0, 2, 20, 2, 0), (8, 6, 0, 1, 32, 2, 0),
                                                 (8, 2, 0, 1, 16, 2, 0), (4, 7, 0, 2, 16, 2, 0),
                                                 (2, 12, 1, 2, 16, 2, 0), (2, 10, 0, 4, 16, 2, 0),
                                                 (4, 6, 0, 4, 32, 2, 0), (8, 1, 0, 2, 16, 2, 0),
                                                 (2, 16, 1, 1, 32, 2, 0), (4, 5, 1, 2, 24, 2, 0),
                                                 (16, 6, 0, 1, 64, 2, 0), (2, 6, 0, 8, 16, 2, 0))
        ]  # fmt: skip
    if module == "r4_upsample":
        return [
            upsample(n, e, g, s, 2)
            for n, e, g, s in ((4, 4, 12, 8), (16, 4, 2, 16), (2, 8, 24, 8), (4, 8, 12, 16), (8, 8, 4, 32),
                               (32, 8, 2, 64),
                               (1, 4, 32, 16), (16, 8, 1, 32), (8, 4, 1, 8), (64, 4, 3, 16))
        ]  # fmt: skip
    if module == "r4_concat":
        return [
            concat(0, n, n, b, c, w, shift=0, signed=0)
            for n, b, c, w in ((8, 6, 4, 4), (16, 2, 1, 4), (2, 24, 24, 8), (8, 6, 4, 8), (16, 2, 1, 8),
                               (32, 3, 2, 4),
                               (1, 192, 128, 8), (4, 48, 32, 4), (64, 1, 1, 8))
        ] + [concat(1, n, m, 1, 1, w, shift=0, signed=0) for n, m, w in ((32, 16, 8), (16, 16, 4),
                                                                         (64, 32, 4))]  # fmt: skip
    if module == "r4_add":
        return [
            add(n, a, b, s, sa, sb)
            for n, a, b, s, sa, sb in ((1, 4, 4, 0, 0, 0), (4, 8, 8, 0, 0, 0), (8, 8, 4, 0, 0, 0),
                                       (16, 4, 4, 2, 0, 0),
                                       (16, 8, 8, 3, 1, 1), (4, 12, 8, 0, 1, 0), (2, 6, 16, 4, 1, 1),
                                       (32, 4, 8, 1, 0, 1),
                                       (1, 16, 16, 0, 1, 1), (8, 6, 6, 6, 0, 0))
        ]  # fmt: skip
    if module == "r4_mvu":
        points_mvu = ((4, 3, 1, 4, 4, 4, (3, 3, False)), (8, 8, 2, 2, 4, 4, (3, 8, False)),
                      (2, 16, 1, 16, 4, 4, (2, 16, False)),
                      (3, 8, 4, 16, 4, 4, (3, 8, False)), (6, 6, 8, 8, 4, 4, (3, 6, False)),
                      (2, 80, 1, 16, 4, 4, 0),
                      (4, 48, 1, 4, 4, 4, 1), (4, 3, 1, 4, 8, 8, (2, 3, False)),
                      (4, 16, 1, 4, 8, 8, (2, 4, False)),
                      (8, 8, 4, 4, 8, 8, (2, 4, False)), (6, 6, 8, 8, 8, 8, (2, 3, False)),
                      (2, 6, 8, 24, 8, 8, (2, 3, False)),
                      (3, 3, 16, 16, 8, 8, (2, 3, False)), (6, 12, 8, 8, 8, 8, (2, 4, False)),
                      (4, 40, 2, 8, 8, 8, (2, 4, False)),
                      (1, 4, 4, 1, 8, 8, 0))  # fmt: skip
        return [mvu(rng, *q[:-1], dsp=q[-1]) for q in points_mvu] + [
            mvu(rng, 8, 3, 1, 1, 8, 8, dsp=1),
            mvu(rng, 2, 8, 1, 1, 6, 8, dsp=1, signed=1),
            mvu(rng, 4, 3, 16, 2, 6, 4, shift=3),
            mvu(rng, 4, 9, 1, 1, 8, 6, dsp=1),
            mvu(rng, 12, 2, 8, 3, 5, 5, shift=2),
            mvu(rng, 4, 4, 8, 4, 8, 8, dsp=1, shift=2),
            mvu(rng, 3, 4, 1, 6, 5, 4, shift=3),
            mvu(rng, 16, 2, 1, 1, 8, 8, dsp=1, bias=0),
            mvu(rng, 2, 2, 1, 1, 8, 8, dsp=1),
            mvu(rng, 2, 4, 1, 1, 8, 6, dsp=1),
            mvu(rng, 4, 2, 1, 1, 8, 8, dsp=1),
            still(rng, mvu(rng, 8, 8, 64, 4, 2, 3, kind=3), 0.3),
            still(rng, mvu(rng, 16, 4, 200, 1, 4, 4, kind=3), 0.1, high=1),
            still(rng, mvu(rng, 8, 8, 64, 4, 4, 4), 0.3),
            still(rng, mvu(rng, 8, 4, 200, 1, 6, 4), 0.2, high=1),
            still(rng, mvu(rng, 8, 8, 64, 4, 8, 8, dsp=(2, 4, False)), 0.3),
            still(rng, mvu(rng, 8, 8, 64, 4, 4, 4, dsp=(3, 8, False)), 0.3, high=1),
            still(rng, mvu(rng, 8, 8, 64, 4, 4, 4, dsp=(4, 1, True)), 0.3),
            still(rng, mvu(rng, 16, 8, 64, 2, 2, 2, kind=2), 0.4),
            small(rng, mvu(rng, 4, 6, 1, 1, 8, 8), 9),
            small(rng, mvu(rng, 8, 9, 1, 1, 4, 4), 2),
            small(rng, mvu(rng, 3, 8, 1, 1, 6, 6, signed=1), 5),
        ]
    if module == "r4_dwu":
        return [
            dwu(rng, *q[:-1], dsp=q[-1])
            for q in ((1, 3, 9, 1, 8, 4, 0), (8, 2, 9, 1, 4, 4, 0), (2, 8, 9, 1, 4, 4, 0),
                      (1, 48, 9, 1, 4, 4, 0),
                      (8, 10, 9, 1, 4, 4, 0), (16, 3, 9, 1, 4, 4, 0), (1, 3, 9, 1, 8, 8, 0),
                      (2, 8, 9, 1, 8, 8, 0),
                      (1, 48, 9, 1, 8, 8, 0), (4, 8, 9, 1, 8, 8, (1, 9, False)),
                      (2, 24, 1, 9, 8, 8, (1, 1, False)), (2, 40, 1, 9, 4, 4, 0), (1, 64, 1, 9, 4, 5, 0),
                      (1, 36, 1, 9, 8, 8, (1, 1, False)))
        ] + [
            still(rng, dwu(rng, 4, 32, 3, 3, 8, 8, dsp=(1, 3, False)), 0.3),
            still(rng, dwu(rng, 4, 32, 9, 2, 4, 4), 0.3),
            small(rng, dwu(rng, 6, 1, 9, 1, 8, 8), 9),
            small(rng, dwu(rng, 24, 1, 9, 1, 8, 8), 4),
            small(rng, dwu(rng, 8, 1, 9, 1, 4, 4), 2),
            small(rng, dwu(rng, 4, 1, 9, 1, 6, 6, signed=1), 5),
            small(rng, dwu(rng, 3, 1, 25, 1, 8, 8), 20),
        ]  # fmt: skip
    if module == "r4_threshold":
        return [
            threshold(rng, 4, 1, 16, 7, 3),
            threshold(rng, 8, 1, 18, 3, 2, shared=1),
            threshold(rng, 4, 1, 14, 3, 2),
            threshold(rng, 2, 1, 18, 7, 3),
            threshold(rng, 4, 1, 18, 15, 4, shared=1),
            threshold(rng, 8, 1, 20, 15, 4, shared=1),
        ]
    if module == "r4_axis_in":
        return [
            axis_in(n, e, b)
            for n, e, b in ((1, 8, 3072), (3, 8, 1024), (3, 8, 16384), (1, 8, 49152), (4, 8, 4096))
        ]
    if module == "r4_axis_out":
        return [
            axis_out(n, e, s, b)
            for n, e, s, b in ((1, 1, 0, 1024), (1, 18, 1, 16384), (1, 19, 1, 64), (4, 1, 0, 256))
        ]
    if module == "r4_fork":
        return [{"Width": w} for w in (16, 32, 128, 256)]
    if module == "r4_mask":
        return [
            {"Lanes": n, "XWidth": x, "XSigned": 1, "Threshold": t}
            for n, x, t in (
                (1, 18, 0),
                (1, 20, 700),
                (1, 14, -37),
                (4, 18, 0),
                (8, 16, 255),
                (16, 12, -256),
                (2, 22, 12345),
                (4, 20, 1000),
                (1, 16, 301),
                (4, 16, 77),
                (8, 14, 3),
            )
        ]
    if module in ("r4_pad", "r4_crop"):
        return [
            pad(n, e, g, s, s) if module == "r4_pad" else crop(n, e, g, s, s)
            for n, e, g, s in ((4, 8, 4, 64), (16, 8, 2, 32), (1, 8, 3, 128), (2, 4, 24, 16), (32, 4, 1, 64))
        ]
    if module == "r4_multiply":
        return [
            {"Lanes": n, "WidthA": a, "WidthB": b, "SignedA": sa, "SignedB": sb, "YWidth": a + b}
            for n, a, b, sa, sb in ((1, 4, 4, 0, 0), (4, 4, 4, 0, 0), (2, 8, 8, 0, 0), (8, 4, 8, 0, 0),
                                    (4, 8, 4, 1, 0),
                                    (1, 8, 8, 1, 1), (16, 4, 4, 1, 1), (2, 6, 5, 0, 1), (4, 3, 7, 0, 0),
                                    (8, 8, 8, 0, 1))
        ]  # fmt: skip
    if module == "r4_bilinear":
        return [
            {"Lanes": n, "XWidth": x, "XSigned": s, "Size": size, "Inner": i, "Factor": f,
             "Block": int(in_blocks(i, 2 * n * x))}
            for n, x, s, size, i, f in ((1, 8, 0, 8, 1, 2), (4, 4, 0, 16, 2, 2), (2, 8, 0, 8, 24, 2),
                                        (8, 8, 0, 32, 4, 2),
                                        (2, 9, 0, 16, 256, 2), (4, 5, 0, 32, 96, 2), (16, 4, 0, 16, 2, 2),
                                        (1, 8, 1, 32, 8, 4),
                                        (8, 4, 0, 8, 16, 4), (1, 6, 1, 64, 1, 8), (4, 11, 0, 8, 40, 4),
                                        (1, 1, 0, 64, 1, 2),
                                        (16, 8, 0, 64, 1, 2), (2, 6, 0, 16, 12, 2),
                                        (2, 8, 0, 16, 100, 2), (4, 4, 1, 32, 4, 4), (1, 8, 0, 16, 12, 4),
                                        (8, 8, 0, 16, 70, 2), (2, 6, 1, 16, 2, 4), (4, 8, 1, 16, 1, 2),
                                        (2, 8, 1, 16, 4, 4), (1, 4, 1, 32, 2, 4), (4, 6, 1, 8, 16, 8),
                                        (2, 4, 0, 16, 4, 4), (8, 4, 1, 16, 8, 4), (8, 8, 1, 32, 2, 4),
                                        (4, 4, 0, 16, 2, 8))
        ]  # fmt: skip
    if module == "r4_scale":
        return [
            scale(*q)
            for q in ((1, 12, 1, (2, 3), 30, 1), (4, 10, 0, (2, 3), 16, 2), (2, 14, 1, (2, 3), 128, 4),
                      (8, 12, 0, (2, 3), 64, 16), (1, 16, 0, (3, 4, 5), 20, 1), (4, 12, 1, (3, 4, 5), 32, 3),
                      (2, 9, 0, (1, 2), 17, 1), (8, 10, 1, (1, 2), 65, 8), (4, 14, 1, (4, 5, 6, 7), 48, 1),
                      (1, 18, 1, (4, 5, 6, 7), 256, 2), (8, 8, 0, (2, 3), 12, 1), (16, 9, 1, (2, 3), 32, 1),
                      (2, 12, 0, (5, 6, 7, 8, 9), 64, 5), (4, 16, 0, (3, 4, 5), 100, 24), (1, 8, 1, (1, 3), 10, 64),
                      (8, 14, 1, (3, 4, 5), 128, 1))
        ]  # fmt: skip
    if module == "r4_morph":
        return [{"Radius": r, "Erode": e} for r in (1, 2, 3, 4, 6) for e in (0, 1)]
    if module == "r4_stuff":
        return [
            {"Lanes": n, "ElemWidth": e, "Groups": g, "Width": w, "FactorH": fh, "FactorW": fw}
            for n, e, g, w, fh, fw in ((2, 4, 8, 8, 2, 2), (4, 8, 12, 16, 2, 2), (16, 4, 2, 32, 2, 2),
                                       (1, 8, 1, 40, 1, 2),
                                       (8, 4, 1, 64, 2, 2), (2, 8, 24, 8, 2, 2), (32, 8, 1, 16, 4, 4),
                                       (1, 4, 3, 128, 2, 2),
                                       (2, 8, 4, 30, 1, 2), (4, 4, 1, 100, 1, 4), (1, 8, 16, 16, 2, 2),
                                       (16, 8, 2, 64, 2, 2))
        ]  # fmt: skip
    return []


def between_grid(module: str, rng: np.random.Generator) -> list[Params]:
    """Parameters between the powers of two: widths, depths and lanes that no block of a memory or LUT divides."""
    if module == "r4_fifo":
        distributed = ((64, 112), (40, 129), (64, 128), (20, 48), (64, 160), (40, 161), (40, 100), (128, 128),
                       (40, 193), (20, 225), (768, 99), (99, 33), (16, 300), (16, 330), (16, 385), (5, 300),
                       (16, 449), (6, 600), (11, 112), (6, 1000), (5, 160), (112, 64), (160, 64), (40, 65),
                       (40, 97), (11, 48), (64, 330), (64, 400), (3, 11), (99, 240))  # fmt: skip
        block = ((40, 600), (99, 768), (112, 300), (11, 3000), (20, 1200), (160, 400))
        return [{"Width": w, "Depth": d, "MemoryKind": 0} for w, d in distributed] + [
            {"Width": w, "Depth": d, "MemoryKind": 1} for w, d in block
        ]
    if module == "r4_window":
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
    if module == "r4_taps":
        return [
            taps(5, 4, 11, 20, 3, height=20, kh=3, pad=1),
            taps(3, 8, 6, 20, 3),
            taps(12, 4, 3, 40, 3),
            taps(6, 8, 1, 99, 3, pad=1),
            taps(11, 4, 1, 48, 5),
            taps(5, 3, 1, 112, 3, height=20, kh=3, pad=1),
            taps(3, 5, 20, 11, 3, height=11, kh=3),
        ]
    if module == "r4_pool":
        return [
            pool(*q)
            for q in ((3, 5, 0, 11, 20, 20, 2, 2, 0), (6, 7, 0, 5, 48, 48, 2, 2, 0), (5, 8, 1, 3, 40, 40, 2, 2, 1),
                      (12, 4, 0, 6, 20, 20, 2, 2, 0), (11, 3, 0, 1, 1, 99, 1, 3, 0),
                      (20, 4, 0, 3, 24, 24, 2, 2, 0), (3, 8, 0, 12, 1, 112, 1, 2, 0),
                      (5, 6, 1, 20, 12, 12, 3, 3, 1))
        ]  # fmt: skip
    if module == "r4_concat":
        return [
            concat(*q)
            for q in ((0, 3, 3, 5, 11, 5), (0, 6, 6, 12, 3, 8), (0, 12, 12, 3, 6, 4), (0, 5, 5, 20, 48, 6),
                      (1, 5, 11, 1, 1, 5), (1, 12, 3, 1, 1, 11), (0, 11, 11, 2, 5, 7), (0, 20, 20, 3, 1, 4))
        ]  # fmt: skip
    if module == "r4_width":
        return [
            {"XLanes": a, "YLanes": b, "ElemWidth": e}
            for a, b, e in ((3, 12, 5), (5, 20, 4), (12, 3, 8), (40, 5, 6), (1, 11, 5), (11, 1, 6), (20, 4, 4),
                            (3, 48, 4), (6, 12, 11), (5, 40, 3), (48, 12, 8))
        ]  # fmt: skip
    if module == "r4_axis_in":
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
    if module == "r4_fork":
        return [{"Width": w} for w in (5, 11, 20, 40, 99)]
    if module == "r4_add":
        return [
            add(n, a, b, s, sa, sb)
            for n, a, b, s, sa, sb in ((3, 5, 7, 1, 1, 0), (5, 11, 6, 0, 1, 1), (6, 7, 9, 3, 0, 0),
                                       (12, 5, 5, 0, 1, 1), (11, 6, 11, 2, 0, 1))
        ]  # fmt: skip
    if module in ("r4_pad", "r4_upsample"):
        sizes = ((3, 5, 11, 1, 20), (5, 4, 3, 20, 20), (6, 8, 5, 12, 24), (12, 4, 6, 11, 11), (11, 5, 1, 48, 40),
                 (20, 8, 3, 24, 24), (5, 6, 20, 5, 5))  # fmt: skip
        if module == "r4_upsample":
            return [upsample(n, e, g, w, 2 if h > 1 else 1) for n, e, g, h, w in sizes]
        return [pad(*q) for q in sizes]
    if module == "r4_stuff":
        return [
            {"Lanes": n, "ElemWidth": e, "Groups": g, "Width": w, "FactorH": fh, "FactorW": fw}
            for n, e, g, w, fh, fw in ((3, 5, 11, 20, 2, 2), (5, 4, 3, 40, 2, 2), (6, 8, 5, 24, 3, 3),
                                       (12, 4, 6, 11, 2, 2), (11, 5, 1, 48, 1, 3), (20, 8, 3, 99, 2, 2))
        ]  # fmt: skip
    if module == "r4_reduce":
        return [
            reduce(*q)
            for q in ((3, 1, 5, 7, 0, 0), (6, 1, 9, 5, 0, 0), (5, 9, 1, 7, 0, 0), (3, 6, 1, 5, 0, 0),
                      (12, 1, 3, 11, 1, 0), (3, 1, 20, 7, 0, 1), (5, 1, 49, 12, 0, 1), (6, 5, 1, 5, 0, 1),
                      (11, 1, 9, 3, 0, 0), (12, 4, 1, 3, 0, 0), (5, 3, 1, 6, 1, 0), (2, 12, 1, 9, 0, 0),
                      (5, 1, 6, 11, 1, 1), (20, 1, 11, 6, 0, 1), (6, 9, 1, 2, 0, 0),
                      (5, 3, 1, 1, 0, 0), (3, 4, 1, 5, 1, 0), (11, 1, 5, 1, 0, 0), (6, 1, 9, 2, 0, 0),
                      (3, 5, 1, 2, 0, 0), (5, 6, 1, 7, 0, 0), (12, 1, 3, 3, 0, 0), (3, 1, 11, 7, 1, 0),
                      (6, 3, 1, 3, 1, 0), (5, 5, 1, 1, 0, 0), (20, 1, 9, 5, 0, 0), (5, 1, 20, 8, 0, 0),
                      (3, 3, 1, 6, 0, 0), (12, 1, 4, 2, 0, 0), (6, 1, 20, 1, 0, 0), (11, 1, 20, 3, 1, 0),
                      (5, 3, 1, 5, 0, 0), (3, 6, 1, 7, 0, 0), (6, 1, 5, 7, 0, 0), (3, 3, 3, 5, 0, 0),
                      # Of every width up to 8 bits, beside short counters and long ones.
                      (12, 1, 5, 2, 0, 0), (20, 1, 12, 5, 0, 0), (12, 1, 4, 4, 0, 0), (20, 1, 49, 2, 1, 0),
                      (12, 1, 12, 4, 0, 0), (12, 1, 3, 5, 0, 0), (12, 1, 8, 5, 0, 0), (20, 1, 4, 6, 1, 0),
                      (12, 1, 12, 6, 0, 0), (11, 1, 2, 6, 0, 0), (6, 1, 6, 6, 0, 0), (20, 1, 25, 4, 0, 0),
                      (11, 1, 3, 8, 1, 0), (12, 1, 8, 8, 0, 0), (20, 1, 2, 1, 0, 0), (12, 1, 7, 3, 0, 0),
                      (5, 3, 9, 4, 0, 0), (5, 3, 2, 4, 0, 0), (5, 3, 5, 6, 0, 0), (12, 1, 100, 5, 1, 0),
                      (20, 1, 3, 2, 0, 0), (11, 1, 49, 6, 0, 0), (12, 1, 2, 4, 1, 0), (20, 1, 9, 7, 0, 0),
                      (6, 1, 25, 5, 0, 0), (6, 1, 4, 5, 1, 0), (3, 3, 2, 6, 0, 0), (11, 1, 12, 8, 0, 0),
                      (20, 1, 4, 5, 0, 0), (6, 1, 3, 4, 0, 0), (12, 1, 2, 5, 0, 0))
        ]  # fmt: skip
    if module == "r4_axis_out":
        return [
            axis_out(n, e, s, b)
            for n, e, s, b in ((3, 5, 0, 99), (5, 11, 1, 300), (6, 8, 0, 1200), (12, 4, 0, 20), (1, 20, 1, 5),
                               (2, 8, 0, 40000), (3, 12, 1, 48), (1, 4, 0, 11), (6, 6, 1, 112), (2, 7, 0, 600),
                               (5, 4, 0, 1500), (1, 8, 0, 224), (3, 7, 1, 3000), (2, 5, 1, 24), (1, 11, 1, 768),
                               (6, 4, 0, 5000), (2, 14, 1, 1200))
        ]  # fmt: skip
    if module == "r4_crop":
        return [
            crop(*q)
            for q in ((3, 5, 11, 1, 20), (5, 4, 3, 20, 20), (6, 8, 5, 12, 24), (12, 4, 6, 11, 11), (11, 5, 1, 48, 40),
                      (20, 8, 3, 24, 24), (5, 6, 20, 5, 5), (1, 8, 1, 1, 99), (3, 4, 12, 40, 30), (5, 4, 1, 96, 96),
                      (3, 8, 1, 112, 12), (6, 6, 3, 48, 60), (2, 11, 11, 7, 100), (5, 5, 4, 100, 20), (3, 3, 12, 48, 7),
                      (11, 4, 6, 60, 30), (6, 5, 8, 56, 96), (1, 12, 1, 1, 30))
        ]  # fmt: skip
    if module == "r4_requant":
        return [
            {"Lanes": n, "XWidth": x, "XSigned": s, "Shift": sh, "Lo": lo, "Hi": hi, "YWidth": y}
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
    if module == "r4_bilinear":
        return [
            {"Lanes": n, "XWidth": x, "XSigned": s, "Size": size, "Inner": i, "Factor": f,
             "Block": int(in_blocks(i, 2 * n * x))}
            for n, x, s, size, i, f in ((3, 5, 0, 11, 20, 2), (5, 7, 0, 20, 3, 2), (6, 8, 0, 12, 36, 2),
                                        (12, 4, 0, 24, 5, 2), (3, 11, 1, 20, 6, 4), (11, 6, 0, 10, 48, 2),
                                        (5, 5, 1, 6, 1, 8), (3, 9, 0, 48, 99, 2), (1, 13, 0, 40, 11, 4))
        ]  # fmt: skip
    if module == "r4_scale":
        return [
            scale(*q)
            for q in ((3, 11, 1, (2, 3), 20, 3), (5, 13, 0, (2, 3), 48, 5), (6, 9, 1, (1, 2), 11, 6),
                      (12, 7, 0, (2, 3), 24, 1), (3, 15, 1, (3, 4, 5), 40, 11))
        ]  # fmt: skip
    if module == "r4_argmax":
        return [
            {"Lanes": n, "Groups": g, "XWidth": x, "XSigned": 1, "YWidth": max(1, (n * g - 1).bit_length())}
            for n, g, x in ((3, 5, 11), (5, 1, 13), (1, 11, 17), (6, 3, 10), (12, 1, 15), (1, 99, 12), (7, 1, 9),
                            (11, 2, 13))
        ]  # fmt: skip
    if module == "r4_mask":
        return [
            {"Lanes": n, "XWidth": x, "XSigned": 1, "Threshold": t}
            for n, x, t in ((3, 11, 5), (5, 13, 100), (6, 17, -999), (11, 15, 1234), (20, 19, -7))
        ]
    if module == "r4_multiply":
        return [
            {"Lanes": n, "WidthA": a, "WidthB": b, "SignedA": sa, "SignedB": sb, "YWidth": a + b}
            for n, a, b, sa, sb in ((3, 5, 7, 0, 0), (5, 6, 3, 1, 1), (6, 9, 5, 1, 0), (11, 4, 6, 0, 1),
                                    (3, 11, 6, 0, 0))
        ]  # fmt: skip
    if module == "r4_morph":
        return [{"Radius": r, "Erode": e} for r in (7, 5) for e in (0, 1)]
    if module == "r4_mvu":
        return [
            mvu(rng, 3, 5, 7, 5, 5, 5),
            mvu(rng, 5, 6, 11, 3, 7, 6, signed=1),
            mvu(rng, 6, 3, 20, 2, 6, 4, shift=3),
            mvu(rng, 12, 7, 3, 1, 3, 3),
            mvu(rng, 11, 2, 9, 5, 8, 7, dsp=1),
            mvu(rng, 5, 12, 1, 3, 7, 5, dsp=1),
            mvu(rng, 6, 5, 48, 3, 4, 4, dsp=(3, 5, False)),
            mvu(rng, 7, 6, 10, 3, 5, 2, kind=2),
            mvu(rng, 3, 11, 6, 5, 7, 3, kind=3),
            mvu(rng, 20, 3, 5, 1, 5, 1, kind=1),
            small(rng, mvu(rng, 5, 7, 1, 1, 7, 7), 6),
            still(rng, mvu(rng, 6, 5, 40, 3, 5, 4), 0.3),
        ]
    if module == "r4_dwu":
        return [
            dwu(rng, 3, 5, 9, 1, 5, 5),
            dwu(rng, 5, 3, 3, 3, 7, 6),
            dwu(rng, 6, 11, 1, 9, 5, 4),
            dwu(rng, 3, 20, 9, 1, 7, 7, dsp=1),
            dwu(rng, 11, 1, 1, 5, 6, 5, signed=1),
            dwu(rng, 5, 6, 5, 5, 4, 3, m=3),
            small(rng, dwu(rng, 5, 1, 9, 1, 7, 7), 7),
        ]
    if module == "r4_threshold":
        return [
            threshold(rng, 3, 1, 13, 5, 3),
            threshold(rng, 5, 6, 11, 3, 2),
            threshold(rng, 6, 1, 15, 7, 3, shared=1),
            threshold(rng, 3, 5, 13, 11, 4),
            threshold(rng, 5, 1, 17, 20, 5),
            threshold(rng, 11, 3, 12, 15, 4),
            threshold(rng, 3, 11, 15, 7, 3),
            threshold(rng, 1, 48, 14, 15, 4),
            threshold(rng, 3, 12, 15, 100, 7, block=1),
        ]
    if module == "r4_table":
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
    return []


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
            (11, 5, 7, 5),
            (6, 12, 5, 3),
            (20, 3, 6, 4),
            (3, 11, 9, 6),
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
        graph = adder_graph(op.matrix << op.shift, op.aligned_bias, 0, x.hi)
        cell = Adders(
            name=f"u_c{k}",
            inputs={"x": Wire("x", i, xb, False, 40)},
            outputs={"y": Wire("y", o, op.output.type.width, True, 40)},
            operator=op.name,
            products=op.matrix.size,
            graph=graph,
        )
        out.append(Unit(cell.name, "", cell.module, {}, cell.text(), cell))
    return out


def units(module: str) -> list[Unit]:
    """The grid of a module; random, but the same in every run."""
    rng = np.random.default_rng(zlib.crc32(module.encode()))
    if module == "adders":
        return adders(rng)
    points = [*grid(module, rng), *unet_grid(module, rng), *between_grid(module, rng)]
    if not points:
        raise KeyError(module)
    return [Unit(f"{module}#{i}", "", module, p) for i, p in enumerate(points)]


def digest(unit: Unit) -> int:
    """Tells parameters, and generated modules, apart."""
    text = [f"{k}={p.text() if isinstance(p, Image) else p}" for k, p in sorted(unit.params.items())]
    text += [unit.text] if unit.text else []
    return zlib.crc32("\n".join(text).encode())


def held_out(module: str, n: int) -> bool:
    """Whether point n of a module's grid is kept out of the fit, to see how the model does where it was not fitted."""
    return n % 4 == 3 and module not in ("r4_mul", "r4_product")  # these two are tables


def counts(todo: list[Unit], *, at_once: int = 24) -> list[Resources]:
    """Yosys's counts of units, many a run: each is an instance that keeps its hierarchy, so that it is mapped alone,
    and the libraries are read once. Now and then a count is a LUT off that of a run of its own.
    """
    distinct = {u.key: u for u in todo}
    kept = {key: cache.read(f"grid/{key}") for key in distinct}
    known = {key: None if k is None else kept_counts(k) for key, k in kept.items()}
    missing = [u for key, u in distinct.items() if known[key] is None]
    for some in (missing[i : i + at_once] for i in range(0, len(missing), at_once)):
        for u, found in zip(some, count_together(some), strict=True):
            known[u.key] = found
            cache.write(f"grid/{u.key}", json.dumps(asdict(found)).encode())
    return [r for u in todo if (r := known[u.key]) is not None]


def count_together(some: Sequence[Unit]) -> list[Resources]:
    """Runs Yosys on units below one top."""
    with tempfile.TemporaryDirectory(prefix="rtl4ml_yosys_") as tmp:
        folder = Path(tmp)
        sources = {m: text for u in some for m, text in u.sources.items()}
        for m, text in sources.items():
            (folder / f"{m}.sv").write_text(text)
        top = ["module r4_grid (input clk_i);"]
        for n, u in enumerate(some):
            values = []
            for k, p in u.params.items():
                if isinstance(p, Image):
                    (folder / f"{k}_{n}.mem").write_text(p.text())
                    values.append(f'.{k}("{k}_{n}.mem")')
                else:
                    values.append(f".{k}({_constant(p)})")
            top.append(f"(* keep, keep_hierarchy *) {u.module} #({', '.join(values)}) u_{n} (.clk_i(clk_i));")
        (folder / "r4_grid.sv").write_text("\n".join([*top, "endmodule"]))
        (folder / "r4_dsp_mac.v").write_text(BLACK_BOX)
        script = [
            "read_verilog -sv -defer -DSYNTHESIS r4_dsp_mac.v " + " ".join(f"{m}.sv" for m in sources),
            "read_verilog -sv r4_grid.sv",
            "hierarchy -top r4_grid",
            "tee -q -o top.txt dump r4_grid",
            *mapping(folder),
        ]
        (folder / "run.ys").write_text("\n".join(script) + "\n")
        code = "from pyosys import libyosys as ys; ys.run_pass('script run.ys', ys.Design())"
        subprocess.run([sys.executable, "-c", code], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        found = re.finditer(r"^\s*cell (\S+) \\u_(\d+)$", (folder / "top.txt").read_text(), re.M)
        names = {int(m[2]): m[1].lstrip("\\") for m in found}
        modules = json.loads((folder / "stat.json").read_text())["modules"]
        modules = {k.lstrip("\\"): v for k, v in modules.items()}
        return [_read({"design": modules[names[n]]}) for n in range(len(some))]


# A cell is off by the model's error in parts of Yosys's count, of LEAST where that is smaller: 3 LUT of a cell of ten
# are its 10 %. RAMB36 and DSP48E2 know no such allowance.
LEAST = {"lut": 30, "ff": 30, "dsp": 1, "bram36": 0.5}


def off(kind: str, model: float, yosys: float) -> float:
    """The model's error."""
    return abs(model - yosys) / max(yosys, LEAST[kind])


def worst(said: Sequence[Resources], found: Sequence[Resources]) -> dict[str, float]:
    """The model's greatest error in LUT and in FF over points, of which Yosys found these counts."""
    return {
        kind: max(off(kind, getattr(s, kind), getattr(r, kind)) for s, r in zip(said, found, strict=True))
        for kind in ("lut", "ff")
    }


def write_errors(errors: dict[str, dict[str, float]]) -> None:
    """Keeps every module's worst errors, one module a line."""
    lines = [
        f' "{m}": {json.dumps({k: round(v, 6) for k, v in e.items()})}' for m, e in sorted(errors.items())
    ]
    ERRORS.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def fit(rows: list[dict[str, float]], want: list[float]) -> dict[str, float]:
    """Non-negative least squares of relative errors."""
    names = sorted({k for r in rows for k in r})
    a = np.array([[r.get(k, 0.0) for k in names] for r in rows])
    scale = 1.0 / np.maximum(np.array(want), LEAST["lut"])
    used = a.any(axis=0)
    x = np.zeros(len(names))
    x[used], _ = nnls(a[:, used] * scale[:, None], np.array(want) * scale)
    return {k: round(float(v), 4) for k, v in zip(names, x, strict=True) if v > 0}


# Modules that are made of the same parts share what a part costs: r4_mvu and r4_dwu differ in their counters alone.
FAMILIES = dict.fromkeys(("r4_mvu", "r4_dwu"), ("r4_mvu", "r4_dwu"))


def fitted(module: str) -> dict[str, dict[str, float]]:
    """Coefficients of a module's terms, fitted over all of its family but the points held out."""
    rows: list[tuple[dict[str, float], dict[str, float], Resources]] = []
    for m in FAMILIES.get(module, (module,)):
        todo = units(m)
        for n, (u, found) in enumerate(zip(todo, counts(todo), strict=True)):
            if not held_out(m, n):
                lut, ff, _ = estimate.terms(u.module, u.params, u.cell)
                rows.append((lut, ff, found))
    return {
        "lut": fit([lut for lut, _, _ in rows], [r.lut for _, _, r in rows]),
        "ff": fit([ff for _, ff, _ in rows], [r.ff for _, _, r in rows]),
    }


def main(arguments: list[str]) -> None:
    check, keep, points = "--check" in arguments, "--keep" in arguments, "--points" in arguments
    chosen = [a for a in arguments if not a.startswith("-")] or [*registry.MODELS, "adders"]
    table = json.loads(TABLE.read_text()) if TABLE.exists() else {}
    counted = json.loads(COUNTED.read_text()) if COUNTED.exists() else {}
    recorded = json.loads(ERRORS.read_text()) if ERRORS.exists() else {}
    print(
        "worst |model - Yosys| / Yosys; a cell below 30 LUT (FF) is measured against 30, so that 3 LUT are 10 %"
    )
    for module in chosen:
        try:
            todo = units(module)
        except KeyError:
            print(f"{module}: no grid")
            continue
        found = counts(todo)
        used = [n for n in range(len(todo)) if not held_out(module, n)]
        if not check and not keep:
            table[module] = fitted(module)
            TABLE.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n")
            registry.coefficients.cache_clear()  # the tables of products serve the modules that follow
        if not check:
            counted[module] = [
                [digest(u), r.lut, r.ff, r.dsp, r.bram36] for u, r in zip(todo, found, strict=True)
            ]
            COUNTED.parent.mkdir(exist_ok=True)
            lines = [f' "{m}": {json.dumps(c)}' for m, c in sorted(counted.items())]
            COUNTED.write_text("{\n" + ",\n".join(lines) + "\n}\n")
        said = [estimate.estimate(u.module, u.params, u.cell) for u in todo]
        if not check:
            recorded[module] = worst(said, found)
            write_errors(recorded)
        for kind in LEAST:
            pairs = [(getattr(s, kind), getattr(r, kind)) for s, r in zip(said, found, strict=True)]
            errors = [off(kind, *pair) for pair in pairs]
            apart = [e for n, e in enumerate(errors) if held_out(module, n)]
            print(
                f"{module:14s} {kind:6s} {len(used):3d} points {max(errors[n] for n in used):6.1%}"
                + (f"   {len(apart):3d} held out {max(apart):6.1%}" if apart else ""),
                flush=True,
            )
            if points:
                print("  " + " ".join(f"{s:.4g}/{y:.4g}" for s, y in pairs))


if __name__ == "__main__":
    main(sys.argv[1:])
