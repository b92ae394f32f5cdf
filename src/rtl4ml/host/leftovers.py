# SPDX-License-Identifier: Apache-2.0
"""Removes what killed runs of older versions left beside their output folders.

These versions filled `.NAME.XXXXXXXX.part` itself, moved the earlier project to `.NAME.XXXXXXXX.old`, then the new one
to NAME, and held no lock. So whether such a folder is in use is told from the processes: one that put something into it
started before the folder's last change, belongs to its owner, and has TensorFlow in its memory.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_NAME = re.compile(r"\.(.+)\.[0-9a-f]{8}\.(part|old)")
# What these versions wrote at the top of a folder, but for the projects within a sweep and what a recipe named.
_CONTENT = frozenset(
    {
        "rtl", "hls", "mem", "design.json", "report.json", "report.html", "sweep.json", "montecarlo.json",
        "metrics.json", "history.csv", "logs", "curve.png", "confusion.png", "masks.png",
    }
)  # fmt: skip
_LIBRARY = b"tensorflow"
_QUIET = 3600  # seconds without a change: processes of other machines are not seen
_EXACT = 0.1  # seconds to which the start of a process is known


@dataclass(frozen=True)
class _Leftover:
    """path: a folder of an older layout; target: the output folder that it was for; aside: what stood there before"""

    path: Path
    target: Path
    aside: bool


def repair(target: Path, marker: str) -> None:
    """Puts back the project at `target` that a killed run had moved aside. marker: the file of a whole project."""
    if os.path.lexists(target):
        return
    aside = [f for f in _leftovers(target.parent, marker) if f.aside and f.target == target]
    for found in sorted(aside, key=lambda f: _changed(f.path), reverse=True)[:1]:
        if (found.path / marker).is_file() and _orphaned(found.path):
            with contextlib.suppress(OSError):
                found.path.rename(target)


def clear(parent: Path, marker: str) -> None:
    """Removes those in a folder whose runs no longer live, but no project that stands nowhere else."""
    for found in _leftovers(parent, marker):
        if found.aside and not os.path.lexists(found.target):
            continue
        if _orphaned(found.path):
            shutil.rmtree(found.path, ignore_errors=True)


def _leftovers(parent: Path, marker: str) -> list[_Leftover]:
    with contextlib.suppress(OSError):
        return [
            _Leftover(path, parent / name[1], name[2] == "old")
            for path in parent.iterdir()
            if (name := _NAME.fullmatch(path.name)) and not path.is_symlink() and path.is_dir()
            if _ours(path, marker)
        ]
    return []


def _ours(folder: Path, marker: str) -> bool:
    """Whether a folder of such a name holds what these versions wrote, and nothing else."""
    if (folder / marker).is_file():
        return True
    content = list(folder.iterdir())
    return bool(content) and all(
        path.name in _CONTENT
        or (path / marker).is_file()
        or (_NAME.fullmatch(path.name) is not None and path.is_dir())
        for path in content
    )


def _changed(folder: Path) -> float:
    """Time of the last change of a folder or of anything in it, in seconds since the epoch."""
    return max((p.lstat().st_ctime for p in (folder, *folder.rglob("*"))), default=0.0)


def _orphaned(folder: Path) -> bool:
    """Whether nobody is at work there, as far as can be told; not where it cannot."""
    try:
        changed, owner = _changed(folder), folder.stat().st_uid
        if time.time() - changed < _QUIET:
            return False
        return not any(start <= changed + _EXACT for start in _starts(owner))
    except OSError:  # another run clears it too, or there is no /proc
        return False


def _starts(owner: int) -> Iterator[float]:
    """When the other processes of a user that have the library in their memory started, since the epoch."""
    booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    for path in Path("/proc").iterdir():
        if not path.name.isdigit() or int(path.name) == os.getpid():
            continue
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):  # it has just ended
            if path.stat().st_uid == owner and _LIBRARY in (path / "maps").read_bytes():
                fields = (path / "stat").read_text().rpartition(")")[2].split()
                yield booted + int(fields[19]) / os.sysconf("SC_CLK_TCK")
