# SPDX-License-Identifier: Apache-2.0
"""The registry of lowerings.

A lowering says what an operator becomes in hardware: its legal foldings, the lanes of its inputs, its cells. It is
registered by a decorator and found by the operator's class or the nearest base class, so that `Dense` has the lowering
of `Conv`. An operator without one is refused by name.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterator
from typing import Any, ClassVar, Generic, TypeVar

from rtl4ml.errors import UnsupportedLayer
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.op import Op
from rtl4ml.lowering.builder import NetlistBuilder
from rtl4ml.netlist.netlist import Wire
from rtl4ml.netlist.packing import WORD, Packing
from rtl4ml.netlist.plan import Folding, Plan

OpT = TypeVar("OpT", bound=Op)


class OperatorLowering(ABC, Generic[OpT]):
    """The foldings, lanes and cells of one operator."""

    # Whether FIFOs before it cut the ready path.
    cuts_ready: ClassVar[bool] = True

    def __init__(self, op: OpT) -> None:
        self.op = op

    def foldings(self) -> Iterator[Folding]:
        """Every legal folding; the default is for cells with equally many lanes at input and output."""
        for lanes in divisors(self.op.output.channels):
            yield Folding(lanes, lanes, self.op.output.elements // lanes)

    @property
    def narrowest(self) -> Folding:
        """The least parallel folding; only `pe` and `simd` are set."""
        return Folding()

    def input_lanes(self, folding: Folding, index: int = 0) -> int:  # noqa: ARG002 -- most have the same on all inputs
        """Lanes of the input of this index."""
        return folding.simd

    def reuse(self, folding: Folding) -> int | None:  # noqa: ARG002 -- most make no products
        """Cycles that it takes for a position of its output, hls4ml's reuse factor; None where it has no weights."""
        return None

    def packings(self, folding: Folding, pump: int = 1, word: int = WORD) -> list[Packing]:  # noqa: ARG002 -- most make no products
        """Every legal packing of the products of a folding."""
        return []

    def beyond(self, graph: Graph) -> Hashable:  # noqa: ARG002 -- most use nothing else
        """What its cells depend on beside the operator itself, the streams that it reads, and its folding."""
        return None

    @abstractmethod
    def lower(self, builder: NetlistBuilder, folding: Folding, *x: Wire) -> Wire:
        """Adds the operator's cells, which read the wires `x`; returns the wire of its output."""


_LOWERINGS: dict[type[Op], type[OperatorLowering[Any]]] = {}


def lowers(kind: type[OpT]) -> Callable[[type[OperatorLowering[OpT]]], type[OperatorLowering[OpT]]]:
    """Registers the lowering of a kind of operator. Raises ValueError where it has one already."""

    def register(made: type[OperatorLowering[OpT]]) -> type[OperatorLowering[OpT]]:
        if kind in _LOWERINGS:
            raise ValueError(f"{kind.__name__}: has a lowering already, {_LOWERINGS[kind].__name__}")
        _LOWERINGS[kind] = made
        return made

    return register


def has_lowering(kind: type[Op]) -> bool:
    """Whether some lowering is registered for operators of this class."""
    return any(k in _LOWERINGS for k in kind.__mro__)


def lowering_of(op: Op) -> OperatorLowering[Any]:
    """The lowering of an operator. Raises UnsupportedLayer where its kind has none."""
    made = next((_LOWERINGS[k] for k in type(op).__mro__ if k in _LOWERINGS), None)
    if made is None:
        raise UnsupportedLayer(
            f"{op.name}: the operator must be one that has cells, not {op.op}; leave the layer out of the model"
        )
    return made(op)


def narrowest_plan(graph: Graph) -> Plan:
    """The plan in which every operator has its least parallel folding."""
    return Plan(graph, {op.name: lowering_of(op).narrowest for op in graph.ops})


def divisors(n: int) -> list[int]:
    """All divisors of n, ascending."""
    small = [d for d in range(1, int(n**0.5) + 1) if n % d == 0]
    return sorted({*small, *(n // d for d in small)})
