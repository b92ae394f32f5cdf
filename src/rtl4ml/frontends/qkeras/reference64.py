# SPDX-License-Identifier: Apache-2.0
"""The formulas of QKeras's layers in float64."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from rtl4ml.errors import UnsupportedLayer
from rtl4ml.frontends.qkeras.functions64 import activation64
from rtl4ml.frontends.qkeras.heads import Real, head_of
from rtl4ml.frontends.qkeras.operations import DIVISION, OPERATIONS, operands, slices
from rtl4ml.frontends.qkeras.quantizers.live import without_residue
from rtl4ml.frontends.qkeras.walk import Call, walk
from rtl4ml.host import frameworks
from rtl4ml.ir.several import of_each

# -- float64 ------------------------------------------------------------------------------------------------


def predict64(model: Any, x: Any, *, batch_size: int = 64) -> list[Real]:
    """The same formulas in float64 NumPy, cut before a softmax, sigmoid or tanh at the end."""
    x = [np.asarray(a, np.float32).astype(np.float64) for a in of_each(x)]  # as Keras casts what it is given
    ends = {id(t.node.layer) for t in model.outputs if head_of(t.node.layer)}

    def visit(call: Call, inputs: list[Any]) -> list[Any]:
        if type(call.layer).__name__ in ("TFOpLambda", "SlicingOpLambda"):
            return [_operation64(call, inputs)]
        return [_layer64(call.layer, inputs, id(call.layer) in ends)]

    parts: list[list[Real]] = []
    with without_residue(model):
        for i in range(0, max(len(x[0]), 1), batch_size):
            parts.append(walk(model, [a[i : i + batch_size] for a in x], visit))
    return [np.concatenate(p) for p in zip(*parts, strict=True)]


def _layer64(layer: Any, x: list[Real], end: bool) -> Real:
    kind = type(layer).__name__
    a = x[0]
    if kind in (
        "InputLayer",
        "Dropout",
        "SpatialDropout1D",
        "SpatialDropout2D",
        "GaussianNoise",
        "GaussianDropout",
    ):
        return a
    if kind in ("QActivation", "Activation", "Softmax"):
        if end:
            return a
        return activation64(layer, layer.quantizer if kind == "QActivation" else layer.activation, a)
    if kind in ("ReLU", "LeakyReLU", "ELU"):
        return activation64(layer, layer, a)
    if kind == "PReLU":
        return np.where(a > 0, a, np.asarray(layer.alpha, np.float64) * a)
    if kind in ("BatchNormalization", "QBatchNormalization"):
        return _normalization64(layer, a)
    if kind in _JOINS64:
        rank = max(v.ndim for v in x)
        return _JOINS64[kind]([v.reshape(len(v), *(1,) * (rank - v.ndim), *v.shape[1:]) for v in x])
    if kind == "Concatenate":
        return np.concatenate(x, axis=layer.axis)
    if (moved := _moved64(layer, kind, a)) is not None:
        return moved
    if kind.startswith("Q") and "Pooling" in kind:
        y = _quantized_pool64(layer, a)
        return y if end else activation64(layer, layer.activation, y)
    if "Pooling" in kind:
        return _pool64(layer, a)
    if kind == "TimeDistributed":
        y = _layer64(layer.layer, [a.reshape(-1, *a.shape[2:])], end=False)
        return y.reshape(*a.shape[:2], *y.shape[1:])
    y = _linear64(layer, a)
    return y if end else activation64(layer, layer.activation, y)


# Of inputs that have as many axes, each broadcast to the others.
_JOINS64: dict[str, Callable[[list[Real]], Real]] = {
    "Add": lambda x: np.asarray(reduce(np.add, x)),
    "Subtract": lambda x: np.asarray(x[0] - x[1]),
    "Average": lambda x: np.asarray(reduce(np.add, x) / len(x)),
    "Multiply": lambda x: np.asarray(reduce(np.multiply, x)),
    "Maximum": lambda x: np.asarray(reduce(np.maximum, x)),
    "Minimum": lambda x: np.asarray(reduce(np.minimum, x)),
}


def _operation64(call: Call, x: list[Real]) -> Real:
    args, kwargs = call.arguments(x)
    if type(call.layer).__name__ == "SlicingOpLambda":
        return np.asarray(x[0][slices(args, kwargs)])
    a, b = (np.asarray(s, np.float64) for s in operands(args, kwargs))
    return a / b if call.layer.symbol == DIVISION else _JOINS64[OPERATIONS[call.layer.symbol]]([a, b])


def _moved64(layer: Any, kind: str, a: Real) -> Real | None:
    """Elements moved, repeated or blended; None for a layer of another kind."""
    if kind == "Permute":
        return np.asarray(a.transpose(0, *layer.dims))
    if kind == "Flatten":
        return a.reshape(len(a), int(np.prod(a.shape[1:])))
    if kind == "Reshape":
        return a.reshape(
            len(a), *_target(layer.target_shape, a[0].size if len(a) else int(np.prod(a.shape[1:])))
        )
    if kind.startswith("ZeroPadding"):
        return np.pad(a, ((0, 0), *_margins(layer.padding, a.ndim), (0, 0)))
    if kind.startswith("Cropping"):
        m = _margins(layer.cropping, a.ndim)
        return a[(slice(None), *(slice(p, n - q) for (p, q), n in zip(m, a.shape[1:-1], strict=True)))]
    if kind.startswith("UpSampling") and getattr(layer, "interpolation", "nearest") == "bilinear":
        rows, columns = (_blend(n, int(f)) for n, f in zip(a.shape[1:3], layer.size, strict=True))
        return np.asarray(np.einsum("ih,jw,nhwc->nijc", rows, columns, a, optimize=True))
    if kind.startswith("UpSampling"):
        for axis, times in enumerate(np.atleast_1d(layer.size), start=1):
            a = np.repeat(a, int(times), axis=axis)
        return a
    return None


def _target(shape: Any, elements: int) -> tuple[int, ...]:
    s = [int(v) for v in shape]
    return tuple(elements // abs(int(np.prod(s))) if v == -1 else v for v in s)


def _margins(value: Any, ndim: int) -> tuple[tuple[int, int], ...]:
    v = np.asarray(value).reshape(ndim - 2, 2)
    return tuple((int(p), int(q)) for p, q in v)


def _blend(n: int, factor: int) -> Real:
    """(n * factor, n): weights of linear interpolation between pixel centres, the ends held."""
    at = np.clip((np.arange(n * factor) + 0.5) / factor - 0.5, 0, n - 1)
    return np.maximum(0.0, 1.0 - np.abs(at[:, None] - np.arange(n)))


def _value(layer: Any, which: str, variable: Any) -> Real:
    """A trained array behind its quantizer; that is QKeras's own float32, as at inference."""
    a = frameworks.tf().constant(np.asarray(variable, np.float32))
    if getattr(layer, f"{which}_quantizer", None):
        a = getattr(layer, f"{which}_quantizer_internal")(a)
    return np.asarray(a, np.float64)


