# SPDX-License-Identifier: Apache-2.0
"""QKeras quantizers and activation functions, read from the live objects.

Weights become integers on a power-of-two grid for each output channel; activations become `Function`s: the model's own
float32 code, the same formula in float64, and the grid on which a quantizer's values lie.

A quantizer's value is the grid point that it defines. QKeras returns `x + (q - x)`, which leaves a residue of float32
rounding where x is far outside the quantizer's range; the functions here are evaluated without it.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml import _tf, precision
from rtl4ml._tf import VECTOR
from rtl4ml.arguments import shown
from rtl4ml.errors import BadInput, BadModel, UnsupportedLayer, cause_of, named
from rtl4ml.ir import FLOAT32_EXACT, Fixed, Ints
from rtl4ml.precision import Modes
from rtl4ml.quantizer_arguments import check_object

Floats = NDArray[np.floating]

# Bits of an integer weight that float32 can hold beside its exponent.
_SIGNIFICAND = 24
# The widest weights that a layer without a quantizer may have; a trained float32 has more.
FREE_WEIGHT_BITS = 16
# The widest grid that an activation may span.
_GRID_BITS = 32
_EVERYTHING = (-np.inf, np.inf)


@dataclass(frozen=True)
class Grid:
    """The values k * 2**-fraction with k from lo to hi, or only those of `sparse` (ascending)."""

    fraction: int
    lo: int
    hi: int
    sparse: tuple[int, ...] | None = None

    @cached_property
    def type(self) -> Fixed:
        return Fixed.covering(self.lo, self.hi, self.fraction)

    @property
    def count(self) -> int:
        return len(self.sparse) if self.sparse is not None else self.hi - self.lo + 1

    def levels(self, lo: int, hi: int) -> Ints:
        """Every k in [lo, hi], ascending."""
        if self.sparse is None:
            return np.arange(max(lo, self.lo), min(hi, self.hi) + 1, dtype=np.int64)
        k = np.asarray(self.sparse, np.int64)
        return k[(k >= lo) & (k <= hi)]


@dataclass(frozen=True, eq=False, kw_only=True)
class Function:
    """An elementwise function of a model.

    f32, f64: (n, C or 1) to the same shape; f32 is the model's own code, f64 the formula in float64 (None: unknown)
    monotone: +1 where it never falls, -1 where it never rises, 0 where neither is proven; one number or one a channel
    grid:     where its values lie (a quantizer), or None
    clip:     (a, b), where the function is x clipped to [a, b], then rounded if there is a grid; None otherwise
    rounding: r, where that rounding is k = round(x * 2**r); the value of k is that of `grid` (an alpha scales it)
    scale:    s, where the function is x * 2**s
    wide:     whether it keeps one row a channel
    own:      the Keras layer or function that it is, where there is one
    rank:     axes of what it reads, channels included, where it is a layer that minds
    snaps:    whether QKeras leaves a residue in every case, and the grid point is the nearest
    shared:   whether the model reads elsewhere, too, what it reads
    apart:    whether elements are moved between it and the function before it
    """

    name: str
    f32: Callable[[Floats], Floats]
    f64: Callable[[Floats], Floats] | None
    monotone: int | Ints = 0
    grid: Grid | None = None
    clip: tuple[float, float] | None = None
    rounding: int = 0
    scale: int | None = None
    wide: bool = False
    layer: str = ""
    own: Any = None
    rank: int = 0
    snaps: bool = False
    shared: bool = False
    apart: bool = False

    def rounds_to(self, fraction: int) -> bool:
        """Whether it is nothing but a rounding to all of a range of that fraction, so that `steps` has its values."""
        g = self.grid
        return g is not None and g.sparse is None and g.fraction == fraction and self.clip == _EVERYTHING

    def steps(self, x: NDArray[np.float32]) -> NDArray[np.floating]:
        """The integers of such a rounding, in the narrowest float that holds them.

        A product with a power of two, a rounding and a clip are as exact in float32 as in the quantizer's own code.
        """
        assert self.grid is not None
        lo, hi = self.grid.lo, self.grid.hi
        dtype = np.dtype(np.float32 if max(-lo, hi) <= FLOAT32_EXACT else np.float64)
        with np.errstate(over="ignore", under="ignore"):  # what lies far out is clipped, what is tiny is zero
            y = np.multiply(x, dtype.type(2.0**self.rounding), dtype=dtype)
        np.rint(y, out=y)
        return np.asarray(np.clip(y, dtype.type(lo), dtype.type(hi), out=y))


# -- weights ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Weights:
    """integers (..., C) of which channel c stands for integers[..., c] * 2**-fraction[c]."""

    integers: Ints
    fraction: Ints

    @property
    def real(self) -> NDArray[np.float64]:
        """The real values."""
        return np.ldexp(self.integers.astype(np.float64), -self.fraction)

    @property
    def width(self) -> int:
        """Bits of the greatest magnitude."""
        return int(np.abs(self.integers).max(initial=0)).bit_length()


def weight_values(layer: str, what: str, quantizer: Any, trained: Any) -> NDArray[np.float32]:
    """What the quantizer makes of the trained float32 array, without residue. Raises BadModel, UnsupportedLayer."""
    w = np.asarray(trained, np.float32)
    if not np.isfinite(w).all():
        raise BadModel(
            f"{layer}: {what} must be finite numbers, not {_first_bad(w)}; train or load the model again"
        )
    if quantizer is None:
        return w
    name = type(quantizer).__name__
    _refuse_random(layer, quantizer)
    if name not in _READERS and name not in _WEIGHT_ONLY:
        raise UnsupportedLayer(
            f"{layer}: the quantizer of {what} must be one of {', '.join(sorted({*_READERS}))}, "
            f"not {name}; use quantized_bits"
        )
    check_object(layer, quantizer)
    pure = _pure(layer, quantizer)
    try:
        q = np.asarray(pure(_tf.tf().constant(w)), np.float32)
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
    if best.width > _SIGNIFICAND:
        raise UnsupportedLayer(
            f"{layer}: {what} must fit {_SIGNIFICAND} bits on a power-of-two grid, not span {best.width}; "
            f"use fewer bits in {_text(quantizer)}"
        )
    return best


def to_grid(q: Floats) -> Weights:
    """Float32 values (..., C) as exact integers; each channel's fraction is the coarsest that holds it."""
    v = np.asarray(q, np.float64)
    mantissa, exponent = np.frexp(v)
    m = (mantissa * 2.0**_SIGNIFICAND).astype(np.int64)  # v = m * 2**(exponent - 24), exactly
    low = np.where(m != 0, m & -m, 1)
    trailing = np.log2(low).astype(np.int64)
    unit = np.where(m != 0, exponent.astype(np.int64) - _SIGNIFICAND + trailing, np.iinfo(np.int32).max)
    fraction = -unit.reshape(-1, v.shape[-1]).min(axis=0, initial=np.iinfo(np.int32).max)
    fraction = np.where(fraction == -np.iinfo(np.int32).max, 0, fraction).astype(np.int64)
    span = exponent + fraction
    if (np.where(m != 0, span, 0) > 62).any():  # no int64 holds it; the caller sees a width over any limit
        return Weights(np.full(v.shape, np.iinfo(np.int64).max), fraction)
    integers = np.ldexp(v, fraction).astype(np.int64)
    if not np.array_equal(np.ldexp(integers.astype(np.float64), -fraction), v):
        raise AssertionError("integers and fractions must give the quantized weights back")
    return Weights(integers, fraction)


