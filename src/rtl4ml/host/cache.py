# SPDX-License-Identifier: Apache-2.0
"""The cache: what any project may use again, given back only as it was written, and only where nobody else can write.

An entry is one file: a digest of its name and content, then the content. It is written whole (a file beside it, synced
and renamed) and its digest is checked in memory at every read, so that what is used is what was checked; an entry that
is not as it was written is made again. The digest does not keep out what somebody else has put there: folder and file
must belong to this user or to root, and nobody else may have the right to write them. The folders above need no such
right: whoever renames them can only put others of this user's own in their place.

A cache that cannot be used costs time, not the run; one line of warning says so.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import os
import stat
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

_MAGIC = b"rtl4ml cache 1\n"
_STALE = 3600.0  # seconds after which a half-written file is one of a killed run
_WRITTEN_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH

_log = logging.getLogger(__name__)
_told: set[str] = set()  # caches of which it was said that they cannot be used


class _Untrusted(OSError):
    """A folder or file that others can write, or that is another user's."""


def cache_folder() -> Path:
    """The folder of the cache: RTL4ML_CACHE, or rtl4ml in the user's cache folder; `~` and links resolved.

    Raises RuntimeError or OSError where it cannot be told.
    """
    if own := os.environ.get("RTL4ML_CACHE"):
        return Path(own).expanduser().resolve()
    return (Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "rtl4ml").expanduser().resolve()


def read(name: str) -> bytes | None:
    """The content of an entry, or None where there is none that is as it was written. name: such as "yosys/KEY"."""
    data = b""
    with _tolerated("read"), _folder(name, make=False) as folder:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe would be waited for
        with os.fdopen(os.open(PurePosixPath(name).name, flags, dir_fd=folder), "rb") as file:
            _check(os.fstat(file.fileno()), stat.S_ISREG, PurePosixPath(name).name)
            data = file.read()
    start = len(_MAGIC) + hashlib.sha256().digest_size
    content = data[start:]
    return content if data[:start] == _header(name, content) else None


def write(name: str, content: bytes) -> None:
    """Makes or replaces an entry: whole, or, where the cache cannot be written, not at all."""
    with _tolerated("written"), _folder(name, make=True) as folder:
        _clear(folder)
        part = f".{uuid.uuid4().hex}.part"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            with os.fdopen(os.open(part, flags, 0o600, dir_fd=folder), "wb") as file:
                file.write(_header(name, content) + content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, PurePosixPath(name).name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(part, dir_fd=folder)
            raise
        os.fsync(folder)


def read_files(name: str) -> dict[str, bytes] | None:
    """Name to content of an entry that `write_files` made."""
    packed = read(name)
    if packed is None:
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            return {n: archive.read(n) for n in archive.namelist()}
    except zipfile.BadZipFile:
        return None


def write_files(name: str, files: Mapping[str, bytes]) -> None:
    """Makes or replaces an entry of several files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for n, content in files.items():
            archive.writestr(n, content)
    write(name, packed.getvalue())


def _header(name: str, content: bytes) -> bytes:
    return _MAGIC + hashlib.sha256(name.encode() + b"\0" + content).digest()


@contextmanager
def _tolerated(done: str) -> Iterator[None]:
    """Does without the cache where it cannot be used, and says so once."""
    try:
        yield
    except FileNotFoundError:
        if done != "read":  # no such entry yet
            _tell(f"it cannot be {done}")
    except (OSError, RuntimeError) as error:
        if isinstance(error, _Untrusted) or not isinstance(error, OSError):
            _tell(str(error))
        else:
            _tell(f"it cannot be {done}: {(os.strerror(error.errno) if error.errno else str(error)).lower()}")


def _tell(why: str) -> None:
    try:
        where = str(cache_folder())
    except (OSError, RuntimeError):
        where = os.environ.get("RTL4ML_CACHE") or "~/.cache"
    if where not in _told:
        _told.add(where)
        _log.warning(
            "%s",
            f"{where!r}: going on without this cache, which takes longer: {why}; set RTL4ML_CACHE to another",
        )


@contextmanager
def _folder(name: str, *, make: bool) -> Iterator[int]:
    """A descriptor of the folder of an entry, which nobody else can write."""
    root = cache_folder()
    if make:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    folder = os.open(root, flags)
    try:
        _check(os.fstat(folder), stat.S_ISDIR, str(root))
        for part in PurePosixPath(name).parent.parts:
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, 0o700, dir_fd=folder)
            below = os.open(part, flags | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = below
            _check(os.fstat(folder), stat.S_ISDIR, part)
        yield folder
    finally:
        os.close(folder)


def _check(found: os.stat_result, kind: Callable[[int], bool], name: str) -> None:
    """Raises _Untrusted where others could have written what was opened."""
    if not kind(found.st_mode):
        raise _Untrusted(f"{name!r} in it is no plain file")
    if found.st_uid not in (os.geteuid(), 0):
        raise _Untrusted(f"{name!r} belongs to another user")
    if found.st_mode & _WRITTEN_BY_OTHERS:
        raise _Untrusted(f"others can write {name!r} (chmod go-w ends that; first delete what is in it)")


def _clear(folder: int) -> None:
    """Removes what killed runs have left half-written."""
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            if name.endswith(".part") and name.startswith("."):
                with contextlib.suppress(OSError):
                    if time.time() - os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime > _STALE:
                        os.unlink(name, dir_fd=folder)
