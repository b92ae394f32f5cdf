# SPDX-License-Identifier: Apache-2.0
"""Networks of a recipe, trained at every precision and size that a space has; the hopeless ones are stopped early.

All networks of one size share their stage without quantizers. From there each is trained with its quantizers, as its
recipe has it, to the first of `RUNGS`; those that the pruner leaves go on to the next. What it sees are whole rungs, so
that no result depends on which worker was faster. What a rung gave is kept in a file, and is not trained again.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.pruners import BasePruner
from optuna.trial import FrozenTrial

from rtl4ml.data import catalog
from rtl4ml.data.checks import DAMAGE
from rtl4ml.errors import BadInput, Rtl4mlError
from rtl4ml.host import frameworks
from rtl4ml.sweep.pools import Pool
from rtl4ml.sweep.precision import Head, Labelled
from rtl4ml.sweep.run import Given
from rtl4ml.sweep.space import BITS, BUILD, Params, Space
from rtl4ml.sweep.tasks import Network, axis_of
from rtl4ml.training import runs
from rtl4ml.training.classification.fit import Pixels, Trainer
from rtl4ml.training.classification.recipe import Recipe, read_recipe
from rtl4ml.training.classification.start import start_quantized
from rtl4ml.training.fit import State, read_states, write_states

RUNGS = (1 / 3, 1.0)  # of the epochs: where hopeless networks are looked for, and the end
MARGIN = 0.01  # of accuracy, by which a network of no more bits must be ahead
STARTED = 2048  # training pixels that weights are rounded on at the start
Key = tuple[tuple[str, Any], ...]


class Hopeless(BasePruner):
    """Stops a network where one of no more bits anywhere, and of the same size, is ahead by more than `MARGIN`.

    The median of all, as of Optuna's own pruner, would stop whatever has few bits: it is worse, and worth having.
    """

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        step = trial.last_step
        if step is None:
            return False
        mine = dict(trial.user_attrs["network"])
        for other in study.get_trials(deepcopy=False):
            theirs = dict(other.user_attrs["network"])
            smaller = all(
                theirs[k] <= v if k.split(".")[0] in BITS else theirs[k] == v for k, v in mine.items()
            )
            ahead = other.intermediate_values.get(step, 0.0) > trial.intermediate_values[step] + MARGIN
            if smaller and ahead:
                return True
        return False


@dataclass(frozen=True)
class Lesson:
    """All that a worker trains from, as values.

    train, check: training and validation pixels
    epochs:       with quantizers, instead of the recipe's

    Lesson(recipe, train, check, 20) is the recipe with 20 epochs in its second stage.
    """

    recipe: Recipe
    train: Pixels
    check: Pixels
    epochs: int

    @property
    def identity(self) -> dict[str, Any]:
        """What the weights depend on."""
        pixels = hashlib.sha256()
        for part in (self.train, self.check):
            pixels.update(part.inputs.tobytes() + part.labels.tobytes())
        return {
            "recipe": self.recipe.sha256,
            "network": self.recipe.network_sha256,
            "seed": self.recipe.seed,
            "pixels": pixels.hexdigest(),
            "epochs": self.epochs,
            "versions": runs.versions(),
        }

    def built(self, network: Mapping[str, Any], *, quantized: bool) -> Any:
        """The untrained model at a precision and a size."""
        keras = frameworks.keras()
        keras.backend.clear_session()
        keras.utils.set_random_seed(self.recipe.seed)
        frameworks.tf().config.experimental.enable_op_determinism()
        return self.recipe.built(quantized=quantized, **arguments_of(network, self.recipe))


def lesson(recipe: str | Path, *, epochs: int | None, seed: int | None, data: str | Path | None) -> Lesson:
    """What a recipe of classification says to train on. seed, epochs: instead of the recipe's."""
    plan = read_recipe(recipe)
    if seed is not None:
        plan = replace(plan, seed=seed)
    scene = catalog.load(plan.data.scene, data=data)
    split = plan.split(scene)
    x, y = plan.inputs(scene.spectra), scene.labels.astype(np.int32)
    train, check = (Pixels(inputs=x[part], labels=y[part]) for part in (split.train, split.validation))
    assert plan.network  # read now: what travels is its text
    return Lesson(plan, train, check, epochs or plan.quantized_stage.epochs)


