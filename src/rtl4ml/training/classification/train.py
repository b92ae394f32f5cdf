# SPDX-License-Identifier: Apache-2.0
"""Trains a student of classes from its recipe."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from rtl4ml.data import catalog
from rtl4ml.data.scenes import Scene, Split
from rtl4ml.errors import BadData
from rtl4ml.host import frameworks
from rtl4ml.host.folders import project_folder
from rtl4ml.metrics.classes import accuracy
from rtl4ml.metrics.footprint import Footprint, footprint_of_bits
from rtl4ml.training import plots, result, runs
from rtl4ml.training.classification.fit import Pixels, Trainer
from rtl4ml.training.classification.recipe import Recipe, read_recipe
from rtl4ml.training.classification.result import summary
from rtl4ml.training.classification.start import start_quantized
from rtl4ml.training.classification.students import Student
from rtl4ml.training.fit import Stages, State
from rtl4ml.training.result import Tell, Trained, silent

# Stages without quantizers that are trained: their ends and histories, by what they depend on.
Known = dict[str, tuple[State, list[dict[str, Any]]]]


def train(
    recipe: str | Path,
    *,
    data: str | Path | None = None,
    out: str | Path | None = None,
    seed: int | None = None,
    quick: bool = False,
    resume: bool = False,
    per_class: tuple[int, int] | None = None,
    progress: Tell = silent,
    known: Known | None = None,
) -> Trained:
    """Trains the student of `recipe` and writes its files into `out`.

    <name>.keras, metrics.json, history.csv (a row an epoch), logs (of TensorBoard), curve.png, confusion.png (of the
    test pixels) and the recipe.

    data: folder of the scenes, else RTL4ML_DATA. out: default build/train/<name>; whole or not at all. seed: instead
    of the recipe's. quick: two epochs a stage. resume: go on where an earlier call with the same arguments was
    interrupted, if one was. per_class: instead of the recipe's split, so many training and validation pixels of every
    class at random. known: float stages by what they depend on, read and added to, so that calls which differ in
    their quantizers alone train one of them.
    Equal arguments, versions and machines give equal weights, interrupted or not. The test pixels are looked
    at once, after the last epoch. Raises Rtl4mlError where recipe, data or folder are bad.
    """
    plan = _asked(read_recipe(recipe), seed, quick, per_class)
    scene = catalog.load(plan.data.scene, data=data)
    split = plan.split(scene)
    target = result.folder_of(plan, out)
    identity = {
        "recipe": plan.sha256,
        "network": plan.network_sha256,
        "seed": plan.seed,
        "schedule": "quick" if quick else "whole",
        "data": scene.sha256(),
        "split": split.sha256(),
        "versions": runs.versions(),
    }
    with runs.begin(target, identity, resume=resume) as run, project_folder(target) as folder:
        trained = Stages(run, progress)
        trainers = _train_stages(plan, scene, split, trained, {} if known is None else known)
        stages = {
            t.name: {
                "best_epoch": trained.states[t.name].best_epoch,
                **_measured(plan, t.model, scene, split),
            }
            for t in trainers
        }
        metrics = {
            "schema": 1,
            "recipe": plan.identity(),
            "quick": quick,
            **({"input": plan.input()} if scene.spectra.dtype.kind in "iu" else {}),
            **_of_data(scene, split),
            **stages,
            "versions": runs.versions(),
            **_of_time(trainers, trained.states),
        }
        written = result.write(folder, plan, trainers[-1].model, metrics, run)
        plots.curve(run.history, folder / "curve.png", title=plan.name)
        test = stages["quantized"]["test"]
        plots.confusion(test["confusion"], scene.class_names, folder / "confusion.png", title=split.name)
    return Trained(out=target, model=target / f"{plan.name}.keras", metrics=written, summary=summary)


def _asked(plan: Recipe, seed: int | None, quick: bool, per_class: tuple[int, int] | None) -> Recipe:
    """The recipe with what the arguments of `train` say instead."""
    if seed is not None:
        plan = replace(plan, seed=seed)
    if quick:
        plan = replace(
            plan,
            float_stage=plan.float_stage.shortened(),
            quantized_stage=plan.quantized_stage.shortened(),
        )
    if per_class is not None:
        some, check = per_class
        plan = replace(plan, data=replace(plan.data, split="random", train=some, validation=check))
    return plan


def _of_data(scene: Scene, split: Split) -> dict[str, Any]:
    """What metrics.json says of the scene and its split."""
    return {
        "data": {
            "scene": scene.name,
            "source": scene.source,
            "sha256": scene.sha256(),
            "synthetic": scene.synthetic,
            "classes": list(scene.class_names),
        },
        "split": {
            "name": split.name,
            "disjoint": split.disjoint,
            "train": len(split.train),
            "validation": len(split.validation),
            "test": len(split.test),
        },
    }


def _of_time(trainers: Sequence[Trainer], states: Mapping[str, State]) -> dict[str, Any]:
    """What metrics.json says of how long the stages took."""
    seconds = {t.name: round(states[t.name].seconds, 1) for t in trainers}
    speed = {
        t.name: round(t.epochs * t.steps * t.batch / max(states[t.name].seconds, 1e-3)) for t in trainers
    }
    return {
        "seconds": {**seconds, "all": round(sum(seconds.values()), 1)},
        "trained_pixels_per_s": speed,
    }


def _train_stages(
    plan: Recipe, scene: Scene, split: Split, stages: Stages, known: Known
) -> tuple[Trainer, Trainer]:
    """The stages without and with quantizers, after their training."""
    keras, tf = frameworks.keras(), frameworks.tf()
    keras.backend.clear_session()
    keras.utils.set_random_seed(plan.seed)  # Python, NumPy and TensorFlow: initial weights
    tf.config.experimental.enable_op_determinism()
    x, y = plan.inputs(scene.spectra), scene.labels.astype(np.int32)
    train, check = (Pixels(inputs=x[part], labels=y[part]) for part in (split.train, split.validation))

    plain = plan.build_model(quantized=False)
    _check_shapes(plan, plain, scene)
    quantized = plan.build_model(quantized=True)
    origin = _fingerprint(plan, plain, split, scene)
    if "float" not in stages.states and origin in known:
        stages.take("float", *known[origin])
    first = Trainer("float", plan.float_stage, plain, train, check, seed=plan.seed)
    state = stages.fit(first)
    known[origin] = state, [row for row in stages.run.history if row["stage"] == "float"]

    stage = plan.quantized_stage
    if "quantized" in stages.states:
        gain = float(stages.states["quantized"].own["gain"])
    else:
        gain = start_quantized(
            plain,
            quantized,
            train.inputs,
            covered=stage.covered,
            reached=stage.reached,
            channels=stage.channels,
            compensated=stage.compensated,
        )
    options = {"seed": plan.seed, "gain": gain, "centred": stage.centred, "teacher": plain}
    second = Trainer("quantized", stage, quantized, train, check, **options)
    stages.fit(second)
    return first, second


def _measured(plan: Recipe, model: Any, scene: Scene, split: Split) -> dict[str, Any]:
    """A network's footprint, and its accuracies on the pixels that validate and test."""
    student = Student(recipe=plan, model=model)
    found: dict[str, Any] = {"footprint": asdict(footprint_of(model))}
    for part, pixels in (("validation", split.validation), ("test", split.test)):
        predicted = student.predict(scene.spectra[pixels])
        found[part] = asdict(accuracy(scene.labels[pixels], predicted, classes=scene.classes))
    return found


