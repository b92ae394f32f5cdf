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
    if params["Subtract"]:  # bits of a below b pass through the adder, and b's lowest where a has none
        y = min(params["YWidth"], max(ends) + 1)
        alone = sa > sb or (not params["SignedA"] and sa + params["WidthA"] <= sb)
        return {"one": 1, "both": n * (y - sb - alone)}, {"one": 1, "w": n * (y - min(sa, sb))}, 0.0
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


def _split(x: int, x_signed: bool, w: int, w_signed: bool, p: int) -> tuple[float, int, int]:
    """LUTs of the products of r4_mul_split, bits of its adders, bits of its registers."""
    bits = min(w, p)
    sign = int(x_signed and w_signed and x > 4)
    sums, low = _sums(bits + sign), (bits + sign + 1) // 2
    if sums == 0:
        if x_signed and not w_signed:  # the counts have the unsigned operand first
            return product_luts(bits, False, 0, x), 0, min(p, x + bits)
        return product_luts(x, x_signed, 0, bits, w_signed=w_signed), 0, min(p, x + bits)
    high = bits - low
    parts = (
        _split(x, x_signed, low, False, min(p, x + low + (not x_signed))),
        _split(x, x_signed, high, w_signed, p - low),
    )
    luts, adders, registers = (sum(k) for k in zip(*parts, strict=True))
    late = sums - 1 - _sums(high + sign)  # registers that the product of the high half waits in
    return luts, int(adders) + p - low, int(registers) + p + late * min(p - low, x + high)


def _sums(bits: int) -> int:
    """Sums on the way to a product, see `MultiplyCell.sums`."""
    return (-(-bits // 4) - 1).bit_length()


@models("r4_multiply")
def _multiply(params: Params) -> tuple[Terms, Terms, float]:
    n, y = params["Lanes"], params["YWidth"]
    sides = [(params[f"Width{s}"], bool(params[f"Signed{s}"])) for s in "AB"]
    few, many = sides if sides[0][0] < sides[1][0] else sides[::-1]
    luts, adders, registers = _split(*many, *few, y)
    whole = 0 if adders else y - min(y, many[0] + few[0])
    lut: Terms = {"one": 1, "product": n * luts, "adder": n * adders}
    ff: Terms = {"one": 1, "operands": n * (few[0] + many[0]), "y": n * (registers + whole)}
    return lut, ff, 0.0
