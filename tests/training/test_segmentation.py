# SPDX-License-Identifier: Apache-2.0
"""Networks that give a mask: recipes, losses, steps, folding to few bits, short trainings, interruptions."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rtl4ml.cli import main
from rtl4ml.data import sen2ships
from rtl4ml.data.frames import Picture
from rtl4ml.errors import BadData, BadInput, BadModel
from rtl4ml.frontends.qkeras.importer import parse
from rtl4ml.host import frameworks
from rtl4ml.metrics import masks as metrics_masks
from rtl4ml.training import runs
from rtl4ml.training.fit import Stages, State, read_states, write_states
from rtl4ml.training.networks import read_network
from rtl4ml.training.result import Progress, Trained
from rtl4ml.training.segmentation import fit, measure, start
from rtl4ml.training.segmentation import losses as segmentation_losses
from rtl4ml.training.segmentation import recipe as segmentation_recipe
from rtl4ml.training.segmentation import teacher as segmentation_teacher
from rtl4ml.training.segmentation import train as segmentation_train
from rtl4ml.training.segmentation.recipe import Loss
from rtl4ml.training.segmentation.teacher import train_with_teacher

MODELS = Path(__file__).parents[2] / "models"


def refuses(text: str, kind: type[Exception] = BadData) -> Any:
    return pytest.raises(kind, match=f"^{re.escape(text)}$")


def write_set(folder: Path, *, n: int = 20, size: int = 16, ships: bool = True) -> Path:
    """Dark noise with bright rectangles, and their masks, in folder/images and folder/masks."""
    rng = np.random.default_rng(5)
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    for i in range(n):
        image = rng.integers(0, 90, (size, size, 3)).astype(np.uint8)
        mask = np.zeros((size, size), np.uint8)
        if ships and i % 4:
            r, c = rng.integers(0, size - 8, 2)
            mask[r : r + 6, c : c + 8] = 255
        image[mask > 0] += 120
        Image.fromarray(image).save(folder / "images" / f"{i:02d}.png")
        Image.fromarray(mask).save(folder / "masks" / f"{i:02d}.png")
    return folder


TEACHER = """
kind = "segmentation"
model = "unet"
seed = 3
[data]
set = "folders"
images = "images"
masks = "masks"
scale_log2 = 8
[build]
size = [16, 16]
widths = [4, 6]
blocks = 1
[loss]
kind = "bce_dice"
ships = 0.9
rest = 0.1
[augmentation]
crop = 8
rotation = 180.0
zoom = 0.2
flip = true
illumination = 0.2
[float]
epochs = 3
batch = 4
learning_rate = 0.1
patience = 2
[mask]
by = "iou"
on = "frames"
opening = [0, 1]
"""
STUDENT = (
    TEACHER.replace('kind = "bce_dice"', 'kind = "mse"')
    .replace("seed = 3", 'seed = 3\nteacher = "master"')
    .replace("[mask]", "[quantized]\nepochs = 3\nbatch = 4\nlearning_rate = 0.01\npatience = 2\n[mask]")
)


def write_recipe(folder: Path, *changes: tuple[str, str], text: str = STUDENT, name: str = "small") -> Path:
    """A recipe with texts replaced, and the networks beside it."""
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    folder.mkdir(exist_ok=True)
    shutil.copyfile(MODELS / "unet.py", folder / "unet.py")
    path = folder / f"{name}.toml"
    path.write_text(text)
    return path


# ----------------------------------------------------------------------------------------------------------- recipes


@pytest.mark.parametrize("name", ["sen2ships_ternaus16", "sen2ships_unet", "sen2ships_unet_scratch"])
def test_recipes_that_come_with_rtl4ml(name: str) -> None:
    recipe = segmentation_recipe.read_recipe(name)
    assert segmentation_recipe.is_segmentation(recipe.path)
    assert recipe.data.set == "sen2ships"
    assert (recipe.data.scenes, recipe.head.on, recipe.head.opening) == (True, "scenes", (2, 0))
    model = recipe.build_model(quantized=recipe.quantized_stage is not None)
    assert model.input_shape == (None, 128, 128, 3)
    assert model.output_shape == (None, 128, 128, 1)


def test_scratch_and_distilled_differ_in_the_teacher_and_in_nothing_else() -> None:
    one, two = (segmentation_recipe.read_recipe(f"sen2ships_unet{end}") for end in ("", "_scratch"))
    assert two.teacher is None
    same = {"name": "", "path": Path(), "sha256": "", "teacher": None}
    assert replace(one, **same) == replace(two, **same)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (("seed = 3", ""), "a recipe must have seed, not lack it; add it"),
        (("seed = 3", "seed = 3\nsede = 4"), None),
        (('"segmentation"', '"spectra"'), "kind must be segmentation, not 'spectra'; mend it"),
        (
            ('"unet"', '"../unet"'),
            "model must be the name of a file beside the recipe, not '../unet'; put the file there",
        ),
        (
            ('"folders"', '"boats"'),
            "data.set must be one of sen2ships, folders, airbus, not 'boats'; write one of them",
        ),
        (('masks = "masks"', ""), "a recipe must have data.masks, not lack it; add it"),
        (('masks = "masks"', 'runs = "x.csv"\nmasks = "masks"'), None),
        (
            ('masks = "masks"', 'masks = "masks"\nnir = true'),
            "data.nir must be true or false, and false but for sen2ships, not True; mend it",
        ),
        (
            ('masks = "masks"', 'masks = "masks"\nscenes = true'),
            "data.scenes must be true or false, and false but for sen2ships, not True; mend it",
        ),
        (
            ('masks = "masks"', 'masks = "masks"\nempty = -1'),
            "data.empty must be a number from 0 up, not -1; mend it",
        ),
        (('"mse"', '"hinge"'), "loss.kind must be one of mse, bce, bce_dice, not 'hinge'; write one of them"),
        (
            ("rest = 0.1", "rest = 0"),
            "loss.ships and loss.rest must be numbers above 0, not 0.9 and 0; mend them",
        ),
        (("flip = true", "flip = 1"), "augmentation.flip must be true or false, not 1; mend it"),
        (("flip = true", ""), "a recipe must have augmentation.flip, not lack it; add it"),
        (("crop = 8", "crop = -8"), "augmentation.crop must be a number from 0 up, not -8; mend it"),
        (("zoom = 0.2", "zoom = nan"), "augmentation.zoom must be a number from 0 up, not nan; mend it"),
        (("epochs = 3", "epochs = 0"), "float.epochs must be a number from 1 up, not 0; mend it"),
        (("batch = 4", "batch = 4.0"), "float.batch must be a whole number, not 4.0; mend it"),
        (('by = "iou"', 'by = "oa"'), "mask.by must be f2 or iou, not 'oa'; write one of them"),
        (('"frames"', '"tiles"'), "mask.on must be frames or scenes, not 'tiles'; write one of them"),
        (('"frames"', '"scenes"'), "mask.on must be frames, not scenes, which folders has none of; mend it"),
        (("[0, 1]", "2"), "mask.opening must be a list of radii of 0 to 7 pixels, not 2; write [2]"),
        (("[0, 1]", "[9]"), "mask.opening must be a list of radii of 0 to 7 pixels, not [9]; write [2]"),
    ],
)
def test_what_is_wrong_with_a_recipe_is_said(
    tmp_path: Path, change: tuple[str, str], text: str | None
) -> None:
    path = write_recipe(tmp_path, change)
    if text is not None:
        with refuses(f"small.toml: {text}"):
            segmentation_recipe.read_recipe(path)
        return
    key = "sede" if "sede" in change[1] else "data.runs"
    with pytest.raises(BadData, match=rf"^small\.toml: keys must be .*, not {key}; take it out$"):
        segmentation_recipe.read_recipe(path)


def test_files_that_are_no_recipe(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("kind = ")
    with pytest.raises(BadData, match=r"^broken\.toml: a recipe must be TOML, not broken \(.*\); mend it$"):
        segmentation_recipe.read_recipe(broken)
    with pytest.raises(
        BadData, match=r"^nowhere: a recipe must be a \.toml file or one of .*, not missing; check"
    ):
        segmentation_recipe.read_recipe("nowhere")
    assert not segmentation_recipe.is_segmentation(broken)
    assert not segmentation_recipe.is_segmentation(tmp_path / "nowhere")
    assert not segmentation_recipe.is_segmentation(MODELS / "salinas_1dcnn.toml")


# ------------------------------------------------------------------------------------------------------------ teacher


def test_the_teacher_s_size() -> None:
    # VGG16's encoder has 14,714,688 weights (Simonyan and Zisserman, 2015); the way up, by hand:
    # 3 x 3 convolutions 512-512, 768-512, 768-512, 512-256, 192-128, 96-32, transposed 4 x 4 ones to 256, 256, 256,
    # 64, 32, a 1 x 1 one to the mask, and biases.
    convolutions = [(512, 512), (768, 512), (768, 512), (512, 256), (192, 128), (96, 32)]
    transposed = [(512, 256), (512, 256), (512, 256), (256, 64), (128, 32)]
    expected = (
        14_714_688
        + sum(9 * a * b + b for a, b in convolutions)
        + sum(16 * a * b + b for a, b in transposed)
        + 33
    )
    build = _module("ternaus16").build
    assert build(normalized=False).count_params() == expected == 32_202_337
    small = build(width=1 / 8, size=(None, None), channels=4, sigmoid=False)
    assert small.input_shape == (None, None, None, 4)
    assert small.get_layer("down4_3").filters == 64 and small.layers[-1].name == "logits"
    with pytest.raises(ValueError, match=r"^a teacher stays in float$"):
        build(quantized=True)


def _module(name: str) -> Any:
    return read_network(MODELS / f"{name}.py").module()


# ------------------------------------------------------------------------------------------------------------- losses


def test_losses_of_hand_worked_pixels() -> None:
    masks = np.array([[[True, False]]])
    targets = np.array([[[0.8, 0.1]]], dtype=np.float32)
    logits = np.zeros((1, 1, 2), dtype=np.float32)  # a probability of a half

    def loss(kind: str) -> float:
        return float(
            segmentation_losses.pixel_loss(Loss(kind=kind, ships=0.9, rest=0.1), masks, targets, logits)
        )

    assert loss("mse") == pytest.approx((0.9 * 0.3**2 + 0.1 * 0.4**2) / 2, abs=1e-7)
    assert loss("bce") == pytest.approx(np.log(2) * (0.9 + 0.1) / 2, abs=1e-7)
    dice = (2 * (0.4 + 0.05) + 1) / (0.9 + 1.0 + 1)
    assert loss("bce_dice") == pytest.approx(np.log(2) / 2 + 1 - dice, abs=1e-6)


# ------------------------------------------------------------------------------------------------------------- a stage


@pytest.fixture(scope="module")
def small_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_set(tmp_path_factory.mktemp("set"))


def trainer(folder: Path, data: Path, *changes: tuple[str, str], text: str = TEACHER) -> fit.Trainer:
    plan = segmentation_recipe.read_recipe(write_recipe(folder, *changes, text=text))
    frames = plan.frames(data)
    frameworks.keras().utils.set_random_seed(plan.seed)
    model = plan.build_model(quantized=False, anysize=True)
    parts = (
        segmentation_train.samples(plan, frames, part, None) for part in (frames.train, frames.validation)
    )
    return fit.Trainer(plan, plan.float_stage, "float", model, *parts)


def test_steps_are_keras_s_nesterov(tmp_path: Path, small_set: Path) -> None:
    tf = frameworks.tf()
    ours = trainer(tmp_path, small_set)
    keras = frameworks.keras()
    other = keras.models.clone_model(ours.model)
    other.set_weights(ours.model.get_weights())
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True)
    net = fit.logits_of(other)
    part = ours.train
    for _ in range(3):
        ours.step(*(tf.constant(v[:4]) for v in (part.images, part.masks, part.targets)))
        with tf.GradientTape() as tape:
            found = net(tf.constant(part.images[:4]), training=True)
            loss = segmentation_losses.pixel_loss(ours.plan.loss, part.masks[:4], part.targets[:4], found)
        slopes = tape.gradient(loss, other.trainable_variables)
        optimizer.apply_gradients(zip(slopes, other.trainable_variables, strict=True))
    for a, b in zip(ours.model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5)


def test_the_rate_halves_where_the_loss_gets_no_better(
    tmp_path: Path, small_set: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = trainer(tmp_path, small_set, ("batch = 4", "batch = 100"))  # one step an epoch
    losses = iter([5.0, 4.0, 4.0, 4.5, 4.2, 4.1, 3.0])
    checks = iter([7.0, 8.0, 6.0, 6.5, 6.0, 9.0, 9.0])
    monkeypatch.setattr(one, "validation_loss", lambda: next(checks))
    monkeypatch.setattr(one, "step", lambda *_: next(losses))
    state, rates, best = one.start(), [], []
    for _ in range(7):
        state, _ = one.epoch(state)
        rates.append(state.own["rate"])
        best.append(state.best_epoch)
    assert rates == [0.1, 0.1, 0.1, 0.05, 0.05, 0.025, 0.025]
    assert best == [1, 1, 3, 3, 3, 3, 3]
    assert (state.best, state.own["lowest"]) == ((-6.0,), 3.0)


@pytest.mark.parametrize(("empty", "others"), [("0", 0), ("0.25", None), ("9", None)])
def test_an_epoch_has_all_ships_and_so_many_others(
    tmp_path: Path, small_set: Path, monkeypatch: pytest.MonkeyPatch, empty: str, others: int | None
) -> None:
    one = trainer(
        tmp_path,
        small_set,
        ('masks = "masks"', f'masks = "masks"\nempty = {empty}'),
        ("batch = 4", "batch = 1"),
        ("crop = 8", "crop = 0"),
    )
    ships, rest = len(one.ships), len(one.others)
    expected = min(round(float(empty) * ships), rest)
    assert others is None or expected == others
    assert ships > 0 and rest > 1 and (empty != "0.25" or 0 < expected < rest)
    seen: list[int] = []

    def views(pixels: Any, masks: Any, targets: Any, rng: np.random.Generator) -> Any:
        seen.append(next(i for i, image in enumerate(one.train.images) if (image == pixels[0]).all()))
        return pixels, masks, targets

    monkeypatch.setattr(type(one.plan.augmentation), "views", lambda _, *arguments: views(*arguments))
    monkeypatch.setattr(one, "step", lambda *_: 1.0)
    monkeypatch.setattr(one, "validation_loss", lambda: 1.0)
    state, draws = one.start(), []
    for _ in range(2):
        seen.clear()
        state, _ = one.epoch(state)
        draws.append(sorted(seen))
        assert set(one.ships) <= set(seen) and len(set(seen)) == len(seen) == ships + expected
    seen.clear()
    one.epoch(one.start())
    assert sorted(seen) == draws[0]  # drawn by seed and epoch
    assert (draws[0] == draws[1]) == (empty != "0.25")


def test_a_state_comes_back_from_a_checkpoint(tmp_path: Path, small_set: Path) -> None:
    one = trainer(tmp_path, small_set)
    state = one.epoch(one.start())[0]
    with pytest.raises(KeyboardInterrupt), runs.begin(tmp_path / "x", {}) as run:
        checkpoint = write_states({"float": state})
        run.save(checkpoint.arrays, checkpoint.values)
        raise KeyboardInterrupt
    with runs.begin(tmp_path / "x", {}, resume=True) as run:
        assert run.restored is not None
        again = read_states(run.restored)["float"]
        assert Stages(run, lambda _: None).states["float"].values() == state.values()
    (a, b) = (one.epoch(s)[0] for s in (state, again))
    for name in State.ARRAYS:
        for x, y in zip(getattr(a, name), getattr(b, name), strict=True):
            np.testing.assert_array_equal(x, y)
    assert replace(a, seconds=0).values() == replace(b, seconds=0).values()


def test_a_loss_that_is_no_number(tmp_path: Path, small_set: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = trainer(tmp_path, small_set)
    monkeypatch.setattr(one, "step", lambda *_: float("nan"))
    with refuses(
        "small.toml: the loss must stay finite, not become nan in epoch 1 of float; lower float.learning_rate"
    ):
        one.epoch(one.start())


# -------------------------------------------------------------------------------------------------- from float to bits


def with_statistics(model: Any, rng: np.random.Generator) -> Any:
    """The network with batch statistics as after a training, channels of very different size."""
    keras = frameworks.keras()
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            n = layer.gamma.shape[0]
            spread = 10.0 ** rng.uniform(-1, 1, n)
            layer.set_weights(
                [spread, rng.normal(0, 0.5, n) * spread, rng.normal(0, 0.2, n), rng.uniform(0.2, 2, n)]
            )
    return model


def test_folding_keeps_the_function_where_bits_are_many(rng: np.random.Generator) -> None:
    build = _module("unet").build
    arguments = {"widths": [4, 6, 8], "size": (None, None)}
    plain = with_statistics(build(**arguments, quantized=False), rng)
    head = plain.get_layer("logits")
    head.set_weights([w * 0.01 for w in head.get_weights()])
    many = build(**arguments, weight_bits=20, activation_bits=20, bias_bits=24, bias_integer=8)
    x = (rng.integers(0, 256, (6, 16, 16, 3)) / 256).astype(np.float32)
    cut = start.start_quantized(plain, many, x)
    assert cut == 0
    before, after = (fit.logits_of(model)(x).numpy() for model in (plain, many))
    assert np.abs(before).max() > 0.05
    # one in a thousand activations of a channel saturates, so nearly all pixels are as before
    assert np.quantile(np.abs(before - after), 0.9) < 1e-3 * np.abs(before).max()
    few = build(**arguments, weight_bits=8, activation_bits=8)
    start.start_quantized(plain, few, x)
    rough = fit.logits_of(few)(x).numpy()
    assert np.corrcoef(before.ravel(), rough.ravel())[0, 1] > 0.95


def test_weights_of_the_last_layer_are_cut_off_and_said(rng: np.random.Generator) -> None:
    build = _module("unet").build
    arguments = {"widths": [4], "size": (None, None), "blocks": 1}
    plain, few = (build(**arguments, quantized=q) for q in (False, True))
    kernel, bias = plain.get_layer("logits").get_weights()
    kernel[:] = [[[[1e-3], [1e3], [1e-3], [1e-3]]]]
    plain.get_layer("logits").set_weights([kernel, bias])
    x = rng.random((2, 16, 16, 3)).astype(np.float32)
    assert start.start_quantized(plain, few, x) == 0.25


def test_a_layer_that_cannot_be_rescaled() -> None:
    layers = frameworks.keras().layers
    image = layers.Input((8, 8, 2))
    model = frameworks.keras().Model(image, layers.Softmax(name="soft")(image))
    with refuses(
        "soft: a layer of a student must be one whose channels can be rescaled, not Softmax; "
        "leave the quantized stage out",
        BadModel,
    ):
        start.start_quantized(model, model, np.zeros((1, 8, 8, 2), np.float32))


# --------------------------------------------------------------------------------------------------------- measurement


def test_thresholds_are_chosen_on_the_scenes_that_validate(small_set: Path, tmp_path: Path) -> None:
    plan = segmentation_recipe.read_recipe(write_recipe(tmp_path, text=TEACHER))
    plan = replace(plan, head=replace(plan.head, by="iou", on="scenes", opening=(1, 0)))
    frames = plan.frames(small_set)
    image = frameworks.keras().layers.Input((None, None, 3))
    model = frameworks.keras().Model(image, image[..., :1])  # the probability is the red channel

    def scene(name: str, *reds: int) -> Picture:
        """A row of 24 columns for each ship of 4 x 4 pixels, its red given, and one pixel of red 230 that is none."""
        pixels, ships = np.zeros((20, 24, 3), np.uint8), np.zeros((20, 24), np.uint8)
        for k, red in enumerate(reds):
            pixels[2:6, 2 + 6 * k : 6 + 6 * k, 0], ships[2:6, 2 + 6 * k : 6 + 6 * k] = red, k + 1
        pixels[12, 12, 0] = 230
        return Picture(name=name, image=pixels, instances=ships, source=name)

    pictures = {"validation": [scene("oslo", 60, 80), scene("bari", 200)], "test": [scene("rom", 240, 50)]}
    plain, opened = measure.measure(plan, model, frames, pictures)["opening"]
    # Opened, corners are lost but so is the lone pixel; without, 48 pixels are right and 2 are not.
    assert (plain["radius"], opened["radius"]) == (0, 1)
    assert (plain["on"], plain["threshold"], plain["value"]) == ("scenes", 0.2, 48 / 50)
    assert (opened["threshold"], opened["value"]) == (0.2, 36 / 48)
    assert plain["validation_scenes"]["iou"] == plain["value"]
    assert plain["test_scenes"]["iou"] == 16 / 33 and opened["test_scenes"]["iou"] == 12 / 32
    assert list(plain["validation_scenes"]["each"]) == ["oslo", "bari"]
    on_frames = measure.measure(plan, model, frames, {})["opening"][0]
    assert on_frames["on"] == "frames" and "test_scenes" not in on_frames


# ----------------------------------------------------------------------------------------------------- whole trainings


@pytest.fixture(scope="module")
def trained(
    small_set: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Trained, list[Progress]]:
    """A student's training from its recipe, the teacher's before it: the folder of both, the result, its progress."""
    folder = tmp_path_factory.mktemp("trained")
    write_recipe(folder, text=TEACHER, name="master")
    said: list[Progress] = []
    path = write_recipe(folder)
    return (
        folder,
        train_with_teacher(path, data=small_set, out=folder / "out" / "small", progress=said.append),
        said,
    )


def test_a_student_with_its_teacher(trained: tuple[Path, Trained, list[Progress]]) -> None:
    folder, result, said = trained
    names = {path.name for path in result.out.iterdir() if path.name[0] != "."}
    assert names == {
        "small.keras",
        "small.toml",
        "metrics.json",
        "history.csv",
        "logs",
        "curve.png",
        "masks.png",
    }
    assert [(p.stage, p.epoch) for p in said] == [
        (stage, k) for stage in ("teacher, float", "float", "quantized") for k in (1, 2, 3)
    ]
    metrics = json.loads((result.out / "metrics.json").read_text())
    assert metrics == result.metrics
    assert metrics["input"] == {"counts": {"dtype": "uint8", "scale_log2": 8}}
    teacher = json.loads((folder / "out" / "master" / "metrics.json").read_text())
    assert metrics["teacher"]["sha256"] == teacher["recipe"]["sha256"]
    assert metrics["recipe"]["sha256"] == hashlib.sha256((folder / "small.toml").read_bytes()).hexdigest()
    assert (
        metrics["recipe"]["network_sha256"] == hashlib.sha256((folder / "unet.py").read_bytes()).hexdigest()
    )
    assert metrics["data"]["sha256"] == teacher["data"]["sha256"]
    assert {"rtl4ml", "tensorflow", "qkeras"} <= set(metrics["versions"])
    for stage in ("float", "quantized"):
        best, other = metrics[stage]["opening"]
        assert {best["radius"], other["radius"]} == {0, 1}
        assert best["value"] >= other["value"]
        assert (best["by"], best["on"], best["value"]) == ("iou", "frames", best["validation"]["iou"])
        assert 0 <= best["test"]["iou"] <= 1
        assert metrics[stage]["steps"] == 3 * (metrics["data"]["train"] // 4)
    assert str(result).startswith("test frames of frames, quantized: F2 ")
    assert {row["stage"] for row in runs.read_history(result.out / "history.csv")} == {"float", "quantized"}


def test_what_was_trained_is_exact_in_hardware(
    trained: tuple[Path, Trained, list[Progress]], small_set: Path, tmp_path: Path
) -> None:
    import rtl4ml

    _, result, _ = trained
    recipe = segmentation_recipe.read_recipe(result.out / "small.toml")
    design = rtl4ml.convert(result.model, out=tmp_path / "design")
    x = recipe.inputs(recipe.frames(small_set).images[:4])
    y = design.emulate(x)
    assert y.shape == (4, 16, 16, 1)
    assert design.report()["exactness"]["emulate"] == {"samples": 4, "values": 1024, "mismatches": 0}


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["float", "quantized"])
def test_an_interrupted_training_ends_the_same(
    trained: tuple[Path, Trained, list[Progress]],
    small_set: Path,
    tmp_path: Path,
    stage: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, whole, _ = trained
    shutil.copytree(folder / "out" / "master", tmp_path / "master")
    monkeypatch.setattr(runs, "SHARE", np.inf)  # a checkpoint every epoch

    def stop(p: Progress) -> None:
        if (p.stage, p.epoch) == (stage, 2):
            raise KeyboardInterrupt

    def go(progress: Callable[[Progress], None] | None = None, **more: Any) -> Trained:
        return train_with_teacher(
            folder / "small.toml", data=small_set, out=tmp_path / "small", progress=progress, **more
        )

    with pytest.raises(KeyboardInterrupt):
        go(stop)
    assert not (tmp_path / "small").exists()
    with pytest.raises(BadInput, match="an interrupted training must be resumed or removed, not overwritten"):
        go()
    with pytest.raises(BadInput, match="the checkpoint must be of this training, not of another seed"):
        go(resume=True, seed=7)
    said: list[Progress] = []
    again = go(said.append, resume=True)
    assert said[0].epoch == 3
    assert not (tmp_path / "small.run").exists()

    def timeless(metrics: Any) -> Any:
        if isinstance(metrics, dict):
            return {k: timeless(v) for k, v in metrics.items() if k not in ("seconds", "views_per_s")}
        return [timeless(v) for v in metrics] if isinstance(metrics, list) else metrics

    assert timeless(again.metrics) == timeless(whole.metrics)
    for name in ("history.csv", "curve.png", "masks.png"):
        assert (again.out / name).read_bytes() == (whole.out / name).read_bytes()
    one, two = (weights_of(r) for r in (whole, again))
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a, b)


def weights_of(result: Trained) -> Any:
    model = segmentation_recipe.read_recipe(result.out / "small.toml")
    network = replace(model, path=MODELS / "x.toml").build_model(quantized=True)
    network.load_weights(result.model)
    return network.get_weights()


def test_the_teacher_of_another_recipe(
    trained: tuple[Path, Trained, list[Progress]], small_set: Path, tmp_path: Path
) -> None:
    folder, _, _ = trained
    shutil.copytree(folder / "out" / "master", tmp_path / "master")
    changed = tmp_path / "changed"
    write_recipe(changed, ("epochs = 3", "epochs = 2"), text=TEACHER, name="master")
    path = write_recipe(changed)
    with pytest.raises(
        BadData,
        match=r"master: the teacher there must be of the recipe that small\.toml asks for, "
        r"not of another \(\w{8}, not \w{8}\); run rtl4ml train master again or move the folder away$",
    ):
        train_with_teacher(path, data=small_set, out=tmp_path / "small")
    (tmp_path / "master" / "metrics.json").write_text("[]")
    with pytest.raises(
        BadData, match=r"metrics\.json: must be written by rtl4ml train, not damaged; move the folder"
    ):
        train_with_teacher(path, data=small_set, out=tmp_path / "small")
    write_recipe(changed, name="master")
    with refuses(
        "small.toml: a teacher must have learnt from masks, not from master, as master has; name another teacher"
    ):
        train_with_teacher(path, data=small_set, out=tmp_path / "small")
    assert not (tmp_path / "small").exists()


def test_data_that_do_not_fit(small_set: Path, tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path / "a", text=TEACHER)
    empty = write_set(tmp_path / "empty", ships=False)
    with refuses(
        f"{empty / 'images'}: the masks must have ship pixels, not only background; "
        "check that they belong to the images"
    ):
        train_with_teacher(recipe, data=empty, out=tmp_path / "out")
    mixed = write_set(tmp_path / "mixed", n=4)
    write_set(mixed, n=1, size=32)
    with refuses(
        f"{mixed / 'images'}: images must be of one size, 32 x 32 x 3 as 00, not 16 x 16 x 3 as 01; "
        "cut them to one size"
    ):
        train_with_teacher(recipe, data=mixed, out=tmp_path / "out")
    wide = write_recipe(tmp_path / "b", ("[16, 16]", "[32, 16]"), text=TEACHER)
    with refuses(
        "small.toml: the network must be for the frames' size, 16 x 16 x 3 in frames, not 32 x 16 x 3; "
        "set build.size and build.channels"
    ):
        train_with_teacher(wide, data=small_set, out=tmp_path / "out")
    crop = write_recipe(tmp_path / "c", ("crop = 8", "crop = 17"), text=TEACHER)
    with refuses(
        "small.toml: augmentation.crop must be at most the frames' size, 16 x 16, not 17; make it smaller"
    ):
        train_with_teacher(crop, data=small_set, out=tmp_path / "out")
    odd = write_recipe(tmp_path / "d", ("blocks = 1", "blocks = 1\nwhat = 2"), text=TEACHER)
    with refuses(
        "unet.py: build() must take what small.toml has in [build], not fail with "
        "\"build() got an unexpected keyword argument 'what'\"; mend one of them",
        BadModel,
    ):
        train_with_teacher(odd, data=small_set, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_quick_recipes_of_sen2ships(tmp_path: Path) -> None:
    from rtl4ml.data import catalog

    if catalog.folder() is None:
        pytest.skip("RTL4ML_DATA is not set")
    result = train_with_teacher("sen2ships_unet", out=tmp_path / "sen2ships_unet", quick=True)
    assert result.metrics["quick"] and result.metrics["teacher"]["quick"]
    assert result.metrics["quantized"]["epochs"] == 2
    assert "quick: not the recipe's schedule" in str(result)


# ------------------------------------------------------------------------------------------------- the trained student

STUDENT_FILE = MODELS / "sen2ships_unet.keras"


@pytest.fixture(scope="module")
def student() -> tuple[segmentation_recipe.Recipe, Any, Any]:
    """The recipe of the committed student, its network with the weights, what is written beside it."""
    recipe = segmentation_recipe.read_recipe("sen2ships_unet")
    model = recipe.build_model(quantized=True)
    model.load_weights(STUDENT_FILE)
    return recipe, model, json.loads(STUDENT_FILE.with_suffix(".json").read_text())


def test_student_s_file_is_small_and_of_its_recipe(
    student: tuple[segmentation_recipe.Recipe, Any, Any],
) -> None:
    recipe, model, written = student
    assert STUDENT_FILE.stat().st_size <= 1_000_000
    assert written["recipe"]["sha256"] == recipe.sha256
    assert written["recipe"]["network_sha256"] == recipe.network_sha256
    assert written["teacher"]["sha256"] == segmentation_recipe.read_recipe(str(recipe.teacher)).sha256
    assert not written["quick"] and not written["teacher"]["quick"]
    assert written["quantized"]["parameters"] == model.count_params()
    assert written["quantized"]["epochs"] == recipe.quantized_stage.epochs  # type: ignore[union-attr]  # it has one


def test_student_s_scores_are_those_beside_it(
    student: tuple[segmentation_recipe.Recipe, Any, Any], data: Path
) -> None:
    recipe, model, written = student
    frames = recipe.frames(data)
    assert frames.sha256() == written["data"]["sha256"]
    (port,) = (p for p in recipe.pictures(frames, "validation", data) if p.name == "casablanca")
    found = measure.probabilities(model, recipe.inputs(frames.images[frames.test]))
    scene = measure.scene_probabilities(model, recipe.inputs(port.image), size=(128, 128))
    for entry in written["quantized"]["opening"]:
        masks, whole = (
            metrics_masks.binarize(p, entry["threshold"], opening=entry["radius"]) for p in (found, scene)
        )
        score = asdict(metrics_masks.score(frames.masks[frames.test], masks))
        assert json.loads(json.dumps(score)) == entry["test"]
        score = asdict(metrics_masks.score([port.instances], [whole]))
        assert json.loads(json.dumps(score)) == entry["validation_scenes"]["each"]["casablanca"]


def test_student_is_exact_in_emulation(
    student: tuple[segmentation_recipe.Recipe, Any, Any], data: Path
) -> None:
    recipe, model, written = student
    frames = sen2ships.sen2ships(data=data)
    most = frames.test[np.argmax(frames.masks[frames.test].sum(axis=(1, 2)))]
    x = recipe.inputs(frames.images[[most]])
    logits = parse(STUDENT_FILE).emulate(x)[0]
    np.testing.assert_array_equal(logits[..., 0], fit.logits_of(model)(x).numpy())
    best = written["quantized"]["opening"][0]
    more = {"opening": best["radius"]} if best["radius"] else {}
    mask = parse(STUDENT_FILE, output="mask", threshold=best["threshold"], **more).emulate(x)[0]
    p = measure.probabilities(model, x)
    expected = metrics_masks.binarize(p, best["threshold"], opening=best["radius"])
    assert expected.any()
    np.testing.assert_array_equal(mask[..., 0], expected)


# ------------------------------------------------------------------------------------------------------- command line


def test_the_command_trains_recipes_of_this_kind(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}

    def train(recipe: str, *, progress: Callable[[Progress], None], **options: Any) -> str:
        asked.update(options, recipe=recipe)
        numbers = {"loss": 0.5, "validation_loss": 0.4, "learning_rate": 0.1}
        progress(Progress(stage="float", epoch=3, epochs=3, **numbers))
        return "F2 0.750"

    monkeypatch.setattr(segmentation_teacher, "train_with_teacher", train)
    with pytest.raises(SystemExit) as status:
        main.main(["train", "sen2ships_unet", "--seed", "3", "--quick", "--resume"])
    out, err = capsys.readouterr()
    assert (status.value.code, out) == (0, "F2 0.750\n")
    assert "loss 0.5000  validation loss 0.4000" in err
    options = {"data": None, "out": None, "seed": 3, "quick": True, "resume": True}
    assert asked == {"recipe": "sen2ships_unet", **options}


def test_the_command_refuses_in_one_line(
    tmp_path: Path, small_set: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_recipe(tmp_path, ("crop = 8", "crop = 17"), text=TEACHER)
    with pytest.raises(SystemExit) as status:
        main.main(["train", str(path), "--data", str(small_set), "--out", str(tmp_path / "out")])
    out, err = capsys.readouterr()
    assert (status.value.code, out) == (2, "")
    assert err.startswith("rtl4ml: small.toml: augmentation.crop must be at most the frames' size")
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("option", [["--seeds", "1-3"], ["--per-class", "3", "3"]])
def test_options_for_spectra_are_refused(option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as status:
        main.main(["train", "sen2ships_unet", *option])
    assert status.value.code == 2
    assert capsys.readouterr().err == (
        "rtl4ml: train: --seeds and --per-class must go with recipes for spectra, not sen2ships_unet; "
        "give --seed alone\n"
    )
