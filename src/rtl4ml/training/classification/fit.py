# SPDX-License-Identifier: Apache-2.0
"""The epochs of a stage that learns classes."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml.host import frameworks
from rtl4ml.training import fit
from rtl4ml.training.classification.recipe import Stage
from rtl4ml.training.classification.step import Step, mixed
from rtl4ml.training.classification.students import EVALUATION_BATCH, logits_model
from rtl4ml.training.fit import Epoch, State


@dataclass(frozen=True, kw_only=True)
class Pixels:
    """Pixels of one part of a split: inputs (N, bands, 1) as the network takes them, and classes (N,)."""

    inputs: NDArray[np.float32]
    labels: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.labels)


class Trainer(fit.Trainer):
    """Epochs of one stage. Best is the highest validation accuracy, then the lowest loss; the start is epoch 0.

    gain: factor of the network's logits. centred: see step.Step. teacher: gives the goals in place of the labels,
    where the stage has a temperature.
    """

    def __init__(
        self,
        name: str,
        stage: Stage,
        model: Any,
        train: Pixels,
        check: Pixels,
        *,
        seed: int,
        gain: float = 1.0,
        centred: bool = False,
        teacher: Any = None,
    ) -> None:
        tf = frameworks.tf()
        self.name, self.stage, self.model, self.epochs = name, stage, model, stage.epochs
        self.train, self.check, self.seed, self.gain, self.centred = train, check, seed, gain, centred
        self.net = logits_model(model)
        self.teacher = logits_model(teacher) if stage.temperature else None
        self.batch = min(stage.batch, len(train))
        self.steps = len(train) // self.batch  # the rest of an epoch's shuffle waits for the next
        self.step = Step(self.net, stage, gain=gain, centred=centred, total=stage.epochs * self.steps)
        self.x, self.y = tf.constant(train.inputs), tf.constant(train.labels)
        self.x_check = tf.constant(check.inputs)
        self.run_epoch = tf.function(self._run_epoch)
        self.logits = tf.function(lambda: self.net(self.x_check, training=False) * gain)

    def start(self) -> State:
        weights = self.model.get_weights()
        rng = np.random.default_rng([self.seed, zlib.crc32(self.name.encode())])
        return State(
            weights=weights,
            optimizer=self.optimizer_arrays(),
            best_weights=weights,
            own={"rng": rng.bit_generator.state, "gain": self.gain},
            best=self.score(),
        )

    def optimizer_variables(self) -> Sequence[Any]:
        return self.step.variables()

    def advance(self, state: State) -> Epoch:
        tf, stage, count = frameworks.tf(), self.stage, len(self.train)
        rng = np.random.default_rng()
        rng.bit_generator.state = state.own["rng"]
        factors = rng.uniform(1 - stage.brightness, 1 + stage.brightness, count)
        order = tf.constant(rng.permutation(count).astype(np.int32))
        ratios = rng.uniform(size=count) if stage.mixed else np.ones(0)
        loss = float(self.run_epoch(order, *(tf.constant(v.astype(np.float32)) for v in (factors, ratios))))
        accuracy, likelihood = score = self.score()
        return Epoch(
            numbers={"loss": loss, "validation_oa": accuracy, "validation_loss": -likelihood},
            score=score,
            own={"rng": rng.bit_generator.state, "gain": self.gain},
        )

    def score(self) -> tuple[float, float]:
        """Accuracy and mean logarithm of the likelihood of the validation pixels."""
        labels = self.check.labels
        out = self.logits().numpy().astype(np.float64)
        out -= out.max(axis=1, keepdims=True)
        likelihood = out[np.arange(len(out)), labels] - np.log(np.exp(out).sum(axis=1))
        return float((out.argmax(axis=1) == labels).mean()), float(likelihood.mean())

    def _run_epoch(self, order: Any, factors: Any, ratios: Any) -> Any:
        """The mean loss of an epoch, as TensorFlow compiles it: `order` of the pixels, their brightness, their mix."""
        tf, stage, batch = frameworks.tf(), self.stage, self.batch
        if self.centred:
            self.step.centre(tf.gather(self.x, order[:EVALUATION_BATCH]))
        total = 0.0
        for i in tf.range(self.steps):
            chosen = order[i * batch : (i + 1) * batch]
            pixels = tf.gather(self.x, chosen) * tf.gather(factors, chosen)[:, None, None]
            if stage.mixed:
                pixels = mixed(pixels, tf.gather(ratios, chosen))
            goal = tf.gather(self.y, chosen)
            if self.teacher is not None:  # of the very pixels: another brightness may be another class
                goal = tf.nn.softmax(self.teacher(pixels, training=False) / stage.temperature)
            total += self.step(pixels, goal)
        return total / tf.cast(self.steps, tf.float32)
