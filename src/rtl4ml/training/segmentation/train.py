# SPDX-License-Identifier: Apache-2.0
"""Trains a network of masks, with few bits where its recipe says so, from the masks or from a teacher that is given.

job = prepare("sen2ships_unet_scratch", out="build/train/scratch")
run_job(job)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml.data import frames as data_frames
from rtl4ml.data.frames import Frames, Picture
from rtl4ml.errors import BadData, BadModel
from rtl4ml.host import frameworks
from rtl4ml.host.folders import project_folder
from rtl4ml.metrics import masks as metrics_masks
from rtl4ml.training import plots, result, runs
from rtl4ml.training.fit import Stages, State
from rtl4ml.training.result import Tell, Trained, silent
from rtl4ml.training.segmentation import plots as segmentation_plots
from rtl4ml.training.segmentation.fit import Samples, Trainer
from rtl4ml.training.segmentation.measure import measure, probabilities, scene_probabilities
from rtl4ml.training.segmentation.recipe import KIND, Floats, Recipe, read_recipe
from rtl4ml.training.segmentation.result import summary
from rtl4ml.training.segmentation.start import start_quantized

QUICK_FRAMES = 32  # that train where it is only to show that it works


@dataclass(frozen=True, kw_only=True)
class Job:
    """A training that can begin: its recipe, as asked for, the data, and the folder of its files.

    pictures: whole scenes of "validation" and "test", none where it is quick.
    """

    plan: Recipe
    frames: Frames
    pictures: Mapping[str, Sequence[Picture]]
    out: Path
    quick: bool


@dataclass(frozen=True, kw_only=True)
class Teacher:
    """A trained network for frames of any size, whose output a student learns, and what metrics.json says of it."""

    model: Any
    identity: Mapping[str, Any]


def prepare(
    recipe: str | Path,
    *,
    data: str | Path | None = None,
    out: str | Path | None = None,
    seed: int | None = None,
    quick: bool = False,
) -> Job:
    """The training of `recipe`, its data read and checked. Raises Rtl4mlError where recipe or data are bad.

    data: folder of the images, else RTL4ML_DATA. out: default build/train/<name>. seed: instead of the recipe's.
    quick: two epochs a stage, few frames, no scenes.
    """
    plan = read_recipe(recipe)
    if seed is not None:
        plan = replace(plan, seed=seed)
    if quick:
        few = plan.quantized_stage and plan.quantized_stage.shortened()
        plan = replace(plan, float_stage=plan.float_stage.shortened(), quantized_stage=few)
    frames = plan.frames(data)
    if plan.augmentation.crop > min(frames.shape[:2]):
        raise BadData(
            f"{plan.path.name}: augmentation.crop must be at most the frames' size, {frames.shape[0]} x "
            f"{frames.shape[1]}, not {plan.augmentation.crop}; make it smaller"
        )
    pictures = {} if quick else {part: plan.pictures(frames, part, data) for part in data_frames.PARTS[1:]}
    return Job(plan=plan, frames=frames, pictures=pictures, out=result.folder_of(plan, out), quick=quick)


def run_job(
    job: Job, *, teacher: Teacher | None = None, resume: bool = False, progress: Tell = silent
) -> Trained:
    """Trains a network and writes its files into the job's folder, whole or not at all.

    <name>.keras, metrics.json, history.csv (a row an epoch), logs (of TensorBoard), curve.png, masks.png (test frames
    with what was found), scene.png where there are scenes, and the recipe.

    teacher: what the network learns from instead of the masks. resume: go on where an earlier call with the same job
    and teacher was interrupted, if one was. Equal jobs, teachers, versions and machines give equal weights,
    interrupted or not. Test frames are looked at once, after the last epoch. Raises Rtl4mlError where the network does
    not fit the frames, or the folder is bad.
    """
    plan, frames = job.plan, job.frames
    of_teacher = None if teacher is None else teacher.identity
    identity = {
        "recipe": plan.sha256,
        "network": plan.network_sha256,
        "seed": plan.seed,
        "schedule": "quick" if job.quick else "whole",
        "data": frames.sha256(),
        "teacher": of_teacher,
        "versions": runs.versions(),
    }
    with runs.begin(job.out, identity, resume=resume) as run, project_folder(job.out) as folder:
        model, stages, looks = _train_stages(job, teacher, Stages(run, progress))
        metrics = {
            "schema": 1,
            "kind": KIND,
            "recipe": plan.identity(),
            "quick": job.quick,
            "input": plan.input(),
            "data": {
                "name": frames.name,
                "source": frames.source,
                "sha256": frames.sha256(),
                "disjoint": frames.disjoint,
                **{part: len(getattr(frames, part)) for part in data_frames.PARTS},
                **{
                    f"{part}_scenes": {p.name: p.sha256() for p in some}
                    for part, some in job.pictures.items()
                },
            },
            "teacher": of_teacher,
            **stages,
            "versions": runs.versions(),
        }
        written = result.write(folder, plan, model, metrics, run)
        rows = [{k: v for k, v in row.items() if k != "learning_rate"} for row in run.history]
        plots.curve(rows, folder / "curve.png", title=plan.name)
        for name, (image, truth, found) in looks.items():
            segmentation_plots.masks(
                image, truth, found, folder / f"{name}.png", title=f"{plan.name}: {name}"
            )
    return Trained(out=job.out, model=job.out / f"{plan.name}.keras", metrics=written, summary=summary)


def _train_stages(
    job: Job, teacher: Teacher | None, stages: Stages
) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """The trained network for frames of the set's size, {stage: its metrics}, and {name: (image, truth, found)}."""
    keras, tf = frameworks.keras(), frameworks.tf()
    plan, frames, pictures = job.plan, job.frames, job.pictures
    keras.backend.clear_session()
    tf.config.experimental.enable_op_determinism()
    final = plan.build_model(quantized=plan.quantized_stage is not None)
    _check_shapes(plan, final, frames)
    part = frames.train
    if job.quick:
        empty = ~np.asarray(frames.masks[part].any(axis=(1, 2)))
        part = np.sort(part[np.argsort(empty, kind="stable")][:QUICK_FRAMES])
    train, check = (samples(plan, frames, indices, teacher) for indices in (part, frames.validation))
    keras.utils.set_random_seed(plan.seed)  # Python, NumPy and TensorFlow: initial weights
    network = plan.build_model(quantized=False, anysize=True)
    trainer = Trainer(plan, plan.float_stage, "float", network, train, check)
    state = stages.fit(trainer)
    found = {"float": _summary(trainer, state) | measure(plan, network, frames, pictures)}
    if plan.quantized_stage is not None:
        plain, network = network, plan.build_model(quantized=True, anysize=True)
        with_ships = np.flatnonzero(train.masks.any(axis=(1, 2)))
        cut = start_quantized(plain, network, train.images[with_ships[:QUICK_FRAMES]])
        trainer = Trainer(plan, plan.quantized_stage, "quantized", network, train, check)
        state = stages.fit(trainer)
        found["quantized"] = (
            _summary(trainer, state) | {"cut": cut} | measure(plan, network, frames, pictures)
        )
    final.set_weights(network.get_weights())
    return final, found, _looks(plan, network, frames, pictures, list(found.values())[-1]["opening"][0])