def _first_bad(w: Floats) -> str:
    return str(w[~np.isfinite(w)].flat[0])


def _not_power_of_two(scale: Floats) -> float | None:
    """The first scale that is no positive power of two; zero scales (channels of zeros) pass."""
    s = scale.reshape(-1)
    m, _ = np.frexp(s)
    bad = s[(s != 0) & (m != 0.5)]
    return float(bad[0]) if bad.size else None


# -- activations --------------------------------------------------------------------------------------------


def read_function(layer: str, obj: Any) -> Function:
    """The function of an activation: a QKeras quantizer or an activation of Keras. Raises UnsupportedLayer."""
    name = type(obj).__name__
    _refuse_random(layer, obj)
    if name in _READERS and _of_qkeras(type(obj)):
        check_object(layer, obj)
        noise = float(np.asarray(getattr(obj, "qnoise_factor", 1.0)))
        if noise != 1.0:
            raise UnsupportedLayer(
                f"{layer}: qnoise_factor must be 1, not {noise:g}; finish the training schedule first"
            )
        return replace(_READERS[name](layer, obj, _pure(layer, obj)), layer=layer, name=_text(obj), own=obj)
    if name in _REFUSED:
        raise UnsupportedLayer(
            f"{layer}: the quantizer must have a fixed-point grid, not be {name}; use quantized_bits"
        )
    plain = getattr(obj, "__name__", name)
    if _of_qkeras(obj) and plain in _QKERAS_FUNCTIONS:
        return replace(_QKERAS_FUNCTIONS[plain](obj), layer=layer)
    if (
        getattr(obj, "__module__", "").startswith(("keras", "tf_keras", "tensorflow"))
        and plain in _KERAS_FUNCTIONS
    ):
        return replace(_KERAS_FUNCTIONS[plain](obj), layer=layer)
    raise UnsupportedLayer(
        f"{layer}: the activation must be a quantizer of QKeras or an elementwise activation of Keras, "
        f"not {plain}; "
        f"use quantized_relu or quantized_bits"
    )


