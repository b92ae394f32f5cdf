# SPDX-License-Identifier: Apache-2.0
"""The epochs of one stage."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml.data.scenes import Split
from rtl4ml.host import frameworks
from rtl4ml.training.classification.recipe import Stage
from rtl4ml.training.classification.result import Progress
from rtl4ml.training.classification.step import Step, mixed
from rtl4ml.training.classification.students import EVALUATION_BATCH, logits_model
from rtl4ml.training.runs import Run


def weights_of(models: Mapping[str, Any]) -> dict[str, Any]:
    """The weights of models by name."""
    return {name: model.get_weights() for name, model in models.items()}


def fit_stage(
    name: str,
    stage: Stage,
    models: Mapping[str, Any],
    *,
    done: Mapping[str, Any],
    gain: float,
    centred: bool,
    x: NDArray[np.float32],
    y: NDArray[np.int32],
    split: Split,
    seed: int,
    run: Run,
    progress: Callable[[Progress], None],
) -> dict[str, Any]:
    """Trains models[name] in place, its logits times `gain`, and leaves it with the weights of its best epoch.

    Best is the highest validation accuracy, then the lowest validation loss; what it starts from is epoch 0. done: the
    stages before, for checkpoints. centred: see _Step. Returns the number of the best epoch, the seconds of all, and
    the pixels trained on a second.
    """
    tf, model = frameworks.tf(), models[name]
    net = logits_model(model)
    teacher = logits_model(models["float"]) if stage.temperature else None
    batch = min(stage.batch, len(split.train))
    steps = len(split.train) // batch  # the rest of an epoch's shuffle waits for the next
    step = Step(net, stage, gain=gain, centred=centred, total=stage.epochs * steps)
    x_train, y_train = tf.constant(x[split.train]), tf.constant(y[split.train])
    x_check, y_check = tf.constant(x[split.validation]), y[split.validation]

    def run_epoch(order: Any, factors: Any, ratios: Any) -> Any:
        if centred:
            step.centre(tf.gather(x_train, order[:EVALUATION_BATCH]))
        total = 0.0
        for i in tf.range(steps):
            chosen = order[i * batch : (i + 1) * batch]
            pixels = tf.gather(x_train, chosen) * tf.gather(factors, chosen)[:, None, None]
            if stage.mixed:
                pixels = mixed(pixels, tf.gather(ratios, chosen))
            goal = tf.gather(y_train, chosen)
            if teacher is not None:  # of the very pixels: another brightness may be another class
                goal = tf.nn.softmax(teacher(pixels, training=False) / stage.temperature)
            total += step(pixels, goal)
        return total / tf.cast(steps, tf.float32)

    epoch = tf.function(run_epoch)
    check = tf.function(lambda: net(x_check, training=False) * gain)

    def scored() -> tuple[float, float]:
        out = check().numpy().astype(np.float64)
        out -= out.max(axis=1, keepdims=True)
        log_likelihood = out[np.arange(len(out)), y_check] - np.log(np.exp(out).sum(axis=1))
        return float((out.argmax(axis=1) == y_check).mean()), float(log_likelihood.mean())

    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    first, best_epoch, best_weights, seconds = 1, 0, model.get_weights(), 0.0
    if run.restored is not None and run.restored.values.get("stage") == name:
        values, arrays = run.restored.values, run.restored.arrays
        first, best, best_epoch = values["epoch"] + 1, tuple(values["best"]), values["best_epoch"]
        best_weights, seconds = arrays["best"], values["seconds"]
        rng.bit_generator.state = values["rng"]
        step.restore(arrays["optimizer"])
    else:
        best = scored()
    started = time.monotonic() - seconds
    for number in range(first, stage.epochs + 1):
        factors = rng.uniform(1 - stage.brightness, 1 + stage.brightness, len(split.train))
        order = tf.constant(rng.permutation(len(split.train)).astype(np.int32))
        ratios = rng.uniform(size=len(split.train)) if stage.mixed else np.ones(0)
        loss = float(epoch(order, *(tf.constant(v.astype(np.float32)) for v in (factors, ratios))))
        score = scored()
        if score > best:
            best, best_epoch, best_weights = score, number, model.get_weights()
        seconds = time.monotonic() - started
        run.record(name, number, loss=loss, validation_oa=score[0], validation_loss=-score[1])
        run.save(
            {**weights_of(models), "best": best_weights, "optimizer": step.state()},
            {
                "done": dict(done),
                "gain": gain,
                "stage": name,
                "epoch": number,
                "best": best,
                "best_epoch": best_epoch,
                "seconds": seconds,
                "rng": rng.bit_generator.state,
            },
        )
        progress(
            Progress(
                stage=name,
                epoch=number,
                epochs=stage.epochs,
                loss=loss,
                validation_oa=score[0],
                validation_loss=-score[1],
            )
        )
    model.set_weights(best_weights)
    return {
        "best_epoch": best_epoch,
        "seconds": round(seconds, 1),
        "pixels_per_s": round(stage.epochs * steps * batch / max(seconds, 1e-3)),
    }
