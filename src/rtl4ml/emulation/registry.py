# SPDX-License-Identifier: Apache-2.0
"""The registry of kernels: the steps that an operator adds to a block of samples; `golden` without a kernel."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import singledispatch

import numpy as np

from rtl4ml.emulation.block import Array, Block, DType, Held
from rtl4ml.ir.op import Op

INT64 = np.dtype(np.int64)
BOOL = np.dtype(np.bool_)


@singledispatch
def add_steps(op: Op, block: Block, *streams: Held) -> None:
    """Adds the steps of an operator. streams: of its inputs, and last of its output."""
    add_golden(op, block, *streams)


def add_golden(op: Op, block: Block, *streams: Held) -> None:
    """Adds the operator's own `golden` as a step."""
    *x, y = streams

    def step() -> None:
        given = [
            np.ascontiguousarray(h.values.transpose(3, 1, 2, 0), np.int64).reshape(block.size, *s.shape)
            for h, s in zip(x, op.inputs, strict=True)
        ]
        made = op.golden(*given).reshape(block.size, *op.output.hwc)
        np.copyto(y.values, made.transpose(3, 1, 2, 0), casting="unsafe")

    block.add(step)


@contextmanager
def made_in(block: Block, y: Held, dtype: DType) -> Iterator[Array]:
    """An array of this type for a result: the stream's own memory where it is of the type."""
    if y.values.dtype == dtype:
        yield y.values
    else:
        with block.scratch(y.values.shape, dtype) as made:
            yield made
            block.add(np.copyto, y.values, made)


def join_parts(block: Block, join: np.ufunc, parts: list[Array], out: Array) -> None:
    """Adds the steps that join arrays by a ufunc, two at a time."""
    first, *rest = parts
    if not rest:
        block.add(np.copyto, out, first)
    for k, part in enumerate(rest):
        block.add(join, out if k else first, part, out=out, dtype=out.dtype)


def has_kernel(op: Op) -> bool:
    """Whether an operator has steps of its own."""
    return add_steps.dispatch(type(op)) is not add_steps.dispatch(object)
