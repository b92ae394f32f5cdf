# SPDX-License-Identifier: Apache-2.0
"""Training of the students from their recipes, the students that come trained, and the measure of accuracy.

Three stages, as in Nalepa et al. (2020): without quantizers; with them, started from the first; and the integer model,
which is not trained but follows exactly from the second. Nothing here imports TensorFlow before it trains or loads.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import json
import math
import shutil
import time
import tomllib
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml import _tf, plots, runs, start
from rtl4ml import data as scenes
from rtl4ml.data import Scene, Split
from rtl4ml.errors import BadData, BadModel
from rtl4ml.evaluate import Footprint, footprint_of_bits
from rtl4ml.folders import project_folder
from rtl4ml.runs import Run

STUDENT = "salinas_1dcnn"
SYNTHETIC_STUDENT = "synthetic_1dcnn"  # the same network, trained on the synthetic scene
EVALUATION_BATCH = 2048
QUICK_EPOCHS = 2


# ---------------------------------------------------------------------------------------------------------- accuracy


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """How a classification agrees with the truth.

    oa: share of pixels that are right; aa: mean over the classes that occur of their shares; kappa: Cohen's.
    per_class: share of each class, None where it does not occur. confusion[truth][predicted]: pixels.
    """

    samples: int
    oa: float
    aa: float
    kappa: float
    per_class: tuple[float | None, ...]
    confusion: tuple[tuple[int, ...], ...]


def accuracy(labels: NDArray[Any], predicted: NDArray[Any], *, classes: int) -> Accuracy:
    """Agreement of (N,) predicted classes with (N,) labels, both 0 up to classes - 1. Raises BadData otherwise."""
    for what, values in (("labels", labels), ("predictions", predicted)):
        if values.ndim != 1 or values.dtype.kind not in "iu" or ((values < 0) | (values >= classes)).any():
            raise BadData(
                f"accuracy: {what} must be integers (N,) from 0 to {classes - 1}, not {values.dtype} {values.shape} "
                f"from {values.min(initial=0)} to {values.max(initial=0)}; take the argmax of the logits"
            )
    if len(labels) != len(predicted) or not len(labels):
        raise BadData(
            f"accuracy: must have as many predictions as labels, and some, not {len(predicted)} and {len(labels)}; "
            "predict the same pixels"
        )
    confusion = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(confusion, (labels, predicted), 1)
    total, right = int(confusion.sum()), confusion.diagonal()
    truth, guess = confusion.sum(axis=1), confusion.sum(axis=0)
    shares = [int(r) / int(t) if t else None for r, t in zip(right, truth, strict=True)]
    oa = int(right.sum()) / total
    chance = float((truth * guess).sum()) / total**2
    return Accuracy(
        samples=total,
        oa=oa,
        aa=float(np.mean([share for share in shares if share is not None])),
        kappa=1.0 if chance == 1.0 else (oa - chance) / (1.0 - chance),
        per_class=tuple(shares),
        confusion=tuple(tuple(int(v) for v in row) for row in confusion),
    )


# ----------------------------------------------------------------------------------------------------------- recipes


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where the pixels come from, how they are split, and what the network is given: counts / 2 ** scale_log2.

    split: "given", "block" (train and validation are shares of all pixels) or "random" (numbers of pixels a class).
    """

    scene: str
    split: str
    scale_log2: int
    train: float | None = None
    validation: float | None = None


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage of training, by Adam.

    weight_decay: factor of half the sum of the squared kernels. brightness: each pixel of each batch is multiplied by
    a random factor from 1 - brightness to 1 + brightness. schedule: "cosine", the learning rate falls to a hundredth
    along half a cosine, or "constant".

    Only with quantizers: centred: see _Step. covered, reached, channels, compensated: how the stage starts from the
    one before, see start.start_quantized. temperature: above 0, the goal is not the labels but the probabilities that
    the network without quantizers gives, its logits divided by so much. mixed: each pixel is then mixed with another
    in a random ratio, so that this network is followed between the pixels too (Beyer et al., 2022).
    """

    epochs: int
    batch: int
    learning_rate: float
    weight_decay: float
    brightness: float
    schedule: str = "cosine"
    centred: bool = True
    covered: float = 0.999
    reached: float = 0.999
    channels: bool = False
    compensated: bool = False
    temperature: float = 0.0
    mixed: bool = False


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All that makes a student from data: a TOML file, its name, its hash, and the .py file with build() beside it."""

    name: str
    path: Path
    sha256: str
    model: str
    seed: int
    data: Source
    build: Mapping[str, Any]
    float_stage: Stage
    quantized_stage: Stage

    @property
    def network_sha256(self) -> str:
        """Hash of the .py file with build(). Raises BadData where it is missing."""
        return self._network.sha256

    @cached_property
    def _network(self) -> Network:
        return read_network(self.path.with_name(f"{self.model}.py"))

    def inputs(self, spectra: NDArray[Any]) -> NDArray[np.float32]:
        """Spectra (N, bands) in counts as the network takes them: float32 (N, bands, 1)."""
        scaled = np.asarray(spectra, dtype=np.float64) * 2.0**-self.data.scale_log2
        return scaled.astype(np.float32)[..., np.newaxis]

    def split(self, scene: Scene) -> Split:
        """The split of `scene` that the recipe asks for. Raises BadData where the scene does not allow it."""
        if self.data.split == "given":
            return scenes.given_split(scene)
        train, validation = self.data.train, self.data.validation
        if train is None or validation is None:
            raise BadData(
                f"{self.path.name}: a {self.data.split} split must have data.train and data.validation, "
                "not lack them; add them"
            )
        if self.data.split == "block":
            return scenes.block_split(scene, seed=self.seed, train=train, validation=validation)
        return scenes.random_split(scene, seed=self.seed, train=int(train), validation=int(validation))

    def build_model(self, *, quantized: bool) -> Any:
        """The network, untrained. Raises BadModel where build() does not take the recipe's arguments."""
        module = self._network.module()
        try:
            return module.build(**self.build, quantized=quantized)
        except (AttributeError, TypeError, IndexError, ValueError) as error:
            raise BadModel(
                f"{self.model}.py: build() must take what {self.path.name} has in [build], not fail with "
                f"{str(error).splitlines()[0]!r}; mend one of them"
            ) from None


