# SPDX-License-Identifier: Apache-2.0
"""Activations at the output, before which a graph ends."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml.frontends.builder import HEADS
from rtl4ml.frontends.parsed import Parsed

Real = NDArray[np.float64]


def judged(parsed: Parsed, score: Real) -> Real:
    """The design's output for a model's output (N, ...): the class, the mask, or the output itself."""
    if parsed.output == "argmax":
        return np.asarray(np.argmax(score, axis=-1, keepdims=True), np.float64)
    if parsed.output == "mask":
        assert parsed.threshold is not None
        # compared as NumPy compares predict's floats with a Python number
        mask = score.astype(np.float32) >= np.float32(parsed.threshold)
        return (mask if parsed.opening is None else _opened(mask, parsed.opening)).astype(np.float64)
    return score


def _opened(mask: NDArray[np.bool_], radius: int) -> NDArray[np.bool_]:
    """Masks (N, H, W, 1) opened by scikit-image with its disk; what lies outside the frame is ignored."""
    from skimage import morphology

    skimage: Any = morphology  # has no types
    frames = mask[..., 0].astype(np.uint8)
    out = [skimage.opening(m, skimage.disk(radius), mode="ignore") for m in frames]
    return np.asarray(out, bool).reshape(mask.shape)


def head_of(layer: Any) -> str:
    """How a layer is a head: "layer" (nothing but a softmax, sigmoid or tanh), "activation" (ends with one) or ""."""
    kind = type(layer).__name__
    if kind == "Softmax":
        return "layer"
    obj = getattr(layer, "quantizer", None) if kind == "QActivation" else getattr(layer, "activation", None)
    if getattr(obj, "__name__", "") not in HEADS:
        return ""
    return "layer" if kind in ("Activation", "QActivation") else "activation"
