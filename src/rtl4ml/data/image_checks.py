# SPDX-License-Identifier: Apache-2.0
"""How damaged images are refused."""

from __future__ import annotations

import struct
import zipfile
import zlib

from rtl4ml.errors import BadData

# What Pillow and NumPy raise over a file whose bytes are wrong.
DAMAGE = (
    *(OSError, EOFError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError, MemoryError),
    *(RuntimeError, SyntaxError, struct.error, zipfile.BadZipFile, zlib.error),
)


def require(holds: bool, text: str) -> None:
    """Raises BadData with the text, unless it holds."""
    if not holds:
        raise BadData(text)


def line(error: BaseException) -> str:
    """What an exception says, on one line."""
    return " ".join(str(error).split()) or type(error).__name__