def recipes() -> dict[str, Path]:
    """The recipes that come with rtl4ml: name to file."""
    root = Path(str(importlib.resources.files("rtl4ml.models")))
    return {path.stem: path for path in sorted(root.glob("*.toml"))}


def read_recipe(recipe: str | Path) -> Recipe:
    """The recipe of a name in models/ or of a .toml file. Raises BadData where it is missing or not a recipe."""
    known = recipes()
    path = known.get(str(recipe), Path(recipe))
    try:
        raw = path.read_bytes()
    except OSError:
        raise BadData(
            f"{recipe}: a recipe must be a .toml file or one of {', '.join(known)}, not missing; check the name"
        ) from None
    try:
        content = tomllib.loads(raw.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadData(f"{path.name}: a recipe must be TOML, not broken ({error}); mend it") from None
    top = {"model": str, "seed": int, "data": dict, "build": dict, "float": dict, "quantized": dict}
    _check(path.name, "", content, top)
    keys: dict[str, type] = {"scene": str, "split": str, "scale_log2": int}
    _check(path.name, "data.", content["data"], keys, {"train": float, "validation": float})
    source = Source(**content["data"])
    if source.split not in ("given", "block", "random"):
        raise BadData(
            f'{path.name}: data.split must be "given", "block" or "random", not {source.split!r}; write one of them'
        )
    stages = {}
    for name in ("float", "quantized"):
        numbers: dict[str, type] = {"epochs": int, "batch": int}
        numbers |= {"learning_rate": float, "weight_decay": float, "brightness": float}
        choices: dict[str, type] = {"schedule": str}
        if name == "quantized":
            choices |= {"centred": bool, "covered": float, "reached": float, "channels": bool}
            choices |= {"compensated": bool, "temperature": float, "mixed": bool}
        _check(path.name, f"{name}.", content[name], numbers, choices)
        stages[name] = stage = Stage(**content[name])
        if stage.schedule not in ("cosine", "constant"):
            raise BadData(
                f'{path.name}: {name}.schedule must be "cosine" or "constant", not {stage.schedule!r}; '
                "write one of them"
            )
        if stage.mixed and not stage.temperature:
            raise BadData(
                f"{path.name}: {name}.mixed must come with a {name}.temperature, not without: mixed pixels have no "
                "labels; add it"
            )
        for key in ("covered", "reached"):
            share = getattr(stage, key)
            if not 0 < share <= 1:
                raise BadData(
                    f"{path.name}: {name}.{key} must be a share above 0 and up to 1, not {share}; mend it"
                )
        for key, lowest in (
            ("epochs", 1),
            ("batch", 1),
            ("learning_rate", 1e-12),
            ("weight_decay", 0),
            ("brightness", 0),
            ("temperature", 0),
        ):
            value = getattr(stage, key)
            if not (math.isfinite(value) and value >= lowest):
                raise BadData(
                    f"{path.name}: {name}.{key} must be a number from {lowest} up, not {value}; mend it"
                )
    if Path(content["model"]).name != content["model"]:
        raise BadData(
            f"{path.name}: model must be the name of a .py file beside the recipe, not {content['model']!r}; "
            "put the file there"
        )
    return Recipe(
        name=path.stem,
        path=path.resolve(),
        sha256=hashlib.sha256(raw).hexdigest(),
        model=content["model"],
        seed=content["seed"],
        data=source,
        build=content["build"],
        float_stage=stages["float"],
        quantized_stage=stages["quantized"],
    )


def _check(
    where: str,
    section: str,
    content: Mapping[str, Any],
    needed: Mapping[str, type],
    optional: Mapping[str, type] | None = None,
) -> None:
    """Raises BadData unless `content` has the keys `needed`, others only of `optional`, all of these types."""
    allowed = {**needed, **(optional or {})}
    for key in needed:
        if key not in content:
            raise BadData(f"{where}: a recipe must have {section}{key}, not lack it; add it")
    for key, value in content.items():
        if key not in allowed:
            names = ", ".join(section + name for name in allowed)
            raise BadData(f"{where}: keys must be {names}, not {section}{key}; take it out")
        kind = (int, float) if allowed[key] is float else allowed[key]
        if not isinstance(value, kind) or isinstance(value, bool) is not (kind is bool):
            words = {
                str: "text",
                int: "a whole number",
                float: "a number",
                dict: "a table",
                bool: "true or false",
            }
            word = words[allowed[key]]
            raise BadData(f"{where}: {section}{key} must be {word}, not {value!r}; mend it")


@dataclass(frozen=True)
class Network:
    """A .py file with build(), as it was when it was read: what is hashed is what runs, hours later too."""

    path: Path
    source: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.source).hexdigest()

    def module(self) -> ModuleType:
        """A new module of the source."""
        module = ModuleType(f"rtl4ml_student_{self.path.stem}")
        module.__file__ = str(self.path)
        exec(compile(self.source, self.path, "exec"), vars(module))  # noqa: S102 -- as an import does
        return module


