# SPDX-License-Identifier: Apache-2.0
"""Terms of the cells of two-dimensional networks; `resources` says what terms are and imports this."""

from __future__ import annotations

from rtl4ml.resources import P, Terms, _counter, _line, _plus, _wrap, coefficients, models, product_luts


@models("r4_multiply")
def _multiply(p: P) -> tuple[Terms, Terms, float]:
    n, a, b = p["Lanes"], p["WidthA"], p["WidthB"]
    turned = p["SignedA"] and not p["SignedB"]  # r4_mul is counted with a signed second operand
    one = product_luts(b, False, 0, a) if turned else product_luts(a, bool(p["SignedA"]), 0, b)
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
    ff: Terms = {"one": 1, "walk": walk, "operands": 2 * n * (x + 1), "y": n * y}
    return _plus(lut, line_lut), _plus(ff, line_ff), bram


@models("r4_stuff")
def _stuff(p: P) -> tuple[Terms, Terms, float]:
    w = p["Lanes"] * p["ElemWidth"]
    walk = sum(_counter(p[k]) for k in ("Groups", "Width", "FactorH", "FactorW"))
    wraps = sum(_wrap(p[k]) for k in ("Groups", "Width", "FactorH", "FactorW"))
    return {"one": 1, "walk": walk, "wraps": wraps}, {"one": 1, "walk": walk, "w": w}, 0.0


@models("r4_morph")
def _morph(p: P) -> tuple[Terms, Terms, float]:
    r = p["Radius"]
    disk = sum(x * x + y * y <= r * r for x in range(-r, r + 1) for y in range(-r, r + 1))
    return {"one": 1, "disk": disk}, {"one": 1}, 0.0


# Costs of the terms, fitted by least squares to Yosys's counts of 8 to 18 sizes of each module: within 6 % of every
# r4_multiply and r4_bilinear, within 5 LUT of r4_stuff and 2 of r4_morph. What resources.json says has precedence.
FITTED: dict[str, dict[str, dict[str, float]]] = {
    "r4_multiply": {
        "lut": {"one": 5.07, "product": 1.0},
        "ff": {"one": 2.0, "operands": 1.0, "y": 1.0},
    },
    "r4_bilinear": {
        "lut": {"one": 11.13, "pair": 1.89, "sum": 1.05, "product": 1.7, "line_walk": 2.49, "line_wrap": 0.32,
                "lutram": 1.06},
        "ff": {"walk": 1.59, "operands": 1.07, "y": 0.74, "line": 1.02, "line_walk": 0.59},
    },
    "r4_stuff": {"lut": {"walk": 1.42}, "ff": {"one": 0.9, "walk": 1.05, "w": 0.97}},
    "r4_morph": {"lut": {"one": 1.47, "disk": 0.32}, "ff": {"one": 2.0}},
}  # fmt: skip
for _module, _cost in FITTED.items():
    coefficients().setdefault(_module, _cost)
