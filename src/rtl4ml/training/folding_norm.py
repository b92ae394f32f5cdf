# SPDX-License-Identifier: Apache-2.0
"""What the start of a stage with quantizers does alike for every task: batch normalization folded, ranges measured."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def folded(kernel: Floats, bias: Floats, norm: Any, *, depthwise: bool = False) -> tuple[Floats, Floats]:
    """Kernel (..., outputs), of a depthwise layer (..., channels, 1), and bias with batch normalization folded in."""
    gamma, beta, mean, variance = (w.astype(np.float64) for w in norm.get_weights())
    slope = gamma / np.sqrt(variance + norm.epsilon)
    return kernel * (slope[:, None] if depthwise else slope), (bias - mean) * slope + beta


def reach(values: NDArray[Any], share: float) -> float:
    """How far this share of the positive values reaches; 0 without any."""
    positive = values[values > 0]
    return float(np.quantile(positive, share)) if positive.size else 0.0
