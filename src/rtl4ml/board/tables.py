# SPDX-License-Identifier: Apache-2.0
"""Tables of board.toml, read key by key."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, TypeVar

from rtl4ml.errors import BadInput

_T = TypeVar("_T")


class Table:
    """A table of board.toml, which says by name what is missing, of another type, or unknown."""

    def __init__(self, file: str, values: dict[str, Any]) -> None:
        self.file, self._values, self._seen = file, values, set[str]()

    @classmethod
    def read(cls, folder: Path) -> Table:
        """That of a board's folder. Raises BadInput where it cannot be read."""
        file = f"{folder.name}/board.toml"
        try:
            return cls(file, tomllib.loads((folder / "board.toml").read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise BadInput(
                f"{file}: must be a TOML file that can be read, not one with {str(error)!r}; mend it"
            ) from None

    def take(self, key: str, kind: type[_T]) -> _T:
        """The value of a key."""
        self._seen.add(key)
        found = self._values.get(key)
        if type(found) is not kind:
            shown = "missing" if found is None else repr(found)
            raise BadInput(f"{self.file}: {key} must be of type {kind.__name__}, not {shown}; mend the file")
        return found

    def one_of(self, key: str, *known: str) -> str:
        """The value of a key that knows few texts."""
        found = self.take(key, str)
        if found not in known:
            raise BadInput(f"{self.file}: {key} must be {' or '.join(known)}, not {found}; mend the file")
        return found

    def table(self, key: str) -> Table:
        return Table(f"{self.file}: {key}", self.take(key, dict))

    def tables(self, key: str) -> list[Table]:
        return [Table(f"{self.file}: {key}", t) for t in self.take(key, list)]

    def values(self, key: str, kind: type[_T]) -> tuple[_T, ...]:
        found = self.take(key, list)
        for value in found:
            if type(value) is not kind:
                raise BadInput(
                    f"{self.file}: {key} must hold values of type {kind.__name__}, not {value!r}; mend the file"
                )
        return tuple(found)

    def numbers(self) -> dict[str, int]:
        return {key: self.take(key, int) for key in self._values}

    def done(self) -> None:
        if unknown := sorted(set(self._values) - self._seen):
            raise BadInput(
                f"{self.file}: must hold {', '.join(sorted(self._seen))} alone, not {unknown[0]}; take it out"
            )
