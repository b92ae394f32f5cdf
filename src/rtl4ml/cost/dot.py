# SPDX-License-Identifier: Apache-2.0
"""Models of the matrix-vector and depthwise units."""

from __future__ import annotations

from itertools import pairwise
from math import ceil

import numpy as np

from rtl4ml.cost.memory import changing_columns, halves_terms, rom_terms, rom_terms_of
from rtl4ml.cost.products import (
    adder_inputs,
    constant_products,
    dsp_sums,
    lut_sums,
    row_stages,
    row_sums,
)
from rtl4ml.cost.registry import Params, models
from rtl4ml.cost.terms import adder_tree, counter, image_depth, log, plus
from rtl4ml.netlist.images import Image
from rtl4ml.netlist.memories import TILES, Terms, bram36
from rtl4ml.netlist.packing import tree_levels


def _multiply(params: Params, *, shared: int, outputs: int, products: int, counters: list[int],
              accumulate: bool) -> tuple[Terms, Terms, float]:  # fmt: skip
    """Terms of r4_mvu and r4_dwu: `shared` times `outputs` sums of `products` products, accumulators, weights, bias."""
    acc, sums = params["AccWidth"], shared * outputs
    moved = acc - params["Align"]  # bits of the accumulator that products reach
    pump = 1 + params["Pumped"]
    folds = image_depth(params["WeightFile"]) // pump
    factors = -(-products // pump)
    lut: Terms
    ff: Terms
    if params["WeightKind"]:
        adders, registers, shifts = adder_tree(
            products, params["ProdWidth"], params["SumWidth"], registered=True
        )
        coded, prod_ff, weights, share = constant_products(params)
        lut = {"tree": sums * adders * share, "tree_shift": sums * shifts * share, **coded}
        ff = {
            "operands": shared * products * params["XWidth"],
            "weights": weights,
            "prod": prod_ff,
            "tree": sums * registers * share,
        }
        stages = 2 + log(products)
    elif params["Fields"]:
        lut, ff = dsp_sums(params, shared=shared, outputs=outputs, products=products)
        levels = tree_levels(-(-factors // params["Chain"]), adder_inputs(params))
        stages = params["Late"] + 1 + pump + params["Chain"] + levels
    else:
        lut, ff = lut_sums(params, shared=shared, outputs=outputs, products=products)
        stages = (
            1
            + params["Late"]
            + row_stages(params)
            + tree_levels(row_sums(params, products), adder_inputs(params))
        )
    links = params["Chain"] if folds > 1 else 1
    rom: Terms
    if pump > 1:
        rom, word = {}, 0
        ends = _link_ends(params, sums, factors) if links > 1 else [0, params["WeightFile"].width]
        for a, b in pairwise(ends):
            rom = plus(rom, halves_terms(params["WeightFile"].bits[:, a:b], block=bool(params["Block"])))
    elif links > 1 and not params["Block"]:  # one memory for each slice, which reads in a cycle of its own
        rom, word = {}, 0
        for a, b in pairwise(_link_ends(params, sums, factors)):
            part, bits = rom_terms_of(params["WeightFile"].bits[:, a:b])
            rom, word = plus(rom, part), word + bits
    else:
        rom, word = rom_terms(params["WeightFile"], block=bool(params["Block"]))
    bias: Terms = {}
    bias_word = bias_folds = 0
    if params["HasBias"]:
        bias, bias_word = rom_terms(params["BiasFile"])
        bias_folds = image_depth(params["BiasFile"])
    shift, shift_word = rom_terms(params["ShiftFile"]) if params["ShiftWidth"] else ({}, 0)
    if params["WeightKind"]:
        kind = "coded"
    elif params["Fields"]:
        kind = "overlap" if params["Overlap"] else "dsp"
    else:
        kind = "lut"
    lut |= {
        "one": 1,
        "folded": folds > 1,
        "control": sum(counter(c) for c in counters),
        "mark_shift": 2 if accumulate and stages > 2 else 0,
        "acc": sums * moved * (accumulate or bias_folds > 1),
        **(_constant_bias(params) if bias_folds == 1 and not accumulate else {}),
        "borrow": sums * (params["Fields"] > 1 and not params["HasBias"] and not accumulate),
        f"{kind}_first": sums * moved * (accumulate and not params["Align"] and not params["ShiftWidth"]),
        "shift": moved * _shifters(params) if shift_word else 0,
        "link": (links - 1) * counter(folds),
        "phase": pump - 1,
    }
    for r in (rom, bias, shift):
        lut = plus(lut, r)
    ff |= {
        "one": 1,
        "stages": stages,
        "stage_marks": 2 * stages * (accumulate and stages <= 2),
        "control": sum(counter(c) for c in counters),
        # Products in LUTs register their weights themselves.
        "word": word * max(params["Late"], params["Fields"] > 0),
        "acc": sums * moved + _below(params),
        "addr": 2 * links * counter(folds)  # of the word and of the next one
        + 2 * counter(bias_folds) * (1 + (params["ShiftWidth"] > 0)),
        "bias_word": bias_word + shift_word,
        "phase": (3 + params["Chain"]) * (pump - 1),
    }
    return lut, ff, _weight_blocks(params, sums, factors, folds * pump) if params["Block"] else 0.0


def _constant_bias(params: Params) -> Terms:
    """Terms of adding a constant bias of each output: an adder as wide as the bias from its lowest one up; behind a
    DSP48E2, an inverter for each one before a carry chain.
    """
    ones = params["BiasFile"].bits.reshape(-1, params["AccWidth"])
    if params["Fields"]:
        return {"acc_ones": int(ones.sum())}
    return {"acc_constant": int(((np.cumsum(ones, axis=1) > 0) & ones.any(1, keepdims=True)).sum())}


def _below(params: Params) -> int:
    """Registers of the accumulators' bits that no product reaches. They are a bias's: those that never change are none,
    equal ones are one.
    """
    if not params["HasBias"] or not params["Align"]:
        return 0
    image: Image = params["BiasFile"]
    low = image.bits.reshape(image_depth(image), -1, params["AccWidth"])[:, :, : params["Align"]]
    return int(changing_columns(low.reshape(len(low), -1)).shape[1])


def _shifters(params: Params) -> int:
    """LUTs of one bit of the shifters of all outputs. A shifter selects among the shifts that its outputs have."""
    shifts = (
        params["ShiftFile"]
        .bits.reshape(image_depth(params["ShiftFile"]), -1, params["ShiftWidth"])
        .transpose(1, 0, 2)
    )
    return sum(ceil((len(np.unique(own, axis=0)) - 1) / 3) for own in shifts)


def _link_ends(params: Params, sums: int, factors: int) -> list[int]:
    """First bit of the part of a word of weights that each slice of a cascade reads, and the end of the last part."""
    unit, links = sums * params["WeightWidth"], params["Chain"]
    chains = -(-factors // links)
    short = chains * links - factors
    return [unit * (k * chains - min(k, short)) for k in range(links + 1)]


def _weight_blocks(params: Params, sums: int, factors: int, words: int) -> float:
    """RAMB36 of the weights: one memory for each slice of a cascade, without the blocks of which it reads no bit.

    words: of the image
    """
    changing, links = params["WeightFile"].changing, params["Chain"]
    width = int(changing.sum())
    if links == 1 or not width:
        return bram36(width, words)
    before = np.concatenate([[0], np.cumsum(changing)])  # bits that are the same in all words are in no block
    ends = [int(before[e]) for e in _link_ends(params, sums, factors)]
    w, d, cost = min(TILES, key=lambda t: ceil(width / t[0]) * ceil(words / t[1]) * t[2])  # of the whole word
    blocks = sum((b - 1) // w - a // w + 1 for a, b in pairwise(ends) if b > a)
    return float(blocks * ceil(words / d) * cost)


@models("r4_mvu")
def _mvu(params: Params) -> tuple[Terms, Terms, float]:
    sf, nf = params["SimdFolds"], params["PeFolds"]
    return _multiply(
        params,
        shared=1,
        outputs=params["Pe"],
        products=params["Simd"],
        counters=[sf if sf > 1 else nf],
        accumulate=sf > 1,
    )


@models("r4_dwu")
def _dwu(params: Params) -> tuple[Terms, Terms, float]:
    return _multiply(
        params,
        shared=params["Lanes"],
        outputs=params["Multiplier"],
        products=params["Taps"],
        counters=[params["TapFolds"]],
        accumulate=params["TapFolds"] > 1,
    )
