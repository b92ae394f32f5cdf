# SPDX-License-Identifier: Apache-2.0
"""The first frame's way through the layers: two bars a layer, as inline SVG that is as wide as it may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

from markupsafe import Markup

from rtl4ml.report.schema import Beats, LayerTimes, Report

# Height of the picture of a layer, and of a bar.
_HEIGHT, _BAR = 16, 7
# The least share of the width that a bar has: it is seen on a narrow screen.
_LEAST = 0.006


@dataclass(frozen=True)
class TimeRow:
    """A layer's times and their picture.

    adds: cycles from the last beat that it takes to the last that it gives

    TimeRow("conv", {"first": 2, "last": 65}, {"first": 14, "last": 70}, adds=5, bars=...)
    """

    name: str
    takes: Beats
    gives: Beats
    adds: int
    bars: Markup


def rows(report: Report) -> tuple[TimeRow, ...]:
    """A row a layer; none where the timeline is not known."""
    times: Sequence[LayerTimes] = report.get("timeline") or ()
    end = max((t["gives"]["last"] for t in times), default=0)
    return tuple(
        TimeRow(t["name"], t["takes"], t["gives"], t["gives"]["last"] - t["takes"]["last"], _bars(t, end))
        for t in times
    )


def _bars(t: LayerTimes, end: int) -> Markup:
    """The upper bar: beats that come in; the lower: beats that go out. From cycle 0 to the last one of all."""
    width = end + 1
    svg = Element("svg", {"class": "times", "role": "img", "viewBox": f"0 0 {width} {_HEIGHT}"})
    svg.set("preserveAspectRatio", "none")
    svg.set("aria-label", f"{t['name']}: {_words('takes', t['takes'])}, {_words('gives', t['gives'])}")
    for kind, beats, y in (("takes", t["takes"], 0), ("gives", t["gives"], _HEIGHT - _BAR)):
        least = max(1.0, _LEAST * width)
        long = max(least, beats["last"] - beats["first"] + 1)
        x = min(beats["first"], width - long)
        box = {"x": f"{x:g}", "y": str(y), "width": f"{long:g}", "height": str(_BAR)}
        SubElement(svg, "rect", {"class": kind, **box})
    return Markup(tostring(svg, encoding="unicode"))


def _words(what: str, beats: Beats) -> str:
    if beats["first"] == beats["last"]:
        return f"{what} beats in cycle {beats['first']:,}"
    return f"{what} beats in cycles {beats['first']:,} to {beats['last']:,}"
