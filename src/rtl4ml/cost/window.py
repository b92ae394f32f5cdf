# SPDX-License-Identifier: Apache-2.0
"""Models of the window cells."""

from __future__ import annotations

from math import ceil

from rtl4ml.cost.memory import block_mux
from rtl4ml.cost.registry import Params, models
from rtl4ml.cost.terms import countdown, counter, log, low_zeros, wrap
from rtl4ml.netlist.memories import Terms, bram36, lutram


def _window_axis(params: Params, size: str, end: str, before: str) -> tuple[int, int, int]:
    """Bits of the coordinates of an r4_window_axis, bits of those that are compared, and its flags; none inside."""
    kernel, positions, dilation = params[f"Kernel{end}"], params[f"Out{size}"], params[f"Dilation{end}"]
    stride, pad = params[f"Stride{end}"], params[f"Pad{before}"]
    last = (positions - 1) * stride + (kernel - 1) * dilation - pad
    if pad == 0 and last < params[size]:
        return 0, 0, 0
    bits = log(max(last + 1, pad)) + 1
    compared = bits * ((last >= params[size]) + (pad > dilation) + 2 * (pad > stride))
    return bits * ((kernel > 1) + (positions > 1)), compared, 1 + (pad > stride)


def _window_moves(params: Params) -> list[int]:
    """Moves of r4_window from a slot's tap to the next one's, in beats: by what ends in the slot."""
    groups, row = params["Groups"], params["Width"] * params["Groups"]
    kx, ox = params["DilationW"] * groups, params["StrideW"] * groups
    ky = params["DilationH"] * row - (params["KernelW"] - 1) * kx
    taps = (params["KernelH"] - 1) * params["DilationH"] * row + (params["KernelW"] - 1) * kx
    back = 1 - groups - taps
    major = params["ChannelMajor"]
    rows = (params["OutHeight"] - 1) * params["StrideH"] * row
    moves = [params["Height"] * row - rows - (params["OutWidth"] - 1) * ox + back]
    moves += [1 - taps if major else 1] * (groups > 1)
    moves += [kx if major else kx + 1 - groups] * (params["KernelW"] > 1)
    moves += [ky if major else ky + 1 - groups] * (params["KernelH"] > 1)
    moves += [back] * (params["Replays"] > 1)
    moves += [back + ox] * (params["OutWidth"] > 1)
    moves += [back + params["StrideH"] * row - (params["OutWidth"] - 1) * ox] * (params["OutHeight"] > 1)
    return moves


def _patterns(numbers: list[int], bits: int) -> set[tuple[int, ...]]:
    """What tells which of these numbers it is in some bit: a column of their bits is a function of the flags."""
    columns = {tuple(n >> k & 1 for n in numbers) for k in range(bits)}
    return {c for c in columns if 0 < sum(c) < len(c)}


