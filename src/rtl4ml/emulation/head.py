# SPDX-License-Identifier: Apache-2.0
"""The winning class and the mask, on the arrays of a block."""

from __future__ import annotations

import numpy as np

from rtl4ml.emulation.block import Block, Held
from rtl4ml.emulation.registry import BOOL, add_steps
from rtl4ml.ops.head import ArgMax, Mask

# -- heads ---------------------------------------------------------------------------------------------------


@add_steps.register
def _argmax(_op: ArgMax, block: Block, x: Held, y: Held) -> None:
    v, out = x.values, y.values[0]
    with block.scratch(out.shape, v.dtype) as best, block.scratch(out.shape, BOOL) as better:
        block.add(np.copyto, best, v[0])
        block.add(np.copyto, out, 0)
        for c in range(1, len(v)):
            block.add(np.greater, v[c], best, out=better)
            block.add(np.copyto, best, v[c], where=better)
            block.add(np.copyto, out, c, where=better)


@add_steps.register
def _mask(op: Mask, block: Block, x: Held, y: Held) -> None:
    t = min(max(op.threshold, op.x.lo), op.x.hi) if op.threshold <= op.x.hi else np.inf
    block.add(np.greater_equal, x.values, x.values.dtype.type(t), out=y.values)
