# SPDX-License-Identifier: Apache-2.0
"""What everything is held against: QKeras's own predict, or the same formulas in float64.

QKeras cannot run in float64. Where a sum of the model can exceed 2^24 steps, float32 rounds it in an order that depends
on the machine, and the reference is `predict64`: the formulas of Keras and QKeras in NumPy, written layer by layer from
the live objects, apart from the graph and its operators.

The residue that QKeras's `x + (q - x)` leaves far outside a quantizer's range is no part of a model's function; both
references take the grid point (QKeras's own `use_ste=False` form, which multiplies x by zero).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from rtl4ml import _tf
from rtl4ml._tf import VECTOR
from rtl4ml.errors import UnsupportedLayer
from rtl4ml.frontend import Parsed, check_batch
from rtl4ml.quantizers import cannot_run, on_vectors, without_residue
from rtl4ml.walk import Call, filling, walk

Real = NDArray[np.float64]

_HEADS = ("softmax", "sigmoid", "tanh")
# Names that TensorFlow takes for a scope; a model of another name cannot be run as it stands, only its layers.
_SCOPE = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*")


def expected(parsed: Parsed, x: Any) -> list[Real]:
    """What every output of the graph must be for samples (N, *shape), by the reference that holds for this model."""
    a = check_batch(parsed.input, x)
    if parsed.declared:  # the declared input precision comes before the model
        a = parsed.input.real(parsed.integers(a)).astype(np.float32)
    float32 = parsed.graph.float32_exact
    with parsed.weights.restored():
        if float32:
            how: dict[str, Any] = {"batch_size": 1, "whole": False} if depends_on_batch(parsed.model) else {}
            y = predict(parsed.model, a, cut=parsed.output != "mask", **how)
        else:
            y = predict64(parsed.model, a)
    if parsed.output == "logits":
        return y
    score = y[0]
    if parsed.output == "mask" and parsed.cut[0] and not float32:
        score = on_vectors(getattr(_tf.keras().activations, parsed.cut[0]), score).astype(np.float64)
    return [judged(parsed, score)]


# A sample's sums in a batch and alone are the same, up to the last bits of a smooth function. Relative to the greatest.
_GROSS = 1e-3
_DEPENDS: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()


def depends_on_batch(model: Any) -> bool:
    """Whether TensorFlow computes some layer wrongly where several samples are in a batch.

    Seen with TensorFlow 2.21 and oneDNN: a 2-D convolution of one input channel with strides (1, s > 1) whose output
    has one column gives other sums for two samples in a batch than for each of them alone; those of a sample alone are
    the convolution's. Every layer is tried on two samples of small integers.
    """
    if model not in _DEPENDS:
        found = False

        def visit(call: Call, inputs: list[Any]) -> list[Any]:
            nonlocal found
            given = inputs if len(inputs) > 1 else inputs[0]
            y = call.layer(given)
            if call.layer.weights:
                parts = [
                    call.layer([x[i : i + 1] for x in inputs] if len(inputs) > 1 else given[i : i + 1])
                    for i in (0, 1)
                ]
                both, alone = np.asarray(y), np.concatenate(parts)
                found |= bool(np.abs(both - alone).max(initial=0) > _GROSS * np.abs(alone).max(initial=0))
            return list(y) if isinstance(y, list | tuple) else [y]

        rng = np.random.default_rng(0)
        samples = [rng.integers(-4, 5, (2, *tuple(t.shape)[1:])).astype(np.float32) for t in model.inputs]
        walk(model, [_tf.tf().constant(s) for s in samples], visit)
        _DEPENDS[model] = found
    return _DEPENDS[model]


def judged(parsed: Parsed, score: Real) -> Real:
    """What the design gives for a model's output (N, ...): the class, the mask, or the output itself."""
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


