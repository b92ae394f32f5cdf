# SPDX-License-Identifier: Apache-2.0
"""Models of the window cells."""

from __future__ import annotations

from math import ceil

from rtl4ml.cost.registry import Params, models
from rtl4ml.cost.terms import counter, log, low_zeros, set_bits, wrap
from rtl4ml.netlist.memories import Terms, bram36, lutram


def _window_axis(size: int, kernel: int, stride: int, dilation: int, pad: int, positions: int) -> int:
    """Bits of a coordinate of r4_window_axis; none where it is constant."""
    if kernel == 1 and positions == 1:
        return 0
    span = size + pad + (positions - 1) * stride + (kernel - 1) * dilation + stride + 1
    return log(span + 1) + 1


def _window_moves(params: Params) -> tuple[set[int], set[int]]:
    """Address steps of r4_window: those from a tap to the next one of its position, and those between positions."""
    groups, row = params["Groups"], params["Width"] * params["Groups"]
    kx, ox = params["DilationW"] * groups, params["StrideW"] * groups
    ky = params["DilationH"] * row - (params["KernelW"] - 1) * kx
    back = 1 - groups
    if params["ChannelMajor"]:
        at = {1 - (params["KernelH"] - 1) * params["DilationH"] * row - (params["KernelW"] - 1) * kx}
        at |= {kx} if params["KernelW"] > 1 else set()
        at |= {ky} if params["KernelH"] > 1 else set()
    else:
        at = {ky + back}
        at |= {1} if groups > 1 else set()
        at |= {kx + back} if params["KernelW"] > 1 else set()
    base = {
        params["Height"] * row
        - (params["OutHeight"] - 1) * params["StrideH"] * row
        - (params["OutWidth"] - 1) * ox
    }
    base |= {ox} if params["OutWidth"] > 1 else set()
    base |= {params["StrideH"] * row - (params["OutWidth"] - 1) * ox} if params["OutHeight"] > 1 else set()
    return at, base


@models("r4_window")
def _window(params: Params) -> tuple[Terms, Terms, float]:
    w, d = params["Lanes"] * params["ElemWidth"], params["Depth"]
    beats = params["Height"] * params["Width"] * params["Groups"]
    slack = (params["PadTop"] * params["Width"] + params["PadLeft"]) * params["Groups"]
    count, addr = log(2 * (d + beats + slack) + 2) + 1, log(d)
    loops = [
        params["Groups"],
        params["KernelW"],
        params["KernelH"],
        params["Replays"],
        params["OutWidth"],
        params["OutHeight"],
    ]
    pad = bool(
        params["PadTop"]
        or params["PadLeft"]
        or (params["OutHeight"] - 1) * params["StrideH"] + (params["KernelH"] - 1) * params["DilationH"]
        >= params["Height"] + params["PadTop"]
        or (params["OutWidth"] - 1) * params["StrideW"] + (params["KernelW"] - 1) * params["DilationW"]
        >= params["Width"] + params["PadLeft"]
    )
    axis = 0
    if pad:
        for size, end, before in (("Height", "H", "Top"), ("Width", "W", "Left")):
            names = (size, f"Kernel{end}", f"Stride{end}", f"Dilation{end}", f"Pad{before}", f"Out{size}")
            axis += _window_axis(*(params[name] for name in names))
    wraps = bool(d & (d - 1))
    at, base = _window_moves(params)
    memory = {} if params["Block"] else lutram(w, d)
    turns = [{m % d for m in moves} for moves in (at, base)]
    turn = [set_bits(t, addr) for t in turns]
    # A count whose steps are all multiples of a power of two has constant low bits.
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
          "w": 0 if params["Block"] else w}  # fmt: skip
    return lut, ff, bram36(w, d) if params["Block"] else 0.0


@models("r4_taps")
def _taps(params: Params) -> tuple[Terms, Terms, float]:
    w, kw = params["Lanes"] * params["ElemWidth"], params["KernelW"]
    bits = counter(params["Groups"]) + counter(params["ExtWidth"]) + counter(params["ExtHeight"])
    depth = params["DilationW"] * params["Groups"]
    # The last column of a kernel always lies inside, all of them where there is no padding before.
    masked = (kw - 1) * (params["PadLeft"] > 0)
    virtual = params["ExtWidth"] > params["Width"] or params["ExtHeight"] > params["Height"]
    stride = sum(params[s] > 1 for s in ("StrideH", "StrideW"))
    cols = (kw - 1) * w
    wraps = sum(map(wrap, (params["Groups"], params["ExtWidth"], params["ExtHeight"])))
    lut: Terms = {"one": 1, "walk": bits, "wraps": wraps, "mask": masked * w, "here": w * virtual,
                  "stride": stride, "compared": masked}  # fmt: skip
    ff: Terms = {"one": 1, "walk": bits, "taken": w, "cols": cols * depth if depth <= 2 else 0, "stride": stride,
                 "inside": masked}  # fmt: skip
    if depth > 2:
        lut["srl"] = cols * ceil(depth / 32)
    return lut, ff, 0.0


@models("r4_taps_ring")
def _taps_ring(params: Params) -> tuple[Terms, Terms, float]:
    w, groups = params["Lanes"] * params["ElemWidth"], params["Groups"]
    kh, kw, dh, dw = (params[p] for p in ("KernelH", "KernelW", "DilationH", "DilationW"))
    row, banks = params["Width"] * groups, (kh - 1) * dh + 1
    last = (params["OutWidth"] - 1) * params["StrideW"]
    left = min(kw - 1, -(-params["PadLeft"] // dw))  # kernel columns that may lie to the left of the frame
    right = sum(last + k * dw >= params["Width"] + params["PadLeft"] for k in range(kw))
    loops = (groups, params["RowSlots"], params["OutHeight"])
    bits, addr = sum(map(counter, loops)), log(row) + log(params["RowSlots"] * groups)
    depth = dw * groups
    lut: Terms = {"one": 1, "walk": bits + addr, "wraps": sum(map(wrap, (*loops, row))),
                  "banks": banks, f"turn{banks}" if banks <= 5 else "turn": kh * w * (1 if banks <= 5 else banks / 4),
                  "right": right * kh * w, "stride": params["StrideW"] > 1}  # fmt: skip
    column = kh * w
    ff: Terms = {"one": 1, "walk": bits + addr + banks + 2 * log(banks), "inside": kh + kw, "taken": column,
                 "cols": 0.0}  # fmt: skip
    for k in range(kw - 1):
        inner = depth - (k < left)  # beyond the register of a column that may lie to the left
        ff["cols"] += column * ((k < left) + (inner if inner <= 2 else 0))
        if inner > 2:
            lut["srl"] = lut.get("srl", 0.0) + column * ceil(inner / 32)
    if params["Block"]:
        return lut, ff, banks * bram36(w, row)
    for term, count in lutram(w, row).items():
        lut[term] = banks * count
    ff["read"] = banks * w
    return lut, ff, 0.0
