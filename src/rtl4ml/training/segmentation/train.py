# SPDX-License-Identifier: Apache-2.0
"""Trains a teacher, students distilled from it or trained on masks, with few bits."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable, Mapping, Sequence
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
from rtl4ml.training import plots, runs
from rtl4ml.training.runs import Run
from rtl4ml.training.segmentation import plots as segmentation_plots
from rtl4ml.training.segmentation.fit import Progress, Samples, State, Trainer, fit
from rtl4ml.training.segmentation.measure import measure, probabilities, read_metrics, scene_probabilities
from rtl4ml.training.segmentation.recipe import KIND, Floats, Recipe, Stage, read_recipe
from rtl4ml.training.segmentation.start import start_quantized

QUICK_EPOCHS, QUICK_FRAMES = 2, 32


# ------------------------------------------------------------------------------------------------------------ training


@dataclass(frozen=True, kw_only=True)
class Trained(runs.Trained):
    """What `train` wrote, and how good it is in words: masks."""

    def __str__(self) -> str:
        stage = "quantized" if "quantized" in self.metrics else "float"
        quick = ", quick: not the recipe's schedule" if self.metrics["quick"] else ""
        best = self.metrics[stage]["opening"][0]
        lines = [
            f"test frames of {self.metrics['data']['name']}, {stage}{quick}: F2 {best['test']['f2']:.3f}, "
            f"pixel IoU {best['test']['iou']:.3f} at threshold {best['threshold']:g}, opening {best['radius']}"
        ]
        if "test_scenes" in best:
            whole = best["test_scenes"]
            lines.append(
                f"whole scenes of {', '.join(whole['each'])}: F2 {whole['f2']:.3f}, pixel IoU {whole['iou']:.3f}"
            )
        return "\n".join([*lines, f"model   {self.model}"])


def train(
    recipe: str | Path,
    *,
    data: str | Path | None = None,
    out: str | Path | None = None,
    seed: int | None = None,
    quick: bool = False,
    resume: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> Trained:
    """Trains the network of `recipe` and writes its files into `out`.

    <name>.keras, metrics.json, history.csv (a row an epoch), logs (of TensorBoard), curve.png, masks.png (test frames
    with what was found), scene.png where there are scenes, and the recipe.

    data: folder of the images, else RTL4ML_DATA. out: default build/train/<name>; whole or not at all. seed: instead
    of the recipe's. quick: two epochs a stage, few frames, no scenes. resume: go on where an earlier call with the
    same arguments was interrupted, if one was. Where the recipe has a teacher, it is the one in the folder of its name
    beside `out`, and is trained there first where there is none.
    Equal arguments, versions and machines give equal weights, interrupted or not. Test frames are looked at once,
    after the last epoch. Raises Rtl4mlError where recipe, data, teacher or folder are bad.
    """
    plan = read_recipe(recipe)
    if seed is not None:
        plan = replace(plan, seed=seed)
    if quick:
        few = plan.quantized_stage and _shortened(plan.quantized_stage)
        plan = replace(plan, float_stage=_shortened(plan.float_stage), quantized_stage=few)
    frames = plan.frames(data)
    if plan.augmentation.crop > min(frames.shape[:2]):
        raise BadData(
            f"{plan.path.name}: augmentation.crop must be at most the frames' size, {frames.shape[0]} x "
            f"{frames.shape[1]}, not {plan.augmentation.crop}; make it smaller"
        )
    pictures = {} if quick else {part: plan.pictures(frames, part, data) for part in data_frames.PARTS[1:]}
    target = Path(out) if out is not None else Path("build") / "train" / plan.name
    report = progress or (lambda _: None)
    teacher, of_teacher = None, None
    if plan.teacher is not None:
        teacher, of_teacher = _teacher(plan, frames, target, data, quick, resume, report)
    identity = {
        "recipe": plan.sha256,
        "network": plan.network_sha256,
        "seed": plan.seed,
        "schedule": "quick" if quick else "whole",
        "data": frames.sha256(),
        "teacher": of_teacher,
        "versions": runs.versions(),
    }
    with runs.begin(target, identity, resume=resume) as run, project_folder(target) as folder:
        model, stages, looks = _train_stages(plan, frames, pictures, teacher, quick, run, report)
        metrics = {
            "schema": 1,
            "kind": KIND,
            "recipe": {
                "name": plan.name,
                "sha256": plan.sha256,
                "network_sha256": plan.network_sha256,
                "seed": plan.seed,
            },
            "quick": quick,
            "data": {
                "name": frames.name,
                "source": frames.source,
                "sha256": frames.sha256(),
                "disjoint": frames.disjoint,
                **{part: len(getattr(frames, part)) for part in data_frames.PARTS},
                **{f"{part}_scenes": {p.name: p.sha256() for p in some} for part, some in pictures.items()},
            },
            "teacher": of_teacher,
            **stages,
            "versions": runs.versions(),
        }
        model.save(folder / f"{plan.name}.keras")
        text = json.dumps(metrics, indent=2) + "\n"
        (folder / "metrics.json").write_text(text, encoding="utf-8")
        shutil.copyfile(plan.path, folder / plan.path.name)
        run.keep(folder)
        rows = [{k: v for k, v in row.items() if k != "learning_rate"} for row in run.history]
        plots.curve(rows, folder / "curve.png", title=plan.name)
        for name, (image, truth, found) in looks.items():
            segmentation_plots.masks(
                image, truth, found, folder / f"{name}.png", title=f"{plan.name}: {name}"
            )
    return Trained(out=target, model=target / f"{plan.name}.keras", metrics=json.loads(text))


def _shortened(stage: Stage) -> Stage:
    return replace(stage, epochs=min(stage.epochs, QUICK_EPOCHS))


def _train_stages(
    plan: Recipe,
    frames: Frames,
    pictures: Mapping[str, Sequence[Picture]],
    teacher: Any,
    quick: bool,
    run: Run,
    progress: Callable[[Progress], None],
) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """The trained network for frames of the set's size, {stage: its metrics}, and {name: (image, truth, found)}."""
    keras, tf = frameworks.keras(), frameworks.tf()
    keras.backend.clear_session()
    tf.config.experimental.enable_op_determinism()
    final = plan.build_model(quantized=plan.quantized_stage is not None)
    _check_shapes(plan, final, frames)
    part = frames.train
    if quick:
        empty = ~np.asarray(frames.masks[part].any(axis=(1, 2)))
        part = np.sort(part[np.argsort(empty, kind="stable")][:QUICK_FRAMES])
    train, check = (_samples(plan, frames, indices, teacher) for indices in (part, frames.validation))
    keras.utils.set_random_seed(plan.seed)  # Python, NumPy and TensorFlow: initial weights
    network = plan.build_model(quantized=False, anysize=True)
    trainer = Trainer(plan, plan.float_stage, "float", network, train, check)
    state = fit(trainer, run, {}, {}, progress)
    stages = {"float": _summary(trainer, state) | measure(plan, network, frames, pictures)}
    if plan.quantized_stage is not None:
        plain, network = network, plan.build_model(quantized=True, anysize=True)
        with_ships = np.flatnonzero(train.masks.any(axis=(1, 2)))
        cut = start_quantized(plain, network, train.images[with_ships[:QUICK_FRAMES]])
        trainer = Trainer(plan, plan.quantized_stage, "quantized", network, train, check)
        kept = {f"float_{name}": value for name, value in state.arrays().items()}
        state = fit(trainer, run, kept, {"float": state.values()}, progress)
        summary = _summary(trainer, state) | {"cut": cut}
        stages["quantized"] = summary | measure(plan, network, frames, pictures)
    final.set_weights(network.get_weights())
    return final, stages, _looks(plan, network, frames, pictures, list(stages.values())[-1]["opening"][0])


