# SPDX-License-Identifier: Apache-2.0
"""The identity of the design in a project folder: hashes of the graph with its foldings and of every file.

`design.json` holds them; report.json and the page name the design that they were made for, and are hashed there too.
A proof is worth what the files are that it was made of: once they are others, it is refused.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from rtl4ml.errors import StaleProject
from rtl4ml.host.readonce import open_regular
from rtl4ml.host.tools import disk_errors

FILE = "design.json"
REPORTS = ("report.json", "report.html")
_SHA = re.compile(r"[0-9a-f]{64}")
_REPORTED = 3  # files that an error names


@dataclass(frozen=True, kw_only=True)
class Identity:
    """plan: SHA-256 of the graph with its foldings; files: SHA-256 of every file, by its path within the project."""

    plan: str
    files: Mapping[str, str]

    def __repr__(self) -> str:
        return f"<Identity {self.design[:8]}: {len(self.files)} files>"

    @property
    def design(self) -> str:
        """SHA-256 of all of it: the name of the design."""
        text = json.dumps([self.plan, sorted(self.files.items())])
        return hashlib.sha256(text.encode()).hexdigest()


def write(folder: Path, *, plan: str) -> Identity:
    """The identity of a folder that was just filled, written into it."""
    files = {
        path.relative_to(folder).as_posix(): digest(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    found = Identity(plan=plan, files=files)
    content = {"schema": 1, "design": found.design, "plan": found.plan, "files": found.files}
    with disk_errors(folder):
        (folder / FILE).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return found


def sign_reports(folder: Path) -> None:
    """Writes the hashes of a project's report and page beside those of its files."""
    content = json.loads((folder / FILE).read_text(encoding="utf-8"))
    content["reports"] = {name: digest(folder / name) for name in REPORTS}
    part = folder / f".{FILE}.part"
    with disk_errors(folder):
        part.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        part.replace(folder / FILE)


def _changed_reports(folder: Path) -> list[str]:
    """Which of the report and its page are not as they were written; none of a project without a report."""
    signed = json.loads((folder / FILE).read_text(encoding="utf-8")).get("reports", {})
    if not isinstance(signed, dict):
        return list(REPORTS)
    return [name for name in REPORTS if name in signed and digest(folder / name) != signed[name]]


def read(folder: Path) -> Identity | None:
    """The identity that a project was written with; None where it has none that can be read."""
    try:
        content = json.loads((folder / FILE).read_text(encoding="utf-8"))
        found = Identity(plan=content["plan"], files=content["files"])
        sound = content["schema"] == 1 and content["design"] == found.design
        sound &= all(_SHA.fullmatch(sha) is not None for sha in found.files.values())
        sound &= all(_inside(PurePosixPath(name)) for name in found.files)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return found if sound else None


def _inside(path: PurePosixPath) -> bool:
    return not path.is_absolute() and ".." not in path.parts


def check(folder: Path, identity: Identity) -> None:
    """Raises StaleProject where the folder is gone, is another design's, or where one of its files has changed."""
    if not folder.is_dir():
        raise StaleProject(
            f"{folder}: the project must be where it was converted to, not be gone; put it back or convert again"
        )
    there = read(folder)
    if there is None or there != identity:
        other = "another" if there is not None else f"one without a sound {FILE}"
        raise StaleProject(
            f"{folder}: the folder must hold the project of this design, not {other}; "
            "convert again, and each model into a folder of its own"
        )
    check_files(folder, identity.files)


def check_files(folder: Path, files: Mapping[str, str]) -> None:
    """Raises StaleProject where a file is not what its SHA-256 says."""
    if changed := [name for name, sha in files.items() if digest(folder / name) != sha]:
        raise StaleProject(
            f"{folder}: the files must be those that were written, not changed as {_named(changed)}; convert again"
        )


def check_report(folder: Path, report: Mapping[str, Any]) -> None:
    """Raises StaleProject where a project's report was made for other files than those that lie there now."""
    found, named = read(folder), report.get("identity")
    if found is None or not isinstance(named, dict) or named.get("design") != found.design:
        raise StaleProject(
            f"{folder}: the report must be of the design that lies there, not of another or of none; "
            "run rtl4ml verify again"
        )
    if touched := _changed_reports(folder):
        raise StaleProject(
            f"{folder}: the report must be as it was written, not changed as {_named(touched)}; "
            "run rtl4ml verify again"
        )
    if changed := [name for name, sha in found.files.items() if digest(folder / name) != sha]:
        raise StaleProject(
            f"{folder}: the report must be of the files that lie there, not of others than {_named(changed)}, "
            "changed since; run rtl4ml verify again"
        )


def _named(names: Iterable[str]) -> str:
    first, rest = list(names)[:_REPORTED], list(names)[_REPORTED:]
    return ", ".join(first) + (f" and {len(rest)} more" if rest else "")


def digest(path: Path) -> str:
    """SHA-256 of a regular file; empty where there is none."""
    try:
        with open_regular(path, os.O_NOFOLLOW) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError):
        return ""
