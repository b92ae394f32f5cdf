# SPDX-License-Identifier: Apache-2.0
"""Accuracy, recipes, a short training, the committed students, and the one import of TensorFlow."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, confusion_matrix

from rtl4ml.board.counts import Counts
from rtl4ml.data import catalog, synthetic
from rtl4ml.errors import BadData, BadInput, BadModel
from rtl4ml.frontends.qkeras.importer import parse
from rtl4ml.host import frameworks
from rtl4ml.metrics import classes as metrics_classes
from rtl4ml.training import recipes, runs
from rtl4ml.training.classification import recipe as classification_recipe
from rtl4ml.training.classification import start, students, train
from rtl4ml.training.classification import step as classification_step
from rtl4ml.training.result import Progress
from rtl4ml.training.segmentation import recipe as segmentation_recipe

MODELS = Path(__file__).parents[2] / "models"
# Those that come trained, and the least overall accuracy that each must have.
STUDENTS = {"salinas_1dcnn": 0.965, "synthetic_1dcnn": 0.965, "salinas_1dcnn_8bit": 0.965}


def refuses(text: str, kind: type[Exception] = BadData) -> Any:
    return pytest.raises(kind, match=f"^{re.escape(text)}$")


# ---------------------------------------------------------------------------------------------------------- accuracy


def test_accuracy_of_a_hand_worked_case() -> None:
    # Truth 0 0 0 1 1 2, found 0 0 1 1 1 0; class 3 does not occur.
    found = metrics_classes.accuracy(np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 1, 0]), classes=4)
    assert found.confusion == ((2, 1, 0, 0), (0, 2, 0, 0), (1, 0, 0, 0), (0, 0, 0, 0))
    assert found.samples == 6
    assert found.oa == 4 / 6
    assert found.per_class == (2 / 3, 1.0, 0.0, None)
    assert found.aa == pytest.approx((2 / 3 + 1 + 0) / 3, abs=1e-15)
    chance = (3 * 3 + 2 * 3 + 1 * 0) / 36
    assert found.kappa == pytest.approx((4 / 6 - chance) / (1 - chance), abs=1e-15)


def test_accuracy_against_scikit_learn(rng: np.random.Generator) -> None:
    for _ in range(20):
        classes, n = int(rng.integers(2, 9)), int(rng.integers(1, 400))
        labels, predicted = rng.integers(0, classes, n), rng.integers(0, classes, n)
        found = metrics_classes.accuracy(labels, predicted, classes=classes)
        expected = confusion_matrix(labels, predicted, labels=range(classes))
        assert np.array_equal(found.confusion, expected)
        kappa = cohen_kappa_score(labels, predicted, labels=range(classes))
        if np.isfinite(kappa):
            assert found.kappa == pytest.approx(kappa, abs=1e-12)
    assert metrics_classes.accuracy(np.zeros(3, int), np.zeros(3, int), classes=2).kappa == 1.0


def test_accuracy_of_nonsense() -> None:
    with refuses(
        "accuracy: predictions must be integers (N,) from 0 to 1, not int64 (2,) from 0 to 2; "
        "take the argmax of the logits"
    ):
        metrics_classes.accuracy(np.array([0, 1]), np.array([0, 2]), classes=2)
    with refuses(
        "accuracy: must have as many predictions as labels, and some, not 1 and 2; predict the same pixels"
    ):
        metrics_classes.accuracy(np.array([0, 1]), np.array([0]), classes=2)


# ----------------------------------------------------------------------------------------------------------- recipes


def recipe_with(folder: Path, *changes: tuple[str, str]) -> Path:
    """A small recipe on the synthetic scene, with texts replaced, and the network beside it."""
    text = """
        model = "net"
        seed = 3
        [data]
        scene = "synthetic"
        split = "random"
        scale_log2 = 13
        train = 40
        validation = 10
        [build]
        kernels = 4
        hidden = [8]
        weight_bits = [4, 4, 4]
        weight_integers = [1, 2, 0]
        activation_bits = [6, 4]
        activation_integers = [0, 1]
        [float]
        epochs = 20
        batch = 32
        learning_rate = 1e-2
        weight_decay = 1e-5
        brightness = 0.02
        [quantized]
        epochs = 3
        batch = 32
        learning_rate = 3e-3
        weight_decay = 0.0
        brightness = 0.02
    """
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    shutil.copyfile(MODELS / "salinas_1dcnn.py", folder / "net.py")
    path = folder / "small.toml"
    path.write_text(text)
    return path


def test_a_network_is_run_as_it_was_hashed(tmp_path: Path) -> None:
    """A training builds it twice, hours apart, and writes its hash at the end."""
    plan = classification_recipe.read_recipe(recipe_with(tmp_path))
    source = (tmp_path / "net.py").read_bytes()
    told = plan.network_sha256
    (tmp_path / "net.py").write_text("def build(**_):\n    raise SystemExit('another network')\n")
    assert plan.build_model(quantized=True).count_params() > 0
    assert plan.network_sha256 == told == hashlib.sha256(source).hexdigest()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (("seed = 3", ""), "a recipe must have seed, not lack it; add it"),
        (("seed = 3", "seed = 3.0"), "seed must be a whole number, not 3.0; mend it"),
        (("seed = 3", "seed = true"), "seed must be a whole number, not True; mend it"),
        (("batch = 32", "batch = 0"), "float.batch must be a number from 1 up, not 0; mend it"),
        (
            ("brightness = 0.02", "brightness = nan"),
            "float.brightness must be a number from 0 up, not nan; mend it",
        ),
        (
            ("scale_log2 = 13", "scale_log2 = 13\nscale = 2"),
            "keys must be data.scene, data.split, data.scale_log2, data.train, data.validation, not data.scale; "
            "take it out",
        ),
        (
            ('split = "random"', 'split = "mixed"'),
            'data.split must be "given", "block" or "random", not \'mixed\'; write one of them',
        ),
        (
            ('model = "net"', 'model = "../net"'),
            "model must be the name of a .py file beside the recipe, not '../net'; put the file there",
        ),
        (
            ("[quantized]", '[quantized]\nschedule = "linear"'),
            'quantized.schedule must be "cosine" or "constant", not \'linear\'; write one of them',
        ),
        (
            ("[quantized]", "[quantized]\ncovered = 1.5"),
            "quantized.covered must be a share above 0 and up to 1, not 1.5; mend it",
        ),
        (
            ("[quantized]", "[quantized]\nreached = 0"),
            "quantized.reached must be a share above 0 and up to 1, not 0; mend it",
        ),
        (
            ("[quantized]", "[quantized]\ntemperature = -1"),
            "quantized.temperature must be a number from 0 up, not -1; mend it",
        ),
        (
            ("[quantized]", "[quantized]\nmixed = true"),
            "quantized.mixed must come with a quantized.temperature, not without: mixed pixels have no labels; add it",
        ),
        (
            ("[quantized]", "[quantized]\ncentred = 1"),
            "quantized.centred must be true or false, not 1; mend it",
        ),
        (
            ("[float]", "[float]\ncentred = true"),
            "keys must be float.epochs, float.batch, float.learning_rate, float.weight_decay, float.brightness, "
            "float.schedule, not float.centred; take it out",
        ),
        (("[float]", "float = 3\n[flat]"), "data.train"),
    ],
)
def test_recipe_that_is_none(tmp_path: Path, change: tuple[str, str], text: str) -> None:
    path = recipe_with(tmp_path, change)
    if text == "data.train":  # a key outside the recipe's tables lands in the one above it
        with pytest.raises(BadData, match=r"^small\.toml: a recipe must have float, not lack it; add it$"):
            classification_recipe.read_recipe(path)
        return
    with refuses(f"small.toml: {text}"):
        classification_recipe.read_recipe(path)


def test_recipe_that_is_missing_or_no_toml(tmp_path: Path) -> None:
    known = ", ".join(recipes.shipped())
    with refuses(f"nowhere: a recipe must be a .toml file or one of {known}, not missing; check the name"):
        classification_recipe.read_recipe("nowhere")
    path = tmp_path / "x.toml"
    path.write_bytes(b"a = [")
    with pytest.raises(BadData, match=r"^x\.toml: a recipe must be TOML, not broken \(.*\); mend it$"):
        classification_recipe.read_recipe(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(BadData, match=r"^x\.toml: a recipe must be TOML, not broken \(.*\); mend it$"):
        classification_recipe.read_recipe(path)


def test_split_that_lacks_its_shares(tmp_path: Path) -> None:
    recipe = classification_recipe.read_recipe(recipe_with(tmp_path, ("train = 40\n", "")))
    with refuses(
        "small.toml: a random split must have data.train and data.validation, not lack them; add them"
    ):
        recipe.split(synthetic.synthetic(side=60))


def test_inputs_are_counts_over_a_power_of_two(tmp_path: Path) -> None:
    recipe = classification_recipe.read_recipe(recipe_with(tmp_path))
    x = recipe.inputs(np.array([[-9, 8374, 0]], np.int16))
    assert x.dtype == np.float32
    assert x.shape == (1, 3, 1)
    assert x[0, :, 0].tolist() == [-9 / 8192, 8374 / 8192, 0.0]


# ---------------------------------------------------------------------------------------------------------- training


def identity(path: Path) -> dict[str, Any]:
    recipe, scene = classification_recipe.read_recipe(path), synthetic.synthetic()
    return {
        "recipe": recipe.sha256,
        "network": recipe.network_sha256,
        "seed": recipe.seed,
        "schedule": "whole",
        "data": scene.sha256(),
        "split": recipe.split(scene).sha256(),
        "versions": runs.versions(),
    }


def interrupted(stage: str, epoch: int) -> Any:
    """A progress callback that stops training after an epoch of a stage."""

    def stop(progress: Progress) -> None:
        if (progress.stage, progress.epoch) == (stage, epoch):
            raise KeyboardInterrupt

    return stop


def test_training_repeats_itself_though_interrupted_and_writes_a_model_that_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = recipe_with(
        tmp_path, ("[quantized]", "[quantized]\n        temperature = 2.0\n        mixed = true")
    )
    seen: list[Progress] = []
    one = train.train(path, out=tmp_path / "one", progress=seen.append)
    monkeypatch.setattr(runs, "SHARE", 1e9)  # a checkpoint every epoch
    for stage, epoch in (("float", 7), ("quantized", 2)):
        with pytest.raises(KeyboardInterrupt):
            train.train(path, out=tmp_path / "two", resume=True, progress=interrupted(stage, epoch))
        assert not (tmp_path / "two").exists()
        head = runs.Run(tmp_path / "two.run", identity(path), resume=True)
        assert (head.history[-1]["stage"], head.history[-1]["epoch"]) == (stage, epoch)
    rest: list[Progress] = []
    two = train.train(path, out=tmp_path / "two", resume=True, progress=rest.append)
    assert [(p.stage, p.epoch) for p in rest] == [("quantized", 3)]
    assert not (tmp_path / "two.run").exists()
    for name in ("one", "two"):
        files = {p.name for p in (tmp_path / name).iterdir()}
        assert files == {
            *("small.keras", "small.toml", "metrics.json", "history.csv", "curve.png", "confusion.png"),
            *("logs", ".rtl4ml"),
        }
    for name in ("history.csv", "curve.png", "confusion.png"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    history = runs.read_history(tmp_path / "one" / "history.csv")
    assert [(row["stage"], row["epoch"], row["loss"]) for row in history] == [
        (p.stage, p.epoch, p.loss) for p in seen
    ]
    quick = replace(one, metrics={**one.metrics, "quick": True})
    done = [("float", e + 1) for e in range(20)] + [("quantized", e + 1) for e in range(3)]
    assert [(p.stage, p.epoch) for p in seen] == done
    assert seen[19].loss < 0.7 * seen[0].loss
    assert one.metrics["quantized"]["test"]["oa"] > 0.3  # by chance 0.125
    assert one.metrics["data"]["synthetic"]
    assert one.metrics["input"] == {"counts": {"dtype": "uint16", "scale_log2": 13}}
    assert "SYNTHETIC" in str(one)
    assert "quick" not in str(one)
    assert "quick: not the recipe's schedule" in str(quick)
    for key in ("float", "quantized", "split", "data", "recipe"):
        assert one.metrics[key] == two.metrics[key]
    assert json.loads((tmp_path / "one" / "metrics.json").read_text()) == one.metrics

    load, custom = (
        frameworks.keras().models.load_model,
        frameworks.qkeras().utils._add_supported_quantized_objects,
    )
    objects: dict[str, Any] = {}
    custom(objects)
    models = [load(run.model, custom_objects=objects, compile=False) for run in (one, two)]
    weights = [model.get_weights() for model in models]
    assert all(np.array_equal(a, b) for a, b in zip(weights[0], weights[1], strict=True))

    recipe, scene = classification_recipe.read_recipe(path), synthetic.synthetic()
    found = students.Student(recipe=recipe, model=models[0]).measure(scene)
    assert found.oa == one.metrics["quantized"]["test"]["oa"]
    assert found.samples == one.metrics["split"]["test"] == len(scene.labels) - 8 * 50


def started(
    folder: Path, rng: np.random.Generator, bits: tuple[int, int], **options: Any
) -> tuple[Any, Any, Any, float]:
    """A network with random weights, one with quantizers started from it, pixels, and the gain of its logits."""
    recipe = classification_recipe.read_recipe(
        recipe_with(
            folder,
            ("weight_bits = [4, 4, 4]", f"weight_bits = [{bits[0]}, {bits[0]}, {bits[0]}]"),
            ("activation_bits = [6, 4]", f"activation_bits = [{bits[1]}, {bits[1]}]\n        bias_bits = 24"),
        )
    )
    frameworks.keras().utils.set_random_seed(1)
    plain, quantized = (recipe.build_model(quantized=q) for q in (False, True))
    weights = [0.3 * rng.standard_normal(w.shape).astype(np.float32) for w in plain.get_weights()]
    for i, variable in enumerate(plain.weights):
        if "moving_variance" in variable.name or "gamma" in variable.name:
            weights[i] = 0.5 + np.abs(weights[i])
    plain.set_weights(weights)
    x = rng.uniform(0, 1, (200, 204, 1)).astype(np.float32)
    before = quantized.get_weights()
    gain = start.start_quantized(plain, quantized, x, **options)
    assert not np.array_equal(before[0], quantized.get_weights()[0])
    return plain, quantized, x, gain


def error_of(plain: Any, quantized: Any, x: Any, gain: float) -> float:
    """How far the logits are apart, a share of their spread; in the middle, as a few activations are cut off."""
    wanted = students.logits_model(plain).predict(x, verbose=0)
    found = gain * students.logits_model(quantized).predict(x, verbose=0)
    return float(np.median(np.abs(found - wanted)) / wanted.std(axis=0).mean())


@pytest.mark.parametrize("channels", [False, True])
def test_start_of_the_quantized_stage_changes_the_scale_and_nothing_else(
    channels: bool, tmp_path: Path, rng: np.random.Generator
) -> None:
    """With quantizers so fine and wide that they hardly round, the rescaled network's logits are the plain one's."""
    plain, quantized, x, gain = started(tmp_path, rng, (22, 22), channels=channels)
    assert error_of(plain, quantized, x, gain) < 5e-3
    for name, integer in (("conv_relu", 0), ("dense1_relu", 1)):
        out = (
            frameworks.keras().Model(quantized.input, quantized.get_layer(name).output).predict(x, verbose=0)
        )
        assert np.quantile(out[out > 0], 0.99) < 2**integer, name
        # A channel that is not held back by its weights fills the range.
        reach = np.quantile(out.reshape(-1, out.shape[-1]), 0.9995, axis=0)
        kernel = np.abs(quantized.get_layer(name.removesuffix("_relu")).get_weights()[0])
        kernel = kernel.reshape(-1, kernel.shape[-1])
        widest = kernel.max(axis=0) / 2 ** (1 if integer == 0 else 2)
        full = np.maximum(reach / 2**integer, widest) > 0.7
        assert full.all() if channels else full.any(), name


def test_start_that_makes_up_for_rounding(tmp_path: Path, rng: np.random.Generator) -> None:
    """Three bits a weight: rounded as they are, little is left; the weights made up for each other are on the grid."""
    plain, quantized, x, gain = started(tmp_path, rng, (3, 8), channels=True)
    nearest = error_of(plain, quantized, x, gain)
    plain, quantized, x, gain = started(
        tmp_path, np.random.default_rng(1), (3, 8), channels=True, compensated=True
    )
    assert error_of(plain, quantized, x, gain) < 0.5 * nearest
    for layer in quantized.layers:
        if getattr(layer, "kernel", None) is not None:
            np.testing.assert_array_equal(layer.kernel_quantizer_internal(layer.kernel), layer.kernel)


def test_compensation_of_a_hand_worked_case() -> None:
    """Two inputs that are always the same: what the first weight loses to rounding, the second makes up for."""
    given = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0], [5.0, 5.0]])
    kernel = np.array([[0.4], [0.4]])
    found, bias = start.compensate(kernel, np.array([3.0]), given, given, np.round)
    assert found.ravel().tolist() in ([0.0, 1.0], [1.0, 0.0])  # not 0 and 0, to which both are nearest
    assert bias[0] == pytest.approx(3.0 + (0.8 - 1.0) * 2.0)
    # Inputs that came out half as large and shifted: the sums stay.
    found, bias = start.compensate(kernel, np.array([3.0]), given, given / 2 + 1, lambda v: v)
    np.testing.assert_allclose((given / 2 + 1) @ found + bias, given @ kernel + 3.0, atol=0.05)


def test_steps_towards_the_probabilities_of_a_teacher(rng: np.random.Generator) -> None:
    """The loss is the cross-entropy with them; of certain ones it is that with the labels, and so is the step."""
    keras = frameworks.keras()
    x = rng.standard_normal((64, 5)).astype(np.float32)
    labels = rng.integers(0, 3, 64).astype(np.int32)
    start_weights = [rng.standard_normal((5, 3)).astype(np.float32), np.zeros(3, np.float32)]
    stage = classification_recipe.Stage(
        epochs=1, batch=64, learning_rate=0.05, weight_decay=0.0, brightness=0.0
    )

    def course(goal: Any) -> list[float]:
        net = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3)])
        net.set_weights(start_weights)
        step = classification_step.Step(net, stage, gain=1.0, centred=False, total=5)
        return [float(step(x, goal)) for _ in range(5)]

    certain = np.eye(3, dtype=np.float32)[labels]
    assert course(certain) == pytest.approx(course(labels), abs=1e-5)
    soft = 0.5 * certain + np.float32(0.5 / 3)
    out = x @ start_weights[0]
    log = out - np.log(np.exp(out).sum(axis=1, keepdims=True))
    assert course(soft)[0] == pytest.approx(-(soft * log).sum(axis=1).mean(), abs=1e-5)


def test_mixed_pixels() -> None:
    pixels = np.array([[[0.0], [4.0]], [[8.0], [0.0]], [[2.0], [2.0]]], np.float32)
    found = classification_step.mixed(pixels, np.array([1.0, 0.25, 0.5], np.float32)).numpy()
    assert found.tolist() == [[[0.0], [4.0]], [[2.0], [3.0]], [[5.0], [1.0]]]


def test_centred_steps_are_those_of_a_network_whose_inputs_are_centred(rng: np.random.Generator) -> None:
    keras, qkeras = frameworks.keras(), frameworks.qkeras()
    x = (rng.standard_normal((64, 5)) + 7).astype(np.float32)
    labels = rng.integers(0, 3, 64).astype(np.int32)
    start = [rng.standard_normal((5, 3)).astype(np.float32), rng.standard_normal(3).astype(np.float32)]
    mean = x.mean(axis=0)
    stage = classification_recipe.Stage(
        epochs=1, batch=64, learning_rate=0.05, weight_decay=0.01, brightness=0.0
    )

    def course(pixels: Any, first: Any, centred: bool) -> Any:
        net = keras.Sequential([keras.Input((5,)), qkeras.QDense(3)])
        net.set_weights(first)
        step = classification_step.Step(net, stage, gain=2.0, centred=centred, total=20)
        if centred:
            step.centre(pixels)
        losses = [float(step(pixels, labels)) for _ in range(20)]
        return losses, net.get_weights()

    losses, (kernel, bias) = course(x, start, True)
    wanted, (same, centred_bias) = course(x - mean, [start[0], start[1] + mean @ start[0]], False)
    plain, _ = course(x, start, False)
    assert losses == pytest.approx(wanted, abs=1e-4)
    assert losses != pytest.approx(plain, abs=1e-2)
    np.testing.assert_allclose(kernel, same, atol=1e-4)
    np.testing.assert_allclose(bias, centred_bias - mean @ same, atol=1e-3)


@pytest.mark.parametrize("schedule", ["cosine", "constant"])
def test_adam_is_that_of_keras(schedule: str, rng: np.random.Generator) -> None:
    keras, tf = frameworks.keras(), frameworks.tf()
    x = rng.standard_normal((64, 5)).astype(np.float32)
    labels = rng.integers(0, 3, 64).astype(np.int32)
    start = [rng.standard_normal((5, 3)).astype(np.float32), rng.standard_normal(3).astype(np.float32)]
    numbers = {"learning_rate": 0.05, "weight_decay": 0.0, "brightness": 0.0}
    stage = classification_recipe.Stage(epochs=1, batch=64, schedule=schedule, **numbers)
    ours, theirs = (keras.Sequential([keras.Input((5,)), keras.layers.Dense(3)]) for _ in range(2))
    ours.set_weights(start)
    theirs.set_weights(start)
    step = classification_step.Step(ours, stage, gain=1.0, centred=False, total=20)
    cosine = keras.optimizers.schedules.CosineDecay(0.05, 20, alpha=0.01)
    optimizer = keras.optimizers.Adam()
    for done in range(1, 21):
        step(x, labels)
        optimizer.learning_rate = float(cosine(done)) if schedule == "cosine" else 0.05
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, theirs(x)))
        optimizer.apply_gradients(zip(tape.gradient(loss, theirs.weights), theirs.weights, strict=True))
    for one, two in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, two, atol=5e-4)  # theirs has its epsilon elsewhere


def test_training_that_is_refused_or_interrupted_leaves_all_folders_as_they_were(tmp_path: Path) -> None:
    path = recipe_with(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("")
    with pytest.raises(BadInput, match=r"an output folder must be new, empty or an earlier rtl4ml project"):
        train.train(path, out=tmp_path / "mine", quick=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mine", "net.py", "small.toml"]

    seen: list[Progress] = []

    def interrupt(progress: Progress) -> None:
        seen.append(progress)
        raise KeyboardInterrupt

    for seed in (3, 4):
        with pytest.raises(KeyboardInterrupt):
            train.train(path, out=tmp_path / f"new{seed}", seed=seed, quick=True, progress=interrupt)
    assert seen[0].epochs == recipes.QUICK_EPOCHS
    assert seen[0].loss != seen[1].loss
    left = ["mine", "net.py", "new3.run", "new4.run", "small.toml"]
    assert sorted(p.name for p in tmp_path.iterdir()) == left

    run = tmp_path / "new3.run"
    before = {p: p.read_bytes() for p in run.rglob("*") if p.is_file()}
    for changed, text in (
        ({"seed": 4}, "another seed (3, here 4)"),
        ({"seed": 3, "quick": False}, "another schedule (quick, here whole)"),
    ):
        with refuses(
            f"{run / 'checkpoint.npz'}: the checkpoint must be of this training, not of {text}; "
            "bring that back, or remove new3.run and start anew",
            BadInput,
        ):
            train.train(path, out=tmp_path / "new3", resume=True, **{"quick": True, **changed})
    with refuses(
        f"{run}: an interrupted training must be resumed or removed, not overwritten; "
        "give --resume or remove the folder",
        BadInput,
    ):
        train.train(path, out=tmp_path / "new3", quick=True)
    old = classification_recipe.read_recipe(path).sha256[:8]
    recipe_with(tmp_path, ("epochs = 20", "epochs = 30"))
    new = classification_recipe.read_recipe(path).sha256[:8]
    with pytest.raises(BadInput, match=rf"not of another recipe \({old}, here {new}\); bring that back"):
        train.train(path, out=tmp_path / "new3", quick=True, resume=True)
    assert {p: p.read_bytes() for p in run.rglob("*") if p.is_file()} == before


@pytest.mark.slow
def test_a_known_stage_without_quantizers_is_taken_and_changes_nothing(tmp_path: Path) -> None:
    path = recipe_with(tmp_path)
    known: dict[str, Any] = {}
    seen: list[list[Progress]] = [[], []]
    found = [
        train.train(path, out=tmp_path / f"{i}", quick=True, known=known, progress=seen[i].append)
        for i in (0, 1)
    ]
    assert len(known) == 1
    assert {p.stage for p in seen[0]} == {"float", "quantized"}
    assert {p.stage for p in seen[1]} == {"quantized"}
    assert found[0].metrics["quantized"] == found[1].metrics["quantized"]
    assert found[0].metrics["float"] == found[1].metrics["float"]
    both = [(tmp_path / str(i) / "history.csv").read_bytes() for i in (0, 1)]
    assert both[0] == both[1]
    train.train(path, out=tmp_path / "3", quick=True, known=known, seed=4)
    assert len(known) == 2


@pytest.mark.slow
def test_the_papers_protocol_runs(tmp_path: Path) -> None:
    """On the synthetic scene of as many bands, the real one being the user's; two epochs a stage."""
    text = (MODELS / "paper_1dcnn.toml").read_text()
    for old, new in (('"salinas"', '"synthetic"'), ("classes = 16", "classes = 8")):
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "paper.toml").write_text(text)
    shutil.copyfile(MODELS / "salinas_1dcnn.py", tmp_path / "salinas_1dcnn.py")
    done = train.train(tmp_path / "paper.toml", out=tmp_path / "out", quick=True)
    assert done.metrics["split"]["train"] == 8 * 300
    assert done.metrics["split"]["validation"] == 8 * 30
    assert not done.metrics["split"]["disjoint"]
    assert "a random split of one scene tests on its training pixels' neighbours" in str(done)
    assert done.metrics["float"]["test"]["oa"] > 0.2  # by chance 0.125