def _linear64(layer: Any, x: Real) -> Real:
    kind = type(layer).__name__
    if kind in ("QDense", "Dense"):
        y = np.einsum("...i,io->...o", x, _value(layer, "kernel", layer.kernel))
    elif "Separable" in kind:
        lead = kind == "QSeparableConv1D"
        d, p = np.asarray(layer.depthwise_kernel), np.asarray(layer.pointwise_kernel)
        d, p = (
            _value(layer, "depthwise", d[None] if lead else d),
            _value(layer, "pointwise", p[None] if lead else p),
        )
        y = _correlate(layer, x, d[0] if lead else d, depthwise=True)
        y = np.einsum("...i,io->...o", y, p.reshape(p.shape[-2:]))
    elif kind in ("QConv2DTranspose", "Conv2DTranspose"):
        y = _scatter(layer, x, _value(layer, "kernel", layer.kernel))
    elif kind.endswith("2DBatchnorm"):  # folded with the moving statistics, by QKeras itself
        kernel, bias = layer.get_folded_weights()
        depthwise = "Depthwise" in kind
        y = _correlate(
            layer, x, _value(layer, "depthwise" if depthwise else "kernel", kernel), depthwise=depthwise
        )
        return np.asarray(y + _value(layer, "bias", bias))
    elif "Depthwise" in kind:
        y = _correlate(layer, x, _value(layer, "depthwise", layer.depthwise_kernel), depthwise=True)
    elif "Conv" in kind:
        y = _correlate(layer, x, _value(layer, "kernel", layer.kernel), depthwise=False)
    else:
        raise UnsupportedLayer(
            f"{layer.name}: must be a layer that the reference knows, not {kind}; see the README's table"
        )
    return np.asarray(y + _value(layer, "bias", layer.bias) if layer.use_bias else y)


