# SPDX-License-Identifier: Apache-2.0
"""Foldings by hand, as `convert` takes them: (pe, simd) of a layer, or how often its multipliers are used."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reuse:
    """A folding by hand that says how often a multiplier is used for a position, as hls4ml's ReuseFactor does.

    factor: cycles that a layer takes for a position of its output; the nearest legal one is taken
    adders: True: a graph of adders for the whole matrix; False: none; None: whatever takes less

    A dense layer of 64 inputs and 16 outputs with Reuse(32) makes 64 * 16 / 32 = 32 products a cycle.
    """

    factor: int
    adders: bool | None = None


ByHand = tuple[int, int] | Reuse  # (pe, simd), or how often multipliers are used
EVERY = "*"  # of foldings by hand: all layers with weights that have no entry of their own
