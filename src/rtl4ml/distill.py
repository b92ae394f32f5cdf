# SPDX-License-Identifier: Apache-2.0
"""Training of networks that give a mask: a teacher, students distilled from it or trained on masks, with few bits.

After de Vieilleville et al. (2020): the student learns what the teacher makes of a view, ship pixels weighing nine
times as much as others, by stochastic gradient descent with Nesterov's momentum whose rate is halved where the loss
gets no better. Two stages, the second of them only where the recipe has one: without quantizers, with batch
normalization; then with quantizers, started from the first with the normalization folded into the weights.
Nothing here imports TensorFlow before it trains or loads.
"""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import time
import tomllib
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from rtl4ml import _tf, images, mask_plots, plots, runs, segmentation, start
from rtl4ml import data as scenes
from rtl4ml import train as spectral
from rtl4ml.augment import Augmentation
from rtl4ml.errors import BadData, BadModel
from rtl4ml.folders import project_folder
from rtl4ml.images import Frames, Picture
from rtl4ml.runs import Run

KIND = "segmentation"
QUICK_EPOCHS, QUICK_FRAMES = 2, 32
EVALUATION_BATCH = 16
MOMENTUM = 0.9
LOSSES = ("mse", "bce", "bce_dice")

Floats = NDArray[np.float32]


# ----------------------------------------------------------------------------------------------------------- recipes


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where images and masks come from, and what the network is given: pixels / 2 ** scale_log2.

    set: "sen2ships"; "folders", with images and masks; or "airbus", with images and runs. These are paths, below the
    data folder unless absolute. Of sen2ships, nir: near infrared as fourth channel; scenes: what tiles leave of the
    training ports' whole scenes trains too. empty: how many frames without ships an epoch draws for each one with
    ships, all of which it has; None, every frame.
    validation, test: shares of the images, of folders and airbus, dealt out by the recipe's seed.
    """

    set: str
    scale_log2: int
    nir: bool = False
    scenes: bool = False
    empty: float | None = None
    images: str | None = None
    masks: str | None = None
    runs: str | None = None
    validation: float = 0.15
    test: float = 0.2


@dataclass(frozen=True, kw_only=True)
class Loss:
    """What is made small, a mean over pixels with weights w: `ships` where the mask is, `rest` elsewhere.

    kind: "mse", w (target - probability)^2; "bce", w times the cross-entropy; "bce_dice", that and 1 - Dice's
    coefficient of all pixels of a batch. target: the teacher's probability, or the mask where there is no teacher.
    """

    kind: str
    ships: float
    rest: float


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage of training. patience: epochs without a better loss on training frames that halve the rate."""

    epochs: int
    batch: int
    learning_rate: float
    patience: int


