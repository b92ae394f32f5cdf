# SPDX-License-Identifier: Apache-2.0
"""Models of the window cells."""

from __future__ import annotations

from math import ceil

from rtl4ml.cost.memory import line_terms
from rtl4ml.cost.registry import P, models
from rtl4ml.cost.terms import counter, log, low_zeros, plus, set_bits, wrap
from rtl4ml.netlist.memories import Terms, bram36, lutram


def _window_axis(size: int, kernel: int, stride: int, dilation: int, pad: int, positions: int) -> int:
    """Bits of a coordinate of r4_window_axis; none where it stands still."""
    if kernel == 1 and positions == 1:
        return 0
    span = size + pad + (positions - 1) * stride + (kernel - 1) * dilation + stride + 1
    return log(span + 1) + 1


def _window_moves(p: P) -> tuple[set[int], set[int]]:
    """Moves of the tap within a position, and of the position, that r4_window chooses among."""
    groups, row = p["Groups"], p["Width"] * p["Groups"]
    kx, ox = p["DilationW"] * groups, p["StrideW"] * groups
    ky = p["DilationH"] * row - (p["KernelW"] - 1) * kx
    back = 1 - groups
    if p["ChannelMajor"]:
        at = {1 - (p["KernelH"] - 1) * p["DilationH"] * row - (p["KernelW"] - 1) * kx}
        at |= {kx} if p["KernelW"] > 1 else set()
        at |= {ky} if p["KernelH"] > 1 else set()
    else:
        at = {ky + back}
        at |= {1} if groups > 1 else set()
        at |= {kx + back} if p["KernelW"] > 1 else set()
    base = {p["Height"] * row - (p["OutHeight"] - 1) * p["StrideH"] * row - (p["OutWidth"] - 1) * ox}
    base |= {ox} if p["OutWidth"] > 1 else set()
    base |= {p["StrideH"] * row - (p["OutWidth"] - 1) * ox} if p["OutHeight"] > 1 else set()
    return at, base


@models("r4_window")
def _window(p: P) -> tuple[Terms, Terms, float]:
    w, d = p["Lanes"] * p["ElemWidth"], p["Depth"]
    beats = p["Height"] * p["Width"] * p["Groups"]
    slack = (p["PadTop"] * p["Width"] + p["PadLeft"]) * p["Groups"]
    count, addr = log(2 * (d + beats + slack) + 2) + 1, log(d)
    loops = [p["Groups"], p["KernelW"], p["KernelH"], p["Replays"], p["OutWidth"], p["OutHeight"]]
    pad = bool(
        p["PadTop"]
        or p["PadLeft"]
        or (p["OutHeight"] - 1) * p["StrideH"] + (p["KernelH"] - 1) * p["DilationH"]
        >= p["Height"] + p["PadTop"]
        or (p["OutWidth"] - 1) * p["StrideW"] + (p["KernelW"] - 1) * p["DilationW"]
        >= p["Width"] + p["PadLeft"]
    )
    axis = sum(
        _window_axis(p[a], p[f"Kernel{s}"], p[f"Stride{s}"], p[f"Dilation{s}"], p[f"Pad{b}"], p[f"Out{a}"])
        for a, s, b in (("Height", "H", "Top"), ("Width", "W", "Left"))
    ) * pad  # fmt: skip
    wraps = bool(d & (d - 1))
    at, base = _window_moves(p)
    memory = {} if p["Block"] else lutram(w, d)
    turns = [{m % d for m in moves} for moves in (at, base)]
    turn = [set_bits(t, addr) for t in turns]
    # Counts that always move by multiples of a power of two have low bits that stand still.
    frame_bits = count - low_zeros({beats})
    base_bits = count - low_zeros(base | {slack})
    at_bits = count - low_zeros(at | base | {slack})
    freed_bits = count - low_zeros(base | {slack, beats})
    addr_bits = 3 * addr - low_zeros(base | {slack, d}) - low_zeros(at | base | {slack, d})
    live = frame_bits + base_bits + at_bits + freed_bits
    lut = {"one": 1, "count": count, "live": live - frame_bits, "addr": addr_bits, "wrap": wrap(d),
           "loop": sum(map(counter, loops)), "loop_wraps": sum(map(wrap, loops)), "loops": sum(c > 1 for c in loops),
           "axis": axis, "pad_w": w * pad,
           "move": set_bits(at, count) + set_bits(base, count) + set_bits({beats}, count), "turn": sum(turn),
           "turn_wrap": addr * wraps * sum(t > 0 for t in turn), "several": count * ((len(at) > 1) + (len(base) > 1)),
           "turns": addr * sum(len(t) > 1 for t in turns), **memory}  # fmt: skip
    ff = {"one": 1, "bits": count + live + addr_bits, "loop": sum(map(counter, loops)), "axis": 2 * axis,
          "w": 0 if p["Block"] else w}  # fmt: skip
    return lut, ff, bram36(w, d) if p["Block"] else 0.0


@models("r4_taps")
def _taps(p: P) -> tuple[Terms, Terms, float]:
    w = p["Lanes"] * p["ElemWidth"]
    rows, kh, kw = (p["KernelH"] - 1) * p["DilationH"], p["KernelH"], p["KernelW"]
    bits = counter(p["Groups"]) + counter(p["ExtWidth"]) + counter(p["ExtHeight"])
    depth = p["DilationW"] * p["Groups"]
    # The last row and column of a kernel always lie inside, all of them where there is no padding before.
    bare = (1 if p["PadTop"] else kh) * (1 if p["PadLeft"] else kw)
    virtual = p["ExtWidth"] > p["Width"] or p["ExtHeight"] > p["Height"]
    stride = sum(p[s] > 1 for s in ("StrideH", "StrideW"))
    cols = (kw - 1) * kh * w
    wraps = sum(map(wrap, (p["Groups"], p["ExtWidth"], p["ExtHeight"])))
    compared = (kh - 1) * (p["PadTop"] > 0) + (kw - 1) * (p["PadLeft"] > 0)
    lut: Terms = {"one": 1, "walk": bits, "wraps": wraps, "mask": (kh * kw - bare) * w, "here": w * virtual,
                  "stride": stride, "compared": compared}  # fmt: skip
    ff: Terms = {"one": 1, "walk": bits, "taken": kh * w, "cols": cols * depth if depth <= 2 else 0, "stride": stride,
                 "inside": compared}  # fmt: skip
    if depth > 2:
        lut["srl"] = cols * ceil(depth / 32)
    bram = 0.0
    if rows:
        line_lut, line_ff, bram = line_terms(rows * w, p["ExtWidth"] * p["Groups"], block=bool(p["Block"]))
        lut, ff = plus(lut, line_lut), plus(ff, line_ff)
    return lut, ff, bram
