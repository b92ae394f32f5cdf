# SPDX-License-Identifier: Apache-2.0
"""Models of the cells that depend on the position of an element."""

from __future__ import annotations

from rtl4ml.cost.memory import line_terms, rom_terms
from rtl4ml.cost.registry import Params, models
from rtl4ml.cost.terms import countdown, counter, log, plus, wrap
from rtl4ml.netlist.memories import Terms


def _walk(params: Params, *names: str) -> tuple[Terms, Terms, float]:
    w = params["Lanes"] * params["ElemWidth"]
    bits, wraps = sum(counter(params[k]) for k in names), sum(wrap(params[k]) for k in names)
    return {"one": 1, "walk": bits, "wraps": wraps, "w": w}, {"one": 1, "walk": bits, "w": w}, 0.0


@models("r4_pad")
def _pad(params: Params) -> tuple[Terms, Terms, float]:
    walked = dict(params)
    walked["Height"] += params["PadTop"] + params["PadBottom"]
    walked["Width"] += params["PadLeft"] + params["PadRight"]
    lut, ff, _ = _walk(walked, "Groups", "Height", "Width")
    lut["limits"] = sum(params[k] > 0 for k in ("PadTop", "PadBottom", "PadLeft", "PadRight"))
    lut["groups"] = params["Groups"] > 1
    return lut, ff, 0.0


@models("r4_crop")
def _crop(params: Params) -> tuple[Terms, Terms, float]:
    lut, ff, _ = _walk(params, "Groups", "Height", "Width")
    # Whether a step is inside is a function of a counter's bits.
    axes = [
        (params[f"Crop{a}"], params[f"Out{b}"], params[b]) for a, b in (("Top", "Height"), ("Left", "Width"))
    ]
    lut["inside"] = sum(first > 0 or first + out < size for first, out, size in axes)
    # An axis that ends between powers of two compares and clears its counter.
    lut["ended"] = sum(counter(params[k]) * (wrap(params[k]) > 0) for k in ("Height", "Width"))
    del lut["w"]
    return lut, ff, 0.0


@models("r4_upsample")
def _upsample(params: Params) -> tuple[Terms, Terms, float]:
    w = params["Lanes"] * params["ElemWidth"]
    walked = dict(params)
    if params["FactorH"] == 1:
        walked["Width"] = 1  # the column is not needed
    lut, ff, _ = _walk(walked, "Groups", "Width", "FactorH", "FactorW")
    # The beat of a pixel of one beat stays in the output register; a pixel of two beats takes one register more.
    copies, pixels = params["FactorW"] > 1, params["Groups"]
    lut["w"] = w * ((params["FactorH"] > 1) + (copies and pixels > 1))
    ff["w"] = w * (1 + (copies and pixels == 2))
    bram = 0.0
    if params["FactorH"] > 1:
        line_lut, line_ff, bram = line_terms(w, pixels * params["Width"], block=bool(params["Block"]))
        lut, ff = plus(lut, line_lut), plus(ff, line_ff)
    if copies and pixels > 2:
        line_lut, line_ff, _ = line_terms(w, pixels)
        lut, ff = plus(lut, line_lut), plus(ff, line_ff)
    return lut, ff, bram


@models("r4_bilinear")
def _bilinear(params: Params) -> tuple[Terms, Terms, float]:
    n, x, f, inner = params["Lanes"], params["XWidth"], params["Factor"], params["Inner"]
    phase = (f - 1).bit_length()
    y = x + phase + 1
    walk = counter(inner) + countdown(params["Size"]) + phase
    line_lut, line_ff, bram = line_terms(2 * n * x, inner, block=bool(params["Block"]))
    split = phase > 2  # products have registers of their own
    lut: Terms = {
        "one": 1,
        "walk": walk,
        "wraps": wrap(inner),
        "pair": 2 * n * x,
        "sum": n * y * (1 + split),
        "product": n * y * (phase - 1),
    }
    # The sign of an unsigned number takes no row of the product.
    lut["signed"] = n * y * (phase > 1) * params["XSigned"]
    ff: Terms = {"one": 1, "walk": walk, "operands": 2 * n * (x + 1), "y": n * y * (1 + 2 * split)}
    return plus(lut, line_lut), plus(ff, line_ff), bram


@models("r4_scale")
def _scale(params: Params) -> tuple[Terms, Terms, float]:
    n, x, inner, bits, image = (
        params["Lanes"],
        params["XWidth"],
        params["Inner"],
        params["FactorWidth"],
        params["FactorFile"],
    )
    rom, changing = rom_terms(image)
    ever, gated = image.bits.any(axis=0), (image.bits != image.bits[0]).any(axis=0)
    # A row that is always x needs no register of its own where x is registered for the next stage.
    rows = sum(bool(gated[k]) or bool(ever[k] and k == bits - 1) for k in range(1, bits))
    # Bit k of the sum, made at stage k, passes the rest unchanged; three registers without a reset shift.
    run = [bits - 1 - k + (k > 0) for k in range(bits - 1)]
    shifted = sum(r >= 3 for r in run)
    kept = sum(r - (k > 0) for k, r in enumerate(run) if r < 3) - sum(
        k > 0 for k, r in enumerate(run) if r >= 3
    )
    late = [k - 1 for k in range(2, bits) if gated[k]]  # registers that a bit of a factor passes
    lut: Terms = {
        "one": 1,
        "walk": counter(inner) + counter(params["Size"]),
        "wraps": wrap(inner),
        "sum": n * (x + 1) * int(ever[1:].sum()),
        "reset": int(gated.sum()),
        "shifted": n * shifted + sum(r >= 3 for r in late),
    }
    ff: Terms = {
        "one": bits,
        "walk": counter(inner) + log(params["Size"]) + changing + sum(r for r in late if r < 3),
        "x": n * x * (rows + max(0, bits - 2)),
        "sum": n * (x + (x + 1) * (bits - 1) + kept),
        "shifted": n * shifted,
    }
    return plus(lut, rom), ff, 0.0


@models("r4_stuff")
def _stuff(params: Params) -> tuple[Terms, Terms, float]:
    w = params["Lanes"] * params["ElemWidth"]
    counts = [params["Groups"], params["FactorW"]]
    if params["FactorH"] > 1:  # else the column is not needed
        counts += [params["Width"], params["FactorH"]]
    walk, wraps = sum(map(counter, counts)), sum(map(wrap, counts))
    return {"one": 1, "walk": walk, "wraps": wraps}, {"one": 1, "walk": walk, "w": w}, 0.0
