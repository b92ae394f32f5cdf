# SPDX-License-Identifier: Apache-2.0
"""Trains what a recipe of segmentation asks for: its network, and before it the teacher that it learns from."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

from rtl4ml.errors import BadData, BadModel
from rtl4ml.training.result import Tell, Trained, read_metrics, silent, within
from rtl4ml.training.segmentation.recipe import Recipe, read_recipe
from rtl4ml.training.segmentation.train import Job, Teacher, prepare, run_job


def train_with_teacher(
    recipe: str | Path,
    *,
    data: str | Path | None = None,
    out: str | Path | None = None,
    seed: int | None = None,
    quick: bool = False,
    resume: bool = False,
    progress: Tell = silent,
) -> Trained:
    """Trains the network of `recipe` and writes its files into `out`: see train.prepare and train.run_job.

    Where the recipe has a teacher, it is the one in the folder of its name beside `out`, and is trained there first
    where there is none. Raises Rtl4mlError where recipe, data, teacher or folder are bad.
    """
    job = prepare(recipe, data=data, out=out, seed=seed, quick=quick)
    teacher = None
    if job.plan.teacher is not None:
        plan = teacher_of(job.plan)
        folder = job.out.parent / str(job.plan.teacher)
        _train_missing(plan, folder, data=data, quick=quick, resume=resume, progress=progress)
        teacher = load_teacher(plan, folder, job)
    return run_job(job, teacher=teacher, resume=resume, progress=progress)


def teacher_of(student: Recipe) -> Recipe:
    """The recipe of a student's teacher. Raises BadData where that has a teacher itself."""
    name = str(student.teacher)
    beside = student.path.with_name(f"{name}.toml")
    plan = read_recipe(beside if beside.is_file() else name)
    if plan.teacher is not None:
        raise BadData(
            f"{student.path.name}: a teacher must have learnt from masks, not from {plan.teacher}, as {name} has; "
            "name another teacher"
        )
    return plan


def _train_missing(
    plan: Recipe, folder: Path, *, data: str | Path | None, quick: bool, resume: bool, progress: Tell
) -> None:
    """Trains a teacher where there is none in the folder, or only a quick one and a whole one is asked for."""
    metrics = read_metrics(folder)
    if metrics is None or (metrics["quick"] and not quick):
        job = prepare(plan.path, data=data, out=folder, quick=quick)
        run_job(job, resume=resume, progress=within(progress, "teacher"))


def load_teacher(plan: Recipe, folder: Path, student: Job) -> Teacher:
    """The teacher that was trained into a folder.

    Raises BadData where it was of another recipe, or of other data than the student's, and BadModel where its weights
    are not those of its network.
    """
    name, metrics = str(student.plan.teacher), read_metrics(folder)
    if metrics is None:
        raise BadData(f"{folder}: the teacher must lie there, not be missing; run rtl4ml train {name}")
    for what, has, needs in (
        ("recipe", metrics["recipe"]["sha256"], plan.sha256),
        ("data", metrics["data"]["sha256"], student.frames.sha256()),
    ):
        if has != needs:
            raise BadData(
                f"{folder}: the teacher there must be of the {what} that {student.plan.path.name} asks for, "
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
    weights = b"".join(w.tobytes() for w in model.get_weights())
    return Teacher(
        model=model,
        identity={
            "name": name,
            "sha256": plan.sha256,
            "seed": metrics["recipe"]["seed"],
            "quick": metrics["quick"],
            "weights_sha256": hashlib.sha256(weights).hexdigest(),
        },
    )