def _samples(plan: Recipe, frames: Frames, indices: NDArray[np.int64], teacher: Any) -> Samples:
    x, masks = plan.inputs(frames.images[indices]), frames.masks[indices]
    targets = masks.astype(np.float32) if teacher is None else probabilities(teacher, x)
    return Samples(images=x, masks=masks, targets=targets)


def _summary(trainer: Trainer, state: State) -> dict[str, Any]:
    steps = state.epoch * (trainer.drawn // trainer.batch)
    views = steps * trainer.batch
    return {
        "parameters": int(trainer.model.count_params()),
        "epochs": state.epoch,
        "steps": steps,
        "best_epoch": state.best_epoch,
        "validation_loss": state.best,
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


def _teacher(
    student: Recipe,
    frames: Frames,
    target: Path,
    data: str | Path | None,
    quick: bool,
    resume: bool,
    progress: Callable[[Progress], None],
) -> tuple[Any, dict[str, Any]]:
    """The teacher's network for frames of any size, and what metrics.json says of it; trained where there is none."""
    name = str(student.teacher)
    beside = student.path.with_name(f"{name}.toml")
    plan = read_recipe(beside if beside.is_file() else name)
    if plan.teacher is not None:
        raise BadData(
            f"{student.path.name}: a teacher must have learnt from masks, not from {plan.teacher}, as {name} has; "
            "name another teacher"
        )
    folder = target.parent / name
    metrics = read_metrics(folder)
    if metrics is None or (metrics["quick"] and not quick):
        said = _renamed(progress)
        trained = train(plan.path, data=data, out=folder, quick=quick, resume=resume, progress=said)
        metrics = dict(trained.metrics)
    for what, has, needs in (
        ("recipe", metrics["recipe"]["sha256"], plan.sha256),
        ("data", metrics["data"]["sha256"], frames.sha256()),
    ):
        if has != needs:
            raise BadData(
                f"{folder}: the teacher there must be of the {what} that {student.path.name} asks for, "
                f"not of another ({has[:8]}, not {needs[:8]}); run rtl4ml train {name} again or move the folder away"
            )
    file = folder / f"{plan.name}.keras"
    model = plan.build_model(quantized=False, anysize=True)
    try:
        model.load_weights(file)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise BadModel(
            f"{file}: must hold the weights of {plan.model}.py, not others ({str(error).splitlines()[0]}); "
            f"run rtl4ml train {name}"
        ) from None
    return model, {
        "name": name,
        "sha256": plan.sha256,
        "seed": metrics["recipe"]["seed"],
        "quick": metrics["quick"],
        "weights_sha256": hashlib.sha256(b"".join(w.tobytes() for w in model.get_weights())).hexdigest(),
    }


def _renamed(progress: Callable[[Progress], None]) -> Callable[[Progress], None]:
    return lambda p: progress(replace(p, stage=f"teacher, {p.stage}"))
