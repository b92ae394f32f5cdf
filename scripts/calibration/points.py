# SPDX-License-Identifier: Apache-2.0
"""Parameters of cells that are counted: a registry of grids, and what several of them draw."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np

from rtl4ml.netlist.images import Image

Params = dict[str, Any]
Grid = Callable[[str, np.random.Generator], list[Params]]
# The grids of every module, in the order in which they draw.
GRIDS: dict[str, list[Grid]] = defaultdict(list)


def points(*modules: str) -> Callable[[Grid], Grid]:
    """Registers further points of these modules: the function is told the module, and draws from its generator."""

    def register(grid: Grid) -> Grid:
        for module in modules:
            GRIDS[module].append(grid)
        return grid

    return register


def in_blocks(depth: int, width: int) -> bool:
    """Whether the grid puts a memory into block RAM: not by `memories.is_block`, whose changes must not move it."""
    return depth >= 64 and depth * width >= 8192


def image(width: int, depth: int, rng: np.random.Generator) -> Image:
    """A memory of random words."""
    return Image(
        width, tuple(int.from_bytes(rng.bytes(width // 8 + 1), "little") % 2**width for _ in range(depth))
    )
