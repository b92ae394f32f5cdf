"""The Python face of the cells in `rtl/`: parameters, images, timing; and how linear operators are made of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from rtl4ml.device import XCZU9EG
from rtl4ml.ir import Ints
from rtl4ml.netlist import Cell, Image, Index, Lowering, Param, Timing, Wire
from rtl4ml.ops.activation import Activation, Rounding, Table, Thresholds
from rtl4ml.ops.conv import Conv, Depthwise, Linear, WeightKind
from rtl4ml.packing import Choice, Packing, Same, fewest, in_luts, packings_of, sums_of


def is_block(depth: int, width: int) -> bool:
    """Whether a memory takes a smaller share of the device's block RAM than it would take of its LUTs."""
    blocks, luts = _either(depth, width)
    return blocks / XCZU9EG["bram36"] < luts / XCZU9EG["lut"]


@cache  # but not what is chosen: that depends on the device
def _either(depth: int, width: int) -> tuple[float, float]:
    """RAMB36 or LUTs of a memory."""
    from rtl4ml.resources import bram36, lutram

    return bram36(width, depth), sum(lutram(width, depth).values())


class LibraryCell(Cell):
    """A cell of `rtl/`."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Fifo(LibraryCell):
    """First in, first out; cuts the ready path."""

    module: ClassVar[str] = "r4_fifo"

    depth: int = 2

    @property
    def block(self) -> bool:
        # one of block RAM keeps a beat a cycle from three entries on
        return self.depth > 2 and is_block(self.depth, self.x.width)

    @property
    def wait(self) -> int:
        """Cycles from the taking of a beat to its being offered: block RAM is written first, then read."""
        return 1 + self.block

    def params(self) -> dict[str, Param]:
        return {"Width": self.x.width, "Depth": self.depth, "MemoryKind": int(self.block)}

    def timing(self) -> Timing:
        k = np.arange(self.x.beats)
        return Timing(self.x.beats, (k + 1,), (k,), latency=0, wait=self.wait, free=k + 1, depth=self.depth)


@dataclass(frozen=True, kw_only=True, eq=False)
class Width(LibraryCell):
    """The same elements in another number of lanes."""

    module: ClassVar[str] = "r4_width"

    def params(self) -> dict[str, Param]:
        return {"XLanes": self.x.lanes, "YLanes": self.y.lanes, "ElemWidth": self.x.bits}

    def timing(self) -> Timing:
        if self.x.lanes < self.y.lanes:
            ratio = self.y.lanes // self.x.lanes
            return Timing(
                self.x.beats,
                (np.arange(self.x.beats) + 1,),
                (np.arange(self.y.beats) * ratio + ratio - 1,),
                latency=1,
            )
        ratio = self.x.lanes // self.y.lanes
        return Timing(
            self.y.beats, (np.arange(self.y.beats) // ratio + 1,), (np.arange(self.y.beats),), latency=1
        )


@dataclass(frozen=True)
class Geometry:
    """What a window cell walks over; all sizes in pixels of `groups` beats."""

    height: int
    width: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: tuple[tuple[int, int], tuple[int, int]]
    out: tuple[int, int]

    @property
    def taps(self) -> int:
        return self.kernel[0] * self.kernel[1]

    @property
    def extent(self) -> tuple[int, int]:
        """Positions that a parallel window walks over: the frame and the padding that it reaches behind it."""
        size = []
        for n, k, s, d, (before, _), o in zip(
            (self.height, self.width),
            self.kernel,
            self.stride,
            self.dilation,
            self.padding,
            self.out,
            strict=True,
        ):
            size.append(max(n, (o - 1) * s - before + (k - 1) * d + 1))
        return size[0], size[1]

    def tap_index(self) -> tuple[Index, NDArray[np.bool_]]:
        """Arrays (OH, OW, KH, KW): pixel number of every tap, clipped into the frame, and whether it lies inside."""
        rows = (
            np.arange(self.out[0])[:, None] * self.stride[0]
            - self.padding[0][0]
            + np.arange(self.kernel[0]) * self.dilation[0]
        )
        cols = (
            np.arange(self.out[1])[:, None] * self.stride[1]
            - self.padding[1][0]
            + np.arange(self.kernel[1]) * self.dilation[1]
        )
        inside = ((rows >= 0) & (rows < self.height))[:, None, :, None] & ((cols >= 0) & (cols < self.width))[
            None, :, None, :
        ]
        pixel = rows[:, None, :, None] * self.width + cols[None, :, None, :]
        return np.broadcast_to(pixel, inside.shape), inside

    def given_back(self) -> Index:
        """(OH * OW,) pixels that r4_window gives back when a position ends: all before the next origin, if that lies
        inside.
        """
        top = np.arange(self.out[0]) * self.stride[0] - self.padding[0][0]
        left = np.arange(self.out[1]) * self.stride[1] - self.padding[1][0]
        origin = (top[:, None] * self.width + left).reshape(-1)
        valid = ((top >= 0)[:, None] & (left >= 0)).reshape(-1)
        freed = np.zeros(len(origin), np.int64)
        freed[:-1] = np.where(valid[1:], origin[1:], 0)
        freed = np.maximum.accumulate(freed)
        freed[-1] = self.height * self.width
        return freed

    @property
    def span(self) -> int:
        """Pixels that a position needs at the most and that none before it has given back."""
        last = []  # the last row and column of every position that lie inside; -1: none does
        for n, k, s, d, (before, _), o in zip(
            (self.height, self.width),
            self.kernel,
            self.stride,
            self.dilation,
            self.padding,
            self.out,
            strict=True,
        ):
            at = np.arange(o)[:, None] * s - before + np.arange(k) * d
            last.append(np.where((at >= 0) & (at < n), at, -1).max(1))
        inside = (last[0] >= 0)[:, None] & (last[1] >= 0)
        need = np.where(inside, last[0][:, None] * self.width + last[1] + 1, 0).reshape(-1)
        held = np.concatenate([[0], self.given_back()[:-1]])
        return int((np.maximum.accumulate(need) - held).max())

    def shortened(self) -> Geometry:
        """The same with no more rows than show all that positions of any row span."""
        top, s = self.padding[0][0], self.stride[0]
        reach = (self.kernel[0] - 1) * self.dilation[0]
        few = (
            -(-(reach + top) // s) + 2
        )  # positions in rows that padding above or below touches, and one more
        # A row in which no position begins inside the frame gives nothing back.
        gives_back = (self.out[1] - 1) * self.stride[1] >= self.padding[1][0]
        if self.out[0] <= 3 * few or not gives_back:
            return self
        return replace(self, height=self.height - (self.out[0] - 3 * few) * s, out=(3 * few, self.out[1]))

    def params(self) -> dict[str, Param]:
        """Parameters that both window cells share."""
        return {
            "Height": self.height,
            "Width": self.width,
            "KernelH": self.kernel[0],
            "KernelW": self.kernel[1],
            "StrideH": self.stride[0],
            "StrideW": self.stride[1],
            "DilationH": self.dilation[0],
            "DilationW": self.dilation[1],
            "PadTop": self.padding[0][0],
            "PadLeft": self.padding[1][0],
            "OutHeight": self.out[0],
            "OutWidth": self.out[1],
        }


def geometry(op: Linear) -> Geometry:
    """The window of a linear operator."""
    h, w, _ = op.x.hwc
    return Geometry(h, w, op.kernel, op.stride, op.dilation, op.padding, op.out_hw)


def taps_extent(op: Linear) -> tuple[int, int]:
    """Rows and columns that a parallel window of this operator walks over."""
    return geometry(op).extent


@dataclass(frozen=True, kw_only=True, eq=False)
class Window(LibraryCell):
    """Serial window: one tap of `lanes` channels a cycle out of a ring of beats."""

    module: ClassVar[str] = "r4_window"

    geo: Geometry
    groups: int
    replays: int = 1
    channel_major: bool = False
    pad_value: int = 0
    more: int = 0  # beats that it holds beside those that it needs while a frame goes on

    def _order(self, geo: Geometry) -> tuple[Index, Index]:
        """Arrays (slots,): beats needed before each slot, and freed after it, of a frame of this geometry."""
        pixel, inside = geo.tap_index()
        oh, ow, kh, kw = pixel.shape
        g = np.arange(self.groups)
        beat = np.where(inside[..., None], pixel[..., None] * self.groups + g + 1, 0)  # (OH, OW, KH, KW, G)
        if self.channel_major:
            beat = beat.transpose(0, 1, 4, 2, 3)
        one_pass = beat.reshape(oh * ow, 1, kh * kw * self.groups)
        need: Index = np.repeat(one_pass, self.replays, axis=1).reshape(oh * ow, -1)

        freed = geo.given_back() * self.groups
        free = np.zeros_like(need)
        free[1:] = freed[:-1, None]
        free[:, -1] = freed
        return need.reshape(-1), free.reshape(-1)

    @cached_property
    def depth(self) -> int:
        """Beats to hold: what a position spans, and room for the writer to run ahead meanwhile."""
        span = self.groups * self.geo.shortened().span
        # While a position is worked on, its stride's share of new beats comes in: to take these without a stall
        # the ring holds a position's span and as much again as one position (1-D) or its row's step (2-D) uses up.
        ahead = self.groups * self.geo.stride[1]
        if self.geo.out[0] > 1:
            ahead += self.groups * self.geo.width * (self.geo.stride[0] - 1)
        if self.geo.out == (1, 1):
            ahead = self.x.beats
        return max(2, min(span + ahead + self.groups + self.more, 2 * self.x.beats))

    @property
    def block(self) -> bool:
        return is_block(self.depth, self.x.width)

    def params(self) -> dict[str, Param]:
        return {
            "Lanes": self.x.lanes,
            "ElemWidth": self.x.bits,
            "Groups": self.groups,
            **self.geo.params(),
            "Replays": self.replays,
            "ChannelMajor": int(self.channel_major),
            "PadValue": self.pad_value,
            "Depth": self.depth,
            "Block": int(self.block),
        }

    @property
    def slots(self) -> int:
        return self.y.beats

    def timing(self) -> Timing:
        need, free = self._order(self.geo)
        slots = len(need)
        return Timing(
            slots,
            (np.maximum.accumulate(need),),
            (np.arange(slots),),
            latency=1,
            wait=1,
            free=free,
            depth=self.depth,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Taps(LibraryCell):
    """Parallel window: all taps of `lanes` channels a cycle."""

    module: ClassVar[str] = "r4_taps"

    geo: Geometry
    groups: int
    pad_value: int = 0

    @property
    def block(self) -> bool:
        rows = (self.geo.kernel[0] - 1) * self.geo.dilation[0]
        return is_block(self.geo.extent[1] * self.groups, rows * self.x.width)

    def params(self) -> dict[str, Param]:
        eh, ew = self.geo.extent
        return {
            "Lanes": self.x.lanes,
            "ElemWidth": self.x.bits,
            "Groups": self.groups,
            **self.geo.params(),
            "ExtHeight": eh,
            "ExtWidth": ew,
            "PadValue": self.pad_value,
            "Block": int(self.block),
        }

    @property
    def slots(self) -> int:
        eh, ew = self.geo.extent
        return eh * ew * self.groups

    def timing(self) -> Timing:
        eh, ew = self.geo.extent
        y, x = np.divmod(np.arange(eh * ew), ew)
        real = (y < self.geo.height) & (x < self.geo.width)
        need: Index = np.cumsum(np.repeat(real, self.groups), dtype=np.int64)
        hit = np.ones(eh * ew, bool)
        for at, k, s, d, (before, _), o in zip(
            (y, x),
            self.geo.kernel,
            self.geo.stride,
            self.geo.dilation,
            self.geo.padding,
            self.geo.out,
            strict=True,
        ):
            i = at + before - (k - 1) * d
            hit &= (i >= 0) & (i % s == 0) & (i < o * s)
        emit = np.flatnonzero(np.repeat(hit, self.groups))
        return Timing(eh * ew * self.groups, (need,), (emit,), latency=1)


def coded(op: Linear, w: Ints) -> tuple[Ints, int]:
    """Codes of an operator's weights `w`, of any shape, as r4_product reads them, and their width in bits."""
    if op.kind is WeightKind.BINARY:
        return (w < 0).astype(np.int64), 1
    if op.kind is WeightKind.TERNARY:
        return w, 2
    if op.kind is WeightKind.POWER_OF_TWO:
        exponent = np.zeros_like(w)
        nonzero = w != 0
        exponent[nonzero] = np.log2(np.abs(w[nonzero])).astype(np.int64) + 1
        bits = int(exponent.max()).bit_length()
        return exponent | ((w < 0).astype(np.int64) << bits), bits + 1
    return w, op.weight_type.width


