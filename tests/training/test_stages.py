# SPDX-License-Identifier: Apache-2.0
"""The epochs of a stage, apart from any network: what is kept as best, what a checkpoint holds, how it goes on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rtl4ml.training.fit import Epoch, Stages, State, Trainer, read_states, write_states
from rtl4ml.training.result import Progress


class Variable:
    """One number, as TensorFlow's variables are read and written."""

    def __init__(self) -> None:
        self.value = np.zeros(1)

    def numpy(self) -> Any:
        return self.value

    def assign(self, value: Any) -> None:
        self.value = value


class Numbered(Trainer):
    """Each epoch adds the velocity to the weight, and 1 to the velocity; its scores are those given."""

    def __init__(self, name: str, scores: Sequence[float]) -> None:
        self.name, self.epochs, self.scores = name, len(scores), scores
        self.weight, self.velocity = np.zeros(1), Variable()
        self.model = SimpleNamespace(get_weights=self.get, set_weights=self.set)

    def get(self) -> Any:
        return [self.weight.copy()]

    def set(self, weights: Any) -> None:
        self.weight = weights[0]

    def start(self) -> State:
        return State(
            weights=self.get(), optimizer=self.optimizer_arrays(), best_weights=self.get(), own={"n": 0}
        )

    def optimizer_variables(self) -> Sequence[Any]:
        return [self.velocity]

    def advance(self, state: State) -> Epoch:
        self.weight = self.weight + self.velocity.value
        self.velocity.value = self.velocity.value + 1
        score = self.scores[state.epoch]
        numbers = {"loss": 1.0 + state.own["n"], "validation_loss": -score}
        return Epoch(numbers=numbers, score=(score,), own={"n": state.own["n"] + 1})


class Log:
    """What Stages asks of a run; the last checkpoint is kept."""

    def __init__(self, restored: Any = None) -> None:
        self.restored, self.rows, self.always = restored, [], []  # type: ignore[var-annotated]

    def record(self, stage: str, epoch: int, **numbers: float) -> None:
        self.rows.append((stage, epoch, numbers))

    def save(self, arrays: Any, values: Any, *, always: bool) -> None:
        self.saved = SimpleNamespace(arrays=arrays, values=values)
        self.always.append(always)


SCORES = (-3.0, -1.0, -1.0, -2.0)


def test_the_best_epoch_is_the_first_of_the_highest_score() -> None:
    log, told = Log(), list[Progress]()
    trainer = Numbered("float", SCORES)
    state = Stages(log, told.append).fit(trainer)  # type: ignore[arg-type]  # what it asks of a run
    assert (state.epoch, state.best_epoch, state.best) == (4, 2, (-1.0,))
    assert trainer.weight == state.best_weights[0] == 0 + 1
    assert state.weights[0] == 0 + 1 + 2 + 3 and state.optimizer[0] == 4 and state.own == {"n": 4}
    assert log.rows == [
        ("float", k, {"loss": float(k), "validation_loss": -SCORES[k - 1]}) for k in (1, 2, 3, 4)
    ]
    assert log.always == [False, False, False, True]
    assert [(p.stage, p.epoch, p.epochs, p.loss) for p in told] == [("float", k, 4, k) for k in (1, 2, 3, 4)]


def test_scores_of_several_numbers_are_decided_by_the_first_that_differs() -> None:
    class Pair(Numbered):
        def advance(self, state: State) -> Epoch:
            found = super().advance(state)
            second = (0.5, 0.1, 0.7, 0.9)[state.epoch]
            return Epoch(numbers=found.numbers, score=(*found.score, second), own=found.own)

        def start(self) -> State:
            return State(**{**vars(super().start()), "best": (-1.0, 0.2)})  # what it starts from is epoch 0

    state = Stages(Log(), lambda _: None).fit(Pair("float", SCORES))  # type: ignore[arg-type]  # as above
    assert (state.best_epoch, state.best) == (3, (-1.0, 0.7))


@pytest.mark.parametrize("stop", [("float", 2), ("float", 4), ("quantized", 1), ("quantized", 4)])
def test_a_run_that_was_interrupted_goes_on_as_if_it_had_not_been(stop: tuple[str, int]) -> None:
    def whole(log: Log, tell: Any) -> Iterator[Any]:
        stages = Stages(log, tell)  # type: ignore[arg-type]  # as above
        for name in ("float", "quantized"):
            trainer = Numbered(name, SCORES)
            state = stages.fit(trainer)
            yield trainer.weight, state.weights, state.optimizer, state.best_epoch, state.own

    def interrupt(progress: Progress) -> None:
        if (progress.stage, progress.epoch) == stop:
            raise KeyboardInterrupt

    first, rest, told = Log(), Log(), list[tuple[str, int]]()
    with pytest.raises(KeyboardInterrupt):
        list(whole(first, interrupt))
    rest = Log(first.saved)
    again = list(whole(rest, lambda p: told.append((p.stage, p.epoch))))
    assert again == list(whole(Log(), lambda _: None))
    steps = [(name, k) for name in ("float", "quantized") for k in (1, 2, 3, 4)]
    assert told == steps[steps.index(stop) + 1 :]


def test_a_stage_of_another_run_is_taken_with_its_history() -> None:
    one, two, told = Log(), Log(), list[Progress]()
    state = Stages(one, lambda _: None).fit(Numbered("float", SCORES))  # type: ignore[arg-type]  # as above
    rows = [{"stage": stage, "epoch": epoch, **numbers} for stage, epoch, numbers in one.rows]
    stages = Stages(two, told.append)  # type: ignore[arg-type]  # as above
    stages.take("float", state, rows)
    assert read_states(two.saved) == {"float": state} and two.always == [
        True
    ]  # not lost with an interruption
    trainer = Numbered("float", SCORES)
    assert stages.fit(trainer) == state
    assert trainer.weight == 1 and told == [] and two.rows == one.rows


def test_a_checkpoint_has_the_states_of_all_stages() -> None:
    stages = Stages(Log(), lambda _: None)  # type: ignore[arg-type]  # as above
    for name in ("float", "quantized"):
        stages.fit(Numbered(name, SCORES))
    again = read_states(write_states(stages.states))
    assert again == stages.states and list(again) == ["float", "quantized"]


def test_progress_says_the_accuracy_where_there_is_one() -> None:
    plain = Progress(stage="float", epoch=3, epochs=20, loss=0.5, validation_loss=0.25)
    assert plain.numbers() == "loss 0.5000  validation loss 0.2500"
    classes = Progress(stage="float", epoch=3, epochs=20, loss=0.5, validation_loss=0.25, validation_oa=0.925)
    assert classes.numbers() == "loss 0.5000  validation 92.50 %"
