# SPDX-License-Identifier: Apache-2.0
"""A project's folder that is worked on: what is found in it counts only while its files are those that were written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rtl4ml.errors import StaleProject
from rtl4ml.host import identity


class Guarded:
    """What works on a project's folder.

    folder:   the project
    identity: of its files, as they were written

    `with self._undisturbed(): simulate()` gives no result where another design was written there meanwhile.
    """

    folder: Path
    identity: identity.Identity
    _compiled: dict[str, str]  # programs that were compiled of the files, by their names, to their hashes

    def _know(self, program: Path) -> None:
        """Remembers a program that was compiled of the folder's files, which must not have changed meanwhile."""
        name = program.relative_to(self.folder).as_posix()
        if name not in self._compiled:
            self._check_folder()
            self._compiled[name] = identity.digest(program)

    @contextmanager
    def _undisturbed(self) -> Iterator[None]:
        """A block that works on the folder: refused, and without a result, where that is another's by its end too."""
        self._check_folder()
        try:
            yield
        except Exception:
            try:
                self._check_folder()  # whatever failed did so because its files went away
            except StaleProject as error:
                raise error from None
            raise
        self._check_folder()

    def check(self) -> None:
        """Raises StaleProject where the folder is gone, another design's, or where one of its files has changed."""
        self._check_folder()

    def _check_folder(self) -> None:
        identity.check(self.folder, self.identity)
        identity.check_files(self.folder, self._compiled)
