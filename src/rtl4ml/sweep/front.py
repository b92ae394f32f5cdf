# SPDX-License-Identifier: Apache-2.0
"""Which points are worth having: what a sweep aims at, the points that no other beats, and the choice of one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rtl4ml.device import ZCU102
from rtl4ml.errors import BadInput
from rtl4ml.sweep.points import Outcome, Point
from rtl4ml.sweep.space import RESOURCES

PRICES = ZCU102.prices()  # of all that a device has of a resource
FIGURES = ("interval", "latency", "fps", *RESOURCES, "cost")


@dataclass(frozen=True)
class Aim:
    """A figure of points, and whether more of it is better.

    Aim("fps", True) is samples a second: of two points that are alike otherwise the faster one is better.
    """

    name: str
    more: bool

    def better(self, a: float, b: float) -> bool:
        """Whether the figure `a` is better than `b`."""
        return a > b if self.more else a < b


def prices(given: Mapping[str, float]) -> dict[str, float]:
    """What a share of each resource costs: `PRICES`, and those given instead."""
    return {**PRICES, **given}


def figure(name: str, outcome: Outcome, price: Mapping[str, float]) -> float:
    """A figure of a design. name: of `FIGURES`, or of its accuracy. "cost" is the sum of prices times shares."""
    if name in RESOURCES:
        return outcome.resources[name] if outcome.resources is not None else float("inf")
    if name == "cost":
        return sum(price[k] * outcome.share(k) for k in RESOURCES)
    if name in ("interval", "latency", "fps"):
        return float(getattr(outcome, name))
    return (outcome.accuracy or {})[name]


def aims(names: Sequence[str], accuracies: Sequence[str]) -> tuple[Aim, ...]:
    """Aims by name: samples a second and accuracies are to be large, all else small. Raises BadInput."""
    known = (*FIGURES, *accuracies)
    for name in names:
        if name not in known:
            raise BadInput(f"sweep: an aim must be one of {', '.join(known)}, not {name!r}; see --aims")
    return tuple(Aim(name, name == "fps" or name in accuracies) for name in dict.fromkeys(names))


def dominating(points: Sequence[Point], wanted: Sequence[Aim], price: Mapping[str, float]) -> dict[int, int]:
    """Of every point with a design that another beats or equals earlier: that other's number, the least of them.

    A point beats another where it is as good in every aim and better in one.
    """
    made = [p for p in points if p.outcome is not None and not p.outcome.refused]
    figures = {
        p.number: tuple((1 if a.more else -1) * figure(a.name, p.outcome, price) for a in wanted)
        for p in made
        if p.outcome is not None
    }
    found: dict[int, int] = {}
    for p in made:
        mine = figures[p.number]
        for q in made:
            other = figures[q.number]
            beats = other != mine or q.number < p.number
            if q.number != p.number and beats and all(o >= m for o, m in zip(other, mine, strict=True)):
                found[p.number] = q.number
                break
    return found


_TERM = re.compile(r"(?P<name>\w+)\s*(?P<sign><=|>=|<|>|=)\s*(?P<number>[\d.e+-]+)(?P<percent>%?)")
_BEST = re.compile(r"(?:best|most|least)\s+(?P<name>\w+)")
_TESTS: dict[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "=": lambda a, b: a == b,
}


def pick(text: str, points: Sequence[Point], accuracies: Sequence[str], price: Mapping[str, float]) -> Point:
    """The point that a text asks for, such as "fps>=1e6, lut<10%, best accuracy". Raises BadInput.

    Conditions on figures or axes, with commas between; a number with % is of the device. Of the points that hold them
    all the best in "best NAME" (or most, or least), or else the cheapest; of equal ones the first.
    """
    made = [p for p in points if p.outcome is not None and not p.outcome.refused]
    known = (*FIGURES, *accuracies)
    best = "cost"
    more: bool | None = None
    left = made
    for term in filter(None, (t.strip() for t in text.split(","))):
        if found := _BEST.fullmatch(term):
            best = _figure_name(found["name"], known, accuracies, text)
            more = {"most": True, "least": False}.get(term.split()[0])
            continue
        condition = _TERM.fullmatch(term)
        try:
            number = float(condition["number"]) if condition else 0.0
        except ValueError:
            condition = None
        if not condition:
            raise BadInput(
                f"sweep: --pick must be conditions and an aim, as in 'fps>=1e6, lut<10%, best fps', not {text!r}; "
                f"{term!r} is neither"
            )
        name = _figure_name(condition["name"], known, accuracies, text)
        share = bool(condition["percent"])
        if share and name not in RESOURCES:
            raise BadInput(
                f"sweep: --pick must have % of {', '.join(RESOURCES)} alone, not {term!r}; leave it out"
            )
        holds = _TESTS[condition["sign"]]
        left = [
            p
            for p in left
            if p.outcome is not None
            and holds(
                p.outcome.share(name) if share else figure(name, p.outcome, price),
                number / (100 if share else 1),
            )
        ]
    if not left:
        raise BadInput(
            f"sweep: --pick must hold for one of the {len(made):,} designs, not none as {text!r} does; ask for less"
        )
    upwards = aims([best], accuracies)[0].more if more is None else more

    def rank(p: Point) -> tuple[float, float, int]:
        assert p.outcome is not None
        value = figure(best, p.outcome, price)
        return (-value if upwards else value, figure("cost", p.outcome, price), p.number)

    return min(left, key=rank)


def _figure_name(name: str, known: Sequence[str], accuracies: Sequence[str], text: str) -> str:
    if name == "accuracy" and accuracies:
        return accuracies[0]
    if name not in known:
        raise BadInput(
            f"sweep: --pick must name one of {', '.join(known)}, not {name!r} as {text!r} does; write one"
        )
    return name
