# SPDX-License-Identifier: Apache-2.0
"""Recipes of classification, read and checked."""

from __future__ import annotations

import hashlib
import importlib.resources
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml.data import scenes
from rtl4ml.data.scenes import Scene, Split
from rtl4ml.errors import BadData, BadModel
from rtl4ml.training.networks import Network, read_network

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
