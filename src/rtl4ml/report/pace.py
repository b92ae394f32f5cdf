# SPDX-License-Identifier: Apache-2.0
"""Sentences about an interval, for page and command line: whether it meets the target, and how it is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from rtl4ml.report.numbers import number

MOST_GAPS = 16  # that are listed one by one


class Gaps(TypedDict):
    """Cycles between frames that repeat after so many frames: the least, the most, and at most MOST_GAPS of them."""

    frames: int
    least: int
    most: int
    first: list[int]


class Observed(TypedDict):
    """The first and the last frame, from 1 up, of those whose longest gap is given as the interval."""

    first: int
    last: int


class FrameSize(TypedDict):
    """Rows and columns of a frame."""

    rows: int
    columns: int


@dataclass(frozen=True)
class Note:
    """A sentence about the interval, without its stop; missed: whether it says that more was asked for."""

    text: str
    missed: bool = False


def missed(cycles: Mapping[str, Any]) -> str:
    """What was asked for and why it did not come, of report.json's `cycles`; empty where it came."""
    excess = cycles.get("excess")
    return f"asked for {number(cycles.get('target'))}; {excess}" if excess else ""


def notes(cycles: Mapping[str, Any]) -> list[Note]:
    """What must be known beside the number of cycles, of report.json's `cycles`, the most important first."""
    found: list[Note] = []
    interval = number(cycles["interval"]["model"])
    if said := missed(cycles):
        found.append(Note(said, missed=True))
    if gaps := cycles.get("gaps"):
        found.append(Note(_mean(gaps, interval)))
    if seen := cycles.get("observed"):
        found.append(
            Note(
                f"No repetition was found in the first {number(seen['last'])} frames: the predicted interval is the "
                f"longest gap between frames {number(seen['first'])} to {number(seen['last'])}, later ones may differ"
            )
        )
    if sizes := cycles.get("narrower"):
        small = " and ".join(f"{number(s['rows'])} x {number(s['columns'])}" for s in sizes)
        said = (
            f"The frame is too large to be analysed whole: its interval is extrapolated from those of {small}"
        )
        if stepped := cycles.get("stepped"):
            said += f"; its own first {number(stepped)} frames, stepped through, came as theirs"
        found.append(Note(said))
    return found


def _mean(gaps: Gaps, interval: str) -> str:
    if gaps["frames"] == len(gaps["first"]):
        *some, last = map(number, gaps["first"])
        each = f"{', '.join(some)} and {last} cycles apart, over and over again"
    else:
        each = (
            f"{number(gaps['least'])} to {number(gaps['most'])} cycles apart, in an order that repeats after "
            f"{number(gaps['frames'])}"
        )
    return f"The predicted interval, {interval}, is a mean: frames come {each}"


def sets(cycles: Mapping[str, Any], stages: Sequence[int | None]) -> str:
    """What sets the interval, as the end of a sentence about the cycles that each stage alone needs."""
    interval, slowest = cycles["interval"]["model"], max((s or 0 for s in stages), default=0)
    if not interval or not slowest or interval < slowest:
        return ""
    if interval == slowest:
        return "; the slowest sets the interval of the whole"
    return f"; the slowest needs {number(slowest)}, the whole with its edges {number(interval)}"