def fixed_quantizer(grid: Grid, name: str, modes: Modes | None = None) -> Function:
    """Rounds to the grid and keeps to its range by `modes`; by default halves to even, saturating."""
    how = modes or Modes()

    def f(x: Floats) -> Floats:
        return np.ldexp(
            how.integers(np.ldexp(np.asarray(x, np.float64), grid.fraction), grid.lo, grid.hi), -grid.fraction
        )

    return Function(
        name=name, f32=f, f64=f, monotone=int(how.rises), grid=grid, clip=_EVERYTHING if how.plain else None,
        rounding=grid.fraction,
    )  # fmt: skip


def declared_quantizer(spec: str | Fixed) -> Function:
    """The quantizer that `input_precision` asks for, with the modes that it names. Raises BadInput."""
    grid = parse_precision(spec)
    written = precision.read(spec) if isinstance(spec, str) else None
    modes = None if written is None else written.modes
    if modes is not None and modes.overflow == "SAT_SYM" and grid.lo < 0:
        grid = Grid(grid.fraction, -grid.hi, grid.hi)
        if not grid.hi:
            raise BadInput(
                f"{named('input_precision')}: AP_SAT_SYM must go with at least 2 bits, not {spec}; use AP_SAT"
            )
    return fixed_quantizer(grid, str(spec), modes)


def parse_precision(spec: str | Fixed) -> Grid:
    """The grid of "ap_fixed<8,1>", "fixed<W,I>", "ap_ufixed<W,I>", "ufixed<W,I>", "quantized_bits(8,0)" or a Fixed.

    W counts all bits and I those left of the point, the sign included (as in Vitis HLS); modes are read by
    `declared_quantizer`. Raises BadInput.
    """
    if isinstance(spec, Fixed):
        return _checked(Grid(spec.fraction, spec.lo, spec.hi), spec)
    if not isinstance(spec, str):
        raise BadInput(
            f"{named('input_precision')}: {_PRECISION_RULE}, not {shown(spec)}; see the README's table"
        )
    if w := precision.read(spec):
        t = Fixed(w.signed, w.integer - int(w.signed), w.width - w.integer)
        return _checked(Grid(t.fraction, t.lo, t.hi), spec)
    if wrong := precision.fault(spec, _SIGNIFICAND):
        raise BadInput(f"{named('input_precision')}: {wrong}")
    text = spec.replace(" ", "")
    if re.fullmatch(r"quantized_(bits|relu)\([-\w.,=]*\)", text):
        try:
            q = _tf.qkeras().quantizers.get_quantizer(text)
            grid = read_function("input_precision", q).grid
        except Exception:  # noqa: BLE001 -- whatever is wrong with the text, it is no type
            grid = None
        if grid is not None and grid.sparse is None:
            return _checked(grid, spec)
    raise BadInput(
        f"{named('input_precision')}: {_PRECISION_RULE}, not {shown(spec)}; see the README's table"
    )


