# SPDX-License-Identifier: Apache-2.0
"""Recipes of segmentation, read and checked."""

from __future__ import annotations

import hashlib
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml.data import airbus, mask_folders, sen2ships
from rtl4ml.data import catalog as scenes
from rtl4ml.data import frames as data_frames
from rtl4ml.data.frames import Frames, Picture
from rtl4ml.errors import BadData, BadModel
from rtl4ml.training import networks
from rtl4ml.training.classification import recipe as classification_recipe
from rtl4ml.training.segmentation.augment import Augmentation

KIND = "segmentation"


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
    def _network(self) -> networks.Network:
        return networks.read_network(self.path.with_name(f"{self.model}.py"))

    def inputs(self, pixels: NDArray[np.uint8]) -> Floats:
        """Images (N, H, W, C) as the network takes them: float32 of the same shape."""
        return (pixels * np.float32(2.0**-self.data.scale_log2)).astype(np.float32)

    def frames(self, data: str | Path | None = None) -> Frames:
        """The images, masks and split. data: folder, else RTL4ML_DATA. Raises BadData where they are bad."""
        source = self.data
        if source.set == "sen2ships":
            tiles = sen2ships.sen2ships(data=data, nir=source.nir)
            return (
                data_frames.with_scenes(tiles, self.pictures(tiles, "train", data))
                if source.scenes
                else tiles
            )
        place = scenes.folder(data) or Path()
        shares = {"seed": self.seed, "validation": source.validation, "test": source.test}
        first = place / str(source.images)
        if source.set == "folders":
            return mask_folders.folders(first, place / str(source.masks), **shares)  # type: ignore[arg-type]  # two kinds
        return airbus.airbus(first, place / str(source.runs), **shares)  # type: ignore[arg-type]  # two kinds

    def pictures(self, frames: Frames, part: str, data: str | Path | None = None) -> tuple[Picture, ...]:
        """Whole scenes of the places of a part, where the set has any; with as many channels as the frames."""
        if self.data.set != "sen2ships":
            return ()
        ports = sen2ships.sen2ships_ports(data=data)
        return tuple(
            sen2ships.sen2ships_scene(port, data=data, nir=self.data.nir)
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
    path = classification_recipe.recipes().get(str(recipe), Path(recipe))
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return False
    return content.get("kind") == KIND


def read_recipe(recipe: str | Path) -> Recipe:
    """The recipe of a name in models/ or of a .toml file. Raises BadData where it is missing or not a recipe."""
    known = classification_recipe.recipes()
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
    classification_recipe._check(name, "", content, needed, {"teacher": str, "quantized": dict})
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
    classification_recipe._check(where, f"{section}.", rest, needed)
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
    classification_recipe._check(
        where, "data.", content, {"set": str, "scale_log2": int, **kinds[chosen]}, more
    )
    empty = content.get("empty", 0)
    if not (math.isfinite(empty) and empty >= 0):
        raise BadData(f"{where}: data.empty must be a number from 0 up, not {empty}; mend it")
    return Source(**content)


def _loss(where: str, content: Mapping[str, Any]) -> Loss:
    classification_recipe._check(where, "loss.", content, {"kind": str, "ships": float, "rest": float})
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
    classification_recipe._check(where, "mask.", rest, {"by": str, "on": str})
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
