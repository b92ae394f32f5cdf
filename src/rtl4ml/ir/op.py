# SPDX-License-Identifier: Apache-2.0
"""The contract of every operator."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

from rtl4ml.ir.reads import Reads
from rtl4ml.ir.types import Ints, Stream


@dataclass(frozen=True, kw_only=True, eq=False)
class Op(ABC):
    """One operator: its legality (`__post_init__`), its range (`output`), its integer truth (`golden`), and which
    positions of its inputs its output depends on (`reads`).

    It is arithmetic alone: what it becomes in hardware is said by its `rtl4ml.lowering.registry.OperatorLowering`.
    """

    op: ClassVar[str]

    name: str
    inputs: tuple[Stream, ...]
    layers: tuple[str, ...] = field(default=())  # the Keras layers whose work this operator does

    @property
    def x(self) -> Stream:
        """The first input."""
        return self.inputs[0]

    @property
    @abstractmethod
    def output(self) -> Stream:
        """The stream of the operator's results."""

    @abstractmethod
    def golden(self, *x: Ints) -> Ints:
        """Integers (N, *shape) of every input to integers (N, *shape) of the output."""

    @abstractmethod
    def reads(self, axis: int) -> tuple[Reads, ...]:
        """Of every input, which of its positions along an axis (0 rows, 1 columns) the positions of the output read."""

    def of_frames(self, inputs: Sequence[Stream]) -> Self:
        """The operator as it is in a network of frames of another size.

        Raises an Rtl4mlError, with the operator's name, where it has no meaning of its own there.
        """
        return replace(self, inputs=tuple(inputs))

    @property
    def layer(self) -> str:
        """The name by which people know it: that of its layer, or its own."""
        return self.layers[-1] if self.layers else self.name

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

    def halves(self, shift: int) -> bool:
        """Whether some result may be an odd multiple of 2**(shift - 1), halfway between two multiples of 2**shift.

        True wherever that is not known to be impossible.
        """
        return shift > 0

    @property
    def bound(self) -> int:
        """Greatest magnitude that any partial sum can reach, in steps of the output."""
        return max(abs(self.output.lo), abs(self.output.hi))
