# SPDX-License-Identifier: Apache-2.0
"""Types of hls4ml."""

from __future__ import annotations

import numpy as np

from rtl4ml.ir.mappings import Rounding
from rtl4ml.ir.types import Fixed, Stream

# -- types --------------------------------------------------------------------------------------------------


def precision(t: Fixed, rounding: str = "", saturation: str = "") -> str:
    """hls4ml's name of a type: ap_fixed counts the sign among the integer bits."""
    modes = f",{rounding or 'TRN'},{saturation or 'WRAP'}" if rounding or saturation else ""
    return f"{'' if t.signed else 'u'}fixed<{t.width},{t.width - t.fraction}{modes}>"


def as_ap(x: Stream, mapping: Rounding, out: Fixed, lo: int, hi: int) -> tuple[Fixed, str, str] | None:
    """Type and modes under which an assignment is this rounding, or None where there are none."""
    if out.fraction != x.type.fraction - mapping.shift:
        return None  # the mapping also scales
    free = Rounding(mapping.shift, -(2**62), 2**62)
    least, most = (int(v) for v in free(np.array([x.lo, x.hi], np.int64)))
    rounding = "RND_CONV" if mapping.shift > 0 else ""
    for t in (out, Fixed.covering(lo, hi, out.fraction)):
        low, high = least >= mapping.lo, most <= mapping.hi
        if not (t.lo <= mapping.lo <= t.hi and t.lo <= mapping.hi <= t.hi) and not (low and high):
            continue
        if low and high and t.lo <= least and most <= t.hi:
            return t, rounding, ""
        if (low or mapping.lo == t.lo) and (high or mapping.hi == t.hi):
            return t, rounding, "SAT"
        if t.signed and (low or mapping.lo == -t.hi) and (high or mapping.hi == t.hi):
            return t, rounding, "SAT_SYM"
    return None