def read_network(path: Path) -> Network:
    """The network beside a recipe. Raises BadData where it is missing."""
    try:
        return Network(path, path.read_bytes())
    except OSError:
        raise BadData(
            f"{path.name}: the network must lie beside its recipe, not be missing; put it there"
        ) from None


# ---------------------------------------------------------------------------------------------------------- students


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
    return _tf.keras().Model(model.input, last.input)


# ---------------------------------------------------------------------------------------------------------- training


@dataclass(frozen=True, kw_only=True)
class Progress:
    """After each epoch: stage, epochs done and to do, training loss, and validation accuracy and loss."""

    stage: str
    epoch: int
    epochs: int
    loss: float
    validation_oa: float
    validation_loss: float


@dataclass(frozen=True, kw_only=True)
class Trained(runs.Trained):
    """What `train` wrote, and how good it is in words: classes of pixels."""

    def __str__(self) -> str:
        test, of = self.metrics["quantized"]["test"], self.metrics["split"]["name"]
        made_up = "SYNTHETIC data, " if self.metrics["data"]["synthetic"] else ""
        quick = ", quick: not the recipe's schedule" if self.metrics["quick"] else ""
        size = self.metrics["quantized"]["footprint"]
        return (
            f"test pixels of {made_up}{of}{quick}: OA {100 * test['oa']:.2f} %, AA {100 * test['aa']:.2f} %, "
            f"kappa {test['kappa']:.4f}\n{leaks(self.metrics['split'])}"
            f"size    {size['parameters']:,} parameters, {size['megabytes']:.2f} MB, uplink "
            f"{size['uplink_minutes']:.2f} min, downlink {size['downlink_minutes']:.3f} min\nmodel   {self.model}"
        )


