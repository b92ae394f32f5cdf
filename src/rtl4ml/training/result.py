# SPDX-License-Identifier: Apache-2.0
"""What a training of any task says while it runs, and what it has written when it is done."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rtl4ml.errors import BadData
from rtl4ml.training.recipes import Recipe
from rtl4ml.training.runs import Run

METRICS = "metrics.json"


@dataclass(frozen=True, kw_only=True)
class Progress:
    """After each epoch: stage, epochs done and to do, the losses, and what else the task measures.

    validation_oa: share of validation pixels whose class is right, where a task tells classes apart.
    learning_rate: that of the epoch, where training changes it by how it goes.

    Example: Progress(stage="float", epoch=3, epochs=20, loss=0.5, validation_loss=0.4, validation_oa=0.925).
    """

    stage: str
    epoch: int
    epochs: int
    loss: float
    validation_loss: float
    validation_oa: float | None = None
    learning_rate: float | None = None

    def numbers(self) -> str:
        """The loss, and the accuracy where there is one, else the validation loss, for a line of text."""
        if self.validation_oa is None:
            return f"loss {self.loss:.4f}  validation loss {self.validation_loss:.4f}"
        return f"loss {self.loss:.4f}  validation {100 * self.validation_oa:.2f} %"


Tell = Callable[[Progress], None]


def within(tell: Tell, what: str) -> Tell:
    """Tells stages with what they belong to, as in "teacher, float"."""
    return lambda progress: tell(replace(progress, stage=f"{what}, {progress.stage}"))


def silent(_progress: Progress) -> None:
    """Shows nothing."""


@dataclass(frozen=True, kw_only=True)
class Trained:
    """The result of a training: folder, the .keras file in it, the content of metrics.json; as text, its figures.

    summary: a task's words for its metrics.
    """

    out: Path
    model: Path
    metrics: Mapping[str, Any]
    summary: Callable[[Mapping[str, Any]], str]

    def __str__(self) -> str:
        return f"{self.summary(self.metrics)}\nmodel   {self.model}"


def folder_of(plan: Recipe, out: str | Path | None) -> Path:
    """Where a recipe's files go: `out`, else build/train/<name>."""
    return Path(out) if out is not None else Path("build") / "train" / plan.name


def write(folder: Path, plan: Recipe, model: Any, metrics: Mapping[str, Any], run: Run) -> Mapping[str, Any]:
    """Writes <name>.keras, metrics.json, the recipe, the history and the logs; gives metrics.json's content."""
    model.save(folder / f"{plan.name}.keras")
    text = json.dumps(metrics, indent=2) + "\n"
    (folder / METRICS).write_text(text, encoding="utf-8")
    shutil.copyfile(plan.path, folder / plan.path.name)
    run.keep(folder)
    content: Mapping[str, Any] = json.loads(text)
    return content


def read_metrics(folder: Path) -> dict[str, Any] | None:
    """metrics.json of a folder that a training wrote; None where there is none. Raises BadData where it is damaged."""
    path = folder / METRICS
    if not path.is_file():
        return None
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        complete = {"recipe", "data", "quick"} <= set(found)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, TypeError):
        complete = False
    if not complete:
        raise BadData(f"{path}: must be written by rtl4ml train, not damaged; move the folder away")
    return found