@dataclass(frozen=True, kw_only=True, eq=False)
class Mvu(LibraryCell):
    """Matrix-vector unit: `pe` dot products of `simd` products at once."""

    module: ClassVar[str] = "r4_mvu"

    op: Linear
    simd: int
    pe: int
    packing: Packing | None = None  # how integer products go into DSP48E2; None: LUTs

    @property
    def matrix(self) -> Ints:
        """(products of an output, outputs): the weights."""
        return self.op._taps

    @property
    def dsps(self) -> int:
        """DSP48E2 that it takes."""
        return self.packing.slices(self.pe, self.simd) if self.packing else 0

    @property
    def simd_folds(self) -> int:
        return len(self.matrix) // self.simd

    @property
    def pe_folds(self) -> int:
        return int(self.matrix.shape[1]) // self.pe

    @cached_property
    def widths(self) -> tuple[int, int, int]:
        """Bits that hold every product, every sum of `simd` products, every accumulator."""
        from rtl4ml.ir import Fixed

        x, low, high = self.op.x, *self.op.reach(1)  # a product or zero
        prod = Fixed.covering(min(low, x.lo, -1), max(high, x.hi), 0).width
        least, most = self.op.reach(self.simd)
        total = Fixed.covering(min(least, -1), most, 0).width
        return prod, max(prod, total) if self.simd > 1 else prod, self.y.bits

    def params(self) -> dict[str, Param]:
        codes, bits = coded(self.op, self.matrix)
        # (dot, cout) -> words [pe fold, simd fold] of [pe, simd]
        split = codes.reshape(self.simd_folds, self.simd, self.pe_folds, self.pe).transpose(2, 0, 3, 1)
        words = split.reshape(self.pe_folds * self.simd_folds, self.pe * self.simd)
        if self.packing:
            words = self.packing.words(words, self.pe, bits)
        prod, total, acc = self.widths
        p: dict[str, Param] = {
            "Simd": self.simd,
            "Pe": self.pe,
            "SimdFolds": self.simd_folds,
            "PeFolds": self.pe_folds,
            "XWidth": self.x.bits,
            "XSigned": int(self.x.signed),
            "WeightWidth": bits,
            "WeightKind": int(self.op.kind),
            "ProdWidth": prod,
            "SumWidth": total,
            "AccWidth": acc,
            "HasBias": int(self.op.bias is not None),
            "Block": int(is_block(len(words), words.shape[1] * bits)),
            "WeightFile": Image.pack(words, bits),
            **dsp_params(self.packing),
        }
        if self.op.bias is not None:
            p["BiasFile"] = Image.pack(self.op.aligned_bias.reshape(self.pe_folds, self.pe), acc)
        align = int(self.op.shift.min())
        own = self.op.shift - align
        if align:
            p["Align"] = align
        if own.any():
            bits = int(own.max()).bit_length()
            p["ShiftWidth"] = bits
            p["ShiftFile"] = Image.pack(own.reshape(self.pe_folds, self.pe), bits)
        return p

    @property
    def multipliers(self) -> int:
        return self.pe * self.simd

    @property
    def slots(self) -> int:
        return self.op.positions * self.simd_folds * self.pe_folds

    def timing(self) -> Timing:
        slots = self.slots
        k = np.arange(slots)
        need = k // self.pe_folds + 1 if self.simd_folds == 1 else k + 1
        emit = np.arange(self.y.beats) * self.simd_folds + self.simd_folds - 1
        hold = self.simd_folds == 1 and self.pe_folds > 1
        if self.packing:
            latency = 1 + self.packing.latency(self.simd)
        elif self.op.kind is WeightKind.INTEGER:
            latency = 2 + lut_latency(self.op.weight_type.width, self.simd)
        else:
            latency = 3 + (self.simd - 1).bit_length()
        return Timing(slots, (need,), (emit,), latency=latency, hold=hold)


