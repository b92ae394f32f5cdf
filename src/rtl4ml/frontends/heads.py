# SPDX-License-Identifier: Apache-2.0
"""Classes and masks behind the logits of a model."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rtl4ml.errors import BadInput, BadModel, named
from rtl4ml.frontends.builder import GraphBuilder, Value
from rtl4ml.frontends.elementwise import Compiled, Source, tabulated
from rtl4ml.frontends.functions import Floats, linear
from rtl4ml.ir.mappings import Thresholds
from rtl4ml.ir.types import Ints, Stream
from rtl4ml.ops.activation import Activation
from rtl4ml.ops.head import ArgMax, Mask
from rtl4ml.ops.opening import Opening

# The least value of activations that a threshold may be compared with.
_LEAST = {"sigmoid": 0, "tanh": -1}


# Logits of which all scores are evaluated, and how far a score in float32 may be from the formula's.
_SCORED = 2**20


_SCORE_ERROR = 2.0**-18


def add_argmax(b: GraphBuilder, layer: str, s: Stream) -> Stream:
    """The stream of classes behind the logits `s` of the output layer. Raises BadModel for a single channel."""
    if s.channels == 1:
        raise BadModel(
            f"{layer}: {named('output', 'argmax')} must go with several channels, not 1; "
            f"use {named('output', 'mask')} and {named('threshold', 0.5)}"
        )
    return b.add(ArgMax(name=b.name("", "argmax"), inputs=(s,)))


def add_mask(
    b: GraphBuilder, layer: str, s: Stream, v: Value, threshold: float, opening: int | None
) -> Stream:
    """The stream of a mask behind the logits `s` of the output layer, opened by a disk of radius `opening` if there is
    one; v: the output's value, with the activation that was cut. Raises BadModel, BadInput.
    """
    if s.channels != 1:
        raise BadModel(
            f"{layer}: {named('output', 'mask')} must go with one channel, not {s.channels}; "
            f"use {named('output', 'argmax')}"
        )
    if v.head == "softmax":
        raise BadModel(
            f"{layer}: {named('output', 'mask')} must go with a sigmoid, a tanh or logits, not softmax of "
            "one channel, which is always 1; use a sigmoid"
        )
    if v.head and not (least := _LEAST[v.head]) < threshold <= 1:
        raise BadInput(
            f"{layer}: {named('threshold')} of a {v.head} must be above {least} and at most 1, not {threshold}; "
            f"give {named('threshold', f'{(least + 1) / 2:g}')}"
        )
    if opening is not None and len(s.shape) != 3:
        raise BadModel(
            f"{layer}: {named('opening')} must go with a mask of rows and columns, not of shape {s.shape}; "
            "leave it out"
        )
    mask = _thresholded(b, s, v, threshold)
    if opening is None:
        return mask
    return b.add(Opening(name=b.name("", "opening"), inputs=(mask,), radius=opening))


def _thresholded(b: GraphBuilder, s: Stream, v: Value, threshold: float) -> Stream:
    """1 where the model's own score, a float32 of its output's activation, reaches the threshold."""
    score = v.steps[-1:] if v.head else (linear(),)
    # Behind a linear layer predict may compute the activation in that layer's kernel.
    chain = None if b.float64 else b.evaluator(v.origin if len(v.steps) == 1 else None, score)
    exact = score[0].f64
    assert exact is not None
    edges = _reached(s, chain or score[0].f32, exact, threshold)
    if len(edges) <= 1:
        least = int(edges[0]) if len(edges) else s.hi + 1
        return b.add(Mask(name=b.name("", "mask"), inputs=(s,), threshold=least))
    levels = np.arange(len(edges) + 1, dtype=np.int64) % 2
    steps = Compiled(Thresholds(edges[None, :], levels[None, :]), 0, 0, 1)
    c = tabulated(steps, Source(s.type.fraction, s.lo, s.hi, 1))
    assert c.mapping is not None
    return b.add(Activation(name=b.name("", "mask"), inputs=(s,), mapping=c.mapping, out=c.type, lo=0, hi=1))


def _reached(
    s: Stream, score: Callable[[Floats], Floats], exact: Callable[[Floats], Floats], level: float
) -> Ints:
    """The integers at which reaching the threshold begins, ends, begins again and so on, ascending.

    score: the model's own float32 scores of logits (n, 1); exact: the formula in float64, which rises. Scores of
    float32 need not rise everywhere: TensorFlow's tanh falls by a last bit here and there. So all scores that may be on
    either side of the threshold are looked at.
    """

    def bound(least: float) -> int:
        lo, hi = s.lo, s.hi + 1
        while lo < hi:
            mid = (lo + hi) >> 1
            if exact(np.array([[np.ldexp(float(mid), -s.type.fraction)]]))[0, 0] >= least:
                hi = mid
            else:
                lo = mid + 1
        return lo

    whole = s.hi - s.lo < _SCORED
    first = s.lo if whole else bound(level - _SCORE_ERROR)
    end = s.hi + 1 if whole else bound(level + _SCORE_ERROR)
    reached, edges = False, []
    for at in range(first, end, _SCORED):
        k = np.arange(at, min(at + _SCORED, end), dtype=np.int64)
        y = score(np.ldexp(k.astype(np.float64), -s.type.fraction).astype(np.float32)[:, None])[:, 0]
        above = np.concatenate([[reached], y >= np.float32(level)])  # as `predict(x) >= threshold` compares
        edges.append(k[above[1:] != above[:-1]])
        reached = bool(above[-1])
    if not reached and end <= s.hi:
        edges.append(np.array([end], np.int64))
    return np.concatenate(edges) if edges else np.empty(0, np.int64)
