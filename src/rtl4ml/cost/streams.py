# SPDX-License-Identifier: Apache-2.0
"""Models of the FIFO, width converter, fork and AXI4-Stream edges."""

from __future__ import annotations

from rtl4ml.cost.memory import block_memory, bypassed_mux
from rtl4ml.cost.registry import Params, models
from rtl4ml.cost.terms import counter, log, wrap
from rtl4ml.netlist.memories import Terms, bram36, lutram

_WORD = 128  # bits of a word of r4_spill


@models("r4_fifo")
def _fifo(params: Params) -> tuple[Terms, Terms, float]:
    w, d = params["Width"], params["Depth"]
    if d <= 2:
        return {"small": 1, "small_w": w * (d > 1)}, {"small": 1, "small_w": w * min(d, 2)}, 0.0
    # Two addresses round the memory, and the beats in it; Yosys keeps the read address twice where it reads in LUTs.
    kept = d - 1
    c, count = max(1, log(kept)), log(d + 1)
    wraps = wrap(kept) * (kept > 32 or params["MemoryKind"] == 1)
    if params["MemoryKind"]:
        memory, blocks = block_memory(w, kept, params.get("Bank", 0), params.get("Least", 0))
        return (
            {"block": 1, "block_c": c, "block_count": count, "block_wraps": wraps, **memory},
            {"block": 1, "c": 2 * c, "count": count},
            blocks,
        )
    return (
        {
            "deep": 1,
            "deep_c": c,
            "deep_count": count,
            "deep_wraps": wraps,
            **lutram(w, kept),
            "lutram_mux": w * bypassed_mux(w, kept),
        },
        {"deep": 1, "c": 3 * c, "count": count, "w": w},
        0.0,
    )


@models("r4_width")
def _width(params: Params) -> tuple[Terms, Terms, float]:
    x, y = params["XLanes"] * params["ElemWidth"], params["YLanes"] * params["ElemWidth"]
    if y > x:
        c = counter(y // x)
        return {"up": 1, "up_c": c}, {"up": 1, "up_c": c, "up_w": y}, 0.0
    c = counter(x // y)
    return {"down": 1, "down_c": c, "down_w": x - y}, {"down": 1, "down_c": c, "down_all": x}, 0.0


@models("r4_spill")
def _spill(params: Params) -> tuple[Terms, Terms, float]:
    # With DataWidth 128 and FIFOs of 64 words in distributed memory and of 512 in block RAM, as cells have them.
    beat, group = params["Width"], params["Group"]
    parts = -(-beat // _WORD)
    word = _WORD if parts > 1 else beat * group
    ring = log(params["Ring"] + 1)
    lut: Terms = {"one": 1, "ring": ring, **lutram(word, 63), "lutram_mux": word * bypassed_mux(word, 63)}
    ff: Terms = {"one": 1, "ring": ring, "word": word}
    if parts > 1:
        lut |= {"apart": 1, "part": beat - _WORD}
        ff |= {"apart": 1, "part": 2 * beat}
    elif group > 1:
        lut |= {"packed": 1, "shift": beat * (group - 1)}
        ff |= {"packed": 1, "shift": 2 * beat * group}
    return lut, ff, bram36(word, 511)


@models("r4_axis_in")
def _axis_in(params: Params) -> tuple[Terms, Terms, float]:
    w, c = params["Lanes"] * params["ElemWidth"], counter(params["Beats"])
    flags = params.get("Flags", 1) * log(params["FlagDepth"]) * (params["FlagDepth"] > 2)
    return {"one": 1, "w": w, "c": c, "flags": flags}, {"one": 1, "w": w, "c": c, "flags": flags}, 0.0


@models("r4_axis_out")
def _axis_out(params: Params) -> tuple[Terms, Terms, float]:
    w, c = params["Lanes"] * params["ElemWidth"], counter(params["Beats"])
    # A flip-flop that the last beat clears takes a LUT; from nine bits on abc9 repeats parts of what they share.
    wraps = wrap(params["Beats"])
    lut: Terms = {"one": 1, "counts": c > 0, "c": c, "wraps": wraps, "many": max(0, wraps - 4),
                  "long": max(0, c - 8) * (wraps > 0)}  # fmt: skip
    return lut, {"one": 1, "w": w, "c": c}, 0.0


@models("r4_fork")
def _fork(params: Params) -> tuple[Terms, Terms, float]:
    return {"one": 1, "w": params["Width"]}, {"one": 1, "w": params["Width"]}, 0.0
