# SPDX-License-Identifier: Apache-2.0
"""The command line that this process runs, as a report names it; there is none in a Python program."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

_running: list[str] = []


@contextmanager
def running(argv: Sequence[str]) -> Iterator[None]:
    """A block that runs the command `rtl4ml` with these arguments."""
    _running.append(shlex.join(["rtl4ml", *argv]))
    try:
        yield
    finally:
        _running.pop()


def command() -> str | None:
    """The command as one types it into a shell; None outside of any."""
    return _running[-1] if _running else None