@dataclass(frozen=True, kw_only=True)
class Head:
    """From probabilities to masks. by: "f2" or "iou", what threshold and opening are chosen by.

    on: "frames" or "scenes", the validation frames or the whole scenes of the places that validate. opening: radii in
    pixels. Each gets a threshold and scores of its own; the one with the best of validation is the student's.
    """

    by: str
    on: str
    opening: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All that makes a network for masks from data: a TOML file, its name, its hash, the .py with build() beside it.

    teacher: the name of the teacher's recipe, beside this one or in models/; None trains on the masks.
    quantized_stage: None leaves the network in float.
    """

    name: str
    path: Path
    sha256: str
    model: str
    seed: int
    teacher: str | None
    data: Source
    build: Mapping[str, Any]
    loss: Loss
    augmentation: Augmentation
    float_stage: Stage
    quantized_stage: Stage | None
    head: Head

    @property
    def network_sha256(self) -> str:
        """Hash of the .py file with build(). Raises BadData where it is missing."""
        return self._network.sha256

    @cached_property
    def _network(self) -> spectral.Network:
        return spectral.read_network(self.path.with_name(f"{self.model}.py"))

    def inputs(self, pixels: NDArray[np.uint8]) -> Floats:
        """Images (N, H, W, C) as the network takes them: float32 of the same shape."""
        return (pixels * np.float32(2.0**-self.data.scale_log2)).astype(np.float32)

    def frames(self, data: str | Path | None = None) -> Frames:
        """The images, masks and split. data: folder, else RTL4ML_DATA. Raises BadData where they are bad."""
        source = self.data
        if source.set == "sen2ships":
            tiles = images.sen2ships(data=data, nir=source.nir)
            return images.with_scenes(tiles, self.pictures(tiles, "train", data)) if source.scenes else tiles
        place = scenes.folder(data) or Path()
        shares = {"seed": self.seed, "validation": source.validation, "test": source.test}
        first = place / str(source.images)
        if source.set == "folders":
            return images.folders(first, place / str(source.masks), **shares)  # type: ignore[arg-type]  # two kinds
        return images.airbus(first, place / str(source.runs), **shares)  # type: ignore[arg-type]  # two kinds

    def pictures(self, frames: Frames, part: str, data: str | Path | None = None) -> tuple[Picture, ...]:
        """Whole scenes of the places of a part, where the set has any; with as many channels as the frames."""
        if self.data.set != "sen2ships":
            return ()
        ports = images.sen2ships_ports(data=data)
        return tuple(
            images.sen2ships_scene(port, data=data, nir=self.data.nir)
            for port in frames.groups_of(part)
            if port in ports
        )

    def build_model(self, *, quantized: bool, anysize: bool = False) -> Any:
        """The network, untrained. anysize: for frames of any size, as training needs it.

        Raises BadModel where build() does not take the recipe's arguments.
        """
        module = self._network.module()
        arguments = {**self.build, "quantized": quantized} | ({"size": (None, None)} if anysize else {})
        try:
            return module.build(**arguments)
        except (AttributeError, TypeError, IndexError, ValueError) as error:
            raise BadModel(
                f"{self.model}.py: build() must take what {self.path.name} has in [build], not fail with "
                f"{str(error).splitlines()[0]!r}; mend one of them"
            ) from None


def is_segmentation(recipe: str | Path) -> bool:
    """Whether the recipe of a name in models/ or of a .toml file is of this kind; not where there is none."""
    path = spectral.recipes().get(str(recipe), Path(recipe))
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return False
    return content.get("kind") == KIND


def read_recipe(recipe: str | Path) -> Recipe:
    """The recipe of a name in models/ or of a .toml file. Raises BadData where it is missing or not a recipe."""
    known = spectral.recipes()
    path = known.get(str(recipe), Path(recipe))
    try:
        raw = path.read_bytes()
        content = tomllib.loads(raw.decode("utf-8"))
    except OSError:
        raise BadData(
            f"{recipe}: a recipe must be a .toml file or one of {', '.join(known)}, not missing; check the name"
        ) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadData(f"{path.name}: a recipe must be TOML, not broken ({error}); mend it") from None
    name = path.name
    needed: dict[str, type] = {
        "kind": str,
        "model": str,
        "seed": int,
        "data": dict,
        "build": dict,
        "loss": dict,
    }
    needed |= {"augmentation": dict, "float": dict, "mask": dict}
    spectral._check(name, "", content, needed, {"teacher": str, "quantized": dict})
    if content["kind"] != KIND:
        raise BadData(f"{name}: kind must be {KIND}, not {content['kind']!r}; mend it")
    for key in ("model", "teacher"):
        text = content.get(key, "")
        if Path(text).name != text:
            raise BadData(
                f"{name}: {key} must be the name of a file beside the recipe, not {text!r}; put the file there"
            )
    stages = {
        key: _table(
            name, key, content[key], Stage, {"epochs": 1, "batch": 1, "patience": 1, "learning_rate": 1e-12}
        )
        for key in ("float", "quantized")
        if key in content
    }
    source, head = _source(name, content["data"]), _head(name, content["mask"])
    if head.on == "scenes" and source.set != "sen2ships":
        raise BadData(f"{name}: mask.on must be frames, not scenes, which {source.set} has none of; mend it")
    return Recipe(
        name=path.stem,
        path=path.resolve(),
        sha256=hashlib.sha256(raw).hexdigest(),
        model=content["model"],
        seed=content["seed"],
        teacher=content.get("teacher"),
        data=source,
        build=content["build"],
        loss=_loss(name, content["loss"]),
        augmentation=_table(
            name,
            "augmentation",
            content["augmentation"],
            Augmentation,
            {"crop": 0, "rotation": 0, "zoom": 0, "illumination": 0},
        ),
        float_stage=stages["float"],
        quantized_stage=stages.get("quantized"),
        head=head,
    )


def _table(
    where: str, section: str, content: Mapping[str, Any], kind: Any, lowest: Mapping[str, float]
) -> Any:
    """The dataclass `kind` of a table of numbers and truths, all of whose keys must be there."""
    word = {"int": int, "float": float, "bool": bool}
    for key in ("flip",):
        if key in content and not isinstance(content[key], bool):
            raise BadData(f"{where}: {section}.{key} must be true or false, not {content[key]!r}; mend it")
    rest = {key: value for key, value in content.items() if not isinstance(value, bool) or key != "flip"}
    needed = {f.name: word[str(f.type)] for f in fields(kind) if f.name != "flip"}
    if any(f.name == "flip" for f in fields(kind)) and "flip" not in content:
        raise BadData(f"{where}: a recipe must have {section}.flip, not lack it; add it")
    spectral._check(where, f"{section}.", rest, needed)
    for key, low in lowest.items():
        value = content[key]
        if not (math.isfinite(value) and value >= low):
            raise BadData(f"{where}: {section}.{key} must be a number from {low} up, not {value}; mend it")
    return kind(**content)


def _source(where: str, content: Mapping[str, Any]) -> Source:
    kinds: dict[str, dict[str, type]] = {
        "sen2ships": {},
        "folders": {"images": str, "masks": str},
        "airbus": {"images": str, "runs": str},
    }
    chosen = content.get("set")
    if chosen not in kinds:
        raise BadData(
            f"{where}: data.set must be one of {', '.join(kinds)}, not {chosen!r}; write one of them"
        )
    for key in ("nir", "scenes"):
        value = content.get(key, False)
        if not isinstance(value, bool) or (value and chosen != "sen2ships"):
            raise BadData(
                f"{where}: data.{key} must be true or false, and false but for sen2ships, not {value!r}; mend it"
            )
    own: dict[str, type] = {"nir": bool, "scenes": bool}
    shares: dict[str, type] = {"validation": float, "test": float}
    more = (own if chosen == "sen2ships" else shares) | {"empty": float}
    spectral._check(where, "data.", content, {"set": str, "scale_log2": int, **kinds[chosen]}, more)
    empty = content.get("empty", 0)
    if not (math.isfinite(empty) and empty >= 0):
        raise BadData(f"{where}: data.empty must be a number from 0 up, not {empty}; mend it")
    return Source(**content)


def _loss(where: str, content: Mapping[str, Any]) -> Loss:
    spectral._check(where, "loss.", content, {"kind": str, "ships": float, "rest": float})
    loss = Loss(**content)
    if loss.kind not in LOSSES:
        raise BadData(
            f"{where}: loss.kind must be one of {', '.join(LOSSES)}, not {loss.kind!r}; write one of them"
        )
    if not (math.isfinite(loss.ships + loss.rest) and loss.ships > 0 and loss.rest > 0):
        raise BadData(
            f"{where}: loss.ships and loss.rest must be numbers above 0, not {loss.ships} and {loss.rest}; mend them"
        )
    return loss


def _head(where: str, content: Mapping[str, Any]) -> Head:
    radii = content.get("opening")
    rest = {key: value for key, value in content.items() if key != "opening"}
    spectral._check(where, "mask.", rest, {"by": str, "on": str})
    for key, known in (("by", ("f2", "iou")), ("on", ("frames", "scenes"))):
        if content[key] not in known:
            text = " or ".join(known)
            raise BadData(f"{where}: mask.{key} must be {text}, not {content[key]!r}; write one of them")
    good = isinstance(radii, list) and bool(radii) and all(type(r) is int and 0 <= r <= 7 for r in radii)
    if not good:
        raise BadData(
            f"{where}: mask.opening must be a list of radii of 0 to 7 pixels, not {radii!r}; write [2]"
        )
    return Head(by=content["by"], on=content["on"], opening=tuple(radii or ()))


# ------------------------------------------------------------------------------------------------------------- losses


def pixel_loss(loss: Loss, masks: Any, targets: Any, logits: Any) -> Any:
    """The loss, a scalar tensor: masks (N, H, W) bool, targets (N, H, W) from 0 to 1, logits (N, H, W)."""
    tf = _tf.tf()
    weights = tf.where(masks, loss.ships, loss.rest)
    found = tf.sigmoid(logits)
    if loss.kind == "mse":
        return tf.reduce_mean(weights * (targets - found) ** 2)
    entropy = tf.reduce_mean(weights * tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits))
    if loss.kind == "bce":
        return entropy
    both = 2 * tf.reduce_sum(targets * found) + 1
    return entropy + 1 - both / (tf.reduce_sum(targets) + tf.reduce_sum(found) + 1)


# ----------------------------------------------------------------------------------------------------------- one stage


@dataclass(frozen=True, kw_only=True)
class Progress:
    """After each epoch: stage, epochs done and to do, training loss, validation loss, learning rate."""

    stage: str
    epoch: int
    epochs: int
    loss: float
    validation_loss: float
    learning_rate: float


@dataclass(frozen=True, kw_only=True)
class State:
    """All that a stage's next epoch follows from, given recipe and data; views are drawn by seed, stage and epoch.

    weights, velocity: of the network and its optimizer. rate: learning rate. waited: epochs since `lowest`, the lowest
    training loss, or since the rate was last halved. best: the lowest validation loss, which best_weights and
    best_epoch are of. seconds: that the epochs took.
    """

    weights: list[NDArray[Any]]
    velocity: list[NDArray[Any]]
    best_weights: list[NDArray[Any]]
    rate: float
    epoch: int = 0
    best: float | None = None
    best_epoch: int = 0
    lowest: float | None = None
    waited: int = 0
    seconds: float = 0.0

    LISTS: ClassVar[tuple[str, ...]] = ("weights", "velocity", "best_weights")

    def arrays(self) -> dict[str, list[NDArray[Any]]]:
        """The arrays of a checkpoint."""
        return {name: getattr(self, name) for name in self.LISTS}

    def values(self) -> dict[str, Any]:
        """The values of a checkpoint."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in self.LISTS}

    @classmethod
    def of(cls, arrays: Mapping[str, list[NDArray[Any]]], values: Mapping[str, Any]) -> State:
        """The state of a checkpoint; what else it holds is passed over."""
        kept: dict[str, Any] = {f.name: values[f.name] for f in fields(cls) if f.name not in cls.LISTS}
        return cls(**kept | {name: arrays[name] for name in cls.LISTS})


