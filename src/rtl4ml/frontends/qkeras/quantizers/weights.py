# SPDX-License-Identifier: Apache-2.0
"""The values that a quantizer gives weights, as integers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml.errors import BadModel, UnsupportedLayer, cause_of
from rtl4ml.frontends.functions import SIGNIFICAND, Floats
from rtl4ml.frontends.qkeras.quantizers.arguments import check_object
from rtl4ml.frontends.qkeras.quantizers.live import refuse_random, text_of, without_gradient
from rtl4ml.frontends.qkeras.quantizers.readers import READERS
from rtl4ml.frontends.weights import Weights, to_grid
from rtl4ml.host import frameworks

# The widest weights that a layer without a quantizer may have; a trained float32 has more.
FREE_WEIGHT_BITS = 16


def weight_values(layer: str, what: str, quantizer: Any, trained: Any) -> NDArray[np.float32]:
    """The trained float32 array after its quantizer, without residue. Raises BadModel, UnsupportedLayer."""
    w = np.asarray(trained, np.float32)
    if not np.isfinite(w).all():
        raise BadModel(
            f"{layer}: {what} must be finite numbers, not {_first_bad(w)}; train or load the model again"
        )
    if quantizer is None:
        return w
    name = type(quantizer).__name__
    refuse_random(layer, quantizer)
    if name not in READERS:
        raise UnsupportedLayer(
            f"{layer}: the quantizer of {what} must be one of {', '.join(sorted({*READERS}))}, "
            f"not {name}; use quantized_bits"
        )
    check_object(layer, quantizer)
    pure = without_gradient(layer, quantizer)
    try:
        q = np.asarray(pure(frameworks.tf().constant(w)), np.float32)
    except Exception as error:  # noqa: BLE001 -- QKeras raises whatever TensorFlow does
        raise UnsupportedLayer(
            f"{layer}: {what} must pass through its quantizer, not raise {cause_of(error)}; mend the model"
        ) from None
    if not np.isfinite(q).all():
        raise BadModel(
            f"{layer}: quantized {what} must be finite numbers, not {_first_bad(q)}; use a narrower quantizer"
        )
    scale = getattr(pure, "scale", None)
    if scale is not None:
        bad = _not_power_of_two(np.asarray(scale, np.float32))
        if bad is not None:
            raise UnsupportedLayer(
                f"{layer}: the scale (alpha) of {what} must be a power of two, not {bad:.6g}; "
                f"use alpha=1 or alpha='auto_po2'"
            )
    return q


def read_weights(layer: str, what: str, quantizer: Any, trained: Any, columns: int) -> Weights:
    """Exact integers (n, columns) of what the quantizer makes of a trained array, read in its own order.

    All columns share the coarsest grid that holds them, or each has its own where that makes the integers narrower.
    Raises BadModel and UnsupportedLayer.
    """
    q = weight_values(layer, what, quantizer, trained)
    if q.size == 0:
        raise UnsupportedLayer(
            f"{layer}: must have at least one weight, not {what} of shape {q.shape}; give it units"
        )
    own, one = to_grid(q.reshape(-1, columns)), to_grid(q.reshape(-1, 1))
    shared = Weights(one.integers.reshape(-1, columns), np.full(columns, one.fraction[0], np.int64))
    best = own if own.width < shared.width else shared
    if quantizer is None and best.width > FREE_WEIGHT_BITS:
        raise UnsupportedLayer(
            f"{layer}: {what} must lie on a fixed-point grid, not be floats of a layer without a quantizer for them; "
            f"use QKeras's layer with quantized_bits"
        )
    if best.width > SIGNIFICAND:
        raise UnsupportedLayer(
            f"{layer}: {what} must fit {SIGNIFICAND} bits on a power-of-two grid, not span {best.width}; "
            f"use fewer bits in {text_of(quantizer)}"
        )
    return best


def _first_bad(w: Floats) -> str:
    return str(w[~np.isfinite(w)].flat[0])


def _not_power_of_two(scale: Floats) -> float | None:
    """The first scale that is no positive power of two; zero scales (channels of zeros) pass."""
    s = scale.reshape(-1)
    m, _ = np.frexp(s)
    bad = s[(s != 0) & (m != 0.5)]
    return float(bad[0]) if bad.size else None
