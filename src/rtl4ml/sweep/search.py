# SPDX-License-Identifier: Apache-2.0
"""Which point comes next, and what is known of all: an Optuna study, in any database that Optuna takes.

A point is a trial whose parameters are the places of its values on their axes. Its outcome is stored the moment that it
is there, so that a sweep that is killed goes on from all that had ended; a point on its way is asked for again.

The points that a search asks for depend on its seed and on outcomes, never on the time that those took: the grid goes
through the space in its order, random draws have a generator for every point, and TPE and NSGA-II see the outcomes of
whole batches only.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import optuna
import sqlalchemy
from optuna.samplers import BaseSampler, NSGAIISampler, PartialFixedSampler, RandomSampler, TPESampler
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, Trial, TrialState

from rtl4ml._version import __version__
from rtl4ml.errors import BadInput
from rtl4ml.sweep.front import Aim, figure
from rtl4ml.sweep.points import Outcome, Point
from rtl4ml.sweep.space import Space

METHODS = ("grid", "random", "tpe", "nsga2")
BATCH = 8  # points that TPE and NSGA-II ask for before they look at outcomes
TRIALS = 100  # that a search without --trials makes, but the grid, which goes through all of the space
SCHEMA = 1
NAME = "rtl4ml"  # of the study
_DRAWS = 1000  # of a random point, until one that is new is found


class Search:
    """The points of one sweep, as its storage has them.

    identity: what a sweep is of: the model's hash, the options that all points share; of another storage it is refused
    Raises BadInput where the storage is another sweep's, another version's, or no database.
    """

    def __init__(
        self,
        space: Space,
        storage: str,
        *,
        method: str = "grid",
        trials: int | None = None,
        seed: int = 0,
        aims: Sequence[Aim] = (Aim("fps", True), Aim("cost", False)),
        price: Mapping[str, float],
        identity: Mapping[str, Any],
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.space, self.method, self.seed, self.aims, self.price = space, method, seed, tuple(aims), price
        most = space.size if method == "grid" else TRIALS
        self.number = min(trials or most, space.size)
        known = {
            "schema": SCHEMA,
            "version": __version__,
            "search": {"method": method, "seed": seed, "aims": [a.name for a in aims]},
            **json.loads(json.dumps(identity)),
        }
        self._storage, self._study = _study(storage, self.aims)
        self._number = self._storage.get_study_id_from_name(NAME)
        self._own(storage, known)
        self._trials: dict[int, int] = {}  # a point's number to its trial's
        self._asked: set[tuple[Any, ...]] = set()
        self._next = 0  # of the grid
        self.points: list[Point] = []
        self.again: list[Point] = []  # on their way when the sweep was interrupted
        self._read()

    def _own(self, storage: str, known: Mapping[str, Any]) -> None:
        """Marks a new study as this sweep's, or checks that it is; axes may have got further values behind theirs."""
        found = self._study.user_attrs.get("identity")
        axes = {axis.name: list(axis.values) for axis in self.space.axes}
        before: dict[str, list[Any]] = self._study.user_attrs.get("axes", {})
        if found is not None:
            other = [k for k in known if found.get(k) != known[k]]
            longer = list(before) == list(axes) and all(axes[k][: len(v)] == v for k, v in before.items())
            if other or not longer:
                raise BadInput(
                    f"sweep: {storage} must be of this sweep, not of one with another {', '.join(other) or 'space'}; "
                    "give another --out or --storage, or what it was begun with"
                )
        elif self._study.trials:
            raise BadInput(
                f"sweep: {storage} must be of a sweep, not of another study; give another --storage"
            )
        else:
            self._study.set_user_attr("identity", dict(known))
        self._study.set_user_attr("axes", axes)

    def _read(self) -> None:
        for trial in self._study.get_trials(deepcopy=False):
            if len(trial.params) < len(self.space.axes):  # killed while it was asked for
                if not trial.state.is_finished():
                    self._study.tell(trial.number, state=TrialState.FAIL)
                continue
            stored = trial.user_attrs.get("outcome")
            outcome = None if stored is None else Outcome(**stored)
            point = Point(len(self.points), self._values(trial), outcome)
            self._trials[point.number] = trial.number
            self._add(point)
            if outcome is None:
                self.again.append(point)
            elif not trial.state.is_finished():
                self._tell(trial.number, outcome)

    def _add(self, point: Point) -> None:
        self.points.append(point)
        self._asked.add(tuple(point.params.values()))

    def _values(self, trial: FrozenTrial | Trial) -> dict[str, Any]:
        return {a.name: a.values[int(trial.params[a.name])] for a in self.space.axes}

    @property
    def done(self) -> int:
        """Number of points with an outcome."""
        return sum(p.outcome is not None for p in self.points)

    @property
    def whole_batches(self) -> bool:
        """Whether the next batch may be asked for only when all outcomes of the last one are there."""
        return self.method in ("tpe", "nsga2")

    def ask(self, number: int) -> list[Point]:
        """Up to so many next points; fewer, or none, at the end. Those that an interruption left come first."""
        found, self.again = self.again[:number], self.again[number:]
        most = self.number
        if self.whole_batches:  # up to the end of the batch: no point of it may see an outcome of another
            begun = len(self.points) + (0 if found else 1)
            most = min(most, -(-begun // BATCH) * BATCH)
        while len(found) < number and len(self.points) < most:
            sampler = self._sampler(len(self.points))
            if sampler is None:
                break
            self._study.sampler = sampler
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                trial = self._study.ask()
                for axis in self.space.axes:
                    trial.suggest_int(axis.name, 0, len(axis.values) - 1)
            point = Point(len(self.points), self._values(trial))
            self._trials[point.number] = trial.number
            self._add(point)
            found.append(point)
        return found

    def _sampler(self, k: int) -> BaseSampler | None:
        """What draws point `k`; None where no point is left."""
        seed = int(np.random.SeedSequence([self.seed, k]).generate_state(1)[0])
        if self.method == "tpe":
            return TPESampler(seed=seed, n_startup_trials=BATCH, multivariate=True)
        if self.method == "nsga2":
            return NSGAIISampler(seed=seed, population_size=2 * BATCH)
        if self.method == "random":
            rng = np.random.default_rng(seed)
            for _ in range(_DRAWS):
                values = self.space.at(int(rng.integers(self.space.size)))
                if tuple(values.values()) not in self._asked:
                    return self._fixed(values, seed)
        while self._next < self.space.size:
            values = self.space.at(self._next)
            if tuple(values.values()) not in self._asked:
                return self._fixed(values, seed)
            self._next += 1
        return None

    def _fixed(self, values: Mapping[str, Any], seed: int) -> BaseSampler:
        places = {a.name: a.values.index(values[a.name]) for a in self.space.axes}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return PartialFixedSampler(places, RandomSampler(seed))

    def alike(self, point: Point) -> Outcome | None:
        """The outcome of an earlier point with the same values, which TPE and NSGA-II may ask for again."""
        same = (p.outcome for p in self.points if p.outcome is not None and p.params == point.params)
        return next(same, None)

    def tell(self, point: Point, outcome: Outcome) -> Point:
        """Stores the outcome of a point, which is then known whatever happens."""
        number = self._trials[point.number]
        # The one write that counts: a trial with an outcome has ended, whatever its state says.
        identifier = self._storage.get_trial_id_from_study_id_trial_number(self._number, number)
        self._storage.set_trial_user_attr(identifier, "outcome", outcome.json())
        self._tell(number, outcome)
        self.points[point.number] = Point(point.number, point.params, outcome)
        return self.points[point.number]

    def _tell(self, number: int, outcome: Outcome) -> None:
        if outcome.refused:
            self._study.tell(number, state=TrialState.FAIL)
        else:
            self._study.tell(number, [figure(a.name, outcome, self.price) for a in self.aims])


def _quick(connection: Any, _record: Any) -> None:
    """SQLite's log of writes ahead: a kill loses nothing, and a point waits for the disk once, not 13 times."""
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")


def _study(url: str, wanted: Sequence[Aim]) -> tuple[RDBStorage, optuna.Study]:
    up, down = StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE
    directions = [up if aim.more else down for aim in wanted]
    try:
        storage = RDBStorage(url)
        if storage.engine.name == "sqlite" and storage.engine.url.database:  # not one in memory
            sqlalchemy.event.listen(storage.engine, "connect", _quick)
            storage.engine.dispose()  # the connections that were made before
        study = optuna.create_study(
            storage=storage, study_name=NAME, directions=directions, load_if_exists=True
        )
    except Exception as error:
        # Of SQLAlchemy, of a driver or of Optuna: all say that this is no database of Optuna's.
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BadInput(
            f"sweep: --storage must be a database that Optuna can open, not {url} ({first}); "
            "give another, as in sqlite:///sweep.db"
        ) from error
    if study.directions != directions:
        raise BadInput(
            f"sweep: {url} must be of a sweep with as many aims, not with {len(study.directions)}; "
            "give another --out or --storage, or --aims as before"
        )
    return storage, study
