# SPDX-License-Identifier: Apache-2.0
"""Output folders: whole or not there, at every moment, however a run ends.

A new project is made in a folder beside the one that it is for, `.NAME.XXXXXXXX.part`, and takes that one's place in
one step of the file system. A run holds a lock on its `.part` folder; where nobody holds it, the run was killed, and
the next one that writes beside it clears it away; so it does with what older versions left, which held no lock.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from rtl4ml._version import __version__
from rtl4ml.errors import BadInput, Rtl4mlError
from rtl4ml.host import interruption, leftovers
from rtl4ml.host.tools import absolute, disk_errors

MARKER = ".rtl4ml"  # a folder with this file in it is a whole project of ours
PENDING = ".rtl4ml.part"  # a folder with this file in it is the workplace of a run of ours
_OLD = "old"  # in a workplace: the earlier project, while two renames swap them

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
# What a system answers that has no such call, or a file system that cannot do it.
_NO_EXCHANGE = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTTY)

_open: list[Path] = []  # the folders that blocks of this process are filling


@contextmanager
def project_folder(out: str | Path, *, keep: tuple[type[Rtl4mlError], ...] = ()) -> Iterator[Path]:
    """A new folder to fill that takes the place of `out` at the end of the block.

    An earlier rtl4ml project there is replaced whole, or, when the block raises or is interrupted, left untouched and
    nothing of the new one stays. The marker file `.rtl4ml` is written last. Paths below the yielded folder change
    with the renaming, so files must not hold them; in the text of an Rtl4mlError they become those below `out`. A block
    that is interrupted says what became of `out` in a note of the exception, and a second one within the folder says
    nothing.

    keep: errors that are what the block was to find out, and need its files: the new project takes its place, then they
    are raised

    Raises BadInput where `out` is a file or a folder with foreign files in it, EnvironmentProblem where it cannot
    be written or the disk is full.
    """
    with disk_errors(out):
        target = absolute(out)
        repair(target)
        _check_replaceable(out, target)
        with disk_errors(out, making=True):
            target.parent.mkdir(parents=True, exist_ok=True)
            clear_orphans(target)
        outer = not any(target.is_relative_to(other) for other in _open)
        stands = False
        found: Rtl4mlError | None = None
        try:
            with _workplace(out, target) as work:
                fresh = work / target.name
                fresh.mkdir()
                _open.append(fresh)
                try:
                    yield fresh
                except keep as error:
                    found = error
                except Rtl4mlError as error:
                    error.replace(str(fresh), str(out))
                    raise
                finally:
                    _open.remove(fresh)
                (fresh / MARKER).write_text(f"rtl4ml {__version__}\n", encoding="utf-8")
                _check_replaceable(out, target)
                with interruption.held():
                    _replace(target, fresh, work / _OLD)
                    stands = True
        except Exception as error:
            if outer and interruption.happened():  # a library made an error of its own of the interruption
                error.add_note(f"{out}: {_as_it_was(target)}")
            raise
        except KeyboardInterrupt as error:
            if outer:
                error.add_note(f"{out}: {NEW if stands else _as_it_was(target)}")
            raise
        if found is not None:
            found.replace(str(fresh), str(out))
            raise found


NEW = "the new project is there, whole"


def _as_it_was(target: Path) -> str:
    return "the earlier project is untouched" if (target / MARKER).is_file() else "nothing was written"


@contextmanager
def _workplace(out: str | Path, target: Path) -> Iterator[Path]:
    """A locked folder beside `target`, removed at the end with all that is in it."""
    while True:
        work = target.parent / f".{target.name}.{uuid.uuid4().hex[:8]}.part"
        with disk_errors(out, making=True):
            work.mkdir()
        lock = _locked(work)
        if lock is not None and work.is_dir():
            break
        if lock is not None:  # cleared away before it was locked
            os.close(lock)
    try:
        (work / PENDING).touch()
        yield work
    finally:
        with interruption.held(), contextlib.suppress(OSError):
            _remove(work)
        os.close(lock)


def _locked(folder: Path) -> int | None:
    """A descriptor that holds the folder's lock until it is closed or the process ends; None where another has it."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            os.close(descriptor)
            return None
        # a file system without locks: nothing can be told from them
    return descriptor


def _remove(work: Path) -> None:
    """Removes a workplace; what tells that it is one goes last."""
    for path in work.iterdir():
        if path.name == PENDING:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    shutil.rmtree(work, ignore_errors=True)


def _workplaces(target: Path) -> list[Path]:
    """Folders beside `target` in which runs for it, or for others, are or were at work."""
    name = re.compile(r"\..+\.[0-9a-f]{8}\.part")
    found = []
    with contextlib.suppress(OSError):
        for path in target.parent.iterdir():
            if name.fullmatch(path.name) and not path.is_symlink() and path.is_dir():
                content = [p.name for p in path.iterdir()]
                if PENDING in content or not content:
                    found.append(path)
    return found


def clear_orphans(target: Path) -> None:
    """Removes the workplaces beside `target` whose runs were killed."""
    for work in _workplaces(target):
        lock = _locked(work)
        if lock is None:
            continue  # somebody is at work there
        try:
            if not (work / _OLD).exists():
                with contextlib.suppress(OSError):
                    _remove(work)
        finally:
            os.close(lock)
    leftovers.clear(target.parent, MARKER)


def repair(target: Path) -> None:
    """Puts an earlier project back that a killed run has taken away, where a system swaps folders by two renames."""
    leftovers.repair(target, MARKER)
    for work in _workplaces(target):
        old = work / _OLD
        if not old.is_dir() or work.name[1:-14] != target.name:
            continue
        lock = _locked(work)
        if lock is None:
            continue
        try:
            with contextlib.suppress(OSError):
                if target.exists():  # the new one stands
                    _remove(work)
                else:
                    old.rename(target)
        finally:
            os.close(lock)


def _check_replaceable(out: str | Path, target: Path) -> None:
    if target.is_dir():
        if (target / MARKER).is_file() or not any(target.iterdir()):
            return
        raise BadInput(
            f"{out}: an output folder must be new, empty or an earlier rtl4ml project, not a folder with other files; "
            "choose another folder"
        )
    if target.exists():
        raise BadInput(f"{out}: an output folder must be a folder, not a file; choose another folder")


def _replace(target: Path, fresh: Path, old: Path) -> None:
    """Puts `fresh` in the place of `target`, and what was there into its own; in one step where the system has one."""
    while True:
        if not target.exists():
            try:
                fresh.rename(target)  # replaces an empty folder too
                return
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
                continue  # another run was faster
        try:
            _exchange(fresh, target)
            return
        except FileNotFoundError:
            continue
        except OSError as error:
            if error.errno not in _NO_EXCHANGE:
                raise
        _rename_twice(target, fresh, old)
        return


def _rename_twice(target: Path, fresh: Path, old: Path) -> None:
    target.rename(old)
    try:
        fresh.rename(target)
    except BaseException:
        old.rename(target)
        raise


def _exchange(a: Path, b: Path) -> None:
    """Lets two folders change places in one step, as Linux can on most of its file systems; OSError where it cannot."""
    call = _renameat2()
    if call is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if call(_AT_FDCWD, os.fsencode(a), _AT_FDCWD, os.fsencode(b), _RENAME_EXCHANGE):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(b))


@cache
def _renameat2() -> Any:
    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return None
    call.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]
    return call
