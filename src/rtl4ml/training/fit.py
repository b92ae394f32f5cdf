# SPDX-License-Identifier: Apache-2.0
"""The epochs of a stage, for every task: what is kept of the best, what a checkpoint holds, what is told.

A task brings a Trainer, which does one epoch from a state; Stages runs them one after the other, from a run's
checkpoint on.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from numpy.typing import NDArray

from rtl4ml.training.result import Progress, Tell
from rtl4ml.training.runs import Checkpoint, Run

Arrays = list[NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class State:
    """A stage after some of its epochs: all that the next one follows from, given recipe and data.

    weights, optimizer: of the network and of its optimizer. own: what else the task's trainer goes on from, as JSON's
    types, such as a learning rate or the state of a random generator.
    best: the score of best_weights, which best_epoch had; of two scores the greater is better, the first number that
    differs deciding; None before any. seconds: that the epochs took.

    Example, after two epochs of which the first had the lower validation loss, 0.3: State(weights=w2, optimizer=v2,
    best_weights=w1, own={"rate": 0.1}, epoch=2, best=(-0.3,), best_epoch=1, seconds=4.2).
    """

    weights: Arrays
    optimizer: Arrays
    best_weights: Arrays
    own: Mapping[str, Any]
    epoch: int = 0
    best: tuple[float, ...] | None = None
    best_epoch: int = 0
    seconds: float = 0.0

    ARRAYS: ClassVar[tuple[str, ...]] = ("weights", "optimizer", "best_weights")

    def arrays(self) -> dict[str, Arrays]:
        """The arrays of a checkpoint."""
        return {name: getattr(self, name) for name in self.ARRAYS}

    def values(self) -> dict[str, Any]:
        """The values of a checkpoint."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in self.ARRAYS}

    @classmethod
    def of(cls, arrays: Mapping[str, Arrays], values: Mapping[str, Any]) -> State:
        """The state that `arrays` and `values` came from."""
        best = None if values["best"] is None else tuple(values["best"])
        content: dict[str, Any] = {**values, **arrays, "best": best}
        return cls(**content)


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """The result of an epoch: the numbers for history and progress, its score (see State.best), and State.own.

    Example: Epoch(numbers={"loss": 0.5, "validation_loss": 0.3}, score=(-0.3,), own={"rate": 0.1}).
    """

    numbers: Mapping[str, float]
    score: tuple[float, ...]
    own: Mapping[str, Any]


class Trainer(ABC):
    """The epochs of one stage. name: the stage's; epochs: how many it has; model: the network that it trains."""

    name: str
    epochs: int
    model: Any

    @abstractmethod
    def start(self) -> State:
        """The state before the first epoch, from the network's present weights."""

    @abstractmethod
    def optimizer_variables(self) -> Sequence[Any]:
        """The variables that an epoch changes beside the network's weights."""

    @abstractmethod
    def advance(self, state: State) -> Epoch:
        """One more epoch; the network and the optimizer have the state's arrays already."""

    def optimizer_arrays(self) -> Arrays:
        """The present values of the optimizer's variables."""
        return [variable.numpy() for variable in self.optimizer_variables()]

    def epoch(self, state: State) -> tuple[State, Epoch]:
        """The state after one more epoch, and what that epoch gave."""
        started = time.monotonic()
        self.model.set_weights(state.weights)
        for variable, value in zip(self.optimizer_variables(), state.optimizer, strict=True):
            variable.assign(value)
        found = self.advance(state)
        weights, number = self.model.get_weights(), state.epoch + 1
        better = state.best is None or found.score > state.best
        after = State(
            weights=weights,
            optimizer=self.optimizer_arrays(),
            best_weights=weights if better else state.best_weights,
            own=found.own,
            epoch=number,
            best=found.score if better else state.best,
            best_epoch=number if better else state.best_epoch,
            seconds=state.seconds + time.monotonic() - started,
        )
        return after, found


class Stages:
    """The stages of a run, one after the other, from its checkpoint on.

    states: of every stage that was begun, by its name; all of them are in each checkpoint.
    """

    def __init__(self, run: Run, tell: Tell) -> None:
        self.run, self.tell = run, tell
        self.states: dict[str, State] = {} if run.restored is None else read_states(run.restored)

    def take(self, stage: str, state: State, rows: Sequence[Mapping[str, Any]]) -> None:
        """Puts in a stage that another run has trained: its end, and its rows of that run's history."""
        self.states[stage] = state
        for row in rows:
            self.run.record(**row)
        self._save(always=True)

    def fit(self, trainer: Trainer) -> State:
        """Trains a stage to its end, and leaves the network with the weights of its best epoch."""
        state = self.states.get(trainer.name) or trainer.start()
        while state.epoch < trainer.epochs:
            state, found = trainer.epoch(state)
            self.states[trainer.name] = state
            self.run.record(trainer.name, state.epoch, **found.numbers)
            self._save(always=state.epoch == trainer.epochs)
            self.tell(Progress(stage=trainer.name, epoch=state.epoch, epochs=trainer.epochs, **found.numbers))
        trainer.model.set_weights(state.best_weights)
        return state

    def _save(self, *, always: bool) -> None:
        checkpoint = write_states(self.states)
        self.run.save(checkpoint.arrays, checkpoint.values, always=always)


def write_states(states: Mapping[str, State]) -> Checkpoint:
    """The checkpoint of states by stage."""
    return Checkpoint(
        arrays={f"{stage}.{name}": some for stage, s in states.items() for name, some in s.arrays().items()},
        values={stage: state.values() for stage, state in states.items()},
    )


def read_states(checkpoint: Checkpoint) -> dict[str, State]:
    """The states that `write_states` made a checkpoint of."""
    return {
        stage: State.of({name: checkpoint.arrays[f"{stage}.{name}"] for name in State.ARRAYS}, values)
        for stage, values in checkpoint.values.items()
    }
