# SPDX-License-Identifier: Apache-2.0
"""Models of the cells in which streams meet."""

from __future__ import annotations

from rtl4ml.cost.products import product_luts
from rtl4ml.cost.registry import P, models
from rtl4ml.cost.terms import counter, wrap
from rtl4ml.netlist.memories import Terms


@models("r4_add")
def _add(p: P) -> tuple[Terms, Terms, float]:
    n, sa, sb = p["Lanes"], p["ShiftA"], p["ShiftB"]
    signed = bool(p["SignedA"] or p["SignedB"])
    ends = [p[f"Shift{s}"] + p[f"Width{s}"] + (signed and not p[f"Signed{s}"]) for s in "AB"]
    meet = min(ends) > max(sa, sb)
    y = min(p["YWidth"], max(ends) + meet)  # the sum's bits; those above repeat its sign
    # What is below either operand, or above an unsigned one, passes through the adder.
    tops = [y - 1 if p[f"Signed{s}"] else p[f"Shift{s}"] + p[f"Width{s}"] for s in "AB"]
    return (
        {"one": 1, "both": n * max(0, min(tops) - max(sa, sb)) * meet},
        {"one": 1, "w": n * (y - min(sa, sb))},
        0.0,
    )


@models("r4_concat")
def _concat(p: P) -> tuple[Terms, Terms, float]:
    y = p["YWidth"]
    if p["Whole"]:  # copies of a sign share a register, zeros below have none
        return {"whole": 1}, {"whole": 1, "w": p["LanesA"] * p["WidthA"] + p["LanesB"] * p["WidthB"]}, 0.0
    c = counter(p["BeatsA"]) + counter(p["BeatsB"])
    spare = y - max(p["ShiftA"] + p["WidthA"], p["ShiftB"] + p["WidthB"])
    shifts = sorted((p["ShiftA"], p["ShiftB"]))
    w = p["LanesA"] * (y - max(0, spare) - shifts[0])
    chosen = w - p["LanesA"] * (shifts[1] - shifts[0])  # where one is a zero, the flip-flop is reset
    wraps = wrap(p["BeatsA"]) + wrap(p["BeatsB"])
    return {"one": 1, "counted": c > 0, "c": c, "wraps": wraps, "w": chosen}, {"one": 1, "c": c, "w": w}, 0.0


@models("r4_multiply")
def _multiply(p: P) -> tuple[Terms, Terms, float]:
    n, a, b = p["Lanes"], p["WidthA"], p["WidthB"]
    if p["SignedA"] and not p["SignedB"]:  # counted the other way round
        one = product_luts(b, False, 0, a)
    else:
        one = product_luts(a, bool(p["SignedA"]), 0, b, w_signed=bool(p["SignedB"]))
    lut: Terms = {"one": 1, "product": n * one}
    return lut, {"one": 1, "operands": n * (a + b), "y": n * p["YWidth"]}, 0.0