@dataclass(frozen=True, kw_only=True)
class _Samples:
    """Images as the network takes them, masks and targets (N, H, W) of one part of a split."""

    images: Floats
    masks: NDArray[np.bool_]
    targets: Floats

    def __len__(self) -> int:
        return len(self.images)


def _logits(model: Any) -> Any:
    """`model` without a sigmoid at its end, its channel axis taken off: (N, H, W, C) to (N, H, W)."""
    last = model.layers[-1]
    name = getattr(getattr(last, "activation", None), "__name__", "")
    net = _tf.keras().Model(model.input, last.input) if name == "sigmoid" else model
    return lambda x, training=False: net(x, training=training)[..., 0]


class _Trainer:
    """Epochs of one stage on a network for frames of any size; its weights and velocity are those of `state`."""

    def __init__(
        self, plan: Recipe, stage: Stage, name: str, model: Any, train: _Samples, check: _Samples
    ) -> None:
        tf = _tf.tf()
        self.plan, self.stage, self.name, self.model = plan, stage, name, model
        self.train, self.check = train, check
        self.net = _logits(model)
        ships = train.masks.any(axis=(1, 2))
        self.ships, self.others = np.flatnonzero(ships), np.flatnonzero(~ships)
        empty = plan.data.empty
        wanted = len(self.others) if empty is None else round(empty * len(self.ships))
        self.empty = min(wanted, len(self.others))
        self.drawn = len(self.ships) + self.empty  # frames an epoch
        self.batch = min(stage.batch, self.drawn)
        self.rate = tf.Variable(stage.learning_rate, dtype=tf.float32)
        self.velocity = [tf.Variable(tf.zeros_like(v)) for v in model.trainable_variables]
        self.step = tf.function(self._step, reduce_retracing=True)
        self.apply = tf.function(lambda x: self.net(x), reduce_retracing=True)

    def start(self) -> State:
        weights = self.model.get_weights()
        zeros = [v.numpy() for v in self.velocity]
        return State(weights=weights, velocity=zeros, best_weights=weights, rate=self.stage.learning_rate)

    def _step(self, pixels: Any, masks: Any, targets: Any) -> Any:
        """Nesterov's momentum (Sutskever et al. 2013), as Keras writes it: v = m v - r g, w = w + m v - r g."""
        tf = _tf.tf()
        variables = self.model.trainable_variables
        with tf.GradientTape() as tape:
            loss = pixel_loss(self.plan.loss, masks, targets, self.net(pixels, training=True))
        for w, v, slope in zip(variables, self.velocity, tape.gradient(loss, variables), strict=True):
            v.assign(MOMENTUM * v - self.rate * slope)
            w.assign_add(MOMENTUM * v - self.rate * slope)
        return loss

    def epoch(self, state: State) -> tuple[State, float, float]:
        """The state after one more epoch, its loss and validation loss.

        All frames with ships and as many others as the recipe says, shuffled; what is left of a batch is left out.
        """
        tf, started = _tf.tf(), time.monotonic()
        self.model.set_weights(state.weights)
        for v, value in zip(self.velocity, state.velocity, strict=True):
            v.assign(value)
        self.rate.assign(state.rate)
        rng = np.random.default_rng([self.plan.seed, zlib.crc32(self.name.encode()), state.epoch])
        others = rng.permutation(self.others)[: self.empty]
        order = rng.permutation(np.concatenate([self.ships, others]))
        steps = self.drawn // self.batch
        total = 0.0
        for i in range(steps):
            chosen = np.sort(order[i * self.batch : (i + 1) * self.batch])
            view = self.plan.augmentation.views(
                self.train.images[chosen], self.train.masks[chosen], self.train.targets[chosen], rng
            )
            total += float(self.step(*(tf.constant(v) for v in view)))
        loss, check = total / steps, self.validation_loss()
        if not math.isfinite(loss + check):
            raise BadData(
                f"{self.plan.path.name}: the loss must stay finite, not become {loss} in epoch {state.epoch + 1} of "
                f"{self.name}; lower {self.name}.learning_rate"
            )
        weights = self.model.get_weights()
        better = state.best is None or check < state.best
        lower = state.lowest is None or loss < state.lowest
        waited = 0 if lower else state.waited + 1
        halve = waited >= self.stage.patience
        after = State(
            weights=weights,
            velocity=[v.numpy() for v in self.velocity],
            best_weights=weights if better else state.best_weights,
            rate=state.rate / 2 if halve else state.rate,
            epoch=state.epoch + 1,
            best=check if better else state.best,
            best_epoch=state.epoch + 1 if better else state.best_epoch,
            lowest=loss if lower else state.lowest,
            waited=0 if halve else waited,
            seconds=state.seconds + time.monotonic() - started,
        )
        return after, loss, check

    def validation_loss(self) -> float:
        """The loss on validation frames against their masks, whatever the student learns from."""
        found = _in_batches(self.apply, self.check.images)
        masks = self.check.masks
        loss = pixel_loss(self.plan.loss, masks, masks.astype(np.float32), found)
        return float(loss)


