# SPDX-License-Identifier: Apache-2.0
"""The contract of every operator."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar

from rtl4ml.ir.types import Ints, Stream


@dataclass(frozen=True, kw_only=True, eq=False)
class Op(ABC):
    """One operator: its legality (`__post_init__`), its range (`output`) and its integer truth (`golden`).

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
