# SPDX-License-Identifier: Apache-2.0
"""Arguments of the layers in a model file: types, and least values of those that size something, checked before Keras.

Keras takes them as they come, and fails somewhere within on one of another type, in words of its own. The greatest
values are in `modelgraph`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rtl4ml.arguments import shown
from rtl4ml.errors import BadModel
from rtl4ml.frontends.qkeras.operations import DIVISION, OPERATIONS, SLICE

_DEPTHWISE = "Depthwise"


@dataclass(frozen=True)
class _Rule:
    """text: what the argument must be, for an error; holds: whether a value is that"""

    text: str
    holds: Callable[[Any], bool]


def _whole(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _wholes(value: Any, least: int, length: int | None = None) -> bool:
    return (
        isinstance(value, list)
        and (len(value) == length if length else len(value) > 0)
        and all(_whole(v, least) for v in value)
    )


def _count(least: int = 1) -> _Rule:
    return _Rule(f"a whole number from {least} up", lambda v: _whole(v, least))


def _each(rank: int, least: int = 1, none: bool = False) -> _Rule:
    """One number, or one for each of the axes of a frame."""
    text = f"a whole number from {least} up or {'a list of ' if rank == 1 else ''}{rank} of them"
    return _Rule(
        text + (" or None" if none else ""),
        lambda v: _whole(v, least) or _wholes(v, least, rank) or (none and v is None),
    )


def _sides(rank: int) -> _Rule:
    """The margins that are added to, or removed from, both sides of every axis."""

    def holds(v: Any) -> bool:
        if rank == 1:
            return _whole(v, 0) or _wholes(v, 0, 2)
        pairs = isinstance(v, list) and len(v) == rank and all(_wholes(p, 0, 2) for p in v)
        return _whole(v, 0) or _wholes(v, 0, rank) or pairs

    return _Rule(f"a whole number from 0 up or a list of 2{' or 2 x 2' if rank == 2 else ''} of them", holds)


_AXES = _Rule(
    "a whole number or a list of them",
    lambda v: _whole(v, -8) or _wholes(v, -8),
)
_TARGET = _Rule(
    "a list of whole numbers from 1 up, one of them perhaps -1",
    lambda v: (isinstance(v, list) and not v) or (_wholes(v, -1) and 0 not in v and v.count(-1) <= 1),
)
_BATCH = _Rule(
    "a list of whole numbers from 1 up, the first of them perhaps None",
    lambda v: isinstance(v, list) and len(v) > 0 and all(n is None or _whole(n, 1) for n in v),
)
_NAME = _Rule("a text", lambda v: isinstance(v, str))
_NUMBER = _Rule(
    "a number or None",
    lambda v: v is None or (isinstance(v, int | float) and not isinstance(v, bool)),
)
_FLAG = _Rule("true or false", lambda v: isinstance(v, bool))
_PLAIN: Mapping[str, _Rule] = {
    "use_bias": _FLAG, "keepdims": _FLAG, "center": _FLAG, "scale": _FLAG,
    "epsilon": _NUMBER, "momentum": _NUMBER, "max_value": _NUMBER, "negative_slope": _NUMBER, "threshold": _NUMBER,
    "interpolation": _NAME,
    "batch_input_shape": _BATCH, "batch_shape": _BATCH, "target_shape": _TARGET,
}  # fmt: skip


def _rules(kind: str) -> dict[str, _Rule]:
    """The rules for the arguments of a layer class."""
    rank = 1 if kind.endswith("1D") else 2
    rules = dict(_PLAIN)
    if "Conv" in kind:
        rules |= {k: _each(rank) for k in ("kernel_size", "strides", "dilation_rate")}
        rules |= {k: _count() for k in ("filters", "groups", "depth_multiplier")}
        rules["padding"] = _NAME
        rules["output_padding"] = _each(rank, 0, none=True)
    elif "Pooling" in kind:
        rules |= {"padding": _NAME, "pool_size": _each(rank), "strides": _each(rank, none=True)}
    elif "Padding" in kind:
        rules["padding"] = _sides(rank)
    elif "Cropping" in kind:
        rules["cropping"] = _sides(rank)
    elif "UpSampling" in kind:
        rules["size"] = _each(rank)
    elif "Dense" in kind:
        rules["units"] = _count()
    elif kind in ("TFOpLambda", "SlicingOpLambda"):
        known = (SLICE,) if kind == "SlicingOpLambda" else (*OPERATIONS, DIVISION)
        rules["function"] = _Rule(f"one of {', '.join(known)}", lambda v: v in known)
    elif "Normalization" in kind or kind in ("Softmax", "Concatenate"):
        rules["axis"] = _AXES
    return rules


def _needed(kind: str) -> tuple[str, ...]:
    """Arguments without which Keras makes no layer of the class."""
    if "Conv" in kind:
        return ("kernel_size",) if _DEPTHWISE in kind else ("filters", "kernel_size")
    return {
        "QDense": ("units",),
        "Dense": ("units",),
        "Reshape": ("target_shape",),
        "Permute": ("dims",),
        "TimeDistributed": ("layer",),
        "TFOpLambda": ("function",),
        "SlicingOpLambda": ("function",),
    }.get(kind, ())


def check_layer(path: str, owner: str, kind: str, config: Mapping[str, Any]) -> None:
    """Raises BadModel unless every argument of a layer that sizes something is of its type."""
    for name in _needed(kind):
        if name not in config:
            raise BadModel(
                f"{path}: {owner}: {kind} must have {name}, not lack it; save the model again with Keras"
            )
    for name, rule in _rules(kind).items():
        if name not in config:
            continue
        value = _plain(config[name])
        if name in ("filters", "groups") and value is None and _DEPTHWISE in kind:
            continue  # of the convolution that Keras derives it from
        if not rule.holds(value):
            raise BadModel(
                f"{path}: {owner}: {name} must be {rule.text}, not {shown(config[name])}; correct the model"
            )


def _plain(value: Any) -> Any:
    """Keras writes tuples as lists, or as a dictionary that says so."""
    while isinstance(value, dict) and value.get("class_name") == "__tuple__":
        value = value.get("items")
    return [_plain(v) for v in value] if isinstance(value, list) and len(value) <= 16 else value
