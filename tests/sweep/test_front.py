# SPDX-License-Identifier: Apache-2.0
"""Which points are worth having."""

from __future__ import annotations

from itertools import product

import pytest

from rtl4ml.device import ZCU102
from rtl4ml.errors import BadInput
from rtl4ml.sweep.front import Aim, aims, dominating, figure, pick, prices
from rtl4ml.sweep.points import Outcome, Point

FPS, COST = Aim("fps", True), Aim("cost", False)


def point(number: int, fps: float, lut: float = 1000, dsp: float = 0, **accuracy: float) -> Point:
    resources = {"lut": lut, "ff": 0.0, "dsp": dsp, "bram36": 0.0}
    made = Outcome(250e6 / fps, 9, fps, resources, ZCU102.capacity, accuracy, f"plan {number}")
    return Point(number, {"interval": number}, made)


def refused(number: int) -> Point:
    return Point(number, {"interval": number}, Outcome(refused="too slow"))


def test_cost_is_prices_times_shares() -> None:
    outcome = point(0, 1e6, lut=27_408, dsp=252).outcome
    assert outcome is not None
    assert figure("cost", outcome, prices({})) == pytest.approx(0.1 + 0.5 * 0.1)
    assert figure("cost", outcome, prices({"dsp": 2.0})) == pytest.approx(0.1 + 2 * 0.1)


def test_a_slower_design_that_costs_more_is_beaten_by_a_faster_one() -> None:
    """As of a jet tagger: interval 2 took 352 DSP48E2, interval 1 none and 6 % more LUTs."""
    points = [point(0, 250e6, lut=42_000), point(1, 125e6, lut=39_600, dsp=352)]
    assert dominating(points, (FPS, COST), prices({})) == {1: 0}
    assert dominating(points, (FPS, Aim("lut", False)), prices({})) == {}


def test_of_equal_points_the_first_is_kept() -> None:
    points = [point(0, 1e6), point(1, 1e6), refused(2), point(3, 2e6)]
    assert dominating(points, (FPS,), prices({})) == {0: 3, 1: 0}
    assert dominating(points, (COST,), prices({})) == {1: 0, 3: 0}


def test_domination_is_that_of_its_definition() -> None:
    points = [
        point(k, fps, lut=lut) for k, (fps, lut) in enumerate(product((1e6, 2e6, 3e6), (500, 1000, 1500)))
    ]
    found = dominating(points, (FPS, Aim("lut", False)), prices({}))
    left = {p.number for p in points} - set(found)
    assert left == {6}  # the fastest with the least LUTs


def test_picking() -> None:
    points = [
        point(0, 1e6, 9000, oa=0.9),
        point(1, 2e6, 40_000, oa=0.8),
        point(2, 3e6, 20_000, oa=0.7),
        refused(3),
    ]

    def number(text: str) -> int:
        return pick(text, points, ["oa"], prices({})).number

    assert number("") == 0  # the cheapest
    assert number("best fps") == 2
    assert number("fps>=2e6, best accuracy") == 1
    assert number("fps>=2e6, lut<10%, best accuracy") == 2
    assert number("lut<=20000, most lut") == 2
    assert number("least oa") == 2
    assert number("interval<200") == 2
    assert number("interval<200, fps<3e6") == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "fps>=1e9",
            "sweep: --pick must hold for one of the 2 designs, not none as 'fps>=1e9' does; ask for less",
        ),
        (
            "speed>3",
            "sweep: --pick must name one of interval, latency, fps, lut, ff, dsp, bram36, cost, not 'speed'",
        ),
        ("fps>10%", "sweep: --pick must have % of lut, ff, dsp, bram36 alone, not 'fps>10%'; leave it out"),
        (
            "fast",
            "sweep: --pick must be conditions and an aim, as in 'fps>=1e6, lut<10%, best fps', not 'fast'; "
            "'fast' is neither",
        ),
        ("fps>1e", "sweep: --pick must be conditions and an aim"),
        ("best accuracy", "sweep: --pick must name one of"),
    ],
)
def test_what_cannot_be_picked(text: str, told: str) -> None:
    with pytest.raises(BadInput) as error:
        pick(text, [point(0, 1e6), point(1, 2e6)], [], prices({}))
    assert str(error.value).startswith(told)


def test_aims() -> None:
    assert aims(["fps", "lut", "fps", "oa"], ["oa"]) == (FPS, Aim("lut", False), Aim("oa", True))
    with pytest.raises(BadInput, match=r"an aim must be one of interval, .*, not 'speed'; see --aims"):
        aims(["speed"], [])