_PRECISION_RULE = "must be a type such as ap_fixed<8,1>, ufixed<8,0> or quantized_bits(8,0)"


def _checked(grid: Grid, spec: object) -> Grid:
    if grid.type.width > _SIGNIFICAND:
        raise BadInput(
            f"{named('input_precision')}: must have at most {_SIGNIFICAND} bits, which float32 holds, "
            f"not {grid.type.width} in {spec}; "
            f"use fewer bits"
        )
    return grid


# -- one reader a quantizer ---------------------------------------------------------------------------------


def _own(pure: Any, clamp: float | None = None) -> Callable[[Floats], Floats]:
    """The quantizer's own float32 code as a function of arrays; `clamp` bounds x where that cannot matter."""

    def f(x: Floats) -> Floats:
        a = np.asarray(x, np.float32)
        if clamp is not None:
            a = np.clip(a, np.float32(-clamp), np.float32(clamp))
        return on_vectors(pure, a)

    return f


def on_vectors(f: Callable[[Any], Any], x: Floats) -> Floats:
    """TensorFlow's function f of float32 rows (n, ...), filled up so that none of its vectors has an end.

    A model evaluates the same function on a whole tensor; on few elements TensorFlow's scalar code gives other last
    bits than its vector code.
    """
    a = np.asarray(x, np.float32)
    n = len(a)
    filled = a if n % VECTOR == 0 else np.concatenate([a, np.zeros((-n % VECTOR, *a.shape[1:]), np.float32)])
    return np.asarray(f(_tf.tf().constant(filled)), np.float32)[:n]


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


def _integer(layer: str, q: Any) -> int:
    i = np.unique(np.asarray(q.integer))
    if len(i) != 1:
        raise UnsupportedLayer(
            f"{layer}: integer bits must be one number, not {i.tolist()}; use one for all channels"
        )
    if i[0] < 0:  # 2**integer is an integer power there
        raise UnsupportedLayer(
            f"{layer}: integer bits must be at least 0, for QKeras 0.9 fails below, not {i[0]}; use 0 and more bits"
        )
    return int(i[0])


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
    return _uniform(layer, free - _integer(layer, q) - s, keep * (-m + int(q.symmetric)), m - 1)


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

    clip = _EVERYTHING if free > 0 else None
    return Function(
        name="", f32=_own(pure), f64=f64, monotone=1, grid=grid, clip=clip, rounding=grid.fraction + s
    )


def _quantized_relu(layer: str, q: Any, pure: Any) -> Function:
    slope = float(q.negative_slope)
    free = int(q.bits) - (slope != 0)
    integer = _integer(layer, q)
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

    sigmoid = _sigmoid64()

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

    clip = _EVERYTHING if not q.use_sigmoid and not slope else None
    if q.use_sigmoid and slope:  # the negative part is in steps of 2 * slope; keep it on its own finer grid
        extra = max(0, int(np.ceil(-np.log2(slope))) if slope < 1 else 0)
        grid = _uniform(layer, grid.fraction + extra, grid.lo << extra, grid.hi << extra)
    return Function(name="", f32=_own(pure), f64=f64, monotone=1, grid=grid, clip=clip, rounding=fraction)


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

    own = _own(pure, clamp=1024.0)
    return Function(name="", f32=lambda x: _snap(own(x), grid), f64=f64, monotone=1, grid=grid, snaps=True)


