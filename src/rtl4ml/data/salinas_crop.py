# SPDX-License-Identifier: Apache-2.0
"""A crop of the Salinas scene."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rtl4ml.data.checks import DAMAGE, line, require
from rtl4ml.data.published import SALINAS
from rtl4ml.data.scenes import BLOCK, Scene
from rtl4ml.errors import BadData

# The crop of Salinas: its place, its classes as numbered in Salinas_gt, and what each of its 10 x 10 blocks is for
# (1 train, 2 validation, 3 test, 0 nothing labelled). The table is what the .npz of the crop holds as `block_split`;
# with it, the crop of the published scene is the same data set.
CROP_FILE = "salinas_crop150_labelled.npz"
_CROP_ROW, _CROP_COL, _CROP_SIDE = 200, 0, 150
_CROP_CLASSES = (1, 2, 8, 10, 11, 12, 13, 14)
_CROP_BLOCKS = (
    "333321123131313"
    "132231331222131"
    "213313112331333"
    "133311313033121"
    "322312231313133"
    "312331321223300"
    "311132333130000"
    "313131321333000"
    "133132132233000"
    "133313131333000"
    "331333111113300"
    "313112221312200"
    "131331313231000"
    "133113331200000"
    "133113111000000"
)


def read_crop(path: Path) -> Scene:
    """The crop, from its file. Raises BadData."""
    names = ("X", "y8", "row", "col", "block_split")
    try:
        with np.load(path, allow_pickle=False) as file:
            missing = [name for name in names if name not in file.files]
            require(
                not missing,
                f"{path.name}: must hold {', '.join(names)}, not lack {', '.join(missing)}; check the file",
            )
            x, y, row, col, split = (file[name] for name in names)
    except DAMAGE as error:
        raise BadData(
            f"{path.name}: must be a .npz file, not damaged ({line(error)}); fetch it again"
        ) from None
    for name, array in zip(names[1:], (y, row, col, split), strict=True):
        require(
            array.ndim == 1, f"{path.name}: {name} must have 1 dimension, not {array.ndim}; check the file"
        )
        require(
            len(array) == len(x),
            f"{path.name}: {name} must be one a spectrum, {len(x)}, not {len(array)}; check the file",
        )
        require(
            array.dtype.kind in "iu",
            f"{path.name}: {name} must hold integers, not {array.dtype}; check the file",
        )
    order = np.lexsort((col, row))
    bad = y[(y < 1) | (y > len(_CROP_CLASSES))]
    if len(bad):
        raise BadData(f"{path.name}: labels must be 1 to {len(_CROP_CLASSES)}, not {bad[0]}; check the file")
    return Scene(
        name="Salinas crop",
        spectra=x[order],
        labels=y[order].astype(np.int64) - 1,
        row=row[order].astype(np.int64),
        col=col[order].astype(np.int64),
        shape=(512, 217),
        class_names=tuple(SALINAS[c - 1] for c in _CROP_CLASSES),
        source=path.name,
        block_split=split[order].astype(np.uint8),
    )


def cut_crop(whole: Scene) -> Scene:
    """The crop of the published scene: the pixels and the split of the .npz."""
    row, col = whole.row - _CROP_ROW, whole.col - _CROP_COL
    inside = (row >= 0) & (row < _CROP_SIDE) & (col >= 0) & (col < _CROP_SIDE)
    inside &= np.isin(whole.labels + 1, _CROP_CLASSES)
    blocks = np.array([int(c) for c in _CROP_BLOCKS], dtype=np.uint8)
    side = _CROP_SIDE // BLOCK
    return Scene(
        name="Salinas crop",
        spectra=whole.spectra[inside],
        labels=np.searchsorted(_CROP_CLASSES, whole.labels[inside] + 1).astype(np.int64),
        row=whole.row[inside],
        col=whole.col[inside],
        shape=whole.shape,
        class_names=tuple(SALINAS[c - 1] for c in _CROP_CLASSES),
        source=whole.source,
        block_split=blocks[(row[inside] // BLOCK) * side + col[inside] // BLOCK],
    )
