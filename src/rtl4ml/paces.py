# SPDX-License-Identifier: Apache-2.0
"""What "interval" means of frames that come one after the other: the same for those predicted and those measured."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

Gaps = NDArray[np.integer[Any]]  # (N,), cycles between the last output beats of consecutive frames


def shortest(gaps: Gaps) -> tuple[int, ...]:
    """The shortest part of which `gaps`, at least one, are whole repetitions."""
    n = len(gaps)
    whole = (p for p in range(1, n + 1) if n % p == 0 and np.array_equal(gaps[p:], gaps[:-p]))
    return tuple(gaps[: next(whole)].tolist())


def mean(gaps: Sequence[int]) -> int | Fraction:
    """The exact mean, an integer where it is whole."""
    exact = Fraction(sum(gaps), len(gaps))
    return int(exact) if exact.denominator == 1 else exact


def interval(gaps: Gaps) -> int | Fraction:
    """The interval that a run from reset on shows. gaps: at least one.

    The mean of the shortest repetition that the last half consists of, twice or more; where it is none the longest of
    the last half.
    """
    half = gaps[len(gaps) // 2 :]
    periods = (p for p in range(1, len(half) // 2 + 1) if np.array_equal(half[p:], half[:-p]))
    if period := next(periods, 0):
        return mean(half[-period:].tolist())
    return int(half.max())
