"""LUT, flip-flops, DSP48E2 and RAMB36 of every cell, predicted from its parameters alone.

Each module has a list of terms: sizes of its parts (bits of adders, of registers, of multiplexers, LUTs of memories)
as its source states them. What a term costs is a coefficient, fitted to Yosys's counts over a grid of parameters by
`scripts/calibrate_resources.py` and kept in `resources.json`. DSP48E2 are the products that r4_mvu and r4_dwu put
there; RAMB36 follow from widths and depths (UG573: 72 x 512, 36 x 1,024, ... of an RAMB36, half of it an RAMB18).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from math import ceil
from typing import TYPE_CHECKING, Any

from rtl4ml.netlist import Resources

if TYPE_CHECKING:
    from rtl4ml.netlist import Cell, Param

Terms = dict[str, float]
P = Mapping[str, Any]


def _log(n: int) -> int:
    """Bits that count to n - 1."""
    return max(0, (n - 1).bit_length())


def _counter(n: int) -> int:
    """Bits of a counter of n steps; none for one."""
    return _log(n) if n > 1 else 0


def bram36(width: int, depth: int) -> float:
    """RAMB36 of a memory with one write and one read port: the cheapest of the uniform tilings."""
    tiles = [(72, 512, 1.0), (36, 1024, 1.0), (18, 2048, 1.0), (9, 4096, 1.0), (4, 8192, 1.0), (2, 16384, 1.0),
             (1, 32768, 1.0), (36, 512, 0.5), (18, 1024, 0.5), (9, 2048, 0.5), (4, 4096, 0.5), (2, 8192, 0.5),
             (1, 16384, 0.5)]  # fmt: skip
    return min(ceil(width / w) * ceil(depth / d) * cost for w, d, cost in tiles)


def _lutram(width: int, depth: int) -> Terms:
    """Distributed memory with one write and one read port, and the multiplexers of a deep one."""
    return {
        "lutram": width * ceil(depth / 64) if depth > 32 else width * 0.57,
        "lutram_mux": width * _log(ceil(depth / 64)),
    }


def _rom(width: int, depth: int) -> float:
    """LUTs of a constant memory read by address."""
    return 0.0 if depth <= 1 else width * max(1.0, depth / 64)


def _tree(inputs: int, width: int, limit: int) -> tuple[int, int]:
    """(bits of adders, bits of registers) of r4_adder_tree."""
    adders = registers = 0
    while inputs > 1:
        nxt = min(width + 1, limit)
        adders += inputs // 2 * nxt
        inputs, width = (inputs + 1) // 2, nxt
        registers += inputs * nxt
    return adders, registers


# Parameters that a cell may leave at the module's default.
DEFAULTS = {
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


@models("r4_fifo")
def _fifo(p: P) -> tuple[Terms, Terms, float]:
    w, d = p["Width"], p["Depth"]
    if d <= 2:
        return {"small": 1, "small_w": w * (d > 1)}, {"small": 1, "small_w": w * min(d, 2)}, 0.0
    c = _log(d)
    if p["MemoryKind"]:
        return {"block": 1, "block_c": c}, {"block": 1, "block_c": c}, bram36(w, d - 1)
    return (
        {"deep": 1, "deep_c": c, "deep_w": w, **_lutram(w, d - 1)},
        {"deep": 1, "deep_c": c, "deep_w": w},
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
    kept = max(x + 2 - right, 1)
    room = max(kept + left, y + 1)
    # An unsigned number needs no sign in rounding nor a comparison with the lower limit; a left shift no rounding.
    case = "left" if not right else "signed" if p["XSigned"] else "unsigned"
    lut: Terms = {"one": 1, f"{case}_x": n * x, f"{case}_y": n * y, f"{case}_n": n}
    mid = room if right else x + 1
    return lut, {"one": 1, f"{case}_mid": n * mid, "y": n * y}, 0.0


def _axes(p: P) -> tuple[int, int]:
    """(counter bits of the loops, how many counters there are)."""
    counts = [p["Groups"], p["KernelW"], p["KernelH"], p.get("Replays", 1), p["OutWidth"], p["OutHeight"]]
    return sum(_counter(c) for c in counts), sum(c > 1 for c in counts)


@models("r4_window")
def _window(p: P) -> tuple[Terms, Terms, float]:
    w, d = p["Lanes"] * p["ElemWidth"], p["Depth"]
    beats = p["Height"] * p["Width"] * p["Groups"]
    slack = (p["PadTop"] * p["Width"] + p["PadLeft"]) * p["Groups"]
    count = _log(2 * (d + beats + slack) + 2) + 1
    addr = _log(d)
    bits, loops = _axes(p)
    pad = bool(
        p["PadTop"]
        or p["PadLeft"]
        or (p["OutHeight"] - 1) * p["StrideH"] + (p["KernelH"] - 1) * p["DilationH"]
        >= p["Height"] + p["PadTop"]
        or (p["OutWidth"] - 1) * p["StrideW"] + (p["KernelW"] - 1) * p["DilationW"]
        >= p["Width"] + p["PadLeft"]
    )
    axis = (_log(p["Width"] + p["PadLeft"] + 4) + 1) * pad
    memory = {} if p["Block"] else _lutram(w, d)
    single = p["KernelH"] * p["KernelW"] == 1
    lut = {"one": 1, "count": count, "addr": addr, "loop": bits, "loops": loops, "axis": axis, "pad_w": w * pad,
           "taps": 0 if single else count + addr, **memory}  # fmt: skip
    ff = {"one": 1, "count": count, "addr": addr, "loop": bits, "axis": axis,
          "taps": 0 if single else count + addr, "w": 0 if p["Block"] else w}  # fmt: skip
    return lut, ff, bram36(w, d) if p["Block"] else 0.0


@models("r4_taps")
def _taps(p: P) -> tuple[Terms, Terms, float]:
    w = p["Lanes"] * p["ElemWidth"]
    rows, kh, kw = (p["KernelH"] - 1) * p["DilationH"], p["KernelH"], p["KernelW"]
    bits = _counter(p["Groups"]) + _counter(p["ExtWidth"]) + _counter(p["ExtHeight"])
    depth = p["DilationW"] * p["Groups"]
    padded = p["PadTop"] + p["PadLeft"] > 0
    virtual = p["ExtWidth"] > p["Width"] or p["ExtHeight"] > p["Height"]
    line = p["ExtWidth"] * p["Groups"]
    cols = (kw - 1) * kh * w
    lut = {"one": 1, "walk": bits, "mask": kh * kw * w * padded, "here": w * virtual}
    ff = {"one": 1, "walk": bits, "taken": kh * w, "cols": cols * depth if depth <= 2 else 0}
    if depth > 2:
        lut["srl"] = cols * ceil((depth - 1) / 32)
    bram = 0.0
    if rows and line > 2:
        lut["line_walk"] = _log(line)
        ff["line_walk"] = _log(line)
        if p["Block"]:
            bram = bram36(rows * w, line)
        else:
            lut |= _lutram(rows * w, line)
            ff["line"] = rows * w
    elif rows:
        ff["line"] = rows * w * line
    return lut, ff, bram


def _products(n: int, p: P) -> tuple[Terms, Terms]:
    """N products of r4_product."""
    x, w, prod, kind = p["XWidth"], p["WeightWidth"], p["ProdWidth"], p["WeightKind"]
    if kind == 0 and p["Dsp"]:
        return {}, {}
    if kind == 0:
        return {"mul_xw": n * x * w, "mul_x": n * x, "mul_w": n * w, "mul_n": n}, {"prod": n * prod}
    if kind == 3:
        return {"po2_xw": n * prod * (w - 1), "po2_p": n * prod}, {"prod": n * prod}
    return {f"kind{kind}_p": n * prod, f"kind{kind}_n": n}, {"prod": n * prod}


def _multiply(p: P, *, products: int, lanes_in: int, sums: int, tree_inputs: int, folds: int, fold_bits: int,
              out_folds: int, accumulate: bool, hold: int) -> tuple[Terms, Terms, float]:  # fmt: skip
    """What r4_mvu and r4_dwu share: products, trees, accumulators, weights, bias."""
    acc = p["AccWidth"]
    moved = acc - p["Align"]  # bits of the accumulator that products reach
    adders, registers = _tree(tree_inputs, p["ProdWidth"], p["SumWidth"])
    lut, ff = _products(products, p)
    stages = 2 + _log(tree_inputs)
    word = products * p["WeightWidth"]
    dsp = p["WeightKind"] == 0 and p["Dsp"]
    lut |= {
        "one": 1,
        "control": fold_bits + hold,
        "tree": sums * adders,
        "acc": sums * moved * accumulate,
        "first": sums * moved * (accumulate and p["HasBias"]),
        "bias": sums * moved * (p["HasBias"] and not accumulate),
        "shift": sums * acc * p.get("ShiftWidth", 0),
        "rom": 0.0 if p["Block"] else _rom(word, folds),
        "bias_rom": _rom(sums * acc, out_folds) * p["HasBias"],
    }
    ff |= {
        "one": 1,
        "stages": stages,
        "control": fold_bits + hold,
        "operands": 0 if dsp else lanes_in * p["XWidth"],
        "weights": (0 if dsp or folds == 1 else word) + (0 if p["Block"] or folds == 1 else word),
        "tree": sums * registers,
        "acc": sums * acc,
        "addr": _counter(folds) + _counter(out_folds) * p["HasBias"],
        "bias_word": sums * acc * (p["HasBias"] and out_folds > 1),
    }
    return lut, ff, bram36(word, folds) if p["Block"] else 0.0


@models("r4_mvu")
def _mvu(p: P) -> tuple[Terms, Terms, float]:
    sf, nf = p["SimdFolds"], p["PeFolds"]
    return _multiply(
        p,
        products=p["Pe"] * p["Simd"],
        lanes_in=p["Simd"],
        sums=p["Pe"],
        tree_inputs=p["Simd"],
        folds=sf * nf,
        fold_bits=_counter(sf),
        out_folds=nf,
        accumulate=sf > 1,
        hold=_counter(nf) if sf == 1 else 0,
    )


@models("r4_dwu")
def _dwu(p: P) -> tuple[Terms, Terms, float]:
    lanes = p["Lanes"] * p["Multiplier"]
    return _multiply(
        p,
        products=lanes * p["Taps"],
        lanes_in=p["Lanes"] * p["Taps"],
        sums=lanes,
        tree_inputs=p["Taps"],
        folds=p["Groups"] * p["TapFolds"],
        fold_bits=_counter(p["TapFolds"]),
        out_folds=p["Groups"],
        accumulate=p["TapFolds"] > 1,
        hold=0,
    )


@models("r4_pool")
def _pool(p: P) -> tuple[Terms, Terms, float]:
    w = p["Lanes"] * p["YWidth"]
    bits = sum(_counter(p[k]) for k in ("Groups", "Height", "Width", "SizeH", "SizeW"))
    columns = (p["Width"] - p["SizeW"]) // p["StrideW"] + 1
    partial = p["Groups"] * (columns if p["SizeH"] > 1 else 1)
    memory: Terms = {}
    bram = 0.0
    if partial > 2:
        if p["Block"]:
            bram = bram36(w, partial)
        else:
            memory = _lutram(w, partial)
    kind = "sum" if p["Sum"] else "max"
    rows = p["SizeH"] > 1
    lut = {"one": 1, "walk": bits, f"{kind}_w": w, f"{kind}_n": p["Lanes"], "row_w": w * rows, **memory}
    ff = {
        "one": 1,
        "walk": bits,
        "w": w,
        "row_w": w * rows,
        "row": rows,
        "partial": w * partial * (partial <= 2),
    }
    return lut, ff, bram


@models("r4_reduce")
def _reduce(p: P) -> tuple[Terms, Terms, float]:
    w = p["Lanes"] * p["YWidth"]
    kind = "sum" if p["Sum"] else "max"
    c = _counter(p["TapFolds"])
    fold = p["TapFolds"] > 1
    return (
        {"one": 1, "c": c, f"{kind}_tree": w * (p["Taps"] - 1), f"{kind}_fold": w * fold},
        {"one": 1, "c": c, "w": w, "tree": w * (p["Taps"] - 1)},
        0.0,
    )


@models("r4_axis_in")
def _axis_in(p: P) -> tuple[Terms, Terms, float]:
    w, c = p["Lanes"] * p["ElemWidth"], _counter(p["Beats"])
    return {"one": 1, "w": w, "c": c}, {"one": 1, "w": w, "c": c}, 0.0


@models("r4_axis_out")
def _axis_out(p: P) -> tuple[Terms, Terms, float]:
    w, c = p["Lanes"] * p["ElemWidth"], _counter(p["Beats"])
    return {"one": 1, "w": w, "c": c}, {"one": 1, "w": w, "c": c}, 0.0


@models("r4_fork")
def _fork(p: P) -> tuple[Terms, Terms, float]:
    return {"one": 1, "w": p["Width"]}, {"one": 1, "w": p["Width"]}, 0.0


@models("r4_add")
def _add(p: P) -> tuple[Terms, Terms, float]:
    w = p["Lanes"] * p["YWidth"]
    return {"one": 1, "w": w}, {"one": 1, "w": w}, 0.0


@models("r4_concat")
def _concat(p: P) -> tuple[Terms, Terms, float]:
    y, c = p["YWidth"], _counter(p["BeatsA"] + p["BeatsB"])
    if p["Whole"]:
        w = (p["LanesA"] + p["LanesB"]) * y
        return {"whole": 1}, {"whole": 1, "whole_w": w}, 0.0
    w = p["LanesA"] * y
    return {"one": 1, "c": c, "w": w}, {"one": 1, "c": c, "w": w}, 0.0


@models("r4_argmax")
def _argmax(p: P) -> tuple[Terms, Terms, float]:
    n, x, y, c = p["Lanes"], p["XWidth"], p["YWidth"], _counter(p["Groups"])
    return (
        {"one": 1, "c": c, "cmp": n * x, "index": n * y, "n": n},
        {"one": 1, "c": c, "x": x, "y": y, "nx": (n - 1) * x, "ny": (n - 1) * y},
        0.0,
    )


@models("r4_mask")
def _mask(p: P) -> tuple[Terms, Terms, float]:
    return {"one": 1, "x": p["Lanes"] * p["XWidth"]}, {"one": 1, "n": p["Lanes"]}, 0.0


def _walk(p: P, *names: str) -> tuple[Terms, Terms, float]:
    w = p["Lanes"] * p["ElemWidth"]
    bits = sum(_counter(p[k]) for k in names)
    return {"one": 1, "walk": bits, "w": w}, {"one": 1, "walk": bits, "w": w}, 0.0


@models("r4_pad")
def _pad(p: P) -> tuple[Terms, Terms, float]:
    q = dict(p)
    q["Height"] += p["PadTop"] + p["PadBottom"]
    q["Width"] += p["PadLeft"] + p["PadRight"]
    return _walk(q, "Groups", "Height", "Width")


@models("r4_crop")
def _crop(p: P) -> tuple[Terms, Terms, float]:
    return _walk(p, "Groups", "Height", "Width")


@models("r4_upsample")
def _upsample(p: P) -> tuple[Terms, Terms, float]:
    w = p["Lanes"] * p["ElemWidth"]
    lut, ff, _ = _walk(p, "Groups", "Width", "FactorH", "FactorW")
    row = p["Groups"] * (p["Width"] if p["FactorH"] > 1 else 1)
    bram = 0.0
    if p["FactorH"] > 1 or p["Groups"] > 1:
        if p["Block"]:
            bram = bram36(w, row)
        else:
            lut |= _lutram(w, row)
    return lut, ff, bram


@models("r4_threshold")
def _threshold(p: P) -> tuple[Terms, Terms, float]:
    n, x, y, t = p["Lanes"], p["TWidth"], p["YWidth"], p["Thresholds"]
    rows = p["Rows"]
    levels = {"level": n * y * max(1.0, t * (1 if p["LevelShared"] else rows) / 64) * (p["LevelKind"] == 2)}
    if p["Parallel"]:
        return (
            {"par": 1, "par_cmp": n * t * x, "par_n": n * t, "par_y": n * y, **levels},
            {"par": 1, "par_n": n * t, "par_y": n * y, "par_x": n * p["XWidth"]},
            0.0,
        )
    depth = _log(t + 1)
    words = [rows * 2**i for i in range(depth)]
    memory = 0.0 if p["Block"] else n * x * sum(_rom(1, d) for d in words)
    bram = sum(bram36(x, d) for d in words if d >= 64) * n / 2 if p["Block"] else 0.0
    return (
        {"one": 1, "cmp": n * depth * x, "stage": n * depth, "rom": memory, **levels},
        {
            "one": 1,
            "pipe": n * depth * p["XWidth"],
            "index": n * depth * depth,
            "word": n * depth * x,
            "row": depth * _log(rows),
            "y": n * y,
        },
        bram,
    )


@models("r4_table")
def _table(p: P) -> tuple[Terms, Terms, float]:
    n, x, y, e = p["Lanes"], p["XWidth"], p["YWidth"], p["Entries"]
    depth = e * (1 if p["Shared"] else p["Rows"])
    lut: Terms = {"one": 1, "clip": n * x, "n": n, "rows": _log(p["Rows"])}
    ff: Terms = {"one": 1, "addr": n * _log(e), "y": n * y, "rows": _log(p["Rows"])}
    if p["Block"]:
        return lut, ff, bram36(y, depth) * ceil(n / 2)
    return {**lut, "rom": n * _rom(y, depth)}, ff, 0.0


def _adders(cell: Cell) -> tuple[Terms, Terms, float]:
    """A generated graph of adders: the bits that both operands of each reach, and the bits kept between stages."""
    from rtl4ml.unrolled import Adders

    assert isinstance(cell, Adders)
    g = cell.graph
    bits = kept = 0
    for i, n in enumerate(g.nodes):
        width = n.type.width if i >= g.inputs else cell.x.bits
        kept += width * (cell.life[i] - cell.stage[i])
        if i < g.inputs:
            continue
        if n.constant is not None:
            bits += width
            continue
        free = n.b_shift if not n.subtract else 0  # low bits of a pass through below b
        free = max(free, n.a_shift if not n.subtract else 0, n.b_shift)
        bits += max(0, width - free)
    return {"one": 1, "adder": bits, "adders": g.adders}, {"one": 1, "kept": kept}, 0.0


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
    if params.get("Dsp"):
        p: P = params
        dsp = p["Pe"] * p["Simd"] if module == "r4_mvu" else p["Lanes"] * p["Multiplier"] * p["Taps"]
    return Resources(
        sum(v * cost["lut"].get(k, 0.0) for k, v in lut.items()),
        sum(v * cost["ff"].get(k, 0.0) for k, v in ff.items()),
        dsp,
        bram,
    )


from rtl4ml import resources_2d as _resources_2d  # noqa: E402, F401 -- registers further modules