def predict(
    model: Any,
    x: Any,
    *,
    batch_size: int = 256,
    cut: bool = True,
    pure: bool = True,
    call: bool = False,
    whole: bool = True,
) -> list[Real]:
    """QKeras's predict of every output, float64 copies; cut before a softmax, sigmoid or tanh at the end, or not.

    Batches are filled up so that every tensor is whole vectors: at a tensor's end TensorFlow's scalar code gives other
    last bits, so that a sample's numbers would depend on its place in the batch.

    pure: quantizers return their grid points, not x + (q - x) as QKeras has them; call: the model is called, operation
    by operation, instead of its predict; whole: batches are filled up.
    """
    keras = _tf.keras()
    x = np.asarray(x)
    out = []
    with without_residue(model) if pure else nullcontext():
        for tensor in model.outputs:
            layer = tensor.node.layer
            head = _head(layer) if cut else ""
            if head == "layer":
                tensor = tensor.node.keras_inputs[0]
            elif head == "activation":
                tensor, after = (
                    tensor.node.keras_inputs[0],
                    _without_activation(layer, tensor.node.keras_inputs[0].shape),
                )
            if len(x) == 0:
                shape = (
                    (after if head == "activation" else layer).compute_output_shape(tensor.shape)
                    if head == "activation"
                    else tensor.shape
                )
                out.append(np.empty((0, *tuple(shape)[1:])))
                continue
            own = not pure and len(model.outputs) == 1 and tensor is model.outputs[0]
            own = own and _SCOPE.fullmatch(model.name) is not None
            y = _run(model if own else keras.Model(model.inputs, tensor), x, batch_size, call, whole)
            if head == "activation":
                y = _run(after, y, batch_size, call, whole)
            out.append(np.asarray(y, np.float64))
    return out


def _run(model: Any, x: Any, batch_size: int, call: bool, whole: bool) -> Any:
    errors = _tf.tf().errors
    n = len(x)
    if whole:
        x = np.concatenate([x, np.zeros((-n % filling(model), *x.shape[1:]), x.dtype)])
    try:
        if call:
            batches = [x[i : i + batch_size].astype(np.float32) for i in range(0, len(x), batch_size)]
            return np.concatenate([np.asarray(model(b, training=False)) for b in batches])[:n]
        return model.predict(x, batch_size=batch_size, verbose=0)[:n]
    except errors.AbortedError:  # what TensorFlow calls an exception of oneDNN
        return _run_in_another_shape(model, x, batch_size + VECTOR)[:n]
    except errors.OpError as error:
        raise cannot_run(model.name, error) from None


def _run_in_another_shape(model: Any, x: Any, batch_size: int) -> Any:
    """`predict` in batches of another length.

    Seen with TensorFlow 2.21: a depthwise convolution of one channel and one tap is aborted by oneDNN in a process that
    ran certain other convolutions before, and runs in a process of its own or with a batch of any other length.
    """
    errors = _tf.tf().errors
    filled = np.concatenate([x, np.zeros((-len(x) % batch_size, *x.shape[1:]), x.dtype)])
    try:
        return model.predict(filled, batch_size=batch_size, verbose=0)
    except errors.OpError as error:
        raise cannot_run(model.name, error) from None


def _head(layer: Any) -> str:
    """How a layer is a head: "layer" (nothing but a softmax, sigmoid or tanh), "activation" (ends with one) or ""."""
    kind = type(layer).__name__
    if kind == "Softmax":
        return "layer"
    obj = getattr(layer, "quantizer", None) if kind == "QActivation" else getattr(layer, "activation", None)
    if getattr(obj, "__name__", "") not in _HEADS:
        return ""
    return "layer" if kind in ("Activation", "QActivation") else "activation"


def _without_activation(layer: Any, shape: Any) -> Any:
    """A model of one layer with the same weights and quantizers that ends before the activation."""
    keras = _tf.keras()
    twin = type(layer).from_config({**layer.get_config(), "activation": None, "name": f"{layer.name}_logits"})
    for key, value in vars(layer).items():
        if key.endswith(("_quantizer", "_quantizer_internal")):
            setattr(twin, key, value)
    entry = keras.Input(tuple(shape)[1:])
    model = keras.Model(entry, twin(entry))
    twin.set_weights(layer.get_weights())
    return model


# -- float64 ------------------------------------------------------------------------------------------------


