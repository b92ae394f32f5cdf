# SPDX-License-Identifier: Apache-2.0
"""The `.keras` archive: three members, each of bounded size, read into memory and never unpacked to a folder."""

from __future__ import annotations

import zipfile
from pathlib import Path

from rtl4ml.errors import BadModel, cause_of

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
# Bytes that a member may have. A configuration of thousands of layers has some megabytes.
MOST_BYTES = {CONFIG: 16 * 2**20, METADATA: 2**16, WEIGHTS: 2**30}


def read_members(path: Path) -> dict[str, bytes]:
    """The members of the archive by name. Raises BadModel for any that is missing, foreign, double or too large."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            missing = [name for name in MOST_BYTES if name not in names]
            if missing:
                raise BadModel(
                    f"{path}: must hold {', '.join(MOST_BYTES)}, "
                    f"not {', '.join(sorted(names)[:4]) or 'nothing'}; save the model again"
                )
            foreign = next((n for n in names if n not in MOST_BYTES or names.count(n) > 1), None)
            if foreign is not None:
                what = "a second one" if foreign in MOST_BYTES else "one beside them"
                raise BadModel(
                    f"{path}: must hold nothing but {', '.join(MOST_BYTES)}, not {foreign}, {what}; "
                    "save the model again"
                )
            return {name: _read(path, archive, name) for name in MOST_BYTES}
    except BadModel:
        raise
    except Exception as error:  # noqa: BLE001 -- a damaged archive fails in many ways
        raise BadModel(
            f"{path}: must be a .keras archive, not a file that fails with {cause_of(error)}; save the model again"
        ) from None


def _read(path: Path, archive: zipfile.ZipFile, name: str) -> bytes:
    """One member, no further than its bound, whatever it declares."""
    most, declared = MOST_BYTES[name], archive.getinfo(name).file_size
    content = b""
    if declared <= most:
        with archive.open(name) as member:
            content = member.read(most + 1)
    if max(declared, len(content)) > most:
        raise BadModel(
            f"{path}: {name} must have at most {most:,} bytes, not {max(declared, len(content)):,}; "
            "save the model again"
        )
    return content
