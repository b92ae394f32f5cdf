# SPDX-License-Identifier: Apache-2.0
"""Models of the matrix-vector and depthwise units."""

from __future__ import annotations

from itertools import pairwise
from math import ceil

import numpy as np

from rtl4ml.cost.memory import rom_terms, rom_terms_of
from rtl4ml.cost.products import constant_products, dsp_sums, lut_sums
from rtl4ml.cost.registry import P, models
from rtl4ml.cost.terms import adder_tree, counter, image_depth, log, plus
from rtl4ml.netlist.memories import TILES, Terms, bram36


def _multiply(p: P, *, shared: int, outputs: int, products: int, counters: list[int],
              accumulate: bool) -> tuple[Terms, Terms, float]:  # fmt: skip
    """What r4_mvu and r4_dwu share: `shared` times `outputs` sums of `products`, accumulators, weights, bias."""
    acc, sums = p["AccWidth"], shared * outputs
    moved = acc - p["Align"]  # bits of the accumulator that products reach
    folds = image_depth(p["WeightFile"])
    lut: Terms
    ff: Terms
    if p["WeightKind"]:
        adders, registers, shifts = adder_tree(products, p["ProdWidth"], p["SumWidth"], registered=True)
        coded, prod_ff, weights, share = constant_products(p)
        lut = {"tree": sums * adders * share, "tree_shift": sums * shifts * share, **coded}
        ff = {
            "operands": shared * products * p["XWidth"],
            "weights": weights,
            "prod": prod_ff,
            "tree": sums * registers * share,
        }
        stages = 2 + log(products)
    elif p["Fields"]:
        lut, ff = dsp_sums(p, shared=shared, outputs=outputs, products=products)
        stages = 2 + p["Chain"] + log(-(-products // p["Chain"]))
    else:
        lut, ff = lut_sums(p, shared=shared, outputs=outputs, products=products)
        stages = 1 + max(1, (p["WeightWidth"] + 2) // 4) + log((products + 1) // 2)
    links = p["Chain"] if folds > 1 else 1
    rom: Terms
    if links > 1 and not p["Block"]:  # a memory for every link, which reads in a cycle of its own
        rom, word = {}, 0
        for a, b in pairwise(_link_ends(p, sums, products)):
            part, bits = rom_terms_of(p["WeightFile"].bits[:, a:b])
            rom, word = plus(rom, part), word + bits
    else:
        rom, word = rom_terms(p["WeightFile"], block=bool(p["Block"]))
    bias: Terms = {}
    bias_word = bias_folds = 0
    if p["HasBias"]:
        bias, bias_word = rom_terms(p["BiasFile"])
        bias_folds = image_depth(p["BiasFile"])
    shift: Terms = {}
    shift_word = 0
    if p["ShiftWidth"]:
        shift, shift_word = rom_terms(p["ShiftFile"])
    way = "coded" if p["WeightKind"] else "overlap" if p["Overlap"] else "dsp" if p["Fields"] else "lut"
    lut |= {
        "one": 1,
        "folded": folds > 1,
        "control": sum(counter(c) for c in counters),
        "mark_shift": 2 if accumulate and stages > 2 else 0,
        "acc": sums * moved * (accumulate or bias_folds > 1),
        **(_constant_bias(p) if bias_folds == 1 and not accumulate else {}),
        "borrow": sums * (p["Fields"] > 1 and not p["HasBias"] and not accumulate),
        f"{way}_first": sums * moved * (accumulate and not p["Align"] and not p["ShiftWidth"]),
        "shift": acc * _shifters(p) if shift_word else 0,
        "link": (links - 1) * counter(folds),
    }
    for r in (rom, bias, shift):
        lut = plus(lut, r)
    ff |= {
        "one": 1,
        "stages": stages,
        "stage_marks": 2 * stages * (accumulate and stages <= 2),
        "control": sum(counter(c) for c in counters),
        "word": word,
        "acc": sums * acc,
        "addr": links * counter(folds) + counter(bias_folds) + counter(bias_folds) * (p["ShiftWidth"] > 0),
        "bias_word": bias_word + shift_word,
    }
    return lut, ff, _weight_blocks(p, sums, products, folds) if p["Block"] else 0.0


def _constant_bias(p: P) -> Terms:
    """Adders of each output's own constant: its bits from the lowest one up, behind a DSP48E2 an inverter for each one
    in front of a carry chain.
    """
    ones = p["BiasFile"].bits.reshape(-1, p["AccWidth"])
    if p["Fields"]:
        return {"acc_ones": int(ones.sum())}
    return {"acc_constant": int(((np.cumsum(ones, axis=1) > 0) & ones.any(1, keepdims=True)).sum())}


def _shifters(p: P) -> int:
    """LUTs of a bit of all outputs' shifters: each chooses among the shifts that its own outputs have."""
    shifts = p["ShiftFile"].bits.reshape(image_depth(p["ShiftFile"]), -1, p["ShiftWidth"]).transpose(1, 0, 2)
    return sum(ceil((len(np.unique(own, axis=0)) - 1) / 3) for own in shifts)


def _link_ends(p: P, sums: int, products: int) -> list[int]:
    """Where the part of a word of weights that each link of a chain reads begins, and the last one ends."""
    unit, links = sums * p["WeightWidth"], p["Chain"]
    chains = -(-products // links)
    short = chains * links - products
    return [unit * (k * chains - min(k, short)) for k in range(links + 1)]


def _weight_blocks(p: P, sums: int, products: int, folds: int) -> float:
    """RAMB36 of the weights: a memory for every link of a chain, less the blocks of which it reads no bit."""
    changing, links = p["WeightFile"].changing, p["Chain"]
    width = int(changing.sum())
    if links == 1 or not width:
        return bram36(width, folds)
    before = np.concatenate([[0], np.cumsum(changing)])  # bits that are the same in all words are in no block
    ends = [int(before[e]) for e in _link_ends(p, sums, products)]
    w, d, cost = min(TILES, key=lambda t: ceil(width / t[0]) * ceil(folds / t[1]) * t[2])  # of the whole word
    blocks = sum((b - 1) // w - a // w + 1 for a, b in pairwise(ends) if b > a)
    return float(blocks * ceil(folds / d) * cost)


@models("r4_mvu")
def _mvu(p: P) -> tuple[Terms, Terms, float]:
    sf, nf = p["SimdFolds"], p["PeFolds"]
    return _multiply(
        p,
        shared=1,
        outputs=p["Pe"],
        products=p["Simd"],
        counters=[sf if sf > 1 else nf],
        accumulate=sf > 1,
    )


@models("r4_dwu")
def _dwu(p: P) -> tuple[Terms, Terms, float]:
    return _multiply(
        p,
        shared=p["Lanes"],
        outputs=p["Multiplier"],
        products=p["Taps"],
        counters=[p["TapFolds"]],
        accumulate=p["TapFolds"] > 1,
    )
