# SPDX-License-Identifier: Apache-2.0
"""The arguments of `convert` and `Design.simulate`: what each may be, checked before anything is done with it.

Each check gives the argument back as a plain Python value, and raises BadInput in one line otherwise. Numbers of NumPy
are taken as numbers; a truth value is none.
"""

from __future__ import annotations

import datetime
import math
import os
import re
from collections.abc import Collection, Mapping
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal

import numpy as np

from rtl4ml.device import Device
from rtl4ml.errors import BadInput, named
from rtl4ml.ir.late import HOMES, Home
from rtl4ml.ops.opening import MOST as MOST_OPENING
from rtl4ml.reuse import ByHand, Reuse

OUTPUTS = ("logits", "argmax", "mask")
STALLS = ("none", "random")
MOST_SEED = 2**63 - 1
MOST_COLUMNS = 2**31 - 1
MOST_CYCLES = 2**40  # of a target: more than an hour at any clock


def whole(value: Any) -> int | None:
    """The value as an integer, or None where it is no whole number."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        return None
    return int(value)


def real(value: Any) -> float | None:
    """The value as a finite float, or None where it is none."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    try:
        number = float(value)
    except OverflowError:  # an integer beyond all floats
        return None
    return number if math.isfinite(number) else None


def shown(value: Any) -> str:
    """A value for a message: its type where its own text is none or too long to be read."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 -- a foreign object's text, or an integer of too many digits
        return type(value).__name__
    return text if len(text) <= 120 else f"{type(value).__name__} {text[:80]}…"


def output_folder(out: Any, name: str = "out") -> Path:
    """The folder of a project. name: of the argument."""
    try:
        text = os.fspath(out)
    except TypeError:
        text = b""
    if not isinstance(text, str) or not text or "\0" in text:
        raise BadInput(
            f"{named(name)}: must be the path of a folder, not {shown(out)}; "
            f"give such as {named(name, 'build/design')}"
        )
    return Path(text)


def target_interval(value: Any) -> int | None:
    """Cycles between samples, or None."""
    if value is None:
        return None
    number = whole(value)
    if number is None or number < 1:
        raise BadInput(
            f"{named('target_interval')}: must be a whole number of cycles from 1 up, not {shown(value)}"
        )
    if number > MOST_CYCLES:
        raise BadInput(
            f"{named('target_interval')}: must be at most {MOST_CYCLES} cycles, not {shown(value)}; lower it"
        )
    return number


def budget(value: Any, resources: Collection[str]) -> dict[str, float]:
    """Shares of the device by resource; empty where none are given."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise BadInput(
            f"{named('budget')}: must be shares by resource ({', '.join(resources)}), not {shown(value)}; "
            f"write {named('budget', {'lut': 0.5})}"
        )
    shares: dict[str, float] = {}
    for k, v in value.items():
        number = real(v)
        if k not in resources or number is None or not 0 < number <= 1:
            key = k if isinstance(k, str) else shown(k)
            raise BadInput(
                f"{named('budget')}: must give shares (0 to 1] of {', '.join(resources)}, not {key}={shown(v)}; "
                f"write {named('budget', {'lut': 0.5})}"
            )
        shares[k] = number
    return shares


def prices(value: Any, resources: Collection[str]) -> dict[str, float] | None:
    """What all of the device's resources cost, by resource; None where nothing is given."""
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise BadInput(
            f"{named('prices')}: must be numbers by resource ({', '.join(resources)}), not {shown(value)}; "
            f"write {named('prices', {'dsp': 2.0})}"
        )
    found: dict[str, float] = {}
    for k, v in value.items():
        number = real(v)
        if k not in resources or number is None or not 0 <= number < float("inf"):
            key = k if isinstance(k, str) else shown(k)
            raise BadInput(
                f"{named('prices')}: must be numbers from 0 up of {', '.join(resources)}, not {key}={shown(v)}; "
                f"write {named('prices', {'dsp': 2.0})}"
            )
        found[k] = number
    return found


def clock_mhz(value: Any) -> float:
    """A clock in MHz."""
    number = real(value)
    if number is None or not 0 < number < 1000:
        raise BadInput(
            f"{named('clock_mhz')}: must be a clock between 0 and 1000 MHz, not {shown(value)}; 250 is usual"
        )
    return number


def head(output: Any, threshold: Any, opening: Any) -> tuple[str, float | None, int | None]:
    """What a design gives: output, threshold and opening."""
    if not isinstance(output, str) or output not in OUTPUTS:
        raise BadInput(
            f"{named('output')}: must be one of {', '.join(OUTPUTS)}, not {shown(output)}; leave it out for logits"
        )
    level, radius = real(threshold), whole(opening)
    if output == "mask" and level is None:
        raise BadInput(
            f"{named('threshold')}: must be a finite number for {named('output', 'mask')}, not {shown(threshold)}; "
            f"give {named('threshold', 0.5)}"
        )
    if output != "mask" and threshold is not None:
        raise BadInput(
            f"{named('threshold')}: must go with {named('output', 'mask')}, not {output!r}; leave it out"
        )
    if opening is not None:
        if output != "mask":
            raise BadInput(
                f"{named('opening')}: must go with {named('output', 'mask')}, not {output!r}; leave it out"
            )
        if radius is None or not 1 <= radius <= MOST_OPENING:
            raise BadInput(
                f"{named('opening')}: must be a radius of 1 to {MOST_OPENING} pixels, not {shown(opening)}; "
                "leave it out for no opening"
            )
    return output, level, radius


