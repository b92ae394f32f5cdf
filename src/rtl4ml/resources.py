"""LUT, flip-flops, DSP48E2 and RAMB36 of every cell, predicted from its parameters alone.

Each module has a list of terms: sizes of its parts (bits of adders, of registers, of multiplexers, LUTs of memories)
as its source states them. What a term costs is a coefficient, fitted to Yosys's counts over a grid of parameters by
`scripts/calibrate_resources.py` and kept in `resources.json`. DSP48E2 are the slices that r4_mvu and r4_dwu pack
products into; RAMB36 follow from widths and depths (UG573: 72 x 512, 36 x 1,024, ... of an RAMB36, half of it an
RAMB18).

Two things follow no formula. A product in LUTs is as large as Yosys makes it: `r4_mul` and `r4_product` are tables
of what was counted, one entry a size. A constant memory is as large as its content: a bit that never changes or
repeats another takes no LUT, so the images are looked at.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml.netlist import Resources
from rtl4ml.packing import Packing

if TYPE_CHECKING:
    from rtl4ml.netlist import Cell, Image, Param

Terms = dict[str, float]
P = Mapping[str, Any]
Bits = NDArray[np.uint8]


def _log(n: int) -> int:
    """Bits that count to n - 1."""
    return max(0, (n - 1).bit_length())


def _counter(n: int) -> int:
    """Bits of a counter of n steps; none for one."""
    return _log(n) if n > 1 else 0


def _wrap(n: int) -> int:
    """Bits that a counter of n steps clears at its end: those that a count one further would leave set."""
    return (n % (1 << _log(n))).bit_count()


# (bits, words, RAMB36) of the shapes of a block RAM, an RAMB18 half of one.
TILES = [(72, 512, 1.0), (36, 1024, 1.0), (18, 2048, 1.0), (9, 4096, 1.0), (4, 8192, 1.0), (2, 16384, 1.0),
         (1, 32768, 1.0), (36, 512, 0.5), (18, 1024, 0.5), (9, 2048, 0.5), (4, 4096, 0.5), (2, 8192, 0.5),
         (1, 16384, 0.5)]  # fmt: skip


def _tile(width: int, depth: int, ports: int) -> tuple[float, int]:
    """(RAMB36, rows one above the other) of the cheapest shape of block RAM, of equal ones the lowest; 72 and 36 bits
    need one port. Rows lie side by side where there is room, in units of 9 bits.
    """
    cost, rows, _ = _tiling(width, depth, ports)
    return cost, rows


def _tiling(width: int, depth: int, ports: int) -> tuple[float, int, tuple[int, int, float]]:
    """As `_tile`, with the shape."""

    def cost(w: int, d: int, one: float) -> tuple[float, int]:
        unit, rows = min(w, 9), ceil(depth / d)
        return ceil(ceil(width / unit) * rows / (w // unit)) * one, rows

    shapes = [t for t in TILES if ports == 1 or t not in ((72, 512, 1.0), (36, 512, 0.5))]
    shape = min(shapes, key=lambda t: cost(*t))
    return *cost(*shape), shape


def bram36(width: int, depth: int, *, ports: int = 1) -> float:
    """RAMB36 of a memory of so many read ports."""
    return _tile(width, depth, ports)[0]


def column_blocks(columns: int, width: int, depth: int, *, ports: int = 1) -> float:
    """RAMB36 of as many r4_lookup as a memory has columns, each with a copy of its own of which it reads one column:
    Yosys divides the whole word into blocks and keeps those that a column reaches into.
    """
    cost, rows, (w, _, one) = _tiling(columns * width, depth, ports)
    if columns == 1:
        return cost
    reached = sum(((k + 1) * width - 1) // w - k * width // w + 1 for k in range(columns))
    return reached * rows * one


def _block_mux(width: int, depth: int) -> Terms:
    """LUTs that choose among rows of block RAM."""
    deep = _tile(width, depth, 1)[1]
    return {"block_mux": width * ceil((deep - 1) / 3), "block_write": deep * (deep > 1)}


def _lutram_shape(width: int, depth: int) -> tuple[int, int]:
    """(words, bits) that 8 LUTs are in a distributed memory: 32 of 14 or 64 of 7, whichever Yosys's costs prefer (16 a
    memory as far as it is used, half a bit and half an address to choose among memories).
    """

    def cost(words: int, bits: int) -> float:
        return 16 * ceil(depth / words) * width / bits + (ceil(depth / words) - 1) * (width + 1) / 2

    return min(((64, 7), (32, 14)), key=lambda t: cost(*t))


def lutram(width: int, depth: int) -> Terms:
    """Distributed memory; a deep one is several, of which a multiplexer chooses."""
    words, bits = _lutram_shape(width, depth)
    blocks = ceil(depth / words)
    return {
        "lutram": 8 * ceil(width / bits) * blocks,
        "lutram_mux": width * (blocks // 2),
        "lutram_write": blocks * (blocks > 1),
    }


def _changing(bits: Bits) -> Bits:
    """The columns that are neither constant nor repeat another; Yosys builds no others."""
    bits = bits[:, (bits != bits[0]).any(0)]
    if not bits.size:
        return bits
    return bits[:, np.unique(_keys(bits), return_index=True)[1]]


@lru_cache(maxsize=2)  # several terms of a cell ask for those of its image
def _columns(image: Image) -> Bits:
    """The columns of an image that Yosys builds."""
    return _changing(image.bits)


def _keys(bits: Bits) -> NDArray[np.uint64]:
    """A number for every column: itself up to 64 rows, a hash of deeper ones (alike once in 10^9 columns or so)."""
    packed = np.packbits(bits, axis=0)
    padded = np.zeros((-(-len(packed) // 8) * 8, packed.shape[1]), np.uint8)
    padded[: len(packed)] = packed
    words = np.ascontiguousarray(padded.T).view(np.uint64)
    keys = words[:, 0].copy()
    for k in range(1, words.shape[1]):  # multiply and shift, after Steele et al. (2014), SplitMix
        keys = keys * np.uint64(0x9E3779B97F4A7C15) ^ words[:, k] * np.uint64(0xBF58476D1CE4E5B9)
        keys ^= keys >> np.uint64(29)
    return keys


def _leaves(bits: Bits) -> tuple[int, int]:
    """(LUTs of 64 words of a bit that differ, LUTs that select among them) of a constant memory in LUTs.

    bits: its columns that Yosys builds, see `_changing`. Four LUTs are selected from by MUXF7 and MUXF8.
    """
    blocks = ceil(len(bits) / 64)
    if blocks <= 1:
        return bits.shape[1], 0
    padded = np.zeros((blocks * 64, bits.shape[1]), np.uint8)
    padded[: len(bits)] = bits
    parts = padded.reshape(blocks, 64, -1).transpose(1, 0, 2).reshape(64, -1)
    select = ceil((ceil(blocks / 4) - 1) / 3)
    return _changing(parts).shape[1], bits.shape[1] * select


def _depth(image: Image) -> int:
    return len(image.words) if image.depth is None else image.depth


def _rom(image: Image, *, block: bool = False) -> tuple[Terms, int]:
    """Terms of r4_rom, and the bits of its word register where it is in LUTs."""
    depth = _depth(image)
    if depth == 1:
        return {}, 0
    if block:
        return {"rom_walk": _wrap(depth), "rom_fetch": _log(depth)}, 0
    return _rom_of(image.bits, _columns(image))


def _rom_of(bits: Bits, columns: Bits | None = None) -> tuple[Terms, int]:
    """As `_rom`, of a memory in LUTs whose words are these; columns: those that Yosys builds."""
    depth = len(bits)
    columns = _changing(bits) if columns is None else columns
    c = _log(depth)
    leaves, select = _leaves(columns)
    lut: Terms = {"rom_walk": _wrap(depth), "rom": leaves, "rom_select": select, "rom_fetch": c}
    return lut, columns.shape[1]


def _plus(a: Terms, b: Terms) -> Terms:
    """Both, term by term."""
    return {k: a.get(k, 0.0) + b.get(k, 0.0) for k in (a | b)}


def _tree(inputs: int, width: int, limit: int, *, registered: bool) -> tuple[int, int, int]:
    """(bits of adders, of registers, of shift registers) of r4_adder_tree; whether a register of the input's stands
    before it. What passes three registers in a row and is read only behind them becomes a shift register.
    """
    adders = registers = shifts = 0
    last_width, run = width, int(registered)  # of the odd one out: its bits, the registers it is in
    while inputs > 1:
        nxt = min(width + 1, limit)
        adders += inputs // 2 * width
        registers += inputs // 2 * nxt
        if inputs % 2:
            run += 1
            registers += last_width
        else:
            if run >= 3:
                registers, shifts = registers - run * last_width, shifts + last_width
            last_width, run = nxt, 1
        inputs, width = (inputs + 1) // 2, nxt
    return adders, registers, shifts


# Parameters that a cell may leave at the module's default.
DEFAULTS = {
    "Fields": 0,
    "Spacing": 1,
    "Chain": 1,
    "Overlap": 0,
    "Base": 0,
    "Step": 1,
    "Align": 0,
    "HasBias": 0,
    "ShiftWidth": 0,
    "LevelShared": 1,
    "LevelKind": 0,
    "Parallel": 0,
    "Block": 0,
}

# -- terms by module: (LUT, FF, RAMB36) ---------------------------------------------------------------------------

Model = Callable[[P], tuple[Terms, Terms, float]]
MODELS: dict[str, Model] = {}


def models(module: str) -> Callable[[Model], Model]:
    """Registers the terms of a module of `rtl/`."""

    def add(f: Model) -> Model:
        if module in MODELS:
            raise ValueError(f"{module}: two models of one module")
        MODELS[module] = f
        return f

    return add


def _bypassed_mux(width: int, depth: int) -> int:
    """LUTs of a bit that choose among the memories of a distributed one and a beat that bypasses it, in one: a LUT of
    five inputs takes two memories, the beat and what selects. Yosys spends no more on seven memories than on four.
    """
    words, _ = _lutram_shape(width, depth)
    blocks = ceil(depth / words)
    if blocks <= 2:
        return 1
    if blocks == 3 or (blocks == 5 and words == 32):
        return 2
    return 3 if blocks <= 7 else 1 + blocks // 2


@models("r4_fifo")
def _fifo(p: P) -> tuple[Terms, Terms, float]:
    w, d = p["Width"], p["Depth"]
    if d <= 2:
        return {"small": 1, "small_w": w * (d > 1)}, {"small": 1, "small_w": w * min(d, 2)}, 0.0
    # Two addresses round the memory, and the beats in it; Yosys keeps the read address twice where it reads in LUTs.
    kept = d - 1
    c, count = max(1, _log(kept)), _log(d + 1)
    wraps = _wrap(kept) * (kept > 32 or p["MemoryKind"] == 1)
    if p["MemoryKind"]:
        return (
            {"block": 1, "block_c": c, "block_count": count, "block_wraps": wraps, **_block_mux(w, kept)},
            {"block": 1, "c": 2 * c, "count": count},
            bram36(w, kept),
        )
    return (
        {
            "deep": 1,
            "deep_c": c,
            "deep_count": count,
            "deep_wraps": wraps,
            **lutram(w, kept),
            "lutram_mux": w * _bypassed_mux(w, kept),
        },
        {"deep": 1, "c": 3 * c, "count": count, "w": w},
        0.0,
    )


@models("r4_width")
def _width(p: P) -> tuple[Terms, Terms, float]:
    x, y = p["XLanes"] * p["ElemWidth"], p["YLanes"] * p["ElemWidth"]
    if y > x:
        c = _counter(y // x)
        return {"up": 1, "up_c": c}, {"up": 1, "up_c": c, "up_w": y}, 0.0
    c = _counter(x // y)
    return {"down": 1, "down_c": c, "down_w": x - y}, {"down": 1, "down_c": c, "down_all": x}, 0.0


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


def _window_axis(size: int, kernel: int, stride: int, dilation: int, pad: int, positions: int) -> int:
    """Bits of a coordinate of r4_window_axis; none where it stands still."""
    if kernel == 1 and positions == 1:
        return 0
    span = size + pad + (positions - 1) * stride + (kernel - 1) * dilation + stride + 1
    return _log(span + 1) + 1


def _ones(moves: set[int], bits: int) -> int:
    """Bits of an adder that adds one of these constants: it passes those through that are zero in all of them."""
    any_one = 0
    for m in moves:
        any_one |= m % (1 << bits)
    return any_one.bit_count()


def _zeros(moves: set[int]) -> int:
    """Low bits that are zero in all of these."""
    return min((m & -m).bit_length() - 1 for m in moves if m)


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
    count, addr = _log(2 * (d + beats + slack) + 2) + 1, _log(d)
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
    turn = [_ones(t, addr) for t in turns]
    # Counts that always move by multiples of a power of two have low bits that stand still.
    frame_bits = count - _zeros({beats})
    base_bits = count - _zeros(base | {slack})
    at_bits = count - _zeros(at | base | {slack})
    freed_bits = count - _zeros(base | {slack, beats})
    addr_bits = 3 * addr - _zeros(base | {slack, d}) - _zeros(at | base | {slack, d})
    live = frame_bits + base_bits + at_bits + freed_bits
    lut = {"one": 1, "count": count, "live": live - frame_bits, "addr": addr_bits, "wrap": _wrap(d),
           "loop": sum(map(_counter, loops)), "loop_wraps": sum(map(_wrap, loops)), "loops": sum(c > 1 for c in loops),
           "axis": axis, "pad_w": w * pad,
           "move": _ones(at, count) + _ones(base, count) + _ones({beats}, count), "turn": sum(turn),
           "turn_wrap": addr * wraps * sum(t > 0 for t in turn), "several": count * ((len(at) > 1) + (len(base) > 1)),
           "turns": addr * sum(len(t) > 1 for t in turns), **memory}  # fmt: skip
    ff = {"one": 1, "bits": count + live + addr_bits, "loop": sum(map(_counter, loops)), "axis": 2 * axis,
          "w": 0 if p["Block"] else w}  # fmt: skip
    return lut, ff, bram36(w, d) if p["Block"] else 0.0


@models("r4_taps")
def _taps(p: P) -> tuple[Terms, Terms, float]:
    w = p["Lanes"] * p["ElemWidth"]
    rows, kh, kw = (p["KernelH"] - 1) * p["DilationH"], p["KernelH"], p["KernelW"]
    bits = _counter(p["Groups"]) + _counter(p["ExtWidth"]) + _counter(p["ExtHeight"])
    depth = p["DilationW"] * p["Groups"]
    # The last row and column of a kernel always lie inside, all of them where there is no padding before.
    bare = (1 if p["PadTop"] else kh) * (1 if p["PadLeft"] else kw)
    virtual = p["ExtWidth"] > p["Width"] or p["ExtHeight"] > p["Height"]
    stride = sum(p[s] > 1 for s in ("StrideH", "StrideW"))
    cols = (kw - 1) * kh * w
    wraps = sum(map(_wrap, (p["Groups"], p["ExtWidth"], p["ExtHeight"])))
    compared = (kh - 1) * (p["PadTop"] > 0) + (kw - 1) * (p["PadLeft"] > 0)
    lut: Terms = {"one": 1, "walk": bits, "wraps": wraps, "mask": (kh * kw - bare) * w, "here": w * virtual,
                  "stride": stride, "compared": compared}  # fmt: skip
    ff: Terms = {"one": 1, "walk": bits, "taken": kh * w, "cols": cols * depth if depth <= 2 else 0, "stride": stride,
                 "inside": compared}  # fmt: skip
    if depth > 2:
        lut["srl"] = cols * ceil(depth / 32)
    bram = 0.0
    if rows:
        line_lut, line_ff, bram = _line(rows * w, p["ExtWidth"] * p["Groups"], block=bool(p["Block"]))
        lut, ff = _plus(lut, line_lut), _plus(ff, line_ff)
    return lut, ff, bram


# Sizes that r4_mul and r4_product are counted at.
PRODUCT_X = range(1, 11)
PRODUCT_W = range(1, 11)
PRODUCT_CODED = ((1, 1), (2, 2), (3, 2), (3, 3), (3, 4), (3, 5))  # kind and width of the coded weights


def _size(x: int, signed: bool, w: int, w_signed: bool = True) -> str:
    """Of a product: "s" or "u" for its first operand, "u" again where neither has a sign, and the widths."""
    return f"{'s' if signed else 'u'}{'' if w_signed else 'u'}{x}x{w}"


@models("r4_mul")
def _mul(p: P) -> tuple[Terms, Terms, float]:
    size = _size(p["XWidth"], p["XSigned"], p["WWidth"], p["WSigned"])
    return {size: 1}, {"p": p["PWidth"]}, 0.0


@models("r4_product")
def _product(p: P) -> tuple[Terms, Terms, float]:
    size = _size(p["XWidth"], p["XSigned"], p["WeightWidth"])
    return {f"{p['WeightKind']}{size}": 1}, {"p": p["PWidth"]}, 0.0


def coded_width(x: int, signed: bool, kind: int, w: int) -> int:
    """Bits of a product of x by a coded weight of w bits, without regard to the weights there are."""
    return x + 1 - signed + (2 ** (w - 1) - 1 if kind == 3 else 1)


def product_luts(x: int, signed: bool, kind: int, w: int, *, w_signed: bool = True) -> float:
    """LUTs of a product; beyond the sizes counted an array multiplier grows with both sizes, a shifter with x.

    w_signed: False only for kind 0, and where the first operand has no sign either.
    """
    xs = min(x, PRODUCT_X[-1])
    ws = min(w, 5 if kind == 3 else w if kind else PRODUCT_W[-1])
    counted = coefficients()["r4_product" if kind else "r4_mul"]["lut"]
    size = _size(xs, signed, ws, w_signed)
    return counted.get(f"{kind}{size}" if kind else size, 0.0) * x * w / (xs * ws)


def _digits(v: int) -> int:
    """Digits other than zero of v in its shortest signed form."""
    v, n = abs(v), 0
    while v:
        if v & 1:
            n += 1
            v += 1 if v & 3 == 3 else -1
        v >>= 1
    return n


def _weight(code: int, kind: int, w: int) -> int:
    """The weight that r4_product takes a code of w bits for."""
    top = code >> (w - 1)
    if kind == 1:
        return -1 if code else 1
    if kind == 3:
        code &= (1 << (w - 1)) - 1
        return (1 << (code - 1) if code else 0) * (-1 if top else 1)
    return code - (top << w)


# What each bit of a power of two that never changes leaves of its product: the sign's takes the negation away, others
# some of the shifts, and a LUT for every bit of the result remains.
_BIT_LESS = 0.9


def _products(p: P) -> tuple[Terms, int, int, float]:
    """Products of r4_product by the weights of an image: LUT terms, bits of the products' registers and of the
    weights', and the share of products that are not zero.
    """
    x, w, kind, signed = p["XWidth"], p["WeightWidth"], p["WeightKind"], bool(p["XSigned"])
    image: Image = p["WeightFile"]
    n = image.width // w
    scale = min(1.0, p["ProdWidth"] / coded_width(x, signed, kind, w)) if kind == 3 else 1.0
    change = image.changing.reshape(n, w).copy()
    if p["Block"] and change.all():
        return {"product": n * product_luts(x, signed, kind, w) * scale}, n * p["ProdWidth"], n * w, 1.0
    bits = image.bits
    codes = bits.reshape(len(bits), n, w)
    if not p["Block"]:  # a sign that is extended is the same bit again
        change[:, 1:] &= (codes[:, :, 1:] != codes[:, :, :-1]).any(0)
    product = constant = 0.0
    ff = zero = 0
    for k, wide in enumerate(change.sum(1).tolist()):
        if wide:
            share = {0: 1.0, 3: scale * _BIT_LESS ** (w - wide)}.get(kind, wide / w)
            product += product_luts(x, signed, kind, wide if kind == 0 else w) * share
            ff += p["ProdWidth"]
            continue
        v = _weight(int(codes[0, k] @ (1 << np.arange(w, dtype=np.int64))), kind, w)
        if not v:
            zero += 1
            continue
        constant += (_digits(v) - (v > 0)) * x
        odd = abs(v) // (v & -v)
        ff += min(p["ProdWidth"], x + 1 - signed + odd.bit_length() - (odd == 1 and v > 0))
    lut: Terms = {"product": product, "constant": constant}
    word = int(change.sum()) if p["Block"] else _columns(image).shape[1]
    return lut, ff, word if len(bits) > 1 else 0, 1.0 - zero / n


def _lut_sums(p: P, *, shared: int, outputs: int, products: int) -> tuple[Terms, Terms]:
    """`shared` r4_dot_lut, each of `outputs` sums of `products`: rows of pairs, sums of their elements, trees."""
    x, w = p["XWidth"], p["WeightWidth"]
    pairs, n = (products + 1) // 2, shared * outputs
    term = x + 1 if products > 1 or x == 1 else x
    width = p["ProdWidth"] + 1 if products > 1 and p["ProdWidth"] < p["SumWidth"] else p["SumWidth"]
    stages = max(1, (w + 2) // 4)
    image: Image = p["WeightFile"]
    depth = _depth(image)
    bits = image.bits.reshape(depth, n, products, w)
    bits = np.pad(bits, ((0, 0), (0, 0), (0, pairs * 2 - products), (0, 0))).reshape(depth, n, pairs, 2, w)
    change = np.pad(image.changing.reshape(n, products, w), ((0, 0), (0, pairs * 2 - products), (0, 0)))
    change = change.reshape(n, pairs, 2, w)
    change[..., products % 2 * -1 :, 1, :] &= products % 2 == 0  # the odd one's partner
    chosen = change.any(2)  # (n, pairs, rows): a multiplexer
    kept = ~chosen & bits[0].any(2)  # a row that is always the same element or sum
    rows = chosen | kept
    first = rows & (np.cumsum(rows, 2) == 1)
    # What a row is added to reaches a bit further than itself, the last row as far as the result.
    reach = np.array([min(term + 1, width - b) if b < w - 1 else max(width - b, 1) for b in range(w)])
    added, couples = (rows & ~first) * reach, shared * (products // 2) * bool(rows.any())
    if depth == 1:
        code = (bits[0, :, :, 0] + 2 * bits[0, :, :, 1]).reshape(shared, outputs, pairs, w)
        fresh, couples = _fresh(code), int((code == 3).any((1, 3)).sum())
        added -= (
            (added > 0) & (kept & (bits[0].sum(2) == 1)) & (not p["XSigned"])
        )  # an element has no top bit
        added *= fresh.reshape(n, pairs, w)
    lut: Terms = {
        "row": float(added[..., :-1].sum()),
        "last_row": float(added[..., -1].sum()),
        "first_row": float((chosen & first).sum()) * term,
        "sum": couples * x,
    }
    adders, registers, shifts = _tree(pairs, width, p["SumWidth"], registered=True)
    lut |= {"tree": n * adders, "tree_shift": n * shifts}
    cuts = sum(term + 4 * j + 5 for j in range(stages - 1))  # sums of the rows up to a stage's end
    late = sum(max(0, (b - 1) // 4) for b in range(w))  # registers that a weight's later bits wait in
    # Bits of a word that are alike in every fold share a register.
    unlike = float(change.sum()) if p["Block"] else float(_columns(image).shape[1])
    operands, pair, cut = (
        shared * stages * (products * x + products // 2 * term),
        n * pairs * width,
        n * pairs * cuts,
    )
    if depth == 1:
        operands, pair, cut = _constant_pairs(code, fresh, x, term, width)
    ff: Terms = {
        "operands": operands,
        "pair": pair,
        "cut": cut,
        "weights": unlike * (1 + late / w) if depth > 1 else 0.0,
        "tree": n * registers,
    }
    return lut, ff


def _fresh(code: Bits) -> NDArray[np.bool_]:
    """Which rows (shared, outputs, pairs, bits) add up to what no output before has of the same elements: Yosys makes
    what is alike up to a row once.
    """
    prefix = np.cumsum(code.astype(np.int64) << 2 * np.arange(code.shape[-1]), axis=-1)
    order = np.argsort(prefix, axis=1, kind="stable")
    new = np.diff(np.take_along_axis(prefix, order, 1), axis=1, prepend=-1) != 0
    fresh = np.empty(code.shape, bool)
    np.put_along_axis(fresh, order, new, axis=1)
    return fresh


def _constant_pairs(
    code: Bits, fresh: NDArray[np.bool_], x: int, term: int, width: int
) -> tuple[int, int, int]:
    """Register bits of r4_dot_pair with weights that never change: elements and their sums in as many stages as a row
    still takes them, results, and sums of the rows up to a stage's end.

    code: what each row adds, as the module chooses it; fresh: see `_fresh`; both (shared, outputs, pairs, bits)
    """
    w = code.shape[-1]
    stage = np.array([max(0, (b - 1) // 4) for b in range(w)])
    operands = 0
    for taken, size in ((1, x), (2, x), (3, term)):
        some = (code == taken).any(1)  # (shared, pairs, bits)
        operands += int(np.where(some.any(-1), (stage * some).max(-1) + 1, 0).sum()) * size

    def size_of(some: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Bits of the sum of such rows, from the lowest one up, with a carry where they overlap."""
        low, high = some.argmax(-1), some.shape[-1] - 1 - some[..., ::-1].argmax(-1)
        return np.where(some.any(-1), high - low + term + (high > low), 0)

    rows = code > 0
    whole = np.where(rows[..., -1], width - rows.argmax(-1), np.minimum(size_of(rows), width))
    cut = sum(int((size_of(rows[..., : b + 1]) * fresh[..., b]).sum()) for b in range(4, w - 1, 4))
    return operands, int((whole * fresh[..., -1]).sum()), cut


