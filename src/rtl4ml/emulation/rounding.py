# SPDX-License-Identifier: Apache-2.0
"""Shifts, rounding and clipping on the arrays of a block."""

from __future__ import annotations

import numpy as np

from rtl4ml.emulation.block import Array, Block
from rtl4ml.ir.mappings import Rounding
from rtl4ml.ir.types import Stream


def scaled(block: Block, x: Array, shift: int, out: Array) -> None:
    """Puts x * 2**shift into `out`, in the type of `out`."""
    if shift:
        block.add(np.multiply, x, out.dtype.type(2.0**shift), out=out, dtype=out.dtype)
    else:
        block.add(np.copyto, out, x)


# -- roundings, tables, thresholds ---------------------------------------------------------------------------


def _rounded(v: int, shift: int) -> int:
    """round(v * 2**-shift), halves to even."""
    if shift <= 0:
        return v << -shift
    return (v + (1 << (shift - 1)) - 1 + ((v >> shift) & 1)) >> shift


def add_rounding(block: Block, x: Stream, r: Rounding, a: Array, out: Array) -> None:
    """Puts what `r` makes of the stream x into `out`; `a` has it scaled by 2**-shift, and is written over."""
    within = r.lo <= _rounded(x.lo, r.shift) and _rounded(x.hi, r.shift) <= r.hi
    if r.shift > 0:
        block.add(np.rint, a, out=out if within else a)
    if not within:
        block.add(np.clip, a, a.dtype.type(r.lo), a.dtype.type(r.hi), out=out)
    elif r.shift <= 0:
        block.add(np.copyto, out, a)
