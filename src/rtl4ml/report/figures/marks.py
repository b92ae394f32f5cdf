# SPDX-License-Identifier: Apache-2.0
"""Marks of the first wrong pixels on a class map: rings that are seen on a narrow screen too, however large the map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

import numpy as np
from markupsafe import Markup

from rtl4ml.report.figures.maps import ClassMap

LISTED = 10
# Least width and greatest height of a map on the page, in pixels of the screen (report.css).
_WIDTH, _HEIGHT = 330, 560
# On that screen: radius and stroke of a ring, height of its number.
RADIUS, STROKE, _LETTER = 9.0, 2.0, 13.0


@dataclass(frozen=True)
class WrongPixel:
    """A pixel whose predicted class is not the true one.

    row, col: in the scene, from 0; test: whether it is of the test split, None where there is no such split

    WrongPixel("1", 12, 40, "Celery", "Fallow", True) is the first of the list, in row 12 and column 40.
    """

    number: str
    row: int
    col: int
    truth: str
    predicted: str
    test: bool | None


@dataclass(frozen=True)
class Marked:
    """The first wrong pixels, row by row, of `count` in all, and the rings around them as an inline <svg>."""

    pixels: tuple[WrongPixel, ...]
    count: int
    rings: Markup


def marked(classes: ClassMap | None, names: Sequence[str]) -> Marked | None:
    """The wrong pixels of a map; None where no truth is known or no pixel is wrong."""
    if classes is None or classes.truth is None:
        return None
    wrong = np.flatnonzero(classes.truth != classes.predicted)
    if not len(wrong):
        return None
    first = wrong[np.lexsort((classes.col[wrong], classes.row[wrong]))][:LISTED]
    pixels = tuple(
        WrongPixel(
            str(n),
            int(classes.row[k]),
            int(classes.col[k]),
            names[classes.truth[k]],
            names[classes.predicted[k]],
            None if classes.test is None else bool(classes.test[k]),
        )
        for n, k in enumerate(first, 1)
    )
    return Marked(pixels, len(wrong), _rings(classes, pixels))


def _rings(classes: ClassMap, pixels: Sequence[WrongPixel]) -> Markup:
    """An <svg> over the map, a unit a pixel of the map."""
    top, left = int(classes.row.min()), int(classes.col.min())
    height, width = int(classes.row.max()) - top + 1, int(classes.col.max()) - left + 1
    svg, unit = canvas(height, width, min(_WIDTH / width, _HEIGHT / height))
    svg.set("aria-label", f"Rings around {len(pixels)} wrong pixels; the table below lists them")
    for p in pixels:
        title = f"{p.number}: row {p.row:,}, column {p.col:,}"
        ring(
            svg,
            p.col - left + 0.5,
            p.row - top + 0.5,
            p.number,
            title,
            unit=unit,
            radius=RADIUS * unit,
            size=(height, width),
        )
    return Markup(tostring(svg, encoding="unicode"))


def canvas(height: int, width: int, scale: float) -> tuple[Element, float]:
    """An <svg> without rings over a picture of so many pixels, and the pixels of it that are one of the screen's.

    scale: pixels of the screen that a pixel of the picture has at least
    """
    unit = 1 / scale
    svg = Element("svg", {"class": "rings", "viewBox": f"0 0 {width} {height}", "role": "img"})
    svg.set("style", f"font-size:{_LETTER * unit:g}px")
    return svg, unit


def ring(
    svg: Element,
    x: float,
    y: float,
    number: str,
    title: str,
    *,
    unit: float,
    radius: float,
    size: tuple[int, int],
) -> None:
    """A ring around (x, y) with its number beside it, before it where there is no room behind.

    size: height and width of the picture, within which the number stays
    """
    height, width = size
    at = {"cx": f"{x:g}", "cy": f"{y:g}", "r": f"{radius:g}"}
    group = SubElement(svg, "g")
    SubElement(group, "title").text = title
    for kind, stroke in (("ground", 2 * STROKE), ("ring", STROKE)):
        SubElement(group, "circle", {"class": kind, "stroke-width": f"{stroke * unit:g}", **at})
    aside = radius + (STROKE + 1) * unit
    ends = x + aside + len(number) * _LETTER * unit > width  # there is no room to the right
    half = 0.5 * _LETTER * unit
    middle = min(max(y, half), max(half, height - half))
    text = {"x": f"{x - aside if ends else x + aside:g}", "y": f"{middle + 0.7 * half:g}"}
    text |= {"stroke-width": f"{3 * unit:g}", "class": "before" if ends else "behind"}
    SubElement(group, "text", text).text = number