def _fingerprint(plan: Recipe, plain: Any, split: Split, scene: Scene) -> str:
    """Hash of all that the stage without quantizers depends on; `plain` as it was built."""
    digest = hashlib.sha256(plain.to_json().encode())
    for w in plain.get_weights():
        digest.update(w.tobytes())
    parts = (asdict(plan.float_stage), plan.seed, plan.data.scale_log2, scene.sha256(), split.sha256())
    digest.update(json.dumps(parts).encode())
    return digest.hexdigest()


def footprint_of(model: Any) -> Footprint:
    """The footprint of a network: of every weight and bias the bits of its quantizer, 32 where it has none."""
    parameters = bits = 0
    for layer in model.layers:
        for variable in layer.weights:
            which = "kernel" if "kernel" in variable.name else "bias"
            quantizer = getattr(layer, f"{which}_quantizer_internal", None)
            size = int(np.prod(variable.shape))
            parameters += size
            bits += size * int(getattr(quantizer, "bits", 32))
    return footprint_of_bits(parameters, bits)


def _check_shapes(plan: Recipe, model: Any, scene: Scene) -> None:
    for what, has, needs in (
        ("bands", scene.bands, model.input_shape[1]),
        ("classes", scene.classes, model.output_shape[-1]),
    ):
        if has != needs:
            raise BadData(
                f"{plan.path.name}: the network must have the scene's {what}, {has} in {scene.name}, not {needs}; "
                f"set build.{what}"
            )
