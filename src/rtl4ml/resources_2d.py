# SPDX-License-Identifier: Apache-2.0
"""Terms of the cells of two-dimensional networks; `resources` says what terms are and imports this."""

from __future__ import annotations

from rtl4ml.resources import P, Terms, _counter, _line, _log, _plus, _rom, _wrap, models, product_luts


@models("r4_multiply")
def _multiply(p: P) -> tuple[Terms, Terms, float]:
    n, a, b = p["Lanes"], p["WidthA"], p["WidthB"]
    if p["SignedA"] and not p["SignedB"]:  # counted the other way round
        one = product_luts(b, False, 0, a)
    else:
        one = product_luts(a, bool(p["SignedA"]), 0, b, w_signed=bool(p["SignedB"]))
    lut: Terms = {"one": 1, "product": n * one}
    return lut, {"one": 1, "operands": n * (a + b), "y": n * p["YWidth"]}, 0.0


@models("r4_bilinear")
def _bilinear(p: P) -> tuple[Terms, Terms, float]:
    n, x, f, inner = p["Lanes"], p["XWidth"], p["Factor"], p["Inner"]
    phase = (f - 1).bit_length()
    y = x + phase + 1
    walk = _counter(inner) + _counter(p["Size"] * f) + phase
    line_lut, line_ff, bram = _line(2 * n * x, inner, block=bool(p["Block"]))
    wraps = _wrap(inner) + _wrap(p["Size"] * f)
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
    return _plus(lut, line_lut), _plus(ff, line_ff), bram


@models("r4_scale")
def _scale(p: P) -> tuple[Terms, Terms, float]:
    n, x, inner, bits, image = p["Lanes"], p["XWidth"], p["Inner"], p["FactorWidth"], p["FactorFile"]
    rom, changing = _rom(image)
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
        "walk": _counter(inner) + _counter(p["Size"]),
        "wraps": _wrap(inner),
        "sum": n * (x + 1) * int(ever[1:].sum()),
        "reset": int(gated.sum()),
        "shifted": n * shifted + sum(r >= 3 for r in late),
    }
    ff: Terms = {
        "one": bits,
        "walk": _counter(inner) + _log(p["Size"]) + changing + sum(r for r in late if r < 3),
        "x": n * x * (rows + max(0, bits - 2)),
        "sum": n * (x + (x + 1) * (bits - 1) + kept),
        "shifted": n * shifted,
    }
    return _plus(lut, rom), ff, 0.0


@models("r4_stuff")
def _stuff(p: P) -> tuple[Terms, Terms, float]:
    w = p["Lanes"] * p["ElemWidth"]
    counts = [p["Groups"], p["FactorW"]]
    if p["FactorH"] > 1:  # else nobody asks for the column
        counts += [p["Width"], p["FactorH"]]
    walk, wraps = sum(map(_counter, counts)), sum(map(_wrap, counts))
    return {"one": 1, "walk": walk, "wraps": wraps}, {"one": 1, "walk": walk, "w": w}, 0.0


@models("r4_morph")
def _morph(p: P) -> tuple[Terms, Terms, float]:
    r = p["Radius"]
    disk = sum(x * x + y * y <= r * r for x in range(-r, r + 1) for y in range(-r, r + 1))
    return {"one": 1, "disk": disk}, {"one": 1}, 0.0