def _dsp_sums(p: P, *, shared: int, outputs: int, products: int) -> tuple[Terms, Terms]:
    """`shared` r4_dot_dsp: trees of the chains' sums, elements' delays, and what overlapping fields need."""
    packing = Packing(p["Fields"], p["Spacing"], p["Chain"], bool(p["Overlap"]))
    chains, n = packing.chains(products), shared * outputs
    width = min(packing.spacing + packing.overlap, p["SumWidth"])
    adders, registers, shifts = _tree(chains, width, p["SumWidth"], registered=False)
    short = chains * packing.chain - products
    lags = [(s + short) % packing.chain for s in range(products)]
    known = shared * (outputs - -(-outputs // packing.fields)) * products * packing.overlap
    return (
        {
            "tree": n * adders,
            "tree_shift": n * shifts,
            "lag_shift": shared * p["XWidth"] * sum(k >= 3 for k in lags),
            "overlap": known,
        },
        {
            "tree": n * registers,
            "lag": shared * p["XWidth"] * sum(k for k in lags if k < 3),
            "overlap": known,
            "low": shared * products * packing.overlap,
        },
    )


def _multiply(p: P, *, shared: int, outputs: int, products: int, counters: list[int],
              accumulate: bool) -> tuple[Terms, Terms, float]:  # fmt: skip
    """What r4_mvu and r4_dwu share: `shared` times `outputs` sums of `products`, accumulators, weights, bias."""
    acc, sums = p["AccWidth"], shared * outputs
    moved = acc - p["Align"]  # bits of the accumulator that products reach
    folds = _depth(p["WeightFile"])
    lut: Terms
    ff: Terms
    if p["WeightKind"]:
        adders, registers, shifts = _tree(products, p["ProdWidth"], p["SumWidth"], registered=True)
        coded, prod_ff, weights, share = _products(p)
        lut = {"tree": sums * adders * share, "tree_shift": sums * shifts * share, **coded}
        ff = {
            "operands": shared * products * p["XWidth"],
            "weights": weights,
            "prod": prod_ff,
            "tree": sums * registers * share,
        }
        stages = 2 + _log(products)
    elif p["Fields"]:
        lut, ff = _dsp_sums(p, shared=shared, outputs=outputs, products=products)
        stages = 2 + p["Chain"] + _log(-(-products // p["Chain"]))
    else:
        lut, ff = _lut_sums(p, shared=shared, outputs=outputs, products=products)
        stages = 1 + max(1, (p["WeightWidth"] + 2) // 4) + _log((products + 1) // 2)
    links = p["Chain"] if folds > 1 else 1
    rom: Terms
    if links > 1 and not p["Block"]:  # a memory for every link, which reads in a cycle of its own
        rom, word = {}, 0
        for a, b in pairwise(_link_ends(p, sums, products)):
            part, bits = _rom_of(p["WeightFile"].bits[:, a:b])
            rom, word = _plus(rom, part), word + bits
    else:
        rom, word = _rom(p["WeightFile"], block=bool(p["Block"]))
    bias: Terms = {}
    bias_word = bias_folds = 0
    if p["HasBias"]:
        bias, bias_word = _rom(p["BiasFile"])
        bias_folds = _depth(p["BiasFile"])
    shift: Terms = {}
    shift_word = 0
    if p["ShiftWidth"]:
        shift, shift_word = _rom(p["ShiftFile"])
    way = "coded" if p["WeightKind"] else "overlap" if p["Overlap"] else "dsp" if p["Fields"] else "lut"
    lut |= {
        "one": 1,
        "folded": folds > 1,
        "control": sum(_counter(c) for c in counters),
        "mark_shift": 2 if accumulate and stages > 2 else 0,
        "acc": sums * moved * (accumulate or bias_folds > 1),
        **(_constant_bias(p) if bias_folds == 1 and not accumulate else {}),
        "borrow": sums * (p["Fields"] > 1 and not p["HasBias"] and not accumulate),
        f"{way}_first": sums * moved * (accumulate and not p["Align"] and not p["ShiftWidth"]),
        "shift": acc * _shifters(p) if shift_word else 0,
        "link": (links - 1) * _counter(folds),
    }
    for r in (rom, bias, shift):
        lut = _plus(lut, r)
    ff |= {
        "one": 1,
        "stages": stages,
        "stage_marks": 2 * stages * (accumulate and stages <= 2),
        "control": sum(_counter(c) for c in counters),
        "word": word,
        "acc": sums * acc,
        "addr": links * _counter(folds) + _counter(bias_folds) + _counter(bias_folds) * (p["ShiftWidth"] > 0),
        "bias_word": bias_word + shift_word,
    }
    return lut, ff, _weight_blocks(p, sums, products, folds) if p["Block"] else 0.0


def _constant_bias(p: P) -> Terms:
    """Adders of each output's own constant: its bits from the lowest one up, behind a DSP48E2 an inverter for each one
    in front of a carry chain.
    """
    ones = p["BiasFile"].bits.reshape(-1, p["AccWidth"])
    if p["Fields"]:
        return {"acc_ones": int(ones.sum())}
    return {"acc_constant": int(((np.cumsum(ones, axis=1) > 0) & ones.any(1, keepdims=True)).sum())}


def _shifters(p: P) -> int:
    """LUTs of a bit of all outputs' shifters: each chooses among the shifts that its own outputs have."""
    shifts = p["ShiftFile"].bits.reshape(_depth(p["ShiftFile"]), -1, p["ShiftWidth"]).transpose(1, 0, 2)
    return sum(ceil((len(np.unique(own, axis=0)) - 1) / 3) for own in shifts)


def _link_ends(p: P, sums: int, products: int) -> list[int]:
    """Where the part of a word of weights that each link of a chain reads begins, and the last one ends."""
    unit, links = sums * p["WeightWidth"], p["Chain"]
    chains = -(-products // links)
    short = chains * links - products
    return [unit * (k * chains - min(k, short)) for k in range(links + 1)]


def _weight_blocks(p: P, sums: int, products: int, folds: int) -> float:
    """RAMB36 of the weights: a memory for every link of a chain, less the blocks of which it reads no bit."""
    changing, links = p["WeightFile"].changing, p["Chain"]
    width = int(changing.sum())
    if links == 1 or not width:
        return bram36(width, folds)
    before = np.concatenate([[0], np.cumsum(changing)])  # bits that are the same in all words are in no block
    ends = [int(before[e]) for e in _link_ends(p, sums, products)]
    w, d, cost = min(TILES, key=lambda t: ceil(width / t[0]) * ceil(folds / t[1]) * t[2])  # of the whole word
    blocks = sum((b - 1) // w - a // w + 1 for a, b in pairwise(ends) if b > a)
    return float(blocks * ceil(folds / d) * cost)


@models("r4_mvu")
def _mvu(p: P) -> tuple[Terms, Terms, float]:
    sf, nf = p["SimdFolds"], p["PeFolds"]
    return _multiply(
        p,
        shared=1,
        outputs=p["Pe"],
        products=p["Simd"],
        counters=[sf if sf > 1 else nf],
        accumulate=sf > 1,
    )


@models("r4_dwu")
def _dwu(p: P) -> tuple[Terms, Terms, float]:
    return _multiply(
        p,
        shared=p["Lanes"],
        outputs=p["Multiplier"],
        products=p["Taps"],
        counters=[p["TapFolds"]],
        accumulate=p["TapFolds"] > 1,
    )


def _line(width: int, depth: int, *, block: bool = False) -> tuple[Terms, Terms, float]:
    """r4_line of one row: (LUT, FF, RAMB36)."""
    if depth <= 2:
        return {}, {"line": width * depth}, 0.0
    c = _log(depth)
    walk: Terms = {"line_walk": c, "line_wrap": _wrap(depth)}
    if block:
        return walk, {"line_walk": c}, bram36(width, depth)
    return walk | lutram(width, depth), {"line": width, "line_walk": c}, 0.0


@models("r4_pool")
def _pool(p: P) -> tuple[Terms, Terms, float]:
    n, w, y = p["Lanes"], p["Lanes"] * p["YWidth"], p["YWidth"]
    bits, wraps, counters = _counter(p["Groups"]), _wrap(p["Groups"]), int(p["Groups"] > 1)
    axes = odd = 0
    for count, stride in ((p["Height"], p["StrideH"]), (p["Width"], p["StrideW"])):
        bits += (_counter(count) if stride < count else 0) + (_counter(stride) if count > 1 else 0)
        if count > 1:
            axes, odd = axes + 1, odd + (stride & (stride - 1) > 0)
        if stride < count:
            wraps, counters = wraps + _wrap(count), counters + 1
    # A comparison is as large as Yosys makes it (wide multiplexers or a carry chain), with the choice of the larger.
    fold: Terms = {"sum_w": w} if p["Sum"] else {f"max{y}" if y <= 8 else "max_wide": n if y <= 8 else w}
    fold |= {"signed": n * p["XSigned"] * (not p["Sum"])}
    lut: Terms = {"one": 1, "axes": axes, "odd": odd, "counters": counters, "wraps": wraps}
    ff: Terms = {"one": 1, "walk": bits, "w": w}
    bram = 0.0
    if p["SizeW"] > 1:
        line_lut, line_ff, _ = _line(w, p["Groups"])
        lut, ff = _plus(_plus(lut, line_lut), fold), _plus(ff, line_ff)
    if p["SizeH"] > 1:
        columns = (p["Width"] - p["SizeW"]) // p["StrideW"] + 1
        line_lut, line_ff, bram = _line(w, columns * p["Groups"], block=bool(p["Block"]))
        lut, ff = _plus(_plus(lut, line_lut), fold), _plus(ff, line_ff)
        ff |= {"row": w, "rows": 1}
    return lut, ff, bram


@models("r4_reduce")
def _reduce(p: P) -> tuple[Terms, Terms, float]:
    n, taps, x, y, folded = p["Lanes"], p["Taps"], p["XWidth"], p["YWidth"], p["TapFolds"] > 1
    c = _counter(p["TapFolds"])
    adders, registers, shifts = _tree(taps, x if p["Sum"] else y, y, registered=False)
    lut: Terms = {"one": 1, "c": c, "wrap": _wrap(p["TapFolds"]), "tree_shift": n * shifts}
    if p["Sum"]:
        # To the beats before, or alone if it is the first: an adder and a choice for every bit. Those above a tap
        # without a sign are 0 then: the flip-flop is reset.
        gated = 2 * y if p["XSigned"] else 2 * x if taps == 1 else x + y
        lut |= {"sum": n * adders, "signs": n * (taps - 1) * p["XSigned"], "sum_fold": n * gated * folded}
    elif y <= 8:
        # A comparison is as large as Yosys makes it: of 3 bits, with its choice, 3 LUTs, of 4 bits 7. Over beats abc9
        # spends up to half as many again where nothing else is as slow (5 bits: 4 LUTs over 9 beats, 6 over 8 or 12),
        # which this does not tell; the grid has folds of 3, 4 and 9 beats for the most part.
        lut |= {f"max{y}": n * (taps - 1), f"max_fold{y}": n * folded}
    else:  # a carry chain
        lut |= {"max_wide": n * (taps - 1), "max_wide_w": n * (taps - 1) * y}
        lut |= {"max_fold_wide": n * folded, "max_fold_w_wide": n * y * folded}
    return lut, {"one": 1, "stages": _log(taps), "c": c, "w": n * y, "tree": n * registers}, 0.0


@models("r4_axis_in")
def _axis_in(p: P) -> tuple[Terms, Terms, float]:
    w, c = p["Lanes"] * p["ElemWidth"], _counter(p["Beats"])
    flags = _log(p["FlagDepth"]) * (p["FlagDepth"] > 2)
    return {"one": 1, "w": w, "c": c, "flags": flags}, {"one": 1, "w": w, "c": c, "flags": flags}, 0.0


@models("r4_axis_out")
def _axis_out(p: P) -> tuple[Terms, Terms, float]:
    w, c = p["Lanes"] * p["ElemWidth"], _counter(p["Beats"])
    # A flip-flop that the last beat clears takes a LUT; from nine bits on abc9 repeats parts of what they share.
    wraps = _wrap(p["Beats"])
    lut: Terms = {"one": 1, "counts": c > 0, "c": c, "wraps": wraps, "many": max(0, wraps - 4),
                  "long": max(0, c - 8) * (wraps > 0)}  # fmt: skip
    return lut, {"one": 1, "w": w, "c": c}, 0.0


@models("r4_fork")
def _fork(p: P) -> tuple[Terms, Terms, float]:
    return {"one": 1, "w": p["Width"]}, {"one": 1, "w": p["Width"]}, 0.0


@models("r4_add")
def _add(p: P) -> tuple[Terms, Terms, float]:
    n, sa, sb = p["Lanes"], p["ShiftA"], p["ShiftB"]
    signed = bool(p["SignedA"] or p["SignedB"])
    ends = [p[f"Shift{s}"] + p[f"Width{s}"] + (signed and not p[f"Signed{s}"]) for s in "AB"]
    meet = min(ends) > max(sa, sb)
    y = min(p["YWidth"], max(ends) + meet)  # the sum's bits; those above repeat its sign
    # What is below either operand, or above an unsigned one, passes through the adder.
    tops = [y - 1 if p[f"Signed{s}"] else p[f"Shift{s}"] + p[f"Width{s}"] for s in "AB"]
    return (
        {"one": 1, "both": n * max(0, min(tops) - max(sa, sb)) * meet},
        {"one": 1, "w": n * (y - min(sa, sb))},
        0.0,
    )


@models("r4_concat")
def _concat(p: P) -> tuple[Terms, Terms, float]:
    y = p["YWidth"]
    if p["Whole"]:  # copies of a sign share a register, zeros below have none
        return {"whole": 1}, {"whole": 1, "w": p["LanesA"] * p["WidthA"] + p["LanesB"] * p["WidthB"]}, 0.0
    c = _counter(p["BeatsA"]) + _counter(p["BeatsB"])
    spare = y - max(p["ShiftA"] + p["WidthA"], p["ShiftB"] + p["WidthB"])
    shifts = sorted((p["ShiftA"], p["ShiftB"]))
    w = p["LanesA"] * (y - max(0, spare) - shifts[0])
    chosen = w - p["LanesA"] * (shifts[1] - shifts[0])  # where one is a zero, the flip-flop is reset
    wraps = _wrap(p["BeatsA"]) + _wrap(p["BeatsB"])
    return {"one": 1, "counted": c > 0, "c": c, "wraps": wraps, "w": chosen}, {"one": 1, "c": c, "w": w}, 0.0


@models("r4_argmax")
def _argmax(p: P) -> tuple[Terms, Terms, float]:
    n, x, y, c = p["Lanes"], p["XWidth"], p["YWidth"], _counter(p["Groups"])
    again, levels = p["Groups"] > 1, _log(n)
    _, registers, shifts = _tree(n, x, x, registered=False)
    nodes = [-(-n >> level) for level in range(1, levels + 1)]
    selected = max(0, n - 2 + again)  # the very last one's own value is of no use
    lut: Terms = {"one": 1, "c": c, "wrap": _wrap(p["Groups"]), "compared": (n - 1 + again) * x,
                  "selected": selected * x, "at": sum(k * level for level, k in enumerate(nodes, 1)),
                  "tree_shift": shifts, "again": again, "base": again * y}  # fmt: skip
    ff: Terms = {"one": 1, "stages": levels, "c": c, "y": y, "x": again * x + registers - (n > 1 and not again) * x,
                 "at": lut["at"], "base": again * y}  # fmt: skip
    return lut, ff, 0.0


def _comparison(constant: int, width: int, at_once: int) -> set[tuple[int, int, str]]:
    """LUTs that compare a number with a constant, so many bits at once from the top: which group, its constant, and
    whether it is equal or greater; no group is greater than ones.
    """
    found = set()
    for low in range(width - at_once, -at_once, -at_once):
        ones = (1 << min(at_once, low + at_once)) - 1
        v = constant >> max(0, low) & ones
        found.add((low, v, "equal"))
        if v < ones:
            found.add((low, v, "greater"))
    return found


def _reached(constant: int, width: int, *, signed: bool) -> int:
    """LUTs that tell whether a number is at least a constant other than zero in its lowest bits.

    From 13 bits on Yosys compares six bits a LUT, from the top, and a carry chain joins them: a LUT tells that the six
    are equal, one that they are greater. None is greater than ones; greater than 01...1, or at least 10...0, is the
    top bit itself, which for a sign is inverted. Fewer bits are logic, of which abc9 makes 3 LUTs or 4; six are one.
    """
    if not constant % (1 << width):  # the sign alone
        return 1
    zeros = (constant & -constant).bit_length() - 1
    if width <= 12:
        return 1 if width - zeros <= 6 else 3 if width - zeros < 12 else 4
    v = (constant + ((1 << (width - 1)) if signed else 0)) % (1 << width)
    luts = 0
    for low in range(width - 6, -6, -6):
        bits = min(6, low + 6)
        part, ones, top = v >> max(0, low) & ((1 << bits) - 1), (1 << bits) - 1, low == width - 6
        luts += bits > 1 or not part
        luts += part != ones and (part - (ones >> 1) not in (0, 1) or (top and signed))
    return luts


@models("r4_mask")
def _mask(p: P) -> tuple[Terms, Terms, float]:
    n, t = p["Lanes"], p["Threshold"]
    luts = _reached(t, p["XWidth"], signed=bool(p["XSigned"]))
    return {"one": 1, "n": n * luts}, {"one": 1, "n": n}, 0.0


def _walk(p: P, *names: str) -> tuple[Terms, Terms, float]:
    w = p["Lanes"] * p["ElemWidth"]
    bits, wraps = sum(_counter(p[k]) for k in names), sum(_wrap(p[k]) for k in names)
    return {"one": 1, "walk": bits, "wraps": wraps, "w": w}, {"one": 1, "walk": bits, "w": w}, 0.0


@models("r4_pad")
def _pad(p: P) -> tuple[Terms, Terms, float]:
    q = dict(p)
    q["Height"] += p["PadTop"] + p["PadBottom"]
    q["Width"] += p["PadLeft"] + p["PadRight"]
    lut, ff, _ = _walk(q, "Groups", "Height", "Width")
    lut["limits"] = sum(p[k] > 0 for k in ("PadTop", "PadBottom", "PadLeft", "PadRight"))
    lut["groups"] = p["Groups"] > 1
    return lut, ff, 0.0


@models("r4_crop")
def _crop(p: P) -> tuple[Terms, Terms, float]:
    lut, ff, _ = _walk(p, "Groups", "Height", "Width")
    # Whether a step is inside is a function of a counter's bits.
    axes = [(p[f"Crop{a}"], p[f"Out{b}"], p[b]) for a, b in (("Top", "Height"), ("Left", "Width"))]
    lut["inside"] = sum(first > 0 or first + out < size for first, out, size in axes)
    # An axis that ends between powers of two compares and clears its counter.
    lut["ended"] = sum(_counter(p[k]) * (_wrap(p[k]) > 0) for k in ("Height", "Width"))
    del lut["w"]
    return lut, ff, 0.0


@models("r4_upsample")
def _upsample(p: P) -> tuple[Terms, Terms, float]:
    w = p["Lanes"] * p["ElemWidth"]
    q = dict(p)
    if p["FactorH"] == 1:
        q["Width"] = 1  # nobody asks for the column
    lut, ff, _ = _walk(q, "Groups", "Width", "FactorH", "FactorW")
    # One pixel's beat stays in the output register, the second of two in one more.
    copies, pixels = p["FactorW"] > 1, p["Groups"]
    lut["w"] = w * ((p["FactorH"] > 1) + (copies and pixels > 1))
    ff["w"] = w * (1 + (copies and pixels == 2))
    bram = 0.0
    if p["FactorH"] > 1:
        line_lut, line_ff, bram = _line(w, pixels * p["Width"], block=bool(p["Block"]))
        lut, ff = _plus(lut, line_lut), _plus(ff, line_ff)
    if copies and pixels > 2:
        line_lut, line_ff, _ = _line(w, pixels)
        lut, ff = _plus(lut, line_lut), _plus(ff, line_ff)
    return lut, ff, bram


def _lanes_of(image: Image, n: int, width: int, *, shared: bool) -> list[Bits]:
    """The bits of every lane's column."""
    bits = image.bits
    return [bits[:, :width] if shared else bits[:, i * width : (i + 1) * width] for i in range(n)]


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
                found |= _comparison(v, w, 3)
        luts += n // columns * len(found)
    return luts


@models("r4_threshold")
def _threshold(p: P) -> tuple[Terms, Terms, float]:
    n, x, w, y, t, rows = p["Lanes"], p["XWidth"], p["TWidth"], p["YWidth"], p["Thresholds"], p["Rows"]
    depth = _log(t + 1)
    stages = 1 if p["Parallel"] else depth
    lut: Terms = {"one": 1, "row": _counter(rows)}
    ff: Terms = {"one": 1, "stages": stages, "row": _counter(rows), "y": n * y}
    if p["LevelKind"] > 1:
        for bits in _lanes_of(p["LevelFile"], n, y, shared=bool(p["LevelShared"])):
            leaves, select = _leaves(_changing(bits))
            lut = _plus(lut, {"level": leaves, "level_select": select})
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
        word = _changing(p["InitFile"].bits).shape[1]
        lut |= {"rom": word, "compared": n * t * x, "compared_n": n * t}
        return lut, ff | {"reached": n * t, "word": word}, 0.0
    upper = depth - 2 if p["Block"] else depth
    reads = {"rom": 0.0, "select": 0.0, "word": 0.0}
    for bits in _lanes_of(p["InitFile"], n, w, shared=bool(p["Shared"])):
        tree = bits.reshape(rows, 1 << upper, w)
        for s in range(upper):
            level = _changing(tree[:, 1 << s : 2 << s].reshape(-1, w))
            # Left to logic: what joins 64 words to those before grows with the words, not with powers of two of them.
            more = max(0.0, len(level) / 64 - (not p["Block"]))
            reads["rom"] += _leaves(level)[0]
            reads["select"] += level.shape[1] * more / 2 * (len(level) > 64)
            reads["word"] += level.shape[1]
    joined = "block_select" if p["Block"] else "rom_select"
    lut |= {"compared": n * depth * x, "rom": reads["rom"], joined: reads["select"]}
    ff |= {"pipe": n * depth * x, "answers": n * depth * (depth - 1) // 2, "word": reads["word"],
           "rows": stages * _counter(rows)}  # fmt: skip
    if not p["Block"]:
        return lut, ff, 0.0
    if p["Shared"]:
        return lut, ff, n * bram36(w, rows << depth, ports=2)
    return lut, ff, column_blocks(n, w, rows << depth, ports=2)


@models("r4_table")
def _table(p: P) -> tuple[Terms, Terms, float]:
    n, x, y, rows = p["Lanes"], p["XWidth"], p["YWidth"], p["Rows"]
    index = _log(p["Entries"])
    least = -(1 << (x - 1)) if p["XSigned"] else 0
    below, above = p["First"] > least, p["First"] + p["Entries"] < least + (1 << x)
    # A carry chain adds -First: a bit of x goes into it as it is or, where the constant has a one, inverted by a LUT.
    inverted = -p["First"] % (1 << (x + 1 if below else index))
    lut: Terms = {
        "one": 1,
        "row": _counter(rows),
        "offset": n * inverted.bit_count(),
        "limit": n * x * (below + above),
        "index": n * index * (below and above),  # of one limit alone registers are set or reset
    }
    ff: Terms = {"one": 1, "row": _counter(rows), "index": n * index, "y": n * y}
    if p["Block"]:
        blocks = n * bram36(y, rows << index) if p["Shared"] else column_blocks(n, y, rows << index)
        return lut, ff | {"y": 0}, blocks
    for bits in _lanes_of(p["InitFile"], n, y, shared=bool(p["Shared"])):
        leaves, select = _leaves(_changing(bits))
        lut = _plus(lut, {"rom": leaves, "rom_select": select})
    return lut, ff, 0.0


def _adders(cell: Cell) -> tuple[Terms, Terms, float]:
    """A generated graph of adders: the bits that both operands of each reach, and the bits kept between stages."""
    from rtl4ml.unrolled import Adders

    assert isinstance(cell, Adders)
    g = cell.graph
    pairs = constants = kept = 0
    for i, n in enumerate(g.nodes):
        width = n.type.width if i >= g.inputs else cell.x.bits
        kept += width * (cell.life[i] - cell.stage[i])
        if i < g.inputs:
            continue
        # Low bits that pass: those of one operand below the other, but for those that a subtraction inverts.
        if n.constant is None:
            pairs += max(0, width - max(n.b_shift, 0 if n.subtract else n.a_shift))
        else:
            zeros = (n.constant & -n.constant).bit_length() - 1 if n.constant else width
            constants += max(0, width - max(n.a_shift, 0 if n.subtract else zeros))
    return {"one": 1, "adder": pairs, "constant": constants}, {"one": 1, "kept": kept}, 0.0


@cache
def coefficients() -> dict[str, dict[str, dict[str, float]]]:
    """Module -> "lut" or "ff" -> term -> cost."""
    found: dict[str, dict[str, dict[str, float]]] = json.loads(
        (files("rtl4ml") / "resources.json").read_text(encoding="utf-8")
    )
    return found


def terms(module: str, params: Mapping[str, Param], cell: Cell | None = None) -> tuple[Terms, Terms, float]:
    """Terms of LUT and FF, and RAMB36, of a module with these parameters."""
    if cell is not None and cell.generated:
        return _adders(cell)
    return MODELS[module]({**DEFAULTS, **params})


def estimate(module: str, params: Mapping[str, Param], cell: Cell | None = None) -> Resources:
    """What Yosys would count for a module with these parameters; generated modules are told by their cell."""
    lut, ff, bram = terms(module, params, cell)
    cost = coefficients()["adders" if cell is not None and cell.generated else module]
    dsp = 0.0
    if fields := params.get("Fields"):
        q: P = params
        shared, outputs, products = (
            (1, q["Pe"], q["Simd"]) if module == "r4_mvu" else (q["Lanes"], q["Multiplier"], q["Taps"])
        )
        dsp = shared * ceil(outputs / fields) * products
    return Resources(
        sum(v * cost["lut"].get(k, 0.0) for k, v in lut.items()),
        sum(v * cost["ff"].get(k, 0.0) for k, v in ff.items()),
        dsp,
        bram,
    )


from rtl4ml import resources_2d as _resources_2d  # noqa: E402, F401 -- registers further modules
