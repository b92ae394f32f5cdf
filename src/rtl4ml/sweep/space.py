# SPDX-License-Identifier: Apache-2.0
"""The points of a sweep: axes of values, and every choice of one value of each."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from rtl4ml.device import DEVICES, ZCU102
from rtl4ml.errors import BadInput

Value = int | float | str
Params = Mapping[str, Value]

RESOURCES = ("lut", "ff", "dsp", "bram36")
BITS = ("bits", "weight_bits", "activation_bits")
WHOLE = ("interval", "reuse_factor", *BITS)  # axes of whole numbers
CHOICES = {
    "device": tuple(DEVICES),
    "skips": ("bram", "late", "dram", "auto"),
    "output": ("logits", "argmax", "mask"),
}
REUSE = "reuse_factor"  # hls4ml's ReuseFactor
BUILD = "build"  # arguments of a recipe's network, as in build.kernels
AXES = (*WHOLE, *RESOURCES, "clock_mhz", *CHOICES)
MOST_BITS = 16
MOST_POINTS = 1_000_000

_RANGE = re.compile(r"(?P<first>[^./]+)\.\.(?P<last>[^./]+(?:\.\d+%?)?)(?:/(?P<number>\d+))?")


@dataclass(frozen=True)
class Axis:
    """One thing that varies, and its values in the order in which they are tried.

    name: of `AXES`: "interval" in cycles a sample, a resource's greatest share of the device, "clock_mhz", ...; bits
          also of one layer, as in "weight_bits.conv1", and so "reuse_factor"

    Axis("lut", (0.05, 0.1)) is designs within 5 % and within 10 % of the device's LUTs.
    """

    name: str
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Space:
    """All choices of one value of every axis.

    Space((Axis("interval", (204, 408)), Axis("weight_bits", (4, 6, 8)))) has 6 points.
    """

    axes: tuple[Axis, ...]

    def __post_init__(self) -> None:
        names = [axis.name for axis in self.axes]
        if not names:
            raise BadInput(
                f"sweep: a space must have an axis ({', '.join(AXES)}), not none; write --intervals 1..128/8"
            )
        for name in names:
            if names.count(name) > 1:
                raise BadInput(
                    f"sweep: the axis {name} must be given once, not {names.count(name)} times; join its values"
                )
        if self.size > MOST_POINTS:
            raise BadInput(
                f"sweep: a space must have at most {MOST_POINTS:,} points, not {self.size:,}; "
                "take fewer values, as in 1..128/8"
            )

    @property
    def size(self) -> int:
        """Number of points."""
        return prod(len(axis.values) for axis in self.axes)

    def at(self, k: int) -> dict[str, Value]:
        """Point `k`, 0 up to `size` - 1; the last axis varies fastest."""
        places = np.unravel_index(k, [len(axis.values) for axis in self.axes])
        return {axis.name: axis.values[int(i)] for axis, i in zip(self.axes, places, strict=True)}


def axis(name: str, given: Any) -> Axis:
    """An axis of a text such as "1..128/8", "5%..40%/4" or "4,6,8", or of a list of values. Raises BadInput.

    A..B is all whole numbers from A to B; of shares and clocks, A..B/N must say how many. A..B/N is N values, of
    intervals with equal ratios, of all others with equal steps; whole numbers are rounded, equal ones are one.
    A resource above 1 is a number of its kind, as in 20000: it is a share of the ZCU102's then.
    """
    kind, dot, layer = name.partition(".")
    known = kind in AXES or (kind == BUILD and dot)
    if not known or (dot and (kind not in (*BITS, BUILD, REUSE) or not layer)):
        raise BadInput(
            f"sweep: an axis must be one of {', '.join(AXES)}, not {name!r}; see rtl4ml sweep --help"
        )
    own, name = name, kind
    parts = given if isinstance(given, list) else str(given).split(",")
    values: list[Value] = []
    for part in parts:
        if kind == BUILD:
            values.append(_size(own, part, given))
            continue
        found = _RANGE.fullmatch(part.strip()) if isinstance(part, str) else None
        if found and name not in CHOICES:
            ends = _value(name, found["first"], given), _value(name, found["last"], given)
            values += _between(name, *ends, None if found["number"] is None else int(found["number"]), given)
        else:
            values.append(_value(name, part, given))
    return Axis(own, tuple(dict.fromkeys(values)))


def _refused(name: str, given: Any) -> BadInput:
    rule = {
        "interval": "whole numbers of cycles from 1 up, as in 204,408 or 1..128/8",
        REUSE: "whole numbers from 1 up, as in 1,4,16 or 1..64/7",
        "clock_mhz": "clocks in MHz above 0, as in 100,250 or 100..300/5",
    }.get(name)
    if name in BITS:
        rule = f"whole numbers of bits from 2 to {MOST_BITS}, as in 2..8 or 4,6"
    elif name in RESOURCES:
        rule = f"shares above 0 up to 100% or numbers of {name}, as in 5%,20% or 5%..40%/8"
    elif name in CHOICES:
        rule = f"of {', '.join(CHOICES[name])}, with commas between"
    return BadInput(f"sweep: {name} must be {rule}, not {given!r}; write it so")


def _size(name: str, part: Any, given: Any) -> Value:
    """A whole number, or several, such as 32x16."""
    text = str(part).strip()
    if not re.fullmatch(r"[1-9]\d{0,5}(x[1-9]\d{0,5})*", text):
        raise BadInput(
            f"sweep: {name} must be whole numbers from 1 up, or several as in 32x16, not {given!r}; write it so"
        )
    return text if "x" in text else int(text)


def _value(name: str, part: Any, given: Any) -> Value:
    if name in CHOICES:
        if str(part).strip() not in CHOICES[name]:
            raise _refused(name, given)
        return str(part).strip()
    text = str(part).strip()
    try:
        number = float(text.rstrip("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        raise _refused(name, given) from None
    if name in WHOLE:
        least, most = (2, MOST_BITS) if name in BITS else (1, 10**12)
        if text.endswith("%") or number != int(number) or not least <= number <= most:
            raise _refused(name, given)
        return int(number)
    if name in RESOURCES:
        if number > 1 and not text.endswith("%"):
            number /= ZCU102.capacity[name]
        if not 0 < number <= 1:
            raise _refused(name, given)
    elif not 0 < number < float("inf") or text.endswith("%"):
        raise _refused(name, given)
    return number


def _between(name: str, first: Value, last: Value, number: int | None, given: Any) -> list[Value]:
    assert not isinstance(first, str) and not isinstance(last, str)
    if last < first or number == 0 or (number is None and name not in WHOLE):
        raise _refused(name, given)
    if number is None:
        if last - first >= MOST_POINTS:
            raise _refused(name, given)
        return list(range(int(first), int(last) + 1))
    spread = np.geomspace if name in ("interval", REUSE) else np.linspace
    values = spread(first, last, number) if number > 1 else np.array([first])
    return [round(v) if name in WHOLE else round(float(v), 6) for v in values]


def read(path: Path) -> dict[str, Any]:
    """A sweep's TOML file: its table [axes], and what else it says, checked by who uses it. Raises BadInput.

    [axes]
    interval = "204..2040/4"
    weight_bits = [4, 6, 8]
    """
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput(f"{path}: the space must be a TOML file, not missing; check the path") from None
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: the space must be readable TOML, not {error}; mend it") from None
    if set(found) - {"axes"} or not isinstance(found.get("axes"), dict):
        raise BadInput(
            f"{path}: a space must be a table [axes] alone, not {', '.join(sorted(found)) or 'empty'}; "
            "the rest is options of rtl4ml sweep"
        )
    return dict(found["axes"])


def space(given: Sequence[tuple[str, Any]]) -> Space:
    """The space of axes as they are written. given: names and texts or lists of values. Raises BadInput."""
    return Space(tuple(axis(name, values) for name, values in given))
