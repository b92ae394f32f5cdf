"""Cells of the RTL library joined by wires: what `emit`, `cycles` and `resources` all read.

A `Cell` subclass is the Python face of one module in `rtl/`: its parameters, memory images, timing and
resources. Operators add cells through `Lowering`, which also inserts the glue between them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import gcd
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from rtl4ml.ir import Graph, Ints, Stream

Index = NDArray[np.int64]


@dataclass(frozen=True)
class Wire:
    """A valid/ready stream: `lanes` elements of `bits` bits a beat, `beats` beats a frame."""

    name: str
    lanes: int
    bits: int
    signed: bool
    beats: int
    fraction: int = 0

    @property
    def width(self) -> int:
        return self.lanes * self.bits


@dataclass(frozen=True, eq=False)
class Timing:
    """When a cell acts, in work slots: it performs one slot a cycle when it may.

    slots:   work slots a frame
    need:    per input port, array (slots,): input beats of the frame that slot k must have
    emit:    per output port, array (beats,): the slot that makes output beat j
    latency: cycles from a slot to the cycle in which its output beat is offered
    wait:    cycles from the taking of a beat to the first slot that may use it (0: taken in the slot itself)
    free:    array (slots,): input beats that are given back once slot k is done (buffering cells only)
    depth:   input beats that the cell can hold (buffering cells only)
    hold:    a beat that several slots need stays offered and is taken by the last of them, not by the first
    peek:    array (slots,): beats that must be offered for slot k, taken or not, where that is more than `need`
    """

    slots: int
    need: tuple[Index, ...]
    emit: tuple[Index, ...]
    latency: int
    wait: int = 0
    free: Index | None = None
    depth: int = 0
    hold: bool = False
    peek: Index | None = None

    @classmethod
    def passing(cls, beats: int, latency: int, *, inputs: int = 1, outputs: int = 1) -> Timing:
        """A cell that makes one beat of every output from one beat of every input."""
        k = np.arange(beats)
        return cls(beats, (k + 1,) * inputs, (k,) * outputs, latency)


@dataclass(frozen=True)
class Resources:
    """LUT, flip-flops, DSP48E2 and RAMB36 (an RAMB18 counts half)."""

    lut: float = 0
    ff: float = 0
    dsp: float = 0
    bram36: float = 0

    def __add__(self, o: Resources) -> Resources:
        return Resources(self.lut + o.lut, self.ff + o.ff, self.dsp + o.dsp, self.bram36 + o.bram36)

    def rounded(self) -> dict[str, float]:
        """For reports: whole LUT, FF and DSP, halves of RAMB36."""
        return {"lut": round(self.lut), "ff": round(self.ff), "dsp": round(self.dsp), "bram36": self.bram36}


class Image:
    """A memory image: `words` (depth,) Python integers of `width` bits, written as hexadecimal for $readmemh."""

    def __init__(
        self, width: int, words: tuple[int, ...] | Callable[[], tuple[int, ...]], depth: int | None = None
    ):
        """`words` may be a function, called when they are first asked for; then `depth` says how many it gives."""
        self.width = width
        self._words = words
        self._values: tuple[Ints, int] | None = None  # what the words are packed of
        self.depth = len(words) if isinstance(words, tuple) else depth

    @classmethod
    def pack(cls, values: Ints, bits: int) -> Image:
        """Rows (depth, lanes) of two's complement integers, lane 0 in the low bits."""
        image = cls(bits * values.shape[1], lambda: _packed(values, bits), len(values))
        image._values = values, bits
        return image

    @property
    def words(self) -> tuple[int, ...]:
        if not isinstance(self._words, tuple):
            self._words = self._words()
        return self._words

    @cached_property
    def bits(self) -> NDArray[np.uint8]:
        """(depth, width) of the words, bit 0 first."""
        if self._values is not None:
            return _planes(*self._values)
        size = (self.width + 7) // 8
        raw = np.frombuffer(b"".join(w.to_bytes(size, "little") for w in self.words), np.uint8)
        return np.unpackbits(raw.reshape(-1, size), axis=1, bitorder="little")[:, : self.width]

    @cached_property
    def changing(self) -> NDArray[np.bool_]:
        """(width,) which bits are not the same in all words, bit 0 first."""
        if self._values is None:
            mixed = self.bits.min(0) != self.bits.max(0)
        else:
            values, bits = self._values
            either = np.bitwise_or.reduce(values, axis=0) ^ np.bitwise_and.reduce(values, axis=0)
            mixed = _planes(either[None], bits)[0] != 0
        mixed = np.asarray(mixed, np.bool_)
        mixed.setflags(write=False)
        return mixed

    def text(self) -> str:
        digits = -(-self.width // 4)
        return "".join(f"{w:0{digits}x}\n" for w in self.words)


def _packed(values: Ints, bits: int) -> tuple[int, ...]:
    """Rows of two's complement integers as one integer each: bits of all lanes in a row, eight to a byte."""
    packed = np.packbits(_planes(values, bits), axis=1, bitorder="little")
    return tuple(int.from_bytes(row.tobytes(), "little") for row in packed)


def _planes(values: Ints, bits: int) -> NDArray[np.uint8]:
    """(depth, lanes) integers as bits (depth, lanes * bits), bit 0 of lane 0 first."""
    size = next(n for n in (1, 2, 4, 8) if bits <= 8 * n)
    raw = np.ascontiguousarray(values.astype(f"<i{size}"))[..., None].view(np.uint8)
    return np.unpackbits(raw, axis=2, bitorder="little")[:, :, :bits].reshape(len(values), -1)


Param = int | str | Image


@dataclass(frozen=True, kw_only=True, eq=False)
class Cell(ABC):
    """One instance of a module of `rtl/`; wires are joined to ports by name (`x` becomes x_valid_i and so on)."""

    module: ClassVar[str]
    generated: ClassVar[bool] = (
        False  # whether the module's text is made for the design, not taken from `rtl/`
    )

    name: str
    inputs: Mapping[str, Wire]
    outputs: Mapping[str, Wire]
    layer: str = ""  # the operator that it belongs to

    @property
    def x(self) -> Wire:
        return next(iter(self.inputs.values()))

    @property
    def y(self) -> Wire:
        return next(iter(self.outputs.values()))

    @abstractmethod
    def params(self) -> dict[str, Param]:
        """Parameters of the module; an `Image` becomes a file and its name."""

    @abstractmethod
    def timing(self) -> Timing:
        """When it acts."""

    @property
    def slots(self) -> int:
        """Work slots a frame, those of `timing`; unless overridden as many as the busiest port has beats."""
        return max(w.beats for w in (*self.inputs.values(), *self.outputs.values()))

    @property
    def multipliers(self) -> int:
        """Products that it makes at once, whatever makes them: multipliers, adders or shifts.

        Over a frame's `slots` they are at least the multiply-accumulates of its operator.
        """
        return 0


@dataclass(frozen=True)
class Relief:
    """FIFOs on wires between cells that would hold each other up, wire to depth, and beats that windows hold beside
    those that they need while a frame goes on, cell to number (`rtl4ml.relief`).
    """

    fifos: Mapping[str, int] = field(default_factory=dict)
    windows: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, o: Relief) -> Relief:
        return Relief({**self.fifos, **o.fifos}, {**self.windows, **o.windows})

    def without(self, name: str) -> Relief:
        """The same, but for one wire or window."""
        return Relief(
            {k: v for k, v in self.fifos.items() if k != name},
            {k: v for k, v in self.windows.items() if k != name},
        )

    def with_fifo(self, wire: str, depth: int) -> Relief:
        return replace(self, fifos={**self.fifos, wire: depth})

    def with_window(self, cell: str, more: int) -> Relief:
        return replace(self, windows={**self.windows, cell: more})

    def wider(self, columns: int, of: int) -> Relief:
        """That of frames of so many columns, if this is that of frames of `of`: rows are as many in both."""
        return replace(self, windows={k: -(-v * columns // of) for k, v in self.windows.items()})


@dataclass(frozen=True)
class Netlist:
    """Cells in topological order between one input wire and one output wire.

    settled: where the cells stand (`stepper.State`) once frames come at a steady pace; None where nobody looked
    relief:  what it got so that it is as fast as its slowest cell
    """

    graph: Graph
    cells: tuple[Cell, ...]
    input: Wire
    output: Wire
    settled: NDArray[np.int64] | None = field(default=None, compare=False)
    relief: Relief = field(default_factory=Relief, compare=False)

    def __post_init__(self) -> None:
        for what, names in (
            ("cell", [c.name for c in self.cells]),
            ("wire", [self.input.name, *(w.name for c in self.cells for w in c.outputs.values())]),
        ):
            seen: set[str] = set()
            for name in map(str.lower, names):
                if name in seen:
                    raise ValueError(f"{self.graph.name}: the netlist has two {what}s of the name {name}")
                seen.add(name)

    def __repr__(self) -> str:
        return f"<Netlist {self.graph.name}: {len(self.cells)} cells>"


# Signals that a wire is declared as in the top module.
SIGNALS = ("valid", "ready", "data")

# Names of the top module that are not made of a layer's name: its ports, its edges and what joins these.
_EDGES = frozenset(
    {
        "r4_top", "aclk", "aresetn", "frame_errors_o", "s_axis", "m_axis", "u_axis_in", "u_axis_out",
        *(f"flag_{end}" for end in SIGNALS),
        *(f"{side}_axis_t{end}" for side in "sm" for end in ("valid", "ready", "data", "last", "user")),
    }
)  # fmt: skip


@dataclass
class Lowering:
    """Collects cells while operators are lowered.

    All names of the top module come from here, so that none is given twice, whatever the layers are called. Case makes
    no difference, since memory images and generated modules are files named after their cells.
    """

    graph: Graph
    cells: list[Cell] = field(default_factory=list)
    layer: str = ""
    _taken: set[str] = field(default_factory=lambda: set(_EDGES))

    @classmethod
    def continued(cls, net: Netlist) -> Lowering:
        """One without cells that gives no name which the netlist has."""
        n = cls(net.graph)
        wires = {w.name for c in net.cells for w in (*c.inputs.values(), *c.outputs.values())}
        n._taken |= {f"{w}_{signal}".lower() for w in wires for signal in SIGNALS}
        n._taken |= {c.name.lower() for c in net.cells}
        return n

    def _claim(self, hint: str, *ends: str) -> str:
        """A new name that is free with each of the endings: the hint, or the hint with a number."""
        name, k = hint, 1
        while not self._taken.isdisjoint(forms := {f"{name}{end}".lower() for end in ends}):
            k += 1
            name = f"{hint}_{k}"
        self._taken |= forms
        return name

    def wire(self, hint: str, *, lanes: int, bits: int, signed: bool, beats: int, fraction: int = 0) -> Wire:
        """A new wire; a number is added to the name where it is taken."""
        name = self._claim(hint, *(f"_{signal}" for signal in SIGNALS))
        return Wire(name, lanes, bits, signed, beats, fraction)

    def like(self, s: Stream, hint: str, lanes: int) -> Wire:
        """A wire that carries a stream."""
        return self.wire(
            hint,
            lanes=lanes,
            bits=s.type.width,
            signed=s.type.signed,
            beats=s.elements // lanes,
            fraction=s.type.fraction,
        )

    def add(self, cell: Cell) -> Wire:
        """Adds the cell, with a number behind its name where that is taken; returns its (first) output wire."""
        name = self._claim(cell.name, "")
        self.cells.append(cell if name == cell.name else replace(cell, name=name))
        return cell.y

    def lanes(self, x: Wire, lanes: int) -> Wire:
        """The same elements, `lanes` a beat: through the greatest common divisor where neither divides the other."""
        from rtl4ml.cells import Width

        while x.lanes != lanes:
            to = lanes if lanes % x.lanes == 0 or x.lanes % lanes == 0 else gcd(lanes, x.lanes)
            y = self.wire(
                f"{x.name}_by{to}",
                lanes=to,
                bits=x.bits,
                signed=x.signed,
                beats=x.beats * x.lanes // to,
                fraction=x.fraction,
            )
            x = self.add(Width(name=f"u_{y.name}", inputs={"x": x}, outputs={"y": y}, layer=self.layer))
        return x

    def buffered(self, x: Wire, lanes: int) -> Wire:
        """The same elements, `lanes` a beat, behind a FIFO: on the side of a conversion that has fewer, wider beats.

        There it takes a burst of its writer, or waits for its reader, without holding up the conversion.
        """
        if gcd(x.lanes, lanes) < x.lanes:
            x = self.fifo(x)
            if lanes < x.lanes and x.lanes % lanes == 0:
                return self.lanes(x, lanes)
        return self.fifo(self.lanes(x, lanes))

    def fifo(self, x: Wire, depth: int = 2) -> Wire:
        """The same beats behind a FIFO."""
        from rtl4ml.cells import Fifo

        y = self.wire(
            f"{x.name}_f", lanes=x.lanes, bits=x.bits, signed=x.signed, beats=x.beats, fraction=x.fraction
        )
        return self.add(
            Fifo(name=f"u_{y.name}", inputs={"x": x}, outputs={"y": y}, layer=self.layer, depth=depth)
        )
