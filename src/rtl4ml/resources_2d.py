# SPDX-License-Identifier: Apache-2.0
"""Terms of the cells of two-dimensional networks; `resources` says what terms are and imports this."""

from __future__ import annotations

from rtl4ml.resources import P, Terms, _counter, _lutram, bram36, coefficients, models


@models("r4_multiply")
def _multiply(p: P) -> tuple[Terms, Terms, float]:
    n, a, b, y = p["Lanes"], p["WidthA"], p["WidthB"] + (not p["SignedB"]), p["YWidth"]
    return {"one": 1, "ab": n * a * b, "n": n}, {"one": 1, "operands": n * (a + b), "y": n * y}, 0.0


@models("r4_bilinear")
def _bilinear(p: P) -> tuple[Terms, Terms, float]:
    n, x, f, inner = p["Lanes"], p["XWidth"], p["Factor"], p["Inner"]
    phase, word = (f - 1).bit_length(), 2 * n * x
    y = x + phase + 1
    walk = _counter(inner) + _counter(p["Size"] * f) + phase
    memory: Terms = {}
    bram = 0.0
    if inner > 2 and p["Block"]:
        bram = bram36(word, inner)
    elif inner > 2:
        memory = _lutram(word, inner)
    lut = {"one": 1, "walk": walk, "pair": word, "sum": n * y, "product": n * y * phase, **memory}
    ff = {
        "one": 1,
        "walk": walk,
        "operands": 2 * n * (x + 1),
        "y": n * y,
        "kept": word * max(1, min(inner, 2)),
    }
    return lut, ff, bram


@models("r4_stuff")
def _stuff(p: P) -> tuple[Terms, Terms, float]:
    w = p["Lanes"] * p["ElemWidth"]
    walk = sum(_counter(p[k]) for k in ("Groups", "Width", "FactorH", "FactorW"))
    return {"one": 1, "walk": walk, "w": w}, {"one": 1, "walk": walk, "w": w}, 0.0


@models("r4_morph")
def _morph(p: P) -> tuple[Terms, Terms, float]:
    r = p["Radius"]
    disk = sum(x * x + y * y <= r * r for x in range(-r, r + 1) for y in range(-r, r + 1))
    return {"one": 1, "disk": disk}, {"one": 1}, 0.0


# Costs of a term until scripts/calibrate_resources.py has fitted the module: LUT6 of a product bit, flip-flops as they
# stand in the source. What is in resources.json has precedence.
PROVISIONAL: dict[str, dict[str, dict[str, float]]] = {
    "r4_multiply": {"lut": {"one": 3.0, "ab": 1.1, "n": 0.0}, "ff": {"one": 2.0, "operands": 1.0, "y": 1.0}},
    "r4_morph": {"lut": {"one": 2.0, "disk": 0.2}, "ff": {"one": 2.0}},
    "r4_stuff": {
        "lut": {"one": 4.0, "walk": 1.5, "w": 0.0},
        "ff": {"one": 1.0, "walk": 1.0, "w": 1.0},
    },
    "r4_bilinear": {
        "lut": {
            "one": 4.0,
            "walk": 2.0,
            "pair": 1.0,
            "sum": 1.0,
            "product": 1.0,
            "lutram": 1.0,
            "lutram_mux": 0.5,
        },
        "ff": {"one": 3.0, "walk": 1.0, "operands": 1.0, "y": 1.0, "kept": 1.0},
    },
}
for _module, _cost in PROVISIONAL.items():
    coefficients().setdefault(_module, _cost)