def dsp_params(packing: Packing | None) -> dict[str, Param]:
    """Parameters of a packing; none for products in LUTs."""
    if packing is None:
        return {}
    return {
        "Fields": packing.fields,
        "Spacing": packing.spacing,
        "Chain": packing.chain,
        "Overlap": int(packing.overlap),
    }


def lut_latency(weight_bits: int, products: int) -> int:
    """Cycles from registered operands to the sum of products in r4_dot_lut: rows of pairs, then a tree."""
    rows = max(1, (weight_bits + 2) // 4)
    return rows + ((products + 1) // 2 - 1).bit_length()


# Products of up to this many operand bits (both together) are cheaper in LUTs than a DSP48E2 is worth.
LUT_PRODUCT_BITS = 10


def in_dsp(op: Linear) -> bool:
    """Whether a linear operator's products go into DSP48E2: 27 x 18 bits, signed."""
    a, b = sorted((op.x.type.width + int(not op.x.type.signed), op.weight_type.width))
    large = op.x.type.width + op.weight_type.width > LUT_PRODUCT_BITS
    return op.kind is WeightKind.INTEGER and large and a <= 18 and b <= 27


def mvu_packings(op: Linear, *, simd: int, pe: int) -> list[Packing]:
    """Every way to put the products of a matrix-vector unit into DSP48E2; none but for integer weights."""
    if op.kind is not WeightKind.INTEGER:
        return []
    return linear_packings(op, products=simd, outputs=pe)


def linear_packings(op: Linear, *, products: int, outputs: int) -> list[Packing]:
    """Every way to put so many products of so many outputs, made at once, into DSP48E2."""
    sums = sums_of(Same(op.weights), op.out_channels, (op.x.lo, op.x.hi))
    x = op.x.type
    return packings_of(sums, op.weight_type.width, x.width, x.signed, products=products, outputs=outputs)


def lower_conv(n: Lowering, op: Conv, x: Wire, choose: Choice | None = None) -> Wire:
    """Window, then matrix-vector unit or adder graph.

    choose: picks one of the packings of the products into DSP48E2, or None for LUTs; by default that of fewest
        DSP48E2 where `in_dsp` puts them there.
    """
    if op.style == "unrolled":
        from rtl4ml.unrolled import lower_unrolled

        return lower_unrolled(n, op, x)
    geo = geometry(op)
    dot, cout, cin = len(op._taps), op.out_channels, op.x.channels
    simd, pe = op.simd, op.pe
    if simd == dot and geo.taps > 1:
        w = taps(n, op.name, x, geo, op.x.channels, cin)
    else:
        w = n.lanes(x, simd)
        if geo.taps > 1 or (cout // pe > 1 and dot // simd > 1) or op.stride != (1, 1):
            w = serial(n, op.name, w, geo, cin, replays=cout // pe if dot // simd > 1 else 1)
    y = n.like(op.output, op.name, pe)
    if choose is None:
        choose = fewest(pe, simd) if in_dsp(op) else in_luts
    return n.add(
        Mvu(
            name=f"u_{op.name}",
            inputs={"x": w},
            outputs={"y": y},
            layer=n.layer,
            op=op,
            simd=simd,
            pe=pe,
            packing=choose(mvu_packings(op, simd=simd, pe=pe)),
        )
    )


def serial(
    n: Lowering, name: str, x: Wire, geo: Geometry, channels: int, *, replays: int = 1,
    channel_major: bool = False, pad_value: int = 0,
) -> Wire:  # fmt: skip
    """Adds a serial window; x has the lanes that the taps shall have."""
    groups = channels // x.lanes
    y = n.wire(
        f"{name}_window",
        lanes=x.lanes,
        bits=x.bits,
        signed=x.signed,
        beats=geo.out[0] * geo.out[1] * geo.taps * groups * replays,
        fraction=x.fraction,
    )
    return n.add(
        Window(
            name=f"u_{y.name}",
            inputs={"x": x},
            outputs={"y": y},
            layer=n.layer,
            geo=geo,
            groups=groups,
            replays=replays,
            channel_major=channel_major,
            pad_value=pad_value,
        )
    )


def taps(
    n: Lowering, name: str, x: Wire, geo: Geometry, lanes: int, channels: int, *, pad_value: int = 0
) -> Wire:
    """Adds a parallel window of `lanes` channels at once."""
    x = n.lanes(x, lanes)
    groups = channels // lanes
    y = n.wire(
        f"{name}_taps",
        lanes=lanes * geo.taps,
        bits=x.bits,
        signed=x.signed,
        beats=geo.out[0] * geo.out[1] * groups,
        fraction=x.fraction,
    )
    return n.add(
        Taps(
            name=f"u_{y.name}",
            inputs={"x": x},
            outputs={"y": y},
            layer=n.layer,
            geo=geo,
            groups=groups,
            pad_value=pad_value,
        )
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Requant(LibraryCell):
    """Shift, round, clip."""

    module: ClassVar[str] = "r4_requant"

    mapping: Rounding

    def params(self) -> dict[str, Param]:
        return {
            "Lanes": self.x.lanes,
            "XWidth": self.x.bits,
            "XSigned": int(self.x.signed),
            "Shift": self.mapping.shift,
            "Lo": self.mapping.lo,
            "Hi": self.mapping.hi,
            "YWidth": self.y.bits,
        }

    def timing(self) -> Timing:
        return Timing.passing(self.x.beats, 2)


def activation_cell(op: Activation, x: Wire, y: Wire) -> Cell:
    """The cell that does an elementwise map."""
    if isinstance(op.mapping, Rounding):
        return Requant(
            name=f"u_{op.name}", inputs={"x": x}, outputs={"y": y}, layer=op.name, mapping=op.mapping
        )
    from rtl4ml.cells_act import Lookup, Threshold

    if isinstance(op.mapping, Thresholds):
        return Threshold(
            name=f"u_{op.name}", inputs={"x": x}, outputs={"y": y}, layer=op.name, mapping=op.mapping
        )
    assert isinstance(op.mapping, Table)
    return Lookup(name=f"u_{op.name}", inputs={"x": x}, outputs={"y": y}, layer=op.name, mapping=op.mapping)


def lower_depthwise(n: Lowering, op: Depthwise, x: Wire) -> Wire:
    """Window in channel-major order, then depthwise unit."""
    from rtl4ml.cells_depthwise import lower_depthwise as lower

    return lower(n, op, x)
