# SPDX-License-Identifier: Apache-2.0
"""The registry of functions that write operators as layers of hls4ml, one a kind of operator.

A writer is registered by a decorator and found by the operator's class or the nearest class above it, so that `Dense`
has that of `Conv`. An operator without one is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from rtl4ml.bridge.builder import LayerBuilder, Node
from rtl4ml.errors import HlsCannot
from rtl4ml.ir.op import Op

# Takes the builder, the operator and a node for each of its inputs; gives the last of the layers that it appended.
Writer = Callable[..., Node]
WriterT = TypeVar("WriterT", bound=Writer)

_WRITERS: dict[type[Op], Writer] = {}


def writes(*kinds: type[Op]) -> Callable[[WriterT], WriterT]:
    """Registers the writer of kinds of operators. Raises ValueError where one has a writer."""

    def register(writer: WriterT) -> WriterT:
        for kind in kinds:
            if kind in _WRITERS:
                raise ValueError(f"{kind.__name__}: has a writer already, {_WRITERS[kind].__name__}")
            _WRITERS[kind] = writer
        return writer

    return register


def has_writer(kind: type[Op]) -> bool:
    """Whether some writer is registered for operators of this class."""
    return any(k in _WRITERS for k in kind.__mro__)


def write_operator(b: LayerBuilder, op: Op) -> Node:
    """Appends an operator's layers; the last of them. Raises HlsCannot where its kind has no writer."""
    nodes = [b.read(s) for s in op.inputs]
    writer = next((_WRITERS[k] for k in type(op).__mro__ if k in _WRITERS), None)
    if writer is None:
        raise HlsCannot(
            f"{b.operator}: hls4ml 1.3 cannot hold the operator {op.op}, and rtl4ml adds none for it"
        )
    return writer(b, op, *nodes)
