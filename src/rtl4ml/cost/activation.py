# SPDX-License-Identifier: Apache-2.0
"""Models of the cells that map elements one by one."""

from __future__ import annotations

from rtl4ml.cost.memory import changing_columns, lanes_of, rom_luts
from rtl4ml.cost.registry import Params, models
from rtl4ml.cost.terms import comparison, counter, log, plus
from rtl4ml.netlist.memories import Terms, bram36, column_blocks, rows_mux, tile


@models("r4_requant")
def _requant(params: Params) -> tuple[Terms, Terms, float]:
    n, x, y, shift = params["Lanes"], params["XWidth"], params["YWidth"], params["Shift"]
    ties = n * params["Ties"]
    right, left, signed = max(shift, 0), max(-shift, 0), bool(params["XSigned"])
    kept, two = max(x - right, 1), signed and params["Lo"] != 0
    above = max(0, x - shift - y)  # bits that the result lacks
    waits = not params.get("Flow")  # r4_gate
    # Where there are ties, what is cut off is looked at by LUTs of six inputs; without, its highest bit is added as it
    # is. Adding it takes a carry chain alone. The limits are compared with all bits that are kept, in LUTs that a carry
    # chain joins where they are many, twice below zero. One limit of all ones or zeros is the flip-flop's set or reset,
    # the other takes a LUT a bit. Where the cell waits for its reader a reset takes a LUT to wait, too.
    lut: Terms = {
        "one": 1,
        "waits": waits,
        "resets": n * (waits and not two),
        "rounds": ties * (right > 0),
        "up": ties * ((right > 5) + (right > 9) + (right > 14)),
        "half": (n - ties) * (right > 0),
        "y": n * (y - left) * (signed and above > 0),
        "bits": n * (kept if above else 4) * (not left),
        "chain": n * (kept > 12) * (not left),
        "two": n * two * (not left),
        "two_bits": n * two * max(0, kept - 8) * (not left),
        "left": n * max(1, above - 1) * (left > 0 and above > 0),
    }
    ff: Terms = {
        "one": 1,
        "mid": n * (kept + (right > 0)),
        "y": n * (y - left + (left > 0 and above > 0)),
    }
    return lut, ff, 0.0


def _constant_thresholds(params: Params) -> int:
    """LUTs of comparisons with constant thresholds, without those that every element or no element reaches."""
    n, x, w = params["Lanes"], params["XWidth"], params["TWidth"]
    columns, t = 1 if params["Shared"] else n, params["Thresholds"]
    least = -(1 << (x - 1)) if params["XSigned"] else 0
    word = params["InitFile"].words[0]
    luts = 0
    for c in range(columns):
        found: set[tuple[int, int, str]] = set()
        for k in range(c * t, (c + 1) * t):
            v = word >> (k * w) & ((1 << w) - 1)
            v -= (v >> (w - 1) << w) if params["XSigned"] else 0
            if least < v < least + (1 << x):
                found |= comparison(v, w, 3)
        luts += n // columns * len(found)
    return luts


@models("r4_threshold")
def _threshold(params: Params) -> tuple[Terms, Terms, float]:
    n, x, w, y, t, rows = (
        params["Lanes"],
        params["XWidth"],
        params["TWidth"],
        params["YWidth"],
        params["Thresholds"],
        params["Rows"],
    )
    depth = log(t + 1)
    cycles = 1 + params["Apart"]
    stages = 1 if params["Parallel"] else depth * cycles
    lut: Terms = {"one": 1, "row": counter(rows)}
    ff: Terms = {"one": 1, "stages": stages, "row": counter(rows), "y": n * y}
    if params["LevelKind"] > 1:
        for bits in lanes_of(params["LevelFile"], n, y, shared=bool(params["LevelShared"])):
            leaves, select = rom_luts(changing_columns(bits))
            lut = plus(lut, {"level": leaves, "level_select": select})
    else:
        plain = params["Base"] == 0 and params["Step"] == 1 and not params["LevelKind"]
        lut |= {"step": n * y * (not plain), "descends": n * depth * params["LevelKind"]}
        if params["LevelKind"] and rows > 1:
            ff["direction"] = n
            lut["direction"] = n
    if params["Parallel"]:
        lut |= {"counted": n * depth * (t > 1)}
        if rows == 1:
            return lut | {"constant": _constant_thresholds(params)}, ff | {"reached": n * t}, 0.0
        word = changing_columns(params["InitFile"].bits).shape[1]
        lut |= {"rom": word, "compared": n * t * x, "compared_n": n * t}
        return lut, ff | {"reached": n * t, "word": word}, 0.0
    upper = depth - 2 if params["Block"] else depth
    reads = {"rom": 0.0, "select": 0.0, "word": 0.0}
    for bits in lanes_of(params["InitFile"], n, w, shared=bool(params["Shared"])):
        tree = bits.reshape(rows, 1 << upper, w)
        for s in range(upper):
            level = changing_columns(tree[:, 1 << s : 2 << s].reshape(-1, w))
            # In logic, the selection among blocks of 64 words grows with their number, not with its next power of two.
            more = max(0.0, len(level) / 64 - (not params["Block"]))
            reads["rom"] += rom_luts(level)[0]
            reads["select"] += level.shape[1] * more / 2 * (len(level) > 64)
            reads["word"] += level.shape[1]
    joined = "block_select" if params["Block"] else "rom_select"
    lut |= {"compared": n * depth * x, "rom": reads["rom"], joined: reads["select"]}
    ff |= {"pipe": n * (depth * cycles - params["Apart"]) * x, "word": reads["word"],
           "answers": n * (depth * (depth - 1) // 2 * cycles + depth * params["Apart"]),
           "rows": stages * counter(rows)}  # fmt: skip
    if not params["Block"]:
        return lut, ff, 0.0
    if params["Shared"]:
        return lut, ff, n * bram36(w, rows << depth, ports=2, written=False)
    return lut, ff, column_blocks(n, w, rows << depth, ports=2)


@models("r4_table")
def _table(params: Params) -> tuple[Terms, Terms, float]:
    n, x, y, rows = params["Lanes"], params["XWidth"], params["YWidth"], params["Rows"]
    index = log(params["Entries"])
    least = -(1 << (x - 1)) if params["XSigned"] else 0
    below, above = params["First"] > least, params["First"] + params["Entries"] < least + (1 << x)
    # A carry chain adds -First: a bit of x goes into it as it is or, where the constant has a one, inverted by a LUT.
    inverted = -params["First"] % (1 << (x + 1 if below else index))
    lut: Terms = {
        "one": 1,
        "row": counter(rows),
        "offset": n * inverted.bit_count(),
        "limit": n * x * (below + above),
        "index": n * index * (below and above),  # a single limit sets or resets the registers
    }
    ff: Terms = {"one": 1, "row": counter(rows), "index": n * index, "y": n * y}
    if params["Block"]:
        columns, depth = 1 if params["Shared"] else n, rows << index
        deep = tile(columns * y, depth, 1, written=False)[1]
        lut |= {"block_mux": n * y * rows_mux(deep)}
        ff |= {"y": 0, "block_row": log(deep)}
        return lut, ff, n // columns * column_blocks(columns, y, depth)
    for bits in lanes_of(params["InitFile"], n, y, shared=bool(params["Shared"])):
        leaves, select = rom_luts(changing_columns(bits))
        lut = plus(lut, {"rom": leaves, "rom_select": select})
    return lut, ff, 0.0
