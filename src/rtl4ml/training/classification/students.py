# SPDX-License-Identifier: Apache-2.0
"""The students that come trained."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml.data.scenes import Scene
from rtl4ml.errors import BadData, BadModel
from rtl4ml.host import frameworks
from rtl4ml.metrics.classes import Accuracy, accuracy
from rtl4ml.training.classification.recipe import Recipe, read_recipe

STUDENT = "salinas_1dcnn"
SYNTHETIC_STUDENT = "synthetic_1dcnn"  # the same network, trained on the synthetic scene
EVALUATION_BATCH = 2048


@dataclass(frozen=True, kw_only=True)
class Student:
    """A trained network and its recipe. model: tf_keras, from recipe.inputs(spectra) to class probabilities."""

    recipe: Recipe
    model: Any

    def predict(self, spectra: NDArray[Any]) -> NDArray[np.int64]:
        """Classes (N,) of spectra (N, bands) in counts; ties go to the lowest."""
        out = logits_model(self.model).predict(
            self.recipe.inputs(spectra), batch_size=EVALUATION_BATCH, verbose=0
        )
        return np.asarray(out.argmax(axis=-1), dtype=np.int64)

    def measure(self, scene: Scene) -> Accuracy:
        """Accuracy on the test pixels of the recipe's split of `scene`."""
        test = self.recipe.split(scene).test
        return accuracy(scene.labels[test], self.predict(scene.spectra[test]), classes=scene.classes)


def student_path(name: str = STUDENT) -> Path:
    """The .keras file of a student that comes with rtl4ml; `convert` takes it. Raises BadData where there is none."""
    path = read_recipe(name).path.with_suffix(".keras")
    if not path.is_file():
        raise BadData(
            f"{path.name}: the trained student must lie beside its recipe, not be missing; run rtl4ml train"
        )
    return path


def load_student(name: str = STUDENT) -> Student:
    """A student that comes trained with rtl4ml: built by its build(), with the weights of its .keras file."""
    recipe = read_recipe(name)
    path = student_path(name)
    model = recipe.build_model(quantized=True)
    try:
        model.load_weights(path)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise BadModel(
            f"{path.name}: must hold the weights of {recipe.model}.py, not others ({str(error).splitlines()[0]}); "
            f"run rtl4ml train {name}"
        ) from None
    return Student(recipe=recipe, model=model)


def student_for(scene: Scene) -> str:
    """Name of the student that was trained on scenes of this kind, the real ones or the synthetic one."""
    return SYNTHETIC_STUDENT if scene.synthetic else STUDENT


def logits_model(model: Any) -> Any:
    """`model` without a softmax at its end."""
    last = model.layers[-1]
    if getattr(getattr(last, "activation", None), "__name__", "") != "softmax":
        return model
    return frameworks.keras().Model(model.input, last.input)