def samples(plan: Recipe, frames: Frames, indices: NDArray[np.int64], teacher: Teacher | None) -> Samples:
    """Frames as the network takes them, with what it learns: the masks, or what a teacher makes of the frames."""
    x, masks = plan.inputs(frames.images[indices]), frames.masks[indices]
    targets = masks.astype(np.float32) if teacher is None else probabilities(teacher.model, x)
    return Samples(images=x, masks=masks, targets=targets)


def _summary(trainer: Trainer, state: State) -> dict[str, Any]:
    steps = state.epoch * trainer.steps
    views = steps * trainer.batch
    return {
        "parameters": int(trainer.model.count_params()),
        "epochs": state.epoch,
        "steps": steps,
        "best_epoch": state.best_epoch,
        "validation_loss": None if state.best is None else -state.best[0],
        "seconds": round(state.seconds, 1),
        "views_per_s": round(views / max(state.seconds, 1e-3), 2),
    }


def _looks(
    plan: Recipe,
    model: Any,
    frames: Frames,
    pictures: Mapping[str, Sequence[Picture]],
    chosen: Mapping[str, Any],
) -> dict[str, Any]:
    """{"masks": test frames with most ship pixels side by side, "scene": the first that tests}: image, truth, found."""
    size = (frames.shape[0], frames.shape[1])

    def found(p: Floats) -> NDArray[np.bool_]:
        return metrics_masks.binarize(p, chosen["threshold"], opening=chosen["radius"])

    most = frames.test[np.argsort(-frames.masks[frames.test].sum(axis=(1, 2)), kind="stable")[:4]]
    x = frames.images[most]
    masks = found(probabilities(model, plan.inputs(x)))
    out = {"masks": tuple(np.concatenate(list(part), axis=1) for part in (x, frames.masks[most], masks))}
    if pictures.get("test"):
        picture = pictures["test"][0]
        scene = found(scene_probabilities(model, plan.inputs(picture.image), size=size))
        out["scene"] = (picture.image, picture.mask, scene)
    return out


def _check_shapes(plan: Recipe, model: Any, frames: Frames) -> None:
    has, needs = frames.shape, tuple(model.input_shape[1:])
    if has != needs:
        raise BadData(
            f"{plan.path.name}: the network must be for the frames' size, {' x '.join(map(str, has))} in "
            f"{frames.name}, not {' x '.join(map(str, needs))}; set build.size and build.channels"
        )
    if tuple(model.output_shape[1:]) != (*has[:2], 1):
        raise BadModel(
            f"{plan.model}.py: the output must be one channel of the frames' size, "
            f"not {' x '.join(map(str, model.output_shape[1:]))}; mend build()"
        )
