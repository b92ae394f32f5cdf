# SPDX-License-Identifier: Apache-2.0
"""What all cells of `rtl/` are."""

from __future__ import annotations

from rtl4ml.netlist.netlist import Cell


class LibraryCell(Cell):
    """A cell of `rtl/`."""
