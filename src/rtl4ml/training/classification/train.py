# SPDX-License-Identifier: Apache-2.0
"""Trains a student from its recipe."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
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
from rtl4ml.training import plots, runs
from rtl4ml.training.classification import start
from rtl4ml.training.classification.fit import fit_stage, weights_of
from rtl4ml.training.classification.recipe import Recipe, read_recipe
from rtl4ml.training.classification.result import Progress, Trained
from rtl4ml.training.classification.students import Student
from rtl4ml.training.runs import Run

QUICK_EPOCHS = 2


def train(
    recipe: str | Path,
    *,
    data: str | Path | None = None,
    out: str | Path | None = None,
    seed: int | None = None,
    quick: bool = False,
    resume: bool = False,
    per_class: tuple[int, int] | None = None,
    progress: Callable[[Progress], None] | None = None,
    known: dict[str, Any] | None = None,
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
    plan = read_recipe(recipe)
    if seed is not None:
        plan = replace(plan, seed=seed)
    if quick:
        float_stage = replace(plan.float_stage, epochs=min(plan.float_stage.epochs, QUICK_EPOCHS))
        quantized_stage = replace(plan.quantized_stage, epochs=min(plan.quantized_stage.epochs, QUICK_EPOCHS))
        plan = replace(plan, float_stage=float_stage, quantized_stage=quantized_stage)
    if per_class is not None:
        some, check = per_class
        plan = replace(plan, data=replace(plan.data, split="random", train=some, validation=check))
    scene = catalog.load(plan.data.scene, data=data)
    split = plan.split(scene)
    target = Path(out) if out is not None else Path("build") / "train" / plan.name
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
        model, stages = _train_stages(
            plan, scene, split, run, progress or (lambda _: None), {} if known is None else known
        )
        speed = {name: stages[name].pop("pixels_per_s") for name in ("float", "quantized")}
        seconds = {name: stages[name].pop("seconds") for name in ("float", "quantized")}
        metrics: dict[str, Any] = {
            "schema": 1,
            "recipe": {
                "name": plan.name,
                "sha256": plan.sha256,
                "network_sha256": plan.network_sha256,
                "seed": plan.seed,
            },
            "quick": quick,
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
            **stages,
            "versions": runs.versions(),
            "seconds": {**seconds, "all": round(sum(seconds.values()), 1)},
            "trained_pixels_per_s": speed,
        }
        model.save(folder / f"{plan.name}.keras")
        text = json.dumps(metrics, indent=2) + "\n"
        (folder / "metrics.json").write_text(text, encoding="utf-8")
        shutil.copyfile(plan.path, folder / plan.path.name)
        run.keep(folder)
        plots.curve(run.history, folder / "curve.png", title=plan.name)
        test = stages["quantized"]["test"]
        plots.confusion(test["confusion"], scene.class_names, folder / "confusion.png", title=split.name)
    return Trained(out=target, model=target / f"{plan.name}.keras", metrics=json.loads(text))


def _train_stages(
    plan: Recipe,
    scene: Scene,
    split: Split,
    run: Run,
    progress: Callable[[Progress], None],
    known: dict[str, Any],
) -> tuple[Any, dict[str, Any]]:
    """The trained network with quantizers, and of each stage what _fit returns, the footprint and accuracies."""
    keras, tf = frameworks.keras(), frameworks.tf()
    keras.backend.clear_session()
    keras.utils.set_random_seed(plan.seed)  # Python, NumPy and TensorFlow: initial weights
    tf.config.experimental.enable_op_determinism()
    x, y = plan.inputs(scene.spectra), scene.labels.astype(np.int32)

    plain = plan.build_model(quantized=False)
    _check_shapes(plan, plain, scene)
    quantized = plan.build_model(quantized=True)
    fit = partial(fit_stage, x=x, y=y, split=split, seed=plan.seed, run=run, progress=progress)
    models = {"float": plain, "quantized": quantized}
    done: dict[str, dict[str, Any]] = {}
    gain = 1.0
    if run.restored is not None:
        done, gain = dict(run.restored.values["done"]), run.restored.values["gain"]
        for name, model in models.items():
            model.set_weights(run.restored.arrays[name])
    origin = _fingerprint(plan, plain, split, scene)
    if "float" not in done:
        if origin in known:
            done["float"], weights, rows = known[origin]
            plain.set_weights(weights)
            for row in rows:
                run.record(**row)
        else:
            done["float"] = fit("float", plan.float_stage, models, done=done, gain=1.0, centred=False)
            known[origin] = done["float"], plain.get_weights(), list(run.history)
        stage = plan.quantized_stage
        gain = start.start_quantized(
            plain,
            quantized,
            x[split.train],
            covered=stage.covered,
            reached=stage.reached,
            channels=stage.channels,
            compensated=stage.compensated,
        )
        run.save(weights_of(models), {"done": done, "gain": gain}, always=True)
        run.restored = None
    if "quantized" not in done:
        done["quantized"] = fit("quantized", plan.quantized_stage, models, done=done, gain=gain, centred=True)
        run.save(weights_of(models), {"done": done, "gain": gain}, always=True)

    stages: dict[str, Any] = {}
    for name, model in models.items():
        student = Student(recipe=plan, model=model)
        stages[name] = {**done[name], "footprint": asdict(footprint_of(model))}
        for part, pixels in (("validation", split.validation), ("test", split.test)):
            found = student.predict(scene.spectra[pixels])
            stages[name][part] = asdict(accuracy(scene.labels[pixels], found, classes=scene.classes))
    return quantized, stages


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
