# SPDX-License-Identifier: Apache-2.0
"""Large scenes cut into tiles that overlap, and put together again."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml.data.checks import require
from rtl4ml.errors import BadInput

# --------------------------------------------------------------------------------------------------------------- tiles


def _starts(size: int, tile: int, stride: int) -> tuple[int, ...]:
    """Starts of the tiles along a side; the last tile ends with the side."""
    if size <= tile:
        return (0,)
    regular = list(range(0, size - tile + 1, stride))
    return tuple(regular if regular[-1] == size - tile else [*regular, size - tile])


def _spans(starts: tuple[int, ...], tile: int, size: int) -> list[tuple[int, int]]:
    """The pixels along a side that each tile answers for: those nearest its centre, the earlier tile's at a tie."""
    cuts = [(a + b + tile - 1) // 2 + 1 for a, b in pairwise(starts)]
    return list(zip([0, *cuts], [*cuts, size], strict=True))


@dataclass(frozen=True, kw_only=True)
class Tiling:
    """A scene as frames that overlap: cut apart for a network of fixed size, its results stitched together again.

    scene, tile, stride: (rows, columns) in pixels; a stride is at most the tile. Tiles start every `stride` pixels, the
    last of a row or column where it ends with the scene. A scene smaller than the tile is filled up with 0 below and
    to the right. In `stitch` each pixel is that of the tile whose centre is nearest, so that masks, probabilities and
    numbers of any kind come back as they are. Raises BadInput where sizes are not at least 1 or tiles leave gaps.

    Tiling(scene=(10, 16), tile=(8, 8), stride=(4, 6)) has tiles at rows 0 and 2 and at columns 0, 6 and 8.
    """

    scene: tuple[int, int]
    tile: tuple[int, int]
    stride: tuple[int, int]

    def __post_init__(self) -> None:
        for what, pair in (("scene", self.scene), ("tile", self.tile), ("stride", self.stride)):
            require(
                len(pair) == 2 and min(pair) >= 1,
                f"tiling: {what} must be rows and columns of at least 1, not {pair}; give two numbers",
                BadInput,
            )
        require(
            self.stride[0] <= self.tile[0] and self.stride[1] <= self.tile[1],
            f"tiling: the stride must be at most the tile, {self.tile}, not {self.stride}; give a smaller one",
            BadInput,
        )

    @property
    def places(self) -> tuple[tuple[int, int], ...]:
        """Row and column in the scene at which each tile starts, row by row."""
        rows, columns = (_starts(*sizes) for sizes in zip(self.scene, self.tile, self.stride, strict=True))
        return tuple((r, c) for r in rows for c in columns)

    def __len__(self) -> int:
        return len(self.places)

    def cut(self, scene: NDArray[Any]) -> NDArray[Any]:
        """Tiles (K, h, w, ...) of a scene (H, W, ...) in the order of `places`. Raises BadInput for another size."""
        require(
            scene.shape[:2] == self.scene,
            f"tiling: the scene must be of {self.scene}, not {scene.shape[:2]}; make a tiling of its size",
            BadInput,
        )
        (h, w), (rows, columns) = self.tile, self.scene
        more = ((0, max(0, h - rows)), (0, max(0, w - columns)), *((0, 0),) * (scene.ndim - 2))
        filled = np.pad(scene, more)
        return np.stack([filled[r : r + h, c : c + w] for r, c in self.places])

    def stitch(self, tiles: NDArray[Any]) -> NDArray[Any]:
        """The scene (H, W, ...) of tiles (K, h, w, ...) in the order of `places`. Raises BadInput for another shape."""
        wanted = (len(self), *self.tile)
        require(
            tiles.shape[:3] == wanted,
            f"tiling: tiles must be of {wanted}, not {tiles.shape[:3]}; give those of this tiling",
            BadInput,
        )
        rows, columns = (
            list(zip(starts, _spans(starts, t, s), strict=True))
            for s, t, starts in (
                (s, t, _starts(s, t, d)) for s, t, d in zip(self.scene, self.tile, self.stride, strict=True)
            )
        )
        out = np.empty((*self.scene, *tiles.shape[3:]), dtype=tiles.dtype)
        k = 0
        for r, (top, bottom) in rows:
            for c, (left, right) in columns:
                out[top:bottom, left:right] = tiles[k, top - r : bottom - r, left - c : right - c]
                k += 1
        return out
