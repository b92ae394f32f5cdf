# SPDX-License-Identifier: Apache-2.0
"""Grids of the cells that multiply."""

from __future__ import annotations

import numpy as np

import rtl4ml.cost.products as cost_products
from calibration.points import Params, image, in_blocks, points
from rtl4ml.cells.mvu import dsp_params
from rtl4ml.netlist.images import Image
from rtl4ml.netlist.packing import Sums, fewest, packings_of


def packed(
    dsp: int | tuple[int, int, bool],
    outputs: int,
    products: int,
    x: int,
    w: int,
    signed: int,
    pump: int = 1,
) -> Params:
    """Parameters of a packing: the default's, or that of (fields, chain, overlap); pump: its slices' clock."""
    if not dsp:
        return {}
    even = -(-products // pump) * pump  # so that sums are those of whole pairs
    weights = np.zeros((1, even, outputs + 1), np.int64)
    weights[..., 0], weights[..., 1] = -(1 << (w - 1)), (1 << (w - 1)) - 1
    ends = (-(1 << (x - 1)), (1 << (x - 1)) - 1) if signed else (0, (1 << x) - 1)
    sums = Sums(weights.reshape(-1, outputs + 1), ends)
    found = packings_of(sums, w, x, bool(signed), products=even, outputs=outputs + 1, pump=pump)
    found = [q for q in found if q.fields <= outputs]
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
    pump: int = 1,
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
        **packed(dsp, pe, simd, x, w, signed, pump),
        **stored(words, pe, simd, w, pump, rng),
    }
    if bias:
        p["BiasFile"] = image(pe * acc, nf, rng)
    if shift:
        p["ShiftWidth"] = shift
        p["ShiftFile"] = image(pe * shift, nf, rng)
    return p


def stored(words: int, outputs: int, products: int, w: int, pump: int, rng: np.random.Generator) -> Params:
    """The image of the weights, and whether it is in block RAM."""
    width, depth = outputs * -(-products // pump) * w, words * pump
    return {"Block": int(in_blocks(depth, width)), "WeightFile": image(width, depth, rng)}


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
    pump: int = 1,
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
        **packed(dsp, m, taps, x, w, signed, pump),
        **stored(groups * folds, lanes * m, taps, w, pump, rng),
        "BiasFile": image(lanes * m * acc, groups, rng),
    }


@points("r4_mul")
def _mul(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        {"XWidth": x, "XSigned": s, "WWidth": w, "WSigned": t, "PWidth": x + w}
        for s, t in ((0, 1), (1, 1), (0, 0))
        for x in cost_products.PRODUCT_X
        for w in cost_products.PRODUCT_W
    ]


@points("r4_product")
def _product(module: str, rng: np.random.Generator) -> list[Params]:
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


@points("r4_mvu")
def _mvu(module: str, rng: np.random.Generator) -> list[Params]:
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


@points("r4_dwu")
def _dwu(module: str, rng: np.random.Generator) -> list[Params]:
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


@points("r4_mvu")
def _mvu_of_unets(module: str, rng: np.random.Generator) -> list[Params]:
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


@points("r4_dwu")
def _dwu_of_unets(module: str, rng: np.random.Generator) -> list[Params]:
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


@points("r4_multiply")
def _multiply_of_unets(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        {"Lanes": n, "WidthA": a, "WidthB": b, "SignedA": sa, "SignedB": sb, "YWidth": a + b}
        for n, a, b, sa, sb in ((1, 4, 4, 0, 0), (4, 4, 4, 0, 0), (2, 8, 8, 0, 0), (8, 4, 8, 0, 0),
                                (4, 8, 4, 1, 0),
                                (1, 8, 8, 1, 1), (16, 4, 4, 1, 1), (2, 6, 5, 0, 1), (4, 3, 7, 0, 0),
                                (8, 8, 8, 0, 1))
    ]  # fmt: skip


@points("r4_multiply")
def _multiply_between(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        {"Lanes": n, "WidthA": a, "WidthB": b, "SignedA": sa, "SignedB": sb, "YWidth": a + b}
        for n, a, b, sa, sb in ((3, 5, 7, 0, 0), (5, 6, 3, 1, 1), (6, 9, 5, 1, 0), (11, 4, 6, 0, 1),
                                (3, 11, 6, 0, 0))
    ]  # fmt: skip


@points("r4_mvu")
def _mvu_between(module: str, rng: np.random.Generator) -> list[Params]:
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


@points("r4_dwu")
def _dwu_between(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        dwu(rng, 3, 5, 9, 1, 5, 5),
        dwu(rng, 5, 3, 3, 3, 7, 6),
        dwu(rng, 6, 11, 1, 9, 5, 4),
        dwu(rng, 3, 20, 9, 1, 7, 7, dsp=1),
        dwu(rng, 11, 1, 1, 5, 6, 5, signed=1),
        dwu(rng, 5, 6, 5, 5, 4, 3, m=3),
        small(rng, dwu(rng, 5, 1, 9, 1, 7, 7), 7),
    ]


@points("r4_mvu")
def _mvu_pumped(module: str, rng: np.random.Generator) -> list[Params]:
    """Slices at twice the clock."""
    return [
        mvu(rng, 6, 8, 4, 3, 4, 4, dsp=1, pump=2),
        mvu(rng, 6, 8, 4, 3, 4, 4, dsp=(3, 1, False), pump=2),
        mvu(rng, 12, 4, 8, 4, 4, 4, dsp=1, pump=2),
        mvu(rng, 3, 16, 2, 1, 4, 4, dsp=1, pump=2),
        mvu(rng, 4, 5, 12, 2, 8, 8, dsp=1, pump=2),
        mvu(rng, 8, 8, 1, 6, 8, 8, dsp=1, signed=1, pump=2),
        mvu(rng, 9, 6, 1, 1, 4, 4, dsp=(3, 1, False), pump=2),
        mvu(rng, 2, 24, 3, 20, 6, 5, dsp=1, pump=2),
        mvu(rng, 16, 2, 16, 1, 4, 4, dsp=1, pump=2),
        mvu(rng, 16, 4, 48, 4, 4, 4, dsp=1, pump=2),
        mvu(rng, 16, 8, 64, 8, 4, 4, dsp=1, pump=2),
        mvu(rng, 8, 8, 64, 16, 8, 8, dsp=1, pump=2),
    ]


@points("r4_dwu")
def _dwu_pumped(module: str, rng: np.random.Generator) -> list[Params]:
    """Slices at twice the clock."""
    return [
        dwu(rng, 4, 4, 9, 1, 4, 4, dsp=1, pump=2),
        dwu(rng, 2, 8, 9, 1, 8, 8, dsp=1, pump=2),
        dwu(rng, 8, 2, 9, 1, 4, 4, dsp=(1, 1, False), pump=2),
        dwu(rng, 3, 5, 5, 5, 6, 5, m=3, dsp=1, pump=2),
        dwu(rng, 4, 16, 9, 1, 8, 8, dsp=1, signed=1, pump=2),
    ]