def _correlate(layer: Any, x: Real, kernel: Real, *, depthwise: bool) -> Real:
    """Sum over taps; kernel (*size, channels in, channels out or multiplier)."""
    size = kernel.shape[:-2]
    strides, dilation = (
        np.broadcast_to(np.atleast_1d(v), len(size)) for v in (layer.strides, layer.dilation_rate)
    )
    margins, steps = [], []
    for n, k, s, d in zip(x.shape[1:-1], size, strides, dilation, strict=True):
        reach = (k - 1) * d
        if layer.padding == "same":
            out = (n + s - 1) // s
            missing = max(0, (out - 1) * s + reach + 1 - n)
            margins.append((missing // 2, missing - missing // 2))
        else:
            margins.append((reach if layer.padding == "causal" else 0, 0))
            out = (n + sum(margins[-1]) - reach - 1) // s + 1
        steps.append(out)
    x = np.pad(x, ((0, 0), *margins, (0, 0)))
    c, m = kernel.shape[-2:]
    y = np.zeros((len(x), *steps, c * m if depthwise else m))
    for tap in np.ndindex(*size):
        window = x[
            (
                slice(None),
                *(
                    slice(t * d, t * d + (o - 1) * s + 1, s)
                    for t, d, o, s in zip(tap, dilation, steps, strides, strict=True)
                ),
            )
        ]
        if depthwise:
            y += (window[..., None] * kernel[tap]).reshape(y.shape)
        else:
            y += np.einsum("...i,io->...o", window, kernel[tap])
    return y


def _scatter(layer: Any, x: Real, kernel: Real) -> Real:
    """Every pixel adds a kernel (KH, KW, channels out, channels in) to the output; "same" cuts to input * stride."""
    (h, w), (sh, sw) = x.shape[1:3], layer.strides
    kh, kw, c, _ = kernel.shape
    y = np.zeros((len(x), h * sh + max(kh - sh, 0), w * sw + max(kw - sw, 0), c))
    for i, j in np.ndindex(kh, kw):
        rows, columns = slice(i, i + (h - 1) * sh + 1, sh), slice(j, j + (w - 1) * sw + 1, sw)
        y[:, rows, columns] += np.einsum("...i,oi->...o", x, kernel[i, j])
    if layer.padding == "same":
        top, left = max(kh - sh, 0) // 2, max(kw - sw, 0) // 2
        y = y[:, top : top + h * sh, left : left + w * sw]
    return y


def _quantized_pool64(layer: Any, x: Real) -> Real:
    y = _pool64(layer, x)
    if not layer.average_quantizer:
        return y
    area = np.prod(x.shape[1:3]) if "Global" in type(layer).__name__ else np.prod(layer.pool_size)
    return np.asarray(y * area * _value(layer, "average", np.float32(1 / area)))


def _pool64(layer: Any, x: Real) -> Real:
    kind = type(layer).__name__.removeprefix("Q")
    reduce = np.max if "Max" in kind else np.mean
    if kind.startswith("Global"):
        return np.asarray(reduce(x, axis=tuple(range(1, x.ndim - 1)), keepdims=layer.keepdims))
    size, strides = (np.broadcast_to(np.atleast_1d(v), x.ndim - 2) for v in (layer.pool_size, layer.strides))
    out, starts = [], []
    for n, k, s in zip(x.shape[1:-1], size, strides, strict=True):
        if layer.padding == "same":
            count = -(-n // s)
            starts.append(-(max(0, (count - 1) * s + k - n) // 2))
        else:
            count = (n - k) // s + 1
            starts.append(0)
        out.append(count)
    y = np.empty((len(x), *out, x.shape[-1]))
    for position in np.ndindex(*out):
        window = tuple(
            slice(max(0, a + p * s), a + p * s + k)
            for a, p, s, k in zip(starts, position, strides, size, strict=True)
        )
        y[(slice(None), *position)] = reduce(x[(slice(None), *window)], axis=tuple(range(1, x.ndim - 1)))
    return y


def _normalization64(layer: Any, x: Real) -> Real:
    def read(which: str, variable: Any) -> Real:
        return _value(layer, which, variable)

    mean, variance = read("mean", layer.moving_mean), read("variance", layer.moving_variance)
    inverse = 1.0 / np.sqrt(variance + layer.epsilon)
    if layer.scale:
        inverse = inverse * read("gamma", layer.gamma)
    return np.asarray(x * inverse + ((read("beta", layer.beta) if layer.center else 0.0) - mean * inverse))