def _in_batches(apply: Callable[[Any], Any], x: Floats) -> Floats:
    tf = _tf.tf()
    parts = [
        apply(tf.constant(x[i : i + EVALUATION_BATCH])).numpy() for i in range(0, len(x), EVALUATION_BATCH)
    ]
    return np.concatenate(parts)


# ------------------------------------------------------------------------------------------------- from float to bits


def start_quantized(plain: Any, quantized: Any, x: Floats) -> float:
    """Gives `quantized` the weights of `plain`, rescaled to its quantizers; returns the share that it cuts off.

    Batch normalization is folded into the layer before it. ReLU, pooling, repetition and concatenation keep factors:
    each channel of a layer before a ReLU may be divided by any positive number if whatever reads it is multiplied by
    it (Meller et al. 2019, Nagel et al. 2019). Here it is the number that brings 99.9 % of the channel's positive
    activations on the images `x` into the range of their quantizer, and all its weights into theirs. The last layer
    has no ReLU and keeps its scale; its weights beyond the range are cut off, and their share among its own returned.
    Raises BadModel where a layer is of a kind that this does not know.
    """
    keras = _tf.keras()
    layers = keras.layers
    relus = {
        layer.name: layer.quantizer
        for layer in quantized.layers
        if hasattr(layer, "quantizer") and layer.name in {p.name for p in plain.layers}
    }
    names = [layer.name for layer in plain.layers if isinstance(layer, layers.ReLU)]
    found = keras.Model(plain.input, [plain.get_layer(name).output for name in names])(x, training=False)
    reach = {
        name: np.array([start.reach(channel, 0.999) for channel in np.moveaxis(value.numpy(), -1, 0)])
        for name, value in zip(names, found, strict=True)
    }
    scale: dict[str, NDArray[np.float64]] = {}  # by channel: results of `plain` over those of `quantized`
    cut = 0.0
    for layer in plain.layers:
        before = _inbound(layer)
        given = [scale[other.name] for other in before]
        kernel, depthwise = _kernel(layer)
        if not before:
            scale[layer.name] = np.ones(int(layer.output_shape[0][-1]))
        elif isinstance(layer, layers.Concatenate):
            scale[layer.name] = np.concatenate(given)
        elif kernel is None:
            known = (layers.BatchNormalization, layers.ReLU, layers.MaxPooling2D, layers.UpSampling2D)
            if not isinstance(layer, known) and not hasattr(layer, "activation"):
                raise BadModel(
                    f"{layer.name}: a layer of a student must be one whose channels can be rescaled, "
                    f"not {type(layer).__name__}; leave the quantized stage out"
                )
            scale[layer.name] = given[0]
        else:
            kernel, bias, relu = _folded(layer, kernel, depthwise)
            kernel = (
                kernel * given[0][:, None]
            )  # channels of the input are the last axis but one in both kinds
            target = quantized.get_layer(layer.name)
            factor, limit = _range(target, depthwise)
            axes = (0, 1, 3) if depthwise else (0, 1, 2)
            if relu is None:
                own = np.ones(kernel.shape[2 if depthwise else 3])
                cut = float((np.abs(kernel) > limit).mean())
            else:
                own = np.maximum(
                    np.abs(kernel).max(axis=axes) / limit, reach[relu] / 2.0 ** relus[relu].integer
                )
                own = np.maximum(own, 1e-6)
            kernel = kernel / (own[:, None] if depthwise else own)
            stored = kernel / factor, bias / own  # QKeras gives a stored weight, rounded, times alpha
            target.set_weights([array.astype(np.float32) for array in stored])
            scale[layer.name] = own
    return cut


