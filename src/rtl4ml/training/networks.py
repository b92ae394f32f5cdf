# SPDX-License-Identifier: Apache-2.0
"""The Python files that build networks."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from rtl4ml.errors import BadData


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
