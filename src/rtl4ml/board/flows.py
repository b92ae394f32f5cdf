# SPDX-License-Identifier: Apache-2.0
"""The project of a board, whichever flow makes its bitstream."""

from __future__ import annotations

from typing import Any

from rtl4ml.board import accelerator, boards
from rtl4ml.board.accelerator import Board, Of
from rtl4ml.board.ecp5 import project
from rtl4ml.board.ecp5.project import OpenProject
from rtl4ml.board.ecp5.spec import FLOW

AnyBoard = Board | OpenProject


def make(of: Of, *, board: str = "zcu102", **options: Any) -> AnyBoard:
    """Writes the folder `board` of a design: `accelerator.make` or, where the flow is open, `ecp5.project.make`."""
    if boards.flow(board) == FLOW:
        return project.make(of, board=board, **options)
    return accelerator.make(of, board=board, **options)
