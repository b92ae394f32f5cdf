# SPDX-License-Identifier: Apache-2.0
"""Base classes of cells: those of `rtl/`, and those whose module is generated."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from rtl4ml.netlist.netlist import Cell


class LibraryCell(Cell):
    """A cell of `rtl/`."""


class GeneratedCell(Cell):
    """A cell whose module is generated for it and instantiates cells of `rtl/`."""

    generated: ClassVar[bool] = True

    @abstractmethod
    def text(self) -> str:
        """The SystemVerilog of the module."""