def predict64(model: Any, x: Any, *, batch_size: int = 64) -> list[Real]:
    """The same formulas in float64 NumPy, cut before a softmax, sigmoid or tanh at the end."""
    x = np.asarray(x, np.float32).astype(np.float64)  # as Keras casts what it is given
    ends = {id(t.node.layer) for t in model.outputs if _head(t.node.layer)}

    def visit(call: Call, inputs: list[Any]) -> list[Any]:
        return [_layer64(call.layer, inputs, id(call.layer) in ends)]

    parts: list[list[Real]] = []
    with without_residue(model):
        for i in range(0, max(len(x), 1), batch_size):
            parts.append(walk(model, [x[i : i + batch_size]], visit))
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
        return _activation64(layer, layer.quantizer if kind == "QActivation" else layer.activation, a)
    if kind == "ReLU":
        top = np.inf if layer.max_value is None else float(layer.max_value)
        t, slope = float(layer.threshold), float(layer.negative_slope)
        return np.minimum(np.where(a > t, a, 0.0), top) - slope * np.maximum(t - a, 0.0)
    if kind == "LeakyReLU":
        return np.where(a > 0, a, float(np.float32(layer.alpha)) * a)
    if kind in ("BatchNormalization", "QBatchNormalization"):
        return _normalization64(layer, a)
    if kind == "Add":
        return np.asarray(np.sum(np.stack(x), axis=0))
    if kind == "Multiply":
        return np.asarray(np.prod(np.stack(x), axis=0))
    if kind == "Concatenate":
        return np.concatenate(x, axis=layer.axis)
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
    if "Pooling" in kind:
        return _pool64(layer, a)
    y = _linear64(layer, a)
    return y if end else _activation64(layer, layer.activation, y)


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
    a = _tf.tf().constant(np.asarray(variable, np.float32))
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


def _pool64(layer: Any, x: Real) -> Real:
    kind = type(layer).__name__
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


def _activation64(layer: Any, obj: Any, x: Real) -> Real:
    name = getattr(obj, "__name__", type(obj).__name__) if obj is not None else "linear"
    if name == "hard_sigmoid":  # Keras and QKeras have different ones
        steep = 0.5 if obj.__module__.startswith("qkeras") else 0.2
        return np.clip(steep * x + 0.5, 0, 1)
    f = _FUNCTIONS64.get(name)
    if f is None:
        raise UnsupportedLayer(
            f"{layer.name}: the activation must be known in float64, not {name}; use fewer bits"
        )
    return np.asarray(f(obj, x), np.float64)


def _sigmoid(x: Real) -> Real:
    with np.errstate(over="ignore"):
        return np.asarray(1.0 / (1.0 + np.exp(-x)))


def _internal_sigmoid(x: Real) -> Real:
    """QKeras's own, which set_internal_sigmoid chooses."""
    chosen = _tf.qkeras().quantizers._sigmoid.__name__
    if chosen == "hard_sigmoid":
        return np.clip(0.5 * x + 0.5, 0, 1)
    return np.clip(0.1875 * x + 0.5, 0, 1) if chosen == "smooth_sigmoid" else _sigmoid(x)


def _alpha(q: Any) -> float:
    return 1.0 if q.alpha is None else float(np.max(np.asarray(q.alpha)))


def _bits64(q: Any, x: Real) -> Real:
    free = q.bits - bool(q.keep_negative)
    if free <= 0:
        return _alpha(q) * np.where(x < 0, -1.0, 1.0)
    m, m_i = 2.0**free, 2.0 ** float(np.max(np.asarray(q.integer)))
    p = np.clip(np.rint(x * m / m_i), bool(q.keep_negative) * (-m + q.symmetric), m - 1)
    return np.asarray(_alpha(q) * (m_i * p / m))


def _relu64(q: Any, x: Real) -> Real:
    slope = q.negative_slope
    m, m_i = 2.0 ** (q.bits - (slope != 0)), 2.0 ** float(np.max(np.asarray(q.integer)))
    if q.use_sigmoid:
        p = _internal_sigmoid(x / m_i) * m
        y = m_i * np.clip(2 * (np.rint(p) / m) - 1, 0, 1 - 1 / m)
        if slope:
            y = y + m_i * slope * np.clip(2 * (np.rint(p * slope) / (slope * m)) - 1, -1, 0)
    else:
        p = x * m / m_i
        y = m_i * np.clip(np.rint(p) / m, 0, 1 - 1 / m)
        if slope:
            y = y + m_i * slope * np.clip(np.rint(p * slope) / (slope * m), -1, 0)
    return np.asarray(
        np.minimum(y, q.relu_upper_bound) if q.relu_upper_bound and not q.is_quantized_clip else y
    )


