# SPDX-License-Identifier: Apache-2.0
"""The project of a board, whichever flow makes its bitstream."""

from __future__ import annotations

from typing import Any

from rtl4ml.board import accelerator, boards
from rtl4ml.board.accelerator import Board, Of
from rtl4ml.board.ecp5 import project
from rtl4ml.board.ecp5.project import OpenProject
from rtl4ml.board.ecp5.spec import FLOW
from rtl4ml.cells.streams import spills
from rtl4ml.errors import BadInput, named

AnyBoard = Board | OpenProject


def make(of: Of, *, board: str = "zcu102", **options: Any) -> AnyBoard:
    """Writes the folder `board` of a design: `accelerator.make` or, where the flow is open, `ecp5.project.make`.

    Raises BadInput for a design with skips in DRAM, to which no shell leads yet, and what these raise.
    """
    if found := spills(of.netlist):
        raise BadInput(
            f"{', '.join(c.layer for c in found)}: the skips of a board's design must be in the device, not in DRAM; "
            f"convert with {named('skips', 'late')}"
        )
    if boards.flow(board) == FLOW:
        return project.make(of, board=board, **options)
    return accelerator.make(of, board=board, **options)
