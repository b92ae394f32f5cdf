# SPDX-License-Identifier: Apache-2.0
"""The Python face of the cells where streams part and meet: parameters, timing, and how operators are made of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from rtl4ml.cells import LibraryCell
from rtl4ml.netlist import Lowering, Param, Timing, Wire
from rtl4ml.ops.merge import Add, Concat, Product


@dataclass(frozen=True, kw_only=True, eq=False)
class Fork(LibraryCell):
    """One stream for the two readers y0 and y1."""

    module: ClassVar[str] = "r4_fork"

    def params(self) -> dict[str, Param]:
        return {"Width": self.x.width}

    def timing(self) -> Timing:
        return Timing.passing(self.x.beats, 0, outputs=2)


@dataclass(frozen=True, kw_only=True, eq=False)
class Join(LibraryCell):
    """What the cells of two inputs a and b share: each is shifted left onto the output's grid."""

    shift_a: int
    shift_b: int

    def _aligned(self) -> dict[str, Param]:
        a, b = self.inputs["a"], self.inputs["b"]
        return {
            "WidthA": a.bits,
            "WidthB": b.bits,
            "SignedA": int(a.signed),
            "SignedB": int(b.signed),
            "ShiftA": self.shift_a,
            "ShiftB": self.shift_b,
            "YWidth": self.y.bits,
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class JoinChannels(Join):
    """The channels of a pixel of a, then those of b; `pixels` a frame."""

    module: ClassVar[str] = "r4_concat"

    pixels: int

    @property
    def beats(self) -> tuple[int, int]:
        """Beats of a pixel of a and of b."""
        return self.inputs["a"].beats // self.pixels, self.inputs["b"].beats // self.pixels

    @property
    def whole(self) -> bool:
        """Whether a beat is a pixel on all sides."""
        return self.y.lanes == self.inputs["a"].lanes + self.inputs["b"].lanes

    def params(self) -> dict[str, Param]:
        return {
            "Whole": int(self.whole),
            "LanesA": self.inputs["a"].lanes,
            "LanesB": self.inputs["b"].lanes,
            "BeatsA": self.beats[0],
            "BeatsB": self.beats[1],
            **self._aligned(),
        }

    def timing(self) -> Timing:
        if self.whole:
            return Timing.passing(self.pixels, 1, inputs=2)
        a, b = self.beats
        pixel, k = np.divmod(np.arange(self.y.beats), a + b)
        need = (pixel * a + np.minimum(k + 1, a), pixel * b + np.maximum(k + 1 - a, 0))
        return Timing(self.y.beats, need, (np.arange(self.y.beats),), latency=1)


@dataclass(frozen=True, kw_only=True, eq=False)
class JoinSum(Join):
    """The sum of a and b, element by element."""

    module: ClassVar[str] = "r4_add"

    def params(self) -> dict[str, Param]:
        return {"Lanes": self.y.lanes, **self._aligned()}

    def timing(self) -> Timing:
        return Timing.passing(self.y.beats, 1, inputs=2)


@dataclass(frozen=True, kw_only=True, eq=False)
class JoinProduct(LibraryCell):
    """The product of a and b, element by element."""

    module: ClassVar[str] = "r4_multiply"

    def params(self) -> dict[str, Param]:
        a, b = self.inputs["a"], self.inputs["b"]
        return {
            "Lanes": self.y.lanes,
            "WidthA": a.bits,
            "WidthB": b.bits,
            "SignedA": int(a.signed),
            "SignedB": int(b.signed),
            "YWidth": self.y.bits,
        }

    @property
    def multipliers(self) -> int:
        return self.y.lanes

    def timing(self) -> Timing:
        return Timing.passing(self.y.beats, 2, inputs=2)


def fork(n: Lowering, x: Wire, readers: int) -> list[Wire]:
    """A wire for each of several readers: a chain of forks."""
    out = []
    for k in range(readers - 1):
        name = f"{x.name}_to{k}" if readers > 2 else x.name
        a, b = (
            n.wire(h, lanes=x.lanes, bits=x.bits, signed=x.signed, beats=x.beats, fraction=x.fraction)
            for h in (f"{name}_a", f"{name}_b")
        )
        n.add(Fork(name=f"u_{name}_fork", inputs={"x": x}, outputs={"y0": a, "y1": b}, layer=n.layer))
        out.append(a)
        x = b
    return [*out, x]


def lower_concat(n: Lowering, op: Concat, *x: Wire) -> Wire:
    """A chain of joins; the first brings its inputs onto the output's grid and type, every other its second."""
    whole = op.pe == op.output.channels
    wires = [n.buffered(w, op.lanes_of(i)) for i, w in enumerate(x)]
    t, pixels = op.output.type, op.output.pixels
    y, shift, channels = wires[0], op.shifts[0], op.inputs[0].channels
    for k, w in enumerate(wires[1:], start=1):
        channels += op.inputs[k].channels
        lanes = channels if whole else op.pe
        last = k == len(wires) - 1
        made = n.wire(
            op.name if last else f"{op.name}_part{k}",
            lanes=lanes,
            bits=t.width,
            signed=t.signed,
            beats=pixels * channels // lanes,
            fraction=t.fraction,
        )
        y = n.add(
            JoinChannels(
                name=f"u_{made.name}",
                inputs={"a": y, "b": w},
                outputs={"y": made},
                layer=n.layer,
                shift_a=shift,
                shift_b=op.shifts[k],
                pixels=pixels,
            )
        )
        shift = 0
    return y


def lower_add(n: Lowering, op: Add, *x: Wire) -> Wire:
    """A chain of sums of the output's width; the first input is shifted by the first sum."""
    wires = [n.buffered(w, op.pe) for w in x]
    y, shift = wires[0], op.shifts[0]
    for k, w in enumerate(wires[1:], start=1):
        made = n.like(op.output, op.name if k == len(wires) - 1 else f"{op.name}_part{k}", op.pe)
        y = n.add(
            JoinSum(
                name=f"u_{made.name}",
                inputs={"a": y, "b": w},
                outputs={"y": made},
                layer=n.layer,
                shift_a=shift,
                shift_b=op.shifts[k],
            )
        )
        shift = 0
    return y


def lower_product(n: Lowering, op: Product, *x: Wire) -> Wire:
    """A chain of products, each of the width that it needs."""
    wires = [n.buffered(w, op.pe) for w in x]
    y = wires[0]
    for w, made in zip(wires[1:], op.partial[1:], strict=True):
        to = n.like(made, made.name, op.pe)
        y = n.add(JoinProduct(name=f"u_{to.name}", inputs={"a": y, "b": w}, outputs={"y": to}, layer=n.layer))
    return y
