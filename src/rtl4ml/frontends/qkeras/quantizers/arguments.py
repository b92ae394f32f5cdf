# SPDX-License-Identifier: Apache-2.0
"""The legal arguments of quantizers, in one table for live objects, configurations and texts.

QKeras takes whatever it is given: -4 bits, NaN, texts for numbers. Some of it fails late, some gives other numbers than
the hardware, and 10^30 bits fill the memory. So every argument is checked by its name before anything is computed.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rtl4ml.arguments import shown
from rtl4ml.errors import UnsupportedLayer


@dataclass(frozen=True)
class Number:
    """A number from lo to hi; `whole` ones may be floats that are whole. Several where channels may differ."""

    lo: float
    hi: float
    whole: bool = False
    words: tuple[str, ...] = ()
    optional: bool = False
    several: bool = False

    @property
    def rule(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        words = [repr(w) for w in self.words] + (["None"] if self.optional else [])
        return " or ".join([f"{kind} from {self.lo:g} to {self.hi:g}", *words])

    def takes(self, value: Any) -> bool:
        if value is None or isinstance(value, str):
            return value in self.words if value is not None else self.optional
        try:
            a = np.asarray(value)
        except Exception:  # noqa: BLE001 -- foreign objects and ragged lists
            return False
        if a.dtype.kind == "O":  # an integer that no machine has
            a = np.asarray(a.item() if a.ndim == 0 and isinstance(a.item(), int) else math.nan, object)
            return a.ndim == 0 and isinstance(a.item(), int) and self.lo <= a.item() <= self.hi
        if a.dtype.kind not in "iuf" or not a.size or (a.ndim and not self.several):
            return False
        inside = bool(np.isfinite(a).all() and (a >= self.lo).all() and (a <= self.hi).all())
        return inside and not (self.whole and bool((a != np.rint(a)).any()))


@dataclass(frozen=True)
class Truth:
    """True or False, or the numbers 1 and 0, which QKeras writes for them."""

    rule = "True or False"

    def takes(self, value: Any) -> bool:
        return isinstance(value, bool | np.bool_ | int | float | np.number) and value in (0, 1)


@dataclass(frozen=True)
class Word:
    """One of some words."""

    words: tuple[str, ...]

    @property
    def rule(self) -> str:
        return " or ".join(map(repr, self.words))

    def takes(self, value: Any) -> bool:
        return isinstance(value, str) and value in self.words


# Bits beyond those of any grid are refused here, those beyond a grid's where the grid is known.
_BITS = Number(1, 64, whole=True)
_VALUES: Mapping[str, Number | Word] = {
    "bits": _BITS,
    "integer": Number(-64, 64, whole=True, several=True),
    "alpha": Number(2.0**-64, 2.0**64, words=("auto", "auto_po2"), optional=True, several=True),
    "scale_axis": Number(-4, 4, whole=True, optional=True),
    "qnoise_factor": Number(0, 1),
    "negative_slope": Number(0, 2**16),
    "relu_upper_bound": Number(0, 2**31, optional=True),
    "relu_shift": Number(0, 2**16),
    "max_value": Number(0, 2.0**64, optional=True),
    "threshold": Number(0, 2.0**64, words=("auto",), optional=True),
    "temperature": Number(0, 2**16),
    "number_of_unrolls": Number(0, 100, whole=True),
    "u": Number(0, 2**16),
    "log2_rounding": Word(("rnd", "floor")),
    "gradient": Word(("constant", "tanh")),
}
_TRUTHS = (
        "symmetric", "keep_negative", "signed", "use_01", "use_sigmoid", "use_real_tanh", "use_real_sigmoid",
        "use_stochastic_rounding", "is_quantized_clip", "quadratic_approximation", "use_ste", "use_variables",
)  # fmt: skip
_RULES: Mapping[str, Number | Word | Truth] = {**_VALUES, **dict.fromkeys(_TRUTHS, Truth())}
_TEXTS = ("var_name", "name")  # of no effect on values


def check_object(layer: str, quantizer: Any) -> None:
    """The arguments that a live quantizer has as attributes. Raises UnsupportedLayer."""
    found = {k: getattr(quantizer, k) for k in _RULES if hasattr(quantizer, k)}
    _check(layer, type(quantizer).__name__, found)


def check_arguments(layer: str, name: str, arguments: Mapping[str, Any]) -> None:
    """The arguments of a quantizer's configuration, unknown ones refused. Raises UnsupportedLayer."""
    for key in arguments:
        if key not in _RULES and key not in _TEXTS:
            raise UnsupportedLayer(
                f"{layer}: the arguments of {name} must be those of the pinned QKeras, not {key}; leave it out"
            )
    _check(layer, name, {k: v for k, v in arguments.items() if k in _RULES})


def check_text(layer: str, text: str, parameters: Callable[[str], list[str]]) -> None:
    """The arguments of a quantizer's text, such as "quantized_bits(8,0,alpha=1)"; numbers, words and truth values.

    parameters: the names of a quantizer's arguments, in their order. Raises UnsupportedLayer.
    """
    try:
        call = ast.parse(text.strip(), mode="eval").body
        if isinstance(call, ast.Name):
            return
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            raise ValueError("no call")
        name, keys = call.func.id, parameters(call.func.id)
        given = dict(zip(keys, map(_literal, call.args), strict=False))
        given |= {str(k.arg): _literal(k.value) for k in call.keywords}
        if len(call.args) > len(keys) or not {str(k.arg) for k in call.keywords} <= set(keys):
            raise ValueError("other arguments")
    except (ValueError, SyntaxError, RecursionError, MemoryError, KeyError):
        raise UnsupportedLayer(
            f"{layer}: the text of a quantizer must be its name and its arguments, numbers and words, "
            f"not {shown(text)}; correct it"
        ) from None
    _check(layer, name, {k: v for k, v in given.items() if k in _RULES})


def _literal(node: ast.expr) -> Any:
    """The value; a bare word, which QKeras takes for a text, is that word."""
    return node.id if isinstance(node, ast.Name) else ast.literal_eval(node)


def _check(layer: str, name: str, arguments: Mapping[str, Any]) -> None:
    for key, value in arguments.items():
        rule = _RULES[key]
        if not rule.takes(value):
            raise UnsupportedLayer(
                f"{layer}: {key} of {name} must be {rule.rule}, not {shown(value)}; correct the quantizer"
            )
