# SPDX-License-Identifier: Apache-2.0
"""The two files of a saved design, saved.json and saved.npz: written, and read or refused in one line."""

from __future__ import annotations

import json
import zipfile
import zlib
from pathlib import Path

import numpy as np
from cattrs import BaseValidationError

from rtl4ml._version import __version__
from rtl4ml.errors import BadInput, Rtl4mlError, StaleProject
from rtl4ml.host.tools import disk_errors
from rtl4ml.saved.codec import Arrays, Codec
from rtl4ml.saved.content import Content

FILE, ARRAYS = "saved.json", "saved.npz"
# Of the form of these files: raised once a file of before cannot be read any more (tests/test_saved.py has one).
SCHEMA = 2


def write(content: Content, folder: Path) -> None:
    """Writes both files into a folder. Raises EnvironmentProblem where that cannot be written."""
    codec = Codec()
    head = {"schema": SCHEMA, "rtl4ml": __version__}
    text = json.dumps({**head, **codec.write(content)}, separators=(",", ":"))
    with disk_errors(folder):
        (folder / FILE).write_text(text + "\n", encoding="utf-8")
        np.savez_compressed(folder / ARRAYS, allow_pickle=False, **codec.arrays)


def read(folder: Path) -> Content:
    """What was saved in a folder.

    Raises BadInput where there is none, or one of another version; StaleProject where a file is not as it was written.
    """
    path = folder / FILE
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput(
            f"{folder}: must be a project with a saved design, {FILE}, not a folder without; "
            "give the folder that convert wrote, or convert again with this version"
        ) from None
    except NotADirectoryError:
        raise BadInput(
            f"{folder}: must be the folder that convert wrote, not a file; load gives designs, convert takes models"
        ) from None
    except (OSError, ValueError, RecursionError):
        raise _damaged(path) from None
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        schema = found.get("schema") if isinstance(found, dict) else None
        by = f" of rtl4ml {found['rtl4ml']}" if isinstance(found, dict) and "rtl4ml" in found else ""
        raise BadInput(
            f"{path}: a saved design must be of schema {SCHEMA}, which rtl4ml {__version__} reads, not "
            f"{schema!r}{by}; convert again with this version, or load it with that one"
        )
    arrays = _arrays(folder / ARRAYS)
    try:
        body = {k: v for k, v in found.items() if k not in ("schema", "rtl4ml")}
        content: Content = Codec(arrays).read(body, Content)
    except (KeyError, TypeError, ValueError, AttributeError, BaseValidationError, Rtl4mlError):
        raise _damaged(path) from None
    return content


def _arrays(path: Path) -> Arrays:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except FileNotFoundError:
        raise BadInput(f"{path}: must lie beside {FILE}, not be missing; convert again") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error):
        raise _damaged(path) from None


def _damaged(path: Path) -> StaleProject:
    return StaleProject(
        f"{path}: the saved design must be as convert wrote it, not changed or damaged; convert again"
    )
