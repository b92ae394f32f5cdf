# SPDX-License-Identifier: Apache-2.0
"""Models of the cells of two inputs."""

from __future__ import annotations

from rtl4ml.cost.products import product_luts
from rtl4ml.cost.registry import Params, models
from rtl4ml.cost.terms import counter, wrap
from rtl4ml.netlist.memories import Terms


@models("r4_add")
def _add(params: Params) -> tuple[Terms, Terms, float]:
    n, sa, sb = params["Lanes"], params["ShiftA"], params["ShiftB"]
    signed = bool(params["SignedA"] or params["SignedB"])
    ends = [params[f"Shift{s}"] + params[f"Width{s}"] + (signed and not params[f"Signed{s}"]) for s in "AB"]
    meet = min(ends) > max(sa, sb)
    y = min(params["YWidth"], max(ends) + meet)  # the sum's bits; those above repeat its sign
    # Bits below either operand, or above an unsigned one, pass through the adder.
    tops = [y - 1 if params[f"Signed{s}"] else params[f"Shift{s}"] + params[f"Width{s}"] for s in "AB"]
    return (
        {"one": 1, "both": n * max(0, min(tops) - max(sa, sb)) * meet},
        {"one": 1, "w": n * (y - min(sa, sb))},
        0.0,
    )


@models("r4_concat")
def _concat(params: Params) -> tuple[Terms, Terms, float]:
    y = params["YWidth"]
    if params["Whole"]:  # copies of a sign share a register, zeros below have none
        return (
            {"whole": 1},
            {"whole": 1, "w": params["LanesA"] * params["WidthA"] + params["LanesB"] * params["WidthB"]},
            0.0,
        )
    c = counter(params["BeatsA"]) + counter(params["BeatsB"])
    spare = y - max(params["ShiftA"] + params["WidthA"], params["ShiftB"] + params["WidthB"])
    shifts = sorted((params["ShiftA"], params["ShiftB"]))
    w = params["LanesA"] * (y - max(0, spare) - shifts[0])
    chosen = w - params["LanesA"] * (shifts[1] - shifts[0])  # where one is a zero, the flip-flop is reset
    wraps = wrap(params["BeatsA"]) + wrap(params["BeatsB"])
    return {"one": 1, "counted": c > 0, "c": c, "wraps": wraps, "w": chosen}, {"one": 1, "c": c, "w": w}, 0.0


@models("r4_multiply")
def _multiply(params: Params) -> tuple[Terms, Terms, float]:
    n, a, b = params["Lanes"], params["WidthA"], params["WidthB"]
    if params["SignedA"] and not params["SignedB"]:  # the counts have the unsigned operand first
        one = product_luts(b, False, 0, a)
    else:
        one = product_luts(a, bool(params["SignedA"]), 0, b, w_signed=bool(params["SignedB"]))
    lut: Terms = {"one": 1, "product": n * one}
    return lut, {"one": 1, "operands": n * (a + b), "y": n * params["YWidth"]}, 0.0