def _inbound(layer: Any) -> list[Any]:
    found = layer.inbound_nodes[0].inbound_layers
    return found if isinstance(found, list) else [found]


def _kernel(layer: Any) -> tuple[NDArray[Any] | None, bool]:
    """The kernel of a convolution, and whether it is a depthwise one: (h, w, channels, 1), not (h, w, in, out)."""
    for name, depthwise in (("depthwise_kernel", True), ("kernel", False)):
        if getattr(layer, name, None) is not None:
            return np.asarray(getattr(layer, name).numpy(), dtype=np.float64), depthwise
    return None, False


def _folded(
    layer: Any, kernel: NDArray[Any], depthwise: bool
) -> tuple[NDArray[Any], NDArray[Any], str | None]:
    """Kernel and bias with the batch normalization behind the layer folded in, and the name of the ReLU behind both."""
    keras = _tf.keras()
    bias = layer.bias.numpy().astype(np.float64) if layer.use_bias else np.zeros(layer.output_shape[-1])
    after = layer.outbound_nodes[0].outbound_layer if layer.outbound_nodes else None
    if isinstance(after, keras.layers.BatchNormalization):
        kernel, bias = start.folded(kernel, bias, after, depthwise=depthwise)
        after = after.outbound_nodes[0].outbound_layer
    return kernel, bias, after.name if isinstance(after, keras.layers.ReLU) else None


