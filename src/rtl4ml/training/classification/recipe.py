# SPDX-License-Identifier: Apache-2.0
"""Recipes of classification: a spectrum's class, learnt without and then with quantizers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml.data import scenes
from rtl4ml.data.scenes import Scene, Split
from rtl4ml.errors import BadData
from rtl4ml.training import recipes
from rtl4ml.training.recipes import Field, Fields, Rule, named_file, one_of, read_table

# ----------------------------------------------------------------------------------------------------------- recipes


@dataclass(frozen=True, kw_only=True)
class Source:
    """The source of the pixels, their split, and their scale: the network reads counts / 2 ** scale_log2.

    split: "given", "block" (train and validation are shares of all pixels) or "random" (numbers of pixels a class).
    """

    scene: str
    split: str
    scale_log2: int
    train: float | None = None
    validation: float | None = None


@dataclass(frozen=True, kw_only=True)
class Stage(recipes.Stage):
    """One stage of training, by Adam.

    weight_decay: factor of half the sum of the squared kernels. brightness: each pixel of each batch is multiplied by
    a random factor from 1 - brightness to 1 + brightness. schedule: "cosine", the learning rate falls to a hundredth
    along half a cosine, or "constant".

    Only with quantizers: centred: see step.Step. covered, reached, channels, compensated: how the stage starts from the
    one before, see start.start_quantized. temperature: above 0, the goal is not the labels but the probabilities that
    the network without quantizers gives, its logits divided by so much. mixed: each pixel is then mixed with another
    in a random ratio, so that this network is followed between the pixels too (Beyer et al., 2022).
    """

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
class Recipe(recipes.Recipe):
    """All that makes a student from data, as a TOML file says it: where the pixels are from, and the two stages."""

    data: Source
    float_stage: Stage
    quantized_stage: Stage

    def counts(self) -> dict[str, Any]:
        """The type of counts of a sensor, and the scale that `inputs` multiplies by: 2 ** -scale_log2."""
        return {"dtype": "uint16", "scale_log2": self.data.scale_log2}

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
        return self.built(quantized=quantized)


TABLES: Fields = {
    "model": Field(str, named_file("the name of a .py file beside the recipe")),
    "seed": Field(int),
    **{name: Field(dict) for name in ("data", "build", "float", "quantized")},
}


SOURCE: Fields = {
    "scene": Field(str),
    "split": Field(str, one_of('"given", "block" or "random"', "given", "block", "random")),
    "scale_log2": Field(int),
    "train": Field(float, needed=False),
    "validation": Field(float, needed=False),
}


_SHARE = Rule(lambda value: 0 < value <= 1, "a share above 0 and up to 1")


FLOAT_STAGE: Fields = {
    **recipes.STAGE,
    "weight_decay": Field(float, low=0),
    "brightness": Field(float, low=0),
    "schedule": Field(str, one_of('"cosine" or "constant"', "cosine", "constant"), needed=False),
}


QUANTIZED_STAGE: Fields = {
    **FLOAT_STAGE,
    "centred": Field(bool, needed=False),
    "covered": Field(float, _SHARE, needed=False),
    "reached": Field(float, _SHARE, needed=False),
    "channels": Field(bool, needed=False),
    "compensated": Field(bool, needed=False),
    "temperature": Field(float, low=0, needed=False),
    "mixed": Field(bool, needed=False),
}


def read_recipe(recipe: str | Path) -> Recipe:
    """The recipe of a name in models/ or of a .toml file. Raises BadData where it is missing or not a recipe."""
    file = recipes.read_toml(recipe)
    content = read_table(file.name, "", file.table, TABLES)
    return Recipe(
        name=file.path.stem,
        path=file.path.resolve(),
        sha256=file.sha256,
        model=content["model"],
        seed=content["seed"],
        build=content["build"],
        data=Source(**read_table(file.name, "data.", content["data"], SOURCE)),
        float_stage=_stage(file.name, "float", content["float"], FLOAT_STAGE),
        quantized_stage=_stage(file.name, "quantized", content["quantized"], QUANTIZED_STAGE),
    )


def _stage(where: str, name: str, content: Mapping[str, Any], fields: Fields) -> Stage:
    stage = Stage(**read_table(where, f"{name}.", content, fields))
    if stage.mixed and not stage.temperature:
        raise BadData(
            f"{where}: {name}.mixed must come with a {name}.temperature, not without: mixed pixels have no labels; "
            "add it"
        )
    return stage
