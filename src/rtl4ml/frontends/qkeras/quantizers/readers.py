# SPDX-License-Identifier: Apache-2.0
"""QKeras's quantizers, one reader each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rtl4ml.errors import UnsupportedLayer
from rtl4ml.frontends.functions import EVERYTHING, Floats, Function, Grid
from rtl4ml.frontends.qkeras.quantizers.functions import logistic, sigmoid64, sigmoid_kind
from rtl4ml.frontends.qkeras.quantizers.live import integer_bits, own_code
from rtl4ml.host import frameworks

# The widest grid that an activation may span.
_GRID_BITS = 32


def _scale_bits(layer: str, q: Any) -> int:
    """log2 of a quantizer's alpha. Raises UnsupportedLayer."""
    alpha = getattr(q, "alpha", None)
    if alpha is None:
        return 0
    if isinstance(alpha, str):
        raise UnsupportedLayer(
            f"{layer}: alpha of an activation must be a constant power of two, "
            f"not {alpha!r}, which depends on the batch; "
            f"use alpha=1"
        )
    a = np.unique(np.asarray(alpha, np.float64))
    if len(a) != 1 or a[0] <= 0 or np.frexp(a[0])[0] != 0.5:
        raise UnsupportedLayer(
            f"{layer}: alpha of an activation must be a constant power of two, "
            f"not {', '.join(f'{v:.6g}' for v in a)}; use alpha=1"
        )
    return int(np.log2(a[0]))


def _uniform(layer: str, fraction: int, lo: int, hi: int) -> Grid:
    if lo > hi:
        raise UnsupportedLayer(
            f"{layer}: the quantizer must have at least one value, not the range [{lo}, {hi}]; use more bits"
        )
    if max(abs(lo), abs(hi)).bit_length() > _GRID_BITS:
        raise UnsupportedLayer(
            f"{layer}: the quantizer's values must fit {_GRID_BITS} bits, "
            f"not {max(abs(lo), abs(hi)).bit_length()}; use fewer bits"
        )
    return Grid(fraction, lo, hi)


def _bits_grid(layer: str, q: Any) -> Grid:
    """quantized_bits: [-m + symmetric, m - 1] / m * 2**integer * alpha; with no bits beside the sign, -1 and 1."""
    s = _scale_bits(layer, q)
    keep = int(bool(q.keep_negative))
    free = int(q.bits) - keep
    if free <= 0:
        return Grid(-s, -1, 1, sparse=(-1, 1)) if keep else Grid(-s, 0, 1)
    m = 1 << free
    return _uniform(layer, free - integer_bits(layer, q) - s, keep * (-m + int(q.symmetric)), m - 1)


def _quantized_bits(layer: str, q: Any, pure: Any) -> Function:
    grid = _bits_grid(layer, q)
    free = int(q.bits) - int(bool(q.keep_negative))
    s = _scale_bits(layer, q)

    def f64(x: Floats) -> Floats:
        if free <= 0:
            sign = np.where(x < 0, -1.0, 1.0)
            return np.ldexp(sign if q.keep_negative else (sign + 1) / 2, s)
        k = np.clip(np.rint(np.ldexp(np.asarray(x, np.float64), grid.fraction + s)), grid.lo, grid.hi)
        return np.asarray(np.ldexp(k, -grid.fraction))

    clip = EVERYTHING if free > 0 else None
    return Function(
        name="", f32=own_code(pure), f64=f64, monotone=1, grid=grid, clip=clip, rounding=grid.fraction + s
    )


