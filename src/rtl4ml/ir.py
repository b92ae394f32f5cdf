"""The exact intermediate representation: integers on fixed-point grids, no floats left.

A `Graph` is a list of operators in topological order; a `Stream` is the value that one operator
hands to the others, an integer tensor `v` that stands for the real numbers `v * 2**-fraction`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from rtl4ml.errors import BadInput, Rtl4mlError

if TYPE_CHECKING:
    from rtl4ml.netlist import Lowering, Wire

Ints = NDArray[np.int64]

# An integer of at most this magnitude is exact in float32: 24 bits of significand (IEEE 754-2019, table 3.5).
FLOAT32_EXACT = 2**24
# ... and in float64.
FLOAT64_EXACT = 2**53


@dataclass(frozen=True, order=True)
class Fixed:
    """A fixed-point type: value = integer * 2**-fraction, `integer` bits left of the point without the sign."""

    signed: bool
    integer: int
    fraction: int

    def __post_init__(self) -> None:
        if self.width < 1:
            raise ValueError(f"Fixed: width must be at least 1 bit, not {self.width}")

    @classmethod
    def covering(cls, lo: int, hi: int, fraction: int) -> Fixed:
        """The narrowest type of this fraction that holds every integer in [lo, hi]."""
        if lo > hi:
            raise ValueError(f"Fixed: the range must not be empty, not [{lo}, {hi}]")
        signed = lo < 0
        bits = max(int(hi).bit_length(), int(-lo - 1).bit_length() if signed else 0)
        if bits == 0 and not signed:
            bits = 1
        return cls(signed, bits - fraction, fraction)

    @property
    def width(self) -> int:
        """Bits in all, the sign included."""
        return int(self.signed) + self.integer + self.fraction

    @property
    def lo(self) -> int:
        """Least integer."""
        return -(1 << (self.width - 1)) if self.signed else 0

    @property
    def hi(self) -> int:
        """Greatest integer."""
        return (1 << (self.width - int(self.signed))) - 1

    @property
    def step(self) -> float:
        """Real value of the integer 1."""
        return float(2.0**-self.fraction)

    def __str__(self) -> str:
        return f"{'s' if self.signed else 'u'}{self.width}.{self.fraction}"


@dataclass(frozen=True)
class Stream:
    """A named integer tensor of one sample: shape (C,), (W, C) or (H, W, C), every value in [lo, hi]."""

    name: str
    shape: tuple[int, ...]
    type: Fixed
    lo: int
    hi: int

    def __post_init__(self) -> None:
        if not (self.type.lo <= self.lo <= self.hi <= self.type.hi):
            raise ValueError(f"{self.name}: range [{self.lo}, {self.hi}] must lie within {self.type}")

    @classmethod
    def covering(cls, name: str, shape: tuple[int, ...], lo: int, hi: int, fraction: int) -> Stream:
        """A stream of the narrowest type that holds [lo, hi]."""
        return cls(name, shape, Fixed.covering(lo, hi, fraction), int(lo), int(hi))

    @property
    def channels(self) -> int:
        return self.shape[-1]

    @property
    def hwc(self) -> tuple[int, int, int]:
        """Height, width, channels; a 1-D stream is one row, a flat one is one pixel."""
        h, w, c = (1,) * (3 - len(self.shape)) + self.shape
        return h, w, c

    @property
    def pixels(self) -> int:
        return prod(self.shape[:-1])

    @property
    def elements(self) -> int:
        return prod(self.shape)

    def real(self, x: Ints) -> NDArray[np.float64]:
        """The real values that integers of this stream stand for."""
        return np.asarray(x, dtype=np.float64) * self.type.step


@dataclass(frozen=True, kw_only=True, eq=False)
class Op(ABC):
    """One operator: its legality (`__post_init__`), integer truth (`golden`) and hardware (`lower`).

    `lanes` (or `pe` and `simd` of compute operators) is the folding: how many elements a beat carries.
    """

    op: ClassVar[str]
    cuts: ClassVar[bool] = True  # whether a FIFO in front of it cuts the ready path

    name: str
    inputs: tuple[Stream, ...]
    layers: tuple[str, ...] = field(default=())  # the Keras layers whose work this operator does
    pe: int = 1  # elements of a beat at the output
    simd: int = 1  # elements of a beat at the input

    @property
    def x(self) -> Stream:
        """The first input."""
        return self.inputs[0]

    @property
    @abstractmethod
    def output(self) -> Stream:
        """What the operator hands on."""

    @abstractmethod
    def golden(self, *x: Ints) -> Ints:
        """Integers (N, *shape) of every input to integers (N, *shape) of the output."""

    @abstractmethod
    def lower(self, n: Lowering, *x: Wire) -> Wire:
        """Adds the operator's cells to the netlist; takes and returns wires."""

    @property
    def input_lanes(self) -> int:
        """Elements of a beat of the first input."""
        return self.simd

    def lanes_of(self, _i: int) -> int:
        """Elements of a beat of input `_i`."""
        return self.input_lanes

    def folded(self, **folding: object) -> Self:
        """The same operator in another folding (`pe`, `simd`, ...): all that was found out about its numbers stays."""
        other = copy(self)
        for name, value in folding.items():
            object.__setattr__(other, name, value)
        return other

    def foldings(self) -> Iterator[Folding]:
        """Every legal folding with its interval; the default is for cells that pass `lanes` elements a beat."""
        channels = self.output.channels
        for lanes in divisors(channels):
            yield Folding(pe=lanes, simd=lanes, interval=self.output.elements // lanes, multipliers=0)

    @property
    def macs(self) -> int:
        """Multiply-accumulates a sample."""
        return 0

    @property
    def parameters(self) -> int:
        """Trained numbers that it holds."""
        return 0

    @property
    def weight_bits(self) -> int:
        """Bits that the trained numbers take in hardware."""
        return 0

    @property
    def bound(self) -> int:
        """Greatest magnitude that any partial sum can reach, in steps of the output."""
        return max(abs(self.output.lo), abs(self.output.hi))


@dataclass(frozen=True, order=True)
class Folding:
    """`pe` outputs and `simd` inputs at once: `interval` cycles a sample, `multipliers` in use."""

    pe: int
    simd: int
    interval: int
    multipliers: int
    style: str = ""


def divisors(n: int) -> list[int]:
    """All divisors of n, ascending."""
    small = [d for d in range(1, int(n**0.5) + 1) if n % d == 0]
    return sorted({*small, *(n // d for d in small)})


@dataclass(frozen=True)
class Graph:
    """Operators in topological order, from `inputs` to `outputs`."""

    name: str
    inputs: tuple[Stream, ...]
    ops: tuple[Op, ...]
    outputs: tuple[Stream, ...]
    parameters: int = 0  # of the source model, as trained

    def __post_init__(self) -> None:
        seen = {s.name for s in self.inputs}
        if len({op.name for op in self.ops}) < len(self.ops):
            names = [op.name for op in self.ops]
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"{self.name}: two operators must not have one name, not {twice}")
        for op in self.ops:
            missing = [s.name for s in op.inputs if s.name not in seen]
            if missing:
                raise ValueError(f"{op.name}: reads {missing} before it is made")
            if op.output.name in seen:
                raise ValueError(f"{op.name}: stream {op.output.name} is made twice")
            seen.add(op.output.name)

    def __repr__(self) -> str:
        shapes = (", ".join(str(s.shape) for s in streams) for streams in (self.inputs, self.outputs))
        return f"<Graph {self.name}: {len(self.ops)} operators, {' to '.join(shapes)}>"

    def aside(self, hint: str) -> str:
        """A name for what surrounds the operators, such as an edge: the hint, or one with a number if that is taken."""
        taken = {s.name for s in self.inputs} | {n for op in self.ops for n in (op.name, op.output.name)}
        name, k = hint, 1
        while name in taken:
            k += 1
            name = f"{hint}_{k}"
        return name

    @cached_property
    def readers(self) -> dict[str, list[Op]]:
        """Stream name to the operators that read it."""
        out: dict[str, list[Op]] = {}
        for op in self.ops:
            for s in op.inputs:
                out.setdefault(s.name, []).append(op)
        return out

    def resized(self, rows: int, columns: int) -> Graph | None:
        """The same operators on smaller frames; None where they are bound to the size that they have."""
        if len(self.inputs) != 1 or len(self.inputs[0].shape) != 3:
            return None
        source = replace(self.inputs[0], shape=(rows, columns, self.inputs[0].channels))
        streams, ops = {source.name: source}, []
        for op in self.ops:
            try:
                op = replace(op, inputs=tuple(streams[s.name] for s in op.inputs))
                streams[op.output.name] = op.output
            except Rtl4mlError:
                return None
            ops.append(op)
        return replace(
            self, inputs=(source,), ops=tuple(ops), outputs=tuple(streams[s.name] for s in self.outputs)
        )

    @property
    def macs(self) -> int:
        return sum(op.macs for op in self.ops)

    @property
    def weight_bits(self) -> int:
        return sum(op.weight_bits for op in self.ops)

    @property
    def float32_exact(self) -> bool:
        """Whether float32 holds every partial sum, so that QKeras's own predict is the reference."""
        return all(op.bound <= FLOAT32_EXACT for op in self.ops)

    def emulate(self, x: Sequence[Ints], batch: int = 4096) -> list[Ints]:
        """Exact integers of every output for integer inputs (N, *shape), operator by operator in int64.

        This is the definition; `rtl4ml.emulation.emulate` has the same numbers several times as fast.
        """
        for s, a in zip(self.inputs, x, strict=True):
            if a.shape[1:] != s.shape:
                raise BadInput(
                    f"{s.name}: the input must have shape (N, {', '.join(map(str, s.shape))}), not {a.shape}"
                )
        size = max(1, min(batch, int(2**24 / max(1, max(op.output.elements for op in self.ops)))))
        n = len(x[0])
        out = [np.empty((n, *s.shape), np.int64) for s in self.outputs]
        last = {s.name: i for i, op in enumerate(self.ops) for s in op.inputs}
        keep = {s.name for s in self.outputs}
        for i in range(0, n, size):
            values = {s.name: a[i : i + size] for s, a in zip(self.inputs, x, strict=True)}
            for k, op in enumerate(self.ops):
                values[op.output.name] = op.golden(*(values[s.name] for s in op.inputs))
                for s in op.inputs:  # free what nobody reads any more
                    if last[s.name] == k and s.name not in keep:
                        values.pop(s.name, None)
            for o, s in zip(out, self.outputs, strict=True):
                o[i : i + size] = values[s.name]
        return out