def leaks(split: Mapping[str, Any]) -> str:
    """What must be said of figures on a split that is not disjoint, as a line; nothing of others."""
    if split["disjoint"]:
        return ""
    return "leaks   a random split of one scene tests on its training pixels' neighbours: higher than on new ground\n"


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
    scene = scenes.load(plan.data.scene, data=data)
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
    keras, tf = _tf.keras(), _tf.tf()
    keras.backend.clear_session()
    keras.utils.set_random_seed(plan.seed)  # Python, NumPy and TensorFlow: initial weights
    tf.config.experimental.enable_op_determinism()
    x, y = plan.inputs(scene.spectra), scene.labels.astype(np.int32)

    plain = plan.build_model(quantized=False)
    _check_shapes(plan, plain, scene)
    quantized = plan.build_model(quantized=True)
    fit = partial(_fit, x=x, y=y, split=split, seed=plan.seed, run=run, progress=progress)
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
        run.save(_weights(models), {"done": done, "gain": gain}, always=True)
        run.restored = None
    if "quantized" not in done:
        done["quantized"] = fit("quantized", plan.quantized_stage, models, done=done, gain=gain, centred=True)
        run.save(_weights(models), {"done": done, "gain": gain}, always=True)

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


def _weights(models: Mapping[str, Any]) -> dict[str, Any]:
    return {name: model.get_weights() for name, model in models.items()}


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