def arguments_of(network: Mapping[str, Any], recipe: Recipe) -> dict[str, Any]:
    """The arguments of a recipe's build() for axes: bits of all layers, and `build.NAME`.

    Raises BadInput for an argument that the recipe's [build] does not have, or the bits of one layer.
    """
    found: dict[str, Any] = {}
    for axis, value in network.items():
        kind, _, name = axis.partition(".")
        if kind in BITS and name:
            raise BadInput(
                f"sweep: {axis} must be of all layers of {recipe.path.name}, not of {name}; take a model for that"
            )
        names = [name] if kind == BUILD else [kind] if kind != "bits" else list(BITS[1:])
        for name in names:
            if name not in recipe.build:
                raise BadInput(
                    f"sweep: {axis} must be an argument in [build] of {recipe.path.name}, not {name}; "
                    f"there are {', '.join(recipe.build)}"
                )
            given = recipe.build[name]
            if kind == BUILD:
                sizes = [int(v) for v in str(value).split("x")]
                found[name] = sizes if isinstance(given, list) else sizes[0]
            else:
                found[name] = [value] * len(given) if isinstance(given, list) else value
    return found


def plain(what: Lesson, network: Mapping[str, Any]) -> State:
    """A worker's task: the stage without quantizers."""
    stage = what.recipe.float_stage
    model = what.built(network, quantized=False)
    trainer = Trainer("float", stage, model, what.train, what.check, seed=what.recipe.seed)
    state = trainer.start()
    while state.epoch < stage.epochs:
        state, _ = trainer.epoch(state)
    return state


