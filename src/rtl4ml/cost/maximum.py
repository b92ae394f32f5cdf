# SPDX-License-Identifier: Apache-2.0
"""Model of the cell that takes the greater or the lesser of two streams."""

from __future__ import annotations

from math import ceil

from rtl4ml.cost.registry import Params, models
from rtl4ml.netlist.memories import Terms

# Up to so many bits the comparison and the choice are logic, not a carry chain: as large as Yosys makes it.
_NARROW = 5


@models("r4_max")
def _max(params: Params) -> tuple[Terms, Terms, float]:
    n, y = params["Lanes"], params["YWidth"]
    signs, shifts = (params["SignedA"], params["SignedB"]), (params["ShiftA"], params["ShiftB"])
    ends = (params["ShiftA"] + params["WidthA"], params["ShiftB"] + params["WidthB"])
    mixed = signs[0] != signs[1]
    # Bits that both have, those above in which one repeats its sign, and those below that only one has.
    both = max(0, min(*ends, y) - max(shifts))
    repeated = sum(
        max(0, y - max(end, max(shifts))) for end, signed in zip(ends, signs, strict=True) if signed
    )
    low_a, low_b = max(0, shifts[1] - shifts[0]), max(0, shifts[0] - shifts[1])
    high = y > min(ends) and not repeated
    ff: Terms = {"one": 1, "w": n * (y - min(shifts))}
    if max(ends) - min(shifts) <= _NARROW:
        kind = "mixed" if mixed else "signed" if signs[0] else "unsigned"
        least = "least_" if params["Least"] else ""
        return {"one": 1, f"{least}{kind}{y - min(shifts)}": n}, ff, 0.0
    # A bit is chosen by a LUT. Where one of the two has zeros, the flip-flops are reset by one LUT.
    lut: Terms = {"one": 1, "reset": n * ((low_a > 0) + (low_b > 0) + high)}
    if mixed:  # what a sign decides alone needs no comparison
        lut |= {"w": n * both, "compared": n * (ceil(2 * both / 3) + 1), "mixed_low": n * low_a}
        lut |= {f"repeated_{'a' if signs[0] else 'b'}": n * repeated}
        if params["Least"]:  # whether the one without a sign reaches beyond the other
            lut |= {f"beyond_{'b' if signs[0] else 'a'}": n * max(0, ends[signs[0]] - y + 1)}
    else:
        lut |= {"w": n * (both + repeated), "compared": n * _compared(params), "low": n * low_a}
    return lut, ff, 0.0


def _compared(params: Params) -> int:
    """LUTs of the comparison of inputs with like signs: groups of bits from the top, six inputs a group.

    One LUT of a group says that a is greater in it, one that both are equal. Of a group that only one input has bits
    in, one LUT is enough, and none where it is b at the very bottom, which decides nothing.
    """
    ends = (params["ShiftA"] + params["WidthA"], params["ShiftB"] + params["WidthB"])
    groups: list[tuple[bool, bool]] = []
    left = 0
    for i in range(max(ends) - 1, min(params["ShiftA"], params["ShiftB"]) - 1, -1):
        a, b = (
            params[f"Shift{s}"] <= i and (i < end or bool(params[f"Signed{s}"]))
            for s, end in zip("AB", ends, strict=True)
        )
        if a + b > left:
            groups.append((False, False))
            left = 6
        groups[-1] = (groups[-1][0] or a, groups[-1][1] or b)
        left -= a + b
    luts = sum(a + b for a, b in groups)
    return luts - (groups[-1] == (False, True))
