# SPDX-License-Identifier: Apache-2.0
"""The epochs of a stage that learns masks."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml.errors import BadData
from rtl4ml.host import frameworks
from rtl4ml.training import fit
from rtl4ml.training.fit import Epoch, State
from rtl4ml.training.segmentation.losses import pixel_loss
from rtl4ml.training.segmentation.measure import in_batches
from rtl4ml.training.segmentation.recipe import Floats, Recipe, Stage

MOMENTUM = 0.9


@dataclass(frozen=True, kw_only=True)
class Samples:
    """Images as the network takes them, masks and targets (N, H, W) of one part of a split."""

    images: Floats
    masks: NDArray[np.bool_]
    targets: Floats

    def __len__(self) -> int:
        return len(self.images)


def logits_of(model: Any) -> Any:
    """`model` without a sigmoid at its end, its channel axis taken off: (N, H, W, C) to (N, H, W)."""
    last = model.layers[-1]
    name = getattr(getattr(last, "activation", None), "__name__", "")
    net = frameworks.keras().Model(model.input, last.input) if name == "sigmoid" else model
    return lambda x, training=False: net(x, training=training)[..., 0]


class Trainer(fit.Trainer):
    """Epochs of one stage on a network for frames of any size. Best is the lowest validation loss.

    A state's own: "rate", the learning rate; "waited", epochs since "lowest", the lowest training loss, or since the
    rate was last halved. Views are drawn by seed, stage and epoch.
    """

    def __init__(
        self, plan: Recipe, stage: Stage, name: str, model: Any, train: Samples, check: Samples
    ) -> None:
        tf = frameworks.tf()
        self.plan, self.stage, self.name, self.model, self.epochs = plan, stage, name, model, stage.epochs
        self.train, self.check = train, check
        self.net = logits_of(model)
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

    @property
    def steps(self) -> int:
        """Steps of an epoch; what is left of a batch is left out."""
        return self.drawn // self.batch

    def start(self) -> State:
        weights = self.model.get_weights()
        return State(
            weights=weights,
            optimizer=self.optimizer_arrays(),
            best_weights=weights,
            own={"rate": self.stage.learning_rate, "lowest": None, "waited": 0},
        )

    def optimizer_variables(self) -> Sequence[Any]:
        return self.velocity

    def advance(self, state: State) -> Epoch:
        """All frames with ships and as many others as the recipe says, shuffled."""
        rate, lowest = float(state.own["rate"]), state.own["lowest"]
        self.rate.assign(rate)
        loss, check = self.mean_loss(state.epoch), self.validation_loss()
        if not math.isfinite(loss + check):
            raise BadData(
                f"{self.plan.path.name}: the loss must stay finite, not become {loss} in epoch {state.epoch + 1} of "
                f"{self.name}; lower {self.name}.learning_rate"
            )
        lower = lowest is None or loss < lowest
        waited = 0 if lower else state.own["waited"] + 1
        halve = waited >= self.stage.patience
        return Epoch(
            numbers={"loss": loss, "validation_loss": check, "learning_rate": rate},
            score=(-check,),
            own={
                "rate": rate / 2 if halve else rate,
                "lowest": loss if lower else lowest,
                "waited": 0 if halve else waited,
            },
        )

    def mean_loss(self, epoch: int) -> float:
        """Takes the steps of the epoch after so many; the mean of their losses."""
        tf = frameworks.tf()
        rng = np.random.default_rng([self.plan.seed, zlib.crc32(self.name.encode()), epoch])
        others = rng.permutation(self.others)[: self.empty]
        order = rng.permutation(np.concatenate([self.ships, others]))
        total = 0.0
        for i in range(self.steps):
            chosen = np.sort(order[i * self.batch : (i + 1) * self.batch])
            view = self.plan.augmentation.views(
                self.train.images[chosen], self.train.masks[chosen], self.train.targets[chosen], rng
            )
            total += float(self.step(*(tf.constant(v) for v in view)))
        return total / self.steps

    def validation_loss(self) -> float:
        """The loss on validation frames against their masks, whatever the student learns from."""
        found = in_batches(self.apply, self.check.images)
        masks = self.check.masks
        loss = pixel_loss(self.plan.loss, masks, masks.astype(np.float32), found)
        return float(loss)

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
