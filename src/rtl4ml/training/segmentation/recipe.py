# SPDX-License-Identifier: Apache-2.0
"""Recipes of segmentation: a mask of every image, learnt from masks or from a teacher, in float or with few bits."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml.data import airbus, mask_folders, sen2ships
from rtl4ml.data import catalog as scenes
from rtl4ml.data import frames as data_frames
from rtl4ml.data.checks import require
from rtl4ml.data.frames import Frames, Picture
from rtl4ml.training import recipes
from rtl4ml.training.recipes import Field, Fields, Rule, named_file, one_of, read_table
from rtl4ml.training.segmentation.augment import Augmentation

KIND = "segmentation"


LOSSES = ("mse", "bce", "bce_dice")

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Source:
    """The source of images and masks, and the scale of pixels: the network reads pixel / 2 ** scale_log2.

    set:              "sen2ships", "folders" or "airbus"
    images, masks:    paths of "folders", below the data folder unless absolute
    images, runs:     likewise of "airbus"
    nir:              of sen2ships, whether near infrared is a fourth channel
    scenes:           of sen2ships, whether the training ports' scenes are trained on where no tile covers them, too
    empty:            frames without ships per frame with ships in an epoch (all frames with ships are used); None uses
                      every frame
    validation, test: of folders and airbus, shares of the images, dealt out by the recipe's seed

    Source(set="sen2ships", scale_log2=8, empty=0.5): a pixel of 128 is 0.5 for the network; of 100 frames with ships
    and 400 without, an epoch has 100 and 50.
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
    """The loss: a mean over pixels of weight w, which is `ships` on ships and `rest` elsewhere.

    kind: "mse", w (target - probability)^2; "bce", w times the cross-entropy; "bce_dice", "bce" plus 1 - Dice's
    coefficient of all pixels of a batch. The target is the teacher's probability, or the mask without a teacher.
    """

    kind: str
    ships: float
    rest: float


@dataclass(frozen=True, kw_only=True)
class Stage(recipes.Stage):
    """One stage of training. patience: epochs without a better loss on training frames that halve the rate."""

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
class Recipe(recipes.Recipe):
    """All that makes a network for masks from data, as a TOML file says it.

    teacher: the name of the teacher's recipe, beside this one or in models/; None trains on the masks.
    quantized_stage: None leaves the network in float.
    """

    teacher: str | None
    data: Source
    loss: Loss
    augmentation: Augmentation
    float_stage: Stage
    quantized_stage: Stage | None
    head: Head

    def counts(self) -> dict[str, Any]:
        """The type of pixels of images, and the scale that `inputs` multiplies by: 2 ** -scale_log2."""
        return {"dtype": "uint8", "scale_log2": self.data.scale_log2}

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
        return self.built(quantized=quantized, **({"size": (None, None)} if anysize else {}))


_FILE = named_file("the name of a file beside the recipe")


TABLES: Fields = {
    "kind": Field(str, Rule(lambda value: value == KIND, KIND)),
    "model": Field(str, _FILE),
    "seed": Field(int),
    **{name: Field(dict) for name in ("data", "build", "loss", "augmentation", "float", "mask")},
    "teacher": Field(str, _FILE, needed=False),
    "quantized": Field(dict, needed=False),
}


# Of a recipe's data, by their set.
_PATHS: Mapping[str, tuple[str, ...]] = {
    "sen2ships": (),
    "folders": ("images", "masks"),
    "airbus": ("images", "runs"),
}


_SET = one_of(f"one of {', '.join(_PATHS)}", *_PATHS)


LOSS: Fields = {
    "kind": Field(str, one_of(f"one of {', '.join(LOSSES)}", *LOSSES)),
    "ships": Field(float),
    "rest": Field(float),
}


AUGMENTATION: Fields = {
    "crop": Field(int, low=0),
    "rotation": Field(float, low=0),
    "zoom": Field(float, low=0),
    "flip": Field(bool),
    "illumination": Field(float, low=0),
}


STAGE: Fields = {**recipes.STAGE, "patience": Field(int, low=1)}


def _radii(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(type(r) is int and 0 <= r <= 7 for r in value)


HEAD: Fields = {
    "by": Field(str, one_of("f2 or iou", "f2", "iou")),
    "on": Field(str, one_of("frames or scenes", "frames", "scenes")),
    "opening": Field(None, Rule(_radii, "a list of radii of 0 to 7 pixels", "write [2]")),
}


def is_segmentation(recipe: str | Path) -> bool:
    """Whether the recipe of a name in models/ or of a .toml file is of this kind; not where there is none."""
    return bool(recipes.kind_of(recipe) == KIND)


def read_recipe(recipe: str | Path) -> Recipe:
    """The recipe of a name in models/ or of a .toml file. Raises BadData where it is missing or not a recipe."""
    file = recipes.read_toml(recipe)
    name, content = file.name, read_table(file.name, "", file.table, TABLES)
    stages = {
        key: Stage(**read_table(name, f"{key}.", content[key], STAGE))
        for key in ("float", "quantized")
        if key in content
    }
    source = Source(**read_table(name, "data.", content["data"], _source(name, content["data"])))
    head = read_table(name, "mask.", content["mask"], HEAD)
    require(
        head["on"] != "scenes" or source.set == "sen2ships",
        f"{name}: mask.on must be frames, not scenes, which {source.set} has none of; mend it",
    )
    return Recipe(
        name=file.path.stem,
        path=file.path.resolve(),
        sha256=file.sha256,
        model=content["model"],
        seed=content["seed"],
        build=content["build"],
        teacher=content.get("teacher"),
        data=source,
        loss=_loss(name, content["loss"]),
        augmentation=Augmentation(**read_table(name, "augmentation.", content["augmentation"], AUGMENTATION)),
        float_stage=stages["float"],
        quantized_stage=stages.get("quantized"),
        head=Head(**{**head, "opening": tuple(head["opening"])}),
    )


def _source(where: str, content: Mapping[str, Any]) -> Fields:
    """The fields of a recipe's data, which depend on their set."""
    chosen = content.get("set")
    _SET.require(f"{where}: data.set", chosen)
    tiles = chosen == "sen2ships"
    own = Rule(
        lambda value: isinstance(value, bool) and (tiles or not value),
        "true or false, and false but for sen2ships",
    )
    shares = {} if tiles else {name: Field(float, needed=False) for name in ("validation", "test")}
    return {
        "set": Field(str),
        "scale_log2": Field(int),
        **{name: Field(str) for name in _PATHS[str(chosen)]},
        **{name: Field(None, own, needed=False) for name in ("nir", "scenes")},
        **shares,
        "empty": Field(float, low=0, needed=False),
    }


def _loss(where: str, content: Mapping[str, Any]) -> Loss:
    loss = Loss(**read_table(where, "loss.", content, LOSS))
    require(
        math.isfinite(loss.ships + loss.rest) and loss.ships > 0 and loss.rest > 0,
        f"{where}: loss.ships and loss.rest must be numbers above 0, not {loss.ships} and {loss.rest}; mend them",
    )
    return loss
