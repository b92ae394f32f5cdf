# SPDX-License-Identifier: Apache-2.0
"""The epochs of one stage."""

from __future__ import annotations

import math
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from rtl4ml.errors import BadData
from rtl4ml.host import frameworks
from rtl4ml.training.runs import Run
from rtl4ml.training.segmentation.losses import pixel_loss
from rtl4ml.training.segmentation.measure import in_batches
from rtl4ml.training.segmentation.recipe import Floats, Recipe, Stage

MOMENTUM = 0.9


# ----------------------------------------------------------------------------------------------------------- one stage


@dataclass(frozen=True, kw_only=True)
class Progress:
    """After each epoch: stage, epochs done and to do, training loss, validation loss, learning rate."""

    stage: str
    epoch: int
    epochs: int
    loss: float
    validation_loss: float
    learning_rate: float


@dataclass(frozen=True, kw_only=True)
class State:
    """All that a stage's next epoch follows from, given recipe and data; views are drawn by seed, stage and epoch.

    weights, velocity: of the network and its optimizer. rate: learning rate. waited: epochs since `lowest`, the lowest
    training loss, or since the rate was last halved. best: the lowest validation loss, which best_weights and
    best_epoch are of. seconds: that the epochs took.
    """

    weights: list[NDArray[Any]]
    velocity: list[NDArray[Any]]
    best_weights: list[NDArray[Any]]
    rate: float
    epoch: int = 0
    best: float | None = None
    best_epoch: int = 0
    lowest: float | None = None
    waited: int = 0
    seconds: float = 0.0

    LISTS: ClassVar[tuple[str, ...]] = ("weights", "velocity", "best_weights")

    def arrays(self) -> dict[str, list[NDArray[Any]]]:
        """The arrays of a checkpoint."""
        return {name: getattr(self, name) for name in self.LISTS}

    def values(self) -> dict[str, Any]:
        """The values of a checkpoint."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in self.LISTS}

    @classmethod
    def of(cls, arrays: Mapping[str, list[NDArray[Any]]], values: Mapping[str, Any]) -> State:
        """The state of a checkpoint; what else it holds is passed over."""
        kept: dict[str, Any] = {f.name: values[f.name] for f in fields(cls) if f.name not in cls.LISTS}
        return cls(**kept | {name: arrays[name] for name in cls.LISTS})


@dataclass(frozen=True, kw_only=True)
class Samples:
    """Images as the network takes them, masks and targets (N, H, W) of one part of a split."""

    images: Floats
    masks: NDArray[np.bool_]
    targets: Floats

    def __len__(self) -> int:
        return len(self.images)


def _logits(model: Any) -> Any:
    """`model` without a sigmoid at its end, its channel axis taken off: (N, H, W, C) to (N, H, W)."""
    last = model.layers[-1]
    name = getattr(getattr(last, "activation", None), "__name__", "")
    net = frameworks.keras().Model(model.input, last.input) if name == "sigmoid" else model
    return lambda x, training=False: net(x, training=training)[..., 0]


class Trainer:
    """Epochs of one stage on a network for frames of any size; its weights and velocity are those of `state`."""

    def __init__(
        self, plan: Recipe, stage: Stage, name: str, model: Any, train: Samples, check: Samples
    ) -> None:
        tf = frameworks.tf()
        self.plan, self.stage, self.name, self.model = plan, stage, name, model
        self.train, self.check = train, check
        self.net = _logits(model)
        ships = train.masks.any(axis=(1, 2))
        self.ships, self.others = np.flatnonzero(ships), np.flatnonzero(~ships)
        empty = plan.data.empty
        wanted = len(self.others) if empty is None else round(empty * len(self.ships))
        self.empty = min(wanted, len(self.others))
        self.drawn = len(self.ships) + self.empty  # frames an epoch
        self.batch = min(stage.batch, self.drawn)
        self.rate = tf.Variable(stage.learning_rate, dtype=tf.float32)
        self.velocity = [tf.Variable(tf.zeros_like(v)) for v in model.trainable_variables]
        self.step = tf.function(self._step, reduce_retracing=True)
        self.apply = tf.function(lambda x: self.net(x), reduce_retracing=True)

    def start(self) -> State:
        weights = self.model.get_weights()
        zeros = [v.numpy() for v in self.velocity]
        return State(weights=weights, velocity=zeros, best_weights=weights, rate=self.stage.learning_rate)

    def _step(self, pixels: Any, masks: Any, targets: Any) -> Any:
        """Nesterov's momentum (Sutskever et al. 2013), as Keras writes it: v = m v - r g, w = w + m v - r g."""
        tf = frameworks.tf()
        variables = self.model.trainable_variables
        with tf.GradientTape() as tape:
            loss = pixel_loss(self.plan.loss, masks, targets, self.net(pixels, training=True))
        for w, v, slope in zip(variables, self.velocity, tape.gradient(loss, variables), strict=True):
            v.assign(MOMENTUM * v - self.rate * slope)
            w.assign_add(MOMENTUM * v - self.rate * slope)
        return loss

    def epoch(self, state: State) -> tuple[State, float, float]:
        """The state after one more epoch, its loss and validation loss.

        All frames with ships and as many others as the recipe says, shuffled; what is left of a batch is left out.
        """
        tf, started = frameworks.tf(), time.monotonic()
        self.model.set_weights(state.weights)
        for v, value in zip(self.velocity, state.velocity, strict=True):
            v.assign(value)
        self.rate.assign(state.rate)
        rng = np.random.default_rng([self.plan.seed, zlib.crc32(self.name.encode()), state.epoch])
        others = rng.permutation(self.others)[: self.empty]
        order = rng.permutation(np.concatenate([self.ships, others]))
        steps = self.drawn // self.batch
        total = 0.0
        for i in range(steps):
            chosen = np.sort(order[i * self.batch : (i + 1) * self.batch])
            view = self.plan.augmentation.views(
                self.train.images[chosen], self.train.masks[chosen], self.train.targets[chosen], rng
            )
            total += float(self.step(*(tf.constant(v) for v in view)))
        loss, check = total / steps, self.validation_loss()
        if not math.isfinite(loss + check):
            raise BadData(
                f"{self.plan.path.name}: the loss must stay finite, not become {loss} in epoch {state.epoch + 1} of "
                f"{self.name}; lower {self.name}.learning_rate"
            )
        weights = self.model.get_weights()
        better = state.best is None or check < state.best
        lower = state.lowest is None or loss < state.lowest
        waited = 0 if lower else state.waited + 1
        halve = waited >= self.stage.patience
        after = State(
            weights=weights,
            velocity=[v.numpy() for v in self.velocity],
            best_weights=weights if better else state.best_weights,
            rate=state.rate / 2 if halve else state.rate,
            epoch=state.epoch + 1,
            best=check if better else state.best,
            best_epoch=state.epoch + 1 if better else state.best_epoch,
            lowest=loss if lower else state.lowest,
            waited=0 if halve else waited,
            seconds=state.seconds + time.monotonic() - started,
        )
        return after, loss, check

    def validation_loss(self) -> float:
        """The loss on validation frames against their masks, whatever the student learns from."""
        found = in_batches(self.apply, self.check.images)
        masks = self.check.masks
        loss = pixel_loss(self.plan.loss, masks, masks.astype(np.float32), found)
        return float(loss)


