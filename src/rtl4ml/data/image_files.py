# SPDX-License-Identifier: Apache-2.0
"""Image files, read and checked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml.data.checks import DAMAGE, line, require
from rtl4ml.errors import BadData

LOSSLESS = (".png", ".tif", ".tiff", ".bmp")  # what a mask may be: a lossy one has noise around its ships
IMAGES = (*LOSSLESS, ".jpg", ".jpeg")


# ------------------------------------------------------------------------------------------------------ image files


def _read(path: Path, kind: str) -> tuple[str, NDArray[Any]]:
    """Mode and pixels of a file; those of a palette stay its indices. kind: "an image" or "a mask", for refusals."""
    from PIL import Image

    require(
        path.is_file(),
        f"{path.name}: must be a file in {path.parent}, not missing; fetch it or leave it out",
    )
    try:
        with Image.open(path) as image:
            pages, mode = getattr(image, "n_frames", 1), image.mode
            pixels = np.array(image)
    except (Image.DecompressionBombError, *DAMAGE) as error:
        raise BadData(f"{path.name}: must be {kind}, not damaged ({line(error)}); fetch it again") from None
    require(pages == 1, f"{path.name}: must hold one image, not {pages}; save each in a file of its own")
    return mode, pixels


def read_image(path: str | Path) -> NDArray[np.uint8]:
    """The pixels of an image file, (H, W, C) uint8, C 1, 3 or 4 as in the file; a palette is looked up.

    Raises BadData where the file is missing, damaged, or has no 8-bit channels.
    """
    from PIL import Image

    path = Path(path)
    mode, pixels = _read(path, "an image")
    if mode == "P":
        with Image.open(path) as image:
            mode, pixels = "RGB", np.array(image.convert("RGB"))
    require(
        mode in ("L", "RGB", "RGBA"),
        f"{path.name}: an image must have 8-bit grey, RGB or RGBA pixels, not those of mode {mode}; convert it",
    )
    return pixels.reshape(*pixels.shape[:2], -1).astype(np.uint8)


def read_mask(path: str | Path) -> NDArray[Any]:
    """The numbers of a mask file, (H, W), unsigned: 0 background, else a ship or its number.

    Raises BadData where the file is missing, damaged, lossy or has several channels.
    """
    path = Path(path)
    require(
        path.suffix.lower() in LOSSLESS,
        f"{path.name}: a mask must be one of {', '.join(LOSSLESS)}, not {path.suffix}; save it without loss",
    )
    mode, pixels = _read(path, "a mask")
    require(
        pixels.ndim == 2 and pixels.dtype.kind in "bui",
        f"{path.name}: a mask must have one channel of integers, not those of mode {mode}; save it in grey",
    )
    require(
        pixels.dtype.kind != "i" or not (pixels < 0).any(),
        f"{path.name}: a mask must have numbers of at least 0, not {pixels.min()}; save it anew",
    )
    return pixels.astype(np.uint8 if pixels.dtype == np.bool_ else pixels.dtype.str.replace("i", "u"))


def stack(where: str, names: Sequence[str], images: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Images of one size, stacked. Raises BadData."""
    for name, image in zip(names, images, strict=True):
        require(
            image.shape == images[0].shape,
            f"{where}: images must be of one size, {_whole(images[0])} as {names[0]}, not {_whole(image)} as {name}; "
            "cut them to one size",
        )
    return np.stack(images)


def _whole(image: NDArray[np.uint8]) -> str:
    return " x ".join(str(n) for n in image.shape)
