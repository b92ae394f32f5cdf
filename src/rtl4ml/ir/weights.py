# SPDX-License-Identifier: Apache-2.0
"""What the integers of constant weights are."""

from __future__ import annotations

from enum import IntEnum


class WeightKind(IntEnum):
    """How a product is made; the numbers are those of r4_mvu's parameter WeightKind."""

    INTEGER = 0  # a multiplier
    BINARY = 1  # x or -x
    TERNARY = 2  # x, -x or 0
    POWER_OF_TWO = 3  # +-(x << e) or 0