def _quantized_relu(layer: str, q: Any, pure: Any) -> Function:
    slope = float(q.negative_slope)
    free = int(q.bits) - (slope != 0)
    integer = integer_bits(layer, q)
    fraction = free - integer
    m = 2.0**free
    hi = (1 << free) - 1
    lo = 0
    if slope:
        low = -slope * m  # in steps
        if low != int(low):
            extra = int(-np.log2(-low))
            fraction, hi, low = fraction + extra, hi << extra, low * 2.0**extra
        lo = int(low)
    grid = _uniform(layer, fraction, lo, hi)
    bound = q.relu_upper_bound
    bounded = bool(bound) and not q.is_quantized_clip
    if bounded:
        top = np.ldexp(float(np.float32(bound)), fraction)
        if top < hi:
            if top != int(top):
                raise UnsupportedLayer(
                    f"{layer}: relu_upper_bound must be a multiple of the quantizer's step "
                    f"{2.0**-fraction:g}, not {bound:g}; "
                    f"round it"
                )
            grid = _uniform(layer, fraction, lo, int(top))

    sigmoid = sigmoid64()

    def f64(x: Floats) -> Floats:
        x = np.asarray(x, np.float64)
        m_i = 2.0**integer
        if q.use_sigmoid:
            p = sigmoid(x / m_i) * m
            y = m_i * np.clip(2.0 * (np.rint(p) / m) - 1.0, 0.0, 1.0 - 1.0 / m)
            if slope:
                y = y + m_i * slope * np.clip(2.0 * (np.rint(p * slope) / (slope * m)) - 1.0, -1.0, 0.0)
        else:
            p = x * m / m_i
            y = m_i * np.clip(np.rint(p) / m, 0.0, 1.0 - 1.0 / m)
            if slope:
                y = y + m_i * slope * np.clip(np.rint(p * slope) / (slope * m), -1.0, 0.0)
        return np.asarray(np.minimum(y, float(np.float32(bound))) if bounded else y)

    clip = EVERYTHING if not q.use_sigmoid and not slope else None
    if q.use_sigmoid and slope:  # the negative part is in steps of 2 * slope; keep it on its own finer grid
        extra = max(0, int(np.ceil(-np.log2(slope))) if slope < 1 else 0)
        grid = _uniform(layer, grid.fraction + extra, grid.lo << extra, grid.hi << extra)
    return Function(name="", f32=own_code(pure), f64=f64, monotone=1, grid=grid, clip=clip, rounding=fraction)


def _sign_grid(layer: str, q: Any, zero: bool) -> Grid:
    s = _scale_bits(layer, q)
    if getattr(q, "use_01", False):
        return Grid(-s, 0, 1)
    return Grid(-s, -1, 1, sparse=None if zero else (-1, 1))


def _binary(layer: str, q: Any, pure: Any) -> Function:
    grid = _sign_grid(layer, q, zero=False)

    def f64(x: Floats) -> Floats:
        sign = np.where(x < 0, -1.0, 1.0)
        return np.ldexp((sign + 1) / 2 if q.use_01 else sign, -grid.fraction)

    own = own_code(pure, clamp=1024.0)
    return Function(
        name="", f32=lambda x: _snap(own(x), grid), f64=f64, monotone=1, grid=grid, leaves_residue=True
    )


def _ternary(layer: str, q: Any, pure: Any) -> Function:
    grid = _sign_grid(layer, q, zero=True)
    if isinstance(q.threshold, str):
        raise UnsupportedLayer(
            f"{layer}: the threshold of ternary must be a number, not {q.threshold!r}; set threshold=0.33"
        )
    threshold = float(q.default_threshold if q.threshold is None else q.threshold)

    def f64(x: Floats) -> Floats:
        return np.ldexp(np.where(np.abs(x) >= np.float32(threshold), np.sign(x), 0.0), -grid.fraction)

    own = own_code(pure, clamp=1024.0 * max(1.0, threshold))
    return Function(
        name="", f32=lambda x: _snap(own(x), grid), f64=f64, monotone=1, grid=grid, leaves_residue=True
    )


def _snap(y: Floats, grid: Grid) -> Floats:
    """The grid point beside a value that carries a residue."""
    return np.ldexp(np.rint(np.ldexp(y, grid.fraction)), -grid.fraction)


def _quantized_tanh(layer: str, q: Any, pure: Any) -> Function:
    free = int(q.bits) - 1
    m = 2.0**free
    grid = _uniform(layer, free, -(1 << free) + int(bool(q.symmetric)), (1 << free) - 1)
    sigmoid = sigmoid64()

    def f64(x: Floats) -> Floats:
        x = np.asarray(x, np.float64)
        p = np.tanh(x) if q.use_real_tanh else 2.0 * sigmoid(x) - 1.0
        return np.clip(np.rint(p * m) / m, -1.0 + float(bool(q.symmetric)) / m, 1.0 - 1.0 / m)

    smooth = q.use_real_tanh or sigmoid_kind() == "real"
    return Function(name="", f32=own_code(pure), f64=f64, monotone=0 if smooth else 1, grid=grid)


def _quantized_sigmoid(layer: str, q: Any, pure: Any) -> Function:
    m = 2.0 ** int(q.bits)
    grid = _uniform(layer, int(q.bits), int(bool(q.symmetric)), (1 << int(q.bits)) - 1)
    sigmoid = sigmoid64()

    def f64(x: Floats) -> Floats:
        x = np.asarray(x, np.float64)
        p = logistic(x) if q.use_real_sigmoid else sigmoid(x)
        return np.asarray(np.clip(np.rint(p * m) / m, float(bool(q.symmetric)) / m, 1.0 - 1.0 / m))

    smooth = q.use_real_sigmoid or sigmoid_kind() == "real"
    return Function(name="", f32=own_code(pure), f64=f64, monotone=0 if smooth else 1, grid=grid)