def columns(value: Any) -> int | None:
    """Columns of the hardware's frames, or None for the model's."""
    if value is None:
        return None
    number = whole(value)
    if number is None or not 1 <= number <= MOST_COLUMNS:
        raise BadInput(
            f"{named('columns')}: must be a whole number of columns from 1 to 2^31 - 1, not {shown(value)}; "
            "leave it out for the model's"
        )
    return number


def foldings(value: Any) -> dict[str, ByHand]:
    """(pe, simd) or a `Reuse` by layer; empty where none are given."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise BadInput(
            f"{named('foldings')}: must be pairs (pe, simd) by layer, not {shown(value)}; "
            f"write {named('foldings', {'conv': (4, 3)})}"
        )
    pairs: dict[str, ByHand] = {}
    for k, v in value.items():
        if isinstance(k, str) and isinstance(v, Reuse) and (whole(v.factor) or 0) > 0:
            pairs[k] = v
            continue
        pair = [whole(n) for n in v] if isinstance(v, tuple | list) else []
        if not isinstance(k, str) or len(pair) != 2 or any(n is None or n < 1 for n in pair):
            raise BadInput(
                f"{named('foldings')}: must be pairs (pe, simd) of whole numbers from 1 up by layer, "
                f"not {shown(k)}: {shown(v)}; "
                f"write {named('foldings', {'conv': (4, 3)})}"
            )
        pairs[k] = (int(v[0]), int(v[1]))
    return pairs


def skips(value: Any) -> dict[str, Home] | Home | Literal["auto"]:
    """Homes of skips by join; one for all; or "auto"."""
    if value is None:
        return "bram"
    if isinstance(value, str) and value == "auto":
        return "auto"
    for home in HOMES:
        if isinstance(value, str) and value == home:
            return home
    if not isinstance(value, Mapping) or not all(isinstance(k, str) and v in HOMES for k, v in value.items()):
        raise BadInput(
            f"{named('skips')}: must be 'auto', or {' or '.join(map(repr, HOMES))} for all or by layer of a join, "
            f"not {shown(value)}"
        )
    return dict(value)


def frames(value: Any) -> int:
    """A number of frames."""
    number = whole(value)
    if number is None or number < 1:
        raise BadInput(
            f"{named('frames')}: must be a whole number from 1 up, not {shown(value)}; 16 is usual"
        )
    return number


# The longest name of a design: with it before them, names of modules are still names of files everywhere.
LONGEST_NAME = 40


def name(value: Any) -> str:
    """The name of a design; "" where none is given."""
    if value is None:
        return ""
    if not isinstance(value, str) or not re.fullmatch(rf"[a-z][a-z0-9_]{{0,{LONGEST_NAME - 1}}}", value):
        raise BadInput(
            f"{named('name')}: must be at most {LONGEST_NAME} small letters, digits and _ after a letter, "
            f"not {shown(value)}; give such as {named('name', 'jets')}"
        )
    return value


def date(value: Any) -> str | None:
    """A date of a report, as it was given; None where none was."""
    if value is None:
        return None
    try:
        return datetime.date.fromisoformat(value).isoformat()
    except (TypeError, ValueError):
        raise BadInput(
            f"{named('date')}: must be a day as in 2026-12-01, not {shown(value)}; leave it out for no date"
        ) from None


def flag(name: str, value: Any) -> bool:
    """A truth value."""
    if not isinstance(value, bool | np.bool_):
        raise BadInput(f"{named(name)}: must be True or False, not {shown(value)}")
    return bool(value)


def pumped(value: Any, device: Device) -> Device:
    """The device with its DSP slices at the clock that is asked for."""
    if not flag("pumped", value):
        return device
    if not device.double_clock:
        raise BadInput(
            f"{named('pumped')}: must be False for {device.name}, whose DSP slices run at the clock of the design; "
            "leave it out"
        )
    return device.pumped()


def stalls(value: Any) -> str:
    """A kind of stalls."""
    if not isinstance(value, str) or value not in STALLS:
        raise BadInput(f"{named('stalls')}: must be 'none' or 'random', not {shown(value)}")
    return value


def seed(value: Any) -> int:
    """A seed."""
    number = whole(value)
    if number is None or not 0 <= number <= MOST_SEED:
        raise BadInput(
            f"{named('seed')}: must be a whole number from 0 to 2^63 - 1, not {shown(value)}; 0 is usual"
        )
    return number
