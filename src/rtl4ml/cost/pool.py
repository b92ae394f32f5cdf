# SPDX-License-Identifier: Apache-2.0
"""Models of the pooling cells."""

from __future__ import annotations

from rtl4ml.cost.memory import line_terms
from rtl4ml.cost.registry import Params, models
from rtl4ml.cost.terms import adder_tree, counter, log, plus, wrap
from rtl4ml.netlist.memories import Terms


@models("r4_pool")
def _pool(params: Params) -> tuple[Terms, Terms, float]:
    n, w, y = params["Lanes"], params["Lanes"] * params["YWidth"], params["YWidth"]
    bits, wraps, counters = counter(params["Groups"]), wrap(params["Groups"]), int(params["Groups"] > 1)
    axes = odd = 0
    for count, stride in ((params["Height"], params["StrideH"]), (params["Width"], params["StrideW"])):
        bits += (counter(count) if stride < count else 0) + (counter(stride) if count > 1 else 0)
        if count > 1:
            axes, odd = axes + 1, odd + (stride & (stride - 1) > 0)
        if stride < count:
            wraps, counters = wraps + wrap(count), counters + 1
    # A comparison is as large as Yosys makes it (wide multiplexers or a carry chain), with the choice of the larger.
    fold: Terms = {"sum_w": w} if params["Sum"] else {f"max{y}" if y <= 8 else "max_wide": n if y <= 8 else w}
    fold |= {"signed": n * params["XSigned"] * (not params["Sum"])}
    lut: Terms = {"one": 1, "axes": axes, "odd": odd, "counters": counters, "wraps": wraps}
    ff: Terms = {"one": 1, "walk": bits, "w": w}
    bram = 0.0
    if params["SizeW"] > 1:
        line_lut, line_ff, _ = line_terms(w, params["Groups"])
        lut, ff = plus(plus(lut, line_lut), fold), plus(ff, line_ff)
    if params["SizeH"] > 1:
        columns = (params["Width"] - params["SizeW"]) // params["StrideW"] + 1
        line_lut, line_ff, bram = line_terms(w, columns * params["Groups"], block=bool(params["Block"]))
        lut, ff = plus(plus(lut, line_lut), fold), plus(ff, line_ff)
        ff |= {"row": w, "rows": 1}
    return lut, ff, bram


@models("r4_reduce")
def _reduce(params: Params) -> tuple[Terms, Terms, float]:
    n, taps, x, y, folded = (
        params["Lanes"],
        params["Taps"],
        params["XWidth"],
        params["YWidth"],
        params["TapFolds"] > 1,
    )
    c = counter(params["TapFolds"])
    adders, registers, shifts = adder_tree(taps, x if params["Sum"] else y, y, registered=False)
    lut: Terms = {"one": 1, "c": c, "wrap": wrap(params["TapFolds"]), "tree_shift": n * shifts}
    if params["Sum"]:
        # To the beats before, or alone if it is the first: an adder and a choice for every bit. Those above a tap
        # without a sign are 0 then: the flip-flop is reset.
        gated = 2 * y if params["XSigned"] else 2 * x if taps == 1 else x + y
        lut |= {
            "sum": n * adders,
            "signs": n * (taps - 1) * params["XSigned"],
            "sum_fold": n * gated * folded,
        }
    elif y <= 8:
        # A comparison is as large as Yosys makes it: of 3 bits, with its choice, 3 LUTs, of 4 bits 7. Over beats it
        # depends on what else is slow: abc9 spends 7 LUTs on 6 bits beside a counter of up to two bits, 5 beside one of
        # more, whose path is the longer. Of 5 bits it spends 4 to 6.5 LUTs, as it seems by chance.
        far = "" if c <= 2 else "_farther" if c > 5 and y == 2 else "_far"
        lut |= {f"max{y}": n * (taps - 1), f"max_fold{y}{far}": n * folded}
    else:  # a carry chain
        lut |= {"max_wide": n * (taps - 1), "max_wide_w": n * (taps - 1) * y}
        lut |= {"max_fold_wide": n * folded, "max_fold_w_wide": n * y * folded}
    return lut, {"one": 1, "stages": log(taps), "c": c, "w": n * y, "tree": n * registers}, 0.0
