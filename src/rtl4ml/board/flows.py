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

    Raises BadInput for a design with a name, or with more skips in DRAM than the board has ports for; UnsupportedLayer
    for one of several inputs or outputs, which no board's movers carry; and what these raise.
    """
    if of.name:
        raise BadInput(
            f"{named('name')}: must be left out for a board, which reads one design and knows its modules by their "
            f"own names, not be {of.name!r}; convert without it"
        )
    of.netlist.graph.single(
        "a design for a board", "take its RTL into a project of your own, or split the model"
    )
    is_open = boards.flow(board) == FLOW
    ports = 0 if is_open else len(boards.board(board).spills)
    if len(found := spills(of.netlist)) > ports:
        raise BadInput(
            f"{', '.join(c.layer for c in found)}: a design for {board} must have at most {ports} skips in DRAM, not "
            f"{len(found)}; give others another home by {named('skips')}"
        )
    if is_open:
        return project.make(of, board=board, **options)
    return accelerator.make(of, board=board, **options)
