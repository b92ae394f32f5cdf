# SPDX-License-Identifier: Apache-2.0
"""Terms of products and their sums, in LUTs and in DSP48E2."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rtl4ml.cost.memory import Bits, changing_columns, image_columns
from rtl4ml.cost.registry import Params, coefficients, models
from rtl4ml.cost.terms import adder_tree, image_depth
from rtl4ml.device import ADDER_INPUTS, ROW_ADDERS, ROW_ELEMENTS
from rtl4ml.netlist.images import Image
from rtl4ml.netlist.memories import Terms
from rtl4ml.netlist.packing import Packing

# Sizes that r4_mul and r4_product are counted at.
PRODUCT_X = range(1, 11)
PRODUCT_W = range(1, 11)
PRODUCT_CODED = ((1, 1), (2, 2), (3, 2), (3, 3), (3, 4), (3, 5))  # kind and width of the coded weights


def _size(x_bits: int, signed: bool, w_bits: int, w_signed: bool = True) -> str:
    """Key of a product's count: "s" or "u" for the first operand, "u" again where both are unsigned, and the widths.

    A signed operand of 5 bits by a weight of 4 bits is "s5x4".
    """
    return f"{'s' if signed else 'u'}{'' if w_signed else 'u'}{x_bits}x{w_bits}"


@models("r4_mul")
def _mul(params: Params) -> tuple[Terms, Terms, float]:
    size = _size(params["XWidth"], params["XSigned"], params["WWidth"], params["WSigned"])
    return {size: 1}, {"p": params["PWidth"]}, 0.0


@models("r4_product")
def _product(params: Params) -> tuple[Terms, Terms, float]:
    size = _size(params["XWidth"], params["XSigned"], params["WeightWidth"])
    return {f"{params['WeightKind']}{size}": 1}, {"p": params["PWidth"]}, 0.0


def coded_width(x_bits: int, signed: bool, kind: int, w_bits: int) -> int:
    """Bits of a product of an operand of x_bits bits by any coded weight of w_bits bits."""
    return x_bits + 1 - signed + (2 ** (w_bits - 1) - 1 if kind == 3 else 1)


def product_luts(x_bits: int, signed: bool, kind: int, w_bits: int, *, w_signed: bool = True) -> float:
    """LUTs of a product. Beyond the counted sizes an array multiplier grows with both sizes, a shifter with x_bits.

    x_bits, w_bits: of the operand and of the weight
    w_signed:       False only for kind 0 and an unsigned operand
    """
    xs = min(x_bits, PRODUCT_X[-1])
    ws = min(w_bits, 5 if kind == 3 else w_bits if kind else PRODUCT_W[-1])
    counted = coefficients()["r4_product" if kind else "r4_mul"]["lut"]
    size = _size(xs, signed, ws, w_signed)
    return counted.get(f"{kind}{size}" if kind else size, 0.0) * x_bits * w_bits / (xs * ws)


def _digits(value: int) -> int:
    """Nonzero digits of an integer in canonical signed digit (CSD) form: 2 for 7 = 8 - 1."""
    value, n = abs(value), 0
    while value:
        if value & 1:
            n += 1
            value += 1 if value & 3 == 3 else -1
        value >>= 1
    return n


def _weight(code: int, kind: int, w_bits: int) -> int:
    """The weight that a code of w_bits bits stands for in r4_product."""
    top = code >> (w_bits - 1)
    if kind == 1:
        return -1 if code else 1
    if kind == 3:
        code &= (1 << (w_bits - 1)) - 1
        return (1 << (code - 1) if code else 0) * (-1 if top else 1)
    return code - (top << w_bits)


# Factor by which each constant bit of the code of a power of two makes its product smaller: a constant sign removes the
# negation, another constant bit some of the shifts; a LUT for every bit of the result remains.
_BIT_LESS = 0.9


def constant_products(params: Params) -> tuple[Terms, int, int, float]:
    """Terms of r4_product with the weights of an image: terms of LUTs, bits of the products' registers, bits of the
    weights' registers, and the share of products that are not always zero.
    """
    x, w, kind, signed = (
        params["XWidth"],
        params["WeightWidth"],
        params["WeightKind"],
        bool(params["XSigned"]),
    )
    image: Image = params["WeightFile"]
    n = image.width // w
    scale = min(1.0, params["ProdWidth"] / coded_width(x, signed, kind, w)) if kind == 3 else 1.0
    change = image.changing.reshape(n, w).copy()
    if params["Block"] and change.all():
        return {"product": n * product_luts(x, signed, kind, w) * scale}, n * params["ProdWidth"], n * w, 1.0
    bits = image.bits
    codes = bits.reshape(len(bits), n, w)
    if not params["Block"]:  # a sign that is extended is the same bit again
        change[:, 1:] &= (codes[:, :, 1:] != codes[:, :, :-1]).any(0)
    product = constant = 0.0
    ff = zero = 0
    for k, wide in enumerate(change.sum(1).tolist()):
        if wide:
            share = {0: 1.0, 3: scale * _BIT_LESS ** (w - wide)}.get(kind, wide / w)
            product += product_luts(x, signed, kind, wide if kind == 0 else w) * share
            ff += params["ProdWidth"]
            continue
        v = _weight(int(codes[0, k] @ (1 << np.arange(w, dtype=np.int64))), kind, w)
        if not v:
            zero += 1
            continue
        constant += (_digits(v) - (v > 0)) * x
        odd = abs(v) // (v & -v)
        ff += min(params["ProdWidth"], x + 1 - signed + odd.bit_length() - (odd == 1 and v > 0))
    lut: Terms = {"product": product, "constant": constant}
    word = int(change.sum()) if params["Block"] else image_columns(image).shape[1]
    return lut, ff, word if len(bits) > 1 else 0, 1.0 - zero / n


def adder_inputs(params: Params) -> int:
    """Numbers that an adder of r4_sum_tree takes."""
    return 2 if params.get("Overlap") else int(params.get("AdderInputs", ADDER_INPUTS))


def row_elements(params: Params) -> int:
    """Elements whose products r4_dot_pair makes together."""
    return int(params.get("RowElements", ROW_ELEMENTS))


def row_sums(params: Params, products: int) -> int:
    """r4_dot_pair of an output."""
    return -(-products // row_elements(params))


def row_stages(params: Params) -> int:
    """Cycles of r4_dot_pair: rows of a weight's bits, added RowAdders at a time."""
    return max(1, int((params["WeightWidth"] - 2) // params.get("RowAdders", ROW_ADDERS)) + 1)


def lut_sums(params: Params, *, shared: int, outputs: int, products: int) -> tuple[Terms, Terms]:
    """Terms of `shared` r4_dot_lut, each with `outputs` sums of `products` products: partial products, sums of pairs of
    elements, adder trees.
    """
    x, w = params["XWidth"], params["WeightWidth"]
    elements = row_elements(params)
    pairs, n = row_sums(params, products), shared * outputs
    couples = products // 2 if elements > 1 else 0  # sums of two elements
    term = x + 1 if couples or x == 1 else x
    grows = products > 1 and params["ProdWidth"] < params["SumWidth"]
    width = params["ProdWidth"] + bool(couples) if grows else params["SumWidth"]
    stages, adders_between = row_stages(params), params.get("RowAdders", ROW_ADDERS)
    image: Image = params["WeightFile"]
    depth = image_depth(image)
    # (depth, n, pairs, elements, rows); an odd one's partner is 0, as is each one's where there are none.
    own = ((0, 0), (0, 0), (0, pairs * elements - products), (0, 0))
    bits = np.pad(image.bits.reshape(depth, n, products, w), own).reshape(depth, n, pairs, elements, w)
    change = np.pad(image.changing.reshape(n, products, w), own[1:]).reshape(n, pairs, elements, w)
    bits = np.pad(bits, ((0, 0), (0, 0), (0, 0), (0, 2 - elements), (0, 0)))
    change = np.pad(change, ((0, 0), (0, 0), (0, 2 - elements), (0, 0)))
    chosen = change.any(2)  # (n, pairs, rows): a multiplexer
    kept = ~chosen & bits[0].any(2)  # a row that is always the same element or sum
    rows = chosen | kept
    first = rows & (np.cumsum(rows, 2) == 1)
    # The adder of a row is one bit wider than the row, that of the last row as wide as the result.
    reach = np.array([min(term + 1, width - b) if b < w - 1 else max(width - b, 1) for b in range(w)])
    added, couples = (rows & ~first) * reach, shared * couples * bool(rows.any())
    if depth == 1:
        code = (bits[0, :, :, 0] + 2 * bits[0, :, :, 1]).reshape(shared, outputs, pairs, w)
        couples = int((code == 3).any((1, 3)).sum())
        # The sum with an unsigned element alone needs no top bit.
        added -= (added > 0) & (kept & (bits[0].sum(2) == 1)) & (not params["XSigned"])
        added *= _fresh(code).reshape(n, pairs, w)
    lut: Terms = {
        "row": float(added[..., :-1].sum()),
        "last_row": float(added[..., -1].sum()),
        "first_row": float((chosen & first).sum()) * term,
        "sum": couples * x,
    }
    adders, registers, shifts = adder_tree(
        pairs, width, params["SumWidth"], registered=True, most=adder_inputs(params)
    )
    # Bits below all further rows, and the bits of weights of later rows, only wait; three registers are an SRL.
    waiting = adders_between * (stages - 2) + 1 if stages > 2 else 0
    steps = [
        max(0, (b - 1) // adders_between) + 1 for b in range(w)
    ]  # registers that a bit of a weight passes
    passed = _weight_registers(image, np.array(steps), block=bool(params["Block"])) if depth > 1 else (0, 0)
    # (n, pairs, 2, rows): what a bit of a weight is in some word
    one: NDArray[np.bool_] = np.any(bits == 1, axis=0)
    zero: NDArray[np.bool_] = np.any(bits == 0, axis=0)
    taken = ((x, one[:, :, 0] & zero[:, :, 1]), (x, one[:, :, 1] & zero[:, :, 0]), (term, one.all(2)))
    stage = np.array(steps) - 1
    # An element that one row of one output reads, with nothing added to it, only waits, too.
    lone = (rows.sum(2) == 1) & ~rows[..., -1] & (depth == 1 and outputs == 1 and stages > 1)
    operands = sum(
        size * _stages_read((some & ~lone[..., None]).reshape(shared, outputs, pairs, w).any(1), stage)
        for size, some in taken
    )
    fresh = _fresh(code).reshape(n, pairs, w) if depth == 1 else np.ones_like(rows)
    pair, cut = _sums_kept(rows & ~lone[..., None], fresh, depth == 1, term, width, adders_between, waiting)
    lut |= {
        "tree": n * adders,
        "tree_shift": n * shifts,
        "late": n * pairs * waiting * (depth > 1) + passed[1] + int(lone.sum()) * x,
    }
    ff: Terms = {
        "operands": operands + shared * products * x * params["Late"],
        "pair": pair,
        "cut": cut,
        "weights": passed[0],
        "tree": n * registers,
    }
    return lut, ff


def _fresh(code: Bits) -> NDArray[np.bool_]:
    """Which rows (shared, outputs, pairs, bits) end a sum that no earlier output has of the same elements; Yosys builds
    equal sums once.
    """
    prefix = np.cumsum(code.astype(np.int64) << 2 * np.arange(code.shape[-1]), axis=-1)
    order = np.argsort(prefix, axis=1, kind="stable")
    new = np.diff(np.take_along_axis(prefix, order, 1), axis=1, prepend=-1) != 0
    fresh = np.empty(code.shape, bool)
    np.put_along_axis(fresh, order, new, axis=1)
    return fresh


def _weight_registers(image: Image, steps: NDArray[np.int64], *, block: bool) -> tuple[int, int]:
    """Registers and shift registers that the bits of weights pass, `steps` each by the bit's place in its weight.

    Bits that are alike in every word share registers; one that passes three or more alone takes a shift register.
    """
    own = np.tile(steps, image.width // len(steps))
    bits = image.bits

    def kept(some: NDArray[np.bool_]) -> int:
        return int(image.changing[some].sum()) if block else changing_columns(bits[:, some]).shape[1]

    early = own < 3
    registers = sum(kept(early & (own > k)) for k in range(2))
    return registers, kept(np.ones_like(early)) - kept(early)


def _stages_read(rows: NDArray[np.bool_], stage: NDArray[np.int64]) -> int:
    """Registers that elements pass until the last row has read them. rows: (elements, bits), some axes more before."""
    return int(np.where(rows.any(-1), (stage * rows).max(-1) + 1, 0).sum())


def _sums_kept(
    rows: NDArray[np.bool_],
    fresh: NDArray[np.bool_],
    constant: bool,
    term: int,
    width: int,
    row_adders: int,
    waiting: int,
) -> tuple[int, int]:
    """Register bits of results of r4_dot_pair, and of sums of rows at the end of a stage.

    rows:     those that are not always 0; fresh: see `_fresh`; both (outputs, pairs, bits)
    constant: whether weights are: then one row alone is an element or a sum that waits anyway
    waiting:  lowest bits of a result that pass three registers or more
    """
    w = rows.shape[-1]

    def size_of(some: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Bits of the sum of these rows, from the lowest one up, with a carry where rows overlap."""
        low, high = some.argmax(-1), some.shape[-1] - 1 - some[..., ::-1].argmax(-1)
        return np.where(some.any(-1), high - low + term + (high > low), 0)

    lowest = rows.argmax(-1)
    whole = np.where(rows[..., -1], width - lowest, np.minimum(size_of(rows), width))
    own = rows.cumsum(-1) > (1 if constant else 0)
    cut = 0
    for b in range(row_adders, w - 1, row_adders):
        passed = np.maximum(min(b + 1, waiting) - lowest, 0)
        cut += int((np.maximum(size_of(rows[..., : b + 1]) - passed, 0) * fresh[..., b] * own[..., b]).sum())
    whole = np.maximum(whole - np.maximum(waiting - lowest, 0) * own[..., -1], 0)
    return int((whole * fresh[..., -1]).sum()), cut


def dsp_sums(params: Params, *, shared: int, outputs: int, products: int) -> tuple[Terms, Terms]:
    """Terms of `shared` r4_dot_dsp: adder trees of the cascades, delays of elements, logic of overlapping fields; of
    slices at twice the clock the choice between two elements, and registers of the cascades' sums.
    """
    pump = 1 + params["Pumped"]
    packing = Packing(params["Fields"], params["Spacing"], params["Chain"], bool(params["Overlap"]), pump)
    chains, n = packing.chains(products), shared * outputs
    width = min(packing.spacing + packing.overlap, params["SumWidth"])
    adders, registers, shifts = adder_tree(
        chains, width, params["SumWidth"], registered=False, most=adder_inputs(params)
    )
    factors = packing.factors(products)
    short = chains * packing.chain - factors
    x, alone = params["XWidth"], factors * pump - products
    lags = [(s // pump + short) % packing.chain + pump - 1 + params["Late"] for s in range(products)]
    known = shared * (outputs - -(-outputs // packing.fields)) * products * packing.overlap
    return (
        {
            "tree": n * adders,
            "tree_shift": n * shifts,
            "lag_shift": shared * x * sum(k >= 3 for k in lags),
            "overlap": known,
            "half": shared * x * (factors - alone / 2) * (pump - 1),  # an AND of a last one shares its LUT
        },
        {
            "tree": n * registers,
            "lag": shared * x * sum(k for k in lags if k < 3),
            "overlap": known,
            "low": shared * products * packing.overlap,
            "total": n * chains * width * (pump - 1),
        },
    )
