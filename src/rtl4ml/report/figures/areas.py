# SPDX-License-Identifier: Apache-2.0
"""Marks of the largest wrong areas of masks: rings over the pictures of frames, and where the areas are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, tostring

import numpy as np
from markupsafe import Markup

from rtl4ml.metrics.masks import objects
from rtl4ml.report.figures.maps import Frames
from rtl4ml.report.figures.marks import RADIUS, STROKE, canvas, ring
from rtl4ml.report.numbers import plural

LISTED = 5  # areas of a frame
_WIDTH = 165  # pixels of the screen: a picture of a frame on a narrow one (report.css)


@dataclass(frozen=True)
class WrongArea:
    """Wrong pixels that touch at a side or a corner, and are wrong alike.

    row, col: its pixel that is nearest to its middle, from 0; pixels: how many it has
    missed:   whether the truth is set there and the hardware's mask is not; else the other way round

    WrongArea("1", "7", 12, 40, 31, True): in frame 7 the hardware misses 31 pixels around row 12, column 40.
    """

    number: str
    frame: str
    row: int
    col: int
    pixels: int
    missed: bool


@dataclass(frozen=True)
class MarkedFrame:
    """The largest wrong areas of a frame, of `count` in all, and the rings around them as an inline <svg>."""

    areas: tuple[WrongArea, ...]
    count: int
    rings: Markup


def marked_frames(frames: Frames, names: Sequence[str]) -> tuple[MarkedFrame | None, ...]:
    """Of the first frames, as many as there are names: the wrong areas, None where no pixel is wrong.

    Rings are numbered through all frames. None at all where no truth is known.
    """
    if frames.truth is None:
        return (None,) * len(names)
    found: list[MarkedFrame | None] = []
    numbered = 0
    for name, mask, truth in zip(names, frames.masks, frames.truth, strict=False):
        areas = []
        for missed, wrong in ((True, truth & ~mask), (False, mask & ~truth)):
            labels, count = objects(wrong)
            areas += [(missed, np.argwhere(labels == k)) for k in range(1, count + 1)]
        if not areas:
            found.append(None)
            continue
        areas.sort(key=lambda a: (-len(a[1]), a[1][0].tolist()))
        height, width = mask.shape
        svg, unit = canvas(height, width, _WIDTH / width)
        listed = []
        for missed, at in areas[:LISTED]:
            numbered += 1
            middle = at.mean(axis=0)
            row, col = at[((at - middle) ** 2).sum(axis=1).argmin()].tolist()
            what = "missed" if missed else "set wrongly"
            title = f"{numbered}: {plural(len(at), 'pixel')} {what}, around row {row:,}, column {col:,}"
            reach = float(np.ptp(at, axis=0).max() + 1) / 2 + STROKE * unit
            y, x = (at.min(axis=0) + at.max(axis=0) + 1) / 2
            ring(
                svg,
                x,
                y,
                str(numbered),
                title,
                unit=unit,
                radius=max(RADIUS * unit, reach),
                size=(height, width),
            )
            listed.append(WrongArea(str(numbered), name, row, col, len(at), missed))
        _named(svg, len(listed))
        found.append(MarkedFrame(tuple(listed), len(areas), Markup(tostring(svg, encoding="unicode"))))
    return tuple(found)


def _named(svg: Element, count: int) -> None:
    """Says what the rings are to those who do not see them."""
    what = "a wrong area" if count == 1 else f"{count} wrong areas"
    svg.set("aria-label", f"Rings around {what}; the table below lists them")