def _ternary(layer: str, q: Any, pure: Any) -> Function:
    grid = _sign_grid(layer, q, zero=True)
    if isinstance(q.threshold, str):
        raise UnsupportedLayer(
            f"{layer}: the threshold of ternary must be a number, not {q.threshold!r}; set threshold=0.33"
        )
    threshold = float(q.default_threshold if q.threshold is None else q.threshold)

    def f64(x: Floats) -> Floats:
        return np.ldexp(np.where(np.abs(x) >= np.float32(threshold), np.sign(x), 0.0), -grid.fraction)

    own = _own(pure, clamp=1024.0 * max(1.0, threshold))
    return Function(name="", f32=lambda x: _snap(own(x), grid), f64=f64, monotone=1, grid=grid, snaps=True)


def _snap(y: Floats, grid: Grid) -> Floats:
    """The grid point beside a value that carries a residue."""
    return np.ldexp(np.rint(np.ldexp(y, grid.fraction)), -grid.fraction)


def _quantized_tanh(layer: str, q: Any, pure: Any) -> Function:
    free = int(q.bits) - 1
    m = 2.0**free
    grid = _uniform(layer, free, -(1 << free) + int(bool(q.symmetric)), (1 << free) - 1)
    sigmoid = _sigmoid64()

    def f64(x: Floats) -> Floats:
        x = np.asarray(x, np.float64)
        p = np.tanh(x) if q.use_real_tanh else 2.0 * sigmoid(x) - 1.0
        return np.clip(np.rint(p * m) / m, -1.0 + float(bool(q.symmetric)) / m, 1.0 - 1.0 / m)

    smooth = q.use_real_tanh or _sigmoid_kind() == "real"
    return Function(name="", f32=_own(pure), f64=f64, monotone=0 if smooth else 1, grid=grid)


def _quantized_sigmoid(layer: str, q: Any, pure: Any) -> Function:
    m = 2.0 ** int(q.bits)
    grid = _uniform(layer, int(q.bits), int(bool(q.symmetric)), (1 << int(q.bits)) - 1)
    sigmoid = _sigmoid64()

    def f64(x: Floats) -> Floats:
        x = np.asarray(x, np.float64)
        p = _logistic(x) if q.use_real_sigmoid else sigmoid(x)
        return np.asarray(np.clip(np.rint(p * m) / m, float(bool(q.symmetric)) / m, 1.0 - 1.0 / m))

    smooth = q.use_real_sigmoid or _sigmoid_kind() == "real"
    return Function(name="", f32=_own(pure), f64=f64, monotone=0 if smooth else 1, grid=grid)


def _step_activation(layer: str, q: Any, pure: Any) -> Function:
    grid = _uniform(layer, q.fraction, q.lo, q.hi)

    def f64(x: Floats) -> Floats:
        p = np.rint(np.ldexp(np.tanh(np.asarray(x, np.float64)), grid.fraction))
        return np.asarray(np.ldexp(np.clip(p, grid.lo, grid.hi), -grid.fraction))

    return Function(name="", f32=_own(pure), f64=f64, monotone=0, grid=grid)


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
    eps = float(_tf.keras().backend.epsilon())
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

    return Function(name="", f32=_own(pure), f64=f64, monotone=0, grid=grid)


def _quantized_relu_po2(layer: str, q: Any, pure: Any) -> Function:
    slope = float(q.negative_slope)
    grid = _po2_grid(layer, q, slope or None)

    def f64(x: Floats) -> Floats:
        x = np.asarray(x, np.float64)
        above = np.exp2(_po2_exponent(q, np.maximum(x, 0)))
        below = -np.exp2(_po2_exponent(q, np.maximum(-x, 0) * slope))
        return np.where((x >= 0) | (slope == 0), above, below)

    return Function(name="", f32=_own(pure), f64=f64, monotone=0, grid=grid)


def _quantized_hswish(layer: str, q: Any, pure: Any) -> Function:
    inner = _quantized_bits(layer, q, pure)

    def f64(x: Floats) -> Floats:
        x = np.asarray(x, np.float64)
        assert inner.f64 is not None
        gate = np.clip(x + q.relu_shift, 0.0, q.relu_upper_bound)
        return inner.f64(x * gate / q.relu_upper_bound)

    return Function(name="", f32=_own(pure), f64=f64, monotone=0, grid=inner.grid)


