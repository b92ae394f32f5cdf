# SPDX-License-Identifier: Apache-2.0
"""Operators that join streams, on the arrays of a block."""

from __future__ import annotations

import numpy as np

from rtl4ml.emulation.block import Block, Held, computed_by
from rtl4ml.emulation.registry import add_steps, join_parts, made_in
from rtl4ml.emulation.rounding import scaled
from rtl4ml.ops.maximum import Extremum
from rtl4ml.ops.merge import Add, Aligned, Concat, Product, Subtract

# -- joins ---------------------------------------------------------------------------------------------------


def _join_aligned(op: Aligned, how: np.ufunc, block: Block, *streams: Held) -> None:
    """Adds the steps that join streams by a ufunc, two at a time, each brought to the output's fraction first."""
    *x, y = streams
    dtype = computed_by(op)
    with made_in(block, y, dtype) as a, block.scratch(a.shape, dtype) as more:
        scaled(block, x[0].values, op.shifts[0], a)
        for h, shift in zip(x[1:], op.shifts[1:], strict=True):
            term = h.values
            if shift:
                scaled(block, term, shift, more)
                term = more
            block.add(how, a, term, out=a, dtype=dtype)


@add_steps.register
def _add(op: Add, block: Block, *streams: Held) -> None:
    _join_aligned(op, np.add, block, *streams)


@add_steps.register
def _extremum(op: Extremum, block: Block, *streams: Held) -> None:
    _join_aligned(op, op.ufunc, block, *streams)


@add_steps.register
def _subtract(op: Subtract, block: Block, *streams: Held) -> None:
    _join_aligned(op, np.subtract, block, *streams)


@add_steps.register
def _product(op: Product, block: Block, *streams: Held) -> None:
    *x, y = streams
    dtype = computed_by(op)
    with made_in(block, y, dtype) as a:
        join_parts(block, np.multiply, [h.values for h in x], a)


@add_steps.register
def _concat(op: Concat, block: Block, *streams: Held) -> None:
    *x, y = streams
    first = 0
    for s, h, shift in zip(op.inputs, x, op.shifts, strict=True):
        out = y.values[first : first + s.channels]
        if not np.shares_memory(out, h.values):  # else it was made there
            scaled(block, h.values, shift, out)
        first += s.channels
