# SPDX-License-Identifier: Apache-2.0
"""Refuses data that contradict themselves and files whose bytes are wrong."""

from __future__ import annotations

import struct
import zipfile
import zlib

from rtl4ml.errors import BadData, Rtl4mlError

# What NumPy, SciPy and Pillow raise over a file whose bytes are wrong.
DAMAGE = (
    *(OSError, EOFError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError, MemoryError),
    *(RuntimeError, SyntaxError, struct.error, zipfile.BadZipFile, zlib.error),
)


def require(holds: bool, text: str, kind: type[Rtl4mlError] = BadData) -> None:
    """Raises an error of `kind` with the text, unless it holds."""
    if not holds:
        raise kind(text)


def line(error: BaseException) -> str:
    """The message of an exception on one line; the name of its type where the message is empty."""
    return " ".join(str(error).split()) or type(error).__name__