_READERS: dict[str, Callable[[str, Any, Any], Function]] = {
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
_WEIGHT_ONLY: frozenset[str] = frozenset()
_RANDOM = frozenset({"bernoulli", "stochastic_binary", "stochastic_ternary"})
_REFUSED = frozenset({"quantized_ulaw"})


# -- functions without an object ----------------------------------------------------------------------------


def _plain(obj: Any) -> Callable[[Floats], Floats]:
    def f(x: Floats) -> Floats:
        return on_vectors(obj, x)

    return f


def linear(layer: str = "") -> Function:
    """Leaves everything as it is."""
    return Function(
        name="linear", f32=lambda x: x, f64=lambda x: x, monotone=1, clip=_EVERYTHING, scale=0, layer=layer
    )


def relu(
    layer: str = "", *, top: float = np.inf, slope: float = 0.0, threshold: float = 0.0, own: Any = None
) -> Function:
    """Keras's ReLU: x above the threshold, up to `top`; slope * (x - threshold) below it."""

    def f64(x: Floats) -> Floats:
        x = np.asarray(x, np.float64)
        return np.asarray(
            np.minimum(np.where(x > threshold, x, 0.0), top) - slope * np.maximum(threshold - x, 0.0)
        )

    def f32(x: Floats) -> Floats:
        return np.clip(x, np.float32(0), np.float32(top))

    plain = slope == 0 and threshold == 0
    return Function(
        name="relu",
        f32=_plain(own) if own is not None else f32,
        f64=f64,
        monotone=1 if slope >= 0 and threshold == 0 else 0,
        clip=(0.0, float(top)) if plain else None,
        layer=layer,
        own=own,
    )


def leaky(layer: str, slope: float, own: Any) -> Function:
    """The identity above zero, slope * x below."""

    def f64(x: Floats) -> Floats:
        x = np.asarray(x, np.float64)
        return np.where(x > 0, x, float(np.float32(slope)) * x)

    rises = 1 if slope >= 0 else 0
    return Function(name="leaky_relu", f32=_plain(own), f64=f64, monotone=rises, layer=layer, own=own)


def _smooth(f64: Callable[[Floats], Floats] | None, monotone: int = 0) -> Callable[[Any], Function]:
    def read(obj: Any) -> Function:
        return Function(
            name=str(getattr(obj, "__name__", obj)), f32=_plain(obj), f64=f64, monotone=monotone, own=obj
        )

    return read


def _logistic(x: Floats) -> Floats:
    with np.errstate(over="ignore"):
        return np.asarray(1.0 / (1.0 + np.exp(-np.asarray(x, np.float64))))


def _hard(x: Floats) -> Floats:
    return np.clip(0.5 * np.asarray(x, np.float64) + 0.5, 0.0, 1.0)


def _gentle(x: Floats) -> Floats:
    return np.clip(0.1875 * np.asarray(x, np.float64) + 0.5, 0.0, 1.0)


_KERAS_FUNCTIONS: dict[str, Callable[[Any], Function]] = {
    "linear": lambda _: linear(),
    "relu": lambda obj: relu(own=obj),
    "relu6": lambda obj: relu(own=obj, top=6.0),
    "sigmoid": _smooth(_logistic),
    "tanh": _smooth(lambda x: np.tanh(np.asarray(x, np.float64))),
    "hard_sigmoid": _smooth(lambda x: np.clip(0.2 * np.asarray(x, np.float64) + 0.5, 0.0, 1.0), 1),
    "softplus": _smooth(lambda x: np.logaddexp(0.0, x)),
    "softsign": _smooth(lambda x: x / (1.0 + np.abs(x))),
    "elu": _smooth(lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0.0)))),
    "swish": _smooth(lambda x: x * _logistic(x)),
    "silu": _smooth(lambda x: x * _logistic(x)),
    "gelu": _smooth(None),
    "selu": _smooth(None),
    "mish": _smooth(None),
    "exponential": _smooth(lambda x: np.exp(x)),
}