@pytest.mark.parametrize(
    ("name", "batch", "per_class", "scene"),
    [
        ("paper_1dcnn", 64, (300, 30), "salinas"),
        ("paper_1dcnn_pavia", 64, (250, 25), "pavia_university"),
    ],
)
def test_the_papers_protocol_is_theirs(name: str, batch: int, per_class: tuple[int, int], scene: str) -> None:
    recipe = classification_recipe.read_recipe(name)
    assert (recipe.float_stage.epochs, recipe.quantized_stage.epochs) == (300, 50)
    for stage in (recipe.float_stage, recipe.quantized_stage):
        assert (stage.batch, stage.learning_rate, stage.schedule) == (batch, 1e-3, "constant")
        assert (stage.weight_decay, stage.brightness) == (0, 0)
    assert (recipe.data.train, recipe.data.validation) == per_class
    assert (recipe.data.scene, recipe.data.split) == (scene, "random")
    assert recipe.build["weight_bits"] == [8] * 4
    assert recipe.build["activation_bits"] == [8] * 3
    assert not recipe.build["normalize"]


def test_footprint_counts_every_number_at_its_width(tmp_path: Path) -> None:
    recipe = classification_recipe.read_recipe(recipe_with(tmp_path))
    weights = [5 * 4, 100 * 4 * 8, 8 * 8]
    biases = [4, 8, 8]
    quantized = train.footprint_of(recipe.build_model(quantized=True))
    assert quantized.parameters == sum(weights) + sum(biases)
    bits = 4 * sum(weights) + 14 * sum(biases)
    assert quantized.bits == pytest.approx(bits / quantized.parameters, abs=1e-3)
    plain = train.footprint_of(recipe.build_model(quantized=False))
    assert plain.bits == 32
    assert plain.parameters == quantized.parameters + 4 * (4 + 8)  # of two batch normalizations


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            ("kernels = 4", "kernels = 4\nbands = 103"),
            "small.toml: the network must have the scene's bands, 204 in synthetic, not 103; set build.bands",
        ),
        (
            ("kernels = 4", "kernels = 4\nclasses = 5"),
            "small.toml: the network must have the scene's classes, 8 in synthetic, not 5; set build.classes",
        ),
        (
            ('model = "net"', 'model = "gone"'),
            "gone.py: the network must lie beside its recipe, not be missing; put it there",
        ),
        (
            ("train = 40", "train = 40000"),
            "synthetic, seed 0: every class must have more than 40010 pixels for this split, not 621 of "
            "Synthetic field 1; ask for fewer",
        ),
    ],
)
def test_recipe_that_does_not_fit_its_scene(tmp_path: Path, change: tuple[str, str], text: str) -> None:
    path = recipe_with(tmp_path, change)
    with refuses(text):
        train.train(path, out=tmp_path / "out", quick=True)
    assert not (tmp_path / "out").exists()


