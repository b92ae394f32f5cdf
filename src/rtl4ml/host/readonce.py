# SPDX-License-Identifier: Apache-2.0
"""Files that others can change: opened once, so that what was checked is what is used.

A name may lead to another file a moment later. What is checked and read through one descriptor, or through a copy that
nobody else can reach, cannot be exchanged between the two.
"""

from __future__ import annotations

import io
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rtl4ml.errors import BadModel, EnvironmentProblem
from rtl4ml.host.tools import disk_errors

_CHUNK = 2**20  # bytes


def open_regular(path: Path, flags: int = 0) -> io.BufferedReader:
    """The file, opened to be read. Raises OSError, or ValueError for a folder, pipe or device, without a wait.

    flags: further ones of os.open
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | flags)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError("a folder or device")
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


@contextmanager
def private_copy(path: Path, most: int) -> Iterator[Path]:
    """A copy of a model file under its own name, in a temporary folder that this user alone may enter.

    most: bytes that the file may have

    Raises BadModel where the file cannot be read or is larger, EnvironmentProblem where there is no room for it.
    """
    try:
        place = tempfile.gettempdir()
    except FileNotFoundError:
        raise EnvironmentProblem(
            "temporary folder: there must be one that can be written, not none; set TMPDIR to a folder"
        ) from None
    with disk_errors(place, making=True):
        folder = tempfile.TemporaryDirectory(prefix="rtl4ml-model-")  # of mode 0700
    with folder:
        copy = Path(folder.name) / path.name
        try:
            source = open_regular(path)
        except (OSError, ValueError) as error:
            raise _unreadable(path, error) from None
        with source:
            size = os.fstat(source.fileno()).st_size
            if size > most:
                raise _too_large(path, most, f"{size:,}")
            _fill(path, source, copy, most)
        yield copy


def _fill(path: Path, source: io.BufferedReader, copy: Path, most: int) -> None:
    """Copies until the source ends; it may still grow."""
    done = 0
    with disk_errors(copy.parent), copy.open("xb") as into:
        while True:
            try:
                chunk = source.read(_CHUNK)
            except OSError as error:
                raise _unreadable(path, error) from None
            if not chunk:
                return
            done += len(chunk)
            if done > most:
                raise _too_large(path, most, "more")
            into.write(chunk)


def _unreadable(path: Path, error: Exception) -> BadModel:
    cause = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return BadModel(f"{path}: must be a file that can be read, not {cause.lower()!r}; check the file")


def _too_large(path: Path, most: int, size: str) -> BadModel:
    return BadModel(
        f"{path}: must have at most {most:,} bytes, not {size}; save the model without its optimizer"
    )