def _fit(
    name: str,
    stage: Stage,
    models: Mapping[str, Any],
    *,
    done: Mapping[str, Any],
    gain: float,
    centred: bool,
    x: NDArray[np.float32],
    y: NDArray[np.int32],
    split: Split,
    seed: int,
    run: Run,
    progress: Callable[[Progress], None],
) -> dict[str, Any]:
    """Trains models[name] in place, its logits times `gain`, and leaves it with the weights of its best epoch.

    Best is the highest validation accuracy, then the lowest validation loss; what it starts from is epoch 0. done: the
    stages before, for checkpoints. centred: see _Step. Returns the number of the best epoch, the seconds of all, and
    the pixels trained on a second.
    """
    tf, model = _tf.tf(), models[name]
    net = logits_model(model)
    teacher = logits_model(models["float"]) if stage.temperature else None
    batch = min(stage.batch, len(split.train))
    steps = len(split.train) // batch  # the rest of an epoch's shuffle waits for the next
    step = _Step(net, stage, gain=gain, centred=centred, total=stage.epochs * steps)
    x_train, y_train = tf.constant(x[split.train]), tf.constant(y[split.train])
    x_check, y_check = tf.constant(x[split.validation]), y[split.validation]

    def run_epoch(order: Any, factors: Any, ratios: Any) -> Any:
        if centred:
            step.centre(tf.gather(x_train, order[:EVALUATION_BATCH]))
        total = 0.0
        for i in tf.range(steps):
            chosen = order[i * batch : (i + 1) * batch]
            pixels = tf.gather(x_train, chosen) * tf.gather(factors, chosen)[:, None, None]
            if stage.mixed:
                pixels = mixed(pixels, tf.gather(ratios, chosen))
            goal = tf.gather(y_train, chosen)
            if teacher is not None:  # of the very pixels: another brightness may be another class
                goal = tf.nn.softmax(teacher(pixels, training=False) / stage.temperature)
            total += step(pixels, goal)
        return total / tf.cast(steps, tf.float32)

    epoch = tf.function(run_epoch)
    check = tf.function(lambda: net(x_check, training=False) * gain)

    def scored() -> tuple[float, float]:
        out = check().numpy().astype(np.float64)
        out -= out.max(axis=1, keepdims=True)
        log_likelihood = out[np.arange(len(out)), y_check] - np.log(np.exp(out).sum(axis=1))
        return float((out.argmax(axis=1) == y_check).mean()), float(log_likelihood.mean())

    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    first, best_epoch, best_weights, seconds = 1, 0, model.get_weights(), 0.0
    if run.restored is not None and run.restored.values.get("stage") == name:
        values, arrays = run.restored.values, run.restored.arrays
        first, best, best_epoch = values["epoch"] + 1, tuple(values["best"]), values["best_epoch"]
        best_weights, seconds = arrays["best"], values["seconds"]
        rng.bit_generator.state = values["rng"]
        step.restore(arrays["optimizer"])
    else:
        best = scored()
    started = time.monotonic() - seconds
    for number in range(first, stage.epochs + 1):
        factors = rng.uniform(1 - stage.brightness, 1 + stage.brightness, len(split.train))
        order = tf.constant(rng.permutation(len(split.train)).astype(np.int32))
        ratios = rng.uniform(size=len(split.train)) if stage.mixed else np.ones(0)
        loss = float(epoch(order, *(tf.constant(v.astype(np.float32)) for v in (factors, ratios))))
        score = scored()
        if score > best:
            best, best_epoch, best_weights = score, number, model.get_weights()
        seconds = time.monotonic() - started
        run.record(name, number, loss=loss, validation_oa=score[0], validation_loss=-score[1])
        run.save(
            {**_weights(models), "best": best_weights, "optimizer": step.state()},
            {
                "done": dict(done),
                "gain": gain,
                "stage": name,
                "epoch": number,
                "best": best,
                "best_epoch": best_epoch,
                "seconds": seconds,
                "rng": rng.bit_generator.state,
            },
        )
        progress(
            Progress(
                stage=name,
                epoch=number,
                epochs=stage.epochs,
                loss=loss,
                validation_oa=score[0],
                validation_loss=-score[1],
            )
        )
    model.set_weights(best_weights)
    return {
        "best_epoch": best_epoch,
        "seconds": round(seconds, 1),
        "pixels_per_s": round(stage.epochs * steps * batch / max(seconds, 1e-3)),
    }


def mixed(pixels: Any, ratios: Any) -> Any:
    """Each of the pixels (N, ...) mixed with the one before it, the first with the last: ratios (N,) of it itself."""
    ratios = ratios[:, None, None]
    return ratios * pixels + (1 - ratios) * _tf.tf().roll(pixels, 1, axis=0)


