# SPDX-License-Identifier: Apache-2.0
"""Models of the cells that know the place of an element."""

from __future__ import annotations

from rtl4ml.cost.memory import line_terms, rom_terms
from rtl4ml.cost.registry import P, models
from rtl4ml.cost.terms import counter, log, plus, wrap
from rtl4ml.netlist.memories import Terms


def _walk(p: P, *names: str) -> tuple[Terms, Terms, float]:
    w = p["Lanes"] * p["ElemWidth"]
    bits, wraps = sum(counter(p[k]) for k in names), sum(wrap(p[k]) for k in names)
    return {"one": 1, "walk": bits, "wraps": wraps, "w": w}, {"one": 1, "walk": bits, "w": w}, 0.0


@models("r4_pad")
def _pad(p: P) -> tuple[Terms, Terms, float]:
    q = dict(p)
    q["Height"] += p["PadTop"] + p["PadBottom"]
    q["Width"] += p["PadLeft"] + p["PadRight"]
    lut, ff, _ = _walk(q, "Groups", "Height", "Width")
    lut["limits"] = sum(p[k] > 0 for k in ("PadTop", "PadBottom", "PadLeft", "PadRight"))
    lut["groups"] = p["Groups"] > 1
    return lut, ff, 0.0


@models("r4_crop")
def _crop(p: P) -> tuple[Terms, Terms, float]:
    lut, ff, _ = _walk(p, "Groups", "Height", "Width")
    # Whether a step is inside is a function of a counter's bits.
    axes = [(p[f"Crop{a}"], p[f"Out{b}"], p[b]) for a, b in (("Top", "Height"), ("Left", "Width"))]
    lut["inside"] = sum(first > 0 or first + out < size for first, out, size in axes)
    # An axis that ends between powers of two compares and clears its counter.
    lut["ended"] = sum(counter(p[k]) * (wrap(p[k]) > 0) for k in ("Height", "Width"))
    del lut["w"]
    return lut, ff, 0.0


@models("r4_upsample")
def _upsample(p: P) -> tuple[Terms, Terms, float]:
    w = p["Lanes"] * p["ElemWidth"]
    q = dict(p)
    if p["FactorH"] == 1:
        q["Width"] = 1  # nobody asks for the column
    lut, ff, _ = _walk(q, "Groups", "Width", "FactorH", "FactorW")
    # One pixel's beat stays in the output register, the second of two in one more.
    copies, pixels = p["FactorW"] > 1, p["Groups"]
    lut["w"] = w * ((p["FactorH"] > 1) + (copies and pixels > 1))
    ff["w"] = w * (1 + (copies and pixels == 2))
    bram = 0.0
    if p["FactorH"] > 1:
        line_lut, line_ff, bram = line_terms(w, pixels * p["Width"], block=bool(p["Block"]))
        lut, ff = plus(lut, line_lut), plus(ff, line_ff)
    if copies and pixels > 2:
        line_lut, line_ff, _ = line_terms(w, pixels)
        lut, ff = plus(lut, line_lut), plus(ff, line_ff)
    return lut, ff, bram


@models("r4_bilinear")
def _bilinear(p: P) -> tuple[Terms, Terms, float]:
    n, x, f, inner = p["Lanes"], p["XWidth"], p["Factor"], p["Inner"]
    phase = (f - 1).bit_length()
    y = x + phase + 1
    walk = counter(inner) + counter(p["Size"] * f) + phase
    line_lut, line_ff, bram = line_terms(2 * n * x, inner, block=bool(p["Block"]))
    wraps = wrap(inner) + wrap(p["Size"] * f)
    lut: Terms = {
        "one": 1,
        "walk": walk,
        "wraps": wraps,
        "pair": 2 * n * x,
        "sum": n * y,
        "product": n * y * (phase - 1),
    }
    lut["signed"] = (
        n * y * (phase > 1) * p["XSigned"]
    )  # an unsigned number's sign takes no row of the product
    ff: Terms = {"one": 1, "walk": walk, "operands": 2 * n * (x + 1), "y": n * y}
    return plus(lut, line_lut), plus(ff, line_ff), bram


@models("r4_scale")
def _scale(p: P) -> tuple[Terms, Terms, float]:
    n, x, inner, bits, image = p["Lanes"], p["XWidth"], p["Inner"], p["FactorWidth"], p["FactorFile"]
    rom, changing = rom_terms(image)
    ever, gated = image.bits.any(axis=0), (image.bits != image.bits[0]).any(axis=0)
    # A row that is always x is the register that hands x on, where there is one.
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
        "walk": counter(inner) + counter(p["Size"]),
        "wraps": wrap(inner),
        "sum": n * (x + 1) * int(ever[1:].sum()),
        "reset": int(gated.sum()),
        "shifted": n * shifted + sum(r >= 3 for r in late),
    }
    ff: Terms = {
        "one": bits,
        "walk": counter(inner) + log(p["Size"]) + changing + sum(r for r in late if r < 3),
        "x": n * x * (rows + max(0, bits - 2)),
        "sum": n * (x + (x + 1) * (bits - 1) + kept),
        "shifted": n * shifted,
    }
    return plus(lut, rom), ff, 0.0


@models("r4_stuff")
def _stuff(p: P) -> tuple[Terms, Terms, float]:
    w = p["Lanes"] * p["ElemWidth"]
    counts = [p["Groups"], p["FactorW"]]
    if p["FactorH"] > 1:  # else nobody asks for the column
        counts += [p["Width"], p["FactorH"]]
    walk, wraps = sum(map(counter, counts)), sum(map(wrap, counts))
    return {"one": 1, "walk": walk, "wraps": wraps}, {"one": 1, "walk": walk, "w": w}, 0.0
