# SPDX-License-Identifier: Apache-2.0
"""Recipes: what makes a network from data, as TOML tables that are read and checked the same way for every task.

fields = {"epochs": Field(int, low=1), "schedule": Field(str, one_of("cosine", "constant"), needed=False)}
file = read_toml("salinas_1dcnn")                      # a name in models/, or a path
stage = Stage(**read_table(file.name, "float.", file.table["float"], fields))
"""

from __future__ import annotations

import hashlib
import importlib.resources
import math
import tomllib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from rtl4ml.data.checks import require
from rtl4ml.errors import BadData
from rtl4ml.training.networks import Network, read_network

QUICK_EPOCHS = 2  # of a stage that is only to show that it works


# --------------------------------------------------------------------------------------------------------- the tables


@dataclass(frozen=True)
class Rule:
    """A rule for a value: whether it `holds`, the rule in `words`, and the way out where it does not.

    Example: Rule(lambda v: 0 < v <= 1, "a share above 0 and up to 1") refuses 1.5 with "float.covered must be a share
    above 0 and up to 1, not 1.5; mend it".
    """

    holds: Callable[[Any], bool]
    words: str
    way_out: str = "mend it"

    def require(self, place: str, value: Any) -> None:
        """Raises BadData, beginning with the place, unless the value holds."""
        require(self.holds(value), f"{place} must be {self.words}, not {value!r}; {self.way_out}")


def at_least(low: float) -> Rule:
    """Finite numbers from `low` up."""
    return Rule(lambda value: low <= value < math.inf, f"a number from {low} up")


def one_of(words: str, *choices: str) -> Rule:
    """One of the choices, which `words` lists."""
    return Rule(lambda value: value in choices, words, "write one of them")


def named_file(words: str) -> Rule:
    """The name of a file without a folder."""
    return Rule(lambda value: Path(value).name == value, words, "put the file there")


_TYPES: Mapping[type, Rule] = {
    str: Rule(lambda value: isinstance(value, str), "text"),
    bool: Rule(lambda value: isinstance(value, bool), "true or false"),
    int: Rule(lambda value: isinstance(value, int) and not isinstance(value, bool), "a whole number"),
    float: Rule(lambda value: isinstance(value, int | float) and not isinstance(value, bool), "a number"),
    dict: Rule(lambda value: isinstance(value, dict), "a table"),
}


@dataclass(frozen=True)
class Field:
    """A key of a table: its type, a rule beyond it, and whether it must be there.

    type: str, bool, int, float (which whole numbers are too) or dict, a table; None leaves all to the rule.

    Example: Field(float, low=0, needed=False) takes 0.5 and 1 and an absent key, and refuses -1, nan, "1" and true.
    """

    type: type | None
    rule: Rule | None = None
    low: float | None = None
    needed: bool = True

    def require(self, place: str, value: Any) -> None:
        """Raises BadData, beginning with the place, unless the value is what the field takes."""
        rules = (
            None if self.type is None else _TYPES[self.type],
            self.rule,
            None if self.low is None else at_least(self.low),
        )
        for rule in rules:
            if rule is not None:
                rule.require(place, value)


Fields = Mapping[str, Field]


def read_table(where: str, section: str, content: Mapping[str, Any], fields: Fields) -> dict[str, Any]:
    """The content of a table, checked. where: the recipe's file; section: "" or as in "float.".

    Raises BadData unless it has all keys that are needed, none beside the fields, and values that these take.
    """
    for key, field in fields.items():
        require(
            key in content or not field.needed,
            f"{where}: a recipe must have {section}{key}, not lack it; add it",
        )
    for key, value in content.items():
        require(
            key in fields,
            f"{where}: keys must be {', '.join(section + name for name in fields)}, not {section}{key}; take it out",
        )
        fields[key].require(f"{where}: {section}{key}", value)
    return dict(content)


# ---------------------------------------------------------------------------------------------------------- the files


@dataclass(frozen=True)
class TomlFile:
    """A recipe's file: where it is, the hash of its bytes, and its table, unchecked."""

    path: Path
    sha256: str
    table: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The file's name, for refusals."""
        return self.path.name


def shipped() -> dict[str, Path]:
    """The recipes that come with rtl4ml: name to file."""
    root = Path(str(importlib.resources.files("rtl4ml.models")))
    return {path.stem: path for path in sorted(root.glob("*.toml"))}


def read_toml(recipe: str | Path) -> TomlFile:
    """The file of a name in models/ or of a path. Raises BadData where it is missing or not TOML."""
    known = shipped()
    path = known.get(str(recipe), Path(recipe))
    try:
        raw = path.read_bytes()
    except OSError:
        raise BadData(
            f"{recipe}: a recipe must be a .toml file or one of {', '.join(known)}, not missing; check the name"
        ) from None
    try:
        table = tomllib.loads(raw.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadData(f"{path.name}: a recipe must be TOML, not broken ({error}); mend it") from None
    return TomlFile(path, hashlib.sha256(raw).hexdigest(), table)


def kind_of(recipe: str | Path) -> Any:
    """What `kind` says in the recipe of a name in models/ or of a path: None where it says nothing, or is no recipe."""
    try:
        return read_toml(recipe).table.get("kind")
    except BadData:
        return None


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Base of the stages of all tasks: epochs, samples a batch, and the initial learning rate.

    Example: Stage(epochs=20, batch=32, learning_rate=1e-2).
    """

    epochs: int
    batch: int
    learning_rate: float

    def shortened(self) -> Self:
        """The stage with a few epochs at most, to see that it works."""
        return replace(self, epochs=min(self.epochs, QUICK_EPOCHS))


STAGE: Fields = {
    "epochs": Field(int, low=1),
    "batch": Field(int, low=1),
    "learning_rate": Field(float, low=1e-12),
}


@dataclass(frozen=True, kw_only=True)
class Recipe(ABC):
    """Base of the recipes of all tasks: the name, the file and its hash, the network and its arguments, the seed.

    model: the name, without its ending, of the .py file with build() beside the recipe; build: what it is given.
    """

    name: str
    path: Path
    sha256: str
    model: str
    seed: int
    build: Mapping[str, Any]

    @cached_property
    def network(self) -> Network:
        """The .py file with build(), read once. Raises BadData where it is missing."""
        return read_network(self.path.with_name(f"{self.model}.py"))

    @property
    def network_sha256(self) -> str:
        """Hash of the .py file with build(). Raises BadData where it is missing."""
        return self.network.sha256

    def built(self, *, quantized: bool, **instead: Any) -> Any:
        """The network, untrained. instead: arguments in place of the recipe's.

        Raises BadModel where build() does not take the arguments.
        """
        return self.network.build({**self.build, **instead}, quantized=quantized, recipe=self.path.name)

    @abstractmethod
    def counts(self) -> dict[str, Any]:
        """What the network's input is made of, as `rtl4ml board` reads it: type of the counts, and their scale."""

    def input(self) -> dict[str, Any]:
        """The entry "input" of metrics.json, so that a model's folder says what its input was made of."""
        return {"counts": self.counts()}

    def identity(self) -> dict[str, Any]:
        """What metrics.json says of the recipe."""
        return {
            "name": self.name,
            "sha256": self.sha256,
            "network_sha256": self.network_sha256,
            "seed": self.seed,
        }
