# SPDX-License-Identifier: Apache-2.0
"""The main job: the trained student becomes hardware, proven on every pixel of a scene. What `make demo` runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import rtl4ml
from rtl4ml.data import catalog as scenes
from rtl4ml.data.scenes import Scene, Split
from rtl4ml.errors import BadInput, HlsCannot, SimulationFailed
from rtl4ml.host.folders import project_folder
from rtl4ml.host.progress import Step, silent
from rtl4ml.metrics import classes
from rtl4ml.report.extras import Data, Extras
from rtl4ml.report.figures.maps import ClassMap
from rtl4ml.report.schema import Accuracy
from rtl4ml.training.classification import recipe as classification_recipe
from rtl4ml.training.classification import students

STALLED_SAMPLES = 512  # frames of the run under random stalls, spread over the scene
SEED = 0  # of the stalls


@dataclass(frozen=True, kw_only=True)
class Demo:
    """The result of the main job: the report, its folder, the source of the pixels, and why there was no csim."""

    report: Mapping[str, Any]
    out: Path
    scene: str
    synthetic: bool
    csim_refused: str | None


def run(
    *,
    out: str | Path = "build/demo",
    data: str | Path | None = None,
    samples: int | None = None,
    step: Step = silent,
) -> Demo:
    """Converts the student at one band a cycle, runs every proof on the scene, counts resources and reports.

    data: folder of the scenes, else RTL4ML_DATA, else the synthetic scene. samples: pixels at most, spread evenly;
    None for all. step: makes a context manager from each step's text, to show progress; it gives a function that is
    told how many of how many are done.
    Raises Rtl4mlError where data, tools or folder are bad.
    """
    with step("scene and student"):
        scene = scenes.load_or_synthetic("salinas_crop", data=data)
        name = students.student_for(scene)
        recipe = classification_recipe.read_recipe(name)
        split = recipe.split(scene)
    chosen = spread(len(scene.labels), samples)
    x = recipe.inputs(scene.spectra[chosen])
    if not len(x):
        raise BadInput(f"demo: the scene must have pixels to compare, not none of {scene.name}; take more")
    what = f"{len(x):,} {'synthetic ' if scene.synthetic else ''}pixels"

    with project_folder(out, keep=(SimulationFailed,)) as folder:
        with step(f"convert {name} at one band a cycle"):
            design = rtl4ml.convert(students.student_path(name), out=folder, target_interval=scene.bands)
        with step(f"emulate {what}"):
            logits = design.emulate(x)
        refused = None
        with step(f"C simulation of the HLS project, {what}") as tell:
            try:
                design.csim(x, progress=tell)
            except HlsCannot as error:
                refused = str(error)
        with step(f"RTL simulation, {what}") as tell:
            design.simulate(x, progress=tell)
        stalled = x[spread(len(x), STALLED_SAMPLES)]
        with step(f"RTL simulation under random stalls, {len(stalled):,} of them") as tell:
            design.simulate(stalled, stalls="random", seed=SEED, progress=tell)
        with step("synthesis with Yosys") as tell:
            design.synthesize(progress=tell)

        with step("report"):
            predicted = logits.reshape(len(x), -1).argmax(axis=-1)
            accuracy, extras = _shown(scene, split, chosen, predicted)
            report = design.report(accuracy=accuracy, extras=extras)
    return Demo(
        report=report,
        out=Path(out),
        scene=what if scene.synthetic else f"{scene.name}, {what} of {scene.source}",
        synthetic=scene.synthetic,
        csim_refused=refused,
    )


def _shown(
    scene: Scene, split: Split, chosen: NDArray[np.int64], predicted: NDArray[np.int64]
) -> tuple[Accuracy | None, Extras]:
    """What the report shows of the chosen pixels: accuracy of those that test, None without any, and the map."""
    labels = scene.labels[chosen]
    tested = np.isin(chosen, split.test)
    accuracy: Accuracy | None = None
    confusion = None
    if tested.any():
        found = classes.accuracy(labels[tested], predicted[tested], classes=scene.classes)
        confusion = np.array(found.confusion)
        accuracy = {
            "dataset": scene.name,
            "split": split.name,
            "oa": found.oa,
            "aa": found.aa,
            "kappa": found.kappa,
        }
    shown = ClassMap(
        row=scene.row[chosen], col=scene.col[chosen], truth=labels, predicted=predicted, test=tested
    )
    return accuracy, Extras(
        data=Data(name=scene.name, synthetic=scene.synthetic),
        sample="pixel",
        class_names=scene.class_names,
        confusion=confusion,
        class_map=shown,
    )


def spread(n: int, most: int | None) -> NDArray[np.int64]:
    """Indices of at most `most` of n items, evenly spread, the first among them."""
    count = n if most is None else min(n, most)
    return np.arange(count, dtype=np.int64) * n // max(count, 1)