def _step_activation(layer: str, q: Any, pure: Any) -> Function:
    grid = _uniform(layer, q.fraction, q.lo, q.hi)

    def f64(x: Floats) -> Floats:
        p = np.rint(np.ldexp(np.tanh(np.asarray(x, np.float64)), grid.fraction))
        return np.asarray(np.ldexp(np.clip(p, grid.lo, grid.hi), -grid.fraction))

    return Function(name="", f32=own_code(pure), f64=f64, monotone=0, grid=grid)


def _po2_grid(layer: str, q: Any, negative: float | None) -> Grid:
    """Signed powers of two from 2**min_exp to what max_value allows."""
    factor = 2 if q.quadratic_approximation else 1
    top = factor * int(q._max_exp)
    if q.max_value is not None:  # log2 of the bound, rounded by the quantizer's own rule
        root = float(q.max_value) ** (1 / factor)
        log = np.log2(root) if root > 0 else -np.inf
        if np.isfinite(log):
            top = min(
                top, factor * int(np.rint(log + 1e-6) if q.log2_rounding == "rnd" else np.floor(log + 1e-6))
            )
    bottom = factor * int(q._min_exp)
    top = max(top, bottom)
    if top - bottom + 1 > _GRID_BITS:
        raise UnsupportedLayer(
            f"{layer}: exponents of a power-of-two activation must span at most {_GRID_BITS} bits, "
            f"not {top - bottom + 1}; "
            f"use fewer bits or a smaller max_value"
        )
    powers = [1 << (e - bottom) for e in range(bottom, top + 1, factor)]
    below = [] if negative is None else [-p for p in reversed(powers)]
    values = (*below, *powers)
    return Grid(-bottom, values[0], values[-1], sparse=values)


def _po2_exponent(q: Any, x: Floats) -> Floats:
    """float64 form of the clipped exponent of |x|."""
    eps = float(frameworks.keras().backend.epsilon())
    a = np.where(x < eps, eps, x)
    if q.max_value is not None:
        a = np.minimum(a, q.max_value)
    factor = 2.0 if q.quadratic_approximation else 1.0
    log = np.log2(a) / factor
    e = np.floor(log) if q.log2_rounding == "floor" else np.rint(log)
    return np.where(x < eps, float(q._min_exp), factor * np.clip(e, q._min_exp, q._max_exp))


def _quantized_po2(layer: str, q: Any, pure: Any) -> Function:
    grid = _po2_grid(layer, q, 1.0)

    def f64(x: Floats) -> Floats:
        x = np.asarray(x, np.float64)
        return np.where(x < 0, -1.0, 1.0) * np.exp2(_po2_exponent(q, np.abs(x)))

    return Function(name="", f32=own_code(pure), f64=f64, monotone=0, grid=grid)


def _quantized_relu_po2(layer: str, q: Any, pure: Any) -> Function:
    slope = float(q.negative_slope)
    grid = _po2_grid(layer, q, slope or None)

    def f64(x: Floats) -> Floats:
        x = np.asarray(x, np.float64)
        above = np.exp2(_po2_exponent(q, np.maximum(x, 0)))
        below = -np.exp2(_po2_exponent(q, np.maximum(-x, 0) * slope))
        return np.where((x >= 0) | (slope == 0), above, below)

    return Function(name="", f32=own_code(pure), f64=f64, monotone=0, grid=grid)


def _quantized_hswish(layer: str, q: Any, pure: Any) -> Function:
    inner = _quantized_bits(layer, q, pure)

    def f64(x: Floats) -> Floats:
        x = np.asarray(x, np.float64)
        assert inner.f64 is not None
        gate = np.clip(x + q.relu_shift, 0.0, q.relu_upper_bound)
        return inner.f64(x * gate / q.relu_upper_bound)

    return Function(name="", f32=own_code(pure), f64=f64, monotone=0, grid=inner.grid)


READERS: dict[str, Callable[[str, Any, Any], Function]] = {
    "quantized_bits": _quantized_bits,
    "quantized_relu": _quantized_relu,
    "binary": _binary,
    "ternary": _ternary,
    "quantized_po2": _quantized_po2,
    "quantized_relu_po2": _quantized_relu_po2,
    "quantized_tanh": _quantized_tanh,
    "quantized_sigmoid": _quantized_sigmoid,
    "quantized_hswish": _quantized_hswish,
    "step_activation": _step_activation,
}
