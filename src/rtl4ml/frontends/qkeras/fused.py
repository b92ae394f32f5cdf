# SPDX-License-Identifier: Apache-2.0
"""Chains of elementwise layers as `predict` computes them: in one optimized TensorFlow graph.

TensorFlow's graph optimizer joins a linear layer, a normalization and an activation into one kernel, whose floats
differ in their last bits from those of the layers one by one. A quantizer behind them may fall on the other side of a
rounding. So a chain is evaluated in a graph that is built and optimized like the model's own: the model's layers behind
a linear layer of the same kind whose weights are the identity.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rtl4ml.frontends.functions import Floats, Function
from rtl4ml.frontends.qkeras.quantizers.live import cannot_run, without_residue
from rtl4ml.host import frameworks
from rtl4ml.host.frameworks import VECTOR

_COLUMNS = 8


@dataclass(frozen=True)
class Origin:
    """The linear layer that a chain follows, and the axes of what it reads (channels included)."""

    layer: Any
    rank: int


def evaluator(origin: Origin | None, steps: Sequence[Function]) -> Callable[[Floats], Floats] | None:
    """A function of float32 arrays (n, channels) that computes `steps` behind the linear layer `origin` (or None).

    None where some step is no layer or function of Keras. The function raises BadModel where TensorFlow itself fails.
    """
    rest = list(steps)
    average = rest.pop(0) if rest and rest[0].name == "average" else None
    bias = rest.pop(0) if rest and rest[0].name == "bias" else None
    if not rest or any(f.framework_object is None for f in rest):
        return None
    runs: dict[int, Any] = {}

    def f32(x: Floats) -> Floats:
        a = np.asarray(x, np.float32)
        if average is not None:
            a = average.f32(a)
        if bias is not None and origin is None:
            a = bias.f32(a)
        n = len(a)
        folded = a.shape[1] == 1 and not any(f.per_channel for f in steps)
        if folded:  # one column stands for all channels: make it as full a tensor as a layer's own
            a = np.concatenate([a[:, 0], np.zeros(-n % _COLUMNS, np.float32)]).reshape(-1, _COLUMNS)
        rows, channels = a.shape
        a = np.concatenate([a, np.zeros((-rows % VECTOR, channels), np.float32)])  # no vector with an end
        if channels not in runs:
            zero = np.zeros((1, channels), np.float32)
            runs[channels] = _trace(origin, (zero if bias is None else bias.f32(zero))[0], rest)
        size = max(2**8, 2**18 // channels // VECTOR * VECTOR)
        tf = frameworks.tf()
        try:
            parts = [
                np.asarray(runs[channels](tf.constant(a[i : i + size]))[0]) for i in range(0, len(a), size)
            ]
        except tf.errors.OpError as error:
            raise cannot_run(rest[-1].layer, error) from None
        y = np.concatenate(parts).astype(np.float32).reshape(len(a), -1)[:rows]
        if folded:
            y = y.reshape(-1, 1)[:n]
        grid = rest[-1].grid
        if grid is not None and rest[-1].leaves_residue:
            y = np.ldexp(np.rint(np.ldexp(y, grid.fraction)), -grid.fraction)
        return y

    return f32


def _trace(origin: Origin | None, bias: Floats, steps: Sequence[Function]) -> Any:
    """The graph: float32 (n, channels) to a list whose first entry are the results."""
    tf = frameworks.tf()
    channels = len(bias)
    identity, rank = _identity(origin, bias)

    def graph(x: Any) -> list[Any]:
        turned = False
        others = []  # what else reads a tensor between: no kernel may swallow it
        y = identity(tf.reshape(x, (-1, *(1,) * (rank - 1), channels)))
        for f in steps:
            if f.after_move:
                y, turned = tf.reverse(y, [0]), not turned
            elif f.has_other_readers:
                others.append(tf.reverse(y, [0]))
            if f.rank and f.rank + 1 != len(y.shape):
                y = tf.reshape(y, (-1, *(1,) * (f.rank - 1), channels))
            y = f.framework_object(y, training=False) if f.rank else f.framework_object(y)
        # The optimizer leaves alone what is the graph's own output, so something must read the last result.
        y, turned = tf.reverse(y, [0]), not turned
        return [tf.reverse(y, [0]) if turned else y, *others]

    with without_residue([f.framework_object for f in steps]):
        spec = tf.TensorSpec((None, channels), tf.float32)
        return tf.function(graph, input_signature=[spec]).get_concrete_function()


def _identity(origin: Origin | None, bias: Floats) -> tuple[Callable[[Any], Any], int]:
    """A linear layer like that of `origin` that only adds `bias`, and the rank of what it reads."""
    if origin is None:
        return (lambda x: x), 1
    q, keras = frameworks.qkeras(), frameworks.keras()
    like, rank = origin.layer, origin.rank
    kind, c, use = type(like).__name__, len(bias), like.use_bias
    eye = np.eye(c, dtype=np.float32)
    weights: list[Any]
    if "Dense" in kind:
        layer, weights = q.QDense(c, use_bias=use), [eye]
    elif "Transpose" in kind:
        layer, weights = q.QConv2DTranspose(c, 1, use_bias=use), [eye[None, None]]
    else:
        # TensorFlow has kernels of their own for single taps and for dilation.
        size = tuple(
            1 if k == 1 or d > 1 else 3 for k, d in zip(like.kernel_size, like.dilation_rate, strict=True)
        )
        middle = tuple(k // 2 for k in size)
        options: dict[str, Any] = {
            "use_bias": use,
            "dilation_rate": tuple(like.dilation_rate),
            "padding": "same",
        }
        tap, full = np.zeros((*size, c, 1)), np.zeros((*size, c, c))
        tap[middle], full[middle] = 1, eye
        if "Separable" in kind:  # what stands behind is joined with the pointwise convolution alone
            cls = q.QConv1D if rank == 2 else q.QConv2D
            layer, weights = cls(c, 1, use_bias=use), [eye.reshape(*(1,) * (rank - 1), c, c)]
        elif "Depthwise" in kind:
            cls = keras.layers.DepthwiseConv1D if rank == 2 else q.QDepthwiseConv2D
            layer, weights = cls(size, **options), [tap]
        else:
            cls = q.QConv1D if rank == 2 else q.QConv2D
            layer, weights = cls(c, size, **options), [full]
    layer.build((None, *(1,) * (rank - 1), c))
    layer.set_weights([*weights, bias] if use else weights)
    return layer, rank
