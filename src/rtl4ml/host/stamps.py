# SPDX-License-Identifier: Apache-2.0
"""Stamps of finished builds: what was built from what, and every product as the build left it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path


def seal(stamp: Path, key: str, products: Sequence[Path]) -> None:
    """Says in the file `stamp` that the products are those of a build of `key`."""
    stamp.write_text(_text(key, products), encoding="utf-8")


def sealed(stamp: Path, key: str, products: Sequence[Path]) -> bool:
    """Whether a build of `key` was finished, and its products are still what it left."""
    try:
        return stamp.read_text(encoding="utf-8") == _text(key, products)
    except (OSError, UnicodeDecodeError):
        return False


def _text(key: str, products: Sequence[Path]) -> str:
    digests = (f"{p.name} {hashlib.sha256(p.read_bytes()).hexdigest()}" for p in products)
    return "\n".join([key, *digests]) + "\n"
