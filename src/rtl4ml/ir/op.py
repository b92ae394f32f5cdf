# SPDX-License-Identifier: Apache-2.0
"""The contract of every operator."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Self

from rtl4ml.ir.types import Ints, Stream

if TYPE_CHECKING:
    from rtl4ml.lowering.builder import Lowering
    from rtl4ml.netlist.netlist import Wire


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
