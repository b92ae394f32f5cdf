# SPDX-License-Identifier: Apache-2.0
"""How damaged files of scenes are refused."""

from __future__ import annotations

import zipfile
import zlib

from rtl4ml.errors import BadData

# What SciPy and NumPy raise over a file whose bytes are wrong.
DAMAGE = (
    *(OSError, EOFError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError, MemoryError),
    *(RuntimeError, zipfile.BadZipFile, zlib.error),
)


def require(holds: bool, where: str, rule: str, offender: str, way_out: str = "check the file") -> None:
    """Raises BadData with the place, the rule, the offender and the way out, unless it holds."""
    if not holds:
        raise BadData(f"{where}: {rule}, not {offender}; {way_out}")


def line(error: BaseException) -> str:
    """What an exception says, on one line."""
    return " ".join(str(error).split()) or type(error).__name__