def _window_gives(params: Params) -> list[int]:
    """Amounts that r4_window gives back at once, less one."""
    groups, row = params["Groups"], params["Width"] * params["Groups"]
    first, last = [], []
    for size, end, before in (("Height", "H", "Top"), ("Width", "W", "Left")):
        stride, pad = params[f"Stride{end}"], params[f"Pad{before}"]
        first.append(-(-pad // stride) * stride - pad)
        last.append((params[f"Out{size}"] - 1) * stride - pad)
    rest = params["Height"] * row - (0 if min(last) < 0 else last[0] * row + last[1] * groups)
    gives = [rest - 1]
    gives += [params["StrideW"] * groups - 1] * (params["OutWidth"] > 1)
    gives += [params["StrideH"] * row - (last[1] - first[1]) * groups - 1] * (params["OutHeight"] > 1)
    gives += [first[0] * row + first[1] * groups - 1] * bool(params["PadTop"] or params["PadLeft"])
    return gives


@models("r4_window")
def _window(params: Params) -> tuple[Terms, Terms, float]:
    w, d = params["Lanes"] * params["ElemWidth"], params["Depth"]
    beats = params["Height"] * params["Width"] * params["Groups"]
    slack = (params["PadTop"] * params["Width"] + params["PadLeft"]) * params["Groups"]
    spare, room, addr = log(max(beats, d)) + 1, log(d + beats) + 1, log(d)
    padded = slack > 0
    axes = [_window_axis(params, *names) for names in (("Height", "H", "Top"), ("Width", "W", "Left"))]
    axis, compared, flags = (sum(a) for a in zip(*axes, strict=True))
    wraps = bool(d & (d - 1))
    moves, gives = _window_moves(params), _window_gives(params)
    loops = [params[n] for n in ("Groups", "KernelW", "KernelH", "Replays")]
    # Nobody asks where in a frame a position is if all moves between positions are alike, as of a 1 x 1 window.
    between = (params["OutWidth"] > 1) + (params["OutHeight"] > 1)
    if flags or any(m != moves[0] for m in moves[len(moves) - between :]):
        loops += [params["OutWidth"], params["OutHeight"]]
    loop = sum(map(countdown, loops))
    turns = [m % d for m in moves]
    memory = {} if params["Block"] else lutram(w, d)
    # An address whose steps are all multiples of a power of two has constant low bits.
    at = addr - min(addr, low_zeros({*moves, slack, d}))
    patterns = _patterns([-m for m in moves], spare), _patterns(turns, addr)
    wrapped = _patterns([t - d for t in turns], addr + 1) if wraps else set()
    lut: Terms = {
        "one": 1, "spare": spare, "room": room, "at": at, "at_wraps": at * wraps, "wrap": wrap(d), "addr": addr,
        "loop": loop, "loops": sum(c > 1 for c in loops), "axis": axis, "compared": compared, "flags": flags,
        "pad_w": w * (flags > 0), "begun": padded, "back": len(patterns[0]), "turn": len(patterns[1]),
        "turn_wrapped": len(wrapped - patterns[1]), "gives": len(_patterns(gives, room)),
        "several": room * (len(gives) > 1), **memory,
    }  # fmt: skip
    ff: Terms = {
        "one": 1, "bits": spare + room + addr + at, "loop": loop, "axis": axis, "flags": flags,
        "padded": (flags > 0) * (1 + params["Block"]) + padded, "w": w, "fetched": params["Block"],
    }  # fmt: skip
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


def _ring_bits(params: Params) -> int:
    """Bits of r4_taps_ring's counts of beats: those that are here, and places that are free."""
    groups, height, stride = params["Groups"], params["Height"], params["StrideH"]
    row, reach = params["Width"] * groups, (params["KernelH"] - 1) * params["DilationH"]
    below, top = reach - params["PadTop"], (params["OutHeight"] - 1) * stride
    first, last = min(below, height - 1), min(top + below, height - 1)
    lag = (params["KernelW"] - 1) * params["DilationW"] - params["PadLeft"]
    behind = max(0, (params["OutWidth"] - 1) * params["StrideW"] + lag + 1 - params["RowSlots"])
    ahead = (height - 1 - last + first) * row + behind * groups
    early = max(stride - 1 - below, height - 1 - last, top + 1 - height)
    return log(max((below + 1 + early) * row, ahead, (stride - 1) * row + 1) + 1) + 1


@models("r4_taps_ring")
def _taps_ring(params: Params) -> tuple[Terms, Terms, float]:
    w, groups = params["Lanes"] * params["ElemWidth"], params["Groups"]
    kh, kw, dh, dw = (params[p] for p in ("KernelH", "KernelW", "DilationH", "DilationW"))
    row, banks = params["Width"] * groups, (kh - 1) * dh + 1
    last = (params["OutWidth"] - 1) * params["StrideW"]
    left = min(kw - 1, -(-params["PadLeft"] // dw))  # kernel columns that may lie to the left of the frame
    right = sum(last + k * dw >= params["Width"] + params["PadLeft"] for k in range(kw))
    loops = (params["RowSlots"], params["OutHeight"])
    bits, addr = countdown(groups) + sum(map(counter, loops)), log(row) + log(params["RowSlots"] * groups)
    spare = 2 * _ring_bits(params)
    depth = dw * groups
    lut: Terms = {"one": 1, "walk": bits + addr, "wraps": sum(map(wrap, (*loops, row))), "spare": spare,
                  "banks": banks, f"turn{banks}" if banks <= 5 else "turn": kh * w * (1 if banks <= 5 else banks / 4),
                  "right": right * kh * w, "alone": kh * w * (not right and groups == 1),
                  "stride": params["StrideW"] > 1}  # fmt: skip
    column = kh * w
    ff: Terms = {"one": 1, "walk": bits + addr + banks + 2 * log(banks) + spare, "inside": kh + kw, "taken": column,
                 "cols": 0.0}  # fmt: skip
    for k in range(kw - 1):
        inner = depth - (k < left)  # beyond the register of a column that may lie to the left
        ff["cols"] += column * ((k < left) + (inner if inner <= 2 else 0))
        if inner > 2:
            lut["srl"] = lut.get("srl", 0.0) + column * ceil(inner / 32)
    if params["Block"]:
        for term, count in block_mux(w, row).items():
            lut[term] = banks * count
        return lut, ff, banks * bram36(w, row)
    for term, count in lutram(w, row).items():
        lut[term] = banks * count
    ff["read"] = banks * w
    return lut, ff, 0.0