def _exponent64(q: Any, a: Real) -> Real:
    eps = 1e-7
    v = np.maximum(a, eps)
    if q.max_value is not None:
        v = np.where(v >= q.max_value, q.max_value, v)
    factor = 2.0 if q.quadratic_approximation else 1.0
    log = np.log2(np.sqrt(v) if q.quadratic_approximation else v)
    rounded = np.floor(log) if q.log2_rounding == "floor" else np.rint(log)
    return np.where(a < eps, q._min_exp, factor * np.clip(rounded, q._min_exp, q._max_exp))


def _po2_64(q: Any, x: Real) -> Real:
    return np.where(x < 0, -1.0, 1.0) * 2.0 ** _exponent64(q, np.abs(x))


def _relu_po2_64(q: Any, x: Real) -> Real:
    positive = 2.0 ** _exponent64(q, np.maximum(x, 0))
    if not q.negative_slope:
        return positive
    return np.where(x >= 0, positive, -(2.0 ** _exponent64(q, np.maximum(-x, 0) * q.negative_slope)))


def _tanh64(q: Any, x: Real) -> Real:
    m = 2.0 ** (q.bits - 1)
    p = np.tanh(x) if q.use_real_tanh else 2 * _internal_sigmoid(x) - 1
    return np.asarray(np.clip(np.rint(p * m) / m, -1 + bool(q.symmetric) / m, 1 - 1 / m))


def _sigmoid64(q: Any, x: Real) -> Real:
    m = 2.0**q.bits
    p = _sigmoid(x) if q.use_real_sigmoid else _internal_sigmoid(x)
    return np.asarray(np.clip(np.rint(p * m) / m, bool(q.symmetric) / m, 1 - 1 / m))


def _step64(q: Any, x: Real) -> Real:
    m = 2.0 ** (q.bits - q.signed)
    return np.asarray(np.clip(np.rint(np.tanh(x) * m) / m, -1.0 if q.signed else 0.0, 1 - 1 / m))


def _binary64(q: Any, x: Real) -> Real:
    sign = np.where(x < 0, -1.0, 1.0)
    return _alpha(q) * ((sign + 1) / 2 if q.use_01 else sign)


def _ternary64(q: Any, x: Real) -> Real:
    threshold = q.default_threshold if q.threshold is None else q.threshold
    return _alpha(q) * np.where(np.abs(x) >= np.float32(threshold), np.sign(x), 0.0)


def _hswish64(q: Any, x: Real) -> Real:
    gate = np.minimum(np.maximum(x + q.relu_shift, 0), q.relu_upper_bound)
    return _bits64(q, x * gate / q.relu_upper_bound)


_FUNCTIONS64: dict[str, Callable[[Any, Real], Real]] = {
    "linear": lambda _, x: x,
    "relu": lambda _, x: np.maximum(x, 0),
    "relu6": lambda _, x: np.clip(x, 0, 6),
    "sigmoid": lambda _, x: _sigmoid(x),
    "tanh": lambda _, x: np.tanh(x),
    "softplus": lambda _, x: np.logaddexp(0, x),
    "softsign": lambda _, x: x / (1 + np.abs(x)),
    "elu": lambda _, x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "swish": lambda _, x: x * _sigmoid(x),
    "silu": lambda _, x: x * _sigmoid(x),
    "exponential": lambda _, x: np.exp(x),
    "quantized_bits": _bits64,
    "quantized_linear": _bits64,
    "quantized_relu": _relu64,
    "quantized_po2": _po2_64,
    "quantized_relu_po2": _relu_po2_64,
    "quantized_tanh": _tanh64,
    "quantized_sigmoid": _sigmoid64,
    "quantized_hswish": _hswish64,
    "step_activation": _step64,
    "binary": _binary64,
    "ternary": _ternary64,
    "hard_tanh": lambda _, x: 2 * np.clip(0.5 * x + 0.5, 0, 1) - 1,
    "smooth_tanh": lambda _, x: 2 * np.clip(0.1875 * x + 0.5, 0, 1) - 1,
    "smooth_sigmoid": lambda _, x: np.clip(0.1875 * x + 0.5, 0, 1),
    "binary_sigmoid": lambda _, x: np.rint(np.clip(0.5 * x + 0.5, 0, 1)),
    "binary_tanh": lambda _, x: 2 * np.rint(np.clip(0.5 * x + 0.5, 0, 1)) - 1,
}