def _range(layer: Any, depthwise: bool) -> tuple[float, float]:
    """Of a layer's weight quantizer: the factor from what is stored to what it gives, and the most that it gives."""
    quantizer = layer.depthwise_quantizer_internal if depthwise else layer.kernel_quantizer_internal
    factor = float(quantizer.alpha) if isinstance(quantizer.alpha, int | float) else 1.0
    return factor, float(factor * 2.0**quantizer.integer * (1 - 2.0 ** (1 - quantizer.bits)))


# -------------------------------------------------------------------------------------------------------- measurement


def probabilities(model: Any, x: Floats) -> Floats:
    """What a network for frames (N, H, W, C) makes of them: (N, H, W)."""
    apply = _tf.tf().function(lambda part: model(part, training=False)[..., 0], reduce_retracing=True)
    return _in_batches(apply, x)


def scene_probabilities(model: Any, x: Floats, *, size: tuple[int, int]) -> Floats:
    """The same of a scene (H, W, C) of any size: (H, W). Frames of `size` that overlap by half, see Tiling."""
    stride = (max(1, size[0] // 2), max(1, size[1] // 2))
    tiling = segmentation.Tiling(scene=(x.shape[0], x.shape[1]), tile=size, stride=stride)
    return np.asarray(tiling.stitch(probabilities(model, tiling.cut(x))))


def measure(
    plan: Recipe, model: Any, frames: Frames, pictures: Mapping[str, Sequence[Picture]]
) -> dict[str, Any]:
    """Thresholds chosen in validation, and scores of frames and whole scenes, as metrics.json has them.

    model: for frames of any size. pictures: whole scenes of "validation" and "test", or none of either; without any,
    thresholds are chosen on frames. One entry of "opening" for each of the recipe's radii, best of validation first.
    """
    size = (frames.shape[0], frames.shape[1])
    parts = {
        part: probabilities(model, plan.inputs(frames.images[getattr(frames, part)]))
        for part in ("validation", "test")
    }
    whole = {
        part: [scene_probabilities(model, plan.inputs(p.image), size=size) for p in some]
        for part, some in pictures.items()
        if some
    }
    on_scenes = plan.head.on == "scenes" and "validation" in whole
    known: Any = frames.masks[frames.validation]
    seen: Any = parts["validation"]
    if on_scenes:
        known, seen = [p.instances for p in pictures["validation"]], whole["validation"]
    out = []
    for radius in plan.head.opening:
        choice = segmentation.choose_threshold(seen, known, by=plan.head.by, opening=radius)

        def masks(p: NDArray[Any], at: float = choice.threshold, by: int = radius) -> NDArray[np.bool_]:
            return segmentation.binarize(p, at, opening=by)

        entry: dict[str, Any] = {"radius": radius, "threshold": choice.threshold}
        entry |= {"by": choice.by, "on": "scenes" if on_scenes else "frames", "value": choice.value}
        for part, found in parts.items():
            entry[part] = asdict(segmentation.score(frames.masks[getattr(frames, part)], masks(found)))
        for part, some in whole.items():
            found_scenes = [masks(p) for p in some]
            entry[f"{part}_scenes"] = asdict(
                segmentation.score([p.instances for p in pictures[part]], found_scenes)
            )
            entry[f"{part}_scenes"]["each"] = {
                p.name: asdict(segmentation.score([p.instances], [m]))
                for p, m in zip(pictures[part], found_scenes, strict=True)
            }
        out.append(entry)
    return {"opening": sorted(out, key=lambda entry: -float(entry["value"]))}


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
    pictures = {} if quick else {part: plan.pictures(frames, part, data) for part in images.PARTS[1:]}
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
                **{part: len(getattr(frames, part)) for part in images.PARTS},
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
            mask_plots.masks(image, truth, found, folder / f"{name}.png", title=f"{plan.name}: {name}")
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
    keras, tf = _tf.keras(), _tf.tf()
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
    trainer = _Trainer(plan, plan.float_stage, "float", network, train, check)
    state = _fit(trainer, run, {}, {}, progress)
    stages = {"float": _summary(trainer, state) | measure(plan, network, frames, pictures)}
    if plan.quantized_stage is not None:
        plain, network = network, plan.build_model(quantized=True, anysize=True)
        with_ships = np.flatnonzero(train.masks.any(axis=(1, 2)))
        cut = start_quantized(plain, network, train.images[with_ships[:QUICK_FRAMES]])
        trainer = _Trainer(plan, plan.quantized_stage, "quantized", network, train, check)
        kept = {f"float_{name}": value for name, value in state.arrays().items()}
        state = _fit(trainer, run, kept, {"float": state.values()}, progress)
        summary = _summary(trainer, state) | {"cut": cut}
        stages["quantized"] = summary | measure(plan, network, frames, pictures)
    final.set_weights(network.get_weights())
    return final, stages, _looks(plan, network, frames, pictures, list(stages.values())[-1]["opening"][0])


def _samples(plan: Recipe, frames: Frames, indices: NDArray[np.int64], teacher: Any) -> _Samples:
    x, masks = plan.inputs(frames.images[indices]), frames.masks[indices]
    targets = masks.astype(np.float32) if teacher is None else probabilities(teacher, x)
    return _Samples(images=x, masks=masks, targets=targets)


def _fit(
    trainer: _Trainer,
    run: Run,
    arrays: Mapping[str, list[NDArray[Any]]],
    values: Mapping[str, Any],
    progress: Callable[[Progress], None],
) -> State:
    """Trains to the end and leaves the network with the weights of the best epoch.

    arrays, values: those of the stage before, which checkpoints keep. Goes on from the run's checkpoint.
    """
    state, name = trainer.start(), trainer.name
    if run.restored is not None:
        held, numbers = run.restored.arrays, run.restored.values
        if numbers["stage"] == name:
            state = State.of(held, numbers)
        elif name in numbers:  # a stage that the checkpoint has behind it
            own = {key: held[f"{name}_{key}"] for key in State.LISTS}
            state = State.of(own, numbers[name])
    while state.epoch < trainer.stage.epochs:
        rate = state.rate
        state, loss, check = trainer.epoch(state)
        run.record(name, state.epoch, loss=loss, validation_loss=check, learning_rate=rate)
        last = state.epoch == trainer.stage.epochs
        content = {**values, "stage": name, **state.values()}
        run.save({**arrays, **state.arrays()}, content, always=last)
        progress(
            Progress(
                stage=name,
                epoch=state.epoch,
                epochs=trainer.stage.epochs,
                loss=loss,
                validation_loss=check,
                learning_rate=rate,
            )
        )
    trainer.model.set_weights(state.best_weights)
    return state


def _summary(trainer: _Trainer, state: State) -> dict[str, Any]:
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
        return segmentation.binarize(p, chosen["threshold"], opening=chosen["radius"])

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
    metrics = _metrics(folder)
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


def _metrics(folder: Path) -> dict[str, Any] | None:
    """metrics.json of a folder that `train` wrote; None where there is no such folder."""
    path = folder / "metrics.json"
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
