# SPDX-License-Identifier: Apache-2.0
"""Terms of the cells of two-dimensional networks; `resources` says what terms are and imports this."""

from __future__ import annotations

from rtl4ml.resources import P, Terms, _counter, _line, _plus, _wrap, models, product_luts


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
