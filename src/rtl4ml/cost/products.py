# SPDX-License-Identifier: Apache-2.0
"""Terms of products and their sums, in LUTs and in DSP48E2."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rtl4ml.cost.memory import Bits, image_columns
from rtl4ml.cost.registry import P, coefficients, models
from rtl4ml.cost.terms import adder_tree, image_depth
from rtl4ml.netlist.images import Image
from rtl4ml.netlist.memories import Terms
from rtl4ml.netlist.packing import Packing

# Sizes that r4_mul and r4_product are counted at.
PRODUCT_X = range(1, 11)
PRODUCT_W = range(1, 11)
PRODUCT_CODED = ((1, 1), (2, 2), (3, 2), (3, 3), (3, 4), (3, 5))  # kind and width of the coded weights


def _size(x: int, signed: bool, w: int, w_signed: bool = True) -> str:
    """Of a product: "s" or "u" for its first operand, "u" again where neither has a sign, and the widths."""
    return f"{'s' if signed else 'u'}{'' if w_signed else 'u'}{x}x{w}"


@models("r4_mul")
def _mul(p: P) -> tuple[Terms, Terms, float]:
    size = _size(p["XWidth"], p["XSigned"], p["WWidth"], p["WSigned"])
    return {size: 1}, {"p": p["PWidth"]}, 0.0


@models("r4_product")
def _product(p: P) -> tuple[Terms, Terms, float]:
    size = _size(p["XWidth"], p["XSigned"], p["WeightWidth"])
    return {f"{p['WeightKind']}{size}": 1}, {"p": p["PWidth"]}, 0.0


def coded_width(x: int, signed: bool, kind: int, w: int) -> int:
    """Bits of a product of x by a coded weight of w bits, without regard to the weights there are."""
    return x + 1 - signed + (2 ** (w - 1) - 1 if kind == 3 else 1)


def product_luts(x: int, signed: bool, kind: int, w: int, *, w_signed: bool = True) -> float:
    """LUTs of a product; beyond the sizes counted an array multiplier grows with both sizes, a shifter with x.

    w_signed: False only for kind 0, and where the first operand has no sign either.
    """
    xs = min(x, PRODUCT_X[-1])
    ws = min(w, 5 if kind == 3 else w if kind else PRODUCT_W[-1])
    counted = coefficients()["r4_product" if kind else "r4_mul"]["lut"]
    size = _size(xs, signed, ws, w_signed)
    return counted.get(f"{kind}{size}" if kind else size, 0.0) * x * w / (xs * ws)


def _digits(v: int) -> int:
    """Digits other than zero of v in its shortest signed form."""
    v, n = abs(v), 0
    while v:
        if v & 1:
            n += 1
            v += 1 if v & 3 == 3 else -1
        v >>= 1
    return n


def _weight(code: int, kind: int, w: int) -> int:
    """The weight that r4_product takes a code of w bits for."""
    top = code >> (w - 1)
    if kind == 1:
        return -1 if code else 1
    if kind == 3:
        code &= (1 << (w - 1)) - 1
        return (1 << (code - 1) if code else 0) * (-1 if top else 1)
    return code - (top << w)


# What each bit of a power of two that never changes leaves of its product: the sign's takes the negation away, others
# some of the shifts, and a LUT for every bit of the result remains.
_BIT_LESS = 0.9


def constant_products(p: P) -> tuple[Terms, int, int, float]:
    """Products of r4_product by the weights of an image: LUT terms, bits of the products' registers and of the
    weights', and the share of products that are not zero.
    """
    x, w, kind, signed = p["XWidth"], p["WeightWidth"], p["WeightKind"], bool(p["XSigned"])
    image: Image = p["WeightFile"]
    n = image.width // w
    scale = min(1.0, p["ProdWidth"] / coded_width(x, signed, kind, w)) if kind == 3 else 1.0
    change = image.changing.reshape(n, w).copy()
    if p["Block"] and change.all():
        return {"product": n * product_luts(x, signed, kind, w) * scale}, n * p["ProdWidth"], n * w, 1.0
    bits = image.bits
    codes = bits.reshape(len(bits), n, w)
    if not p["Block"]:  # a sign that is extended is the same bit again
        change[:, 1:] &= (codes[:, :, 1:] != codes[:, :, :-1]).any(0)
    product = constant = 0.0
    ff = zero = 0
    for k, wide in enumerate(change.sum(1).tolist()):
        if wide:
            share = {0: 1.0, 3: scale * _BIT_LESS ** (w - wide)}.get(kind, wide / w)
            product += product_luts(x, signed, kind, wide if kind == 0 else w) * share
            ff += p["ProdWidth"]
            continue
        v = _weight(int(codes[0, k] @ (1 << np.arange(w, dtype=np.int64))), kind, w)
        if not v:
            zero += 1
            continue
        constant += (_digits(v) - (v > 0)) * x
        odd = abs(v) // (v & -v)
        ff += min(p["ProdWidth"], x + 1 - signed + odd.bit_length() - (odd == 1 and v > 0))
    lut: Terms = {"product": product, "constant": constant}
    word = int(change.sum()) if p["Block"] else image_columns(image).shape[1]
    return lut, ff, word if len(bits) > 1 else 0, 1.0 - zero / n


def lut_sums(p: P, *, shared: int, outputs: int, products: int) -> tuple[Terms, Terms]:
    """`shared` r4_dot_lut, each of `outputs` sums of `products`: rows of pairs, sums of their elements, trees."""
    x, w = p["XWidth"], p["WeightWidth"]
    pairs, n = (products + 1) // 2, shared * outputs
    term = x + 1 if products > 1 or x == 1 else x
    width = p["ProdWidth"] + 1 if products > 1 and p["ProdWidth"] < p["SumWidth"] else p["SumWidth"]
    stages = max(1, (w + 2) // 4)
    image: Image = p["WeightFile"]
    depth = image_depth(image)
    bits = image.bits.reshape(depth, n, products, w)
    bits = np.pad(bits, ((0, 0), (0, 0), (0, pairs * 2 - products), (0, 0))).reshape(depth, n, pairs, 2, w)
    change = np.pad(image.changing.reshape(n, products, w), ((0, 0), (0, pairs * 2 - products), (0, 0)))
    change = change.reshape(n, pairs, 2, w)
    change[..., products % 2 * -1 :, 1, :] &= products % 2 == 0  # the odd one's partner
    chosen = change.any(2)  # (n, pairs, rows): a multiplexer
    kept = ~chosen & bits[0].any(2)  # a row that is always the same element or sum
    rows = chosen | kept
    first = rows & (np.cumsum(rows, 2) == 1)
    # What a row is added to reaches a bit further than itself, the last row as far as the result.
    reach = np.array([min(term + 1, width - b) if b < w - 1 else max(width - b, 1) for b in range(w)])
    added, couples = (rows & ~first) * reach, shared * (products // 2) * bool(rows.any())
    if depth == 1:
        code = (bits[0, :, :, 0] + 2 * bits[0, :, :, 1]).reshape(shared, outputs, pairs, w)
        fresh, couples = _fresh(code), int((code == 3).any((1, 3)).sum())
        added -= (
            (added > 0) & (kept & (bits[0].sum(2) == 1)) & (not p["XSigned"])
        )  # an element has no top bit
        added *= fresh.reshape(n, pairs, w)
    lut: Terms = {
        "row": float(added[..., :-1].sum()),
        "last_row": float(added[..., -1].sum()),
        "first_row": float((chosen & first).sum()) * term,
        "sum": couples * x,
    }
    adders, registers, shifts = adder_tree(pairs, width, p["SumWidth"], registered=True)
    lut |= {"tree": n * adders, "tree_shift": n * shifts}
    cuts = sum(term + 4 * j + 5 for j in range(stages - 1))  # sums of the rows up to a stage's end
    late = sum(max(0, (b - 1) // 4) for b in range(w))  # registers that a weight's later bits wait in
    # Bits of a word that are alike in every fold share a register.
    unlike = float(change.sum()) if p["Block"] else float(image_columns(image).shape[1])
    operands, pair, cut = (
        shared * stages * (products * x + products // 2 * term),
        n * pairs * width,
        n * pairs * cuts,
    )
    if depth == 1:
        operands, pair, cut = _constant_pairs(code, fresh, x, term, width)
    ff: Terms = {
        "operands": operands,
        "pair": pair,
        "cut": cut,
        "weights": unlike * (1 + late / w) if depth > 1 else 0.0,
        "tree": n * registers,
    }
    return lut, ff


def _fresh(code: Bits) -> NDArray[np.bool_]:
    """Which rows (shared, outputs, pairs, bits) add up to what no output before has of the same elements: Yosys makes
    what is alike up to a row once.
    """
    prefix = np.cumsum(code.astype(np.int64) << 2 * np.arange(code.shape[-1]), axis=-1)
    order = np.argsort(prefix, axis=1, kind="stable")
    new = np.diff(np.take_along_axis(prefix, order, 1), axis=1, prepend=-1) != 0
    fresh = np.empty(code.shape, bool)
    np.put_along_axis(fresh, order, new, axis=1)
    return fresh


def _constant_pairs(
    code: Bits, fresh: NDArray[np.bool_], x: int, term: int, width: int
) -> tuple[int, int, int]:
    """Register bits of r4_dot_pair with weights that never change: elements and their sums in as many stages as a row
    still takes them, results, and sums of the rows up to a stage's end.

    code: what each row adds, as the module chooses it; fresh: see `_fresh`; both (shared, outputs, pairs, bits)
    """
    w = code.shape[-1]
    stage = np.array([max(0, (b - 1) // 4) for b in range(w)])
    operands = 0
    for taken, size in ((1, x), (2, x), (3, term)):
        some = (code == taken).any(1)  # (shared, pairs, bits)
        operands += int(np.where(some.any(-1), (stage * some).max(-1) + 1, 0).sum()) * size

    def size_of(some: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Bits of the sum of such rows, from the lowest one up, with a carry where they overlap."""
        low, high = some.argmax(-1), some.shape[-1] - 1 - some[..., ::-1].argmax(-1)
        return np.where(some.any(-1), high - low + term + (high > low), 0)

    rows = code > 0
    whole = np.where(rows[..., -1], width - rows.argmax(-1), np.minimum(size_of(rows), width))
    cut = sum(int((size_of(rows[..., : b + 1]) * fresh[..., b]).sum()) for b in range(4, w - 1, 4))
    return operands, int((whole * fresh[..., -1]).sum()), cut


def dsp_sums(p: P, *, shared: int, outputs: int, products: int) -> tuple[Terms, Terms]:
    """`shared` r4_dot_dsp: trees of the chains' sums, elements' delays, and what overlapping fields need."""
    packing = Packing(p["Fields"], p["Spacing"], p["Chain"], bool(p["Overlap"]))
    chains, n = packing.chains(products), shared * outputs
    width = min(packing.spacing + packing.overlap, p["SumWidth"])
    adders, registers, shifts = adder_tree(chains, width, p["SumWidth"], registered=False)
    short = chains * packing.chain - products
    lags = [(s + short) % packing.chain for s in range(products)]
    known = shared * (outputs - -(-outputs // packing.fields)) * products * packing.overlap
    return (
        {
            "tree": n * adders,
            "tree_shift": n * shifts,
            "lag_shift": shared * p["XWidth"] * sum(k >= 3 for k in lags),
            "overlap": known,
        },
        {
            "tree": n * registers,
            "lag": shared * p["XWidth"] * sum(k for k in lags if k < 3),
            "overlap": known,
            "low": shared * products * packing.overlap,
        },
    )