class _Step:
    """One step of Adam (Kingma and Ba, 2015) on the cross-entropy of a network's logits.

    Reflectances are positive and much alike, so a step on a weight mostly moves its layer's mean, which the optimizer
    then spends its time on undoing. In the first stage batch normalization takes the mean out. In the second there is
    none, and centred=True does its part: the trained bias is that for inputs with their mean taken off, and the
    layer's own bias is set to it less what the mean input contributes to the sums, with the weights as quantized.
    """

    def __init__(self, net: Any, stage: Stage, *, gain: float, centred: bool, total: int) -> None:
        tf, keras = _tf.tf(), _tf.keras()
        self.net, self.stage, self.gain, self.total = net, stage, gain, total
        self.linear = (
            [layer for layer in net.layers if getattr(layer, "kernel", None) is not None] if centred else []
        )
        self.inputs: Any = keras.Model(net.input, [layer.input for layer in self.linear]) if centred else None
        self.means = [tf.Variable(tf.zeros(layer.kernel.shape[-2])) for layer in self.linear]
        self.biases = [tf.Variable(layer.bias) for layer in self.linear]  # for centred inputs
        theirs = {layer.bias.ref() for layer in self.linear}
        self.trained = [v for v in net.trainable_variables if v.ref() not in theirs]
        self.kernels = [v for v in net.trainable_variables if "kernel" in v.name]
        self.first, self.second = (
            [tf.Variable(tf.zeros_like(v)) for v in self.trained + self.biases] for _ in range(2)
        )
        self.done = tf.Variable(0.0)

    def state(self) -> list[NDArray[Any]]:
        """Everything that a step changes, the network's weights excepted."""
        return [v.numpy() for v in self._own()]

    def restore(self, state: Sequence[NDArray[Any]]) -> None:
        """Takes back what `state` gave."""
        for variable, value in zip(self._own(), state, strict=True):
            variable.assign(value)

    def _own(self) -> list[Any]:
        return [*self.first, *self.second, *self.means, *self.biases, self.done]

    def _of_mean(self, i: int) -> Any:
        """What the mean input contributes to the sums of layer i: (outputs,)."""
        tf, layer = _tf.tf(), self.linear[i]
        quantizer = layer.kernel_quantizer_internal
        kernel = layer.kernel if quantizer is None else quantizer(layer.kernel)
        return tf.reduce_sum(kernel * self.means[i][:, None], axis=range(len(kernel.shape) - 1))

    def centre(self, pixels: Any) -> None:
        """Takes the means of the layers' inputs on `pixels`; the network computes the same as before."""
        tf = _tf.tf()
        found = self.inputs(pixels)
        for i, value in enumerate(found if isinstance(found, list) else [found]):
            self.means[i].assign(tf.reduce_mean(value, axis=range(len(value.shape) - 1)))
            self.biases[i].assign(self.linear[i].bias + self._of_mean(i))

    def __call__(self, pixels: Any, goal: Any) -> Any:
        """goal: labels (N,), or class probabilities (N, classes). Returns the cross-entropy before the step."""
        tf = _tf.tf()
        goal = tf.convert_to_tensor(goal)
        entropy = tf.nn.sparse_softmax_cross_entropy_with_logits
        if goal.dtype.is_floating:
            entropy = tf.nn.softmax_cross_entropy_with_logits
        with tf.GradientTape() as tape:
            logits = self.net(pixels, training=True) * self.gain
            loss = tf.reduce_mean(entropy(goal, logits))
            cost = loss + self.stage.weight_decay * tf.add_n(
                [tf.nn.l2_loss(kernel) for kernel in self.kernels]
            )
        theirs = [layer.bias for layer in self.linear]
        slopes = tape.gradient(cost, self.trained + theirs)
        for i, layer in enumerate(self.linear):
            k = next(k for k, v in enumerate(self.trained) if v is layer.kernel)
            slopes[k] -= self.means[i][:, None] * slopes[len(self.trained) + i]
        self.done.assign_add(1.0)
        rate = self.stage.learning_rate
        if self.stage.schedule == "cosine":
            rate = rate * (0.01 + 0.99 * 0.5 * (1 + tf.cos(math.pi * self.done / self.total)))
        for v, slope, first, second in zip(
            self.trained + self.biases, slopes, self.first, self.second, strict=True
        ):
            first.assign(0.9 * first + 0.1 * slope)
            second.assign(0.999 * second + 0.001 * slope * slope)
            size = tf.sqrt(second / (1 - 0.999**self.done)) + 1e-7
            v.assign_sub(rate * first / (1 - 0.9**self.done) / size)
        for i, layer in enumerate(self.linear):
            layer.bias.assign(self.biases[i] - self._of_mean(i))
        return loss
