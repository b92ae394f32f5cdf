# SPDX-License-Identifier: Apache-2.0
"""The command of the board: what it refuses until there is a project of the ZCU102."""

from __future__ import annotations

from typing import Any

from rtl4ml._version import __version__
from rtl4ml.errors import Rtl4mlError


def board(**_arguments: Any) -> None:
    """Raises Rtl4mlError, which says what there is instead."""
    raise Rtl4mlError(
        f"board: the ZCU102 project must come from a later version, not from rtl4ml {__version__}; "
        "use the HLS project or the SystemVerilog that rtl4ml convert writes"
    )