def test_build_that_refuses_its_arguments(tmp_path: Path) -> None:
    recipe = classification_recipe.read_recipe(recipe_with(tmp_path, ("kernels = 4", "kernel = 4")))
    with pytest.raises(
        BadModel,
        match=r"^net\.py: build\(\) must take what small\.toml has in \[build\], not fail with .*; mend one",
    ):
        recipe.build_model(quantized=True)


# ---------------------------------------------------------------------------------------------------------- students


@pytest.mark.parametrize("name", STUDENTS)
def test_student_file_is_small_and_what_build_gives(name: str) -> None:
    path = students.student_path(name)
    assert path.stat().st_size <= 500_000
    objects: dict[str, Any] = {}
    frameworks.qkeras().utils._add_supported_quantized_objects(objects)
    stored = frameworks.keras().models.load_model(path, custom_objects=objects, compile=False)
    built = students.load_student(name).model
    for one, two in zip(stored.layers, built.layers, strict=True):
        assert one.get_config() == two.get_config()
        for a, b in zip(one.get_weights(), two.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", STUDENTS)
def test_student_has_the_accuracy_that_is_written_beside_it(
    name: str, request: pytest.FixtureRequest
) -> None:
    student = students.load_student(name)
    written = json.loads(student.recipe.path.with_suffix(".json").read_text())
    assert written["recipe"]["sha256"] == student.recipe.sha256
    assert not written["quick"]
    folder = None if written["data"]["synthetic"] else request.getfixturevalue("data")
    scene = catalog.load(student.recipe.data.scene, data=folder)
    assert scene.sha256() == written["data"]["sha256"]
    found = student.measure(scene)
    assert json.loads(json.dumps(found.__dict__)) == written["quantized"]["test"]
    assert found.oa >= STUDENTS[name]


@pytest.mark.parametrize("centred", [True, False])
def test_a_recipe_says_whether_steps_are_centred(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, centred: bool
) -> None:
    made: dict[str, bool] = {}
    trainer = train.Trainer

    def noted(name: str, *arguments: Any, **options: Any) -> Any:
        made[name] = options.get("centred", False)
        return trainer(name, *arguments, **options)

    monkeypatch.setattr(train, "Trainer", noted)
    path = recipe_with(tmp_path, ("[quantized]", f"[quantized]\ncentred = {str(centred).lower()}"))
    train.train(path, out=tmp_path / "out", quick=True)
    assert made == {"float": False, "quantized": centred}


@pytest.mark.parametrize("path", sorted(MODELS.glob("*.json")), ids=lambda path: path.stem)
def test_what_is_written_beside_a_student_is_of_its_recipe_and_its_network(path: Path) -> None:
    written = json.loads(path.read_text())["recipe"]
    for key, ending in (("sha256", ".toml"), ("network_sha256", ".py")):
        if ending == ".py" and key not in written:
            continue  # of a training before networks were hashed
        name = path.stem if ending == ".toml" else recipes.read_toml(path.with_suffix(".toml")).table["model"]
        assert written[key] == hashlib.sha256((MODELS / f"{name}{ending}").read_bytes()).hexdigest()


@pytest.mark.parametrize("path", sorted(MODELS.glob("*.json")), ids=lambda path: path.stem)
def test_what_is_written_beside_a_student_says_what_its_input_was_made_of(path: Path) -> None:
    kinds = {None: classification_recipe, segmentation_recipe.KIND: segmentation_recipe}
    recipe = kinds[recipes.kind_of(path.stem)].read_recipe(path.stem)
    assert json.loads(path.read_text())["input"] == recipe.input()
    counts = Counts.beside(path.with_suffix(".keras"))
    assert counts is not None and counts.entry() == recipe.counts()
    c = np.arange(counts.number, dtype=counts.dtype)
    shape = (1, len(c)) if recipe.counts()["dtype"] == "uint16" else (1, 1, len(c), 1)
    np.testing.assert_array_equal(recipe.inputs(c.reshape(shape)).reshape(-1), counts.preprocess(c))


@pytest.mark.parametrize("name", STUDENTS)
def test_student_is_exact_in_emulation(name: str, rng: np.random.Generator) -> None:
    student = students.load_student(name)
    x = student.recipe.inputs(rng.choice(synthetic.synthetic().spectra, 400))
    found = parse(students.student_path(name)).emulate(x)[0]
    np.testing.assert_array_equal(found, students.logits_model(student.model).predict(x, verbose=0))
    # Spectra that a student of the real scene never saw may all be one class to it, but not of the same logits.
    assert len(np.unique(found, axis=0)) > 100


@pytest.mark.parametrize("content", [b"", b"no zip", None])
def test_student_file_that_is_damaged_or_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    path = recipe_with(tmp_path)
    monkeypatch.setattr(recipes, "shipped", lambda: {"small": path})
    if content is None:
        with refuses(
            "small.keras: the trained student must lie beside its recipe, not be missing; run rtl4ml train"
        ):
            students.load_student("small")
        return
    whole = (MODELS / "salinas_1dcnn.keras").read_bytes()
    for damaged in (content, whole[:1000], whole[:-1], whole):  # the last is whole, but another network's
        path.with_suffix(".keras").write_bytes(damaged)
        with pytest.raises(
            BadModel,
            match=r"^small\.keras: must hold the weights of net\.py, not others \(.*\); run rtl4ml train small$",
        ):
            students.load_student("small")


def test_student_for_a_scene(tmp_path: Path) -> None:
    assert students.student_for(synthetic.synthetic(side=40)) == "synthetic_1dcnn"
    for name in STUDENTS:
        recipe = classification_recipe.read_recipe(name)
        assert (recipe.data.scene == "synthetic") == (name == "synthetic_1dcnn")


# ----------------------------------------------------------------------------------------------- one import of Keras


@pytest.mark.parametrize(
    ("first", "text"),
    [
        (
            "import tensorflow as tf; tf.keras.Model",
            r"tensorflow: tf\.keras must be tf_keras, not Keras 3\.[\d.]+; set TF_USE_LEGACY_KERAS=1 before the first "
            r"import of tensorflow or keras and start again",
        ),
        (
            "import keras",
            r"qkeras: its layers must be tf_keras layers, not Keras 3\.[\d.]+; set TF_USE_LEGACY_KERAS=1 before the "
            r"first import of tensorflow or keras and start again",
        ),
    ],
)
def test_keras_3_first(first: str, text: str) -> None:
    code = (
        f"{first}\nfrom rtl4ml import errors\nfrom rtl4ml.host import frameworks\n"
        "try: frameworks.keras()\nexcept errors.EnvironmentProblem as e: print(e)"
    )
    env = {k: v for k, v in os.environ.items() if k != "TF_USE_LEGACY_KERAS"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True)
    assert re.fullmatch(text, done.stdout.strip())


def test_tf_keras_first_is_fine_and_hls4ml_finds_it() -> None:
    code = (
        "import qkeras, sys\n"  # as a user's script may: keras_tuner brings Keras 3 in
        "from rtl4ml.host import frameworks\n"
        "frameworks.keras()\n"
        "import keras\n"
        "print(keras.__version__, frameworks.qkeras() is qkeras, "
        "issubclass(qkeras.QDense, frameworks.tf().keras.layers.Layer))"
    )
    env = {**os.environ, "TF_USE_LEGACY_KERAS": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True)
    assert re.fullmatch(r"2\.[\d.]+ True True", done.stdout.strip())


def test_import_is_quiet_but_swallows_nothing_else(capfd: pytest.CaptureFixture[str]) -> None:
    with frameworks._without_chatter():
        os.write(
            2,
            b"WARNING: All log messages before absl::InitializeLog() is called\nI0000 00:00:1.2 x.cc:3] hi\n",
        )
        print("disk on fire", file=sys.stderr)
    assert capfd.readouterr().err == "disk on fire\n"