def _levels(f64: Callable[[Floats], Floats], grid: Grid) -> Callable[[Any], Function]:
    def read(obj: Any) -> Function:
        own = _plain(obj)
        return Function(
            name=obj.__name__, f32=lambda x: own(np.clip(x, -1024, 1024)), f64=f64, monotone=1, grid=grid
        )

    return read


_QKERAS_FUNCTIONS: dict[str, Callable[[Any], Function]] = {
    "hard_sigmoid": _smooth(_hard, 1),
    "smooth_sigmoid": _smooth(_gentle, 1),
    "hard_tanh": _smooth(lambda x: 2.0 * _hard(x) - 1.0, 1),
    "smooth_tanh": _smooth(lambda x: 2.0 * _gentle(x) - 1.0, 1),
    "binary_sigmoid": _levels(lambda x: np.rint(_hard(x)), Grid(0, 0, 1)),
    "binary_tanh": _levels(lambda x: 2.0 * np.rint(_hard(x)) - 1.0, Grid(0, -1, 1, sparse=(-1, 1))),
}


def _sigmoid_kind() -> str:
    """Which sigmoid QKeras uses now: "hard", "smooth" or "real" (set_internal_sigmoid)."""
    import qkeras.quantizers as module

    current = getattr(module._sigmoid, "__name__", "")
    return {"hard_sigmoid": "hard", "smooth_sigmoid": "smooth"}.get(current, "real")


def _sigmoid64() -> Callable[[Floats], Floats]:
    return {"hard": _hard, "smooth": _gentle, "real": _logistic}[_sigmoid_kind()]


# -- the live objects ---------------------------------------------------------------------------------------


def _pure(layer: str, q: Any) -> Any:
    """A copy that returns the grid point itself, (1 - 1) * x + q, and leaves the model's object alone."""
    c = copy.copy(q)
    if hasattr(c, "qnoise_factor"):
        c.qnoise_factor = 1.0
    if hasattr(c, "integer"):
        c.integer = _integer(layer, q)
    if hasattr(c, "use_ste"):
        c.use_ste = False
    if hasattr(c, "use_variables"):
        c.use_variables = False
    c.built = True
    return c


@contextmanager
def without_residue(model: Any) -> Iterator[None]:
    """Quantizers of a model, or a list of layers and quantizers, return the grid point itself while this lasts."""
    parts = model if isinstance(model, list) else _layers(model)
    found = {id(q): q for part in parts for q in (part, *_quantizers(part)) if getattr(q, "use_ste", False)}
    for q in found.values():
        q.use_ste = False
    try:
        yield
    finally:
        for q in found.values():
            q.use_ste = True


def _layers(model: Any) -> Iterator[Any]:
    for layer in getattr(model, "layers", [model]):
        if hasattr(layer, "layers"):
            yield from _layers(layer)
        else:
            yield layer


def _quantizers(layer: Any) -> Iterator[Any]:
    for value in getattr(layer, "__dict__", {}).values():
        if hasattr(value, "use_ste"):
            yield value


def _refuse_random(layer: str, q: Any) -> None:
    name = type(q).__name__
    if name in _RANDOM:
        raise UnsupportedLayer(
            f"{layer}: the quantizer must be deterministic, not {name}; use binary or ternary"
        )


def _of_qkeras(obj: Any) -> bool:
    """Whether it is QKeras's own, or made for QKeras here."""
    return str(getattr(obj, "__module__", "")).startswith(("qkeras", "rtl4ml.steps"))


def _text(q: Any) -> str:
    try:
        return str(q)
    except Exception:  # noqa: BLE001 -- QKeras 0.9: str(quantized_hswish) fails its own assertion
        return type(q).__name__


def cannot_run(name: str, error: Any) -> BadModel:
    """The error for a model on which TensorFlow itself fails; `error` is its OpError."""
    cause = next((t.strip() for t in error.message.splitlines()[::-1] if t.strip()), "")
    return BadModel(
        f"{name}: TensorFlow must be able to run the model, not fail with {type(error).__name__}: {cause[:100]}; "
        f"change the layer that it names"
    )
