# SPDX-License-Identifier: Apache-2.0
"""What a command leaves behind: the projects that it has put in their places, and a proof that failed."""

from __future__ import annotations

from pathlib import Path

from rtl4ml.errors import Rtl4mlError

WRITTEN: list[Path] = []  # of the command that runs; an interruption says that they are there


class ProofFailed(Rtl4mlError):
    """A design that does not compute what its model computes."""
