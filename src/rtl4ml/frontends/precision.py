# SPDX-License-Identifier: Apache-2.0
"""Fixed-point types with the rounding and overflow modes of Vitis HLS and hls4ml, on real numbers.

    ap_fixed<8,3,AP_RND_CONV,AP_SAT>    as C++ writes it
    fixed<8,3,RND_CONV,SAT,0>           as hls4ml prints it

A type without modes, as in `input_precision="ap_fixed<8,3>"`, names a grid, as quantized_bits does: rtl4ml rounds onto
it to the nearest, halves to even, and saturates. C++ and hls4ml do something else with the same text, for there the
defaults are AP_TRN and AP_WRAP (cut off, wrap round). It stays so because inputs that wrap round are of no use to a
network; who wants C++'s modes writes them. What hls4ml's own configuration declares is read with hls4ml's defaults.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.floating]

ROUNDINGS: dict[str, Callable[[Real], Real]] = {
    "TRN": np.floor,
    "TRN_ZERO": np.trunc,
    "RND": lambda v: _nearest(v, np.ceil),  # halves up
    "RND_MIN_INF": lambda v: _nearest(v, np.floor),  # halves down
    "RND_ZERO": lambda v: _nearest(v, np.trunc),
    "RND_INF": lambda v: _nearest(
        v, lambda h: np.where(h < 0, np.floor(h), np.ceil(h))
    ),  # halves away from zero
    "RND_CONV": np.rint,  # halves to even
}


def _nearest(v: Real, halves: Callable[[Real], Real]) -> Real:
    below = np.floor(v)
    return np.where(v - below == 0.5, halves(v), np.where(v - below < 0.5, below, below + 1))


def _wrapped(k: Real, lo: int, hi: int) -> Real:
    """K modulo the range; all of it exact, for a float's integer is a multiple of a power of two."""
    return np.asarray(np.mod(k - lo, float(hi - lo + 1)) + lo)


# What becomes of integers k outside lo to hi; SAT_SYM alone changes one inside, the least of a signed type.
OVERFLOWS: dict[str, Callable[[Real, int, int], Real]] = {
    "SAT": lambda k, lo, hi: np.clip(k, lo, hi),
    "SAT_SYM": lambda k, lo, hi: np.clip(k, -hi if lo < 0 else lo, hi),
    "SAT_ZERO": lambda k, lo, hi: np.where((k < lo) | (k > hi), 0.0, k),
    "WRAP": _wrapped,
}


@dataclass(frozen=True)
class Modes:
    """Rounding and overflow of reals that become integers of a type, named as in Vitis HLS without AP_.

    To integers from -8 to 7, Modes("TRN", "WRAP") takes 2.7, 9.5 and -3.2 to 2, -7 and -4; Modes() takes 2.5, 9.5 and
    -3.2 to 2, 7 and -3.
    """

    rounding: str = "RND_CONV"
    overflow: str = "SAT"

    @property
    def plain(self) -> bool:
        """Whether they are a quantizer's: to the nearest, halves to even, saturating."""
        return self == Modes()

    @property
    def rises(self) -> bool:
        """Whether a greater number never becomes a smaller integer."""
        return self.overflow in ("SAT", "SAT_SYM")

    def integers(self, v: Real, lo: int, hi: int) -> Real:
        """Reals in units of the type's step to integers from lo to hi."""
        return OVERFLOWS[self.overflow](ROUNDINGS[self.rounding](np.asarray(v, np.float64)), lo, hi)

    def __str__(self) -> str:
        return f"AP_{self.rounding},AP_{self.overflow}"


# The modes that C++ and hls4ml take where a type names none.
HLS = Modes("TRN", "WRAP")

# Of few digits: a type of so many bits that its bounds fill the memory is no type.
_FIXED = re.compile(r"(?:ap_)?(u?)fixed<(\d{1,4}),(-?\d{1,4})(?:,(\w+))?(?:,(\w+))?(?:,0)?>", re.IGNORECASE)
_INT = re.compile(r"(?:ap_)?(u?)int<(\d{1,4})>", re.IGNORECASE)


@dataclass(frozen=True)
class Written:
    """A type as it is written: width and integer bits, sign included as in C++; modes None where it names none.

    "ap_fixed<8,3,AP_RND,AP_SAT>" is Written(signed=True, width=8, integer=3, modes=Modes("RND", "SAT")).
    """

    signed: bool
    width: int
    integer: int
    modes: Modes | None


def read(text: str) -> Written | None:
    """The type of "ap_fixed<8,3,AP_RND,AP_SAT>" and its kin, in any case, with or without blanks and AP_; else None.

    A type that names one mode has C++'s default for the other.
    """
    t = re.sub(r"\s", "", text)
    if m := _INT.fullmatch(t):
        width = int(m[2])
        return Written(not m[1], width, width, None) if width else None
    m = _FIXED.fullmatch(t)
    if m is None or not int(m[2]):
        return None
    rounding, overflow = (None if s is None else s.upper().removeprefix("AP_") for s in (m[4], m[5]))
    if rounding is None:
        modes = None
    elif rounding in ROUNDINGS and (overflow is None or overflow in OVERFLOWS):
        modes = Modes(rounding, overflow or HLS.overflow)
    else:
        return None
    return Written(not m[1], int(m[2]), int(m[3]), modes)


# A fixed-point type with whatever between its commas.
_PARTS = re.compile(
    r"(?:ap_)?u?fixed<" + r",".join([r"([^,<>]*)"] * 2) + r"(?:,([^,<>]*))?" * 3 + ">", re.IGNORECASE
)


def fault(text: str, widest: int) -> str:
    """What a fixed-point type that `read` does not take must have, and what it has instead; "" for other texts."""
    m = _PARTS.fullmatch(re.sub(r"\s", "", text))
    if m is None or read(text) is not None:
        return ""
    width, integer, rounding, overflow, bits = m.groups()
    if not re.fullmatch(r"\d{1,4}", width) or not int(width):
        return f"must have a width of 1 to {widest} bits, not {width!r} in {text}; write <width,bits left of the point>"
    if not re.fullmatch(r"-?\d{1,4}", integer):
        return f"must have a whole number of bits left of the point, not {integer!r} in {text}; write one"
    for what, mode, modes in (("rounding", rounding, ROUNDINGS), ("overflow", overflow, OVERFLOWS)):
        if mode is not None and mode.upper().removeprefix("AP_") not in modes:
            return (
                f"must have the {what} mode {_listed(modes)}, not {mode!r} in {text}; "
                f"write the rounding mode first, then the overflow mode"
            )
    return f"must have no bits that wrapping saturates, not {bits} in {text}; leave them out"


def _listed(modes: Iterable[str]) -> str:
    *first, last = (f"AP_{mode}" for mode in modes)
    return f"{', '.join(first)} or {last}"


def with_modes(text: str) -> str:
    """The type as C++ and hls4ml read it, its modes written out; other texts as they are."""
    w = read(text)
    if w is None:
        return text
    return f"ap_{'' if w.signed else 'u'}fixed<{w.width},{w.integer},{w.modes or HLS}>"