def rung(what: Lesson, network: Mapping[str, Any], first: State, state: State | None, upto: int) -> State:
    """A worker's task: the stage with quantizers from a state on, or from its start, up to so many epochs."""
    stage = replace(what.recipe.quantized_stage, epochs=what.epochs)
    teacher = what.built(network, quantized=False)
    teacher.set_weights(first.best_weights)
    model = what.recipe.built(quantized=True, **arguments_of(network, what.recipe))
    gain = 1.0
    if state is not None:
        gain = float(state.own["gain"])
    else:
        some = what.train.inputs[:: max(1, len(what.train) // STARTED)]
        gain = start_quantized(
            teacher,
            model,
            some,
            covered=stage.covered,
            reached=stage.reached,
            channels=stage.channels,
            compensated=stage.compensated,
        )
    options = {"seed": what.recipe.seed, "gain": gain, "centred": stage.centred, "teacher": teacher}
    trainer = Trainer("quantized", stage, model, what.train, what.check, **options)
    state = state or trainer.start()
    while state.epoch < upto:
        state, _ = trainer.epoch(state)
    return state


def network(what: Lesson, key: Key, output: str, weights: list[Any], head: Head, data: Labelled) -> Network:
    """A worker's task: the graph of trained weights, and its accuracy by exact integers."""
    start = time.perf_counter()
    try:
        parsed = head.parse(loaded(what, key, weights), output)
        score = data.score(parsed)
    except Rtl4mlError as error:
        return Network(b"", refused=error.worded(axis_of), seconds=time.perf_counter() - start)
    return Network(pickle.dumps(parsed.graph), score, seconds=time.perf_counter() - start)


def loaded(what: Lesson, key: Key, weights: list[Any]) -> Any:
    """The live model of trained weights."""
    model = what.built(dict(key), quantized=True)
    model.set_weights(weights)
    return model


@dataclass
class Taught(Given):
    """The networks of a recipe, once `teach` has trained them.

    folder: where what was trained is kept
    """

    lesson: Lesson
    head: Head
    folder: Path
    states: dict[Key, State] = field(default_factory=dict)
    stopped: dict[Key, str] = field(default_factory=dict)
    networks: dict[tuple[Key, str], Network] = field(default_factory=dict)

    @property
    def data(self) -> Labelled:
        """The validation pixels."""
        return Labelled(self.lesson.check.inputs, self.lesson.check.labels)

    @property
    def accuracies(self) -> tuple[str, ...]:  # type: ignore[override]  # what they are follows from the pixels
        return (self.data.figure,)

    def trained(self, params: Params) -> Key:
        """What of a point its weights depend on."""
        return tuple(sorted((k, v) for k, v in params.items() if k.split(".")[0] in (*BITS, BUILD)))

    def key(self, params: Params) -> tuple[Any, ...]:
        return (params.get("output", self.head.output), *self.trained(params))

    def digest(self) -> str:
        return hashlib.sha256(json.dumps(self.lesson.identity, sort_keys=True).encode()).hexdigest()

    def network(self, params: Params) -> Network:
        return self.networks[self.trained(params), str(params.get("output", self.head.output))]

    def teach(self, space: Space, pool: Pool, told: Callable[[int, int], None]) -> None:
        """Trains all networks of a space, or reads what is known of them. told: rungs that are done, of how many."""
        points = [space.at(k) for k in range(space.size)]
        keys = list(dict.fromkeys(map(self.trained, points)))
        for key in keys:  # what is wrong with an axis is said before anything is trained
            arguments_of(dict(key), self.lesson.recipe)
        firsts = self._plain(keys, pool)
        study = optuna.create_study(storage=None, pruner=Hopeless(), direction="maximize")
        trials = {key: study.ask() for key in keys}
        for key in keys:
            trials[key].set_user_attr("network", [list(pair) for pair in key])
        steps = sorted({max(1, round(share * self.lesson.epochs)) for share in RUNGS})
        alive, done = keys, 0
        for upto in steps:
            answers: dict[Key, Any] = {}
            for key in alive:
                known = self._read(key, upto)
                first, before = firsts[_size(key)], self.states.get(key)
                answers[key] = known or pool.submit(rung, self.lesson, dict(key), first, before, upto)
            for key, answer in answers.items():
                self.states[key] = state = answer if isinstance(answer, State) else answer.result()
                self._write(key, upto, state)
                assert state.best is not None
                trials[key].report(state.best[0], upto)
                done += 1
                told(done, len(steps) * len(keys))
            if upto < self.lesson.epochs:
                for key in [k for k in alive if trials[k].should_prune()]:
                    best = self.states[key].best
                    assert best is not None
                    self.stopped[key] = (
                        f"stopped after {upto} epochs: a network of no more bits is more than {100 * MARGIN:g} % "
                        "more accurate"
                    )
                alive = [k for k in alive if k not in self.stopped]
        self._measure(points, pool)

    def _plain(self, keys: list[Key], pool: Pool) -> dict[Key, State]:
        answers: dict[Key, Any] = {}
        for key in dict.fromkeys(map(_size, keys)):
            known = self._read(key, 0)
            answers[key] = known or pool.submit(plain, self.lesson, dict(key))
        found = {k: a if isinstance(a, State) else a.result() for k, a in answers.items()}
        for key, state in found.items():
            self._write(key, 0, state)
        return found

    def _measure(self, points: list[dict[str, Any]], pool: Pool) -> None:
        answers = {}
        for params in points:
            key, output = self.trained(params), str(params.get("output", self.head.output))
            if (key, output) in answers or (key, output) in self.networks:
                continue
            if key in self.stopped:
                self.networks[key, output] = Network(b"", refused=self.stopped[key])
                continue
            weights = self.states[key].best_weights
            task = (self.lesson, key, output, weights, self.head, self.data)
            answers[key, output] = pool.submit(network, *task)
        self.networks.update({k: a.result() for k, a in answers.items()})

    def score(self, params: Params, data: Labelled) -> float:
        """The accuracy of a point's network on other data."""
        key = self.trained(params)
        found = self.head.parse(loaded(self.lesson, key, self.states[key].best_weights), self.head.output)
        return data.score(found)[data.figure]

    def model(self, params: Params) -> Any:
        """The live model of a point."""
        key = self.trained(params)
        return loaded(self.lesson, key, self.states[key].best_weights)

    def _file(self, key: Key, upto: int) -> Path:
        what = json.dumps([self.lesson.identity, key, upto], sort_keys=True)
        return self.folder / f"{hashlib.sha256(what.encode()).hexdigest()[:24]}.npz"

    def _read(self, key: Key, upto: int) -> State | None:
        path = self._file(key, upto)
        if not path.is_file():
            return None
        try:
            return read_states(runs.read_checkpoint(path)[0])["only"]
        except DAMAGE:
            return None  # it is trained again

    def _write(self, key: Key, upto: int, state: State) -> None:
        path = self._file(key, upto)
        if not path.is_file():
            runs.write_checkpoint(path, write_states({"only": state}))


def _size(key: Key) -> Key:
    """What the stage without quantizers depends on."""
    return tuple((k, v) for k, v in key if k.split(".")[0] == BUILD)
