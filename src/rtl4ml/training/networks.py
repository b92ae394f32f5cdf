# SPDX-License-Identifier: Apache-2.0
"""The Python files that build networks."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from rtl4ml.errors import BadData, BadModel


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

    def build(self, arguments: Mapping[str, Any], *, quantized: bool, recipe: str) -> Any:
        """The model of a recipe's arguments, untrained.

        recipe: the name of its file, for the refusal. Raises BadModel where build() does not take the arguments.
        """
        module = self.module()
        try:
            return module.build(**arguments, quantized=quantized)
        except (AttributeError, TypeError, IndexError, ValueError) as error:
            raise BadModel(
                f"{self.path.name}: build() must take what {recipe} has in [build], not fail with "
                f"{str(error).splitlines()[0]!r}; mend one of them"
            ) from None


def read_network(path: Path) -> Network:
    """The network beside a recipe. Raises BadData where it is missing."""
    try:
        return Network(path, path.read_bytes())
    except OSError:
        raise BadData(
            f"{path.name}: the network must lie beside its recipe, not be missing; put it there"
        ) from None