def fit(
    trainer: Trainer,
    run: Run,
    arrays: Mapping[str, list[NDArray[Any]]],
    values: Mapping[str, Any],
    progress: Callable[[Progress], None],
) -> State:
    """Trains to the end and leaves the network with the weights of the best epoch.

    arrays, values: those of the stage before, which checkpoints keep. Goes on from the run's checkpoint.
    """
    state, name = trainer.start(), trainer.name
    if run.restored is not None:
        held, numbers = run.restored.arrays, run.restored.values
        if numbers["stage"] == name:
            state = State.of(held, numbers)
        elif name in numbers:  # a stage that the checkpoint has behind it
            own = {key: held[f"{name}_{key}"] for key in State.LISTS}
            state = State.of(own, numbers[name])
    while state.epoch < trainer.stage.epochs:
        rate = state.rate
        state, loss, check = trainer.epoch(state)
        run.record(name, state.epoch, loss=loss, validation_loss=check, learning_rate=rate)
        last = state.epoch == trainer.stage.epochs
        content = {**values, "stage": name, **state.values()}
        run.save({**arrays, **state.arrays()}, content, always=last)
        progress(
            Progress(
                stage=name,
                epoch=state.epoch,
                epochs=trainer.stage.epochs,
                loss=loss,
                validation_loss=check,
                learning_rate=rate,
            )
        )
    trainer.model.set_weights(state.best_weights)
    return state
