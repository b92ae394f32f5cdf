# SPDX-License-Identifier: Apache-2.0
"""A sweep of a model from its arguments to its results: `sweep`, and what it gives."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import pickle
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rtl4ml import arguments
from rtl4ml.device import ZCU102
from rtl4ml.errors import BadInput, OverBudget
from rtl4ml.frontends.qkeras.load import load
from rtl4ml.ir.fingerprint import fingerprint
from rtl4ml.sweep import pools
from rtl4ml.sweep.front import FIGURES, Aim, aims, dominating, figure, prices
from rtl4ml.sweep.points import Point
from rtl4ml.sweep.precision import Head, Labelled, Precise
from rtl4ml.sweep.run import Given, run, unheard
from rtl4ml.sweep.search import METHODS, Search
from rtl4ml.sweep.space import Space
from rtl4ml.sweep.tasks import Base, Network
from rtl4ml.sweep.trained import Taught

DATABASE, RESULTS, TABLE = "sweep.db", "sweep.json", "sweep.csv"
AIMS = ("fps", "cost")


@dataclass(frozen=True)
class Settings:
    """How a sweep searches, and with whom. The defaults go through all of the space on one process.

    method:    of `METHODS`: all of the space in its order, at random, or by Optuna's samplers
    trials:    points to ask for; default all of the grid, else 100
    seed:      of what is drawn: the same seed gives the same points
    aims:      figures that a point must be good at to be worth having; default samples a second and cost, and the
               network's accuracy where there are data
    price:     what a share of the device counts of a resource, instead of `front.PRICES`
    storage:   URL of a database; default one that nobody keeps
    jobs:      processes
    scheduler: address of a Dask scheduler, whose workers do the work instead

    Settings("tpe", trials=200, aims=("fps", "lut")) looks for designs that are fast, or small in LUTs.
    """

    method: str = "grid"
    trials: int | None = None
    seed: int = 0
    aims: Sequence[str] = ()
    price: Mapping[str, float] | None = None
    storage: str = "sqlite://"
    jobs: int = 1
    scheduler: str | None = None


@dataclass(frozen=True)
class Result:
    """All points of a sweep, and which of them are worth having.

    model:     its name
    dominated: of a point that another beats: that other's number
    price:     what a share of the device counts in "cost"
    tested:    the accuracy of points of the front on test data, by their numbers, where there were any
    """

    model: str
    space: Space
    points: Sequence[Point]
    aims: Sequence[Aim]
    price: Mapping[str, float]
    accuracies: Sequence[str]
    dominated: Mapping[int, int]
    tested: Mapping[int, float] = field(default_factory=dict)

    @property
    def front(self) -> list[Point]:
        """The points that no other beats, those of the first aim's best first."""
        first = self.aims[0]
        made = [p for p in self.points if p.outcome is not None and not p.outcome.refused]

        def rank(p: Point) -> float:
            assert p.outcome is not None
            value = figure(first.name, p.outcome, self.price)
            return -value if first.more else value

        return sorted((p for p in made if p.number not in self.dominated), key=rank)

    def rows(self) -> list[dict[str, Any]]:
        """A row a point: its number, its values, its figures, and what beats it."""
        found = []
        for p in self.points:
            row: dict[str, Any] = {"point": p.number, **p.params}
            if p.outcome is not None and not p.outcome.refused:
                for name in (*FIGURES, *self.accuracies):
                    value = figure(name, p.outcome, self.price)
                    # An axis and a figure may have one name: the interval that was asked for and the one that it has.
                    row[f"got_{name}" if name in p.params else name] = round(value, 6)
                row["dominated_by"] = self.dominated.get(p.number)
                if self.tested:
                    row[f"test_{self.accuracies[0]}"] = self.tested.get(p.number)
            row["refused"] = None if p.outcome is None else p.outcome.refused or None
            found.append(row)
        return found

    def json(self) -> dict[str, Any]:
        """The content of sweep.json."""
        return {
            "schema": 2,
            "model": self.model,
            "axes": {a.name: list(a.values) for a in self.space.axes},
            "aims": [a.name for a in self.aims],
            "price": dict(self.price),
            "points": self.rows(),
        }

    def csv(self) -> str:
        """The rows as comma-separated values with a head."""
        rows = self.rows()
        names = list(dict.fromkeys(name for row in rows for name in row))
        into = io.StringIO()
        writer = csv.DictWriter(into, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return into.getvalue()


def given(model: Any, space: Space, head: Head) -> Given:
    """The networks of a model as it is, one for each output that the space has."""
    outputs = next((a.values for a in space.axes if a.name == "output"), (head.output,))
    loaded = load(model)
    found = {str(k): Network(pickle.dumps(head.parse(loaded, str(k)).graph)) for k in outputs}
    return Given(found, head.output)


def sweep(
    source: Given | Precise,
    space: Space,
    *,
    model: str,
    identity: Mapping[str, Any],
    settings: Settings,
    base: Base | None = None,
    accuracies: Sequence[str] = (),
    told: Callable[[Search, Point], None] = unheard,
    taught: Callable[[int, int], None] = lambda _done, _number: None,
) -> Result:
    """All points of a space, worked out or read from the storage of an earlier run of the same sweep.

    model:      name of the model, for the results
    identity:   what the sweep is of, which the storage must agree with; `source_identity` gives it
    accuracies: figures of merit that the source's networks have
    told:       is called with every point that gets its outcome
    taught:     and with rungs of training that are done, of how many
    Raises BadInput, and OverBudget with the reasons where every point is refused.
    """
    if settings.method not in METHODS:
        raise BadInput(
            f"sweep: --search must be one of {', '.join(METHODS)}, not {settings.method!r}; choose one"
        )
    if isinstance(source, Taught) and settings.method != "grid":
        raise BadInput(
            f"sweep: --search must be grid for a recipe, all of whose networks are trained first, not "
            f"{settings.method}; leave it out"
        )
    price = prices(arguments.prices(settings.price, ZCU102.capacity) or {})
    wanted = aims(settings.aims or (*AIMS, *accuracies), accuracies)
    search = Search(
        space,
        settings.storage,
        method=settings.method,
        trials=settings.trials,
        seed=settings.seed,
        aims=wanted,
        price=price,
        identity={**identity, "price": price},
    )
    with pools.pool(settings.jobs, settings.scheduler) as pool:
        if isinstance(source, Taught):
            source.teach(space, pool, taught)
        points = run(search, source, base or Base(), pool, told=told)
    result = Result(model, space, points, wanted, price, tuple(accuracies), dominating(points, wanted, price))
    if points and all(p.outcome is not None and p.outcome.refused for p in points):
        raise OverBudget(refusals(points))
    return result


def tested(source: Precise | Taught, result: Result, data: Labelled, settings: Settings) -> Result:
    """The result with the accuracy of its front on test data, which nothing was chosen on.

    Raises BadInput where the data have no figure that the sweep has.
    """
    if (data.figure,) != tuple(result.accuracies):
        raise BadInput(
            f"sweep: --test must have what --data has ({', '.join(result.accuracies) or 'none'}), not {data.figure}; "
            "give classes for classes, masks for masks"
        )
    if isinstance(source, Taught):
        return replace(result, tested={p.number: source.score(p.params, data) for p in result.front})
    other = replace(source, data=data)
    keys = {p.number: source.key(p.params) for p in result.front}
    points = {keys[p.number]: p for p in result.front}
    with pools.pool(settings.jobs, settings.scheduler) as pool:
        made = {}
        for key, point in points.items():
            task, values = other.task(point.params)
            made[key] = pool.submit(task, *values)
        found = {key: answer.result() for key, answer in made.items()}
    return replace(result, tested={n: found[key].accuracy[data.figure] for n, key in keys.items()})


def so_far(search: Search, model: str, accuracies: Sequence[str] = ()) -> Result:
    """The results of a sweep as far as it has come."""
    points, wanted, price = list(search.points), search.aims, search.price
    beaten = dominating(points, wanted, price)
    return Result(model, search.space, points, wanted, price, tuple(accuracies), beaten)


def refusals(points: Sequence[Point]) -> str:
    """Why there is no design at all: the most frequent reasons, counted."""
    reasons = Counter(p.outcome.refused for p in points if p.outcome is not None)
    told = "; ".join(f"{n:,} x {why}" for why, n in reasons.most_common(3))
    more = f"; {len(reasons) - 3:,} other reasons" if len(reasons) > 3 else ""
    return (
        f"sweep: a space must have a point with a design, not {len(points):,} that are refused: {told}{more}"
    )


def source_identity(source: Given | Precise, base: Base, head: Head) -> dict[str, Any]:
    """What a sweep of a model is of: hashes of its networks, and the arguments that all points share."""
    shared = {
        "budget": dict(base.budget or {}),
        "clock_mhz": base.clock_mhz,
        "fit": base.fit,
        "pumped": base.pumped,
        "prices": dict(base.prices or {}),
    }
    return {
        "network": source.digest(),
        "options": {
            **shared,
            "skips": base.skips if isinstance(base.skips, str) else dict(base.skips),
            "device": hashlib.sha256(base.device.identity.encode()).hexdigest(),
            "head": fingerprint(head.output, head.threshold, head.opening, head.columns),
        },
    }


def write(result: Result, folder: Path) -> None:
    """Writes sweep.json and sweep.csv."""
    text = json.dumps(result.json(), indent=2, allow_nan=False)
    (folder / RESULTS).write_text(text + "\n", encoding="utf-8")
    (folder / TABLE).write_text(result.csv(), encoding="utf-8")
