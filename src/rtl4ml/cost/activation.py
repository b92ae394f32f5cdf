# SPDX-License-Identifier: Apache-2.0
"""Models of the cells that map elements one by one."""

from __future__ import annotations

from math import ceil

from rtl4ml.cost.memory import changing_columns, lanes_of, rom_luts
from rtl4ml.cost.registry import P, models
from rtl4ml.cost.terms import comparison, counter, log, plus
from rtl4ml.netlist.memories import Terms, bram36, column_blocks


@models("r4_requant")
def _requant(p: P) -> tuple[Terms, Terms, float]:
    n, x, y, shift = p["Lanes"], p["XWidth"], p["YWidth"], p["Shift"]
    right, left = max(shift, 0), max(-shift, 0)
    signed, relu = bool(p["XSigned"]), p["Lo"] == 0
    kept = max(x + 1 + signed - right, 1) if right else x
    two = signed and not relu
    # Bits above the result, and of all that is compared; rounding adds a carry to them and its own sign.
    above = max(0, x + left - right - y + (1 if right else -int(signed and relu)))
    room = max(x + left - right + 2 * (right > 0), y + 1)
    # Yosys compares six bits a LUT, from the top; a carry chain joins them where there are three LUTs or more and a
    # limit reaches below the first.
    chunks = ceil(room / 6)
    chain = right > 0 and chunks > 2 and room - y > 6 - two
    near = max(chunks > 1 or not signed or not above, (above > 1) + (above > 5 - signed))
    lut: Terms = {
        "one": 1,
        "rounded": n * max(0, right - 1),
        # One limit of all ones or zeros is the flip-flop's set or reset.
        "y": n * (y - left) * (signed and above > 0),
        "limit": n * near * (not chain) * (above > 0 or relu),
        "under": n * (not chain) * two * ((above > 3) + (above > 6)),
        "chunks": n * chunks * chain * (not two),
        "chains": n * chain * two,
        "chains_room": n * room * chain * two,
    }
    return lut, {"one": 1, "mid": n * kept, "y": n * (y - left)}, 0.0


def _constant_thresholds(p: P) -> int:
    """LUTs of comparisons with thresholds that never change and are neither always nor never reached."""
    n, x, w = p["Lanes"], p["XWidth"], p["TWidth"]
    columns, t = 1 if p["Shared"] else n, p["Thresholds"]
    least = -(1 << (x - 1)) if p["XSigned"] else 0
    word = p["InitFile"].words[0]
    luts = 0
    for c in range(columns):
        found: set[tuple[int, int, str]] = set()
        for k in range(c * t, (c + 1) * t):
            v = word >> (k * w) & ((1 << w) - 1)
            v -= (v >> (w - 1) << w) if p["XSigned"] else 0
            if least < v < least + (1 << x):
                found |= comparison(v, w, 3)
        luts += n // columns * len(found)
    return luts


@models("r4_threshold")
def _threshold(p: P) -> tuple[Terms, Terms, float]:
    n, x, w, y, t, rows = p["Lanes"], p["XWidth"], p["TWidth"], p["YWidth"], p["Thresholds"], p["Rows"]
    depth = log(t + 1)
    stages = 1 if p["Parallel"] else depth
    lut: Terms = {"one": 1, "row": counter(rows)}
    ff: Terms = {"one": 1, "stages": stages, "row": counter(rows), "y": n * y}
    if p["LevelKind"] > 1:
        for bits in lanes_of(p["LevelFile"], n, y, shared=bool(p["LevelShared"])):
            leaves, select = rom_luts(changing_columns(bits))
            lut = plus(lut, {"level": leaves, "level_select": select})
    else:
        plain = p["Base"] == 0 and p["Step"] == 1 and not p["LevelKind"]
        lut |= {"step": n * y * (not plain), "descends": n * depth * p["LevelKind"]}
        if p["LevelKind"] and rows > 1:
            ff["direction"] = n
            lut["direction"] = n
    if p["Parallel"]:
        lut |= {"counted": n * depth * (t > 1)}
        if rows == 1:
            return lut | {"constant": _constant_thresholds(p)}, ff | {"reached": n * t}, 0.0
        word = changing_columns(p["InitFile"].bits).shape[1]
        lut |= {"rom": word, "compared": n * t * x, "compared_n": n * t}
        return lut, ff | {"reached": n * t, "word": word}, 0.0
    upper = depth - 2 if p["Block"] else depth
    reads = {"rom": 0.0, "select": 0.0, "word": 0.0}
    for bits in lanes_of(p["InitFile"], n, w, shared=bool(p["Shared"])):
        tree = bits.reshape(rows, 1 << upper, w)
        for s in range(upper):
            level = changing_columns(tree[:, 1 << s : 2 << s].reshape(-1, w))
            # Left to logic: what joins 64 words to those before grows with the words, not with powers of two of them.
            more = max(0.0, len(level) / 64 - (not p["Block"]))
            reads["rom"] += rom_luts(level)[0]
            reads["select"] += level.shape[1] * more / 2 * (len(level) > 64)
            reads["word"] += level.shape[1]
    joined = "block_select" if p["Block"] else "rom_select"
    lut |= {"compared": n * depth * x, "rom": reads["rom"], joined: reads["select"]}
    ff |= {"pipe": n * depth * x, "answers": n * depth * (depth - 1) // 2, "word": reads["word"],
           "rows": stages * counter(rows)}  # fmt: skip
    if not p["Block"]:
        return lut, ff, 0.0
    if p["Shared"]:
        return lut, ff, n * bram36(w, rows << depth, ports=2)
    return lut, ff, column_blocks(n, w, rows << depth, ports=2)


@models("r4_table")
def _table(p: P) -> tuple[Terms, Terms, float]:
    n, x, y, rows = p["Lanes"], p["XWidth"], p["YWidth"], p["Rows"]
    index = log(p["Entries"])
    least = -(1 << (x - 1)) if p["XSigned"] else 0
    below, above = p["First"] > least, p["First"] + p["Entries"] < least + (1 << x)
    # A carry chain adds -First: a bit of x goes into it as it is or, where the constant has a one, inverted by a LUT.
    inverted = -p["First"] % (1 << (x + 1 if below else index))
    lut: Terms = {
        "one": 1,
        "row": counter(rows),
        "offset": n * inverted.bit_count(),
        "limit": n * x * (below + above),
        "index": n * index * (below and above),  # of one limit alone registers are set or reset
    }
    ff: Terms = {"one": 1, "row": counter(rows), "index": n * index, "y": n * y}
    if p["Block"]:
        blocks = n * bram36(y, rows << index) if p["Shared"] else column_blocks(n, y, rows << index)
        return lut, ff | {"y": 0}, blocks
    for bits in lanes_of(p["InitFile"], n, y, shared=bool(p["Shared"])):
        leaves, select = rom_luts(changing_columns(bits))
        lut = plus(lut, {"rom": leaves, "rom_select": select})
    return lut, ff, 0.0
