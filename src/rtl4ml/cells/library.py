# SPDX-License-Identifier: Apache-2.0
"""What all cells of `rtl/` are, and those whose module is generated."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from rtl4ml.netlist.netlist import Cell


class LibraryCell(Cell):
    """A cell of `rtl/`."""


class GeneratedCell(Cell):
    """A cell whose module is written for it alone, of cells of `rtl/`."""

    generated: ClassVar[bool] = True

    @abstractmethod
    def text(self) -> str:
        """The SystemVerilog of the module."""
